"""Statistics of tables: what is known of each column without reading it again."""

from __future__ import annotations

from lakebed.statistics.column import ColumnStatistics
from lakebed.statistics.statistics import Statistics

__all__ = ["ColumnStatistics", "Statistics"]
