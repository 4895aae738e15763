"""Threads of one process on one store: a call is whole or not there, has its own error, is stored when it returns."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.metadata_backends import Backend, sqlite_config

from lakebed.metadata.sources import sqlite
from lakebed.metadata.sources.turns import Call, CommitGate, Group, Turns
from lakebed.ml_metadata.errors import AbortedError, AlreadyExistsError, InvalidArgumentError
from lakebed.ml_metadata.metadata_store import MetadataStore
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

N_THREADS, N_ROUNDS = 8, 12


def together(work: Callable[[int], None], n: int = N_THREADS) -> None:
    """Run `work(0)`, `work(1)`, ... in threads that begin at once; the first error is raised."""
    errors: list[BaseException] = []
    begin = threading.Barrier(n)

    def run(number: int) -> None:
        begin.wait()
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


def test_a_failed_call_leaves_no_trace_in_those_beside_it(store: Any) -> None:
    kinds = {"n": pb.INT}
    artifact_type = store.put_artifact_type(pb.ArtifactType(name="A", properties=kinds))
    execution_type = store.put_execution_type(pb.ExecutionType(name="E"))
    store.put_artifacts([pb.Artifact(type_id=artifact_type, name="taken")])
    n_refused = []

    def named(text: str) -> Any:
        made = pb.Artifact(type_id=artifact_type, name=text)
        made.properties["n"].int_value = len(text)
        return made

    def work(number: int) -> None:
        for turn in range(N_ROUNDS):
            name = f"{number}-{turn}"
            if number % 2:
                ids = store.put_artifacts([named(name), named(name + "'")])
                assert [found.name for found in store.get_artifacts_by_id(ids)] == [name, name + "'"]
                continue
            # The first artifact is right, the last one is not: of such a call nothing stays.
            wrong = pb.Artifact(type_id=artifact_type, name="taken" if turn % 2 else f"wrong-{name}")
            wrong.custom_properties["c"].int_value = 1
            if turn % 2 == 0:
                wrong.properties["unknown"].int_value = 1
            with pytest.raises(AlreadyExistsError if turn % 2 else InvalidArgumentError, match=r"taken|unknown"):
                store.put_execution(
                    pb.Execution(type_id=execution_type),
                    [(named(f"lost-{name}"), pb.Event(type=pb.Event.OUTPUT)), (wrong, pb.Event(type=pb.Event.INPUT))],
                    [],
                )
            n_refused.append(name)

    together(work)
    expected = {"taken"} | {
        f"{number}-{turn}{tail}" for number in range(1, N_THREADS, 2) for turn in range(N_ROUNDS) for tail in ("", "'")
    }
    found = store.get_artifacts()
    assert {artifact.name for artifact in found} == expected
    assert len(found) == len(expected) == len({artifact.id for artifact in found})
    assert all(artifact.properties["n"].int_value == len(artifact.name) for artifact in found if artifact.id > 1)
    assert store.get_executions() == []
    assert len(n_refused) == N_THREADS // 2 * N_ROUNDS


def test_calls_of_threads_are_stored_when_they_return(lasting: Backend) -> None:
    config = lasting.config()
    store, other = MetadataStore(config), MetadataStore(config)
    execution_type = store.put_execution_type(pb.ExecutionType(name="E"))
    context_type = store.put_context_type(pb.ContextType(name="C"))
    n_whole: list[int] = []

    def work(number: int) -> None:
        for turn in range(N_ROUNDS):
            made = (
                pb.Execution(type_id=execution_type, name=f"{number}-{turn}"),
                [(pb.Artifact(type="mlmd.Model", type_id=model), pb.Event(type=pb.Event.OUTPUT))],
                [pb.Context(type_id=context_type, name=f"shared {turn}")],
            )
            execution_id, artifact_ids, context_ids = store.put_execution(*made, reuse_context_if_already_exist=True)
            # Another store has no part in this one's threads, connections or memory.
            assert [found.artifact_id for found in other.get_events_by_execution_ids([execution_id])] == artifact_ids
            assert context_ids == [found.id for found in other.get_contexts_by_execution(execution_id)]
            n_whole.append(execution_id)

    model = store.put_artifact_type(pb.ArtifactType(name="M"))
    together(work)
    assert len(set(n_whole)) == N_THREADS * N_ROUNDS == len(other.get_executions())
    assert len(other.get_contexts()) == N_ROUNDS


def test_a_commit_that_fails_is_the_error_of_each_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.3)
    store = MetadataStore(sqlite_config(tmp_path / "m.db"))
    type_ids = []
    refused = []

    def work(number: int) -> None:
        try:
            type_ids.append(store.put_artifact_type(pb.ArtifactType(name=f"A{number}")))
        except AbortedError as error:
            refused.append(str(error))

    monkeypatch.setattr(store, "_max_num_retries", 1)
    with closing(sqlite3.connect(tmp_path / "m.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM Type").fetchall()
        together(work)
        assert type_ids == []
        assert len(refused) == N_THREADS
        assert all("held by another process" in text for text in refused)
    together(work)
    assert len(set(type_ids)) == N_THREADS == len([t for t in store.get_artifact_types() if t.name.startswith("A")])
    # What a lost transaction knew of types is forgotten.
    store.put_artifacts([pb.Artifact(type_id=type_id) for type_id in type_ids])


def test_turns_exclude_each_other_and_end() -> None:
    turns = Turns()
    inside, most, n_done = [0], [0], [0]

    def work(number: int) -> None:
        for turn in range(300):
            with turns:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                with turns:
                    n_done[0] += 1
                inside[0] -= 1
            if turn % 100 == number:
                # Stays away while the others wait for it to come back.
                threading.Event().wait(0.002)

    together(work)
    assert (most, n_done) == ([1], [N_THREADS * 300])


def test_a_turn_that_a_busy_thread_keeps_is_handed_on() -> None:
    turns = Turns()
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            with turns:
                pass

    threads = [threading.Thread(target=busy, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    waits = []
    for _ in range(20):
        start = time.perf_counter()
        with turns:
            waits.append(time.perf_counter() - start)
    stop.set()
    for thread in threads:
        thread.join(timeout=60)
    assert max(waits) < 10


def interrupt_main() -> None:
    threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()


def test_an_interrupted_waiter_leaves_the_row() -> None:
    turns = Turns()
    release = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with turns:
            held.set()
            release.wait()

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    held.wait()
    interrupt_main()
    with pytest.raises(KeyboardInterrupt), turns:
        pass
    release.set()
    holder.join(timeout=60)
    with turns:
        pass


def group_of(run_one: Callable[[Call[Any]], None]) -> Group:
    def run(first: Call[Any], more: Callable[[], Call[Any] | None]) -> None:
        def taken() -> Iterator[Call[Any]]:
            yield first
            while (call := more()) is not None:
                yield call

        for call in taken():
            run_one(call)
            call.is_done = True

    return Group(run)


def test_an_interrupted_leader_hands_on_the_calls_of_others() -> None:
    begun, n_runs = threading.Event(), [0]

    def run_one(call: Call[Any]) -> None:
        n_runs[0] += 1
        call.answer = call.work(None)

    group = group_of(run_one)
    answers: list[int] = []

    def block(_: Any) -> int:
        begun.set()
        threading.Event().wait(30)
        return 0

    def follow(number: int) -> None:
        begun.wait()
        answers.append(group.call(lambda _: number))

    threads = [threading.Thread(target=follow, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    interrupt_main()
    with pytest.raises(KeyboardInterrupt):
        group.call(block)
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(answers) == [0, 1, 2, 3]
    assert group.call(lambda _: 5) == 5
    assert n_runs == [6]


def test_an_interrupted_follower_takes_its_call_back() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def run_one(call: Call[Any]) -> None:
        call.answer = call.work(None)

    group = group_of(run_one)
    ran: list[Any] = []

    def wait(_: Any) -> None:
        begun.set()
        go_on.wait(60)

    def lead() -> None:
        group.call(wait)

    leader = threading.Thread(target=lead, daemon=True)
    leader.start()
    begun.wait()
    interrupt_main()
    with pytest.raises(KeyboardInterrupt):
        group.call(ran.append)
    go_on.set()
    leader.join(timeout=60)
    assert group.call(lambda _: 1) == 1
    assert ran == []


def test_no_reader_begins_beside_a_commit() -> None:
    gate = CommitGate(30)
    n_reading, seen = [0], []
    stop = threading.Event()

    def work(number: int) -> None:
        if number:
            while not stop.is_set():
                with gate.reading(), gate.reading():
                    n_reading[0] += 1
                    n_reading[0] -= 1
            return
        for _ in range(50):
            with gate.committing():
                seen.append(n_reading[0])
        stop.set()

    together(work, 3)
    assert seen == [0] * 50


def test_deletes_purges_and_imports_beside_other_writers(lasting: Backend) -> None:
    config = lasting.config()
    store, other = MetadataStore(config), MetadataStore(config)
    type_id = store.put_artifact_type(pb.ArtifactType(name="A", properties={"n": pb.INT}))
    first = store.put_artifacts([pb.Artifact(type_id=type_id) for _ in range(2 * N_ROUNDS)])
    imported: list[int] = []

    def work(number: int) -> None:
        for turn in range(N_ROUNDS):
            if number < 2:
                (store, other)[number].put_artifacts([pb.Artifact(type_id=type_id, name=f"{number}-{turn}")])
            elif number == 2:
                assert store.delete_artifacts(found for found in first[turn : turn + 1]) == 1
            elif number == 3:
                assert store.purge(found for found in first[N_ROUNDS + turn : N_ROUNDS + turn + 1]).artifacts == 1
            else:
                table = pa.table({"type": ["A", "A"], "properties.n": [turn, turn], "name": [f"i{turn}", None]})
                imported.extend(other.import_arrow("artifacts", table))

    together(work, 5)
    found = MetadataStore(config).get_artifacts()
    assert len(found) == 6 * N_ROUNDS
    assert len(set(imported)) == 2 * N_ROUNDS
    assert [artifact.state for artifact in found[: 2 * N_ROUNDS]] == [pb.Artifact.DELETED] * 2 * N_ROUNDS
    assert {artifact.id: artifact.properties["n"].int_value for artifact in found if artifact.id in imported} == dict(
        zip(imported, [turn for turn in range(N_ROUNDS) for _ in range(2)], strict=True)
    )
