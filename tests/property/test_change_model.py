"""Random deletes, updates, merges, changes of columns and compactions against a model of plain Python.

Every version is compared in full, by every way of reading, before and after compaction. A row of the model carries its
id, so that ids and the commits that wrote the rows are compared too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakebed as lb
from lakebed import errors
from lakebed.warehouse import Warehouse

KINDS = {"k": pl.Int64, "x": pl.Int32, "s": pl.String}


@dataclass(frozen=True)
class Row:
    """One row: its id, the number of the commit that wrote it, and its values by column."""

    id: int
    written: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Model:
    """The table at one version."""

    columns: dict[str, Any] = field(default_factory=lambda: dict(KINDS))
    rows: tuple[Row, ...] = ()
    next_id: int = 0

    def insert(self, new: list[dict[str, Any]], commit: int) -> Model:
        added = tuple(
            Row(self.next_id + n, commit, {name: values.get(name) for name in self.columns})
            for n, values in enumerate(new)
        )
        return replace(self, rows=self.rows + added, next_id=self.next_id + len(new))

    def where(self, test: Callable[[dict[str, Any]], bool]) -> list[Row]:
        return [row for row in self.rows if test(row.values)]


keys = st.integers(0, 6)
cells = {"k": st.none() | keys, "x": st.none() | st.integers(-9, 9), "s": st.none() | st.sampled_from(["", "a", "bü"])}
frames = st.lists(st.fixed_dictionaries(cells), max_size=5)
sources = st.dictionaries(keys, st.tuples(cells["x"], cells["s"]), max_size=4)

operations = st.one_of(
    st.tuples(st.just("append"), frames),
    st.tuples(st.just("overwrite"), frames),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("delete all"), st.none()),
    st.tuples(st.just("update"), keys),
    st.tuples(st.just("upsert"), sources),
    st.tuples(st.just("upsert"), sources),
    st.tuples(st.just("mirror"), sources),
    st.tuples(st.just("remove"), sources),
    st.tuples(st.just("add column"), st.sampled_from(["y", "z"])),
    st.tuples(st.just("drop column"), st.sampled_from(["x", "s", "y", "z", "w"])),
    st.tuples(st.just("rename column"), st.sampled_from([("x", "w"), ("w", "x"), ("s", "y"), ("y", "s")])),
    st.tuples(st.just("widen"), st.sampled_from(["x", "y", "w"])),
    st.tuples(st.just("reorder"), st.integers(0, 3)),
    st.tuples(st.just("compact"), st.booleans()),
    st.tuples(st.just("several"), st.tuples(frames, keys, sources)),
)


class Runner:
    """One warehouse beside its model."""

    def __init__(self, location: str) -> None:
        self.warehouse: Warehouse = lb.open(location)
        self.versions: list[tuple[str, Model]] = []
        self.model = Model()
        self.warehouse.create("t", KINDS)
        self.note()

    @property
    def commit(self) -> int:
        """The sequence that the next commit gets."""
        return len(self.warehouse.log()) + 1

    @property
    def table(self) -> Any:
        return self.warehouse.table("t")

    def note(self) -> None:
        head = self.warehouse.at("main").commit
        assert head is not None
        if self.versions and self.versions[-1][0] == head:
            self.versions.pop()
        self.versions.append((head, self.model))

    def frame(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        names = [name for name in KINDS if name in self.model.columns]
        schema = {name: self.model.columns[name] for name in names}
        return pl.DataFrame([{name: row.get(name) for name in names} for row in rows], schema=schema)

    def run(self, kind: str, argument: Any) -> None:
        getattr(self, kind.replace(" ", "_"))(argument)
        self.note()

    def append(self, rows: list[dict[str, Any]]) -> None:
        commit = self.commit
        self.table.append(self.frame(rows))
        self.model = self.model.insert(self.known(rows), commit)

    def known(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What a frame of the original columns sets; a column that was added has its default."""
        defaults = {"y": 7, "z": None}
        names = [name for name in KINDS if name in self.model.columns]
        others = {name: defaults.get(name) for name in self.model.columns if name not in names}
        others = {name: value for name, value in others.items() if name in self.added}
        return [{**others, **{name: row.get(name) for name in names}} for row in rows]

    added: frozenset[str] = frozenset()

    def overwrite(self, rows: list[dict[str, Any]]) -> None:
        commit = self.commit
        frame = self.frame(rows)
        self.table.overwrite(frame)
        self.added = frozenset()
        self.model = replace(self.model, columns=dict(frame.schema), rows=()).insert(rows, commit)

    def delete(self, key: int) -> None:
        gone = {row.id for row in self.model.where(lambda row: row["k"] is not None and row["k"] < key)}
        assert self.table.delete(where=f"k < {key}").report.n_deleted == len(gone)
        self.model = replace(self.model, rows=tuple(row for row in self.model.rows if row.id not in gone))

    def delete_all(self, _: None) -> None:
        self.table.delete(where="TRUE")
        self.model = replace(self.model, rows=())

    def update(self, key: int) -> None:
        commit = self.commit
        changed = {row.id for row in self.model.where(lambda row: row["k"] is not None and row["k"] >= key)}
        values = {"k": "k + 1"}
        assert self.table.update(values, where=f"k >= {key}").report.n_updated == len(changed)
        self.model = self.moved({id_: {"k": None} for id_ in changed}, commit, lambda row: {"k": row["k"] + 1})

    def moved(self, changed: dict[int, Any], commit: int, new: Callable[[dict[str, Any]], dict[str, Any]]) -> Model:
        """The model with changed rows at the end, in the order of their ids."""
        kept = [row for row in self.model.rows if row.id not in changed]
        after = sorted((row for row in self.model.rows if row.id in changed), key=lambda row: row.id)
        return replace(
            self.model, rows=(*kept, *(Row(row.id, commit, {**row.values, **new(row.values)}) for row in after))
        )

    def source(self, rows: dict[int, tuple[Any, Any]]) -> tuple[pl.DataFrame, dict[int, dict[str, Any]]]:
        records = [{"k": key, "x": x, "s": s} for key, (x, s) in rows.items()]
        frame = self.frame(records)
        return frame, {row["k"]: {name: row[name] for name in frame.columns} for row in records}

    def merged(self, by_key: dict[int, dict[str, Any]], commit: int) -> Model:
        hit = {row.id: row for row in self.model.rows if row.values["k"] in by_key}
        met = {row.values["k"] for row in hit.values()}
        after = self.moved(dict.fromkeys(hit), commit, lambda row: by_key[row["k"]])
        return replace(after).insert(self.known([row for key, row in by_key.items() if key not in met]), commit)

    def upsert(self, rows: dict[int, tuple[Any, Any]]) -> None:
        commit = self.commit
        frame, by_key = self.source(rows)
        self.table.upsert(frame, key="k")
        self.model = self.merged(by_key, commit)

    def mirror(self, rows: dict[int, tuple[Any, Any]]) -> None:
        """Afterwards the table has the rows of the source and no other."""
        commit = self.commit
        frame, by_key = self.source(rows)
        self.table.merge(frame, key="k", not_matched_by_source="delete")
        kept = replace(self.model, rows=tuple(row for row in self.model.rows if row.values["k"] in by_key))
        self.model = kept
        self.model = self.merged(by_key, commit)

    def remove(self, rows: dict[int, tuple[Any, Any]]) -> None:
        frame, by_key = self.source(rows)
        self.table.merge(frame.select("k"), key="k", matched="delete", not_matched="skip")
        self.model = replace(self.model, rows=tuple(row for row in self.model.rows if row.values["k"] not in by_key))

    def add_column(self, name: str) -> None:
        default = 7 if name == "y" else None
        if name in self.model.columns:
            with pytest.raises(errors.ColumnExistsError):
                self.table.add_column(name, "int16", default=default)
            return
        self.table.add_column(name, "int16", default=default)
        self.added |= {name}
        rows = tuple(replace(row, values={**row.values, name: default}) for row in self.model.rows)
        self.model = replace(self.model, columns={**self.model.columns, name: pl.Int16}, rows=rows)

    def drop_column(self, name: str) -> None:
        if name not in self.model.columns:
            with pytest.raises(errors.ColumnNotFoundError):
                self.table.drop_column(name)
            return
        self.table.drop_column(name)
        self.added -= {name}
        columns = {key: kind for key, kind in self.model.columns.items() if key != name}
        rows = tuple(replace(row, values={key: row.values[key] for key in columns}) for row in self.model.rows)
        self.model = replace(self.model, columns=columns, rows=rows)

    def rename_column(self, names: tuple[str, str]) -> None:
        old, new = names
        if old not in self.model.columns or new in self.model.columns:
            wanted = errors.ColumnNotFoundError if old not in self.model.columns else errors.ColumnExistsError
            with pytest.raises(wanted):
                self.table.rename_column(old, new)
            return
        if self.added & {old, new}:
            return  # The default goes with the field, which this model does not follow.
        self.table.rename_column(old, new)
        named = {(new if key == old else key): key for key in self.model.columns}
        columns = {key: self.model.columns[was] for key, was in named.items()}
        rows = tuple(
            replace(row, values={key: row.values[was] for key, was in named.items()}) for row in self.model.rows
        )
        self.model = replace(self.model, columns=columns, rows=rows)

    def widen(self, name: str) -> None:
        kind = self.model.columns.get(name)
        if kind is None or kind == pl.String:
            return
        self.table.change_type(name, "int64")
        self.model = replace(self.model, columns={**self.model.columns, name: pl.Int64})

    def reorder(self, turn: int) -> None:
        names = list(self.model.columns)
        names = names[turn % len(names) :] + names[: turn % len(names)]
        self.table.reorder_columns(names)
        self.model = replace(self.model, columns={name: self.model.columns[name] for name in names})

    def compact(self, full: bool) -> None:
        before = self.table
        report = before.compact(full=full)
        after = self.table
        assert (report.n_files_before, report.n_files_after) == (before.num_files, after.num_files)
        assert after.num_files <= max(before.num_files, 1)
        if full:
            assert after.num_deleted == 0

    def several(self, argument: tuple[list[dict[str, Any]], int, dict[int, tuple[Any, Any]]]) -> None:
        """One transaction that changes what it wrote itself."""
        rows, key, by_key = argument
        commit = self.commit
        frame, source = self.source(by_key)
        with self.warehouse.transaction() as tx:
            tx.write("t", self.frame(rows))
            tx.update("t", {"k": "k + 1"}, where=f"k >= {key}")
            tx.upsert("t", frame, key="k")
            tx.delete("t", where=f"k = {key}")
        self.model = self.model.insert(self.known(rows), commit)
        changed = {row.id for row in self.model.where(lambda row: row["k"] is not None and row["k"] >= key)}
        self.model = self.moved(dict.fromkeys(changed), commit, lambda row: {"k": row["k"] + 1})
        self.model = self.merged(source, commit)
        self.model = replace(self.model, rows=tuple(row for row in self.model.rows if row.values["k"] != key))

    def check(self) -> None:
        for commit, model in self.versions:
            check_version(self.warehouse, commit, model)
        assert self.warehouse.verify().ok
        # Once more where all is written again: rows, ids and order stay.
        self.table.compact(full=True)
        check_version(self.warehouse, "main", self.model)
        assert self.warehouse.verify().ok


def check_version(warehouse: Warehouse, commit: str, model: Model) -> None:
    table = warehouse.at(commit).table("t")
    names = list(model.columns)
    expected = [tuple(row.values[name] for name in names) for row in model.rows]
    assert table.num_rows == len(expected)
    frame = table.scan().pl()
    assert list(frame.schema.items()) == list(model.columns.items())
    # Which part of a merge stands first is not promised; ids are compared in full below.
    assert sorted(frame.rows(), key=repr) == sorted(expected, key=repr)
    with_ids = table.scan(row_ids=True).pl()
    assert sorted(with_ids["_row_id"].to_list()) == sorted(set(with_ids["_row_id"].to_list()))
    assert table.scan(names[:1]).pl().height == table.lazy().select(pl.len()).collect().item() == len(expected)
    by_id = {row[0]: row[2:] for row in with_ids.rows()}
    assert by_id == {row.id: tuple(row.values[name] for name in names) for row in model.rows}
    written = dict(zip(with_ids["_row_id"], with_ids["_sequence"], strict=True))
    assert written == {row.id: row.written for row in model.rows}
    low = table.scan(where="k <= 2").pl()
    assert sorted(low.rows(), key=repr) == sorted((row for row in frame.rows() if is_low(row, names)), key=repr)
    counted = warehouse.sql("SELECT count(*) AS n, sum(k) AS s FROM t", version=commit).pl().row(0)
    known = [row.values["k"] for row in model.rows if row.values["k"] is not None]
    assert counted == (len(expected), sum(known) if known else None)
    check_statistics(warehouse, commit, model, names)


def is_low(row: tuple[Any, ...], names: list[str]) -> bool:
    key = row[names.index("k")]
    return key is not None and key <= 2


def check_statistics(warehouse: Warehouse, commit: str, model: Model, names: list[str]) -> None:
    """The number of rows is exact; the rest are bounds where rows are gone, and exact where that is asked for."""
    table = warehouse.at(commit).table("t")
    stored = table.core.statistics().to_dict()
    exact = table.core.exact_statistics(table.core.touched()).to_dict()
    assert stored["n_rows"] == exact["n_rows"] == len(model.rows)
    assert exact["n_deleted"] == 0
    assert [column["name"] for column in stored["columns"]] == names
    for name, bound, true in zip(names, stored["columns"], exact["columns"], strict=True):
        values = [row.values[name] for row in model.rows]
        known = [value for value in values if value is not None]
        assert true["n_null"] == len(values) - len(known)
        assert bound["n_null"] == true["n_null"] or (table.num_deleted and bound["n_null"] >= true["n_null"])
        if known:
            assert (true["min"], true["max"]) == (min(known), max(known))
            assert bound["min"] <= true["min"]
            assert bound["max"] >= true["max"]
            assert true["distinct"]["count"] == len(set(known)) <= bound["distinct"]["count"]


def compare(location: str, sequence: list[tuple[str, Any]]) -> None:
    runner = Runner(location)
    for kind, argument in sequence:
        runner.run(kind, argument)
    runner.check()


@settings(max_examples=max(20, settings().max_examples // 4))
@given(st.lists(operations, max_size=12))
def test_a_changed_table_answers_like_the_model(sequence: list[tuple[str, Any]]) -> None:
    compare("memory://", sequence)


@settings(max_examples=max(5, settings().max_examples // 20))
@given(st.lists(operations, min_size=4, max_size=16))
def test_a_changed_table_in_a_folder_answers_like_the_model(sequence: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(str(Path(folder, "w")), sequence)
