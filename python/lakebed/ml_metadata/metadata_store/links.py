"""Methods of the store that read along links."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lakebed.metadata.messages import convert, message_class
from lakebed.metadata.service import lineage
from lakebed.ml_metadata.metadata_store.options import ListOptions
from lakebed.ml_metadata.metadata_store.runner import Runner


class LinkMethods(Runner):
    """Methods that read along links; see `MetadataStore`."""

    def get_artifacts_by_uri(self, uri: str, extra_options: Any = None) -> list[Any]:
        """Get the artifacts that lie at a URI.

        Args:
            uri: The URI.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Artifact` messages by ascending id.
        """
        del extra_options
        return self._get("GetArtifactsByURI", "artifacts", uris=[uri])

    def get_artifacts_and_types_by_artifact_ids(
        self, artifact_ids: Iterable[int], extra_options: Any = None
    ) -> tuple[list[Any], list[Any]]:
        """Get artifacts by their ids, and the types that they have.

        Args:
            artifact_ids: Ids; repeats are collapsed.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Artifact` and `ArtifactType` messages, each by ascending id; what is not stored is left out.
        """
        del extra_options
        request = _new("GetArtifactsByIDRequest", artifact_ids=artifact_ids, populate_artifact_types=True)
        response = self._run("GetArtifactsByID", request)
        return list(response.artifacts), list(response.artifact_types)

    def get_artifacts_by_context(
        self, context_id: int, list_options: ListOptions | None = None, extra_options: Any = None
    ) -> list[Any]:
        """List the artifacts of a context.

        Args:
            context_id: Id of the context.
            list_options: Order, limit and filter.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Artifact` messages; none where there is no such context.
        """
        del extra_options
        request = _new("GetArtifactsByContextRequest", context_id=context_id)
        return self._list("GetArtifactsByContext", "artifacts", request, list_options)

    def get_contexts_by_artifact(self, artifact_id: int, extra_options: Any = None) -> list[Any]:
        """Get the contexts that an artifact lies in.

        Args:
            artifact_id: Id of the artifact.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Context` messages by ascending id.

        Raises:
            NotFoundError: It lies in none, or is not stored.
        """
        del extra_options
        return self._get("GetContextsByArtifact", "contexts", artifact_id=artifact_id)

    def get_events_by_artifact_ids(self, artifact_ids: Iterable[int], extra_options: Any = None) -> list[Any]:
        """Get the events of artifacts.

        Args:
            artifact_ids: Ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Event` messages in the order in which they were put.
        """
        del extra_options
        return self._get("GetEventsByArtifactIDs", "events", artifact_ids=artifact_ids)

    def get_executions_by_context(
        self, context_id: int, list_options: ListOptions | None = None, extra_options: Any = None
    ) -> list[Any]:
        """List the executions of a context.

        Args:
            context_id: Id of the context.
            list_options: Order, limit and filter; None gives the newest first.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Execution` messages; none where there is no such context.
        """
        del extra_options
        request = _new("GetExecutionsByContextRequest", context_id=context_id)
        if list_options is None:
            return list(reversed(self._list("GetExecutionsByContext", "executions", request, None)))
        return self._list("GetExecutionsByContext", "executions", request, list_options)

    def get_contexts_by_execution(self, execution_id: int, extra_options: Any = None) -> list[Any]:
        """Get the contexts that an execution lies in.

        Args:
            execution_id: Id of the execution.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Context` messages by ascending id.

        Raises:
            NotFoundError: It lies in none, or is not stored.
        """
        del extra_options
        return self._get("GetContextsByExecution", "contexts", execution_id=execution_id)

    def get_events_by_execution_ids(self, execution_ids: Iterable[int], extra_options: Any = None) -> list[Any]:
        """Get the events of executions.

        Args:
            execution_ids: Ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Event` messages in the order in which they were put.
        """
        del extra_options
        return self._get("GetEventsByExecutionIDs", "events", execution_ids=execution_ids)

    def get_parent_contexts_by_context(self, context_id: int, extra_options: Any = None) -> list[Any]:
        """Get the contexts that a context lies in.

        Args:
            context_id: Id of the context.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Context` messages by ascending id; none where there is no such context.
        """
        del extra_options
        return self._get("GetParentContextsByContext", "contexts", context_id=context_id)

    def get_children_contexts_by_context(self, context_id: int, extra_options: Any = None) -> list[Any]:
        """Get the contexts that lie in a context.

        Args:
            context_id: Id of the context.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Context` messages by ascending id; none where there is no such context.
        """
        del extra_options
        return self._get("GetChildrenContextsByContext", "contexts", context_id=context_id)

    def get_lineage_subgraph(
        self, query_options: Any, field_mask_paths: Iterable[str] | None = None, extra_options: Any = None
    ) -> Any:
        """Get a part of the lineage graph, with whole nodes and the types that they have.

        Args:
            query_options: A `LineageSubgraphQueryOptions`: where to start, which way, how far, where to stop.
            field_mask_paths: Fields of `LineageGraph` that are filled, e.g. `artifacts`; None or none for all of them.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `LineageGraph`.

        Raises:
            InvalidArgumentError: There is no starting filter, a filter is wrong, or the number of hops is negative.
            NotFoundError: No node meets the starting filter.
        """
        del extra_options
        options = convert(query_options, message_class("LineageSubgraphQueryOptions"))
        paths = frozenset(field_mask_paths or ()) or frozenset(lineage.PATHS)
        source = self._engine.source
        with source.read() as session:
            found = lineage.walk(session, options)
            return lineage.whole_graph(session, found, paths, source.type_names)


def _new(name: str, **fields: Any) -> Any:
    return message_class(name)(**fields)
