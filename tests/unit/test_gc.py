"""Removing garbage: what is removed, what never is, and transactions that are older than the grace."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lakebed as lb
from lakebed import errors


@pytest.fixture
def wh(tmp_path: Path) -> lb.Warehouse:
    return lb.open(tmp_path / "wh")


def ints(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"x": pl.Series(values, dtype=pl.Int64)})


def rows(wh: lb.Warehouse, version: str | None = None) -> list[int]:
    return wh.table("t", version).scan().pl()["x"].to_list()


def age(wh: lb.Warehouse, days: float = 30) -> None:
    """Let every file of the warehouse be that old."""
    for path in Path(wh.location).rglob("*"):
        if path.is_file():
            moment = path.stat().st_mtime - days * 86_400
            os.utime(path, (moment, moment))


def abandon(wh: lb.Warehouse, *values: int) -> None:
    """A transaction that ends without a commit leaves its files."""
    wh.transaction().write("t", ints(*values))


def test_garbage_is_removed_and_every_version_stays(wh: lb.Warehouse) -> None:
    for turn in range(12):
        wh.write("t", ints(turn), mode="overwrite" if turn % 3 == 0 else "append")
        abandon(wh, 1000 + turn)
    wh.lake.put("raw/a.txt", b"one")
    wh.lake.put("raw/a.txt", b"two")
    wh.branch("try")
    wh.write("t", ints(50), branch="try")
    wh.drop("t", branch="try")
    wh.tag("v1", "main~3")
    wh.transaction().put("raw/b.txt", b"never committed")
    expected = {n: rows(wh, f"main~{n}") for n in range(2, 12)}
    unreferenced = wh.verify().unreferenced
    assert len(unreferenced) == 13
    age(wh)
    found = wh.gc(dry_run=True)
    assert found.files == unreferenced
    assert found.dry_run
    removed = wh.gc()
    assert (removed.files, removed.size_bytes) == (unreferenced, sum(size for _, size in unreferenced))
    assert not any((Path(wh.location) / name).exists() for name, _ in unreferenced)
    report = lb.open(wh.location).verify()
    assert report.ok
    assert report.unreferenced == ()
    assert {n: rows(wh, f"main~{n}") for n in range(2, 12)} == expected
    assert rows(wh, "try~1")[-1] == 50
    assert rows(wh, "v1") == expected[3]
    assert wh.gc().n_files == 0


def test_tables_with_the_same_rows_keep_their_files(wh: lb.Warehouse) -> None:
    with wh.transaction() as transaction:
        for name in ("t", "u", "v"):
            transaction.write(name, ints(1, 2, 3))
    abandon(wh, 9)
    age(wh)
    assert len(wh.gc().files) == 1
    fresh = lb.open(wh.location)
    assert fresh.verify().ok
    assert [fresh.table(name).scan().pl()["x"].to_list() for name in ("t", "u", "v")] == [[1, 2, 3]] * 3


def test_young_files_are_kept(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    age(wh)
    abandon(wh, 2)
    assert wh.gc().n_files == 0
    assert wh.gc(grace="1h").n_files == 0
    assert wh.gc(grace=dt.timedelta(0)).n_files == 1
    for grace in ("soon", "-1d", ""):
        with pytest.raises(errors.InvalidArgumentError, match=f"grace {grace!r} cannot be read"):
            wh.gc(grace=grace)
    with pytest.raises(errors.InvalidArgumentError, match="negative"):
        wh.gc(grace=dt.timedelta(-1))


def test_a_transaction_that_is_older_than_the_grace_never_wins(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    stalled = wh.transaction()
    stalled.write("t", ints(2))
    age(wh)
    assert wh.gc().n_files == 1
    with pytest.raises(errors.ExpiredTransactionError, match="older than what gc keeps"):
        stalled.commit()
    assert rows(wh) == [1]
    assert wh.verify().ok


def test_a_transaction_that_is_younger_than_the_grace_goes_on_after_gc(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    abandon(wh, 5)
    age(wh)
    running = wh.transaction()
    running.write("t", ints(2))
    assert wh.gc().n_files == 1
    running.commit()
    assert rows(wh) == [1, 2]
    assert wh.verify().ok


def test_a_gate_that_meets_gc_meets_the_fence(wh: lb.Warehouse) -> None:
    """The writer has looked at the head already when gc runs; it still loses its race for the next number."""
    wh.write("t", ints(1))
    seen = []

    def gate(changes: Any) -> None:
        seen.append(changes.base.core.sequence)
        if len(seen) == 1:
            abandon(wh, 7)
            age(wh)
            assert wh.gc().n_files == 2

    with pytest.raises(errors.ExpiredTransactionError):
        wh.write("t", ints(2), before_commit=[gate])
    assert rows(wh) == [1]


def test_versions_are_counted_without_fences(wh: lb.Warehouse) -> None:
    commits = []
    for turn in range(6):
        commits.append(wh.write("t", ints(turn)).commit)
        abandon(wh, 100 + turn)
        age(wh)
        assert wh.gc().n_files == 1
    assert [commit.id for commit in wh.log()] == commits[::-1]
    assert [wh.at(f"main~{n}").commit for n in range(6)] == commits[::-1]
    assert [wh.at(commit.timestamp).commit for commit in wh.log()] == commits[::-1]
    assert [wh.at(commit[:16]).commit for commit in commits] == commits
    with pytest.raises(errors.VersionNotFoundError):
        wh.at("main~6")
    assert wh.write("t", ints(0), key="k").commit == wh.write("t", ints(0), key="k").commit
    assert len(wh.metadata.get_executions()) == 7
    wh.branch("try", "main~2")
    assert wh.at("try~3").commit == commits[1]
    assert wh.verify().ok


def test_what_a_removal_that_was_cut_off_left_aside_is_put_back(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    name = wh.table("t").files()[0]
    aside = Path(wh.location) / "trash" / name
    aside.parent.mkdir(parents=True)
    (Path(wh.location) / name).rename(aside)
    with pytest.raises(errors.CorruptionError, match="missing"):
        lb.open(wh.location).table("t").scan().pl()
    wh.gc()
    assert rows(lb.open(wh.location)) == [1]
    assert wh.verify().ok


def test_of_two_files_with_one_name_the_whole_one_stays(wh: lb.Warehouse) -> None:
    folder = Path(wh.location)
    wh.write("t", ints(1, 2, 3))
    wh.lake.put("raw/a.txt", b"raw")
    names = [wh.table("t").files()[0], *(str(path.relative_to(folder)) for path in (folder / "lake").rglob("*"))]
    files = [name for name in names if (folder / name).is_file()]
    assert len(files) == 2
    for name in files:
        whole = (folder / name).read_bytes()
        for here, aside in ((whole, b"cut"), (b"cut", whole)):
            (folder / name).write_bytes(here)
            (folder / "trash" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "trash" / name).write_bytes(aside)
            lb.open(folder).gc()
            assert (folder / name).read_bytes() == whole
            assert not (folder / "trash" / name).exists()
    assert lb.open(folder).verify().ok


def test_gc_of_a_damaged_or_read_only_warehouse_removes_nothing(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    abandon(wh, 2)
    age(wh)
    with pytest.raises(errors.ReadOnlyError):
        lb.open(wh.location, read_only=True).gc()
    pack = next((Path(wh.location) / "packs").iterdir())
    data = bytearray(pack.read_bytes())
    data[-1] ^= 1
    pack.write_bytes(data)
    with pytest.raises(errors.CorruptionError):
        lb.open(wh.location).gc(grace="0s")
    assert len(list((Path(wh.location) / "tables").rglob("*.parquet"))) == 2


def test_a_warehouse_in_memory_has_garbage_too() -> None:
    wh = lb.open("memory://")
    wh.write("t", ints(1))
    abandon(wh, 2)
    assert wh.gc(grace=dt.timedelta(0)).n_files == 1
    assert rows(wh) == [1]
