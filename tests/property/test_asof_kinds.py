"""Joins of drawn nasty tables equal a search through all pairs of rows, and every kind of nastiness is really met.

Written from the rules alone; it shares nothing with the oracle of `test_asof_oracle.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.nasty_rows import KEYS, Draw, canonical, grid, key_column, laid_out, payload, time_column, time_kind

import lakebed as lb

N_CASES, N_PARTS = 600, 6


@dataclass
class Side:
    """A right table, what it holds logically, and how it is asked for."""

    table: pa.Table
    times: list[int | None]
    keys: list[tuple[Any, ...]]
    created: list[int | None]
    time: str
    by: list[str]
    left_by: list[int]
    direction: str
    closed: str
    tolerance: int
    use_of_created: str
    skipped: list[str]

    @property
    def features(self) -> list[str]:
        return [name for name in self.table.column_names if name not in {self.time, *self.by}]


@dataclass
class Case:
    left: pa.Table
    times: list[int | None]
    keys: list[list[Any]]
    sides: list[Side]


def draw_case(draw: Draw) -> Case:
    moments, step = grid(draw)
    zoned = draw.kind("zones", draw.one_of(["none", "several"])) == "several"
    nulls = draw.one_of([0, 0, 0.1, 0.3])
    most = draw.one_of([1, 4, 12, 40, 90])
    n_rows = draw.one_of([0, 1, most, most, most])
    draw.kind("left rows", "none" if not n_rows else "one" if n_rows == 1 else "many")
    families = [draw.kind("key", draw.one_of(KEYS)) for _ in range(draw.one_of([0, 1, 1, 1, 2, 3]))]
    draw.kind("keys", str(len(families)))
    forms = [draw.one_of(KEYS[family][0]) for family in families]
    kind = time_kind(draw, zoned=zoned)
    draw.kind("left time", str(kind).partition(",")[0])
    times, array = time_column(draw, moments, kind, n_rows, nulls)
    columns = {"t": laid_out(draw, array), "left row": pa.chunked_array([pa.array(range(n_rows), pa.int64())])}
    keys = []
    for at, (family, form) in enumerate(zip(families, forms, strict=True)):
        values, array = key_column(draw, form, KEYS[family][1], n_rows, nulls)
        columns[f"k{at}"] = laid_out(draw, array)
        keys.append([canonical(value) for value in values])
    columns |= payload(draw, n_rows)
    n_sides = draw.one_of([1, 1, 1, 2, 3])
    draw.kind("right tables", str(n_sides))
    sides = [draw_side(draw, number, families, forms, moments, step, zoned, nulls, most) for number in range(n_sides)]
    if len({tuple(side.left_by) for side in sides}) > 1:
        draw.kind("right tables", "of different keys")
    return Case(pa.table(columns), times, keys, sides)


def draw_side(  # noqa: PLR0917 - all that both sides have in common
    draw: Draw,
    number: int,
    families: list[str],
    left_forms: list[tuple[str, pa.DataType]],
    moments: list[int],
    step: int,
    zoned: bool,
    nulls: float,
    most: int,
) -> Side:
    n_rows = draw.one_of([0, 1, most, 3 * most, 3 * most])
    draw.kind("right rows", "none" if not n_rows else "one" if n_rows == 1 else "many")
    kind, made_kind = time_kind(draw, zoned=zoned), time_kind(draw, zoned=zoned)
    draw.kind("right time", str(kind).partition(",")[0])
    times, time_array = time_column(draw, moments, kind, n_rows, nulls)
    created, made_array = time_column(draw, moments, made_kind, n_rows, 0.15)
    left_by = list(range(len(families)))
    if left_by and draw.chance(0.25):
        left_by = sorted(draw.noise.sample(left_by, draw.noise.randrange(len(left_by) + 1)))
    keys, arrays = [], []
    for at in left_by:
        form = draw.one_of(
            form for form in KEYS[families[at]][0] if {form[0], left_forms[at][0]} != {"float", "decimal"}
        )
        if form != left_forms[at]:
            draw.kind("types of a key", "two")
        values, array = key_column(draw, form, KEYS[families[at]][1], n_rows, nulls)
        keys.append([canonical(value) for value in values])
        arrays.append(array)
    rows = list(zip(*keys, strict=True)) if keys else [()] * n_rows
    order = ordered(draw, times, rows)
    taken = pa.array(order, pa.int64())
    time, by = draw.one_of(["t", "when"]), [draw.one_of([f"k{at}", f"key {at}"]) for at in left_by]
    columns = {time: laid_out(draw, time_array.take(taken)), "made": laid_out(draw, made_array.take(taken))}
    for name, array in zip(by, arrays, strict=True):
        columns[name] = laid_out(
            draw, pa.array([array[at].as_py() for at in order], array.type) if is_view(array) else array.take(taken)
        )
    columns[f"row {number}"] = pa.chunked_array([pa.array(range(n_rows), pa.int64())])
    columns |= payload(draw, n_rows)
    table = pa.table(columns)
    direction = draw.kind("direction", draw.one_of(["backward", "backward", "forward", "nearest"]))
    ends = ["both", "both", "none", "strict", *([] if direction == "nearest" else ["left", "right"])]
    limits = {
        "none": 0,
        "one step": step,
        "a bit less": max(step - 1, 1),
        "three steps": 3 * step,
        "beyond 64 bits": 2**64 + 5,
    }
    features = [name for name in columns if name not in {time, *by}]
    skipped = draw.noise.sample(features, draw.noise.randrange(len(features) + 1)) if draw.chance(0.3) else []
    draw.kind("nulls of features", "skipped" if skipped else "kept")
    return Side(
        table,
        [times[at] for at in order],
        [rows[at] for at in order],
        [created[at] for at in order],
        time,
        by,
        left_by,
        direction,
        draw.kind("closed", draw.one_of(ends)),
        limits[draw.kind("tolerance", draw.one_of(limits))],
        draw.kind("created", draw.one_of(["unused", "orders", "hides"])),
        skipped,
    )


def is_view(array: pa.Array) -> bool:
    return bool(pa.types.is_string_view(array.type) or pa.types.is_binary_view(array.type))


def ordered(draw: Draw, times: list[int | None], keys: list[tuple[Any, ...]]) -> list[int]:
    """The rows in some order of them."""
    rows = list(range(len(times)))

    def time(row: int) -> tuple[bool, int]:
        return times[row] is None, times[row] or 0

    how = draw.kind("order", draw.one_of(["any", "time", "time backwards", "key and time"]))
    if how == "key and time":
        rows.sort(key=lambda row: (repr(keys[row]), time(row)))
    elif how != "any":
        rows.sort(key=time, reverse=how == "time backwards")
    return rows


# --- The rules --------------------------------------------------------------------------------------------------------


def ends_of(side: Side) -> tuple[bool, bool]:
    """Whether a row at the very time matches, and one at the very tolerance."""
    if side.closed in {"both", "none", "strict"}:
        return side.closed == "both", side.closed != "none"
    return (side.closed == "right") == (side.direction == "backward"), (side.closed == "left") == (
        side.direction == "backward"
    )


def candidates(draw: Draw, side: Side, time: int | None, key: tuple[Any, ...]) -> list[int]:
    """The right rows that a left row may see."""
    if time is None or None in key:
        draw.kind("left row", "null time" if time is None else "null key")
        return []
    at_time, at_tolerance = ends_of(side)
    found, of_key, hidden = [], 0, 0
    for row, (other, other_key, created) in enumerate(zip(side.times, side.keys, side.created, strict=True)):
        if other is None or None in other_key or other_key != key:
            continue
        of_key += 1
        distance = time - other
        if distance == 0 and not at_time:
            draw.kind("left row", "a row at its very time that does not count")
            continue
        if distance * {"backward": -1, "forward": 1, "nearest": 0}[side.direction] > 0:
            continue
        if side.tolerance and abs(distance) >= side.tolerance:
            is_at_end = abs(distance) == side.tolerance
            draw.kind("left row", "a row at the very tolerance" if is_at_end else "a row beyond the tolerance")
            if not is_at_end or not at_tolerance:
                continue
        if side.use_of_created == "hides" and (created is None or created > time):
            hidden += 1
            continue
        found.append(row)
    draw.kind(
        "left row",
        "matched" if found else "hidden rows only" if hidden else "no row in reach" if of_key else "unknown key",
    )
    if found and hidden:
        draw.kind("left row", "hidden rows beside one that was known")
    return found


def best(draw: Draw, side: Side, time: int | None, rows: list[int]) -> int | None:
    """The one that matches."""
    if time is None or not rows:
        return None

    def rank(row: int) -> tuple[Any, ...]:
        other = side.times[row] or 0
        nearness = {"backward": (other,), "forward": (-other,), "nearest": (-abs(time - other), -other)}[side.direction]
        created = side.created[row] if side.use_of_created != "unused" else None
        return (*nearness, created is not None, created or 0, row)

    first = max(rows, key=rank)
    ties = [row for row in rows if side.times[row] == side.times[first] and row != first]
    if ties:
        by_created = side.use_of_created != "unused" and any(side.created[row] != side.created[first] for row in ties)
        draw.kind("tie", "decided by created" if by_created else "decided by position")
    if side.direction == "nearest" and any(
        time - (side.times[row] or 0) == (side.times[first] or 0) - time != 0 for row in rows
    ):
        draw.kind("tie", "as near before as after")
    return first


def expected(draw: Draw, case: Case, side: Side) -> dict[str, list[int | None]]:
    """The right row of each left row, by feature."""
    columns = [case.keys[at] for at in side.left_by]
    keys = list(zip(*columns, strict=True)) if columns else [()] * len(case.times)
    seen = [candidates(draw, side, time, key) for time, key in zip(case.times, keys, strict=True)]
    pairs = list(zip(case.times, seen, strict=True))
    plain = [best(draw, side, time, rows) for time, rows in pairs]
    found = {}
    for name in side.features:
        valid = [value is not None for value in values(side.table[name])]
        rows = [[row for row in rows if valid[row]] for rows in seen]
        found[name] = (
            [best(draw, side, time, rows[at]) for at, (time, _) in enumerate(pairs)] if name in side.skipped else plain
        )
        if name not in side.skipped and any(row is not None and not valid[row] for row in plain):
            draw.kind("nulls of features", "matched")
    return found


def values(column: pa.ChunkedArray) -> list[Any]:
    """Plain values, times as numbers; NaN as a text, which equals itself."""
    found = []
    for chunk in column.chunks:
        array = pc.run_end_decode(chunk) if pa.types.is_run_end_encoded(chunk.type) else chunk
        if pa.types.is_dictionary(array.type):
            known = values(pa.chunked_array([array.dictionary]))
            found += [None if at is None else known[at] for at in array.indices.to_pylist()]
        elif pa.types.is_temporal(array.type):
            found += array.view(pa.int32() if array.type.bit_width == 32 else pa.int64()).to_pylist()
        else:
            found += [repr(value) if isinstance(value, float) else value for value in array.to_pylist()]
    return found


# --- The joins --------------------------------------------------------------------------------------------------------


def given(draw: Draw, table: pa.Table, what: str) -> Any:
    """A table as it is, as a reader, as an iterable of parts, or as a stored table."""
    how = draw.one_of(["table", "table", "reader", "parts"])
    draw.kind(what, how)
    if how == "reader":
        return table.to_reader(max_chunksize=7)
    if how == "parts":
        return iter([table.slice(0, 3), table.slice(3)])
    return table


def join(draw: Draw, case: Case) -> pa.Table:
    sides = []
    for number, side in enumerate(case.sides):
        tolerance: Any = f"{side.tolerance}ns" if side.tolerance else draw.one_of([None, 0, "0s"])
        if 0 < side.tolerance < 2**63 and draw.chance(0.5):
            tolerance = np.timedelta64(side.tolerance, "ns")
        options: dict[str, Any] = {"unused": {}, "orders": {"created": "made"}, "hides": {"known_at": "made"}}[
            side.use_of_created
        ]
        sides.append(
            lb.JoinSide(
                given(draw, side.table, "right class"),
                on=side.time,
                left_on="t",
                by=side.by,
                left_by=[f"k{at}" for at in side.left_by],
                tolerance=tolerance,
                direction=side.direction,
                closed=side.closed,
                suffix=f" of {number}",
                skip_nulls=side.skipped,
                **options,
            )
        )
    limit = draw.one_of([None, None, 1, 5000])
    draw.kind("memory", "unlimited" if limit is None else "limited")
    joined = lb.asof_join(given(draw, case.left, "left class"), sides, memory_limit=limit, progress=False)
    return joined.read_all() if isinstance(joined, pa.RecordBatchReader) else joined


def check(draw: Draw) -> None:
    case = draw_case(draw)
    joined = join(draw, case)
    assert joined.schema.names[: case.left.num_columns] == case.left.schema.names
    for name in case.left.column_names:
        assert joined.schema.field(name).type == case.left.schema.field(name).type
        assert values(joined[name]) == values(case.left[name])
    place = case.left.num_columns
    for number, side in enumerate(case.sides):
        for name, rows in expected(draw, case, side).items():
            is_taken = name in joined.schema.names[:place]
            if is_taken:
                draw.kind("name of a feature", "taken")
            field = joined.schema.field(place)
            assert field.name == (f"{name} of {number}" if is_taken else name)
            assert field.type == side.table.schema.field(name).type
            column = values(side.table[name])
            assert values(joined.column(place)) == [None if row is None else column[row] for row in rows], (name, side)
            place += 1
    assert place == joined.num_columns


KINDS = """
created: hides|created: orders|direction: backward|direction: forward|direction: nearest
closed: both|closed: left|closed: none|closed: right|closed: strict
era: 2013|era: around 1970|era: before 1970|era: beyond 2262|era: first instants of 64 bits
era: last instants of 64 bits|era: year 1|era: year 9999
left time: date32[day]|left time: date64[ms]|left time: timestamp[ms]|left time: timestamp[ns]|left time: timestamp[s]
left time: timestamp[us]|zones: several|steps: nanoseconds|steps: days
key: booleans|key: bytes|key: dates and timestamps|key: decimals|key: decimals and integers|key: durations
key: edges of narrow integers|key: floats|key: floats of three widths|key: integers above 2^53
key: integers and floats|key: integers around 2^63|key: normal forms|key: small integers|key: texts
key: times of day|key: zoned timestamps|keys: 0|keys: 3|types of a key: two
layout: chunks|layout: dictionary|layout: run ends|layout: slice
left class: parts|left class: reader|right class: parts|right class: reader|memory: limited
left rows: none|left rows: one|right rows: none|right rows: one|right tables: 3|right tables: of different keys
left row: a row at its very time that does not count|left row: a row at the very tolerance
left row: a row beyond the tolerance|left row: hidden rows beside one that was known|left row: hidden rows only
left row: no row in reach|left row: null key|left row: null time|left row: unknown key
tie: as near before as after|tie: decided by created|tie: decided by position
tolerance: a bit less|tolerance: beyond 64 bits|tolerance: none|tolerance: one step
nulls of features: matched|nulls of features: skipped|name of a feature: taken
order: any|order: key and time|order: time|order: time backwards
feature: lists|feature: lists of one length|feature: maps|feature: nothing but nulls|feature: nulls|feature: structs
feature: views of lists|feature: views of texts|feature: wide decimals
"""
WANTED = {kind for line in KINDS.strip().splitlines() for kind in line.split("|")}
MET: Counter[str] = Counter()


@pytest.mark.parametrize("part", range(N_PARTS))
def test_joins_of_drawn_tables_equal_a_search_through_all_pairs(part: int) -> None:
    for seed in range(part, N_CASES, N_PARTS):
        draw = Draw(seed)
        try:
            check(draw)
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        MET.update(draw.kinds)


def test_more_than_forty_kinds_of_nasty_tables_were_joined() -> None:
    if sum(MET.values()) == 0:
        pytest.skip("the joins are not among the tests that run")
    assert len(WANTED) > 80
    assert {kind for kind in WANTED if MET[kind] < 3} == set()


def stored(draw: Draw, side: Side) -> Any:
    """The rows of a right table in a warehouse, in some layout, written bit by bit; `side` gets their order there."""
    wh = lb.open("memory://")
    buckets = {"bucket_by": side.by, "n_buckets": 5} if side.by else {}
    order = {"sort_by": [*side.by, side.time]}
    layout: dict[str, Any] = draw.one_of([{}, buckets, order, {**buckets, **order}])
    draw.kind("stored", next(iter(layout), "as written"))
    rows, n_first = side.table, draw.noise.randrange(side.table.num_rows + 1)
    wh.write("rows", rows.slice(0, n_first), **layout)
    table = wh.write("rows", rows.slice(n_first))
    if rows.num_rows and draw.chance(0.3):
        draw.kind("stored", "rows deleted")
        table = table.delete(where=f'"row 0" = {draw.noise.randrange(rows.num_rows)}')
    if draw.chance(0.3):
        draw.kind("stored", "columns added")
        table = table.add_column("another", pa.int64())
    if draw.chance(0.3):
        draw.kind("stored", "compacted")
        table.compact()
        table = wh.table("rows")
    places = table.scan(["row 0"]).pl()["row 0"].to_list()
    side.times, side.keys, side.created = (
        [held[at] for at in places] for held in (side.times, side.keys, side.created)
    )
    side.table = pa.table({"row 0": pa.array(places, pa.int64())})
    return table


@pytest.mark.parametrize("part", range(4))
def test_joins_of_stored_tables_equal_a_search_through_all_pairs(part: int) -> None:
    met: Counter[str] = Counter()
    for seed in range(10_000 + part, 10_300, 4):
        draw = Draw(seed)
        case = draw_case(draw)
        side = case.sides[0]
        kept = pa.table({name: plain(side.table[name]) for name in [side.time, *side.by, "made", "row 0"]})
        side.table, side.skipped = kept, []
        try:
            table = stored(draw, side)
        except (lb.errors.UnsupportedTypeError, lb.errors.LayoutError):
            continue
        wanted = expected(draw, case, side)["row 0"]
        options: dict[str, Any] = {"unused": {}, "orders": {"created": "made"}, "hides": {"known_at": "made"}}[
            side.use_of_created
        ]
        options |= {
            "left_on": "t",
            "right_on": side.time,
            "right_by": side.by,
            "left_by": [f"k{at}" for at in side.left_by],
        }
        options |= {"direction": side.direction, "closed": side.closed, "tolerance": f"{side.tolerance}ns"}
        joined = lb.asof_join(case.left, table, **options)
        numbers = side.table["row 0"].to_pylist()
        assert joined["row 0"].to_pylist() == [None if row is None else numbers[row] for row in wanted], f"seed {seed}"
        met.update([*draw.kinds, "joined"])
    assert met["joined"] > 40
    assert min(met[f"stored: {how}"] for how in ("as written", "bucket_by", "sort_by", "rows deleted", "compacted")) > 0


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values that a table can store: without dictionaries and runs."""
    if pa.types.is_run_end_encoded(column.type):
        return pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], column.type.value_type)
    if pa.types.is_dictionary(column.type):
        kind = column.type.value_type
        return pa.chunked_array([pa.array(decoded(chunk), kind) for chunk in column.chunks], kind)
    return column


def decoded(array: pa.DictionaryArray) -> list[Any]:
    """The values of a dictionary, of any type, one by one."""
    known = list(array.dictionary)
    return [None if at is None else known[at] for at in array.indices.to_pylist()]
