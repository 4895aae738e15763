"""Windows over drawn nasty events equal a computation over all events in plain Python; every kind is really met.

Written from the rules alone; it shares nothing with the oracle of `test_window_oracle.py`.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.nasty_rows import KEYS, Draw, canonical, grid, key_column, laid_out, time_column, time_kind

import lakebed as lb

N_CASES, N_PARTS = 600, 6
INF, NAN, END = math.inf, math.nan, 2**63
MOST, LEAST = Decimal("9" * 38), Decimal("-" + "9" * 38)

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "small integers": (pa.int8(), [-128, 0, 1, 127]),
    "integers": (pa.int64(), [-5, 0, 1, 7]),
    "widest integers": (pa.int64(), [END - 1, -END, 0, 1]),
    "unsigned integers": (pa.uint64(), [0, 1, 9]),
    "widest unsigned": (pa.uint64(), [2 * END - 1, END, 0]),
    "floats": (pa.float64(), [0.1, 0.2, -0.3, 7.5]),
    "floats that cancel out": (pa.float64(), [1e16, -1e16, 1.0, 1e300, -1e300, 3.14]),
    "NaN, infinities and zeros": (pa.float64(), [NAN, INF, -INF, -0.0, 0.0, 1.5]),
    "narrow floats": (pa.float32(), [0.5, 2.0**70, -3.0]),
    "decimals": (pa.decimal128(10, 2), [Decimal("1.25"), Decimal("-9.99"), Decimal(3)]),
    "widest decimals": (pa.decimal128(38, 0), [MOST, LEAST, Decimal(1)]),
    "decimals of hundreds": (pa.decimal128(5, -2), [Decimal(100), Decimal(-200)]),
    "truths": (pa.bool_(), [True, False]),
    "texts": (pa.string(), ["", "a", "\u00e9", "e\u0301", "b" * 20]),
    "views of texts": (pa.string_view(), ["", "a", "b" * 20]),
    "bytes": (pa.binary(), [b"", b"\xff", b"a"]),
    "dates": (pa.date32(), [-9, 0, 9]),
    "times": (pa.timestamp("ns", "UTC"), [-(2**62), 0, 5]),
    "durations": (pa.duration("ms"), [-5, 7, 2**40]),
    "lists": (pa.list_(pa.int64()), [[], [1], [2, None]]),
    "nothing but nulls": (pa.int32(), [None]),
}
FLOATS = {"floats", "floats that cancel out", "NaN, infinities and zeros", "narrow floats"}
DECIMALS = {"decimals": 2, "widest decimals": 0, "decimals of hundreds": -2}
NO_NUMBERS = {"texts", "views of texts", "bytes", "dates", "times", "lists"}
FUNCTIONS = [
    "count",
    "count_distinct",
    "approx_count_distinct",
    "first",
    "last",
    "first(2)",
    "last(3)",
    "min",
    "max",
    "sum",
]
FUNCTIONS += [
    "mean",
    "variance",
    "var_pop",
    "stddev",
    "stddev_pop",
    "median",
    "quantile(0)",
    "quantile(0.25)",
    "quantile(1)",
]
FUNCTIONS += ["p90", "approx_median", "approx_p90"]
SHARES = {"median": 0.5, "quantile(0)": 0.0, "quantile(0.25)": 0.25, "quantile(1)": 1.0, "p90": 0.9}


def is_taken(function: str, kind: str) -> bool:
    """Whether a function takes values of a kind."""
    if function in {"min", "max"} or "distinct" in function:
        return kind != "lists"
    return function in {"count", "first", "last", "first(2)", "last(3)"} or kind not in NO_NUMBERS


@dataclass
class Case:
    left: pa.Table
    right: pa.Table
    times: list[int | None]
    keys: list[tuple[Any, ...]]
    event_times: list[int | None]
    event_keys: list[tuple[Any, ...]]
    created: list[int | None]
    values: dict[str, list[Any]]
    by: list[str]
    asked: list[tuple[str, str, int | None, int]]
    closed: Any
    hides: bool


def value_column(draw: Draw, name: str, n: int) -> tuple[list[Any], pa.ChunkedArray]:
    kind, pool = VALUES[name]
    share = draw.one_of([0, 0.2, 0.7])
    values = [None if draw.chance(share) else draw.one_of(pool) for _ in range(n)]
    if pa.types.is_temporal(kind):
        number = pa.int32() if kind.bit_width == 32 else pa.int64()
        return values, laid_out(draw, pa.array(values, number).view(kind))
    return values, laid_out(draw, pa.array(values, kind)) if name != "lists" else pa.chunked_array(
        [pa.array(values, kind)]
    )


def draw_case(draw: Draw) -> Case:
    moments, step = grid(draw)
    zoned = draw.kind("zones", draw.one_of(["none", "several"])) == "several"
    nulls = draw.one_of([0, 0, 0.15])
    most = draw.one_of([1, 4, 15, 60, 200])
    n_left, n_right = min(draw.one_of([0, 1, most, most]), 40), draw.one_of([0, 1, most, most, most])
    draw.kind("left rows", "none" if not n_left else "one" if n_left == 1 else "many")
    draw.kind("events", "none" if not n_right else "one" if n_right == 1 else "many")
    left, right = {}, {}
    kind = time_kind(draw, zoned=zoned)
    times, array = time_column(draw, moments, kind, n_left, nulls)
    left["t"] = laid_out(draw, array)
    other = time_kind(draw, zoned=zoned)
    draw.kind("units", "one" if other == kind else "two")
    event_times, array = time_column(draw, moments, other, n_right, nulls)
    right["t"] = laid_out(draw, array)
    created, array = time_column(draw, moments, time_kind(draw, zoned=zoned), n_right, 0.15)
    right["made"] = laid_out(draw, array)
    families = [draw.kind("key", draw.one_of(KEYS)) for _ in range(draw.one_of([0, 0, 1, 1, 2]))]
    draw.kind("keys", str(len(families)))
    keys, event_keys = [], []
    for at, family in enumerate(families):
        forms, pool = KEYS[family]
        form = draw.one_of(forms)
        values, array = key_column(draw, form, draw.noise.sample(pool, 2), n_left, nulls)
        keys.append([canonical(value) for value in values])
        left[f"k{at}"] = laid_out(draw, array)
        theirs = draw.one_of(one for one in forms if {one[0], form[0]} != {"float", "decimal"})
        values, array = key_column(draw, theirs, draw.noise.sample(pool, 2), n_right, nulls)
        event_keys.append([canonical(value) for value in values])
        right[f"k{at}"] = laid_out(draw, array)
    values_of = {}
    for name in draw.noise.sample(list(VALUES), 2):
        values_of[draw.kind("values", name)], right[name] = value_column(draw, name, n_right)
    return Case(
        pa.table(left),
        pa.table(right),
        times,
        rows_of(keys, n_left),
        event_times,
        rows_of(event_keys, n_right),
        created,
        values_of,
        [f"k{at}" for at in range(len(families))],
        draw_asked(draw, list(values_of), step),
        draw.kind("closed", draw.one_of(["left", "left", "right", "both", "none"])),
        draw.kind("created", draw.one_of(["unused", "unused", "hides"])) == "hides",
    )


def rows_of(columns: list[list[Any]], n: int) -> list[tuple[Any, ...]]:
    return list(zip(*columns, strict=True)) if columns else [()] * n


def draw_asked(draw: Draw, names: list[str], step: int) -> list[tuple[str, str, int | None, int]]:
    lengths = {"lifetime": None, "one step": step, "a bit less": max(step - 1, 1), "five steps": 5 * step}
    lengths |= {"beyond 64 bits": 2**64 + 5, "one nanosecond": 1}
    offsets = {"none": 0, "one nanosecond": 1, "one step": step, "two steps": 2 * step, "beyond 64 bits": 2**64 + 7}
    asked: list[tuple[str, str, int | None, int]] = [("*", "count", None, 0)]
    for name in names:
        taken = [function for function in FUNCTIONS if is_taken(function, name)]
        for function in [
            *draw.noise.sample(taken, min(4, len(taken))),
            *(["sum"] if name.startswith("widest") else []),
        ]:
            length = lengths[draw.kind("window", draw.one_of(lengths))]
            asked.append(
                (name, draw.kind("function", function), length, offsets[draw.kind("offset", draw.one_of(offsets))])
            )
    return asked


# --- The rules --------------------------------------------------------------------------------------------------------


def events_of(draw: Draw, case: Case, row: int, length: int | None, offset: int) -> list[int]:
    """The events in a window, in order of time, creation and position."""
    time, key = case.times[row], case.keys[row]
    if time is None or None in key:
        draw.kind("left row", "null time" if time is None else "null key")
        return []
    end = time - offset
    found = []
    for event, (other, other_key) in enumerate(zip(case.event_times, case.event_keys, strict=True)):
        if other is None or other_key != key or other > end or (length is not None and other < end - length):
            continue
        if other == end:
            draw.kind("event", "at the end of a window")
        if length is not None and other == end - length:
            draw.kind("event", "at the start of a window")
        is_out = (other == end and case.closed in {"left", "none"}) or (
            length is not None and other == end - length and case.closed in {"right", "none"}
        )
        created = case.created[event]
        if not is_out and case.hides and (created is None or created > time):
            draw.kind("event", "not yet known" if created is not None else "of unknown creation")
        elif not is_out:
            found.append(event)
    times = [case.event_times[event] for event in found]
    if len(set(times)) < len(times):
        draw.kind("event", "tied with another")
    draw.kind("window of a row", "empty" if not found else "of one event" if len(found) == 1 else "of events")
    return sorted(found, key=lambda event: (case.event_times[event], case.hides and case.created[event], event))


def total(values: list[Any]) -> Any:
    """The exact sum, or the float that is no number."""
    special = {value for value in values if isinstance(value, float) and not math.isfinite(value)}
    if special:
        return NAN if any(map(math.isnan, special)) or len(special) > 1 else special.pop()
    return sum(map(Fraction, values), Fraction())


def aggregate(function: str, values: list[Any]) -> Any:
    """The aggregate; exact numbers as fractions."""
    function = function.removeprefix("approx_")
    by_place = {"first": values[:1], "last": values[-1:], "first(2)": values[:2], "last(3)": values[-3:]}
    if function in by_place:
        taken = by_place[function]
        return taken if "(" in function else taken[0] if taken else None
    if function == "count":
        return len(values)
    if function == "count_distinct":
        return len({canonical(value) for value in values})
    if not values:
        return None
    if function in {"min", "max"}:
        numbers = [value for value in values if not (isinstance(value, float) and math.isnan(value))]
        return {"min": min, "max": max}[function](numbers) if numbers else NAN
    if function in SHARES:
        ranked = sorted(values, key=lambda value: (isinstance(value, float) and math.isnan(value), value))
        return ranked[max(math.ceil(round(SHARES[function] * len(values), 9)), 1) - 1]
    if function in {"sum", "mean"}:
        found = total(values)
        return found if function == "sum" else found / len(values)
    return spread(function, values)


def spread(function: str, values: list[Any]) -> Any:
    n = len(values) - (0 if function.endswith("pop") else 1)
    if n == 0:
        return None
    if isinstance(mean := total(values), float):
        return NAN
    mean /= len(values)
    variance = sum(((Fraction(value) - mean) ** 2 for value in values), Fraction()) / n
    if function.startswith("var"):
        return variance
    return math.sqrt(variance) if variance < 10**300 else Fraction(math.isqrt(int(variance)))


def is_too_large(name: str, function: str, values: list[Any]) -> bool:
    """Whether the type of a sum cannot hold it."""
    if function != "sum" or name in FLOATS | NO_NUMBERS:
        return False
    found = total(values)
    if name in DECIMALS:
        return bool(abs(found) * Fraction(10) ** DECIMALS[name] >= 10**38)
    return not (0 <= found < 2 * END if "unsigned" in name else -END <= found < END)


def is_same(found: Any, wanted: Any, function: str, values: list[Any]) -> bool:
    """Equal; floats within the stated bound, spreads within what their rounding allows."""
    if isinstance(wanted, list):
        return list(map(canonical, found)) == list(map(canonical, wanted))
    if wanted is None or found is None:
        return found is wanted
    if isinstance(wanted, float) and math.isnan(wanted):
        return math.isnan(found)
    if isinstance(found, float) and not math.isfinite(found):
        if found == wanted:
            return True
        # Squares leave the range of floats before their root does.
        most = max(abs(Fraction(value)) for value in values)
        return bool((most**2 if function.startswith(("var", "std")) else abs(wanted)) > 10**308)
    if isinstance(found, float) and function in {"sum", "mean"}:
        n = len(values) if function == "mean" else 1
        noise = len(values) * Fraction(2) ** -104 * sum(abs(Fraction(value)) for value in values) / n
        return abs(Fraction(found) - Fraction(wanted)) <= abs(Fraction(wanted)) * Fraction(2) ** -51 + noise
    if function.startswith(("var", "std")):
        scale = max(abs(Fraction(value)) for value in values)
        scale = scale**2 if function.startswith("var") else scale
        return abs(Fraction(found) - Fraction(wanted)) <= Fraction(wanted) / 10**9 + scale / 10**7
    if isinstance(found, float) and not isinstance(wanted, float):
        return found == float(wanted)
    return bool(found == wanted)


# --- The windows ------------------------------------------------------------------------------------------------------


def cells(column: pa.ChunkedArray) -> list[Any]:
    """Values, times as numbers, those in lists too."""
    found: list[Any] = []
    for chunk in column.chunks:
        array = pc.run_end_decode(chunk) if pa.types.is_run_end_encoded(chunk.type) else chunk
        if pa.types.is_dictionary(array.type):
            known = cells(pa.chunked_array([array.dictionary]))
            found += [None if at is None else known[at] for at in array.indices.to_pylist()]
        elif pa.types.is_temporal(array.type):
            found += array.view(pa.int32() if array.type.bit_width == 32 else pa.int64()).to_pylist()
        elif pa.types.is_list(array.type):
            inner, ends = cells(pa.chunked_array([array.values])), array.offsets.to_pylist()
            lists = [inner[ends[at] : ends[at + 1]] for at in range(len(array))]
            found += [one if valid else None for one, valid in zip(lists, array.is_valid().to_pylist(), strict=True)]
        else:
            found += array.to_pylist()
    return found


def given(draw: Draw, table: pa.Table, what: str) -> Any:
    how = draw.kind(what, draw.one_of(["table", "table", "reader", "parts"]))
    if how == "parts":
        return iter([table.slice(0, 5), table.slice(5)])
    return table.to_reader(max_chunksize=9) if how == "reader" else table


def window(draw: Draw, length: int | None, offset: int) -> Any:
    """A window as a text or an object."""
    text = "lifetime" if length is None else f"{length}ns"
    if draw.chance(0.5):
        return f"{text} offset {offset}ns" if offset else text
    return lb.Window(None if length is None else f"{length}ns", offset=f"{offset}ns")


def check(draw: Draw) -> None:
    case = draw_case(draw)
    asked = [
        lb.Aggregation(None if name == "*" else name, function, window(draw, length, offset), f"{at}")
        for at, (name, function, length, offset) in enumerate(case.asked)
    ]
    wanted = []
    for name, _, length, offset in case.asked:
        rows = [events_of(draw, case, row, length, offset) for row in range(len(case.times))]
        column = [1] * len(case.event_times) if name == "*" else case.values[name]
        wanted.append([[column[event] for event in events if column[event] is not None] for events in rows])
    limit = draw.one_of([None, None, 1, 5000])
    draw.kind("memory", "unlimited" if limit is None else "limited")
    left, right = given(draw, case.left, "left class"), given(draw, case.right, "right class")
    options: dict[str, Any] = {
        "on": "t",
        "by": case.by,
        "closed": case.closed,
        "memory_limit": limit,
        "progress": False,
    }
    options |= {"known_at": "made"} if case.hides else {}
    if any(
        is_too_large(name, function, one)
        for (name, function, *_), rows in zip(case.asked, wanted, strict=True)
        for one in rows
    ):
        draw.kind("sum", "refused")
        with pytest.raises(lb.errors.InvalidArgumentError, match=r"the sum of column .* cannot hold"):
            pa.table(lb.window_aggregate(left, right, asked, **options))
        return
    found = pa.table(lb.window_aggregate(left, right, asked, **options))
    assert found.num_rows == len(case.times)
    for at, ((name, function, *_), rows) in enumerate(zip(case.asked, wanted, strict=True)):
        for cell, values in zip(cells(found[f"{at}"]), rows, strict=True):
            expected = aggregate(function, [int(one) for one in values] if is_counted(name, function) else values)
            assert is_same(cell, expected, function, values), (name, case.asked[at], cell, expected)


def is_counted(name: str, function: str) -> bool:
    """Truths are numbers to what computes with them."""
    return name == "truths" and function.removeprefix("approx_") in {"sum", "mean", *SHARES}


KINDS = """
closed: left|closed: right|closed: both|closed: none|created: hides|zones: several|units: two
era: before 1970|era: beyond 2262|era: first instants of 64 bits|era: last instants of 64 bits|era: year 1
events: none|events: one|left rows: none|left rows: one|keys: 0|keys: 2|left row: null key|left row: null time
event: at the end of a window|event: at the start of a window|event: not yet known|event: of unknown creation
event: tied with another|window of a row: empty|window of a row: of one event
window: lifetime|window: one nanosecond|window: a bit less|window: beyond 64 bits
offset: none|offset: one nanosecond|offset: two steps|offset: beyond 64 bits
function: approx_count_distinct|function: approx_median|function: approx_p90|function: count|function: count_distinct
function: first|function: first(2)|function: last|function: last(3)|function: max|function: mean|function: median
function: min|function: p90|function: quantile(0)|function: quantile(0.25)|function: quantile(1)|function: stddev
function: stddev_pop|function: sum|function: var_pop|function: variance
values: NaN, infinities and zeros|values: bytes|values: dates|values: decimals|values: decimals of hundreds
values: durations|values: floats|values: floats that cancel out|values: lists|values: narrow floats
values: nothing but nulls|values: small integers|values: texts|values: times|values: truths|values: views of texts
values: widest decimals|values: widest integers|values: widest unsigned|sum: refused
layout: chunks|layout: dictionary|layout: run ends|layout: slice|memory: limited
left class: parts|left class: reader|right class: parts|right class: reader
key: floats|key: integers around 2^63|key: decimals|key: normal forms|key: times of day
"""
WANTED = {kind for line in KINDS.strip().splitlines() for kind in line.split("|")}
MET: Counter[str] = Counter()


@pytest.mark.parametrize("part", range(N_PARTS))
def test_windows_over_drawn_events_equal_a_computation_over_all_of_them(part: int) -> None:
    for seed in range(part, N_CASES, N_PARTS):
        draw = Draw(seed)
        try:
            check(draw)
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        MET.update(draw.kinds)


def test_more_than_forty_kinds_of_windows_were_computed() -> None:
    if sum(MET.values()) == 0:
        pytest.skip("the windows are not among the tests that run")
    assert len(WANTED) > 80
    assert {kind for kind in WANTED if MET[kind] < 3} == set()
