"""`import lakebed` is quick: what is heavy is imported by the first call that needs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

import lakebed as lb

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


READ = """
import sys, lakebed as lb
table = lb.open(sys.argv[1]).table("t")
print(table.scan(columns=["a"]).pl()["a"].sum(), table.lazy(row_ids=True).collect().width, *sys.modules)
"""


def test_a_plain_read_needs_polars_alone(tmp_path: Path) -> None:
    lb.open(tmp_path / "wh").write("t", pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    command = [sys.executable, "-c", READ, str(tmp_path / "wh")]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert found[:2] == ["3", "4"]
    assert HEAVY & set(found) == {"polars"}


STATISTICS = """
import sys, lakebed as lb
wh = lb.open(sys.argv[1])
stats = wh.statistics("t", version="v")
print(stats.n_rows, len(stats.columns), wh.counters()["data_bytes"], *sys.modules)
"""
NOT_FOR_MERGES = {"csv", "lakebed.expression.predicate", "lakebed.statistics.sources", "multiprocessing", "asyncio"}


def test_stored_statistics_need_nothing_heavy_and_no_reader(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "wh")
    for number in range(3):
        wh.write("t", pl.DataFrame({"a": [number, 2], "b": ["x", "y"]}))
    wh.tag("v")
    command = [sys.executable, "-c", STATISTICS, str(tmp_path / "wh")]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert found[:3] == ["6", "2", "0"]
    assert (HEAVY | NOT_FOR_MERGES) & set(found) == set()
