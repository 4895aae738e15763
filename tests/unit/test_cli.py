"""The command line, as a shell sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

import lakebed as lb
from lakebed.cli import app, main
from lakebed.errors import InvalidArgumentError

runner = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "w.lakebed"
    wh = lb.open(folder)
    raw = wh.lake.put("raw/items.csv", b"item,price\npen,2.5\ncup,\n")
    wh.write("items", wh.lake.read_csv("raw/items.csv"), inputs=[raw], message="first")
    wh.tag("opening")
    wh.write("items", pl.DataFrame({"item": ["spoon"], "price": [1.0]}), message="second")
    with wh.execution("train") as run:
        wh.table("items").scan().pl()
        run.save_artifact("model.bin", data=b"weights", type="Model")
    return folder


def ask(*arguments: object) -> Any:
    """Run a command with `--json` and read what it prints."""
    result = runner.invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def show(*arguments: object) -> str:
    result = runner.invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_log_lists_commits_newest_first_with_their_tags(folder: Path) -> None:
    commits = ask("log", folder)
    assert [commit["kind"] for commit in commits] == ["save_artifact", "write", "write", "put"]
    assert [commit["message"] for commit in commits][1:3] == ["second", "first"]
    assert [commit["tags"] for commit in commits][1:3] == [[], ["opening"]]
    assert commits[0]["parent"] == commits[1]["id"]
    assert "items +1" in show("log", folder)


def test_log_shows_as_many_commits_as_it_is_asked_for(folder: Path) -> None:
    assert len(ask("log", folder, "--limit", 2)) == 2
    assert len(ask("log", folder, "--limit", 0)) == 4


def test_sql_prints_rows_as_a_table_or_as_json(folder: Path) -> None:
    query = "SELECT item, price FROM items ORDER BY item"
    assert ask("sql", folder, query) == [
        {"item": "cup", "price": None},
        {"item": "pen", "price": 2.5},
        {"item": "spoon", "price": 1.0},
    ]
    assert "spoon" in show("sql", folder, query)


def test_sql_reads_the_version_that_is_named(folder: Path) -> None:
    query = "SELECT count(*) AS n FROM items"
    assert ask("sql", folder, query, "--version", "opening") == [{"n": 2}]
    assert ask("sql", folder, "SELECT count(*) AS n FROM items AT (VERSION => 'opening')") == [{"n": 2}]
    assert ask("sql", folder, query) == [{"n": 3}]


def test_stats_tells_what_is_stored_with_a_version(folder: Path) -> None:
    assert "items: 2 rows" in show("stats", folder, "items", "--version", "opening")
    assert "items: 3 rows" in show("stats", folder, "items")
    found = ask("stats", folder, "items")
    assert "price" in json.dumps(found)


def test_lineage_walks_up_to_the_raw_file_and_down_to_the_model(folder: Path, tmp_path: Path) -> None:
    assert "raw/items.csv" in show("lineage", folder, "model.bin")
    down = ask("lineage", folder, "raw/items.csv", "--direction", "downstream")
    assert any("model.bin" in json.dumps(node) for node in down["nodes"])
    drawing = tmp_path / "lineage.svg"
    show("lineage", folder, "items", "--svg", drawing)
    assert drawing.read_text().startswith("<svg")


def test_lineage_of_something_unknown_says_what_there_is(folder: Path) -> None:
    result = runner.invoke(app, ["lineage", str(folder), "nothing"])
    assert result.exit_code != 0
    assert "items" in str(result.exception)


def test_commands_leave_the_folder_as_it_is(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    ask("log", folder)
    ask("lineage", folder, "items")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_command_creates_no_warehouse(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert runner.invoke(app, ["log", str(missing)]).exit_code != 0
    assert not missing.exists()


def test_an_error_is_one_message_and_exit_code_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sql", str(folder), "SELECT * FROM itms"])
    assert stopped.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "items" in message
    assert "Traceback" not in message


def test_the_installed_program_runs(folder: Path) -> None:
    program = Path(sys.executable).with_name("lakebed")
    result = subprocess.run([program, "log", folder, "--json"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)) == 4


def test_verify_tells_what_is_wrong_and_gc_removes_what_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "wh"
    wh = lb.open(folder)
    wh.write("t", pl.DataFrame({"a": [1, 2]}))
    wh.transaction().write("t", pl.DataFrame({"a": [3]}))
    assert "nothing wrong" in show("verify", folder)
    assert "1 files that no version refers to" in show("verify", folder)
    assert ask("gc", folder, "--dry-run", "--grace", "0s")["dry_run"]
    assert "1 files of" in show("gc", folder, "--grace", "0s")
    assert "files that no version" not in show("verify", folder, "--no-recompute")
    data = folder / wh.table("t").files()[0]
    data.write_bytes(data.read_bytes()[:-1])
    for option, moved in (("--recompute", False), ("--repair", True)):
        found = runner.invoke(app, ["verify", str(folder), option, "--json"])
        assert found.exit_code == 3
        report = json.loads(found.output)
        assert [problem["path"] for problem in report["problems"]] == [str(data.relative_to(folder))]
        assert bool(report["quarantined"]) is moved
    assert "found" in runner.invoke(app, ["verify", str(folder)]).output
    for command in ("verify", "gc"):
        assert isinstance(runner.invoke(app, [command, str(tmp_path / "none")]).exception, lb.LakebedError)
        assert not (tmp_path / "none").exists()


def test_metadata_commands_look_into_a_database(tmp_path: Path) -> None:
    from lakebed.ml_metadata.metadata_store import MetadataStore
    from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "m.db")
    store = MetadataStore(config)
    model = store.put_artifact_type(pb.ArtifactType(name="Model", properties={"rmse": pb.DOUBLE}))
    run = store.put_execution_type(pb.ExecutionType(name="train"))
    one = pb.Artifact(type_id=model, name="m", uri="u", state=pb.Artifact.LIVE)
    one.properties["rmse"].double_value = 0.25
    store.put_execution(pb.Execution(type_id=run), [(one, pb.Event(type=pb.Event.OUTPUT))], None)

    def ask(*words: str) -> Any:
        result = CliRunner().invoke(app, ["metadata", *words, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    place = str(tmp_path / "m.db")
    assert [found["name"] for found in ask("list", place, "--filter", "properties.rmse.double_value = 0.25")] == ["m"]
    assert ask("show", place, "artifacts", "1")["events"][0]["type"] == "OUTPUT"
    assert [found["name"] for found in ask("types", place)] == ["Model", "train"]
    assert ask("export", place, "artifacts", str(tmp_path / "a.parquet"))["rows"] == 1
    assert CliRunner().invoke(app, ["metadata", "list", place]).exit_code == 0
    with pytest.raises(InvalidArgumentError, match="Unrecognized name"):
        CliRunner().invoke(app, ["metadata", "list", place, "-f", "foo = 1"], catch_exceptions=False)


def commands(app: typer.Typer, *before: str) -> Iterator[list[str]]:
    for command in app.registered_commands:
        assert command.callback is not None
        yield [*before, command.name or command.callback.__name__.removesuffix("_").replace("_", "-")]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, *before, str(group.name))


@pytest.mark.parametrize("words", list(commands(app)), ids=" ".join)
def test_help_is_for_people(words: list[str]) -> None:
    said = CliRunner().invoke(app, [*words, "--help"])
    assert said.exit_code == 0, said.output
    assert "Usage: " in said.output
    assert "Args:" not in said.output
    assert ">>>" not in said.output
