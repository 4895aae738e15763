"""Statistics are those that TensorFlow Data Validation 1.16.1 made of the same rows (tests/conformance/tfdv).

With `compatibility="tfdv"` every field is; without it, every field but those that are ours by intention: the mean
beside infinities, histograms, bytes, counts of more than 1,024 strings, and strings whose weight is below 1. TFDV adds
weights of strings up in 32 bits, and all of them where they come in 32 bits; where all weights are 0 it fails.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2
from tests.conformance.tfdv_statistics_cases import cases, weighted_texts

import lakebed as lb

GOLDEN = Path(__file__).with_name("tfdv")
CASES = cases()
OWN_FIELDS = {"custom_stats", "path"}
OURS = {"histograms", "num_values_histogram", "median"}
"""Fields that are other ones by intention unless asked for TFDV's."""


def golden(name: str) -> Any:
    data = (GOLDEN / f"{name.replace(' ', '_')}.pb").read_bytes()
    (dataset,) = statistics_pb2.DatasetFeatureStatisticsList.FromString(data).datasets
    return dataset


def differences(ours: Any, theirs: Any, place: str, ignored: set[str]) -> list[str]:
    """Fields in which two messages differ."""
    found: list[str] = []
    for field in ours.DESCRIPTOR.fields:
        if field.name in ignored:
            continue
        left, right = getattr(ours, field.name), getattr(theirs, field.name)
        name = f"{place}.{field.name}"
        if field.is_repeated:
            if len(left) != len(right):
                found.append(f"{name}: {len(left)} items, not {len(right)}")
            pairs = [(f"{name}[{i}]", *pair) for i, pair in enumerate(zip(left, right, strict=False))]
        else:
            pairs = [(name, left, right)]
        for spot, a, b in pairs:
            if field.message_type is not None:
                found += differences(a, b, spot, ignored)
            elif not same(a, b, tolerance=1e-6 if "weighted" in spot else 1e-9):
                found.append(f"{spot}: {a!r}, not {b!r}")
    return found


def same(ours: Any, theirs: Any, tolerance: float) -> bool:
    if isinstance(ours, float) and math.isnan(ours):
        return math.isnan(theirs)
    # What TFDV has left of a difference of sums is no figure.
    return bool(
        ours == theirs or (isinstance(ours, float) and math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=1e-12))
    )


def compare(name: str, compatibility: str | None, ignored: set[str]) -> list[str]:
    batch, weight = CASES[name]
    ours = lb.statistics(batch, weights=weight, compatibility=compatibility).dataset()
    theirs = golden(name)
    assert (ours.num_examples, ours.weighted_num_examples) == (
        theirs.num_examples,
        pytest.approx(theirs.weighted_num_examples),
    )
    columns = {tuple(feature.path.step): feature for feature in ours.features}
    expected = {tuple(feature.path.step): feature for feature in theirs.features}
    assert sorted(columns) == sorted(expected)
    return [
        difference
        for path, feature in expected.items()
        for difference in differences(columns[path], feature, ".".join(path), OWN_FIELDS | ignored)
    ]


def test_every_case_was_run_on_tfdv() -> None:
    assert len(CASES) > 10
    assert sorted(path.stem for path in GOLDEN.glob("*.pb")) == sorted(name.replace(" ", "_") for name in CASES)


@pytest.mark.parametrize("name", sorted(set(CASES) - {"weighted beyond exact", "weighted too many strings"}))
def test_with_compatibility_every_field_is_tfdvs(name: str) -> None:
    assert compare(name, "tfdv", set()) == []


BY_INTENTION = {
    "special floats",
    "text",
    "too many strings",
    "weighted bytes",
    "weighted special floats",
    "weighted too many strings",
}
LIGHT = {"weights", "weighted by integers", "weighted light strings", "weighted one heavy", "weighted strings"}


@pytest.mark.parametrize("name", sorted(set(CASES) - BY_INTENTION))
def test_without_it_all_but_the_histograms_are_tfdvs(name: str) -> None:
    assert compare(name, None, OURS | ({"weighted_string_stats"} if name in LIGHT else set())) == []


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_without_it_strings_of_less_weight_than_1_are_there_too(name: str) -> None:
    batch, weight = CASES[name]
    (ours,) = (f.string_stats for f in lb.statistics(batch, weights=weight).dataset().features if f.path.step[0] == "s")
    (theirs,) = (f.string_stats for f in golden(name).features if f.path.step[0] == "s")
    pairs = zip(
        ours.weighted_string_stats.rank_histogram.buckets,
        theirs.weighted_string_stats.rank_histogram.buckets,
        strict=False,
    )
    shown = [(a.label, a.sample_count, b.label, b.sample_count) for a, b in pairs]
    assert all(a == b and same(n, m, tolerance=1e-6) for a, n, b, m in shown)
    rest = ours.weighted_string_stats.rank_histogram.buckets[len(shown) :]
    assert rest
    assert all(bucket.sample_count < 1 for bucket in rest)


@pytest.mark.parametrize("compatibility", ["tfdv", None])
def test_beyond_4096_numbers_both_sides_are_within_their_bounds(compatibility: str | None) -> None:
    batch, weight = CASES["weighted beyond exact"]
    frame = pl.DataFrame(pa.Table.from_batches([batch])).select(pl.all().list.first()).sort("x")
    whole = lb.statistics(batch, weights=weight, compatibility=compatibility).dataset()
    ours, theirs = (side.features[0].num_stats for side in (whole, golden("weighted beyond exact")))
    sides = [(ours, theirs, frame.select("x", w=pl.lit(1.0)))]
    sides.append((ours.weighted_numeric_stats, theirs.weighted_numeric_stats, frame))
    for a, b, rows in sides:
        assert (a.mean, a.std_dev) == (pytest.approx(b.mean, rel=1e-9), pytest.approx(b.std_dev, rel=1e-9))
        assert [h.type for h in a.histograms] == [h.type for h in b.histograms]
        for number in range(1, 10):
            values = [side.histograms[1].buckets[number].low_value for side in (a, b)]
            ranks = [float((rows["w"] * (rows["x"] <= value)).sum() / rows["w"].sum()) for value in values]
            assert ranks == pytest.approx([number / 10] * 2, abs=0.007)


def test_ranks_of_more_than_1024_strings_differ_only_where_tfdv_lost_count() -> None:
    batch, weight = CASES["weighted too many strings"]
    ours = lb.statistics(batch, weights=weight, compatibility="tfdv").dataset().features[0].string_stats
    theirs = golden("weighted too many strings").features[0].string_stats
    for a, b in ((ours, theirs), (ours.weighted_string_stats, theirs.weighted_string_stats)):
        counts = [[bucket.sample_count for bucket in side.rank_histogram.buckets] for side in (a, b)]
        assert counts[0] == pytest.approx(counts[1])
        # Which of the values that were lowered to nothing fill up the room is by chance in TFDV.
        least = counts[1][-1]
        kept = [
            [bucket.label for bucket in side.rank_histogram.buckets if bucket.sample_count > least] for side in (a, b)
        ]
        assert kept[0] == kept[1]
        assert len(kept[0]) > 500
    assert (ours.unique, ours.avg_length) == (theirs.unique, theirs.avg_length)


def test_weights_of_zero_describe_no_values_and_are_no_error() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0], "s": ["a", "b"], "w": [0.0, 0.0]})
    for compatibility in ("tfdv", None):
        stats = lb.statistics(frame, weights="w", compatibility=compatibility)
        number, text = stats.column("x").weighted, stats.column("s").weighted
        assert number is not None
        assert text is not None
        assert (number.present, number.values, number.mean, number.histogram) == (0.0, 0.0, None, [])
        assert [weight for _, weight in text.top_values] == ([] if compatibility else [0.0, 0.0])


def test_the_mean_beside_infinities_is_that_of_the_finite_numbers() -> None:
    batch, _ = CASES["special floats"]
    ours, theirs = lb.statistics(batch).dataset().features[0].num_stats, golden("special floats").features[0].num_stats
    assert (ours.mean, math.isnan(theirs.mean)) == (1.5, True)
    assert (ours.min, ours.max, ours.num_zeros) == (theirs.min, theirs.max, theirs.num_zeros)


def test_counts_of_more_than_1024_strings_are_too_high_in_tfdv_only() -> None:
    batch, _ = CASES["too many strings"]
    ours, theirs = lb.statistics(batch).dataset().features[0].string_stats, golden("too many strings").features[0]
    assert [(top.value, top.frequency) for top in ours.top_values[:2]] == [("often 993", 9.0), ("often 986", 9.0)]
    assert [(top.value, top.frequency) for top in theirs.string_stats.top_values[:2]] == [
        ("often 993", 10.0),
        ("often 986", 10.0),
    ]
    assert ours.unique == theirs.string_stats.unique == 2075


@pytest.mark.parametrize("name", sorted(weighted_texts()))
def test_weights_of_more_than_1024_strings_are_too_high_in_tfdv_only(name: str) -> None:
    texts, weights = weighted_texts()[name]
    theirs = json.loads((GOLDEN / "weighted_counts.json").read_text())[name]
    frame = pl.DataFrame({"x": texts, "w": weights})

    def ranks(compatibility: str | None) -> list[tuple[str, float]]:
        dataset = lb.statistics(frame, weights="w", compatibility=compatibility).dataset()
        stats = next(feature.string_stats for feature in dataset.features if feature.path.step[0] == "x")
        return [(bucket.label, bucket.sample_count) for bucket in stats.weighted_string_stats.rank_histogram.buckets]

    shown = [pair for pair in theirs[:1000] if pair[1] >= 1.0]
    ours = ranks("tfdv")
    assert [weight for _, weight in ours] == pytest.approx([weight for _, weight in shown])
    # Which of the values that were lowered to nothing fill up the room is by chance in TFDV.
    lowered = theirs[-1][1]
    kept = [value for value, weight in shown if weight > lowered]
    assert {value for value, weight in ours if weight > lowered} == set(kept)
    truth = dict(frame.group_by("x").agg(pl.col("w").sum()).iter_rows())
    assert dict(ranks(None)).items() <= truth.items()
