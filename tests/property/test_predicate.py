"""Laws of conditions: exact rows by a plain three-valued oracle, and core predicates that never lose a row.

The oracle below knows nothing of SQL text: a condition is a small tree that is both written as SQL and evaluated in
Python, with None for unknown. NaN equals NaN and is greater than every number.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lakebed.expression import parse_predicate

DAYS = st.dates(dt.date(2012, 12, 30), dt.date(2013, 1, 3))
TIMES = st.datetimes(dt.datetime.fromisoformat("2013-01-01"), dt.datetime.fromisoformat("2013-01-02"))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "n": st.integers(-3, 3),
    "big": st.sampled_from([-(2**63), -(2**53) - 1, 0, 2**53, 2**53 + 1, 2**63 - 1]),
    "x": st.sampled_from([-1.5, -0.0, 0.0, 0.1, 2.0, math.inf, -math.inf, math.nan]),
    "s": st.text("ab%_é", max_size=3),
    "b": st.booleans(),
    "d": DAYS,
    "t": TIMES.map(lambda moment: moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)),
}
TYPES: dict[str, pl.DataType] = {
    "n": pl.Int8(),
    "big": pl.Int64(),
    "x": pl.Float64(),
    "s": pl.String(),
    "b": pl.Boolean(),
    "d": pl.Date(),
    "t": pl.Datetime("us"),
}
COLUMNS = {
    "n": pa.int8(),
    "big": pa.int64(),
    "x": pa.float64(),
    "s": pa.string(),
    "b": pa.bool_(),
    "d": pa.date32(),
    "t": pa.timestamp("us"),
}
Row = dict[str, Any]


@dataclass(frozen=True)
class Compare:
    column: str
    operator: str
    value: Any
    mirrored: bool

    def sql(self) -> str:
        mirror = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
        if self.mirrored:
            return f"{literal(self.value)} {mirror.get(self.operator, self.operator)} {self.column}"
        return f"{self.column} {self.operator} {literal(self.value)}"

    def holds(self, row: Row) -> bool | None:
        return compare(row[self.column], self.operator, self.value)


@dataclass(frozen=True)
class Between:
    column: str
    low: Any
    high: Any

    def sql(self) -> str:
        return f"{self.column} BETWEEN {literal(self.low)} AND {literal(self.high)}"

    def holds(self, row: Row) -> bool | None:
        value = row[self.column]
        return both(compare(value, ">=", self.low), compare(value, "<=", self.high))


@dataclass(frozen=True)
class Within:
    column: str
    values: tuple[Any, ...]

    def sql(self) -> str:
        return f"{self.column} IN ({', '.join(literal(value) for value in self.values)})"

    def holds(self, row: Row) -> bool | None:
        found: bool | None = False
        for value in self.values:
            found = either(found, compare(row[self.column], "=", value))
        return found


@dataclass(frozen=True)
class IsNull:
    column: str

    def sql(self) -> str:
        return f"{self.column} IS NULL"

    def holds(self, row: Row) -> bool | None:
        return row[self.column] is None


@dataclass(frozen=True)
class Begins:
    prefix: str

    def sql(self) -> str:
        return f"s LIKE '{self.prefix}%'"

    def holds(self, row: Row) -> bool | None:
        return None if row["s"] is None else str(row["s"]).startswith(self.prefix)


@dataclass(frozen=True)
class Flag:
    def sql(self) -> str:
        return "b"

    def holds(self, row: Row) -> bool | None:
        found: bool | None = row["b"]
        return found


@dataclass(frozen=True)
class Not:
    inner: Any

    def sql(self) -> str:
        return f"NOT ({self.inner.sql()})"

    def holds(self, row: Row) -> bool | None:
        found = self.inner.holds(row)
        return None if found is None else not found


@dataclass(frozen=True)
class IsTrue:
    inner: Any
    wanted: bool

    def sql(self) -> str:
        return f"({self.inner.sql()}) IS {'TRUE' if self.wanted else 'FALSE'}"

    def holds(self, row: Row) -> bool | None:
        return bool(self.inner.holds(row) is self.wanted)


@dataclass(frozen=True)
class Join:
    operator: str
    left: Any
    right: Any

    def sql(self) -> str:
        return f"({self.left.sql()}) {self.operator} ({self.right.sql()})"

    def holds(self, row: Row) -> bool | None:
        combine = both if self.operator == "AND" else either
        return combine(self.left.holds(row), self.right.holds(row))


def both(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def compare(left: Any, operator: str, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    a, b = sortable(left), sortable(right)
    verdicts: dict[str, bool] = {"=": a == b, "<>": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
    return verdicts[operator]


def sortable(value: Any) -> Any:
    """NaN is above every number."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return (1, 0) if is_nan else (0, value)


def literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"CAST('{value}' AS DOUBLE)" if not math.isfinite(value) else repr(value)
    if isinstance(value, str | dt.date):
        return f"'{value}'"
    return str(value)


def leaves() -> st.SearchStrategy[Any]:
    def of(column: str) -> st.SearchStrategy[Any]:
        value = st.one_of(VALUES[column], st.none()) if column != "b" else st.booleans()
        operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="] if column != "b" else ["=", "<>"])
        forms: list[st.SearchStrategy[Any]] = [
            st.builds(Compare, st.just(column), operators, value, st.booleans()),
            st.just(IsNull(column)),
        ]
        if column != "b":
            some = st.lists(value, min_size=1, max_size=3).map(tuple)
            forms += [st.builds(Between, st.just(column), value, value), st.builds(Within, st.just(column), some)]
        return st.one_of(forms)

    plain = st.sampled_from(sorted(VALUES)).flatmap(of)
    return st.one_of(plain, st.just(Flag()), st.builds(Begins, st.text("abé", max_size=2)))


CONDITIONS = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(IsTrue, inner, st.booleans()),
        st.builds(Join, st.sampled_from(["AND", "OR"]), inner, inner),
    ),
    max_leaves=6,
)
ROWS = st.lists(st.fixed_dictionaries({name: st.one_of(st.none(), VALUES[name]) for name in VALUES}), max_size=8)


@given(CONDITIONS, ROWS)
def test_exactly_the_rows_of_the_oracle_satisfy_a_condition(condition: Any, rows: list[Row]) -> None:
    frame = pl.DataFrame(rows, schema=TYPES).with_row_index("row")
    predicate = parse_predicate(condition.sql(), COLUMNS)
    found = frame.filter(predicate.polars)["row"].to_list()
    assert found == [i for i, row in enumerate(rows) if condition.holds(row) is True]


@given(CONDITIONS, ROWS)
def test_a_condition_is_null_where_the_oracle_does_not_know(condition: Any, rows: list[Row]) -> None:
    frame = pl.DataFrame(rows, schema=TYPES)
    predicate = parse_predicate(condition.sql(), COLUMNS)
    # A condition on no column at all has one value, not one a row.
    found = frame.with_columns(predicate.polars.alias("found"))["found"].to_list()
    assert found == [condition.holds(row) for row in rows]


@given(CONDITIONS, ROWS)
def test_a_core_predicate_never_leaves_out_a_file_with_a_matching_row(condition: Any, rows: list[Row]) -> None:
    core = parse_predicate(condition.sql(), COLUMNS).core
    if core is not None and any(condition.holds(row) is True for row in rows):
        assert may_match(core, rows)


@given(CONDITIONS, ROWS)
def test_a_core_predicate_holds_for_every_matching_row(condition: Any, rows: list[Row]) -> None:
    core = parse_predicate(condition.sql(), COLUMNS).core
    if core is not None:
        assert [row for row in rows if condition.holds(row) is True and not may_match(core, [row])] == []


def may_match(core: list[Any], rows: list[Row]) -> bool:
    """Judge a file by the least and greatest value of each column, its nulls and NaNs, as a reader does."""
    operator, *rest = core
    if operator in ("and", "or"):
        judge = all if operator == "and" else any
        return judge(may_match(part, rows) for part in rest)
    column = [row[rest[0]] for row in rows]
    present = [value for value in column if value is not None]
    if operator == "is_null":
        return len(present) < len(column)
    if operator == "is_not_null":
        return bool(present)
    numbers = [value for value in present if not (isinstance(value, float) and math.isnan(value))]
    has_nan = len(numbers) < len(present)
    if operator == "in":
        return any(may_match(["=", rest[0], value], rows) for value in rest[1])
    value = rest[1]
    if has_nan and operator in (">", ">=", "!="):
        return True
    if not numbers:
        return False
    low, high = min(numbers), max(numbers)
    verdicts: dict[str, bool] = {
        "=": low <= value <= high,
        "!=": not low == high == value,
        "<": low < value,
        "<=": low <= value,
        ">": high > value,
        ">=": high >= value,
    }
    return verdicts[operator]
