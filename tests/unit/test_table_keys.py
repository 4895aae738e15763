"""Idempotency keys of the verbs of a table: a call made again with its key changes nothing and gives the commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lakebed as lb
from lakebed import errors

Verb = Callable[[Any, str], Any]


def people(*ids: int) -> pl.DataFrame:
    return pl.DataFrame({"id": ids, "x": [float(i) for i in ids]})


VERBS: dict[str, Verb] = {
    "append": lambda t, key: t.append(people(4, 5), key=key),
    "overwrite": lambda t, key: t.overwrite(people(7), key=key),
    "delete": lambda t, key: t.delete(where="id = 1", key=key),
    "update": lambda t, key: t.update({"x": "x * 10"}, where="id >= 2", key=key),
    "upsert": lambda t, key: t.upsert(people(3, 4), key="id", idempotency_key=key),
    "merge": lambda t, key: t.merge(people(1, 9), key="id", matched="delete", idempotency_key=key),
    "add_column": lambda t, key: t.add_column("y", "int8", default=1, key=key),
    "drop_column": lambda t, key: t.drop_column("x", key=key),
    "rename_column": lambda t, key: t.rename_column("x", "y", key=key),
    "reorder_columns": lambda t, key: t.reorder_columns(["x", "id"], key=key),
    "change_type": lambda t, key: t.change_type("id", "int32", narrowing=True, key=key),
    "set_nullable": lambda t, key: t.set_nullable("x", nullable=False, key=key),
    "set_note": lambda t, key: t.set_note("x", comment="a number", message="why", key=key),
    "set_layout": lambda t, key: t.set_layout(sort_by="id", key=key),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_called_again_with_its_key_is_not_applied_twice(verb: str, tmp_path: Path) -> None:
    call = VERBS[verb]
    wh = lb.open(tmp_path / "wh")
    table = wh.write("t", people(1, 2, 3))
    first = call(table, "load 1")
    rows = first.scan().pl()
    again = call(first, "load 1")
    assert (again.commit, again.version, again.report) == (first.commit, first.version, first.report)
    wh.write("other", people(1))
    wh.table("t").set_note(comment="somebody else was here")
    # Another process has another handle, and the table has gone on.
    later = call(lb.open(tmp_path / "wh").table("t"), "load 1")
    assert (later.commit, later.version, later.report) == (first.commit, first.version, first.report)
    assert later.scan().pl().equals(rows)
    assert wh.table("t").scan().pl().equals(rows)
    assert len(wh.log()) == 4
    assert not wh.verify().problems


@pytest.mark.parametrize("verb", ["append", "delete", "update", "upsert", "add_column"])
def test_another_key_is_another_call(verb: str) -> None:
    call = VERBS[verb]
    wh = lb.open("memory://")
    table = call(wh.write("t", people(1, 2, 3)), "load 1")
    n = len(wh.log())
    if verb in {"append", "update", "upsert"}:
        assert call(table, "load 2").commit != table.commit
        assert len(wh.log()) == n + 1
    elif verb == "delete":
        assert call(table, "load 2").report.n_deleted == 0
    else:
        with pytest.raises(errors.ColumnExistsError):
            call(table, "load 2")


def test_a_key_is_found_under_the_later_name_of_the_table() -> None:
    wh = lb.open("memory://")
    first = wh.write("t", people(1, 2, 3)).delete(where="id = 1", key="clean")
    wh.rename("t", "u")
    again = wh.table("u").delete(where="id = 2", key="clean")
    assert (again.commit, again.num_rows, again.report.n_deleted) == (first.commit, 2, 1)


def test_a_verb_that_finds_nothing_to_do_leaves_its_key_free() -> None:
    wh = lb.open("memory://")
    table = wh.write("t", people(1))
    assert table.delete(where="id = 5", key="clean").commit == table.commit
    assert table.append(people(5)).delete(where="id = 5", key="clean").report.n_deleted == 1


def test_tables_are_created_renamed_and_dropped_once_for_each_key() -> None:
    wh = lb.open("memory://")
    calls: list[Callable[[], Any]] = [
        lambda: wh.create("t", {"id": pl.Int64}, key="create"),
        lambda: wh.rename("t", "u", key="rename"),
        lambda: wh.set_schema("u", lb.Schema.from_text(""), key="expect"),
        lambda: wh.drop("u", key="drop"),
    ]
    commits = []
    for n, call in enumerate(calls):
        for _ in range(2):
            call()
            commits.append(wh.log()[0].id)
        assert len(wh.log()) == n + 1
    assert len(set(commits)) == len(calls)
    assert wh.tables() == []
    with pytest.raises(errors.InvalidNameError, match="1 to 1024 bytes"):
        wh.create("t", {"id": pl.Int64}, key="")


def test_a_second_compaction_of_the_same_rows_makes_no_commit() -> None:
    wh = lb.open("memory://")
    for n in range(5):
        wh.write("t", people(5 - n), sort_by="id" if n == 0 else None)
    report = wh.table("t").compact(full=True)
    assert len(report.commits) == 1
    assert wh.table("t").scan().pl()["id"].to_list() == [1, 2, 3, 4, 5]
    again = wh.table("t").compact(full=True)
    assert (again.commits, again.n_files_after) == ((), 1)
    assert wh.table("t").delete(where="id = 2").compact(full=True).n_rows_dropped == 1
    assert wh.table("t").scan().pl()["id"].to_list() == [1, 3, 4, 5]
