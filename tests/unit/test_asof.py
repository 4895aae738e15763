"""The point-in-time join, case by case: boundaries, ties, nulls, types, classes of frames, names, extreme dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors

START = dt.datetime.fromisoformat("2013-01-01T00:00")


def times(*hours: float | None) -> list[dt.datetime | None]:
    return [None if hour is None else START + dt.timedelta(hours=hour) for hour in hours]


def frame(hours: Sequence[float | None], **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"t": times(*hours), **columns}, schema_overrides={"t": pl.Datetime("us")})


def matches(left: Any, right: Any, **options: Any) -> list[Any]:
    """Values of the right column `v` for each left row."""
    return list(pl.DataFrame(lb.asof_join(left, right, **{"on": "t", **options}))["v"])


# --- Which row matches ------------------------------------------------------------------------------------------------


def test_the_newest_row_that_is_not_later_matches() -> None:
    right = frame([1, 2, 3], v=[10, 20, 30])
    assert matches(frame([0.5, 1, 1.5, 3, 99]), right) == [None, 10, 10, 30, 30]


def test_looking_forward_the_oldest_row_that_is_not_earlier_matches() -> None:
    right = frame([1, 2, 3], v=[10, 20, 30])
    assert matches(frame([0.5, 1, 1.5, 3, 99]), right, strategy="forward") == [10, 10, 20, 30, None]


def test_a_row_of_the_very_same_time_can_be_left_out() -> None:
    right = frame([1, 2], v=[10, 20])
    assert matches(frame([1, 2, 2.5]), right, allow_exact_matches=False) == [None, 10, 20]
    assert matches(frame([0.5, 1, 2]), right, allow_exact_matches=False, strategy="forward") == [10, 20, None]


@pytest.mark.parametrize("tolerance", ["2h", "1h60m", "7200s", dt.timedelta(hours=2), "7200000000000ns"])
def test_the_tolerance_is_inclusive(tolerance: Any) -> None:
    right = frame([0], v=[1])
    just_late = [2, 2 + 1 / 3_600_000_000]
    assert matches(frame(just_late), right, tolerance=tolerance) == [1, None]
    assert matches(frame([-2, -2.001]), right, tolerance=tolerance, strategy="forward") == [1, None]


@pytest.mark.parametrize("tolerance", [None, 0, "0s", dt.timedelta(0)])
def test_without_a_tolerance_the_age_does_not_matter(tolerance: Any) -> None:
    right = frame([0], v=[1])
    assert matches(frame([24 * 365 * 100, 0]), right, tolerance=tolerance) == [1, 1]


def test_of_equal_times_the_last_row_wins() -> None:
    right = frame([1, 1, 1, 0], v=[1, 2, 3, 4])
    assert matches(frame([1, 5]), right) == [3, 3]
    assert matches(frame([0.5]), right, strategy="forward") == [3]
    assert matches(frame([1]), right.reverse()) == [1]


def test_both_sides_may_be_in_any_order_and_the_left_order_stays() -> None:
    left = frame([3, 1, 2, 1], n=[1, 2, 3, 4])
    right = frame([2, 0, 3, 1], v=[2, 0, 3, 1])
    joined = lb.asof_join(left, right, on="t")
    assert joined.select("t", "n").equals(left)
    assert joined["v"].to_list() == [3, 1, 2, 1]


def test_late_arrival_does_not_leak_into_a_past_label() -> None:
    right = frame([5, 1], v=["late", "early"])
    assert matches(frame([2, 4.999]), right) == ["early", "early"]


def test_equal_left_rows_are_all_kept() -> None:
    left = frame([1, 1, 1], label=[0, 1, 0])
    assert lb.asof_join(left, frame([0], v=[7]), on="t").rows() == [(*times(1), label, 7) for label in (0, 1, 0)]


def test_rows_with_only_future_or_too_old_candidates_are_kept_without_a_match() -> None:
    right = frame([0, 9], k=["a", "b"], v=[1, 2])
    left = frame([5, 5, 5], k=["a", "b", "c"])
    assert matches(left, right, by=["k"], tolerance="1h") == [None, None, None]


# --- Nulls ------------------------------------------------------------------------------------------------------------


def test_a_null_time_matches_nothing_and_the_row_stays() -> None:
    assert matches(frame([None, 1]), frame([None, 0, None], v=[1, 2, 3])) == [None, 2]
    assert matches(frame([None, 1]), frame([None, 2, None], v=[1, 2, 3]), strategy="forward") == [None, 2]


def test_a_null_key_matches_nothing_not_even_a_null_key() -> None:
    left = frame([1, 1], k=["a", None], j=[1, 1])
    right = frame([0, 0], k=["a", None], j=[1, 1], v=[1, 2])
    assert matches(left, right, by=["k"]) == [1, None]
    assert matches(left, right, by=["j", "k"]) == [1, None]


def test_a_null_in_the_newest_row_is_its_value() -> None:
    assert matches(frame([3]), frame([1, 2], v=[1, None])) == [None]


# --- Keys -------------------------------------------------------------------------------------------------------------


def test_all_keys_have_to_be_equal() -> None:
    left = frame([1, 1, 1], a=["x", "x", "y"], b=[1, 2, 1])
    right = frame([0, 0, 0], a=["x", "y", "x"], b=[1, 1, 9], v=[1, 2, 3])
    assert matches(left, right, by=["a", "b"]) == [1, None, 2]
    assert matches(left, right, by=["b", "a"]) == [1, None, 2]


def test_one_key_may_be_given_as_a_text() -> None:
    left, right = frame([1], key=["a"]), frame([0], key=["a"], v=[1])
    assert matches(left, right, by="key") == [1]


def test_keys_may_have_different_names() -> None:
    left = frame([1], station=["JFK"])
    right = frame([0], origin=["JFK"], v=[1]).rename({"t": "time"})
    joined = lb.asof_join(left, right, on=None, left_on="t", right_on="time", left_by=["station"], right_by=["origin"])
    assert joined.columns == ["t", "station", "v"]
    assert joined["v"].to_list() == [1]


INTEGERS = [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64]


@pytest.mark.parametrize("left_type", INTEGERS)
@pytest.mark.parametrize("right_type", INTEGERS)
def test_integers_of_different_widths_are_compared_by_value(left_type: Any, right_type: Any) -> None:
    left = frame([1, 1], k=pl.Series([7, 100], dtype=left_type))
    right = frame([0, 0], k=pl.Series([100, 8], dtype=right_type), v=[1, 2])
    joined = lb.asof_join(left, right, on="t", by=["k"])
    assert (joined["v"].to_list(), joined.schema["k"]) == ([None, 1], left_type())


def test_a_negative_key_is_not_the_unsigned_number_of_the_same_bits() -> None:
    left = frame([1, 1], k=pl.Series([-1, 5], dtype=pl.Int64))
    right = frame([0, 0], k=pl.Series([2**64 - 1, 5], dtype=pl.UInt64), v=[1, 2])
    assert matches(left, right, by=["k"]) == [None, 2]
    assert matches(right.rename({"v": "w"}), left.with_columns(v=1), by=["k"]) == [None, None]


KEYS: dict[str, tuple[Any, Any]] = {
    "text": (pl.Series(["", "a", "é"]), None),
    "categorical and text": (pl.Series(["", "a", "é"], dtype=pl.Categorical), pl.String),
    "boolean": (pl.Series([True, False, True]), None),
    "date": (pl.Series([dt.date(2013, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31)]), None),
    "time zone": (pl.Series(times(0, 1, 2)).dt.replace_time_zone("UTC"), None),
    "binary": (pl.Series([b"", b"\0", b"a"]), None),
    "float": (pl.Series([1.5, float("nan"), 0.0]), None),
    "decimal": (pl.Series(["1.10", "2.00", "3.00"]).str.to_decimal(scale=2), None),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_every_plain_type_match(kind: str) -> None:
    values, right_type = KEYS[kind]
    other = values if right_type is None else values.cast(right_type)
    right = frame([0, 0, 0], k=other, v=[0, 1, 2])
    expected = [2, 1, 2] if kind == "boolean" else [0, 1, 2]
    assert matches(frame([1, 1, 1], k=values), right, by=["k"]) == expected


def test_the_bounds_of_composite_keys_do_not_run_together() -> None:
    left = frame([1, 1], a=["x\0", "x"], b=["y", "\0y"])
    right = frame([0], a=["x"], b=["\0y"], v=[1])
    assert matches(left, right, by=["a", "b"]) == [None, 1]


@pytest.mark.parametrize("values", [[[1]], [{"a": 1}]])
def test_keys_that_have_no_plain_equality_are_refused(values: list[Any]) -> None:
    with pytest.raises(errors.UnsupportedTypeError, match=r"column 'k' has the unsupported type .* to use it as a key"):
        matches(frame([1], k=values), frame([0], k=values, v=[1]), by=["k"])


# --- Times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("right_unit", ["ms", "us", "ns"])
def test_units_of_time_may_differ(left_unit: Any, right_unit: Any) -> None:
    left = frame([1, 2]).cast({"t": pl.Datetime(left_unit)})
    right = frame([1, 2.5], v=[1, 2]).cast({"t": pl.Datetime(right_unit)})
    joined = lb.asof_join(left, right, on="t")
    assert (joined["v"].to_list(), joined.schema["t"]) == ([1, 1], pl.Datetime(left_unit))


def test_nanoseconds_are_exact() -> None:
    left = pl.DataFrame({"t": [10, 11, 12]}).cast({"t": pl.Datetime("ns")})
    right = pl.DataFrame({"t": [11], "v": [1]}).cast({"t": pl.Datetime("ns")})
    assert matches(left, right) == [None, 1, 1]
    assert matches(left, right, closed="none", tolerance="2ns") == [None, None, 1]


def test_a_date_is_the_midnight_it_begins_with() -> None:
    days = pl.DataFrame({"t": [dt.date(2013, 1, 1), dt.date(2013, 1, 2)], "v": [1, 2]})
    assert matches(frame([-1, 0, 23.9, 24]), days) == [None, 1, 1, 2]
    assert matches(days.select("t"), frame([0, 24.1], v=[1, 2])) == [1, 1]


def test_zoned_times_are_compared_as_instants_and_stay_as_they_are() -> None:
    left = frame([5]).with_columns(pl.col("t").dt.replace_time_zone("America/New_York"))
    right = frame([9.99, 10, 10.01], v=[1, 2, 3]).with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    joined = lb.asof_join(left, right, on="t")
    assert (joined["v"].to_list(), joined.schema["t"]) == ([2], left.schema["t"])
    assert joined["t"].equals(left["t"])


def test_naive_and_zoned_times_need_a_zone_to_be_assumed() -> None:
    naive, zoned = frame([5], v=[1]), frame([10], v=[1]).with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    for left, right in ((naive, zoned), (zoned, naive)):
        with pytest.raises(errors.SchemaMismatchError, match="one has a time zone, the other has none"):
            matches(left.select("t"), right)
    assert matches(zoned.select("t"), naive, assume_timezone="America/New_York") == [1]
    assert matches(zoned.select("t"), naive, assume_timezone="America/Chicago") == [None]
    assert matches(naive.select("t"), zoned, assume_timezone="America/New_York") == [1]
    assert matches(naive.select("t"), zoned, assume_timezone="UTC") == [None]


def test_an_assumed_zone_keeps_nanoseconds() -> None:
    left = pl.DataFrame({"t": [10, 11, 12]}).cast({"t": pl.Datetime("ns")})
    right = pl.DataFrame({"t": [11], "v": [1]}).cast({"t": pl.Datetime("ns", "UTC")})
    assert matches(left, right, assume_timezone="UTC", tolerance="1ns") == [None, 1, 1]


def test_an_assumed_zone_follows_summer_time() -> None:
    naive = pl.DataFrame({"t": [dt.datetime.fromisoformat(f"2013-{month}-01T12:00") for month in ("01", "07")]})
    zoned = pl.DataFrame({"t": [dt.datetime(2013, 7, 1, 16, tzinfo=dt.timezone.utc)], "v": [1]})
    assert matches(naive, zoned, assume_timezone="America/New_York") == [None, 1]


@pytest.mark.parametrize("class_of", [lambda f: f, lambda f: f.to_arrow()])
def test_a_naive_left_time_stays_naive(class_of: Callable[[pl.DataFrame], Any]) -> None:
    left, zoned = class_of(frame([5])), frame([5], v=[1]).with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    joined = lb.asof_join(left, zoned, on="t", assume_timezone="UTC")
    assert pl.DataFrame(joined).select("t").equals(frame([5]))


def test_an_assumed_zone_changes_no_other_column() -> None:
    kinds = pl.Series(["u"], dtype=pl.Enum(["u", "w"])), pl.Series(["x"], dtype=pl.Categorical)
    left = frame([5], kind=kinds[0], category=kinds[1], many=[[1]], text=["y"])
    zoned = frame([5], v=kinds[0]).with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    joined = lb.asof_join(left, zoned, on="t", assume_timezone="UTC")
    assert joined.schema == {**left.schema, "v": zoned.schema["v"]}
    assert joined.drop("v").equals(left)
    arrow = left.to_arrow()
    assert lb.asof_join(arrow, zoned, on="t", assume_timezone="UTC").drop_columns("v").equals(arrow)


def test_a_date_can_be_assumed_in_a_zone() -> None:
    days = pl.DataFrame({"t": [dt.date(2013, 1, 1)], "v": [1]})
    zoned = frame([5]).with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    assert matches(zoned, days, assume_timezone="America/New_York") == [1]


DAYS = [dt.date(1, 1, 1), dt.date(1677, 1, 1), dt.date(1970, 1, 1), dt.date(2262, 12, 31), dt.date(9999, 12, 31)]


@pytest.mark.parametrize("right_type", [pl.Date, pl.Datetime("ms"), pl.Datetime("us")])
@pytest.mark.parametrize("left_type", [pl.Date, pl.Datetime("ms"), pl.Datetime("us")])
def test_dates_of_all_years_work(left_type: Any, right_type: Any) -> None:
    left = pl.DataFrame({"t": DAYS}).cast({"t": left_type})
    right = pl.DataFrame({"t": DAYS, "v": range(5)}).cast({"t": right_type})
    assert matches(left, right) == [0, 1, 2, 3, 4]
    assert matches(left, right, allow_exact_matches=False) == [None, 0, 1, 2, 3]
    assert matches(left, right, strategy="forward", allow_exact_matches=False) == [1, 2, 3, 4, None]
    assert matches(left, right, tolerance="1d") == [0, 1, 2, 3, 4]


def test_a_tolerance_of_centuries_reaches_back_centuries() -> None:
    left = pl.DataFrame({"t": [dt.date(2300, 1, 1)]})
    right = pl.DataFrame({"t": [dt.date(1900, 1, 1)], "v": [1]})
    assert matches(left, right, tolerance=dt.timedelta(days=401 * 365)) == [1]
    assert matches(left, right, tolerance=dt.timedelta(days=399 * 365)) == [None]
    assert matches(left, right, tolerance=dt.timedelta.max) == [1]


# --- Frames -----------------------------------------------------------------------------------------------------------


CLASSES: dict[str, tuple[Callable[[pl.DataFrame], Any], Any]] = {
    "polars": (lambda f: f, pl.DataFrame),
    "lazy": (lambda f: f.lazy(), pl.LazyFrame),
    "pyarrow": (lambda f: f.to_arrow(), pa.Table),
    "record batch": (lambda f: f.to_arrow().combine_chunks().to_batches()[0], pa.Table),
    "pandas": (lambda f: f.to_pandas(), pd.DataFrame),
}


@pytest.mark.parametrize("right_class", CLASSES)
@pytest.mark.parametrize("left_class", CLASSES)
def test_the_result_is_of_the_class_of_the_left_side(left_class: str, right_class: str) -> None:
    convert, expected = CLASSES[left_class]
    joined = lb.asof_join(convert(frame([3, 1])), CLASSES[right_class][0](frame([1, 2], v=[1, 2])), on="t")
    assert type(joined) is expected
    found: Any = joined.collect() if isinstance(joined, pl.LazyFrame) else joined
    values = found["v"].to_pylist() if isinstance(found, pa.Table) else list(found["v"])
    assert values == [2, 1]


def test_tables_of_a_warehouse_are_joined_as_scans() -> None:
    wh = lb.open("memory://")
    scan = wh.write("weather", frame([1, 2], v=[1, 2])).scan()
    assert matches(frame([3, 1]), scan) == [2, 1]
    assert isinstance(lb.asof_join(scan, frame([1], w=[1]), on="t"), pa.Table)


def test_columns_of_every_type_come_over() -> None:
    right = frame(
        [0],
        number=[1.5],
        text=["x"],
        many=[[1, None]],
        pair=[{"a": 1, "b": "y"}],
        day=[dt.date(2013, 1, 1)],
        span=[dt.timedelta(hours=1)],
        kind=pl.Series(["u"], dtype=pl.Enum(["u", "w"])),
        flag=[None],
    ).cast({"flag": pl.Boolean})
    joined = lb.asof_join(frame([1, -1]), right, on="t")
    assert joined.drop("t").schema == right.drop("t").schema
    assert joined.drop("t").rows() == [right.drop("t").row(0), (None,) * 8]


def test_a_column_without_a_type_comes_over() -> None:
    assert lb.asof_join(frame([1]), frame([0], v=[None]), on="t")["v"].to_list() == [None]


def test_the_right_side_gives_its_columns_without_keys_and_time() -> None:
    left, right = frame([1], k=["a"], x=[1]), frame([0], k=["a"], x=[2], y=[3])
    assert lb.asof_join(left, right, on="t", by=["k"]).columns == ["t", "k", "x", "x_right", "y"]
    assert lb.asof_join(left, right, on="t", by=["k"], suffix="_new").columns == ["t", "k", "x", "x_new", "y"]
    assert lb.asof_join(left, right, on="t").columns == ["t", "k", "x", "k_right", "x_right", "y"]
    assert lb.asof_join(left, right.select("t", "k"), on="t", by=["k"]).columns == ["t", "k", "x"]


def test_a_name_that_would_stand_twice_is_refused() -> None:
    left, right = frame([1], x=[1], x_right=[1]), frame([0], x=[2])
    with pytest.raises(errors.InvalidColumnsError, match="'x_right'"):
        lb.asof_join(left, right, on="t")
    assert lb.asof_join(left, right, on="t", suffix="_2").columns == ["t", "x", "x_right", "x_2"]


def test_sides_without_rows_are_fine() -> None:
    left, right = frame([1, 2], k=["a", "b"]), frame([0], k=["a"], v=[1])
    expected = lb.asof_join(left, right, on="t", by=["k"]).schema
    for rows in (left.head(0), left):
        for others in (right.head(0), right):
            joined = lb.asof_join(rows, others, on="t", by=["k"])
            assert (joined.height, joined.schema) == (rows.height, expected)
    assert matches(left, right.head(0), by=["k"]) == [None, None]


def test_frames_in_many_pieces_are_one_table() -> None:
    left, right = frame([3, 1]), frame([1, 2], v=[1, 2])
    pieces = pl.concat([left, left.head(0), left], rechunk=False), pl.concat([right, right], rechunk=False)
    assert matches(*pieces) == [2, 1, 2, 1]
