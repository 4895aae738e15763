"""Arrow types that Polars does not know, as the nearest ones that it knows; never with another value in the column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.errors import UnsupportedTypeError

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_DIGITS = 38


def is_holdable(frame: Any) -> bool:
    """Tell whether Polars can hold a frame as it is.

    Args:
        frame: The frame.

    Returns:
        Whether it can; True for a frame that is not one of pyarrow.

    Example:
        >>> import pyarrow as pa, pyarrow.compute as pc
        >>> is_holdable(pa.table({"a": [1]})), is_holdable(pa.table({"a": pc.run_end_encode([1, 1])}))
        (True, False)
    """
    if type(frame).__module__.partition(".")[0] != "pyarrow" or not hasattr(frame, "schema"):
        return True
    return all(_target(field.type) == field.type for field in frame.schema)


def is_offset(zone: str | None) -> bool:
    """Tell whether a zone is an offset, which Polars takes for none.

    Args:
        zone: Name of a zone; None for none.

    Returns:
        Whether it is.

    Example:
        >>> is_offset("+05:30"), is_offset("UTC"), is_offset(None)
        (True, False, False)
    """
    return zone is not None and zone[:1] in {"+", "-"}


def holdable(stream: Any) -> pa.Table:
    """Give a table in types that Polars knows.

    Args:
        stream: The table, anything that speaks Arrow.

    Returns:
        The same values: of run-end encoded columns one by one, of views of lists as lists, of decimals of up to 38
        digits in 128 bits, of seconds in milliseconds, of times with an offset in UTC.

    Raises:
        UnsupportedTypeError: Polars knows no type that holds them.

    Example:
        >>> import pyarrow as pa, pyarrow.compute as pc
        >>> holdable(pa.table({"a": pc.run_end_encode([1, 1])})).schema.field("a").type
        DataType(int64)
    """
    import pyarrow as pa

    table = pa.Table.from_batches([stream]) if isinstance(stream, pa.RecordBatch) else pa.table(stream)
    for position, field in enumerate(table.schema):
        target = _target(field.type)
        if target is None:
            raise _unsupported(field, "Polars has no such type")
        if target != field.type:
            try:
                values = _cast(table.column(position), target)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise _unsupported(field, str(error).partition("\n")[0]) from error
            table = table.set_column(position, field.with_type(target), values)
    return table


def _unsupported(field: pa.Field, problem: str) -> UnsupportedTypeError:
    return UnsupportedTypeError(
        f"column {field.name!r} of type {field.type} cannot go into a Polars frame: {problem}; "
        "cast or drop it, or give the left table as a pyarrow table"
    )


def _cast(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_run_end_encoded(column.type):
        chunks = [pc.run_end_decode(chunk) for chunk in column.chunks]
        column = pa.chunked_array(chunks, column.type.value_type)
    if pa.types.is_list_view(column.type) or pa.types.is_large_list_view(column.type):
        chunks = [_listed(chunk) for chunk in column.chunks]
        column = pa.chunked_array(chunks, pa.large_list(column.type.value_field))
    return column if column.type == target else column.cast(target)


def _listed(views: pa.Array) -> pa.LargeListArray:
    """Views of lists as lists; pyarrow's own cast loses its way where there are nulls."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(views), 0).cast(pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)])
    kind = pa.large_list(views.type.value_field)
    return pa.LargeListArray.from_arrays(offsets, views.flatten(), kind, mask=pc.is_null(views))


def _target(kind: pa.DataType) -> pa.DataType | None:
    """The type in which Polars holds values; None if there is none."""
    import pyarrow as pa

    types = pa.types
    if types.is_run_end_encoded(kind):
        return _target(kind.value_type)
    if types.is_dictionary(kind):
        inside = _target(kind.value_type)
        return kind if inside == kind.value_type else inside
    if types.is_union(kind) or types.is_interval(kind):
        return None
    if types.is_decimal(kind) and (types.is_decimal256(kind) or kind.scale < 0):
        digits = kind.precision - min(kind.scale, 0)
        return pa.decimal128(min(digits, _MOST_DIGITS), max(kind.scale, 0))
    if types.is_timestamp(kind) and (kind.unit == "s" or is_offset(kind.tz)):
        return pa.timestamp("ms" if kind.unit == "s" else kind.unit, "UTC" if is_offset(kind.tz) else kind.tz)
    if types.is_duration(kind) and kind.unit == "s":
        return pa.duration("ms")
    return _nested(kind)


def _nested(kind: pa.DataType) -> pa.DataType | None:
    import pyarrow as pa

    types = pa.types
    if types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        inner = [_inside(field.type) for field in fields]
        if None in inner:
            return None
        return pa.struct([field.with_type(one) for field, one in zip(fields, inner, strict=True)])
    if types.is_list_view(kind) or types.is_large_list_view(kind):
        return _nested(pa.large_list(kind.value_field))
    makers = {"is_list": pa.list_, "is_large_list": pa.large_list}
    for name, make in makers.items():
        if getattr(types, name)(kind):
            inside = _inside(kind.value_type)
            return None if inside is None else make(kind.value_field.with_type(inside))
    if types.is_fixed_size_list(kind):
        inside = _inside(kind.value_type)
        return None if inside is None else pa.list_(kind.value_field.with_type(inside), kind.list_size)
    return kind


def _inside(kind: pa.DataType) -> pa.DataType | None:
    """The type of what lies in another one, of which pyarrow has to make it."""
    import pyarrow as pa

    types = pa.types
    is_made = types.is_list_view(kind) or types.is_large_list_view(kind) or types.is_run_end_encoded(kind)
    return None if is_made else _target(kind)
