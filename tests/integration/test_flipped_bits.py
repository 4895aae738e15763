"""One flipped bit, a cut or a grown file: users get an error or the answer as before, never another answer."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lakebed as lb

pytestmark = pytest.mark.integration

DAMAGES_PER_KIND = 60
"""Places of each kind of file; `make soak` tries every byte of every file."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def warehouse(folder: Path) -> Path:
    """Every kind of file: packs, refs, tags, records, data files, raw files, hints and the packed history."""
    location = folder / "w"
    wh = lb.open(location)
    frame = pl.DataFrame({"x": [1, None, 3], "f": [0.5, -1.0, None], "s": ["a", None, "ü"]})
    for _ in range(20):
        wh.write("t", frame)
    wh.write("u", pl.DataFrame({"k": [1, 2]}))
    wh.set_schema("t", wh.infer_schema("t"))
    wh.tag("v1", "main~3")
    wh.branch("try", "v1")
    wh.lake.put("raw/a.txt", b"raw bytes")
    assert len(wh.metadata.get_artifacts()) > 3
    assert len(wh.log()) > 20
    return location


def answers(location: Path) -> dict[str, Any]:
    """What a user is told."""
    wh = lb.open(location, read_only=True)
    told: dict[str, Any] = {"log": [(commit.id, commit.operation) for commit in wh.log()]}
    for name in ("main", "v1", "try", "main~5"):
        version = wh.at(name)
        told[name] = {
            table: (
                version.table(table).num_rows,
                version.table(table).scan(where="k >= 2 OR k IS NULL" if table == "u" else "x = 3").pl().rows(),
                version.table(table).scan().pl().rows(),
            )
            for table in version.tables()
        }
        told[f"statistics {name}"] = str(wh.statistics("t", version=name).proto)
    told["schema"] = str(wh.schema("t").schema.proto)
    told["raw"] = [(pointer, wh.lake.read_bytes(pointer.path)) for pointer in wh.lake.pointers()]
    told["records"] = wh._session.repository.core.read_records(0)
    return told


def kind_of(path: Path) -> str:
    return path.parts[0] if path.parts[0] != "cache" else str(path)


def files_of(warehouse: Path) -> list[Path]:
    """Files of the format; the lineage store beside them is made from the records, and `verify` compares it."""
    found = [path.relative_to(warehouse) for path in sorted(warehouse.rglob("*")) if path.is_file()]
    return [path for path in found if path.suffix not in {".sqlite", ".sqlite-wal", ".sqlite-shm"}]


def damaged(data: bytes, at: int, how: str) -> bytes:
    if how == "flip":
        return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
    return data[:at] if how == "cut" else data + data[:1]


def damage(warehouse: Path, folder: Path, places: list[tuple[Path, int, str]]) -> dict[str, Counter[str]]:
    expected = answers(warehouse)
    tallies: dict[str, Counter[str]] = {}
    copy = folder / "copy"
    shutil.copytree(warehouse, copy)
    for path, at, how in places:
        data = (warehouse / path).read_bytes()
        (copy / path).write_bytes(damaged(data, at, how))
        tally = tallies.setdefault(kind_of(path), Counter())
        try:
            told = answers(copy)
        except lb.errors.LakebedError:
            tally["detected"] += 1
        else:
            changed = [key for key, value in expected.items() if told.get(key) != value]
            assert changed == [], f"{how} at {at} of {path} changed an answer silently"
            tally["same answer"] += 1
        (copy / path).write_bytes(data)
    shutil.rmtree(copy)
    return tallies


def sample(warehouse: Path, count: int) -> list[tuple[Path, int, str]]:
    noise, places = random.Random(3), []
    by_kind: dict[str, list[tuple[Path, int, str]]] = {}
    for path in files_of(warehouse):
        size = (warehouse / path).stat().st_size
        flips = [(path, at, "flip") for at in range(size)]
        by_kind.setdefault(kind_of(path), []).extend([*flips, *((path, at, "cut") for at in range(0, size, 40))])
        by_kind[kind_of(path)].append((path, 0, "grow"))
    for all_places in by_kind.values():
        places.extend(noise.sample(all_places, min(count, len(all_places))))
    return places


def check(tallies: dict[str, Counter[str]]) -> None:
    sys.stdout.write(f"damaged: { {kind: dict(tally) for kind, tally in tallies.items()} }\n")
    kinds = {"lakebed.warehouse", "packs", "refs", "records", "tables", "lake", "cache/history-main", "cache/head-main"}
    assert kinds <= set(tallies)
    for kind in ("lakebed.warehouse", "packs", "refs", "tables", "records", "lake"):
        assert tallies[kind]["detected"] > 0, kind


def test_no_damage_changes_an_answer_silently(warehouse: Path, folder: Path) -> None:
    tallies = damage(warehouse, folder, sample(warehouse, DAMAGES_PER_KIND))
    check(tallies)
    assert sum(tally.total() for tally in tallies.values()) > 300


@pytest.mark.soak
def test_no_damage_of_any_byte_changes_an_answer_silently(warehouse: Path, folder: Path) -> None:
    check(damage(warehouse, folder, sample(warehouse, 1_000_000)))
