"""Make, check and migrate the tables of a database when a store is opened.

Whoever opens an empty database makes all tables and the nine system types in one step that other processes wait for. A
database of another version, or one that was left half-made, is refused with `RuntimeError` in ML Metadata's words, and
left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from lakebed.metadata.sources.schema import (
    SCHEMA_VERSION,
    SYSTEM_TYPES,
    TABLES,
    create_indexes,
    tables_in,
)
from lakebed.metadata.sources.session import Session


class Definition(Protocol):
    """What making tables needs of a dialect; all within one transaction or lock."""

    session: Session

    def tables(self) -> set[str]:
        """Names of the tables, spelt as in the model."""

    def indexes(self) -> set[str]:
        """Names of the indexes."""

    def run(self, statement: str) -> None:
        """Run a statement that defines something."""

    def create_table(self, name: str) -> None:
        """Make one table of the present version."""


V0_TABLES = frozenset(table.name for table in tables_in(0))


def stored_version(definition: Definition) -> int | None:
    """The version of the tables; None where there are none.

    Raises:
        RuntimeError: The database is half-made.
    """
    names = definition.tables()
    found = names & {table.name for table in TABLES}
    if "MLMDEnv" in found:
        versions = [row[0] for row in definition.session.rows("SELECT schema_version FROM MLMDEnv")]
        if len(versions) == 1:
            return int(versions[0])
        if not versions:
            raise RuntimeError(
                "INTERNAL: In the given db, MLMDEnv table exists but no schema_version can be found. This may be due "
                "to concurrent connection to the empty database, or a creation that was cut off; empty the database "
                "or restore it, then open it again",
            )
        raise RuntimeError(
            f"INTERNAL: In the given db, MLMDEnv table exists but it has more than one rows {versions}. This may be "
            "due to concurrent connection to the empty database; keep the row of the true version, delete the others",
        )
    if not found:
        return None
    if found == V0_TABLES:
        return 0
    raise RuntimeError(
        "ABORTED: There are a subset of tables in MLMD instance. This may be due to concurrent connection to the empty "
        f"database, or to a foreign one: found {', '.join(sorted(found))}, but no MLMDEnv; give another database",
    )


def prepare(definition: Definition, *, may_upgrade: bool, upgrade: Callable[[int], None]) -> None:
    """Bring a database to the present version, or refuse it; the caller holds its lock.

    Raises:
        RuntimeError: It is newer, older without leave to upgrade, or half-made.
    """
    version = stored_version(definition)
    if version is None:
        create_all(definition)
        return
    check_version(version, may_upgrade=may_upgrade)
    if version < SCHEMA_VERSION:
        upgrade(version)
    missing = sorted({table.name for table in TABLES} - definition.tables())
    if missing:
        raise RuntimeError(
            "ABORTED: There are a subset of tables in MLMD instance. This may be due to concurrent connection to the "
            f"empty database: missing are {', '.join(missing)}; restore the database from a copy",
        )
    complete(definition)


def check_version(version: int, *, may_upgrade: bool) -> None:
    """Refuse a version that cannot be opened."""
    if version > SCHEMA_VERSION:
        raise RuntimeError(
            f"FAILED_PRECONDITION: MLMD database version {version} is greater than library version {SCHEMA_VERSION}. "
            "Please upgrade the library to use the given database in order to prevent potential data loss. If data "
            "loss is acceptable, please downgrade the database using a newer version of library.",
        )
    if version < SCHEMA_VERSION and not may_upgrade:
        raise RuntimeError(
            f"FAILED_PRECONDITION: MLMD database version {version} is older than library version {SCHEMA_VERSION}. "
            "Schema migration is disabled. Please upgrade the database then use the library version; or switch to a "
            "older library version to use the current database: open it once with enable_upgrade_migration=True.",
        )


def check_downgrade(found: int | None, wanted: int) -> None:
    """Refuse to take a database to a version that it cannot be taken to.

    Raises:
        RuntimeError: It is empty, or the wanted version is newer than the stored one or than this library's.
    """
    if wanted > SCHEMA_VERSION or (found is not None and wanted > found):
        raise RuntimeError(
            f"MLMD cannot be downgraded to schema_version {wanted}. The target version should be greater or equal to "
            f"0 and less than or equal to the stored one, {found}, and to this library's, {SCHEMA_VERSION}",
        )
    if found is None:
        raise RuntimeError("FAILED_PRECONDITION: the database is empty, so there is nothing to downgrade")
    if found > SCHEMA_VERSION:
        check_version(found, may_upgrade=False)


def prepare_read_only(definition: Definition) -> None:
    """Refuse a database that cannot be read as it is; missing indexes do not matter.

    Raises:
        RuntimeError: It is empty, of another version or half-made.
    """
    version = stored_version(definition)
    if version is None:
        raise RuntimeError(
            "FAILED_PRECONDITION: the database is empty; open it once for writing, which makes its tables"
        )
    check_version(version, may_upgrade=False)


def is_complete(definition: Definition) -> bool:
    """Whether tables, indexes and system types are all there, so that nothing is to be written."""
    if stored_version(definition) != SCHEMA_VERSION or {table.name for table in TABLES} - definition.tables():
        return False
    return not _missing_indexes(definition) and not _missing_types(definition.session)


def create_all(definition: Definition) -> None:
    """Make every table in an empty database."""
    for table in TABLES:
        definition.create_table(table.name)
    complete(definition)
    definition.session.insert("MLMDEnv", ("schema_version",), [(SCHEMA_VERSION,)])


def complete(definition: Definition) -> None:
    """Make the indexes and system types that are missing."""
    for statement in _missing_indexes(definition):
        definition.run(statement)
    missing = _missing_types(definition.session)
    if missing:
        definition.session.insert("Type", ("id", "name", "type_kind"), missing)


def _missing_indexes(definition: Definition) -> list[str]:
    present = definition.indexes()
    dialect = definition.session.dialect
    return [statement for table in TABLES for name, statement in create_indexes(dialect, table) if name not in present]


def _missing_types(session: Session) -> Sequence[tuple[int, str, int]]:
    # A system type that somebody made under another id counts as well.
    names = [name for _, name, _ in SYSTEM_TYPES]
    found = {(name, kind) for name, kind in session.by_texts("SELECT name, type_kind FROM Type", "name", names)}
    return [item for item in SYSTEM_TYPES if (item[1], item[2]) not in found]
