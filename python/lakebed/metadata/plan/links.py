"""How events, attributions, associations and parent contexts are put.

The rules are ML Metadata's: an event is unique by artifact, execution and type and never changes; a repeated
attribution or association is nothing, a repeated parent is an error, and contexts never contain themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, bindparam, select

from lakebed.errors import InvalidArgumentError, RecordExistsError
from lakebed.metadata.backends.queries import chunks
from lakebed.metadata.backends.tables import (
    artifact_table,
    association_table,
    attribution_table,
    context_table,
    event_table,
    execution_table,
    parent_context_table,
)
from lakebed.metadata.model import Association, Attribution, Event, EventType, ParentContext
from lakebed.metadata.plan.state import PlanState
from lakebed.metadata.records import Operation
from lakebed.metadata.values import INT64_MAX, INT64_MIN, check_text


def plan_events(state: PlanState, events: Sequence[Event]) -> list[Operation]:
    """Return what has to be written for events.

    Args:
        state: Knows the handles.
        events: The wishes.

    Returns:
        One operation for each, in their order.

    Raises:
        InvalidArgumentError: Its type is unknown, or an id is missing or unknown.
        RecordExistsError: There is such an event already.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     plan_events(PlanState(connection, time=7), [])
        []
    """
    planned = [_plain_event(state, event) for event in events]
    _check_exist(state, artifact_table, [event.artifact_id for event in planned])
    _check_exist(state, execution_table, [event.execution_id for event in planned])
    columns = (event_table.c.artifact_id, event_table.c.execution_id, event_table.c.type)
    taken = _rows_of(state, columns, [event.artifact_id for event in planned])
    operations = []
    for event in planned:
        identity = (event.artifact_id, event.execution_id, int(event.type))
        if identity in taken:
            raise RecordExistsError(
                f"execution {event.execution_id} and artifact {event.artifact_id} have an event of type "
                f"{event.type.name} already; an event is recorded once",
            )
        taken.add(identity)
        operations.append(Operation(replace(event, id=state.new_id("Event"))))
    return operations


def plan_attributions(state: PlanState, links: Sequence[Attribution]) -> list[Operation]:
    """Return what has to be written so that artifacts are in contexts.

    Args:
        state: Knows the handles.
        links: The wishes.

    Returns:
        One operation for each that is not there yet, in their order.

    Raises:
        InvalidArgumentError: An id is unknown.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     plan_attributions(PlanState(connection, time=7), [])
        []
    """
    pairs = [(state.resolve(link.context_id, "context"), state.resolve(link.artifact_id, "artifact")) for link in links]
    new = _new_pairs(state, pairs, attribution_table, artifact_table)
    return [
        Operation(Attribution(id=state.new_id("Attribution"), context_id=context_id, artifact_id=artifact_id))
        for context_id, artifact_id in new
    ]


def plan_associations(state: PlanState, links: Sequence[Association]) -> list[Operation]:
    """Return what has to be written so that executions are in contexts.

    Args:
        state: Knows the handles.
        links: The wishes.

    Returns:
        One operation for each that is not there yet, in their order.

    Raises:
        InvalidArgumentError: An id is unknown.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     plan_associations(PlanState(connection, time=7), [])
        []
    """
    pairs = [
        (state.resolve(link.context_id, "context"), state.resolve(link.execution_id, "execution")) for link in links
    ]
    new = _new_pairs(state, pairs, association_table, execution_table)
    return [
        Operation(Association(id=state.new_id("Association"), context_id=context_id, execution_id=execution_id))
        for context_id, execution_id in new
    ]


def plan_parents(state: PlanState, links: Sequence[ParentContext]) -> list[Operation]:
    """Return what has to be written so that contexts lie in others.

    Args:
        state: Knows the handles.
        links: The wishes.

    Returns:
        One operation for each, in their order.

    Raises:
        InvalidArgumentError: An id is unknown, or a context would contain itself.
        RecordExistsError: The one lies in the other already.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     plan_parents(PlanState(connection, time=7), [])
        []
    """
    pairs = [
        (state.resolve(link.child_id, "child context"), state.resolve(link.parent_id, "parent context"))
        for link in links
    ]
    _check_exist(state, context_table, [context_id for pair in pairs for context_id in pair])
    table = parent_context_table.c
    parents: dict[int, set[int]] = {}
    for child, parent in state.connection.execute(select(table.context_id, table.parent_context_id)) if pairs else ():
        parents.setdefault(child, set()).add(parent)
    operations = []
    for child, parent in pairs:
        if parent in parents.get(child, ()):
            raise RecordExistsError(f"context {child} lies in context {parent} already; it is recorded once")
        if child == parent or child in _ancestors(parent, parents):
            raise InvalidArgumentError(f"context {child} cannot lie in context {parent}: it would contain itself")
        parents.setdefault(child, set()).add(parent)
        operations.append(Operation(ParentContext(child_id=child, parent_id=parent)))
    return operations


def _plain_event(state: PlanState, event: Event) -> Event:
    try:
        event_type = EventType(event.type)
    except ValueError:
        event_type = EventType.UNKNOWN
    if event_type is EventType.UNKNOWN:
        known = ", ".join(item.name for item in EventType if item)
        raise InvalidArgumentError(f"an event was put with the type {event.type!r}; use one of {known}")
    at = state.time if event.milliseconds_since_epoch is None else event.milliseconds_since_epoch
    if not INT64_MIN <= at <= INT64_MAX:
        raise InvalidArgumentError(f"an event was put with the time {at}; give milliseconds since 1970")
    return replace(
        event,
        type=event_type,
        artifact_id=state.resolve(event.artifact_id, "artifact of an event"),
        execution_id=state.resolve(event.execution_id, "execution of an event"),
        milliseconds_since_epoch=at,
        path=tuple(_step(step) for step in event.path),
    )


def _step(step: Any) -> str | int:
    if isinstance(step, str):
        return check_text(step, "a step of the path of an event")
    if isinstance(step, int) and not isinstance(step, bool) and INT64_MIN <= step <= INT64_MAX:
        return step
    raise InvalidArgumentError(f"a step of the path of an event is {step!r}; use names and positions")


def _check_exist(state: PlanState, table: Table, ids: Iterable[int | None]) -> None:
    wanted = {found for found in ids if found is not None}
    found: set[int] = set()
    for chunk in chunks(wanted):
        found.update(state.connection.execute(_IDS_OF[table], {"ids": chunk}).scalars())
    missing = sorted(wanted - found)
    if missing:
        names = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise InvalidArgumentError(f"no {table.name.lower()} has the id {names}; put it first")


# Made once: SQLAlchemy takes longer to build such a statement than SQLite to run it.
_IDS_OF = {
    table: select(table.c.id).where(table.c.id.in_(bindparam("ids", expanding=True)))
    for table in (artifact_table, execution_table, context_table)
}


def _rows_of(state: PlanState, columns: Sequence[Any], ids: Iterable[int | None]) -> set[tuple[int | None, ...]]:
    """The rows whose first column is one of the ids."""
    rows: set[tuple[int | None, ...]] = set()
    for chunk in chunks(found for found in ids if found is not None):
        query = select(*columns).where(columns[0].in_(chunk))
        rows.update(tuple(row) for row in state.connection.execute(query))
    return rows


def _new_pairs(
    state: PlanState,
    pairs: Sequence[tuple[int, int]],
    table: Table,
    member_table: Table,
) -> list[tuple[int, int]]:
    """The pairs of context and member that are not stored, each once."""
    _check_exist(state, context_table, [context for context, _ in pairs])
    _check_exist(state, member_table, [member for _, member in pairs])
    member_column = table.c[f"{member_table.name.lower()}_id"]
    stored = _rows_of(state, (member_column, table.c.context_id), [member for _, member in pairs])
    return [(context, member) for context, member in dict.fromkeys(pairs) if (member, context) not in stored]


def _ancestors(context_id: int, parents: dict[int, set[int]]) -> set[int]:
    found: set[int] = set()
    waiting = [context_id]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found
