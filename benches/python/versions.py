"""Claim: the statistics of any version of a table come without reading a byte of its data; so does the history.

Both are asked of a freshly opened, read-only warehouse each time. The rival of the statistics is polars' `describe()`
over the very Parquet files of that version; the rival of the history is a log of one JSON file a commit, read newest
first. A writer indexes the history now and then; it is raced as the writer left it and after a reader completed it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from race import print_machine, print_times, race, scratch_folder

import lakebed as lb

N_ROWS, N_COMMITS = 1_000, 300
VERSIONS = ("main", f"main~{N_COMMITS // 2}")


def build(folder: Path, log: Path) -> None:
    """300 appends to one table, and the same messages as one JSON file a commit."""
    warehouse = lb.open(folder)
    log.mkdir()
    for i in range(N_COMMITS):
        rng = np.random.default_rng(i)
        columns = {f"int_{j}": rng.integers(0, 10**j * 10, N_ROWS) for j in range(4)}
        floats = {f"float_{j}": rng.normal(size=N_ROWS) for j in range(4)}
        strings = {f"string_{j}": [f"item {value}" for value in rng.integers(0, 100**j, N_ROWS)] for j in (1, 2)}
        warehouse.write("events", pl.DataFrame(columns | floats | strings), message=f"batch {i}")
        entry = {"sequence": i + 1, "kind": "write", "message": f"batch {i}", "rows": N_ROWS}
        (log / f"{i:08}.json").write_text(json.dumps(entry))


def statistics(folder: Path, version: str) -> lb.Statistics:
    warehouse = lb.open(folder, read_only=True)
    found = warehouse.statistics("events", version)
    assert warehouse.counters()["data_bytes"] == 0
    return found


def messages(folder: Path) -> list[str]:
    warehouse = lb.open(folder, read_only=True)
    found = [commit.message for commit in warehouse.log()]
    assert warehouse.counters()["data_bytes"] == 0
    return found


def messages_of_files(log: Path) -> list[str]:
    return [str(json.loads(path.read_text())["message"]) for path in sorted(log.iterdir(), reverse=True)]


def same_statistics(ours: lb.Statistics, theirs: pl.DataFrame) -> None:
    rows = {str(row["statistic"]): row for row in theirs.iter_rows(named=True)}
    assert [name for name in theirs.columns if name != "statistic"] == ours.columns
    for name in ours.columns:
        column = ours.column(name)
        assert column.n_missing == int(float(rows["null_count"][name]))
        for end, value in (("min", column.min), ("max", column.max)):
            text = rows[end][name]
            assert value == (text if column.mean is None else float(text)), (name, end)
        if column.mean is not None:
            assert isclose(column.mean, float(rows["mean"][name]), rel_tol=1e-9), name


def same_messages(ours: list[str], theirs: list[str]) -> None:
    assert len(ours) == N_COMMITS
    assert ours == theirs


def race_statistics(folder: Path, version: str) -> None:
    table = lb.open(folder, read_only=True).table("events", version)
    files = [folder / name for name in table.files()]
    runs: dict[str, Callable[[], Any]] = {
        "lakebed, stored statistics": lambda: statistics(folder, version),
        "polars, describe() of the files": lambda: pl.scan_parquet(files).describe(),
    }
    title = f"Statistics of {version}: {table.num_rows:,} rows in {len(files)} files, 0 data bytes read"
    print_times(title, race(runs, same=same_statistics, rounds=9))


def race_history(folder: Path, log: Path, index: str) -> None:
    runs = {"lakebed, log()": lambda: messages(folder), "JSON files": lambda: messages_of_files(log)}
    title = f"History of {N_COMMITS} commits, {index}, 0 data bytes read"
    print_times(title, race(runs, same=same_messages, rounds=9))


def main() -> None:
    print_machine(f"Versions of a table of {N_COMMITS} commits, each {N_ROWS:,} rows x 10 columns.")
    with scratch_folder() as base:
        folder, log = base / "ours", base / "log"
        build(folder, log)
        race_history(folder, log, "as its writer left it")
        # A handle that may write leaves an index of the history behind.
        lb.open(folder).log()
        race_history(folder, log, "indexed")
        for version in VERSIONS:
            race_statistics(folder, version)


if __name__ == "__main__":
    main()
