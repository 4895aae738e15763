"""Data against their schema: the anomalies, their texts and environments."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from tests.summaries import statistics, summarize

from lakebed.errors import EnvironmentNotFoundError
from lakebed.schema import Schema
from lakebed.statistics import Statistics
from lakebed.validation import Anomalies, infer_schema, update_schema, validate_statistics


def found(anomalies: Anomalies) -> dict[str | None, tuple[str, str]]:
    return {item.column: (item.short_description, item.description) for item in anomalies}


def judge(schema: str, dtype: Any = None, /, **columns: list[Any]) -> tuple[str, str] | None:
    """The anomaly of the single column "x", whose feature has this text."""
    frame = pl.DataFrame({name: pl.Series(values, dtype=dtype) for name, values in columns.items()})
    anomalies = validate_statistics(statistics(frame), Schema.from_text(f'feature {{ name: "x" {schema} }}'))
    assert set(found(anomalies)) <= {"x"}
    return found(anomalies).get("x")


# The course's snippet: a table like covertype, its label, and the two environments (facts measured on TFDV 1.16.1).

TRAINING = pl.DataFrame(
    {
        "Elevation": [2000 + i % 1800 for i in range(2000)],
        "Slope": [i % 60 for i in range(2000)],
        "Wilderness_Area": [["Rawah", "Neota", "Comanche", "Cache"][i % 4] for i in range(2000)],
        "Soil_Type": [f"C{2700 + i % 40}" for i in range(2000)],
        "Cover_Type": [1 + i % 7 for i in range(2000)],
    }
)
SERVING = TRAINING.drop("Cover_Type")
SPOILED = TRAINING.with_columns(Cover_Type=pl.lit(0, dtype=pl.Int64))
DROPPED = ("Column dropped", "Column is completely missing")


@pytest.fixture
def covertype() -> Schema:
    return infer_schema(statistics(TRAINING))


@pytest.fixture
def staged(covertype: Schema) -> Schema:
    return covertype.with_default_environments("TRAINING", "SERVING").with_label("Cover_Type")


def test_the_schema_of_the_snippet_has_domains_for_strings_alone(covertype: Schema) -> None:
    for feature in covertype.to_dict()["feature"]:
        assert feature["presence"] == {"min_fraction": 1.0, "min_count": 1}
        assert feature["shape"] == {"dim": [{"size": 1}]}
    kinds = {feature["name"]: (feature["type"], feature.get("domain")) for feature in covertype.to_dict()["feature"]}
    assert kinds == {
        "Elevation": ("INT", None),
        "Slope": ("INT", None),
        "Wilderness_Area": ("BYTES", "Wilderness_Area"),
        "Soil_Type": ("BYTES", "Soil_Type"),
        "Cover_Type": ("INT", None),
    }
    assert covertype.domain("Wilderness_Area") == ["Cache", "Comanche", "Neota", "Rawah"]
    assert covertype.domain("Soil_Type") == sorted(f"C{2700 + i}" for i in range(40))


def test_serving_data_without_the_label_have_one_anomaly(covertype: Schema) -> None:
    anomalies = validate_statistics(statistics(SERVING), covertype)
    assert found(anomalies) == {"Cover_Type": DROPPED}
    info = anomalies.proto.anomaly_info["Cover_Type"]
    assert list(info.path.step) == ["Cover_Type"]
    assert info.severity == 2
    assert [(reason.short_description, reason.description) for reason in info.reason] == [DROPPED]
    assert [reason.type for reason in anomalies.column("Cover_Type").reasons] == ["SCHEMA_MISSING_COLUMN"]  # type: ignore[union-attr]


def test_a_label_of_zero_is_no_anomaly_since_numbers_get_no_range(covertype: Schema) -> None:
    assert not validate_statistics(statistics(SPOILED), covertype)


def test_a_label_of_zero_is_below_a_set_range(covertype: Schema) -> None:
    schema = covertype.with_feature("Cover_Type", domain=(1, 7))
    anomalies = validate_statistics(statistics(SPOILED), schema)
    assert found(anomalies) == {"Cover_Type": ("Out-of-range values", "Unexpectedly small value: 0.")}
    assert [reason.type for reason in next(iter(anomalies)).reasons] == ["INT_TYPE_SMALL_INT"]


def test_the_label_is_missed_in_training_but_not_in_serving(staged: Schema) -> None:
    stats = statistics(SERVING)
    assert found(validate_statistics(stats, staged)) == {"Cover_Type": DROPPED}
    assert found(validate_statistics(stats, staged, environment="TRAINING")) == {"Cover_Type": DROPPED}
    serving = validate_statistics(stats, staged, environment="SERVING")
    assert not serving
    assert {field.name for field, _ in serving.proto.ListFields()} == {"baseline", "anomaly_name_format"}


def test_a_label_in_serving_data_is_an_anomaly_and_still_checked(staged: Schema) -> None:
    schema = staged.with_feature("Cover_Type", domain=(1, 7))
    anomalies = validate_statistics(statistics(SPOILED), schema, environment="SERVING")
    assert found(anomalies) == {
        "Cover_Type": (
            "Multiple errors",
            (
                "New column Cover_Type found in data but not in the environment SERVING in the schema. "
                "Unexpectedly small value: 0."
            ),
        )
    }
    reasons = [reason.type for reason in next(iter(anomalies)).reasons]
    assert reasons == ["SCHEMA_NEW_COLUMN", "INT_TYPE_SMALL_INT"]


def test_an_undeclared_environment_is_refused(staged: Schema) -> None:
    with pytest.raises(
        EnvironmentNotFoundError, match=r"^Environment NOPE not found in the schema\. It declares: TRAIN"
    ):
        validate_statistics(statistics(SERVING), staged, environment="NOPE")


# The journey: flights of January, later months, and a spoiled batch.

JANUARY = pl.DataFrame(
    {
        "carrier": ["UA", "AA", "B6", "DL"] * 25,
        "dest": ["ATL", "ORD", "LAX", "MIA", "BOS"] * 20,
        "distance": [200 + i for i in range(100)],
        "tailnum": [f"N{i:03}" if i % 50 else None for i in range(100)],
    }
)
NEW_DESTINATIONS = ["ANC", "BDL", "BZN", "CHO", "EYW", "HDN", "JAC", "LEX", "LGA", "MTJ", "SBN"]


def test_new_destinations_are_shown_and_then_accepted() -> None:
    schema = infer_schema(statistics(JANUARY))
    later = statistics(JANUARY.with_columns(dest=pl.Series((JANUARY["dest"].to_list()[:89] + NEW_DESTINATIONS)[:100])))
    listed = ", ".join(f"{dest} (~1%)" for dest in NEW_DESTINATIONS)
    assert found(validate_statistics(later, schema)) == {
        "dest": ("Unexpected string values", f"Examples contain values missing from the schema: {listed}. ")
    }
    accepted = update_schema(schema, later)
    assert accepted.domain("dest") == ["ATL", "BOS", "LAX", "MIA", "ORD", *NEW_DESTINATIONS]
    assert not validate_statistics(later, accepted)


def test_a_spoiled_batch_breaks_three_rules() -> None:
    schema = (
        infer_schema(statistics(JANUARY)).with_feature("distance", min=17).with_feature("tailnum", min_fraction=0.9)
    )
    batch = JANUARY.with_columns(
        carrier=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("ZZ")).otherwise("carrier"),
        distance=pl.when(pl.int_range(pl.len()) == 5).then(-1).otherwise("distance"),
        tailnum=pl.when(pl.int_range(pl.len()) < 80).then("tailnum"),
    )
    assert found(validate_statistics(statistics(batch), schema)) == {
        "carrier": ("Unexpected string values", "Examples contain values missing from the schema: ZZ (~1%). "),
        "distance": ("Out-of-range values", "Unexpectedly small value: -1."),
        "tailnum": (
            "Column dropped",
            "The feature was present in fewer examples than expected: minimum fraction = 0.900000, actual = 0.780000",
        ),
    }
    assert not validate_statistics(statistics(JANUARY), schema)


# Rules one by one; the texts are TFDV's (see tests/conformance for its own output).


def test_a_new_column_is_an_anomaly() -> None:
    anomalies = validate_statistics(statistics(pl.DataFrame({"gate": ["B1"]})), Schema())
    assert found(anomalies) == {"gate": ("New column", "New column (column in data but not in schema)")}


@pytest.mark.parametrize("stage", ["PLANNED", "ALPHA", "DEPRECATED", "DEBUG_ONLY", "DISABLED"])
def test_some_lifecycle_stages_are_not_validated(stage: str) -> None:
    text = f"type: FLOAT presence {{ min_count: 5 }} lifecycle_stage: {stage}"
    assert judge(text, x=["a"]) is None
    assert judge(text) is None


@pytest.mark.parametrize(
    ("feature", "values", "expected"),
    [
        ("type: FLOAT", [1], ("Unexpected data type", "Expected data of type: FLOAT but got INT")),
        ("type: INT", ["a"], ("Unexpected data type", "Expected data of type: INT but got STRING")),
        ("type: BYTES", [b"a"], None),
        ("type: INT int_domain { min: 2 max: 3 }", [2, 14], ("Out-of-range values", "Unexpectedly large value: 14.")),
        (
            "type: BYTES int_domain { min: 3 }",
            ["5", "x"],
            ("Invalid values", 'String values that were not ints were found, such as "x".'),
        ),
        ("type: BYTES int_domain { min: 3 }", ["5", "1"], ("Out-of-range values", "Unexpectedly small value: 1.")),
        (
            "type: FLOAT float_domain { min: 2 max: 2.5 }",
            [1.23456789, 3.1],
            (
                "Multiple errors",
                (
                    "Unexpectedly low values: 1.23457<2(upto six significant digits) "
                    "Unexpectedly high value: 3.1>2.5(upto six significant digits)"
                ),
            ),
        ),
        ("type: FLOAT float_domain { min: 0.1 }", [0.1], None),
        (
            "type: FLOAT float_domain { disallow_nan: true disallow_inf: true }",
            [1.0, math.nan, math.inf],
            ("Multiple errors", "Float feature has NaN values. Float feature has Inf values."),
        ),
        ("type: FLOAT float_domain { min: 1 }", [math.nan], None),
        (
            "type: INT bool_domain { }",
            [0, 2],
            ("Non-boolean values", "Integers (such as 2) not in {0, 1}: converting to an integer."),
        ),
        (
            'type: BYTES bool_domain { true_value: "T" false_value: "F" }',
            ["T", "x"],
            ("Non-boolean values", 'Saw unexpected value "x" instead of {"F", "T"}.'),
        ),
        (
            "type: INT value_count { min: 2 }",
            [1],
            ("Missing values", "Some examples have fewer values than expected."),
        ),
        (
            "type: INT value_count { max: 1 }",
            [[1, 2]],
            ("Superfluous values", "Some examples have more values than expected."),
        ),
        (
            "type: INT shape { dim { size: 2 } }",
            [1],
            (
                "Feature shape dropped",
                "The feature has fixed value length 1 but it's not compatible with the specified shape.",
            ),
        ),
        (
            "type: INT presence { min_count: 5 }",
            [1, 2, 3],
            (
                "Column dropped",
                "The feature was present in fewer examples than expected: minimum count = 5, actual = 3",
            ),
        ),
        (
            "type: INT presence { min_fraction: 1 }",
            [1, None],
            (
                "Column dropped",
                (
                    "The feature was present in fewer examples than expected: minimum fraction = 1.000000, "
                    "actual = 0.500000"
                ),
            ),
        ),
        (
            "type: BYTES unique_constraints { min: 3 max: 4 }",
            ["a"],
            ("Low number of unique values", "Expected at least 3 unique values but found only 1."),
        ),
        (
            "type: BYTES unique_constraints { min: 1 max: 1 }",
            ["a", "b"],
            ("High number of unique values", "Expected no more than 1 unique values but found 2."),
        ),
        ('type: BYTES domain: "lost"', ["a"], ("missing domain: ", "")),
        ("", ["a"], ("unspecified type: determine the type and set it, rather than deprecating.", "")),
        (
            "type: INT float_domain { }",
            [1],
            ("The domain does not match the type", 'The domain "float_domain" does not match the type: INT'),
        ),
    ],
)
def test_each_rule_has_its_text(feature: str, values: list[Any], expected: tuple[str, str] | None) -> None:
    assert judge(feature, x=values) == expected


def test_a_required_column_without_values_stops_further_checks() -> None:
    text = "type: FLOAT presence { min_count: 1 } shape { dim { size: 1 } }"
    expected = ("Column dropped", "The feature was not present in any examples.")
    assert judge(text, pl.Int64, x=[None, None]) == expected
    assert judge("type: FLOAT", pl.Int64, x=[None, None]) is None


def test_unexpected_strings_are_escaped_sorted_and_rounded_down() -> None:
    values = ["a"] * 50 + ["b"] * 10 + ["c\"'\n\\\u00e9\x01"] * 40 + ["d"]
    assert judge('type: BYTES string_domain { value: "a" }', x=values) == (
        "Unexpected string values",
        "Examples contain values missing from the schema: b (~9%), c\\\"\\'\\n\\\\\u00e9\\001 (~39%), d (<1%). ",
    )


def test_a_domain_may_be_missed_by_a_set_mass() -> None:
    text = 'type: BYTES string_domain {{ value: "a" }} distribution_constraints {{ min_domain_mass: {} }}'
    assert judge(text.format(0.5), x=["a", "b"]) is None
    assert judge(text.format(0.6), x=["a", "b"]) is not None


def test_no_rows_means_data_missing_and_nothing_else() -> None:
    schema = Schema.from_text('feature { name: "x" type: INT presence { min_count: 1 } }')
    anomalies = validate_statistics(statistics(pl.DataFrame({"x": pl.Series([], dtype=pl.Int64)})), schema)
    assert anomalies.data_missing
    assert len(anomalies) == 0
    assert anomalies


@pytest.mark.parametrize(
    ("constraints", "n_previous", "expected"),
    [
        (
            "min_examples_count: 20",
            10,
            ("Low num examples in dataset.", "The dataset has 10 examples, which is fewer than expected."),
        ),
        (
            "min_examples_count: 0 max_examples_count: 5",
            10,
            ("High num examples in dataset.", "The dataset has 10 examples, which is more than expected."),
        ),
        ("max_examples_count: 5", 10, None),
        (
            "num_examples_drift_comparator { max_fraction_threshold: 1.1 }",
            5,
            (
                "High num examples in current dataset versus the previous span.",
                (
                    "The ratio of num examples in the current dataset versus the previous span is 2 (up to six "
                    "significant digits), which is above the threshold 1.1."
                ),
            ),
        ),
        (
            "num_examples_drift_comparator { min_fraction_threshold: 0.9 }",
            20,
            (
                "Low num examples in current dataset versus the previous span.",
                (
                    "The ratio of num examples in the current dataset versus the previous span is 0.5 (up to six "
                    "significant digits), which is below the threshold 0.9."
                ),
            ),
        ),
        (
            "num_examples_drift_comparator { max_fraction_threshold: 1.1 }",
            0,
            (
                "High num examples in current dataset versus the previous span, which has 0.",
                (
                    "The previous span has 0 examples, so there is a high number of examples in the current dataset "
                    "versus the previous span."
                ),
            ),
        ),
    ],
)
def test_the_number_of_rows_is_checked(constraints: str, n_previous: int, expected: tuple[str, str] | None) -> None:
    schema = Schema.from_text(f'dataset_constraints {{ {constraints} }} feature {{ name: "x" type: INT }}')
    current, previous = (statistics(pl.DataFrame({"x": pl.Series(range(n), dtype=pl.Int64)})) for n in (10, n_previous))
    anomalies = validate_statistics(current, schema, previous_statistics=previous)
    assert found(anomalies) == ({None: expected} if expected else {})


# Statistics that do not know every string.


def partly_known(n_distinct: int, cap: int, *, relative_error: float = 0.0) -> Statistics:
    """A column of strings v0, v0, v1, v2, ... of which a summary keeps `cap`."""
    summary = summarize(pl.DataFrame({"x": ["v0", *(f"v{i}" for i in range(n_distinct))]}), cap=cap)
    distinct = {"count": n_distinct, "exact": not relative_error, "relative_error": relative_error}
    summary["columns"][0]["distinct"] = distinct
    return Statistics.from_summaries([("", summary)])


def domain_of(*values: str) -> Schema:
    return Schema.from_text('feature { name: "x" type: BYTES }').with_feature("x", domain=list(values))


def test_known_strings_outside_the_domain_are_told_with_what_was_looked_at() -> None:
    stats = partly_known(50, 2)
    known = sorted(value for value, _ in stats.column("x").top_values)
    anomalies = validate_statistics(stats, domain_of(known[0]))
    assert found(anomalies)["x"][1] == (
        f"Examples contain values missing from the schema: {known[1]} (~1%). Only the 2 most frequent of 50 distinct "
        "values (5.88% of all values) were compared with the domain; others may be outside too. "
    )


def test_more_distinct_strings_than_the_domain_has_are_an_anomaly_even_if_unknown() -> None:
    stats = partly_known(50, 2)
    known = [value for value, _ in stats.column("x").top_values]
    anomalies = validate_statistics(stats, domain_of(*known))
    assert found(anomalies)["x"][1].startswith("Examples contain at least 48 values missing from the schema")
    assert anomalies.errors


def test_what_cannot_be_decided_is_a_warning() -> None:
    stats = partly_known(50, 2)
    anomalies = validate_statistics(stats, domain_of(*(f"v{i}" for i in range(60))))
    (anomaly,) = anomalies
    assert (anomaly.severity, anomaly.short_description) == ("WARNING", "Domain not fully checked")
    assert anomaly.description.endswith("all of these are in it, the others are not known.")
    anomalies.assert_valid()


@pytest.mark.parametrize(
    ("feature", "values", "expected"),
    [
        (
            'type: BYTES string_domain { value: "a" }',
            [["b"]],
            ("Unexpected string values", "Examples contain values missing from the schema: b (~100%). "),
        ),
        ("type: INT int_domain { max: 1 }", [[5]], ("Out-of-range values", "Unexpectedly large value: 5.")),
        (
            "type: FLOAT float_domain { max: 1 }",
            [[5.0]],
            ("Out-of-range values", "Unexpectedly high value: 5>1(upto six significant digits)"),
        ),
        (
            "type: INT bool_domain { }",
            [[5]],
            ("Non-boolean values", "Integers (such as 5) not in {0, 1}: converting to an integer."),
        ),
        ("type: INT int_domain { max: 5 }", [[5], [], [1, 2]], None),
    ],
)
def test_values_inside_lists_are_compared_with_their_domain(
    feature: str, values: list[Any], expected: tuple[str, str] | None
) -> None:
    assert judge(feature, x=values) == expected


def test_an_estimate_is_not_taken_for_a_count() -> None:
    stats = partly_known(50, 2, relative_error=0.1)
    in_doubt = validate_statistics(stats, domain_of("v0", *(f"v{i}" for i in range(9, 50))))
    assert [anomaly.severity for anomaly in in_doubt] == ["WARNING"]
    assert "about 50 distinct values" in next(iter(in_doubt)).description
    unique = Schema.from_text('feature { name: "x" type: BYTES unique_constraints { min: 60 max: 70 } }')
    assert found(validate_statistics(stats, unique))["x"][1].endswith("is an estimate with a relative error of 10 %.")
