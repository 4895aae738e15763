"""Methods of the store that ML Metadata does not have: delete, purge, Arrow in and out, tables as frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lakebed.metadata.service.purge import PurgeReport, delete_artifacts, purge, select
from lakebed.metadata.sources.rows import KINDS, NodeKind
from lakebed.metadata.sources.schema import TABLES
from lakebed.metadata.sources.session import Session
from lakebed.metadata.status import InvalidArgumentError
from lakebed.ml_metadata.metadata_store.runner import Runner

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


class ExchangeMethods(Runner):
    """Methods beyond ML Metadata; see `MetadataStore`."""

    def delete_artifacts(self, artifact_ids: Iterable[int]) -> int:
        """Mark artifacts as DELETED; they and their lineage stay.

        Args:
            artifact_ids: Ids of stored artifacts.

        Returns:
            How many were not marked before.

        Raises:
            NotFoundError: One is not stored; nothing is changed then.
        """
        ids = list(artifact_ids)
        return self._transact(lambda session: delete_artifacts(session, ids), is_write=True)

    def purge(
        self,
        artifact_ids: Iterable[int] = (),
        execution_ids: Iterable[int] = (),
        context_ids: Iterable[int] = (),
        *,
        drop: bool = False,
        dry_run: bool = False,
    ) -> PurgeReport:
        """Erase what nodes hold, and keep the lineage whole.

        Tombstones stay: id, type, times, events and contexts. In a warehouse the tables forget the rest; the
        append-only records below them do not.

        Args:
            artifact_ids: Ids of stored artifacts.
            execution_ids: Ids of stored executions.
            context_ids: Ids of stored contexts.
            drop: Remove the nodes with their events and links instead, where no way between others leads through them.
            dry_run: Count, and change nothing.

        Returns:
            What was removed, or would be.

        Raises:
            NotFoundError: One is not stored; nothing is changed then.
            FailedPreconditionError: `drop` would cut the lineage of nodes that stay.
        """
        ids = list(artifact_ids), list(execution_ids), list(context_ids)

        def work(session: Session) -> PurgeReport:
            return purge(session, select(session, *ids), drop=drop, dry_run=dry_run)

        return self._transact(work, is_write=not dry_run)

    def import_arrow(self, kind: str, data: Any) -> list[int]:
        """Create artifacts, executions or contexts from a table, all or none.

        Args:
            kind: "artifacts", "executions" or "contexts".
            data: A `pyarrow.Table` or whatever has the Arrow stream protocol, one row a node. Columns: `type` (name) or
                `type_id`, `name`, `external_id`, `uri`, `state` or `last_known_state`, `properties.<name>` and
                `custom_properties.<name>`; null where something is not set. Ids and times are ignored.

        Returns:
            Ids in the order of the rows.

        Raises:
            InvalidArgumentError: A column is unknown or does not fit, or a name is missing.
            NotFoundError: A type is unknown.
            AlreadyExistsError: A name or external id is taken.
        """
        from lakebed.metadata.exchange import import_nodes

        return list(self._transact(import_nodes(_kind(kind), data), is_write=True))

    def export_arrow(self, kind: str, ids: Iterable[int] | None = None) -> pa.Table:
        """Give artifacts, executions or contexts as a table.

        Args:
            kind: "artifacts", "executions" or "contexts".
            ids: Of the nodes; None for all.

        Returns:
            One row a node by ascending id, with a column `properties.<name>.<kind>_value` or
            `custom_properties.<name>.<kind>_value` for each property; `import_arrow` takes it.
        """
        from lakebed.metadata.exchange import export_nodes

        wanted = None if ids is None else sorted(set(ids))
        return self._transact(lambda session: export_nodes(session, _kind(kind), wanted), is_write=False)

    def tables(self) -> dict[str, pl.DataFrame]:
        """Give the tables of the database as Polars frames, all of one moment, for SQL and joins of one's own.

        Returns:
            Frames by name of the table, e.g. `Artifact`, `ArtifactProperty`, `Event`, as ML Metadata's schema has them.
        """
        import polars as pl

        frames = {}
        with self._engine.source.read() as session:
            for table in TABLES:
                names = table.column_names
                rows = session.rows(f"SELECT {', '.join(names)} FROM {table.name}")
                kinds = {column.name: _FRAME_TYPES.get(column.kind, "Int64") for column in table.columns}
                schema = {name: getattr(pl, kinds[name]) for name in names}
                columns = zip(*rows, strict=True) if rows else [()] * len(names)
                frames[table.name] = pl.DataFrame(
                    {
                        name: pl.Series(name, list(map(_plain(kinds[name]), values)), dtype=schema[name])
                        for name, values in zip(names, columns, strict=True)
                    },
                )
        return frames


_FRAME_TYPES = {
    "name": "String",
    "required_name": "String",
    "text": "String",
    "long_text": "String",
    "double": "Float64",
    "blob": "Binary",
    "bool": "Boolean",
    "flag": "Boolean",
}


def _plain(kind: str) -> Any:
    """Databases give flags as numbers and texts in binary columns; a frame has one type a column."""
    if kind == "Boolean":
        return lambda value: None if value is None else bool(value)
    if kind == "Binary":
        return lambda value: value.encode() if isinstance(value, str) else value
    return lambda value: value


def _kind(name: str) -> NodeKind:
    for kind in KINDS:
        if name in {kind.label, f"{kind.label}s"}:
            return kind
    raise InvalidArgumentError(f"{name!r} is no kind of node; there are artifacts, executions and contexts")
