"""Take a database from one version of the tables to another, up or down, keeping every value that both versions hold.

What a version has no column or table for is lost on the way down, as in ML Metadata. Ids stay, also the highest ones.
SQLite rebuilds the tables that change, MySQL and PostgreSQL alter them; on SQLite and PostgreSQL all of it is one
transaction, on MySQL, which cannot do that, every step may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lakebed.metadata.sources.create import Definition
from lakebed.metadata.sources.schema import (
    TABLES,
    Table,
    column_definition,
    create_indexes,
    create_table,
    quote,
)

KIND_SINCE = 2
"""Version in which `type_kind` replaced `is_artifact_type`."""
CONTEXT_KIND = 2
VALUES_SINCE = 10
"""Version that added messages and booleans as properties."""


class MigrationDefinition(Definition, Protocol):
    """What a migration needs besides."""

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table."""


def migrate(definition: MigrationDefinition, found: int, wanted: int) -> None:
    """Take the tables from version `found` to version `wanted`."""
    dialect = definition.session.dialect
    if wanted < KIND_SINCE <= found:
        definition.run(f"DELETE FROM {quote(dialect, 'Type')} WHERE type_kind = {CONTEXT_KIND}")
    if wanted < VALUES_SINCE <= found:
        _drop_lost_values(definition)
    for table in TABLES:
        before, after = table.since <= found, table.since <= wanted
        if before and not after:
            definition.run(f"DROP TABLE IF EXISTS {quote(dialect, table.name)}")
        elif after and not before and table.name not in definition.tables():
            definition.run(create_table(dialect, table, wanted))
        elif before and after:
            _change(definition, table, found, wanted)
    present = definition.indexes()
    for table in TABLES:
        for name, statement in create_indexes(dialect, table, wanted) if table.since <= wanted else ():
            if name not in present:
                definition.run(statement)
    if wanted > 0:
        definition.run(f"DELETE FROM {quote(dialect, 'MLMDEnv')}")
        definition.session.insert("MLMDEnv", ("schema_version",), [(wanted,)])


def _drop_lost_values(definition: MigrationDefinition) -> None:
    """Remove properties that an older version cannot hold: without a value it could not read their node."""
    for label in ("Artifact", "Execution", "Context"):
        table = quote(definition.session.dialect, f"{label}Property")
        kept = ("int_value", "double_value", "string_value", "byte_value")
        condition = " AND ".join(f"{column} IS NULL" for column in kept)
        definition.run(f"DELETE FROM {table} WHERE {condition}")


def _change(definition: MigrationDefinition, table: Table, found: int, wanted: int) -> None:
    dialect = definition.session.dialect
    if create_table(dialect, table, found) == create_table(dialect, table, wanted):
        for name in sorted(_index_names(dialect, table, found) - _index_names(dialect, table, wanted)):
            definition.run(_drop_index(dialect, table, name))
        return
    if dialect == "sqlite":
        _rebuild(definition, table, found, wanted)
        return
    for statement in _alterations(definition, table, found, wanted):
        definition.run(statement)


def _rebuild(definition: MigrationDefinition, table: Table, found: int, wanted: int) -> None:
    old = [column.name for column in table.columns_in(found)]
    new = [column.name for column in table.columns_in(wanted)]
    sources = [_SUCCESSORS.get(name, name) if name not in old else name for name in new]
    pairs = [(name, source) for name, source in zip(new, sources, strict=True) if source in old]
    # Duplicates that a new unique key forbids are kept once.
    definition.run(create_table("sqlite", table, wanted, suffix="_migrating"))
    definition.run(
        f"INSERT OR IGNORE INTO `{table.name}_migrating` ({', '.join(name for name, _ in pairs)}) "
        f"SELECT {', '.join(source for _, source in pairs)} FROM `{table.name}` ORDER BY rowid",
    )
    definition.run(
        f"UPDATE sqlite_sequence SET seq = (SELECT max(seq) FROM sqlite_sequence WHERE name = '{table.name}') "
        f"WHERE name = '{table.name}_migrating' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '{table.name}')",
    )
    definition.run(f"DROP TABLE `{table.name}`")
    definition.run(f"ALTER TABLE `{table.name}_migrating` RENAME TO `{table.name}`")


_SUCCESSORS = {"type_kind": "is_artifact_type", "is_artifact_type": "type_kind"}


def _alterations(definition: MigrationDefinition, table: Table, found: int, wanted: int) -> Iterator[str]:
    dialect = definition.session.dialect
    name = quote(dialect, table.name)
    present = {column.lower() for column in definition.columns(table.name)}
    for index in sorted(_index_names(dialect, table, found) - _index_names(dialect, table, wanted)):
        if index in definition.indexes():
            yield _drop_index(dialect, table, index)
    for unique in table.uniques:
        if wanted < unique.since <= found and len(unique.columns) > 1:
            yield _drop_unique(dialect, table, unique.name or unique.columns[0])
    old, new = table.columns_in(found), table.columns_in(wanted)
    for column in new:
        if column not in old and column.name not in present:
            successor = _SUCCESSORS.get(column.name)
            if successor in present:
                yield _rename(dialect, name, str(successor), column_definition(dialect, table, column, wanted))
                present.discard(str(successor))
                continue
            yield f"ALTER TABLE {name} ADD COLUMN {column_definition(dialect, table, column, wanted)}"
    for column in old:
        if column not in new and column.name in present:
            yield f"ALTER TABLE {name} DROP COLUMN {quote(dialect, column.name)}"
    for unique in table.uniques:
        if found < unique.since <= wanted and (len(unique.columns) > 1 or dialect == "postgresql"):
            label = unique.name or f"{table.name.lower()}_{'_'.join(unique.columns)}_key"
            columns = ", ".join(quote(dialect, column) for column in unique.columns)
            yield f"ALTER TABLE {name} ADD CONSTRAINT {label} UNIQUE ({columns})"


def _index_names(dialect: str, table: Table, version: int) -> set[str]:
    return {name for name, _ in create_indexes(dialect, table, version)}


def _drop_index(dialect: str, table: Table, name: str) -> str:
    return f"DROP INDEX {name} ON `{table.name}`" if dialect == "mysql" else f"DROP INDEX IF EXISTS {name}"


def _drop_unique(dialect: str, table: Table, name: str) -> str:
    if dialect == "mysql":
        return f"ALTER TABLE `{table.name}` DROP INDEX `{name}`"
    return f"ALTER TABLE {table.name.lower()} DROP CONSTRAINT IF EXISTS {name.lower()}"


def _rename(dialect: str, table: str, old: str, definition: str) -> str:
    if dialect == "mysql":
        return f"ALTER TABLE {table} CHANGE `{old}` {definition}"
    return f"ALTER TABLE {table} RENAME COLUMN {old} TO {definition.split(maxsplit=1)[0]}"
