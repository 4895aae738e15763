"""Windows and aggregates as users name them, and the columns that come of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakebed.errors import InvalidArgumentError, InvalidColumnsError
from lakebed.join.durations import LONGEST_NS, duration_ns, duration_text

FUNCTIONS = {
    "count": "count",
    "sum": "sum",
    "mean": "mean",
    "avg": "mean",
    "min": "min",
    "max": "max",
    "variance": "variance",
    "var": "variance",
    "var_samp": "variance",
    "var_pop": "variance_population",
    "stddev": "stddev",
    "std": "stddev",
    "stddev_samp": "stddev",
    "stddev_pop": "stddev_population",
    "first": "first",
    "last": "last",
    "count_distinct": "count_distinct",
    "n_unique": "count_distinct",
    "unique_count": "count_distinct",
    "approx_count_distinct": "approx_count_distinct",
    "approx_n_unique": "approx_count_distinct",
    "approx_unique_count": "approx_count_distinct",
    "median": "quantile",
    "approx_median": "approx_quantile",
}
"""Names of functions without a parameter, and the core's names for them."""

_WITH_NUMBER = re.compile(r"(first|last|(?:approx_)?(?:quantile|percentile))(?:_k)?[_(]?(\d+(?:\.\d+)?)\)?")
_PERCENTILE = re.compile(r"(approx_)?p(100|\d{1,2}(?:\.\d+)?)")
_WINDOW = re.compile(r"(?P<length>\w+?)(?:\s+offset\s+(?P<offset>\w+))?")
_LIFETIME = "lifetime"


@dataclass(frozen=True)
class Window:
    """A span of time that ends at the time of each left row, or some while before it.

    Args:
        length: A timedelta or a text such as `"7d"`; None or `"lifetime"` for all that came before.
        offset: From the end of the window to the left row's time.

    Example:
        >>> Window("7d").name, Window("1h", offset="1d").name, Window.lifetime().name
        ('7d', '1h_offset_1d', 'lifetime')
        >>> [window.name for window in Window.series("1d", n=3)]
        ['1d', '1d_offset_1d', '1d_offset_2d']
        >>> Window.of("7d offset 1d") == Window("7d", offset="1d")
        True
    """

    length: Any = None
    offset: Any = "0s"

    def __post_init__(self) -> None:
        length = None
        if self.length is not None and self.length != _LIFETIME:
            length = duration_ns(self.length, "window")
            if length == 0:
                raise InvalidArgumentError(f"window {self.length!r} is empty; give a length of more than 0")
        offset = 0 if self.offset is None else duration_ns(self.offset, "offset of a window")
        # Equal windows are equal however they were written.
        object.__setattr__(self, "length", None if length is None else duration_text(length))
        object.__setattr__(self, "offset", duration_text(offset))

    @property
    def name(self) -> str:
        """The part of a column's name that tells the window."""
        length = self.length or _LIFETIME
        return length if self.offset == "0s" else f"{length}_offset_{self.offset}"

    @classmethod
    def lifetime(cls, *, offset: Any = "0s") -> Window:
        """All that came before.

        Args:
            offset: From the end of the window to the left row's time.

        Returns:
            The window.
        """
        return cls(None, offset)

    @classmethod
    def series(cls, length: Any, *, n: int, step: Any = None, offset: Any = "0s") -> list[Window]:
        """Windows of one length, each some while before the last.

        Args:
            length: Length of each.
            n: How many.
            step: From one to the next; None for their length, so that they touch.
            offset: From the end of the first to the left row's time.

        Returns:
            The windows, the newest first.

        Raises:
            InvalidArgumentError: `n` is not positive.
        """
        if n != int(n) or n < 1:
            raise InvalidArgumentError(f"a series has 1 window or more, a whole number of them, not {n!r}")
        first, length_ns = duration_ns(offset, "offset of a window"), duration_ns(length, "window")
        step_ns = length_ns if step is None else duration_ns(step, "step of a series")
        return [cls(length, duration_text(first + at * step_ns)) for at in range(n)]

    @classmethod
    def of(cls, window: Any) -> Window:
        """Read a window.

        Args:
            window: A window, a timedelta, or a text: `"7d"`, `"lifetime"`, `"7d offset 1d"`.

        Returns:
            The window.

        Raises:
            InvalidArgumentError: It cannot be read.
        """
        if isinstance(window, Window):
            return window
        if not isinstance(window, str):
            return cls(window)
        found = _WINDOW.fullmatch(window.strip())
        try:
            return cls(found["length"], found["offset"] or "0s") if found else cls(window)
        except InvalidArgumentError as error:
            near = difflib.get_close_matches(window.strip(), [_LIFETIME], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "write '7d', '1d12h', 'lifetime' or '7d offset 1d'"
            raise InvalidArgumentError(f"window {window!r} cannot be read; {hint} ({error})") from error


@dataclass(frozen=True)
class Aggregation:
    """One column of a result: a function of the values of a column in a window.

    Args:
        column: Column of the right table; None or `"*"` to count rows.
        function: `count`, `sum`, `mean`, `min`, `max`, `variance`, `stddev` (divisor n - 1; `var_pop`, `stddev_pop`
            for n), `first`, `last`, `first(k)`, `last(k)`, `count_distinct`, `median`, `quantile(0.9)` or `p90`; the
            last four are exact, and with `approx_` before them come from sketches in bounded memory (see
            `lakebed.window_aggregate`).
        window: A window, as `Window.of` reads it; None for each of the call's windows.
        name: Name of the result; None for `<column>_<function>_<window>`.

    Example:
        >>> Aggregation("amount", "sum", "7d").column_name(Window("7d"))
        'amount_sum_7d'
        >>> Aggregation("amount", "last(3)", "lifetime").column_name(Window.lifetime())
        'amount_last_3_lifetime'
        >>> Aggregation("amount", "p90").parsed()
        ('quantile', 0.9)
    """

    column: str | None
    function: str
    window: Any = None
    name: str | None = None

    def parsed(self) -> tuple[str, float]:
        """Read the function.

        Returns:
            The core's name of it, and its parameter.

        Raises:
            InvalidArgumentError: There is no such function; names the nearest ones.
        """
        function: object = self.function
        if not isinstance(function, str):
            raise InvalidArgumentError(f"an aggregate is a text such as 'sum', not {function!r}")
        text = function.strip().lower()
        if text in {"median", "approx_median"}:
            return FUNCTIONS[text], 0.5
        if text in FUNCTIONS:
            return FUNCTIONS[text], 0.0
        if found := _PERCENTILE.fullmatch(text):
            return f"{found[1] or ''}quantile", float(found[2]) / 100
        if found := _WITH_NUMBER.fullmatch(text):
            return _with_parameter(found[1], float(found[2]), self.function)
        known = [*FUNCTIONS, "first(3)", "last(3)", "quantile(0.9)", "approx_quantile(0.9)"]
        near = difflib.get_close_matches(text, known, n=3) or known
        raise InvalidArgumentError(f"aggregate {self.function!r} is not known; did you mean {', '.join(near)}?")

    def column_name(self, window: Window) -> str:
        """Name the result.

        Args:
            window: The window.

        Returns:
            The given name, else one made of column, function and window.
        """
        if self.name is not None:
            return self.name
        function = re.sub(r"\((\d[\d.]*)\)$", r"_\1", self.function.strip().lower())
        parts = [self.column if self.column not in {None, "*"} else "", function, window.name]
        return "_".join(part for part in parts if part)


def _with_parameter(function: str, number: float, text: str) -> tuple[str, float]:
    if function in {"first", "last"}:
        if number < 1 or number != int(number) or number >= 2**31:
            raise InvalidArgumentError(f"aggregate {text!r} keeps 1 value or more, a whole number of them")
        return f"{function}_k", number
    share = number / 100 if function.endswith("percentile") else number
    if not 0 <= share <= 1:
        raise InvalidArgumentError(
            f"aggregate {text!r} asks for a share outside of 0 to 1; write for instance quantile(0.9)"
        )
    return function.replace("percentile", "quantile"), share


def core_aggregates(
    aggregations: Mapping[str, str | Sequence[str]] | Iterable[Aggregation] | Aggregation, windows: Any, closed: str
) -> dict[str, Any]:
    """Write aggregates as the core takes them.

    Args:
        aggregations: Columns with their functions, or single aggregations.
        windows: A window or windows for all that name none.
        closed: `"left"`, `"right"`, `"both"` or `"none"`.

    Returns:
        Plain values by name.

    Raises:
        InvalidArgumentError: There is none, or something cannot be read.

    Example:
        >>> core_aggregates({"x": "sum"}, ["1us", "2us"], "left")["columns"]
        [('x', 'sum', 0.0, 0, 'x_sum_1us'), ('x', 'sum', 0.0, 1, 'x_sum_2us')]
    """
    if closed not in {"left", "right", "both", "none"}:
        raise InvalidArgumentError(f"closed is one of 'left', 'right', 'both', 'none', not {closed!r}")
    shared = [Window.of(window) for window in _flat(windows)]
    distinct: dict[Window, int] = {}
    columns = []
    for aggregation in _listed(aggregations):
        own = shared if aggregation.window is None else [Window.of(item) for item in _flat(aggregation.window)]
        if not own:
            raise InvalidArgumentError(
                f"no window for {aggregation.function!r} of {aggregation.column!r}; give windows=, for instance ['7d']"
            )
        function, parameter = aggregation.parsed()
        column = None if aggregation.column in {None, "*"} else aggregation.column
        for window in own:
            at = distinct.setdefault(window, len(distinct))
            columns.append((column, function, parameter, at, aggregation.column_name(window)))
    names = [name for *_, name in columns]
    for name in names:
        if not name or names.count(name) > 1:
            problem = "two aggregates would" if name else "an aggregate would"
            raise InvalidColumnsError(f"{problem} be called {name!r}; give them names of their own, or one only once")
    if not columns:
        raise InvalidArgumentError("no aggregates were asked for; give for instance {'amount': ['sum', 'count']}")
    return {
        "windows": [_plain(window) for window in distinct],
        "closed_left": closed in {"left", "both"},
        "closed_right": closed in {"right", "both"},
        "columns": columns,
    }


def _plain(window: Window) -> tuple[int | None, int]:
    length = None if window.length is None else min(duration_ns(window.length, "window"), LONGEST_NS)
    return length, min(duration_ns(window.offset, "offset of a window"), LONGEST_NS)


def _flat(windows: Any) -> list[Any]:
    """Windows from one, several, or lists of them such as series."""
    if windows is None:
        return []
    if isinstance(windows, list | tuple):
        return [window for item in windows for window in _flat(item)]
    return [windows]


def _listed(aggregations: Any) -> list[Aggregation]:
    if isinstance(aggregations, Aggregation):
        return [aggregations]
    if isinstance(aggregations, Mapping):
        return [
            Aggregation(column, function)
            for column, functions in aggregations.items()
            for function in (functions if isinstance(functions, list | tuple) else [functions])
        ]
    listed = list(aggregations) if isinstance(aggregations, Iterable) else [aggregations]
    for one in listed:
        if not isinstance(one, Aggregation):
            raise InvalidArgumentError(
                f"aggregates are given as {{'amount': ['sum', 'count']}} or as lb.Aggregation, not {one!r}"
            )
    return listed
