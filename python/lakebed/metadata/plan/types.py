"""How types are put: created once for each kind, name and version, then only added to.

The rules are ML Metadata's: a repeat gives the same id; a further property needs `can_add_fields`, a missing one
`can_omit_fields` (stored ones are kept); the kind of a property never changes; the description of a stored type is
kept; the base type is set once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from lakebed.errors import InvalidArgumentError, RecordExistsError
from lakebed.metadata.backends.apply import SYSTEM_TYPE_IDS, TYPE_KINDS
from lakebed.metadata.backends.queries import fetch_type
from lakebed.metadata.backends.tables import type_table
from lakebed.metadata.batch import PutType
from lakebed.metadata.model import SYSTEM_TYPES, AnyType, ExecutionType, PropertyType
from lakebed.metadata.plan.state import PlanState, nearest
from lakebed.metadata.records import Operation
from lakebed.metadata.values import check_text


def plan_type(state: PlanState, put: PutType) -> list[Operation]:
    """Return what has to be written for a type.

    Args:
        state: Its handle is bound to the id of the type.
        put: The wish.

    Returns:
        One operation, or none where the stored type is as it should be.

    Raises:
        InvalidArgumentError: It has no name, a property of unknown kind or a base type that is none.
        RecordExistsError: The stored type does not allow the change, or the external id is taken.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> from lakebed.metadata.model import ContextType
        >>> with Database(None).write() as connection:
        ...     plan_type(PlanState(connection, time=7), PutType(-1, ContextType(name="run")))[0].record.id
        10
    """
    wanted = _plain_type(put.type)
    stored = fetch_type(state.connection, TYPE_KINDS[type(wanted)], wanted.name, wanted.version)
    planned = replace(wanted, id=state.new_id("Type")) if stored is None else _evolved(stored, wanted, put)
    _check_external_id(state, planned)
    state.bind(put.handle, _id(planned))
    if planned == stored:
        return []
    state.forget_types()
    return [Operation(planned, is_update=stored is not None)]


def _id(record: AnyType) -> int:
    if record.id is None:
        raise InvalidArgumentError(f"the type {record.name!r} has no id")
    return record.id


def _label(wanted: AnyType) -> str:
    version = f" version {wanted.version!r}" if wanted.version else ""
    return f"{TYPE_KINDS[type(wanted)].name.lower()} type {wanted.name!r}{version}"


def _plain_type(wanted: AnyType) -> AnyType:
    """Check a type by itself and bring it into the one form that is compared and stored."""
    if not wanted.name:
        raise InvalidArgumentError(f"a type was put with the name {wanted.name!r}; give it a name")
    label = _label(wanted)
    for name in ("name", "version", "description", "external_id", "base_type"):
        check_text(getattr(wanted, name) or "", f"{label}: {name}")
    kinds = {name: SYSTEM_TYPES[SYSTEM_TYPE_IDS[name] - 1][2] for name in SYSTEM_TYPE_IDS}
    if wanted.base_type is not None and kinds.get(wanted.base_type) != TYPE_KINDS[type(wanted)]:
        fitting = [name for name, kind in kinds.items() if kind == TYPE_KINDS[type(wanted)]]
        raise InvalidArgumentError(
            f"{label}: {wanted.base_type!r} is no base type for it; "
            f"{nearest(wanted.base_type, fitting)}there are: {', '.join(fitting) or 'none'}",
        )
    properties = {name: _property_type(wanted.properties[name], label, name) for name in sorted(wanted.properties)}
    return replace(wanted, version=wanted.version or None, properties=properties, id=None)


def _property_type(kind: Any, label: str, name: str) -> PropertyType:
    check_text(name, f"{label}: a property name")
    try:
        found = PropertyType(kind)
    except ValueError:
        found = PropertyType.UNKNOWN
    if not name or found is PropertyType.UNKNOWN:
        known = ", ".join(item.name for item in PropertyType if item)
        raise InvalidArgumentError(f"{label}: the property {name!r} is of kind {kind!r}; use one of {known}")
    return found


def _evolved(stored: AnyType, wanted: AnyType, put: PutType) -> AnyType:
    label = _label(wanted)
    for name, kind in wanted.properties.items():
        if stored.properties.get(name, kind) != kind:
            raise RecordExistsError(
                f"{label} exists with property {name!r} of kind {stored.properties[name].name}, asked was {kind.name}; "
                "the kind of a property cannot change: take another property or another version of the type",
            )
    added = sorted(wanted.properties.keys() - stored.properties.keys())
    if added and not put.can_add_fields:
        raise RecordExistsError(f"{label} exists without {_names(added)}; add with can_add_fields=True")
    omitted = sorted(stored.properties.keys() - wanted.properties.keys())
    if omitted and not put.can_omit_fields:
        raise RecordExistsError(f"{label} exists with {_names(omitted)}; leave out with can_omit_fields=True")
    if wanted.base_type is not None and stored.base_type not in {None, wanted.base_type}:
        raise InvalidArgumentError(
            f"{label} has the base type {stored.base_type!r}, asked was {wanted.base_type!r}; it is set only once",
        )
    changes: dict[str, Any] = {
        "properties": dict(sorted({**stored.properties, **wanted.properties}.items())),
        "base_type": wanted.base_type or stored.base_type,
        "external_id": stored.external_id if wanted.external_id is None else wanted.external_id,
    }
    if isinstance(stored, ExecutionType) and isinstance(wanted, ExecutionType):
        changes["input_type"] = wanted.input_type or stored.input_type
        changes["output_type"] = wanted.output_type or stored.output_type
    return replace(stored, **changes)


def _names(names: Sequence[str]) -> str:
    return f"{'property' if len(names) == 1 else 'properties'} {', '.join(map(repr, names))}"


def _check_external_id(state: PlanState, planned: AnyType) -> None:
    if planned.external_id is None:
        return
    taken = select(type_table.c.id, type_table.c.name).where(type_table.c.external_id == planned.external_id)
    for other_id, other_name in state.connection.execute(taken):
        if other_id != planned.id:
            raise RecordExistsError(
                f"{_label(planned)}: the external id {planned.external_id!r} belongs to the type {other_name!r} "
                f"(id {other_id}); choose another one",
            )
