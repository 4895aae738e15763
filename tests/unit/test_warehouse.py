"""What a user does with `lakebed.open`: write, read any version, tag, branch, and change several tables at once."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors


def ints(*values: int | None) -> pl.DataFrame:
    return pl.DataFrame({"a": pl.Series(values, dtype=pl.Int64)})


def values(table: lb.Table) -> list[Any]:
    return table.scan().pl()["a"].to_list()


@pytest.fixture
def wh(tmp_path: Path) -> lb.Warehouse:
    return lb.open(tmp_path / "wh")


@pytest.fixture
def four(wh: lb.Warehouse) -> lb.Warehouse:
    """Commits m0 to m3, each with one more row."""
    for n in range(4):
        wh.write("t", ints(n), message=f"m{n}")
    return wh


# --- Opening ----------------------------------------------------------------------------------------------------------


def test_a_new_folder_becomes_an_empty_warehouse(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "deep" / "er" / "wh")
    assert wh.tables() == []
    assert wh.log() == []
    assert wh.at("main").commit is None
    assert wh.verify().ok


def test_what_was_written_is_there_when_the_folder_is_opened_again(wh: lb.Warehouse) -> None:
    commit = wh.write("t", ints(1, 2), message="first").commit
    again = lb.open(wh.location)
    assert values(again.table("t")) == [1, 2]
    assert [(c.id, c.kind, c.message) for c in again.log()] == [(commit, "write", "first")]


def test_a_handle_sees_what_another_handle_commits_later(wh: lb.Warehouse) -> None:
    other = lb.open(wh.location)
    wh.write("t", ints(1))
    assert values(other.table("t")) == [1]
    other.write("t", ints(2))
    assert values(wh.table("t")) == [1, 2]


def test_a_warehouse_in_memory_lives_with_its_handle() -> None:
    wh = lb.open("memory://")
    wh.write("t", ints(1, 2))
    assert (values(wh.table("t")), wh.location, wh.verify().ok) == ([1, 2], "memory://", True)
    assert lb.open("memory://").tables() == []


def test_a_relative_path_means_the_same_folder_after_a_change_of_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wh = lb.open("wh")
    wh.write("t", ints(1))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert values(wh.table("t")) == [1]
    assert wh.location == str(tmp_path / "wh")


WRITES: dict[str, Callable[[lb.Warehouse], object]] = {
    "write": lambda wh: wh.write("t", ints(1)),
    "transaction": lambda wh: wh.transaction(),
    "tag": lambda wh: wh.tag("v9"),
    "branch": lambda wh: wh.branch("b9"),
    "put": lambda wh: wh.lake.put("a", b"x"),
    "set_schema": lambda wh: wh.set_schema("t", lb.Schema()),
    "execution": lambda wh: wh.execution("train").__enter__(),
}


@pytest.mark.parametrize("verb", WRITES)
def test_a_read_only_handle_refuses_to(verb: str, four: lb.Warehouse) -> None:
    read_only = lb.open(four.location, read_only=True)
    before = four.log()
    with pytest.raises(errors.ReadOnlyError, match="opened read-only; open it without read_only=True"):
        WRITES[verb](read_only)
    assert four.log() == before
    assert values(read_only.table("t")) == [0, 1, 2, 3]


def test_a_read_only_handle_changes_no_file(four: lb.Warehouse) -> None:
    def files() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted(Path(four.location).rglob("*")) if p.is_file()}

    before = files()
    wh = lb.open(four.location, read_only=True)
    assert wh.table("t").scan().pl().height == 4
    assert wh.sql("SELECT sum(a) AS s FROM t").pl()["s"].to_list() == [6]
    assert len(wh.metadata.get_executions()) == 4
    assert wh.verify().ok
    assert files() == before


# --- Writing ----------------------------------------------------------------------------------------------------------


FRAMES: dict[str, Callable[[], Any]] = {
    "polars": lambda: ints(1, 2),
    "lazy": lambda: ints(1, 2).lazy(),
    "pyarrow table": lambda: pa.table({"a": [1, 2]}),
    "record batch": lambda: pa.RecordBatch.from_pydict({"a": [1, 2]}),
    "reader": lambda: pa.table({"a": [1, 2]}).to_reader(),
    "pandas": lambda: pd.DataFrame({"a": [1, 2]}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_any_frame_that_speaks_arrow_is_written(kind: str, wh: lb.Warehouse) -> None:
    table = wh.write("t", FRAMES[kind]())
    assert (table.num_rows, values(table)) == (2, [1, 2])


def test_results_of_the_warehouse_can_be_written_back(four: lb.Warehouse) -> None:
    four.write("scan", four.table("t").scan(where="a > 1"))
    four.write("query", four.sql("SELECT a FROM t WHERE a < 1"))
    assert (values(four.table("scan")), values(four.table("query"))) == ([2, 3], [0])


def test_append_keeps_the_rows_and_matches_columns_by_name(wh: lb.Warehouse) -> None:
    wh.write("t", pl.DataFrame({"a": [1], "b": ["x"]}))
    wh.write("t", pl.DataFrame({"b": ["y"], "a": [2]}))
    wh.write("t", pl.DataFrame({"b": ["z"]}))
    assert wh.table("t").scan().pl().rows() == [(1, "x"), (2, "y"), (None, "z")]


def test_overwrite_replaces_rows_and_columns_and_the_old_version_stays(four: lb.Warehouse) -> None:
    table = four.write("t", pl.DataFrame({"b": ["x"]}), mode="overwrite")
    assert table.scan().pl().to_dict(as_series=False) == {"b": ["x"]}
    assert values(four.table("t", "main~1")) == [0, 1, 2, 3]


def test_a_frame_without_rows_makes_a_table_without_rows(wh: lb.Warehouse) -> None:
    table = wh.write("t", ints())
    assert (table.num_rows, values(table), table.schema.names) == (0, [], ["a"])


def test_a_table_may_lie_in_a_namespace(wh: lb.Warehouse) -> None:
    wh.write("sales.flights", ints(1))
    assert wh.tables() == ["sales.flights"]
    assert values(wh.table("sales.flights")) == [1]


def test_an_opened_table_never_changes(four: lb.Warehouse) -> None:
    table, snapshot = four.table("t"), four.at("main")
    four.write("t", ints(9), mode="overwrite")
    assert values(table) == [0, 1, 2, 3]
    assert values(snapshot.table("t")) == [0, 1, 2, 3]


@pytest.mark.parametrize("mode", ["upsert", "APPEND", ""])
def test_a_mode_that_is_none_is_refused(mode: str, four: lb.Warehouse) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="use 'append' or 'overwrite'"):
        four.write("t", ints(1), mode=mode)
    assert len(four.log()) == 4


# --- Transactions -----------------------------------------------------------------------------------------------------


def test_a_transaction_is_one_commit_of_several_things(wh: lb.Warehouse) -> None:
    with wh.transaction(message="both") as tx:
        assert tx.write("a", ints(1, 2)) == 2
        assert tx.write("b", ints(3)) == 1
        assert tx.write("a", ints(4)) == 1
        tx.put("raw/x", b"x")
        tx.set_schema("a", lb.Schema(), gate="off")
        assert wh.tables() == []
    assert [(c.id, c.kind, c.message) for c in wh.log()] == [(tx.commit_id, "transaction", "both")]
    assert (values(wh.table("a")), values(wh.table("b"))) == ([1, 2, 4], [3])
    assert (wh.lake.read_bytes("raw/x"), wh.schema("a").gate) == (b"x", "off")


def test_an_error_inside_a_transaction_leaves_everything_as_it_was(four: lb.Warehouse) -> None:
    head = four.log()[0]
    tx = four.transaction()

    def fail() -> None:
        with tx:
            tx.write("t", ints(9))
            tx.write("fresh", ints(9))
            tx.put("raw/x", b"x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert four.log()[0] == head
    assert (four.tables(), values(four.table("t")), four.lake.pointers()) == (["t"], [0, 1, 2, 3], [])
    with pytest.raises(errors.InvalidArgumentError, match="has ended"):
        tx.commit()
    assert four.verify().ok


def test_a_frame_that_does_not_fit_spoils_the_whole_transaction(four: lb.Warehouse) -> None:
    def fail() -> None:
        with four.transaction() as tx:
            tx.write("fresh", ints(1))
            tx.write("t", pl.DataFrame({"a": ["x"]}))

    with pytest.raises(errors.SchemaMismatchError):
        fail()
    assert four.tables() == ["t"]


def test_a_transaction_that_was_committed_takes_nothing_more(wh: lb.Warehouse) -> None:
    with wh.transaction() as tx:
        tx.write("t", ints(1))
        tx.commit()
    ended: list[Callable[[], object]] = [
        lambda: tx.write("t", ints(2)),
        lambda: tx.put("x", b"x"),
        lambda: tx.set_schema("t", lb.Schema()),
        tx.commit,
    ]
    for late in ended:
        with pytest.raises(errors.InvalidArgumentError, match=r"this transaction has ended; begin another one"):
            late()
    assert (values(wh.table("t")), len(wh.log())) == ([1], 1)


def test_a_transaction_without_changes_is_refused(four: lb.Warehouse) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="changed nothing"), four.transaction():
        pass
    assert len(four.log()) == 4


def test_overwriting_within_a_transaction_drops_what_it_wrote_before(wh: lb.Warehouse) -> None:
    with wh.transaction() as tx:
        tx.write("t", ints(1))
        tx.write("t", ints(7, 8), mode="overwrite")
        tx.write("t", ints(9))
    assert values(wh.table("t")) == [7, 8, 9]


def test_of_two_transactions_both_appends_are_kept(four: lb.Warehouse) -> None:
    slow, fast = four.transaction(), lb.open(four.location).transaction()
    slow.write("t", ints(8))
    fast.write("t", ints(9))
    fast.commit()
    slow.commit()
    assert values(four.table("t")) == [0, 1, 2, 3, 9, 8]


CONFLICTS: dict[str, Callable[[Any], object]] = {
    "overwrite": lambda tx: tx.write("t", ints(8), mode="overwrite"),
    "schema": lambda tx: tx.set_schema("t", lb.Schema(), gate="off"),
    "lake": lambda tx: tx.put("raw/x", os.urandom(8)),
}


@pytest.mark.parametrize("kind", CONFLICTS)
def test_of_two_transactions_that_change_the_same_the_slower_one_is_refused(kind: str, four: lb.Warehouse) -> None:
    slow, fast = four.transaction(), four.transaction()
    for tx in (slow, fast):
        CONFLICTS[kind](tx)
    fast.commit()
    head = four.log()[0]
    with pytest.raises(errors.WriteConflictError, match="read the new version and try again"):
        slow.commit()
    assert four.log()[0] == head


def test_an_append_to_a_table_that_got_other_columns_meanwhile_is_refused(four: lb.Warehouse) -> None:
    slow = four.transaction()
    slow.write("t", ints(8))
    four.write("t", pl.DataFrame({"b": ["x"]}), mode="overwrite")
    with pytest.raises(errors.WriteConflictError):
        slow.commit()
    assert four.table("t").scan().pl().rows() == [("x",)]


# --- Versions ---------------------------------------------------------------------------------------------------------


def test_a_version_is_found_by_every_kind_of_name(four: lb.Warehouse) -> None:
    newest = four.log()
    commits = newest[::-1]
    four.tag("v1", "main~2")
    four.branch("try", "v1")
    moment = commits[2].timestamp
    found = {
        "main": 4,
        "main~0": 4,
        "main~3": 1,
        "v1": 2,
        "v1~1": 1,
        "try": 2,
        commits[2].id: 3,
        commits[2].id[:8]: 3,
        commits[2].id[:8].upper(): 3,
        f"{commits[2].id[:10]}~1": 2,
        moment.isoformat(): 3,
        moment.isoformat().replace("+00:00", "Z"): 3,
        moment.replace(tzinfo=None).isoformat(): 3,
        "2999-01-01": 4,
    }
    for name, n_rows in found.items():
        assert four.table("t", name).num_rows == n_rows, name
        assert four.at(name).table("t").num_rows == n_rows, name
    assert four.table("t").num_rows == 4


def test_a_time_means_the_newest_commit_not_after_it(four: lb.Warehouse) -> None:
    moment = four.log()[1].timestamp
    eastern = dt.timezone(dt.timedelta(hours=-5))
    assert four.at(moment).table("t").num_rows == 3
    assert four.at(moment.astimezone(eastern)).table("t").num_rows == 3
    assert four.at(moment.replace(tzinfo=None)).table("t").num_rows == 3
    assert four.at(moment - dt.timedelta(microseconds=1)).table("t").num_rows == 2


def test_a_snapshot_is_a_version_too(four: lb.Warehouse) -> None:
    snapshot = four.at("main~2")
    assert four.at(snapshot).commit == snapshot.commit
    assert four.sql("SELECT count(*) AS n FROM t", version=snapshot).pl()["n"].to_list() == [2]


def test_a_tag_stays_where_it_is(four: lb.Warehouse) -> None:
    tagged = four.tag("v1")
    four.write("t", ints(9))
    assert four.at("v1").commit == tagged.commit == four.log()[1].id
    with pytest.raises(errors.RefExistsError, match="tag 'v1' exists already"):
        four.tag("v1")
    with pytest.raises(errors.RefExistsError, match="tag 'v1' exists already"):
        four.branch("v1")
    with pytest.raises(errors.RefExistsError, match="branch 'main' exists already"):
        four.tag("main")


def test_a_branch_changes_without_main(four: lb.Warehouse) -> None:
    four.branch("try", "main~1")
    four.write("t", ints(9), branch="try", message="on try")
    with four.transaction(branch="try") as tx:
        tx.write("other", ints(1))
    assert values(four.table("t", "try")) == [0, 1, 2, 9]
    assert (four.tables("try"), four.tables()) == (["other", "t"], ["t"])
    assert values(four.table("t")) == [0, 1, 2, 3]
    assert [c.message for c in four.log("try")] == ["", "on try", "m2", "m1", "m0"]
    assert values(four.table("t", "try~2")) == [0, 1, 2]


def test_a_handle_may_live_on_a_branch(four: lb.Warehouse) -> None:
    four.branch("try")
    wh = lb.open(four.location, branch="try")
    wh.write("t", ints(9))
    assert (wh.table("t").num_rows, four.table("t").num_rows, len(wh.log()), len(four.log())) == (5, 4, 5, 4)
    assert wh.sql("SELECT count(*) AS n FROM t").pl()["n"].to_list() == [5]


def test_the_history_of_a_branch_of_a_branch_is_whole(wh: lb.Warehouse) -> None:
    for n in (1, 2):
        wh.write("t", ints(n), message=f"m{n}")
    wh.branch("alpha")
    for n in (3, 4):
        wh.write("t", ints(n), branch="alpha", message=f"a{n}")
    wh.branch("beta", "alpha~1")
    wh.write("t", ints(5), branch="beta", message="b5")
    assert [c.message for c in wh.log("beta")] == ["b5", "a3", "m2", "m1"]
    assert [wh.table("t", f"beta~{n}").num_rows for n in range(4)] == [4, 3, 2, 1]
    wh.branch("gamma", "alpha~2")
    assert [c.message for c in wh.log("gamma")] == ["m2", "m1"]


def test_the_log_tells_what_was_done_newest_first(four: lb.Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEBED_AUTHOR", "ada")
    four.write("t", ints(4), message="by ada")
    four.tag("v1")
    four.tag("v2")
    log = four.log()
    assert [c.message for c in log] == ["by ada", "m3", "m2", "m1", "m0"]
    assert [c.sequence for c in log] == [5, 4, 3, 2, 1]
    assert [c.parent for c in log] == [c.id for c in log[1:]] + [None]
    assert (log[0].tags, log[1].tags) == (("v1", "v2"), ())
    assert (log[0].operation["author"], log[0].operation["tables"]) == (
        "ada",
        [{"name": "t", "mode": "append", "n_rows": 1, "inputs": []}],
    )
    assert all(later.timestamp > earlier.timestamp for later, earlier in itertools.pairwise(log))
    assert all(c.timestamp.tzinfo is not None for c in log)


# --- Reading ----------------------------------------------------------------------------------------------------------


def test_a_scan_picks_columns_and_rows_in_row_order(wh: lb.Warehouse) -> None:
    wh.write("t", pl.DataFrame({"a": [3, 1, 2], "b": ["x", "y", None], "c": [1.5, 2.5, 3.5]}))
    scan = wh.table("t").scan(columns=["b", "a"], where="c > 2")
    assert scan.pl().rows() == [("y", 1), (None, 2)]
    assert scan.arrow().column_names == ["b", "a"]
    assert scan.lazy().select(pl.len()).collect().item() == 2
    assert scan.pandas()["a"].tolist() == [1, 2]


def test_statistics_and_row_counts_read_no_data_file(four: lb.Warehouse) -> None:
    wh = lb.open(four.location)
    wh.statistics("t")
    wh.statistics("t", "main~2")
    wh.infer_schema("t")
    assert wh.table("t").num_rows == 4
    wh.log()
    counters = wh.counters()
    assert (counters["data_bytes"], counters["data_files"]) == (0, 0)
    assert counters["metadata_bytes"] > 0
    wh.table("t").scan().pl()
    assert wh.counters()["data_files"] == 4
    assert wh.counters()["data_bytes"] > 0


def test_statistics_of_a_version_are_those_of_its_rows(four: lb.Warehouse) -> None:
    at_head = four.statistics("t").to_polars().row(0, named=True)
    before = four.statistics("t", "main~2").to_polars().row(0, named=True)
    assert (at_head["count"], at_head["mean"]) == (4, 1.5)
    assert (before["count"], before["mean"]) == (2, 0.5)


def test_equal_tables_of_two_commits_have_one_version(four: lb.Warehouse) -> None:
    before = four.table("t")
    four.write("other", ints(1))
    after = four.table("t")
    assert (before.version, before.commit == after.commit) == (after.version, False)


# --- Handles ----------------------------------------------------------------------------------------------------------


def test_a_handle_and_its_parts_say_what_they_are(four: lb.Warehouse) -> None:
    commit, version = four.log()[0].id, four.table("t").version
    assert repr(four) == f"Warehouse({four.location}, 1 tables, branch main)"
    assert repr(four.at("main")) == f"Snapshot(main, {commit[:12]}, 1 tables)"
    assert repr(four.table("t")) == f"Table(t, 4 rows, 1 columns, version {version[:12]})"


@pytest.mark.parametrize("read_only", [False, True])
def test_a_pickled_handle_opens_the_same_warehouse(read_only: bool, four: lb.Warehouse) -> None:
    four.branch("try", "main~1")
    wh = pickle.loads(pickle.dumps(lb.open(four.location, read_only=read_only, branch="try")))
    assert (wh.location, wh.table("t").num_rows) == (four.location, 3)
    if read_only:
        with pytest.raises(errors.ReadOnlyError):
            wh.write("t", ints(1))
    else:
        assert wh.write("t", ints(1)).num_rows == 4


def test_a_warehouse_in_memory_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="lives in this process only; use a folder"):
        pickle.dumps(lb.open("memory://"))


def test_two_processes_that_write_at_once_both_succeed(wh: lb.Warehouse) -> None:
    program = (
        "import sys, polars as pl, lakebed as lb\n"
        "wh = lb.open(sys.argv[1])\n"
        "for n in range(5): wh.write('t', pl.DataFrame({'a': [n + int(sys.argv[2])]}))\n"
    )
    commands = [[sys.executable, "-c", program, wh.location, start] for start in ("0", "100")]
    for process in [subprocess.Popen(command) for command in commands]:
        assert process.wait(timeout=60) == 0
    found = values(wh.table("t"))
    assert sorted(found) == [*range(5), *range(100, 105)]
    assert [a for a in found if a < 100] == list(range(5))
    assert len(wh.log()) == 10


def test_of_pandas_nan_stays_nan_and_an_index_without_a_name_is_no_column() -> None:
    frame = pd.DataFrame(
        {
            "x": [1.0, np.nan, 3.0],
            "small": np.array([np.nan, 2, 3], dtype="float32"),
            "masked": pd.array([1.5, None, 2.0], dtype="Float64"),
            "text": ["a", None, "c"],
            "n": [1, 2, 3],
        }
    )
    wh = lb.open("memory://")
    found = wh.write("t", frame[frame["n"] > 1]).scan().pl()
    assert found.columns == ["x", "small", "masked", "text", "n"]
    assert found["x"].is_nan().to_list() == [True, False]
    assert found["masked"].to_list() == [None, 2.0]
    assert found["text"].to_list() == [None, "c"]
    assert lb.statistics(frame).column("small").n_nan == 1
    assert wh.write("u", frame.set_index("n")).schema.names == ["n", "x", "small", "masked", "text"]
