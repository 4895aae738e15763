"""Types of artifacts, executions and contexts: created, evolved and read.

A type is identified by kind, name and version. Putting it again gives the same id; a further property needs
`can_add_fields`, a missing one `can_omit_fields` (stored ones are kept); the kind of a property never changes; the
description of a stored type is kept; the base type is set once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf import json_format

from lakebed.metadata.messages import message_class
from lakebed.metadata.sources.rows import EXECUTION, KINDS, NodeKind
from lakebed.metadata.sources.schema import SYSTEM_TYPES
from lakebed.metadata.sources.session import DuplicateError, Row, Session
from lakebed.metadata.status import (
    AlreadyExistsError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    UnimplementedError,
)

_COLUMNS = "id, name, version, description, external_id, input_type, output_type"
_ArtifactStructType = message_class("ArtifactStructType")
_PROPERTY_NAMES = message_class("ArtifactType").DESCRIPTOR.file.enum_types_by_name["PropertyType"].values_by_number
SYSTEM_NAMES = frozenset(name for _, name, _ in SYSTEM_TYPES)


def _base_types() -> dict[int, dict[int, str]]:
    """For each kind, name of the system type by number of the enum."""
    wanted = {name for _, name, _ in SYSTEM_TYPES}
    found: dict[int, dict[int, str]] = {}
    for kind in KINDS:
        enum = kind.type_message.DESCRIPTOR.enum_types_by_name["SystemDefinedBaseType"]
        names = {f"mlmd.{value.name.capitalize()}": value.number for value in enum.values}
        found[kind.type_kind] = {number: name for name, number in names.items() if name in wanted}
    return found


_BASE_TYPES = _base_types()


def put_type(session: Session, kind: NodeKind, wanted: Any, *, can_add: bool = False, can_omit: bool = False) -> int:
    """Create a type, or add to it; return its id."""
    _check(kind, wanted)
    session.lock_types()
    version = wanted.version or None
    stored = find_type(session, kind, wanted.name, version)
    if stored is None:
        type_id = _create(session, kind, wanted)
    else:
        type_id = stored.id
        _evolve(session, kind, stored, wanted, can_add=can_add, can_omit=can_omit)
    _set_base_type(session, kind, type_id, stored, wanted)
    return type_id


def _label(kind: NodeKind, wanted: Any) -> str:
    version = f" version {wanted.version!r}" if wanted.version else ""
    return f"{kind.label} type {wanted.name!r}{version}"


def _check(kind: NodeKind, wanted: Any) -> None:
    if not wanted.name:
        raise InvalidArgumentError(f"No type name is specified: an {kind.label} type was put without name; set it")


def _check_properties(kind: NodeKind, wanted: Any, properties: Iterable[tuple[str, int]]) -> None:
    for name, number in properties:
        if not number or number not in _PROPERTY_NAMES:
            raise InvalidArgumentError(
                f"Property {name} has type UNKNOWN ({number}): {_label(kind, wanted)} needs INT, DOUBLE, "
                f"STRING, STRUCT, "
                "PROTO or BOOLEAN for it",
            )


def _create(session: Session, kind: NodeKind, wanted: Any) -> int:
    external_id = wanted.external_id if wanted.HasField("external_id") else None
    if external_id is not None:
        _check_external_id(session, kind, wanted, None)
    shapes = (_shape(wanted, "input_type"), _shape(wanted, "output_type")) if kind is EXECUTION else (None, None)
    row = (
        wanted.name,
        wanted.version or None,
        kind.type_kind,
        wanted.description if wanted.HasField("description") else None,
        *shapes,
        external_id,
    )
    columns = ("name", "version", "type_kind", "description", "input_type", "output_type", "external_id")
    try:
        type_id = session.insert_new("Type", columns, [row])[0]
    except DuplicateError as error:
        raise _taken(kind, wanted, error) from error
    # Of several errors a taken external id counts first.
    _check_properties(kind, wanted, wanted.properties.items())
    _add_properties(session, type_id, wanted.properties.items())
    return type_id


def _add_properties(session: Session, type_id: int, properties: Iterable[tuple[str, int]]) -> None:
    rows = [(type_id, name, number) for name, number in properties]
    if rows:
        session.insert("TypeProperty", ("type_id", "name", "data_type"), rows)


def _shape(wanted: Any, name: str) -> str | None:
    if not wanted.HasField(name):
        return None
    # As the original writes it: without white space.
    return json.dumps(json_format.MessageToDict(getattr(wanted, name)), separators=(",", ":"))


def _evolve(session: Session, kind: NodeKind, stored: Any, wanted: Any, *, can_add: bool, can_omit: bool) -> None:
    label = _label(kind, wanted)
    start = f"Type already exists with different properties: {label}"
    for name, number in wanted.properties.items():
        if stored.properties.get(name, number) != number:
            was = _PROPERTY_NAMES[stored.properties[name]].name
            asked = _PROPERTY_NAMES[number].name if number in _PROPERTY_NAMES else number
            raise AlreadyExistsError(
                f"{start} has property {name!r} of type {was}, asked was {asked}: Conflicting property value "
                f"type found "
                "in stored and given types; a value type cannot change, take another property or another version",
            )
    added = [(name, number) for name, number in wanted.properties.items() if name not in stored.properties]
    if added and not can_add:
        names = ", ".join(sorted(repr(name) for name, _ in added))
        raise AlreadyExistsError(f"{start} lacks {names}: can_add_fields is false; put it with can_add_fields=True")
    omitted = sorted(name for name in stored.properties if name not in wanted.properties)
    if omitted and not can_omit:
        names = ", ".join(map(repr, omitted))
        raise AlreadyExistsError(
            f"{start} also has {names}: can_omit_fields is false while stored type has more properties; put it with "
            "can_omit_fields=True, which keeps them",
        )
    _check_properties(kind, wanted, added)
    _add_properties(session, stored.id, added)
    if wanted.external_id and stored.external_id != wanted.external_id:
        _check_external_id(session, kind, wanted, stored.id)
        try:
            session.update("Type", ("external_id",), [(wanted.external_id, stored.id)])
        except DuplicateError as error:
            raise _taken(kind, wanted, error) from error


def _check_external_id(session: Session, kind: NodeKind, wanted: Any, own_id: int | None) -> None:
    found = session.rows("SELECT id, name, type_kind FROM Type WHERE external_id = ?", (wanted.external_id,))
    for type_id, name, type_kind in found:
        if type_id == own_id:
            continue
        text = (
            f"Conflict of external_id: {wanted.external_id} Found already existing type {name!r} (id "
            f"{type_id}) with the "
            f"same external_id as {_label(kind, wanted)}; choose another one"
        )
        raise AlreadyExistsError(text) if type_kind == kind.type_kind else InternalError(text)


def _taken(kind: NodeKind, wanted: Any, error: Exception) -> Exception:
    return AlreadyExistsError(f"{_label(kind, wanted)}: the external_id {wanted.external_id!r} is taken ({error})")


def _set_base_type(session: Session, kind: NodeKind, type_id: int, stored: Any, wanted: Any) -> None:
    if wanted.HasField("base_type") and wanted.base_type not in _BASE_TYPES[kind.type_kind]:
        raise UnimplementedError(
            f"base_type deletion is not supported yet: {_label(kind, wanted)} was put with base_type UNSET; "
            f"leave it out",
        )
    if not wanted.HasField("base_type"):
        return
    if stored is not None and stored.HasField("base_type"):
        if stored.base_type != wanted.base_type:
            raise UnimplementedError(
                f"base_type update is not supported yet: {_label(kind, wanted)} has "
                f"{_BASE_TYPES[kind.type_kind][stored.base_type]}, asked was "
                f"{_BASE_TYPES[kind.type_kind][wanted.base_type]}; it is set only once",
            )
        return
    name = _BASE_TYPES[kind.type_kind][wanted.base_type]
    parent = session.rows("SELECT id FROM Type WHERE name = ? AND type_kind = ?", (name, kind.type_kind))
    if not parent:
        raise InternalError(f"the system type {name} is missing in the database; open the store again")
    session.insert("ParentType", ("type_id", "parent_type_id"), [(type_id, parent[0][0])])


def find_type(session: Session, kind: NodeKind, name: str, version: str | None) -> Any:
    """The type of a name and version as a message; None where there is none."""
    condition, params = ("version = ?", (version,)) if version else ("version IS NULL", ())
    sql = f"SELECT {_COLUMNS} FROM Type WHERE name = ? AND type_kind = ? AND {condition} ORDER BY id"
    found = session.rows(sql, (name, kind.type_kind, *params))
    # The database has no unique key for this: of duplicates that others left, the first counts.
    exact = [row for row in found if row[1] == name and (row[2] or None) == (version or None)]
    return _messages(session, kind, exact[:1])[0] if exact else None


def get_type(session: Session, kind: NodeKind, name: str, version: str | None) -> Any:
    """The type of a name and version.

    Raises:
        NotFoundError: There is none.
    """
    found = find_type(session, kind, name, version)
    if found is None:
        asked = f"`{version}`" if version else "`nullopt`"
        raise NotFoundError(
            f"No type found for query, name: `{name}`, version: {asked}: no {kind.label} type of that name "
            f"and version; "
            "put it first, or ask with its version",
        )
    return found


def types_by_ids(session: Session, kind: NodeKind, ids: Sequence[int]) -> list[Any]:
    """Types in the order of their ids; what is not there or of another kind is left out."""
    rows = session.by_ids(f"SELECT {_COLUMNS}, type_kind FROM Type", "id", sorted(set(ids)))
    return _messages(session, kind, sorted(row[:-1] for row in rows if row[-1] == kind.type_kind))


def all_types(session: Session, kind: NodeKind, *, with_system: bool = False) -> list[Any]:
    """Every type of a kind, in the order of the ids; those that every database has only where asked for."""
    rows = session.rows(f"SELECT {_COLUMNS} FROM Type WHERE type_kind = ? ORDER BY id", (kind.type_kind,))
    return _messages(session, kind, [row for row in rows if with_system or row[1] not in SYSTEM_NAMES])


def types_by_external_ids(session: Session, kind: NodeKind, external_ids: Sequence[str]) -> list[Any]:
    """Types of some external ids, in the order of their own ids.

    Raises:
        InvalidArgumentError: One is empty.
        NotFoundError: There is none of them.
    """
    if not external_ids:
        return []
    check_external_ids(external_ids)
    texts = list(dict.fromkeys(external_ids))
    rows = session.by_texts(f"SELECT {_COLUMNS}, type_kind FROM Type", "external_id", texts)
    found = sorted(row[:-1] for row in rows if row[-1] == kind.type_kind)
    if not found:
        raise NotFoundError(f"No types found for external_ids. No {kind.label} type has one of {list(external_ids)}")
    return _messages(session, kind, found)


def check_external_ids(external_ids: Sequence[str]) -> None:
    """Refuse empty external ids to look for."""
    if any(not external_id for external_id in external_ids):
        raise InvalidArgumentError(
            f"Invalid argument because at least one empty external_id exists. Asked for {list(external_ids)}",
        )


def _messages(session: Session, kind: NodeKind, rows: Sequence[Row]) -> list[Any]:
    messages = {row[0]: _message(kind, row) for row in rows}
    ids = sorted(messages)
    for type_id, name, data_type in session.by_ids("SELECT type_id, name, data_type FROM TypeProperty", "type_id", ids):
        messages[type_id].properties[name] = data_type
    numbers = {name: number for number, name in _BASE_TYPES[kind.type_kind].items()}
    sql = "SELECT p.type_id, t.name FROM ParentType p JOIN Type t ON t.id = p.parent_type_id"
    for type_id, name in session.by_ids(sql, "p.type_id", ids):
        if name in numbers:
            messages[type_id].base_type = numbers[name]
    return [messages[row[0]] for row in rows]


def _message(kind: NodeKind, row: Row) -> Any:
    type_id, name, version, description, external_id, input_type, output_type = row
    message = kind.type_message(id=type_id, name=name)
    if version:
        message.version = version
    if description is not None:
        message.description = description
    if external_id is not None:
        message.external_id = external_id
    if kind is EXECUTION:
        for field, text in (("input_type", input_type), ("output_type", output_type)):
            if text and text != "null":
                getattr(message, field).CopyFrom(json_format.Parse(text, _ArtifactStructType()))
    return message
