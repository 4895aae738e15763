"""Laws of expectations: what is inferred or relaxed is met, histograms lose nothing, distances are distances."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.summaries import bit_histogram, statistics

from lakebed.schema import Schema, diff
from lakebed.statistics import Statistics, histogram
from lakebed.validation import infer_schema, update_schema, validate_statistics
from lakebed.validation.divergence import align_buckets, infinity_norm, jensen_shannon, normalized_abs_difference

FINITE = st.floats(-1e9, 1e9).map(lambda value: round(value, 3))
VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "flag": (pl.Boolean, st.booleans()),
    "n": (pl.Int64, st.integers(-(2**40), 2**40)),
    "x": (pl.Float64, st.one_of(FINITE, st.sampled_from([math.nan, math.inf, -math.inf]))),
    "s": (pl.String, st.sampled_from(["a", "b", "c", "1", "2", "true", "0", "", "\u00e9", '"\n'])),
    "list": (pl.List(pl.Int64), st.lists(st.integers(0, 3), max_size=3)),
}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Some of the columns, 1 to 8 rows, with nulls; now and then one column is of another's type."""
    n_rows = draw(st.integers(1, 8))
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, min_size=1))
    columns = {}
    for name in names:
        kind = draw(st.sampled_from([name, name, name, draw(st.sampled_from(sorted(VALUES)))]))
        dtype, values = VALUES[kind]
        rows = draw(st.lists(st.one_of(values, values, st.none()), min_size=n_rows, max_size=n_rows))
        columns[name] = pl.Series(rows, dtype=dtype)
    return pl.DataFrame(columns)


BUCKETS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=5, unique_by=lambda bucket: bucket[0]
).map(lambda cells: [(float(low), float(low + 1), float(count)) for low, count in sorted(cells)])
LABELS = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 9).map(float), max_size=5)


@given(frames())
def test_data_meet_the_schema_that_is_inferred_from_them(frame: pl.DataFrame) -> None:
    stats = statistics(frame)
    assert not validate_statistics(stats, infer_schema(stats))


@given(frames(), frames())
def test_data_meet_the_schema_that_is_relaxed_for_them(old: pl.DataFrame, new: pl.DataFrame) -> None:
    stats = statistics(new)
    relaxed = update_schema(infer_schema(statistics(old)), stats)
    assert not validate_statistics(stats, relaxed).errors
    assert update_schema(relaxed, stats) == relaxed


@given(frames(), frames())
def test_a_schema_changes_exactly_when_data_have_anomalies(old: pl.DataFrame, new: pl.DataFrame) -> None:
    schema, stats = infer_schema(statistics(old)), statistics(new)
    anomalies = validate_statistics(stats, schema)
    changes = diff(schema, update_schema(schema, stats))
    assert {change.column for change in changes} == {anomaly.column for anomaly in anomalies.errors}


@given(frames())
def test_schemas_and_statistics_survive_bytes_and_text(frame: pl.DataFrame) -> None:
    stats = statistics(frame)
    schema = infer_schema(stats)
    assert Statistics.from_bytes(stats.to_bytes()) == stats
    assert Schema.from_bytes(schema.to_bytes()) == Schema.from_text(schema.to_text()) == schema


@given(frames())
def test_histograms_hold_every_value_that_is_not_nan(frame: pl.DataFrame) -> None:
    for feature in statistics(frame).dataset().features:
        if feature.HasField("num_stats") and not isinstance(frame[feature.path.step[0]].dtype, pl.List):
            n_present = feature.num_stats.common_stats.num_non_missing
            if not n_present:
                assert not feature.num_stats.histograms
                continue
            n_values = n_present - feature.num_stats.histograms[0].num_nan
            for buckets in feature.num_stats.histograms:
                assert sum(bucket.sample_count for bucket in buckets.buckets) == pytest.approx(n_values)


@given(st.lists(FINITE, min_size=1, max_size=50))
def test_standard_buckets_are_contiguous_and_ascending(values: list[float]) -> None:
    buckets = histogram.standard(bit_histogram(sorted(values)), min(values), max(values))
    assert all(a.high == b.low and a.low < a.high for a, b in pairwise(buckets))
    assert (buckets[0].low, buckets[-1].high) == (min(values), max(values))
    assert sum(bucket.sample_count for bucket in buckets) == pytest.approx(len(values))


@given(LABELS, LABELS)
def test_label_distances_are_symmetric_and_bounded(ours: dict[str, float], theirs: dict[str, float]) -> None:
    for distance in (infinity_norm, normalized_abs_difference):
        value, _ = distance(ours, theirs)
        assert 0 <= value <= 1
        assert value == pytest.approx(distance(theirs, ours)[0])
        assert distance(ours, ours)[0] == 0


@given(BUCKETS, BUCKETS)
def test_divergence_is_symmetric_bounded_and_zero_to_itself(ours: Any, theirs: Any) -> None:
    value = jensen_shannon(*align_buckets(ours, theirs))
    assert 0 <= value <= 1
    assert value == pytest.approx(jensen_shannon(*align_buckets(theirs, ours)))
    assert jensen_shannon(*align_buckets(ours, ours)) == pytest.approx(0, abs=1e-12)


@given(BUCKETS, BUCKETS, st.integers(0, 5), st.integers(0, 5))
def test_aligning_histograms_moves_no_mass(ours: Any, theirs: Any, n_nan: int, n_other: int) -> None:
    left, right = align_buckets(ours, theirs, n_nan_ours=n_nan, n_nan_theirs=n_other)
    assert sum(left) == pytest.approx(sum(count for _, _, count in ours) + n_nan)
    assert sum(right) == pytest.approx(sum(count for _, _, count in theirs) + n_other)
