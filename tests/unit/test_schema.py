"""Schemas as values: conversion, edits, environments, display and the difference of two versions."""

from __future__ import annotations

import io
import pickle

import pytest
from rich.console import Console

from lakebed.errors import ColumnNotFoundError, EnvironmentNotFoundError, InvalidArgumentError
from lakebed.schema import Schema, diff

TEXT = """
feature { name: "carrier" type: BYTES domain: "carrier" presence { min_fraction: 1.0 min_count: 1 }
          shape { dim { size: 1 } } }
feature { name: "distance" type: INT presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } } }
feature { name: "temp" type: FLOAT presence { min_count: 1 } value_count { min: 1 max: 1 } }
feature { name: "arr_delay" type: FLOAT presence { min_count: 1 } value_count { min: 1 max: 1 } }
string_domain { name: "carrier" value: "AA" value: "UA" }
"""


@pytest.fixture
def schema() -> Schema:
    return Schema.from_text(TEXT)


def test_text_and_bytes_give_the_same_schema_back(schema: Schema) -> None:
    assert Schema.from_text(schema.to_text()) == schema
    assert Schema.from_bytes(schema.to_bytes()) == schema
    assert pickle.loads(pickle.dumps(schema)) == schema
    assert hash(Schema.from_text(TEXT)) == hash(schema)


def test_schemas_of_other_content_differ(schema: Schema) -> None:
    assert schema != schema.without_feature("temp")
    assert schema != "schema"


def test_broken_text_names_the_place() -> None:
    with pytest.raises(InvalidArgumentError, match="line and column 2:3"):
        Schema.from_text('feature { name: "x" }\n  nonsense: 3')


def test_broken_bytes_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"2 bytes are no tensorflow.metadata.v0.Schema"):
        Schema.from_bytes(b"\xff\xff")


def test_a_message_of_another_class_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="a schema was made of a str"):
        Schema("feature {}")


def test_editing_the_proto_does_not_change_the_schema(schema: Schema) -> None:
    message = schema.proto
    del message.feature[:]
    assert len(schema) == 4
    assert Schema(message).columns == []


def test_edits_give_new_schemas(schema: Schema) -> None:
    before = schema.to_bytes()
    edited = schema.with_feature("distance", min=17)
    assert schema.to_bytes() == before
    assert edited.column("distance").int_domain.min == 17


def test_an_unknown_column_gets_the_nearest_names(schema: Schema) -> None:
    with pytest.raises(ColumnNotFoundError, match=r"no column 'carier'; did you mean 'carrier'\?"):
        schema.with_feature("carier", min_count=3)
    with pytest.raises(ColumnNotFoundError, match="it has: carrier, distance, temp, arr_delay"):
        schema.column("zzz")


def test_a_label_is_not_expected_in_serving(schema: Schema) -> None:
    labelled = schema.with_default_environments("TRAINING", "SERVING").with_label("arr_delay")
    assert labelled.default_environments == ["TRAINING", "SERVING"]
    assert labelled.in_environment("arr_delay", "TRAINING")
    assert not labelled.in_environment("arr_delay", "SERVING")
    assert labelled.in_environment("arr_delay", None)
    assert labelled.in_environment("distance", "SERVING")


def test_own_environments_win_over_excluded_and_default_ones() -> None:
    schema = Schema.from_text(
        'default_environment: "T" feature { name: "x" in_environment: "T" not_in_environment: "T" }'
        'feature { name: "y" not_in_environment: "T" }'
    )
    assert schema.in_environment("x", "T")
    assert not schema.in_environment("y", "T")


def test_moving_a_column_between_environments_keeps_one_entry(schema: Schema) -> None:
    declared = schema.with_default_environments("T")
    out = declared.with_feature("temp", not_in_environment="T")
    back = out.with_feature("temp", in_environment=["T"])
    assert list(out.column("temp").not_in_environment) == ["T"]
    assert list(back.column("temp").not_in_environment) == []
    assert back.with_feature("temp", clear="environments") == declared


def test_an_undeclared_environment_is_refused_with_the_declared_ones(schema: Schema) -> None:
    with pytest.raises(EnvironmentNotFoundError, match="It declares: none"):
        schema.with_label("arr_delay")
    with pytest.raises(EnvironmentNotFoundError, match="It declares: TRAINING, SERVING"):
        schema.with_default_environments("TRAINING", "SERVING").in_environment("temp", "NOPE")


def test_an_environment_without_a_name_is_refused(schema: Schema) -> None:
    with pytest.raises(InvalidArgumentError, match="empty name"):
        schema.with_default_environments("")


def test_ranges_follow_the_type_of_the_column(schema: Schema) -> None:
    edited = schema.with_feature("distance", domain=(1, 7)).with_feature("temp", min=-10.5)
    assert edited.to_dict()["feature"][1]["int_domain"] == {"min": 1, "max": 7}
    assert edited.to_dict()["feature"][2]["float_domain"] == {"min": -10.5}
    assert edited.with_feature("distance", max=9).column("distance").int_domain.min == 1


@pytest.mark.parametrize(
    ("column", "arguments", "message"),
    [
        ("distance", {"min": 1.5}, "is 1.5 .. open but the column is INT; pass whole numbers"),
        ("distance", {"domain": (7, 1)}, "the lowest must not exceed the highest"),
        ("distance", {"domain": ["a"]}, "list of strings but the column is INT"),
        ("distance", {"domain": (1, "a")}, "pass a list of strings or a pair"),
        ("carrier", {"domain": "AA"}, "is one string; pass a list"),
        ("distance", {"min_fraction": 1.5}, "min_fraction of 'distance' is 1.5"),
        ("distance", {"min_count": -1}, "min_count of 'distance' is -1"),
        ("distance", {"min_domain_mass": 0.5}, "needs a domain of strings"),
        ("carrier", {"min_domain_mass": 2}, "must be the fraction"),
        ("carrier", {"unique": (3, 1)}, "pass \\(fewest, most\\)"),
        ("carrier", {"disallow_nan": True}, "for columns of type FLOAT"),
        ("carrier", {"lifecycle": "OLD"}, "must be one of"),
        ("carrier", {"drift": {"l2": 0.1}}, "the distance must be one of infinity_norm"),
        ("carrier", {"skew": {"infinity_norm": -0.1}}, "the threshold 0 or more"),
        ("carrier", {"clear": "all"}, "a feature has these parts: domain, drift"),
    ],
)
def test_edits_that_make_no_sense_are_refused(
    schema: Schema, column: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        schema.with_feature(column, **arguments)  # type: ignore[arg-type]


def test_a_domain_of_strings_replaces_the_old_one(schema: Schema) -> None:
    edited = schema.with_feature("carrier", domain=["UA", "DL", "UA"])
    assert edited.domain("carrier") == ["UA", "DL"]
    assert [domain["name"] for domain in edited.to_dict()["string_domain"]] == ["carrier"]
    cleared = edited.with_feature("carrier", clear="domain")
    assert cleared.domain("carrier") is None
    assert "string_domain" not in cleared.to_dict()


def test_a_domain_that_columns_share_is_left_to_the_others() -> None:
    schema = Schema.from_text(
        'feature { name: "origin" type: BYTES domain: "airport" }'
        'feature { name: "dest" type: BYTES domain: "airport" }'
        'string_domain { name: "airport" value: "JFK" }'
    )
    edited = schema.with_feature("dest", domain=["LEX"])
    assert edited.domain("origin") == ["JFK"]
    assert edited.domain("dest") == ["LEX"]


def test_a_fraction_below_one_loosens_a_fixed_shape(schema: Schema) -> None:
    feature = schema.with_feature("carrier", min_fraction=0.95).to_dict()["feature"][0]
    assert feature["value_count"] == {"min": 1, "max": 1}
    assert "shape" not in feature
    assert "shape" in schema.with_feature("carrier", min_fraction=1.0).to_dict()["feature"][0]


def test_every_part_can_be_set_and_cleared(schema: Schema) -> None:
    edited = schema.with_feature(
        "temp",
        max=120,
        disallow_nan=True,
        disallow_inf=True,
        lifecycle="BETA",
        unique=(1, 5),
        drift={"jensen_shannon_divergence": 0.5},
        skew={"infinity_norm": 0.25},
    )
    assert edited.to_dict()["feature"][2] == {
        "name": "temp",
        "value_count": {"min": 1, "max": 1},
        "type": "FLOAT",
        "float_domain": {"max": 120.0, "disallow_nan": True, "disallow_inf": True},
        "presence": {"min_count": 1},
        "skew_comparator": {"infinity_norm": {"threshold": 0.25}},
        "drift_comparator": {"jensen_shannon_divergence": {"threshold": 0.5}},
        "lifecycle_stage": "BETA",
        "unique_constraints": {"min": 1, "max": 5},
    }
    parts = ["domain", "drift", "skew", "lifecycle", "unique"]
    assert edited.with_feature("temp", clear=parts) == schema


def test_the_number_of_rows_can_be_bounded() -> None:
    schema = Schema().with_dataset(max_examples=5, min_fraction_of_previous=0.5, max_fraction_of_previous=2)
    assert schema.to_dict()["dataset_constraints"] == {
        "num_examples_drift_comparator": {"min_fraction_threshold": 0.5, "max_fraction_threshold": 2.0},
        "min_examples_count": 0,
        "max_examples_count": 5,
    }
    assert schema.with_dataset(min_examples=2).proto.dataset_constraints.max_examples_count == 5
    with pytest.raises(InvalidArgumentError, match="min_examples is -1"):
        Schema().with_dataset(min_examples=-1)


def test_the_frame_has_one_row_a_column(schema: Schema) -> None:
    frame = schema.with_default_environments("T", "S").with_label("arr_delay", "S").with_feature("distance", min=17)
    assert frame.to_polars().rows() == [
        ("carrier", "STRING", "required", "'AA', 'UA'", ["T", "S"]),
        ("distance", "INT", "required", "at least 17", ["T", "S"]),
        ("temp", "FLOAT", "optional", "", ["T", "S"]),
        ("arr_delay", "FLOAT", "optional", "", ["T"]),
    ]


def test_long_domains_are_cut_in_the_table() -> None:
    schema = Schema.from_text('feature { name: "x" type: BYTES }').with_feature(
        "x", domain=[f"v{i}" for i in range(99)]
    )
    domain = schema.to_polars()["domain"][0]
    assert domain.endswith("... (99 values)")
    assert len(domain) < 90


def test_tables_for_people_escape_what_they_show(schema: Schema) -> None:
    edited = schema.with_feature("carrier", domain=["<b>"])
    assert "&lt;b&gt;" in edited._repr_html_()
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(edited)
    assert "'<b>'" in console.export_text()
    assert repr(schema) == "Schema(4 columns: carrier, distance, temp, arr_delay)"
    assert "carrier" in schema


def test_the_difference_of_two_versions_is_told_in_sentences(schema: Schema) -> None:
    new = (
        schema.with_default_environments("TRAINING", "SERVING")
        .with_label("arr_delay")
        .with_feature("carrier", domain=["AA", "DL"], min_fraction=0.95)
        .with_feature("distance", min=17, drift={"infinity_norm": 0.1}, lifecycle="BETA")
        .without_feature("temp")
    )
    added = Schema.from_text(new.to_text() + 'feature { name: "dest" type: BYTES domain: "carrier" }')
    assert [str(change) for change in diff(schema, added)] == [
        "declared environments none became TRAINING, SERVING",
        "temp: column removed",
        "carrier: presence required (in at least 1 rows) became at least 95 % (in at least 1 rows)",
        "carrier: shape 1 became 1 to 1 values",
        "carrier: 1 value added to the domain: 'DL'",
        "carrier: 1 value removed from the domain: 'UA'",
        "distance: lifecycle unset became BETA",
        "distance: domain any value became at least 17",
        "distance: drift comparator set",
        "arr_delay: environments none became TRAINING",
        "dest: column added (STRING)",
    ]


def test_equal_schemas_have_no_difference_whatever_their_order(schema: Schema) -> None:
    reordered = Schema.from_text(schema.with_feature("carrier", domain=["UA", "AA"]).to_text())
    assert diff(schema, reordered) == []


def test_a_change_has_plain_values(schema: Schema) -> None:
    (change,) = diff(schema, schema.with_feature("carrier", domain=["AA", "UA", "DL"]))
    assert change.to_dict() == {
        "kind": "domain_values_added",
        "column": "carrier",
        "before": None,
        "after": ["DL"],
        "sentence": "carrier: 1 value added to the domain: 'DL'",
    }
