"""Puts of several kinds in one call: an execution with all around it, and whole parts of a lineage graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    events = _write_in_order(session, _pair_events(pairs, artifact_ids, execution_id))
    context_ids = _put_contexts(
        session,
        request.contexts,
        reuse=options.reuse_context_if_already_exist,
        force_reuse=options.force_reuse_context,
    )
    _check_artifacts(
        session, {artifact_id for artifact_id, _, event in events if not _is_put(pairs, artifact_id, event)}
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
    known = ids_by_external_ids(session, ARTIFACT, {item.external_id for item in artifacts if item.external_id})
    try:
        return _put_by_external_ids(session, artifacts, known)
    except AlreadyExistsError as error:
        raise _again_if_taken_since(session, error) from error


def _put_by_external_ids(session: Session, artifacts: Sequence[Any], known: dict[str, int]) -> list[int]:
    """Put artifacts one after another: one whose external id is stored by then replaces what has it."""
    ids: list[int] = []
    together: list[Any] = []
    for item in artifacts:
        if item.external_id and any(other.external_id == item.external_id for other in together):
            ids += _put_known(session, together, known)
            together = []
        if not item.HasField("id") and item.external_id in known:
            stored = ARTIFACT.message()
            stored.CopyFrom(item)
            stored.id = known[item.external_id]
            item = stored  # noqa: PLW2901 - the same artifact, with its id
        elif item.HasField("id"):
            for external_id in [key for key, node_id in known.items() if node_id == item.id]:
                # The artifact loses it here.
                del known[external_id]
        together.append(item)
    return ids + _put_known(session, together, known)


def _put_known(session: Session, artifacts: Sequence[Any], known: dict[str, int]) -> list[int]:
    ids = put_nodes(session, ARTIFACT, artifacts)
    known |= {item.external_id: node_id for item, node_id in zip(artifacts, ids, strict=True) if item.external_id}
    return ids


def _again_if_taken_since(session: Session, error: AlreadyExistsError) -> Exception:
    """On a server another client may have created what was to be reused since it was looked for."""
    return error if session.dialect == "sqlite" else ConcurrentChangeError(error)


def _write_in_order(session: Session, events: Iterator[tuple[int, int, Any]]) -> list[tuple[int, int, Any]]:
    """Write events: ids of artifact and execution, and the event; of several errors the first counts."""
    checked: list[tuple[int, int, Any]] = []
    try:
        checked.extend(events)
    except InvalidArgumentError:
        write_events(session, checked)
        raise
    write_events(session, checked)
    return checked


def _pair_events(
    pairs: Sequence[Any], artifact_ids: Sequence[int], execution_id: int
) -> Iterator[tuple[int, int, Any]]:
    for pair, artifact_id in zip(pairs, artifact_ids, strict=True):
        if not pair.HasField("event"):
            continue
        event = pair.event
        if event.HasField("execution_id") and event.execution_id != execution_id:
            raise InvalidArgumentError(
                f"Request's event.execution_id does not match with the given execution: {_shown(event)}; leave it out",
            )
        if pair.HasField("artifact") and event.HasField("artifact_id") and event.artifact_id != artifact_id:
            raise InvalidArgumentError(
                f"Given event.artifact_id is not aligned with the artifact: {_shown(pair)}; leave it out",
            )
        if not pair.HasField("artifact") and not event.HasField("artifact_id"):
            raise InvalidArgumentError(
                "If no artifact is present, given event must have an artifact_id: "
                f"{_shown(pair)}; give the artifact, or the id of a stored one in the event",
            )
        check_event_type(event)
        yield artifact_id, execution_id, event


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
    ids = []
    for context in contexts:
        if force_reuse and context.HasField("id"):
            if not existing_ids(session, CONTEXT, [context.id]):
                raise NotFoundError(
                    f"Results missing for ids: {{{context.id}}}. No context has such an id; put it first",
                )
            ids.append(context.id)
            continue
        if not context.HasField("type_id"):
            raise InvalidArgumentError(
                f"Context is missing a type_id: {_shown(context)}; set it, or force_reuse_context for a stored context",
            )
        _check_name(context)
        is_wanted = reuse and not context.HasField("id")
        found_id = id_by_type_and_name(session, CONTEXT, context.type_id, context.name) if is_wanted else None
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
    _write_in_order(session, _edge_events(request.event_edges, artifact_ids, execution_ids))
    for kind, index in ((ARTIFACT, "artifact_index"), (EXECUTION, "execution_index")):
        ids = {getattr(edge.event, kind.owner) for edge in request.event_edges if not edge.HasField(index)}
        missing = sorted(ids - existing_ids(session, kind, ids)) if ids else []
        if missing:
            raise InvalidArgumentError(f"No {kind.label} with the given id {missing[0]}; put it first")
    _tie(session, context_ids, artifact_ids, execution_ids)
    return execution_ids, artifact_ids, context_ids


def _edge_events(
    edges: Sequence[Any], artifact_ids: Sequence[int], execution_ids: Sequence[int]
) -> Iterator[tuple[int, int, Any]]:
    for edge in edges:
        check_event_type(edge.event)
        yield _end(edge, "artifact", artifact_ids), _end(edge, "execution", execution_ids), edge.event


def _check_edge(request: Any, edge: Any) -> None:
    if not edge.HasField("event"):
        raise InvalidArgumentError(f"The event_edge has no event: {_shown(edge)}; give one with a type")
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
        if (
            given is not None
            and edge.event.HasField(f"{name}_id")
            and (not given.HasField("id") or given.id != getattr(edge.event, f"{name}_id"))
        ):
            raise InvalidArgumentError(
                f"The event.{name}_id of an event_edge is not that of the {name} at its {name}_index: {_shown(edge)}; "
                "leave it out",
            )


def _end(edge: Any, name: str, ids: Sequence[int]) -> int:
    if edge.HasField(f"{name}_index"):
        return int(ids[getattr(edge, f"{name}_index")])
    return int(getattr(edge.event, f"{name}_id"))


def _shown(message: Any) -> str:
    return str(message).replace("\n", " ").strip()[:500]
