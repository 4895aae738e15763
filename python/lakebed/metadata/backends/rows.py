"""Values of the model as rows of the tables, and back.

The encodings are ML Metadata's: a struct is text behind `mlmd-struct::`, a message is base64 of an `Any`, an unset
`uri` is the empty text. Where its columns cannot hold a value exactly, `byte_value` (which it never reads or writes)
says what is meant: the eight bytes of a double that is NaN or -0.0, or `s` where a text only looks like a struct.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lakebed.metadata.backends.tables import NodeTables
from lakebed.metadata.model import AnyType, Event, ExecutionType, Node, PropertyValue, ProtoValue, TypeKind

STRUCT_PREFIX = "mlmd-struct::"
VALUE_COLUMNS = ("int_value", "double_value", "string_value", "byte_value", "proto_value", "bool_value")
_NOTHING: dict[str, Any] = dict.fromkeys(VALUE_COLUMNS)
_PLAIN_TEXT = b"s"


def value_columns(value: PropertyValue) -> dict[str, Any]:
    """Return the columns of a property row that hold a value.

    Args:
        value: As `lakebed.metadata.values.normalize` returns it.

    Returns:
        All of `VALUE_COLUMNS`; those not used are None.

    Example:
        >>> value_columns(1.5)["double_value"]
        1.5
    """
    if isinstance(value, bool):
        return {**_NOTHING, "bool_value": int(value)}
    if isinstance(value, int):
        return {**_NOTHING, "int_value": value}
    if isinstance(value, float):
        return {**_NOTHING, **_double_columns(value)}
    if isinstance(value, str):
        marker = _PLAIN_TEXT if value.startswith(STRUCT_PREFIX) else None
        return {**_NOTHING, "string_value": value, "byte_value": marker}
    if isinstance(value, ProtoValue):
        return {**_NOTHING, "proto_value": base64.b64encode(_any_bytes(value)).decode()}
    return {**_NOTHING, "string_value": STRUCT_PREFIX + base64.b64encode(_struct_bytes(value)).decode()}


def value_of(columns: Sequence[Any]) -> PropertyValue:
    """Return the value that a property row holds.

    Args:
        columns: In the order of `VALUE_COLUMNS`.

    Returns:
        The plain value; NaN for a row without any, which nobody writes.

    Example:
        >>> value_of([None, None, "text", None, None, None])
        'text'
    """
    int_value, double_value, string_value, byte_value, proto_value, bool_value = columns
    if byte_value is not None:
        return str(string_value) if byte_value == _PLAIN_TEXT else float(struct.unpack(">d", byte_value)[0])
    if string_value is not None:
        return _struct_of(string_value) if string_value.startswith(STRUCT_PREFIX) else str(string_value)
    if int_value is not None:
        return int(int_value)
    if double_value is not None:
        return float(double_value)
    if bool_value is not None:
        return bool(bool_value)
    return _proto_of(proto_value) if proto_value is not None else math.nan


def node_row(node: Node, tables: NodeTables) -> dict[str, Any]:
    """Return the row of a node whose ids and times are set.

    Args:
        node: As it stands in an operation.
        tables: Of its class.

    Returns:
        One value for each column.

    Example:
        >>> from lakebed.metadata.backends.tables import NODE_TABLES
        >>> from lakebed.metadata.model import Context
        >>> node_row(Context(name="c", type_id=10, id=1), NODE_TABLES[Context])["name"]
        'c'
    """
    row = {name: getattr(node, name) for name in tables.columns}
    row["id"] = node.id
    row["type_id"] = node.type_id
    row["create_time_since_epoch"] = node.create_time_since_epoch
    row["last_update_time_since_epoch"] = node.last_update_time_since_epoch
    return row


def property_rows(nodes: Iterable[Node], tables: NodeTables) -> list[dict[str, Any]]:
    """Return the property rows of nodes.

    Args:
        nodes: As they stand in operations.
        tables: Of their class.

    Returns:
        One row for each property and custom property, in the order of the nodes.

    Example:
        >>> from lakebed.metadata.backends.tables import NODE_TABLES
        >>> from lakebed.metadata.model import Context
        >>> rows = property_rows([Context(name="c", id=1, properties={"n": 7})], NODE_TABLES[Context])
        >>> rows[0]["context_id"], rows[0]["int_value"], rows[0]["is_custom_property"]
        (1, 7, 0)
    """
    return [
        {tables.owner: node.id, "name": name, "is_custom_property": is_custom, **value_columns(value)}
        for node in nodes
        for is_custom, properties in enumerate((node.properties, node.custom_properties))
        for name, value in properties.items()
    ]


def type_row(record: AnyType, kind: TypeKind) -> dict[str, Any]:
    """Return the row of a type whose id is set.

    Args:
        record: As it stands in an operation.
        kind: What it describes.

    Returns:
        One value for each column of `Type`.

    Example:
        >>> from lakebed.metadata.model import ContextType
        >>> type_row(ContextType(name="run", id=10), TypeKind.CONTEXT)["type_kind"]
        2
    """
    shapes = (record.input_type, record.output_type) if isinstance(record, ExecutionType) else (None, None)
    return {
        "id": record.id,
        "name": record.name,
        "version": record.version,
        "type_kind": int(kind),
        "description": record.description,
        "input_type": shapes[0],
        "output_type": shapes[1],
        "external_id": record.external_id,
    }


def path_rows(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return the rows of the paths of events.

    Args:
        events: With their ids set.

    Returns:
        One row for each step, in the order of the steps.

    Example:
        >>> from lakebed.metadata.model import EventType
        >>> [row["step_key"] for row in path_rows([Event(type=EventType.INPUT, id=1, path=("x", 0))])]
        ['x', None]
    """
    return [
        {
            "event_id": event.id,
            "is_index_step": int(isinstance(step, int)),
            "step_index": step if isinstance(step, int) else None,
            "step_key": None if isinstance(step, int) else step,
        }
        for event in events
        for step in event.path
    ]


def _double_columns(value: float) -> dict[str, Any]:
    """SQLite turns NaN into NULL and -0.0 into 0.0."""
    if math.isnan(value):
        return {"string_value": "NaN", "byte_value": struct.pack(">d", value)}
    if value == 0 and math.copysign(1, value) < 0:
        return {"double_value": 0.0, "byte_value": struct.pack(">d", value)}
    return {"double_value": value}


def _struct_bytes(value: Mapping[str, Any]) -> bytes:
    from google.protobuf.struct_pb2 import Struct

    message = Struct()
    message.update(value)
    return bytes(message.SerializeToString(deterministic=True))


def _struct_of(text: str) -> dict[str, Any]:
    from google.protobuf.struct_pb2 import Struct

    message = Struct.FromString(base64.b64decode(text[len(STRUCT_PREFIX) :]))
    return {name: _plain(message.fields[name]) for name in sorted(message.fields)}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        return {name: _plain(fields[name]) for name in sorted(fields)}
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    return None if kind in {None, "null_value"} else getattr(value, kind)


def _any_bytes(value: ProtoValue) -> bytes:
    from google.protobuf.any_pb2 import Any as AnyMessage

    return bytes(AnyMessage(type_url=value.type_url, value=value.value).SerializeToString(deterministic=True))


def _proto_of(text: str | bytes) -> ProtoValue:
    from google.protobuf.any_pb2 import Any as AnyMessage

    message = AnyMessage.FromString(base64.b64decode(text))
    return ProtoValue(message.type_url, message.value)
