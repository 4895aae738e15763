"""`lakebed import`, `export` and `compact`, as a shell sees them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

import lakebed as lb
from lakebed.cli import app

runner = CliRunner()
FRAME = pl.DataFrame({"id": [1, 2, 3], "zip": ["01234", None, "x"], "v": [0.5, None, 2.0]})


def ask(*arguments: object, stdin: bytes | None = None) -> Any:
    result = runner.invoke(app, [*map(str, arguments), "--json"], input=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def write(folder: Path, kind: str) -> Path:
    path = folder / f"a.{kind}"
    writers: dict[str, Any] = {"csv": FRAME.write_csv, "jsonl": FRAME.write_ndjson, "arrow": FRAME.write_ipc}
    writers.get(kind, FRAME.write_parquet)(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "arrow"])
def test_what_is_exported_can_be_imported_again(tmp_path: Path, kind: str) -> None:
    source, target = write(tmp_path, kind), tmp_path / f"out.{kind}"
    answer = ask("import", tmp_path / "w", "t", source, "--message", "first")
    assert (answer["n_rows"], answer["n_rows_total"], answer["n_files"]) == (3, 3, 1)
    assert ask("export", tmp_path / "w", "t", target)["format"] == kind
    ask("import", tmp_path / "w", "u", target)
    wh = lb.open(tmp_path / "w")
    assert wh.table("t").scan().pl().equals(FRAME)
    assert wh.table("u").scan().pl().equals(FRAME)
    assert wh.log()[1].message == "first"
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_patterns_and_null_values_and_one_commit(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("id,v\n1,NA\n")
    (tmp_path / "2.csv").write_text("id,v\n2,-\n3,1.5\n")
    answer = ask("import", tmp_path / "w", "t", tmp_path / "*.csv", "--null-values", "NA", "--null-values", "-")
    assert (answer["n_files"], answer["n_rows"]) == (2, 3)
    wh = lb.open(tmp_path / "w")
    assert wh.table("t").scan().pl().rows() == [(1, None), (2, None), (3, 1.5)]
    assert len(wh.log()) == 1


def test_a_table_s_types_count_more_than_what_values_look_like(tmp_path: Path) -> None:
    lb.open(tmp_path / "w").write("t", FRAME)
    ask("import", tmp_path / "w", "t", "-", "--format", "csv", stdin=b"id,zip,v\n4,00501,1\n")
    assert lb.open(tmp_path / "w").table("t").scan().pl().rows()[-1] == (4, "00501", 1.0)
    (tmp_path / "1.csv.gz").write_bytes(gzip.compress(b"id,zip,v\n5,00502,1\n"))
    ask("import", tmp_path / "w", "t", tmp_path / "1.csv.gz")
    assert lb.open(tmp_path / "w").table("t").scan().pl().rows()[-1] == (5, "00502", 1.0)


def test_rows_and_columns_and_versions_can_be_chosen(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "w")
    wh.write("t", FRAME)
    wh.table("t").delete(where="id = 1")
    options = ["--where", "id < 3", "--column", "id", "--version", "main~1"]
    ask("export", tmp_path / "w", "t", tmp_path / "a.csv", *options)
    assert (tmp_path / "a.csv").read_text() == "id\n1\n2\n"
    result = runner.invoke(app, ["export", str(tmp_path / "w"), "t", "-", "--format", "jsonl", "--column", "id"])
    assert result.output.splitlines() == ['{"id":2}', '{"id":3}']


def test_a_tsv_is_set_off_by_tabs(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("id\tv\n1\ta,b\n")
    ask("import", tmp_path / "w", "t", tmp_path / "a.tsv")
    assert lb.open(tmp_path / "w").table("t").scan().pl().rows() == [(1, "a,b")]


def test_compact_reports(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "w")
    for n in range(3):
        wh.write("t", pl.DataFrame({"a": [n]}))
    dry = ask("compact", tmp_path / "w", "t", "--dry-run")
    assert (dry["n_files_before"], dry["n_files_rewritten"], dry["commits"]) == (3, 3, [])
    assert ask("compact", tmp_path / "w", "t")["n_files_after"] == 1
    shown = runner.invoke(app, ["compact", str(tmp_path / "w"), "t"])
    assert "n files after" in shown.output


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["import", "w", "t", "missing.csv"], "missing.csv"),
        (["import", "w", "t", "a.what"], "a.what"),
        (["import", "w", "t", "-"], "format"),
        (["export", "w", "t", "a.csv"], "w"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.what").write_text("")
    result = runner.invoke(app, arguments)
    assert result.exit_code != 0
    assert part in str(result.exception)
