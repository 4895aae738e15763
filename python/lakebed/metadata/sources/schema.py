"""The tables of ML Metadata's database in each of its versions 0 to 10, and the statements that make them.

One model for SQLite, MySQL and PostgreSQL: what a column or index is called, which kind it is of and in which versions
it exists. Facts as measured on databases that ML Metadata 1.17.1 made and took back to older versions. Two things
differ on purpose in databases that are made here: on MySQL and PostgreSQL an int property has 64 bits, and text on
MySQL is UTF-8 that compares byte by byte. Nothing here runs a statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SCHEMA_VERSION = 10

SYSTEM_TYPES: tuple[tuple[int, str, int], ...] = (
    (1, "mlmd.Dataset", 1),
    (2, "mlmd.Model", 1),
    (3, "mlmd.Metrics", 1),
    (4, "mlmd.Statistics", 1),
    (5, "mlmd.Train", 0),
    (6, "mlmd.Transform", 0),
    (7, "mlmd.Process", 0),
    (8, "mlmd.Evaluate", 0),
    (9, "mlmd.Deploy", 0),
)
"""Id, name and kind (0 execution, 1 artifact, 2 context) of the types that every database has."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its kind is a key of `_TYPES`."""

    name: str
    kind: str
    since: int = 0
    until: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Unique:
    """A unique key over columns."""

    columns: tuple[str, ...]
    since: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index."""

    name: str
    columns: tuple[str, ...]
    since: int
    until: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Table:
    """A table with everything that hangs on it."""

    name: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...] = ()
    uniques: tuple[Unique, ...] = ()
    indexes: tuple[Index, ...] = ()
    since: int = 0
    column_names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(column.name for column in self.columns if column.until >= SCHEMA_VERSION)
        object.__setattr__(self, "column_names", names)

    def columns_in(self, version: int) -> list[Column]:
        """The columns that the table has in a version."""
        return [column for column in self.columns if column.since <= version <= column.until]


_TIMES = (
    Column("create_time_since_epoch", "time", 5),
    Column("last_update_time_since_epoch", "time", 5),
)
_EXTERNAL = Column("external_id", "name", 9)


def _time_indexes(label: str) -> tuple[Index, ...]:
    return (
        Index(f"idx_{label}_create_time_since_epoch", ("create_time_since_epoch",), 6),
        Index(f"idx_{label}_last_update_time_since_epoch", ("last_update_time_since_epoch",), 6),
        Index(f"idx_{label}_external_id", ("external_id",), 9),
    )


def _properties(label: str, since: int = 0) -> Table:
    columns = (
        Column(f"{label}_id", "ref"),
        Column("name", "required_name"),
        Column("is_custom_property", "flag"),
        Column("int_value", "int_value"),
        Column("double_value", "double"),
        Column("string_value", "long_text"),
        Column("byte_value", "blob", 7),
        Column("proto_value", "blob", 10),
        Column("bool_value", "bool", 10),
    )
    indexes = tuple(
        Index(f"idx_{label}_property_{kind}", ("name", "is_custom_property", f"{kind}_value"), 8)
        for kind in ("int", "double", "string")
    )
    primary = (f"{label}_id", "name", "is_custom_property")
    return Table(f"{label.capitalize()}Property", columns, primary, indexes=indexes, since=since)


TABLES: tuple[Table, ...] = (
    Table(
        "Type",
        (
            Column("id", "id"),
            Column("name", "required_name"),
            Column("version", "name", 6),
            Column("type_kind", "kind", 2),
            Column("is_artifact_type", "kind", 0, 1),
            Column("description", "text", 6),
            Column("input_type", "text"),
            Column("output_type", "text"),
            _EXTERNAL,
        ),
        uniques=(Unique(("external_id",), 9),),
        indexes=(Index("idx_type_name", ("name",), 6), Index("idx_type_external_id", ("external_id",), 9)),
    ),
    Table(
        "TypeProperty",
        (Column("type_id", "ref"), Column("name", "required_name"), Column("data_type", "int")),
        ("type_id", "name"),
    ),
    Table(
        "ParentType",
        (Column("type_id", "ref"), Column("parent_type_id", "ref")),
        ("type_id", "parent_type_id"),
        since=6,
    ),
    Table(
        "Artifact",
        (
            Column("id", "id"),
            Column("type_id", "ref"),
            Column("uri", "text"),
            Column("state", "int", 5),
            Column("name", "name", 5),
            _EXTERNAL,
            *_TIMES,
        ),
        uniques=(Unique(("external_id",), 9), Unique(("type_id", "name"), 5, "UniqueArtifactTypeName")),
        indexes=(Index("idx_artifact_uri", ("uri",), 6), *_time_indexes("artifact")),
    ),
    _properties("artifact"),
    Table(
        "Execution",
        (
            Column("id", "id"),
            Column("type_id", "ref"),
            Column("last_known_state", "int", 5),
            Column("name", "name", 5),
            _EXTERNAL,
            *_TIMES,
        ),
        uniques=(Unique(("external_id",), 9), Unique(("type_id", "name"), 5, "UniqueExecutionTypeName")),
        indexes=_time_indexes("execution"),
    ),
    _properties("execution"),
    Table(
        "Event",
        (
            Column("id", "id"),
            Column("artifact_id", "ref"),
            Column("execution_id", "ref"),
            Column("type", "ref"),
            Column("milliseconds_since_epoch", "big"),
        ),
        uniques=(Unique(("artifact_id", "execution_id", "type"), 8, "UniqueEvent"),),
        indexes=(
            Index("idx_event_artifact_id", ("artifact_id",), 6, 7),
            Index("idx_event_execution_id", ("execution_id",), 6),
        ),
    ),
    Table(
        "EventPath",
        (
            Column("event_id", "ref"),
            Column("is_index_step", "flag"),
            Column("step_index", "int"),
            Column("step_key", "text"),
        ),
        indexes=(Index("idx_eventpath_event_id", ("event_id",), 7),),
    ),
    Table("MLMDEnv", (Column("schema_version", "version"),), since=1),
    Table(
        "Context",
        (Column("id", "id"), Column("type_id", "ref"), Column("name", "required_name"), _EXTERNAL, *_TIMES),
        uniques=(Unique(("type_id", "name")), Unique(("external_id",), 9)),
        indexes=_time_indexes("context"),
        since=3,
    ),
    _properties("context", since=3),
    Table(
        "ParentContext",
        (Column("context_id", "ref"), Column("parent_context_id", "ref")),
        ("context_id", "parent_context_id"),
        indexes=(Index("idx_parentcontext_parent_context_id", ("parent_context_id",), 6),),
        since=6,
    ),
    Table(
        "Association",
        (Column("id", "id"), Column("context_id", "ref"), Column("execution_id", "ref")),
        uniques=(Unique(("context_id", "execution_id")),),
        since=4,
    ),
    Table(
        "Attribution",
        (Column("id", "id"), Column("context_id", "ref"), Column("artifact_id", "ref")),
        uniques=(Unique(("context_id", "artifact_id")),),
        since=4,
    ),
)
"""In the order in which ML Metadata makes them."""

TABLE_OF: dict[str, Table] = {table.name: table for table in TABLES}

_TYPES: dict[str, dict[str, str]] = {
    "sqlite": {
        "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "version": "INTEGER PRIMARY KEY",
        "ref": "INT NOT NULL",
        "int": "INT",
        "int_value": "INT",
        "big": "INT",
        "time": "INT NOT NULL DEFAULT 0",
        "kind": "TINYINT(1) NOT NULL",
        "flag": "TINYINT(1) NOT NULL",
        "bool": "BOOLEAN",
        "name": "VARCHAR(255)",
        "required_name": "VARCHAR(255) NOT NULL",
        "text": "TEXT",
        "long_text": "TEXT",
        "double": "DOUBLE",
        "blob": "BLOB",
    },
    "mysql": {
        "id": "INT PRIMARY KEY AUTO_INCREMENT",
        "version": "INT PRIMARY KEY",
        "ref": "INT NOT NULL",
        "int": "INT",
        "int_value": "BIGINT",
        "big": "BIGINT",
        "time": "BIGINT NOT NULL DEFAULT 0",
        "kind": "TINYINT(1) NOT NULL",
        "flag": "TINYINT(1) NOT NULL",
        "bool": "TINYINT(1)",
        "name": "VARCHAR(255)",
        "required_name": "VARCHAR(255) NOT NULL",
        "text": "TEXT",
        "long_text": "MEDIUMTEXT",
        "double": "DOUBLE",
        "blob": "MEDIUMBLOB",
    },
    "postgresql": {
        "id": "SERIAL PRIMARY KEY",
        "version": "INTEGER PRIMARY KEY",
        "ref": "INT NOT NULL",
        "int": "INT",
        "int_value": "BIGINT",
        "big": "BIGINT",
        "time": "BIGINT NOT NULL DEFAULT 0",
        "kind": "SMALLINT NOT NULL",
        "flag": "BOOLEAN NOT NULL",
        "bool": "BOOLEAN",
        "name": "VARCHAR(255)",
        "required_name": "VARCHAR(255) NOT NULL",
        "text": "TEXT",
        "long_text": "TEXT",
        "double": "DOUBLE PRECISION",
        "blob": "BYTEA",
    },
}


def tables_in(version: int) -> list[Table]:
    """The tables that a version has."""
    return [table for table in TABLES if table.since <= version]


def quote(dialect: str, name: str) -> str:
    """An identifier as a dialect writes it; PostgreSQL's are lower case."""
    return name.lower() if dialect == "postgresql" else f"`{name}`"


def create_table(
    dialect: str,
    table: Table,
    version: int = SCHEMA_VERSION,
    *,
    suffix: str = "",
    options: str = "",
    with_indexes: bool = False,
) -> str:
    """The statement that makes a table as a version has it, under its name and the suffix."""
    parts = [column_definition(dialect, table, column, version) for column in table.columns_in(version)]
    if table.primary:
        parts.append(f"PRIMARY KEY ({_names(dialect, table.primary)})")
    for unique in table.uniques:
        is_inline = dialect != "postgresql" and len(unique.columns) == 1
        if unique.since <= version and not is_inline:
            label = f"CONSTRAINT {unique.name} " if unique.name and dialect != "sqlite" else ""
            space = "" if dialect == "sqlite" else " "
            parts.append(f"{label}UNIQUE{space}({_names(dialect, unique.columns)})")
    if dialect == "mysql" and with_indexes:
        # Each definition costs a server a sync: one is quicker than five.
        parts += [
            f"KEY {_index_name(dialect, index)} {_index_columns(dialect, table, index)[0]}"
            for index in table.indexes
            if index.since <= version <= index.until
        ]
    return f"CREATE TABLE {quote(dialect, table.name + suffix)} ({', '.join(parts)}){options}"


def create_indexes(dialect: str, table: Table, version: int = SCHEMA_VERSION) -> Iterator[tuple[str, str]]:
    """Name and statement of each secondary index that a version has."""
    for index in table.indexes:
        if index.since <= version <= index.until:
            columns, tail = _index_columns(dialect, table, index)
            yield (
                index.name,
                f"CREATE INDEX {_index_name(dialect, index)} ON {quote(dialect, table.name)}{columns}{tail}",
            )


def _index_name(dialect: str, index: Index) -> str:
    return index.name if dialect == "postgresql" else f"`{index.name}`"


def _index_columns(dialect: str, table: Table, index: Index) -> tuple[str, str]:
    kinds = {column.name: column.kind for column in table.columns}
    is_text = kinds[index.columns[-1]] in {"text", "long_text"}
    if dialect == "postgresql" and is_text:
        # A B-tree of PostgreSQL refuses entries above 2,704 bytes, a hash takes texts of any length.
        return f" USING hash ({index.columns[-1]})", ""
    names = [quote(dialect, name) for name in index.columns]
    if dialect == "mysql" and is_text:
        names[-1] += "(255)"
    is_partial = dialect == "sqlite" and "_property_" in index.name
    tail = f" WHERE {names[-1]} IS NOT NULL" if is_partial else ""
    return f"({', '.join(names)})", tail


def column_definition(dialect: str, table: Table, column: Column, version: int) -> str:
    """A column as it stands in a statement that makes or alters a table."""
    text = f"{quote(dialect, column.name)} {_TYPES[dialect][column.kind]}"
    is_unique = any(unique.columns == (column.name,) and unique.since <= version for unique in table.uniques)
    return f"{text} UNIQUE" if is_unique and dialect != "postgresql" else text


def _names(dialect: str, names: Iterable[str]) -> str:
    return ", ".join(quote(dialect, name) for name in names)
