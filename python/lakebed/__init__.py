"""Lakebed: an embedded analytical warehouse for machine-learning data.

Open a folder, write frames, query any version with SQL, take statistics without a scan, validate what comes in, join
features as of a point in time, and trace a model back to the bytes it was made from.

Example:
    >>> import lakebed as lb, polars as pl
    >>> wh = lb.open("memory://")
    >>> _ = wh.write("cities", pl.DataFrame({"name": ["Rome", "Bonn"]}))
    >>> wh.table("cities").num_rows
    2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakebed.errors import LakebedError
    from lakebed.features import Entity, FeatureView
    from lakebed.join import Aggregation, JoinReport, JoinSide, Window, asof_join, window_aggregate
    from lakebed.lake import Pointer
    from lakebed.pipeline import Run
    from lakebed.schema import Schema
    from lakebed.statistics import Statistics
    from lakebed.statistics.generate import statistics
    from lakebed.storage import Snapshot, Table
    from lakebed.validation import Anomalies
    from lakebed.warehouse import Warehouse, open  # noqa: A004

    __version__: str

__all__ = [
    "Aggregation",
    "Anomalies",
    "Entity",
    "FeatureView",
    "JoinReport",
    "JoinSide",
    "LakebedError",
    "Pointer",
    "Run",
    "Schema",
    "Snapshot",
    "Statistics",
    "Table",
    "Warehouse",
    "Window",
    "__version__",
    "asof_join",
    "open",
    "statistics",
    "window_aggregate",
]

# Names are loaded when they are first used, so that importing the package costs next to nothing.
_LAZY = {
    "Aggregation": "lakebed.join",
    "Anomalies": "lakebed.validation",
    "Entity": "lakebed.features",
    "FeatureView": "lakebed.features",
    "JoinReport": "lakebed.join",
    "JoinSide": "lakebed.join",
    "LakebedError": "lakebed.errors",
    "Pointer": "lakebed.lake",
    "Run": "lakebed.pipeline",
    "Schema": "lakebed.schema",
    "Snapshot": "lakebed.storage",
    "Statistics": "lakebed.statistics",
    "Table": "lakebed.storage",
    "Warehouse": "lakebed.warehouse",
    "Window": "lakebed.join",
    "asof_join": "lakebed.join",
    "open": "lakebed.warehouse",
    "window_aggregate": "lakebed.join",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lakebed")
    if name == "statistics":
        return import_module("lakebed.statistics")
    if name not in _LAZY:
        raise AttributeError(f"module 'lakebed' has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
