"""Drift and skew: distances, thresholds, and the record of every comparison."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from tests.summaries import statistics

from lakebed.schema import Schema
from lakebed.validation import Anomalies, validate_statistics
from lakebed.validation.divergence import align_buckets, infinity_norm, jensen_shannon, normalized_abs_difference

CURRENT = ["a"] * 50 + ["b"] * 40 + ["c"] * 10
PREVIOUS = ["a"] * 20 + ["b"] * 70 + ["d"] * 10


def compare(current: list[Any], other: list[Any] | None, *, side: str = "drift", **thresholds: float) -> Anomalies:
    schema = Schema.from_text(f'feature {{ name: "x" type: {"BYTES" if isinstance(current[0], str) else "FLOAT"} }}')
    schema = schema.with_feature("x", **{side: thresholds})  # type: ignore[arg-type]
    control = statistics(pl.DataFrame({"x" if other is not None else "y": other or [1]}))
    previous, serving = (control, None) if side == "drift" else (None, control)
    stats = statistics(pl.DataFrame({"x": current}))
    return validate_statistics(stats, schema, previous_statistics=previous, serving_statistics=serving)


@pytest.mark.parametrize(
    ("side", "sides"), [("drift", "current and previous"), ("skew", "training and serving")], ids=["drift", "skew"]
)
def test_three_distances_of_strings_have_tfdvs_texts(side: str, sides: str) -> None:
    anomalies = compare(
        CURRENT,
        PREVIOUS,
        side=side,
        infinity_norm=0.01,
        normalized_abs_difference=0.01,
        jensen_shannon_divergence=0.01,
    )
    (anomaly,) = anomalies
    assert [(reason.short_description, reason.description) for reason in anomaly.reasons] == [
        (
            f"High Linfty distance between {sides}",
            (
                f"The Linfty distance between {sides} is 0.3 (up to six significant digits), above the threshold 0.01. "
                "The feature value with maximum difference is: a"
            ),
        ),
        (
            f"High normalized absolute difference between {sides}",
            (
                f"The normalized absolute difference between {sides} is 0.15 (up to six significant digits), above the "
                "threshold 0.01. The feature value with maximum difference is: a"
            ),
        ),
        (
            f"High approximate Jensen-Shannon divergence between {sides}",
            (
                f"The approximate Jensen-Shannon divergence between {sides} is 0.177795 (up to six significant "
                "digits), above the threshold 0.01."
            ),
        ),
    ]
    assert [(item["comparison"], item["distance"]) for item in anomalies.measurements] == [
        (side, "L_INFTY"),
        (side, "NORMALIZED_ABSOLUTE_DIFFERENCE"),
        (side, "JENSEN_SHANNON_DIVERGENCE"),
    ]


def test_a_distance_at_the_threshold_is_recorded_but_no_anomaly() -> None:
    anomalies = compare(CURRENT, PREVIOUS, infinity_norm=0.3)
    assert not anomalies
    assert anomalies.measurements == [
        {"column": "x", "comparison": "drift", "distance": "L_INFTY", "value": 0.3, "threshold": 0.3}
    ]


def test_a_column_that_the_other_data_lack_is_an_anomaly() -> None:
    (drift,) = compare(CURRENT, None, infinity_norm=0.3)
    assert (drift.short_description, drift.description) == ("previous data missing", "previous data is missing.")
    (skew,) = compare(CURRENT, None, side="skew", infinity_norm=0.3)
    assert skew.description == "serving data is missing."


def test_without_other_data_nothing_is_compared() -> None:
    schema = Schema.from_text('feature { name: "x" type: BYTES }').with_feature("x", drift={"infinity_norm": 0.0})
    anomalies = validate_statistics(statistics(pl.DataFrame({"x": CURRENT})), schema)
    assert not anomalies
    assert anomalies.measurements == []


def test_numbers_have_no_labels_but_a_divergence() -> None:
    current, previous = [float(i % 10) for i in range(100)], [float(i % 10) + 5 for i in range(100)]
    labels = compare(current, previous, infinity_norm=0.01)
    assert not labels
    assert labels.measurements[0]["value"] == 0.0
    (anomaly,) = compare(current, previous, jensen_shannon_divergence=0.1)
    assert [reason.type for reason in anomaly.reasons] == ["COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH"]


def test_numbers_do_not_drift_from_themselves_even_with_nan_and_infinities() -> None:
    values = [1.0, 2.0, 5.0, math.nan, math.inf, -math.inf]
    anomalies = compare(values, values, jensen_shannon_divergence=0.0)
    assert not anomalies
    assert anomalies.measurements[0]["value"] == 0.0


def test_more_nan_is_drift() -> None:
    (anomaly,) = compare([1.0, math.nan], [1.0, 1.0], jensen_shannon_divergence=0.1)
    assert anomaly.column == "x"


def test_a_side_without_values_has_no_divergence() -> None:
    schema = Schema.from_text('feature { name: "x" type: BYTES }')
    schema = schema.with_feature("x", drift={"jensen_shannon_divergence": 0.0})
    nulls = statistics(pl.DataFrame({"x": pl.Series([None], dtype=pl.String)}))
    anomalies = validate_statistics(statistics(pl.DataFrame({"x": ["a"]})), schema, previous_statistics=nulls)
    assert not anomalies
    assert anomalies.measurements == []


@pytest.mark.parametrize(
    ("ours", "theirs", "norm", "difference"),
    [
        ({}, {}, (0.0, ""), (0.0, "")),
        ({"a": 1.0}, {}, (1.0, "a"), (1.0, "a")),
        ({"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 2.0}, (0.0, "b"), (pytest.approx(1 / 6), "b")),
        ({"a": 1.0, "b": 3.0}, {"a": 3.0, "b": 1.0}, (0.5, "b"), (0.25, "b")),
    ],
)
def test_label_distances(
    ours: dict[str, float], theirs: dict[str, float], norm: tuple[float, str], difference: tuple[float, str]
) -> None:
    assert infinity_norm(ours, theirs) == norm
    assert normalized_abs_difference(ours, theirs) == difference


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([(0, 1, 10), (1, 2, 20)], [(0, 0.5, 10), (0.5, 2, 20)], 0.03943690700490174),
        ([(0, 1, 10), (1, 1, 5), (1, 3, 5)], [(0, 2, 10), (2, 2, 5)], 0.40171099600124643),
        ([(1, 1, 10)], [(0, 2, 10)], 1.0),
        ([(1, 1, 10)], [(1, 1, 20)], 0.0),
        ([(0, 1, 10)], [(5, 6, 10)], 1.0),
        ([(-math.inf, -math.inf, 3), (1, 1, 10)], [(1, 1, 10)], 0.12627201136140498),
    ],
)
def test_divergences_of_histograms_are_those_that_tfdv_measured(ours: Any, theirs: Any, expected: float) -> None:
    assert jensen_shannon(*align_buckets(ours, theirs)) == pytest.approx(expected, abs=1e-12)
