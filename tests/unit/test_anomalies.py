"""Anomalies as values: iteration, display, conversion and the error they can become."""

from __future__ import annotations

import io
import pickle

import polars as pl
import pytest
from rich.console import Console
from tests.summaries import statistics

from lakebed.errors import AnomaliesFoundError, InvalidArgumentError
from lakebed.schema import Schema
from lakebed.validation import Anomalies, infer_schema, validate_statistics

TRAINING = pl.DataFrame({"carrier": ["AA", "UA"], "distance": [100, 200], "delay": [1.0, 2.0]})
BATCH = pl.DataFrame(
    {"zebra": [1], "carrier": ["<ZZ>"], "distance": [None], "a.b": [2]}, schema_overrides={"distance": pl.Int64}
)


@pytest.fixture
def anomalies() -> Anomalies:
    schema = infer_schema(statistics(TRAINING)).with_dataset(min_examples=10)
    return validate_statistics(statistics(BATCH), schema)


def test_the_dataset_comes_first_then_the_schemas_columns_then_new_ones(anomalies: Anomalies) -> None:
    assert [item.column for item in anomalies] == [None, "carrier", "distance", "delay", "a.b", "zebra"]
    assert anomalies.columns == ["carrier", "distance", "delay", "a.b", "zebra"]
    assert len(anomalies) == 6
    assert bool(anomalies)


def test_keys_are_serialized_paths(anomalies: Anomalies) -> None:
    assert "'a.b'" in anomalies.proto.anomaly_info
    assert anomalies.proto.anomaly_name_format == anomalies.proto.SERIALIZED_PATH


def test_a_column_is_found_by_name(anomalies: Anomalies) -> None:
    anomaly = anomalies.column("delay")
    assert anomaly is not None
    assert str(anomaly) == "delay: Column dropped: Column is completely missing"
    assert anomalies.column("nope") is None


def test_the_error_lists_every_anomaly(anomalies: Anomalies) -> None:
    with pytest.raises(AnomaliesFoundError) as caught:
        anomalies.assert_valid()
    lines = str(caught.value).splitlines()
    assert lines[0] == "the data do not meet the schema, 6 anomalies:"
    assert (
        lines[1]
        == "  (dataset): Low num examples in dataset.: The dataset has 1 examples, which is fewer than expected."
    )
    assert lines[-1] == "repair the data or the schema"
    assert caught.value.anomalies == anomalies


def test_no_rows_are_an_error_too() -> None:
    empty = validate_statistics(statistics(TRAINING[:0]), infer_schema(statistics(TRAINING)))
    with pytest.raises(AnomaliesFoundError, match="there are no rows"):
        empty.assert_valid()


def test_valid_data_have_no_anomalies() -> None:
    none = validate_statistics(statistics(TRAINING), infer_schema(statistics(TRAINING)))
    none.assert_valid()
    assert not none
    assert none.to_polars().is_empty()
    assert "No anomalies found" in none._repr_html_()
    assert repr(none) == "Anomalies(none)"


def test_the_frame_has_one_row_an_anomaly(anomalies: Anomalies) -> None:
    frame = anomalies.to_polars()
    assert frame.columns == ["feature", "severity", "short_description", "description", "reasons"]
    assert frame["feature"].to_list() == [None, "carrier", "distance", "delay", "a.b", "zebra"]
    assert frame.row(3) == (
        "delay",
        "ERROR",
        "Column dropped",
        "Column is completely missing",
        ["SCHEMA_MISSING_COLUMN"],
    )


def test_a_dict_holds_plain_values(anomalies: Anomalies) -> None:
    plain = anomalies.to_dict()
    assert plain["data_missing"] is False
    assert plain["anomalies"][3] == {
        "column": "delay",
        "severity": "ERROR",
        "short_description": "Column dropped",
        "description": "Column is completely missing",
        "reasons": [
            {
                "type": "SCHEMA_MISSING_COLUMN",
                "short_description": "Column dropped",
                "description": "Column is completely missing",
            }
        ],
    }


def test_bytes_and_pickle_give_the_same_anomalies_back(anomalies: Anomalies) -> None:
    assert Anomalies.from_bytes(anomalies.to_bytes()) == anomalies
    assert pickle.loads(pickle.dumps(anomalies)) == anomalies
    assert hash(Anomalies(anomalies.proto)) == hash(anomalies)
    with pytest.raises(InvalidArgumentError, match="anomalies were made of a Schema"):
        Anomalies(Schema())


def test_the_baseline_is_the_schema(anomalies: Anomalies) -> None:
    assert Schema(anomalies.proto.baseline) == infer_schema(statistics(TRAINING)).with_dataset(min_examples=10)


def test_tables_for_people_escape_what_they_show(anomalies: Anomalies) -> None:
    assert "&lt;ZZ&gt; (~100%)" in anomalies._repr_html_()
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(anomalies)
    text = console.export_text()
    assert "6 anomalies" in text
    assert "(dataset)" in text
    assert "<ZZ>" in text
