"""`import lakebed` is quick: what is heavy is imported by the first call that needs it."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "google.protobuf",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "sqlalchemy",
    "sqlglot",
    "tensorflow_metadata",
    "typer",
}
PROGRAM = "import json, sys, lakebed; print(json.dumps([sorted(sys.modules), lakebed.__all__]))"


def test_import_loads_no_heavy_module() -> None:
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded, exported = json.loads(result.stdout)
    assert "lakebed" in loaded
    assert exported, "lakebed.__all__ is empty"
    assert HEAVY & set(loaded) == set()
