"""Delete and purge nodes without breaking the lineage of others.

Deleting marks artifacts as DELETED and changes nothing else. Purging erases what nodes hold (names, URIs, properties,
external ids) and leaves tombstones: id, type, times, events and contexts stay, so every walk through them still works.
`drop` removes the rows themselves with their events and links; it refuses where a way between nodes that stay would be
cut. A dry run counts and changes nothing. What was purged from a warehouse's records is gone from its tables, not from
the append-only records themselves.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lakebed.metadata.service.nodes import existing_ids
from lakebed.metadata.sources.rows import ARTIFACT, CONTEXT, EXECUTION, NodeKind
from lakebed.metadata.sources.session import Session
from lakebed.metadata.status import FailedPreconditionError, NotFoundError

DELETED = 4
TOMBSTONE = "lakebed_purged_at"
"""Custom property of a tombstone: when it was purged, milliseconds since 1970 UTC."""
_OUTPUTS = (1, 4, 6, 7)


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What was removed, or would be.

    Args:
        artifacts: Number of artifacts.
        executions: Number of executions.
        contexts: Number of contexts.
        properties: Number of their properties.
        events: Number of events.
        links: Number of attributions, associations and parent contexts.
        is_dry_run: Whether nothing was changed.

    Example:
        >>> PurgeReport(artifacts=2, properties=10, is_dry_run=True).artifacts
        2
    """

    artifacts: int = 0
    executions: int = 0
    contexts: int = 0
    properties: int = 0
    events: int = 0
    links: int = 0
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids of the nodes to purge."""

    artifacts: frozenset[int]
    executions: frozenset[int]
    contexts: frozenset[int]

    def of(self, kind: NodeKind) -> list[int]:
        """Ids of one kind, ascending."""
        return sorted(getattr(self, f"{kind.label}s"))


def select(
    session: Session, artifact_ids: Iterable[int], execution_ids: Iterable[int], context_ids: Iterable[int]
) -> Selection:
    """Check that all nodes are stored.

    Raises:
        NotFoundError: One is not.
    """
    wanted = {ARTIFACT: set(artifact_ids), EXECUTION: set(execution_ids), CONTEXT: set(context_ids)}
    for kind, ids in wanted.items():
        missing = sorted(ids - existing_ids(session, kind, ids)) if ids else []
        if missing:
            raise NotFoundError(f"no {kind.label} has the id {missing[0]}; nothing was changed")
    return Selection(*(frozenset(ids) for ids in wanted.values()))


def delete_artifacts(session: Session, artifact_ids: Iterable[int]) -> int:
    """Mark artifacts as deleted; return how many were not yet."""
    selection = select(session, artifact_ids, (), ())
    rows = session.by_ids("SELECT id, state FROM Artifact", "id", selection.of(ARTIFACT))
    changed = [(DELETED, session.time, row[0]) for row in rows if row[1] != DELETED]
    if changed:
        session.update("Artifact", ("state", "last_update_time_since_epoch"), changed)
    return len(changed)


def purge(session: Session, selection: Selection, *, drop: bool, dry_run: bool) -> PurgeReport:
    """Turn nodes into tombstones, or drop their rows.

    Raises:
        FailedPreconditionError: Dropping would cut a way between nodes that stay.
    """
    report = PurgeReport(
        len(selection.artifacts),
        len(selection.executions),
        len(selection.contexts),
        sum(
            _count(session, kind.properties, kind.owner, selection.of(kind)) for kind in (ARTIFACT, EXECUTION, CONTEXT)
        ),
        len(_events(session, selection)) if drop else 0,
        len(_links(session, selection)) if drop else 0,
        is_dry_run=dry_run,
    )
    if drop:
        _check_ways(session, selection)
    if dry_run:
        return report
    for kind in (ARTIFACT, EXECUTION, CONTEXT):
        ids = selection.of(kind)
        if ids:
            session.delete(kind.properties, (kind.owner,), [(node_id,) for node_id in ids])
            if not drop:
                _bury(session, kind, ids)
    if drop:
        _drop(session, selection)
    return report


def _bury(session: Session, kind: NodeKind, ids: Sequence[int]) -> None:
    columns: tuple[str, ...] = ("name", "external_id", "last_update_time_since_epoch")
    if kind is ARTIFACT:
        columns = ("uri", "state", "name", "external_id", "last_update_time_since_epoch")
        session.update(kind.table, columns, [("", DELETED, None, None, session.time, node_id) for node_id in ids])
    elif kind is EXECUTION:
        session.update(kind.table, columns, [(None, None, session.time, node_id) for node_id in ids])
    else:
        names = _free_names(session, ids)
        session.update(kind.table, columns, [(names[node_id], None, session.time, node_id) for node_id in ids])
    rows = [(node_id, TOMBSTONE, True, session.time) for node_id in ids]
    session.insert(kind.properties, (kind.owner, "name", "is_custom_property", "int_value"), rows)


def _free_names(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """A context needs a name, and one of its own; somebody may have named another one like a tombstone."""
    names = {node_id: f"purged-{node_id}" for node_id in ids}
    owners: dict[str, int] = dict(session.by_texts("SELECT name, id FROM Context", "name", list(names.values())))
    return {
        node_id: name if owners.get(name, node_id) == node_id else f"{name}-{uuid.uuid4().hex}"
        for node_id, name in names.items()
    }


def _drop(session: Session, selection: Selection) -> None:
    events = [(event_id,) for event_id in _events(session, selection)]
    if events:
        session.delete("EventPath", ("event_id",), events)
        session.delete("Event", ("id",), events)
    for table, columns, key in _links(session, selection):
        session.delete(table, columns, [key])
    for kind in (ARTIFACT, EXECUTION, CONTEXT):
        ids = selection.of(kind)
        if ids:
            session.delete(kind.table, ("id",), [(node_id,) for node_id in ids])


def _count(session: Session, table: str, column: str, ids: Sequence[int]) -> int:
    return sum(row[0] for row in session.by_ids(f"SELECT count(*) FROM {table}", column, ids))


def _events(session: Session, selection: Selection) -> list[int]:
    found = set()
    for kind in (ARTIFACT, EXECUTION):
        found |= {row[0] for row in session.by_ids("SELECT id FROM Event", kind.owner, selection.of(kind))}
    return sorted(found)


def _links(session: Session, selection: Selection) -> list[tuple[str, tuple[str, str], tuple[int, int]]]:
    found: dict[tuple[str, tuple[str, str], tuple[int, int]], None] = {}
    for table, columns, kinds in (
        ("Attribution", ("context_id", "artifact_id"), (CONTEXT, ARTIFACT)),
        ("Association", ("context_id", "execution_id"), (CONTEXT, EXECUTION)),
        ("ParentContext", ("context_id", "parent_context_id"), (CONTEXT, CONTEXT)),
    ):
        for column, kind in zip(columns, kinds, strict=True):
            sql = f"SELECT {columns[0]}, {columns[1]} FROM {table}"
            for row in session.by_ids(sql, column, selection.of(kind)):
                found[table, columns, (row[0], row[1])] = None
    return list(found)


def _check_ways(session: Session, selection: Selection) -> None:
    """Refuse to drop a node that leads from a node that stays to another one."""
    for kind, other, gone in (
        (ARTIFACT, "execution_id", selection.executions),
        (EXECUTION, "artifact_id", selection.artifacts),
    ):
        sql = f"SELECT {kind.owner}, {other}, type FROM Event"
        ends: dict[int, set[bool]] = {}
        for node_id, other_id, event_type in session.by_ids(sql, kind.owner, selection.of(kind)):
            if other_id not in gone:
                ends.setdefault(node_id, set()).add(event_type in _OUTPUTS)
        cut = sorted(node_id for node_id, directions in ends.items() if len(directions) > 1)
        if cut:
            raise FailedPreconditionError(
                f"{kind.label} {cut[0]}{f' and {len(cut) - 1} more' if len(cut) > 1 else ''} lead from nodes "
                f"that stay to "
                "others: dropping would cut their lineage; purge without drop, which leaves tombstones, or "
                "select the whole "
                "way",
            )
