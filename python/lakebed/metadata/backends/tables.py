"""The tables of ML Metadata, schema version 10, and two of Lakebed's own.

Names, types, keys, defaults and indexes are those that ml-metadata 1.17.1 itself creates in SQLite (measured), so that
either library reads the other's file; there are no foreign keys, as there. `lakebed_projection` and `lakebed_key` say
how far the record log was applied; ML Metadata ignores them. Only definitions stand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    insert,
    text,
)
from sqlalchemy.types import UserDefinedType

from lakebed.metadata.model import SYSTEM_TYPES, Artifact, Context, Execution, Node, TypeKind

SCHEMA_VERSION = 10
PROJECTION_VERSION = 1
"""Of Lakebed's own two tables and of how entries are applied; another one is rebuilt."""
APPLICATION_ID = 0x4C4B4244
"""`LKBD` in the header of the SQLite file: Lakebed made it and may rebuild it."""


class DeclaredType(UserDefinedType[Any]):
    """A column type written in the DDL exactly as given; values pass unchanged.

    Args:
        spec: The type as SQL.

    Example:
        >>> DeclaredType("TINYINT(1)").get_col_spec()
        'TINYINT(1)'
    """

    cache_ok = True

    def __init__(self, spec: str) -> None:
        self.spec = spec

    def get_col_spec(self, **_: Any) -> str:
        """Return the type as SQL.

        Returns:
            The text that was given.

        Example:
            >>> DeclaredType("INT").get_col_spec()
            'INT'
        """
        return self.spec


@dataclass(frozen=True, slots=True)
class NodeTables:
    """Where the nodes of a kind are kept.

    Args:
        kind: Kind of their types.
        label: What a message calls them.
        node_class: Their class.
        nodes: One row for each.
        properties: One row for each property.
        owner: Name of the column of `properties` that holds the id of the node.
        columns: Columns of `nodes` that are fields of the class, without id, type id and times.

    Example:
        >>> NODE_TABLES[Artifact].owner
        'artifact_id'
    """

    kind: TypeKind
    label: str
    node_class: type[Node]
    nodes: Table
    properties: Table
    owner: str
    columns: tuple[str, ...]


def create_tables(connection: Connection) -> None:
    """Create all tables in an empty database and fill in what every store holds.

    Args:
        connection: In a transaction.

    Example:
        >>> from sqlalchemy import create_engine
        >>> with create_engine("sqlite://").begin() as connection:
        ...     create_tables(connection)
        ...     connection.execute(type_table.select()).first().name
        'mlmd.Dataset'
    """
    for table in metadata.tables.values():
        table.create(connection, checkfirst=False)
    connection.execute(insert(mlmd_env_table).values(schema_version=SCHEMA_VERSION))
    rows = [{"id": type_id, "name": name, "type_kind": int(kind)} for type_id, name, kind in SYSTEM_TYPES]
    connection.execute(insert(type_table), rows)
    connection.execute(insert(projection_table).values(version=PROJECTION_VERSION, seq=0, digest="", time=0))
    connection.execute(text(f"PRAGMA application_id = {APPLICATION_ID}"))


def _column(name: str, spec: str, *, required: bool = False, unique: bool | None = None) -> Column[Any]:
    return Column(name, DeclaredType(spec), nullable=not required, unique=unique)


def _id() -> Column[Any]:
    # SQLAlchemy would add NOT NULL, which ML Metadata's own tables have not.
    return Column("id", Integer, primary_key=True, nullable=True)


def _times(prefix: str) -> list[Any]:
    """Two columns and their indexes."""
    names = ("create_time_since_epoch", "last_update_time_since_epoch")
    columns = [Column(name, DeclaredType("INT"), nullable=False, server_default=text("0")) for name in names]
    return [*columns, *(Index(f"idx_{prefix}_{name}", name) for name in names)]


def _node_table(name: str, *columns: Column[Any], name_required: bool = False) -> Table:
    prefix = name.lower()
    return Table(
        name,
        metadata,
        _id(),
        _column("type_id", "INT", required=True),
        *columns,
        _column("name", "VARCHAR(255)", required=name_required),
        _column("external_id", "VARCHAR(255)", unique=True),
        *_times(prefix),
        UniqueConstraint("type_id", "name"),
        Index(f"idx_{prefix}_external_id", "external_id"),
        sqlite_autoincrement=True,
    )


def _property_table(name: str) -> Table:
    prefix = name.lower()
    owner = f"{prefix}_id"
    table = Table(
        f"{name}Property",
        metadata,
        _column(owner, "INT", required=True),
        _column("name", "VARCHAR(255)", required=True),
        _column("is_custom_property", "TINYINT(1)", required=True),
        _column("int_value", "INT"),
        _column("double_value", "DOUBLE"),
        _column("string_value", "TEXT"),
        _column("byte_value", "BLOB"),
        _column("proto_value", "BLOB"),
        _column("bool_value", "BOOLEAN"),
        PrimaryKeyConstraint(owner, "name", "is_custom_property"),
    )
    for kind in ("int", "double", "string"):
        column = table.c[f"{kind}_value"]
        Index(
            f"idx_{prefix}_property_{kind}",
            table.c.name,
            table.c.is_custom_property,
            column,
            sqlite_where=column.is_not(None),
        )
    return table


def _link_table(name: str, other: str) -> Table:
    return Table(
        name,
        metadata,
        _id(),
        _column("context_id", "INT", required=True),
        _column(other, "INT", required=True),
        UniqueConstraint("context_id", other),
        sqlite_autoincrement=True,
    )


metadata = MetaData()

type_table = Table(
    "Type",
    metadata,
    _id(),
    _column("name", "VARCHAR(255)", required=True),
    _column("version", "VARCHAR(255)"),
    _column("type_kind", "TINYINT(1)", required=True),
    _column("description", "TEXT"),
    _column("input_type", "TEXT"),
    _column("output_type", "TEXT"),
    _column("external_id", "VARCHAR(255)", unique=True),
    Index("idx_type_name", "name"),
    Index("idx_type_external_id", "external_id"),
    sqlite_autoincrement=True,
)
type_property_table = Table(
    "TypeProperty",
    metadata,
    _column("type_id", "INT", required=True),
    _column("name", "VARCHAR(255)", required=True),
    _column("data_type", "INT"),
    PrimaryKeyConstraint("type_id", "name"),
)
parent_type_table = Table(
    "ParentType",
    metadata,
    _column("type_id", "INT", required=True),
    _column("parent_type_id", "INT", required=True),
    PrimaryKeyConstraint("type_id", "parent_type_id"),
)
artifact_table = _node_table("Artifact", _column("uri", "TEXT"), _column("state", "INT"))
Index("idx_artifact_uri", artifact_table.c.uri)
artifact_property_table = _property_table("Artifact")
execution_table = _node_table("Execution", _column("last_known_state", "INT"))
execution_property_table = _property_table("Execution")
event_table = Table(
    "Event",
    metadata,
    _id(),
    _column("artifact_id", "INT", required=True),
    _column("execution_id", "INT", required=True),
    _column("type", "INT", required=True),
    _column("milliseconds_since_epoch", "INT"),
    UniqueConstraint("artifact_id", "execution_id", "type"),
    Index("idx_event_execution_id", "execution_id"),
    sqlite_autoincrement=True,
)
event_path_table = Table(
    "EventPath",
    metadata,
    _column("event_id", "INT", required=True),
    _column("is_index_step", "TINYINT(1)", required=True),
    _column("step_index", "INT"),
    _column("step_key", "TEXT"),
    Index("idx_eventpath_event_id", "event_id"),
)
mlmd_env_table = Table(
    "MLMDEnv",
    metadata,
    Column("schema_version", Integer, primary_key=True, nullable=True, autoincrement=False),
)
context_table = _node_table("Context", name_required=True)
context_property_table = _property_table("Context")
parent_context_table = Table(
    "ParentContext",
    metadata,
    _column("context_id", "INT", required=True),
    _column("parent_context_id", "INT", required=True),
    PrimaryKeyConstraint("context_id", "parent_context_id"),
    Index("idx_parentcontext_parent_context_id", "parent_context_id"),
)
association_table = _link_table("Association", "execution_id")
attribution_table = _link_table("Attribution", "artifact_id")

projection_table = Table(
    "lakebed_projection",
    metadata,
    _column("version", "INTEGER", required=True),
    _column("seq", "INTEGER", required=True),
    _column("digest", "TEXT", required=True),
    _column("time", "INTEGER", required=True),
)
key_table = Table(
    "lakebed_key",
    metadata,
    Column("key", DeclaredType("TEXT"), primary_key=True, nullable=False),
    _column("seq", "INTEGER", required=True),
)

NODE_TABLES: dict[type[Any], NodeTables] = {
    Artifact: NodeTables(
        TypeKind.ARTIFACT,
        "artifact",
        Artifact,
        artifact_table,
        artifact_property_table,
        "artifact_id",
        ("uri", "state", "name", "external_id"),
    ),
    Execution: NodeTables(
        TypeKind.EXECUTION,
        "execution",
        Execution,
        execution_table,
        execution_property_table,
        "execution_id",
        ("last_known_state", "name", "external_id"),
    ),
    Context: NodeTables(
        TypeKind.CONTEXT,
        "context",
        Context,
        context_table,
        context_property_table,
        "context_id",
        ("name", "external_id"),
    ),
}
