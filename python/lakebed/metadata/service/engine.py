"""Every method of the service over one database, by name: a request message in, a response message out.

A method that reads runs in one reading transaction, one that writes in one writing transaction, all or nothing. Where
another writer was in the way it is run again from the start. `call` is the same with bytes: the waist that a server or
a client in another language stands on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from lakebed.errors import LakebedError
from lakebed.metadata.messages import message_class
from lakebed.metadata.service import lineage, links, puts, reads, types
from lakebed.metadata.service.listing import list_nodes
from lakebed.metadata.service.nodes import UpdateOptions, put_nodes
from lakebed.metadata.sources.rows import ARTIFACT, EXECUTION, KINDS, NodeKind
from lakebed.metadata.sources.session import (
    ConcurrentChangeError,
    DuplicateError,
    Session,
    Source,
    T,
    ValueRangeError,
)
from lakebed.metadata.status import (
    INTERNAL,
    OK,
    AbortedError,
    AlreadyExistsError,
    InvalidArgumentError,
    StatusError,
    UnimplementedError,
)

ATTEMPTS = 20
"""How often a method is run before another writer counts as in the way."""

Method = Callable[["Engine", Session, Any, Any], None]


class Answer:
    """What a method gives within the process: the fields of its response, repeated ones as lists."""

    next_page_token = ""

    def __getattr__(self, name: str) -> list[Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        made: list[Any] = []
        self.__dict__[name] = made
        return made


def _give(response: Any, name: str, message: Any) -> None:
    if isinstance(response, Answer):
        setattr(response, name, message)
    else:
        getattr(response, name).CopyFrom(message)


class Engine:
    """The methods of ML Metadata over a database.

    Args:
        source: Open, with its tables made.

    Example:
        >>> from lakebed.metadata.sources.sqlite import SqliteSource
        >>> source = SqliteSource("")
        >>> source.open()
        >>> engine = Engine(source)
        >>> Request = message_class("PutArtifactTypeRequest")
        >>> request = Request(artifact_type=message_class("ArtifactType")(name="Model"))
        >>> engine.run("PutArtifactType", request).type_id
        10
        >>> body, error, code = engine.call("PutArtifactType", request.SerializeToString())
        >>> message_class("PutArtifactTypeResponse").FromString(body).type_id, error, code
        (10, b'', 0)
    """

    def __init__(self, source: Source) -> None:
        self.source = source

    def run(self, method: str, request: Any, *, is_plain: bool = False) -> Any:
        """Run a method.

        Args:
            method: Its name in the service, e.g. `PutArtifacts`.
            request: Its request message.
            is_plain: Give an `Answer` with the messages themselves instead of a response message with copies of them.

        Returns:
            Its response message.

        Raises:
            StatusError: As the method reports.
        """
        found = METHODS.get(method)
        if found is None:
            raise UnimplementedError(f"the service has no method {method!r}; there are {', '.join(sorted(METHODS))}")
        make_response = message_class(f"{method}Response")
        is_write = method.startswith("Put")

        def work(session: Session) -> Any:
            response = Answer() if is_plain else make_response()
            found(self, session, request, response)
            return response

        return self.transact(work, is_write=is_write)

    def transact(self, work: Callable[[Session], T], *, is_write: bool) -> T:
        """Run something in a transaction of its own; again from the start where another writer was in the way.

        Args:
            work: Given a session; what it reads from must bear a second run.
            is_write: Whether it writes.

        Returns:
            What `work` gave; durable by now.

        Raises:
            AbortedError: Other writers were faster again and again.
            StatusError: As `work` reports.

        Example:
            >>> from lakebed.metadata.sources.sqlite import SqliteSource
            >>> source = SqliteSource("")
            >>> source.open()
            >>> Engine(source).transact(lambda session: session.rows("SELECT 1"), is_write=False)
            [(1,)]
        """
        widened = False
        for _ in range(ATTEMPTS):
            try:
                return self.source.call(work, is_write=is_write)
            except ConcurrentChangeError:  # noqa: PERF203 - each turn is a transaction
                continue
            except ValueRangeError as error:
                if widened or not self.source.widen():
                    raise InvalidArgumentError(
                        f"{self.source.place}: a value does not fit its column: {error}"
                    ) from error
                widened = True
                continue
            except DuplicateError as error:
                raise AlreadyExistsError(f"{self.source.place} has such a row already: {error}") from error
        raise AbortedError(f"{self.source.place}: other writers were faster {ATTEMPTS} times; try again")

    def call(self, method: str, request: bytes) -> tuple[bytes, bytes, int]:
        """Run a method on bytes.

        Args:
            method: Its name in the service.
            request: The serialised request.

        Returns:
            The serialised response, the error text in UTF-8, and the number of the status; 0 where all went well.
        """
        try:
            if method not in METHODS:
                raise UnimplementedError(f"the service has no method {method!r}")
            message = message_class(f"{method}Request").FromString(request)
            return self.run(method, message).SerializeToString(), b"", OK
        except DecodeError as error:
            return b"", f"the bytes are no {method}Request: {error}".encode(), InvalidArgumentError("").error_code
        except StatusError as error:
            return b"", error.message.encode(errors="replace"), error.error_code
        except (LakebedError, OSError) as error:
            return b"", str(error).encode(errors="replace"), INTERNAL


def _put_type_method(kind: NodeKind) -> Method:
    def run(_: Engine, session: Session, request: Any, response: Any) -> None:
        response.type_id = types.put_type(
            session,
            kind,
            getattr(request, f"{kind.label}_type"),
            can_add=request.can_add_fields,
            can_omit=request.can_omit_fields,
        )

    return run


def _put_types(_: Engine, session: Session, request: Any, response: Any) -> None:
    for kind in KINDS:
        for wanted in getattr(request, f"{kind.label}_types"):
            type_id = types.put_type(
                session, kind, wanted, can_add=request.can_add_fields, can_omit=request.can_omit_fields
            )
            getattr(response, f"{kind.label}_type_ids").append(type_id)


def _put_nodes_method(kind: NodeKind) -> Method:
    def run(_: Engine, session: Session, request: Any, response: Any) -> None:
        abort = kind is ARTIFACT and request.options.abort_if_latest_updated_time_changed
        options = UpdateOptions(frozenset(request.update_mask.paths), abort_if_changed=abort)
        ids = put_nodes(session, kind, getattr(request, f"{kind.label}s"), options)
        getattr(response, f"{kind.label}_ids").extend(ids)

    return run


def _put_events(_: Engine, session: Session, request: Any, response: Any) -> None:  # noqa: ARG001
    links.put_events(session, request.events)


def _put_attributions(_: Engine, session: Session, request: Any, response: Any) -> None:  # noqa: ARG001
    links.put_attributions_and_associations(session, request.attributions, request.associations)


def _put_parent_contexts(_: Engine, session: Session, request: Any, response: Any) -> None:  # noqa: ARG001
    links.put_parent_contexts(session, request.parent_contexts)


def _put_execution(_: Engine, session: Session, request: Any, response: Any) -> None:
    execution_id, artifact_ids, context_ids = puts.put_execution(session, request)
    response.execution_id = execution_id
    response.artifact_ids.extend(artifact_ids)
    response.context_ids.extend(context_ids)


def _put_lineage_subgraph(_: Engine, session: Session, request: Any, response: Any) -> None:
    execution_ids, artifact_ids, context_ids = puts.put_lineage_subgraph(session, request)
    response.execution_ids.extend(execution_ids)
    response.artifact_ids.extend(artifact_ids)
    response.context_ids.extend(context_ids)


def _get_type_method(kind: NodeKind) -> Method:
    def run(_: Engine, session: Session, request: Any, response: Any) -> None:
        found = types.get_type(session, kind, request.type_name, request.type_version or None)
        _give(response, f"{kind.label}_type", found)

    return run


def _get_types_method(kind: NodeKind) -> Method:
    def run(_: Engine, session: Session, request: Any, response: Any) -> None:  # noqa: ARG001
        getattr(response, f"{kind.label}_types").extend(types.all_types(session, kind))

    return run


def _types_by_id_method(kind: NodeKind) -> Method:
    def run(_: Engine, session: Session, request: Any, response: Any) -> None:
        by_id = {found.id: found for found in types.types_by_ids(session, kind, request.type_ids)}
        # Unlike nodes, types come as they were asked for, repeats as well.
        found = [by_id[type_id] for type_id in request.type_ids if type_id in by_id]
        getattr(response, f"{kind.label}_types").extend(found)

    return run


def _types_by_external_ids_method(kind: NodeKind) -> Method:
    def run(_: Engine, session: Session, request: Any, response: Any) -> None:
        found = types.types_by_external_ids(session, kind, request.external_ids)
        getattr(response, f"{kind.label}_types").extend(found)

    return run


def _get_nodes_method(kind: NodeKind) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        options = request.options if request.HasField("options") else None
        _fill_page(kind, response, list_nodes(session, kind, options, engine.source.type_names))

    return run


def _fill_page(kind: NodeKind, response: Any, page: tuple[list[Any], str | None]) -> None:
    nodes, token = page
    getattr(response, f"{kind.label}s").extend(nodes)
    if token is not None:
        response.next_page_token = token


def _nodes_by_id_method(kind: NodeKind) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        nodes = reads.nodes_by_ids(session, kind, getattr(request, f"{kind.label}_ids"), engine.source.type_names)
        getattr(response, f"{kind.label}s").extend(nodes)
        if kind is ARTIFACT and request.populate_artifact_types:
            found = types.types_by_ids(session, kind, sorted({node.type_id for node in nodes}))
            response.artifact_types.extend(found)

    return run


def _nodes_by_type_method(kind: NodeKind) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        _fill_page(kind, response, reads.nodes_by_type(session, kind, request, engine.source.type_names))

    return run


def _node_by_type_and_name_method(kind: NodeKind) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        name = getattr(request, f"{kind.label}_name")
        found = reads.node_by_type_and_name(session, kind, request, name, engine.source.type_names)
        if found is not None:
            _give(response, kind.label, found)

    return run


def _nodes_by_external_ids_method(kind: NodeKind) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        found = reads.nodes_by_external_ids(session, kind, request.external_ids, engine.source.type_names)
        getattr(response, f"{kind.label}s").extend(found)

    return run


def _artifacts_by_uri(engine: Engine, session: Session, request: Any, response: Any) -> None:
    response.artifacts.extend(reads.artifacts_by_uris(session, request.uris, engine.source.type_names))


def _events_method(kind: NodeKind) -> Method:
    def run(_: Engine, session: Session, request: Any, response: Any) -> None:
        response.events.extend(links.read_events(session, kind.owner, getattr(request, f"{kind.label}_ids")))

    return run


def _nodes_by_context_method(kind: NodeKind) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        page = reads.nodes_by_context(session, kind, request, engine.source.type_names)
        _fill_page(kind, response, page)

    return run


def _contexts_by_node_method(kind: NodeKind) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        node_id = getattr(request, kind.owner)
        response.contexts.extend(reads.contexts_by_node(session, kind, node_id, engine.source.type_names))

    return run


def _related_context_method(*, are_parents: bool) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        names = engine.source.type_names
        found = reads.related_contexts(session, [request.context_id], names, are_parents=are_parents)
        response.contexts.extend(found.get(request.context_id, []))

    return run


def _related_contexts_method(*, are_parents: bool) -> Method:
    def run(engine: Engine, session: Session, request: Any, response: Any) -> None:
        names = engine.source.type_names
        member = "parent_contexts" if are_parents else "children_contexts"
        found = reads.related_contexts(session, request.context_ids, names, are_parents=are_parents)
        for context_id, contexts in found.items():
            getattr(response.contexts[context_id], member).extend(contexts)

    return run


def _get_lineage_subgraph(_: Engine, session: Session, request: Any, response: Any) -> None:
    found = lineage.walk(session, request.lineage_subgraph_query_options)
    paths = frozenset(request.read_mask.paths) or frozenset(lineage.PATHS)
    _give(response, "lineage_subgraph", lineage.skeleton(session, found, paths))


def _get_lineage_graph(engine: Engine, session: Session, request: Any, response: Any) -> None:
    graph = lineage.deprecated_graph(session, request.options, engine.source.type_names)
    _give(response, "subgraph", graph)


def _methods() -> dict[str, Method]:
    methods: dict[str, Method] = {}
    for kind in KINDS:
        name = kind.label.capitalize()
        methods |= {
            f"Put{name}Type": _put_type_method(kind),
            f"Put{name}s": _put_nodes_method(kind),
            f"Get{name}Type": _get_type_method(kind),
            f"Get{name}Types": _get_types_method(kind),
            f"Get{name}TypesByID": _types_by_id_method(kind),
            f"Get{name}TypesByExternalIds": _types_by_external_ids_method(kind),
            f"Get{name}s": _get_nodes_method(kind),
            f"Get{name}sByID": _nodes_by_id_method(kind),
            f"Get{name}sByType": _nodes_by_type_method(kind),
            f"Get{name}ByTypeAndName": _node_by_type_and_name_method(kind),
            f"Get{name}sByExternalIds": _nodes_by_external_ids_method(kind),
        }
    for kind in (ARTIFACT, EXECUTION):
        name = kind.label.capitalize()
        methods |= {
            f"GetEventsBy{name}IDs": _events_method(kind),
            f"Get{name}sByContext": _nodes_by_context_method(kind),
            f"GetContextsBy{name}": _contexts_by_node_method(kind),
        }
    return methods | {
        "PutTypes": _put_types,
        "PutEvents": _put_events,
        "PutExecution": _put_execution,
        "PutLineageSubgraph": _put_lineage_subgraph,
        "PutAttributionsAndAssociations": _put_attributions,
        "PutParentContexts": _put_parent_contexts,
        "GetArtifactsByURI": _artifacts_by_uri,
        "GetParentContextsByContext": _related_context_method(are_parents=True),
        "GetChildrenContextsByContext": _related_context_method(are_parents=False),
        "GetParentContextsByContexts": _related_contexts_method(are_parents=True),
        "GetChildrenContextsByContexts": _related_contexts_method(are_parents=False),
        "GetLineageSubgraph": _get_lineage_subgraph,
        "GetLineageGraph": _get_lineage_graph,
    }


METHODS = _methods()
"""The 52 methods of the service, by name."""
