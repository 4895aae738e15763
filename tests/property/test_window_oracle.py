"""Aggregates over windows equal those of plain Python over all events, for every function, window and type."""

from __future__ import annotations

import decimal
import math
import random
from fractions import Fraction
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.point_in_time import Side, Span, aggregate, duration

import lakebed as lb
from lakebed import errors

FEW = settings(max_examples=25)
FLOATS = st.sampled_from([0.0, -1.5, 1e16, -1e16, 1.0, 3.25, 1e-9, 1e300, -1e300])
TYPES: dict[str, tuple[pa.DataType, Any]] = {
    "small integers": (pa.int8(), st.integers(-128, 127)),
    "integers above 2^53": (pa.int64(), st.integers(2**60, 2**60 + 9)),
    "unsigned integers": (pa.uint64(), st.integers(2**62, 2**62 + 9)),
    "floats of every size": (pa.float64(), FLOATS),
    "narrow floats": (pa.float32(), st.sampled_from([0.5, 0.25, -3.0])),
    "decimals": (pa.decimal128(20, 3), st.decimals(-9, 9, places=3)),
    "booleans": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.sampled_from(["", "a", "ab", "\u00e9"])),
    "encoded text": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["", "a", "b"])),
    "dates": (pa.date32(), st.dates()),
}
NUMERIC = ["sum", "mean", "variance", "var_pop", "stddev", "median"]
PLAIN = ["count", "count_distinct", "first", "last", "last(2)", "first(3)", "min", "max"]
NO_NUMBER = {"text", "encoded text", "dates"}
SPANS = [None, 1, 2, 3, 7, 50, 10**6]


@st.composite
def problems(draw: st.DrawFn, kind: str) -> tuple[pa.Table, pa.Table]:
    """Labels and events in any order, with ties and nulls."""
    tables = []
    for most in (8, 25):
        n = draw(st.integers(0, most))
        times = draw(st.lists(st.none() | st.integers(-12, 12), min_size=n, max_size=n))
        keys = draw(st.lists(st.none() | st.sampled_from("ab"), min_size=n, max_size=n))
        data_type, values = TYPES[kind]
        column = draw(st.lists(st.none() | values, min_size=n, max_size=n))
        made = draw(st.lists(st.none() | st.integers(-12, 12), min_size=n, max_size=n))
        if pa.types.is_dictionary(data_type):
            array = pa.array(column, pa.string()).dictionary_encode().cast(data_type)
        else:
            array = pa.array(column, data_type)
        times_array, made_array = (pa.array(items, pa.int64()).cast(pa.timestamp("us")) for items in (times, made))
        tables.append(pa.table({"t": times_array, "k": pa.array(keys, pa.string()), "x": array, "made": made_array}))
    return tables[0].drop_columns(["x", "made"]), tables[1]


@st.composite
def spans(draw: st.DrawFn, closed: str) -> Span:
    length = draw(st.sampled_from(SPANS))
    return Span(None if length is None else length * 1000, draw(st.sampled_from([0, 0, 1, 5])) * 1000, closed)


def window(span: Span) -> lb.Window:
    return lb.Window(None if span.length is None else duration(span.length), offset=duration(span.offset))


def same(found: Any, expected: Any, values: list[Any]) -> bool:
    """Equal; floats within the stated bound."""
    if isinstance(expected, float) and isinstance(found, float):
        if math.isnan(expected) or math.isinf(expected):
            return repr(found) == repr(expected)
        scale = sum(abs(value) for value in values if value is not None) if values else 0
        return math.isclose(found, expected, rel_tol=1e-12, abs_tol=float(scale) * 1e-15)
    return bool(found == expected)


def expected_cells(events: list[list[int]], column: list[Any], function: str) -> list[Any]:
    return [aggregate(function, [column[row] for row in rows]) for rows in events]


@pytest.mark.parametrize("kind", TYPES)
@FEW
@given(st.data())
def test_every_function_of_every_type(kind: str, data: st.DataObject) -> None:
    labels, events = data.draw(problems(kind))
    closed: Any = data.draw(st.sampled_from(["left", "right", "both", "none"]))
    asked = data.draw(st.lists(spans(closed), min_size=1, max_size=3, unique=True))
    functions = PLAIN if kind in NO_NUMBER else PLAIN + NUMERIC
    known = data.draw(st.booleans())
    limit = data.draw(st.none() | st.just(100))
    options: dict[str, Any] = {"known_at": "made"} if known else {}
    found = lb.window_aggregate(
        labels,
        events,
        {"x": functions, "*": "count"},
        windows=[window(span) for span in asked],
        on="t",
        by="k",
        closed=closed,
        memory_limit=limit,
        **options,
    )
    assert found.select(labels.column_names).equals(labels)
    left, right = Side.of(labels, ["k"]), Side.of(events, ["k"], "made" if known else None)
    column = events["x"].to_pylist()
    for span in asked:
        rows = [
            span.events(time, keys, right, only_known=known) for time, keys in zip(left.times, left.keys, strict=True)
        ]
        assert found[f"count_{window(span).name}"].to_pylist() == [len(members) for members in rows]
        for function in functions:
            name = lb.Aggregation("x", function).column_name(window(span))
            cells = found[name].to_pylist()
            for cell, members in zip(cells, rows, strict=True):
                values = [column[row] for row in members]
                numbers = [float(value) for value in values if value is not None] if function in NUMERIC else []
                is_spread = function.startswith(("var", "std"))
                if is_spread and any(abs(number) > 1e150 for number in numbers):
                    continue  # Squares beyond the range of floats.
                spread = [number**2 for number in numbers] if is_spread else numbers
                reference = aggregate(function, values)
                reference = float(reference) if function in {"mean", "median"} and reference is not None else reference
                assert same(cell, reference, spread), (name, values)


def test_types_of_results() -> None:
    labels = pa.table({"t": pa.array([9], pa.timestamp("us"))})
    columns = {kind: data_type for kind, (data_type, _) in TYPES.items()}
    events = pa.table(
        {"t": pa.array([], pa.timestamp("us")), **{name: pa.array([], kind) for name, kind in columns.items()}}
    )
    for name, kind in columns.items():
        found = lb.window_aggregate(labels, events, {name: ["count", "min", "last", "last(2)"]}, windows="7d", on="t")
        types = [found.schema.field(f"{name}_{part}_7d").type for part in ("count", "min", "last", "last_2")]
        assert types == [pa.int64(), kind, kind, pa.list_(kind)]
    sums = {name: columns[name] for name in columns if name not in NO_NUMBER}
    found = lb.window_aggregate(labels, events, {name: ["sum", "mean"] for name in sums}, windows="7d", on="t")
    expected = {
        "small integers": pa.int64(),
        "unsigned integers": pa.uint64(),
        "narrow floats": pa.float64(),
        "decimals": pa.decimal128(38, 3),
        "booleans": pa.int64(),
    }
    assert {name: found.schema.field(f"{name}_sum_7d").type for name in expected} == expected
    assert found["small integers_sum_7d"].to_pylist() == [None]


def test_a_sum_that_64_bits_cannot_hold_is_an_error_and_as_a_decimal_exact() -> None:
    labels = pa.table({"t": pa.array([9], pa.timestamp("us"))})
    events = pa.table({"t": pa.array([1, 2], pa.timestamp("us")), "x": pa.array([2**62, 2**62], pa.int64())})
    with pytest.raises(errors.InvalidArgumentError, match=r"sum of column 'x'.*9223372036854775808.*decimal"):
        lb.window_aggregate(labels, events, {"x": "sum"}, windows="7d", on="t")
    wide = events.set_column(1, "x", events["x"].cast(pa.decimal128(38, 0)))
    found = lb.window_aggregate(labels, wide, {"x": "sum"}, windows="7d", on="t")
    assert found["x_sum_7d"].to_pylist() == [decimal.Decimal(2**63)]


def test_a_value_outside_of_the_window_does_not_touch_the_sum() -> None:
    labels = pa.table({"t": pa.array([10, 20], pa.timestamp("us"))})
    events = pa.table({"t": pa.array([1, 15, 16, 17], pa.timestamp("us")), "x": [1e300, 0.1, 0.2, 0.3]})
    found = lb.window_aggregate(labels, events, {"x": ["sum", "mean"]}, windows="9us", on="t")
    assert found["x_sum_9us"].to_pylist() == [1e300, math.fsum([0.1, 0.2, 0.3])]
    special = events.set_column(1, "x", pa.array([float("nan"), float("inf"), 1.0, 2.0]))
    found = lb.window_aggregate(labels, special, {"x": ["sum", "max", "min"]}, windows=["9us", "4us"], on="t")
    assert repr(found["x_sum_9us"].to_pylist()) == "[nan, inf]"
    assert found["x_sum_4us"].to_pylist() == [None, 3.0]
    assert found["x_max_9us"].to_pylist()[1] == float("inf")
    assert found["x_min_9us"].to_pylist()[1] == 1.0


AMOUNTS = st.integers(-(10**7), 10**7).map(lambda cents: cents / 100) | st.sampled_from([0.1, -0.0, 1e-9, 3e9, 2.0**40])


@FEW
@given(st.lists(AMOUNTS, min_size=1, max_size=40), st.integers(1, 40).filter(lambda length: length != 2))
def test_sums_of_values_that_lie_close_together_are_rounded_once(values: list[float], length: int) -> None:
    n = len(values)
    events = pa.table({"t": pa.array(range(n), pa.timestamp("us")), "x": pa.array(values, pa.float64())})
    labels = pa.table({"t": pa.array(range(1, n + 1), pa.timestamp("us"))})
    windows = [f"{length}us", "2us", "lifetime"]
    found = lb.window_aggregate(labels, events, {"x": ["sum", "mean"]}, windows=windows, on="t")
    for window, reach in zip(windows, (length, 2, n), strict=True):
        sums = [math.fsum(values[max(0, end - reach) : end]) for end in range(1, n + 1)]
        assert found[f"x_sum_{window}"].to_pylist() == sums
        means = [total / min(reach, end) for end, total in enumerate(sums, 1)]
        assert found[f"x_mean_{window}"].to_pylist() == means


@pytest.mark.parametrize("n_events", [700, 9_000])
def test_long_windows_fold_blocks(n_events: int) -> None:
    noise = random.Random(n_events)
    times = sorted(noise.randrange(10**6) for _ in range(n_events))
    values = [noise.choice([noise.gauss(0, 1), noise.gauss(0, 1e12)]) for _ in times]
    whole = [noise.randrange(n_events // 3) for _ in times]
    labels = pa.table({"t": pa.array([noise.randrange(10**6) for _ in range(60)], pa.timestamp("us"))})
    order = list(range(n_events))
    noise.shuffle(order)
    columns = {"t": pa.array(times, pa.timestamp("us")), "x": pa.array(values), "n": pa.array(whole)}
    events = pa.table(columns).take(pa.array(order))
    functions = ["sum", "mean", "variance", "min", "max", "median", "p99"]
    spans = [Span(1000 * length) for length in (1_000, 300_000, 900_000)]
    asked = {"x": functions, "n": ["sum", "count_distinct", "variance", "min", "max"]}
    found = lb.window_aggregate(labels, events, asked, windows=[window(span) for span in spans], on="t")
    times_left = labels["t"].cast(pa.int64()).to_pylist()
    for span in spans:
        name = window(span).name
        for row, time in enumerate(times_left):
            start = time - (span.length or 0) // 1000
            members = [at for at, other in enumerate(times) if start <= other < time]
            inside, ints = [values[at] for at in members], [whole[at] for at in members]
            cell = {
                column: found[f"{column}_{name}"][row].as_py()
                for column in ("x_sum", "x_min", "x_max", "x_median", "x_p99")
            }
            if not members:
                assert set(cell.values()) == {None}
                continue
            # The bound that is stated: an ulp of the result and a trace of the window's absolute values.
            bound = abs(math.fsum(inside)) * 2.0**-52 + len(inside) * 2.0**-104 * math.fsum(map(abs, inside))
            assert abs(Fraction(cell["x_sum"]) - sum(map(Fraction, inside), Fraction())) <= bound
            ranked = sorted(inside)
            expected = (
                ranked[0],
                ranked[-1],
                ranked[math.ceil(0.5 * len(ranked)) - 1],
                ranked[math.ceil(0.99 * len(ranked)) - 1],
            )
            assert (cell["x_min"], cell["x_max"], cell["x_median"], cell["x_p99"]) == expected
            assert found[f"n_sum_{name}"][row].as_py() == sum(ints)
            assert found[f"n_count_distinct_{name}"][row].as_py() == len(set(ints))
            variance = aggregate("variance", ints)
            assert same(found[f"n_variance_{name}"][row].as_py(), variance, [1.0] if variance is None else [variance])


ROWS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("ab")), min_size=1, max_size=30)


@given(ROWS, ROWS, st.integers(1, 9), st.sampled_from(["left", "right", "both", "none"]))
@settings(max_examples=30)
def test_windows_equal_those_of_polars(labels: list[Any], events: list[Any], length: int, closed: Any) -> None:
    left, right = (
        pl.DataFrame(rows, schema={"t": pl.Int64, "k": pl.String}, orient="row").with_columns(
            pl.col("t").cast(pl.Datetime("us"))
        )
        for rows in (labels, events)
    )
    left, right = left.with_row_index("row"), right.with_columns(x=pl.int_range(pl.len()))
    ours = lb.window_aggregate(
        left, right, {"x": ["sum", "count"]}, windows=f"{length}us", on="t", by="k", closed=closed
    )
    start = pl.col("t_right") >= pl.col("t") - pl.duration(microseconds=length)
    start = start if closed in {"left", "both"} else pl.col("t_right") > pl.col("t") - pl.duration(microseconds=length)
    end = pl.col("t_right") <= pl.col("t") if closed in {"right", "both"} else pl.col("t_right") < pl.col("t")
    pairs = left.join(right.rename({"t": "t_right"}), on="k").filter(start & end)
    theirs = left.join(pairs.group_by("row").agg(pl.col("x").sum(), n=pl.len()), on="row", how="left").sort("row")
    assert ours[f"x_sum_{length}us"].to_list() == theirs["x"].to_list()
    assert ours[f"x_count_{length}us"].to_list() == [n or 0 for n in theirs["n"]]
