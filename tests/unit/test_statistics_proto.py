"""Statistics as values: what of a core summary stands where in the proto, and how it is shown."""

from __future__ import annotations

import datetime as dt
import math
import pickle
from typing import Any

import polars as pl
import pytest
from tests.summaries import CAP, statistics, summarize

from lakebed.errors import ColumnNotFoundError, InvalidArgumentError
from lakebed.statistics import Statistics


def one(values: list[Any], dtype: Any = None, cap: int = CAP) -> Any:
    """The proto of a column of these values."""
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype)})
    return statistics(frame, cap=cap).dataset().features[0]


def type_of(feature: Any) -> str:
    return str(feature.DESCRIPTOR.enum_types_by_name["Type"].values_by_number[feature.type].name)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([True, False], pl.Boolean, "INT"),
        ([1, 2], pl.Int64, "INT"),
        ([1, 2], pl.UInt8, "INT"),
        ([1.5], pl.Float32, "FLOAT"),
        (["a"], pl.String, "STRING"),
        ([b"a"], pl.Binary, "BYTES"),
        ([dt.date(2013, 1, 1)], pl.Date, "INT"),
        ([dt.datetime(2013, 1, 1)], pl.Datetime("us"), "INT"),  # noqa: DTZ001
        ([{"a": 1}], None, "STRUCT"),
        ([[1], [2, 3]], pl.List(pl.Int64), "INT"),
        ([["a"]], pl.List(pl.String), "STRING"),
        ([[1.0]], pl.List(pl.Float64), "FLOAT"),
    ],
)
def test_types_follow_the_arrow_type(values: list[Any], dtype: Any, expected: str) -> None:
    assert type_of(one(values, dtype)) == expected


def test_scalar_columns_have_one_value_a_present_row() -> None:
    common = one([1, None, 3, None]).num_stats.common_stats
    assert (common.num_non_missing, common.num_missing) == (2, 2)
    assert (common.min_num_values, common.max_num_values, common.avg_num_values, common.tot_num_values) == (1, 1, 1, 2)
    assert [(b.low_value, b.high_value, b.sample_count) for b in common.num_values_histogram.buckets] == [
        (1, 1, 0.2)
    ] * 10


def test_a_column_of_nulls_has_no_values_and_keeps_its_type() -> None:
    feature = one([None, None], pl.Int64)
    assert type_of(feature) == "INT"
    assert feature.num_stats.common_stats.num_missing == 2
    assert feature.num_stats.common_stats.max_num_values == 0


def test_lists_count_their_values_and_an_empty_list_is_present() -> None:
    common = one([[1, 2, 3], [], None], pl.List(pl.Int64)).num_stats.common_stats
    assert (common.num_non_missing, common.num_missing) == (2, 1)
    assert (common.min_num_values, common.max_num_values, common.avg_num_values, common.tot_num_values) == (
        0,
        3,
        1.5,
        3,
    )


def test_numbers_have_population_deviation_median_and_zeros() -> None:
    stats = one([0, 0, 2, 4, 4]).num_stats
    assert (stats.mean, stats.std_dev, stats.median, stats.num_zeros, stats.min, stats.max) == (
        2.0,
        pytest.approx(math.sqrt(3.2)),
        2.0,
        2,
        0,
        4,
    )


def test_the_standard_histogram_has_ten_equal_buckets_that_hold_every_value() -> None:
    standard, quantiles = one(list(range(101))).num_stats.histograms
    assert [b.low_value for b in standard.buckets] == pytest.approx([10 * i for i in range(10)])
    assert sum(b.sample_count for b in standard.buckets) == pytest.approx(101)
    assert [(b.low_value, b.high_value) for b in quantiles.buckets] == [(10 * i, 10 * i + 10) for i in range(10)]
    assert [b.sample_count for b in quantiles.buckets] == [pytest.approx(10.1)] * 10


def test_infinities_alone_have_no_mean() -> None:
    assert math.isnan(one([math.inf]).num_stats.mean)


def test_a_column_of_nulls_reads_back_without_values() -> None:
    column = statistics(pl.DataFrame({"x": pl.Series([None], dtype=pl.Int64)})).column("x")
    assert (column.n_missing, column.min, column.mean, column.top_values) == (1, None, None, [])


def test_a_constant_column_has_one_standard_bucket() -> None:
    standard, quantiles = one([7, 7, 7]).num_stats.histograms
    assert [(b.low_value, b.high_value, b.sample_count) for b in standard.buckets] == [(7, 7, 3)]
    assert len(quantiles.buckets) == 10


def test_nan_is_counted_beside_the_buckets_and_infinities_have_their_own() -> None:
    feature = one([1.0, 2.0, math.nan, math.inf, -math.inf, -math.inf])
    standard, quantiles = feature.num_stats.histograms
    assert (standard.num_nan, quantiles.num_nan) == (1, 1)
    assert (standard.buckets[0].low_value, standard.buckets[0].sample_count) == (-math.inf, 2)
    assert (standard.buckets[-1].high_value, standard.buckets[-1].sample_count) == (math.inf, 1)
    assert sum(b.sample_count for b in standard.buckets) == pytest.approx(5)
    assert (quantiles.buckets[0].low_value, quantiles.buckets[-1].high_value) == (-math.inf, math.inf)
    assert (feature.num_stats.mean, feature.num_stats.std_dev) == (1.5, 0.5)


def test_a_range_that_overflows_has_no_standard_buckets() -> None:
    standard, _ = one([-1.0e308, 1.0e308]).num_stats.histograms
    assert list(standard.buckets) == []


def test_strings_are_counted_by_frequency_then_value_and_measured_in_bytes() -> None:
    stats = one(["b", "a", "caf\u00e9", "caf\u00e9", None]).string_stats
    assert stats.unique == 3
    assert [(item.value, item.frequency) for item in stats.top_values] == [("caf\u00e9", 2), ("b", 1), ("a", 1)]
    assert [(b.low_rank, b.high_rank, b.label) for b in stats.rank_histogram.buckets][2] == (2, 2, "a")
    assert stats.avg_length == 3.0


def test_at_most_20_top_values_and_1000_ranks_are_kept() -> None:
    stats = one([f"v{i:04}" for i in range(1500)], cap=1000).string_stats
    assert (len(stats.top_values), len(stats.rank_histogram.buckets), stats.unique) == (20, 1000, 1500)


def test_binary_values_are_measured() -> None:
    stats = one([b"ab", b"abcd"]).bytes_stats
    assert (stats.unique, stats.avg_num_bytes, stats.min_num_bytes, stats.max_num_bytes) == (2, 3.0, 2.0, 4.0)


def test_columns_read_back_as_python_values() -> None:
    frame = pl.DataFrame(
        {
            "flag": [True, False, True],
            "day": [dt.date(2013, 1, 1), dt.date(2013, 1, 31), None],
            "hour": pl.Series([dt.datetime(2013, 1, 1, 5)] * 3, dtype=pl.Datetime("ms", "UTC")),  # noqa: DTZ001
            "local": pl.Series([dt.datetime(2013, 1, 1, 5)] * 3, dtype=pl.Datetime("us")),  # noqa: DTZ001
            "dest": ["ATL", "ORD", "ATL"],
            "n": [3, 1, 2],
        }
    )
    stats = statistics(frame)
    assert (stats.column("flag").min, stats.column("flag").max) == (False, True)
    assert (stats.column("day").min, stats.column("day").max) == (dt.date(2013, 1, 1), dt.date(2013, 1, 31))
    assert stats.column("hour").min == dt.datetime(2013, 1, 1, 5, tzinfo=dt.timezone.utc)
    assert stats.column("local").min == dt.datetime(2013, 1, 1, 5)  # noqa: DTZ001
    dest = stats.column("dest")
    assert (dest.min, dest.max, dest.distinct, dest.top_values[0]) == ("ATL", "ORD", 2, ("ATL", 2))
    assert stats.column("n").distinct == 3
    assert stats.column("flag").top_values == [("true", 2), ("false", 1)]
    assert stats.column("day").top_values[0] == ("2013-01-31", 1)
    assert stats.column("day").fraction == pytest.approx(2 / 3)
    assert [stats.column(name).type for name in stats.columns] == [
        "bool",
        "date",
        "timestamp",
        "timestamp",
        "string",
        "int",
    ]


def test_estimates_say_so() -> None:
    summary = summarize(pl.DataFrame({"x": [f"v{i}" for i in range(50)]}), cap=10)
    summary["columns"][0]["distinct"] = {"count": 51, "exact": False, "relative_error": 0.02}
    column = Statistics.from_summaries([("", summary)]).column("x")
    assert (column.distinct, column.distinct_exact, column.relative_error) == (51, False, 0.02)
    assert not column.frequencies_complete


def test_the_frame_has_one_row_a_column() -> None:
    frame = statistics(pl.DataFrame({"n": [1, None, 3], "s": ["a", "b", "b"]})).to_polars()
    assert frame.columns[:5] == ["name", "type", "count", "missing", "fraction"]
    assert frame.row(0, named=True) == {
        "name": "n",
        "type": "int",
        "count": 2,
        "missing": 1,
        "fraction": pytest.approx(2 / 3),
        "distinct": 2,
        "distinct_exact": True,
        "min": "1",
        "max": "3",
        "mean": 2.0,
        "std": 1.0,
        "median": pytest.approx(1, abs=2),
        "zeros": 0,
        "nan": 0,
        "inf": 0,
        "top_value": "3",
        "top_count": 1,
        "avg_length": None,
        "negatives": 0,
        "quantiles_exact": True,
        "top_values_exact": True,
    }
    assert frame.row(1, named=True)["mean"] is None


def test_bytes_and_pickle_give_the_same_statistics_back() -> None:
    stats = statistics(pl.DataFrame({"n": [1.0, math.nan], "s": ["a", None]}))
    assert Statistics.from_bytes(stats.to_bytes()) == stats
    assert pickle.loads(pickle.dumps(stats)) == stats
    assert hash(Statistics(stats.proto)) == hash(stats)
    assert stats != statistics(pl.DataFrame({"n": [1.0]}))


def test_the_whole_is_found_among_slices() -> None:
    frame = pl.DataFrame({"n": [1, 2, 3]})
    stats = Statistics.from_summaries([("n > 1", summarize(frame[1:])), ("All Examples", summarize(frame))])
    assert stats.n_rows == 3
    assert stats.column("n", dataset="n > 1").n_present == 2
    assert stats.datasets == ["n > 1", "All Examples"]
    no_whole = Statistics.from_summaries([("a", summarize(frame)), ("b", summarize(frame))])
    with pytest.raises(InvalidArgumentError, match=r"they hold \['a', 'b'\]"):
        _ = no_whole.n_rows


def test_an_unknown_column_gets_the_nearest_names() -> None:
    with pytest.raises(ColumnNotFoundError, match="did you mean 'distance'"):
        statistics(pl.DataFrame({"distance": [1]})).column("distanse")


def test_tables_for_people_escape_what_they_show() -> None:
    stats = statistics(pl.DataFrame({"<x>": ["<b>"], "t": [dt.date(2013, 1, 1)]}))
    html = stats._repr_html_()
    assert "&lt;x&gt;" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "<x>" not in html
    assert "2013-01-01" in html
    assert stats.__rich__().row_count == 2
    assert repr(stats) == "Statistics(1 rows, 2 columns)"


def test_a_dict_holds_plain_values() -> None:
    plain = statistics(pl.DataFrame({"day": [dt.date(2013, 1, 1)]})).to_dict()
    assert plain["datasets"][0]["n_rows"] == 1
    assert plain["datasets"][0]["columns"][0]["min"] == "2013-01-01"
