"""Eight writer processes beside readers.

The history is linear, counts are right, and doing the history again, one commit after another, gives the same tables.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import lakebed as lb
from lakebed.storage import Commit, Snapshot
from lakebed.warehouse import Warehouse

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked"),
]

Tables = dict[str, list[int]]


def crowd(location: Path, *numbers: int) -> list[dict[str, Any]]:
    """Let writers and readers work; gives what they said."""
    environment = {**os.environ, "PYTHONPATH": str(Path(lb.__file__).parents[1])}
    command = [sys.executable, str(Path(__file__).with_name("crowd.py")), str(location), *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def replay(tables: Tables, commit: Commit) -> None:
    """Do again what a commit says."""
    what = json.loads(commit.message)
    (table, *others), value = what["tables"], what["value"]
    if what["op"] == "append":
        tables.setdefault(table, []).extend([value, value + 1])
    elif what["op"] == "overwrite":
        tables[table] = [value, value + 1]
    elif what["op"] == "both":
        tables.setdefault(table, []).append(value)
        tables.setdefault(others[0], []).append(value + 1)
    elif what["op"] == "create":
        tables[table] = []
    elif what["op"] == "rename":
        tables[others[0]] = tables.pop(table)
    else:
        del tables[table]


def content(version: Snapshot) -> Tables:
    return {name: version.table(name).scan().arrow()["x"].to_pylist() for name in version.tables()}


def check_history(wh: Warehouse, n_before: int) -> None:
    history = wh.log()[::-1]
    assert [commit.sequence for commit in history] == list(range(1, len(history) + 1))
    assert [commit.parent for commit in history] == [None, *(commit.id for commit in history[:-1])]
    times = [commit.timestamp for commit in history]
    assert times == sorted(set(times))
    tables: Tables = {f"t{n}": [] for n in range(3)}
    for commit in history[n_before:]:
        replay(tables, commit)
        if commit.sequence % 10 == 0 or commit is history[-1]:
            assert content(wh.at(commit.id)) == tables, f"at commit {commit.sequence}"


def run(folder: Path, *, writers: int, count: int, readers: int, seed: int) -> Counter[str]:
    location = folder / "w"
    wh = lb.open(location)
    for n in range(3):
        wh.create(f"t{n}", pa.schema({"x": pa.int64()}))
    said = crowd(location, writers, count, readers, seed)
    work = [line for line in said if "id" in line]
    assert len(work) == writers * count
    acknowledged = [line["id"] for line in work if line["ending"] == "done"]
    assert sorted(json.loads(commit.message)["id"] for commit in wh.log()[:-3]) == sorted(acknowledged)
    refused = Counter(line["op"] for line in work if line["ending"] != "done")
    assert set(refused) <= {"overwrite", "rename", "drop"}, f"an append met a conflict: {refused}"
    check_history(wh, 3)
    assert wh.verify().ok
    seen = [line["seen"] for line in said if "seen" in line]
    assert len(seen) == readers
    assert min(seen) > 0
    return Counter(done=len(acknowledged), refused=refused.total(), seen=sum(seen))


def test_eight_writers_beside_readers_make_one_history_that_can_be_done_again() -> None:
    # In memory where there is one: the power is not cut here, and a shared disk would only make it slow.
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        seen = run(Path(folder), writers=8, count=50, readers=2, seed=1)
    sys.stdout.write(f"crowd: {dict(seen)}\n")
    assert seen["done"] >= 350


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 20))
def test_crowds_of_other_seeds_make_one_history(tmp_path: Path, seed: int) -> None:
    assert run(tmp_path, writers=8, count=50, readers=2, seed=seed)["done"] >= 350
