"""Artifacts, executions and contexts: checked, created and replaced.

A node without id is created; one with an id replaces what is stored, or only what a field mask names; the name of an
artifact or execution stays. Its `last_update_time_since_epoch` moves where something changes. Whatever a client says
about times is ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from lakebed.metadata.sources.rows import CONTEXT, NodeKind, read_nodes, write_values
from lakebed.metadata.sources.session import DuplicateError, KnownTypes, Session
from lakebed.metadata.status import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    StatusError,
)

VALUE_FIELDS = {
    1: "int_value",
    2: "double_value",
    3: "string_value",
    4: "struct_value",
    5: "proto_value",
    6: "bool_value",
}
"""Field of `Value` by number of `PropertyType`."""


@dataclass(frozen=True, slots=True)
class UpdateOptions:
    """How stored nodes are replaced.

    Args:
        mask: Paths that are replaced; empty for everything.
        force_update_time: Move the time of the last update even where nothing changes.
        abort_if_changed: Refuse where the stored time of the last update is not the one given.
    """

    mask: frozenset[str] = frozenset()
    force_update_time: bool = False
    abort_if_changed: bool = False


PLAIN_UPDATE = UpdateOptions()


@dataclass(slots=True)
class TypeCache:
    """Kinds of properties by type id, as this session or an earlier one has read them."""

    session: Session
    known: KnownTypes = field(init=False)
    reread: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.known = self.session.known_types

    def load(self, kind: NodeKind, type_ids: Iterable[int]) -> None:
        """Read the types that were not read before."""
        wanted = {type_id for type_id in type_ids if (kind.type_kind, type_id) not in self.known}
        if wanted:
            self._read(kind, sorted(wanted))

    def _read(self, kind: NodeKind, wanted: Sequence[int]) -> None:
        self.reread.update(wanted)
        rows = self.session.by_ids("SELECT id, name, type_kind FROM Type", "id", wanted)
        for type_id, name, type_kind in rows:
            if type_kind == kind.type_kind:
                self.known[type_kind, type_id] = (name, {})
        sql = "SELECT type_id, name, data_type FROM TypeProperty"
        for type_id, name, data_type in self.session.by_ids(sql, "type_id", wanted):
            found = self.known.get((kind.type_kind, type_id))
            if found is not None:
                found[1][name] = VALUE_FIELDS.get(data_type, "")

    def properties(self, kind: NodeKind, type_id: int) -> dict[str, str]:
        """Field of `Value` by name of property.

        Raises:
            NotFoundError: There is no such type of that kind.
        """
        found = self.known.get((kind.type_kind, type_id))
        if found is None:
            raise NotFoundError(
                f"Cannot find type for type_id: {type_id}. No type found for query, type_id: {type_id}: it is "
                f"the id of "
                f"no {kind.label} type; put the type first and use the id that this gives",
            )
        return found[1]

    def newest(self, kind: NodeKind, type_id: int) -> dict[str, str]:
        """The same, with properties that another client may have added since it was first read."""
        if type_id not in self.reread:
            self._read(kind, [type_id])
        return self.properties(kind, type_id)


def put_nodes(
    session: Session, kind: NodeKind, nodes: Sequence[Any], options: UpdateOptions = PLAIN_UPDATE
) -> list[int]:
    """Create or replace nodes, all or none; return their ids in their order."""
    types = TypeCache(session)
    types.load(kind, (node.type_id for node in nodes if node.type_id))
    stored = _read_stored(session, kind, [node.id for node in nodes if node.HasField("id")])
    ids: list[int] = []
    for is_stored, some in groupby(nodes, lambda node: bool(node.HasField("id"))):
        if not is_stored:
            ids += _put_new(session, kind, list(some), types)
            continue
        for node in some:
            if ids and node.id not in stored:
                # One that this call has created.
                stored |= _read_stored(session, kind, [node.id])
            _update(session, kind, node, stored, types, options)
            ids.append(node.id)
    return ids


def _put_new(session: Session, kind: NodeKind, nodes: Sequence[Any], types: TypeCache) -> list[int]:
    n_checked = 0
    try:
        for node in nodes:
            check_new(kind, node, types)
            n_checked += 1
    except StatusError:
        # Of several errors the first counts, and a name before this node may be taken.
        create_nodes(session, kind, nodes[:n_checked])
        raise
    return create_nodes(session, kind, nodes)


def check_types(session: Session, kind: NodeKind, nodes: Sequence[Any]) -> None:
    """Refuse nodes, new or stored, without type id, of an unknown type, or with properties that it does not have."""
    types = TypeCache(session)
    for node in nodes:
        _check_type_id(kind, node)
    types.load(kind, (node.type_id for node in nodes))
    for node in nodes:
        types.properties(kind, node.type_id)
    for node in nodes:
        check_properties(kind, node, node.type_id, types)


def check_new(kind: NodeKind, node: Any, types: TypeCache) -> None:
    """Refuse a new node that breaks a rule by itself."""
    _check_type_id(kind, node)
    check_properties(kind, node, node.type_id, types)
    if kind is CONTEXT:
        _check_context_name(node, node.type_id)


def _check_context_name(node: Any, type_id: int) -> None:
    if not node.name:
        raise InvalidArgumentError(
            f"Cannot write node for type_id: {type_id}. Context name should not be empty: give the context a name",
        )


def _check_type_id(kind: NodeKind, node: Any) -> None:
    if not node.HasField("type_id"):
        raise InvalidArgumentError(
            f"Type id is missing. A new {kind.label} needs type_id, as put_{kind.label}_type gives it"
        )


def check_properties(
    kind: NodeKind, node: Any, type_id: int, types: TypeCache, names: Collection[str] | None = None
) -> None:
    """Refuse properties that the type does not declare, or of another kind, and values in which nothing is set."""
    declared = types.properties(kind, type_id)
    properties = node.properties
    for name in properties:
        if names is not None and name not in names:
            continue
        wanted = declared.get(name) or types.newest(kind, type_id).get(name)
        which = properties[name].WhichOneof("value")
        if wanted is None:
            raise InvalidArgumentError(
                f"Cannot validate properties of type_id: {type_id}: Found unknown property: {name}; the "
                f"{kind.label} type "
                f"declares {', '.join(sorted(declared)) or 'none'}: put it as a custom property or add it to the type",
            )
        if which != wanted:
            raise InvalidArgumentError(
                f"Cannot validate properties of type_id: {type_id}: Found unmatched property type: {name}; the "
                f"{kind.label} type declares {wanted}, given was {which or 'a Value in which nothing is set'}",
            )
    custom = node.custom_properties
    for name in custom:
        if custom[name].WhichOneof("value") is None:
            raise InvalidArgumentError(
                f"the custom property {name!r} of an {kind.label} is a Value in which nothing is set; set one of its "
                "fields or leave the property out",
            )


def create_nodes(session: Session, kind: NodeKind, nodes: Sequence[Any]) -> list[int]:
    """Write new nodes that were checked.

    Raises:
        AlreadyExistsError: A name or external id is taken.
    """
    if not nodes:
        return []
    try:
        return session.create_nodes(kind, nodes)
    except DuplicateError as error:
        raise AlreadyExistsError(f"Given node already exists: {_describe(kind, nodes)}: {error}") from error


def _describe(kind: NodeKind, nodes: Sequence[Any]) -> str:
    """What of the nodes may be taken; of many the first few."""
    parts = []
    for node in nodes:
        named = [f"{name} {getattr(node, name)!r}" for name in ("name", "external_id") if node.HasField(name)]
        if named:
            parts.append(f"{kind.label} of type_id {node.type_id} with {' and '.join(named)}")
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    return "; ".join(parts[:3]) + more


def _read_stored(session: Session, kind: NodeKind, ids: Sequence[int]) -> dict[int, Any]:
    if not ids:
        return {}
    session.lock_nodes(kind.table, sorted(set(ids)))
    return read_nodes(session, kind, sorted(set(ids)), {})


def _update(  # noqa: PLR0917 - one call
    session: Session,
    kind: NodeKind,
    node: Any,
    stored_nodes: dict[int, Any],
    types: TypeCache,
    options: UpdateOptions,
) -> None:
    stored = stored_nodes.get(node.id)
    if stored is None:
        raise InvalidArgumentError(
            f"Cannot find the given id {node.id}: no {kind.label} has it; leave it out for a new one"
        )
    if options.abort_if_changed and node.last_update_time_since_epoch != stored.last_update_time_since_epoch:
        raise FailedPreconditionError(
            f"{kind.label} {node.id} was updated at {stored.last_update_time_since_epoch}, the given one was read at "
            f"{node.last_update_time_since_epoch}: read it again and repeat the change",
        )
    if node.HasField("type_id") and node.type_id != stored.type_id:
        raise InvalidArgumentError(
            f"Given type_id {node.type_id} is different from the one known before: {stored.type_id}; the type of "
            f"{kind.label} {node.id} cannot change",
        )
    types.load(kind, [stored.type_id])
    check_properties(kind, node, stored.type_id, types, _masked_names(options.mask, "properties"))
    if kind is CONTEXT and (not options.mask or "name" in options.mask):
        _check_context_name(node, stored.type_id)
    wanted = _wanted(kind, node, stored, options.mask)
    is_changed = _write_properties(session, kind, stored, wanted)
    fields = [name for name in _fields(kind) if _field(wanted, name) != _field(stored, name)]
    if is_changed or fields or options.force_update_time:
        values = [None if name != "uri" and not wanted.HasField(name) else getattr(wanted, name) for name in fields]
        columns = (*fields, "last_update_time_since_epoch")
        try:
            session.update(kind.table, columns, [(*values, session.time, node.id)])
        except DuplicateError as error:
            raise AlreadyExistsError(
                f"Given node already exists: {kind.label} {node.id} cannot become one with what is taken: "
                f"{_describe(kind, [wanted])}: {error}",
            ) from error
        wanted.last_update_time_since_epoch = session.time
    stored_nodes[node.id] = wanted


def _fields(kind: NodeKind) -> tuple[str, ...]:
    own = ("uri",) if kind.has_uri else ()
    state = (kind.state,) if kind.state else ()
    name = ("name",) if kind is CONTEXT else ()
    return (*own, *state, *name, "external_id")


def _field(node: Any, name: str) -> Any:
    return getattr(node, name) if name == "uri" or node.HasField(name) else None


def _masked_names(mask: frozenset[str], member: str) -> set[str] | None:
    """Names of the properties that a mask lets through; None for all of them."""
    if not mask or member in mask:
        return None
    start = f"{member}."
    return {path[len(start) :] for path in mask if path.startswith(start)}


def _wanted(kind: NodeKind, node: Any, stored: Any, mask: frozenset[str]) -> Any:
    """The state that the stored node shall have."""
    wanted = kind.message()
    wanted.CopyFrom(stored)
    for name in _fields(kind):
        if not mask or name in mask:
            if node.HasField(name):
                setattr(wanted, name, getattr(node, name))
            else:
                wanted.ClearField(name)
    for member in ("properties", "custom_properties"):
        names = _masked_names(mask, member)
        given, target = getattr(node, member), getattr(wanted, member)
        for name in list(target):
            if (names is None or name in names) and name not in given:
                del target[name]
        for name in given:
            if names is None or name in names:
                target[name].CopyFrom(given[name])
    return wanted


def _write_properties(session: Session, kind: NodeKind, stored: Any, wanted: Any) -> bool:
    removed, added = [], []
    for is_custom, member in ((False, "properties"), (True, "custom_properties")):
        before, after = getattr(stored, member), getattr(wanted, member)
        changed = [name for name in after if name not in before or not is_same(before[name], after[name])]
        gone = [name for name in before if name not in after or name in changed]
        removed += [(stored.id, name, is_custom) for name in gone]
        added += [(stored.id, name, is_custom, after[name]) for name in changed]
    if removed:
        session.delete(kind.properties, (kind.owner, "name", "is_custom_property"), removed)
    if added:
        write_values(session, kind, added)
    return bool(removed or added)


def is_same(left: Any, right: Any) -> bool:
    """Whether two values are the same bit for bit: NaN equals NaN, and -0.0 is not 0.0."""
    return bool(left.SerializeToString(deterministic=True) == right.SerializeToString(deterministic=True))


def existing_ids(session: Session, kind: NodeKind, ids: Iterable[int]) -> set[int]:
    """Which of some ids nodes have."""
    return {row[0] for row in session.by_ids(f"SELECT id FROM {kind.table}", "id", sorted(set(ids)))}


def ids_by_external_ids(session: Session, kind: NodeKind, external_ids: Iterable[str]) -> dict[str, int]:
    """Ids of the nodes that have some external ids."""
    texts = sorted(set(external_ids))
    rows = session.by_texts(f"SELECT id, external_id FROM {kind.table}", "external_id", texts)
    return {external_id: node_id for node_id, external_id in rows}


def id_by_type_and_name(session: Session, kind: NodeKind, type_id: int, name: str) -> int | None:
    """Id of the node of a type and name."""
    rows = session.rows(f"SELECT id, name FROM {kind.table} WHERE type_id = ? AND name = ?", (type_id, name))
    return next((int(row[0]) for row in rows), None)
