"""Decimals are counted by their digits: no figure but mean, deviation and quantiles is rounded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb

KINDS = [pa.decimal32(9, 4), pa.decimal64(18, 4), pa.decimal128(38, 4), pa.decimal256(76, 4)]
WIDE = [pa.decimal128(38, 4), pa.decimal256(76, 4)]


def _table(values: Sequence[Decimal | None], kind: pa.DataType) -> pa.Table:
    return pa.table({"a": pa.array(values, kind)})


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_width_has_the_same_exact_figures(kind: pa.DataType) -> None:
    values = [Decimal("1.5"), Decimal("-0.0001"), None, Decimal("1.5000"), Decimal(0)]
    stats = lb.statistics(_table(values, kind))
    column = stats.column("a")
    assert (column.type, column.min, column.max, column.sum) == (
        "decimal",
        Decimal("-0.0001"),
        Decimal("1.5000"),
        Decimal("2.9999"),
    )
    assert (column.min_exact, column.max_exact, column.distinct, column.distinct_exact) == (True, True, 3, True)
    assert (column.n_zero, column.n_negative, column.n_missing) == (1, 1, 1)
    assert column.top_values == [("1.5000", 2), ("0.0000", 1), ("-0.0001", 1)]
    assert stats.to_polars().select("min", "max", "top_value").row(0) == ("-0.0001", "1.5000", "1.5000")


@pytest.mark.parametrize("kind", WIDE, ids=str)
def test_digits_that_a_double_rounds_stay(kind: pa.DataType) -> None:
    most = Decimal("12345678901234567890123456789.1234")
    near = Decimal("12345678901234567890123456789.1233")
    stats = lb.statistics(_table([most, near, near, None], kind))
    for found in (stats, lb.Statistics.from_text(stats.to_text()), lb.Statistics.from_bytes(stats.to_bytes())):
        column = found.column("a")
        assert (column.min, column.max, column.max_exact) == (near, most, True)
        assert (column.sum, column.distinct) == (Decimal("37037036703703703670370370367.3700"), 2)
        assert column.top_values == [(str(near), 2), (str(most), 1)]
        assert found.dataset().features[0].num_stats.max == float(most)
        plain = json.loads(json.dumps(column.to_dict()))
        assert (plain["min"], plain["max"]) == (str(near), str(most))
    assert str(most) in lb.statistics(_table([most], kind)).to_html()


def test_values_beyond_128_bits_are_told_apart() -> None:
    values = [Decimal(10**70 + n % 100) for n in range(5000)]
    column = lb.statistics(_table(values, pa.decimal256(76, 0))).column("a")
    assert (column.distinct, column.distinct_exact) == (100, True)
    assert (column.min, column.max) == (Decimal(10**70), Decimal(10**70 + 99))
    assert {count for _, count in column.top_values} == {50}
    assert column.sum == Decimal(f"5000{'0' * 64}247500")
    assert column.mean == pytest.approx(1e70)
    assert column.variance == pytest.approx(833.25)


def test_a_sum_of_any_size_stays_in_every_form() -> None:
    least = Decimal("-" + "9" * 76)
    stats = lb.statistics(_table([least] * 11, pa.decimal256(76, 0)))
    for found in (stats, lb.Statistics.from_text(stats.to_text()), lb.Statistics.from_bytes(stats.to_bytes())):
        assert found.column("a").sum == Decimal(f"-10{'9' * 74}89")
    assert json.loads(json.dumps(stats.column("a").to_dict()))["sum"] == f"-10{'9' * 74}89"


def test_negative_scales_have_plain_digits() -> None:
    values = pa.array([Decimal("12E3"), Decimal("-5E3")], pa.decimal128(10, -3))
    column = lb.statistics(pa.table({"a": values})).column("a")
    assert (column.min, column.max, column.sum) == (-5000, 12000, 7000)
    assert column.to_dict()["max"] == "12000"
    assert [value for value, _ in column.top_values] == ["12000", "-5000"]


@pytest.mark.parametrize("shape", ["list", "struct", "dictionary", "runs"])
def test_decimals_inside_of_other_types(shape: str) -> None:
    values = pa.array([Decimal("9007199254740993.25"), None, Decimal("-1.00")], pa.decimal256(60, 2))
    table = {
        "list": lambda: pa.table({"a": pa.ListArray.from_arrays([0, 2, 3], values)}),
        "struct": lambda: pa.table({"s": pa.StructArray.from_arrays([values], ["a"])}),
        "dictionary": lambda: pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 0]), values)}),
        "runs": lambda: pa.table({"a": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 4], pa.int32()), values)}),
    }[shape]()
    column = lb.statistics(table).column("s.a" if shape == "struct" else "a")
    assert (column.min, column.max) == (Decimal("-1.00"), Decimal("9007199254740993.25"))
    assert (column.item_type, column.distinct) == ("decimal", 2)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_weights_count_decimals_by_their_digits(kind: pa.DataType) -> None:
    table = _table([Decimal("1.5"), Decimal("2.5"), Decimal("1.5")], kind).append_column("w", pa.array([1.0, 3.0, 2.0]))
    weighted = lb.statistics(table, weights="w").column("a").weighted
    assert weighted is not None
    assert (weighted.mean, weighted.present) == (2.0, 6.0)


def test_stored_statistics_of_decimals_are_exact_and_merge() -> None:
    wh = lb.open("memory://")
    values = [Decimal("90071992547409.93"), Decimal("-0.01"), None]
    for value in values:
        wh.write("t", pl.DataFrame({"a": [value]}, schema={"a": pl.Decimal(38, 2)}))
    column = wh.statistics("t").column("a")
    assert (column.min, column.max, column.sum) == (Decimal("-0.01"), values[0], Decimal("90071992547409.92"))
    assert column.top_values == [("90071992547409.93", 1), ("-0.01", 1)]


def test_drift_names_decimals_by_their_digits() -> None:
    wh = lb.open("memory://")
    wh.write("t", pl.DataFrame({"a": [Decimal("1.10")] * 4}, schema={"a": pl.Decimal(38, 2)}))
    wh.tag("before")
    wh.write("t", pl.DataFrame({"a": [Decimal("9.99")] * 4}, schema={"a": pl.Decimal(38, 2)}))
    moved = wh.drift("t", "before", "main").column("a").moved
    assert {item.label: item.change for item in moved} == {"1.10": -0.5, "9.99": 0.5}
