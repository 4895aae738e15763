"""How artifacts, executions and contexts are put: created, replaced as a whole, or found.

The rules are ML Metadata's: names are unique within a type and never change, external ids within a kind of node; an
update replaces everything else, so what is left out is gone; the time of the last update moves only when something
changed; times that a caller gives are ignored. Properties must be declared by the type and of the declared kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from lakebed.errors import InvalidArgumentError, RecordExistsError
from lakebed.metadata.backends.queries import chunks, fetch_nodes_by_ids
from lakebed.metadata.backends.tables import NODE_TABLES, NodeTables
from lakebed.metadata.batch import PutNode
from lakebed.metadata.model import AnyType, Artifact, ArtifactState, Context, Execution, ExecutionState, Node
from lakebed.metadata.plan.state import PlanState, nearest
from lakebed.metadata.records import Operation
from lakebed.metadata.values import check_text, normalize_properties, same_properties, type_of


def plan_nodes(state: PlanState, puts: Sequence[PutNode]) -> list[Operation]:
    """Return what has to be written for nodes of one kind.

    Args:
        state: Their handles are bound to the ids.
        puts: The wishes, all for nodes of the same class.

    Returns:
        Operations in the order of the wishes; none for a node that is found or that does not change.

    Raises:
        InvalidArgumentError: A node breaks a rule by itself, or its id is unknown.
        RecordExistsError: A name or external id is taken.
        RecordNotFoundError: Its type is unknown.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     plan_nodes(PlanState(connection, time=7), [PutNode(-1, Artifact(type="mlmd.Model"))])[0].record.id
        1
    """
    tables = NODE_TABLES[type(puts[0].node)]
    wanted = [_Wanted.of(state, put, tables) for put in puts]
    known = _Known.of(state, wanted, tables)
    operations = (_plan_node(state, item, known, tables) for item in wanted)
    return [operation for operation in operations if operation is not None]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A wish whose own content is checked; `id` is the stored node that it replaces."""

    put: PutNode
    node: Node
    id: int | None
    type: AnyType | None

    @classmethod
    def of(cls, state: PlanState, put: PutNode, tables: NodeTables) -> _Wanted:
        label = _label(put.node, tables)
        node_id = None if put.node.id is None else state.resolve(put.node.id, tables.label)
        node = _plain_node(put.node, label)
        # An update may leave the type out: the stored one is meant.
        is_typed = node_id is None or node.type_id is not None or bool(node.type)
        return cls(put, node, node_id, state.type_of(node, tables.kind, tables.label) if is_typed else None)


@dataclass(slots=True)
class _Known:
    """What the tables hold of that which the wishes touch; kept in step while planning."""

    nodes: dict[int, Node] = field(default_factory=dict)
    names: dict[tuple[int, str], int] = field(default_factory=dict)
    external_ids: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, state: PlanState, wanted: Iterable[_Wanted], tables: NodeTables) -> _Known:
        known = cls()
        columns = tables.nodes.c
        ids = {item.id for item in wanted if item.id is not None}
        known.nodes = {_id(node): node for node in fetch_nodes_by_ids(state.connection, tables.node_class, ids)}
        names: dict[int, set[str]] = {}
        for item in wanted:
            if item.id is None and item.node.name is not None and item.type is not None:
                names.setdefault(_id(item.type), set()).add(item.node.name)
        for type_id, of_type in names.items():
            for chunk in chunks(of_type):
                query = select(columns.name, columns.id).where((columns.type_id == type_id) & columns.name.in_(chunk))
                known.names.update({(type_id, name): found for name, found in state.connection.execute(query)})
        for chunk in chunks(item.node.external_id for item in wanted if item.node.external_id is not None):
            query = select(columns.external_id, columns.id).where(columns.external_id.in_(chunk))
            known.external_ids.update((name, found) for name, found in state.connection.execute(query))
        return known

    def add(self, node: Node) -> None:
        self.nodes[_id(node)] = node
        if node.name is not None and node.type_id is not None:
            self.names[node.type_id, node.name] = _id(node)
        if node.external_id is not None:
            self.external_ids[node.external_id] = _id(node)

    def drop(self, node: Node) -> None:
        if node.external_id is not None:
            self.external_ids.pop(node.external_id, None)


def _plan_node(state: PlanState, wanted: _Wanted, known: _Known, tables: NodeTables) -> Operation | None:
    if wanted.id is not None:
        return _plan_update(state, wanted, wanted.id, known)
    found = _found(wanted, known, tables)
    if found is not None:
        state.bind(wanted.put.handle, found)
        return None
    of_type = wanted.type or state.type_of(wanted.node, tables.kind, tables.label)
    node = replace(
        wanted.node,
        id=state.new_id(tables.nodes.name),
        type_id=of_type.id,
        create_time_since_epoch=state.time,
        last_update_time_since_epoch=state.time,
    )
    _check_properties(node, of_type, tables)
    _check_free(node, known, tables)
    known.add(node)
    state.bind(wanted.put.handle, _id(node))
    return Operation(node)


def _plan_update(state: PlanState, wanted: _Wanted, node_id: int, known: _Known) -> Operation | None:
    tables = NODE_TABLES[type(wanted.node)]
    stored = known.nodes.get(node_id)
    label = f"{tables.label} {node_id}"
    if stored is None:
        raise InvalidArgumentError(f"{label} is to be updated but does not exist; leave the id out to create one")
    if wanted.type is not None and wanted.type.id != stored.type_id:
        raise InvalidArgumentError(
            f"{label} is of type {stored.type!r}, the update names {wanted.type.name!r}; a node keeps its type",
        )
    kept = ("id", "type", "type_id", "name", "create_time_since_epoch", "last_update_time_since_epoch")
    changes: dict[str, Any] = {name: getattr(stored, name) for name in kept}
    node = replace(wanted.node, **changes)
    state.bind(wanted.put.handle, node_id)
    _check_properties(node, wanted.type or state.type_of(node, tables.kind, tables.label), tables)
    if _is_same(node, stored, tables) and not wanted.put.force_update_time:
        return None
    known.drop(stored)
    _check_free(node, known, tables)
    node = replace(node, last_update_time_since_epoch=state.time)
    known.add(node)
    return Operation(node, is_update=True)


def _found(wanted: _Wanted, known: _Known, tables: NodeTables) -> int | None:
    if wanted.put.reuse_by is None:
        return None
    value = wanted.node.name if wanted.put.reuse_by == "name" else wanted.node.external_id
    if value is None:
        raise InvalidArgumentError(
            f"{_label(wanted.node, tables)} is to be reused by {wanted.put.reuse_by} but has none; set it",
        )
    if wanted.put.reuse_by == "external_id":
        return known.external_ids.get(value)
    return None if wanted.type is None else known.names.get((_id(wanted.type), value))


def _plain_node(node: Node, label: str) -> Node:
    """Check a node by itself and bring it into the one form that is compared and stored."""
    changes: dict[str, Any] = {
        "properties": normalize_properties(node.properties, label),
        "custom_properties": normalize_properties(node.custom_properties, label),
    }
    texts = [("name", node.name), ("external_id", node.external_id)]
    if isinstance(node, Artifact):
        texts.append(("uri", node.uri))
        changes["state"] = _state(ArtifactState, node.state, label)
    elif isinstance(node, Execution):
        changes["last_known_state"] = _state(ExecutionState, node.last_known_state, label)
    elif not node.name:
        raise InvalidArgumentError(f"a context of type {node.type or node.type_id!r} was put without name; name it")
    for name, value in texts:
        if value is not None and not isinstance(value, str):
            raise InvalidArgumentError(f"{label}: {name} is of type {type(value).__name__}; give a text")
        check_text(value or "", f"{label}: {name}")
    return replace(node, **changes)


def _state(states: type[ArtifactState | ExecutionState], value: int | None, label: str) -> int | None:
    try:
        return None if value is None else states(value)
    except ValueError as error:
        known = ", ".join(state.name for state in states)
        raise InvalidArgumentError(f"{label}: the state {value!r} is unknown; use one of {known}") from error


def _check_properties(node: Node, of_type: AnyType, tables: NodeTables) -> None:
    for name, value in node.properties.items():
        declared = of_type.properties.get(name)
        if declared is None:
            raise InvalidArgumentError(
                f"{_label(node, tables)}: its type {of_type.name!r} declares no property {name!r}; "
                f"{nearest(name, of_type.properties)}declare it in the type or put it into custom_properties",
            )
        if type_of(value) != declared:
            raise InvalidArgumentError(
                f"{_label(node, tables)}: property {name!r} is {type_of(value).name}, its type {of_type.name!r} "
                f"declares {declared.name}; convert the value {value!r}",
            )


def _check_free(node: Node, known: _Known, tables: NodeTables) -> None:
    if node.name is not None and node.type_id is not None:
        other = known.names.get((node.type_id, node.name), node.id)
        if other != node.id:
            raise RecordExistsError(f"{_label(node, tables)} exists (id {other}); choose another name or update it")
    if node.external_id is not None:
        other = known.external_ids.get(node.external_id, node.id)
        if other != node.id:
            raise RecordExistsError(
                f"{_label(node, tables)}: the external id {node.external_id!r} belongs to {tables.label} {other}; "
                "choose another one or update that one",
            )


def _is_same(node: Node, stored: Node, tables: NodeTables) -> bool:
    return (
        all(getattr(node, name) == getattr(stored, name) for name in tables.columns)
        and same_properties(node.properties, stored.properties)
        and same_properties(node.custom_properties, stored.custom_properties)
    )


def _label(node: Node, tables: NodeTables) -> str:
    of_type = f" of type {node.type!r}" if node.type else ""
    if isinstance(node, Context) or node.name is not None:
        return f"{tables.label} {node.name!r}{of_type}"
    return f"{tables.label}{'' if node.id is None else f' {node.id}'}{of_type}"


def _id(record: Node | AnyType) -> int:
    if record.id is None:
        raise InvalidArgumentError(f"{record!r} has no id")
    return record.id
