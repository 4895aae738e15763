"""Whatever is put, tables built from the log are those that the puts left, in every table."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lakebed.errors import LakebedError
from lakebed.metadata import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventType,
    Execution,
    MemoryRecordLog,
    MetadataStore,
    ParentContext,
)

NAMES = ("a", "b", "c")
names = st.sampled_from(NAMES)
node_ids = st.integers(1, 6)
property_values = st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3) | st.just({"k": [1.0, None]})
custom = st.dictionaries(names, property_values, max_size=2)
optional_names = st.none() | names
optional_ids = st.none() | node_ids


@st.composite
def puts(draw: st.DrawFn) -> tuple[str, Any]:
    """One call: the name of a method of the store and its arguments."""
    kind = draw(
        st.sampled_from(["type", "artifact", "execution", "context", "event", "link", "parent", "run", "batch"])
    )
    if kind == "type":
        kinds = st.sampled_from([int, float, str, bool, dict])
        return kind, (draw(names), draw(st.dictionaries(names, kinds, max_size=2)), draw(optional_names))
    if kind == "artifact":
        states = st.none() | st.sampled_from(ArtifactState)
        return kind, [
            Artifact(
                type=draw(names),
                id=draw(optional_ids),
                name=draw(optional_names),
                uri=draw(st.text(max_size=2)),
                state=draw(states),
                external_id=draw(optional_names),
                custom_properties=draw(custom),
            )
            for _ in range(draw(st.integers(1, 3)))
        ]
    if kind == "execution":
        return kind, Execution(
            type="a", id=draw(optional_ids), name=draw(optional_names), custom_properties=draw(custom)
        )
    if kind == "context":
        return kind, Context(type="a", id=draw(optional_ids), name=draw(names), custom_properties=draw(custom))
    if kind == "event":
        path = draw(st.lists(names | st.integers(0, 3), max_size=3))
        event_type = draw(st.sampled_from(EventType))
        return kind, Event(type=event_type, artifact_id=draw(node_ids), execution_id=draw(node_ids), path=tuple(path))
    if kind in {"link", "parent"}:
        return kind, (draw(node_ids), draw(node_ids))
    if kind == "run":
        return kind, (draw(names), draw(optional_ids), draw(names))
    return kind, (draw(optional_names), draw(names), draw(names))


def put(store: MetadataStore, kind: str, arguments: Any) -> None:
    if kind == "type":
        name, properties, version = arguments
        store.put_artifact_type(name, properties, version, can_add_fields=True, can_omit_fields=True)
    elif kind == "artifact":
        store.put_artifacts(arguments)
    elif kind == "execution":
        store.put_executions([arguments])
    elif kind == "context":
        store.put_contexts([arguments])
    elif kind == "event":
        store.put_events([arguments])
    elif kind == "link":
        member, context = arguments
        attribution = Attribution(artifact_id=member, context_id=context)
        association = Association(execution_id=member, context_id=context)
        store.put_attributions_and_associations([attribution], [association])
    elif kind == "parent":
        store.put_parent_contexts([ParentContext(child_id=arguments[0], parent_id=arguments[1])])
    elif kind == "run":
        put_run(store, *arguments)
    else:
        put_batch(store, *arguments)


def put_run(store: MetadataStore, artifact: str, stored: int | None, context: str) -> None:
    pairs: list[Any] = [(Artifact(type=artifact, custom_properties={"n": 1}), Event(type=EventType.OUTPUT))]
    if stored is not None:
        pairs.append((None, Event(type=EventType.INPUT, artifact_id=stored)))
    contexts = [Context(type="a", name=context)]
    store.put_execution(Execution(type="a"), pairs, contexts, reuse_context_if_already_exist=True)


def put_batch(store: MetadataStore, key: str | None, made: str, read: str) -> None:
    with store.batch() as batch:
        for number in range(2):
            group = batch.group(key=None if key is None else f"{key}{number}", time=number)
            run = group.put_execution(Execution(type="a"))
            output = group.put_artifact(Artifact(type="a", name=made), reuse_by="name")
            group.put_event(Event(type=EventType.OUTPUT, artifact_id=output, execution_id=run))
            source = group.put_artifact(Artifact(type="a", name=read), reuse_by="name")
            group.put_event(Event(type=EventType.INPUT, artifact_id=source, execution_id=run))


@given(st.lists(puts(), max_size=12))
def test_tables_built_from_the_log_are_those_that_the_puts_left(calls: list[tuple[str, Any]]) -> None:
    log = MemoryRecordLog()
    with MetadataStore(log) as store, MetadataStore(log) as other:
        store.put_artifact_type("a")
        store.put_execution_type("a")
        store.put_context_type("a")
        for number, (kind, arguments) in enumerate(calls):
            head = log.head()
            try:
                # Two stores take turns, so that each replays what the other one put.
                put(store if number % 3 else other, kind, arguments)
            except LakebedError:
                assert log.head() == head, "a refused put must leave nothing behind"
            assert log.head() <= head + 1
        assert store.verify() == []
        assert other.verify() == []
        before = (store.get_artifacts(), store.get_executions(), store.get_contexts())
        store.rebuild()
        assert repr((store.get_artifacts(), store.get_executions(), store.get_contexts())) == repr(before)
