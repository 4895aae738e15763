"""Types that the public functions take: any object that speaks Arrow's PyCapsule protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from lakebed.errors import UnsupportedTypeError

if TYPE_CHECKING:
    import polars as pl


@runtime_checkable
class ArrowStreamExportable(Protocol):
    """A table or stream: polars, pyarrow, pandas (>= 3), duckdb, narwhals and Lakebed's own results."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        """Export as an Arrow C stream capsule."""


@runtime_checkable
class ArrowSchemaExportable(Protocol):
    """A schema: of pyarrow, polars, nanoarrow, arro3 or Lakebed's own tables."""

    def __arrow_c_schema__(self) -> Any:
        """Export as an Arrow C schema capsule."""


Frame = ArrowStreamExportable
"""Anything that can be read as a table: n rows, named columns."""

Frames: TypeAlias = "Frame | pl.LazyFrame | Iterable[Any]"
"""A table, a lazy one of Polars, or tables that come one after another and are read once each: larger than memory, if
need be."""

Columns: TypeAlias = ArrowSchemaExportable | ArrowStreamExportable | Mapping[str, Any]
"""The columns of a table: a schema, a frame of which the columns are taken, or names and Polars types."""


def importable(frame: Any) -> Any:
    """Give a frame in a form that the core can read: lazy ones are collected.

    Args:
        frame: Anything that speaks Arrow, or a Polars lazy frame.

    Returns:
        The frame itself wherever that is possible. Of a pandas frame the columns and the named levels of its index;
        NaN in a column of NumPy floats stays NaN, what pandas takes for missing elsewhere is null. Integers of 128
        bits, which Arrow has not, are decimals of 38 digits.

    Raises:
        UnsupportedTypeError: A Polars column of Python objects, or an integer of more than 38 digits.

    Example:
        >>> import polars as pl
        >>> importable(pl.LazyFrame({"a": [1]})).height
        1
    """
    home = _home(frame)
    if home == "pandas" and type(frame).__name__ == "DataFrame" and frame.columns.is_unique:
        return _from_pandas(frame)
    if home != "polars":
        return frame
    import polars as pl

    table = frame.collect(engine="streaming") if isinstance(frame, pl.LazyFrame) else frame
    if not isinstance(table, pl.DataFrame):
        return table
    table = _in_arrow_types(table)
    if any(_holds(dtype, {"Null"}) for dtype in table.dtypes):
        # Polars gives columns of nulls a buffer, which Arrow does not foresee; pyarrow gives them none.
        return table.to_arrow()
    return table


def arrow_types(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Give the Arrow types in which the core reads Polars columns.

    Args:
        schema: Names and Polars types.

    Returns:
        Names and Arrow types.

    Raises:
        UnsupportedTypeError: A column of Python objects.

    Example:
        >>> import polars as pl
        >>> arrow_types({"a": pl.Int128()})
        {'a': Decimal128Type(decimal128(38, 0))}
    """
    import polars as pl

    empty = _in_arrow_types(pl.DataFrame(schema=dict(schema)))
    return {field.name: field.type for field in empty.to_arrow(compat_level=pl.CompatLevel.oldest()).schema}


def null_for_nan(frame: Any) -> Any:
    """Give frames with null in the place of NaN in their columns of floats; floats inside of lists and structs stay.

    Args:
        frame: Anything that speaks Arrow, a Polars lazy frame, or an iterable of such.

    Returns:
        A frame, a reader of one, or an iterable; what is none of that as it is.

    Example:
        >>> import polars as pl
        >>> null_for_nan(pl.DataFrame({"a": [1.0, float("nan")]}))["a"].to_list()
        [1.0, None]
    """
    if _home(frame) == "pandas" and type(frame).__name__ == "DataFrame" and frame.columns.is_unique:
        return null_for_nan(_from_pandas(frame))
    if _home(frame) == "polars" and hasattr(frame, "with_columns"):
        import polars as pl

        return frame.with_columns(pl.selectors.float().fill_nan(None))
    if hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__"):
        import pyarrow as pa

        table = frame if isinstance(frame, pa.RecordBatch) else pa.RecordBatchReader.from_stream(frame)
        schema = _nullable(table.schema)
        batches = [table] if isinstance(table, pa.RecordBatch) else table
        return pa.RecordBatchReader.from_batches(schema, (_without_nan(batch, schema) for batch in batches))
    if isinstance(frame, Iterable) and not isinstance(frame, (str, bytes, Mapping)):
        return map(null_for_nan, frame)
    return frame


def pandas_table(frame: Any) -> Any:
    """Give a pandas frame as a table in which NaN in a column of NumPy floats stays NaN.

    Args:
        frame: A pandas frame.

    Returns:
        A pyarrow table of its columns, without its index; what pandas takes for missing in columns of other types is
        null. Its metadata say which pandas types they had.

    Raises:
        ValueError: Two columns have one name.

    Example:
        >>> import numpy as np, pandas as pd
        >>> frame = pd.DataFrame({"a": [1.0, np.nan], "b": pd.array([1, None], "Int64")})
        >>> pandas_table(frame).to_pydict()
        {'a': [1.0, nan], 'b': [1, None]}
    """
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    for at, kind in enumerate(frame.dtypes):
        if getattr(kind, "kind", "") == "f" and type(kind).__module__.partition(".")[0] == "numpy":
            values = pa.array(frame.iloc[:, at].to_numpy(), from_pandas=False)
            table = table.set_column(at, table.schema.field(at).with_type(values.type), values)
    return table


def _home(frame: Any) -> str:
    return type(frame).__module__.partition(".")[0]


def _from_pandas(frame: Any) -> Any:
    """A table as pandas would export it, but for NaN, and for an index that says nothing."""
    named = [level for level in frame.index.names if level is not None]
    if not set(named).isdisjoint(frame.columns):
        return frame
    frame = frame.reset_index(level=named).reset_index(drop=True) if named else frame.reset_index(drop=True)
    return pandas_table(frame).replace_schema_metadata(None)


def _nullable(schema: Any) -> Any:
    """The schema in which columns of floats may hold nulls."""
    import pyarrow as pa

    fields = [field.with_nullable(True) if pa.types.is_floating(field.type) else field for field in schema]
    return pa.schema(fields, schema.metadata)


def _without_nan(batch: Any, schema: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    def column(values: Any) -> Any:
        if not pa.types.is_floating(values.type):
            return values
        wide = values.cast(pa.float32()) if pa.types.is_float16(values.type) else values
        return pc.if_else(pc.is_nan(wide), pa.scalar(None, values.type), values)

    return pa.RecordBatch.from_arrays([column(values) for values in batch.columns], schema=schema)


def _in_arrow_types(table: pl.DataFrame) -> pl.DataFrame:
    """A Polars frame without the types that Arrow has not."""
    import polars as pl

    for name, dtype in table.schema.items():
        if _holds(dtype, {"Object"}):
            hint = "cast the values to text, numbers, times, lists or structs"
            raise UnsupportedTypeError(f"column {name!r} has the type {dtype}, which holds Python objects; {hint}")
        if not _holds(dtype, _WIDE):
            continue
        try:
            table = table.with_columns(pl.col(name).cast(_narrowed(dtype)))
        except pl.exceptions.PolarsError as error:
            hint = "Arrow has no such integers, and decimals end at 38 digits; cast the column to float or text"
            raise UnsupportedTypeError(f"column {name!r} of type {dtype} has a value of 39 digits; {hint}") from error
    return table


_WIDE = {"Int128", "UInt128"}


def _narrowed(dtype: Any) -> Any:
    import polars as pl

    if str(dtype) in _WIDE:
        return pl.Decimal(38, 0)
    if isinstance(dtype, pl.List):
        return pl.List(_narrowed(dtype.inner))
    if isinstance(dtype, pl.Array):
        return pl.Array(_narrowed(dtype.inner), dtype.size)
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _narrowed(field.dtype) for field in dtype.fields})
    return dtype


def _holds(dtype: Any, names: set[str]) -> bool:
    """Whether a Polars type, or one inside of it, has one of the names."""
    inner = [dtype.inner] if hasattr(dtype, "inner") else [field.dtype for field in getattr(dtype, "fields", ())]
    return str(dtype) in names or any(_holds(item, names) for item in inner)
