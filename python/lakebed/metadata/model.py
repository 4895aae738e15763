"""The things that ML Metadata knows, as plain frozen values: types, artifacts, executions, contexts, events and links.

Names and numbers are those of Google's ML Metadata 1.17, so that its databases and messages map one to one. A value
that comes from a store has its id, type id and times set; one that is about to be put leaves them out. Nothing here
checks against a store or does I/O: `lakebed.metadata.store` does. Importing this module costs nothing but the standard
library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias


class PropertyType(IntEnum):
    """Kind of value that a declared property takes; numbers as in ML Metadata.

    Example:
        >>> PropertyType.DOUBLE.value
        2
    """

    UNKNOWN = 0
    INT = 1
    DOUBLE = 2
    STRING = 3
    STRUCT = 4
    PROTO = 5
    BOOLEAN = 6


class TypeKind(IntEnum):
    """What a type describes; numbers as in ML Metadata's table `Type`.

    Example:
        >>> TypeKind.ARTIFACT.value
        1
    """

    EXECUTION = 0
    ARTIFACT = 1
    CONTEXT = 2


class ArtifactState(IntEnum):
    """State of an artifact.

    Example:
        >>> ArtifactState.LIVE.value
        2
    """

    UNKNOWN = 0
    PENDING = 1
    LIVE = 2
    MARKED_FOR_DELETION = 3
    DELETED = 4
    ABANDONED = 5
    REFERENCE = 6


class ExecutionState(IntEnum):
    """Last known state of an execution.

    Example:
        >>> ExecutionState.COMPLETE.value
        3
    """

    UNKNOWN = 0
    NEW = 1
    RUNNING = 2
    COMPLETE = 3
    FAILED = 4
    CACHED = 5
    CANCELED = 6


class EventType(IntEnum):
    """How an execution touched an artifact.

    Example:
        >>> EventType.OUTPUT.is_output, EventType.INTERNAL_INPUT.is_output
        (True, False)
    """

    UNKNOWN = 0
    DECLARED_OUTPUT = 1
    DECLARED_INPUT = 2
    INPUT = 3
    OUTPUT = 4
    INTERNAL_INPUT = 5
    INTERNAL_OUTPUT = 6
    PENDING_OUTPUT = 7

    @property
    def is_output(self) -> bool:
        """Whether data flow from the execution to the artifact; declared, internal and pending ones count.

        Example:
            >>> EventType.PENDING_OUTPUT.is_output
            True
        """
        return self in _OUTPUTS

    @property
    def is_input(self) -> bool:
        """Whether data flow from the artifact to the execution; declared and internal ones count.

        Example:
            >>> EventType.DECLARED_INPUT.is_input
            True
        """
        return self in _INPUTS


_OUTPUTS = frozenset(
    {EventType.DECLARED_OUTPUT, EventType.OUTPUT, EventType.INTERNAL_OUTPUT, EventType.PENDING_OUTPUT},
)
_INPUTS = frozenset({EventType.DECLARED_INPUT, EventType.INPUT, EventType.INTERNAL_INPUT})


@dataclass(frozen=True, slots=True)
class ProtoValue:
    """A property that holds a protobuf message, as `google.protobuf.Any` does.

    Args:
        type_url: Name of the message, e.g. `type.googleapis.com/my.Message`.
        value: The serialised message.

    Example:
        >>> ProtoValue("type.googleapis.com/google.protobuf.Empty", b"").value
        b''
    """

    type_url: str
    value: bytes


PropertyValue: TypeAlias = int | float | str | bool | Mapping[str, Any] | ProtoValue
"""A property: 64-bit int, double, text, bool, struct (a mapping as in JSON, its numbers doubles) or message."""

Properties: TypeAlias = Mapping[str, PropertyValue]
"""Properties by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactType:
    """A kind of artifact, identified by name and version.

    Args:
        name: Not empty.
        version: None or "" for no version.
        properties: Kind of each declared property.
        description: Kept from the first put; later ones do not change it.
        base_type: One of ML Metadata's own types, e.g. `mlmd.Model`, or None.
        external_id: Unique among the types.
        id: Set by the store.

    Example:
        >>> ArtifactType(name="Model", properties={"rmse": PropertyType.DOUBLE}).name
        'Model'
    """

    name: str
    version: str | None = None
    properties: Mapping[str, PropertyType] = field(default_factory=dict)
    description: str | None = None
    base_type: str | None = None
    external_id: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionType:
    """A kind of execution, identified by name and version.

    Args:
        name: Not empty.
        version: None or "" for no version.
        properties: Kind of each declared property.
        description: Kept from the first put; later ones do not change it.
        base_type: One of ML Metadata's own types, e.g. `mlmd.Train`, or None.
        external_id: Unique among the types.
        input_type: Shape of the inputs as ML Metadata's `ArtifactStructType` in protobuf JSON, or None.
        output_type: Shape of the outputs, likewise.
        id: Set by the store.

    Example:
        >>> ExecutionType(name="train", base_type="mlmd.Train").base_type
        'mlmd.Train'
    """

    name: str
    version: str | None = None
    properties: Mapping[str, PropertyType] = field(default_factory=dict)
    description: str | None = None
    base_type: str | None = None
    external_id: str | None = None
    input_type: str | None = None
    output_type: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextType:
    """A kind of context, identified by name and version.

    Args:
        name: Not empty.
        version: None or "" for no version.
        properties: Kind of each declared property.
        description: Kept from the first put; later ones do not change it.
        base_type: ML Metadata defines none for contexts.
        external_id: Unique among the types.
        id: Set by the store.

    Example:
        >>> ContextType(name="experiment").version is None
        True
    """

    name: str
    version: str | None = None
    properties: Mapping[str, PropertyType] = field(default_factory=dict)
    description: str | None = None
    base_type: str | None = None
    external_id: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A thing that executions read or make: a table version, a file, a model.

    Args:
        type: Name of the type without version; or give `type_id`.
        uri: Where it lies.
        name: Unique among the artifacts of its type, or None.
        properties: Those that the type declares, of the declared kind.
        custom_properties: Free.
        state: None where nobody said.
        external_id: Unique among the artifacts, or None.
        id: None to create; that of a stored artifact to replace all it holds but its name.
        type_id: Id of the type; names the type alone where `type` is empty.
        create_time_since_epoch: Milliseconds, UTC; set by the store.
        last_update_time_since_epoch: Milliseconds, UTC; set by the store.

    Example:
        >>> Artifact(type="Model", uri="models/1.bin", custom_properties={"rmse": 0.25}).uri
        'models/1.bin'
    """

    type: str = ""
    uri: str = ""
    name: str | None = None
    properties: Properties = field(default_factory=dict)
    custom_properties: Properties = field(default_factory=dict)
    state: ArtifactState | None = None
    external_id: str | None = None
    id: int | None = None
    type_id: int | None = None
    create_time_since_epoch: int | None = None
    last_update_time_since_epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of something that reads and makes artifacts.

    Args:
        type: Name of the type without version; or give `type_id`.
        name: Unique among the executions of its type, or None.
        properties: Those that the type declares, of the declared kind.
        custom_properties: Free.
        last_known_state: None where nobody said.
        external_id: Unique among the executions, or None.
        id: None to create; that of a stored execution to replace all it holds but its name.
        type_id: Id of the type; names the type alone where `type` is empty.
        create_time_since_epoch: Milliseconds, UTC; set by the store.
        last_update_time_since_epoch: Milliseconds, UTC; set by the store.

    Example:
        >>> Execution(type="train", last_known_state=ExecutionState.COMPLETE).last_known_state.name
        'COMPLETE'
    """

    type: str = ""
    name: str | None = None
    properties: Properties = field(default_factory=dict)
    custom_properties: Properties = field(default_factory=dict)
    last_known_state: ExecutionState | None = None
    external_id: str | None = None
    id: int | None = None
    type_id: int | None = None
    create_time_since_epoch: int | None = None
    last_update_time_since_epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A group of executions and artifacts: an experiment, a pipeline, a run.

    Args:
        name: Unique among the contexts of its type; not empty.
        type: Name of the type without version; or give `type_id`.
        properties: Those that the type declares, of the declared kind.
        custom_properties: Free.
        external_id: Unique among the contexts, or None.
        id: None to create; that of a stored context to replace all it holds but its name.
        type_id: Id of the type; names the type alone where `type` is empty.
        create_time_since_epoch: Milliseconds, UTC; set by the store.
        last_update_time_since_epoch: Milliseconds, UTC; set by the store.

    Example:
        >>> Context(type="experiment", name="delays").name
        'delays'
    """

    name: str
    type: str = ""
    properties: Properties = field(default_factory=dict)
    custom_properties: Properties = field(default_factory=dict)
    external_id: str | None = None
    id: int | None = None
    type_id: int | None = None
    create_time_since_epoch: int | None = None
    last_update_time_since_epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An execution read or made an artifact; one for each artifact, execution and type.

    Args:
        type: Not `UNKNOWN`.
        artifact_id: Which artifact; may be left out where the call names it.
        execution_id: Which execution; may be left out where the call names it.
        path: Place of the artifact among the inputs or outputs: names and positions from the outside in.
        milliseconds_since_epoch: When, UTC; the time of the put where None.
        id: Set by the store.

    Example:
        >>> Event(type=EventType.INPUT, artifact_id=1, execution_id=2, path=("examples", 0)).path
        ('examples', 0)
    """

    type: EventType
    artifact_id: int | None = None
    execution_id: int | None = None
    path: tuple[str | int, ...] = ()
    milliseconds_since_epoch: int | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """An artifact belongs to a context.

    Args:
        artifact_id: Which artifact.
        context_id: Which context.
        id: Set by the store.

    Example:
        >>> Attribution(artifact_id=1, context_id=2).context_id
        2
    """

    artifact_id: int
    context_id: int
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """An execution belongs to a context.

    Args:
        execution_id: Which execution.
        context_id: Which context.
        id: Set by the store.

    Example:
        >>> Association(execution_id=1, context_id=2).execution_id
        1
    """

    execution_id: int
    context_id: int
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentContext:
    """A context lies within another one.

    Args:
        child_id: The inner context.
        parent_id: The outer context.

    Example:
        >>> ParentContext(child_id=1, parent_id=2).parent_id
        2
    """

    child_id: int
    parent_id: int


AnyType: TypeAlias = ArtifactType | ExecutionType | ContextType
"""A type of any kind."""

Node: TypeAlias = Artifact | Execution | Context
"""What has a type, properties and times."""

Record: TypeAlias = AnyType | Node | Event | Attribution | Association | ParentContext
"""Whatever an operation can write."""

SYSTEM_TYPES: tuple[tuple[int, str, TypeKind], ...] = (
    (1, "mlmd.Dataset", TypeKind.ARTIFACT),
    (2, "mlmd.Model", TypeKind.ARTIFACT),
    (3, "mlmd.Metrics", TypeKind.ARTIFACT),
    (4, "mlmd.Statistics", TypeKind.ARTIFACT),
    (5, "mlmd.Train", TypeKind.EXECUTION),
    (6, "mlmd.Transform", TypeKind.EXECUTION),
    (7, "mlmd.Process", TypeKind.EXECUTION),
    (8, "mlmd.Evaluate", TypeKind.EXECUTION),
    (9, "mlmd.Deploy", TypeKind.EXECUTION),
)
"""The nine types that every store holds from the start: id, name, kind."""
