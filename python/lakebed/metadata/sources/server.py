"""What the sources of MySQL and PostgreSQL share: connections for threads, and statements spelt for their drivers.

A transaction has a connection of its own, taken from those that are idle; a connection that the server closed meanwhile
is replaced once. In a child process the parent's connections are left alone.
"""

from __future__ import annotations

import os
import threading
import weakref
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from lakebed.metadata.sources.create import check_downgrade, is_complete, prepare, stored_version
from lakebed.metadata.sources.migrate import MigrationDefinition, migrate
from lakebed.metadata.sources.rows import RowSession
from lakebed.metadata.sources.schema import SCHEMA_VERSION
from lakebed.metadata.sources.session import Row, Session, Source, in_chunks

ROWS_AT_ONCE = 500
IDLE_KEPT = 8


@lru_cache(maxsize=1024)
def spelt(sql: str) -> str:
    """A statement with the drivers' placeholders; literal percent signs are doubled for them."""
    return sql.replace("%", "%%").replace("?", "%s")


class ServerSession(RowSession):
    """One transaction on a connection of a server."""

    def __init__(self, cursor: Any) -> None:
        super().__init__()
        self.cursor = cursor

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run a query."""
        self.execute(sql, params)
        return list(self.cursor.fetchall())

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run any statement."""
        self.cursor.execute(spelt(sql), tuple(params))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows, many with one statement."""
        for some in in_chunks(rows, ROWS_AT_ONCE):
            self._insert(f"INSERT INTO {table} ({', '.join(columns)})", some)

    def _insert(self, start: str, rows: Sequence[Row], tail: str = "") -> None:
        marks = f"({', '.join('?' * len(rows[0]))})"
        values = ", ".join([marks] * len(rows))
        self.execute(f"{start} VALUES {values}{tail}", [value for row in rows for value in row])

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of rows."""
        sql = f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"
        for row in rows:
            self.execute(sql, row)

    def delete(self, table: str, columns: Sequence[str], keys: Sequence[Row]) -> None:
        """Remove rows."""
        condition = " AND ".join(f"{column} = ?" for column in columns)
        for some in in_chunks(keys, ROWS_AT_ONCE):
            sql = f"DELETE FROM {table} WHERE {' OR '.join([f'({condition})'] * len(some))}"
            self.execute(sql, [value for key in some for value in key])

    def lock_nodes(self, table: str, ids: Sequence[int]) -> None:
        """Hold off other writers of some rows."""
        condition, params = self.ids_condition("id", ids)
        self.rows(f"SELECT id FROM {table} WHERE {condition} ORDER BY id FOR UPDATE", params)


class ServerSource(Source):
    """A database on a server."""

    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[Any] = []
        weakref.finalize(self, close_all, self._idle)

    @abstractmethod
    def connect(self) -> Any:
        """Make a connection, without a transaction."""

    @abstractmethod
    def begin(self, connection: Any, *, is_write: bool) -> ServerSession:
        """Begin a transaction."""

    @abstractmethod
    def is_alive(self, connection: Any) -> bool:
        """Whether an idle connection still is one."""

    @abstractmethod
    def status(self, error: Exception) -> Exception:
        """The error of the store for one of the driver."""

    @property
    @abstractmethod
    def driver_error(self) -> type[Exception]:
        """Base of the driver's errors."""

    @abstractmethod
    def define(self, session: ServerSession) -> MigrationDefinition:
        """What making tables needs."""

    @abstractmethod
    def exclusive(self) -> Any:
        """Hold off other openers, as a context manager that gives a session."""

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with self._transaction(is_write=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that writes."""
        with self._transaction(is_write=True) as session:
            yield session

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            close_all(self._idle)

    def open(self, *, may_upgrade: bool = False) -> None:
        """Make the tables where there are none; refuse what is no database of this version.

        Raises:
            RuntimeError: It cannot be reached or opened, or is of another version or half-made.
        """
        with self.exclusive() as session:
            definition = self.define(session)
            if not is_complete(definition):
                prepare(
                    definition,
                    may_upgrade=may_upgrade,
                    upgrade=lambda version: migrate(definition, version, SCHEMA_VERSION),
                )
        self.opened()

    def opened(self) -> None:
        """Called once the tables are there."""

    def downgrade(self, version: int) -> None:
        """Take the database to an older version of the tables."""
        with self.exclusive() as session:
            definition = self.define(session)
            found = stored_version(definition)
            check_downgrade(found, version)
            if found is not None and found != version:
                migrate(definition, found, version)

    def lend(self) -> Any:
        """An idle or a new connection."""
        if self._pid != os.getpid():
            _abandoned.extend(self._idle)
            self._idle.clear()
            self._lock, self._pid = threading.Lock(), os.getpid()
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self.connect()
            if self.is_alive(connection):
                return connection

    def give_back(self, connection: Any) -> None:
        """Keep a connection for the next transaction."""
        with self._lock:
            if len(self._idle) < IDLE_KEPT:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def _transaction(self, *, is_write: bool) -> Iterator[Session]:
        try:
            connection = self.lend()
            try:
                session = self.begin(connection, is_write=is_write)
                session.known_types = self.known_types
                yield session
                connection.commit()
            except BaseException:
                with suppress(self.driver_error, OSError):
                    connection.rollback()
                    self.give_back(connection)
                raise
            self.give_back(connection)
        except self.driver_error as error:
            raise self.status(error) from error


def close_all(connections: list[Any]) -> None:
    """Close and forget connections."""
    while connections:
        with suppress(Exception):
            connections.pop().close()


_abandoned: list[Any] = []
"""Connections of a parent process: closing them in a child would close them for the parent."""
