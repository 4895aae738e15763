"""Delete, update, upsert and merge: what they do, what they refuse, and how they meet other commits."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors
from lakebed.storage import merge as merging


def people(folder: Path | str = "memory://") -> Any:
    wh = lb.open(folder)
    frame = pl.DataFrame({"id": [1, 2, 3, 4], "name": ["a", "b", None, "d"], "x": [1.0, 2.0, 3.0, float("nan")]})
    wh.write("t", frame)
    return wh


def rows(wh: Any, **options: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = wh.table("t").scan(**options).pl().sort("id").rows()
    return found


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ("id = 2", [1, 3, 4]),
        ("name IS NULL", [1, 2, 4]),
        ("name = 'nobody'", [1, 2, 3, 4]),
        ("x > 2.5", [1, 2]),  # NaN is greater than every number.
        ("id IN (1, 4) OR name = 'b'", [3]),
        ("TRUE", []),
        ("NULL", [1, 2, 3, 4]),
    ],
)
def test_delete_takes_the_rows_for_which_the_condition_is_true(where: str, left: list[int]) -> None:
    wh = people()
    after = wh.table("t").delete(where=where)
    assert [row[0] for row in rows(wh)] == left
    assert after.report.n_deleted == 4 - len(left)
    assert wh.table("t", "main").num_rows == len(left)
    assert len(wh.log()) == (1 if len(left) == 4 else 2)


def test_a_delete_writes_no_data_file_and_statistics_become_bounds() -> None:
    wh = people()
    files = wh.table("t").files()
    wh.table("t").delete(where="id >= 3")
    assert wh.table("t").files() == files
    bounds, exact = wh.statistics("t"), wh.statistics("t", exact=True)
    assert (bounds.n_rows, exact.n_rows) == (2, 2)
    assert (bounds.is_exact, exact.is_exact) == (False, True)
    assert (bounds.column("id").max, exact.column("id").max) == (4, 2)
    assert exact.column("name").n_missing == 0
    assert wh.statistics("t", "main~1").is_exact


def test_an_update_sees_the_row_as_it_was_and_keeps_its_id() -> None:
    wh = people()
    wh.table("t").update({"id": "id + 10", "x": "id * 2.0", "name": None}, where="id <= 2")
    found = wh.table("t").scan(row_ids=True).pl().sort("id").rows()
    assert found[2:] == [(0, 2, 11, None, 2.0), (1, 2, 12, None, 4.0)]
    assert [row[:2] for row in found[:2]] == [(2, 1), (3, 1)]


@pytest.mark.parametrize("value", [7, 2.5, True, dt.date(2024, 1, 2), b"x", None])
def test_plain_values_are_values_and_texts_are_expressions(value: object) -> None:
    wh = lb.open("memory://")
    kept = pl.Series([value if value is not None else 1])
    wh.write("t", pl.DataFrame({"id": [1], "v": kept}))
    wh.table("t").update({"v": value})
    assert wh.table("t").scan().pl()["v"].to_list() == [value]


def test_conditions_and_values_may_be_polars_expressions() -> None:
    wh = people()
    wh.table("t").delete(pl.col("id") == 2)
    wh.table("t").update({"x": pl.col("id") * 1.5}, pl.col("name").is_null())
    assert [row[:1] + row[2:] for row in rows(wh)[:2]] == [(1, 1.0), (3, 4.5)]


def test_an_upsert_updates_what_is_there_and_adds_the_rest() -> None:
    wh = people()
    source = pa.table({"id": pa.array([4, 9], pa.int32()), "x": [0.5, 9.5]})
    report = wh.table("t").upsert(source, key="id").report
    assert (report.n_inserted, report.n_updated, report.n_deleted) == (1, 1, 0)
    # Columns that the source lacks keep their values, and are null in new rows.
    assert rows(wh)[3:] == [(4, "d", 0.5), (9, None, 9.5)]


def test_keys_of_several_columns_and_of_text_meet_too() -> None:
    wh = lb.open("memory://")
    wh.write("t", pl.DataFrame({"id": [1, 1, 2], "k": ["a", "b", "a"], "v": [1, 2, 3]}))
    wh.table("t").upsert(pl.DataFrame({"id": [1, 2], "k": ["b", "b"], "v": [20, 40]}), key=["id", "k"])
    assert sorted(rows(wh)) == [(1, "a", 1), (1, "b", 20), (2, "a", 3), (2, "b", 40)]


def test_a_merge_does_what_it_is_told_for_each_case() -> None:
    check: list[tuple[dict[str, str], list[int]]] = [
        ({"matched": "delete", "not_matched": "skip"}, [1, 2, 4]),
        ({"matched": "keep"}, [1, 2, 3, 4, 7]),
        ({"not_matched": "skip", "not_matched_by_source": "delete"}, [3]),
        ({"delete_when": "x = 30"}, [1, 2, 4, 7]),
        ({"delete_when": "x > 0"}, [1, 2, 4]),
    ]
    for rules, left in check:
        wh = people()
        wh.table("t").merge(pl.DataFrame({"id": [3, 7], "x": [30.0, 70.0]}), key="id", **rules)
        assert [row[0] for row in rows(wh)] == left, rules


def test_a_source_larger_than_a_part_is_merged_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "PART_ROWS", 50)
    wh = lb.open("memory://")
    wh.write("t", pl.DataFrame({"id": range(0, 400, 2), "v": ["old"] * 200}))
    batches = [pa.record_batch({"id": list(range(n, n + 40)), "v": ["new"] * 40}) for n in range(100, 300, 40)]
    source = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    report = wh.table("t").merge(source, key="id", not_matched_by_source="delete").report
    assert (report.n_inserted, report.n_updated, report.n_deleted) == (100, 100, 100)
    assert rows(wh) == [(n, "new") for n in range(100, 300)]
    twice = [*batches, batches[0].slice(3, 1)]
    with pytest.raises(errors.DuplicateKeyError, match="id = 103"):
        wh.table("t").merge(pa.RecordBatchReader.from_batches(batches[0].schema, twice), key="id")
    assert rows(wh) == [(n, "new") for n in range(100, 300)]


def refused(kind: type[Exception], part: str, change: Callable[[Any], object]) -> None:
    wh = people()
    before = wh.at("main").commit
    with pytest.raises(kind, match=part):
        change(wh.table("t"))
    assert wh.at("main").commit == before
    assert wh.verify().ok


@pytest.mark.parametrize(
    ("kind", "part", "change"),
    [
        (errors.ColumnNotFoundError, "nam", lambda t: t.delete(where="nam = 'a'")),
        (errors.ColumnNotFoundError, "nam", lambda t: t.delete(pl.col("nam") == "a")),
        (errors.ColumnNotFoundError, "nam", lambda t: t.update({"x": pl.col("nam")})),
        (errors.SqlError, "no condition", lambda t: t.delete(where="id + 1")),
        (errors.SqlSyntaxError, "=", lambda t: t.delete(where="id = = 1")),
        (errors.ColumnNotFoundError, "did you mean 'name'", lambda t: t.update({"nam": "'a'"})),
        (errors.InvalidArgumentError, "changes no column", lambda t: t.update({})),
        (errors.InvalidArgumentError, "is a list", lambda t: t.update({"id": [1]})),
        (errors.SchemaMismatchError, "does not fit", lambda t: t.update({"id": "name"}, where="name IS NOT NULL")),
        (errors.ColumnNotFoundError, "key column 'idd'", lambda t: t.upsert(pl.DataFrame({"id": [1]}), key="idd")),
        (
            errors.ColumnNotFoundError,
            "of the source|the source",
            lambda t: t.upsert(pl.DataFrame({"x": [1.0]}), key="id"),
        ),
        (errors.ColumnNotFoundError, "'y'", lambda t: t.upsert(pl.DataFrame({"id": [1], "y": [1]}), key="id")),
        (errors.SchemaMismatchError, "int64", lambda t: t.upsert(pl.DataFrame({"id": ["1"]}), key="id")),
        (errors.DuplicateKeyError, "id = 1", lambda t: t.upsert(pl.DataFrame({"id": [1, 1]}), key="id")),
        (errors.NullKeyError, "null in 1 rows", lambda t: t.upsert(pl.DataFrame({"id": [1, None]}), key="id")),
        (errors.InvalidArgumentError, "the key is", lambda t: t.upsert(pl.DataFrame({"id": [1]}), key=[])),
        (errors.InvalidArgumentError, "matched", lambda t: t.merge(pl.DataFrame({"id": [1]}), key="id", matched="x")),
        (errors.ColumnExistsError, "'x'", lambda t: t.rename_column("name", "x")),
        (errors.ColumnExistsError, "'x'", lambda t: t.add_column("x", "int8")),
        (errors.ColumnNotFoundError, "'y'", lambda t: t.drop_column("y")),
        (errors.NarrowingError, "narrowing=True", lambda t: t.change_type("id", "int8")),
        (errors.EvolutionError, "cannot become", lambda t: t.change_type("name", "int8", narrowing=True)),
        (errors.EvolutionError, "null in 1 rows", lambda t: t.set_nullable("name", False)),
        (errors.EvolutionError, "give a default", lambda t: t.add_column("z", "int8", nullable=False)),
        (errors.InvalidArgumentError, "default", lambda t: t.add_column("z", "int8", default="many")),
        (errors.UnsupportedTypeError, "no type", lambda t: t.add_column("z", "int7")),
        (errors.EvolutionError, "leaves out", lambda t: t.reorder_columns(["id"])),
        (errors.LayoutError, "no column 'y'", lambda t: t.set_layout(sort_by="y")),
        (errors.LayoutError, "buckets", lambda t: t.set_layout(bucket_by="id", n_buckets=0)),
        (errors.InvalidArgumentError, "between 0 and 1", lambda t: t.compact(deleted_fraction=2)),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(kind: type[Exception], part: str, change: Any) -> None:
    refused(kind, part, change)


def test_columns_of_a_layout_cannot_be_dropped() -> None:
    wh = people()
    wh.table("t").set_layout(sort_by="x")
    with pytest.raises(errors.LayoutError):
        wh.table("t").drop_column("x")
    with pytest.raises(errors.LayoutError):
        wh.write("t", pl.DataFrame({"id": [1]}), mode="overwrite")
    assert wh.table("t").rename_column("x", "y").layout.sort_by == ("y",)


CHANGES: dict[str, Callable[[Any], object]] = {
    "append": lambda tx: tx.write("t", pl.DataFrame({"id": [50], "name": ["new"], "x": [5.0]})),
    "delete 1": lambda tx: tx.delete("t", where="id = 1"),
    "update 1": lambda tx: tx.update("t", {"x": "100"}, where="id = 1"),
    "update 2": lambda tx: tx.update("t", {"x": "200"}, where="id = 2"),
    "merge 2": lambda tx: tx.upsert("t", pl.DataFrame({"id": [2, 60], "x": [2.5, 6.0]}), key="id"),
    "overwrite": lambda tx: tx.write("t", pl.DataFrame({"id": [7], "name": ["z"], "x": [0.0]}), mode="overwrite"),
    "add column": lambda tx: tx.add_column("t", "n", "int8", default=1),
    "forbid nulls": lambda tx: tx.set_nullable("t", "id", False),
    "compact": lambda tx: tx.compact_files("t", tx.base.table("t").core.compaction(full=True)[0]),
}
# Second of two transactions that began on one version -> first ones after which it is refused.
COLLIDES: dict[str, set[str]] = {
    "append": set(),
    "delete 1": {"delete 1", "update 1", "overwrite"},
    "update 1": {"delete 1", "update 1", "overwrite"},
    "update 2": {"update 2", "merge 2", "overwrite"},
    "merge 2": {"append", "update 2", "merge 2", "overwrite"},
    "overwrite": set(CHANGES),
    "add column": {"add column", "forbid nulls"},
    "forbid nulls": set(CHANGES),
    "compact": {"overwrite", "compact"},
}


@pytest.mark.parametrize(("first", "second"), list(itertools.product(CHANGES, CHANGES)))
def test_two_changes_of_one_version_both_hold_or_the_second_is_refused(first: str, second: str) -> None:
    wh = people()
    wh.write("t", pl.DataFrame({"id": [5], "name": ["e"], "x": [5.0]}))
    slow = wh.transaction()
    CHANGES[second](slow)
    with wh.transaction() as fast:
        CHANGES[first](fast)
    before = wh.at("main").commit
    if first in COLLIDES[second]:
        with pytest.raises(errors.WriteConflictError, match="read the new version and try again"):
            slow.commit()
        assert wh.at("main").commit == before
    else:
        slow.commit()
    assert wh.verify().ok
    found = wh.table("t").scan(row_ids=True).pl()
    assert found["_row_id"].n_unique() == found.height == wh.table("t").num_rows
    names = {row["id"]: row for row in found.to_dicts()}
    both = {first, second}
    if wh.at("main").commit != before and "overwrite" not in both:
        assert (1 in names) == ("delete 1" not in both)
        assert (50 in names) == ("append" in both)
        assert ("n" in found.columns) == ("add column" in both)
        assert names[2]["x"] == (200.0 if "update 2" in both else 2.5 if "merge 2" in both else 2.0)


def test_one_shot_verbs_do_their_work_again_when_others_were_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    wh = people()
    table = wh.table("t")
    from lakebed.storage.transaction import Transaction

    commit, calls = Transaction.commit, []

    def meddling(self: Any, *args: Any, **options: Any) -> str:
        calls.append(1)
        if len(calls) == 1:
            wh.table("t").update({"x": "50"}, where="id = 1")
        return commit(self, *args, **options)

    monkeypatch.setattr(Transaction, "commit", meddling)
    table.update({"x": "x + 1"}, where="id = 1")
    assert rows(wh)[0] == (1, "a", 51.0)


def test_a_transaction_sees_what_it_staged_itself() -> None:
    wh = people()
    with wh.transaction() as tx:
        tx.write("t", pl.DataFrame({"id": [5, 6], "name": ["e", "f"], "x": [5.0, 6.0]}))
        assert tx.update("t", {"x": "x * 2"}, where="id >= 4") == 3
        assert tx.delete("t", where="id = 6 OR id = 1") == 2
        assert tx.update("t", {"name": "'twice'"}, where="id = 5") == 1
    found = wh.table("t").scan(row_ids=True).pl().sort("id").drop("x").rows()
    assert found == [(1, 1, 2, "b"), (2, 1, 3, None), (3, 2, 4, "d"), (4, 2, 5, "twice")]


def test_a_table_at_a_tag_or_commit_takes_no_changes() -> None:
    wh = people()
    wh.tag("v1")
    for version in ("v1", wh.log()[0].id, "main~0"):
        with pytest.raises(errors.NotABranchError, match="never changes"):
            wh.table("t", version).delete(where="TRUE")
    wh.branch("try")
    wh.table("t", "try").delete(where="TRUE")
    assert (wh.table("t").num_rows, wh.table("t", "try").num_rows) == (4, 0)


def test_a_source_may_be_frames_that_come_one_after_another() -> None:
    wh = people()
    parts = (pl.DataFrame({"id": [n], "x": [float(n)]}) for n in (2, 3, 60))
    report = wh.table("t").upsert(parts, key="id").report
    assert (report.n_inserted, report.n_updated) == (1, 2)

    def failing() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"id": [2], "x": [7.0]})
        raise ZeroDivisionError("of the user")

    before = wh.at("main").commit
    with pytest.raises(ZeroDivisionError, match="of the user"):
        wh.table("t").upsert(failing(), key="id")
    schema = pa.schema([("id", pa.int64())])
    batches = (pa.record_batch([pa.array([1 // n])], schema=schema) for n in (1, 0))
    with pytest.raises(errors.InvalidArgumentError, match=r"ZeroDivisionError.*mend the source"):
        wh.table("t").upsert(pa.RecordBatchReader.from_batches(schema, batches), key="id")
    assert wh.at("main").commit == before
