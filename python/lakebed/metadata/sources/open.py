"""From a connection configuration to an open database: SQLite, MySQL, PostgreSQL, memory.

What is wrong with a configuration is a `ValueError` or `RuntimeError` that names it, as in ML Metadata, where whatever
keeps a store from being opened is a `RuntimeError`.
"""

from __future__ import annotations

from typing import Any

from lakebed.metadata.sources.session import Source

_MODES = {0: "rwc", 1: "ro", 2: "rw", 3: "rwc"}


def open_source(config: Any, *, may_upgrade: bool = False, downgrade_to: int | None = None) -> Source:
    """Open the database that a `ConnectionConfig` names.

    Args:
        config: The message.
        may_upgrade: Whether an older database is brought to the present version.
        downgrade_to: Version to take the database to instead of opening it.

    Returns:
        The open database.

    Raises:
        RuntimeError: It cannot be reached or opened, or is of another version or half-made; or it was downgraded.

    Example:
        >>> from lakebed.metadata.messages import message_class
        >>> config = message_class("ConnectionConfig")()
        >>> config.fake_database.SetInParent()
        >>> open_source(config).place
        'the SQLite database in memory'
    """
    which = config.WhichOneof("config")
    if which is None:
        raise RuntimeError(
            "INVALID_ARGUMENT: the connection_config names no database; set fake_database, sqlite, mysql or postgresql",
        )
    source = _MAKERS[which](getattr(config, which))
    if downgrade_to is not None:
        source.downgrade(downgrade_to)
        source.close()
        raise RuntimeError(
            f"Downgrade migration was performed. Connection to the downgraded database at version {downgrade_to} is "
            "disabled in this library",
        )
    source.open(may_upgrade=may_upgrade)
    return source  # type: ignore[no-any-return]


def _memory(_: Any) -> Any:
    from lakebed.metadata.sources.memory import MemorySource

    return MemorySource()


def _sqlite(config: Any) -> Any:
    if config.filename_uri in {"", ":memory:", "file::memory:"}:
        return _memory(config)
    from lakebed.metadata.sources.sqlite import SqliteSource

    return SqliteSource(config.filename_uri, _MODES[config.connection_mode])


def _mysql(config: Any) -> Any:
    from lakebed.metadata.sources.mysql import MysqlSource

    return MysqlSource(config)


def _postgresql(config: Any) -> Any:
    from lakebed.metadata.sources.postgresql import PostgresqlSource

    return PostgresqlSource(config)


_MAKERS = {"fake_database": _memory, "sqlite": _sqlite, "mysql": _mysql, "postgresql": _postgresql}
