"""New nodes that are put faster than tables take them.

Where the truth is not in the tables (a log, or memory), the usual put, new nodes only, needs no table: its ids are
counted here, its names are looked up, and the nodes are kept as they came. Neither does a read of such nodes by their
ids. The tables take them when the next method needs tables. Whatever else a method does opens the tables first, so
every method sees all that was put before.
"""

from __future__ import annotations

import re
import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

from lakebed.metadata.sources.rows import KINDS, NodeKind, add_type_names, stored_node
from lakebed.metadata.sources.session import DuplicateError, Row
from lakebed.metadata.sources.sqlite import SqliteSession

TEXTS_AT_ONCE = 500
_OF_TYPES = re.compile(r"SELECT [\w, ]+ FROM Type(Property)?\b")
"""Queries of types, which stand in the tables at any time."""
Key = tuple[str, int, str]
"""Label of the kind, type id (0 for an external id), name."""


@dataclass(slots=True)
class Creation:
    """New nodes of one put: ids from `first` on."""

    kind: NodeKind
    nodes: Sequence[Any]
    first: int
    time: int


class Kept:
    """New nodes as they were put, the oldest first, found by their ids.

    Attributes:
        creations: In the order of the puts.
        n_nodes: In all of them.
    """

    def __init__(self) -> None:
        self.creations: list[Creation] = []
        self.n_nodes = 0
        self._by_kind: dict[str, tuple[list[int], list[Creation]]] = {kind.label: ([], []) for kind in KINDS}

    def __len__(self) -> int:
        return len(self.creations)

    def add(self, creations: Iterable[Creation]) -> None:
        """Keep further nodes; the ids of a kind ascend."""
        for creation in creations:
            firsts, of_kind = self._by_kind[creation.kind.label]
            firsts.append(creation.first)
            of_kind.append(creation)
            self.creations.append(creation)
            self.n_nodes += len(creation.nodes)

    def drop_first(self) -> None:
        """Forget the oldest nodes."""
        creation = self.creations.pop(0)
        self.n_nodes -= len(creation.nodes)
        firsts, of_kind = self._by_kind[creation.kind.label]
        del firsts[0], of_kind[0]

    def find(self, kind: NodeKind, ids: Sequence[int]) -> dict[int, tuple[Any, int]] | None:
        """Nodes by id with the time of their put; None where one of them is not kept."""
        firsts, of_kind = self._by_kind[kind.label]
        found = {}
        for node_id in ids:
            position = bisect_right(firsts, node_id) - 1
            creation = of_kind[position] if position >= 0 else None
            if creation is None or node_id >= creation.first + len(creation.nodes):
                return None
            found[node_id] = (creation.nodes[node_id - creation.first], creation.time)
        return found


@dataclass(slots=True)
class Lane:
    """What the tables will hold once they took everything: highest ids, and names that they do not have yet."""

    last_ids: dict[str, int]
    taken: set[Key] = field(default_factory=set)
    never_filled: frozenset[str] = field(init=False)
    """Tables that hold no row until the lane ends."""

    def __post_init__(self) -> None:
        self.never_filled = frozenset(table for table, last_id in self.last_ids.items() if not last_id)

    def reserve(self, connection: sqlite3.Connection, kind: NodeKind, n_nodes: int, keys: Sequence[Key]) -> int:
        """The first id for new nodes that take some names.

        Raises:
            DuplicateError: A name or external id is taken.
        """
        if keys:
            self._check(connection, kind, keys)
            self.taken.update(keys)
        first = self.last_ids[kind.table] + 1
        self.last_ids[kind.table] += n_nodes
        return first

    def _check(self, connection: sqlite3.Connection, kind: NodeKind, keys: Sequence[Key]) -> None:
        wanted = set(keys)
        if len(wanted) < len(keys):
            raise DuplicateError(
                f"UNIQUE constraint failed: two of the new {kind.table} rows have one name or external_id"
            )
        if self.taken & wanted:
            raise DuplicateError(f"UNIQUE constraint failed: {_shown(kind, next(iter(self.taken & wanted)))}")
        if kind.table in self.never_filled:
            return
        by_type: dict[int, list[str]] = {}
        for _, type_id, name in keys:
            by_type.setdefault(type_id, []).append(name)
        for type_id, names in by_type.items():
            condition, params = ("type_id = ? AND name", (type_id,)) if type_id else ("external_id", ())
            for start in range(0, len(names), TEXTS_AT_ONCE):
                some = names[start : start + TEXTS_AT_ONCE]
                marks = ", ".join("?" * len(some))
                sql = f"SELECT 1 FROM {kind.table} WHERE {condition} IN ({marks}) LIMIT 1"
                if connection.execute(sql, (*params, *some)).fetchone():
                    raise DuplicateError(f"UNIQUE constraint failed: {_shown(kind, (kind.label, type_id, some[0]))}")


def _keys(kind: NodeKind, nodes: Sequence[Any]) -> list[Key]:
    keys = [(kind.label, node.type_id, node.name) for node in nodes if node.HasField("name")]
    return keys + [(kind.label, 0, node.external_id) for node in nodes if node.HasField("external_id")]


def _shown(kind: NodeKind, key: Key) -> str:
    return f"{kind.table}.type_id, {kind.table}.name" if key[1] else f"{kind.table}.external_id"


class Deferring(Protocol):
    """What a deferred session needs of its source."""

    def peek(self) -> sqlite3.Connection:
        """The connection, to look at types and names, which need no transaction."""

    def lane(self) -> Lane:
        """Where the tables stand."""

    def enter(self, stack: ExitStack, session: DeferredSession) -> sqlite3.Connection:
        """Begin a writing transaction on tables that hold everything put before."""


class DeferredSession(SqliteSession):
    """A writing session that opens the tables only when a method needs them."""

    def __init__(self, source: Deferring) -> None:
        super().__init__(source.peek())
        self._source = source
        self._stack = ExitStack()
        self.is_open = False
        self.creations: list[Creation] = []

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run a query; types stand in the tables at any time."""
        if not self.is_open and not _OF_TYPES.match(sql):
            self.open()
        return super().rows(sql, params)

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterable[Row]:
        """Run a query whose rows are read once, before the next statement."""
        self.open()
        return super().stream(sql, params)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows."""
        self.open()
        super().insert(table, columns, rows)

    def insert_missing(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add the rows that no unique key of the table has yet."""
        self.open()
        super().insert_missing(table, columns, rows)

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        """Add rows to a table that numbers them."""
        self.open()
        return super().insert_new(table, columns, rows)

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of rows."""
        self.open()
        super().update(table, columns, rows)

    def delete(self, table: str, columns: Sequence[str], keys: Sequence[Row]) -> None:
        """Remove rows."""
        self.open()
        super().delete(table, columns, keys)

    def create_nodes(self, kind: NodeKind, nodes: Sequence[Any]) -> list[int]:
        """Keep new nodes, or write them where the tables are open."""
        if self.is_open:
            return super().create_nodes(kind, nodes)
        first = self.keep(kind, nodes, _keys(kind, nodes))
        return list(range(first, first + len(nodes)))

    def keep(self, kind: NodeKind, nodes: Sequence[Any], keys: Sequence[Key]) -> int:
        """Keep new nodes that take some names; return the first of their ids."""
        first = self._source.lane().reserve(self._source.peek(), kind, len(nodes), keys)
        self.creations.append(Creation(kind, nodes, first, self.time))
        return first

    def open(self) -> None:
        """Open the tables and write what was kept so far."""
        if self.is_open:
            return
        self.is_open = True
        self._cursor = self._source.enter(self._stack, self).cursor()
        for creation in self.creations:
            SqliteSession.create_nodes(self, creation.kind, creation.nodes)

    def finish(self, error: BaseException | None = None) -> None:
        """Commit or roll back what was opened."""
        if error is None:
            self._stack.close()
        else:
            self._stack.__exit__(type(error), error, error.__traceback__)


class KeptSession(SqliteSession):
    """A reading session over nodes that were kept; it opens the tables only for what those do not answer.

    Args:
        connection: To look at types, which stand in the tables at any time.
        kept: New nodes that nothing has changed since.
        enter: Begins a transaction on tables that hold everything.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        kept: Kept,
        enter: Callable[[ExitStack], sqlite3.Connection],
    ) -> None:
        super().__init__(connection)
        self._kept = kept
        self._enter = enter
        self._is_open = False
        self.stack = ExitStack()

    def kept_nodes(self, kind: NodeKind, ids: Sequence[int], type_names: dict[int, str]) -> dict[int, Any] | None:
        """Nodes by id that were kept; None where one of them was not."""
        found = None if self._is_open else self._kept.find(kind, ids)
        if found is None:
            return None
        add_type_names(self, type_names, {node.type_id for node, _ in found.values()})
        return {node_id: stored_node(kind, *_around(node_id, found[node_id]), type_names) for node_id in sorted(found)}

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run a query."""
        if not _OF_TYPES.match(sql):
            self._open()
        return super().rows(sql, params)

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterable[Row]:
        """Run a query whose rows are read once, before the next statement."""
        self._open()
        return super().stream(sql, params)

    def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._cursor = self._enter(self.stack).cursor()


def _around(node_id: int, found: tuple[Any, int]) -> tuple[Any, int, int]:
    return found[0], node_id, found[1]


def read_last_ids(connection: sqlite3.Connection) -> dict[str, int]:
    """Highest id that each table of nodes ever had."""
    found = dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    return {kind.table: int(found.get(kind.table, 0)) for kind in KINDS}


def write_creation(session: SqliteSession, creation: Creation) -> None:
    """Write nodes into the tables under the ids and the time that they got."""
    session.time = creation.time
    ids = SqliteSession.create_nodes(session, creation.kind, creation.nodes)
    if ids and ids[0] != creation.first:
        raise DuplicateError(f"{creation.kind.table} ids begin at {ids[0]}, expected {creation.first}")
