"""Messages as rows and rows as messages: artifacts, executions and contexts with their properties.

The encodings are ML Metadata's. Where its columns cannot hold a value exactly, `byte_value` (which it neither reads nor
writes) says what is meant: the eight bytes of a double that is NaN, infinite or -0.0; `s` where a text only looks like
a struct; `text-utf8:` and the text itself where PostgreSQL cannot hold its NUL.
"""

from __future__ import annotations

import base64
import math
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakebed.metadata.messages import message_class
from lakebed.metadata.sources.session import Row, Session, dense_range
from lakebed.metadata.status import InternalError, InvalidArgumentError

STRUCT_PREFIX = "mlmd-struct::"
INT64_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class NodeKind:
    """Artifact, execution or context: names of messages, tables and columns."""

    label: str
    type_kind: int
    table: str
    state: str | None
    has_uri: bool
    columns: tuple[str, ...]
    message: Any = field(repr=False)
    type_message: Any = field(repr=False)

    @property
    def properties(self) -> str:
        """Name of the table of its properties."""
        return f"{self.table}Property"

    @property
    def owner(self) -> str:
        """Name of the column of that table that refers to the node."""
        return f"{self.label}_id"


_TIMES = ("create_time_since_epoch", "last_update_time_since_epoch")
ARTIFACT = NodeKind(
    "artifact",
    1,
    "Artifact",
    "state",
    True,
    ("type_id", "uri", "state", "name", "external_id", *_TIMES),
    message_class("Artifact"),
    message_class("ArtifactType"),
)
EXECUTION = NodeKind(
    "execution",
    0,
    "Execution",
    "last_known_state",
    False,
    ("type_id", "last_known_state", "name", "external_id", *_TIMES),
    message_class("Execution"),
    message_class("ExecutionType"),
)
CONTEXT = NodeKind(
    "context",
    2,
    "Context",
    None,
    False,
    ("type_id", "name", "external_id", *_TIMES),
    message_class("Context"),
    message_class("ContextType"),
)
KINDS = (ARTIFACT, EXECUTION, CONTEXT)

_DOUBLE_BYTES = 8
_PLAIN_TEXT = b"s"
_WHOLE_TEXT = b"text-utf8:"
_FULL = ("int_value", "double_value", "string_value", "byte_value", "proto_value", "bool_value")


class RowSession(Session):
    """A session that writes nodes as rows of the tables."""

    def create_nodes(self, kind: NodeKind, nodes: Sequence[Any]) -> list[int]:
        """Write new artifacts, executions or contexts that were checked; return their ids."""
        ids = self.insert_new(kind.table, kind.columns, [node_row(kind, node, self.time) for node in nodes])
        write_properties(self, kind, zip(ids, nodes, strict=True))
        return ids


def node_row(kind: NodeKind, node: Any, time: int) -> Row:
    """The row of a new node, in the order of `kind.columns`."""
    has = node.HasField
    name = node.name if has("name") else None
    external_id = node.external_id if has("external_id") else None
    if kind is ARTIFACT:
        state = node.state if has("state") else None
        return (node.type_id, node.uri, state, name, external_id, time, time)
    if kind is EXECUTION:
        state = node.last_known_state if has("last_known_state") else None
        return (node.type_id, state, name, external_id, time, time)
    return (node.type_id, node.name, external_id, time, time)


def write_properties(session: Session, kind: NodeKind, nodes: Iterable[tuple[int, Any]]) -> None:
    """Write the properties of new nodes, given with their ids."""
    rows: dict[str, list[Row]] = {"int_value": [], "double_value": [], "string_value": []}
    rest: list[Row] = []
    for owner, node in nodes:
        for is_custom, values in ((False, node.properties), (True, node.custom_properties)):
            for name in values:
                _add_property(session.dialect, (owner, name, is_custom), values[name], rows, rest)
    _insert_properties(session, kind, rows, rest)


def write_values(session: Session, kind: NodeKind, values: Iterable[tuple[int, str, bool, Any]]) -> None:
    """Write single properties: id of the node, name, whether it is custom, `Value`."""
    rows: dict[str, list[Row]] = {"int_value": [], "double_value": [], "string_value": []}
    rest: list[Row] = []
    for owner, name, is_custom, value in values:
        _add_property(session.dialect, (owner, name, is_custom), value, rows, rest)
    _insert_properties(session, kind, rows, rest)


def _add_property(
    dialect: str, key: tuple[int, str, bool], value: Any, rows: dict[str, list[Row]], rest: list[Row]
) -> None:
    which = value.WhichOneof("value")
    if which == "int_value":
        rows[which].append((*key, value.int_value))
        return
    if which == "string_value":
        text = value.string_value
        if not text.startswith(STRUCT_PREFIX) and (dialect != "postgresql" or "\0" not in text):
            rows[which].append((*key, text))
            return
    elif which == "double_value":
        number = value.double_value
        if number != 0 and math.isfinite(number):
            rows[which].append((*key, number))
            return
    rest.append((*key, *_columns_of(dialect, which, value)))


def _insert_properties(session: Session, kind: NodeKind, rows: dict[str, list[Row]], rest: list[Row]) -> None:
    key = (kind.owner, "name", "is_custom_property")
    for column, some in rows.items():
        if some:
            session.insert(kind.properties, (*key, column), some)
    if rest:
        session.insert(kind.properties, (*key, *_FULL), rest)


def _columns_of(dialect: str, which: str | None, value: Any) -> Row:
    """Any value in the order of `_FULL`, however unusual."""
    if which == "bool_value":
        return (None, None, None, None, None, value.bool_value)
    if which == "double_value":
        return _double_columns(dialect, value.double_value)
    if which == "string_value":
        return _text_columns(dialect, value.string_value)
    if which == "struct_value":
        encoded = base64.b64encode(value.struct_value.SerializeToString(deterministic=True)).decode()
        return (None, None, STRUCT_PREFIX + encoded, None, None, None)
    if which == "proto_value":
        exact = value.proto_value.SerializeToString(deterministic=True)
        # PostgreSQL's column holds the bytes themselves, those of the others base64.
        stored = exact if dialect == "postgresql" else base64.b64encode(exact).decode()
        return (None, None, None, None, stored, None)
    if which == "int_value":
        return (value.int_value, None, None, None, None, None)
    raise InvalidArgumentError("a property has a Value in which nothing is set; set one of its fields or leave it out")


def _double_columns(dialect: str, number: float) -> Row:
    exact = struct.pack(">d", number)
    if math.isnan(number):
        return (None, None, "NaN", exact, None, None)
    if math.isinf(number):
        # SQLite and PostgreSQL keep it as a number; MySQL cannot, so the greatest one stands in for comparisons.
        if dialect == "mysql":
            return (None, math.copysign(sys.float_info.max, number), None, exact, None, None)
        return (None, number, None, None, None, None)
    marker = exact if math.copysign(1, number) < 0 and number == 0 else None
    return (None, number, None, marker, None, None)


def _text_columns(dialect: str, text: str) -> Row:
    if dialect == "postgresql" and "\0" in text:
        return (None, None, text.partition("\0")[0], _WHOLE_TEXT + text.encode(), None, None)
    return (None, None, text, _PLAIN_TEXT, None, None)


def set_value(value: Any, columns: Sequence[Any]) -> None:
    """Fill a `Value` from the columns of a row, in the order of `_FULL`."""
    int_value, double_value, string_value, byte_value, proto_value, bool_value = columns
    if byte_value is not None:
        _set_marked(value, bytes(byte_value), string_value)
    elif string_value is not None:
        if string_value.startswith(STRUCT_PREFIX):
            _parse_into(value.struct_value, string_value[len(STRUCT_PREFIX) :])
        else:
            value.string_value = string_value
    elif int_value is not None:
        value.int_value = int_value
    elif double_value is not None:
        value.double_value = double_value
    elif bool_value is not None:
        value.bool_value = bool(bool_value)
    elif proto_value is not None:
        _parse_into(value.proto_value, proto_value if isinstance(proto_value, str) else bytes(proto_value))


def _set_marked(value: Any, marker: bytes, text: str | None) -> None:
    if len(marker) == _DOUBLE_BYTES:
        value.double_value = struct.unpack(">d", marker)[0]
    elif marker.startswith(_WHOLE_TEXT):
        value.string_value = marker[len(_WHOLE_TEXT) :].decode()
    else:
        value.string_value = text or ""


def _parse_into(message: Any, encoded: str | bytes) -> None:
    try:
        message.SetInParent()
        # Base64 of an `Any` begins with a letter, its own bytes begin with the tag of one of its two fields.
        is_raw = isinstance(encoded, bytes) and encoded[:1] in {b"\n", b"\x12", b""}
        message.MergeFromString(encoded if is_raw else base64.b64decode(encoded))
    except Exception as error:
        raise InternalError(f"a stored {message.DESCRIPTOR.name} is damaged ({error}); put the node again") from error


def read_nodes(
    session: Session,
    kind: NodeKind,
    ids: Sequence[int] | None,
    type_names: dict[int, str],
    empty: Callable[[], Any] | None = None,
) -> dict[int, Any]:
    """Read nodes with their properties.

    Args:
        session: Open.
        kind: Which.
        ids: Of the nodes; None reads all.
        type_names: Of types met before; completed here.
        empty: Gives the messages to fill, e.g. `graph.artifacts.add`; None for messages of their own.

    Returns:
        Messages by id, ascending; what is not there is left out.
    """
    kept = session.kept_nodes(kind, ids, type_names) if ids is not None and empty is None else None
    if kept is not None:
        return kept
    span = None if ids is None else dense_range(ids)
    columns = ", ".join(("id", *kind.columns))
    found = sorted(_select(session, f"SELECT {columns} FROM {kind.table}", "id", ids, span))
    return nodes_of_rows(session, kind, found, type_names, ids, empty or kind.message)


def nodes_of_rows(  # noqa: PLR0917 - one call
    session: Session,
    kind: NodeKind,
    found: Sequence[Row],
    type_names: dict[int, str],
    ids: Sequence[int] | None,
    empty: Callable[[], Any],
) -> dict[int, Any]:
    """Nodes with their properties, for rows of an id and the kind's columns; in the order of the rows."""
    add_type_names(session, type_names, {row[1] for row in found})
    make = _MAKERS[kind.label]
    nodes = {row[0]: make(empty(), row, type_names) for row in found}
    if nodes:
        _read_properties(session, kind, nodes, ids, None if ids is None else dense_range(ids))
    return nodes


def add_type_names(session: Session, type_names: dict[int, str], type_ids: set[int]) -> None:
    """Complete names of types by id."""
    missing = type_ids - type_names.keys()
    if missing:
        type_names.update(session.by_ids("SELECT id, name FROM Type", "id", sorted(missing)))


def _select(
    session: Session, sql: str, column: str, ids: Sequence[int] | None, span: tuple[int, int] | None
) -> Iterable[Row]:
    """Rows of some ids, one after another: a list of them would keep the collector of garbage busy."""
    if ids is None:
        return session.stream(sql)
    if span is not None:
        return session.stream(f"{sql} WHERE {column} BETWEEN ? AND ?", span)
    condition, params = session.ids_condition(column, ids)
    return session.stream(f"{sql} WHERE {condition}", params)


def _read_properties(
    session: Session, kind: NodeKind, nodes: dict[int, Any], ids: Sequence[int] | None, span: tuple[int, int] | None
) -> None:
    if session.dialect == "sqlite":
        _fill_plain(nodes, _select(session, _PLAIN_SQL[kind.label], kind.owner, ids, span))
        return
    full = f"SELECT {kind.owner}, name, is_custom_property, {', '.join(_FULL)} FROM {kind.properties}"
    for row in _select(session, full, kind.owner, ids, span):
        node = nodes.get(row[0])
        if node is not None:
            values = node.custom_properties if row[2] else node.properties
            set_value(values[row[1]], row[3:])


# What SQLite gives for a plain value has the type that it was stored with, apart from bool.
_PLAIN_SQL = {
    kind.label: f"SELECT {kind.owner}, name, is_custom_property, coalesce(string_value, double_value, int_value), "
    f"coalesce(byte_value, proto_value, bool_value) FROM {kind.properties}"
    for kind in KINDS
}


def _fill_plain(nodes: dict[int, Any], rows: Iterable[Row]) -> None:
    """Set properties; the rows of a node mostly follow each other."""
    last = None
    properties: Any = {}
    custom: Any = {}
    for owner, name, is_custom, plain, other in rows:
        if owner != last:
            node = nodes.get(owner)
            if node is None:
                continue
            last, properties, custom = owner, node.properties, node.custom_properties
        value = (custom if is_custom else properties)[name]
        kind = type(plain)
        if other is not None:
            _set_other(value, plain, other)
        elif kind is str:
            if plain.startswith(STRUCT_PREFIX):
                _parse_into(value.struct_value, plain[len(STRUCT_PREFIX) :])
            else:
                value.string_value = plain
        elif kind is float:
            value.double_value = plain
        elif kind is int:
            value.int_value = plain
        else:
            value.SetInParent()


def _set_other(value: Any, plain: Any, other: str | bytes | int) -> None:
    """Set a value whose row has a marker, a message or a bool."""
    if isinstance(other, int):
        value.bool_value = bool(other)
    elif plain is None:
        _parse_into(value.proto_value, other)
    else:
        marker = other.encode() if isinstance(other, str) else other
        _set_marked(value, marker, plain if isinstance(plain, str) else None)


# Setting fields one by one is quicker than naming them all to the constructor.
def _make_artifact(node: Any, row: Row, type_names: dict[int, str]) -> Any:
    node.id, node.type_id, node.uri, state, name, external_id, created, updated = row
    _complete(node, type_names, name, external_id, (created, updated))
    if state is not None:
        node.state = state
    return node


def _make_execution(node: Any, row: Row, type_names: dict[int, str]) -> Any:
    node.id, node.type_id, state, name, external_id, created, updated = row
    _complete(node, type_names, name, external_id, (created, updated))
    if state is not None:
        node.last_known_state = state
    return node


def _make_context(node: Any, row: Row, type_names: dict[int, str]) -> Any:
    node.id, node.type_id, name, external_id, created, updated = row
    _complete(node, type_names, name, external_id, (created, updated))
    return node


def _complete(
    node: Any, type_names: dict[int, str], name: str | None, external_id: str | None, times: tuple[int, int]
) -> None:
    type_name = type_names.get(node.type_id)
    if type_name is not None:
        node.type = type_name
    node.create_time_since_epoch, node.last_update_time_since_epoch = times
    if name is not None:
        node.name = name
    if external_id is not None:
        node.external_id = external_id


def stored_node(kind: NodeKind, given: Any, node_id: int, time: int, type_names: dict[int, str]) -> Any:
    """A new node as the tables would give it, from the message that was put."""
    node = kind.message()
    node.MergeFrom(given)
    node.DiscardUnknownFields()
    node.ClearField("system_metadata")
    node.ClearField("type")
    node.id = node_id
    if kind.has_uri:
        node.uri = given.uri
    name = None if kind is not CONTEXT else given.name
    _complete(node, type_names, name, None, (time, time))
    return node


_MAKERS = {"artifact": _make_artifact, "execution": _make_execution, "context": _make_context}
