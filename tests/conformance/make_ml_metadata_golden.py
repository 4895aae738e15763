"""Run ML Metadata itself on the cases of ml_metadata_cases.py and write what it answers.

The environment needs the original alone (Python 3.11, protobuf below 5):

    python3.11 -m venv original && original/bin/pip install ml-metadata==1.17.1 'protobuf<5'
    PYTHONPATH=. original/bin/python tests/conformance/make_ml_metadata_golden.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.conformance.ml_metadata_cases import Package, run


def main() -> None:
    package = Package("ml_metadata")

    def make_store() -> Any:
        config = package.pb.ConnectionConfig()
        config.fake_database.SetInParent()
        return package.api.MetadataStore(config)

    answers = run(package, make_store)
    text = json.dumps({"version": package.api.__version__, "answers": answers}, indent=1, sort_keys=True)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("ml_metadata_1.17.1.json")
    target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
