"""A warehouse of format version 1 that is kept for ever: it opens, says what it said, and takes writes."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

import lakebed as lb

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_format_1", DATA / "make_format_1.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path, maker: ModuleType) -> Path:
    return Path(shutil.copytree(maker.WAREHOUSE, tmp_path / "wh"))


def test_it_says_what_it_said_when_it_was_made(copy: Path, maker: ModuleType) -> None:
    expected = json.loads(maker.EXPECTED.read_text())
    assert len(expected["log"]) > 15
    for read_only in (True, False):
        found = json.loads(json.dumps(maker.describe(lb.open(copy, read_only=read_only))))
        for part, value in expected.items():
            assert found[part] == value, part
    assert lb.open(copy).verify().ok


def test_it_takes_writes_and_keeps_old_versions(copy: Path, maker: ModuleType) -> None:
    wh = lb.open(copy)
    before = wh.table("types", "twelve").scan().pl()
    assert wh.write("types", maker.types(0), key="load 0").num_rows == 4
    wh.write("types", maker.types(5000))
    wh.write("sales.archive", pl.DataFrame({"id": [1], "value": ["a"]}))
    with pytest.raises(lb.LakebedError):
        wh.write("sales.archive", pl.DataFrame({"id": [1], "value": ["another value"]}))
    assert wh.table("types").num_rows == before.height + 4
    assert wh.table("types", "twelve").scan().pl().equals(before)
    assert wh.verify().ok


def test_today_s_writer_makes_the_same_warehouse(tmp_path: Path, maker: ModuleType) -> None:
    """Names are random and keyed; what a user finds out apart from them is the same."""
    expected = json.loads(maker.EXPECTED.read_text())
    wh = lb.open(tmp_path / "wh")
    maker.make(wh)
    found = json.loads(json.dumps(maker.describe(wh)))
    for part in ("rows", "statistics", "schema", "raw"):
        assert found[part] == expected[part], part
    assert [row[2] for row in found["log"]] == [row[2] for row in expected["log"]]
