"""Schemas out of statistics: inference, and the smallest relaxation of a schema."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from tests.summaries import statistics, summarize

from lakebed.errors import InvalidArgumentError
from lakebed.schema import Schema, diff
from lakebed.statistics import Statistics
from lakebed.validation import infer_schema, update_schema, validate_statistics


def inferred(values: list[Any], dtype: Any = None, **options: Any) -> dict[str, Any]:
    """What is inferred of a column of these values, its name and presence aside."""
    schema = infer_schema(statistics(pl.DataFrame({"x": pl.Series(values, dtype=dtype)})), **options).to_dict()
    feature: dict[str, Any] = schema["feature"][0]
    assert feature.pop("name") == "x"
    presence = feature.pop("presence")
    assert presence["min_count"] == (1 if any(value is not None for value in values) else 0)
    assert ("min_fraction" in presence) == (None not in values)
    if "domain" in feature:
        feature["domain"] = schema["string_domain"][0]["value"]
    return feature


SHAPE = {"shape": {"dim": [{"size": 1}]}}
ONE_VALUE = {"value_count": {"min": 1, "max": 1}}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 5], {"type": "INT", **SHAPE}),
        ([3, None], {"type": "INT", **ONE_VALUE}),
        ([1.5, 2.0], {"type": "FLOAT", **SHAPE}),
        ([0.0, 1.0], {"type": "FLOAT", **SHAPE}),
        ([0, 1], {"type": "INT", "bool_domain": {}, **SHAPE}),
        ([True, False], {"type": "INT", "bool_domain": {}, **SHAPE}),
        ([0, 0], {"type": "INT", **SHAPE}),
        ([-1, 1], {"type": "INT", **SHAPE}),
        (["b", "a", "b"], {"type": "BYTES", "domain": ["a", "b"], **SHAPE}),
        (["1", "-2"], {"type": "BYTES", "int_domain": {}, **SHAPE}),
        ([" 3", "+4"], {"type": "BYTES", "int_domain": {}, **SHAPE}),
        (["1", "9223372036854775808"], {"type": "BYTES", "domain": ["1", "9223372036854775808"], **SHAPE}),
        (["true", "false"], {"type": "BYTES", "bool_domain": {"true_value": "true", "false_value": "false"}, **SHAPE}),
        (["1", "0"], {"type": "BYTES", "bool_domain": {"true_value": "1", "false_value": "0"}, **SHAPE}),
        (["SET"], {"type": "BYTES", "bool_domain": {"true_value": "SET"}, **SHAPE}),
        (["0", "CLEAR"], {"type": "BYTES", "domain": ["0", "CLEAR"], **SHAPE}),
        ([b"a"], {"type": "BYTES", **SHAPE}),
        ([{"a": 1}], {"type": "STRUCT", **ONE_VALUE}),
        ([[1], [2, 3]], {"type": "INT", "value_count": {"min": 1}}),
        ([[1, 2], [3, 4]], {"type": "INT", "shape": {"dim": [{"size": 2}]}}),
        ([[], [3]], {"type": "INT"}),
        ([dt.date(1970, 1, 1), dt.date(1970, 1, 2)], {"type": "INT", **SHAPE}),
    ],
)
def test_each_kind_of_column_is_inferred_as_tfdv_does(values: list[Any], expected: dict[str, Any]) -> None:
    assert inferred(values) == expected


def test_a_column_of_nulls_is_optional() -> None:
    assert inferred([None, None], pl.String) == {"type": "BYTES"}


def test_the_domain_has_at_most_a_hundred_strings() -> None:
    values = [f"v{i:03}" for i in range(101)]
    assert "domain" not in inferred(values)
    assert inferred(values[:100])["domain"] == values[:100]
    assert "domain" in inferred(values, max_string_domain_size=101)
    with pytest.raises(InvalidArgumentError, match="max_string_domain_size is -1"):
        inferred(values, max_string_domain_size=-1)


def test_no_domain_is_inferred_of_strings_that_are_not_all_known() -> None:
    stats = statistics(pl.DataFrame({"x": [str(i) for i in range(2000)]}), cap=1000)
    assert "int_domain" not in infer_schema(stats).to_dict()["feature"][0]


def test_without_shapes_scalars_get_a_number_of_values() -> None:
    assert inferred([1.5], infer_feature_shape=False) == {"type": "FLOAT", **ONE_VALUE}


def test_the_whole_is_used_of_several_slices() -> None:
    frame = pl.DataFrame({"s": ["a", "b"]})
    stats = Statistics.from_summaries([("slice", summarize(frame[:1])), ("All Examples", summarize(frame))])
    assert infer_schema(stats).domain("s") == ["a", "b"]
    with pytest.raises(InvalidArgumentError, match="do not hold the whole dataset"):
        infer_schema(Statistics.from_summaries([("a", summarize(frame)), ("b", summarize(frame))]))


OLD = pl.DataFrame({"dest": ["ATL", "ORD"], "distance": [100, 200], "temp": [1.0, 2.0]})


def relaxed(schema: Schema, **columns: Any) -> tuple[Schema, list[str]]:
    """The schema relaxed for these columns, and the changes in words; it must leave no anomaly."""
    stats = statistics(pl.DataFrame(columns))
    new = update_schema(schema, stats)
    assert not validate_statistics(stats, new)
    return new, [str(change) for change in diff(schema, new)]


def test_valid_data_change_nothing() -> None:
    schema = infer_schema(statistics(OLD))
    assert update_schema(schema, statistics(OLD)) == schema


def test_new_strings_join_the_domain_in_order() -> None:
    schema = infer_schema(statistics(OLD))
    new, changes = relaxed(schema, dest=["ATL", "LEX", "BNA"], distance=[1, 2, 3], temp=[0.0, 1.0, 2.0])
    assert new.domain("dest") == ["ATL", "ORD", "BNA", "LEX"]
    assert changes == ["dest: 2 values added to the domain: 'BNA', 'LEX'"]


def test_ranges_widen_to_what_was_seen() -> None:
    schema = infer_schema(statistics(OLD)).with_feature("distance", domain=(17, 150)).with_feature("temp", min=1.5)
    _, changes = relaxed(schema, dest=["ATL"], distance=[5], temp=[-3.5])
    assert changes == [
        "distance: domain 17 .. 150 became 5 .. 150",
        "temp: domain at least 1.5 became at least -3.5",
    ]


def test_presence_drops_to_what_was_seen_and_the_shape_goes() -> None:
    _, changes = relaxed(infer_schema(statistics(OLD)), dest=["ATL"] * 4, distance=[1, 2, 3, None], temp=[1.0] * 4)
    assert changes == [
        "distance: presence required (in at least 1 rows) became at least 75 % (in at least 1 rows)",
        "distance: shape 1 became any",
    ]


def test_new_columns_are_added_and_missing_and_retyped_ones_deprecated() -> None:
    new, changes = relaxed(infer_schema(statistics(OLD)), distance=["far"], temp=[1.0], gate=["B1"])
    assert changes == [
        "dest: lifecycle unset became DEPRECATED",
        "distance: lifecycle unset became DEPRECATED",
        "gate: column added (STRING)",
    ]
    assert new.domain("gate") == ["B1"]


def test_a_new_column_whose_name_is_taken_by_a_domain_gets_another_domain() -> None:
    schema = Schema.from_text('feature { name: "q" type: BYTES domain: "s" } string_domain { name: "s" value: "a" }')
    new, _ = relaxed(schema, q=["a"], s=["z"])
    assert new.column("s").domain == "s2"


def test_update_does_not_look_at_environments() -> None:
    schema = infer_schema(statistics(OLD)).with_default_environments("TRAINING", "SERVING").with_label("temp")
    assert update_schema(schema, statistics(OLD)) == schema
