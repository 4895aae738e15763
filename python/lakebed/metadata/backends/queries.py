"""Rows read back as values of the model. Every function takes a connection in a transaction, returns plain values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, literal_column, select, true

from lakebed.metadata.backends.rows import VALUE_COLUMNS, value_of
from lakebed.metadata.backends.tables import (
    NODE_TABLES,
    NodeTables,
    event_path_table,
    event_table,
    parent_type_table,
    type_property_table,
    type_table,
)
from lakebed.metadata.model import (
    SYSTEM_TYPES,
    AnyType,
    Artifact,
    ArtifactState,
    ArtifactType,
    ContextType,
    Event,
    EventType,
    Execution,
    ExecutionState,
    ExecutionType,
    Node,
    Properties,
    PropertyType,
    TypeKind,
)

CHUNK = 500
"""Ids that one statement names: old versions of SQLite take at most 999 parameters."""

N = TypeVar("N", bound=Node)
V = TypeVar("V", int, str)

TYPE_CLASSES: dict[TypeKind, type[AnyType]] = {
    TypeKind.ARTIFACT: ArtifactType,
    TypeKind.EXECUTION: ExecutionType,
    TypeKind.CONTEXT: ContextType,
}


def chunks(values: Iterable[V]) -> Iterator[list[V]]:
    """Cut distinct values into lists that one statement can name.

    Args:
        values: Any order; repeated ones count once.

    Yields:
        Ascending lists of at most `CHUNK` values.

    Example:
        >>> list(chunks([3, 1, 3]))
        [[1, 3]]
    """
    distinct = sorted(set(values))
    for start in range(0, len(distinct), CHUNK):
        yield distinct[start : start + CHUNK]


def fetch_nodes(connection: Connection, node_class: type[N], condition: ColumnElement[bool] | None = None) -> list[N]:
    """Return the nodes of a kind that meet a condition.

    Args:
        connection: In a transaction.
        node_class: Artifact, Execution or Context.
        condition: On the columns of their table; None takes all.

    Returns:
        The nodes by ascending id.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).read() as connection:
        ...     fetch_nodes(connection, Artifact)
        []
    """
    tables = NODE_TABLES[node_class]
    where = true() if condition is None else condition
    nodes = tables.nodes
    names = [*tables.columns, "id", "type_id", "create_time_since_epoch", "last_update_time_since_epoch"]
    statement = (
        select(*(nodes.c[name] for name in names), type_table.c.name.label("type"))
        .join(type_table, type_table.c.id == nodes.c.type_id)
        .where(where)
        .order_by(nodes.c.id)
    )
    rows = connection.execute(statement).fetchall()
    properties = _fetch_properties(connection, tables, where) if rows else {}
    empty: tuple[Properties, Properties] = ({}, {})
    return [_node(node_class, names, row, properties.get(row[len(tables.columns)], empty)) for row in rows]


def fetch_nodes_by_ids(connection: Connection, node_class: type[N], ids: Iterable[int]) -> list[N]:
    """Return the nodes of a kind with the given ids.

    Args:
        connection: In a transaction.
        node_class: Artifact, Execution or Context.
        ids: Any order; repeated ones count once.

    Returns:
        The nodes by ascending id; missing ones are left out.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).read() as connection:
        ...     fetch_nodes_by_ids(connection, Artifact, [1])
        []
    """
    column = NODE_TABLES[node_class].nodes.c.id
    return [node for chunk in chunks(ids) for node in fetch_nodes(connection, node_class, column.in_(chunk))]


def fetch_types(
    connection: Connection,
    kind: TypeKind,
    *,
    ids: Iterable[int] | None = None,
    name: str | None = None,
) -> list[AnyType]:
    """Return types of a kind, ML Metadata's own ones included.

    Args:
        connection: In a transaction.
        kind: What they describe.
        ids: Only those; None takes all.
        name: Only those of that name, of any version; None takes all.

    Returns:
        The types by ascending id.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).read() as connection:
        ...     [found.name for found in fetch_types(connection, TypeKind.ARTIFACT)][0]
        'mlmd.Dataset'
    """
    if name is not None:
        rows = connection.execute(_TYPES_BY_NAME, {"kind": int(kind), "name": name}).fetchall()
    elif ids is not None:
        parts = [connection.execute(_TYPES_BY_ID, {"kind": int(kind), "ids": chunk}) for chunk in chunks(ids)]
        rows = [row for part in parts for row in part]
    else:
        rows = connection.execute(_TYPES, {"kind": int(kind)}).fetchall()
    properties: dict[int, dict[str, PropertyType]] = defaultdict(dict)
    bases: dict[int, str] = {}
    for chunk in chunks(row.id for row in rows):
        for type_id, property_name, data_type in connection.execute(_TYPE_PROPERTIES, {"ids": chunk}):
            properties[type_id][property_name] = PropertyType(data_type)
        for type_id, parent_id in connection.execute(_PARENT_TYPES, {"ids": chunk}):
            bases[type_id] = _SYSTEM_NAMES[parent_id]
    return [_type(kind, row, properties[row.id], bases.get(row.id)) for row in rows]


def fetch_type(connection: Connection, kind: TypeKind, name: str, version: str | None = None) -> AnyType | None:
    """Return the type of that name and version.

    Args:
        connection: In a transaction.
        kind: What it describes.
        name: Its name.
        version: None or "" for no version.

    Returns:
        The type, or None.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).read() as connection:
        ...     fetch_type(connection, TypeKind.EXECUTION, "mlmd.Train").id
        5
    """
    found = fetch_types(connection, kind, name=name)
    return next((item for item in found if item.version == (version or None)), None)


def fetch_events(connection: Connection, condition: ColumnElement[bool]) -> list[Event]:
    """Return the events that meet a condition, with their paths.

    Args:
        connection: In a transaction.
        condition: On the columns of the table `Event`.

    Returns:
        The events by ascending id.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).read() as connection:
        ...     fetch_events(connection, event_table.c.artifact_id == 1)
        []
    """
    rows = connection.execute(select(event_table).where(condition).order_by(event_table.c.id)).fetchall()
    if not rows:
        return []
    ids = select(event_table.c.id).where(condition)
    steps = select(event_path_table).where(event_path_table.c.event_id.in_(ids))
    paths: dict[int, list[str | int]] = defaultdict(list)
    for event_id, is_index, step_index, step_key in connection.execute(steps.order_by(_ROWID)):
        paths[event_id].append(step_index if is_index else step_key)
    return [
        Event(
            id=event_id,
            artifact_id=artifact_id,
            execution_id=execution_id,
            type=EventType(event_type),
            milliseconds_since_epoch=milliseconds,
            path=tuple(paths.get(event_id, ())),
        )
        for event_id, artifact_id, execution_id, event_type, milliseconds in rows
    ]


_SYSTEM_NAMES = {type_id: name for type_id, name, _ in SYSTEM_TYPES}
# Made once: SQLAlchemy takes longer to build such a statement than SQLite to run it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_TYPES = select(type_table).where(type_table.c.type_kind == bindparam("kind")).order_by(type_table.c.id)
_TYPES_BY_ID = _TYPES.where(type_table.c.id.in_(_IDS))
_TYPES_BY_NAME = _TYPES.where(type_table.c.name == bindparam("name"))
_TYPE_PROPERTIES = (
    select(type_property_table).where(type_property_table.c.type_id.in_(_IDS)).order_by(type_property_table.c.name)
)
_PARENT_TYPES = select(parent_type_table).where(parent_type_table.c.type_id.in_(_IDS))
_ROWID: ColumnElement[int] = literal_column('"EventPath".rowid')
_STATES: dict[type[Any], tuple[str, type[ArtifactState | ExecutionState]]] = {
    Artifact: ("state", ArtifactState),
    Execution: ("last_known_state", ExecutionState),
}


def _node(node_class: type[N], names: Sequence[str], row: Any, properties: tuple[Properties, Properties]) -> N:
    members: dict[str, Any] = dict(zip((*names, "type"), row, strict=True))
    members["properties"], members["custom_properties"] = properties
    if node_class in _STATES:
        name, states = _STATES[node_class]
        members[name] = None if members[name] is None else states(members[name])
    return node_class(**members)


def _fetch_properties(
    connection: Connection,
    tables: NodeTables,
    condition: ColumnElement[bool],
) -> dict[int, tuple[Properties, Properties]]:
    """Properties and custom properties by the id of their node, in the order of their names."""
    table = tables.properties
    owner = table.c[tables.owner]
    columns = (owner, table.c.is_custom_property, table.c.name, *(table.c[name] for name in VALUE_COLUMNS))
    ids = select(tables.nodes.c.id).where(condition)
    statement: Select[Any] = select(*columns).order_by(owner, table.c.name)
    if condition is not true():
        statement = statement.where(owner.in_(ids))
    found: dict[int, tuple[Any, Any]] = {}
    for node_id, is_custom, name, *values in connection.execute(statement):
        found.setdefault(node_id, ({}, {}))[1 if is_custom else 0][name] = value_of(values)
    return found


def _type(kind: TypeKind, row: Any, properties: dict[str, PropertyType], base_type: str | None) -> AnyType:
    names = ["id", "name", "version", "description", "external_id"]
    if kind is TypeKind.EXECUTION:
        names += ["input_type", "output_type"]
    members = {name: getattr(row, name) for name in names}
    return TYPE_CLASSES[kind](**members, properties=properties, base_type=base_type)
