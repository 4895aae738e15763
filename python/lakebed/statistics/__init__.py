"""Statistics of tables: what is known of each column without reading it again.

The module can be called: `lakebed.statistics(frame)` is `lakebed.statistics.generate.statistics(frame)`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from lakebed.statistics.column import ColumnStatistics, WeightedStatistics
from lakebed.statistics.statistics import Statistics

__all__ = ["ColumnStatistics", "Statistics", "WeightedStatistics"]


class _Callable(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> Statistics:
        from lakebed.statistics.generate import statistics

        return statistics(*args, **options)


# The verb and the room have one name; importing the room must not hide the verb.
sys.modules[__name__].__class__ = _Callable
