"""What a batch asks for, before it is checked: groups of puts that refer to each other by handles.

A handle is a negative number that stands for the id of something put in the same batch; it may be used wherever an
id is asked for. Nothing is looked up here and nothing is written until the batch ends: then the store checks, assigns
ids and writes one record, all or nothing, again from these wishes where another process was faster.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, TypeAlias

from lakebed.errors import InvalidArgumentError
from lakebed.metadata.model import (
    AnyType,
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    Execution,
    Node,
    ParentContext,
)

ReuseBy: TypeAlias = Literal["name", "external_id"]
"""How a stored node is found that is used, unchanged, instead of a new one."""


@dataclass(frozen=True, slots=True)
class PutType:
    """Create a type, or add to it.

    Args:
        handle: Stands for its id.
        type: What is asked for.
        can_add_fields: Whether a stored type may get further properties.
        can_omit_fields: Whether stored properties may be left out; they are kept.

    Example:
        >>> from lakebed.metadata.model import ContextType
        >>> PutType(-1, ContextType(name="run")).can_add_fields
        False
    """

    handle: int
    type: AnyType
    can_add_fields: bool = False
    can_omit_fields: bool = False


@dataclass(frozen=True, slots=True)
class PutNode:
    """Create, replace or find an artifact, execution or context.

    Args:
        handle: Stands for its id.
        node: What is asked for; with an id it replaces the stored one.
        reuse_by: Use the stored node of the same type and name, or of the same external id, as it is.
        force_update_time: Move the time of the last update even where nothing changes.

    Example:
        >>> PutNode(-1, Context(type="run", name="r")).reuse_by is None
        True
    """

    handle: int
    node: Node
    reuse_by: ReuseBy | None = None
    force_update_time: bool = False


Put: TypeAlias = PutType | PutNode | Event | Attribution | Association | ParentContext
"""One wish of a batch."""


@dataclass(slots=True)
class Group:
    """Puts that are recorded together, once only where the group has a key. Made by `Batch.group`.

    Args:
        key: E.g. `commit:<hex>`; a store that has recorded it leaves the whole group out.
        time: Milliseconds since 1970 UTC that nodes are created at; None takes the time of the record.
        new_handle: Gives the next handle.
        puts: What was asked for so far.

    Example:
        >>> group = Batch(lambda groups: {}).group(key="commit:9f")
        >>> group.put_execution(Execution(type="append"))
        -1
    """

    key: str | None
    time: int | None
    new_handle: Callable[[], int]
    puts: list[Put] = field(default_factory=list)

    def put_type(self, wanted: AnyType, *, can_add_fields: bool = False, can_omit_fields: bool = False) -> int:
        """Create a type or add to it, as `MetadataStore.put_artifact_type` does.

        Args:
            wanted: ArtifactType, ExecutionType or ContextType.
            can_add_fields: Whether a stored type may get further properties.
            can_omit_fields: Whether stored properties may be left out; they are kept.

        Returns:
            A handle.

        Example:
            >>> from lakebed.metadata.model import ArtifactType
            >>> Batch(lambda groups: {}).group().put_type(ArtifactType(name="Table"))
            -1
        """
        handle = self.new_handle()
        self.puts.append(PutType(handle, wanted, can_add_fields, can_omit_fields))
        return handle

    def put_artifact(
        self,
        artifact: Artifact,
        *,
        reuse_by: ReuseBy | None = None,
        force_update_time: bool = False,
    ) -> int:
        """Create an artifact, replace it (with an id) or find it.

        Args:
            artifact: What is asked for.
            reuse_by: Where the stored artifact of the same type and "name" (or of the same "external_id") is to be
                used as it is; it is created where there is none.
            force_update_time: Move the time of the last update even where nothing changes.

        Returns:
            A handle.

        Example:
            >>> Batch(lambda groups: {}).group().put_artifact(Artifact(type="Table", name="t@9f"), reuse_by="name")
            -1
        """
        return self._put_node(artifact, reuse_by, force_update_time=force_update_time)

    def put_execution(
        self,
        execution: Execution,
        *,
        reuse_by: ReuseBy | None = None,
        force_update_time: bool = False,
    ) -> int:
        """Create an execution, replace it (with an id) or find it.

        Args:
            execution: What is asked for.
            reuse_by: As for `put_artifact`.
            force_update_time: Move the time of the last update even where nothing changes.

        Returns:
            A handle.

        Example:
            >>> Batch(lambda groups: {}).group().put_execution(Execution(type="append"))
            -1
        """
        return self._put_node(execution, reuse_by, force_update_time=force_update_time)

    def put_context(
        self,
        context: Context,
        *,
        reuse_by: ReuseBy | None = None,
        force_update_time: bool = False,
    ) -> int:
        """Create a context, replace it (with an id) or find it.

        Args:
            context: What is asked for.
            reuse_by: As for `put_artifact`.
            force_update_time: Move the time of the last update even where nothing changes.

        Returns:
            A handle.

        Example:
            >>> Batch(lambda groups: {}).group().put_context(Context(type="run", name="r"), reuse_by="name")
            -1
        """
        return self._put_node(context, reuse_by, force_update_time=force_update_time)

    def put_event(self, event: Event) -> None:
        """Record that an execution read or made an artifact.

        Args:
            event: With both ids; handles of this batch are ids.

        Example:
            >>> from lakebed.metadata.model import EventType
            >>> group = Batch(lambda groups: {}).group()
            >>> made = group.put_artifact(Artifact(type="Table"))
            >>> run = group.put_execution(Execution(type="append"))
            >>> group.put_event(Event(type=EventType.OUTPUT, artifact_id=made, execution_id=run))
        """
        self.puts.append(event)

    def put_attribution(self, artifact_id: int, context_id: int) -> None:
        """Put an artifact into a context; a repeat changes nothing.

        Args:
            artifact_id: Id or handle.
            context_id: Id or handle.

        Example:
            >>> Batch(lambda groups: {}).group().put_attribution(1, 2)
        """
        self.puts.append(Attribution(artifact_id=artifact_id, context_id=context_id))

    def put_association(self, execution_id: int, context_id: int) -> None:
        """Put an execution into a context; a repeat changes nothing.

        Args:
            execution_id: Id or handle.
            context_id: Id or handle.

        Example:
            >>> Batch(lambda groups: {}).group().put_association(1, 2)
        """
        self.puts.append(Association(execution_id=execution_id, context_id=context_id))

    def put_parent_context(self, child_id: int, parent_id: int) -> None:
        """Put a context into another one.

        Args:
            child_id: Id or handle of the inner context.
            parent_id: Id or handle of the outer context.

        Example:
            >>> Batch(lambda groups: {}).group().put_parent_context(1, 2)
        """
        self.puts.append(ParentContext(child_id=child_id, parent_id=parent_id))

    def _put_node(self, node: Node, reuse_by: ReuseBy | None, *, force_update_time: bool) -> int:
        handle = self.new_handle()
        self.puts.append(PutNode(handle, node, reuse_by, force_update_time))
        return handle


class Batch:
    """Groups of puts that are written as one record at the end of a `with` block. Made by `MetadataStore.batch`.

    A handle is valid within its group, and from a group without key in all later groups of the batch. A group with a
    key may be left out, so its handles mean nothing elsewhere: put what is shared again, with `reuse_by`.

    Args:
        write: Checks and writes all groups; returns the ids by handle.

    Example:
        >>> from lakebed.metadata.records import MemoryRecordLog
        >>> from lakebed.metadata.store import MetadataStore
        >>> store = MetadataStore(MemoryRecordLog())
        >>> type_id = store.put_execution_type("append")
        >>> with store.batch() as batch:
        ...     run = batch.group(key="commit:9f").put_execution(Execution(type="append"))
        >>> batch.id_of(run)
        1
    """

    def __init__(self, write: Callable[[list[Group]], Mapping[int, int]]) -> None:
        self._write = write
        self._groups: list[Group] = []
        self._handles: Iterator[int] = itertools.count(-1, -1)
        self._ids: Mapping[int, int] | None = None

    def group(self, *, key: str | None = None, time: int | None = None) -> Group:
        """Start a group of puts.

        Args:
            key: What the group records, e.g. `commit:<hex>`; recorded once only.
            time: Milliseconds since 1970 UTC that nodes are created at; None takes the time of the record.

        Returns:
            The group, to be filled until the batch ends.

        Raises:
            InvalidArgumentError: The batch has ended, or the key is empty.

        Example:
            >>> Batch(lambda groups: {}).group(key="commit:9f").key
            'commit:9f'
        """
        if self._ids is not None:
            raise InvalidArgumentError("this batch has ended; start another one with store.batch()")
        if key == "":
            raise InvalidArgumentError("a group of a batch was given an empty key; name what it records, or give None")
        group = Group(key, time, self._handles.__next__)
        self._groups.append(group)
        return group

    def id_of(self, handle: int) -> int | None:
        """Return the id that a handle stood for.

        Args:
            handle: As a `put_` method returned it.

        Returns:
            The id; None where its group was left out because its key was recorded before.

        Raises:
            InvalidArgumentError: The batch has not ended.

        Example:
            >>> with Batch(lambda groups: {-1: 7}) as batch:
            ...     handle = batch.group().put_execution(Execution(type="append"))
            >>> batch.id_of(handle)
            7
        """
        if self._ids is None:
            raise InvalidArgumentError("this batch has not ended, so ids are not assigned; ask behind its with block")
        return self._ids.get(handle)

    def __enter__(self) -> Batch:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error_type is None:
            self._ids = self._write(self._groups)
