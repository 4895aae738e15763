"""Run TensorFlow Data Validation itself on the cases of tfdv_cases.py and write what it says.

Its rules are a library without TensorFlow or Beam, so the wheel need only be unpacked (CPython 3.11, Linux):

    pip download --no-deps --dest oracle tensorflow-data-validation==1.16.1
    unzip -q oracle/*.whl 'tensorflow_data_validation/pywrap/*.so' -d oracle
    python -m tests.conformance.make_tfdv_golden oracle/tensorflow_data_validation/pywrap/*.so
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import polars as pl
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tests.conformance.tfdv_cases import Case, cases
from tests.summaries import statistics

from lakebed.schema import Schema
from lakebed.validation import Anomalies

GOLDEN = Path(__file__).with_name("tfdv_1.16.1.json")


def main() -> None:
    """Write the golden file."""
    validation = load(Path(sys.argv[1]))
    golden = {name: run(validation, case) for name, case in cases().items()}
    GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def load(path: Path) -> Any:
    """The rules of TFDV."""
    spec = importlib.util.spec_from_file_location("tensorflow_data_validation_extension", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.validation


def run(validation: Any, case: Case) -> dict[str, Any]:
    """What TFDV infers, finds and relaxes."""
    schema, data = Schema.from_text(case.schema).to_bytes(), serialize(case.data)
    environment = (case.environment or "").encode()
    controls = [serialize(frame) if frame is not None else b"" for frame in (case.previous, case.serving, None)]
    anomalies = validation.ValidateFeatureStatistics(data, schema, environment, *controls, b"", b"", False)
    return {
        "inferred": as_schema(validation.InferSchema(data, 100, True)),
        "updated": as_schema(validation.UpdateSchema(schema, data, 100)),
        "anomalies": Anomalies(anomalies_pb2.Anomalies.FromString(anomalies)).to_dict(),
    }


def serialize(frame: pl.DataFrame) -> bytes:
    """The statistics of one dataset."""
    return bytes(statistics(frame).dataset().SerializeToString())


def as_schema(data: bytes) -> dict[str, Any]:
    """A schema as plain values; TFDV 1.16 still sets a flag that tensorflow-metadata no longer has."""
    message = schema_pb2.Schema.FromString(data)
    message.DiscardUnknownFields()
    return Schema(message).to_dict()


if __name__ == "__main__":
    main()
