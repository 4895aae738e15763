"""The SQLite file of a projection: opened, checked, made anew, and shared by threads and processes.

The file holds nothing that the record log does not hold, so whatever is wrong with it is mended by starting an empty
one: a stale or half-made file of ours is emptied in one transaction, a damaged or foreign one is set aside under the
name `<file>.damaged`, never deleted. The checks at opening cost a few milliseconds; they find a file that is cut, not
SQLite, of another version or lacks a table, column or index. One connection serves all threads under one lock; other
processes are waited for. Before a fork the connection is closed, so that parent and child each open their own. No
entry of the log is known here.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.pool import StaticPool

from lakebed.errors import StorageError, UnwritableError
from lakebed.metadata.backends.tables import (
    APPLICATION_ID,
    PROJECTION_VERSION,
    SCHEMA_VERSION,
    create_tables,
    metadata,
)

BUSY_TIMEOUT_S = 60.0
"""How long another process is waited for."""
QUICK_CHECK_BYTES = 4 << 20
"""Files up to this size are checked page by page when they are opened."""

_logger = logging.getLogger(__name__)


class Database:
    """The tables in a SQLite file or in memory, with reading and writing transactions.

    Args:
        path: The file; None keeps the tables in memory.
        read_only: Never write to the file: its content is copied into memory where it is sound.

    Example:
        >>> database = Database(None)
        >>> with database.read() as connection:
        ...     connection.exec_driver_sql("SELECT schema_version FROM MLMDEnv").scalar()
        10
        >>> database.close()
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.generation = 0
        """Grows whenever the tables were opened or made anew."""
        self._lock = threading.RLock()
        self._engine: Engine | None = None
        self._is_busy = False
        self._finalizer: weakref.finalize[..., Any] | None = None
        with _live_lock:
            _live.add(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a reading transaction: all it reads is of one moment.

        Yields:
            The connection.

        Raises:
            StorageError: SQLite refused, or another process held the file too long.
            UnwritableError: The file or its folder cannot be written.

        Example:
            >>> with Database(None).read() as connection:
            ...     connection.in_transaction()
            True
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a writing transaction; it is committed at the end, and rolled back on an exception.

        Yields:
            The connection; no other process writes meanwhile.

        Raises:
            StorageError: SQLite refused, or another process held the file too long.
            UnwritableError: The file or its folder cannot be written.

        Example:
            >>> with Database(None).write() as connection:
            ...     connection.exec_driver_sql("DELETE FROM Event").rowcount
            0
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def rebuild(self) -> None:
        """Start with empty tables, because the present ones turned out to be damaged.

        Example:
            >>> database = Database(None)
            >>> database.rebuild()
            >>> database.close()
        """
        with self._lock, _translated(self.path):
            self._disconnect()
            if self.path is not None and not self.read_only:
                with _exclusive(self.path):
                    _ensure_file(self.path, is_thorough=True)

    def close(self) -> None:
        """Close the connection; the next transaction opens it again.

        Example:
            >>> Database(None).close()
        """
        with self._lock:
            self._disconnect()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with self._lock, _translated(self.path):
            engine = self._engine or self._connect()
            self._is_busy = True
            try:
                with engine.execution_options(lakebed_begin=begin).begin() as connection:
                    yield connection
            finally:
                self._is_busy = False

    def _connect(self) -> Engine:
        if self.path is None:
            engine = _new_memory()
        elif self.read_only:
            engine = _copy_into_memory(self.path)
        else:
            engine = _open_file(self.path)
        self.generation += 1
        self._engine = engine
        self._finalizer = weakref.finalize(self, engine.dispose)
        return engine

    def _disconnect(self) -> None:
        if self._finalizer is not None:
            self._finalizer()
            self.generation += 1
        self._engine = self._finalizer = None

    def _before_fork(self) -> None:
        """A file's locks belong to one process; memory is copied with the process."""
        self._lock.acquire()
        if self.path is not None and not self.read_only and not self._is_busy:
            self._disconnect()

    def _after_fork(self) -> None:
        self._lock.release()


def reset_tables(connection: Connection) -> None:
    """Drop every table and make them anew, empty.

    Args:
        connection: In a writing transaction.

    Example:
        >>> with Database(None).write() as connection:
        ...     reset_tables(connection)
    """
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for (name,) in connection.exec_driver_sql(names).fetchall():
        connection.exec_driver_sql(f'DROP TABLE "{name.replace(chr(34), chr(34) * 2)}"')
    create_tables(connection)


def is_damage(error: BaseException) -> bool:
    """Return whether an error of SQLite says that the file is damaged.

    Args:
        error: As SQLAlchemy or sqlite3 raises it.

    Returns:
        False for locks, full disks, missing rights and broken constraints.

    Example:
        >>> is_damage(sqlite3.DatabaseError("database disk image is malformed"))
        True
    """
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if type(cause) is sqlite3.DatabaseError:
        return True
    return isinstance(cause, sqlite3.OperationalError) and str(cause).startswith(("no such table", "no such column"))


class _Health(Enum):
    SOUND = "sound"
    EMPTY = "empty"
    STALE = "of another version or half-made"
    FOREIGN = "not made by Lakebed"
    DAMAGED = "damaged"


def _open_file(path: Path) -> Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or _health_of_file(path, is_thorough=False) is not _Health.SOUND:
        with _exclusive(path):
            _ensure_file(path, is_thorough=False)
    return _new_engine(path)


def _ensure_file(path: Path, *, is_thorough: bool) -> None:
    """Make the file sound; whoever calls holds the lock, so nobody else is doing the same."""
    health = _health_of_file(path, is_thorough=is_thorough) if path.exists() else _Health.EMPTY
    if health is _Health.SOUND:
        return
    if health is not _Health.EMPTY:
        _logger.warning("the metadata projection %s is %s; it is rebuilt from the record log", path, health.value)
    if health in {_Health.FOREIGN, _Health.DAMAGED}:
        _set_aside(path)
    engine = _new_engine(path)
    try:
        with engine.connect() as connection:
            # Readers never wait for writers; a file system that cannot do it keeps its own mode.
            connection.connection.execute("PRAGMA journal_mode = WAL")
        with engine.execution_options(lakebed_begin="BEGIN IMMEDIATE").begin() as connection:
            reset_tables(connection)
    finally:
        engine.dispose()


def _set_aside(path: Path) -> None:
    """The journals go with their file: SQLite would play them into the new one."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        aside = Path(f"{path}.damaged{suffix}")
        try:
            Path(f"{path}{suffix}").replace(aside)
        except FileNotFoundError:
            aside.unlink(missing_ok=True)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold off other processes by a lock on a file beside the projection; SQLite's own locks work everywhere."""
    lock = sqlite3.connect(f"{path}.lock", timeout=BUSY_TIMEOUT_S, isolation_level=None)
    with closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        yield
        lock.execute("ROLLBACK")


def _health_of_file(path: Path, *, is_thorough: bool) -> _Health:
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
        return _health(connection, is_thorough=is_thorough or path.stat().st_size <= QUICK_CHECK_BYTES)


def _health(connection: sqlite3.Connection, *, is_thorough: bool) -> _Health:
    try:
        health = _health_of_schema(connection)
        if health is _Health.SOUND and is_thorough:
            found = connection.execute("PRAGMA quick_check(1)").fetchall()
            health = _Health.SOUND if found == [("ok",)] else _Health.DAMAGED
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return _Health.DAMAGED
    return health


def _health_of_schema(connection: sqlite3.Connection) -> _Health:
    columns = connection.execute(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
    ).fetchall()
    if not columns:
        return _Health.EMPTY
    if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
        return _Health.FOREIGN
    indexes = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()
    if not (set(columns) >= _COLUMNS and {name for (name,) in indexes} >= _INDEXES):
        return _Health.STALE
    versions = connection.execute("SELECT schema_version FROM MLMDEnv").fetchall()
    marks = connection.execute("SELECT version FROM lakebed_projection").fetchall()
    return _Health.SOUND if (versions, marks) == ([(SCHEMA_VERSION,)], [(PROJECTION_VERSION,)]) else _Health.STALE


_COLUMNS = frozenset((table.name, column.name) for table in metadata.tables.values() for column in table.columns)
_INDEXES = frozenset(str(index.name) for table in metadata.tables.values() for index in table.indexes)


def _new_engine(path: Path | None) -> Engine:
    def connect() -> sqlite3.Connection:
        # SQLAlchemy writes BEGIN itself (below): Python's own rules about transactions are switched off.
        connection = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        # In WAL mode the file stays sound without a sync for each commit; a lost end is taken from the log again.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("lakebed_begin", "BEGIN"))

    event.listen(engine, "begin", begin)
    return engine


def _new_memory() -> Engine:
    engine = _new_engine(None)
    with engine.begin() as connection:
        create_tables(connection)
    return engine


def _copy_into_memory(path: Path) -> Engine:
    """A file that cannot be read or is not sound is left alone: the log fills empty tables."""
    engine = _new_engine(None)
    try:
        before = path.stat()
        # Without a write-ahead log nobody has the file open, and SQLite needs to put nothing beside it.
        is_idle = not Path(f"{path}-wal").exists()
        uri = f"{path.absolute().as_uri()}?{'immutable=1' if is_idle else 'mode=ro'}"
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(engine.raw_connection()) as raw:
            target = cast("sqlite3.Connection", raw.driver_connection)
            source.backup(target)
            is_whole = not is_idle or _identity(path.stat()) == _identity(before)
            if is_whole and _health(target, is_thorough=True) is _Health.SOUND:
                return engine
    except (OSError, sqlite3.Error, exc.DBAPIError):
        _logger.info("the metadata projection %s cannot be copied; it is built in memory", path)
    engine.dispose()
    return _new_memory()


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _translated(path: Path | None) -> Iterator[None]:
    """Turn what SQLite says about locks, rights and disks into Lakebed's errors; damage passes as it is."""
    try:
        yield
    except (exc.OperationalError, sqlite3.OperationalError) as error:
        if is_damage(error):
            raise
        text = str(error.orig if isinstance(error, exc.OperationalError) else error)
        place = f"the metadata projection {path or 'in memory'}"
        if text.startswith(("attempt to write a readonly", "unable to open")):
            raise UnwritableError(
                f"{place} cannot be written ({text}); mend the rights of its folder or open it read-only",
            ) from error
        if "locked" in text or "busy" in text:
            raise StorageError(
                f"{place} is held by another process for more than {BUSY_TIMEOUT_S:.0f} s; let that one finish",
            ) from error
        raise StorageError(f"{place}: SQLite says {text!r}; check the disk, then open the warehouse again") from error
    except PermissionError as error:
        raise UnwritableError(f"the folder of {path} cannot be written ({error}); mend its rights") from error


_live: weakref.WeakSet[Database] = weakref.WeakSet()
_live_lock = threading.Lock()
_forking: list[Database] = []


def _before_fork() -> None:
    _live_lock.acquire()
    _forking.extend(_live)
    for database in _forking:
        database._before_fork()  # noqa: SLF001


def _after_fork() -> None:
    while _forking:
        _forking.pop()._after_fork()  # noqa: SLF001
    _live_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
