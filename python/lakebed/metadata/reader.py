"""The reading half of a metadata store: nodes, events and contexts, under ML Metadata's own names.

Each call sees one moment, and at least every record that was written before it began, by whichever process. Lists come
in the order of ids and are never cut. Looking up by ids leaves out what does not exist; only `get_*_type`,
`get_contexts_by_*` and the like raise where the one thing they name is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, select

from lakebed.errors import RecordNotFoundError
from lakebed.metadata.backends.queries import (
    chunks,
    fetch_events,
    fetch_nodes,
    fetch_nodes_by_ids,
    fetch_type,
)
from lakebed.metadata.backends.tables import (
    NODE_TABLES,
    artifact_table,
    association_table,
    attribution_table,
    context_table,
    event_table,
    execution_table,
    parent_context_table,
)
from lakebed.metadata.model import Artifact, Context, Event, Execution, Node
from lakebed.metadata.type_reader import TypeReader

N = TypeVar("N", bound=Node)


class MetadataReader(TypeReader):
    """Look-ups over a projection. `MetadataStore` is what users open.

    Args:
        projection: The tables of a record log.

    Example:
        >>> from lakebed.metadata.backends.projection import Projection
        >>> from lakebed.metadata.records import MemoryRecordLog
        >>> MetadataReader(Projection(MemoryRecordLog(), None)).get_artifacts()
        []
    """

    def get_artifacts(self) -> list[Artifact]:
        """Return all artifacts.

        Returns:
            By ascending id.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifacts()
            []
        """
        return self._nodes(Artifact)

    def get_executions(self) -> list[Execution]:
        """Return all executions.

        Returns:
            By ascending id.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_executions()
            []
        """
        return self._nodes(Execution)

    def get_contexts(self) -> list[Context]:
        """Return all contexts.

        Returns:
            By ascending id.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_contexts()
            []
        """
        return self._nodes(Context)

    def get_artifacts_by_id(self, ids: Iterable[int]) -> list[Artifact]:
        """Return the artifacts with the given ids.

        Args:
            ids: Any order; repeated ones count once.

        Returns:
            By ascending id; missing ones are left out.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifacts_by_id([1])
            []
        """
        return self._nodes_by_id(Artifact, ids)

    def get_executions_by_id(self, ids: Iterable[int]) -> list[Execution]:
        """Return the executions with the given ids.

        Args:
            ids: Any order; repeated ones count once.

        Returns:
            By ascending id; missing ones are left out.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_executions_by_id([1])
            []
        """
        return self._nodes_by_id(Execution, ids)

    def get_contexts_by_id(self, ids: Iterable[int]) -> list[Context]:
        """Return the contexts with the given ids.

        Args:
            ids: Any order; repeated ones count once.

        Returns:
            By ascending id; missing ones are left out.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_contexts_by_id([1])
            []
        """
        return self._nodes_by_id(Context, ids)

    def get_artifacts_by_type(self, type_name: str, type_version: str | None = None) -> list[Artifact]:
        """Return the artifacts of a type.

        Args:
            type_name: Name of the type.
            type_version: None for the one without version.

        Returns:
            By ascending id; empty where there is no such type.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifacts_by_type("Model")
            []
        """
        return self._nodes_by_type(Artifact, type_name, type_version)

    def get_executions_by_type(self, type_name: str, type_version: str | None = None) -> list[Execution]:
        """Return the executions of a type.

        Args:
            type_name: Name of the type.
            type_version: None for the one without version.

        Returns:
            By ascending id; empty where there is no such type.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_executions_by_type("train")
            []
        """
        return self._nodes_by_type(Execution, type_name, type_version)

    def get_contexts_by_type(self, type_name: str, type_version: str | None = None) -> list[Context]:
        """Return the contexts of a type.

        Args:
            type_name: Name of the type.
            type_version: None for the one without version.

        Returns:
            By ascending id; empty where there is no such type.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_contexts_by_type("experiment")
            []
        """
        return self._nodes_by_type(Context, type_name, type_version)

    def get_artifact_by_type_and_name(
        self,
        type_name: str,
        name: str,
        type_version: str | None = None,
    ) -> Artifact | None:
        """Return the artifact of that type and name.

        Args:
            type_name: Name of the type.
            name: Name of the artifact.
            type_version: None for the type without version.

        Returns:
            The artifact, or None.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifact_by_type_and_name("Model", "m") is None
            True
        """
        return _first(self._nodes_by_type(Artifact, type_name, type_version, name))

    def get_execution_by_type_and_name(
        self,
        type_name: str,
        name: str,
        type_version: str | None = None,
    ) -> Execution | None:
        """Return the execution of that type and name.

        Args:
            type_name: Name of the type.
            name: Name of the execution.
            type_version: None for the type without version.

        Returns:
            The execution, or None.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_execution_by_type_and_name("train", "t") is None
            True
        """
        return _first(self._nodes_by_type(Execution, type_name, type_version, name))

    def get_context_by_type_and_name(
        self,
        type_name: str,
        name: str,
        type_version: str | None = None,
    ) -> Context | None:
        """Return the context of that type and name.

        Args:
            type_name: Name of the type.
            name: Name of the context.
            type_version: None for the type without version.

        Returns:
            The context, or None.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_context_by_type_and_name("run", "r") is None
            True
        """
        return _first(self._nodes_by_type(Context, type_name, type_version, name))

    def get_artifacts_by_uri(self, uri: str) -> list[Artifact]:
        """Return the artifacts with exactly that uri.

        Args:
            uri: As it was put.

        Returns:
            By ascending id.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifacts_by_uri("models/1.bin")
            []
        """
        return self._nodes(Artifact, artifact_table.c.uri == uri)

    def get_artifacts_by_context(self, context_id: int) -> list[Artifact]:
        """Return the artifacts in a context.

        Args:
            context_id: Id of the context.

        Returns:
            By ascending id; empty where there is no such context.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_artifacts_by_context(1)
            []
        """
        links = attribution_table.c
        return self._nodes(Artifact, _linked(artifact_table, links.artifact_id, links.context_id == context_id))

    def get_executions_by_context(self, context_id: int) -> list[Execution]:
        """Return the executions in a context.

        Args:
            context_id: Id of the context.

        Returns:
            By ascending id; empty where there is no such context.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_executions_by_context(1)
            []
        """
        links = association_table.c
        return self._nodes(Execution, _linked(execution_table, links.execution_id, links.context_id == context_id))

    def get_contexts_by_artifact(self, artifact_id: int) -> list[Context]:
        """Return the contexts that an artifact is in.

        Args:
            artifact_id: Id of the artifact.

        Returns:
            By ascending id.

        Raises:
            RecordNotFoundError: There is no such artifact.

        Example:
            >>> from lakebed.metadata import Artifact, MemoryRecordLog, MetadataStore
            >>> store = MetadataStore(MemoryRecordLog())
            >>> store.get_contexts_by_artifact(store.put_artifacts([Artifact(type="mlmd.Model")])[0])
            []
        """
        links = attribution_table.c
        return self._contexts_of(Artifact, artifact_id, links.context_id, links.artifact_id)

    def get_contexts_by_execution(self, execution_id: int) -> list[Context]:
        """Return the contexts that an execution is in.

        Args:
            execution_id: Id of the execution.

        Returns:
            By ascending id.

        Raises:
            RecordNotFoundError: There is no such execution.

        Example:
            >>> from lakebed.metadata import Execution, MemoryRecordLog, MetadataStore
            >>> store = MetadataStore(MemoryRecordLog())
            >>> store.get_contexts_by_execution(store.put_executions([Execution(type="mlmd.Train")])[0])
            []
        """
        links = association_table.c
        return self._contexts_of(Execution, execution_id, links.context_id, links.execution_id)

    def get_parent_contexts_by_context(self, context_id: int) -> list[Context]:
        """Return the contexts that a context lies in, one level up.

        Args:
            context_id: Id of the inner context.

        Returns:
            By ascending id.

        Raises:
            RecordNotFoundError: There is no such context.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_parent_contexts_by_context(1)
            Traceback (most recent call last):
            lakebed.errors.RecordNotFoundError: no context has the id 1; the highest is 0
        """
        links = parent_context_table.c
        return self._contexts_of(Context, context_id, links.parent_context_id, links.context_id)

    def get_children_contexts_by_context(self, context_id: int) -> list[Context]:
        """Return the contexts that lie in a context, one level down.

        Args:
            context_id: Id of the outer context.

        Returns:
            By ascending id.

        Raises:
            RecordNotFoundError: There is no such context.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_children_contexts_by_context(1)
            Traceback (most recent call last):
            lakebed.errors.RecordNotFoundError: no context has the id 1; the highest is 0
        """
        links = parent_context_table.c
        return self._contexts_of(Context, context_id, links.context_id, links.parent_context_id)

    def get_events_by_artifact_ids(self, ids: Iterable[int]) -> list[Event]:
        """Return the events of artifacts.

        Args:
            ids: Any order; unknown ones have no events.

        Returns:
            By ascending id of the event.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_events_by_artifact_ids([1])
            []
        """
        return self._events(event_table.c.artifact_id, ids)

    def get_events_by_execution_ids(self, ids: Iterable[int]) -> list[Event]:
        """Return the events of executions.

        Args:
            ids: Any order; unknown ones have no events.

        Returns:
            By ascending id of the event.

        Example:
            >>> from lakebed.metadata import MemoryRecordLog, MetadataStore
            >>> MetadataStore(MemoryRecordLog()).get_events_by_execution_ids([1])
            []
        """
        return self._events(event_table.c.execution_id, ids)

    def _nodes(self, node_class: type[N], condition: ColumnElement[bool] | None = None) -> list[N]:
        return self._projection.read(lambda connection: fetch_nodes(connection, node_class, condition))

    def _nodes_by_id(self, node_class: type[N], ids: Iterable[int]) -> list[N]:
        wanted = set(ids)
        return self._projection.read(lambda connection: fetch_nodes_by_ids(connection, node_class, wanted))

    def _nodes_by_type(
        self,
        node_class: type[N],
        type_name: str,
        version: str | None,
        name: str | None = None,
    ) -> list[N]:
        tables = NODE_TABLES[node_class]

        def query(connection: Connection) -> list[N]:
            of_type = fetch_type(connection, tables.kind, type_name, version)
            if of_type is None:
                return []
            condition = tables.nodes.c.type_id == of_type.id
            if name is not None:
                condition &= tables.nodes.c.name == name
            return fetch_nodes(connection, node_class, condition)

        return self._projection.read(query)

    def _contexts_of(
        self,
        node_class: type[Node],
        node_id: int,
        context_column: ColumnElement[Any],
        node_column: ColumnElement[Any],
    ) -> list[Context]:
        tables = NODE_TABLES[node_class]

        def query(connection: Connection) -> list[Context]:
            if connection.execute(select(tables.nodes.c.id).where(tables.nodes.c.id == node_id)).first() is None:
                last = connection.execute(select(tables.nodes.c.id).order_by(tables.nodes.c.id.desc())).scalar() or 0
                raise RecordNotFoundError(f"no {tables.label} has the id {node_id}; the highest is {last}")
            return fetch_nodes(connection, Context, _linked(context_table, context_column, node_column == node_id))

        return self._projection.read(query)

    def _events(self, column: ColumnElement[Any], ids: Iterable[int]) -> list[Event]:
        wanted = set(ids)

        def query(connection: Connection) -> list[Event]:
            return [event for chunk in chunks(wanted) for event in fetch_events(connection, column.in_(chunk))]

        return sorted(self._projection.read(query), key=lambda event: event.id or 0)


def _first(nodes: list[N]) -> N | None:
    return nodes[0] if nodes else None


def _linked(table: Table, column: ColumnElement[Any], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The rows of a table that a link table names."""
    return table.c.id.in_(select(column).where(condition))
