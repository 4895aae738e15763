"""Many processes and threads on one metadata database: nobody fails, and a kill leaves all or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.metadata_backends import Backend

from lakebed.ml_metadata.metadata_store import MetadataStore
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

pytestmark = pytest.mark.integration
PYTHON = Path(__file__).resolve().parents[2] / "python"
OPEN = """
import sys
from google.protobuf import text_format
from lakebed.ml_metadata.metadata_store import MetadataStore
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb
config = sys.argv[1] if sys.argv[1].endswith(".lakebed") else text_format.Parse(sys.argv[1], pb.ConnectionConfig())
"""
TOGETHER = """
print("ready", flush=True)
sys.stdin.readline()
store = MetadataStore(config)
kinds = {"i": pb.INT}
a = store.put_artifact_type(pb.ArtifactType(name="A", properties=kinds))
e = store.put_execution_type(pb.ExecutionType(name="E"))
c = store.put_context_type(pb.ContextType(name="C"))
for n in range(5):
    store.put_execution(pb.Execution(type_id=e), [(pb.Artifact(type_id=a), pb.Event(type=pb.Event.OUTPUT))],
                        [pb.Context(type_id=c, name="shared")], reuse_context_if_already_exist=True)
    store.put_artifacts([pb.Artifact(type_id=a, properties={"i": pb.Value(int_value=n)}) for _ in range(3)])
print("done", flush=True)
"""
ENDLESS = """
store = MetadataStore(config)
a = store.put_artifact_type(pb.ArtifactType(name="A"))
e = store.put_execution_type(pb.ExecutionType(name="E"))
c = store.put_context_type(pb.ContextType(name="C"))
n = 0
print("ready", flush=True)
while True:
    pairs = [(pb.Artifact(type_id=a, name=f"{n}-{k}"), pb.Event(type=pb.Event.OUTPUT)) for k in range(20)]
    store.put_execution(pb.Execution(type_id=e, name=str(n)), pairs, [pb.Context(type_id=c, name=str(n))])
    n += 1
    print(n, flush=True)
"""

ENDLESS_THREADS = """
import itertools, threading
store = MetadataStore(config)
a = store.put_artifact_type(pb.ArtifactType(name="A"))
e = store.put_execution_type(pb.ExecutionType(name="E"))
c = store.put_context_type(pb.ContextType(name="C"))
def work(k):
    for n in itertools.count():
        pairs = [(pb.Artifact(type_id=a, name=f"{k}-{n}-{i}"), pb.Event(type=pb.Event.OUTPUT)) for i in range(20)]
        store.put_execution(pb.Execution(type_id=e, name=f"{k}-{n}"), pairs, [pb.Context(type_id=c, name=f"{k}-{n}")])
        sys.stdout.write(f"done {k}-{n}\\n")
        sys.stdout.flush()
print("ready", flush=True)
for k in range(4):
    threading.Thread(target=work, args=(k,)).start()
"""


def start(config: Any, program: str) -> subprocess.Popen[str]:
    from google.protobuf import text_format

    shown = str(config) if isinstance(config, Path) else text_format.MessageToString(config, as_one_line=True)
    environment = {**os.environ, "PYTHONPATH": str(PYTHON)}
    return subprocess.Popen(
        [sys.executable, "-c", OPEN + program, shown],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_processes_that_open_an_empty_database_together(lasting: Backend) -> None:
    config = lasting.config()
    processes = [start(config, TOGETHER) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=120) for process in processes]
    assert [(process.returncode, error) for process, (_, error) in zip(processes, ended, strict=True)] == [(0, "")] * 4
    store = MetadataStore(config)
    assert [found.name for found in store.get_artifact_types()] == ["A"]
    assert [found.name for found in store.get_execution_types()] == ["E"]
    assert [found.name for found in store.get_contexts()] == ["shared"]
    assert len(store.get_executions_by_context(store.get_contexts()[0].id)) == 20
    assert len(store.get_artifacts()) == 4 * 5 * 4
    assert len(store.get_events_by_execution_ids([found.id for found in store.get_executions()])) == 20


def test_a_put_that_is_killed_is_whole_or_not_there(lasting: Backend) -> None:
    config = lasting.config()
    process = start(config, ENDLESS)
    assert process.stdout is not None
    acknowledged = 0
    for line in process.stdout:
        if line.strip().isdigit():
            acknowledged = int(line)
        if acknowledged >= 3:
            break
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    acknowledged = max([acknowledged, *(int(line) for line in rest.split() if line.isdigit())])
    store = MetadataStore(config)
    executions = store.get_executions()
    assert len(executions) in {acknowledged, acknowledged + 1}
    for execution in executions:
        events = store.get_events_by_execution_ids([execution.id])
        assert len(events) == 20
        context = store.get_contexts_by_execution(execution.id)
        assert [found.name for found in context] == [execution.name]
        assert len(store.get_artifacts_by_context(context[0].id)) == 20
    assert len(store.get_artifacts()) == 20 * len(executions)
    assert len(store.get_contexts()) == len(executions)


def test_threads_that_are_killed_leave_whole_calls(lasting: Backend) -> None:
    config = lasting.config()
    process = start(config, ENDLESS_THREADS)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if len(lines) > 12:
            break
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    lines += rest.splitlines(keepends=True)
    acknowledged = {line.split()[1] for line in lines if line.startswith("done ") and line.endswith("\n")}
    store = MetadataStore(config)
    executions = store.get_executions()
    names = {execution.name for execution in executions}
    assert acknowledged <= names
    assert len(names) <= len(acknowledged) + 4
    for execution in executions:
        assert len(store.get_events_by_execution_ids([execution.id])) == 20
        context = store.get_contexts_by_execution(execution.id)
        assert [found.name for found in context] == [execution.name]
        assert len(store.get_artifacts_by_context(context[0].id)) == 20
    assert len(store.get_artifacts()) == 20 * len(executions)
    assert len(store.get_contexts()) == len(executions)


def test_eight_threads_on_one_store(backend: Backend) -> None:
    store = backend.store()
    type_id = store.put_artifact_type(pb.ArtifactType(name="A"))
    run_type = store.put_execution_type(pb.ExecutionType(name="E"))
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(4):
                one = pb.Artifact(type_id=type_id, name=f"{number}-{turn}")
                store.put_execution(pb.Execution(type_id=run_type), [(one, pb.Event(type=pb.Event.OUTPUT))], None)
                assert store.get_artifact_by_type_and_name("A", one.name) is not None
                store.put_artifacts([pb.Artifact(type_id=type_id)])
        except BaseException as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.get_artifacts()) == 8 * 4 * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_store_survives_a_fork(lasting: Backend) -> None:
    store = lasting.store()
    type_id = store.put_artifact_type(pb.ArtifactType(name="A"))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.put_artifacts([pb.Artifact(type_id=type_id, name="child")])
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    store.put_artifacts([pb.Artifact(type_id=type_id, name="parent")])
    assert sorted(found.name for found in store.get_artifacts()) == ["child", "parent"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_threads_of_its_parent(lasting: Backend) -> None:
    store = lasting.store()
    type_id = store.put_artifact_type(pb.ArtifactType(name="A"))
    begun, end = threading.Event(), threading.Event()

    def work() -> None:
        with store._engine.source.write():
            begun.set()
            # A fork waits for what writes to a SQLite file, so nobody can end this from behind it.
            end.wait(0.5)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(60)
    child = os.fork()
    if child == 0:
        signal.alarm(50)
        code = 1
        try:
            ids = store.put_artifacts([pb.Artifact(type_id=type_id, name="child")])
            code = 0 if store.get_artifacts_by_id(ids)[0].name == "child" else 2
        finally:
            os._exit(code)
    end.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [found.name for found in store.get_artifacts()] == ["child"]
