"""Bulk import and export of artifacts, executions and contexts as Arrow tables.

A table has one row a node. Its columns: `id`, `type` (name) or `type_id`, `type_version`, `name`, `external_id`, `uri`
and `state` of artifacts, `last_known_state` of executions, the two times, and for each property a column
`properties.<name>.<kind>_value` or `custom_properties.<name>.<kind>_value`, as in filter queries; kinds are int,
double, string, bool, struct (JSON text) and proto (a serialised `Any`). An import also takes `properties.<name>`,
whose kind follows from the Arrow type. A null is a property, name or state that is not set. On import `id` and the
times are ignored: all nodes are new.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakebed.metadata.messages import message_class
from lakebed.metadata.service.nodes import TypeCache
from lakebed.metadata.sources.columns import (
    ARROW_TYPES,
    IGNORED,
    MEMBERS,
    ColumnNodes,
    PropertyColumn,
    check_values,
    property_columns,
    state_numbers,
    to_stream,
    write_rows,
    write_stream,
)
from lakebed.metadata.sources.deferred import DeferredSession
from lakebed.metadata.sources.journal import JournalSession
from lakebed.metadata.sources.rows import ARTIFACT, CONTEXT, NodeKind, read_nodes
from lakebed.metadata.sources.session import DuplicateError, Session
from lakebed.metadata.status import AlreadyExistsError, InvalidArgumentError, NotFoundError

_PLAIN = ("int_value", "double_value", "string_value", "bool_value")
Value = message_class("Value")


def import_nodes(kind: NodeKind, data: Any) -> Callable[[Session], range | list[int]]:
    """Prepare to create nodes from a table, all or none.

    Args:
        kind: What the rows are.
        data: A `pyarrow.Table`, or whatever has the Arrow stream protocol, e.g. a Polars frame.

    Returns:
        What does it, given a session: it gives the ids of the new nodes in the order of the rows. It raises
        `InvalidArgumentError` where a column does not fit or a name is missing, `NotFoundError` for an unknown type,
        `AlreadyExistsError` for a name or external id that is taken.

    Raises:
        InvalidArgumentError: A column is unknown or of a type that does not fit.
    """
    table = _plain_types(kind, pa.table(data))
    properties = property_columns(kind, table)
    check_values(table, properties)
    return lambda session: _import(session, kind, table, properties)


def _import(
    session: Session, kind: NodeKind, table: pa.Table, properties: Sequence[PropertyColumn]
) -> range | list[int]:
    table = _with_type_ids(session, kind, table)
    _check_properties(session, kind, table, properties)
    if kind is CONTEXT and (
        "name" not in table.column_names or pc.any(pc.equal(pc.fill_null(table["name"], ""), "")).as_py()
    ):
        raise InvalidArgumentError("a context of the table has no name; give each a name")
    if table.num_rows == 0:
        return []
    try:
        return _write(session, kind, table)
    except DuplicateError as error:
        raise AlreadyExistsError(f"Given node already exists: {kind.label}s of the table: {error}") from error


def _write(session: Session, kind: NodeKind, table: pa.Table) -> range | list[int]:
    if isinstance(session, JournalSession):
        stream = to_stream(table)
        if session.is_open:
            first = session.last_id(kind.table) + 1
            write_stream(session.plain(), kind, first, stream, session.time)
        else:
            first = session.keep(kind, ColumnNodes(kind, table), _keys(kind, table))
        session.changes.add_columns(kind, first, stream)
        return range(first, first + table.num_rows)
    if isinstance(session, DeferredSession):
        session.open()
    return write_rows(session, kind, table, session.time)


def _keys(kind: NodeKind, table: pa.Table) -> list[tuple[str, int, str]]:
    """What of names and external ids the rows take."""
    keys: list[tuple[str, int, str]] = []
    for column in ("name", "external_id"):
        if column in table.column_names:
            given = table.filter(pc.is_valid(table[column]))
            type_ids = given["type_id"].to_pylist() if column == "name" else [0] * given.num_rows
            labels = [kind.label] * given.num_rows
            keys += zip(labels, type_ids, given[column].to_pylist(), strict=True)
    return keys


def _with_type_ids(session: Session, kind: NodeKind, table: pa.Table) -> pa.Table:
    """The table with a column `type_id` instead of names of types, and without what is ignored."""
    if "type_id" not in table.column_names:
        if "type" not in table.column_names:
            raise InvalidArgumentError("the table has neither a column type_id nor a column type; add one of them")
        versions = (
            table["type_version"].to_pylist() if "type_version" in table.column_names else [None] * table.num_rows
        )
        pairs = list(zip(table["type"].to_pylist(), versions, strict=True))
        ids = {pair: _type_id(session, kind, *pair) for pair in set(pairs)}
        table = table.append_column("type_id", pa.array([ids[pair] for pair in pairs], pa.int64()))
    drop = [name for name in ("type", "type_version", *IGNORED) if name in table.column_names]
    return table.drop_columns(drop)


def _type_id(session: Session, kind: NodeKind, name: str | None, version: str | None) -> int:
    condition, params = ("version = ?", (version,)) if version else ("version IS NULL", ())
    rows = session.rows(
        f"SELECT id FROM Type WHERE name = ? AND type_kind = ? AND {condition} ORDER BY id",
        (name, kind.type_kind, *params),
    )
    if not rows:
        raise NotFoundError(f"no {kind.label} type is called {name!r} with version {version!r}; put the type first")
    return int(rows[0][0])


def _check_properties(session: Session, kind: NodeKind, table: pa.Table, properties: Iterable[PropertyColumn]) -> None:
    if table["type_id"].null_count:
        raise InvalidArgumentError("Type id is missing. A row of the table has no type_id")
    types = TypeCache(session)
    type_ids = pc.unique(table["type_id"]).to_pylist()
    types.load(kind, type_ids)
    for type_id in type_ids:
        declared = types.newest(kind, type_id)
        rows = table.filter(pc.equal(table["type_id"], type_id)) if len(type_ids) > 1 else table
        for item in properties:
            if (
                not item.is_custom
                and rows[item.column].null_count < rows.num_rows
                and declared.get(item.name) != item.field
            ):
                raise InvalidArgumentError(
                    f"Cannot validate properties of type_id: {type_id}: {item.column} holds {item.field}, the "
                    f"type declares "
                    f"{declared.get(item.name, 'no property of that name')}",
                )


_TEXTS = ("name", "external_id", "uri", "type", "type_version")


def _plain_types(kind: NodeKind, table: pa.Table) -> pa.Table:
    """The table with one Arrow type for each kind of column, so that a reader needs no other."""
    wanted = {name: pa.large_string() for name in _TEXTS if name in table.column_names}
    if kind.state in table.column_names:
        numbers = pa.array(state_numbers(kind, table[kind.state]), pa.int64())
        table = table.set_column(table.column_names.index(kind.state), kind.state, numbers)
    if "type_id" in table.column_names:
        wanted["type_id"] = pa.int64()
    wanted |= {item.column: ARROW_TYPES[item.field] for item in property_columns(kind, table)}
    for name, arrow_type in wanted.items():
        try:
            column = table[name].cast(arrow_type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidArgumentError(f"the column {name!r} cannot be read as {arrow_type}: {error}") from error
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def export_nodes(session: Session, kind: NodeKind, ids: Sequence[int] | None = None) -> pa.Table:
    """All nodes of a kind, or those of some ids, as a table by ascending id.

    Args:
        session: Open.
        kind: Which.
        ids: Of the nodes; None for all.

    Returns:
        The table, with a column for each property and kind of value that occurs.
    """
    nodes = list(read_nodes(session, kind, ids, {}).values()) if ids is None or ids else []
    columns: dict[str, Any] = {
        "id": pa.array([node.id for node in nodes], pa.int64()),
        "type_id": pa.array([node.type_id for node in nodes], pa.int64()),
        "type": pa.array([node.type for node in nodes], pa.large_string()),
        "name": _optional(nodes, "name"),
        "external_id": _optional(nodes, "external_id"),
    }
    if kind is ARTIFACT:
        columns["uri"] = _optional(nodes, "uri")
    if kind.state is not None:
        states = kind.message.DESCRIPTOR.enum_types_by_name["State"].values_by_number
        values = [states[getattr(node, kind.state)].name if node.HasField(kind.state) else None for node in nodes]
        columns[kind.state] = pa.array(values, pa.large_string())
    for name in ("create_time_since_epoch", "last_update_time_since_epoch"):
        columns[name] = pa.array([getattr(node, name) for node in nodes], pa.int64())
    return pa.table(columns | _export_properties(nodes))


def _optional(nodes: Sequence[Any], name: str) -> Any:
    return pa.array([getattr(node, name) if node.HasField(name) else None for node in nodes], pa.large_string())


def _export_properties(nodes: Sequence[Any]) -> dict[str, Any]:
    found: dict[tuple[str, str, str], list[Any]] = {}
    for position, node in enumerate(nodes):
        for member in MEMBERS:
            values = getattr(node, member)
            for name in values:
                field = values[name].WhichOneof("value")
                if field is not None:
                    column = found.setdefault((member, name, field), [None] * len(nodes))
                    column[position] = _exported(values[name], field)
    return {
        f"{member}.{name}.{field}": pa.array(found[member, name, field], ARROW_TYPES[field])
        for member, name, field in sorted(found)
    }


def _exported(value: Any, field: str) -> Any:
    if field in _PLAIN:
        return getattr(value, field)
    if field == "proto_value":
        return value.proto_value.SerializeToString(deterministic=True)
    from google.protobuf import json_format

    return json.dumps(json_format.MessageToDict(value.struct_value), sort_keys=True)
