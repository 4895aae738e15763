"""Right sides that are tables of a warehouse: only what is needed, of the files and row groups that can matter.

What is left out is what lies outside of the times at which any left row could look, so the result is the same. The
report does not count what was not read: a left row whose only rows were left out has an unknown key in it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from lakebed.join.holdable import is_offset
from lakebed.join.left_rows import MOST_KEYS, column_of, growing, summary

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_NS_PER_DAY = 86_400 * 10**9
_FEW_ROWS, _FEW_KEYS, _FEW_SORTED_KEYS = 10_000, 64, 2048


class DeclaredLayout(Protocol):
    """How rows are said to lie in files. Files that were written before it was said lie otherwise."""

    @property
    def sort_by(self) -> Sequence[str]:
        """Columns by which rows of a file ascend."""

    @property
    def bucket_by(self) -> Sequence[str]:
        """Columns whose hash says which rows share files."""


class PrunableTable(Protocol):
    """A stored table: it knows its columns, and which files may hold rows for which a predicate is true."""

    schema: pa.Schema

    @property
    def layout(self) -> DeclaredLayout | None:
        """How rows are said to lie; None if nothing is said."""

    def files(self, where: list[Any] | None = None, *, keys: Any = None) -> list[str]:
        """List the files that may hold matching rows of some keys."""

    def lazy(self, columns: Any = None, where: list[Any] | None = None, *, keys: Any = None) -> pl.LazyFrame:
        """Read lazily from the files that may hold matching rows of some keys."""


def is_stored(frame: Any) -> TypeGuard[PrunableTable]:
    """Tell whether a frame is a stored table.

    Args:
        frame: What the user gave.

    Returns:
        Whether it knows its files; its attributes are not looked at, since those of a lazy frame are costly.

    Example:
        >>> import polars as pl
        >>> is_stored(pl.LazyFrame())
        False
    """
    return all(hasattr(type(frame), name) for name in ("files", "lazy", "schema"))


def is_ordered(table: PrunableTable, options: dict[str, Any]) -> bool:
    """Tell whether a stored table is said to be in order of the keys and the time of a join.

    Args:
        table: The table.
        options: Of the join, as the core takes them.

    Returns:
        Whether its layout sorts by the keys in any order, then by the time. The core uses what of it is true.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> table = lb.open("memory://").write("t", pl.DataFrame({"k": [1], "t": [2]}), sort_by=["k", "t"])
        >>> is_ordered(table, {"by_right": ["k"], "on_right": "t"})
        True
    """
    keys, layout = options["by_right"], table.layout
    if layout is None or not keys:
        return False
    sort_by = list(layout.sort_by)
    return set(sort_by[: len(keys)]) == set(keys) and sort_by[len(keys) : len(keys) + 1] == [options["on_right"]]


@dataclass(frozen=True)
class PrunedScan:
    """The rows of a stored table that can matter, in order.

    Args:
        scan: Rows of the files that can matter, with the columns that are needed.
        deciding: Columns that decide which rows match.
        condition: Holds for the rows that can matter; None if it holds for all of them.

    Example:
        >>> import polars as pl
        >>> pruned = PrunedScan(pl.LazyFrame({"t": [1, 5], "v": ["a", "b"]}), ["t"], pl.col("t") > 2)
        >>> pruned.filtered().collect().rows(), pruned.numbered("row").collect().rows()
        ([(5, 'b')], [(1, 5)])
    """

    scan: pl.LazyFrame
    deciding: list[str]
    condition: pl.Expr | None = None

    def filtered(self) -> pl.LazyFrame:
        """Give the rows that can matter.

        Returns:
            All needed columns.
        """
        return self.scan if self.condition is None else self.scan.filter(self.condition)

    def numbered(self, row: str) -> pl.LazyFrame:
        """Give the columns that decide, for the rows that can matter.

        Args:
            row: Name of the column that holds the position of each row in `scan`.

        Returns:
            That column, and those that decide.
        """
        frame = self.scan.select(self.deciding).with_row_index(row)
        return frame if self.condition is None else frame.filter(self.condition)


def prune(table: PrunableTable, options: dict[str, Any], left: Any, zone: str | None) -> PrunedScan:
    """Find out what a join needs of a stored table.

    Args:
        table: The table.
        options: Of the join, as the core takes them.
        left: The left frame; a reader is not looked at, since it can be read once. Of a lazy frame times and keys are.
        zone: Zone of naive times.

    Returns:
        The rows that can matter, with the columns that are asked for; nothing is read yet.

    Raises:
        ColumnNotFoundError: The table has not a column that the join names.

    Example:
        >>> import datetime as dt, lakebed as lb, polars as pl
        >>> from lakebed.join.sides import SideOptions, core_options
        >>> wh = lb.open("memory://")
        >>> day = [dt.datetime(2013, 1, d) for d in (1, 2, 3)]
        >>> table = wh.write("t", pl.DataFrame({"t": day, "v": [1, 2, 3]}))
        >>> options = core_options(SideOptions(on="t", left_on="t", tolerance="1d", columns=["v"]))
        >>> prune(table, options, pl.DataFrame({"t": day[2:]}), None).filtered().collect()["v"].to_list()
        [2, 3]
    """
    names = table.schema.names
    needed = _needed(options, names)
    columns = [name for name in names if name in needed]
    created = [options["created"]] if options["created"] else []
    deciding = list(dict.fromkeys([options["on_right"], *options["by_right"], *created]))
    if not needed <= set(names):
        # The core says what is missing.
        return PrunedScan(table.lazy().clear(), [name for name in deciding if name in names])
    left = summary(left, options["on_left"], options["by_left"])
    conditions = _times(table, options, left, zone) + _keys(table, options, left)
    keys = _bucket_keys(table, options, left)
    if not conditions:
        return PrunedScan(table.lazy(columns, keys=keys), deciding)
    where = ["and", *conditions]
    # A filter copies rows, so it is only there if some file holds rows that it would drop.
    condition = _expression(where, table.schema) if table.files(["not", where], keys=keys) else None
    return PrunedScan(table.lazy(columns, where, keys=keys), deciding, condition)


def _needed(options: dict[str, Any], names: list[str]) -> set[str]:
    if options["aggregates"] is not None:
        payload = {column for column, *_ in options["aggregates"]["columns"] if column is not None}
    elif options["columns"] is not None:
        payload = {source for source, _ in options["columns"]}
    else:
        payload = set(names)
    return {options["on_right"], *options["by_right"], *([options["created"]] if options["created"] else []), *payload}


def _keys(table: PrunableTable, options: dict[str, Any], left: Any) -> list[Any]:
    """The keys of right rows that any left row has: all of them where they are few, else the first and the last."""
    import polars as pl
    import pyarrow as pa

    conditions: list[Any] = []
    for ours, theirs in zip(options["by_left"], options["by_right"], strict=False):
        kind = table.schema.field(theirs).type
        series = column_of(left, ours)
        if series is None or series.null_count() == len(series):
            continue
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        are_numbers = series.dtype.is_integer() and pa.types.is_integer(kind)
        if not are_numbers and not (series.dtype == pl.String and is_text):
            continue
        # Where files are in order of a key, many of its values still leave most files out.
        is_sorted = table.layout is not None and list(table.layout.sort_by)[:1] == [theirs]
        if len(series) <= _FEW_ROWS and series.n_unique() <= (_FEW_SORTED_KEYS if is_sorted else _FEW_KEYS):
            conditions.append(["in", theirs, series.drop_nulls().unique().sort().to_list()])
        else:
            conditions += [[">=", theirs, series.min()], ["<=", theirs, series.max()]]
    return conditions


def _bucket_keys(table: PrunableTable, options: dict[str, Any], left: Any) -> pa.Table | None:
    """The keys of the left rows, as a table holds them that puts its rows into buckets by them.

    None where they leave no bucket out, or cannot be looked at.
    """
    pairs = dict(zip(options["by_right"], options["by_left"], strict=False))
    names = [] if table.layout is None else list(table.layout.bucket_by)
    if not names or not set(names) <= set(pairs):
        return None
    columns = {}
    for theirs in names:
        series = column_of(left, pairs[theirs])
        if series is None or not _has_hash_of(series, table.schema.field(theirs).type):
            return None
        columns[theirs] = series
    n_files, found = len(table.files()), None
    for keys in growing(columns, lambda keys: _held(keys, table)):
        found = keys.to_arrow()
        if len(table.files(keys=found)) == n_files:
            return None
    return found if keys.height <= MOST_KEYS else None


def _has_hash_of(series: pl.Series, kind: pa.DataType) -> bool:
    """Whether values of a left column that equal those of the table are the same once they have their type."""
    import polars as pl
    import pyarrow as pa

    types = pa.types
    if series.dtype == pl.String:
        return bool(types.is_string(kind) or types.is_large_string(kind))
    if series.dtype == pl.Binary:
        return bool(types.is_binary(kind) or types.is_large_binary(kind))
    if series.dtype.is_integer():
        return bool(types.is_integer(kind))
    return bool(
        (series.dtype == pl.Boolean and types.is_boolean(kind)) or (series.dtype == pl.Date and types.is_date32(kind))
    )


def _held(keys: pl.DataFrame, table: PrunableTable) -> pl.DataFrame:
    """Keys in the types of a table; what a column cannot hold equals nothing in it."""
    import polars as pl
    import pyarrow as pa

    kinds = pl.DataFrame(pa.schema([table.schema.field(name) for name in keys.columns]).empty_table()).schema
    return keys.cast(kinds, strict=False).drop_nulls()


def _times(table: PrunableTable, options: dict[str, Any], left: Any, zone: str | None) -> list[Any]:
    """The times of right rows that any left row can look at; none if all may matter."""
    span = _span(left, options["on_left"])
    kind = table.schema.field(options["on_right"]).type
    if span is None:
        return []
    oldest, newest, is_zoned = span
    if is_zoned != (getattr(kind, "tz", None) is not None) and zone != "UTC":
        return []
    before, after = _reach(options)
    conditions: list[Any] = []
    column = options["on_right"]
    if after is not None and (limit := _literal(newest + after, kind, up=True)) is not None:
        conditions.append(["<=", column, limit])
    if before is not None and (limit := _literal(oldest - before, kind, up=False)) is not None:
        conditions.append([">=", column, limit])
    return conditions


def _reach(options: dict[str, Any]) -> tuple[int | None, int | None]:
    """How far before and after its own time a left row looks, in nanoseconds; None for any distance."""
    if options["aggregates"] is not None:
        windows = options["aggregates"]["windows"]
        lengths = [None if length is None else length + offset for length, offset in windows]
        longest = None if None in lengths else max(length for length in lengths if length is not None)
        return longest, 0
    tolerance, direction = options["tolerance_ns"], options["direction"]
    before = 0 if direction == "forward" else tolerance
    return before, 0 if direction == "backward" else tolerance


def _span(left: Any, column: str) -> tuple[int, int, bool] | None:
    """First and last time of the left rows in nanoseconds, and whether they have a zone."""
    import polars as pl

    series = column_of(left, column)
    if series is None or not isinstance(series.dtype, pl.Datetime | pl.Date) or series.null_count() == len(series):
        return None
    zone = series.dtype.time_zone if isinstance(series.dtype, pl.Datetime) else None
    factor = _NS[series.dtype.time_unit] if isinstance(series.dtype, pl.Datetime) else _NS_PER_DAY
    numbers = series.to_physical()
    low, high = numbers.min(), numbers.max()
    return int(low) * factor, int(high) * factor, zone is not None  # type: ignore[arg-type]


def _literal(nanoseconds: int, kind: pa.DataType, *, up: bool) -> dt.date | None:
    """The time, rounded outward to what Python and the column can hold; None where they hold none."""
    import pyarrow as pa

    unit = _NS_PER_DAY if pa.types.is_date(kind) else max(_NS[kind.unit], 1_000)
    whole = -(-nanoseconds // unit) if up else nanoseconds // unit
    zone = dt.timezone.utc if getattr(kind, "tz", None) is not None else None
    try:
        moment = dt.datetime(1970, 1, 1, tzinfo=zone) + dt.timedelta(microseconds=whole * unit // 1_000)
    except OverflowError:
        return None
    return moment.date() if pa.types.is_date(kind) else moment


def _expression(where: list[Any], schema: pa.Schema) -> pl.Expr:
    import polars as pl

    def operand(column: str, value: Any) -> Any:
        # Polars compares no times of two zones, and reads those that it does not know in UTC.
        zone = getattr(schema.field(column).type, "tz", None)
        zone = "UTC" if is_offset(zone) else zone
        return value if zone is None else pl.lit(value).dt.convert_time_zone(zone)

    spell: dict[str, Any] = {"<=": pl.Expr.le, ">=": pl.Expr.ge, "in": pl.Expr.is_in}
    # Rows without a time or a key match nothing, so that it does not matter that they are dropped too.
    return pl.all_horizontal(
        [spell[operator](pl.col(column), operand(column, value)) for operator, column, value in where[1:]]
    )
