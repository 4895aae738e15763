"""The metadata store through its public methods: ML Metadata's rules, sharing between processes, mending."""

from __future__ import annotations

import logging
import math
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakebed.errors import (
    CorruptionError,
    FormatVersionError,
    InvalidArgumentError,
    ReadOnlyError,
    RecordExistsError,
    RecordNotFoundError,
    StorageError,
    UnwritableError,
)
from lakebed.metadata import (
    Artifact,
    ArtifactState,
    ArtifactType,
    Association,
    Attribution,
    Context,
    Event,
    EventType,
    Execution,
    ExecutionState,
    MemoryRecordLog,
    MetadataStore,
    ParentContext,
    PropertyType,
    ProtoValue,
)
from lakebed.metadata.records import Entry, Operation, OperationGroup, encode_entry

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "python")}
KINDS = {"n": int, "x": float, "s": str, "b": bool, "o": dict}


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MetadataStore]:
    path = None if request.param == "memory" else tmp_path / "metadata.sqlite"
    with MetadataStore(MemoryRecordLog(), path) as opened:
        yield opened


def typed(store: MetadataStore) -> MetadataStore:
    store.put_artifact_type("Model", KINDS)
    store.put_execution_type("train", KINDS)
    store.put_context_type("experiment", KINDS)
    return store


def put_one(store: MetadataStore, **members: Any) -> Artifact:
    (artifact_id,) = store.put_artifacts([Artifact(type="Model", **members)])
    return store.get_artifacts_by_id([artifact_id])[0]


# --- Types ---


def test_first_type_gets_id_10_and_a_repeat_the_same(store: MetadataStore) -> None:
    assert store.put_artifact_type("Model", {"x": float}) == 10
    assert store.put_execution_type("Model") == 11
    assert store.put_artifact_type("Model", {"x": float}) == 10
    assert store.put_artifact_type("Model", {"x": float}, version="2") == 12
    assert store.put_artifact_type("Model", {"x": float}, version="") == 10


def test_system_types_are_found_by_name_but_not_listed(store: MetadataStore) -> None:
    assert store.get_artifact_types() == []
    assert store.get_artifact_type("mlmd.Dataset").id == 1
    assert [item.name for item in store.get_execution_types_by_id([9, 5, 1])] == ["mlmd.Train", "mlmd.Deploy"]


def test_type_evolves_only_by_adding_and_only_when_told(store: MetadataStore) -> None:
    store.put_artifact_type("Model", {"x": float}, description="first")
    with pytest.raises(RecordExistsError, match="can_add_fields"):
        store.put_artifact_type("Model", {"x": float, "y": int})
    store.put_artifact_type("Model", {"x": float, "y": int}, description="second", can_add_fields=True)
    with pytest.raises(RecordExistsError, match="can_omit_fields"):
        store.put_artifact_type("Model", {"y": int})
    store.put_artifact_type("Model", {"z": str}, can_add_fields=True, can_omit_fields=True)
    with pytest.raises(RecordExistsError, match="kind of a property cannot change"):
        store.put_artifact_type("Model", {"x": int}, can_add_fields=True, can_omit_fields=True)
    found = store.get_artifact_type("Model")
    assert found.properties == {"x": PropertyType.DOUBLE, "y": PropertyType.INT, "z": PropertyType.STRING}
    assert found.description == "first"


def test_type_without_name_or_with_unknown_property_kind_is_refused(store: MetadataStore) -> None:
    with pytest.raises(InvalidArgumentError, match="name"):
        store.put_artifact_type("")
    with pytest.raises(InvalidArgumentError, match="kind"):
        store.put_artifact_type("Model", {"x": PropertyType.UNKNOWN})
    with pytest.raises(InvalidArgumentError, match="kind"):
        store.put_artifact_type("Model", {"x": list})


def test_base_type_is_set_once_and_kept_when_left_out(store: MetadataStore) -> None:
    store.put_artifact_type("Model")
    store.put_artifact_type("Model", base_type="mlmd.Model")
    store.put_artifact_type("Model")
    assert store.get_artifact_type("Model").base_type == "mlmd.Model"
    with pytest.raises(InvalidArgumentError, match="set only once"):
        store.put_artifact_type("Model", base_type="mlmd.Dataset")
    with pytest.raises(InvalidArgumentError, match=r"did you mean 'mlmd\.Train'"):
        store.put_execution_type("train", base_type="mlmd.Trian")


def test_external_id_of_a_type_is_unique_over_all_kinds(store: MetadataStore) -> None:
    store.put_artifact_type("Model", external_id="e1")
    with pytest.raises(RecordExistsError, match="'e1'"):
        store.put_artifact_type("Other", external_id="e1")
    with pytest.raises(RecordExistsError, match="'e1'"):
        store.put_context_type("Other", external_id="e1")
    store.put_artifact_type("Model")
    assert store.get_artifact_type("Model").external_id == "e1"


def test_unknown_type_names_the_nearest(store: MetadataStore) -> None:
    typed(store)
    with pytest.raises(RecordNotFoundError, match="did you mean 'Model'"):
        store.get_artifact_type("Modle")
    with pytest.raises(RecordNotFoundError, match="did you mean 'Model'"):
        store.put_artifacts([Artifact(type="Modell")])
    with pytest.raises(RecordNotFoundError, match="77"):
        store.put_artifacts([Artifact(type_id=77)])
    with pytest.raises(RecordNotFoundError, match="11"):
        store.put_artifacts([Artifact(type_id=11)])  # an execution type


def test_type_that_exists_only_with_a_version_is_named_by_id(store: MetadataStore) -> None:
    type_id = store.put_artifact_type("Model", version="2")
    with pytest.raises(RecordNotFoundError, match=f"id {type_id}"):
        store.put_artifacts([Artifact(type="Model")])
    store.put_artifacts([Artifact(type_id=type_id, name="m")])
    assert store.get_artifact_by_type_and_name("Model", "m") is None
    assert store.get_artifact_by_type_and_name("Model", "m", "2") is not None


# --- Values ---


@pytest.mark.parametrize(
    "value",
    [
        1e-7,
        math.pi,
        5e-324,
        1.7976931348623157e308,
        math.inf,
        -math.inf,
        math.nan,
        -0.0,
        2**63 - 1,
        -(2**63),
        0,
        True,
        False,
        "",
        "a\x00b",
        "__MLMD_NULL__",
        "mlmd-struct::no struct",
        "NaN",
        "漢😀 'quote' \\",
        {},
        {"": -0.0, "a": [1.5, None, True, "x", {"b": math.inf}, []]},
        ProtoValue("type.googleapis.com/x.Y", b"\x00\xff"),
    ],
    ids=repr,
)
def test_a_custom_property_comes_back_exactly(store: MetadataStore, value: Any) -> None:
    typed(store)
    found = put_one(store, custom_properties={"v": value}).custom_properties["v"]
    assert repr(found) == repr(value)
    store.rebuild()
    assert repr(store.get_artifacts()[0].custom_properties["v"]) == repr(value)


def test_property_and_custom_property_of_one_name_do_not_touch_each_other(store: MetadataStore) -> None:
    stored = put_one(typed(store), properties={"s": "own"}, custom_properties={"s": 7})
    store.put_artifacts([replace(stored, custom_properties={"s": 8})])
    found = store.get_artifacts()[0]
    assert (found.properties, found.custom_properties) == ({"s": "own"}, {"s": 8})


@pytest.mark.parametrize(
    ("properties", "match"),
    [
        ({"x": 1}, "INT"),
        ({"n": True}, "BOOLEAN"),
        ({"n": 1.0}, "DOUBLE"),
        ({"m": 1}, "declares no property 'm'"),
        ({"n": None}, "None"),
        ({"n": 2**63}, "64 bits"),
        ({"n": [1]}, "list"),
        ({"": 1}, "non-empty"),
        ({"s": "\ud800"}, "surrogates"),
        ({"o": {"a": 2**60 + 1}}, "exact double"),
        ({"o": {1: 2}}, "keys of a struct"),
    ],
    ids=str,
)
def test_a_property_that_does_not_fit_is_refused_and_nothing_is_put(
    store: MetadataStore,
    properties: dict[str, Any],
    match: str,
) -> None:
    typed(store)
    with pytest.raises(InvalidArgumentError, match=match):
        store.put_artifacts([Artifact(type="Model"), Artifact(type="Model", properties=properties)])
    assert store.get_artifacts() == []


def test_a_struct_nested_as_deep_as_allowed_comes_back(store: MetadataStore) -> None:
    deep: dict[str, Any] = {}
    for _ in range(29):
        deep = {"d": deep}
    assert put_one(typed(store), properties={"o": deep}).properties == {"o": deep}
    with pytest.raises(InvalidArgumentError, match="nests"):
        put_one(store, properties={"o": {"d": {"d": deep}}})


def test_numpy_scalars_are_taken(store: MetadataStore) -> None:
    numpy = pytest.importorskip("numpy")
    values = {"n": numpy.int64(3), "x": numpy.float64(0.1), "b": numpy.bool_(True), "s": numpy.str_("t")}
    found = put_one(typed(store), properties=values).properties
    assert found == {"b": True, "n": 3, "s": "t", "x": 0.1}
    assert [type(value) for value in found.values()] == [bool, int, str, float]


# --- Nodes ---


def test_nodes_come_back_with_ids_types_and_times(store: MetadataStore) -> None:
    typed(store)
    ids = store.put_artifacts(
        [Artifact(type="Model", name="b", uri="u", state=ArtifactState.LIVE), Artifact(type="Model")]
    )
    first, second = store.get_artifacts()
    assert ids == [first.id, second.id] == [1, 2]
    assert (first.name, first.uri, first.state, first.type, first.type_id) == (
        "b",
        "u",
        ArtifactState.LIVE,
        "Model",
        10,
    )
    assert (second.name, second.uri, second.state) == (None, "", None)
    assert first.create_time_since_epoch == first.last_update_time_since_epoch
    assert (first.create_time_since_epoch or 0) > 1_600_000_000_000


def test_names_and_external_ids_are_unique(store: MetadataStore) -> None:
    typed(store)
    store.put_artifact_type("Other")
    put_one(store, name="m", external_id="e")
    with pytest.raises(RecordExistsError, match="'m'"):
        put_one(store, name="m")
    with pytest.raises(RecordExistsError, match="'e'"):
        store.put_artifacts([Artifact(type="Other", external_id="e")])
    store.put_artifacts([Artifact(type="Other", name="m")])
    store.put_executions([Execution(type="train", name="m", external_id="e")])
    with pytest.raises(RecordExistsError, match="'twice'"):
        store.put_artifacts([Artifact(type="Model", name="twice"), Artifact(type="Model", name="twice")])
    assert len(store.get_artifacts()) == 2


def test_a_context_needs_a_name(store: MetadataStore) -> None:
    with pytest.raises(InvalidArgumentError, match="name it"):
        typed(store).put_contexts([Context(type="experiment", name="")])


def test_a_node_needs_a_type_that_agrees_with_its_type_id(store: MetadataStore) -> None:
    typed(store)
    with pytest.raises(InvalidArgumentError, match="type"):
        store.put_artifacts([Artifact()])
    with pytest.raises(InvalidArgumentError, match="type_id"):
        store.put_artifacts([Artifact(type="Model", type_id=1)])


def test_an_update_replaces_everything_but_name_and_type(store: MetadataStore) -> None:
    stored = put_one(
        typed(store),
        name="m",
        uri="u",
        external_id="e",
        state=ArtifactState.LIVE,
        properties={"n": 1, "s": "t"},
        custom_properties={"c": 1},
    )
    assert store.put_artifacts([Artifact(id=stored.id, name="other", properties={"n": 2})]) == [stored.id]
    found = store.get_artifacts()[0]
    assert (found.name, found.uri, found.state, found.external_id) == ("m", "", None, None)
    assert (found.properties, found.custom_properties) == ({"n": 2}, {})
    assert found.create_time_since_epoch == stored.create_time_since_epoch
    put_one(store, external_id="e")  # free again


def test_an_update_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    log = MemoryRecordLog()
    with MetadataStore(log, tmp_path / "m.sqlite") as store:
        stored = put_one(typed(store), name="m", properties={"x": math.nan})
        head = log.head()
        store.put_artifacts([stored])
        assert log.head() == head
        assert repr(store.get_artifacts()[0]) == repr(stored)
        store.put_artifacts([replace(stored, custom_properties={"c": 1})])
        store.put_artifacts([replace(stored, custom_properties={"c": True})])
        assert log.head() == head + 2


def test_an_update_of_unknown_id_or_other_type_is_refused(store: MetadataStore) -> None:
    typed(store)
    stored = put_one(store)
    with pytest.raises(InvalidArgumentError, match="does not exist"):
        store.put_artifacts([Artifact(type="Model", id=99)])
    with pytest.raises(InvalidArgumentError, match="keeps its type"):
        store.put_artifacts([Artifact(type="mlmd.Model", id=stored.id)])


def test_lookups_return_id_order_and_leave_out_what_is_missing(store: MetadataStore) -> None:
    typed(store)
    store.put_artifacts([Artifact(type="Model", uri="u", name=f"m{number}") for number in range(5)])
    assert [found.id for found in store.get_artifacts_by_id([4, 2, 2, 77])] == [2, 4]
    assert [found.id for found in store.get_artifacts_by_uri("u")] == [1, 2, 3, 4, 5]
    assert store.get_artifacts_by_uri("U") == []
    assert store.get_artifacts_by_type("Unknown") == []
    assert store.get_executions_by_type("train") == []
    found = store.get_artifact_by_type_and_name("Model", "m3")
    assert found is not None
    assert found.id == 4
    assert store.get_artifact_by_type_and_name("Model", "M3") is None


def test_more_nodes_than_one_statement_can_name_are_put_and_found(store: MetadataStore) -> None:
    typed(store)
    wanted = [Artifact(type="Model", name=f"m{number}", external_id=f"e{number}") for number in range(1201)]
    ids = store.put_artifacts(wanted)
    assert ids == list(range(1, 1202))
    assert [found.name for found in store.get_artifacts_by_id(ids)] == [artifact.name for artifact in wanted]
    with pytest.raises(RecordExistsError, match="m1200"):
        store.put_artifacts(wanted[::-1])


def test_an_unknown_state_is_refused(store: MetadataStore) -> None:
    state: Any = 12
    with pytest.raises(InvalidArgumentError, match="LIVE"):
        typed(store).put_artifacts([Artifact(type="Model", state=state)])


# --- Events, contexts, put_execution ---


def test_events_keep_their_path_and_time_and_are_unique(store: MetadataStore) -> None:
    typed(store)
    store.put_artifacts([Artifact(type="Model")])
    store.put_executions([Execution(type="train")])
    event = Event(
        type=EventType.INPUT,
        artifact_id=1,
        execution_id=1,
        path=("x", 0, "y"),
        milliseconds_since_epoch=7,
    )
    store.put_events([event, replace(event, type=EventType.DECLARED_INPUT, milliseconds_since_epoch=None, path=())])
    first, second = store.get_events_by_artifact_ids([1])
    assert first == replace(event, id=1)
    assert (second.milliseconds_since_epoch or 0) > 1_600_000_000_000
    assert store.get_events_by_execution_ids([1, 1]) == [first, second]
    with pytest.raises(RecordExistsError, match="INPUT"):
        store.put_events([event])


@pytest.mark.parametrize(
    "event",
    [
        Event(type=EventType.UNKNOWN, artifact_id=1, execution_id=1),
        Event(type=EventType.INPUT, artifact_id=1, execution_id=9),
        Event(type=EventType.INPUT, artifact_id=9, execution_id=1),
        Event(type=EventType.INPUT, artifact_id=1),
    ],
    ids=repr,
)
def test_an_event_of_unknown_type_or_node_is_refused(store: MetadataStore, event: Event) -> None:
    typed(store)
    store.put_artifacts([Artifact(type="Model")])
    store.put_executions([Execution(type="train")])
    with pytest.raises(InvalidArgumentError):
        store.put_events([event])


def test_attributions_and_associations_may_be_repeated(store: MetadataStore) -> None:
    typed(store)
    store.put_artifacts([Artifact(type="Model")])
    store.put_executions([Execution(type="train")])
    store.put_contexts([Context(type="experiment", name="a"), Context(type="experiment", name="b")])
    for _ in range(2):
        store.put_attributions_and_associations(
            [Attribution(artifact_id=1, context_id=2)] * 2,
            [Association(execution_id=1, context_id=1)],
        )
    assert [found.id for found in store.get_artifacts_by_context(2)] == [1]
    assert [found.id for found in store.get_executions_by_context(1)] == [1]
    assert [found.name for found in store.get_contexts_by_artifact(1)] == ["b"]
    assert [found.name for found in store.get_contexts_by_execution(1)] == ["a"]
    with pytest.raises(InvalidArgumentError, match="no context"):
        store.put_attributions_and_associations([Attribution(artifact_id=1, context_id=9)], [])
    with pytest.raises(RecordNotFoundError, match="highest is 1"):
        store.get_contexts_by_artifact(5)


def test_parent_contexts_make_no_cycle(store: MetadataStore) -> None:
    typed(store)
    store.put_contexts([Context(type="experiment", name=name) for name in "abc"])
    store.put_parent_contexts([ParentContext(child_id=1, parent_id=2), ParentContext(child_id=2, parent_id=3)])
    assert [found.name for found in store.get_parent_contexts_by_context(1)] == ["b"]
    assert [found.name for found in store.get_children_contexts_by_context(3)] == ["b"]
    with pytest.raises(RecordExistsError):
        store.put_parent_contexts([ParentContext(child_id=1, parent_id=2)])
    for child, parent in ((3, 1), (1, 1)):
        with pytest.raises(InvalidArgumentError, match="itself"):
            store.put_parent_contexts([ParentContext(child_id=child, parent_id=parent)])
    with pytest.raises(InvalidArgumentError, match="9"):
        store.put_parent_contexts([ParentContext(child_id=9, parent_id=1)])


def test_put_execution_puts_everything_in_one_record() -> None:
    log = MemoryRecordLog()
    store = typed(MetadataStore(log))
    store.put_artifacts([Artifact(type="Model", name="input")])
    head = log.head()
    result = store.put_execution(
        Execution(type="train", last_known_state=ExecutionState.COMPLETE),
        [
            (None, Event(type=EventType.INPUT, artifact_id=1)),
            (Artifact(type="Model", name="output"), Event(type=EventType.OUTPUT, path=("model",))),
            (Artifact(type="Model", name="aside"), None),
            (Artifact(type="Model", name="alone"),),
        ],
        [Context(type="experiment", name="c")],
    )
    assert result == (1, [1, 2, 3, 4], [1])
    assert log.head() == head + 1
    assert [event.artifact_id for event in store.get_events_by_execution_ids([1])] == [1, 2]
    assert [found.id for found in store.get_artifacts_by_context(1)] == [1, 2, 3, 4]
    assert [found.id for found in store.get_executions_by_context(1)] == [1]
    store.close()


def test_put_execution_with_one_bad_part_puts_nothing(store: MetadataStore) -> None:
    typed(store)
    with pytest.raises(InvalidArgumentError):
        store.put_execution(Execution(type="train"), [(Artifact(type="Model", properties={"no": 1}), None)])
    with pytest.raises(InvalidArgumentError, match="no artifact and no event"):
        store.put_execution(Execution(type="train"), [(None, None)])
    assert store.get_executions() == []


def test_put_execution_reuses_contexts_and_artifacts_only_when_told(store: MetadataStore) -> None:
    typed(store)
    context = Context(type="experiment", name="c", custom_properties={"a": 1})
    artifact = Artifact(type="Model", external_id="e", uri="first")
    store.put_execution(Execution(type="train"), [(artifact, None)], [context])
    with pytest.raises(RecordExistsError):
        store.put_execution(Execution(type="train"), [], [context])
    with pytest.raises(RecordExistsError):
        store.put_execution(Execution(type="train"), [(artifact, None)])
    assert store.put_execution(
        Execution(type="train"),
        [(replace(artifact, uri="second"), None)],
        [replace(context, custom_properties={})],
        reuse_context_if_already_exist=True,
        reuse_artifact_if_already_exist_by_external_id=True,
    ) == (2, [1], [1])
    assert store.get_artifacts()[0].uri == "first"
    assert store.get_contexts()[0].custom_properties == {"a": 1}
    store.put_execution(Execution(type="train"), [], [Context(id=1, name="")], force_reuse_context=True)
    assert [found.id for found in store.get_executions_by_context(1)] == [1, 2, 3]


# --- Batches and keys ---


def put_commit(store: MetadataStore, commit: str, parent: str | None = None) -> None:
    with store.batch() as batch:
        group = batch.group(key=f"commit:{commit}", time=1_700_000_000_000)
        run = group.put_execution(Execution(type="train", custom_properties={"commit": commit}))
        made = group.put_artifact(Artifact(type="Model", name=commit), reuse_by="name")
        group.put_event(Event(type=EventType.OUTPUT, artifact_id=made, execution_id=run))
        if parent is not None:
            read = group.put_artifact(Artifact(type="Model", name=parent), reuse_by="name")
            group.put_event(Event(type=EventType.INPUT, artifact_id=read, execution_id=run))


def test_a_commit_is_recorded_once(store: MetadataStore) -> None:
    typed(store)
    assert not store.has_key("commit:aa")
    for _ in range(2):
        put_commit(store, "aa")
        put_commit(store, "bb", parent="aa")
    assert store.has_key("commit:aa")
    assert [found.name for found in store.get_artifacts()] == ["aa", "bb"]
    assert [found.id for found in store.get_executions()] == [1, 2]
    assert store.get_executions()[0].create_time_since_epoch == 1_700_000_000_000


def test_handles_of_a_left_out_group_have_no_id(store: MetadataStore) -> None:
    typed(store)
    with store.batch() as batch:
        shared = batch.group().put_context(Context(type="experiment", name="c"))
        handles = []
        for key in ("a", "b", "a"):
            group = batch.group(key=key)
            handles.append(group.put_execution(Execution(type="train")))
            group.put_association(handles[-1], shared)
    assert [batch.id_of(handle) for handle in handles] == [1, 2, None]
    assert [found.id for found in store.get_executions_by_context(1)] == [1, 2]


def test_a_handle_of_a_keyed_group_is_refused_elsewhere(store: MetadataStore) -> None:
    typed(store)
    batch = store.batch()
    run = batch.group(key="a").put_execution(Execution(type="train"))
    context = batch.group().put_context(Context(type="experiment", name="c"))
    batch.group().put_association(run, context)
    with pytest.raises(InvalidArgumentError, match="reuse_by"), batch:
        pass
    assert (store.get_executions(), store.get_contexts(), store.has_key("a")) == ([], [], False)


def test_an_exception_in_a_batch_drops_it(store: MetadataStore) -> None:
    typed(store)

    def fail() -> None:
        with store.batch() as batch:
            batch.group().put_execution(Execution(type="train"))
            raise KeyError("mine")

    with pytest.raises(KeyError):
        fail()
    assert store.get_executions() == []


def test_a_batch_that_ended_takes_no_more(store: MetadataStore) -> None:
    with store.batch() as batch, pytest.raises(InvalidArgumentError, match="not ended"):
        batch.id_of(-1)
    with pytest.raises(InvalidArgumentError, match="has ended"):
        batch.group()
    with pytest.raises(InvalidArgumentError, match="empty key"):
        store.batch().group(key="")


def test_types_put_in_a_batch_can_be_named_in_it(store: MetadataStore) -> None:
    with store.batch() as batch:
        group = batch.group(key="k")
        handle = group.put_type(ArtifactType(name="Late", properties={"x": PropertyType.INT}))
        group.put_artifact(Artifact(type="Late", properties={"x": 1}))
        made = group.put_artifact(Artifact(type_id=handle, name="n"))
        group.put_artifact(Artifact(id=made, type="Late", uri="updated"))
    assert [(found.type, found.name, found.uri) for found in store.get_artifacts()] == [
        ("Late", None, ""),
        ("Late", "n", "updated"),
    ]


# --- Read-only, pickle, fork, several writers ---


def test_a_read_only_store_reads_and_refuses(tmp_path: Path) -> None:
    log, path = MemoryRecordLog(), tmp_path / "m.sqlite"
    with MetadataStore(log, path) as store:
        put_one(typed(store), name="m")
    before = sorted((item.name, item.read_bytes()) for item in tmp_path.iterdir())
    with MetadataStore(log, path, read_only=True) as reader:
        assert [found.name for found in reader.get_artifacts()] == ["m"]
        with pytest.raises(ReadOnlyError):
            reader.put_artifacts([Artifact(type="Model")])
    assert sorted((item.name, item.read_bytes()) for item in tmp_path.iterdir()) == before
    with MetadataStore(log, tmp_path / "missing" / "m.sqlite", read_only=True) as reader:
        assert [found.name for found in reader.get_artifacts()] == ["m"]
    assert not (tmp_path / "missing").exists()


def test_a_read_only_store_sees_later_records(tmp_path: Path) -> None:
    log = MemoryRecordLog()
    with (
        MetadataStore(log, tmp_path / "m.sqlite") as store,
        MetadataStore(log, tmp_path / "m.sqlite", read_only=True) as reader,
    ):
        typed(store)
        assert reader.get_artifacts() == []
        put_one(store, name="m")
        assert [found.name for found in reader.get_artifacts()] == ["m"]


def test_a_store_can_be_pickled(tmp_path: Path) -> None:
    for path in (None, tmp_path / "m.sqlite"):
        with MetadataStore(MemoryRecordLog(), path) as store:
            put_one(typed(store), name="m")
            with pickle.loads(pickle.dumps(store)) as copy:
                assert copy.get_artifacts() == store.get_artifacts()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_store_survives_a_fork_on_both_sides(store: MetadataStore) -> None:
    typed(store)
    put_one(store, name="before")
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns where other libraries keep threads; the child here runs nothing of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            put_one(store, name="in the child")
            os.write(write_end, b",".join((found.name or "").encode() for found in store.get_artifacts()))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        assert pipe.read() == b"before,in the child"
    # The log in memory is each process's own, so the parent does not see what the child put.
    put_one(store, name="after")
    assert [found.name for found in store.get_artifacts()] == ["before", "after"]
    assert store.verify() == []


def test_threads_share_a_store(store: MetadataStore) -> None:
    typed(store)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(8):
                put_commit(store, f"{turn}")
                put_one(store, name=f"{number}/{turn}")
                store.get_artifacts()
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(store.get_executions()) == 8
    assert len(store.get_artifacts()) == 8 + 32
    assert store.verify() == []


def test_stores_with_projections_of_their_own_append_to_one_log_at_once(tmp_path: Path) -> None:
    log = MemoryRecordLog()
    stores = [MetadataStore(log, path) for path in (None, None, tmp_path / "a.sqlite", tmp_path / "b.sqlite")]

    def work(store: MetadataStore, number: int) -> None:
        typed(store)
        for turn in range(10):
            put_commit(store, f"{turn}")
            put_one(store, name=f"{number}/{turn}")

    threads = [threading.Thread(target=work, args=(store, number)) for number, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        assert len(store.get_executions()) == 10
        assert store.get_artifacts() == stores[0].get_artifacts()
        assert len(store.get_artifact_types()) == 1
        assert store.verify() == []
        store.close()


class FolderLog:
    """A record log of files, one an entry, each linked into place: what two processes share in a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def head(self) -> int:
        return max((int(item.name) for item in self.folder.iterdir() if item.name.isdigit()), default=0)

    def read(self, after: int) -> list[tuple[int, bytes]]:
        return [(seq, (self.folder / f"{seq:08d}").read_bytes()) for seq in range(after + 1, self.head() + 1)]

    def append(self, seq: int, body: bytes) -> bool:
        draft = self.folder / f"draft-{os.getpid()}-{threading.get_ident()}"
        draft.write_bytes(body)
        try:
            os.link(draft, self.folder / f"{seq:08d}")
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True


def write_in_process(folder: Path, path: Path, number: int) -> None:
    with MetadataStore(FolderLog(folder), path) as store:
        typed(store)
        for turn in range(10):
            put_commit(store, f"{turn}")
            put_one(store, name=f"{number}/{turn}")


@pytest.mark.parametrize("is_shared", [True, False], ids=["one file", "a file each"])
def test_processes_append_at_once_to_a_log_that_starts_empty(tmp_path: Path, is_shared: bool) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    paths = [tmp_path / ("m.sqlite" if is_shared else f"m{number}.sqlite") for number in range(3)]
    commands = [[sys.executable, __file__, str(folder), str(path), str(number)] for number, path in enumerate(paths)]
    processes = [subprocess.Popen(command, env=ENVIRONMENT) for command in commands]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    with MetadataStore(FolderLog(folder), paths[0]) as store:
        assert len(store.get_executions()) == 10
        assert len(store.get_artifacts()) == 10 + 30
        assert len(store.get_artifact_types()) == 1
        assert store.verify() == []


# --- The projection is rebuilt ---


def state_of(store: MetadataStore) -> str:
    return repr((store.get_artifact_types(), store.get_artifacts(), store.get_events_by_execution_ids([1, 2])))


def filled(log: MemoryRecordLog, path: Path) -> str:
    with MetadataStore(log, path) as store:
        typed(store)
        put_commit(store, "a")
        put_commit(store, "b", parent="a")
        return state_of(store)


def run_sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no SQLite file at all"),
        lambda path: path.write_bytes(path.read_bytes()[:20_000]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + os.urandom(len(path.read_bytes()) - 4096)),
        lambda path: run_sql(path, 'DROP TABLE "EventPath"'),
        lambda path: run_sql(path, "DROP TABLE lakebed_projection"),
        lambda path: run_sql(path, "DROP INDEX idx_event_execution_id"),
        lambda path: run_sql(path, 'UPDATE "MLMDEnv" SET schema_version = 9'),
        lambda path: run_sql(path, "UPDATE lakebed_projection SET version = 99"),
        lambda path: run_sql(path, "UPDATE lakebed_projection SET digest = 'other'"),
        lambda path: run_sql(path, "UPDATE lakebed_projection SET seq = 1000"),
        lambda path: run_sql(path, 'DELETE FROM "Artifact"', "UPDATE lakebed_projection SET seq = 0"),
        lambda path: run_sql(path, "PRAGMA application_id = 0"),
        lambda path: run_sql(path, 'ALTER TABLE "Artifact" RENAME COLUMN uri TO url'),
    ],
    ids=[
        "missing",
        "empty",
        "text",
        "cut",
        "noise",
        "table",
        "mark table",
        "index",
        "schema version",
        "projection version",
        "other log",
        "ahead",
        "mark behind",
        "foreign",
        "column",
    ],
)
def test_a_spoiled_projection_is_rebuilt_with_the_same_ids_and_times(tmp_path: Path, spoil: Any) -> None:
    log, path = MemoryRecordLog(), tmp_path / "m.sqlite"
    before = filled(log, path)
    spoil(path)
    with MetadataStore(log, path) as store:
        assert state_of(store) == before
        assert store.verify() == []
        put_commit(store, "c", parent="b")
        assert [found.id for found in store.get_executions()] == [1, 2, 3]


def test_a_foreign_database_is_set_aside_not_deleted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "m.sqlite"
    run_sql(path, "CREATE TABLE mine (a)", "INSERT INTO mine VALUES (7)")
    with caplog.at_level(logging.WARNING), MetadataStore(MemoryRecordLog(), path) as store:
        assert store.get_artifacts() == []
    assert "not made by Lakebed" in caplog.text
    with sqlite3.connect(f"{path}.damaged") as connection:
        assert connection.execute("SELECT a FROM mine").fetchall() == [(7,)]
    connection.close()


def test_damage_while_open_is_mended(tmp_path: Path) -> None:
    log, path = MemoryRecordLog(), tmp_path / "m.sqlite"
    before = filled(log, path)
    with MetadataStore(log, path) as store:
        assert state_of(store) == before
        run_sql(path, 'DROP TABLE "Event"')
        assert state_of(store) == before
        run_sql(path, 'DROP TABLE "ArtifactProperty"')
        put_one(store, properties={"n": 1})
        assert store.verify() == []


def test_verify_names_the_table_that_was_tampered_with(tmp_path: Path) -> None:
    log, path = MemoryRecordLog(), tmp_path / "m.sqlite"
    before = filled(log, path)
    run_sql(path, "UPDATE \"Artifact\" SET uri = 'other' WHERE id = 1")
    with MetadataStore(log, path) as store:
        assert store.verify() == ["Artifact"]
        store.rebuild()
        assert store.verify() == []
        assert state_of(store) == before


def test_a_record_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    for body, error in (
        (b"\x00", CorruptionError),
        (b'{"version":2}', FormatVersionError),
        (b'{"version":1,"writer":"","time":0,"groups":[{"operations":[{"op":"create_x"}]}]}', CorruptionError),
    ):
        log = MemoryRecordLog()
        log.append(1, body)
        with MetadataStore(log, tmp_path / "m.sqlite") as store, pytest.raises(error, match="record 1"):
            store.get_artifacts()


def test_a_log_that_contradicts_itself_is_an_error(tmp_path: Path) -> None:
    log = MemoryRecordLog()
    operation = Operation(Association(id=1, execution_id=1, context_id=1))
    body = encode_entry(Entry("0" * 32, 1, (OperationGroup((operation,)),)))
    log.append(1, body)
    log.append(2, body)
    with MetadataStore(log, tmp_path / "m.sqlite") as store, pytest.raises(CorruptionError, match="contradicts"):
        store.get_artifacts()


def test_a_path_that_cannot_be_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").mkdir()
    with (
        MetadataStore(MemoryRecordLog(), tmp_path / "m.sqlite") as store,
        pytest.raises(UnwritableError, match=r"m\.sqlite"),
    ):
        store.get_artifacts()


class RefusingLog(MemoryRecordLog):
    """Never takes an entry."""

    def append(self, seq: int, body: bytes) -> bool:
        return False


class FailingLog(MemoryRecordLog):
    """Takes an entry and then fails, as a store whose sync failed."""

    def append(self, seq: int, body: bytes) -> bool:
        super().append(seq, body)
        raise OSError("no sync")


def test_a_log_that_refuses_without_reason_is_an_error_not_an_endless_loop() -> None:
    with MetadataStore(RefusingLog()) as store, pytest.raises(StorageError, match="entry 1"):
        store.put_artifact_type("Model")


def test_an_entry_whose_append_failed_late_is_seen_when_it_is_there() -> None:
    with MetadataStore(FailingLog()) as store:
        with pytest.raises(OSError, match="no sync"):
            store.put_artifact_type("Model")
        assert store.get_artifact_type("Model").id == 10
        assert store.verify() == []


# --- The tables are ML Metadata's ---


def test_the_tables_are_those_of_ml_metadata_schema_10(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    filled(MemoryRecordLog(), path)
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    own = ["lakebed_projection", "lakebed_key"]
    assert [name for name in tables if name not in own and name != "sqlite_sequence"] == [
        "Type",
        "TypeProperty",
        "ParentType",
        "Artifact",
        "ArtifactProperty",
        "Execution",
        "ExecutionProperty",
        "Event",
        "EventPath",
        "MLMDEnv",
        "Context",
        "ContextProperty",
        "ParentContext",
        "Association",
        "Attribution",
    ]
    count = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name NOT LIKE 'lakebed%'"
    assert connection.execute(count).fetchone() == (40,)
    columns = [tuple(row[1:]) for row in connection.execute("PRAGMA table_info('Artifact')")]
    assert columns == [
        ("id", "INTEGER", 0, None, 1),
        ("type_id", "INT", 1, None, 0),
        ("uri", "TEXT", 0, None, 0),
        ("state", "INT", 0, None, 0),
        ("name", "VARCHAR(255)", 0, None, 0),
        ("external_id", "VARCHAR(255)", 0, None, 0),
        ("create_time_since_epoch", "INT", 1, "0", 0),
        ("last_update_time_since_epoch", "INT", 1, "0", 0),
    ]
    properties = [(row[1], row[2]) for row in connection.execute("PRAGMA table_info('ArtifactProperty')")]
    assert properties[2:] == [
        ("is_custom_property", "TINYINT(1)"),
        ("int_value", "INT"),
        ("double_value", "DOUBLE"),
        ("string_value", "TEXT"),
        ("byte_value", "BLOB"),
        ("proto_value", "BLOB"),
        ("bool_value", "BOOLEAN"),
    ]
    assert connection.execute('SELECT * FROM "MLMDEnv"').fetchall() == [(10,)]
    system = connection.execute('SELECT id, name, type_kind FROM "Type" WHERE id < 10').fetchall()
    assert (len(system), system[0], system[8]) == (9, (1, "mlmd.Dataset", 1), (9, "mlmd.Deploy", 0))
    assert connection.execute('SELECT uri FROM "Artifact" WHERE id = 1').fetchone() == ("",)
    connection.close()


def test_values_are_encoded_as_ml_metadata_does(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with MetadataStore(MemoryRecordLog(), path) as store:
        values = {"n": 2**40, "x": 1e-7, "s": "t", "b": True, "o": {"a": "b"}}
        put_one(typed(store), properties=values)
    connection = sqlite3.connect(path)
    statement = 'SELECT name, int_value, double_value, string_value, bool_value, byte_value FROM "ArtifactProperty"'
    rows = connection.execute(f"{statement} ORDER BY name").fetchall()
    connection.close()
    assert rows == [
        ("b", None, None, None, 1, None),
        ("n", 2**40, None, None, None, None),
        ("o", None, None, "mlmd-struct::CggKAWESAxoBYg==", None, None),
        ("s", None, None, "t", None, None),
        ("x", None, 1e-7, None, None, None),
    ]


def test_importing_the_model_loads_no_sqlalchemy() -> None:
    program = "import sys, lakebed.metadata.model, lakebed.metadata.records; sys.exit('sqlalchemy' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env=ENVIRONMENT)


if __name__ == "__main__":
    write_in_process(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
