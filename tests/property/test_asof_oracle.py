"""The point-in-time join equals a search through all pairs, in any order of rows, and Polars where both are defined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

import lakebed as lb

UNITS_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
DAY_NS = 86_400 * UNITS_NS["s"]


@dataclass(frozen=True)
class Side:
    """One side of a join: times in a unit, and key columns."""

    unit: str
    times: list[int | None]
    keys: list[list[Any]]
    key_types: list[pa.DataType]
    zone: str | None = None

    def table(self, name: str) -> pa.Table:
        kind = pa.date32() if self.unit == "day" else pa.timestamp(self.unit, tz=self.zone)
        columns = {"t": pa.array(self.times, pa.int32() if self.unit == "day" else pa.int64()).cast(kind)}
        for n, (values, key_type) in enumerate(zip(self.keys, self.key_types, strict=True)):
            columns[f"k{n}"] = pa.array(values, key_type)
        return pa.table({**columns, name: pa.array(range(len(self.times)), pa.int64())})

    def rows(self) -> list[tuple[int | None, tuple[Any, ...]]]:
        """The instant in nanoseconds and the keys of every row."""
        factor = DAY_NS if self.unit == "day" else UNITS_NS[self.unit]
        times = [None if time is None else time * factor for time in self.times]
        keys = list(zip(*self.keys, strict=True)) if self.keys else [()] * len(times)
        return list(zip(times, keys, strict=True))


@dataclass(frozen=True)
class Options:
    """What may be asked of a join."""

    tolerance_ns: int | None = None
    forward: bool = False
    exact: bool = True
    by: Sequence[str] = field(default=())

    def join(self, left: Any, right: Any) -> Any:
        return lb.asof_join(
            left,
            right,
            on="t",
            by=self.by,
            tolerance=None if self.tolerance_ns is None else f"{self.tolerance_ns}ns",
            strategy="forward" if self.forward else "backward",
            allow_exact_matches=self.exact,
        )


def search(left: Side, right: Side, options: Options) -> list[int | None]:
    """For each left row the right row that belongs to it, by looking at all of them."""
    candidates = right.rows()
    return [match(time, keys, candidates, options) for time, keys in left.rows()]


def match(
    time: int | None, keys: tuple[Any, ...], candidates: list[tuple[int | None, tuple[Any, ...]]], options: Options
) -> int | None:
    if time is None or None in keys:
        return None
    best: tuple[int, int] | None = None
    for row, (other, other_keys) in enumerate(candidates):
        if other is None or keys != other_keys:
            continue
        age = (other - time) if options.forward else (time - other)
        is_near = options.tolerance_ns is None or age <= options.tolerance_ns
        # Of equal times the last row wins.
        if age >= (0 if options.exact else 1) and is_near and (best is None or age <= best[0]):
            best = (age, row)
    return None if best is None else best[1]


# --- Strategies -------------------------------------------------------------------------------------------------------

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
# The pairs of types that the two sides of one key may have, and values that all of them hold.
KEY_KINDS: list[tuple[list[pa.DataType], st.SearchStrategy[Any]]] = [
    (INTEGERS, st.integers(0, 2)),
    (TEXTS, st.sampled_from(["", "a", "ab", "b\0"])),
    ([pa.bool_()], st.booleans()),
    ([pa.binary(), pa.large_binary()], st.sampled_from([b"", b"\0", b"x"])),
]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Side, Side, Options]:
    """Two small sides in any order, with nulls, ties and near misses of the tolerance, and options."""
    kinds = draw(st.lists(st.sampled_from(KEY_KINDS), max_size=2))
    sizes = [draw(st.integers(0, 12)), draw(st.integers(0, 16))]
    # Times are compared as instants: zones of the two sides may differ, but a date has none.
    is_zoned = draw(st.booleans())
    zones: list[str | None] = ["UTC", "America/New_York"] if is_zoned else [None]
    units = [*UNITS_NS] if is_zoned else [*UNITS_NS, "day"]
    sides = []
    for size in sizes:
        unit = draw(st.sampled_from(units))
        # Whole days, so that all units meet, and a few steps of the unit itself around them.
        step = 1 if unit == "day" else DAY_NS // UNITS_NS[unit]
        moments = st.builds(
            lambda day, offset, step=step, unit=unit: day * step + (0 if unit == "day" else offset),
            st.integers(-2, 3),
            st.integers(-2, 2),
        )
        times = draw(st.lists(st.none() | moments, min_size=size, max_size=size))
        keys = [draw(st.lists(st.none() | values, min_size=size, max_size=size)) for _, values in kinds]
        types = [draw(st.sampled_from(types)) for types, _ in kinds]
        sides.append(Side(unit, times, keys, types, draw(st.sampled_from(zones))))
    tolerances = [0, 1, 2, UNITS_NS["us"], 2 * UNITS_NS["s"], DAY_NS - 1, DAY_NS, DAY_NS + 1, 100 * DAY_NS]
    options = Options(
        tolerance_ns=draw(st.none() | st.sampled_from(tolerances)),
        forward=draw(st.booleans()),
        exact=draw(st.booleans()),
        by=[f"k{n}" for n in range(len(kinds))],
    )
    return sides[0], sides[1], options


# --- Laws -------------------------------------------------------------------------------------------------------------


@given(problems())
@example((Side("us", [], [], []), Side("us", [], [], []), Options()))
def test_the_join_equals_a_search_through_all_pairs(problem: tuple[Side, Side, Options]) -> None:
    left, right, options = problem
    table = left.table("left_row")
    joined = options.join(table, right.table("right_row"))
    assert joined.select(table.column_names).equals(table)
    assert joined["right_row"].to_pylist() == search(left, right, options)


@given(problems(), st.integers(1, 5))
def test_the_cuts_between_batches_do_not_matter(problem: tuple[Side, Side, Options], size: int) -> None:
    left, right, options = problem
    tables = left.table("left_row"), right.table("right_row")
    cut = [pa.Table.from_batches(table.to_batches(max_chunksize=size), table.schema) for table in tables]
    assert options.join(*cut).equals(options.join(*tables))


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_left_rows_does_not_matter(problem: tuple[Side, Side, Options], random: Any) -> None:
    left, right, options = problem
    order = list(range(len(left.times)))
    random.shuffle(order)
    keys = [[values[row] for row in order] for values in left.keys]
    shuffled = Side(left.unit, [left.times[row] for row in order], keys, left.key_types, left.zone)
    right_table = right.table("right_row")
    found = options.join(left.table("left_row"), right_table)["right_row"].to_pylist()
    again = options.join(shuffled.table("left_row"), right_table)["right_row"].to_pylist()
    assert again == [found[row] for row in order]


ROWS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab")), max_size=30)


@given(ROWS, ROWS, st.none() | st.integers(0, 8), st.booleans(), st.booleans())
def test_the_join_equals_that_of_polars_where_both_are_defined(
    left_rows: list[tuple[int, str]],
    right_rows: list[tuple[int, str]],
    tolerance: int | None,
    forward: bool,
    exact: bool,
) -> None:
    # Sorted by time, without nulls; looking forward Polars takes the first of equal times, so there are none.
    right_rows = list(dict.fromkeys(right_rows)) if forward else right_rows
    left, right = (
        pl.DataFrame(sorted(rows), schema={"t": pl.Int64, "k": pl.String}, orient="row")
        .with_columns(pl.col("t").cast(pl.Datetime("us")))
        .with_row_index(name)
        .set_sorted("t")
        for rows, name in ((left_rows, "l"), (right_rows, "r"))
    )
    options = Options(None if tolerance is None else 1_000 * tolerance, forward, exact, ["k"])
    theirs = left.join_asof(
        right,
        on="t",
        by="k",
        strategy="forward" if forward else "backward",
        tolerance=None if tolerance is None else f"{tolerance}us",
        allow_exact_matches=exact,
        check_sortedness=False,
    )
    assert options.join(left, right).equals(theirs)
