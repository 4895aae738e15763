"""Verify the whole warehouse: every kind of damage is named, and a repair moves damaged files aside, no more."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

import lakebed as lb
from lakebed import errors


@pytest.fixture
def wh(tmp_path: Path) -> lb.Warehouse:
    """A warehouse with every kind of file, and versions that share most of them."""
    wh = lb.open(tmp_path / "wh")
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    frame = pl.DataFrame(
        {
            "i": [1, None, 3],
            "u": pl.Series([1, 2, 3], dtype=pl.UInt8),
            "f": [1.5, float("nan"), None],
            "g": pl.Series([0.1, 0.2, 0.3], dtype=pl.Float32),
            "s": ["a", "b" * 100, None],
            "b": [b"x", b"", None],
            "t": [moment, None, moment],
            "d": [dt.date(2024, 1, 1), None, dt.date(1969, 1, 1)],
            "n": [Decimal("1.50"), Decimal("-2.25"), None],
            "l": [[1, 2], [], None],
            "r": [{"p": 1, "q": "x"}, {"p": None, "q": "y"}, None],
            "z": [True, False, None],
        }
    )
    for _ in range(14):
        wh.write("types", frame)
    wh.write("sales.big", pl.DataFrame({"x": pl.int_range(300_000, eager=True), "y": pl.Series(["v"] * 300_000)}))
    wh.write("sales.big", pl.DataFrame({"x": [1], "y": ["w"]}), mode="overwrite")
    wh.set_schema("types", wh.infer_schema("types"))
    wh.lake.put("raw/a.txt", b"raw bytes")
    wh.tag("v1")
    wh.branch("try")
    wh.write("types", frame, branch="try")
    assert wh.metadata.get_executions()
    wh.log()
    return wh


def flip(path: Path, beyond: int = 0) -> None:
    """One bit in the middle of a file, or some bytes beyond it."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 + beyond] ^= 1
    path.write_bytes(data)


def problems(folder: Path) -> set[str | None]:
    return {problem.path for problem in lb.open(folder).verify().problems}


def test_a_sound_warehouse_has_no_problem_in_any_version(wh: lb.Warehouse) -> None:
    report = wh.verify()
    assert report.problems == ()
    assert report.unreferenced == ()
    assert report.n_checked > 60
    assert wh.verify(recompute=False).ok
    assert str(report) == f"{report.n_checked} objects checked, nothing wrong"
    assert lb.open(wh.location, read_only=True).verify().ok
    assert lb.open("memory://").verify().ok


def test_damage_of_every_file_is_found_wherever_it_is(wh: lb.Warehouse) -> None:
    folder = Path(wh.location)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("metadata.")]
    hints = {path for path in files if path.name.startswith("head-")}
    n_found = 0
    for path in files:
        before = path.read_bytes()
        flip(path)
        name = str(path.relative_to(folder))
        if name == "lakebed.warehouse":
            with pytest.raises(errors.CorruptionError, match=name):
                lb.open(folder)
        else:
            named = problems(folder)
            for beyond in range(1, 4):
                # Zstandard has bits that mean nothing: what is stored is whole with either value of them.
                if named or path.parent.name != "packs":
                    break
                path.write_bytes(before)
                flip(path, beyond)
                named = problems(folder)
            # A hint is only where a search begins: a wrong one costs time.
            assert named == (set() if path in hints else {name}), name
        n_found += path not in hints
        path.write_bytes(before)
    assert n_found > 40
    assert lb.open(folder).verify().ok


def test_a_missing_file_is_found_wherever_it_is(wh: lb.Warehouse) -> None:
    folder = Path(wh.location)
    n_found = 0
    for kind in ("packs", "tables", "lake", "refs/heads"):
        for path in sorted((folder / kind).rglob("*")):
            # The newest entry of a branch leaves no gap: then the branch ends earlier.
            if path.is_file() and not (kind == "refs/heads" and path == min(path.parent.iterdir())):
                before = path.read_bytes()
                path.unlink()
                report = lb.open(folder).verify(recompute=False)
                assert str(path.relative_to(folder)) in {problem.path for problem in report.problems}
                n_found += 1
                path.write_bytes(before)
    assert n_found > 40


def test_a_handle_looks_at_the_files_of_its_own_last_commit(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "own")
    before = set(tmp_path.rglob("*.pack"))
    wh.write("t", pl.DataFrame({"a": [1, 2]}))
    (pack,) = set(tmp_path.rglob("*.pack")) - before
    flip(pack)
    assert not wh.verify().ok
    with pytest.raises(errors.CorruptionError):
        wh.write("t", pl.DataFrame({"a": [3]}))


def test_a_repair_moves_damaged_files_aside_and_nothing_else(wh: lb.Warehouse) -> None:
    folder = Path(wh.location)
    damaged = [
        wh.table("types").files()[3],
        next(str(path.relative_to(folder)) for path in (folder / "lake").rglob("*") if path.is_file()),
        "cache/history-main",
    ]
    for name in damaged:
        flip(folder / name)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(errors.ReadOnlyError):
        lb.open(folder, read_only=True).verify(repair=True)
    report = lb.open(folder).verify(repair=True)
    assert sorted(problem.path for problem in report.problems) == sorted(damaged)
    assert sorted(report.quarantined) == sorted(f"quarantine/{name}" for name in damaged)
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    moved = {
        folder / "quarantine" / name if (name := str(path.relative_to(folder))) in damaged else path for path in before
    }
    assert set(after) == moved
    assert sorted(after.values()) == sorted(before.values())
    again = lb.open(folder)
    with pytest.raises(errors.CorruptionError, match="missing"):
        again.table("types").scan().pl()
    assert again.table("sales.big").scan().pl().height == 1
    # A copy brings the files back.
    for name in damaged:
        flip(folder / "quarantine" / name)
        (folder / "quarantine" / name).rename(folder / name)
    assert lb.open(folder).verify().ok


def test_a_repair_of_the_newest_entry_opens_the_version_before_it(wh: lb.Warehouse) -> None:
    before = wh.at("main~1").commit
    newest = min((Path(wh.location) / "refs/heads/main").iterdir())
    flip(newest)
    with pytest.raises(errors.CorruptionError):
        lb.open(wh.location).tables()
    assert len(lb.open(wh.location).verify(repair=True).quarantined) == 1
    again = lb.open(wh.location)
    assert again.at("main").commit == before
    again.write("t", pl.DataFrame({"a": [1]}))
    assert again.table("t").num_rows == 1
