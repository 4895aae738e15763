"""Types that the public functions take: any object that speaks Arrow's PyCapsule protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable


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

Frames: TypeAlias = Frame | Iterable[Any]
"""A table, or tables that come one after another and are read once each: larger than memory, if need be."""

Columns: TypeAlias = ArrowSchemaExportable | ArrowStreamExportable | Mapping[str, Any]
"""The columns of a table: a schema, a frame of which the columns are taken, or names and Polars types."""


def importable(frame: Any) -> Any:
    """Give a frame in a form that the core can read: lazy ones are collected.

    Args:
        frame: Anything that speaks Arrow, or a Polars lazy frame.

    Returns:
        The frame itself wherever that is possible. Of a pandas frame the columns and the named levels of its index;
        NaN in a column of NumPy floats stays NaN, what pandas takes for missing elsewhere is null.

    Example:
        >>> import polars as pl
        >>> importable(pl.LazyFrame({"a": [1]})).height
        1
    """
    home = type(frame).__module__.partition(".")[0]
    if home == "pandas" and type(frame).__name__ == "DataFrame" and frame.columns.is_unique:
        return _from_pandas(frame)
    if home != "polars":
        return frame
    import polars as pl

    table = frame.collect(engine="streaming") if isinstance(frame, pl.LazyFrame) else frame
    if isinstance(table, pl.DataFrame) and any(_holds_nulls_only(dtype) for dtype in table.dtypes):
        # Polars gives columns of nulls a buffer, which Arrow does not foresee; pyarrow gives them none.
        return table.to_arrow()
    return table


def _from_pandas(frame: Any) -> Any:
    """A table as pandas would export it, but for NaN, and for an index that says nothing."""
    import pyarrow as pa

    named = [level for level in frame.index.names if level is not None]
    if not set(named).isdisjoint(frame.columns):
        return frame
    frame = frame.reset_index(level=named).reset_index(drop=True) if named else frame.reset_index(drop=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for at, kind in enumerate(frame.dtypes):
        if getattr(kind, "kind", "") == "f" and type(kind).__module__.partition(".")[0] == "numpy":
            values = pa.array(frame.iloc[:, at].to_numpy(), from_pandas=False)
            table = table.set_column(at, table.schema.field(at).with_type(values.type), values)
    return table.replace_schema_metadata(None)


def _holds_nulls_only(dtype: Any) -> bool:
    """Whether a Polars type, or one inside of it, is that of nulls."""
    inner = [dtype.inner] if hasattr(dtype, "inner") else [field.dtype for field in getattr(dtype, "fields", ())]
    return str(dtype) == "Null" or any(map(_holds_nulls_only, inner))
