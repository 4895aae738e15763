"""Frames on their way into the core and back: any class of frame in, the class of the left one out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.join.holdable import holdable, is_holdable
from lakebed.stream import FrameStream
from lakebed.stream import readable as arrow_of
from lakebed.typing import null_for_nan, pandas_table

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_BATCH_ROWS = 1 << 18


def readable(frame: Any, *, is_stream: bool = False, nan_as_null: bool = False) -> Any:
    """Give a frame in a form that the core can read.

    Args:
        frame: Anything that speaks Arrow, a Polars lazy frame, or an iterable of such frames.
        is_stream: Whether a lazy frame is read batch by batch, and never held as a whole.
        nan_as_null: Whether NaN in columns of floats is null.

    Returns:
        The same rows; pandas frames without their index, which is no column of theirs, and with NaN where their columns
        of NumPy floats have it.

    Raises:
        TypeError: It speaks no Arrow.

    Example:
        >>> import polars as pl
        >>> readable(pl.LazyFrame({"a": [1]})).height
        1
    """
    if _library(frame) == "pandas":
        frame = pandas_table(frame)
    if nan_as_null:
        changed = null_for_nan(frame)
        is_table = is_reader(changed) and not is_reader(frame)
        frame = changed.read_all() if is_table else changed
    if is_stream and is_lazy(frame):
        return reader_of(frame)
    if isinstance(frame, FrameStream):
        import pyarrow as pa

        return pa.RecordBatchReader.from_stream(frame)
    return arrow_of(frame)


def parts_of(frame: Any) -> Any:
    """Give a Polars frame as its chunks, since it exports all of its rows as one, for which it copies them.

    Args:
        frame: As `readable` gives it.

    Returns:
        A list of frames of one chunk each, which share its memory; other frames as they are.

    Example:
        >>> import polars as pl
        >>> frame = pl.concat([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2, 3]})], rechunk=False)
        >>> [part.height for part in parts_of(frame)]
        [1, 2]
    """
    if _library(frame) != "polars" or type(frame).__name__ != "DataFrame" or frame.n_chunks() < 2:
        return frame
    lengths = {tuple(column.chunk_lengths()) for column in frame.get_columns()}
    if len(lengths) != 1:
        return frame
    parts, start = [], 0
    for length in lengths.pop():
        parts.append(frame.slice(start, length))
        start += length
    return [part for part in parts if part.height] or frame


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


def with_zone(frame: Any, columns: Sequence[str], zone: str) -> Any:
    """Read naive time columns as times of a zone.

    Args:
        frame: As `readable` gives it.
        columns: The columns; those that are missing or zoned stay, for the core to judge.
        zone: Name of the zone.

    Returns:
        The table, or a reader of one; other columns as they were.

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

    if isinstance(frame, pa.RecordBatchReader):
        return mapped(frame, lambda part: with_zone(part, columns, zone))
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


def mapped(reader: pa.RecordBatchReader, change: Callable[[pa.Table], pa.Table]) -> pa.RecordBatchReader:
    """Change a reader's batches, each when it is read.

    Args:
        reader: The reader.
        change: Makes a table of as many rows of a table, always of the same columns.

    Returns:
        The changed reader.

    Example:
        >>> import pyarrow as pa
        >>> reader = pa.table({"a": [1], "b": [2]}).to_reader()
        >>> mapped(reader, lambda part: part.select(["b"])).read_all().to_pydict()
        {'b': [2]}
    """
    import pyarrow as pa

    schema = change(reader.schema.empty_table()).schema
    tables = (change(pa.Table.from_batches([part])) for part in reader)
    return pa.RecordBatchReader.from_batches(schema, (batch for table in tables for batch in table.to_batches()))


def with_zoned_copies(reader: pa.RecordBatchReader, columns: Mapping[str, str], zone: str) -> pa.RecordBatchReader:
    """Add naive time columns as times of a zone.

    Args:
        reader: The reader.
        columns: Time columns, each with the name of its copy.
        zone: Name of the zone.

    Returns:
        A reader with the copies as its last columns.

    Raises:
        InvalidArgumentError: There is no such zone.

    Example:
        >>> import pyarrow as pa
        >>> naive = pa.table({"t": pa.array([0], pa.timestamp("us"))}).to_reader()
        >>> with_zoned_copies(naive, {"t": "t in UTC"}, "UTC").schema.names
        ['t', 't in UTC']
    """

    def add(part: pa.Table) -> pa.Table:
        zoned = with_zone(part, list(columns), zone)
        for column, copy in columns.items():
            # The core says what is missing.
            if column in part.schema.names:
                part = part.append_column(copy, zoned.column(column))
        return part

    return mapped(reader, add)


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


def is_reader(frame: Any) -> bool:
    """Tell whether a frame is a pyarrow reader or an iterable of frames, which can be read once.

    Args:
        frame: The frame, as `readable` gives it.

    Returns:
        Whether it is.

    Example:
        >>> import pyarrow as pa
        >>> is_reader(pa.table({"a": [1]}).to_reader())
        True
    """
    return isinstance(frame, FrameStream) or (
        _library(frame) == "pyarrow" and type(frame).__name__.endswith("RecordBatchReader")
    )


def is_lazy(frame: Any) -> bool:
    """Tell whether a frame is a lazy one of Polars.

    Args:
        frame: The frame.

    Returns:
        Whether it is.

    Example:
        >>> import polars as pl
        >>> is_lazy(pl.LazyFrame()), is_lazy(pl.DataFrame())
        (True, False)
    """
    return _library(frame) == "polars" and type(frame).__name__ == "LazyFrame"


def without_rows(frame: Any) -> pa.RecordBatchReader:
    """Give the columns of a frame without reading it.

    Args:
        frame: As `readable` gives it, a lazy frame, or a table of a warehouse.

    Returns:
        A reader of no rows.

    Raises:
        TypeError: It speaks no Arrow.

    Example:
        >>> import polars as pl
        >>> without_rows(pl.LazyFrame({"a": [1]})).schema.names
        ['a']
    """
    import polars as pl
    import pyarrow as pa

    if isinstance(frame, pl.LazyFrame):
        schema = pl.DataFrame(schema=frame.collect_schema()).to_arrow().schema
    elif isinstance(getattr(frame, "schema", None), pa.Schema):
        schema = frame.schema
    elif hasattr(frame, "__arrow_c_schema__"):
        schema = pa.schema(frame)
    elif hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__"):
        schema = pa.table(readable(frame)).schema
    else:
        found = type(frame).__name__
        raise TypeError(f"expected a table that speaks Arrow, found {found}; pass for instance a polars.DataFrame")
    return pa.RecordBatchReader.from_batches(schema, [])


def like(left: Any, stream: Any) -> Any:
    """Give a result in the class of the left frame.

    Args:
        left: What the user gave.
        stream: The result, anything that speaks Arrow.

    Returns:
        A Polars or pandas frame or a pyarrow reader where `left` is one, a pyarrow table otherwise.

    Raises:
        UnsupportedTypeError: Polars cannot hold a column.

    Example:
        >>> import polars as pl
        >>> type(like(pl.DataFrame(), pl.DataFrame({"a": [1]}))).__name__
        'DataFrame'
    """
    library = _library(left)
    if library == "polars":
        import polars as pl

        return pl.DataFrame(stream if is_holdable(stream) else holdable(stream))
    # Imported late, for it takes longer than many a join.
    import pyarrow as pa

    if is_reader(left):
        return stream if is_reader(stream) else pa.RecordBatchReader.from_stream(stream)
    table = pa.table(stream)
    if library != "pandas":
        return table
    joined = table.to_pandas()
    joined.index = left.index
    # Names that are no texts, such as numbers, stay what they are.
    joined.columns = [*left.columns, *joined.columns[len(left.columns) :]]
    return joined


def _library(frame: Any) -> str:
    return type(frame).__module__.partition(".")[0]
