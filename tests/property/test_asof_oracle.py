"""The point-in-time join equals a search through all pairs for every kind of input, and rivals where all agree."""

from __future__ import annotations

import datetime as dt
import decimal
import random
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.point_in_time import DAY, NS, Rule, Side, duration

import lakebed as lb

UTC = dt.timezone.utc


@dataclass
class Problem:
    """Two tables with columns `t`, keys and a row number, and what is asked."""

    left: pa.Table
    right: pa.Table
    by: list[str] = field(default_factory=list)
    rule: Rule = field(default_factory=Rule)
    created: str | None = None

    def join(self, **options: Any) -> pa.Table:
        rule = self.rule
        ends = {(True, True): "both", (False, False): "none", (False, True): "strict"}
        far = "right" if rule.direction == "backward" else "left"
        asked: dict[str, Any] = {
            "on": "t",
            "by": self.by,
            "tolerance": None if rule.tolerance is None else duration(rule.tolerance),
            "direction": rule.direction,
            "closed": ends.get((rule.exact, rule.far_end), far),
        }
        if self.created is not None:
            asked["known_at" if rule.only_known else "created"] = self.created
        return lb.asof_join(self.left, self.right, **{**asked, **options})

    def expected(self, valid: list[bool] | None = None) -> list[int | None]:
        left, right = Side.of(self.left, self.by), Side.of(self.right, self.by, self.created)
        return self.rule.search(left, right, valid)


# --- Times ------------------------------------------------------------------------------------------------------------


def time_array(values: list[int | None], kind: pa.DataType) -> pa.Array:
    number = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    return pa.array(values, number).cast(kind)


def steps(kind: pa.DataType) -> int:
    """How many units of a type make a day."""
    if pa.types.is_date32(kind):
        return 1
    return DAY // (10**6 if pa.types.is_date64(kind) else NS[kind.unit])


def near_days(kind: pa.DataType, days: st.SearchStrategy[int]) -> st.SearchStrategy[int]:
    """Whole days, where all units meet, and a unit or two around them."""
    unit, offsets = (
        steps(kind),
        st.integers(0, 0) if steps(kind) == 1 or pa.types.is_date64(kind) else st.integers(-2, 2),
    )
    return st.builds(lambda day, offset: day * unit + offset, days, offsets)


NAIVE = [pa.timestamp(unit) for unit in NS] + [pa.date32(), pa.date64()]
ZONED = [pa.timestamp(unit, zone) for unit in NS for zone in ("UTC", "America/New_York", "+05:30")]
CLOSE, OLD = st.integers(-2, 3), st.integers(-40_000, -39_997)
FAR = st.integers(200_000, 200_003)
NO_NS = [kind for kind in NAIVE if kind != pa.timestamp("ns")]
EDGES = st.sampled_from([-(2**63) + 1, -(2**63) + 2, -1, 0, 1, 2**63 - 2, 2**63 - 1])

TIMES: dict[str, tuple[list[pa.DataType], Any]] = {
    "units and dates": (NAIVE, CLOSE),
    "zones and units": (ZONED, CLOSE),
    "one unit": ([pa.timestamp("us")], CLOSE),
    "before 1970": (NAIVE, OLD),
    "beyond 2262": (NO_NS, FAR),
    "first and last instants of 64 bits": ([pa.timestamp(unit) for unit in NS], EDGES),
    "ties only": ([pa.timestamp("us"), pa.timestamp("ns")], st.just(1)),
}

# --- Keys -------------------------------------------------------------------------------------------------------------

SIGNED = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
ENCODED = [*TEXTS, pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.uint32(), pa.large_string())]
BINARY = [pa.binary(), pa.large_binary(), pa.binary_view()]
DAYS = [dt.datetime(1969, 12, 31), dt.datetime(2013, 1, 1), dt.datetime(9999, 1, 1)]  # noqa: DTZ001 - naive on purpose

Kind = tuple[list[pa.DataType], st.SearchStrategy[Any]]
KEYS: dict[str, Kind] = {
    "integers of all widths": (SIGNED + UNSIGNED, st.integers(0, 2)),
    "negative integers": (SIGNED, st.sampled_from([-128, -1, 0, 127])),
    "integers above 2^53": ([pa.int64(), pa.uint64()], st.integers(2**53 - 1, 2**53 + 3)),
    "unsigned above 2^63": ([pa.uint64()], st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1])),
    "floats with NaN and both zeros": ([pa.float64()], st.sampled_from([0.0, -0.0, float("nan"), float("inf"), -1.5])),
    "floats of two widths": ([pa.float32(), pa.float64()], st.sampled_from([0.5, -0.0, 0.0, float("nan"), 3e9])),
    "integers and floats": ([pa.int32(), pa.uint16(), pa.float64(), pa.float32()], st.integers(0, 3)),
    "decimals of one scale": ([pa.decimal128(9, 2), pa.decimal256(50, 2)], st.decimals(-1, 1, places=1)),
    "decimals of different scales": (
        [pa.decimal128(9, 2), pa.decimal128(20, 4), pa.decimal256(60, 7)],
        st.decimals(0, 1, places=1),
    ),
    "decimals and integers": ([pa.decimal128(12, 3), pa.int8(), pa.uint64()], st.integers(0, 2)),
    "booleans": ([pa.bool_()], st.booleans()),
    "text in all layouts": (ENCODED, st.sampled_from(["", "a", "ab", "b\0", "a longer text than a view holds"])),
    "normal forms of unicode": (TEXTS, st.sampled_from(["\u00e9", "e\u0301", "\u212b", "\u00c5"])),
    "numbers as text": (TEXTS, st.sampled_from(["1", "01", " 1", "1.0"])),
    "bytes in all layouts": (BINARY, st.sampled_from([b"", b"\0", b"\0\0", b"x"])),
    "bytes of fixed width": ([pa.binary(2), pa.binary()], st.sampled_from([b"\0\0", b"ab"])),
    "dates and timestamps": ([pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("us")], st.sampled_from(DAYS)),
    "zoned timestamps": (
        [pa.timestamp("us", "UTC"), pa.timestamp("ms", "Asia/Tokyo")],
        st.sampled_from([d.replace(tzinfo=UTC) for d in DAYS]),
    ),
    "times of day": (
        [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")],
        st.sampled_from([dt.time(0), dt.time(23, 59)]),
    ),
    "durations": ([pa.duration(unit) for unit in NS], st.sampled_from([dt.timedelta(), dt.timedelta(seconds=-1)])),
    "nulls only": ([pa.null(), pa.int64()], st.none()),
    "dictionaries of integers": ([pa.dictionary(pa.int8(), pa.int64()), pa.int32()], st.integers(0, 2)),
}


def encoded(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    if pa.types.is_date(kind):
        values = [value.date() if isinstance(value, dt.datetime) else value for value in values]
    if pa.types.is_decimal(kind):
        values = [None if value is None else decimal.Decimal(value) for value in values]
    if pa.types.is_floating(kind):
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, kind)


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    times: str = "one unit",
    keys: tuple[str, ...] = ("integers of all widths",),
    known: bool | None = False,
) -> Problem:
    """Small tables in any order, with nulls, ties and near misses."""
    kinds, days = TIMES[times]
    tables = []
    for side, most in (("left", 10), ("right", 16)):
        n = draw(st.integers(0, most))
        kind = draw(st.sampled_from(kinds))
        moments = days if days is EDGES else near_days(kind, days)
        columns = {"t": time_array(draw(st.lists(st.none() | moments, min_size=n, max_size=n)), kind)}
        for at, name in enumerate(keys):
            types, values = KEYS[name]
            given_values = draw(st.lists(st.none() | values, min_size=n, max_size=n))
            columns[f"k{at}"] = encoded(given_values, draw(st.sampled_from(types)))
        columns[side] = pa.array(range(n), pa.int64())
        if side == "right":
            moments = days if days is EDGES else near_days(kind, days)
            columns["made"] = time_array(draw(st.lists(st.none() | moments, min_size=n, max_size=n)), kind)
        tables.append(pa.table(columns))
    unit = 1 if days is EDGES else DAY
    tolerances = [1, 2, 999, 10**3, 2 * 10**9, unit - 1 or 1, unit, unit + 1, 3 * unit, 10**25]
    direction = draw(st.sampled_from(["backward", "backward", "forward", "nearest"]))
    far_end = direction == "nearest" or draw(st.booleans())
    rule = Rule(draw(st.none() | st.sampled_from(tolerances)), direction, draw(st.booleans()), far_end)
    by = [f"k{at}" for at in range(len(keys))]
    if known is None:
        known = draw(st.booleans())
        return Problem(tables[0], tables[1], by, replace(rule, only_known=known), "made")
    return Problem(tables[0], tables[1], by, rule)


def check(problem: Problem) -> None:
    joined = problem.join()
    given_columns = joined.select(problem.left.column_names)
    assert given_columns.schema.equals(problem.left.schema)
    # NaN differs from itself, its text does not.
    assert given_columns.equals(problem.left) or repr(given_columns.to_pylist()) == repr(problem.left.to_pylist())
    assert joined["right"].to_pylist() == problem.expected()
    assert joined.schema.field("right").type == pa.int64()


FEW = settings(max_examples=20)


@pytest.mark.parametrize("kind", KEYS)
@FEW
@given(st.data())
def test_keys_of_every_kind(kind: str, data: st.DataObject) -> None:
    check(data.draw(problems(keys=(kind,))))


@pytest.mark.parametrize("kind", TIMES)
@FEW
@given(st.data())
def test_times_of_every_kind(kind: str, data: st.DataObject) -> None:
    check(data.draw(problems(times=kind, keys=data.draw(st.sampled_from([(), ("booleans",)])))))


@pytest.mark.parametrize("kind", TIMES)
@FEW
@given(st.data())
def test_created_orders_ties_and_hides_what_was_not_known(kind: str, data: st.DataObject) -> None:
    check(data.draw(problems(times=kind, keys=data.draw(st.sampled_from([(), ("booleans",)])), known=None)))


def by_time(table: pa.Table, number: str) -> pa.Table:
    """The rows that have a time, in order of it, numbered anew."""
    times = Side.of(table, []).times
    rows = sorted((time, row) for row, time in enumerate(times) if time is not None)
    taken = table.take(pa.array([row for _, row in rows], pa.int64()))
    at = taken.schema.get_field_index(number)
    return taken.set_column(at, number, pa.array(range(len(rows)), pa.int64()))


@pytest.mark.parametrize("kind", TIMES)
@FEW
@given(st.data())
def test_rows_in_order_of_time(kind: str, data: st.DataObject) -> None:
    problem = data.draw(
        problems(times=kind, keys=("integers of all widths",), known=data.draw(st.sampled_from([False, None])))
    )
    problem.left, problem.right = by_time(problem.left, "left"), by_time(problem.right, "right")
    check(problem)
    joined, report = problem.join(report=True)
    side, left, right = report[0], Side.of(problem.left, problem.by), Side.of(problem.right, problem.by)
    matched = problem.left.num_rows - joined["right"].null_count
    unlimited = replace(problem, rule=replace(problem.rule, tolerance=None)).expected()
    assert (side.n_matched, side.n_expired) == (matched, sum(row is not None for row in unlimited) - matched)
    assert side.n_null == sum(None in keys for keys in left.keys)
    if not problem.rule.only_known:
        assert side.n_unknown_key == sum(None not in keys and keys not in right.keys for keys in left.keys)


PAIRS = [
    ("text in all layouts", "text in all layouts"),
    ("integers of all widths", "text in all layouts"),
    ("bytes in all layouts", "bytes of fixed width"),
    ("floats with NaN and both zeros", "booleans"),
    ("decimals and integers", "dates and timestamps"),
]


@pytest.mark.parametrize("kinds", PAIRS)
@FEW
@given(st.data())
def test_composite_keys_do_not_run_together(kinds: tuple[str, ...], data: st.DataObject) -> None:
    check(data.draw(problems(keys=kinds)))


# --- Layouts ----------------------------------------------------------------------------------------------------------


def sliced(table: pa.Table) -> pa.Table:
    """The same rows as a slice of more."""
    return pa.concat_tables([table, table, table]).combine_chunks().slice(table.num_rows, table.num_rows)


def chunked(table: pa.Table) -> pa.Table:
    parts = [table.slice(0, 0), table.slice(0, 1), table.slice(1, 2), table.slice(3)]
    return pa.concat_tables(parts)


def dictionaries(table: pa.Table) -> pa.Table:
    return pa.table({name: table[name].combine_chunks().dictionary_encode() for name in table.column_names})


def run_ends(table: pa.Table) -> pa.Table:
    return pa.table({name: pc.run_end_encode(table[name].combine_chunks()) for name in table.column_names})


def reader(table: pa.Table) -> Any:
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=3))


LAYOUTS = {"sliced": sliced, "chunked": chunked, "dictionaries": dictionaries, "run ends": run_ends, "reader": reader}


@pytest.mark.parametrize("layout", LAYOUTS)
@FEW
@given(st.data())
def test_the_layout_of_the_input_does_not_matter(layout: str, data: st.DataObject) -> None:
    problem = data.draw(problems(times="units and dates", known=None))
    expected = problem.expected()
    n_rows = problem.left.num_rows
    for side in data.draw(st.sampled_from([("left",), ("right",), ("left", "right")])):
        setattr(problem, side, LAYOUTS[layout](getattr(problem, side)))
    joined = problem.join()
    table = joined.read_all() if isinstance(joined, pa.RecordBatchReader) else joined
    assert table["right"].to_pylist() == expected
    assert table.num_rows == n_rows


@FEW
@given(problems(keys=("text in all layouts",), known=None), st.integers(1, 3000))
def test_spilled_equals_unspilled(problem: Problem, limit: int) -> None:
    whole, spilled = problem.join(report=True), problem.join(memory_limit=limit, report=True)
    assert spilled.data.equals(whole.data)
    assert spilled.report.sides == whole.report.sides
    assert spilled.report.spilled_bytes > 0 or problem.left.nbytes + problem.right.nbytes < limit


@FEW
@given(problems(known=None), st.data())
def test_nulls_can_be_skipped_column_by_column(problem: Problem, data: st.DataObject) -> None:
    n = problem.right.num_rows
    values = {name: data.draw(st.lists(st.none() | st.integers(0, 9), min_size=n, max_size=n)) for name in ("x", "y")}
    for name, column in values.items():
        problem.right = problem.right.append_column(name, pa.array(column, pa.int64()))
    joined = problem.join(skip_nulls=["x"])
    found = problem.expected([value is not None for value in values["x"]])
    assert joined["x"].to_pylist() == [None if row is None else values["x"][row] for row in found]
    plain = problem.expected()
    assert joined["y"].to_pylist() == [None if row is None else values["y"][row] for row in plain]
    everything = problem.join(skip_nulls=True)
    assert everything["x"].equals(joined["x"])


@FEW
@given(st.lists(problems(keys=("booleans",)), min_size=1, max_size=4), st.booleans())
def test_many_right_tables_are_joined_as_one_by_one(many: list[Problem], spill: bool) -> None:
    left = many[0].left
    sides, expected = [], []
    for at, problem in enumerate(many):
        rule = problem.rule
        closed = {(True, True): "both", (False, True): "strict"}.get((rule.exact, rule.far_end), "both")
        rule = replace(rule, exact=closed == "both", far_end=True)
        right = problem.right.drop_columns("made").rename_columns(["t", "k0", f"right_{at}"])
        tolerance = None if rule.tolerance is None else duration(rule.tolerance)
        options = {"tolerance": tolerance, "direction": rule.direction, "closed": closed}
        sides.append(lb.JoinSide(right, **options))
        expected.append(rule.search(Side.of(left, ["k0"]), Side.of(right, ["k0"])))
    joined = lb.asof_join(left, sides, on="t", by="k0", memory_limit=100 if spill else None)
    assert joined.select(left.column_names).equals(left)
    assert [joined[f"right_{at}"].to_pylist() for at in range(len(many))] == expected


# --- Laws -------------------------------------------------------------------------------------------------------------


@FEW
@given(problems(times="units and dates", known=None), st.randoms(use_true_random=False))
def test_what_comes_later_changes_nothing(problem: Problem, random_: Any) -> None:
    """No leak: rows later than all left rows, whatever they hold, leave the result of a backward join as it is."""
    problem.rule = replace(problem.rule, direction="backward")
    times = [time for time in Side.of(problem.left, []).times if time is not None]
    newest = max(times, default=0)
    right = Side.of(problem.right, problem.by, problem.created)
    late = [row for row, time in enumerate(right.times) if time is not None and time > newest]
    if problem.rule.only_known:
        late += [row for row, made in enumerate(right.created) if made is not None and made > newest]
    before = problem.join()["right"].to_pylist()
    keep = [row for row in range(problem.right.num_rows) if row not in late or random_.random() < 0.5]
    problem.right = problem.right.take(pa.array(keep, pa.int64()))
    assert problem.join()["right"].to_pylist() == before


@FEW
@given(problems(known=None), st.randoms(use_true_random=False))
def test_the_order_of_the_left_rows_does_not_matter(problem: Problem, random_: Any) -> None:
    order = list(range(problem.left.num_rows))
    random_.shuffle(order)
    found = problem.join()["right"].to_pylist()
    problem.left = problem.left.take(pa.array(order, pa.int64()))
    assert problem.join()["right"].to_pylist() == [found[row] for row in order]


@FEW
@given(problems(times="units and dates", known=None))
def test_the_report_counts_every_left_row_once(problem: Problem) -> None:
    joined, report = problem.join(report=True)
    side = report[0]
    matched = problem.left.num_rows - joined["right"].null_count
    reasons = side.n_expired + side.n_future_only + side.n_not_yet_known + side.n_unknown_key + side.n_null
    assert (side.n_rows, side.n_matched, matched + reasons) == (problem.left.num_rows, matched, problem.left.num_rows)
    left, right = Side.of(problem.left, problem.by), Side.of(problem.right, problem.by)
    unlimited = replace(problem, rule=replace(problem.rule, tolerance=None)).expected()
    assert side.n_expired == sum(row is not None for row in unlimited) - matched
    null = sum(time is None or None in keys for time, keys in zip(left.times, left.keys, strict=True))
    has_row = [keys for time, keys in zip(right.times, right.keys, strict=True) if time is not None]
    assert side.n_null == null
    if not problem.rule.only_known:
        rows = zip(left.times, left.keys, strict=True)
        assert side.n_unknown_key == sum(
            time is not None and None not in keys and keys not in has_row for time, keys in rows
        )
        assert side.n_not_yet_known == 0
    found = problem.expected()
    ages = [
        abs((right.times[row] or 0) - (time or 0))
        for row, time in zip(found, left.times, strict=True)
        if row is not None
    ]
    assert (side.ages_ns[0.0], side.ages_ns[1.0]) == (min(ages, default=None), max(ages, default=None))


def large(n_left: int, n_right: int, n_keys: int, order: str, seed: int) -> tuple[pa.Table, pa.Table]:
    noise = random.Random(seed)
    sides = []
    for name, n in (("left", n_left), ("right", n_right)):
        rows = [(noise.randrange(n_keys), noise.randrange(10**6)) for _ in range(n)]
        if order == "keys and times":
            rows.sort()
        elif order == "keys":
            rows.sort(key=lambda row: row[0])
        elif order == "times":
            rows.sort(key=lambda row: row[1])
        keys, times = zip(*rows, strict=True)
        columns = {"k0": pa.array(keys), "t": pa.array(times, pa.timestamp("us")), name: pa.array(range(n))}
        sides.append(pa.table(columns))
    return sides[0], sides[1]


@pytest.mark.parametrize("order", ["keys and times", "keys", "times", "none"])
@pytest.mark.parametrize("n_keys", [1, 7, 300, 60_000])
def test_order_is_used_and_never_trusted(order: str, n_keys: int) -> None:
    left, right = large(4_000, 30_000, n_keys, order, seed=n_keys)
    problem = Problem(left, right, ["k0"], Rule(tolerance=50_000_000))
    by_key: dict[int, list[tuple[int, int]]] = {}
    for row, (key, time) in enumerate(
        zip(right["k0"].to_pylist(), right["t"].cast(pa.int64()).to_pylist(), strict=True)
    ):
        by_key.setdefault(key, []).append((time, row))
    expected = []
    for key, time in zip(left["k0"].to_pylist(), left["t"].cast(pa.int64()).to_pylist(), strict=True):
        best = max((entry for entry in by_key.get(key, []) if entry[0] <= time), default=None)
        expected.append(None if best is None or time - best[0] > 50_000 else best[1])
    joined = problem.join(report=True)
    assert joined.data["right"].to_pylist() == expected
    texts = [table.set_column(0, "k0", pc.cast(table["k0"], pa.string())) for table in (left, right)]
    assert Problem(texts[0], texts[1], ["k0"], problem.rule).join()["right"].to_pylist() == expected
    spilled = problem.join(memory_limit="200kB", report=True)
    assert spilled.data.equals(joined.data)
    assert spilled.report.sides == joined.report.sides
    assert 0 < spilled.report.spilled_bytes <= 2 * (left.nbytes + right.nbytes) + 200_000


# --- Rivals, where their semantics are the same: sorted by time, without nulls and ties ------------------------------

ROWS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab")), max_size=30)


@given(ROWS, ROWS, st.none() | st.integers(1, 8), st.sampled_from(["backward", "forward", "nearest"]), st.booleans())
@settings(max_examples=40)
def test_the_join_equals_those_of_polars_and_pandas(
    left_rows: list[tuple[int, str]],
    right_rows: list[tuple[int, str]],
    tolerance: int | None,
    direction: Any,
    exact: bool,
) -> None:
    left, right = (
        pl.DataFrame(sorted(set(rows)), schema={"t": pl.Int64, "k": pl.String}, orient="row")
        .with_columns(pl.col("t").mul(factor).cast(pl.Datetime("us")))
        .with_row_index(name)
        .set_sorted("t")
        for rows, name, factor in ((left_rows, "l", 3), (right_rows, "r", 2))
    )
    options: dict[str, Any] = {
        "tolerance": None if tolerance is None else f"{tolerance}us",
        "allow_exact_matches": exact,
    }
    ours = lb.asof_join(left, right, on="t", by="k", direction=direction, **options)
    theirs = pd.merge_asof(
        left.to_pandas(),
        right.to_pandas(),
        on="t",
        by="k",
        direction=direction,
        allow_exact_matches=exact,
        tolerance=None if tolerance is None else pd.Timedelta(microseconds=tolerance),
    )
    assert ours["r"].to_list() == [None if pd.isna(row) else int(row) for row in theirs["r"]]
    if direction != "nearest":
        polars = left.join_asof(right, on="t", by="k", strategy=direction, check_sortedness=False, **options)
        assert ours.equals(polars)


@given(ROWS, ROWS)
@settings(max_examples=20)
def test_the_join_equals_that_of_duckdb(left_rows: list[tuple[int, str]], right_rows: list[tuple[int, str]]) -> None:
    left, right = (
        pl.DataFrame(rows, schema={"t": pl.Int64, "k": pl.String}, orient="row")
        .with_columns(pl.col("t").cast(pl.Datetime("us")))
        .with_row_index(name)
        for rows, name in ((left_rows, "l"), (list(dict.fromkeys(right_rows)), "r"))
    )
    ours = lb.asof_join(left, right, on="t", by="k")
    with duckdb.connect() as database:
        database.register("a", left.to_arrow())
        database.register("b", right.to_arrow())
        query = "SELECT a.l, b.r FROM a ASOF LEFT JOIN b ON a.k = b.k AND a.t >= b.t ORDER BY a.l"
        theirs = database.sql(query).fetchall()
    assert ours.select("l", "r").rows() == theirs
