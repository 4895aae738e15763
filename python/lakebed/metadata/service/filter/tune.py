"""Which way SQLite takes to the rows of a filter: it keeps no statistics here, so two things are looked up first.

Of several sub-queries the smallest drives, and the others are asked row by row. A LIKE with a fixed beginning ignores
case, which no index of the schema does; but the few spellings of that beginning that occur are found by walking the
index letter by letter, and give ranges. Neither changes which rows a filter finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lakebed.metadata.sources.rows import NodeKind
from lakebed.metadata.sources.session import Session

SIZES = (128, 4096)
"""Sub-queries are counted up to these numbers; one with fewer rows drives."""
MAX_TYPES = 24
MAX_SPELLINGS = 24
LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Part:
    """A condition of a filter that must hold.

    Args:
        sql: The condition.
        params: Its values.
        subquery: Where it is `n.id IN (...)`, a query with as many rows as that.
        row_by_row: The same asked for one row, with the same values.
        prefix: Where it is `n.name LIKE`, the fixed beginning of the pattern.
    """

    sql: str
    params: tuple[Any, ...]
    subquery: str = ""
    row_by_row: str = ""
    prefix: str = ""


def tune(session: Session, kind: NodeKind, parts: Sequence[Part]) -> tuple[str, tuple[Any, ...]]:
    """The parts as one condition, with its values."""
    chosen = list(parts)
    in_parts = [position for position, part in enumerate(parts) if part.subquery]
    if len(in_parts) > 1:
        driver = _driver(session, parts, in_parts)
        for position in in_parts if driver is not None else ():
            if position != driver:
                part = parts[position]
                chosen[position] = Part(part.row_by_row, part.params)
    elif not in_parts:
        chosen += [found for part in parts if part.prefix for found in _ranges(session, kind, part.prefix)]
    return " AND ".join(part.sql for part in chosen), tuple(value for part in chosen for value in part.params)


def _driver(session: Session, parts: Sequence[Part], positions: Sequence[int]) -> int | None:
    """Which of the sub-queries is the smallest; None where all are large."""
    for size in SIZES:
        counts = {}
        for position in positions:
            part = parts[position]
            found = session.rows(f"SELECT count(*) FROM ({part.subquery} LIMIT {size})", part.params)
            counts[position] = int(found[0][0])
        smallest = min(positions, key=lambda position: counts[position])
        if counts[smallest] < size:
            return smallest
    return None


def _ranges(session: Session, kind: NodeKind, prefix: str) -> list[Part]:
    """A condition that narrows to the names that begin so in any case; none where it would be too long."""
    types = [row[0] for row in session.rows("SELECT id FROM Type WHERE type_kind = ?", (kind.type_kind,))]
    if len(types) > MAX_TYPES:
        return []
    found: list[tuple[int, str]] = []
    for type_id in types:
        spellings = _spellings(session, kind, type_id, prefix)
        if spellings is None:
            return []
        found += [(type_id, spelling) for spelling in spellings]
    if not found:
        return [Part("n.id < 0", ())]
    one = f"SELECT id FROM {kind.table} WHERE type_id = ? AND name >= ? AND name < ?"
    sql = " UNION ALL ".join([one] * len(found))
    params = tuple(value for type_id, spelling in found for value in (type_id, spelling, spelling + LAST))
    return [Part(f"n.id IN ({sql})", params)]


def _spellings(session: Session, kind: NodeKind, type_id: int, prefix: str) -> list[str] | None:
    """Spellings of a beginning that occur, differing in the case of ASCII letters; None where they are many."""
    sql = f"SELECT 1 FROM {kind.table} WHERE type_id = ? AND name >= ? AND name < ? LIMIT 1"
    found = [""]
    for letter in prefix:
        if not (letter.isascii() and letter.isalpha()):
            found = [start + letter for start in found]
            continue
        wanted = [start + case for start in found for case in (letter.lower(), letter.upper())]
        found = [start for start in wanted if session.rows(sql, (type_id, start, start + LAST))]
        if not found or len(found) > MAX_SPELLINGS:
            return None if found else []
    return found
