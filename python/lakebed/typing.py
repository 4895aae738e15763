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
        The frame itself wherever that is possible.

    Example:
        >>> import polars as pl
        >>> importable(pl.LazyFrame({"a": [1]})).height
        1
    """
    if type(frame).__module__.partition(".")[0] != "polars":
        return frame
    import polars as pl

    table = frame.collect(engine="streaming") if isinstance(frame, pl.LazyFrame) else frame
    if isinstance(table, pl.DataFrame) and any(_holds_nulls_only(dtype) for dtype in table.dtypes):
        # Polars gives columns of nulls a buffer, which Arrow does not foresee; pyarrow gives them none.
        return table.to_arrow()
    return table


def _holds_nulls_only(dtype: Any) -> bool:
    """Whether a Polars type, or one inside of it, is that of nulls."""
    inner = [dtype.inner] if hasattr(dtype, "inner") else [field.dtype for field in getattr(dtype, "fields", ())]
    return str(dtype) == "Null" or any(map(_holds_nulls_only, inner))
