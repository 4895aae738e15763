"""Methods that read: by id, name, type, URI, external id, context, and along links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lakebed.metadata.service.listing import list_ids, list_nodes
from lakebed.metadata.service.nodes import ids_by_external_ids
from lakebed.metadata.service.types import check_external_ids, find_type
from lakebed.metadata.sources.rows import ARTIFACT, CONTEXT, NodeKind, read_nodes
from lakebed.metadata.sources.session import Condition, Session
from lakebed.metadata.status import NotFoundError

TypeNames = dict[int, str]


def nodes_by_ids(session: Session, kind: NodeKind, ids: Sequence[int], type_names: TypeNames) -> list[Any]:
    """Nodes in the order of their ids; what is not there is left out."""
    wanted = sorted(set(ids))
    return list(read_nodes(session, kind, wanted, type_names).values()) if wanted else []


def nodes_by_type(
    session: Session, kind: NodeKind, request: Any, type_names: TypeNames
) -> tuple[list[Any], str | None]:
    """Nodes of a type; none where there is no such type."""
    found = find_type(session, kind, request.type_name, request.type_version or None)
    if found is None:
        return [], None
    options = request.options if request.HasField("options") else None
    return list_nodes(session, kind, options, type_names, [Condition("n.type_id = ?", (found.id,))])


def node_by_type_and_name(
    session: Session, kind: NodeKind, request: Any, name: str, type_names: TypeNames
) -> Any | None:
    """The node of a type and name; None where there is none."""
    found = find_type(session, kind, request.type_name, request.type_version or None)
    if found is None:
        return None
    conditions = [Condition("n.type_id = ? AND n.name = ?", (found.id, name))]
    nodes = nodes_by_ids(session, kind, list_ids(session, kind, conditions), type_names)
    return nodes[0] if nodes else None


def nodes_by_external_ids(
    session: Session, kind: NodeKind, external_ids: Sequence[str], type_names: TypeNames
) -> list[Any]:
    """Nodes of some external ids.

    Raises:
        InvalidArgumentError: One is empty.
        NotFoundError: There is none of them.
    """
    if not external_ids:
        return []
    check_external_ids(external_ids)
    found = ids_by_external_ids(session, kind, external_ids)
    if not found:
        raise NotFoundError(f"No {kind.label}s found for external_ids. None has one of {list(external_ids)}")
    return nodes_by_ids(session, kind, list(found.values()), type_names)


def artifacts_by_uris(session: Session, uris: Sequence[str], type_names: TypeNames) -> list[Any]:
    """Artifacts that lie at one of some URIs."""
    rows = session.by_texts("SELECT id FROM Artifact", "uri", list(dict.fromkeys(uris)))
    return nodes_by_ids(session, ARTIFACT, [row[0] for row in rows], type_names)


def nodes_by_context(
    session: Session, kind: NodeKind, request: Any, type_names: TypeNames
) -> tuple[list[Any], str | None]:
    """Artifacts or executions of a context."""
    table = "Attribution" if kind is ARTIFACT else "Association"
    condition = Condition(f"n.id IN (SELECT {kind.owner} FROM {table} WHERE context_id = ?)", (request.context_id,))
    options = request.options if request.HasField("options") else None
    return list_nodes(session, kind, options, type_names, [condition])


def contexts_by_node(session: Session, kind: NodeKind, node_id: int, type_names: TypeNames) -> list[Any]:
    """Contexts that a node lies in.

    Raises:
        NotFoundError: It lies in none, or is not stored.
    """
    table = "Attribution" if kind is ARTIFACT else "Association"
    rows = session.rows(f"SELECT context_id FROM {table} WHERE {kind.owner} = ?", (node_id,))
    if not rows:
        raise NotFoundError(
            f"No contexts found for {kind.owner}: {node_id}. It lies in no context, or no {kind.label} has that id",
        )
    return nodes_by_ids(session, CONTEXT, [row[0] for row in rows], type_names)


def related_contexts(
    session: Session, context_ids: Sequence[int], type_names: TypeNames, *, are_parents: bool
) -> dict[int, list[Any]]:
    """Parents or children of contexts, by context; those without any are left out."""
    own, other = ("context_id", "parent_context_id") if are_parents else ("parent_context_id", "context_id")
    ids = sorted(set(context_ids))
    pairs = sorted(session.by_ids(f"SELECT {own}, {other} FROM ParentContext", own, ids)) if ids else []
    nodes = read_nodes(session, CONTEXT, sorted({row[1] for row in pairs}), type_names) if pairs else {}
    found: dict[int, list[Any]] = {}
    for context_id, other_id in pairs:
        if other_id in nodes:
            found.setdefault(context_id, []).append(nodes[other_id])
    return found
