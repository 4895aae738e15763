"""Joins in time: to each row what was known of its keys at its time, as the newest row or aggregates over windows."""

from __future__ import annotations

from lakebed.join.aggregations import Aggregation, Window
from lakebed.join.asof import asof_join
from lakebed.join.report import Joined, JoinReport, SideReport
from lakebed.join.sides import JoinSide
from lakebed.join.window import window_aggregate

__all__ = ["Aggregation", "JoinReport", "JoinSide", "Joined", "SideReport", "Window", "asof_join", "window_aggregate"]
