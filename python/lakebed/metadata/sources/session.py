"""What the methods of the store need of a database: one transaction at a time, rows in, rows out.

SQL is written once, with `?` for each bound value and bare names for tables and columns (PostgreSQL folds them to its
lower-case ones); a session spells it for its driver. All changes go through `insert`, `insert_new`, `update`, `delete`
and `create_nodes`, so that a source may also keep them in a journal. Nothing here knows a driver.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Row: TypeAlias = tuple[Any, ...]
KnownTypes: TypeAlias = dict[tuple[int, int], tuple[str, dict[str, str]]]

TEXTS_AT_ONCE = 500
"""Bound texts in one statement."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of a WHERE clause on the table alias `n`.

    Args:
        sql: The condition.
        params: Its values.
        tables: What stands before the table of the nodes in the FROM clause.
    """

    sql: str
    params: tuple[Any, ...] = ()
    tables: str = ""


class DuplicateError(Exception):
    """A unique key of the database has such a row already."""


class ValueRangeError(Exception):
    """A column of the database is too narrow for a value."""


class ConcurrentChangeError(Exception):
    """The transaction has to be run again, because of another one."""


class Session(ABC):
    """One transaction.

    Attributes:
        dialect: "sqlite", "mysql" or "postgresql".
        time: Milliseconds since 1970 UTC that everything written in it gets.
        known_types: Name and kinds of properties of stored types, by kind and id; what a source has read before. A type
            never loses a property nor changes its kind, so an entry is at worst incomplete.
    """

    dialect: str
    time: int
    known_types: KnownTypes

    def __init__(self) -> None:
        self.time = time.time_ns() // 1_000_000
        self.known_types = {}

    def kept_nodes(self, kind: Any, ids: Sequence[int], type_names: dict[int, str]) -> dict[int, Any] | None:
        """Nodes by id that are at hand without the tables; None where one of them may not be."""
        del kind, ids, type_names
        return None

    @abstractmethod
    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run a query."""

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterable[Row]:
        """Run a query whose rows are read once, before the next statement."""
        return self.rows(sql, params)

    @abstractmethod
    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows."""

    @abstractmethod
    def insert_missing(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add the rows that no unique key of the table has yet."""

    @abstractmethod
    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        """Add rows to a table that numbers them; return their ids in their order."""

    @abstractmethod
    def update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of rows; each tuple ends with the id of its row."""

    @abstractmethod
    def delete(self, table: str, columns: Sequence[str], keys: Sequence[Row]) -> None:
        """Remove the rows whose columns are equal to one of the keys."""

    @abstractmethod
    def ids_condition(self, column: str, ids: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
        """A condition that a column holds one of some ids, with its values."""

    def lock_types(self) -> None:  # noqa: B027 - not every database needs it
        """Hold off other writers of types and links until the end of the transaction."""

    def lock_nodes(self, table: str, ids: Sequence[int]) -> None:  # noqa: B027 - not every database needs it
        """Hold off other writers of some rows until the end of the transaction."""

    @abstractmethod
    def create_nodes(self, kind: Any, nodes: Sequence[Any]) -> list[int]:
        """Write new nodes of a `NodeKind` that were checked; return their ids."""

    def by_ids(self, sql: str, column: str, ids: Sequence[int], tail: str = "") -> list[Row]:
        """Run `sql WHERE <column is one of the ids> tail`."""
        if not ids:
            return []
        condition, params = self.ids_condition(column, ids)
        return self.rows(f"{sql} WHERE {condition}{tail}", params)

    def by_texts(self, sql: str, column: str, texts: Sequence[str]) -> list[Row]:
        """Run `sql WHERE <column is one of the texts>`."""
        found: list[Row] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = texts[start : start + TEXTS_AT_ONCE]
            found += self.rows(f"{sql} WHERE {column} IN ({', '.join('?' * len(some))})", some)
        return found


class Source(ABC):
    """A database that sessions are opened on. Safe for threads; survives a fork."""

    dialect: str
    place: str
    """Where it is, for messages."""

    def __init__(self) -> None:
        self.type_names: dict[int, str] = {}
        """Names of types by id, as committed; a name never changes."""
        self.known_types: KnownTypes = {}
        """What sessions share of types, as committed."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Session]:
        """Open a session that only reads: all of one moment."""

    @abstractmethod
    def write(self) -> AbstractContextManager[Session]:
        """Open a session that writes; committed at the end of the block, rolled back on an exception."""

    def call(self, work: Callable[[Session], T], *, is_write: bool) -> T:
        """Run a whole method in one transaction, maybe beside those of other threads.

        Args:
            work: Given a session; may be run again from the start.
            is_write: Whether it writes.

        Returns:
            What `work` gave; durable by now.
        """
        with self.write() if is_write else self.read() as session:
            return work(session)

    @abstractmethod
    def close(self) -> None:
        """Give back connections; the next session opens them again."""

    def widen(self) -> bool:
        """Make columns wide enough for 64-bit values; return whether that changed anything."""
        return False


def dense_range(ids: Sequence[int]) -> tuple[int, int] | None:
    """The first and last of ids that leave no gap between them, else None.

    Example:
        >>> dense_range([3, 4, 5]), dense_range([3, 5])
        ((3, 5), None)
    """
    if not ids:
        return None
    low, high = min(ids), max(ids)
    return (low, high) if high - low + 1 == len(ids) and len(set(ids)) == len(ids) else None


def in_chunks(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Parts of a sequence, each of at most `size` items."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
