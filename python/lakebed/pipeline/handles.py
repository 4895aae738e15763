"""The parts of a warehouse that have verbs of their own: the lake and the lineage. They hold no logic."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.pipeline import operations
from lakebed.pipeline.changes import put_once

if TYPE_CHECKING:
    import polars as pl

    from lakebed.features import Entity, FeatureView, TrainingSet
    from lakebed.lake import Pointer
    from lakebed.metadata import LineageGraph
    from lakebed.pipeline.inspect import Traceable
    from lakebed.pipeline.session import Session
    from lakebed.storage import Snapshot, VersionLike


class Lineage:
    """What was made from what. Reached by `Warehouse.lineage`.

    Args:
        session: What every operation needs.

    Example:
        >>> import lakebed as lb
        >>> wh = lb.open("memory://")
        >>> pointer = wh.lake.put("raw/a.txt", b"one")
        >>> [node.kind for node in wh.lineage.upstream(pointer).nodes]
        ['artifact', 'execution']
        >>> len(wh.lineage.downstream(pointer).nodes)
        1
        >>> wh.lineage.to_svg(pointer, title="Where a.txt came from")[:4]
        '<svg'
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def upstream(self, start: Traceable) -> LineageGraph:
        """Walk from something to all that it was made from.

        Args:
            start: An artifact, an execution, a run, a table or a raw file.

        Returns:
            The graph, down to the raw files.

        Raises:
            RecordNotFoundError: Nothing is recorded of it.
        """
        from lakebed.pipeline import inspect

        return inspect.trace_upstream(self._session, start)

    def downstream(self, start: Traceable) -> LineageGraph:
        """Walk from something to all that was made from it.

        Args:
            start: An artifact, an execution, a run, a table or a raw file.

        Returns:
            The graph.

        Raises:
            RecordNotFoundError: Nothing is recorded of it.
        """
        from lakebed.pipeline import inspect

        return inspect.trace_downstream(self._session, start)

    def to_svg(self, start: Traceable, *, title: str = "") -> str:
        """Draw what something was made from.

        Args:
            start: An artifact, an execution, a run, a table or a raw file.
            title: Heading of the drawing.

        Returns:
            A self-contained SVG document.
        """
        from lakebed.pipeline import inspect

        return inspect.trace_upstream(self._session, start).to_svg(title)


class Features:
    """Entities, feature views and the training sets that are made of them. Reached by `Warehouse.features`.

    Args:
        session: What every operation needs.

    Example:
        >>> import datetime as dt, lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> day = [dt.datetime(2013, 1, d) for d in (1, 2, 3)]
        >>> _ = wh.write("weather", pl.DataFrame({"station": ["JFK", "JFK"], "time": day[:2], "temp": [1.0, 2.0]}))
        >>> station = lb.Entity("station")
        >>> _ = wh.features.apply(station, lb.FeatureView("weather", [station], timestamp="time", ttl="36h"))
        >>> wh.features.entities()["station"].join_keys, wh.features.views()["weather"].ttl
        (('station',), '1d12h')
        >>> labels = pl.DataFrame({"station": ["JFK", "LGA"], "event_timestamp": [day[2], day[2]]})
        >>> train = wh.features.historical(labels, features=["weather:temp"])
        >>> train.data["temp"].to_list(), train.report["weather"].match_rate
        ([2.0, None], 0.5)
        >>> train.commit == wh.at("main").commit
        True
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def apply(self, *items: Any, message: str = "") -> Snapshot:
        """Keep definitions of entities and feature views, as a new version of them, in one commit.

        Args:
            items: Entities and views, or lists of them.
            message: Why; kept in the history.

        Returns:
            The new version; the present one if it has them all already.

        Raises:
            TableNotFoundError: The source of a view does not exist.
            ColumnNotFoundError: It has not a column that the view names.
            FeatureNotFoundError: A view names an entity that does not exist.
        """
        listed = [one for item in items for one in (item if isinstance(item, list | tuple) else [item])]
        return operations.apply_features(self._session, listed, message=message)

    def entities(self, version: VersionLike = None) -> dict[str, Entity]:
        """List the entities.

        Args:
            version: As for `Warehouse.at`; None for the head.

        Returns:
            Entities by name.
        """
        from lakebed.features import entities

        return entities(self._session.snapshot(version))

    def views(self, version: VersionLike = None) -> dict[str, FeatureView]:
        """List the feature views.

        Args:
            version: As for `Warehouse.at`; None for the head.

        Returns:
            Views by name.
        """
        from lakebed.features import views

        return views(self._session.snapshot(version))

    def historical(
        self,
        entity_df: Any,
        features: Sequence[str | FeatureView],
        *,
        timestamp: str | None = None,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        version: VersionLike = None,
        memory_limit: int | str | None = None,
        progress: Any = None,
        nan_as_null: bool = False,
    ) -> TrainingSet:
        """Join features to rows as of the time of each row: a training set without a look into the future.

        Every row comes back once, in its place, with nulls where nothing was known in time. Times without a zone are
        taken as UTC, as Feast does, and stay as they are.

        Args:
            entity_df: Rows with the join keys and a time, in any order; any Arrow-speaking frame. A reader, an iterable
                of frames and a lazy frame are joined when the data are read, as `lakebed.asof_join` does it.
            features: `"view:feature"`, `"view"` or `"view:*"` for all of a view, or views that need not be applied.
            timestamp: Time column of the rows; None for `event_timestamp`, else for the only column of timestamps, or
                of dates where there is none.
            full_feature_names: Whether a column is called `view__feature`, not `feature`.
            filter_by_created_timestamp: Whether feature rows created after a row's time are invisible to it.
            version: The version of tables and definitions, as for `Warehouse.at`; None for the head.
            memory_limit: As in `lakebed.asof_join`.
            progress: As in `lakebed.asof_join`.
            nan_as_null: Take NaN in columns of floats, of the rows and of the features, for null, as pandas does: as a
                key it matches nothing then. Else NaN stays NaN, of pandas too.

        Returns:
            The rows with their features, a report on each view, and the commit from which everything came.

        Raises:
            FeatureNotFoundError: There is no such view or feature; names the nearest ones.
            TimeColumnError: No time column was named and none can be told.
            InvalidColumnsError: Two columns would have one name.
        """
        return operations.historical(
            self._session,
            entity_df,
            features,
            timestamp=timestamp,
            full_feature_names=full_feature_names,
            filter_by_created_timestamp=filter_by_created_timestamp,
            version=version,
            memory_limit=memory_limit,
            progress=progress,
            nan_as_null=nan_as_null,
        )


class Lake:
    r"""Raw files, byte for byte. Reached by `Warehouse.lake`.

    Args:
        session: What every operation needs.

    Example:
        >>> import lakebed as lb
        >>> wh = lb.open("memory://")
        >>> wh.lake.put("raw/a.csv", b"x,y\n1,NA\n").media_type
        'text/csv'
        >>> wh.lake.read_csv("raw/a.csv", null_values=["NA"]).rows()
        [(1, None)]
        >>> wh.lake.read_bytes("raw/a.csv") == b"x,y\n1,NA\n"
        True
        >>> wh.lake.pointers() == [wh.lake.get("raw/a.csv")]
        True
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(
        self, path: str, source: str | os.PathLike[str] | bytes, *, media_type: str | None = None, message: str = ""
    ) -> Pointer:
        """Keep a raw file, byte for byte, in one durable commit. The same bytes are stored once.

        Args:
            path: Its path in the lake, relative, with `/`.
            source: A file's path, or the bytes.
            media_type: What it holds; None guesses from the name.
            message: Why; kept in the history.

        Returns:
            Its pointer: path, hash, size and media type.

        Raises:
            FileNotFoundError: There is no such file.
            InvalidNameError: The path is not allowed.
        """
        return put_once(self._session, path, source, media_type=media_type, message=message)

    def pointers(self, version: VersionLike = None) -> list[Pointer]:
        """List the raw files.

        Args:
            version: As for `Warehouse.at`; None for the head.

        Returns:
            Pointers, by path.
        """
        return operations.lake(self._session, version).pointers()

    def get(self, path: str, version: VersionLike = None) -> Pointer:
        """Find a raw file.

        Args:
            path: Its path in the lake.
            version: As for `Warehouse.at`; None for the head.

        Returns:
            Its pointer.

        Raises:
            ObjectNotFoundError: Tells the nearest paths.
        """
        return operations.lake(self._session, version).pointer(path)

    def read_bytes(self, path: str, version: VersionLike = None) -> bytes:
        """Read a raw file and check it against its hash.

        Args:
            path: Its path in the lake.
            version: As for `Warehouse.at`; None for the head.

        Returns:
            The bytes, as they came.

        Raises:
            ObjectNotFoundError: Tells the nearest paths.
            CorruptionError: The stored bytes are not what was put.
        """
        return operations.read_raw(self._session, path, version)

    def read_csv(
        self,
        path: str,
        *,
        null_values: Iterable[str] = (),
        types: Mapping[str, Any] | None = None,
        separator: str = ",",
        version: VersionLike = None,
    ) -> pl.DataFrame:
        """Parse a raw CSV file with a header; gzip, zlib, zstd and a zip archive of one file are unpacked.

        Args:
            path: Its path in the lake.
            null_values: Texts that mean a missing value, beside the empty field.
            types: Polars types of columns; the others are inferred from all rows.
            separator: One character.
            version: As for `Warehouse.at`; None for the head.

        Returns:
            All rows, in order.

        Raises:
            ObjectNotFoundError: Tells the nearest paths.
            InvalidArgumentError: The file cannot be parsed; tells where.
        """
        return operations.read_raw_csv(
            self._session, path, version, null_values=tuple(null_values), types=types, separator=separator
        )
