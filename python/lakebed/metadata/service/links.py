"""What ties nodes together: events with their paths, attributions, associations and parent contexts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lakebed.metadata.messages import message_class
from lakebed.metadata.service.nodes import existing_ids
from lakebed.metadata.sources.rows import ARTIFACT, CONTEXT, EXECUTION
from lakebed.metadata.sources.session import DuplicateError, Row, Session
from lakebed.metadata.status import AlreadyExistsError, InvalidArgumentError

Event = message_class("Event")
MANY_EVENTS = 100
"""From so many on it is worth asking whether there are paths at all."""
_NO_TYPE = "No event type is specified. Set Event.type, e.g. to INPUT or OUTPUT"
_EVENT_TYPES = Event.DESCRIPTOR.enum_types_by_name["Type"].values_by_number


def check_event_type(event: Any) -> None:
    """Refuse an event without type."""
    if not event.type:
        raise InvalidArgumentError(_NO_TYPE)


def put_events(session: Session, events: Sequence[Any]) -> None:
    """Record events between stored artifacts and executions, all or none."""
    n_right, error = len(events), None
    for position, event in enumerate(events):
        error = _missing_field(event)
        if error is not None:
            n_right = position
            break
    position, unstored = _first_unstored(session, events[:n_right])
    if unstored is not None:
        n_right, error = position, unstored
    # Of several errors the first counts, and there may be such an event as one before this one.
    write_events(session, [(event.artifact_id, event.execution_id, event) for event in events[:n_right]])
    if error is not None:
        raise error


def _missing_field(event: Any) -> InvalidArgumentError | None:
    if not event.HasField("artifact_id"):
        return InvalidArgumentError("No artifact id is specified. Set Event.artifact_id to that of a stored artifact")
    if not event.HasField("execution_id"):
        return InvalidArgumentError(
            "No execution id is specified. Set Event.execution_id to that of a stored execution"
        )
    return None if event.type else InvalidArgumentError(_NO_TYPE)


def _first_unstored(session: Session, events: Sequence[Any]) -> tuple[int, InvalidArgumentError | None]:
    """The first event whose artifact or execution is not stored."""
    found = [
        existing_ids(session, kind, {getattr(event, kind.owner) for event in events}) for kind in (ARTIFACT, EXECUTION)
    ]
    for position, event in enumerate(events):
        for kind, stored in zip((ARTIFACT, EXECUTION), found, strict=True):
            node_id = getattr(event, kind.owner)
            if node_id not in stored:
                return position, InvalidArgumentError(f"No {kind.label} with the given id {node_id}; put it first")
    return len(events), None


def write_events(session: Session, events: Sequence[tuple[int, int, Any]]) -> None:
    """Write events whose ends are known to exist: ids of artifact and execution, and the event."""
    if not events:
        return
    rows = [
        (
            artifact_id,
            execution_id,
            event.type,
            event.milliseconds_since_epoch if event.HasField("milliseconds_since_epoch") else session.time,
        )
        for artifact_id, execution_id, event in events
    ]
    columns = ("artifact_id", "execution_id", "type", "milliseconds_since_epoch")
    try:
        ids = session.insert_new("Event", columns, rows)
    except DuplicateError as error:
        shown = ", ".join(
            f"artifact_id: {row[0]} execution_id: {row[1]} type: {_EVENT_TYPES[row[2]].name}" for row in rows[:3]
        )
        raise AlreadyExistsError(
            f"Given event already exists: {shown}: one event for each artifact, execution and type: {error}",
        ) from error
    paths = [
        (event_id, *_step_row(step))
        for event_id, (_, _, event) in zip(ids, events, strict=True)
        if event.HasField("path")
        for step in event.path.steps
    ]
    if paths:
        session.insert("EventPath", ("event_id", "is_index_step", "step_index", "step_key"), paths)


def _step_row(step: Any) -> Row:
    if step.WhichOneof("value") == "index":
        return (True, step.index, None)
    return (False, None, step.key)


def read_events(session: Session, column: str, ids: Iterable[int]) -> list[Any]:
    """Events of artifacts or executions, in the order in which they were put."""
    sql = "SELECT id, artifact_id, execution_id, type, milliseconds_since_epoch FROM Event"
    return event_messages(session, sorted(session.by_ids(sql, column, sorted(set(ids)))))


def event_messages(session: Session, rows: Sequence[Row], make: Callable[[], Any] = Event) -> list[Any]:
    """Events of rows: id, artifact, execution, type, milliseconds; `make` gives an empty one."""
    events = {}
    for event_id, artifact_id, execution_id, event_type, milliseconds in rows:
        event = make()
        event.artifact_id, event.execution_id, event.type = artifact_id, execution_id, event_type
        if milliseconds is not None:
            event.milliseconds_since_epoch = milliseconds
        events[event_id] = event
    for event_id, is_index, index, key in _path_rows(session, list(events)):
        step = events[event_id].path.steps.add()
        if is_index:
            step.index = index
        else:
            step.key = key
    return list(events.values())


def _path_rows(session: Session, event_ids: Sequence[int]) -> list[Row]:
    if len(event_ids) > MANY_EVENTS and not session.rows("SELECT 1 FROM EventPath LIMIT 1"):
        return []
    # The table has no column for the order of steps: it is that of the rows.
    order = (
        " ORDER BY rowid"
        if session.dialect == "sqlite"
        else " ORDER BY ctid"
        if session.dialect == "postgresql"
        else ""
    )
    sql = "SELECT event_id, is_index_step, step_index, step_key FROM EventPath"
    return session.by_ids(sql, "event_id", event_ids, order)


def put_attributions_and_associations(
    session: Session, attributions: Sequence[Any], associations: Sequence[Any]
) -> None:
    """Put stored artifacts and executions into stored contexts; a repeat changes nothing."""
    for kind, links in ((ARTIFACT, attributions), (EXECUTION, associations)):
        name = kind.owner
        _check_stored(session, kind, {getattr(link, name) for link in links if link.HasField(name)}, links, name)
        _check_stored(
            session, CONTEXT, {link.context_id for link in links if link.HasField("context_id")}, links, "context_id"
        )
    write_links(session, "Attribution", [(link.context_id, link.artifact_id) for link in attributions])
    write_links(session, "Association", [(link.context_id, link.execution_id) for link in associations])


def _check_stored(session: Session, kind: Any, ids: set[int], links: Sequence[Any], name: str) -> None:
    found = existing_ids(session, kind, ids) if ids else set()
    for link in links:
        if not link.HasField(name) or getattr(link, name) not in found:
            given = getattr(link, name) if link.HasField(name) else "none"
            raise InvalidArgumentError(f"{kind.label.capitalize()} id not found. Given was {given}; put it first")


def write_links(session: Session, table: str, pairs: Sequence[tuple[int, int]]) -> None:
    """Write pairs of a context and a node known to exist; those that are there already stay."""
    if pairs:
        other = "artifact_id" if table == "Attribution" else "execution_id"
        session.insert_missing(table, ("context_id", other), list(dict.fromkeys(pairs)))


def put_parent_contexts(session: Session, links: Sequence[Any]) -> None:
    """Put contexts into other contexts; none may come to lie in itself."""
    session.lock_types()
    for link in links:
        if not link.HasField("child_id") or not link.HasField("parent_id"):
            raise InvalidArgumentError(f"Missing parent / child id in the parent_context: {_shown(link)}; set both")
    wanted = {link.child_id for link in links} | {link.parent_id for link in links}
    found = existing_ids(session, CONTEXT, wanted) if wanted else set()
    for link in links:
        if link.child_id == link.parent_id or not {link.child_id, link.parent_id} <= found:
            raise InvalidArgumentError(
                f"Given parent / child id in the parent_context cannot be found: {_shown(link)}; both must be stored, "
                "and a context is not its own parent",
            )
        if _is_below(session, link.parent_id, link.child_id):
            raise InvalidArgumentError(
                f"There is a cycle detected of the given relationship. {_shown(link)}: {link.parent_id} "
                f"already lies in "
                f"{link.child_id}",
            )
        try:
            session.insert("ParentContext", ("context_id", "parent_context_id"), [(link.child_id, link.parent_id)])
        except DuplicateError as error:
            raise AlreadyExistsError(f"Given parent_context already exists: {_shown(link)}: {error}") from error


def _shown(link: Any) -> str:
    return str(link).replace("\n", " ").strip()


def _is_below(session: Session, start: int, target: int) -> bool:
    """Whether the context `start` lies, at any depth, in the context `target`."""
    seen, frontier = {start}, [start]
    while frontier:
        rows = session.by_ids("SELECT parent_context_id FROM ParentContext", "context_id", frontier)
        frontier = sorted({row[0] for row in rows} - seen)
        if target in frontier:
            return True
        seen.update(frontier)
    return False
