"""A database in the records of a warehouse: an append-only log is the truth, SQLite tables are a projection of it.

A write is one entry of the log, all or nothing, durable when it returns. Several processes may write: the number of an
entry can be taken once, and whoever comes second reads what the other wrote and runs again. The tables take entries
when a method needs tables, and may be deleted at any time.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, exc

from lakebed.errors import LakebedError, ReadOnlyError
from lakebed.metadata.backends.projection import Projection
from lakebed.metadata.records import RecordLog
from lakebed.metadata.sources.deferred import Creation, DeferredSession, Kept, KeptSession, Lane, read_last_ids
from lakebed.metadata.sources.journal import JournalSession
from lakebed.metadata.sources.session import ConcurrentChangeError, DuplicateError, Session, Source, T
from lakebed.metadata.sources.sqlite import SqliteSession, add_functions, translated
from lakebed.metadata.sources.turns import Call, Group, Turns
from lakebed.metadata.status import InternalError, StatusError

MAX_KEPT = 10_000
"""Nodes that a source keeps as they were put, besides the log; those of the last put in any case."""


class BlockSource(Source):
    """A record log with its projection.

    Args:
        log: The truth.
        path: File of the projection; None keeps it in memory.
        place: What messages call it.
        read_only: Refuse every write.
    """

    dialect = "sqlite"

    def __init__(self, log: RecordLog, path: Path | None, place: str, *, read_only: bool = False) -> None:
        super().__init__()
        self.place = place
        self._log = log
        self._read_only = read_only
        self._projection = Projection(log, path, read_only=read_only)
        self._pid = os.getpid()
        self._lock = Turns()
        self._group = Group(self._run_together)
        self._lane: Lane | None = None
        self._kept = Kept()
        self._seq = 0
        self._time = 0
        self._raw: sqlite3.Connection | None = None
        self._generation = 0
        self._writer = (0, "")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads."""
        self._check_process()
        with self._translated(), self._lock:
            if self._kept and self._log.head() == self._seq:
                kept = KeptSession(self.peek(), self._kept, self._enter_read)
                with kept.stack:
                    yield kept
                return
            self._kept = Kept()
            with self._projection.reading() as connection:
                yield SqliteSession(_raw(connection))

    def _enter_read(self, stack: ExitStack) -> sqlite3.Connection:
        self._kept = Kept()
        return _raw(stack.enter_context(self._projection.reading()))

    def call(self, work: Callable[[Session], T], *, is_write: bool) -> T:
        """Run a method; those of several threads that write share an entry of the log."""
        if not is_write:
            return super().call(work, is_write=False)
        self._check_process()
        return self._group.call(work)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that writes."""
        self._check_process()
        with self._translated(), self._lock:
            session = self._begin()
            try:
                yield session
                self._commit(session)
            except BaseException as error:
                self._roll_back(session, error)
                raise self._reconsidered(error) from error

    def _run_together(self, first: Call[Any], more: Callable[[], Call[Any] | None]) -> None:
        calls = [first]
        try:
            with self._translated(), self._lock:
                self._run_calls(calls, more)
        except Exception as error:  # noqa: BLE001 - it is that of every call
            for call in calls:
                call.error = copy(error)
        for call in calls:
            call.is_done = True

    def _run_calls(self, calls: list[Call[Any]], more: Callable[[], Call[Any] | None]) -> None:
        """Run the first call and what comes meanwhile as one entry, each as if it were alone."""
        session = self._begin()
        waiting, kept = deque(calls), list[Call[Any]]()
        try:
            while (call := waiting.popleft() if waiting else more()) is not None:
                if call not in calls:
                    calls.append(call)
                if self._run_call(session, call):
                    kept.append(call)
                    continue
                # An entry has no part that could be taken back: the calls before this one run once more without it.
                self._roll_back(session, call.error)
                waiting.extendleft(reversed(kept))
                kept.clear()
                session = self._begin()
            self._commit(session)
        except BaseException as error:
            self._roll_back(session, error)
            raise self._reconsidered(error) from error

    def _run_call(self, session: JournalSession, call: Call[Any]) -> bool:
        try:
            with self._translated():
                call.answer = call.work(session)
        except Exception as error:  # noqa: BLE001 - the caller raises it in its thread
            call.error = self._reconsidered(error)
        return call.error is None

    def _begin(self) -> JournalSession:
        if self._read_only:
            raise ReadOnlyError(f"{self.place} was opened read-only; open it for writing")
        self.lane()
        session = JournalSession(self, self._time)
        session.known_types = self.known_types
        return session

    def _commit(self, session: JournalSession) -> None:
        self._append(session)
        session.finish()
        if session.is_open:
            self._lane, self._kept = None, Kept()
        else:
            self._keep(session.creations)

    def _roll_back(self, session: JournalSession, error: BaseException | None) -> None:
        self._lane, self._kept = None, Kept()
        # What is known of types may have been read within what is lost.
        self.known_types = {}
        with suppress(sqlite3.Error, exc.SQLAlchemyError):
            session.finish(error)

    def _reconsidered(self, error: BaseException) -> BaseException:
        """What was missing or taken may be so no longer where others wrote meanwhile: then look again."""
        if isinstance(error, (StatusError, DuplicateError)) and self._log.head() > self._seq:
            return ConcurrentChangeError(f"the log grew beyond entry {self._seq}")
        return error

    def _keep(self, creations: Sequence[Creation]) -> None:
        """Keep the newest nodes for whoever asks for them next; older ones are in the log."""
        self._kept.add(creations)
        while len(self._kept) > 1 and self._kept.n_nodes > MAX_KEPT:
            self._kept.drop_first()

    def close(self) -> None:
        """Close the projection; the next session opens it again."""
        with self._lock:
            self._lane, self._raw, self._kept = None, None, Kept()
            self._projection.close()

    def open(self, *, may_upgrade: bool = False) -> None:
        """Nothing is to be made: an empty log is an empty store."""
        del may_upgrade

    def peek(self) -> sqlite3.Connection:
        """The connection of the projection."""
        if self._raw is None or self._generation != self._projection.generation:
            with self._projection.reading() as connection:
                self._raw, self._generation = _raw(connection), self._projection.generation
        return self._raw

    def lane(self) -> Lane:
        """Where the tables stand once they took the whole log."""
        if self._lane is None:
            with self._projection.reading() as connection:
                self._raw, self._generation = _raw(connection), self._projection.generation
                self._seq, self._time = self._projection.mark(connection)
                self._lane = Lane(read_last_ids(self._raw))
        return self._lane

    def enter(self, stack: ExitStack, session: DeferredSession) -> sqlite3.Connection:
        """Begin a transaction of the projection behind everything that the log has."""
        raw = stack.enter_context(self._projection.writing())
        connection = _raw(raw)
        seq, time = self._projection.mark(raw)
        if seq != self._seq:
            raise ConcurrentChangeError(f"the log stands at {seq}, the session began at {self._seq}")
        session.time = max(session.time, time)
        stack.push(self._marker(raw, session))
        return connection

    def _marker(self, raw: Connection, session: DeferredSession) -> Any:
        """Move the mark before the transaction ends."""

        def move(error_type: Any, error: Any, trace: Any) -> None:
            del error, trace
            if error_type is None and isinstance(session, JournalSession) and session.changes.ops:
                self._projection.move_mark(raw, self._seq, self._body, session.time)

        return move

    def _append(self, session: JournalSession) -> None:
        if not session.changes.ops:
            return
        self._body = session.changes.encode(self._writer_id(), session.time)
        if not self._log.append(self._seq + 1, self._body):
            raise ConcurrentChangeError(f"entry {self._seq + 1} was written by another process")
        self._seq += 1
        self._time = session.time

    def _check_process(self) -> None:
        """In a child process whoever held the lock of the parent is not there."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._lock, self._group = Turns(), Group(self._run_together)
            self._lane, self._raw, self._kept = None, None, Kept()

    def _writer_id(self) -> str:
        """A child process is another writer."""
        if self._writer[0] != os.getpid():
            self._writer = (os.getpid(), uuid.uuid4().hex)
        return self._writer[1]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated(self.place):
                yield
        except exc.DBAPIError as error:
            raise InternalError(
                f"{self.place}: SQLite says {error.orig}; delete the projection and try again"
            ) from error
        except LakebedError as error:
            raise InternalError(f"{self.place}: {error}") from error


def _raw(connection: Connection) -> sqlite3.Connection:
    raw = cast("sqlite3.Connection", connection.connection.driver_connection)
    add_functions(raw)
    return raw
