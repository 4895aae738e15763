"""Parts of the lineage graph: from starting nodes along events, up to ending nodes or a number of hops.

Upstream goes from an artifact to the executions that made it and from an execution to what it read; downstream the
other way. One hop is one event. Neither the starting nodes nor the hops are cut: without `max_num_hops` the walk ends
where the graph does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from lakebed.metadata.messages import message_class
from lakebed.metadata.service.links import event_messages
from lakebed.metadata.service.listing import filter_conditions, list_ids, list_nodes
from lakebed.metadata.service.types import all_types, types_by_ids
from lakebed.metadata.sources.rows import ARTIFACT, CONTEXT, EXECUTION, NodeKind, read_nodes
from lakebed.metadata.sources.session import Row, Session
from lakebed.metadata.status import InvalidArgumentError, NotFoundError

LineageGraph = message_class("LineageGraph")
UPSTREAM, DOWNSTREAM = 1, 2
_OUTPUTS = frozenset({1, 4, 6, 7})
"""Event types by which an execution makes an artifact: declared, plain, internal and pending output."""
_INPUTS = frozenset({2, 3, 5})

PATHS = (
    "artifact_types",
    "execution_types",
    "context_types",
    "artifacts",
    "executions",
    "contexts",
    "events",
    "attributions",
    "associations",
)


@dataclass(slots=True)
class Walk:
    """What a walk found: ids in the order of their discovery, rows of events by id."""

    artifacts: dict[int, None] = field(default_factory=dict)
    executions: dict[int, None] = field(default_factory=dict)
    events: dict[int, Row] = field(default_factory=dict)


@dataclass(slots=True)
class Limits:
    """Where a walk ends."""

    hops: int | None
    direction: int
    ending_artifacts: set[int]
    ending_executions: set[int]
    include_artifacts: bool
    include_executions: bool


def walk(session: Session, options: Any) -> Walk:
    """Follow events from the starting nodes of a query."""
    if options.HasField("max_num_hops") and options.max_num_hops < 0:
        raise InvalidArgumentError(
            f"max_num_hops cannot be negative: max_num_hops = {options.max_num_hops}; leave it out for the whole graph",
        )
    which = options.WhichOneof("starting_nodes")
    if which is None:
        raise InvalidArgumentError(
            "Missing arguments for listing starting nodes. Set starting_artifacts or starting_executions",
        )
    kind = ARTIFACT if which == "starting_artifacts" else EXECUTION
    start = _start(session, kind, getattr(options, which).filter_query)
    limits = Limits(
        options.max_num_hops if options.HasField("max_num_hops") else None,
        options.direction,
        _ending(session, ARTIFACT, options.ending_artifacts.filter_query, is_set=options.HasField("ending_artifacts")),
        _ending(
            session, EXECUTION, options.ending_executions.filter_query, is_set=options.HasField("ending_executions")
        ),
        options.ending_artifacts.include_ending_nodes,
        options.ending_executions.include_ending_nodes,
    )
    return _follow(session, kind, start, limits)


def _start(session: Session, kind: NodeKind, query: str) -> list[int]:
    if not query:
        raise InvalidArgumentError(
            'Cannot list starting nodes if `filter_query` is unspecified. Give a filter, e.g. "id = 1"',
        )
    found = list_ids(session, kind, filter_conditions(session, kind, query))
    if not found:
        raise NotFoundError(
            f"Cannot find qualified nodes to start the traversal. No {kind.label} meets the filter {query!r}",
        )
    return found


def _ending(session: Session, kind: NodeKind, query: str, *, is_set: bool) -> set[int]:
    """Ids of the ending nodes: without a filter that is every one."""
    return set(list_ids(session, kind, filter_conditions(session, kind, query))) if is_set else set()


def _follow(session: Session, kind: NodeKind, start: Sequence[int], limits: Limits) -> Walk:
    found = Walk()
    frontier: dict[str, list[int]] = {ARTIFACT.label: [], EXECUTION.label: []} | {
        kind.label: _enter(found, kind, start, limits)
    }
    hops = 0
    while any(frontier.values()) and (limits.hops is None or hops < limits.hops):
        hops += 1
        executions = _step(session, found, ARTIFACT, frontier[ARTIFACT.label], limits)
        artifacts = _step(session, found, EXECUTION, frontier[EXECUTION.label], limits)
        frontier = {ARTIFACT.label: artifacts, EXECUTION.label: executions}
    return found


def _step(session: Session, found: Walk, kind: NodeKind, ids: Sequence[int], limits: Limits) -> list[int]:
    """Follow the events of nodes of one kind; return the nodes of the other kind to go on from."""
    if not ids:
        return []
    other = EXECUTION if kind is ARTIFACT else ARTIFACT
    position = 2 if kind is ARTIFACT else 1
    sql = "SELECT id, artifact_id, execution_id, type, milliseconds_since_epoch FROM Event"
    ending = limits.ending_executions if kind is ARTIFACT else limits.ending_artifacts
    included = limits.include_executions if kind is ARTIFACT else limits.include_artifacts
    wanted = _event_types(kind, limits.direction)
    rows = session.by_ids(sql, kind.owner, ids)
    rows.sort(key=itemgetter(0))
    if len(wanted) < len(_INPUTS | _OUTPUTS):
        rows = [row for row in rows if row[3] in wanted]
    if ending and not included:
        rows = [row for row in rows if row[position] not in ending]
    # An event that was met from its other end keeps its place.
    for row in rows:
        found.events.setdefault(row[0], row)
    reached = dict.fromkeys([row[position] for row in rows])
    return _enter(found, other, reached, limits)


def _event_types(kind: NodeKind, direction: int) -> frozenset[int]:
    if direction == UPSTREAM:
        return _OUTPUTS if kind is ARTIFACT else _INPUTS
    if direction == DOWNSTREAM:
        return _INPUTS if kind is ARTIFACT else _OUTPUTS
    return _INPUTS | _OUTPUTS


def _enter(found: Walk, kind: NodeKind, ids: Iterable[int], limits: Limits) -> list[int]:
    """Add nodes; return those that are new and no ending ones."""
    known = found.artifacts if kind is ARTIFACT else found.executions
    ending = limits.ending_artifacts if kind is ARTIFACT else limits.ending_executions
    included = limits.include_artifacts if kind is ARTIFACT else limits.include_executions
    onward = []
    for node_id in ids:
        if node_id in known or (node_id in ending and not included):
            continue
        known[node_id] = None
        if node_id not in ending:
            onward.append(node_id)
    return onward


def skeleton(session: Session, found: Walk, paths: frozenset[str]) -> Any:
    """The graph as the RPC gives it: nodes with their ids only, and every type of the store."""
    graph = LineageGraph()
    links = _Links(session, found, paths)
    for name, kind, ids in (
        ("artifacts", ARTIFACT, sorted(found.artifacts)),
        ("executions", EXECUTION, sorted(found.executions)),
        ("contexts", CONTEXT, links.contexts),
    ):
        if name in paths:
            getattr(graph, name).extend(kind.message(id=node_id) for node_id in ids)
        types = f"{kind.label}_types"
        if types in paths:
            getattr(graph, types).extend(all_types(session, kind, with_system=True))
    links.fill(graph)
    return graph


def whole_graph(session: Session, found: Walk, paths: frozenset[str], type_names: dict[int, str]) -> Any:
    """The graph as the Python client gives it: whole nodes, and the types that they have."""
    graph = LineageGraph()
    links = _Links(session, found, paths)
    for name, kind, ids in (
        ("artifacts", ARTIFACT, sorted(found.artifacts)),
        ("executions", EXECUTION, sorted(found.executions)),
        ("contexts", CONTEXT, links.contexts),
    ):
        types = f"{kind.label}_types"
        if not paths & {name, types}:
            continue
        empty = getattr(graph, name).add if name in paths else None
        nodes = read_nodes(session, kind, ids, type_names, empty) if ids else {}
        if types in paths:
            type_ids = sorted({node.type_id for node in nodes.values()})
            getattr(graph, types).extend(types_by_ids(session, kind, type_ids))
    links.fill(graph)
    return graph


class _Links:
    """Events of a walk, and the contexts that its nodes lie in."""

    def __init__(self, session: Session, found: Walk, paths: frozenset[str]) -> None:
        self._session = session
        self._found = found
        self._paths = paths
        self._pairs: dict[str, list[Row]] = {"Attribution": [], "Association": []}
        needs_contexts = bool(paths & {"contexts", "context_types"})
        for table, kind, ids, path in (
            ("Attribution", ARTIFACT, found.artifacts, "attributions"),
            ("Association", EXECUTION, found.executions, "associations"),
        ):
            if needs_contexts or path in paths:
                sql = f"SELECT id, context_id, {kind.owner} FROM {table}"
                self._pairs[table] = _pairs_of(session, sql, table, kind.owner, sorted(ids))
        self.contexts = sorted({row[1] for rows in self._pairs.values() for row in rows})

    def fill(self, graph: Any) -> None:
        """Add events, attributions and associations."""
        if "events" in self._paths:
            event_messages(self._session, list(self._found.events.values()), graph.events.add)
        if "attributions" in self._paths:
            for _, context_id, artifact_id in self._pairs["Attribution"]:
                graph.attributions.add(artifact_id=artifact_id, context_id=context_id)
        if "associations" in self._paths:
            for _, context_id, execution_id in self._pairs["Association"]:
                graph.associations.add(execution_id=execution_id, context_id=context_id)


def _pairs_of(session: Session, sql: str, table: str, owner: str, ids: Sequence[int]) -> list[Row]:
    """Pairs of some nodes. The tables have an index by context only, so each context is asked for its nodes."""
    if not ids:
        return []
    contexts = [row[0] for row in session.rows(f"SELECT DISTINCT context_id FROM {table}")]
    if not contexts:
        return []
    if len(contexts) * 20 > len(ids):
        return sorted(session.by_ids(sql, owner, ids))
    condition, params = session.ids_condition(owner, ids)
    rows = [
        row
        for context_id in contexts
        for row in session.rows(f"{sql} WHERE context_id = ? AND {condition}", (context_id, *params))
    ]
    return sorted(rows)


DEFAULT_MAX_NODES = 20


def deprecated_graph(session: Session, options: Any, type_names: dict[int, str]) -> Any:
    """The graph of the deprecated method: from listed artifacts both ways, at most `max_node_size` nodes."""
    if options.WhichOneof("query_nodes") is None:
        raise InvalidArgumentError(
            "Missing arguments for listing starting nodes. Set artifacts_options, or use GetLineageSubgraph"
        )
    stop = options.stop_conditions
    if stop.HasField("max_num_hops") and stop.max_num_hops < 0:
        raise InvalidArgumentError(f"max_num_hops cannot be negative: max_num_hops = {stop.max_num_hops}")
    if options.max_node_size <= 0:
        raise InvalidArgumentError(f"max_node_size must be positive: max_node_size = {options.max_node_size}")
    nodes, _ = list_nodes(session, ARTIFACT, options.artifacts_options, type_names)
    if not nodes:
        raise NotFoundError("The query_nodes condition does not match any nodes to do traversal.")
    limits = Limits(
        stop.max_num_hops if stop.HasField("max_num_hops") else None,
        0,
        _ending(session, ARTIFACT, stop.boundary_artifacts, is_set=bool(stop.boundary_artifacts)),
        _ending(session, EXECUTION, stop.boundary_executions, is_set=bool(stop.boundary_executions)),
        include_artifacts=False,
        include_executions=False,
    )
    found = _follow(session, ARTIFACT, [node.id for node in nodes], limits)
    return whole_graph(session, _cut(found, options.max_node_size), frozenset(PATHS), type_names)


def _cut(found: Walk, size: int) -> Walk:
    """The first nodes in the order of their discovery, and the events between them."""
    artifacts = dict.fromkeys(list(found.artifacts)[:size])
    executions = dict.fromkeys(list(found.executions)[: max(size - len(artifacts), 0)])
    events = {key: row for key, row in found.events.items() if row[1] in artifacts and row[2] in executions}
    return Walk(artifacts, executions, events)
