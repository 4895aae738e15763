"""SQLite, on disk and in memory: connections for threads, transactions that wait for each other.

A writing transaction takes the write lock when it begins, so it waits for other processes instead of failing half way.
The journal mode and durability of a file stay as they are. Threads of one process take turns in writing; each open
transaction has a connection of its own, except in memory, where there is only one.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lakebed.metadata.sources.create import (
    check_downgrade,
    is_complete,
    prepare,
    prepare_read_only,
    stored_version,
)
from lakebed.metadata.sources.migrate import migrate
from lakebed.metadata.sources.rows import RowSession
from lakebed.metadata.sources.schema import SCHEMA_VERSION, TABLE_OF, create_table
from lakebed.metadata.sources.session import (
    DuplicateError,
    Row,
    Session,
    Source,
    T,
    dense_range,
)
from lakebed.metadata.sources.turns import Call, CommitGate, Group, Turns
from lakebed.metadata.status import AbortedError, InternalError, InvalidArgumentError, StatusError

BUSY_TIMEOUT_S = 60.0
"""How long another process is waited for."""
STATEMENTS_KEPT = 256
CACHE_KIB = 32 << 10
"""Most that a connection keeps of a file; SQLite's own 2 MiB read the pages of 100,000 nodes again and again."""
JSON_FROM_IDS = 40
"""From so many ids on, they are bound as one JSON array."""


class SqliteSession(RowSession):
    """One transaction on a connection."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._cursor = connection.cursor()

    @classmethod
    def over(cls, cursor: sqlite3.Cursor, time: int) -> SqliteSession:
        """A session within a transaction that somebody else began, at a time that is given."""
        session = cls.__new__(cls)
        session.time = time
        session._cursor = cursor  # noqa: SLF001
        return session

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run a query."""
        return self._cursor.execute(sql, params).fetchall()

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterable[Row]:
        """Run a query whose rows are read once, before the next statement."""
        return self._cursor.execute(sql, params)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows."""
        try:
            self._cursor.executemany(insert_sql(table, tuple(columns)), rows)
        except sqlite3.IntegrityError as error:
            raise DuplicateError(str(error)) from error

    def insert_missing(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add the rows that no unique key of the table has yet."""
        self._cursor.executemany(insert_sql(table, tuple(columns), "INSERT OR IGNORE"), rows)

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        """Add rows to a table that numbers them."""
        self.insert(table, columns, rows)
        # A writer is alone, so the ids of one call follow each other.
        last = int(self._cursor.execute("SELECT last_insert_rowid()").fetchone()[0])
        return list(range(last - len(rows) + 1, last + 1))

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of rows."""
        assignments = ", ".join(f"{column} = ?" for column in columns)
        try:
            self._cursor.executemany(f"UPDATE {table} SET {assignments} WHERE id = ?", rows)
        except sqlite3.IntegrityError as error:
            raise DuplicateError(str(error)) from error

    def delete(self, table: str, columns: Sequence[str], keys: Sequence[Row]) -> None:
        """Remove rows."""
        condition = " AND ".join(f"{column} = ?" for column in columns)
        self._cursor.executemany(f"DELETE FROM {table} WHERE {condition}", keys)

    def ids_condition(self, column: str, ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
        """A condition that a column holds one of some ids."""
        if len(ids) < JSON_FROM_IDS:
            return f"{column} IN ({', '.join('?' * len(ids))})", tuple(ids)
        span = dense_range(ids)
        if span is not None:
            return f"{column} BETWEEN ? AND ?", span
        return f"{column} IN (SELECT value FROM json_each(?))", (f"[{','.join(map(str, ids))}]",)

    def run(self, statement: str) -> None:
        """Run a statement that gives no rows."""
        self._cursor.execute(statement)

    def last_id(self, table: str) -> int:
        """The highest id that the table ever had."""
        found = self._cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return int(found[0]) if found else 0


class SqliteDefinition:
    """What making and migrating tables needs, within a transaction."""

    def __init__(self, session: SqliteSession) -> None:
        self.session: Session = session
        self._sqlite = session

    def tables(self) -> set[str]:
        """Names of the tables."""
        return {row[0] for row in self._sqlite.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def indexes(self) -> set[str]:
        """Names of the indexes."""
        return {row[0] for row in self._sqlite.rows("SELECT name FROM sqlite_master WHERE type = 'index'")}

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table."""
        return [row[0] for row in self._sqlite.rows("SELECT name FROM pragma_table_info(?)", (table,))]

    def run(self, statement: str) -> None:
        """Run a statement that defines something."""
        self._sqlite.run(statement)

    def create_table(self, name: str) -> None:
        """Make one table of the present version."""
        self._sqlite.run(create_table("sqlite", TABLE_OF[name]))


def add_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the operator REGEXP, which SQLite knows but leaves to its callers."""
    connection.create_function("regexp", 2, _matches, deterministic=True)


def _matches(pattern: str | None, text: str | None) -> bool | None:
    return None if pattern is None or text is None else re.search(pattern, text) is not None


@cache
def insert_sql(table: str, columns: tuple[str, ...], verb: str = "INSERT") -> str:
    """The statement that adds a row."""
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


class SqliteSource(Source):
    """A SQLite database.

    Args:
        location: A path, a `file:` URI, or empty for a database in memory.
        mode: "ro", "rw" or "rwc" (made where it is missing).
    """

    dialect = "sqlite"

    def __init__(self, location: str, mode: str = "rwc") -> None:
        super().__init__()
        self.place = f"the SQLite database {location!r}" if location else "the SQLite database in memory"
        self._uri = _uri(location, mode)
        self.is_read_only = mode == "ro"
        self.is_memory = self._uri is None or ":memory:" in self._uri or "mode=memory" in self._uri
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._write_lock = Turns()
        self._gate = CommitGate(BUSY_TIMEOUT_S)
        self._has_gate = not self.is_memory
        self._group = Group(self._run_together)
        self._held = ExitStack()
        if not self.is_memory:
            _live.add(self)
        self._pool_lock = threading.Lock()
        self._pool: list[sqlite3.Connection] = []
        self._single: sqlite3.Connection | None = None
        self._finalizer = weakref.finalize(self, _close_all, self._pool)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads."""
        self._check_process()
        with self._gate.reading() if not self.is_memory else nullcontext(), self._transaction("BEGIN") as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[SqliteSession]:
        """Open a session that writes."""
        self._check_process()
        with self._write_lock, self._transaction("BEGIN IMMEDIATE") as session:
            yield session

    def call(self, work: Callable[[Session], T], *, is_write: bool) -> T:
        """Run a method; those of several threads that write to a file share a transaction and its commit."""
        if self.is_memory or not is_write:
            return super().call(work, is_write=is_write)
        self._check_process()
        return self._group.call(work)

    def _run_together(self, first: Call[Any], more: Callable[[], Call[Any] | None]) -> None:
        calls = [first]
        try:
            with self._write_lock, translated(self.place), self.connection() as connection:
                self._run_calls(connection, calls, more)
        except Exception as error:  # noqa: BLE001 - it is that of every call
            self.known_types = {}
            for call in calls:
                call.error = call.error or copy(error)
        for call in calls:
            call.is_done = True

    def _run_calls(
        self, connection: sqlite3.Connection, calls: list[Call[Any]], more: Callable[[], Call[Any] | None]
    ) -> None:
        """Run the first call and what comes meanwhile in one transaction, each as if it were alone."""
        waiting, kept = deque(calls), list[Call[Any]]()
        try:
            while (call := waiting.popleft() if waiting else more()) is not None:
                if call not in calls:
                    calls.append(call)
                if not connection.in_transaction:
                    connection.execute("BEGIN IMMEDIATE")
                if self._run_call(connection, call, is_alone=not kept):
                    kept.append(call)
                elif not connection.in_transaction:
                    # The disk may be full: SQLite gave up the calls before this one as well.
                    self.known_types = {}
                    waiting.extend(kept)
                    kept.clear()
            if kept:
                self._commit(connection)
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _run_call(self, connection: sqlite3.Connection, call: Call[Any], *, is_alone: bool) -> bool:
        """Run one call; without a trace where it fails."""
        if not is_alone:
            connection.execute("SAVEPOINT one")
        try:
            session = SqliteSession(connection)
            session.known_types = self.known_types
            with translated(self.place):
                call.answer = call.work(session)
        except Exception as error:  # noqa: BLE001 - the caller raises it in its thread
            call.error = error
        if not connection.in_transaction:
            return False
        if is_alone:
            if call.error is not None:
                connection.execute("ROLLBACK")
        else:
            if call.error is not None:
                connection.execute("ROLLBACK TO one")
            connection.execute("RELEASE one")
        return call.error is None

    def _commit(self, connection: sqlite3.Connection) -> None:
        with self._gate.committing() if self._has_gate else nullcontext():
            connection.execute("COMMIT")

    def open(self, *, may_upgrade: bool = False) -> None:
        """Make the tables where there are none; refuse what is no database of this version.

        Raises:
            RuntimeError: It cannot be opened, or is of another version or half-made.
        """
        try:
            with self._transaction("BEGIN") as session:
                definition = SqliteDefinition(session)
                if is_complete(definition):
                    return
                if self.is_read_only:
                    prepare_read_only(definition)
                    return
            with self.write() as session:
                definition = SqliteDefinition(session)
                prepare(
                    definition,
                    may_upgrade=may_upgrade,
                    upgrade=lambda version: migrate(definition, version, SCHEMA_VERSION),
                )
        except StatusError as error:
            raise RuntimeError(f"INTERNAL: cannot open {self.place}: {error}") from error

    def downgrade(self, version: int) -> None:
        """Take the database to an older version of the tables, all or nothing."""
        with self.write() as session:
            definition = SqliteDefinition(session)
            found = stored_version(definition)
            check_downgrade(found, version)
            if found is not None and found != version:
                migrate(definition, found, version)

    def close(self) -> None:
        """Close idle connections; a database in memory stays, since it lives in its connection."""
        with self._pool_lock:
            _close_all(self._pool)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection outside of a transaction."""
        self._check_process()
        if self.is_memory:
            with self._write_lock:
                if self._single is None:
                    self._single = self._connect()
                    weakref.finalize(self, self._single.close)
                yield self._single
            return
        with self._pool_lock:
            connection = self._pool.pop() if self._pool else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            with self._pool_lock:
                self._pool.append(connection)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[SqliteSession]:
        with translated(self.place), self.connection() as connection:
            connection.execute(begin)
            try:
                session = SqliteSession(connection)
                session.known_types = self.known_types
                yield session
                if begin == "BEGIN":
                    connection.execute("COMMIT")
                else:
                    self._commit(connection)
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            ":memory:" if self._uri is None else self._uri,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
            uri=self._uri is not None,
        )
        # As SQLite has it by default, and as ML Metadata leaves it.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        if self._has_gate:
            # With a write-ahead log no commit waits for readers.
            self._has_gate = connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal"
        add_functions(connection)
        return connection

    def hold(self) -> None:
        """Wait for the transactions of other threads and hold off new ones, until `let_go`.

        SQLite knows of the locks of a process, not of a thread: in a child, a transaction that another thread of the
        parent had begun would never end.
        """
        held = ExitStack()
        held.enter_context(self._write_lock)
        held.enter_context(self._gate.committing())
        self._held = held

    def let_go(self) -> None:
        """Let other threads go on."""
        self._held.pop_all().close()

    def _check_process(self) -> None:
        """In a child process connections of the parent are left alone, unless the database is in memory."""
        if self._pid != os.getpid():
            single = self._single
            self._finalizer.detach()
            _abandoned.extend(self._pool)
            self._reset()
            self._single = single


def _close_all(connections: list[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()


_live: weakref.WeakSet[SqliteSource] = weakref.WeakSet()
_forking: list[SqliteSource] = []


def _before_fork() -> None:
    # In one order, so that two threads that fork do not wait for each other.
    for source in sorted(_live, key=id):
        source.hold()
        _forking.append(source)


def _after_fork_in_parent() -> None:
    while _forking:
        _forking.pop().let_go()


if hasattr(os, "register_at_fork"):
    # A child makes locks of its own when it first uses a source.
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_forking.clear)

_abandoned: list[sqlite3.Connection] = []
"""Connections of a parent process: closing them in a child would be wrong."""


def _uri(location: str, mode: str) -> str | None:
    if not location:
        return None
    if location == ":memory:":
        return "file::memory:"
    if location.startswith("file:"):
        if "mode=" in location or ":memory:" in location:
            return location
        return f"{location}{'&' if '?' in location else '?'}mode={mode}"
    return f"file:{quote(str(Path(location).absolute()))}?mode={mode}"


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn errors of SQLite into those of the store."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DuplicateError(str(error)) from error
    except OverflowError as error:
        raise InvalidArgumentError(f"{place}: a number does not fit into 64 bits ({error})") from error
    except sqlite3.DatabaseError as error:
        raise _status(place, error) from error


def _status(place: str, error: sqlite3.DatabaseError) -> Exception:
    text = str(error)
    if "locked" in text or "busy" in text:
        return AbortedError(
            f"{place} was held by another process for more than {BUSY_TIMEOUT_S:.0f} s ({text}); try again"
        )
    if "readonly" in text:
        return InternalError(f"{place} was opened or is stored read-only ({text}); open it with READWRITE")
    return InternalError(f"{place}: SQLite says {text!r}; check the file and the disk")
