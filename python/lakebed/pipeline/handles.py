"""The parts of a warehouse that have verbs of their own: the lake and the lineage. They hold no logic."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lakebed.pipeline import inspect, operations
from lakebed.pipeline.changes import put_once

if TYPE_CHECKING:
    import polars as pl

    from lakebed.lake import Pointer
    from lakebed.metadata import LineageGraph
    from lakebed.pipeline.inspect import Traceable
    from lakebed.pipeline.session import Session
    from lakebed.storage import VersionLike


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
        return inspect.trace_downstream(self._session, start)

    def to_svg(self, start: Traceable, *, title: str = "") -> str:
        """Draw what something was made from.

        Args:
            start: An artifact, an execution, a run, a table or a raw file.
            title: Heading of the drawing.

        Returns:
            A self-contained SVG document.
        """
        return inspect.trace_upstream(self._session, start).to_svg(title)


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
