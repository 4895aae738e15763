"""Expectations against data: infer schemas from statistics, validate statistics, relax schemas, find drift."""

from __future__ import annotations

from lakebed.validation.anomalies import Anomalies, Anomaly
from lakebed.validation.infer import infer_schema, update_schema
from lakebed.validation.reason import Reason
from lakebed.validation.shift import ColumnDrift, Drift, Moved, compare
from lakebed.validation.validate import validate_statistics

__all__ = [
    "Anomalies",
    "Anomaly",
    "ColumnDrift",
    "Drift",
    "Moved",
    "Reason",
    "compare",
    "infer_schema",
    "update_schema",
    "validate_statistics",
]
