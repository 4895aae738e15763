"""Puts of several kinds in one call: an execution with all around it, and whole parts of a lineage graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lakebed.metadata.service.links import check_event_type, write_events, write_links
from lakebed.metadata.service.nodes import (
    UpdateOptions,
    check_types,
    existing_ids,
    id_by_type_and_name,
    ids_by_external_ids,
    put_nodes,
)
from lakebed.metadata.sources.rows import ARTIFACT, CONTEXT, EXECUTION
from lakebed.metadata.sources.session import ConcurrentChangeError, Session
from lakebed.metadata.status import AlreadyExistsError, InvalidArgumentError, NotFoundError, OutOfRangeError


def put_execution(session: Session, request: Any) -> tuple[int, list[int], list[int]]:
    """Put an execution with its artifacts, events and contexts; all or nothing."""
    options = request.options
    pairs = request.artifact_event_pairs
    artifact_ids = _pair_artifacts(
        session, pairs, by_external_id=options.reuse_artifact_if_already_exist_by_external_id
    )
    update = UpdateOptions(force_update_time=options.force_update_time)
    execution_id = put_nodes(session, EXECUTION, [request.execution], update)[0]
    events = _pair_events(pairs, artifact_ids, request.execution, execution_id)
    _check_artifacts(
        session, {artifact_id for artifact_id, _, event in events if not _is_put(pairs, artifact_id, event)}
    )
    write_events(session, events)
    context_ids = _put_contexts(
        session,
        request.contexts,
        reuse=options.reuse_context_if_already_exist,
        force_reuse=options.force_reuse_context,
    )
    known = [artifact_id for artifact_id in artifact_ids if artifact_id >= 0]
    _tie(session, context_ids, known, [execution_id])
    return execution_id, artifact_ids, context_ids


def _pair_artifacts(session: Session, pairs: Sequence[Any], *, by_external_id: bool) -> list[int]:
    """Id of the artifact of each pair; -1 where a pair has neither artifact nor event."""
    given = [pair.artifact for pair in pairs if pair.HasField("artifact")]
    put = iter(_put_artifacts(session, given, by_external_id=by_external_id))
    ids = []
    for pair in pairs:
        if pair.HasField("artifact"):
            ids.append(next(put))
        else:
            ids.append(pair.event.artifact_id if pair.HasField("event") else -1)
    return ids


def _put_artifacts(session: Session, artifacts: Sequence[Any], *, by_external_id: bool) -> list[int]:
    if not by_external_id:
        return put_nodes(session, ARTIFACT, artifacts)
    wanted = [item.external_id for item in artifacts if item.external_id]
    stored = ids_by_external_ids(session, ARTIFACT, wanted) if wanted else {}
    first: dict[str, int] = {}
    new = []
    for position, item in enumerate(artifacts):
        # Of several with one new external id the first is created and used for all.
        if not item.external_id or (item.external_id not in stored and item.external_id not in first):
            if item.external_id:
                first[item.external_id] = position
            new.append(position)
    try:
        ids = dict(zip(new, put_nodes(session, ARTIFACT, [artifacts[position] for position in new]), strict=True))
    except AlreadyExistsError as error:
        raise _again_if_taken_since(session, error) from error
    return [
        ids[position] if position in ids else stored.get(item.external_id, ids.get(first.get(item.external_id, -1), -1))
        for position, item in enumerate(artifacts)
    ]


def _again_if_taken_since(session: Session, error: AlreadyExistsError) -> Exception:
    """On a server another client may have created what was to be reused since it was looked for."""
    return error if session.dialect == "sqlite" else ConcurrentChangeError(error)


def _pair_events(
    pairs: Sequence[Any], artifact_ids: Sequence[int], execution: Any, execution_id: int
) -> list[tuple[int, int, Any]]:
    events = []
    for pair, artifact_id in zip(pairs, artifact_ids, strict=True):
        if not pair.HasField("event"):
            continue
        event = pair.event
        if event.HasField("execution_id") and (not execution.HasField("id") or event.execution_id != execution_id):
            raise InvalidArgumentError(
                f"Request's event.execution_id does not match with the given execution: {_shown(event)}; leave it out",
            )
        if (
            pair.HasField("artifact")
            and event.HasField("artifact_id")
            and (not pair.artifact.HasField("id") or event.artifact_id != pair.artifact.id)
        ):
            raise InvalidArgumentError(
                f"Given event.artifact_id is not aligned with the artifact: {_shown(pair)}; leave it out",
            )
        if not pair.HasField("artifact") and not event.HasField("artifact_id"):
            raise InvalidArgumentError(
                "If no artifact is present, given event must have an artifact_id: "
                f"{_shown(pair)}; give the artifact, or the id of a stored one in the event",
            )
        check_event_type(event)
        events.append((artifact_id, execution_id, event))
    return events


def _is_put(pairs: Sequence[Any], artifact_id: int, event: Any) -> bool:
    """Whether the artifact of an event stands in the request, and so is stored by now."""
    return not event.HasField("artifact_id") or any(
        pair.HasField("artifact") and pair.artifact.HasField("id") and pair.artifact.id == artifact_id for pair in pairs
    )


def _check_artifacts(session: Session, wanted: set[int]) -> None:
    missing = sorted(wanted - existing_ids(session, ARTIFACT, wanted)) if wanted else []
    if missing:
        raise InvalidArgumentError(f"No artifact with the given id {missing[0]}; put it first")


def _put_contexts(session: Session, contexts: Sequence[Any], *, reuse: bool, force_reuse: bool) -> list[int]:
    stored = {context.id for context in contexts if context.HasField("id")} if force_reuse else set()
    if stored:
        found = existing_ids(session, CONTEXT, stored)
        if stored - found:
            raise NotFoundError(
                f"Results missing for ids: {{{', '.join(map(str, sorted(stored - found)))}}}. Found results for "
                f"{{{', '.join(map(str, sorted(found)))}}}: no context has such an id; put it first",
            )
    ids = []
    for context in contexts:
        if force_reuse and context.HasField("id"):
            ids.append(context.id)
            continue
        if not context.HasField("type_id"):
            raise InvalidArgumentError(
                f"Context is missing a type_id: {_shown(context)}; set it, or force_reuse_context for a stored context",
            )
        _check_name(context)
        found_id = id_by_type_and_name(session, CONTEXT, context.type_id, context.name) if reuse else None
        ids.append(_put_context(session, context, reuse=reuse) if found_id is None else found_id)
    return ids


def _check_name(context: Any) -> None:
    if not context.HasField("name"):
        raise InvalidArgumentError(f"Context is missing a name: {_shown(context)}; set it")


def _put_context(session: Session, context: Any, *, reuse: bool) -> int:
    try:
        return put_nodes(session, CONTEXT, [context])[0]
    except AlreadyExistsError as error:
        raise (_again_if_taken_since(session, error) if reuse else error) from error


def _tie(
    session: Session, context_ids: Iterable[int], artifact_ids: Sequence[int], execution_ids: Sequence[int]
) -> None:
    contexts = list(context_ids)
    write_links(session, "Attribution", [(context, node) for context in contexts for node in artifact_ids])
    write_links(session, "Association", [(context, node) for context in contexts for node in execution_ids])


def put_lineage_subgraph(session: Session, request: Any) -> tuple[list[int], list[int], list[int]]:
    """Put executions, artifacts, contexts and the events between them; every context gets all of them."""
    for edge in request.event_edges:
        _check_edge(request, edge)
    for kind, nodes in ((ARTIFACT, request.artifacts), (EXECUTION, request.executions), (CONTEXT, request.contexts)):
        check_types(session, kind, nodes)
    for context in request.contexts:
        _check_name(context)
    options = request.options
    context_ids = _put_contexts(
        session, request.contexts, reuse=options.reuse_context_if_already_exist, force_reuse=False
    )
    by_external_id = options.reuse_artifact_if_already_exist_by_external_id
    artifact_ids = _put_artifacts(session, request.artifacts, by_external_id=by_external_id)
    execution_ids = put_nodes(session, EXECUTION, request.executions)
    for edge in request.event_edges:
        check_event_type(edge.event)
    events = []
    stored: tuple[set[int], set[int]] = (set(), set())
    for edge in request.event_edges:
        artifact_id = _end(edge, "artifact", artifact_ids)
        execution_id = _end(edge, "execution", execution_ids)
        if not edge.HasField("artifact_index"):
            stored[0].add(artifact_id)
        if not edge.HasField("execution_index"):
            stored[1].add(execution_id)
        events.append((artifact_id, execution_id, edge.event))
    _check_artifacts(session, stored[0])
    missing = sorted(stored[1] - existing_ids(session, EXECUTION, stored[1])) if stored[1] else []
    if missing:
        raise InvalidArgumentError(f"No execution with the given id {missing[0]}; put it first")
    write_events(session, events)
    _tie(session, context_ids, artifact_ids, execution_ids)
    return execution_ids, artifact_ids, context_ids


def _check_edge(request: Any, edge: Any) -> None:
    for name, nodes in (("execution", request.executions), ("artifact", request.artifacts)):
        index = getattr(edge, f"{name}_index")
        if edge.HasField(f"{name}_index") and not 0 <= index < len(nodes):
            raise OutOfRangeError(
                f"The event_edge has an {name}_index {index} that is outside the bounds of the request's {name}s list, "
                f"[0, {len(nodes)}). Event_edge: {_shown(edge)}",
            )
        if not edge.HasField(f"{name}_index") and not edge.event.HasField(f"{name}_id"):
            raise InvalidArgumentError(
                f"The event_edge has neither an {name}_index nor an event.{name}_id: {_shown(edge)}; give one of them",
            )
        given = nodes[index] if edge.HasField(f"{name}_index") else None
        if given is not None and edge.event.HasField(f"{name}_id") and given.id != getattr(edge.event, f"{name}_id"):
            raise InvalidArgumentError(
                f"The event.{name}_id of an event_edge is not that of the {name} at its {name}_index: {_shown(edge)}; "
                "leave it out",
            )
    if not edge.HasField("event"):
        raise InvalidArgumentError(f"The event_edge has no event: {_shown(edge)}; give one with a type")


def _end(edge: Any, name: str, ids: Sequence[int]) -> int:
    if edge.HasField(f"{name}_index"):
        return int(ids[getattr(edge, f"{name}_index")])
    return int(getattr(edge.event, f"{name}_id"))


def _shown(message: Any) -> str:
    return str(message).replace("\n", " ").strip()[:500]
