"""The same database in turn with ML Metadata 1.17.1 itself, each library in a process of its own.

The environment with the original (Python 3.11, protobuf below 5) is named by LAKEBED_ML_METADATA_PYTHON, or is the one
that `make test` made in `target/`; where it could not be made these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.conformance import ml_metadata_calls
from tests.conformance.ml_metadata_cases import Package
from tests.conformance.ml_metadata_filters import answers
from tests.metadata_backends import Backend, make_backend, memory_config, sqlite_config

from lakebed.ml_metadata import downgrade_schema
from lakebed.ml_metadata.metadata_store import ListOptions, MetadataStore
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "target" / "ml-metadata-venv"

# A program for either library: reads what is there, adds to it, tells what it saw.
PROGRAM = """
import json, sys
from google.protobuf import text_format
from ml_metadata.metadata_store import metadata_store as api
from ml_metadata.proto import metadata_store_pb2 as pb
config = text_format.Parse(sys.argv[1], pb.ConnectionConfig())
if sys.argv[2] == "downgrade":
    api.downgrade_schema(config, int(sys.argv[3]))
    print(json.dumps(None))
    raise SystemExit
store = api.MetadataStore(config, enable_upgrade_migration=sys.argv[2] == "upgrade")
if sys.argv[2] == "upgrade":
    print(json.dumps(None))
    raise SystemExit
if sys.argv[2] == "write":
    a = store.put_artifact_type(pb.ArtifactType(name="A", properties={"i": 1, "d": 2, "s": 3, "st": 4, "p": 5, "b": 6}))
    e = store.put_execution_type(pb.ExecutionType(name="E", base_type=pb.ExecutionType.TRAIN))
    c = store.put_context_type(pb.ContextType(name="C"))
    n = len(store.get_artifacts())
    one = pb.Artifact(type_id=a, name=f"{sys.argv[3]}-{n}", uri="u", state=pb.Artifact.LIVE, external_id=f"x{n}")
    one.properties["i"].int_value, one.properties["d"].double_value = n, 0.5
    one.properties["s"].string_value, one.properties["b"].bool_value = "text it's %s", True
    one.properties["st"].struct_value["k"] = [1, "two"]
    one.properties["p"].proto_value.Pack(pb.Artifact(id=n))
    one.custom_properties["free"].int_value = n
    path = pb.Event.Path(steps=[pb.Event.Path.Step(key="k"), pb.Event.Path.Step(index=n)])
    store.put_execution(pb.Execution(type_id=e), [(one, pb.Event(type=pb.Event.OUTPUT, path=path))],
                        [pb.Context(type_id=c, name="shared")], reuse_context_if_already_exist=True)
def strip(m):
    m = type(m).FromString(m.SerializeToString())
    for f in ("create_time_since_epoch", "last_update_time_since_epoch"):
        m.ClearField(f)
    return m.SerializeToString(deterministic=True).hex()
found = sorted(store.get_artifacts(), key=lambda x: x.id)
query = pb.LineageSubgraphQueryOptions(starting_artifacts={"filter_query": "state = LIVE"})
print(json.dumps({
    "artifacts": [strip(x) for x in found],
    "names": [x.name for x in found],
    "values": [{k: v.SerializeToString(deterministic=True).hex() for k, v in sorted(x.properties.items())}
               for x in found],
    "executions": len(store.get_executions()), "contexts": [x.name for x in store.get_contexts()],
    "types": sorted(x.name for x in (*store.get_artifact_types(), *store.get_execution_types())),
    "events": [[x.artifact_id, x.execution_id, x.type, [s.key or s.index for s in x.path.steps]]
               for x in store.get_events_by_artifact_ids([x.id for x in found])],
    "in context": sorted(x.id for x in store.get_artifacts_by_context(1)),
    "graph": len(store.get_lineage_subgraph(query).events) if any(x.state == pb.Artifact.LIVE for x in found) else 0,
}))
"""


@cache
def original_python() -> str | None:
    """The interpreter of an environment with the original, or None where there is none."""
    python = os.environ.get("LAKEBED_ML_METADATA_PYTHON") or str(HOME / "bin" / "python")
    if not Path(python).exists():
        return None
    probe = subprocess.run([python, "-c", "import ml_metadata"], capture_output=True, check=False)
    return python if probe.returncode == 0 else None


def original(config: Any, *arguments: str) -> Any:
    """Run the program with the original."""
    python = original_python()
    if python is None:
        pytest.skip("an environment with ml-metadata 1.17.1 could not be made here")
    command = [python, "-c", PROGRAM, text(config), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout)


def ours(config: Any, *arguments: str) -> Any:
    """Run the same program with Lakebed, in a process of its own too."""
    import sys

    program = PROGRAM.replace("from ml_metadata", "from lakebed.ml_metadata")
    command = [sys.executable, "-c", program, text(config), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout)


def text(config: Any) -> str:
    from google.protobuf import text_format

    return str(text_format.MessageToString(config, as_one_line=True))


@pytest.fixture(params=["sqlite", "mysql", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if original_python() is None:
        pytest.skip("an environment with ml-metadata 1.17.1 could not be made here")
    return make_backend(request.param, request, tmp_path)


@pytest.mark.parametrize("first", ["original", "ours"])
def test_both_read_and_change_one_database_in_turn(shared: Backend, first: str) -> None:
    config = shared.config()
    sides = (original, ours) if first == "original" else (ours, original)
    for turn in range(4):
        written = sides[turn % 2](config, "write", sides[turn % 2].__name__)
        seen = [side(config, "read") for side in sides]
        for answer in (*seen, written):
            assert answer["values"] == written["values"]
        assert seen[0]["artifacts"] == seen[1]["artifacts"]
        assert seen[0] == seen[1]
        assert len(seen[0]["values"]) == turn + 1


def test_text_that_the_original_wrote_to_mysql_is_read(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    backend = make_backend("mysql", request, tmp_path)
    config = backend.config()
    original(config, "read")
    store = MetadataStore(config)
    type_id = store.put_artifact_type(pb.ArtifactType(name="漢é"))
    store.put_artifacts([pb.Artifact(type_id=type_id, name="é😀")])
    assert [found.name for found in store.get_artifacts()] == ["é😀"]
    assert original(config, "read")["names"] == ["é😀"]


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(path) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for name in names:
            cursor = connection.execute(f"SELECT * FROM `{name}`")
            columns = [item[0] for item in cursor.description]
            found[name] = [tuple(columns), *sorted(cursor.fetchall(), key=repr)]
        found["indexes"] = sorted(connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall())
    connection.close()
    # The original leaves rows without any value where a version cannot hold it, and refuses to read the node then.
    for name, table in found.items():
        if name.endswith("Property") and name != "TypeProperty":
            table[:] = [row for row in table if any(value is not None for value in row[3:])]
    # Counters of tables without rows differ in whether they are there.
    found["sqlite_sequence"] = [row for row in found.get("sqlite_sequence", []) if row[-1] != 0 and row[0] != "Type"]
    return found


@pytest.mark.parametrize("version", range(10))
def test_migrations_leave_the_rows_that_the_original_leaves(tmp_path: Path, version: int) -> None:
    if original_python() is None:
        pytest.skip("an environment with ml-metadata 1.17.1 could not be made here")

    def config(name: str) -> Any:
        made = pb.ConnectionConfig()
        made.sqlite.filename_uri = str(tmp_path / name)
        return made

    original(config("theirs.db"), "write", "theirs")
    shutil.copy(tmp_path / "theirs.db", tmp_path / "ours.db")
    original(config("theirs.db"), "downgrade", str(version))
    downgrade_schema(config("ours.db"), version)
    assert rows(tmp_path / "ours.db") == rows(tmp_path / "theirs.db")
    with pytest.raises(RuntimeError, match="older than library version 10"):
        MetadataStore(config("ours.db"))
    MetadataStore(config("ours.db"), enable_upgrade_migration=True).close()
    original(config("theirs.db"), "upgrade")
    assert rows(tmp_path / "ours.db") == rows(tmp_path / "theirs.db")


def test_messages_are_the_originals_to_the_byte(tmp_path: Path) -> None:
    del tmp_path
    python = original_python()
    if python is None:
        pytest.skip("an environment with ml-metadata 1.17.1 could not be made here")
    program = """
import sys
sys.path.insert(0, sys.argv[1])
from google.protobuf import descriptor_pb2
from lakebed.metadata.messages import message_class, pool
from ml_metadata.proto import metadata_store_pb2 as a, metadata_store_service_pb2 as b
from ml_metadata.simple_types.proto import simple_types_pb2 as c
def normal(file):
    found = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)
    for message in found.message_type:
        message.nested_type.sort(key=lambda item: item.name)
    for service in found.service:
        for method in service.method:
            if not method.options.ListFields():
                method.ClearField("options")
    return found
for module in (a, b, c):
    theirs, ours = normal(module.DESCRIPTOR), normal(pool.FindFileByName(module.DESCRIPTOR.name))
    assert len(theirs.message_type) and theirs == ours, module
both = message_class("Artifact")()
both.CopyFrom(a.Artifact(id=7, name="n"))
assert (both.id, both.name) == (7, "n")
from lakebed.ml_metadata import metadata_store
config = a.ConnectionConfig()
config.fake_database.SetInParent()
store = metadata_store.MetadataStore(config)
type_id = store.put_artifact_type(a.ArtifactType(name="T", properties={"i": a.INT}))
one = a.Artifact(type_id=type_id)
one.properties["i"].int_value = 3
execution = store.put_execution_type(a.ExecutionType(name="E"))
store.put_execution(a.Execution(type_id=execution), [(one, a.Event(type=a.Event.OUTPUT))], None)
assert store.get_artifacts()[0].properties["i"].int_value == 3
print("same")
"""
    command = [python, "-c", program, str(ROOT / "python")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout.strip()) == (0, "same"), result.stderr[-2000:]


def test_doubles_written_here_are_read_there_to_15_digits(tmp_path: Path) -> None:
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "m.db")
    store = MetadataStore(config)
    type_id = store.put_artifact_type(pb.ArtifactType(name="A", properties={"d": pb.DOUBLE}))
    store.put_artifacts([pb.Artifact(type_id=type_id, properties={"d": pb.Value(double_value=1e-7)})])
    seen = original(config, "read")["values"][0]["d"]
    assert pb.Value.FromString(bytes.fromhex(seen)).double_value == pytest.approx(1e-7, rel=1e-14)


def test_the_listing_options_class_is_accepted() -> None:
    assert MetadataStore(memory_config()).get_artifacts(ListOptions(limit=1)) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_filters_give_what_they_give_there(seed: int) -> None:
    python = original_python()
    if python is None:
        pytest.skip("an environment with ml-metadata 1.17.1 could not be made here")
    command = [python, "-m", "tests.conformance.ml_metadata_filters", "ml_metadata", str(seed), "1500"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr[-2000:]
    expected = json.loads(result.stdout)
    found = answers(Package("lakebed.ml_metadata"), MetadataStore(sqlite_config()), seed, 1500)
    assert found.keys() == expected.keys()
    wrong = {}
    for query, answer in expected.items():
        # What SQLite refuses there may work here; what is refused there as no query of GoogleSQL may be one here.
        may_be_more = answer in ("InternalError", "InvalidArgumentError") and found[query] != "InternalError"
        if found[query] != answer and not may_be_more:
            wrong[query] = (found[query], answer)
    assert wrong == {}
    lists = [query for query, answer in expected.items() if isinstance(answer, list)]
    refused = [query for query, answer in found.items() if answer == "InvalidArgumentError" == expected[query]]
    assert len(lists) > 800
    assert len(refused) > 20


@cache
def calls_of_the_original(seed: str, n_worlds: int) -> list[list[list[Any]]]:
    python = original_python()
    if python is None:
        pytest.skip("an environment with ml-metadata 1.17.1 could not be made here")
    command = [python, "-m", "tests.conformance.ml_metadata_calls", "ml_metadata", seed, str(n_worlds)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr[-2000:]
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(("seed", "name"), [("1", "memory"), ("2", "memory"), ("3", "sqlite"), ("3", "block")])
def test_random_calls_give_what_they_give_there(
    seed: str, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    n_worlds = 250 if name == "memory" else 40
    theirs = calls_of_the_original(seed, n_worlds)
    backend = make_backend(name, request, tmp_path)
    package = Package("lakebed.ml_metadata")
    n_given, n_refused, wrong = 0, 0, []
    methods = set()
    for number, expected in enumerate(theirs):
        found = ml_metadata_calls.world(package, backend.store(), f"{seed}-{number}")
        for (method, text, answer), ours_now in zip(expected, found, strict=True):
            assert ours_now[:2] == (method, text)
            here = json.loads(json.dumps(ours_now[2]))
            methods.add(method)
            n_refused += isinstance(answer, dict) and "error" in answer
            n_given += not (isinstance(answer, dict) and "error" in answer)
            if here == answer:
                continue
            if not ml_metadata_calls.is_documented(method, answer, here):
                wrong.append((number, method, text, here, answer))
            if method.startswith("Put") and ("error" in here) != ("error" in answer):
                # From here on the two stores hold different things.
                break
    assert wrong == []
    assert n_given > 30 * n_worlds // 4
    assert n_refused > 30 * n_worlds // 4
    assert len(methods) > 40 or n_worlds < 100
