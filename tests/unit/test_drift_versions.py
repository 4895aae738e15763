"""Drift between versions and windows of time: distances, what moved, and that no row is read."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import lakebed as lb
from lakebed.cli import app
from lakebed.errors import ColumnNotFoundError, InvalidArgumentError
from lakebed.statistics import Statistics
from lakebed.validation import Drift, compare

RNG = np.random.default_rng(3)


def drift(before: dict[str, Any], after: dict[str, Any]) -> Drift:
    return compare(lb.statistics(pl.DataFrame(before)), lb.statistics(pl.DataFrame(after)))


def test_labels_are_compared_by_their_shares() -> None:
    column = drift({"x": ["a", "a", "b", "b"]}, {"x": ["a", "b", "b", "c"]}).column("x")
    assert (column.infinity_norm, column.normalized_abs_difference, column.kolmogorov_smirnov) == (0.25, 0.125, None)
    p, q = [0.5, 0.5, 0.0], [0.25, 0.5, 0.25]
    expected = sum(0.5 * s * math.log2(2 * s / (a + b)) for a, b in zip(p, q, strict=True) for s in (a, b) if s)
    assert column.jensen_shannon_divergence == pytest.approx(expected)
    assert {item.label: item.change for item in column.moved} == {"a": -0.25, "c": 0.25}
    assert column.is_exact


def test_equal_data_do_not_drift() -> None:
    same = {"i": list(range(6000)), "f": [1.5, math.nan, math.inf] * 2000, "s": [f"v{i}" for i in range(6000)]}
    for column in drift(same, same):
        assert (column.jensen_shannon_divergence, column.infinity_norm, column.moved) == (0.0, 0.0, [])


def test_data_without_anything_in_common_are_as_far_as_can_be() -> None:
    for before, after in (([1, 2], [5, 6]), (["a"], ["b"]), ([1.0] * 9000, [2.0 + i for i in range(9000)])):
        column = drift({"x": before}, {"x": after}).column("x")
        assert column.jensen_shannon_divergence == pytest.approx(1.0)


@pytest.mark.parametrize("n", [40, 20_000], ids=["few", "many"])
def test_numbers_are_always_answered_and_a_shift_is_seen(n: int) -> None:
    before = RNG.normal(0, 1, n)
    column = drift({"x": before}, {"x": before + 2}).column("x")
    assert column.kolmogorov_smirnov == pytest.approx(0.68, abs=0.17)
    assert column.jensen_shannon_divergence > 0.3
    assert len(column.moved) > 3
    if n > 1000:
        still = drift({"x": before}, {"x": RNG.normal(0, 1, n)}).column("x")
        assert still.jensen_shannon_divergence < 0.01


def test_nulls_and_other_columns_are_told_apart() -> None:
    found = drift({"a": [1, None], "gone": [1, 2], "t": [1, 2]}, {"a": [1, 1], "new": [1, 2], "t": ["x", "y"]})
    assert (found.added, found.removed, found.retyped) == (["new"], ["gone"], ["t"])
    assert (found.column("a").missing_before, found.column("a").missing_after) == (0.5, 0.0)
    with pytest.raises(ColumnNotFoundError):
        found.column("gone")


def test_values_beyond_the_frequent_ones_count_as_one() -> None:
    before = [f"v{i}" for i in range(10_000)] + ["often"] * 5000
    column = drift({"x": before}, {"x": [f"w{i}" for i in range(10_000)] + ["often"] * 5000}).column("x")
    assert not column.is_exact
    assert column.infinity_norm < 1


def test_members_of_structs_and_items_of_lists_drift() -> None:
    found = drift({"s": [{"a": 1}], "l": [["x"]]}, {"s": [{"a": 2}], "l": [["x", "y"]]})
    assert found.column("s.a").infinity_norm == 1.0
    assert found.column("l").infinity_norm == 0.5


def test_statistics_of_other_makers_are_compared_by_ranks_and_buckets() -> None:
    before, after = ({"s": ["a", "b"], "x": [0.0, 10.0]}, {"s": ["b"] * 4, "x": [0.0, 0.0, 10.0, 10.0]})
    read = [Statistics.from_bytes(lb.statistics(pl.DataFrame(data)).to_bytes()) for data in (before, after)]
    found = compare(*read)
    assert (found.column("s").infinity_norm, found.column("x").jensen_shannon_divergence) == (0.5, 0.0)


def test_versions_are_compared_without_reading_rows() -> None:
    wh = lb.open("memory://")
    wh.write("t", pl.DataFrame({"a": ["x"] * 10, "n": range(10)}))
    wh.tag("v1")
    wh.write("t", pl.DataFrame({"a": ["y"] * 10, "n": range(100, 110)}))
    found = wh.drift("t", "v1")
    assert wh.counters()["data_bytes"] == 0
    assert found.column("a").moved[0].label in ("x", "y")
    assert wh.drift("t", "v1", "v1").column("n").infinity_norm == 0
    assert [column.name for column in wh.drift("t", "v1", columns=["n"])] == ["n"]
    with pytest.raises(ColumnNotFoundError):
        wh.drift("t", "v1", columns=["q"])


def test_windows_of_time_hold_their_start_and_not_their_end() -> None:
    wh = lb.open("memory://")
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(60)]
    wh.write("t", pl.DataFrame({"day": days, "x": ["a" if day.month == 1 else "b" for day in days]}))
    found = wh.drift("t", ("2024-01-01", "2024-02-01"), (dt.date(2024, 2, 1), None), time="day", columns=["x"])
    assert (found.column("x").infinity_norm, found.sides) == (1.0, ("2024-01-01 .. 2024-02-01", "2024-02-01 .. "))
    with pytest.raises(InvalidArgumentError, match="a window is a pair"):
        wh.drift("t", "2024-01-01", time="day")


def test_drift_is_shown_and_given_out() -> None:
    found = drift({"<b>": ["x", "y"]}, {"<b>": ["x", "x"]})
    assert "&lt;b&gt;" in found._repr_html_()
    assert found.to_html().startswith("<!DOCTYPE html>")
    assert found.to_polars().height == len(found) == 1
    assert found.to_dict()["columns"][0]["moved"][0]["before"] == 0.5
    assert found.__rich__().row_count == 1
    assert repr(found).startswith("Drift(1 columns from before to after, farthest '<b>'")
    assert [column.name for column in found.exceeding(0.1)] == ["<b>"]
    assert found.exceeding(0.5, distance="infinity_norm") == []
    with pytest.raises(InvalidArgumentError, match="no distance 'L1'"):
        found.exceeding(0.1, distance="L1")


def test_the_command_line_exits_with_3_above_a_threshold(tmp_path: Any) -> None:
    wh = lb.open(tmp_path / "w")
    wh.write("t", pl.DataFrame({"a": ["x", None], "day": ["2024-01-01", "2024-02-01"]}))
    wh.tag("v1")
    wh.write("t", pl.DataFrame({"a": ["y", "y"], "day": ["2024-02-02", "2024-02-03"]}))
    run = CliRunner().invoke
    folder = str(tmp_path / "w")
    odd = run(app, ["drift", folder, "t", "v1", "--distance", "far"])
    assert (odd.exit_code, "there is no distance 'far'" in str(odd.exception)) == (1, True)
    calm = run(app, ["drift", folder, "t", "v1", "--threshold", "0.9", "--json"])
    assert (calm.exit_code, '"infinity_norm"' in calm.output) == (0, True)
    loud = run(app, ["drift", folder, "t", "v1", "--threshold", "0.1", "--html", str(tmp_path / "d.html")])
    assert loud.exit_code == 3
    assert (tmp_path / "d.html").exists()
    windows = run(app, ["drift", folder, "t", "..2024-02-01", "2024-02-01..", "--time", "day"])
    assert windows.exit_code == 0
    missing = run(app, ["stats", folder, "t", "--max-missing", "0.1", "--html", str(tmp_path / "s.html")])
    assert (missing.exit_code, (tmp_path / "s.html").exists()) == (3, True)
    assert run(app, ["stats", folder, "t", "--max-missing", "0.3"]).exit_code == 0
    sliced = run(app, ["stats", folder, "t", "--where", "a IS NOT NULL", "--slice", "a", "--json"])
    assert '"a_y"' in sliced.output
    pl.DataFrame({"z": [1, 2]}).write_csv(tmp_path / "f.csv")
    assert run(app, ["stats", str(tmp_path / "f.csv"), "--json"]).exit_code == 0


def test_rows_that_were_deleted_make_drift_inexact_unless_asked_for() -> None:
    wh = lb.open("memory://")
    wh.write("t", pl.DataFrame({"a": range(100)}))
    wh.tag("v1")
    wh.table("t").delete(where="a < 50")
    assert not wh.drift("t", "v1").column("a").is_exact
    assert wh.drift("t", "v1", "v1").column("a").is_exact
    exact = wh.drift("t", "v1", exact=True).column("a")
    assert exact.is_exact
    assert exact.kolmogorov_smirnov == pytest.approx(0.5)


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt16, pl.Float32, pl.Float64, pl.Decimal(10, 2)])
def test_numbers_are_answered_when_their_type_changes(kind: Any) -> None:
    before = pl.DataFrame({"x": [1, 2, 3, 4], "y": [0, 0, 0, 9]})
    found = compare(lb.statistics(before), lb.statistics(before.select(pl.col("y"), pl.col("x").cast(kind))))
    assert [column.name for column in found] == ["y", "x"]
    assert found.retyped == []
    assert found.column("x").jensen_shannon_divergence == pytest.approx(0.0)
    moved = compare(lb.statistics(before), lb.statistics(before.select(pl.col("x").cast(kind) + 50))).column("x")
    assert moved.jensen_shannon_divergence == pytest.approx(1.0)
    assert moved.moved[0].label != "0"
    assert all(
        math.copysign(1, column.jensen_shannon_divergence) == 1 for column in drift({"e": [None]}, {"e": [None]})
    )


def test_json_of_the_command_line_has_no_nan_and_no_infinity(tmp_path: Any) -> None:
    wh = lb.open(tmp_path / "w")
    wh.write("t", pl.DataFrame({"x": [math.nan, math.inf, -math.inf, 1.0]}))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = CliRunner().invoke(app, ["stats", str(tmp_path / "w"), "t", "--json"])
    column = json.loads(found.stdout, parse_constant=refuse)["datasets"][0]["columns"][0]
    assert (column["min"], column["max"], column["n_nan"]) == ("-Infinity", "Infinity", 1)
    assert CliRunner().invoke(app, ["drift", str(tmp_path / "w"), "t", "main", "--exact", "--json"]).exit_code == 0


def test_the_command_line_names_the_columns_that_cannot_be_compared(tmp_path: Any) -> None:
    wh = lb.open(tmp_path / "w")
    wh.write("t", pl.DataFrame({"a": [1], "b": ["x"], "c": [1]}))
    wh.tag("v1")
    wh.write("t", pl.DataFrame({"a": ["x"], "b": ["x"], "d": [1]}), mode="overwrite")
    output = CliRunner().invoke(app, ["drift", str(tmp_path / "w"), "t", "v1"]).output
    for line in ("new: d", "gone: c", "of a type that cannot be compared: a"):
        assert f"columns that are {line}" in output
