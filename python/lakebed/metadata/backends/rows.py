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
from operator import attrgetter
from typing import Any, TypeAlias

from lakebed.metadata.backends.tables import NodeTables
from lakebed.metadata.model import AnyType, Event, ExecutionType, Node, PropertyValue, ProtoValue, TypeKind

STRUCT_PREFIX = "mlmd-struct::"
VALUE_COLUMNS = ("int_value", "double_value", "string_value", "byte_value", "proto_value", "bool_value")
ValueRow: TypeAlias = tuple[int | None, float | None, str | None, bytes | None, str | None, int | None]
"""Values in the order of `VALUE_COLUMNS`."""

_PLAIN_TEXT = b"s"


def value_columns(value: PropertyValue) -> ValueRow:
    """Return the columns of a property row that hold a value.

    Args:
        value: As `lakebed.metadata.values.normalize` returns it.

    Returns:
        In the order of `VALUE_COLUMNS`; those not used are None.

    Example:
        >>> value_columns(1.5)
        (None, 1.5, None, None, None, None)
    """
    if isinstance(value, bool):
        return (None, None, None, None, None, int(value))
    if isinstance(value, int):
        return (value, None, None, None, None, None)
    if isinstance(value, float):
        return _double_columns(value)
    if isinstance(value, str):
        marker = _PLAIN_TEXT if value.startswith(STRUCT_PREFIX) else None
        return (None, None, value, marker, None, None)
    if isinstance(value, ProtoValue):
        return (None, None, None, None, base64.b64encode(_any_bytes(value)).decode(), None)
    return (None, None, STRUCT_PREFIX + base64.b64encode(_struct_bytes(value)).decode(), None, None, None)


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


def node_rows(nodes: Iterable[Node], tables: NodeTables) -> list[tuple[Any, ...]]:
    """Return the rows of nodes whose ids and times are set.

    Args:
        nodes: As they stand in operations.
        tables: Of their class.

    Returns:
        Values in the order of the columns.

    Example:
        >>> from lakebed.metadata.backends.tables import NODE_TABLES
        >>> from lakebed.metadata.model import Context
        >>> node_rows([Context(name="c", type_id=10, id=1)], NODE_TABLES[Context])
        [(1, 10, 'c', None, None, None)]
    """
    return list(map(attrgetter(*tables.nodes.c.keys()), nodes))


def property_rows(nodes: Iterable[Node]) -> list[tuple[Any, ...]]:
    """Return the property rows of nodes.

    Args:
        nodes: As they stand in operations.

    Returns:
        One row for each property and custom property: id of the node, name, whether it is custom, and the columns of
        the value.

    Example:
        >>> from lakebed.metadata.model import Context
        >>> property_rows([Context(name="c", id=1, properties={"n": 7})])
        [(1, 'n', 0, 7, None, None, None, None, None)]
    """
    return [
        (node.id, name, is_custom, *value_columns(value))
        for node in nodes
        for is_custom, properties in enumerate((node.properties, node.custom_properties))
        for name, value in properties.items()
    ]


def type_row(record: AnyType, kind: TypeKind) -> tuple[Any, ...]:
    """Return the row of a type whose id is set.

    Args:
        record: As it stands in an operation.
        kind: What it describes.

    Returns:
        Values in the order of the columns of `Type`.

    Example:
        >>> from lakebed.metadata.model import ContextType
        >>> type_row(ContextType(name="run", id=10), TypeKind.CONTEXT)
        (10, 'run', None, 2, None, None, None, None)
    """
    shapes = (record.input_type, record.output_type) if isinstance(record, ExecutionType) else (None, None)
    return (record.id, record.name, record.version, int(kind), record.description, *shapes, record.external_id)


def path_rows(events: Iterable[Event]) -> list[tuple[Any, ...]]:
    """Return the rows of the paths of events.

    Args:
        events: With their ids set.

    Returns:
        One row for each step, in the order of the steps: id of the event, whether it is a position, and either.

    Example:
        >>> from lakebed.metadata.model import EventType
        >>> path_rows([Event(type=EventType.INPUT, id=1, path=("x", 0))])
        [(1, 0, None, 'x'), (1, 1, 0, None)]
    """
    return [
        (event.id, 1, step, None) if isinstance(step, int) else (event.id, 0, None, step)
        for event in events
        for step in event.path
    ]


def _double_columns(value: float) -> ValueRow:
    """SQLite turns NaN into NULL and -0.0 into 0.0."""
    if math.isnan(value):
        return (None, None, "NaN", struct.pack(">d", value), None, None)
    if value == 0 and math.copysign(1, value) < 0:
        return (None, 0.0, None, struct.pack(">d", value), None, None)
    return (None, value, None, None, None, None)


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
