"""The names that a filter query may use for a kind of node, and the tables behind them.

A neighbour (`properties.x`, `contexts_a`, `events_0`) that a query mentions must exist: each becomes a join, and two
aliases become two joins. A column of a neighbour that has no value is NULL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lakebed.metadata.service.links import Event
from lakebed.metadata.sources.rows import ARTIFACT, CONTEXT, EXECUTION, NodeKind
from lakebed.metadata.status import InvalidArgumentError


class ValueType(Enum):
    """Type of an expression, as GoogleSQL calls it."""

    INT64 = "INT64"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    BOOL = "BOOL"
    ENUM = "INT64 (enum)"
    NULL = "NULL"


@dataclass(frozen=True, slots=True)
class Join:
    """A neighbour that a query mentions.

    Args:
        alias: Name of its main table in the SQL.
        tables: FROM clause for it.
        owner: Column that holds the id of the node.
        condition: What belongs to the join, with its values.
        params: The values.
        is_single: Whether a node has at most one such neighbour.
    """

    alias: str
    tables: str
    owner: str
    condition: str = ""
    params: tuple[Any, ...] = ()
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column that a query names.

    Args:
        sql: How SQL names it.
        type: Its type.
        join: The neighbour it belongs to; None for the node itself.
        enum: Numbers by name, for an enumeration.
        type_of: SQL of the type id, where the column is the name of a type.
        is_text_value: Whether it is the text of a property.
    """

    sql: str
    type: ValueType
    join: Join | None = None
    enum: dict[str, int] | None = None
    type_of: str = ""
    is_text_value: bool = False


def _enum(message: Any, name: str) -> dict[str, int]:
    return {value.name: value.number for value in message.DESCRIPTOR.enum_types_by_name[name].values}


STATES = {
    ARTIFACT.label: ("state", _enum(ARTIFACT.message, "State")),
    EXECUTION.label: ("last_known_state", _enum(EXECUTION.message, "State")),
}
_EVENT_TYPES = _enum(Event, "Type")
_TIMES = ("create_time_since_epoch", "last_update_time_since_epoch")
_VALUES = {
    "int_value": ValueType.INT64,
    "double_value": ValueType.DOUBLE,
    "string_value": ValueType.STRING,
    "bool_value": ValueType.BOOL,
}
_NEIGHBOUR = re.compile(r"^(contexts|events|parent_contexts|child_contexts|artifacts|executions)_([A-Za-z0-9_]+)$")
_NEIGHBOURS = {
    ARTIFACT.label: ("contexts", "events"),
    EXECUTION.label: ("contexts", "events"),
    CONTEXT.label: ("parent_contexts", "child_contexts", "artifacts", "executions"),
}


class Columns:
    """Resolves names for one query, and keeps the joins that it needs.

    Args:
        kind: Of the nodes that are looked for; their table has the alias `n`.
    """

    def __init__(self, kind: NodeKind) -> None:
        self._kind = kind
        self._joins: dict[tuple[str, str], Join] = {}

    def resolve(self, parts: Sequence[str]) -> ColumnRef:
        """The column that a dotted name means.

        Raises:
            InvalidArgumentError: There is none.
        """
        head = parts[0].lower()
        if len(parts) == 1:
            return self._own(head, parts[0])
        if head in {"properties", "custom_properties"} and len(parts) == 3:
            return self._property(parts[1], parts[2].lower(), is_custom=head == "custom_properties")
        match = _NEIGHBOUR.match(head)
        if match is not None and match[1] in _NEIGHBOURS[self._kind.label] and len(parts) == 2:
            return self._neighbour(match[1], head, parts[1].lower())
        shown = ".".join(parts)
        raise InvalidArgumentError(f"Invalid `filter_query`: Unrecognized name: {shown}; {self._offer()}")

    def _offer(self) -> str:
        own = ", ".join(sorted(self._own_columns()))
        around = ", ".join(f"{name}_<alias>.<column>" for name in _NEIGHBOURS[self._kind.label])
        return f"there are {own}, properties.<name>.<int|double|string|bool>_value, custom_properties..., {around}"

    def _own_columns(self) -> dict[str, ColumnRef]:
        return _node_columns("n", self._kind, None)

    def _own(self, name: str, shown: str) -> ColumnRef:
        found = self._own_columns().get(name)
        if found is None:
            raise InvalidArgumentError(f"Invalid `filter_query`: Unrecognized name: {shown}; {self._offer()}")
        return found

    def _property(self, name: str, field: str, *, is_custom: bool) -> ColumnRef:
        if field not in _VALUES:
            raise InvalidArgumentError(
                f"Invalid `filter_query`: Field name {field} does not exist in a property; use {', '.join(_VALUES)}",
            )
        key = ("custom" if is_custom else "property", name)
        if key not in self._joins:
            alias, table = f"p{len(self._joins)}", self._kind.properties
            wanted: str = "?"
            names: tuple[str, ...] = (name,)
            if name != name.lower():
                # ML Metadata finds such a name in lower case only, however it is written.
                wanted = f"(CASE WHEN EXISTS (SELECT 1 FROM {table} WHERE name = ?) THEN ? ELSE ? END)"
                names = (name, name, name.lower())
            self._joins[key] = Join(
                alias,
                f"{table} AS {alias}",
                f"{alias}.{self._kind.owner}",
                f"{alias}.name = {wanted} AND {alias}.is_custom_property = ?",
                (*names, is_custom),
                is_single=True,
            )
        join = self._joins[key]
        return ColumnRef(f"{join.alias}.{field}", _VALUES[field], join, is_text_value=field == "string_value")

    def _neighbour(self, what: str, name: str, field: str) -> ColumnRef:
        key = (what, name)
        if key not in self._joins:
            self._joins[key] = self._make_join(what, len(self._joins))
        join = self._joins[key]
        columns = self._neighbour_columns(what, join)
        if field not in columns:
            raise InvalidArgumentError(
                f"Invalid `filter_query`: Field name {field} does not exist in {name}; use {', '.join(columns)}",
            )
        return columns[field]

    def _make_join(self, what: str, number: int) -> Join:
        alias, link = f"x{number}", f"l{number}"
        if what == "events":
            return Join(alias, f"Event AS {alias}", f"{alias}.{self._kind.owner}")
        if what == "contexts":
            table = "Attribution" if self._kind is ARTIFACT else "Association"
            return _linked(alias, link, table, self._kind.owner, "context_id", "Context")
        if what == "parent_contexts":
            return _linked(alias, link, "ParentContext", "context_id", "parent_context_id", "Context")
        if what == "child_contexts":
            return _linked(alias, link, "ParentContext", "parent_context_id", "context_id", "Context")
        if what == "artifacts":
            return _linked(alias, link, "Attribution", "context_id", "artifact_id", "Artifact")
        return _linked(alias, link, "Association", "context_id", "execution_id", "Execution")

    def _neighbour_columns(self, what: str, join: Join) -> dict[str, ColumnRef]:
        if what == "events":
            other = EXECUTION.owner if self._kind is ARTIFACT else ARTIFACT.owner
            return {
                "type": ColumnRef(f"{join.alias}.type", ValueType.ENUM, join, _EVENT_TYPES),
                "milliseconds_since_epoch": ColumnRef(f"{join.alias}.milliseconds_since_epoch", ValueType.INT64, join),
                other: ColumnRef(f"{join.alias}.{other}", ValueType.INT64, join),
            }
        kind = {"artifacts": ARTIFACT, "executions": EXECUTION}.get(what, CONTEXT)
        return _node_columns(join.alias, kind, join)


def _linked(  # noqa: PLR0917 - six names
    alias: str, link: str, table: str, own: str, other: str, target: str
) -> Join:
    tables = f"{table} AS {link} JOIN {target} AS {alias} ON {alias}.id = {link}.{other}"
    return Join(alias, tables, f"{link}.{own}")


def _node_columns(alias: str, kind: NodeKind, join: Join | None) -> dict[str, ColumnRef]:
    columns = {
        "id": ColumnRef(f"{alias}.id", ValueType.INT64, join),
        "type_id": ColumnRef(f"{alias}.type_id", ValueType.INT64, join),
        "type": ColumnRef(
            f"(SELECT t.name FROM Type AS t WHERE t.id = {alias}.type_id)",
            ValueType.STRING,
            join,
            type_of=f"{alias}.type_id",
        ),
        "name": ColumnRef(f"{alias}.name", ValueType.STRING, join),
        "external_id": ColumnRef(f"{alias}.external_id", ValueType.STRING, join),
    }
    columns |= {name: ColumnRef(f"{alias}.{name}", ValueType.INT64, join) for name in _TIMES}
    if kind is ARTIFACT:
        columns["uri"] = ColumnRef(f"{alias}.uri", ValueType.STRING, join)
    if kind.state is not None:
        columns[kind.state] = ColumnRef(f"{alias}.{kind.state}", ValueType.ENUM, join, STATES[kind.label][1])
    return columns
