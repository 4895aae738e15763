"""Walks over recorded events."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET

import pytest

from lakebed.errors import InvalidArgumentError, RecordNotFoundError
from lakebed.metadata import (
    Artifact,
    Event,
    EventType,
    Execution,
    LineageGraph,
    MemoryRecordLog,
    MetadataStore,
    downstream,
    upstream,
)


@pytest.fixture
def store() -> MetadataStore:
    opened = MetadataStore(MemoryRecordLog())
    for name in ("File", "Table", "Model"):
        opened.put_artifact_type(name)
    for name in ("import", "train"):
        opened.put_execution_type(name)
    return opened


def run(store: MetadataStore, of_type: str, inputs: list[str], outputs: list[str]) -> None:
    """Record an execution; names are `Type/name`."""
    with store.batch() as batch:
        group = batch.group()
        execution = group.put_execution(Execution(type=of_type))
        for names, event_type in ((inputs, EventType.INPUT), (outputs, EventType.OUTPUT)):
            for found in names:
                of_artifact, _, name = found.partition("/")
                artifact = group.put_artifact(Artifact(type=of_artifact, name=name), reuse_by="name")
                group.put_event(Event(type=event_type, artifact_id=artifact, execution_id=execution))


def named(store: MetadataStore, name: str) -> Artifact:
    return next(found for found in store.get_artifacts() if found.name == name)


@pytest.fixture
def history(store: MetadataStore) -> MetadataStore:
    run(store, "import", ["File/a.csv"], ["Table/a"])
    run(store, "import", ["File/b.csv"], ["Table/b"])
    run(store, "train", ["Table/a", "Table/b"], ["Model/m"])
    run(store, "train", ["Table/b"], ["Model/n"])
    return store


def keys(graph: LineageGraph) -> list[str]:
    return [node.key for node in graph.nodes]


def test_upstream_finds_all_that_something_was_made_from_nearest_first(history: MetadataStore) -> None:
    graph = upstream(history, named(history, "m"))
    assert [node.label for node in graph.nodes] == [
        "m",
        "train #3",
        "a",
        "b",
        "import #1",
        "import #2",
        "a.csv",
        "b.csv",
    ]
    assert len(graph.edges) == 7
    assert graph.roots == ("artifact:5",)
    assert graph.is_complete


def test_downstream_finds_all_that_was_made_from_something(history: MetadataStore) -> None:
    graph = downstream(history, named(history, "b.csv"))
    assert [node.label for node in graph.nodes] == ["b.csv", "import #2", "b", "train #3", "train #4", "m", "n"]
    assert all(edge.type in {"INPUT", "OUTPUT"} for edge in graph.edges)


def test_a_walk_from_an_execution_and_from_several_nodes(history: MetadataStore) -> None:
    training = history.get_executions()[2]
    assert keys(upstream(history, training, max_hops=1)) == ["execution:3", "artifact:2", "artifact:4"]
    both = upstream(history, [named(history, "m"), named(history, "n"), training])
    assert both.roots == ("artifact:5", "artifact:6", "execution:3")
    assert len(both.nodes) == 10


def test_max_hops_stops_the_walk_and_says_so(history: MetadataStore) -> None:
    model = named(history, "m")
    assert keys(upstream(history, model, max_hops=0)) == ["artifact:5"]
    assert not upstream(history, model, max_hops=0).is_complete
    assert len(upstream(history, model, max_hops=2).nodes) == 4
    assert upstream(history, model, max_hops=4).is_complete
    ends = {key for edge in upstream(history, model, max_hops=2).edges for key in (edge.source, edge.target)}
    assert ends <= set(keys(upstream(history, model, max_hops=2)))


def test_a_cycle_ends(store: MetadataStore) -> None:
    run(store, "train", ["Table/x"], ["Table/y"])
    run(store, "train", ["Table/y"], ["Table/x"])
    run(store, "train", ["Table/x"], ["Table/x"])
    for walk in (upstream, downstream):
        graph = walk(store, named(store, "x"))
        assert len(graph.nodes) == 5
        assert len(graph.edges) == 6
        assert "(shown above)" in graph.tree()
        ET.fromstring(graph.to_svg("cycle"))


def test_every_kind_of_event_is_followed_the_way_data_flow(store: MetadataStore) -> None:
    store.put_artifacts([Artifact(type="Table", name=event_type.name) for event_type in EventType if event_type])
    store.put_executions([Execution(type="train")])
    store.put_events(
        [Event(type=event_type, artifact_id=int(event_type), execution_id=1) for event_type in EventType if event_type],
    )
    execution = store.get_executions()[0]
    inputs = {node.label for node in upstream(store, execution).nodes[1:]}
    outputs = {node.label for node in downstream(store, execution).nodes[1:]}
    assert inputs == {"DECLARED_INPUT", "INPUT", "INTERNAL_INPUT"}
    assert outputs == {"DECLARED_OUTPUT", "OUTPUT", "INTERNAL_OUTPUT", "PENDING_OUTPUT"}


def test_a_long_history_is_walked_to_its_end(store: MetadataStore) -> None:
    with store.batch() as batch:
        group = batch.group()
        artifact = group.put_artifact(Artifact(type="Table", name="t0"))
        for step in range(1, 400):
            execution = group.put_execution(Execution(type="train"))
            group.put_event(Event(type=EventType.INPUT, artifact_id=artifact, execution_id=execution))
            artifact = group.put_artifact(Artifact(type="Table", name=f"t{step}"))
            group.put_event(Event(type=EventType.OUTPUT, artifact_id=artifact, execution_id=execution))
    graph = upstream(store, named(store, "t399"))
    assert len(graph.nodes) == 799
    assert graph.tree().count("\n") == 798


def test_the_tree_begins_at_the_root_and_names_each_node_once(history: MetadataStore) -> None:
    run(history, "train", ["Model/m", "Model/n"], ["Model/both"])
    assert upstream(history, named(history, "both")).tree().splitlines() == [
        "both (Model)",
        "└── train #5",
        "    ├── m (Model)",
        "    │   └── train #3",
        "    │       ├── a (Table)",
        "    │       │   └── import #1",
        "    │       │       └── a.csv (File)",
        "    │       └── b (Table)",
        "    │           └── import #2",
        "    │               └── b.csv (File)",
        "    └── n (Model)",
        "        └── train #4",
        "            └── b (Table) (shown above)",
    ]


def test_the_dict_is_json_even_with_numbers_that_json_has_not(store: MetadataStore) -> None:
    artifact = Artifact(type="Model", name="m", custom_properties={"x": math.nan, "o": {"a": [math.inf]}})
    store.put_execution(Execution(type="train"), [(artifact, Event(type=EventType.OUTPUT, path=("model", 0)))])
    text = json.dumps(upstream(store, named(store, "m")).to_dict(), allow_nan=False)
    graph = json.loads(text)
    assert graph["nodes"][0]["custom_properties"] == {"o": {"a": ["inf"]}, "x": "nan"}
    assert graph["edges"][0]["source"] == "execution:1"
    assert graph["edges"][0]["path"] == ["model", 0]


def test_the_svg_shows_every_node_and_edge(history: MetadataStore) -> None:
    root = ET.fromstring(upstream(history, named(history, "m")).to_svg("A model"))
    groups = [element.get("class") or "" for element in root.iter("{http://www.w3.org/2000/svg}g")]
    assert sum(name.startswith("node") for name in groups) == 8
    assert groups.count("edge") == 7


def test_a_start_that_is_not_stored_is_an_error(history: MetadataStore) -> None:
    with pytest.raises(InvalidArgumentError, match="has no id"):
        upstream(history, Artifact(type="Model"))
    with pytest.raises(RecordNotFoundError, match="no execution has the id 99"):
        downstream(history, Execution(type="train", id=99))
    with pytest.raises(InvalidArgumentError, match="max_hops"):
        upstream(history, named(history, "m"), max_hops=-1)
