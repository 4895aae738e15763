"""Statistics of the rows of a table whose times lie in a window: files that cannot hold any are skipped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.statistics.generate import statistics

if TYPE_CHECKING:
    from lakebed.statistics.statistics import Statistics
    from lakebed.storage import Table


def window_statistics(table: Table, time: str, window: Any, columns: Sequence[str] | None = None) -> Statistics:
    """Describe the rows of one window.

    Args:
        table: The table.
        time: The column of times.
        window: Start, which belongs to it, and end, which does not; None for an open side.
        columns: Columns to describe; None for all.

    Returns:
        Statistics of those rows.

    Raises:
        InvalidArgumentError: The window is no pair.
        ColumnNotFoundError: Tells the nearest names.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> table = lb.open("memory://").write("t", pl.DataFrame({"t": [1, 2, 3]}))
        >>> window_statistics(table, "t", (2, None)).n_rows
        2
    """
    is_pair = isinstance(window, Sequence) and not isinstance(window, str) and len(window) == 2
    if not is_pair:
        raise InvalidArgumentError(f"a window is a pair of start and end, not {window!r}; None leaves a side open")
    quoted = '"' + time.replace('"', '""') + '"'
    ends = zip((">=", "<"), window, strict=True)
    conditions = [f"{quoted} {operator} {_literal(value)}" for operator, value in ends if value is not None]
    where = " AND ".join(conditions) or f"{quoted} IS NOT NULL"
    return statistics(table.scan(columns, where=where), progress=False)


def _literal(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return (
            f"TIMESTAMP '{value.isoformat(sep=' ')}'" if value.tzinfo is None else f"TIMESTAMPTZ '{value.isoformat()}'"
        )
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
