"""A database in memory: tables of SQLite, and new nodes as they came until somebody asks for tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from lakebed.metadata.sources.deferred import (
    Creation,
    DeferredSession,
    Kept,
    KeptSession,
    Lane,
    read_last_ids,
    write_creation,
)
from lakebed.metadata.sources.session import Session
from lakebed.metadata.sources.sqlite import SqliteSession, SqliteSource, translated


class MemorySource(SqliteSource):
    """Tables in memory that end with the store."""

    def __init__(self) -> None:
        super().__init__("")
        self._pending = Kept()
        self._lane: Lane | None = None
        self._is_made = False

    def open(self, *, may_upgrade: bool = False) -> None:
        """Make the tables."""
        super().open(may_upgrade=may_upgrade)
        self._is_made = True

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads."""
        self._check_process()
        with self._write_lock:
            if not self._pending:
                with super().read() as session:
                    yield session
                return
            with translated(self.place):
                kept = KeptSession(self.peek(), self._pending, self._enter_read)
                with kept.stack:
                    yield kept

    @contextmanager
    def write(self) -> Iterator[SqliteSession]:
        """Open a session that writes."""
        if not self._is_made:
            with super().write() as session:
                yield session
            return
        self._check_process()
        with self._write_lock, translated(self.place):
            session = DeferredSession(self)
            session.known_types = self.known_types
            try:
                yield session
            except BaseException as error:
                self._undo(session, error)
                raise
            self._keep(session)

    def _keep(self, session: DeferredSession) -> None:
        if session.is_open:
            session.finish()
            self._lane = None
        else:
            self._pending.add(session.creations)

    def _undo(self, session: DeferredSession, error: BaseException) -> None:
        with suppress(sqlite3.Error):
            session.finish(error)
        if session.creations and self._lane is not None:
            self._lane = None
            if self._pending:
                self._take_pending()

    def peek(self) -> sqlite3.Connection:
        """The one connection."""
        with self.connection() as connection:
            return connection

    def lane(self) -> Lane:
        """Where the tables stand."""
        if self._lane is None:
            self._lane = Lane(read_last_ids(self.peek()))
            for creation in self._pending.creations:
                self._lane.last_ids[creation.kind.table] += len(creation.nodes)
        return self._lane

    def enter(self, stack: ExitStack, session: DeferredSession) -> sqlite3.Connection:
        """Begin a transaction behind everything that was put before."""
        del session
        self._take_pending()
        stack.enter_context(self._transaction("BEGIN IMMEDIATE"))
        return self.peek()

    def _enter_read(self, stack: ExitStack) -> sqlite3.Connection:
        self._take_pending()
        stack.enter_context(self._transaction("BEGIN"))
        return self.peek()

    def _take_pending(self) -> None:
        pending, self._pending, self._lane = self._pending, Kept(), None
        if not pending:
            return
        with self._transaction("BEGIN IMMEDIATE") as session:
            self._write_all(session, pending.creations)

    @staticmethod
    def _write_all(session: SqliteSession, pending: list[Creation]) -> None:
        for creation in pending:
            write_creation(session, creation)
