"""Aggregates of values that are easily got wrong: infinities, NaN, and decimals whose sums are too large."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest

import lakebed as lb

INF, NAN = math.inf, math.nan
LABEL = pa.table({"t": pa.array([100], pa.timestamp("us"))})
MOST, LEAST = Decimal("9" * 38), Decimal("-" + "9" * 38)


def aggregate(values: pa.Array, function: str, limit: int | None = None) -> object:
    events = pa.table({"t": pa.array(range(len(values)), pa.timestamp("us")), "v": values})
    found = lb.window_aggregate(LABEL, events, {"v": function}, windows="lifetime", on="t", memory_limit=limit)
    return found.column(1)[0].as_py()


@pytest.mark.parametrize("function", ["variance", "var_pop", "stddev", "stddev_pop"])
@pytest.mark.parametrize("values", [[1.0, NAN], [INF, INF], [INF, -INF, 1.0], [NAN] * 100 + [1.0] * 3000, [-INF, 0.0]])
def test_the_spread_of_what_is_no_number_is_none(values: list[float], function: str) -> None:
    found = aggregate(pa.array(values), function)
    assert isinstance(found, float)
    assert math.isnan(found)


def test_one_infinity_spoils_only_the_windows_that_hold_it() -> None:
    values = [INF, *[1.0, 2.0] * 500, NAN, 5.0, 7.0]
    events = pa.table({"t": pa.array(range(len(values)), pa.timestamp("us")), "v": values})
    labels = pa.table({"t": pa.array([1001, 1002, len(values)], pa.timestamp("us"))})
    found = lb.window_aggregate(labels, events, {"v": "var_pop"}, windows=["1us", "2us", "1000us"], on="t")
    assert found["v_var_pop_2us"].to_pylist()[::2] == [0.25, 1.0]
    assert found["v_var_pop_1ms"][0].as_py() == pytest.approx(0.25)
    assert math.isnan(found["v_var_pop_2us"][1].as_py())
    assert math.isnan(found["v_var_pop_1ms"][2].as_py())


def mean(values: list[Decimal]) -> object:
    return pytest.approx(float(sum(map(Fraction, values), Fraction()) / len(values)), rel=1e-15)


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("values", [[MOST] * 2, [MOST] * 4, [LEAST] * 3, [MOST] * 7, [MOST, Decimal(1)]])
def test_a_sum_of_decimals_that_38_digits_cannot_hold_is_refused(values: list[Decimal], limit: int | None) -> None:
    column = pa.array(values, pa.decimal128(38, 0))
    with pytest.raises(
        lb.errors.InvalidArgumentError, match=r"sum of column 'v' .* a decimal of 38 digits cannot hold"
    ):
        aggregate(column, "sum", limit)
    assert aggregate(column, "mean", limit) == mean(values)


@pytest.mark.parametrize(
    "values", [[MOST] * 3 + [LEAST] * 3 + [Decimal(5)], [MOST, MOST, LEAST], [LEAST] * 4 + [MOST] * 4]
)
def test_a_sum_of_decimals_may_leave_their_range_on_its_way(values: list[Decimal]) -> None:
    column = pa.array(values, pa.decimal128(38, 0))
    total = aggregate(column, "sum")
    assert isinstance(total, Decimal)
    assert Fraction(total) == sum(map(Fraction, values), Fraction())
    assert aggregate(column, "mean") == mean(values)


def test_the_spread_of_decimals_far_apart_is_not_lost() -> None:
    assert aggregate(pa.array([MOST, LEAST], pa.decimal128(38, 0)), "var_pop") == pytest.approx(1e76, rel=1e-14)


@pytest.mark.parametrize("n_near", [2, 500, 3000])
@pytest.mark.parametrize("kind", [pa.int64(), pa.decimal128(30, 2)])
def test_a_number_far_away_does_not_touch_the_spread_of_others(n_near: int, kind: pa.DataType) -> None:
    """Whole numbers keep all of their digits, though the key has others that lie 2^63 away."""
    near = [2**62 + at % 2 for at in range(n_near)]
    values = [-(2**62), *near, -(2**62)]
    events = pa.table({"t": pa.array(range(len(values)), pa.timestamp("us")), "v": pa.array(values).cast(kind)})
    labels = pa.table({"t": pa.array([n_near + 1, len(values)], pa.timestamp("us"))})
    found = lb.window_aggregate(labels, events, {"v": ["var_pop", "stddev_pop"]}, windows=f"{n_near}us", on="t")
    variances, deviations = found.columns[1:]
    assert variances[0].as_py() == pytest.approx(0.25, rel=1e-12)
    assert deviations[0].as_py() == pytest.approx(0.5, rel=1e-12)
    last = [Fraction(value) for value in values[2:]]
    mean = sum(last, Fraction()) / len(last)
    spread = sum(((value - mean) ** 2 for value in last), Fraction()) / len(last)
    assert variances[1].as_py() == pytest.approx(float(spread), rel=1e-12)


TO_FLOAT = ["mean", "var", "stddev_pop", "median", "p90", "quantile(0.5)", "approx_median"]
RESULTS = {
    "count": (pa.int64(), 0),
    "count_distinct": (pa.int64(), 0),
    "approx_count_distinct": (pa.int64(), 0),
    "last_k(2)": (pa.list_(pa.null()), []),
    **dict.fromkeys(["sum", "min", "max", "first", "last"], (pa.null(), None)),
    **dict.fromkeys(TO_FLOAT, (pa.float64(), None)),
}


@pytest.mark.parametrize("limit", [None, 1 << 20])
@pytest.mark.parametrize("function", RESULTS)
def test_a_column_of_type_null_has_no_values(function: str, limit: int | None) -> None:
    events = pa.table({"t": pa.array(range(3), pa.timestamp("us")), "v": pa.nulls(3)})
    for rows in (events, events[:0]):
        found = lb.window_aggregate(LABEL, rows, {"v": function}, windows="lifetime", on="t", memory_limit=limit)
        kind, value = RESULTS[function]
        assert (found.schema.types[1], found.column(1).to_pylist()) == (kind, [value])


def test_coded_nulls_have_no_values_either() -> None:
    coded = pa.DictionaryArray.from_arrays(pa.array([None, 0], pa.int8()), pa.nulls(1))
    for function in ("count_distinct", "sum", "min", "mean"):
        assert aggregate(coded, function) == (0 if function == "count_distinct" else None)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_are_measured_in_the_unit_of_their_column(unit: str) -> None:
    values = pa.array([1, 3], pa.int64()).cast(pa.duration(unit))
    found = [aggregate(values, function) for function in ("mean", "var", "var_pop", "median", "approx_p90")]
    assert found == [2.0, 2.0, 1.0, 1.0, 3.0]
    assert aggregate(values, "sum") == pa.scalar(4, pa.duration(unit)).as_py()


def test_decimals_and_booleans_have_the_results_that_are_told() -> None:
    decimals = pa.array([Decimal("0.1"), Decimal("0.3")], pa.decimal128(5, 1))
    assert [aggregate(decimals, function) for function in ("sum", "mean", "median")] == [Decimal("0.4"), 0.2, 0.1]
    booleans = pa.array([True, False, True])
    found = [aggregate(booleans, function) for function in ("sum", "mean", "median", "max")]
    assert found == [2, pytest.approx(2 / 3), 1.0, True]
    assert isinstance(found[0], int)
