"""The part of the reading half of a metadata store that looks up types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from lakebed.errors import RecordNotFoundError
from lakebed.metadata.backends.projection import Projection
from lakebed.metadata.backends.queries import fetch_type, fetch_types
from lakebed.metadata.model import SYSTEM_TYPES, AnyType, ArtifactType, ContextType, ExecutionType, TypeKind
from lakebed.metadata.plan.state import nearest


class TypeReader:
    """Look-ups of types over a projection. `MetadataStore` is what users open.

    Args:
        projection: The tables of a record log.

    Example:
        >>> from lakebed.metadata.records import MemoryRecordLog
        >>> TypeReader(Projection(MemoryRecordLog(), None)).get_artifact_types()
        []
    """

    def __init__(self, projection: Projection) -> None:
        self._projection = projection

    def get_artifact_type(self, name: str, version: str | None = None) -> ArtifactType:
        """Return the artifact type of that name and version.

        Args:
            name: One of `mlmd.*` too.
            version: None for the one without version.

        Returns:
            The type with its properties.

        Raises:
            RecordNotFoundError: There is none; the message names similar ones.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifact_type("mlmd.Model").id
            2
        """
        return cast("ArtifactType", self._get_type(TypeKind.ARTIFACT, name, version))

    def get_execution_type(self, name: str, version: str | None = None) -> ExecutionType:
        """Return the execution type of that name and version.

        Args:
            name: One of `mlmd.*` too.
            version: None for the one without version.

        Returns:
            The type with its properties.

        Raises:
            RecordNotFoundError: There is none; the message names similar ones.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_execution_type("mlmd.Train").id
            5
        """
        return cast("ExecutionType", self._get_type(TypeKind.EXECUTION, name, version))

    def get_context_type(self, name: str, version: str | None = None) -> ContextType:
        """Return the context type of that name and version.

        Args:
            name: Its name.
            version: None for the one without version.

        Returns:
            The type with its properties.

        Raises:
            RecordNotFoundError: There is none; the message names similar ones.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> store = MetadataStore(MemoryRecordLog())
            >>> _ = store.put_context_type("experiment")
            >>> store.get_context_type("experiment").id
            10
        """
        return cast("ContextType", self._get_type(TypeKind.CONTEXT, name, version))

    def get_artifact_types(self) -> list[ArtifactType]:
        """Return the artifact types that users put.

        Returns:
            By ascending id, without ML Metadata's own nine.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifact_types()
            []
        """
        return cast("list[ArtifactType]", self._get_types(TypeKind.ARTIFACT))

    def get_execution_types(self) -> list[ExecutionType]:
        """Return the execution types that users put.

        Returns:
            By ascending id, without ML Metadata's own nine.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_execution_types()
            []
        """
        return cast("list[ExecutionType]", self._get_types(TypeKind.EXECUTION))

    def get_context_types(self) -> list[ContextType]:
        """Return the context types.

        Returns:
            By ascending id.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_context_types()
            []
        """
        return cast("list[ContextType]", self._get_types(TypeKind.CONTEXT))

    def get_artifact_types_by_id(self, ids: Iterable[int]) -> list[ArtifactType]:
        """Return the artifact types with the given ids, ML Metadata's own ones too.

        Args:
            ids: Any order; repeated ones count once.

        Returns:
            By ascending id; missing ones are left out.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifact_types_by_id([99])
            []
        """
        return cast("list[ArtifactType]", self._types_by_id(TypeKind.ARTIFACT, ids))

    def get_execution_types_by_id(self, ids: Iterable[int]) -> list[ExecutionType]:
        """Return the execution types with the given ids, ML Metadata's own ones too.

        Args:
            ids: Any order; repeated ones count once.

        Returns:
            By ascending id; missing ones are left out.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_execution_types_by_id([99])
            []
        """
        return cast("list[ExecutionType]", self._types_by_id(TypeKind.EXECUTION, ids))

    def get_context_types_by_id(self, ids: Iterable[int]) -> list[ContextType]:
        """Return the context types with the given ids, ML Metadata's own ones too.

        Args:
            ids: Any order; repeated ones count once.

        Returns:
            By ascending id; missing ones are left out.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_context_types_by_id([99])
            []
        """
        return cast("list[ContextType]", self._types_by_id(TypeKind.CONTEXT, ids))

    def _get_type(self, kind: TypeKind, name: str, version: str | None) -> AnyType:
        found = self._projection.read(lambda connection: fetch_type(connection, kind, name, version))
        if found is not None:
            return found
        asked, known = _spelled(name, version), self._get_types(kind)
        raise RecordNotFoundError(
            f"no {kind.name.lower()} type is called {asked!r}; "
            f"{nearest(asked, [_spelled(item.name, item.version) for item in known])}"
            f"get_{kind.name.lower()}_types() lists {len(known)}",
        )

    def _get_types(self, kind: TypeKind) -> list[AnyType]:
        found = self._projection.read(lambda connection: fetch_types(connection, kind))
        return [item for item in found if item.id not in _SYSTEM_IDS]

    def _types_by_id(self, kind: TypeKind, ids: Iterable[int]) -> list[AnyType]:
        wanted = set(ids)
        return self._projection.read(lambda connection: fetch_types(connection, kind, ids=wanted))


_SYSTEM_IDS = frozenset(type_id for type_id, _, _ in SYSTEM_TYPES)


def _spelled(name: str, version: str | None) -> str:
    return f"{name} version {version}" if version else name
