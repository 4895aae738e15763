"""File systems that cannot do everything: one without hard links, and one that is mounted read-only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import lakebed as lb

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that lets a process meet such a file system, made by the compiler that the build needs anyway."""
    built = tmp_path_factory.mktemp("shim") / "refusing_disk.so"
    source = Path(__file__).with_name("refusing_disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", built, source, "-ldl"], check=True)
    return built


def run(shim: Path, calls: str, folder: Path, code: str) -> str:
    """What a program prints in whose eyes `folder` lies on a file system that refuses `calls`."""
    environment = {**os.environ, "LD_PRELOAD": str(shim), "REFUSED_CALLS": calls, "REFUSED_FOLDER": str(folder)}
    program = f"import sys, lakebed as lb, polars as pl\nfolder = sys.argv[1]\n{code}"
    command = [sys.executable, "-c", program, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


REFUSED = """
try:
    {action}
except lb.LakebedError as error:
    print(type(error).__name__, error)
"""


def test_the_shim_refuses_what_it_says(shim: Path, tmp_path: Path) -> None:
    code = """
import os, pathlib
pathlib.Path(folder, "a").write_text("x") if sys.argv[1:] else None
"""
    assert run(shim, "links", tmp_path, code) == ""
    code = "import os\ntry:\n    os.link(f'{folder}/a', f'{folder}/b')\nexcept PermissionError:\n    print('refused')"
    assert run(shim, "links", tmp_path, code) == "refused"
    code = "try:\n    open(f'{folder}/c', 'w')\nexcept OSError as error:\n    print(error.errno)"
    assert run(shim, "writes", tmp_path, code) == "30"


def test_a_warehouse_is_not_created_where_there_are_no_hard_links(shim: Path, tmp_path: Path) -> None:
    folder = tmp_path / "wh"
    found = run(shim, "links", folder, REFUSED.format(action="lb.open(folder)"))
    assert found.startswith("FileSystemError the file system of")
    assert "has no hard links" in found
    assert "keep the warehouse on a local file system" in found
    assert not (folder / "lakebed.warehouse").exists()
    # What the refused creation left is no obstacle elsewhere.
    assert lb.open(folder).write("t", pl.DataFrame({"x": [1]})).num_rows == 1


def test_a_commit_where_hard_links_are_gone_fails_and_changes_nothing(shim: Path, tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "wh")
    wh.write("t", pl.DataFrame({"x": [1]}))
    action = "lb.open(folder).write('t', pl.DataFrame({'x': [2]}))"
    found = run(shim, "links", tmp_path / "wh", REFUSED.format(action=action))
    assert found.split()[0] in {"UnwritableError", "StorageError"}
    assert wh.table("t").num_rows == 1
    assert wh.verify().ok


def test_everything_can_be_read_from_a_read_only_file_system(shim: Path, tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "wh")
    wh.write("t", pl.DataFrame({"x": [1, 2]}))
    raw = wh.lake.put("raw/a.txt", b"one")
    wh.write("t", pl.DataFrame({"x": [3]}), inputs=[raw])
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    code = """
wh = lb.open(folder, read_only=True)
print(wh.table("t").scan(where="x > 1").pl()["x"].to_list(), wh.sql("SELECT sum(x) AS s FROM t").pl()["s"][0])
print(wh.statistics("t").n_rows, len(wh.log()), wh.lake.read_bytes("raw/a.txt"), wh.at("main~1").tables())
print(len(wh.lineage.upstream(wh.table("t")).nodes), wh.verify().ok)
"""
    lines = run(shim, "writes", tmp_path / "wh", code).splitlines()
    assert lines[0] == "[2, 3] 6"
    assert lines[1] == "3 3 b'one' ['t']"
    assert lines[2].endswith("True")
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before


def test_a_write_to_a_read_only_file_system_is_refused(shim: Path, tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "wh")
    wh.write("t", pl.DataFrame({"x": [1, 2]}))
    action = "lb.open(folder).write('t', pl.DataFrame({'x': [2]}))"
    assert run(shim, "writes", tmp_path / "wh", REFUSED.format(action=action)).startswith("UnwritableError")
    assert run(shim, "writes", tmp_path / "new", REFUSED.format(action="lb.open(folder)")).startswith("UnwritableError")
