"""Frames in types that Polars knows, for what is done to rows before they are counted: conditions, slices, samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidColumnsError, UnsupportedTypeError

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


def polars_frame(frame: Any) -> pl.DataFrame:
    """Give a frame as one of Polars.

    Args:
        frame: Anything that speaks Arrow.

    Returns:
        The rows. Runs and list views become plain values and lists, zones that Polars does not know UTC.

    Raises:
        InvalidColumnsError: Two columns have one name.
        UnsupportedTypeError: A column has a type that cannot be told to Polars; tells its name.

    Example:
        >>> import pyarrow as pa, pyarrow.compute as pc
        >>> polars_frame(pa.table({"a": pc.run_end_encode([1, 1])}))["a"].to_list()
        [1, 1]
    """
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    import pyarrow as pa

    table = pa.Table.from_batches([frame]) if isinstance(frame, pa.RecordBatch) else pa.table(frame)
    if twice := [name for name in table.column_names if table.column_names.count(name) > 1]:
        raise InvalidColumnsError(f"the frame has the column {twice[0]!r} twice; rename one")
    columns = {name: _series(name, column) for name, column in zip(table.column_names, table.columns, strict=True)}
    return pl.DataFrame(columns) if columns else pl.DataFrame(table)


def _series(name: str, column: pa.ChunkedArray) -> pl.Series:
    import polars as pl
    import pyarrow as pa

    try:
        return pl.DataFrame(pa.table([_plain(column)], [name])).to_series()
    except (pl.exceptions.PolarsError, pa.ArrowException, TypeError, ValueError) as error:
        hint = "without where, slices, columns and sample it is described; for these, cast it"
        raise UnsupportedTypeError(f"column {name!r} has the type {column.type}, which Polars lacks: {hint}") from error


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_run_end_encoded(column.type):
        values = [pc.run_end_decode(chunk) for chunk in column.chunks]
        return _plain(pa.chunked_array(values, column.type.value_type))
    if pa.types.is_list_view(column.type) or pa.types.is_large_list_view(column.type):
        lists = [_list(chunk) for chunk in column.chunks]
        return _plain(pa.chunked_array(lists, pa.large_list(column.type.value_type)))
    if isinstance(column.type, pa.BaseExtensionType):
        return _plain(pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type))
    if pa.types.is_fixed_size_list(column.type) and column.null_count and any(chunk.offset for chunk in column.chunks):
        # Polars reads the values of a part wrongly.
        column = column.take(pa.array(range(len(column))))
    known = _known(column.type)
    return column if known == column.type else column.cast(known)


def _list(views: Any) -> Any:
    """A list view as lists, item by item: pyarrow's own cast gives arrays that are not valid."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(views), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return pa.LargeListArray.from_arrays(pa.array(offsets), views.flatten(), mask=views.is_null())


def _known(kind: pa.DataType) -> pa.DataType:
    """The type that Polars knows."""
    import pyarrow as pa
    import pyarrow.types as is_

    if (is_.is_fixed_size_list(kind) and kind.list_size == 0) or is_.is_list(kind):
        return pa.list_(_known(kind.value_type))
    if is_.is_large_list(kind):
        return pa.large_list(_known(kind.value_type))
    if is_.is_struct(kind):
        return pa.struct([field.with_type(_known(field.type)) for field in kind])
    if is_.is_date64(kind):
        return pa.date32()
    if is_.is_fixed_size_binary(kind) and kind.byte_width == 0:
        return pa.binary()
    if is_.is_timestamp(kind) and kind.tz is not None and kind.tz.startswith(("+", "-")):
        return pa.timestamp(kind.unit, "UTC")
    return kind
