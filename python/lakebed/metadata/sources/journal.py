"""Entries of the record log that hold changes of rows: what the methods of ML Metadata's interface write.

Format of the body of an entry, version 2: `LBM2`, a line of JSON in UTF-8, a line feed, then the parts that the
line names, one behind the other.

    line       {"ops": [op, ...], "time": int, "version": 2, "writer": 32 hex digits}
    op         ["create", kind, first id, bytes]          a LineageGraph message with new nodes: ids count from the
    first ["columns", kind, first id, bytes]         the same as an Arrow stream
               ["insert" | "missing", table, columns, rows]
               ["update", table, columns, rows]           each row ends with the id of what is set
               ["delete", table, columns, keys]
    kind       "artifact" | "execution" | "context"
    row        list of null, number, text, bool or {"b": base64}

`missing` adds the rows that no unique key has yet. Applying the same entries in order makes the same rows: every id is
in the entry or follows from the ones before. Numbers may be `NaN` and `Infinity`, as Python's json writes them.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lakebed.errors import CorruptionError, FormatVersionError
from lakebed.metadata.messages import message_class
from lakebed.metadata.sources.columns import write_stream
from lakebed.metadata.sources.deferred import Creation, DeferredSession, Deferring, write_creation
from lakebed.metadata.sources.rows import KINDS, NodeKind
from lakebed.metadata.sources.session import Row
from lakebed.metadata.sources.sqlite import SqliteSession

MAGIC = b"LBM2"
VERSION = 2
_KINDS = {kind.label: kind for kind in KINDS}


@dataclass(slots=True)
class Changes:
    """Changes of one transaction, in their order."""

    ops: list[list[Any]] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)

    def add_rows(self, op: str, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add a change of rows."""
        if rows:
            self.ops.append([op, table, list(columns), [[_encode(value) for value in row] for row in rows]])

    def add_creation(self, kind: NodeKind, first: int, nodes: Sequence[Any]) -> None:
        """Add new nodes."""
        graph = message_class("LineageGraph")()
        getattr(graph, f"{kind.label}s").extend(nodes)
        part = graph.SerializeToString()
        self.ops.append(["create", kind.label, first, len(part)])
        self.parts.append(part)

    def add_columns(self, kind: NodeKind, first: int, stream: bytes) -> None:
        """Add new nodes as an Arrow stream."""
        self.ops.append(["columns", kind.label, first, len(stream)])
        self.parts.append(stream)

    def encode(self, writer: str, time: int) -> bytes:
        """The body of an entry."""
        line = {"ops": self.ops, "time": time, "version": VERSION, "writer": writer}
        text = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return b"".join([MAGIC, text.encode(), b"\n", *self.parts])


class JournalSession(DeferredSession):
    """A session that also keeps what it changes."""

    def __init__(self, source: Deferring, time: int) -> None:
        super().__init__(source)
        self.time = max(self.time, time)
        self.changes = Changes()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows."""
        super().insert(table, columns, rows)
        self.changes.add_rows("insert", table, columns, rows)

    def insert_missing(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add the rows that no unique key of the table has yet."""
        super().insert_missing(table, columns, rows)
        self.changes.add_rows("missing", table, columns, rows)

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
        """Add rows to a table that numbers them; they are kept with their ids."""
        self.open()
        first = self.last_id(table) + 1
        ids = list(range(first, first + len(rows)))
        self.insert(table, ("id", *columns), [(row_id, *row) for row_id, row in zip(ids, rows, strict=True)])
        return ids

    def update(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of rows."""
        super().update(table, columns, rows)
        self.changes.add_rows("update", table, columns, rows)

    def delete(self, table: str, columns: Sequence[str], keys: Sequence[Row]) -> None:
        """Remove rows."""
        super().delete(table, columns, keys)
        self.changes.add_rows("delete", table, columns, keys)

    def create_nodes(self, kind: NodeKind, nodes: Sequence[Any]) -> list[int]:
        """Keep new nodes as they came; write them where the tables are open."""
        ids = self._write_nodes(kind, nodes) if self.is_open else super().create_nodes(kind, nodes)
        self.changes.add_creation(kind, ids[0], nodes)
        return ids

    def _write_nodes(self, kind: NodeKind, nodes: Sequence[Any]) -> list[int]:
        return self.plain().create_nodes(kind, nodes)

    def plain(self) -> SqliteSession:
        """A session on the same open tables whose changes are not kept."""
        return SqliteSession.over(self._cursor, self.time)

    def open(self) -> None:
        """Open the tables and write what was kept so far, which the journal has already."""
        if self.is_open:
            return
        kept, self.changes = self.changes, Changes()
        super().open()
        self.changes = kept


def is_journal(body: bytes) -> bool:
    """Whether a body is of this format."""
    return body.startswith(MAGIC)


def entry_time(seq: int, body: bytes) -> int:
    """Time of an entry of this format."""
    return int(_decode(seq, body)[0]["time"])


def apply_journal(connection: sqlite3.Connection, seq: int, body: bytes) -> int:
    """Write the changes of an entry into the tables; return its time.

    Raises:
        CorruptionError: The body is damaged.
        FormatVersionError: A newer Lakebed wrote it.
    """
    line, rest = _decode(seq, body)
    session = SqliteSession.over(connection.cursor(), line["time"])
    try:
        for op in line["ops"]:
            if op[0] in {"create", "columns"}:
                part, rest = rest[: op[3]], rest[op[3] :]
                _create(session, op, part, line["time"])
            else:
                rows = [tuple(_decode_value(value) for value in row) for row in op[3]]
                _ROW_OPS[op[0]](session, op[1], op[2], rows)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CorruptionError(f"record {seq} is damaged ({error!r}); verify the warehouse") from error
    return int(line["time"])


def _create(session: SqliteSession, op: list[Any], part: bytes, time: int) -> None:
    kind = _KINDS[op[1]]
    if op[0] == "columns":
        write_stream(session, kind, op[2], part, time)
        return
    nodes = getattr(message_class("LineageGraph").FromString(part), f"{kind.label}s")
    write_creation(session, Creation(kind, nodes, op[2], time))


def _decode(seq: int, body: bytes) -> tuple[dict[str, Any], bytes]:
    head, _, rest = body[len(MAGIC) :].partition(b"\n")
    try:
        line = json.loads(head)
        version = line["version"]
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptionError(f"record {seq} is damaged ({error}); verify the warehouse") from error
    if version != VERSION:
        raise FormatVersionError(
            f"record {seq} has version {version}, this Lakebed reads version {VERSION}; install a newer one",
        )
    return line, rest


def _encode(value: Any) -> Any:
    return {"b": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _decode_value(value: Any) -> Any:
    return base64.b64decode(value["b"]) if isinstance(value, dict) else value


_ROW_OPS: dict[str, Any] = {
    "insert": SqliteSession.insert,
    "missing": SqliteSession.insert_missing,
    "update": SqliteSession.update,
    "delete": SqliteSession.delete,
}
