"""Every method answers as ML Metadata 1.17.1 answered, on every backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance.ml_metadata_cases import Package, run
from tests.metadata_backends import Backend

from lakebed.ml_metadata.metadata_store import MetadataStore

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("ml_metadata_1.17.1.json").read_text(encoding="utf-8"))
CASE_DEPENDENT = {"postgresql": {"filters: name LIKE 'A-_'"}}
"""LIKE minds the case on PostgreSQL, in the original as here; the golden answers are SQLite's."""


# What a store has here and not there; tests/unit/test_ml_metadata_beyond.py holds it.
BEYOND = {"close", "delete_artifacts", "export_arrow", "import_arrow", "purge", "tables"}


def test_every_public_method_has_an_answer_of_the_original() -> None:
    methods = {name for name in dir(MetadataStore) if not name.startswith("_")} - BEYOND
    asked = {name.removeprefix("every_method: ") for name in GOLDEN["answers"] if name.startswith("every_method: ")}
    assert asked == methods
    answers = [GOLDEN["answers"][f"every_method: {name}"] for name in asked]
    assert not [answer for answer in answers if isinstance(answer, dict) and "error" in answer]


def test_every_answer_is_the_originals(backend: Backend) -> None:
    found = json.loads(json.dumps(run(Package("lakebed.ml_metadata"), backend.store)))
    expected = GOLDEN["answers"]
    assert len(expected) > 300
    assert found.keys() == expected.keys()
    differing = {name: (found[name], expected[name]) for name in expected if found[name] != expected[name]}
    assert differing.keys() <= CASE_DEPENDENT.get(backend.name, set()), differing
