"""Which way SQLite takes to the rows of a filter: it keeps no statistics here, so two things are looked up first.

Of several sub-queries the smallest drives, and the others are asked row by row; properties, of which a node has one of
a name, are joined in that order. A LIKE with a fixed beginning ignores case, which no index of the schema does; but the
few spellings of that beginning that occur are found by walking the index letter by letter, and give ranges. Neither
changes which rows a filter finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lakebed.metadata.sources.rows import NodeKind
from lakebed.metadata.sources.session import Condition, Session

MAX_COUNTED = 4096
"""Sub-queries are counted up to this number; one with fewer rows drives."""
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
        joined: Where a node has at most one such row: table, column of the node's id, and condition without that.
        is_equal: Whether all of it are comparisons for equality, of which few rows are expected.
    """

    sql: str
    params: tuple[Any, ...]
    subquery: str = ""
    row_by_row: str = ""
    prefix: str = ""
    joined: tuple[str, str, str] | None = None
    is_equal: bool = False


def tune(session: Session, kind: NodeKind, parts: Sequence[Part]) -> Condition:
    """The parts as one condition."""
    in_parts = [part for part in parts if part.subquery]
    rest = [part for part in parts if not part.subquery]
    driver = _driver(session, in_parts) if len(in_parts) > 1 else None
    if driver is None:
        ranges = [] if in_parts else [found for part in parts for found in _ranges(session, kind, part.prefix)]
        return _all_of([*parts, *ranges])
    others = [part for part in in_parts if part is not driver]
    if driver.joined is None:
        return _all_of([driver, *(Part(part.row_by_row, part.params) for part in others), *rest])
    table, owner, where = driver.joined
    tables, chosen = [table], [Part(f"{owner} = n.id AND {where}", driver.params)]
    for part in others:
        if part.joined is None:
            chosen.append(Part(part.row_by_row, part.params))
        else:
            other_table, other_owner, other_where = part.joined
            tables.append(other_table)
            chosen.append(Part(f"{other_owner} = {owner} AND {other_where}", part.params))
    return _all_of([*chosen, *rest], "".join(f"{table} CROSS JOIN " for table in tables))


def _all_of(parts: Sequence[Part], tables: str = "") -> Condition:
    sql = " AND ".join(part.sql for part in parts)
    return Condition(sql, tuple(value for part in parts for value in part.params), tables)


def _driver(session: Session, parts: Sequence[Part]) -> Part | None:
    """Which of the sub-queries is the smallest; None where all are large."""
    smallest, size = None, MAX_COUNTED
    for part in sorted(parts, key=lambda part: not part.is_equal):
        found = session.rows(f"SELECT count(*) FROM ({part.subquery} LIMIT {size})", part.params)
        if int(found[0][0]) < size:
            smallest, size = part, int(found[0][0])
        if not size:
            break
    return smallest


def _ranges(session: Session, kind: NodeKind, prefix: str) -> list[Part]:
    """A condition that narrows to the names that begin so in any case; none where it would be too long."""
    if not prefix:
        return []
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
