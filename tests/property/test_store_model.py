"""Random sequences of operations against a model of plain Python: every version is compared in full."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakebed import errors
from lakebed.storage import Repository, Snapshot

Row = tuple[Any, ...]
Rows = list[Row]

TYPES: dict[str, type[pl.DataType]] = {"x": pl.Int64, "s": pl.String}


@dataclass(frozen=True)
class TableModel:
    """Columns and rows of one table."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


Version = dict[str, TableModel]


@dataclass
class Model:
    """What a warehouse must answer."""

    # By branch: the commits and what each holds, oldest first.
    branches: dict[str, list[tuple[str, Version]]] = field(default_factory=lambda: {"main": []})
    tags: dict[str, str] = field(default_factory=dict)
    # By commit: the idempotency key with which it was made.
    keys: dict[str, int] = field(default_factory=dict)

    def with_key(self, branch: str, key: int) -> str | None:
        """The commit in the history of a branch that has a key."""
        return next((commit for commit, _ in self.branches[branch] if self.keys.get(commit) == key), None)

    def head(self, branch: str) -> Version:
        history = self.branches[branch]
        return history[-1][1] if history else {}


tables = st.sampled_from(["a", "b", "ns.c"])
columns = st.sampled_from([("x",), ("x", "s"), ("s",)])
branches = st.integers(0, 3)


@st.composite
def frames(draw: st.DrawFn) -> tuple[tuple[str, ...], Rows]:
    """Columns, and up to four rows."""
    names = draw(columns)
    cells = {"x": st.none() | st.integers(-3, 3), "s": st.none() | st.sampled_from(["", "p", "ü"])}
    return names, draw(st.lists(st.tuples(*(cells[name] for name in names)), max_size=4))


writes = st.one_of(
    st.tuples(st.just("write"), tables, frames(), st.booleans()),
    st.tuples(st.just("write"), tables, frames(), st.booleans()),
    st.tuples(st.just("create"), tables, columns),
    st.tuples(st.just("drop"), tables),
    st.tuples(st.just("rename"), tables, tables),
)
operations = st.one_of(
    st.tuples(st.just("write"), branches, st.lists(writes, min_size=1, max_size=3)),
    st.tuples(st.just("write"), branches, st.lists(writes, min_size=1, max_size=1)),
    st.tuples(st.just("abandon"), branches, st.lists(writes, min_size=1, max_size=2)),
    st.tuples(st.just("race"), branches, st.tuples(writes, writes)),
    st.tuples(st.just("keyed"), branches, st.tuples(st.integers(0, 3), st.lists(writes, min_size=1, max_size=2))),
    st.tuples(st.just("tag"), branches, st.integers(0, 5)),
    st.tuples(st.just("branch"), branches, st.integers(0, 3)),
)


def to_frame(names: tuple[str, ...], rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: TYPES[name] for name in names}, orient="row")


def apply(version: Version, write: Any) -> Version | type[Exception]:
    """The version after one change; the error where it must be refused."""
    kind, table, *arguments = write
    before = version.get(table)
    without = {name: known for name, known in version.items() if name != table}
    if kind == "create":
        return errors.TableExistsError if before else {**version, table: TableModel(arguments[0], ())}
    if kind == "drop":
        return without if before else errors.TableNotFoundError
    if kind == "rename":
        if arguments[0] in version:
            return errors.TableExistsError
        return {**without, arguments[0]: before} if before else errors.TableNotFoundError
    (names, rows), overwrite = arguments
    if before is None or overwrite:
        return {**version, table: TableModel(names, tuple(rows))}
    if not set(names) <= set(before.columns):
        return errors.ColumnNotFoundError
    widened = [tuple(dict(zip(names, row, strict=True)).get(name) for name in before.columns) for row in rows]
    return {**version, table: TableModel(before.columns, before.rows + tuple(widened))}


def change(transaction: Any, write: Any) -> None:
    kind, table, *arguments = write
    if kind == "create":
        transaction.create(table, to_frame(arguments[0], []).to_arrow().schema)
    elif kind == "drop":
        transaction.drop(table)
    elif kind == "rename":
        transaction.rename(table, arguments[0])
    else:
        (names, rows), overwrite = arguments
        assert transaction.write(table, to_frame(names, rows), overwrite=overwrite) == len(rows)


def stage(transaction: Any, version: Version, writes_: list[Any]) -> tuple[Version, int]:
    """Stage all changes; gives the version that follows and the number of changes that were taken."""
    taken = 0
    for write in writes_:
        after = apply(version, write)
        if isinstance(after, type):
            with pytest.raises(after):
                change(transaction, write)
        else:
            change(transaction, write)
            version, taken = after, taken + 1
    return version, taken


def commit_staged(transaction: Any, model: Model, branch: str, version: Version) -> str | None:
    """Commit; None where the changes took each other back, so that nothing is left."""
    try:
        commit = str(transaction.commit({"kind": "write"}))
    except errors.InvalidArgumentError:
        assert version == model.head(branch)
        return None
    model.branches[branch].append((commit, version))
    return commit


def run_write(repository: Repository, model: Model, branch: str, writes_: list[Any]) -> None:
    transaction = repository.begin(branch)
    version, taken = stage(transaction, model.head(branch), writes_)
    if taken:
        commit_staged(transaction, model, branch, version)


def run_keyed(repository: Repository, model: Model, branch: str, argument: tuple[int, list[Any]]) -> None:
    """A change with an idempotency key, which is made once however often it is tried."""
    key, writes_ = argument
    transaction, known = repository.begin(branch), model.with_key(branch, key)
    assert transaction.set_key(f"key {key}") == (known is not None)
    if known is not None:
        assert transaction.commit({"kind": "write"}) == known
        return
    version, taken = stage(transaction, model.head(branch), writes_)
    commit = commit_staged(transaction, model, branch, version) if taken else None
    if commit is not None:
        model.keys[commit] = key


def run_race(repository: Repository, model: Model, branch: str, pair: tuple[Any, Any]) -> None:
    """Two transactions on one version; the second one is committed last, and rebases or is refused."""
    first, second = pair
    slow = repository.begin(branch)
    _, taken = stage(slow, model.head(branch), [second])
    run_write(repository, model, branch, [first])
    if not taken:
        return
    try:
        commit = slow.commit({"kind": "write"})
    except errors.WriteConflictError:
        # Only what touches one name can collide.
        assert names_of(first) & names_of(second)
        return
    version = apply(model.head(branch), second)
    assert not isinstance(version, type), f"{second} cannot be done after {first}, but was"
    model.branches[branch].append((commit, version))


def names_of(write: Any) -> set[str]:
    kind, table, *arguments = write
    return {table, arguments[0]} if kind == "rename" else {table}


def run_ref(repository: Repository, model: Model, kind: str, branch: str, number: int) -> None:
    history = model.branches[branch]
    snapshot = repository.snapshot(branch)
    name = f"{kind}{number}"
    taken = name in model.tags or name in model.branches
    create = repository.create_tag if kind == "tag" else repository.create_branch
    if taken or not history:
        with pytest.raises((errors.RefExistsError, errors.InvalidArgumentError)):
            create(name, snapshot)
    elif kind == "tag":
        create(name, snapshot)
        model.tags[name] = history[-1][0]
    else:
        create(name, snapshot)
        model.branches[name] = list(history)


def run(repository: Repository, model: Model, operation: tuple[str, int, Any]) -> None:
    kind, number, argument = operation
    names = sorted(model.branches)
    branch = names[number % len(names)]
    if kind == "write":
        run_write(repository, model, branch, argument)
    elif kind == "abandon":
        stage(repository.begin(branch), model.head(branch), argument)
    elif kind == "keyed":
        run_keyed(repository, model, branch, argument)
    elif kind == "race":
        run_race(repository, model, branch, argument)
    else:
        run_ref(repository, model, kind, branch, argument)


def check_snapshot(snapshot: Snapshot, commit: str, version: Version) -> None:
    assert snapshot.commit == commit
    assert snapshot.tables() == sorted(version)
    for name, expected in version.items():
        table = snapshot.table(name)
        assert tuple(table.schema.names) == expected.columns
        assert table.num_rows == len(expected.rows)
        assert table.lazy().collect().rows() == list(expected.rows)
        statistics = table.core.statistics().to_dict()
        nulls = [sum(row[n] is None for row in expected.rows) for n in range(len(expected.columns))]
        assert [column["n_null"] for column in statistics["columns"]] == nulls


def check(repository: Repository, model: Model) -> None:
    """Every version of every branch, by every way to it."""
    assert repository.branches() == sorted(model.branches)
    assert repository.tags() == sorted(model.tags)
    known = dict(commit for history in model.branches.values() for commit in history)
    for commit, version in known.items():
        check_snapshot(repository.snapshot(commit), commit, version)
    for branch, history in model.branches.items():
        rows = repository.history(branch)
        assert [row.id for row in rows] == [commit for commit, _ in reversed(history)]
        assert [row.parent for row in rows] == [*(row.id for row in rows[1:]), None][: len(rows)]
        for back, (commit, _) in enumerate(reversed(history)):
            assert repository.snapshot(f"{branch}~{back}").commit == commit
            assert repository.snapshot(rows[back].timestamp, branch=branch).commit == commit
        if history:
            assert repository.verify_snapshot(repository.snapshot(branch)).ok
    for tag, commit in model.tags.items():
        assert repository.snapshot(tag).commit == commit


def compare(location: str, sequence: list[tuple[str, int, Any]]) -> None:
    repository, model = Repository(location), Model()
    for operation in sequence:
        run(repository, model, operation)
    check(repository, model)
    if location != "memory://":
        check(Repository(location, read_only=True), model)


@given(st.lists(operations, max_size=14))
def test_a_warehouse_in_memory_answers_like_the_model(sequence: list[tuple[str, int, Any]]) -> None:
    compare("memory://", sequence)


@settings(max_examples=max(10, settings().max_examples // 10))
@given(st.lists(operations, min_size=4, max_size=20))
def test_a_warehouse_in_a_folder_answers_like_the_model(sequence: list[tuple[str, int, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(str(Path(folder, "w")), sequence)
