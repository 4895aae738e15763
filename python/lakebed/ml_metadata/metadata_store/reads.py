"""Methods of the store that read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lakebed.metadata.messages import message_class
from lakebed.ml_metadata.metadata_store.options import ListOptions
from lakebed.ml_metadata.metadata_store.runner import Runner


class ReadMethods(Runner):
    """Methods that read; see `MetadataStore`."""

    def get_artifacts(self, list_options: ListOptions | None = None, extra_options: Any = None) -> list[Any]:
        """List artifacts.

        Args:
            list_options: Order, limit and filter; None gives all of them by ascending id.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Artifact` messages.

        Raises:
            InvalidArgumentError: The limit is negative, or the filter is wrong.
        """
        del extra_options
        return self._list("GetArtifacts", "artifacts", _new("GetArtifactsRequest"), list_options)

    def get_artifacts_by_id(self, artifact_ids: Iterable[int], extra_options: Any = None) -> list[Any]:
        """Get artifacts by their ids.

        Args:
            artifact_ids: Ids; repeats are collapsed.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Artifact` messages by ascending id; what is not stored is left out.
        """
        del extra_options
        return self._get("GetArtifactsByID", "artifacts", artifact_ids=artifact_ids)

    def get_artifacts_by_type(
        self,
        type_name: str,
        type_version: str | None = None,
        extra_options: Any = None,
        *,
        list_options: ListOptions | None = None,
    ) -> list[Any]:
        """List the artifacts of a type.

        Args:
            type_name: Name of the type.
            type_version: Its version, where it has one.
            extra_options: Ignored, as in ML Metadata.
            list_options: Order, limit and filter; ML Metadata has them only below its Python interface.

        Returns:
            `Artifact` messages; none where there is no such type.
        """
        del extra_options
        request = _new("GetArtifactsByTypeRequest", type_name=type_name, type_version=type_version)
        return self._list("GetArtifactsByType", "artifacts", request, list_options)

    def get_artifact_by_type_and_name(
        self, type_name: str, artifact_name: str, type_version: str | None = None, extra_options: Any = None
    ) -> Any | None:
        """Get the artifact of a type and name.

        Args:
            type_name: Name of the type.
            artifact_name: Name of the artifact.
            type_version: Version of the type, where it has one.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Artifact`, or None where there is none.
        """
        del extra_options
        request = _new(
            "GetArtifactByTypeAndNameRequest",
            type_name=type_name,
            artifact_name=artifact_name,
            type_version=type_version,
        )
        response = self._run("GetArtifactByTypeAndName", request)
        return response.artifact or None

    def get_artifacts_by_external_ids(self, external_ids: Iterable[str], extra_options: Any = None) -> list[Any]:
        """Get artifacts by their external ids.

        Args:
            external_ids: External ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Artifact` messages by ascending id; what is not stored is left out.

        Raises:
            InvalidArgumentError: One is empty.
            NotFoundError: There is none of them.
        """
        del extra_options
        return self._get("GetArtifactsByExternalIds", "artifacts", external_ids=external_ids)

    def get_artifact_type(self, type_name: str, type_version: str | None = None, extra_options: Any = None) -> Any:
        """Get an artifact type.

        Args:
            type_name: Its name.
            type_version: Its version, where it has one.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ArtifactType`.

        Raises:
            NotFoundError: There is no such type.
        """
        del extra_options
        request = _new("GetArtifactTypeRequest", type_name=type_name, type_version=type_version)
        return self._run("GetArtifactType", request).artifact_type

    def get_artifact_types(self, extra_options: Any = None) -> list[Any]:
        """Get every artifact type but the simple types.

        Args:
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ArtifactType` messages by ascending id.
        """
        del extra_options
        return self._get("GetArtifactTypes", "artifact_types")

    def get_artifact_types_by_id(self, type_ids: Iterable[int], extra_options: Any = None) -> list[Any]:
        """Get artifact types by their ids.

        Args:
            type_ids: Ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ArtifactType` messages in the order of the ids, repeats as well; what is not stored is left out.
        """
        del extra_options
        return self._get("GetArtifactTypesByID", "artifact_types", type_ids=type_ids)

    def get_artifact_types_by_external_ids(self, external_ids: Iterable[str], extra_options: Any = None) -> list[Any]:
        """Get artifact types by their external ids.

        Args:
            external_ids: External ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ArtifactType` messages by ascending id; what is not stored is left out.

        Raises:
            InvalidArgumentError: One is empty.
            NotFoundError: There is none of them.
        """
        del extra_options
        return self._get("GetArtifactTypesByExternalIds", "artifact_types", external_ids=external_ids)

    def get_executions(self, list_options: ListOptions | None = None, extra_options: Any = None) -> list[Any]:
        """List executions.

        Args:
            list_options: Order, limit and filter; None gives all of them by ascending id.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Execution` messages.

        Raises:
            InvalidArgumentError: The limit is negative, or the filter is wrong.
        """
        del extra_options
        return self._list("GetExecutions", "executions", _new("GetExecutionsRequest"), list_options)

    def get_executions_by_id(self, execution_ids: Iterable[int], extra_options: Any = None) -> list[Any]:
        """Get executions by their ids.

        Args:
            execution_ids: Ids; repeats are collapsed.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Execution` messages by ascending id; what is not stored is left out.
        """
        del extra_options
        return self._get("GetExecutionsByID", "executions", execution_ids=execution_ids)

    def get_executions_by_type(
        self,
        type_name: str,
        type_version: str | None = None,
        extra_options: Any = None,
        *,
        list_options: ListOptions | None = None,
    ) -> list[Any]:
        """List the executions of a type.

        Args:
            type_name: Name of the type.
            type_version: Its version, where it has one.
            extra_options: Ignored, as in ML Metadata.
            list_options: Order, limit and filter; ML Metadata has them only below its Python interface.

        Returns:
            `Execution` messages; none where there is no such type.
        """
        del extra_options
        request = _new("GetExecutionsByTypeRequest", type_name=type_name, type_version=type_version)
        return self._list("GetExecutionsByType", "executions", request, list_options)

    def get_execution_by_type_and_name(
        self, type_name: str, execution_name: str, type_version: str | None = None, extra_options: Any = None
    ) -> Any | None:
        """Get the execution of a type and name.

        Args:
            type_name: Name of the type.
            execution_name: Name of the execution.
            type_version: Version of the type, where it has one.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Execution`, or None where there is none.
        """
        del extra_options
        request = _new(
            "GetExecutionByTypeAndNameRequest",
            type_name=type_name,
            execution_name=execution_name,
            type_version=type_version,
        )
        response = self._run("GetExecutionByTypeAndName", request)
        return response.execution or None

    def get_executions_by_external_ids(self, external_ids: Iterable[str], extra_options: Any = None) -> list[Any]:
        """Get executions by their external ids.

        Args:
            external_ids: External ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Execution` messages by ascending id; what is not stored is left out.

        Raises:
            InvalidArgumentError: One is empty.
            NotFoundError: There is none of them.
        """
        del extra_options
        return self._get("GetExecutionsByExternalIds", "executions", external_ids=external_ids)

    def get_execution_type(self, type_name: str, type_version: str | None = None, extra_options: Any = None) -> Any:
        """Get an execution type.

        Args:
            type_name: Its name.
            type_version: Its version, where it has one.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ExecutionType`.

        Raises:
            NotFoundError: There is no such type.
        """
        del extra_options
        request = _new("GetExecutionTypeRequest", type_name=type_name, type_version=type_version)
        return self._run("GetExecutionType", request).execution_type

    def get_execution_types(self, extra_options: Any = None) -> list[Any]:
        """Get every execution type but the simple types.

        Args:
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ExecutionType` messages by ascending id.
        """
        del extra_options
        return self._get("GetExecutionTypes", "execution_types")

    def get_execution_types_by_id(self, type_ids: Iterable[int], extra_options: Any = None) -> list[Any]:
        """Get execution types by their ids.

        Args:
            type_ids: Ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ExecutionType` messages in the order of the ids, repeats as well; what is not stored is left out.
        """
        del extra_options
        return self._get("GetExecutionTypesByID", "execution_types", type_ids=type_ids)

    def get_execution_types_by_external_ids(self, external_ids: Iterable[str], extra_options: Any = None) -> list[Any]:
        """Get execution types by their external ids.

        Args:
            external_ids: External ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ExecutionType` messages by ascending id; what is not stored is left out.

        Raises:
            InvalidArgumentError: One is empty.
            NotFoundError: There is none of them.
        """
        del extra_options
        return self._get("GetExecutionTypesByExternalIds", "execution_types", external_ids=external_ids)

    def get_contexts(self, list_options: ListOptions | None = None, extra_options: Any = None) -> list[Any]:
        """List contexts.

        Args:
            list_options: Order, limit and filter; None gives all of them by ascending id.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Context` messages.

        Raises:
            InvalidArgumentError: The limit is negative, or the filter is wrong.
        """
        del extra_options
        return self._list("GetContexts", "contexts", _new("GetContextsRequest"), list_options)

    def get_contexts_by_id(self, context_ids: Iterable[int], extra_options: Any = None) -> list[Any]:
        """Get contexts by their ids.

        Args:
            context_ids: Ids; repeats are collapsed.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Context` messages by ascending id; what is not stored is left out.
        """
        del extra_options
        return self._get("GetContextsByID", "contexts", context_ids=context_ids)

    def get_contexts_by_type(
        self,
        type_name: str,
        type_version: str | None = None,
        extra_options: Any = None,
        *,
        list_options: ListOptions | None = None,
    ) -> list[Any]:
        """List the contexts of a type.

        Args:
            type_name: Name of the type.
            type_version: Its version, where it has one.
            extra_options: Ignored, as in ML Metadata.
            list_options: Order, limit and filter; ML Metadata has them only below its Python interface.

        Returns:
            `Context` messages; none where there is no such type.
        """
        del extra_options
        request = _new("GetContextsByTypeRequest", type_name=type_name, type_version=type_version)
        return self._list("GetContextsByType", "contexts", request, list_options)

    def get_context_by_type_and_name(
        self, type_name: str, context_name: str, type_version: str | None = None, extra_options: Any = None
    ) -> Any | None:
        """Get the context of a type and name.

        Args:
            type_name: Name of the type.
            context_name: Name of the context.
            type_version: Version of the type, where it has one.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Context`, or None where there is none.
        """
        del extra_options
        request = _new(
            "GetContextByTypeAndNameRequest", type_name=type_name, context_name=context_name, type_version=type_version
        )
        response = self._run("GetContextByTypeAndName", request)
        return response.context or None

    def get_contexts_by_external_ids(self, external_ids: Iterable[str], extra_options: Any = None) -> list[Any]:
        """Get contexts by their external ids.

        Args:
            external_ids: External ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `Context` messages by ascending id; what is not stored is left out.

        Raises:
            InvalidArgumentError: One is empty.
            NotFoundError: There is none of them.
        """
        del extra_options
        return self._get("GetContextsByExternalIds", "contexts", external_ids=external_ids)

    def get_context_type(self, type_name: str, type_version: str | None = None, extra_options: Any = None) -> Any:
        """Get a context type.

        Args:
            type_name: Its name.
            type_version: Its version, where it has one.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ContextType`.

        Raises:
            NotFoundError: There is no such type.
        """
        del extra_options
        request = _new("GetContextTypeRequest", type_name=type_name, type_version=type_version)
        return self._run("GetContextType", request).context_type

    def get_context_types(self, extra_options: Any = None) -> list[Any]:
        """Get every context type but the simple types.

        Args:
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ContextType` messages by ascending id.
        """
        del extra_options
        return self._get("GetContextTypes", "context_types")

    def get_context_types_by_id(self, type_ids: Iterable[int], extra_options: Any = None) -> list[Any]:
        """Get context types by their ids.

        Args:
            type_ids: Ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ContextType` messages in the order of the ids, repeats as well; what is not stored is left out.
        """
        del extra_options
        return self._get("GetContextTypesByID", "context_types", type_ids=type_ids)

    def get_context_types_by_external_ids(self, external_ids: Iterable[str], extra_options: Any = None) -> list[Any]:
        """Get context types by their external ids.

        Args:
            external_ids: External ids.
            extra_options: Ignored, as in ML Metadata.

        Returns:
            `ContextType` messages by ascending id; what is not stored is left out.

        Raises:
            InvalidArgumentError: One is empty.
            NotFoundError: There is none of them.
        """
        del extra_options
        return self._get("GetContextTypesByExternalIds", "context_types", external_ids=external_ids)


def _new(name: str, **fields: Any) -> Any:
    return message_class(name)(**fields)
