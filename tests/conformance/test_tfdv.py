"""Inference, validation and relaxation say what TensorFlow Data Validation 1.16.1 said on the same statistics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.tfdv_cases import Case, cases
from tests.summaries import statistics

from lakebed.schema import Schema
from lakebed.validation import infer_schema, update_schema, validate_statistics

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("tfdv_1.16.1.json").read_text(encoding="utf-8"))
CASES = cases()


def test_every_case_was_run_on_tfdv() -> None:
    assert len(CASES) > 100
    assert sorted(GOLDEN) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_anomalies_are_tfdvs(name: str) -> None:
    case = CASES[name]
    anomalies = validate_statistics(
        statistics(case.data),
        Schema.from_text(case.schema),
        environment=case.environment,
        previous_statistics=None if case.previous is None else statistics(case.previous),
        serving_statistics=None if case.serving is None else statistics(case.serving),
    )
    found, expected = anomalies.to_dict(), GOLDEN[name]["anomalies"]
    for ours, theirs in zip(found["measurements"], expected["measurements"], strict=True):
        assert ours["value"] == pytest.approx(theirs.pop("value"), abs=1e-12)
        del ours["value"]
    assert found == expected


@pytest.mark.parametrize("name", CASES)
def test_inferred_schemas_are_tfdvs(name: str) -> None:
    assert infer_schema(statistics(CASES[name].data)).to_dict() == GOLDEN[name]["inferred"]


@pytest.mark.parametrize("name", CASES)
def test_relaxed_schemas_are_tfdvs(name: str) -> None:
    case: Case = CASES[name]
    assert update_schema(Schema.from_text(case.schema), statistics(case.data)).to_dict() == GOLDEN[name]["updated"]
