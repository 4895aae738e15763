"""Several processes at one warehouse: appends at once, and writers that are killed at any moment."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from lakebed import errors
from lakebed.storage import Repository

pytestmark = pytest.mark.integration

# A writer: waits for its start signal, then commits one row after another and says each that is acknowledged.
WRITER = """
import sys
import pyarrow as pa
from lakebed.storage import Repository

location, table, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
repository = Repository(location)
print("ready", flush=True)
sys.stdin.readline()
for n in range(first, first + count):
    transaction = repository.begin()
    transaction.write(table, pa.table({"x": pa.array([n], pa.int64())}))
    transaction.commit({"kind": "write"})
    print(n, flush=True)
"""


def start(location: Path, table: str, first: int, count: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(errors.__file__).parents[1])}
    command = [sys.executable, "-c", WRITER, str(location), table, str(first), str(count)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def finish(writer: subprocess.Popen[str]) -> str:
    """Wait for a writer that must succeed; gives what it said."""
    out, err = writer.communicate(timeout=60)
    assert writer.returncode == 0, err
    return out


def release(writers: list[subprocess.Popen[str]]) -> None:
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n", writer.communicate()[1]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()


def values(repository: Repository, table: str) -> list[int]:
    return repository.snapshot().table(table).lazy().collect()["x"].to_list()


def assert_linear(repository: Repository) -> None:
    history = repository.history()
    assert [commit.sequence for commit in history] == list(range(len(history), 0, -1))
    assert [commit.parent for commit in history] == [*(commit.id for commit in history[1:]), None][: len(history)]


@pytest.mark.parametrize(("n_writers", "exists"), [(2, True), (2, False), (4, True), (4, False)])
def test_processes_that_append_at_once_all_succeed(tmp_path: Path, n_writers: int, exists: bool) -> None:
    location, count = tmp_path / "w", 15
    repository = Repository(location)
    if exists:
        transaction = repository.begin()
        transaction.write("t", pl.DataFrame({"x": [-1]}))
        transaction.commit({"kind": "write"})
    writers = [start(location, "t", n * count, count) for n in range(n_writers)]
    release(writers)
    for writer in writers:
        assert len(finish(writer).split()) == count
    found = values(repository, "t")
    assert sorted(found) == [*([-1] if exists else []), *range(n_writers * count)]
    for n in range(n_writers):
        own = [value for value in found if n * count <= value < (n + 1) * count]
        assert own == sorted(own), "the order of one writer's commits was lost"
    assert_linear(repository)
    assert len(repository.history()) == n_writers * count + exists
    assert repository.verify_snapshot(repository.snapshot()).ok


def test_writers_of_different_tables_do_not_disturb_each_other(tmp_path: Path) -> None:
    location, count = tmp_path / "w", 15
    repository = Repository(location)
    writers = [start(location, f"t{n}", 0, count) for n in range(3)]
    release(writers)
    for writer in writers:
        finish(writer)
    assert [values(repository, f"t{n}") for n in range(3)] == [list(range(count))] * 3
    assert_linear(repository)


def check_after_kills(location: Path, acknowledged: list[int], attempted: int) -> None:
    repository = Repository(location)
    assert repository.verify_snapshot(repository.snapshot()).ok
    found = values(repository, "t") if "t" in repository.snapshot().tables() else []
    assert set(acknowledged) <= set(found), "an acknowledged commit is lost"
    assert len(found) == len(set(found)), "a commit is there twice"
    assert len(found) <= attempted
    assert_linear(repository)
    transaction = repository.begin()
    transaction.write("after", pl.DataFrame({"x": [1]}))
    transaction.commit({"kind": "write"})


def kill_rounds(location: Path, rounds: int, seed: int) -> int:
    """Kill a writer again and again; gives the number of writers that were killed at work."""
    random_ = random.Random(seed)
    acknowledged: list[int] = []
    killed = 0
    for n in range(rounds):
        writer = start(location, "t", n * 10_000, 10_000)
        release([writer])
        assert writer.stdout is not None
        acknowledged.extend(int(writer.stdout.readline()) for _ in range(random_.randrange(3)))
        # Somewhere in the commit that runs now, or in one soon after.
        select.select([], [], [], random_.uniform(0, 0.02))
        writer.send_signal(signal.SIGKILL)
        rest, err = writer.communicate(timeout=60)
        assert writer.returncode == -signal.SIGKILL, err
        # The kill may have cut the last line, whose commit then counts as not acknowledged.
        acknowledged.extend(int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n"))
        killed += 1
        check_after_kills(location, acknowledged, attempted=len(acknowledged) + killed)
    return killed


def test_a_writer_killed_at_any_moment_loses_no_acknowledged_commit(tmp_path: Path) -> None:
    assert kill_rounds(tmp_path / "w", rounds=12, seed=1) >= 10


@pytest.mark.soak
def test_many_writers_killed_at_any_moment_lose_no_acknowledged_commit(tmp_path: Path) -> None:
    assert kill_rounds(tmp_path / "w", rounds=300, seed=2) == 300


def test_a_writer_killed_while_others_write_does_not_stop_them(tmp_path: Path) -> None:
    location, count = tmp_path / "w", 40
    repository = Repository(location)
    victim, survivor = start(location, "t", 10_000, 10_000), start(location, "t", 0, count)
    release([victim, survivor])
    assert victim.stdout is not None
    victim.stdout.readline()
    victim.kill()
    finish(survivor)
    victim.communicate()
    assert [value for value in values(repository, "t") if value < count] == list(range(count))
    assert_linear(repository)
    assert repository.verify_snapshot(repository.snapshot()).ok


def test_readers_see_whole_versions_while_others_write(tmp_path: Path) -> None:
    location, count = tmp_path / "w", 30
    repository = Repository(location)
    writers = [start(location, "t", n * count, count) for n in range(2)]
    release(writers)
    seen: list[int] = []
    while any(writer.poll() is None for writer in writers):
        snapshot = repository.snapshot()
        if "t" in snapshot.tables():
            table = snapshot.table("t")
            assert table.lazy().collect().height == table.num_rows
            seen.append(table.num_rows)
    for writer in writers:
        finish(writer)
    assert seen == sorted(seen), "a reader went back in time"
    assert repository.snapshot().table("t").num_rows == 2 * count
