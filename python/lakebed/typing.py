"""Types that the public functions take: any object that speaks Arrow's PyCapsule protocol."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class ArrowStreamExportable(Protocol):
    """A table or stream: polars, pyarrow, pandas (>= 3), duckdb, narwhals and Lakebed's own results."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        """Export as an Arrow C stream capsule."""


Frame = ArrowStreamExportable
"""Anything that can be read as a table: n rows, named columns."""
