"""Statistics of frames and of stored tables. A frame is read once; for a stored table only its summaries are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed._core import TableStatistics, collect_statistics
from lakebed.statistics.statistics import Statistics
from lakebed.typing import importable

if TYPE_CHECKING:
    from lakebed.storage import Table
    from lakebed.typing import Frame


def from_frame(frame: Frame, *, name: str = "") -> Statistics:
    """Compute the statistics of every column in one pass.

    Args:
        frame: n rows of any Arrow-speaking object.
        name: Name of the data set.

    Returns:
        Statistics of n rows.

    Raises:
        UnsupportedTypeError: A type of which no statistics are known.

    Example:
        >>> import polars as pl
        >>> from_frame(pl.DataFrame({"a": [1, None]})).column("a").n_missing
        1
    """
    return from_core(collect_statistics(importable(frame)), name=name)


def from_table(table: Table, *, exact: bool = False) -> Statistics:
    """Merge the stored statistics of a table version. No data file is read, unless exact ones are asked for.

    Args:
        table: The table.
        exact: Where rows were deleted or changed since their files were written, stored statistics are bounds, but for
            the number of rows. With `exact` the files that lost rows are read, and no other.

    Returns:
        Statistics of its rows; `is_exact` says whether they are bounds.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> from_table(wh.write("t", pl.DataFrame({"a": [1, None]}))).n_rows
        2
    """
    return from_core(table.exact_statistics() if exact else table.core.statistics())


def from_core(statistics: TableStatistics, *, name: str = "") -> Statistics:
    """Wrap what the core computed.

    Args:
        statistics: Summaries of columns.
        name: Name of the data set.

    Returns:
        The same as a statistics message.

    Example:
        >>> import polars as pl
        >>> from_core(collect_statistics(pl.DataFrame({"a": [1]}))).n_rows
        1
    """
    return Statistics.from_summaries([(name, statistics.to_dict())])
