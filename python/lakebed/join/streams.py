"""Joins whose result is made while it is read: readers that can be stopped and tell how far it is, and lazy frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.join.frames import is_reader, like
from lakebed.join.holdable import holdable
from lakebed.join.progress import Progress, ProgressBar
from lakebed.stream import FrameStream

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


def shown(watch: Progress | None) -> AbstractContextManager[Any]:
    """Show a bar for the time of some work.

    Args:
        watch: Who is told how far the work is.

    Returns:
        What to do the work in.

    Example:
        >>> with shown(None):
        ...     pass
    """
    return watch if isinstance(watch, ProgressBar) else nullcontext()


def watched(stream: Any, counts: Any, sources: Sequence[Any], watch: Progress | None) -> pa.RecordBatchReader:
    """Read a stream of the core, and raise what was raised while a batch was made.

    Args:
        stream: The stream.
        counts: What the core counts meanwhile.
        sources: What the stream is made of.
        watch: Who is told how far it is.

    Returns:
        A reader of the same batches.

    Example:
        >>> import pyarrow as pa
        >>> watched(pa.table({"a": [1]}), None, [], None).read_all().num_rows
        1
    """
    import pyarrow as pa

    reader = pa.RecordBatchReader.from_stream(stream)

    def batches() -> Iterator[pa.RecordBatch]:
        while True:
            try:
                with shown(watch):
                    batch = reader.read_next_batch()
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                raise (raised_by(sources) or counts.raised() or error) from error
            if isinstance(watch, ProgressBar):
                watch.add_rows(batch.num_rows)
            yield batch

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def raised_by(sources: Sequence[Any]) -> BaseException | None:
    """Find what an iterable of frames raised, which has no place in an Arrow stream.

    Args:
        sources: Tables of a join.

    Returns:
        The exception; None if there was none.

    Example:
        >>> raised_by([1, 2]) is None
        True
    """
    raised = (source.raised for source in sources if isinstance(source, FrameStream))
    return next((error for error in raised if error is not None), None)


class Once:
    """Right tables of a join that is made anew each time when somebody collects it.

    Args:
        frames: The tables; readers and iterables of frames among them can be read once.

    Example:
        >>> import polars as pl
        >>> once = Once([pl.DataFrame()])
        >>> once.use(), once.use()
        (None, None)
    """

    def __init__(self, frames: Sequence[Any]) -> None:
        self._is_once = any(is_reader(frame) or isinstance(frame, FrameStream) for frame in frames)
        self._is_used = False

    def use(self) -> None:
        """Read them.

        Raises:
            InvalidArgumentError: They were read before, and some of them are gone.
        """
        if self._is_once and self._is_used:
            raise InvalidArgumentError(
                "a right table of this lazy join is a reader, which was read when the join was collected before; "
                "collect it once, or join a table"
            )
        self._is_used = True


def lazy_join(join: Callable[[], Any], empty: Any) -> pl.LazyFrame:
    """Give a join as a lazy frame: it is made, chunk by chunk, when the frame is collected or written.

    Args:
        join: Starts the join; gives a reader of its rows.
        empty: The result without rows.

    Returns:
        The frame.

    Example:
        >>> import pyarrow as pa
        >>> rows = pa.table({"a": [1, 2]})
        >>> lazy_join(rows.to_reader, rows.schema.empty_table()).collect().height
        2
    """
    import polars as pl
    from polars.io.plugins import register_io_source

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size  # The core chooses how many rows it joins at once.
        wanted = pl.all() if with_columns is None else pl.col(with_columns)
        left = n_rows
        for batch in join():
            frame = pl.DataFrame(holdable(batch))
            head = frame if left is None else frame.head(left)
            left = None if left is None else left - head.height
            yield (head if predicate is None else head.filter(predicate)).select(wanted)
            if left == 0:
                return

    return register_io_source(read, schema=like(pl.DataFrame(), empty).schema, explain_name="lakebed join")
