"""Transactions: idempotency keys, gates of the caller, streams of batches, progress, Ctrl-C, forks."""

from __future__ import annotations

import os
import pickle
import signal
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors


@pytest.fixture(params=["folder", "memory"])
def wh(request: pytest.FixtureRequest, tmp_path: Path) -> lb.Warehouse:
    return lb.open(tmp_path / "wh" if request.param == "folder" else "memory://")


def ints(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"x": pl.Series(values, dtype=pl.Int64)})


def rows(wh: lb.Warehouse, name: str = "t", version: str | None = None) -> list[int]:
    return wh.table(name, version).scan().pl()["x"].to_list()


# --- Idempotency keys -------------------------------------------------------------------------------------------------


def test_a_retried_commit_is_not_applied_twice(wh: lb.Warehouse) -> None:
    first = wh.write("t", ints(1), key="load 1")
    wh.write("t", ints(2))
    again = wh.write("t", ints(1), key="load 1")
    assert (again.commit, again.version, again.num_rows) == (first.commit, first.version, 1)
    assert rows(wh) == [1, 2]
    wh.write("t", ints(3), key="load 2")
    assert rows(wh) == [1, 2, 3]
    with pytest.raises(errors.InvalidNameError, match="1 to 1024 bytes"):
        wh.write("t", ints(4), key="")
    assert len(wh.log()) == 3


def test_a_transaction_with_a_known_key_runs_again_and_changes_nothing(wh: lb.Warehouse) -> None:
    wh.write("old", ints(1))
    commits = []
    for turn in range(3):
        with wh.transaction(key="move") as tx:
            tx.rename("old", "new")
            tx.write("new", ints(2))
            tx.create("more", {"x": pl.Int64})
            assert tx.is_applied is (turn > 0)
        commits.append(tx.commit_id)
        wh.write(f"between{turn}", ints(0))
    assert len(set(commits)) == 1
    assert rows(wh, "new") == [1, 2]
    assert len(wh.log()) == 5


def test_keys_are_known_to_other_handles_branches_and_long_histories(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "wh")
    for turn in range(80):
        wh.write("t", ints(turn), key=f"turn {turn}")
    wh.branch("try")
    wh.write("t", ints(1000), key="only main")
    for turn in (0, 31, 79):
        assert lb.open(tmp_path / "wh").write("t", ints(turn), key=f"turn {turn}").num_rows == turn + 1
        assert lb.open(tmp_path / "wh").write("t", ints(turn), key=f"turn {turn}", branch="try").num_rows == turn + 1
    wh.write("t", ints(2000), key="only main", branch="try")
    assert rows(wh, "t", "try")[-2:] == [79, 2000]
    assert len(wh.log()) == 81
    stored = b"".join(path.read_bytes() for path in (tmp_path / "wh").rglob("*") if path.is_file())
    assert b"only main" not in stored


def test_of_two_transactions_with_one_key_one_is_applied(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    transactions = [wh.transaction(key="replace") for _ in range(2)]
    for tx in transactions:
        tx.write("t", ints(5), mode="overwrite")
    snapshots = [tx.commit() for tx in transactions]
    assert snapshots[0].commit == snapshots[1].commit
    assert rows(wh) == [5]
    assert len(wh.log()) == 2


# --- Gates ------------------------------------------------------------------------------------------------------------


def test_gates_see_the_changes_and_can_refuse_them(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    seen = []

    def gate(changes: Any) -> None:
        statistics = changes.statistics("t")
        seen.append((changes.base.commit, changes.tables(), statistics.n_rows, statistics.column("x").max))
        if statistics.column("x").max > 100:
            raise ValueError("too large")

    wh.write("t", ints(2, 3), before_commit=[gate])
    with pytest.raises(ValueError, match="too large"):
        wh.write("t", ints(500), before_commit=[gate])
    base = wh.log()[1].id
    assert seen == [(base, ["t"], 2, 3), (wh.log()[0].id, ["t"], 1, 500)]
    assert rows(wh) == [1, 2, 3]


def test_gates_run_again_after_a_rebase_and_without_a_lock(wh: lb.Warehouse) -> None:
    wh.write("t", ints(1))
    bases = []

    def gate(changes: Any) -> None:
        bases.append(changes.base.commit)
        if len(bases) < 3:
            # Somebody else commits while the gate is thinking.
            wh.write("t", ints(len(bases) * 10))

    wh.write("t", ints(2), before_commit=[gate])
    assert len(set(bases)) == 3
    assert rows(wh) == [1, 10, 20, 2]


def test_a_gate_cannot_change_what_it_judges(wh: lb.Warehouse) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="a gate looks at changes"):
        wh.write("t", ints(1), before_commit=[lambda changes: changes.write("t", ints(2))])
    with pytest.raises(errors.TableNotFoundError, match="changed are: t"):
        wh.write("t", ints(1), before_commit=[lambda changes: changes.statistics("u")])
    assert wh.log() == []


# --- Streams ----------------------------------------------------------------------------------------------------------


def test_streams_of_frames_are_written_one_after_another(wh: lb.Warehouse) -> None:
    alive: list[Any] = []
    most = 0

    def frames() -> Iterator[pl.DataFrame]:
        nonlocal most
        for turn in range(20):
            frame = ints(*range(turn * 1000, turn * 1000 + 1000))
            alive.append(weakref.ref(frame))
            most = max(most, sum(reference() is not None for reference in alive))
            yield frame
            del frame

    progress: list[int] = []
    wh.write("t", frames(), progress=progress.append)
    assert rows(wh) == list(range(20_000))
    assert most <= 3
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert progress[-1] == 20_000
    reader = pa.RecordBatchReader.from_batches(pa.schema({"x": pa.int64()}), iter([pa.record_batch({"x": [1]})]))
    assert wh.write("r", reader).num_rows == 1
    assert wh.write("s", [pa.record_batch({"x": [1]}), ints(2), pl.LazyFrame({"x": [3]})]).num_rows == 3


def test_a_large_frame_reports_its_progress_too(wh: lb.Warehouse) -> None:
    progress: list[int] = []
    wh.write("t", pl.DataFrame({"x": pl.int_range(1_000_000, eager=True)}), progress=progress.append)
    assert len(progress) >= 4
    assert progress[-1] == 1_000_000


def test_frames_of_a_stream_have_to_fit_together(wh: lb.Warehouse) -> None:
    assert wh.write("t", [ints(1), pl.DataFrame({"x": pl.Series([2], dtype=pl.Int32)})]).num_rows == 2
    for second, text in (
        (pl.DataFrame({"y": [1]}), "frame 2 has the columns y, the first one x"),
        (pl.DataFrame({"x": ["a"]}), "frame 2 does not have the types of the first one"),
    ):
        with pytest.raises(errors.SchemaMismatchError, match=text):
            wh.write("t", [ints(1), second])
    with pytest.raises(errors.InvalidArgumentError, match="an empty iterable has no columns"):
        wh.write("t", [])
    assert rows(wh) == [1, 2]


def test_what_a_stream_or_a_progress_callback_raises_reaches_the_caller(wh: lb.Warehouse) -> None:
    class OwnError(Exception):
        pass

    def frames() -> Iterator[pl.DataFrame]:
        yield ints(1)
        raise OwnError("the source broke")

    def stop(n_rows: int) -> None:
        if n_rows:
            raise OwnError("enough")

    with pytest.raises(OwnError, match="the source broke"):
        wh.write("t", frames())
    with pytest.raises(OwnError, match="enough"):
        wh.write("t", ints(1), progress=stop)
    tx = wh.transaction()
    with pytest.raises(errors.InvalidArgumentError, match="the transaction is in use"):
        tx.write("t", ints(1), progress=lambda _: tx.tables())
    assert wh.log() == []


def test_ctrl_c_ends_a_write_and_changes_nothing(wh: lb.Warehouse) -> None:
    def frames() -> Iterator[pl.DataFrame]:
        for turn in range(1000):
            if turn == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield ints(turn)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            wh.write("t", frames())
    finally:
        signal.signal(signal.SIGINT, before)
    assert wh.tables() == []
    assert wh.write("t", ints(1)).num_rows == 1


# --- Other processes --------------------------------------------------------------------------------------------------


def test_snapshots_and_tables_can_be_pickled(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "wh")
    wh.write("t", ints(1, 2))
    old, table = wh.at("main"), wh.table("t")
    wh.write("t", ints(3))
    wh.rename("t", "u")
    snapshot_again, table_again = pickle.loads(pickle.dumps((old, table)))
    assert snapshot_again.commit == old.commit
    assert (table_again.name, table_again.version) == ("t", table.version)
    assert table_again.scan().pl()["x"].to_list() == [1, 2]
    with pytest.raises(TypeError, match="in memory cannot be pickled"):
        pickle.dumps(lb.open("memory://").at("main"))


def test_a_pickled_version_of_another_warehouse_is_refused(tmp_path: Path) -> None:
    stored = pickle.dumps(_written(tmp_path / "a").at("main"))
    (tmp_path / "a").rename(tmp_path / "b")
    _written(tmp_path / "a")
    with pytest.raises(errors.VersionNotFoundError, match="holds another warehouse by now"):
        pickle.loads(stored)


def _written(folder: Path) -> lb.Warehouse:
    wh = lb.open(folder)
    wh.write("t", ints(1))
    return wh


def test_a_transaction_cannot_be_ended_in_a_forked_child(tmp_path: Path) -> None:
    wh = _written(tmp_path / "wh")
    tx = wh.transaction()
    tx.write("t", ints(2))
    # A child of a process with threads of its own must not do more than needed.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            tx.commit()
            os.write(writing, b"committed")
        except errors.ForkedTransactionError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert "was begun by process" in pipe.read()
    tx.commit()
    assert rows(wh) == [1, 2]
