"""What a stored right table can be pruned by: times and keys of the left rows, in plain types and at a bounded cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import UnsupportedTypeError
from lakebed.join.holdable import holdable

if TYPE_CHECKING:
    import polars as pl

_FIRST_ROWS = 1 << 10
MOST_KEYS = 1 << 20
"""Different keys beyond which nobody looks at more of them."""


def summary(left: Any, time: str, keys: Sequence[str]) -> Any:
    """Look at the rows of a lazy frame, of which only times and keys are read, and only once.

    Args:
        left: The left frame.
        time: Its time column.
        keys: Its key columns.

    Returns:
        For a lazy frame one row for each key, with the first and the last time among them; other frames as they are.

    Example:
        >>> import datetime as dt, polars as pl
        >>> frame = pl.LazyFrame({"t": [dt.date(2013, 1, d) for d in (1, 2, 3)], "k": [7, 7, 7]})
        >>> summary(frame, "t", ["k"]).rows()
        [(datetime.date(2013, 1, 1), 7), (datetime.date(2013, 1, 3), 7)]
    """
    import polars as pl

    if not isinstance(left, pl.LazyFrame):
        return left
    names = left.collect_schema().names()
    if time in keys or not {time, *keys} <= set(names):
        return None
    ends = left.select(first=pl.col(time).min(), last=pl.col(time).max())
    found = left.select(keys).unique() if keys else pl.LazyFrame()
    times, values = pl.collect_all([ends, found], engine="streaming")
    first, last = times["first"], times["last"]
    column = pl.concat([first, last.new_from_index(0, max(values.height, 1))]).alias(time)
    return values.insert_column(0, column[: values.height]) if values.height > 1 else _twice(values, column)


def _twice(values: pl.DataFrame, column: pl.Series) -> pl.DataFrame:
    """The one row of `values`, once for each of two times."""
    import polars as pl

    return pl.DataFrame([column, *(value.new_from_index(0, 2) for value in values if len(value))])


def column_of(left: Any, column: str) -> pl.Series | None:
    """Give a column of the left rows in a plain type.

    Args:
        left: The left frame.
        column: Its name.

    Returns:
        The values; None for those that cannot be looked at, or not without a change of their values.

    Example:
        >>> import pyarrow as pa
        >>> column_of(pa.table({"k": pa.array(["a", "b"]).dictionary_encode()}), "k").to_list()
        ['a', 'b']
    """
    import polars as pl
    import pyarrow as pa

    if isinstance(left, pl.DataFrame):
        return _plain(left.get_column(column)) if column in left.columns else None
    if not isinstance(left, pa.Table) or column not in left.column_names:
        return None
    try:
        # A series alone would take a dictionary of bytes for one of texts.
        return _plain(pl.DataFrame(holdable(left.select([column]))).to_series())
    except UnsupportedTypeError:
        return None


def _plain(series: pl.Series) -> pl.Series:
    import polars as pl

    return series.cast(pl.String) if isinstance(series.dtype, pl.Categorical | pl.Enum) else series


def growing(columns: dict[str, pl.Series], changed: Callable[[pl.DataFrame], pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Collect the keys of the left rows, so that somebody who has seen enough need not look at all of them.

    Args:
        columns: Their columns, of one length.
        changed: Brings keys into the form in which they are collected.

    Yields:
        Different keys of ever more rows, at last of all; nothing more once they are very many.

    Example:
        >>> import polars as pl
        >>> [keys.height for keys in growing({"k": pl.Series(range(2000)) % 1500}, lambda keys: keys)]
        [1024, 1500]
    """
    import polars as pl

    frame, start, n_rows = pl.DataFrame(columns), 0, _FIRST_ROWS
    keys = changed(frame.head(0))
    while True:
        keys = pl.concat([keys, changed(frame.slice(start, n_rows).unique())]).unique()
        yield keys
        start, n_rows = start + n_rows, n_rows * 8
        if start >= frame.height or keys.height > MOST_KEYS:
            return
