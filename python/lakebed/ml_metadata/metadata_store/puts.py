"""Methods of the store that write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lakebed.metadata.messages import convert, message_class
from lakebed.ml_metadata.metadata_store.runner import Runner


class PutMethods(Runner):
    """Methods that write; see `MetadataStore`."""

    def put_artifacts(
        self, artifacts: Iterable[Any], field_mask_paths: Sequence[str] | None = None, extra_options: Any = None
    ) -> list[int]:
        """Create artifacts, or replace those that have an id; all or none.

        Args:
            artifacts: `Artifact` messages. Times are set by the store; a name cannot change.
            field_mask_paths: What of stored artifacts is replaced, e.g. `properties.x`; None for everything.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            Their ids, in their order.

        Raises:
            InvalidArgumentError: One breaks a rule, or its id is unknown.
            NotFoundError: A type is unknown.
            AlreadyExistsError: A name or external id is taken.
        """
        del extra_options
        return self._put_nodes("Artifact", artifacts, field_mask_paths)

    def put_executions(
        self, executions: Iterable[Any], field_mask_paths: Sequence[str] | None = None, extra_options: Any = None
    ) -> list[int]:
        """Create executions, or replace those that have an id; all or none.

        Args:
            executions: `Execution` messages. Times are set by the store; a name cannot change.
            field_mask_paths: What of stored executions is replaced, e.g. `properties.x`; None for everything.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            Their ids, in their order.

        Raises:
            InvalidArgumentError: One breaks a rule, or its id is unknown.
            NotFoundError: A type is unknown.
            AlreadyExistsError: A name or external id is taken.
        """
        del extra_options
        return self._put_nodes("Execution", executions, field_mask_paths)

    def put_contexts(
        self, contexts: Iterable[Any], field_mask_paths: Sequence[str] | None = None, extra_options: Any = None
    ) -> list[int]:
        """Create contexts, or replace those that have an id; all or none.

        Args:
            contexts: `Context` messages, each with a name. Times are set by the store.
            field_mask_paths: What of stored contexts is replaced, e.g. `properties.x`; None for everything.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            Their ids, in their order.

        Raises:
            InvalidArgumentError: One breaks a rule, or its id is unknown.
            NotFoundError: A type is unknown.
            AlreadyExistsError: A name or external id is taken.
        """
        del extra_options
        return self._put_nodes("Context", contexts, field_mask_paths)

    def put_artifact_type(
        self,
        artifact_type: Any,
        can_add_fields: bool = False,
        can_omit_fields: bool = False,
        extra_options: Any = None,
    ) -> int:
        """Create an artifact type, or add to it.

        Args:
            artifact_type: An `ArtifactType` with a name; name and version identify it.
            can_add_fields: Whether a stored type may get further properties.
            can_omit_fields: Whether stored properties may be left out; they are kept.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            The id; the same for a repeat.

        Raises:
            InvalidArgumentError: It has no name, or a property of type UNKNOWN.
            AlreadyExistsError: The stored type has other properties, or the external id is taken.
            UnimplementedError: The base type is unset or not the stored one.
        """
        del extra_options
        return self._put_type("Artifact", artifact_type, can_add_fields, can_omit_fields)

    def put_execution_type(
        self,
        execution_type: Any,
        can_add_fields: bool = False,
        can_omit_fields: bool = False,
        extra_options: Any = None,
    ) -> int:
        """Create an execution type, or add to it.

        Args:
            execution_type: An `ExecutionType` with a name; name and version identify it.
            can_add_fields: Whether a stored type may get further properties.
            can_omit_fields: Whether stored properties may be left out; they are kept.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            The id; the same for a repeat.

        Raises:
            InvalidArgumentError: It has no name, or a property of type UNKNOWN.
            AlreadyExistsError: The stored type has other properties, or the external id is taken.
            UnimplementedError: The base type is unset or not the stored one.
        """
        del extra_options
        return self._put_type("Execution", execution_type, can_add_fields, can_omit_fields)

    def put_context_type(
        self,
        context_type: Any,
        can_add_fields: bool = False,
        can_omit_fields: bool = False,
        extra_options: Any = None,
    ) -> int:
        """Create a context type, or add to it.

        Args:
            context_type: An `ContextType` with a name; name and version identify it.
            can_add_fields: Whether a stored type may get further properties.
            can_omit_fields: Whether stored properties may be left out; they are kept.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            The id; the same for a repeat.

        Raises:
            InvalidArgumentError: It has no name, or a property of type UNKNOWN.
            AlreadyExistsError: The stored type has other properties, or the external id is taken.
            UnimplementedError: The base type is unset or not the stored one.
        """
        del extra_options
        return self._put_type("Context", context_type, can_add_fields, can_omit_fields)

    def put_events(self, events: Iterable[Any], extra_options: Any = None) -> None:
        """Record that executions read or made artifacts; all or none.

        Args:
            events: `Event` messages with both ids and a type; one for each artifact, execution and type.
            extra_options: Ignored, as in ML Metadata.

        Raises:
            InvalidArgumentError: A type or id is missing or unknown.
            AlreadyExistsError: There is such an event already.
        """
        del extra_options
        request = _new("PutEventsRequest")
        _extend(request.events, events, "Event")
        self._run("PutEvents", request)

    def put_execution(
        self,
        execution: Any,
        artifact_and_events: Sequence[Sequence[Any]],
        contexts: Sequence[Any] | None,
        reuse_context_if_already_exist: bool = False,
        reuse_artifact_if_already_exist_by_external_id: bool = False,
        force_reuse_context: bool = False,
        force_update_time: bool = False,
        extra_options: Any = None,
    ) -> tuple[int, list[int], list[int]]:
        """Put an execution with its artifacts, events and contexts; all or nothing.

        Args:
            execution: Created, or replaced where it has an id.
            artifact_and_events: Pairs of an artifact to put and the event that ties it to the execution; either may be
                None, and without artifact the event names a stored one.
            contexts: Put, and then hold the execution and all the artifacts.
            reuse_context_if_already_exist: Use a stored context of the same type and name as it is.
            reuse_artifact_if_already_exist_by_external_id: Replace a stored artifact of the same external id.
            force_reuse_context: Use contexts that have an id as they are.
            force_update_time: Move the time of the execution's last update even where nothing changes.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            Id of the execution, ids of the artifacts (-1 for an empty pair) and of the contexts.

        Raises:
            InvalidArgumentError: Something breaks a rule, or an id is unknown.
            NotFoundError: A type is unknown, or a context to be reused by its id.
            AlreadyExistsError: A name or external id is taken, or there is such an event already.
        """
        del extra_options
        request = _new("PutExecutionRequest")
        request.execution.CopyFrom(execution)
        _extend(request.contexts, contexts or (), "Context")
        request.options.reuse_context_if_already_exist = reuse_context_if_already_exist
        request.options.reuse_artifact_if_already_exist_by_external_id = reuse_artifact_if_already_exist_by_external_id
        request.options.force_reuse_context = force_reuse_context
        request.options.force_update_time = force_update_time
        for pair in artifact_and_events:
            if pair:
                added = request.artifact_event_pairs.add()
                if pair[0] is not None:
                    added.artifact.CopyFrom(pair[0])
                if len(pair) > 1 and pair[1] is not None:
                    added.event.CopyFrom(pair[1])
        response = self._run("PutExecution", request)
        return response.execution_id, list(response.artifact_ids), list(response.context_ids)

    def put_lineage_subgraph(
        self,
        executions: Sequence[Any],
        artifacts: Sequence[Any],
        contexts: Sequence[Any],
        event_edges: Sequence[tuple[int | None, int | None, Any]],
        reuse_context_if_already_exist: bool = False,
        reuse_artifact_if_already_exist_by_external_id: bool = False,
        extra_options: Any = None,
    ) -> tuple[list[int], list[int], list[int]]:
        """Put a part of the lineage graph; all or nothing. Every context gets all artifacts and executions.

        Args:
            executions: Created, or replaced where they have an id.
            artifacts: Created, or replaced where they have an id.
            contexts: Created, or replaced where they have an id.
            event_edges: Index of the execution and of the artifact above, and the event; for an index of None the event
                names a stored one.
            reuse_context_if_already_exist: Use a stored context of the same type and name as it is.
            reuse_artifact_if_already_exist_by_external_id: Replace a stored artifact of the same external id.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            Ids of the executions, artifacts and contexts.

        Raises:
            OutOfRangeError: An index points outside of its list.
            InvalidArgumentError: Something breaks a rule, or an id is unknown.
            AlreadyExistsError: A name or external id is taken, or there is such an event already.
        """
        del extra_options
        request = _new("PutLineageSubgraphRequest")
        _extend(request.executions, executions, "Execution")
        _extend(request.artifacts, artifacts, "Artifact")
        _extend(request.contexts, contexts, "Context")
        for execution_index, artifact_index, event in event_edges:
            edge = request.event_edges.add(execution_index=execution_index, artifact_index=artifact_index)
            edge.event.CopyFrom(event)
        request.options.reuse_context_if_already_exist = reuse_context_if_already_exist
        request.options.reuse_artifact_if_already_exist_by_external_id = reuse_artifact_if_already_exist_by_external_id
        response = self._run("PutLineageSubgraph", request)
        return list(response.execution_ids), list(response.artifact_ids), list(response.context_ids)

    def put_attributions_and_associations(
        self, attributions: Iterable[Any], associations: Iterable[Any], extra_options: Any = None
    ) -> None:
        """Put artifacts and executions into contexts; a repeat changes nothing.

        Args:
            attributions: `Attribution` messages: artifacts and their contexts.
            associations: `Association` messages: executions and their contexts.
            extra_options: Ignored, as in ML Metadata.

        Raises:
            InvalidArgumentError: An id is missing or unknown.
        """
        del extra_options
        request = _new("PutAttributionsAndAssociationsRequest")
        _extend(request.attributions, attributions, "Attribution")
        _extend(request.associations, associations, "Association")
        self._run("PutAttributionsAndAssociations", request)

    def put_parent_contexts(self, parent_contexts: Iterable[Any], extra_options: Any = None) -> None:
        """Put contexts into other contexts.

        Args:
            parent_contexts: `ParentContext` messages.
            extra_options: Ignored, as in ML Metadata.

        Raises:
            InvalidArgumentError: An id is missing or unknown, or a context would contain itself.
            AlreadyExistsError: The one lies in the other already.
        """
        del extra_options
        request = _new("PutParentContextsRequest")
        _extend(request.parent_contexts, parent_contexts, "ParentContext")
        self._run("PutParentContexts", request)

    def _put_nodes(self, kind: str, nodes: Iterable[Any], field_mask_paths: Sequence[str] | None) -> list[int]:
        request = _new(f"Put{kind}sRequest")
        _extend(getattr(request, f"{kind.lower()}s"), nodes, kind)
        if field_mask_paths:
            request.update_mask.paths.extend(field_mask_paths)
        return list(getattr(self._run(f"Put{kind}s", request), f"{kind.lower()}_ids"))

    def _put_type(self, kind: str, wanted: Any, can_add_fields: bool, can_omit_fields: bool) -> int:
        request = _new(f"Put{kind}TypeRequest", can_add_fields=can_add_fields, can_omit_fields=can_omit_fields)
        getattr(request, f"{kind.lower()}_type").CopyFrom(wanted)
        return int(self._run(f"Put{kind}Type", request).type_id)


def _new(name: str, **fields: Any) -> Any:
    return message_class(name)(**fields)


def _extend(target: Any, messages: Iterable[Any], name: str) -> None:
    """Add messages of ours, or of the same name from another package."""
    wanted = message_class(name)
    items = list(messages)
    try:
        target.extend(items)
    except TypeError:
        del target[:]
        target.extend(convert(item, wanted) for item in items)
