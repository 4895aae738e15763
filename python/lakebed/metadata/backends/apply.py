"""Operations of the record log, applied to the tables.

Applying the same entries in the same order always makes the same rows. Nothing is checked here: the planner did that
before the entry was written. The one function used for a new entry and for a replay is the same.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeAlias, cast

from sqlalchemy import Connection, Dialect, Select, Table, bindparam, delete, insert, select, update

from lakebed.metadata.backends.rows import node_rows, path_rows, property_rows, type_row
from lakebed.metadata.backends.tables import (
    NODE_TABLES,
    association_table,
    attribution_table,
    event_path_table,
    event_table,
    key_table,
    parent_context_table,
    parent_type_table,
    projection_table,
    type_property_table,
    type_table,
)
from lakebed.metadata.model import (
    SYSTEM_TYPES,
    AnyType,
    Artifact,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    Execution,
    ExecutionType,
    Node,
    ParentContext,
    TypeKind,
)
from lakebed.metadata.records import Operation, OperationGroup, decode_entry
from lakebed.metadata.sources.journal import apply_journal, is_journal

TYPE_KINDS: dict[type[AnyType], TypeKind] = {
    ArtifactType: TypeKind.ARTIFACT,
    ExecutionType: TypeKind.EXECUTION,
    ContextType: TypeKind.CONTEXT,
}
SYSTEM_TYPE_IDS = {name: type_id for type_id, name, _ in SYSTEM_TYPES}


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the log was applied.

    Args:
        seq: Number of the last entry applied, 0 for none.
        digest: SHA-256 of its body in hex, empty for none.
        time: Its time in milliseconds since 1970 UTC.

    Example:
        >>> Mark(0, "", 0).seq
        0
    """

    seq: int
    digest: str
    time: int


def read_mark(connection: Connection) -> Mark:
    """Return how far the log was applied.

    Args:
        connection: In a transaction.

    Returns:
        The mark that the last `write_mark` left.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).read() as connection:
        ...     read_mark(connection).seq
        0
    """
    return Mark(*connection.execute(_MARK).one())


def write_mark(connection: Connection, mark: Mark) -> None:
    """Set how far the log was applied.

    Args:
        connection: In a writing transaction.
        mark: The entry that was applied last.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     write_mark(connection, Mark(1, "9f", 7))
    """
    connection.execute(update(projection_table), {"seq": mark.seq, "digest": mark.digest, "time": mark.time})


def digest_of(body: bytes) -> str:
    """Return what a mark keeps of the body of an entry.

    Args:
        body: The entry.

    Returns:
        SHA-256 in hex.

    Example:
        >>> digest_of(b"")[:8]
        'e3b0c442'
    """
    return hashlib.sha256(body).hexdigest()


def apply_entry(connection: Connection, seq: int, body: bytes) -> None:
    """Apply one entry of the log and move the mark to it.

    Args:
        connection: In a writing transaction whose mark is at `seq - 1`.
        seq: Number of the entry.
        body: The entry.

    Raises:
        CorruptionError: The body is no entry.
        FormatVersionError: A newer Lakebed wrote it.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> from lakebed.metadata.records import Entry, encode_entry
        >>> with Database(None).write() as connection:
        ...     apply_entry(connection, 1, encode_entry(Entry("0" * 32, 7, ())))
        ...     read_mark(connection).time
        7
    """
    if is_journal(body):
        raw = cast("sqlite3.Connection", connection.connection.driver_connection)
        write_mark(connection, Mark(seq, digest_of(body), apply_journal(raw, seq, body)))
        return
    entry = decode_entry(seq, body)
    for group in entry.groups:
        if group.key is None or not has_key(connection, group.key):
            write_key(connection, seq, group)
            apply_operations(connection, group.operations)
    write_mark(connection, Mark(seq, digest_of(body), entry.time))


def has_key(connection: Connection, key: str) -> bool:
    """Return whether a group of that key was applied.

    Args:
        connection: In a transaction.
        key: E.g. `commit:<hex>`.

    Returns:
        True where it was.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).read() as connection:
        ...     has_key(connection, "commit:9f")
        False
    """
    return connection.execute(_KEY, {"key": key}).first() is not None


def write_key(connection: Connection, seq: int, group: OperationGroup) -> None:
    """Note the key of a group, where it has one.

    Args:
        connection: In a writing transaction.
        seq: Number of the entry that holds the group.
        group: Whose key is not there yet.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     write_key(connection, 1, OperationGroup((), key="commit:9f"))
        ...     has_key(connection, "commit:9f")
        True
    """
    if group.key is not None:
        connection.execute(insert(key_table), {"key": group.key, "seq": seq})


def apply_operations(connection: Connection, operations: Iterable[Operation]) -> None:
    """Write operations into the tables, in their order.

    Args:
        connection: In a writing transaction.
        operations: Checked, with all ids and times.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     apply_operations(connection, [Operation(Association(id=1, execution_id=1, context_id=1))])
    """
    for (record_class, is_update), run in groupby(operations, key=lambda item: (type(item.record), item.is_update)):
        records: list[Any] = [operation.record for operation in run]
        if is_update:
            # Of several states of one thing in a row only the last remains.
            records = list({record.id: record for record in records}.values())
        _APPLY[record_class](connection, records, is_update)


_MARK: Select[Any] = select(projection_table.c.seq, projection_table.c.digest, projection_table.c.time)
_KEY: Select[Any] = select(key_table.c.seq).where(key_table.c.key == bindparam("key"))


def _apply_types(connection: Connection, types: Sequence[AnyType], is_update: bool) -> None:  # noqa: FBT001
    rows = [type_row(record, TYPE_KINDS[type(record)]) for record in types]
    ids = [record.id for record in types]
    if is_update:
        _update_rows(connection, type_table, rows)
        connection.execute(delete(type_property_table).where(type_property_table.c.type_id.in_(ids)))
        connection.execute(delete(parent_type_table).where(parent_type_table.c.type_id.in_(ids)))
    else:
        _insert_rows(connection, type_table, rows)
    properties = [(record.id, name, int(kind)) for record in types for name, kind in record.properties.items()]
    parents = [(record.id, SYSTEM_TYPE_IDS[record.base_type]) for record in types if record.base_type is not None]
    _insert_rows(connection, type_property_table, properties)
    _insert_rows(connection, parent_type_table, parents)


def _apply_nodes(connection: Connection, nodes: Sequence[Node], is_update: bool) -> None:  # noqa: FBT001
    tables = NODE_TABLES[type(nodes[0])]
    rows = node_rows(nodes, tables)
    if is_update:
        _update_rows(connection, tables.nodes, rows)
        statement = delete(tables.properties).where(tables.properties.c[tables.owner] == bindparam("node"))
        connection.execute(statement, [{"node": node.id} for node in nodes])
    else:
        _insert_rows(connection, tables.nodes, rows)
    _insert_rows(connection, tables.properties, property_rows(nodes))


def _apply_events(connection: Connection, events: Sequence[Event], is_update: bool) -> None:  # noqa: ARG001, FBT001
    _insert_rows(connection, event_table, list(map(_EVENT_ROW, events)))
    _insert_rows(connection, event_path_table, path_rows(events))


def _apply_links(connection: Connection, links: Sequence[Link], is_update: bool) -> None:  # noqa: ARG001, FBT001
    table, row = _LINKS[type(links[0])]
    _insert_rows(connection, table, list(map(row, links)))


Link: TypeAlias = Attribution | Association | ParentContext

_EVENT_ROW = attrgetter("id", "artifact_id", "execution_id", "type", "milliseconds_since_epoch")
_LINKS: dict[type, tuple[Table, Callable[[Any], tuple[Any, ...]]]] = {
    Attribution: (attribution_table, attrgetter("id", "context_id", "artifact_id")),
    Association: (association_table, attrgetter("id", "context_id", "execution_id")),
    ParentContext: (parent_context_table, attrgetter("child_id", "parent_id")),
}
_APPLY: dict[type, Callable[[Connection, Any, bool], None]] = {
    ArtifactType: _apply_types,
    ExecutionType: _apply_types,
    ContextType: _apply_types,
    Artifact: _apply_nodes,
    Execution: _apply_nodes,
    Context: _apply_nodes,
    Event: _apply_events,
    Attribution: _apply_links,
    Association: _apply_links,
    ParentContext: _apply_links,
}


def _insert_rows(connection: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Rows hold a value for each column, in their order."""
    if rows:
        connection.exec_driver_sql(_insert_sql(table, connection.dialect), rows)


def _update_rows(connection: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Rows hold a value for each column, in their order; the first is the id."""
    connection.exec_driver_sql(_update_sql(table, connection.dialect), [(*row[1:], row[0]) for row in rows])


# SQLAlchemy spells the statement once; it would take longer over each row than SQLite does.
@lru_cache(maxsize=64)
def _insert_sql(table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect))


@lru_cache(maxsize=64)
def _update_sql(table: Table, dialect: Dialect) -> str:
    values: dict[str, Any] = {column.name: bindparam(column.name) for column in table.columns if column.name != "id"}
    # The parameter of the condition must not be called like a column.
    return str(update(table).where(table.c.id == bindparam("row_id")).values(values).compile(dialect=dialect))
