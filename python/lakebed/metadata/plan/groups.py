"""The groups of a batch, planned one after the other: what an earlier one wrote, a later one finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from lakebed.metadata.backends.apply import Mark, apply_operations, has_key, write_key
from lakebed.metadata.batch import Group, Put, PutNode, PutType
from lakebed.metadata.model import Association, Attribution, Event, ParentContext
from lakebed.metadata.plan.links import plan_associations, plan_attributions, plan_events, plan_parents
from lakebed.metadata.plan.nodes import plan_nodes
from lakebed.metadata.plan.state import PlanState
from lakebed.metadata.plan.types import plan_type
from lakebed.metadata.records import Operation, OperationGroup


def plan_groups(
    connection: Connection,
    mark: Mark,
    groups: Sequence[Group],
) -> tuple[list[OperationGroup], dict[int, int]]:
    """Check the groups of a batch, assign ids, and apply what is to be recorded.

    Args:
        connection: In a writing transaction; whoever calls rolls it back where the entry is not written.
        mark: The number and time that the entry will get.
        groups: The wishes.

    Returns:
        What the entry has to hold (empty where nothing changes), and the ids by handle. A group whose key is recorded
        is left out of both.

    Raises:
        InvalidArgumentError: A wish breaks a rule by itself, or an id is unknown.
        RecordExistsError: What is to be created exists.
        RecordNotFoundError: A type is unknown.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     plan_groups(connection, Mark(1, "", 7), [])
        ([], {})
    """
    state = PlanState(connection, mark.time)
    planned = []
    for group in groups:
        if group.key is not None and has_key(connection, group.key):
            continue
        recorded = _plan_group(state, mark, group)
        if recorded.operations or recorded.key is not None:
            planned.append(recorded)
    return planned, state.ids


def _plan_group(state: PlanState, mark: Mark, group: Group) -> OperationGroup:
    outer = dict(state.visible)
    state.time = mark.time if group.time is None else group.time
    write_key(state.connection, mark.seq, OperationGroup((), group.key))
    operations: list[Operation] = []
    for _, run in groupby(group.puts, key=_run_of):
        puts = list(run)
        planned = _plan_run(state, puts)
        apply_operations(state.connection, planned)
        operations += planned
    if group.key is not None:
        state.visible = outer
    return OperationGroup(tuple(operations), group.key)


def _run_of(put: Put) -> object:
    """Nodes and links of a kind are planned together; alone are a type, and a node that a handle names."""
    if isinstance(put, PutNode) and (put.node.id is None or put.node.id >= 0):
        return type(put.node)
    return id(put) if isinstance(put, (PutType, PutNode)) else type(put)


def _plan_run(state: PlanState, puts: Sequence[Any]) -> list[Operation]:
    first = puts[0]
    if isinstance(first, PutType):
        return plan_type(state, first)
    if isinstance(first, PutNode):
        return plan_nodes(state, puts)
    return _LINKS[type(first)](state, puts)


_LINKS: dict[type, Callable[[PlanState, Sequence[Any]], list[Operation]]] = {
    Event: plan_events,
    Attribution: plan_attributions,
    Association: plan_associations,
    ParentContext: plan_parents,
}
