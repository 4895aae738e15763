"""A progress bar for joins that take longer than a moment. It writes to a terminal only, and wipes itself out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

from lakebed.errors import InvalidArgumentError

_PATIENCE_S = 1.0
_WIDTH = 40

Progress = Callable[[int, int], None]


class ProgressBar:
    """A bar on standard error, from the second on that a join takes.

    Args:
        clock: Tells the seconds.

    Example:
        >>> times = iter([0.0, 0.5, 2.0])
        >>> with ProgressBar(clock=lambda: next(times)) as bar:
        ...     bar(1, 10)
        ...     bar.line(5, 10)
        'joining [####################                    ]  50%'
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()
        self._is_shown = False
        self._last = self._first = (0, 0)
        self._n_rows = 0

    def __call__(self, done: int, expected: int) -> None:
        """Show how far it is.

        Args:
            done: Rows that were worked on.
            expected: Rows that there are to work on.
        """
        self._last = (done, expected)
        if self._clock() - self._start >= _PATIENCE_S:
            self._is_shown = True
            sys.stderr.write("\r" + self.line(done, expected))
            sys.stderr.flush()

    def line(self, done: int, expected: int) -> str:
        """Draw the bar.

        Args:
            done: Rows that were worked on.
            expected: Rows that there are to work on.

        Returns:
            One line.
        """
        done, expected = done - self._first[0], expected - self._first[1]
        share = min(done / expected, 1.0) if expected else 0.0
        filled = int(share * _WIDTH)
        joined = f" of a chunk, {self._n_rows:,} rows joined" if self._n_rows else ""
        return f"joining [{'#' * filled}{' ' * (_WIDTH - filled)}] {share:4.0%}{joined}"

    def add_rows(self, n_rows: int) -> None:
        """Begin with the next chunk of a join that goes on while its result is read.

        Args:
            n_rows: Rows of the last chunk.
        """
        self._n_rows += n_rows
        self._first = self._last

    def __enter__(self) -> ProgressBar:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_shown:
            sys.stderr.write("\r" + " " * (_WIDTH + 64) + "\r")
            sys.stderr.flush()


def watcher(progress: bool | Progress | None) -> Progress | None:  # noqa: FBT001 - the public option as it was given
    """Choose who is told how far a join is.

    Args:
        progress: A callable; True for a bar; None for a bar if standard error is a terminal; False for nobody.

    Returns:
        What to call with the rows done and expected; None for nobody.

    Raises:
        InvalidArgumentError: Something else.

    Example:
        >>> watcher(False) is None
        True
    """
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    if isinstance(progress, bool):
        return ProgressBar() if progress else None
    if callable(progress):
        return progress
    raise InvalidArgumentError(f"progress is True, False, None or a callable, not {progress!r}")
