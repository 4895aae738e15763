"""Frames on their way into the core and back: any class of frame in, the class of the left one out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.typing import importable

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_BATCH_ROWS = 1 << 18


def readable(frame: Any, *, is_stream: bool = False) -> Any:
    """Give a frame in a form that the core can read.

    Args:
        frame: Anything that speaks Arrow, or a Polars lazy frame.
        is_stream: Whether a lazy frame is read batch by batch, and never held as a whole.

    Returns:
        The same rows; pandas frames without their index, which is no column of theirs.

    Raises:
        TypeError: It speaks no Arrow.

    Example:
        >>> import polars as pl
        >>> readable(pl.LazyFrame({"a": [1]})).height
        1
    """
    if _library(frame) == "pandas":
        import pyarrow as pa

        return pa.Table.from_pandas(frame, preserve_index=False)
    if is_stream and _library(frame) == "polars" and type(frame).__name__ == "LazyFrame":
        return reader_of(frame)
    return importable(frame)


def reader_of(frame: pl.LazyFrame) -> pa.RecordBatchReader:
    """Read a lazy frame batch by batch.

    Args:
        frame: The frame.

    Returns:
        A reader that runs the query when its first batch is asked for.

    Example:
        >>> import polars as pl
        >>> reader_of(pl.LazyFrame({"a": [1, 2]})).read_all().num_rows
        2
    """
    import polars as pl
    import pyarrow as pa

    schema = pl.DataFrame(schema=frame.collect_schema()).to_arrow().schema
    parts = frame.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True, lazy=True)
    batches = (batch.cast(schema) for part in parts for batch in part.to_arrow().to_batches())
    return pa.RecordBatchReader.from_batches(schema, batches)


def with_zone(frame: Any, columns: Sequence[str], zone: str) -> pa.Table:
    """Read naive time columns as times of a zone.

    Args:
        frame: As `readable` gives it.
        columns: The columns; those that are missing or zoned stay, for the core to judge.
        zone: Name of the zone.

    Returns:
        The table; other columns as they were.

    Raises:
        InvalidArgumentError: A time does not exist in that zone, or there is no such zone.

    Example:
        >>> import pyarrow as pa
        >>> naive = pa.table({"t": pa.array([0], pa.timestamp("us"))})
        >>> with_zone(naive, ["t"], "UTC").schema.field("t").type.tz
        'UTC'
    """
    import polars as pl
    import pyarrow as pa

    table = pa.table(frame)
    for column in columns:
        position = table.schema.get_field_index(column)
        kind = table.schema.field(position).type if position >= 0 else pa.null()
        if not pa.types.is_date(kind) and not (pa.types.is_timestamp(kind) and kind.tz is None):
            continue
        if zone == "UTC" and pa.types.is_timestamp(kind):
            # Exact in any unit and for all years, since nothing moves.
            table = table.set_column(position, column, table.column(position).cast(pa.timestamp(kind.unit, "UTC")))
            continue
        naive = pl.Series(table.column(position))
        naive = naive.cast(pl.Datetime("us")) if naive.dtype == pl.Date else naive
        try:
            table = table.set_column(position, column, naive.dt.replace_time_zone(zone).to_arrow())
        except pl.exceptions.PolarsError as error:
            cause = str(error).partition("\n")[0]
            raise InvalidArgumentError(
                f"time column {column!r} cannot be read in time zone {zone!r}: {cause}; "
                "name another zone, or convert the column first"
            ) from error
    return table


def has_zone(frame: Any, column: str) -> bool | None:
    """Tell whether a time column has a zone.

    Args:
        frame: As `readable` gives it.
        column: The column.

    Returns:
        None if that cannot be told without reading the frame, or the column is no time.

    Example:
        >>> import polars as pl
        >>> has_zone(pl.DataFrame({"t": [0]}).cast({"t": pl.Datetime("us", "UTC")}), "t")
        True
    """
    import polars as pl
    import pyarrow as pa

    if isinstance(frame, pl.DataFrame):
        kind = frame.schema.get(column)
        return kind.time_zone is not None if isinstance(kind, pl.Datetime) else False if kind == pl.Date else None
    if isinstance(frame, pa.Table | pa.RecordBatch | pa.RecordBatchReader) and column in frame.schema.names:
        arrow = frame.schema.field(column).type
        return arrow.tz is not None if pa.types.is_timestamp(arrow) else False if pa.types.is_date(arrow) else None
    return None


def like(left: Any, stream: Any) -> Any:
    """Give a result in the class of the left frame.

    Args:
        left: What the user gave.
        stream: The result, anything that speaks Arrow.

    Returns:
        A Polars, lazy or pandas frame or a pyarrow reader where `left` is one, a pyarrow table otherwise.

    Example:
        >>> import polars as pl
        >>> type(like(pl.LazyFrame(), pl.DataFrame({"a": [1]}))).__name__
        'LazyFrame'
    """
    import pyarrow as pa

    library, name = _library(left), type(left).__name__
    if library == "polars":
        import polars as pl

        frame = pl.DataFrame(stream)
        return frame.lazy() if name == "LazyFrame" else frame
    if isinstance(left, pa.RecordBatchReader):
        return pa.RecordBatchReader.from_stream(stream)
    table = pa.table(stream)
    if library != "pandas":
        return table
    joined = table.to_pandas()
    joined.index = left.index
    return joined


def _library(frame: Any) -> str:
    return type(frame).__module__.partition(".")[0]
