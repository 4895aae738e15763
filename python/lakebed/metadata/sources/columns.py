"""Columns of Arrow tables as rows of nodes and of their properties: what bulk imports write, now or from a record."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakebed.metadata.messages import message_class
from lakebed.metadata.sources.rows import NodeKind, write_values
from lakebed.metadata.sources.session import DuplicateError, Row, Session
from lakebed.metadata.status import InvalidArgumentError

MEMBERS = {"properties": False, "custom_properties": True}
ARROW_TYPES = {
    "int_value": pa.int64(),
    "double_value": pa.float64(),
    "string_value": pa.large_string(),
    "bool_value": pa.bool_(),
    "struct_value": pa.large_string(),
    "proto_value": pa.large_binary(),
}
IGNORED = {"id", "create_time_since_epoch", "last_update_time_since_epoch"}
Value = message_class("Value")


@dataclass(frozen=True, slots=True)
class PropertyColumn:
    """A column that holds a property: its name, whether it is custom, and the field of `Value`."""

    column: str
    name: str
    is_custom: bool
    field: str


class ColumnNodes(Sequence[Any]):
    """The rows of a table as new nodes, each made when it is asked for."""

    def __init__(self, kind: NodeKind, table: pa.Table) -> None:
        self._kind = kind
        self._table = table
        self._properties = property_columns(kind, table)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, position: Any) -> Any:
        row = self._table.slice(position, 1)
        node = self._kind.message()
        for column in set(self._kind.columns) & set(row.column_names):
            value = row[column][0].as_py() if column != self._kind.state else state_numbers(self._kind, row[column])[0]
            if value is not None:
                setattr(node, column, value)
        for item in self._properties:
            value = row[item.column][0].as_py()
            if value is not None:
                member = node.custom_properties if item.is_custom else node.properties
                member[item.name].CopyFrom(_value(item.field, value))
        return node


def write_stream(session: Session, kind: NodeKind, first: int, stream: bytes, time: int) -> None:
    """Write the nodes of an Arrow stream into the tables, under ids that count from `first`."""
    table = pa.ipc.open_stream(io.BytesIO(stream)).read_all()
    ids = write_rows(session, kind, table, time)
    if ids and ids[0] != first:
        raise DuplicateError(f"{kind.table} ids begin at {ids[0]}, expected {first}")


def to_stream(table: pa.Table) -> bytes:
    """Write a table as an Arrow stream, as `write_stream` reads it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def write_rows(session: Session, kind: NodeKind, table: pa.Table, time: int) -> list[int]:
    """Write the nodes of a table with their properties; return their ids in row order."""
    columns = [_node_column(kind, table, column, time) for column in kind.columns]
    ids = session.insert_new(kind.table, kind.columns, list(zip(*columns, strict=True)))
    for item in property_columns(kind, table):
        _write_property(session, kind, table, item, ids)
    return ids


def _node_column(kind: NodeKind, table: pa.Table, column: str, time: int) -> Sequence[Any]:
    if column.endswith("_since_epoch"):
        return [time] * table.num_rows
    if column not in table.column_names:
        return ["" if column == "uri" else None] * table.num_rows
    values = table[column]
    if column == kind.state:
        return state_numbers(kind, values)
    if column == "uri":
        values = pc.fill_null(values, "")
    return values.to_pylist()  # type: ignore[no-any-return]


def state_numbers(kind: NodeKind, values: Any) -> list[int | None]:
    """States of a column, given as numbers or names.

    Raises:
        InvalidArgumentError: One is the name of none.
    """
    if not pa.types.is_integer(values.type):
        numbers = {item.name: item.number for item in kind.message.DESCRIPTOR.enum_types_by_name["State"].values}
        unknown = sorted({value for value in values.to_pylist() if value is not None and value not in numbers})
        if unknown:
            raise InvalidArgumentError(f"{kind.state} {unknown[0]!r} is none of {', '.join(numbers)}")
        return [None if value is None else numbers[value] for value in values.to_pylist()]
    return values.to_pylist()  # type: ignore[no-any-return]


def _write_property(
    session: Session, kind: NodeKind, table: pa.Table, item: PropertyColumn, ids: Sequence[int]
) -> None:
    values = table[item.column].to_pylist()
    given = [(node_id, value) for node_id, value in zip(ids, values, strict=True) if value is not None]
    if item.field in {"int_value", "bool_value"}:
        columns = (kind.owner, "name", "is_custom_property", item.field)
        rows: list[Row] = [(node_id, item.name, item.is_custom, value) for node_id, value in given]
        if rows:
            session.insert(kind.properties, columns, rows)
        return
    write_values(
        session, kind, ((node_id, item.name, item.is_custom, _value(item.field, value)) for node_id, value in given)
    )


def _value(field: str, value: Any) -> Any:
    made = Value()
    try:
        if field == "struct_value":
            made.struct_value.SetInParent()
            made.struct_value.update(json.loads(value))
        elif field == "proto_value":
            made.proto_value.SetInParent()
            made.proto_value.MergeFromString(value)
        else:
            setattr(made, field, value)
    except Exception as error:  # DecodeError is another class in each version of protobuf.
        raise InvalidArgumentError(f"{value!r:.100} is no {field} ({error})") from error
    return made


def check_values(table: pa.Table, properties: Sequence[PropertyColumn]) -> None:
    """Refuse structs and messages that cannot be read.

    Raises:
        InvalidArgumentError: One cannot.
    """
    for item in properties:
        if item.field in {"struct_value", "proto_value"}:
            for value in table[item.column].to_pylist():
                if value is not None:
                    _value(item.field, value)


def property_columns(kind: NodeKind, table: pa.Table) -> list[PropertyColumn]:
    """Find the columns that hold properties, in the order of the table."""
    known = {*kind.columns, *IGNORED, "type", "type_version"}
    found = []
    for column in table.column_names:
        member, _, rest = column.partition(".")
        if member in MEMBERS and rest:
            name, _, field = rest.rpartition(".")
            if field not in ARROW_TYPES or not name:
                name, field = rest, _field_of(table.schema.field(column).type, column)
            found.append(PropertyColumn(column, name, MEMBERS[member], field))
        elif column not in known:
            raise InvalidArgumentError(
                f"the table has a column {column!r}, which {kind.label}s do not have; there are "
                f"{', '.join(sorted(known))}, "
                "properties.<name> and custom_properties.<name>",
            )
    return found


def _field_of(arrow_type: Any, column: str) -> str:
    if pa.types.is_boolean(arrow_type):
        return "bool_value"
    if pa.types.is_integer(arrow_type):
        return "int_value"
    if pa.types.is_floating(arrow_type):
        return "double_value"
    if pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type) or pa.types.is_string_view(arrow_type):
        return "string_value"
    raise InvalidArgumentError(
        f"the column {column!r} is of type {arrow_type}; a property is an integer, float, text or bool, or "
        f"name its kind in "
        "the column, e.g. properties.x.struct_value",
    )
