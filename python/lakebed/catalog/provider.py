"""What the catalogue asks of whoever holds tables: a scan provider.

A provider knows its tables at each version and can scan them lazily. The storage layer is one; tables kept in memory
or in a metadata store are others.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

VersionSpec = str | datetime | None
"""None is the head of the current branch; a text is a tag, a branch or the start of a commit id; a datetime is the
last version that was committed by then (UTC where it has no zone)."""


@runtime_checkable
class ScanProvider(Protocol):
    """A holder of tables, each at any of its versions.

    Every method raises `lakebed.errors.VersionNotFoundError` for a version that the provider does not have. A provider
    that keeps no versions accepts any version and returns its only state.
    """

    def tables(self, version: VersionSpec) -> list[str]:
        """Return the names of all tables at a version.

        Args:
            version: Which version.

        Returns:
            `name` or `namespace.name`, sorted.

        Example:
            >>> import polars as pl
            >>> from lakebed.catalog import FrameProvider
            >>> provider: ScanProvider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
            >>> provider.tables(None)
            ['t']
        """

    def schema(self, name: str, version: VersionSpec) -> pa.Schema:
        """Return the columns of a table at a version.

        Args:
            name: As `tables` returns it.
            version: Which version.

        Returns:
            Names and Arrow types, in the order of the table.

        Example:
            >>> import polars as pl
            >>> from lakebed.catalog import FrameProvider
            >>> provider: ScanProvider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
            >>> provider.schema("t", None).names
            ['a']
        """

    def scan(
        self, name: str, version: VersionSpec, *, where: list[Any] | None, columns: list[str] | None
    ) -> pl.LazyFrame:
        """Return the rows of a table at a version.

        Args:
            name: As `tables` returns it.
            version: Which version.
            where: A core predicate; the rows are a superset of those that satisfy it. None means all rows.
            columns: The columns to return, in this order; None means all.

        Returns:
            A lazy frame; nothing is read yet.

        Example:
            >>> import polars as pl
            >>> from lakebed.catalog import FrameProvider
            >>> provider: ScanProvider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
            >>> provider.scan("t", None, where=[">", "a", 1], columns=None).collect().columns
            ['a']
        """

    def commit(self, version: VersionSpec) -> str:
        """Return the id of the commit that a version means.

        Args:
            version: Which version.

        Returns:
            The id; empty where the provider keeps no versions.

        Example:
            >>> import polars as pl
            >>> from lakebed.catalog import FrameProvider
            >>> provider: ScanProvider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
            >>> provider.commit(None)
            'head'
        """
