"""The record log seen as tables: kept in step with the log, rebuilt from it whenever they do not fit each other.

A read sees at least every entry that stood in the log when it began. A write holds the tables' writing transaction
while it checks, assigns ids, appends its entry to the log and applies it; so processes that share a file take turns,
and those that do not (other files, or memory) find their number taken, catch up and try again. An entry counts from
the moment the log has it: should SQLite fail after that, the tables are caught up later.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, exc

from lakebed.errors import CorruptionError, StorageError
from lakebed.metadata.backends.apply import Mark, apply_entry, digest_of, has_key, read_mark, write_mark
from lakebed.metadata.backends.database import Database, is_damage, reset_tables
from lakebed.metadata.backends.tables import metadata
from lakebed.metadata.records import Entry, OperationGroup, RecordLog, encode_entry

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class Projection:
    """The tables of a record log.

    Args:
        log: The truth.
        path: The SQLite file; None keeps the tables in memory.
        read_only: Write neither to the log nor to the file.

    Example:
        >>> from lakebed.metadata.records import MemoryRecordLog
        >>> projection = Projection(MemoryRecordLog(), None)
        >>> projection.read(lambda connection: connection.exec_driver_sql("SELECT count(*) FROM Type").scalar())
        9
        >>> projection.close()
    """

    def __init__(self, log: RecordLog, path: Path | None, *, read_only: bool = False) -> None:
        self._log = log
        self._database = Database(path, read_only=read_only)
        self._verified_generation = 0
        self._writer = (0, "")

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on tables that hold every entry of the log.

        Args:
            query: Called once, or twice where the file turns out to be damaged; returns plain values.

        Returns:
            What the query returned.

        Raises:
            CorruptionError: An entry of the log is damaged.
            StorageError: SQLite refused.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> Projection(MemoryRecordLog(), None).read(lambda connection: connection.closed)
            False
        """
        return self._mending(lambda: self._read(query))

    def write(self, change: Callable[[Connection, Mark], tuple[Sequence[OperationGroup], T]]) -> T:
        """Write one entry.

        Args:
            change: Given tables that hold the whole log and the mark that the entry will get (without digest); checks,
                applies its operations and returns them with its result. Called again from the start where another
                process was faster. No operations: nothing is written.

        Returns:
            The result of the last call of `change`.

        Raises:
            StorageError: SQLite refused, or the log takes no entry.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> Projection(MemoryRecordLog(), None).write(lambda connection, mark: ((), mark.seq))
            1
        """
        return self._mending(lambda: self._write(change))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a reading transaction on tables that hold every entry of the log.

        Yields:
            The connection.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> projection = Projection(MemoryRecordLog(), None)
            >>> with projection.reading() as connection:
            ...     projection.mark(connection)
            (0, 0)
        """
        self._mending(self._sync)
        with self._database.read() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a writing transaction on tables that hold every entry of the log; the caller moves the mark.

        Yields:
            The connection.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> projection = Projection(MemoryRecordLog(), None)
            >>> with projection.writing() as connection:
            ...     projection.move_mark(connection, 1, b"entry", 7)
            >>> with projection.reading() as connection:
            ...     projection.mark(connection)
            (1, 7)
        """
        self._mending(self._sync)
        with self._database.write() as connection:
            yield connection

    def mark(self, connection: Connection) -> tuple[int, int]:
        """Return number and time of the entry that was applied last.

        Args:
            connection: In a transaction.

        Returns:
            The number, and milliseconds since 1970 UTC; zeros for an empty log.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> projection = Projection(MemoryRecordLog(), None)
            >>> projection.read(projection.mark)
            (0, 0)
        """
        found = read_mark(connection)
        return found.seq, found.time

    def move_mark(self, connection: Connection, seq: int, body: bytes, time_ms: int) -> None:
        """Say that an entry was applied.

        Args:
            connection: In a writing transaction.
            seq: Number of the entry.
            body: The entry.
            time_ms: Its time.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> projection = Projection(MemoryRecordLog(), None)
            >>> with projection.writing() as connection:
            ...     projection.move_mark(connection, 1, b"entry", 7)
        """
        write_mark(connection, Mark(seq, digest_of(body), time_ms))

    @property
    def generation(self) -> int:
        """Number of the connection that is open: a fork closes it, and so does `close`."""
        return self._database.generation

    def has_key(self, key: str) -> bool:
        """Return whether a group of that key is recorded.

        Args:
            key: E.g. `commit:<hex>`.

        Returns:
            True where it is.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> Projection(MemoryRecordLog(), None).has_key("commit:9f")
            False
        """
        return self.read(lambda connection: has_key(connection, key))

    def differences(self) -> list[str]:
        """Compare the tables with ones built afresh from the log.

        Returns:
            Names of the tables that differ, in their order; empty where all is well.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> Projection(MemoryRecordLog(), None).differences()
            []
        """
        found, seq = self.read(lambda connection: (dump_tables(connection), read_mark(connection).seq))
        fresh = Database(None)
        with fresh.write() as connection:
            for number, body in self._log.read(0)[:seq]:
                apply_entry(connection, number, body)
            expected = dump_tables(connection)
        fresh.close()
        return [name for name in expected if expected[name] != found[name]]

    def rebuild(self) -> None:
        """Empty the tables and fill them from the log.

        Raises:
            CorruptionError: An entry of the log is damaged.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> Projection(MemoryRecordLog(), None).rebuild()
        """
        self._mending(lambda: self._catch_up(from_scratch=True))

    def close(self) -> None:
        """Close the file; the next use opens it again.

        Example:
            >>> from lakebed.metadata.records import MemoryRecordLog
            >>> Projection(MemoryRecordLog(), None).close()
        """
        self._database.close()

    def _mending(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except exc.DatabaseError as error:
            if not is_damage(error):
                raise
            _logger.warning("the metadata projection is damaged (%s); it is rebuilt from the record log", error.orig)
        self._database.rebuild()
        return action()

    def _sync(self) -> None:
        head = self._log.head()
        with self._database.read() as connection:
            if self._is_current(read_mark(connection), head):
                return
        self._catch_up()

    def _read(self, query: Callable[[Connection], T]) -> T:
        head = self._log.head()
        with self._database.read() as connection:
            if self._is_current(read_mark(connection), head):
                return query(connection)
        self._catch_up()
        with self._database.read() as connection:
            return query(connection)

    def _write(self, change: Callable[[Connection, Mark], tuple[Sequence[OperationGroup], T]]) -> T:
        while True:
            attempt = self._attempt(change)
            if attempt is not None:
                return attempt[0]
            self._catch_up()

    def _attempt(self, change: Callable[[Connection, Mark], tuple[Sequence[OperationGroup], T]]) -> tuple[T] | None:
        """Return the result in a tuple, or None where the tables have first to catch up."""
        result: tuple[T] | None = None
        is_recorded = False
        try:
            with self._database.write() as connection:
                last = read_mark(connection)
                if not self._is_current(last, self._log.head()):
                    return None
                mark = Mark(last.seq + 1, "", max(last.time, time.time_ns() // 1_000_000))
                groups, value = change(connection, mark)
                result = (value,)
                if groups:
                    body = encode_entry(Entry(self._writer_id(), mark.time, tuple(groups)))
                    self._append(mark.seq, body)
                    is_recorded = True
                    write_mark(connection, Mark(mark.seq, digest_of(body), mark.time))
        except _NumberTakenError:
            return None
        except (exc.DatabaseError, StorageError) as error:
            if not is_recorded:
                raise
            _logger.warning("a record was written but not applied (%s); the projection is caught up later", error)
            self._database.close()
        return result

    def _append(self, seq: int, body: bytes) -> None:
        if self._log.append(seq, body):
            return
        if self._log.head() < seq:
            raise StorageError(f"the record log refused entry {seq} but has none of that number; verify the warehouse")
        raise _NumberTakenError

    def _is_current(self, mark: Mark, head: int) -> bool:
        return mark.seq >= head and self._verified_generation == self._database.generation

    def _catch_up(self, *, from_scratch: bool = False) -> None:
        try:
            self._apply_new(from_scratch=from_scratch)
        except exc.IntegrityError as error:
            if from_scratch:
                raise CorruptionError(
                    f"the record log contradicts itself ({error.orig}); verify the warehouse",
                ) from error
            _logger.warning("the metadata projection does not fit its log (%s); it is rebuilt", error.orig)
            self._catch_up(from_scratch=True)

    def _apply_new(self, *, from_scratch: bool) -> None:
        with self._database.write() as connection:
            last = read_mark(connection)
            entries = self._log.read(max(last.seq - 1, 0))
            if last.seq and not from_scratch:
                # The last applied entry is read again: a file of another log must not pass for this one's.
                from_scratch = not entries or digest_of(entries[0][1]) != last.digest
                entries = entries[1:]
            if from_scratch:
                reset_tables(connection)
                entries = self._log.read(0)
            for seq, body in entries:
                apply_entry(connection, seq, body)
        self._verified_generation = self._database.generation

    def _writer_id(self) -> str:
        """A child process is another writer."""
        if self._writer[0] != os.getpid():
            self._writer = (os.getpid(), uuid.uuid4().hex)
        return self._writer[1]


def dump_tables(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables.

    Args:
        connection: In a transaction.

    Returns:
        Rows by table, in an order that does not depend on how they were written; steps of a path in theirs.

    Example:
        >>> with Database(None).read() as connection:
        ...     dump_tables(connection)["MLMDEnv"]
        [(10,)]
    """
    dump = {}
    for name in (*metadata.tables, "sqlite_sequence"):
        rows = connection.exec_driver_sql(f'SELECT * FROM "{name}" ORDER BY rowid').fetchall()
        # The steps of a path have no other order than that of their rows.
        dump[name] = sorted((tuple(row) for row in rows), key=_first if name == "EventPath" else repr)
    return dump


class _NumberTakenError(Exception):
    """Another process appended the entry first."""


def _first(row: tuple[object, ...]) -> str:
    return repr(row[0])
