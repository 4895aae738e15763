"""The append-only record log: the truth of all metadata, of which the SQLite file is only a projection.

A log is a row of numbered entries 1, 2, 3, ... without gaps; each is put once and never changed, and whoever puts
entry n + 1 has seen entry n. All ids and times are assigned by the writer and stand in the entry, so applying the
same entries in order always makes the same tables. This module defines what a log must do (`RecordLog`), a log in
memory, and the bytes of an entry; it neither checks operations nor applies them.

Format of the body of an entry, version 1: canonical JSON, which is UTF-8, members of objects sorted by code point, no
white space, no `NaN` or `Infinity` tokens. Members that are null, an empty list, an empty object or an empty `uri` are
left out (an empty `external_id` or `name` is a value of its own).

    entry      {"groups": [group, ...], "time": int, "version": 1, "writer": 32 hex digits}
    group      {"key": text, "operations": [operation, ...]}

`time` is the writer's clock in milliseconds since 1970 UTC, never less than that of the entry before; `writer` is
drawn at random by each store that is opened. A group whose `key` (e.g. `commit:<hex>`) stands in an earlier group is
skipped by the reader; without a key it is always applied. An operation carries the whole new state of one thing, its
`op` says what: `create_` or `update_` before `artifact_type`, `execution_type`, `context_type`, `artifact`,
`execution`, `context`; only `create_` before `event`, `attribution`, `association`, `parent_context`. Its other
members are the fields of the class of that name in `lakebed.metadata.model` (a node's `type` is left out, `type_id`
says it): integers and texts as they are, enumerations as their numbers, times in milliseconds, the `path` of an event
as a list of texts and integers, the `properties` of a type as `{name: PropertyType number}`, and the `properties` and
`custom_properties` of a node as `{name: value}` with

    value      ["i", int64] | ["f", double] | ["s", text] | ["b", bool] | ["o", struct] | ["p", type_url, base64]
    double     text: the shortest decimal that reads back as the same double, or "inf", "-inf", "nan", "-0.0"
    struct     {name: item, ...}
    item       null | bool | text | ["f", double] | ["l", [item, ...]] | struct

Ids are unique per table, start at 1 (types at 10, after the nine of ML Metadata) and are never used twice.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from lakebed.errors import CorruptionError, FormatVersionError
from lakebed.metadata.model import (
    Artifact,
    ArtifactState,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    EventType,
    Execution,
    ExecutionState,
    ExecutionType,
    ParentContext,
    PropertyType,
    Record,
)
from lakebed.metadata.values import decode_value, encode_value

ENTRY_VERSION = 1


class RecordLog(Protocol):
    """What a store needs of its log. Every method may be called from any thread.

    Example:
        >>> log: RecordLog = MemoryRecordLog()
        >>> log.append(1, b"first"), log.append(1, b"late"), log.head(), log.read(0)
        (True, False, 1, [(1, b'first')])
    """

    def read(self, after: int) -> list[tuple[int, bytes]]:
        """Return the entries behind a number.

        Args:
            after: 0 or the number of an entry.

        Returns:
            Numbers and bodies, ascending and without gaps.
        """

    def append(self, seq: int, body: bytes) -> bool:
        """Put an entry, durably, unless its number is taken.

        Args:
            seq: One more than the last number the caller knows.
            body: The entry.

        Returns:
            False where the number is taken; nothing is changed then.
        """

    def head(self) -> int:
        """Return the number of the last entry.

        Returns:
            0 where there is none.
        """


class MemoryRecordLog:
    """A record log in memory, for tests and for stores that need not last. Safe for threads; pickles as a copy.

    Example:
        >>> log = MemoryRecordLog()
        >>> log.append(1, b"first")
        True
    """

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._lock = threading.Lock()

    def read(self, after: int) -> list[tuple[int, bytes]]:
        """Return the entries behind a number.

        Args:
            after: 0 or the number of an entry.

        Returns:
            Numbers and bodies, ascending; empty where there are none.

        Example:
            >>> MemoryRecordLog().read(0)
            []
        """
        with self._lock:
            return list(enumerate(self._bodies[after:], start=after + 1))

    def append(self, seq: int, body: bytes) -> bool:
        """Put an entry unless its number is taken.

        Args:
            seq: At most one more than `head()`.
            body: The entry.

        Returns:
            False where the number is taken; nothing is changed then.

        Raises:
            ValueError: The number would leave a gap.

        Example:
            >>> MemoryRecordLog().append(1, b"")
            True
        """
        with self._lock:
            if seq <= len(self._bodies):
                return False
            if seq != len(self._bodies) + 1:
                raise ValueError(f"entry {seq} would leave a gap behind entry {len(self._bodies)}")
            self._bodies.append(bytes(body))
            return True

    def head(self) -> int:
        """Return the number of the last entry.

        Returns:
            0 where there is none.

        Example:
            >>> MemoryRecordLog().head()
            0
        """
        return len(self._bodies)

    def __getstate__(self) -> list[bytes]:
        with self._lock:
            return list(self._bodies)

    def __setstate__(self, state: list[bytes]) -> None:
        self._bodies = state
        self._lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Operation:
    """One change: the whole new state of one thing, with its ids and times.

    Args:
        record: What is written.
        is_update: Whether it replaces a stored one of that id; only types and nodes can be.

    Example:
        >>> Operation(Association(id=1, execution_id=2, context_id=3)).is_update
        False
    """

    record: Record
    is_update: bool = False


@dataclass(frozen=True, slots=True)
class OperationGroup:
    """Operations that are applied together, and once only where they have a key.

    Args:
        operations: In the order of their application.
        key: What the group records, e.g. `commit:<hex>`; None applies always.

    Example:
        >>> OperationGroup((), key="commit:9f").key
        'commit:9f'
    """

    operations: tuple[Operation, ...]
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log.

    Args:
        writer: 32 hex digits that name the store that wrote it.
        time: Milliseconds since 1970 UTC.
        groups: In the order of their application.

    Example:
        >>> Entry("0" * 32, 0, ()).groups
        ()
    """

    writer: str
    time: int
    groups: tuple[OperationGroup, ...]


def encode_entry(entry: Entry) -> bytes:
    """Return the body of an entry.

    Args:
        entry: Values as `lakebed.metadata.values.normalize` leaves them.

    Returns:
        Canonical JSON; equal entries give equal bytes.

    Example:
        >>> encode_entry(Entry("0" * 32, 7, ()))
        b'{"groups":[],"time":7,"version":1,"writer":"00000000000000000000000000000000"}'
    """
    groups = [_encode_group(group) for group in entry.groups]
    body = {"version": ENTRY_VERSION, "writer": entry.writer, "time": entry.time, "groups": groups}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def decode_entry(seq: int, body: bytes) -> Entry:
    """Return the entry of a body.

    Args:
        seq: Its number, for the message of an error.
        body: As `encode_entry` returns it.

    Returns:
        The entry.

    Raises:
        FormatVersionError: A newer Lakebed wrote it.
        CorruptionError: It is no entry.

    Example:
        >>> decode_entry(1, encode_entry(Entry("0" * 32, 7, ()))).time
        7
    """
    try:
        parsed = json.loads(body)
        version = parsed["version"]
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptionError(f"record {seq} is no JSON entry of Lakebed ({error}); verify the warehouse") from error
    if version != ENTRY_VERSION:
        raise FormatVersionError(
            f"record {seq} has version {version}, this Lakebed reads version {ENTRY_VERSION}; install a newer one",
        )
    try:
        groups = tuple(_decode_group(group) for group in parsed["groups"])
        return Entry(parsed["writer"], parsed["time"], groups)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptionError(f"record {seq} is damaged ({error!r}); verify the warehouse") from error


# Classes by the name that `op` gives them.
_CLASSES: dict[str, type[Record]] = {
    "artifact_type": ArtifactType,
    "execution_type": ExecutionType,
    "context_type": ContextType,
    "artifact": Artifact,
    "execution": Execution,
    "context": Context,
    "event": Event,
    "attribution": Attribution,
    "association": Association,
    "parent_context": ParentContext,
}
_NAMES = {record_class: name for name, record_class in _CLASSES.items()}
_NODES = (Artifact, Execution, Context)
_TYPES = (ArtifactType, ExecutionType, ContextType)
_FIELDS: dict[type, tuple[str, ...]] = {
    record_class: tuple(
        item.name for item in fields(record_class) if not (record_class in _NODES and item.name == "type")
    )
    for record_class in _NAMES
}


def _encode_group(group: OperationGroup) -> dict[str, Any]:
    encoded: dict[str, Any] = {"operations": [_encode_operation(operation) for operation in group.operations]}
    if group.key is not None:
        encoded["key"] = group.key
    return encoded


def _encode_operation(operation: Operation) -> dict[str, Any]:
    record = operation.record
    record_class = type(record)
    verb = "update_" if operation.is_update else "create_"
    encoded: dict[str, Any] = {"op": verb + _NAMES[record_class]}
    for name in _FIELDS[record_class]:
        value = getattr(record, name)
        if value is None or value in ("", (), {}):
            # An empty external id or name counts as a value, so it is not left out.
            if value != "" or name == "uri":
                continue
        elif record_class in _NODES and name in {"properties", "custom_properties"}:
            value = {key: encode_value(item) for key, item in value.items()}
        encoded[name] = value
    return encoded


def _decode_group(encoded: Mapping[str, Any]) -> OperationGroup:
    return OperationGroup(tuple(_decode_operation(item) for item in encoded["operations"]), encoded.get("key"))


def _decode_operation(encoded: Mapping[str, Any]) -> Operation:
    verb, _, name = encoded["op"].partition("_")
    if verb not in {"create", "update"}:
        raise ValueError(f"unknown operation {encoded['op']!r}")
    record_class = _CLASSES[name]
    members = {key: value for key, value in encoded.items() if key != "op"}
    for key, convert in _CONVERTERS[record_class].items():
        if key in members:
            members[key] = convert(members[key])
    return Operation(record_class(**members), is_update=verb == "update")


def _decode_properties(encoded: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {name: decode_value(value) for name, value in encoded.items()}


def _decode_property_types(encoded: Mapping[str, int]) -> dict[str, PropertyType]:
    return {name: PropertyType(number) for name, number in encoded.items()}


_NODE_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "properties": _decode_properties,
    "custom_properties": _decode_properties,
}
_CONVERTERS: dict[type, dict[str, Callable[[Any], Any]]] = {
    **{record_class: {} for record_class in _NAMES},
    **{record_class: {"properties": _decode_property_types} for record_class in _TYPES},
    Artifact: {**_NODE_CONVERTERS, "state": ArtifactState},
    Execution: {**_NODE_CONVERTERS, "last_known_state": ExecutionState},
    Context: _NODE_CONVERTERS,
    Event: {"type": EventType, "path": tuple},
}
