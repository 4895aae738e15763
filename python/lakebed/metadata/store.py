"""The metadata store: types, artifacts, executions, contexts and events, as Google's ML Metadata knows them.

Every write is one record in an append-only log, all or nothing; what is read comes from tables that are built from the
log and may be deleted at any time. Several processes and threads may read and write at once: they take turns, and
nobody overwrites anybody. A store can be pickled and survives a fork. Nothing is ever removed from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

from lakebed.errors import InvalidArgumentError, ReadOnlyError
from lakebed.metadata.backends.projection import Projection
from lakebed.metadata.batch import Batch, Group, ReuseBy
from lakebed.metadata.model import (
    AnyType,
    Artifact,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    Execution,
    ExecutionType,
    ParentContext,
    PropertyType,
)
from lakebed.metadata.plan import plan_groups
from lakebed.metadata.reader import MetadataReader
from lakebed.metadata.records import RecordLog

PropertyTypes: TypeAlias = Mapping[str, PropertyType | type]
"""Kinds of properties by name; `int`, `float`, `str`, `bool` and `dict` stand for their kinds."""

ArtifactAndEvent: TypeAlias = tuple[Artifact | None, Event | None] | tuple[Artifact]
"""An artifact to put and the event that ties it to an execution; either may be None."""


class MetadataStore(MetadataReader):
    """Artifacts, executions, contexts and events over a record log.

    Args:
        log: The truth: the warehouse's own, or a `MemoryRecordLog`.
        path: The SQLite file of the projection; None keeps it in memory. Made where it is missing.
        read_only: Refuse every put, and leave the SQLite file as it is.

    Example:
        >>> from lakebed.metadata import Artifact, Event, EventType, Execution, MemoryRecordLog
        >>> store = MetadataStore(MemoryRecordLog())
        >>> _ = store.put_artifact_type("Model", {"rmse": float}), store.put_execution_type("train")
        >>> model = Artifact(type="Model", properties={"rmse": 0.25})
        >>> store.put_execution(Execution(type="train"), [(model, Event(type=EventType.OUTPUT))])
        (1, [1], [])
        >>> store.get_artifacts()[0].properties
        {'rmse': 0.25}
    """

    def __init__(self, log: RecordLog, path: str | Path | None = None, *, read_only: bool = False) -> None:
        self._log = log
        self._path = None if path is None else Path(path)
        self._read_only = read_only
        super().__init__(Projection(log, self._path, read_only=read_only))

    def put_artifact_type(
        self,
        name: str,
        properties: PropertyTypes | None = None,
        version: str | None = None,
        description: str | None = None,
        *,
        base_type: str | None = None,
        external_id: str | None = None,
        can_add_fields: bool = False,
        can_omit_fields: bool = False,
    ) -> int:
        """Create an artifact type, or add to it.

        Args:
            name: Not empty.
            properties: Kind of each property that its artifacts may have.
            version: Types of one name and different versions are different types.
            description: Kept from the first put.
            base_type: `mlmd.Dataset`, `mlmd.Model`, `mlmd.Metrics` or `mlmd.Statistics`; set once.
            external_id: Unique among all types.
            can_add_fields: Whether a stored type may get further properties.
            can_omit_fields: Whether stored properties may be left out; they are kept.

        Returns:
            The id; the same for a repeat.

        Raises:
            InvalidArgumentError: No name, or a property of unknown kind.
            RecordExistsError: The stored type has other properties, or the external id is taken.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).put_artifact_type("Model", {"rmse": float}, base_type="mlmd.Model")
            10
        """
        wanted = ArtifactType(
            name=name,
            version=version,
            properties=_kinds(properties),
            description=description,
            base_type=base_type,
            external_id=external_id,
        )
        return self._put_type(wanted, can_add_fields=can_add_fields, can_omit_fields=can_omit_fields)

    def put_execution_type(
        self,
        name: str,
        properties: PropertyTypes | None = None,
        version: str | None = None,
        description: str | None = None,
        *,
        base_type: str | None = None,
        external_id: str | None = None,
        can_add_fields: bool = False,
        can_omit_fields: bool = False,
    ) -> int:
        """Create an execution type, or add to it.

        Args:
            name: Not empty.
            properties: Kind of each property that its executions may have.
            version: Types of one name and different versions are different types.
            description: Kept from the first put.
            base_type: `mlmd.Train`, `mlmd.Transform`, `mlmd.Process`, `mlmd.Evaluate` or `mlmd.Deploy`; set once.
            external_id: Unique among all types.
            can_add_fields: Whether a stored type may get further properties.
            can_omit_fields: Whether stored properties may be left out; they are kept.

        Returns:
            The id; the same for a repeat.

        Raises:
            InvalidArgumentError: No name, or a property of unknown kind.
            RecordExistsError: The stored type has other properties, or the external id is taken.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).put_execution_type("train", {"epochs": int})
            10
        """
        wanted = ExecutionType(
            name=name,
            version=version,
            properties=_kinds(properties),
            description=description,
            base_type=base_type,
            external_id=external_id,
        )
        return self._put_type(wanted, can_add_fields=can_add_fields, can_omit_fields=can_omit_fields)

    def put_context_type(
        self,
        name: str,
        properties: PropertyTypes | None = None,
        version: str | None = None,
        description: str | None = None,
        *,
        external_id: str | None = None,
        can_add_fields: bool = False,
        can_omit_fields: bool = False,
    ) -> int:
        """Create a context type, or add to it.

        Args:
            name: Not empty.
            properties: Kind of each property that its contexts may have.
            version: Types of one name and different versions are different types.
            description: Kept from the first put.
            external_id: Unique among all types.
            can_add_fields: Whether a stored type may get further properties.
            can_omit_fields: Whether stored properties may be left out; they are kept.

        Returns:
            The id; the same for a repeat.

        Raises:
            InvalidArgumentError: No name, or a property of unknown kind.
            RecordExistsError: The stored type has other properties, or the external id is taken.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).put_context_type("experiment", {"note": str})
            10
        """
        wanted = ContextType(
            name=name,
            version=version,
            properties=_kinds(properties),
            description=description,
            external_id=external_id,
        )
        return self._put_type(wanted, can_add_fields=can_add_fields, can_omit_fields=can_omit_fields)

    def put_artifacts(self, artifacts: Iterable[Artifact]) -> list[int]:
        """Create artifacts, or replace those that have an id.

        Args:
            artifacts: All or none of them are put.

        Returns:
            Their ids, in their order.

        Raises:
            InvalidArgumentError: One breaks a rule by itself, or its id is unknown.
            RecordExistsError: A name or external id is taken.
            RecordNotFoundError: A type is unknown.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).put_artifacts([Artifact(type="mlmd.Model", uri="models/1.bin")])
            [1]
        """
        batch = self.batch()
        with batch:
            group = batch.group()
            handles = [group.put_artifact(artifact) for artifact in artifacts]
        return _ids(batch, handles)

    def put_executions(self, executions: Iterable[Execution]) -> list[int]:
        """Create executions, or replace those that have an id.

        Args:
            executions: All or none of them are put.

        Returns:
            Their ids, in their order.

        Raises:
            InvalidArgumentError: One breaks a rule by itself, or its id is unknown.
            RecordExistsError: A name or external id is taken.
            RecordNotFoundError: A type is unknown.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).put_executions([Execution(type="mlmd.Train")])
            [1]
        """
        batch = self.batch()
        with batch:
            group = batch.group()
            handles = [group.put_execution(execution) for execution in executions]
        return _ids(batch, handles)

    def put_contexts(self, contexts: Iterable[Context]) -> list[int]:
        """Create contexts, or replace those that have an id.

        Args:
            contexts: All or none of them are put.

        Returns:
            Their ids, in their order.

        Raises:
            InvalidArgumentError: One breaks a rule by itself, or its id is unknown.
            RecordExistsError: A name or external id is taken.
            RecordNotFoundError: A type is unknown.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> store = MetadataStore(MemoryRecordLog())
            >>> _ = store.put_context_type("experiment")
            >>> store.put_contexts([Context(type="experiment", name="delays")])
            [1]
        """
        batch = self.batch()
        with batch:
            group = batch.group()
            handles = [group.put_context(context) for context in contexts]
        return _ids(batch, handles)

    def put_events(self, events: Iterable[Event]) -> None:
        """Record that executions read or made artifacts.

        Args:
            events: All or none of them are put.

        Raises:
            InvalidArgumentError: A type or id is missing or unknown.
            RecordExistsError: There is such an event already.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import EventType, MemoryRecordLog
            >>> store = MetadataStore(MemoryRecordLog())
            >>> made = store.put_artifacts([Artifact(type="mlmd.Model")])[0]
            >>> run = store.put_executions([Execution(type="mlmd.Train")])[0]
            >>> store.put_events([Event(type=EventType.OUTPUT, artifact_id=made, execution_id=run)])
        """
        with self.batch() as batch:
            group = batch.group()
            for event in events:
                group.put_event(event)

    def put_attributions_and_associations(
        self,
        attributions: Iterable[Attribution],
        associations: Iterable[Association],
    ) -> None:
        """Put artifacts and executions into contexts; a repeat changes nothing.

        Args:
            attributions: Artifacts and their contexts.
            associations: Executions and their contexts.

        Raises:
            InvalidArgumentError: An id is unknown.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).put_attributions_and_associations([], [])
        """
        with self.batch() as batch:
            group = batch.group()
            for attribution in attributions:
                group.put_attribution(attribution.artifact_id, attribution.context_id)
            for association in associations:
                group.put_association(association.execution_id, association.context_id)

    def put_parent_contexts(self, parent_contexts: Iterable[ParentContext]) -> None:
        """Put contexts into other contexts.

        Args:
            parent_contexts: Pairs of an inner and an outer context.

        Raises:
            InvalidArgumentError: An id is unknown, or a context would contain itself.
            RecordExistsError: The one lies in the other already.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).put_parent_contexts([])
        """
        with self.batch() as batch:
            group = batch.group()
            for link in parent_contexts:
                group.put_parent_context(link.child_id, link.parent_id)

    def put_execution(
        self,
        execution: Execution,
        artifact_and_events: Sequence[ArtifactAndEvent] = (),
        contexts: Sequence[Context] | None = None,
        *,
        reuse_context_if_already_exist: bool = False,
        reuse_artifact_if_already_exist_by_external_id: bool = False,
        force_reuse_context: bool = False,
        force_update_time: bool = False,
    ) -> tuple[int, list[int], list[int]]:
        """Put an execution with its artifacts, events and contexts in one record, all or nothing.

        Args:
            execution: Created, or replaced where it has an id.
            artifact_and_events: For each an artifact that is put, and the event that ties it to the execution; without
                artifact the event names a stored one, without event the artifact is only put.
            contexts: Put, and then hold the execution and all the artifacts.
            reuse_context_if_already_exist: Use a stored context of the same type and name as it is.
            reuse_artifact_if_already_exist_by_external_id: Use a stored artifact of the same external id as it is.
            force_reuse_context: Use contexts that have an id as they are, instead of replacing what they hold.
            force_update_time: Move the time of the last update of nodes that do not change, too.

        Returns:
            Id of the execution, ids of the artifacts, ids of the contexts, in their order.

        Raises:
            InvalidArgumentError: Something breaks a rule by itself, or an id is unknown.
            RecordExistsError: A name, external id or event is taken.
            RecordNotFoundError: A type is unknown.
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import EventType, MemoryRecordLog
            >>> store = MetadataStore(MemoryRecordLog())
            >>> made = Artifact(type="mlmd.Model")
            >>> store.put_execution(Execution(type="mlmd.Train"), [(made, Event(type=EventType.OUTPUT))])
            (1, [1], [])
        """
        with self.batch() as batch:
            group = batch.group()
            run = group.put_execution(execution, force_update_time=force_update_time)
            reuse = reuse_artifact_if_already_exist_by_external_id
            artifacts = [
                _put_artifact_of(pair, group, reuse=reuse, force_update_time=force_update_time)
                for pair in artifact_and_events
            ]
            holders = [
                context.id
                if context.id is not None and force_reuse_context
                else group.put_context(
                    context,
                    reuse_by="name" if reuse_context_if_already_exist and context.id is None else None,
                    force_update_time=force_update_time,
                )
                for context in contexts or ()
            ]
            _put_events(group, run, artifacts, artifact_and_events)
            _link(group, run, artifacts, holders)
        return _ids(batch, [run])[0], _ids(batch, artifacts), _ids(batch, holders)

    def batch(self) -> Batch:
        """Start a batch: puts that refer to each other by handles, written as one record when its `with` block ends.

        Returns:
            The batch; an exception in the block drops it.

        Raises:
            ReadOnlyError: The store was opened read-only.

        Example:
            >>> from lakebed.metadata import EventType, MemoryRecordLog
            >>> store = MetadataStore(MemoryRecordLog())
            >>> with store.batch() as batch:
            ...     group = batch.group(key="commit:9f")
            ...     made = group.put_artifact(Artifact(type="mlmd.Dataset", name="flights@9f"), reuse_by="name")
            ...     run = group.put_execution(Execution(type="mlmd.Process"))
            ...     group.put_event(Event(type=EventType.OUTPUT, artifact_id=made, execution_id=run))
            >>> batch.id_of(run), store.has_key("commit:9f")
            (1, True)
        """
        self._check_writable()
        return Batch(self._write)

    def has_key(self, key: str) -> bool:
        """Return whether a group of a batch with that key is recorded.

        Args:
            key: E.g. `commit:<hex>`.

        Returns:
            True where it is, by whichever process.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).has_key("commit:9f")
            False
        """
        return self._projection.has_key(key)

    def verify(self) -> list[str]:
        """Compare the projection with one built afresh from the log.

        Returns:
            Names of the tables that differ; empty where all is well, else call `rebuild`.

        Raises:
            CorruptionError: An entry of the log is damaged.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).verify()
            []
        """
        return self._projection.differences()

    def rebuild(self) -> None:
        """Empty the projection and fill it from the log; ids and times come out the same.

        Raises:
            CorruptionError: An entry of the log is damaged.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).rebuild()
        """
        self._projection.rebuild()

    def close(self) -> None:
        """Close the SQLite file; the next call opens it again.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog
            >>> MetadataStore(MemoryRecordLog()).close()
        """
        self._projection.close()

    def __enter__(self) -> MetadataStore:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        mode = ", read_only=True" if self._read_only else ""
        return f"MetadataStore({self._log!r}, path={None if self._path is None else str(self._path)!r}{mode})"

    def __reduce__(self) -> tuple[object, ...]:
        return (_reopen, (self._log, self._path, self._read_only))

    def _put_type(self, wanted: AnyType, *, can_add_fields: bool, can_omit_fields: bool) -> int:
        batch = self.batch()
        with batch:
            group = batch.group()
            handle = group.put_type(wanted, can_add_fields=can_add_fields, can_omit_fields=can_omit_fields)
        return _ids(batch, [handle])[0]

    def _write(self, groups: list[Group]) -> Mapping[int, int]:
        self._check_writable()
        return self._projection.write(lambda connection, mark: plan_groups(connection, mark, groups))

    def _check_writable(self) -> None:
        if self._read_only:
            raise ReadOnlyError("the metadata store was opened read-only; open the warehouse without read_only=True")


def _reopen(log: RecordLog, path: Path | None, read_only: bool) -> MetadataStore:  # noqa: FBT001 - for pickle
    return MetadataStore(log, path, read_only=read_only)


_KINDS: dict[type, PropertyType] = {
    int: PropertyType.INT,
    float: PropertyType.DOUBLE,
    str: PropertyType.STRING,
    bool: PropertyType.BOOLEAN,
    dict: PropertyType.STRUCT,
}


def _kinds(properties: PropertyTypes | None) -> dict[str, PropertyType]:
    """An unknown Python type is passed on, so that the message of the refusal names it."""
    given: Mapping[str, Any] = properties or {}
    known: Mapping[Any, Any] = _KINDS
    return {name: known.get(kind, kind) for name, kind in given.items()}


def _ids(batch: Batch, handles: Iterable[int]) -> list[int]:
    """What is not a handle is an id; no handle of a group without key is ever left out."""
    return [handle if handle >= 0 else batch.id_of(handle) or 0 for handle in handles]


def _link(group: Group, run: int, artifacts: Sequence[int], contexts: Sequence[int]) -> None:
    for context in contexts:
        group.put_association(run, context)
    for context in contexts:
        for artifact in artifacts:
            group.put_attribution(artifact, context)


def _put_artifact_of(pair: ArtifactAndEvent, group: Group, *, reuse: bool, force_update_time: bool) -> int:
    """Put the artifact of a pair; return its handle, or the id that the event names."""
    artifact, event = pair if len(pair) == 2 else (*pair, None)
    named = None if event is None else event.artifact_id
    if artifact is None:
        if named is None:
            raise InvalidArgumentError("a pair of put_execution has no artifact and no event with an artifact_id")
        return named
    if named not in {None, artifact.id}:
        raise InvalidArgumentError(
            f"an event of put_execution names artifact {named}, its artifact has the id {artifact.id}; "
            "leave the id of the event out",
        )
    is_reusable = reuse and artifact.external_id is not None and artifact.id is None
    reuse_by: ReuseBy | None = "external_id" if is_reusable else None
    return group.put_artifact(artifact, reuse_by=reuse_by, force_update_time=force_update_time)


def _put_events(group: Group, run: int, artifacts: Sequence[int], pairs: Sequence[ArtifactAndEvent]) -> None:
    for artifact, pair in zip(artifacts, pairs, strict=True):
        event = pair[1] if len(pair) == 2 else None
        if event is not None:
            group.put_event(replace(event, artifact_id=artifact, execution_id=run))
