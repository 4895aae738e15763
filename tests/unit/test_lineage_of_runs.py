"""Lineage that nobody has to write: every commit and every run is recorded once, whoever asks, and traced back."""

from __future__ import annotations

import contextlib
import gc
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lakebed as lb
from lakebed import errors
from lakebed.metadata import Execution, ExecutionState
from lakebed.pipeline import Run

CSV = b"a\n1\n2\n"


def ints(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"a": pl.Series(values, dtype=pl.Int64)})


@pytest.fixture
def wh(tmp_path: Path) -> lb.Warehouse:
    """A raw file and a table made of it."""
    wh = lb.open(tmp_path / "wh")
    pointer = wh.lake.put("raw/a.csv", CSV, message="raw")
    wh.write("t", wh.lake.read_csv("raw/a.csv"), inputs=[pointer], message="typed")
    return wh


def steps(wh: lb.Warehouse) -> list[tuple[str, str, list[str], list[str]]]:
    """Type, subject, inputs and outputs of every execution, in the order of their ids."""
    return [(run.type, subject(run.name), *links(wh, run)) for run in wh.metadata.get_executions()]


def links(wh: lb.Warehouse, run: Execution) -> tuple[list[str], list[str]]:
    events = wh.metadata.get_events_by_execution_ids([run.id or 0])
    names = {artifact.id: subject(artifact.name) for artifact in wh.metadata.get_artifacts()}
    read = sorted(names[event.artifact_id] for event in events if event.type.is_input)
    return read, sorted(names[event.artifact_id] for event in events if event.type.is_output)


def subject(name: str | None) -> str:
    return (name or "").partition("@")[0]


def inputs(wh: lb.Warehouse, run: Run) -> list[str]:
    return links(wh, run.execution)[0]


def outputs(wh: lb.Warehouse, run: Run) -> list[str]:
    return links(wh, run.execution)[1]


def reached(graph: Any) -> set[str]:
    return {subject(node.name) for node in graph.nodes}


def ids(wh: lb.Warehouse) -> list[Any]:
    """All that a rebuilt projection must say again."""
    metadata = wh.metadata
    nodes = [metadata.get_artifacts(), metadata.get_executions(), metadata.get_contexts()]
    return [*nodes, metadata.get_events_by_execution_ids(run.id or 0 for run in metadata.get_executions())]


# --- Operations -------------------------------------------------------------------------------------------------------


def test_operations_are_recorded_without_a_call(wh: lb.Warehouse) -> None:
    wh.write("t", ints(3))
    wh.write("t", ints(4), mode="overwrite")
    wh.set_schema("t", wh.infer_schema("t"))
    assert steps(wh) == [
        ("lakebed.put", "raw/a.csv", [], ["raw/a.csv"]),
        ("lakebed.write", "t", ["raw/a.csv"], ["t"]),
        ("lakebed.write", "t", ["t"], ["t"]),
        ("lakebed.write", "t", [], ["t"]),
        ("lakebed.set_schema", "t", [], ["t"]),
    ]
    runs = wh.metadata.get_executions()
    assert [run.custom_properties["commit"] for run in runs] == [commit.id for commit in reversed(wh.log())]
    assert [run.custom_properties.get("message") for run in runs] == ["raw", "typed", None, None, None]
    assert {run.last_known_state for run in runs} == {ExecutionState.COMPLETE}


def test_each_change_of_a_transaction_has_its_own_inputs(wh: lb.Warehouse) -> None:
    with wh.transaction() as tx:
        tx.write("u", ints(1), inputs=[wh.table("t")])
        tx.write("v", ints(1), inputs=[wh.lake.get("raw/a.csv")])
        tx.put("raw/b", b"b")
    assert sorted(steps(wh)[2:]) == [
        ("lakebed.put", "raw/b", [], ["raw/b"]),
        ("lakebed.write", "u", ["t"], ["u"]),
        ("lakebed.write", "v", ["raw/a.csv"], ["v"]),
    ]


def test_what_a_transaction_says_twice_is_recorded_once(wh: lb.Warehouse) -> None:
    with wh.transaction() as tx:
        tx.put("raw/b", b"old")
        tx.put("raw/b", b"new")
        tx.put("raw/b", b"new")
        tx.set_schema("t", lb.Schema())
        tx.set_schema("t", lb.Schema(), gate="off")
        tx.write("u", ints(1), inputs=[wh.table("t"), wh.table("t")])
        tx.write("u", ints(2), inputs=[wh.table("t")])
    assert sorted(steps(wh)[2:]) == [
        ("lakebed.put", "raw/b", [], ["raw/b"]),
        ("lakebed.set_schema", "t", [], ["t"]),
        ("lakebed.write", "u", ["t"], ["u"]),
    ]
    assert wh.lake.read_bytes("raw/b") == b"new"


def test_a_version_that_was_read_through_two_commits_is_one_input(wh: lb.Warehouse) -> None:
    wh.lake.put("raw/b", b"b")
    wh.write("u", ints(1), inputs=[wh.table("t"), wh.table("t", "main~1")])
    wh.write("t", ints(3), inputs=[wh.table("t", "main~2")])
    assert steps(wh)[3:] == [("lakebed.write", "u", ["t"], ["u"]), ("lakebed.write", "t", ["t"], ["t"])]


def test_the_lineage_of_a_table_reaches_its_raw_file(wh: lb.Warehouse) -> None:
    wh.write("t", ints(3), message="more")
    graph = wh.lineage.upstream(wh.table("t"))
    assert [(node.kind, subject(node.name)) for node in graph.nodes] == [
        ("artifact", "t"),
        ("execution", "t"),
        ("artifact", "t"),
        ("execution", "t"),
        ("artifact", "raw/a.csv"),
        ("execution", "raw/a.csv"),
    ]
    assert graph.nodes[4].custom_properties["hash"] == wh.lake.get("raw/a.csv").hash
    assert (graph.is_complete, len(graph.edges)) == (True, 5)
    down = wh.lineage.downstream(wh.lake.get("raw/a.csv"))
    assert [node.type for node in down.nodes] == ["lakebed.RawFile", *["lakebed.write", "lakebed.Table"] * 2]


def test_the_lineage_of_a_refused_batch_is_nothing(wh: lb.Warehouse) -> None:
    wh.set_schema("t", wh.infer_schema("t").with_feature("a", min=0, max=9), gate="refuse")
    before = steps(wh)
    with pytest.raises(errors.GateRefusedError):
        wh.write("t", ints(99))
    assert steps(wh) == before


@pytest.mark.parametrize("name", ["alpha", "zeta"])
def test_commits_of_a_branch_are_traced_to_those_before_it(name: str, wh: lb.Warehouse) -> None:
    wh.branch(name)
    wh.write("t", ints(5), branch=name, message="on the branch")
    wh.write("t", ints(6), message="on main")
    wh.write("t", ints(7), branch=name)
    runs = {str(r.custom_properties.get("message")): r.custom_properties for r in wh.metadata.get_executions()}
    assert {message: run["branch"] for message, run in runs.items() if message != "None"} == {
        "raw": "main",
        "typed": "main",
        "on the branch": name,
        "on main": "main",
    }
    on_branch, on_main = (wh.lineage.upstream(wh.table("t", version)) for version in (name, "main"))
    messages = [{n.custom_properties.get("message") for n in g.nodes} for g in (on_branch, on_main)]
    assert messages == [{None, "on the branch", "typed", "raw"}, {None, "on main", "typed", "raw"}]
    assert [wh.verify(wh.table("t", version)).ok for version in (name, "main", "main~1")] == [True] * 3


def test_the_lineage_of_what_is_not_recorded_is_refused(wh: lb.Warehouse) -> None:
    other = lb.open("memory://")
    pointer = other.lake.put("raw/unknown", b"x")
    with pytest.raises((errors.RecordNotFoundError, errors.InvalidArgumentError)):
        wh.lineage.upstream(pointer)
    with pytest.raises(errors.InvalidArgumentError, match="not of str"):
        wh.lineage.upstream("t")  # type: ignore[arg-type]


def test_the_lineage_is_drawn(wh: lb.Warehouse) -> None:
    svg = wh.lineage.to_svg(wh.table("t"), title="How t was made")
    assert svg.startswith("<svg")
    assert all(text in svg for text in ("How t was made", "raw/a.csv", "lakebed.write"))


# --- Runs -------------------------------------------------------------------------------------------------------------


READS: dict[str, tuple[Callable[[lb.Warehouse], object], list[str]]] = {
    "table": (lambda wh: wh.table("t").scan().pl(), ["t"]),
    "old table": (lambda wh: wh.table("t", "main~1"), ["t"]),
    "sql": (lambda wh: wh.sql("SELECT * FROM t JOIN u USING (a)").pl(), ["t", "u"]),
    "sql over versions": (lambda wh: wh.sql("SELECT * FROM t AT (VERSION => 'v1')").pl(), ["t"]),
    "csv": (lambda wh: wh.lake.read_csv("raw/a.csv"), ["raw/a.csv"]),
    "bytes": (lambda wh: wh.lake.read_bytes("raw/a.csv"), ["raw/a.csv"]),
    "statistics": (lambda wh: wh.statistics("t"), ["t"]),
    "two at once": (lambda wh: (wh.table("t"), wh.table("t"), wh.lake.read_bytes("raw/a.csv")), ["raw/a.csv", "t"]),
    "versions of one content": (lambda wh: (wh.table("u"), wh.table("u", "v1")), ["u"]),
    "nothing": (lambda wh: (wh.tables(), wh.log(), wh.lake.pointers(), wh.lake.get("raw/a.csv")), []),
}


@pytest.mark.parametrize("read", READS)
def test_what_a_run_reads_becomes_its_input(read: str, wh: lb.Warehouse) -> None:
    action, expected = READS[read]
    wh.write("u", ints(1))
    wh.tag("v1")
    wh.write("t", ints(3))
    with wh.execution("look") as run:
        action(wh)
    assert (inputs(wh, run), outputs(wh, run)) == (expected, [])


def test_what_a_run_reads_through_a_snapshot_becomes_its_input(wh: lb.Warehouse) -> None:
    with wh.execution("look") as run:
        wh.at("main").table("t").scan().pl()
    assert inputs(wh, run) == ["t"]


def test_inputs_can_be_named_and_reads_outside_do_not_count(wh: lb.Warehouse) -> None:
    wh.table("t").scan().pl()
    with wh.execution("look", inputs=[wh.lake.get("raw/a.csv")]) as run:
        pass
    wh.table("t").scan().pl()
    assert inputs(wh, run) == ["raw/a.csv"]


def test_what_a_run_writes_becomes_its_output_and_no_input(wh: lb.Warehouse) -> None:
    with wh.execution("make") as run:
        wh.write("out", ints(1))
        wh.table("out").scan().pl()
        wh.lake.put("raw/made", b"x")
        wh.lake.read_bytes("raw/made")
        with wh.transaction() as tx:
            tx.write("u", ints(1))
            tx.write("v", ints(1))
    assert (inputs(wh, run), outputs(wh, run)) == ([], ["out", "raw/made", "u", "v"])
    assert [step for step in steps(wh) if step[0] == "lakebed.write"] == [("lakebed.write", "t", ["raw/a.csv"], ["t"])]


def test_a_run_that_appends_has_the_version_before_as_input(wh: lb.Warehouse) -> None:
    with wh.execution("extend") as run:
        wh.write("t", ints(3))
        wh.write("t", ints(4))
    assert (inputs(wh, run), outputs(wh, run)) == (["t"], ["t", "t"])
    assert "raw/a.csv" in reached(wh.lineage.upstream(wh.table("t")))


def test_a_run_may_make_the_same_thing_again(wh: lb.Warehouse) -> None:
    with wh.execution("repeat") as run:
        for data in (b"1", b"2", b"1"):
            wh.lake.put("raw/b", data)
        for _ in range(2):
            wh.write("t", ints())
            run.save_artifact("model.bin", data=b"weights", type="Model")
    assert run.execution.last_known_state is ExecutionState.COMPLETE
    assert outputs(wh, run) == [f"artifacts/{run.name}/model.bin", "raw/b", "raw/b", "t"]
    assert wh.metadata.verify() == []


def test_a_run_keeps_parameters_metrics_and_artifacts(wh: lb.Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"weights")
    with wh.execution("train", parameters={"degree": 1, "rate": 0.5, "solver": "ols", "bias": True}) as run:
        run.log_metrics({"rmse": 2.0}, n_rows=7)
        model = run.save_artifact(file, type="Model")
        run.log_metrics(rmse=1.5)
        report = run.save_artifact("report.txt", data=b"fine")
    assert run.execution.custom_properties == {
        "degree": 1,
        "rate": 0.5,
        "solver": "ols",
        "bias": True,
        "metric.rmse": 1.5,
        "metric.n_rows": 7.0,
    }
    assert (model.type, model.custom_properties["metric.rmse"], report.type) == ("Model", 2.0, "Artifact")
    assert [(a.type, a.custom_properties["metric.rmse"]) for a in run.outputs] == [("Model", 1.5), ("Artifact", 1.5)]
    path = str(model.custom_properties["path"])
    assert (path, wh.lake.read_bytes(path)) == (f"artifacts/{run.name}/model.bin", b"weights")
    assert model.custom_properties["hash"] == wh.lake.get(path).hash


def test_a_failed_run_is_recorded_as_failed_with_what_it_read(wh: lb.Warehouse) -> None:
    run = wh.execution("train", parameters={"degree": 1})

    def fail() -> None:
        with run:
            wh.table("t").scan().pl()
            wh.write("half", ints(1))
            run.log_metrics(rmse=1.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert run.execution.last_known_state is ExecutionState.FAILED
    assert run.execution.custom_properties == {"degree": 1, "metric.rmse": 1.0}
    assert (inputs(wh, run), outputs(wh, run)) == (["t"], ["half"])
    with wh.execution("train") as again:
        pass
    assert again.execution.last_known_state is ExecutionState.COMPLETE


def test_a_run_is_there_as_soon_as_it_begins(wh: lb.Warehouse) -> None:
    other = lb.open(wh.location)
    with wh.execution("train") as run:
        found = other.metadata.get_execution_by_type_and_name("train", run.name)
        assert found is not None
        assert found.last_known_state is ExecutionState.RUNNING


def test_an_inner_run_takes_the_reads_until_it_ends(wh: lb.Warehouse) -> None:
    wh.write("u", ints(1))
    wh.write("v", ints(1))
    with wh.execution("outer") as outer:
        wh.table("t").scan().pl()
        with wh.execution("inner") as inner:
            wh.table("u").scan().pl()
            wh.write("by_inner", ints(1))
        wh.table("v").scan().pl()
        wh.write("by_outer", ints(1))
    assert (inputs(wh, outer), outputs(wh, outer)) == (["t", "v"], ["by_outer"])
    assert (inputs(wh, inner), outputs(wh, inner)) == (["u"], ["by_inner"])


def test_runs_need_not_end_in_the_order_in_which_they_began(wh: lb.Warehouse) -> None:
    wh.write("u", ints(1))
    one, two = wh.execution("one"), wh.execution("two")
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    wh.table("t").scan().pl()
    two.__exit__(None, None, None)
    wh.table("u").scan().pl()
    wh.write("nobody", ints(1))
    assert (inputs(wh, one), inputs(wh, two)) == ([], ["t"])
    assert (outputs(wh, one), outputs(wh, two)) == ([], [])
    assert steps(wh)[-1] == ("lakebed.write", "nobody", [], ["nobody"])


def test_a_run_that_was_never_ended_takes_nothing_from_a_later_one(wh: lb.Warehouse) -> None:
    wh.execution("forgotten").__enter__()
    gc.collect()
    with wh.execution("later") as run:
        wh.table("t").scan().pl()
        wh.write("out", ints(1))
    assert (inputs(wh, run), outputs(wh, run)) == (["t"], ["out"])


def test_a_run_begins_once(wh: lb.Warehouse) -> None:
    with wh.execution("once") as run:
        pass
    with pytest.raises(errors.InvalidArgumentError, match="has begun before; make another one"):
        run.__enter__()
    assert run.execution.last_known_state is ExecutionState.COMPLETE


def test_what_a_run_made_is_no_input_after_other_commits_either(wh: lb.Warehouse) -> None:
    with wh.execution("make") as run:
        wh.write("out", ints(1))
        wh.write("other", ints(1))
        wh.table("out").scan().pl()
    assert (inputs(wh, run), outputs(wh, run)) == ([], ["other", "out"])


def test_runs_of_two_warehouses_do_not_mix(wh: lb.Warehouse) -> None:
    other = lb.open("memory://")
    other.write("o", ints(1))
    with wh.execution("here") as here, other.execution("there") as there:
        wh.table("t").scan().pl()
        other.table("o").scan().pl()
    assert (inputs(wh, here), inputs(other, there)) == (["t"], ["o"])


def test_a_run_that_reads_a_model_is_traced_to_its_training(wh: lb.Warehouse) -> None:
    with wh.execution("train") as train:
        wh.table("t").scan().pl()
        model = train.save_artifact("model.bin", data=b"weights", type="Model")
    with wh.execution("evaluate") as evaluate:
        wh.lake.read_bytes(str(model.custom_properties["path"]))
    up = reached(wh.lineage.upstream(evaluate))
    assert {train.name, "t", "raw/a.csv"} <= up
    assert evaluate.name in reached(wh.lineage.downstream(wh.lake.get("raw/a.csv")))
    pointer = wh.lake.get(str(model.custom_properties["path"]))
    assert train.name in reached(wh.lineage.upstream(pointer))


def test_two_runs_are_compared_in_what_differs(wh: lb.Warehouse) -> None:
    wh.write("u", ints(1))
    runs = []
    for name, degree in (("t", 1), ("u", 2)):
        with wh.execution("train", parameters={"degree": degree, "solver": "ols"}) as run:
            wh.table(name).scan().pl()
            wh.lake.read_bytes("raw/a.csv")
            run.log_metrics(rmse=float(degree), n_rows=7)
        runs.append(run)
    compared = wh.compare(*runs)
    assert (compared.left, compared.right) == (runs[0].name, runs[1].name)
    assert (compared.parameters, compared.metrics) == ({"degree": (1, 2)}, {"rmse": (1.0, 2.0)})
    assert [[subject(name) for name in names] for names in compared.inputs] == [["t"], ["u"]]
    same = wh.compare(runs[0], runs[0])
    assert (same.parameters, same.metrics, same.inputs) == ({}, {}, ([], []))


# --- Verification -----------------------------------------------------------------------------------------------------


@pytest.fixture
def trained(wh: lb.Warehouse) -> tuple[lb.Warehouse, Run]:
    with wh.execution("train") as run:
        wh.table("t").scan().pl()
        run.save_artifact("model.bin", data=b"weights", type="Model")
    return wh, run


def damaged(wh: lb.Warehouse, pattern: str) -> tuple[lb.Warehouse, str]:
    """A copy in which one byte of one file is flipped, and the file's name."""
    copy = Path(f"{wh.location}-copy")
    shutil.copytree(wh.location, copy)
    (file,) = copy.glob(pattern)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    return lb.open(copy), str(file.relative_to(copy))


def test_an_untouched_run_verifies(trained: tuple[lb.Warehouse, Run]) -> None:
    wh, run = trained
    starts: list[Any] = [run, run.execution, run.outputs[0], wh.table("t"), wh.lake.get("raw/a.csv")]
    reports = [wh.verify(start) for start in starts]
    assert [report.ok for report in reports] == [True] * 5
    assert all(report.n_checked > 0 for report in reports)
    assert "nothing wrong" in str(reports[0])


def test_a_damaged_raw_file_is_found_from_the_run_downstream(trained: tuple[lb.Warehouse, Run]) -> None:
    wh, run = trained
    pointer = wh.lake.get("raw/a.csv")
    copy, name = damaged(wh, f"lake/*/{pointer.hash}")
    for report in (
        copy.verify(run.execution),
        copy.verify(run.outputs[0]),
        copy.verify(copy.table("t")),
        copy.verify(),
    ):
        assert [(p.path, p.expected) for p in report.problems] == [(name, pointer.hash)]
        (problem,) = report.problems
        assert len(problem.found) == 64
        assert problem.found != pointer.hash
        with pytest.raises(errors.VerificationError, match=rf"{name}.*expected {pointer.hash}, found {problem.found}"):
            report.assert_ok()
    assert wh.verify(run).ok


def test_a_damaged_data_file_is_found_from_the_run_downstream(trained: tuple[lb.Warehouse, Run]) -> None:
    wh, run = trained
    copy, name = damaged(wh, "tables/*/data/*.parquet")
    report = copy.verify(run.execution)
    assert [problem.path for problem in report.problems] == [name]
    assert len({report.problems[0].expected, report.problems[0].found}) == 2
    with pytest.raises(errors.CorruptionError, match=Path(name).name):
        copy.table("t").scan().pl()


def test_a_damaged_file_that_a_run_did_not_read_is_not_its_problem(trained: tuple[lb.Warehouse, Run]) -> None:
    wh, run = trained
    pointer = wh.lake.put("raw/unrelated", b"something else")
    copy, name = damaged(wh, f"lake/*/{pointer.hash}")
    assert copy.verify(run.execution).ok
    assert [problem.path for problem in copy.verify().problems] == [name]


# --- One record for each, whoever asks --------------------------------------------------------------------------------


def test_commits_that_nobody_asked_about_are_recorded_later(wh: lb.Warehouse) -> None:
    wh.metadata.close()
    for n in range(5):
        lb.open(wh.location).write("t", ints(n), message=f"late {n}")
    again = lb.open(wh.location)
    messages = [run.custom_properties.get("message") for run in again.metadata.get_executions()]
    assert messages == ["raw", "typed", *(f"late {n}" for n in range(5))]
    runs = again.metadata.get_executions()
    times = [commit.timestamp for commit in reversed(again.log())]
    assert [run.create_time_since_epoch for run in runs] == [int(time.timestamp() * 1000) for time in times]


def test_two_handles_record_the_same_commits_once(wh: lb.Warehouse) -> None:
    one, two = lb.open(wh.location), lb.open(wh.location)
    one.write("u", ints(1))
    two.write("v", ints(1))
    assert steps(one) == steps(two)
    assert [step[1] for step in steps(one)] == ["raw/a.csv", "t", "u", "v"]
    assert (one.metadata.verify(), two.metadata.verify()) == ([], [])


def test_two_processes_that_ask_at_once_record_the_same_commits_once(wh: lb.Warehouse) -> None:
    for n in range(10):
        wh.write("t", ints(n))
    program = "import sys, lakebed as lb; print(len(lb.open(sys.argv[1]).metadata.get_executions()))"
    command = [sys.executable, "-c", program, wh.location]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["12\n", "12\n"]
    assert len(steps(wh)) == 12
    assert wh.metadata.verify() == []


def test_a_deleted_projection_is_rebuilt_with_the_same_ids(trained: tuple[lb.Warehouse, Run]) -> None:
    wh, run = trained
    before, model = ids(wh), run.outputs[0]
    wh.metadata.close()
    shutil.rmtree(Path(wh.location) / "cache")
    again = lb.open(wh.location)
    assert ids(again) == before
    assert (Path(wh.location) / "cache" / "metadata.sqlite").is_file()
    assert "raw/a.csv" in reached(again.lineage.upstream(model))
    again.write("t", ints(3))
    assert ids(again)[1][:-1] == before[1]


def test_a_read_only_handle_shows_the_whole_lineage_and_writes_nothing(wh: lb.Warehouse) -> None:
    wh.write("t", ints(3), message="not recorded yet")
    read_only = lb.open(wh.location, read_only=True)
    records = Path(wh.location) / "records"
    assert list(records.iterdir()) == []
    shown = steps(read_only)
    assert [step[1] for step in shown] == ["raw/a.csv", "t", "t"]
    assert "raw/a.csv" in reached(read_only.lineage.upstream(read_only.table("t")))
    assert read_only.verify(read_only.table("t")).ok
    assert list(records.iterdir()) == []
    wh.write("t", ints(4), message="later still")
    assert [step[1] for step in steps(read_only)] == ["raw/a.csv", "t", "t", "t"]
    with wh.execution("train") as run:
        wh.table("t").scan().pl()
    assert [step[0] for step in steps(read_only)] == ["lakebed.put", *["lakebed.write"] * 3, "train"]
    assert steps(wh) == steps(read_only)
    assert read_only.verify(run.execution).ok
    assert steps(lb.open(wh.location, read_only=True)) == steps(wh)


def test_a_read_only_handle_takes_no_records(wh: lb.Warehouse) -> None:
    read_only = lb.open(wh.location, read_only=True)
    with pytest.raises(errors.ReadOnlyError):
        read_only.metadata.put_execution_type("mine")
    wh.metadata.close()
    with pytest.raises(errors.ReadOnlyError):
        read_only.metadata.put_execution_type("mine")


def test_a_read_only_handle_records_no_run(wh: lb.Warehouse) -> None:
    read_only = lb.open(wh.location, read_only=True)
    with pytest.raises(errors.ReadOnlyError, match="opened read-only"):
        read_only.execution("train").__enter__()
    assert steps(wh) == steps(read_only)


def test_a_run_that_has_not_begun_has_no_record(wh: lb.Warehouse) -> None:
    run = wh.execution("train")
    with pytest.raises(errors.RecordNotFoundError, match="enter it with a `with` block"):
        wh.lineage.upstream(run)
    assert repr(run) == f"Run({run.name}, 0 inputs, 0 outputs)"


def test_verify_finds_a_changed_lineage_store_and_deleting_it_mends_it(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    wh = lb.open(folder)
    wh.write("t", ints(1, 2))
    assert wh.verify().ok
    projection = folder / "cache" / "metadata.sqlite"
    with contextlib.closing(sqlite3.connect(projection)) as connection, connection:
        connection.execute("UPDATE Artifact SET uri = 'elsewhere'")
    report = lb.open(folder).verify()
    assert [problem.path for problem in report.problems] == ["cache/metadata.sqlite"]
    assert "Artifact" in report.problems[0].problem
    for path in projection.parent.glob("metadata.sqlite*"):
        path.unlink()
    assert lb.open(folder).verify().ok
