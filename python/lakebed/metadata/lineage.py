"""Walks over recorded events: what something was made from, and what was made from it.

Data flow from an artifact to the executions that read it, and from an execution to the artifacts that it made;
declared, internal and pending events count like the plain ones. A walk only reads, visits every node once (so cycles
end), and gives plain values in an order that depends on the records alone. Nothing is cut silently: without `max_hops`
it goes to the end, and a graph says whether `max_hops` stopped it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lakebed.errors import InvalidArgumentError, RecordNotFoundError
from lakebed.metadata.model import Artifact, Event, EventType, Execution, Properties
from lakebed.metadata.reader import MetadataReader
from lakebed.metadata.values import encode_value
from lakebed.report.dag import DagEdge, DagNode
from lakebed.report.svg import dag_to_svg
from lakebed.report.tree import tree_text

Start: TypeAlias = Artifact | Execution | Sequence[Artifact | Execution]
"""Where a walk begins: stored artifacts or executions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageNode:
    """An artifact or execution within a lineage graph.

    Args:
        key: `artifact:<id>` or `execution:<id>`.
        kind: `artifact` or `execution`.
        id: Id in the store.
        type: Name of its type.
        name: Its name, or None.
        uri: Of an artifact, empty where it has none.
        state: Name of its state, or None.
        properties: Those that its type declares.
        custom_properties: The others.
        create_time_since_epoch: Milliseconds, UTC.
        last_update_time_since_epoch: Milliseconds, UTC.

    Example:
        >>> LineageNode(key="execution:1", kind="execution", id=1, type="train").label
        'train #1'
    """

    key: str
    kind: str
    id: int
    type: str
    name: str | None = None
    uri: str = ""
    state: str | None = None
    properties: Properties = field(default_factory=dict)
    custom_properties: Properties = field(default_factory=dict)
    create_time_since_epoch: int = 0
    last_update_time_since_epoch: int = 0

    @property
    def label(self) -> str:
        """What a reader knows it by: its name, the last part of its uri, or its type and id.

        Example:
            >>> LineageNode(key="artifact:1", kind="artifact", id=1, type="Model", uri="models/m.bin").label
            'm.bin'
        """
        return self.name or self.uri.rstrip("/").rpartition("/")[2] or f"{self.type} #{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEdge:
    """Data flowed from one node to another.

    Args:
        source: Key of the node they came from.
        target: Key of the node they went to.
        type: Name of the event's type.
        path: Place among the inputs or outputs of the execution.
        milliseconds_since_epoch: When, UTC.

    Example:
        >>> LineageEdge(source="artifact:1", target="execution:1", type="INPUT").type
        'INPUT'
    """

    source: str
    target: str
    type: str
    path: tuple[str | int, ...] = ()
    milliseconds_since_epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageGraph:
    """What a walk found.

    Args:
        direction: `upstream` or `downstream`.
        roots: Keys of the nodes it began at, in the order given.
        nodes: By the number of hops from the roots, then artifacts before executions, then by id.
        edges: Along the flow of data, by the id of their event; both ends are in `nodes`.
        is_complete: False where `max_hops` left something out.

    Example:
        >>> LineageGraph(direction="upstream", roots=(), nodes=(), edges=(), is_complete=True).tree()
        ''
    """

    direction: str
    roots: tuple[str, ...]
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    is_complete: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as JSON can hold it.

        Returns:
            `direction`, `roots`, `nodes`, `edges`, `is_complete`; numbers that JSON has not (inf, nan) as texts.

        Example:
            >>> graph = LineageGraph(direction="upstream", roots=(), nodes=(), edges=(), is_complete=True)
            >>> graph.to_dict()["nodes"]
            []
        """
        return {
            "direction": self.direction,
            "roots": list(self.roots),
            "nodes": [_node_dict(node) for node in self.nodes],
            "edges": [_edge_dict(edge) for edge in self.edges],
            "is_complete": self.is_complete,
        }

    def tree(self) -> str:
        """Return the graph as an indented text that begins at the roots.

        Returns:
            One line for each node; a node that was shown before is only named again.

        Example:
            >>> node = LineageNode(key="execution:1", kind="execution", id=1, type="train")
            >>> graph = LineageGraph(
            ...     direction="upstream", roots=(node.key,), nodes=(node,), edges=(), is_complete=True
            ... )
            >>> graph.tree()
            'train #1'
        """
        labels = {node.key: _tree_label(node) for node in self.nodes}
        return tree_text(self.roots, self.children(), labels)

    def children(self) -> dict[str, list[str]]:
        """Return the next nodes of each node, in the direction of the walk.

        Returns:
            Keys by key, in the order of the edges, each once; nodes without next ones are left out.

        Example:
            >>> edge = LineageEdge(source="artifact:1", target="execution:1", type="INPUT")
            >>> LineageGraph(direction="upstream", roots=(), nodes=(), edges=(edge,), is_complete=True).children()
            {'execution:1': ['artifact:1']}
        """
        next_of: dict[str, dict[str, None]] = defaultdict(dict)
        for edge in self.edges:
            near, far = (edge.target, edge.source) if self.direction == "upstream" else (edge.source, edge.target)
            next_of[near][far] = None
        return {key: list(found) for key, found in next_of.items()}

    def to_svg(self, title: str = "") -> str:
        """Draw the graph.

        Args:
            title: Stands above it; none where empty.

        Returns:
            A self-contained SVG document.

        Example:
            >>> LineageGraph(direction="upstream", roots=(), nodes=(), edges=(), is_complete=True).to_svg()[:4]
            '<svg'
        """
        nodes = [
            DagNode(
                key=node.key,
                label=node.label,
                detail=node.type if node.label != f"{node.type} #{node.id}" else node.state or "",
                shape="box" if node.kind == "execution" else "document",
                group="execution" if node.kind == "execution" else node.type,
                tooltip=_tooltip(node),
                is_marked=node.key in self.roots,
            )
            for node in self.nodes
        ]
        edges = dict.fromkeys((edge.source, edge.target) for edge in self.edges)
        return dag_to_svg(nodes, [DagEdge(source, target) for source, target in edges], title=title)


def upstream(store: MetadataReader, start: Start, max_hops: int | None = None) -> LineageGraph:
    """Find what something was made from: the executions that made it, what they read, and so on.

    Args:
        store: Where the events are recorded.
        start: A stored artifact or execution, or several; only their ids count.
        max_hops: Edges to follow at most; None follows all.

    Returns:
        The graph, which holds the starting nodes even where nothing was found.

    Raises:
        RecordNotFoundError: A starting node is not stored.
        InvalidArgumentError: A starting node has no id, or `max_hops` is negative.

    Example:
        >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
        >>> store = MetadataStore(MemoryRecordLog())
        >>> model = (Artifact(type="mlmd.Model", name="m"), Event(type=EventType.OUTPUT))
        >>> data = (Artifact(type="mlmd.Dataset", name="d"), Event(type=EventType.INPUT))
        >>> _ = store.put_execution(Execution(type="mlmd.Train"), [model, data])
        >>> print(upstream(store, store.get_artifacts_by_type("mlmd.Model")).tree())
        m (mlmd.Model)
        └── mlmd.Train #1
            └── d (mlmd.Dataset)
    """
    return _walk(store, start, max_hops, "upstream")


def downstream(store: MetadataReader, start: Start, max_hops: int | None = None) -> LineageGraph:
    """Find what was made from something: the executions that read it, what they made, and so on.

    Args:
        store: Where the events are recorded.
        start: A stored artifact or execution, or several; only their ids count.
        max_hops: Edges to follow at most; None follows all.

    Returns:
        The graph, which holds the starting nodes even where nothing was found.

    Raises:
        RecordNotFoundError: A starting node is not stored.
        InvalidArgumentError: A starting node has no id, or `max_hops` is negative.

    Example:
        >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
        >>> store = MetadataStore(MemoryRecordLog())
        >>> _ = store.put_artifacts([Artifact(type="mlmd.Model", name="m")])
        >>> print(downstream(store, store.get_artifacts()).tree())
        m (mlmd.Model)
    """
    return _walk(store, start, max_hops, "downstream")


@dataclass(slots=True)
class _Walk:
    """Nodes by the hop that reached them, and the edges that were followed."""

    hops: dict[str, int]
    edges: dict[int, LineageEdge] = field(default_factory=dict)


def _walk(store: MetadataReader, start: Start, max_hops: int | None, direction: str) -> LineageGraph:
    if max_hops is not None and max_hops < 0:
        raise InvalidArgumentError(f"max_hops is {max_hops}; give 0 or more, or None for no limit")
    starts = [start] if isinstance(start, (Artifact, Execution)) else list(start)
    roots = tuple(dict.fromkeys(_key_of_start(node) for node in starts))
    _check_stored(store, roots)
    walk = _Walk(dict.fromkeys(roots, 0))
    frontier = set(roots)
    hop = 0
    is_complete = True
    while frontier:
        edges = _edges_from(store, frontier, direction)
        hop += 1
        if max_hops is not None and hop > max_hops:
            known = walk.hops.keys()
            inner = {key: edge for key, edge in edges.items() if edge.source in known and edge.target in known}
            walk.edges.update(inner)
            is_complete = len(inner) == len(edges)
            break
        walk.edges.update(edges)
        frontier = {key for edge in edges.values() for key in (edge.source, edge.target)} - walk.hops.keys()
        walk.hops.update(dict.fromkeys(frontier, hop))
    return LineageGraph(
        direction=direction,
        roots=roots,
        nodes=_nodes(store, walk.hops),
        edges=tuple(walk.edges[event_id] for event_id in sorted(walk.edges)),
        is_complete=is_complete,
    )


def _key_of_start(node: Artifact | Execution) -> str:
    if not isinstance(node, (Artifact, Execution)):
        raise InvalidArgumentError(f"lineage begins at artifacts or executions, not at {type(node).__name__}")
    if node.id is None:
        raise InvalidArgumentError(f"lineage begins at stored nodes, {node!r} has no id; put it or get it first")
    return f"{'artifact' if isinstance(node, Artifact) else 'execution'}:{node.id}"


def _ids(keys: Iterable[str], kind: str) -> list[int]:
    return [int(number) for found, _, number in (key.partition(":") for key in keys) if found == kind]


def _check_stored(store: MetadataReader, roots: Sequence[str]) -> None:
    found = {f"artifact:{node.id}" for node in store.get_artifacts_by_id(_ids(roots, "artifact"))}
    found |= {f"execution:{node.id}" for node in store.get_executions_by_id(_ids(roots, "execution"))}
    for root in roots:
        if root not in found:
            kind, _, number = root.partition(":")
            raise RecordNotFoundError(f"no {kind} has the id {number} in this store; get the node from it first")


def _edges_from(store: MetadataReader, frontier: Iterable[str], direction: str) -> dict[int, LineageEdge]:
    """The edges one hop from the frontier, by the id of their event."""
    is_up = direction == "upstream"
    at_artifacts = store.get_events_by_artifact_ids(_ids(frontier, "artifact"))
    at_executions = store.get_events_by_execution_ids(_ids(frontier, "execution"))
    events = [event for event in at_artifacts if (event.type.is_output if is_up else event.type.is_input)]
    events += [event for event in at_executions if (event.type.is_input if is_up else event.type.is_output)]
    return {event.id or 0: _edge(event) for event in events}


def _edge(event: Event) -> LineageEdge:
    ends = (f"artifact:{event.artifact_id}", f"execution:{event.execution_id}")
    source, target = reversed(ends) if event.type.is_output else ends
    return LineageEdge(
        source=source,
        target=target,
        type=EventType(event.type).name,
        path=event.path,
        milliseconds_since_epoch=event.milliseconds_since_epoch,
    )


def _nodes(store: MetadataReader, hops: dict[str, int]) -> tuple[LineageNode, ...]:
    nodes = [_node(artifact) for artifact in store.get_artifacts_by_id(_ids(hops, "artifact"))]
    nodes += [_node(execution) for execution in store.get_executions_by_id(_ids(hops, "execution"))]
    return tuple(sorted(nodes, key=lambda node: (hops[node.key], node.kind, node.id)))


def _node(found: Artifact | Execution) -> LineageNode:
    state = found.state if isinstance(found, Artifact) else found.last_known_state
    return LineageNode(
        key=_key_of_start(found),
        kind="artifact" if isinstance(found, Artifact) else "execution",
        id=found.id or 0,
        type=found.type,
        name=found.name,
        uri=found.uri if isinstance(found, Artifact) else "",
        state=None if state is None else state.name,
        properties=found.properties,
        custom_properties=found.custom_properties,
        create_time_since_epoch=found.create_time_since_epoch or 0,
        last_update_time_since_epoch=found.last_update_time_since_epoch or 0,
    )


def _tree_label(node: LineageNode) -> str:
    own = f"{node.type} #{node.id}"
    return own if node.label == own else f"{node.label} ({node.type})"


def _tooltip(node: LineageNode) -> str:
    lines = [f"{node.kind} {node.id}: {node.label}", f"type: {node.type}"]
    lines += [f"{name}: {value}" for name, value in (("state", node.state), ("uri", node.uri)) if value]
    lines += [f"{name} = {value}" for name, value in {**node.custom_properties, **node.properties}.items()]
    return "\n".join(lines)


def _node_dict(node: LineageNode) -> dict[str, Any]:
    plain = {name: getattr(node, name) for name in ("key", "kind", "id", "type", "name", "uri", "state")}
    for name in ("properties", "custom_properties"):
        plain[name] = {key: _json(value) for key, value in getattr(node, name).items()}
    plain["create_time_since_epoch"] = node.create_time_since_epoch
    plain["last_update_time_since_epoch"] = node.last_update_time_since_epoch
    return plain


def _edge_dict(edge: LineageEdge) -> dict[str, Any]:
    return {
        "source": edge.source,
        "target": edge.target,
        "type": edge.type,
        "path": list(edge.path),
        "milliseconds_since_epoch": edge.milliseconds_since_epoch,
    }


def _json(value: Any) -> Any:
    """JSON has no inf and nan, and no messages: those become texts and lists."""
    if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):  # noqa: PLR0124
        return str(value)
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return encode_value(value) if hasattr(value, "type_url") else value
