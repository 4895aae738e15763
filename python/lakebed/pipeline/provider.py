"""The tables of the warehouse as the catalogue sees them. Reads through it are inputs of the run that is going on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from lakebed.catalog import Catalog
    from lakebed.catalog.provider import VersionSpec
    from lakebed.pipeline.session import Session


def catalog_of(session: Session) -> Catalog:
    """Make the name resolver of a warehouse.

    Args:
        session: The open warehouse.

    Returns:
        A catalogue with its tables.

    Example:
        >>> from lakebed.pipeline.session import Session
        >>> from lakebed.storage import Repository
        >>> catalog_of(Session(Repository("memory://"))).tables()
        []
    """
    from lakebed.catalog import Catalog

    catalog = Catalog()
    catalog.register_provider("table", StoredTables(session))
    return catalog


class StoredTables:
    """Scan provider over the store.

    Args:
        session: The open warehouse.

    Example:
        >>> from lakebed.pipeline.session import Session
        >>> from lakebed.storage import Repository
        >>> StoredTables(Session(Repository("memory://"))).tables(None)
        []
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def tables(self, version: VersionSpec) -> list[str]:
        """List the tables.

        Args:
            version: Which version.

        Returns:
            Names in byte order.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").sql("SELECT 1 AS one").pl()["one"].to_list()
            [1]
        """
        return self._session.snapshot(version).tables()

    def schema(self, name: str, version: VersionSpec) -> pa.Schema:
        """Tell the columns of a table.

        Args:
            name: The table.
            version: Which version.

        Returns:
            Columns with their Arrow types.
        """
        return self._session.snapshot(version).table(name).schema

    def scan(
        self, name: str, version: VersionSpec, *, where: list[Any] | None, columns: list[str] | None
    ) -> pl.LazyFrame:
        """Read a table from the files that may hold matching rows.

        Args:
            name: The table.
            version: Which version.
            where: Core predicate that leaves files out.
            columns: Columns in the wanted order; None for all.

        Returns:
            A lazy frame.
        """
        return self._session.table(name, version).lazy(columns, where)

    def commit(self, version: VersionSpec) -> str:
        """Tell which commit a version is.

        Args:
            version: Which version.

        Returns:
            Its id; empty before the first commit.
        """
        return self._session.snapshot(version).commit or ""
