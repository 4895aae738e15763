"""Create, drop and rename tables: what holds, what is refused, and which of two changes collide."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors

Changes = Any


@pytest.fixture(params=["folder", "memory"])
def wh(request: pytest.FixtureRequest, tmp_path: Path) -> lb.Warehouse:
    return lb.open(tmp_path / "wh" if request.param == "folder" else "memory://")


def ints(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"x": pl.Series(values, dtype=pl.Int64)})


def rows(wh: lb.Warehouse, name: str, version: str | None = None) -> list[int]:
    return wh.table(name, version).scan().pl()["x"].to_list()


def test_a_created_table_has_columns_and_no_rows(wh: lb.Warehouse) -> None:
    schemas: list[Any] = [
        pa.schema([pa.field("x", pa.int64(), nullable=False), pa.field("y", pa.string())]),
        pl.Schema({"x": pl.Int64, "y": pl.String}),
        {"x": pl.Int64, "y": pl.String},
        pl.DataFrame({"x": [1], "y": ["a"]}),
    ]
    for number, schema in enumerate(schemas):
        table = wh.create(f"sales.t{number}", schema)
        assert table.schema.names == ["x", "y"]
        assert (table.num_rows, table.scan().pl().height) == (0, 0)
        assert table.schema.field("x").nullable is (number != 0)
    assert wh.statistics("sales.t0").n_rows == 0
    wh.write("sales.t0", ints(1))
    assert rows(wh, "sales.t0") == [1]
    with pytest.raises(errors.NullValueError, match="'x' may not be null, but 1 of its rows"):
        wh.write("sales.t0", pl.DataFrame({"x": [None]}, schema={"x": pl.Int64}))
    with pytest.raises(TypeError, match="expected the columns of a table, found int"):
        wh.create("other", 5)  # type: ignore[arg-type]


def test_a_taken_name_and_an_unknown_table_are_refused(wh: lb.Warehouse) -> None:
    wh.write("cities", ints(1))
    wh.write("other", ints(2))
    taken: list[Callable[[], object]] = [
        lambda: wh.create("cities", {"x": pl.Int64}),
        lambda: wh.rename("other", "cities"),
    ]
    for action in taken:
        with pytest.raises(errors.TableExistsError, match="'cities' exists already"):
            action()
    unknown: list[Callable[[], object]] = [lambda: wh.drop("citys"), lambda: wh.rename("citys", "towns")]
    for action in unknown:
        with pytest.raises(errors.TableNotFoundError, match="did you mean 'cities'"):
            action()
    with pytest.raises(errors.InvalidNameError):
        wh.rename("cities", "no/slash")
    with pytest.raises(errors.TableExistsError):
        wh.rename("cities", "cities")
    assert len(wh.log()) == 2


def test_a_dropped_table_stays_in_older_versions_and_its_name_becomes_free(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1, 2))
    wh.set_schema("t", wh.infer_schema("t"), gate="refuse")
    wh.tag("full")
    old = wh.table("t").core.table_id
    assert wh.drop("t", message="not needed").tables() == []
    assert rows(wh, "t", "full") == [1, 2]
    assert wh.schema("t", "full").gate == "refuse"
    with pytest.raises(errors.TableNotFoundError):
        wh.table("t")
    wh.write("t", pl.DataFrame({"y": ["new"]}))
    with pytest.raises(errors.SchemaNotFoundError):
        wh.schema("t")
    assert wh.table("t").core.table_id != old
    assert wh.verify().ok


def test_a_renamed_table_keeps_rows_identity_and_expectations(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1, 2))
    wh.set_schema("t", wh.infer_schema("t"), gate="refuse")
    before = wh.table("t")
    after = wh.rename("t", "archive.t")
    assert (after.version, after.core.table_id) == (before.version, before.core.table_id)
    assert wh.tables() == ["archive.t"]
    assert wh.schema("archive.t").gate == "refuse"
    wh.write("archive.t", ints(3))
    assert rows(wh, "archive.t") == [1, 2, 3]
    with pytest.raises(errors.GateRefusedError):
        wh.write("archive.t", pl.DataFrame({"x": [None]}, schema={"x": pl.Int64}))
    assert rows(wh, "t", "main~2") == [1, 2]


def test_names_can_be_swapped_in_one_transaction(wh: lb.Warehouse) -> None:
    wh.write("a", ints(1))
    wh.write("b", ints(2))
    with wh.transaction() as tx:
        tx.rename("a", "spare")
        tx.rename("b", "a")
        tx.rename("spare", "b")
        tx.write("b", ints(3))
        assert tx.tables() == ["a", "b"]
    assert (rows(wh, "a"), rows(wh, "b")) == ([2], [1, 3])
    with wh.transaction() as tx:
        tx.drop("a")
        tx.create("a", {"z": pl.String})
        tx.write("c", ints(5))
        tx.rename("c", "d")
        tx.write("e", ints(6))
        tx.drop("e")
    assert wh.tables() == ["a", "b", "d"]
    assert wh.table("a").schema.names == ["z"]
    assert rows(wh, "d") == [5]


def test_a_schema_can_be_set_for_a_table_that_the_transaction_renames(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    schema = wh.infer_schema("t")
    with wh.transaction() as tx:
        tx.set_schema("t", schema, gate="warn")
        tx.rename("t", "u")
    assert wh.schema("u").gate == "warn"
    changes = wh.transaction()
    changes.drop("u")
    with pytest.raises(errors.TableNotFoundError):
        changes.set_schema("u", schema)


def test_lineage_follows_creation_renaming_and_dropping(wh: lb.Warehouse) -> None:
    wh.create("t", {"x": pl.Int64})
    wh.write("t", ints(1))
    wh.rename("t", "u")
    last = wh.write("u", ints(2))
    wh.drop("u")
    kinds = [execution.type for execution in wh.metadata.get_executions()]
    assert kinds == ["lakebed.create", "lakebed.write", "lakebed.rename", "lakebed.write", "lakebed.drop"]
    assert len([node for node in wh.lineage.upstream(last).nodes if node.kind == "artifact"]) == 4
    assert str(wh.lineage.downstream(last).nodes[-1].name).startswith("u@")


# --- Two changes at once ----------------------------------------------------------------------------------------------

ACTIONS: dict[str, Callable[[Changes], object]] = {
    "append": lambda tx: tx.write("t", ints(7)),
    "overwrite": lambda tx: tx.write("t", ints(8), mode="overwrite"),
    "drop": lambda tx: tx.drop("t"),
    "rename": lambda tx: tx.rename("t", "u"),
}
HOLD = {("append", "append"), ("append", "overwrite"), ("rename", "append"), ("rename", "overwrite")}
"""Ours and theirs: the pairs that go together. All others collide."""


@pytest.mark.parametrize(("ours", "theirs"), [*itertools.product(ACTIONS, ACTIONS)])
def test_two_changes_of_one_table_hold_together_or_name_each_other(wh: lb.Warehouse, ours: str, theirs: str) -> None:
    wh.write("t", ints(1))
    tx = wh.transaction()
    ACTIONS[ours](tx)
    with wh.transaction() as other:
        ACTIONS[theirs](other)
    # A later commit that has nothing to do with it is not blamed.
    wh.write("unrelated", ints(0))
    culprit = wh.log()[1].id[:12]
    if (ours, theirs) in HOLD:
        tx.commit()
        kept = {"append": [1, 7], "overwrite": [8]}[theirs]
        added = [7] if ours == "append" else []
        assert rows(wh, "u" if ours == "rename" else "t") == kept + added
        return
    before = wh.at("main").versions()
    with pytest.raises(errors.WriteConflictError) as raised:
        tx.commit()
    text = str(raised.value)
    assert f"{theirs} (commit {culprit})" in text
    assert f"during this {ours} of 't'" in text
    assert wh.at("main").versions() == before


def test_a_name_that_is_taken_meanwhile_is_a_conflict(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    creation, renaming, writing = wh.transaction(), wh.transaction(), wh.transaction()
    creation.create("u", {"x": pl.Int64})
    renaming.rename("t", "u")
    writing.write("u", pl.DataFrame({"other": [1]}))
    wh.write("u", ints(5))
    for tx, ours in ((creation, "creation"), (renaming, "rename"), (writing, "creation")):
        with pytest.raises(errors.WriteConflictError, match=f"creation .* during this {ours} of"):
            tx.commit()
    assert (rows(wh, "t"), rows(wh, "u")) == ([1], [5])


def test_an_append_does_not_land_in_another_table_that_took_the_name(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    tx = wh.transaction()
    tx.write("t", ints(2))
    wh.drop("t")
    wh.write("t", ints(5))
    with pytest.raises(errors.WriteConflictError, match=r"drop .* during this append of 't'"):
        tx.commit()
    assert rows(wh, "t") == [5]


def test_a_tag_cannot_be_written_to(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    wh.tag("v1")
    actions: list[Callable[[], object]] = [
        lambda: wh.write("t", ints(2), branch="v1"),
        lambda: wh.transaction(branch="v1"),
        lambda: wh.create("u", {"x": pl.Int64}, branch="v1"),
        lambda: wh.drop("t", branch="v1"),
        lambda: wh.rename("t", "u", branch="v1"),
    ]
    for action in actions:
        with pytest.raises(errors.NotABranchError, match="'v1' is a tag, which never moves"):
            action()
    assert len(wh.log()) == 1
