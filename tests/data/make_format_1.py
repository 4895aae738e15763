"""Make the warehouse of format version 1 that every later Lakebed must open: `python tests/data/make_format_1.py`.

It was made once and is never made anew: `tests/conformance/test_format_1.py` opens a copy of it and compares all that
it finds with `format_1.json`, which this program wrote beside it.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

import lakebed as lb

HERE = Path(__file__).parent
WAREHOUSE = HERE / "format_1.lakebed"
EXPECTED = HERE / "format_1.json"


def types(start: int) -> pl.DataFrame:
    """Four rows with a column of every type, nulls in each."""
    moment = dt.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=dt.timezone.utc)
    return pl.DataFrame(
        {
            "id": [start, start + 1, start + 2, None],
            "int8": pl.Series([-128, 127, None, 0], dtype=pl.Int8),
            "int16": pl.Series([-(2**15), 2**15 - 1, None, 0], dtype=pl.Int16),
            "int32": pl.Series([-(2**31), 2**31 - 1, None, 0], dtype=pl.Int32),
            "uint8": pl.Series([0, 255, None, 1], dtype=pl.UInt8),
            "uint16": pl.Series([0, 2**16 - 1, None, 1], dtype=pl.UInt16),
            "uint32": pl.Series([0, 2**32 - 1, None, 1], dtype=pl.UInt32),
            "uint64": pl.Series([0, 2**64 - 1, None, 1], dtype=pl.UInt64),
            "float32": pl.Series([1.5, float("nan"), None, float("-inf")], dtype=pl.Float32),
            "float64": [0.1, float("nan"), None, float("inf")],
            "bool": [True, False, None, True],
            "string": ["plain", "ünïcödé \N{SNOWMAN}", None, ""],
            "binary": [b"\x00\xff", b"", None, b"x"],
            "date": [dt.date(1969, 12, 31), dt.date(9999, 1, 1), None, dt.date(1970, 1, 1)],
            "time": [dt.time(0), dt.time(23, 59, 59, 999999), None, dt.time(12)],
            "timestamp_ms": pl.Series([moment.replace(tzinfo=None), None, None, None], dtype=pl.Datetime("ms")),
            "timestamp_us": pl.Series([moment, None, None, None], dtype=pl.Datetime("us", "UTC")),
            "timestamp_ns": pl.Series([moment, None, None, None], dtype=pl.Datetime("ns", "Europe/Paris")),
            "decimal": [Decimal("1.50"), Decimal("-99999999.99"), None, Decimal("0.00")],
            "list": [[1, None, 3], [], None, [4]],
            "struct": [{"a": 1, "b": ["x"]}, {"a": None, "b": []}, None, {"a": 2, "b": None}],
        }
    )


def make(wh: lb.Warehouse) -> None:
    raw = wh.lake.put("raw/first.csv", b"id,value\n1,a\n2,b\n")
    wh.write("types", types(0), message="first rows", key="load 0")
    for turn in range(1, 12):
        wh.write("types", types(turn * 10), message=f"turn {turn}")
    wh.tag("twelve")
    wh.write("sales.orders", wh.lake.read_csv("raw/first.csv"), inputs=[raw])
    wh.set_schema("sales.orders", wh.infer_schema("sales.orders"), gate="refuse")
    wh.branch("try", "twelve")
    wh.write("types", types(1000), branch="try", mode="overwrite")
    wh.create("empty", {"x": pl.Int64})
    wh.rename("sales.orders", "sales.archive")
    wh.write("gone", pl.DataFrame({"x": [1]}))
    wh.drop("gone")
    changed = wh.write("changed", pl.DataFrame({"id": range(6), "x": [0.5 * n for n in range(6)]}), sort_by="id")
    changed = changed.delete(where="id = 1").update({"x": "x * 2"}, where="id > 3")
    changed = changed.upsert(pl.DataFrame({"id": [2, 9], "x": [20.0, 90.0]}), key="id")
    changed = changed.add_column("n", "int16", default=7).rename_column("x", "y").set_note("y", comment="twice x")
    changed.append(pl.DataFrame({"id": [10], "y": [1.0]})).compact()
    with wh.execution("train", parameters={"degree": 2}) as run:
        wh.table("sales.archive").scan().pl()
        run.log_metrics(accuracy=0.75)
        run.save_artifact("model.txt", data=b"weights", type="Model")


def describe(wh: lb.Warehouse) -> dict[str, Any]:
    """Everything that a user can find out, as plain values."""
    versions = ["main", "try", "twelve", "main~9"]
    return {
        "log": [[commit.id, commit.message, commit.kind, list(commit.tags)] for commit in wh.log()],
        "tables": {version: wh.at(version).versions() for version in versions},
        "rows": {version: _rows(wh, version) for version in versions},
        "statistics": {version: _statistics(wh, version) for version in versions},
        "schema": wh.schema("sales.archive").schema.to_text(),
        "raw": wh.lake.read_bytes("raw/first.csv").decode(),
        "executions": [[execution.type, execution.name] for execution in wh.metadata.get_executions()],
        "artifacts": [[artifact.type, artifact.name] for artifact in wh.metadata.get_artifacts()],
    }


def _rows(wh: lb.Warehouse, version: str) -> dict[str, list[str]]:
    frames = {name: wh.table(name, version).scan().pl() for name in wh.tables(version)}
    return {name: [repr(row) for row in frame.rows()] for name, frame in frames.items()}


def _statistics(wh: lb.Warehouse, version: str) -> dict[str, list[list[str]]]:
    found = {name: wh.statistics(name, version) for name in wh.tables(version)}
    return {name: [_column(table, column) for column in table.columns] for name, table in found.items()}


def _column(table: lb.Statistics, name: str) -> list[str]:
    column = table.column(name)
    return [name, *(repr(value) for value in (column.n_missing, column.min, column.max, column.mean))]


def main() -> None:
    shutil.rmtree(WAREHOUSE, ignore_errors=True)
    wh = lb.open(WAREHOUSE)
    make(wh)
    EXPECTED.write_text(json.dumps(describe(wh), indent=1, ensure_ascii=False) + "\n")
    # The projection of the lineage is made anew from the records, and so are the hints.
    shutil.rmtree(WAREHOUSE / "cache")


if __name__ == "__main__":
    main()
