"""The result of a query: lazy until it is asked for rows, and readable by anything that speaks Arrow.

Rows are computed once and kept. `tables` says what was read, at which commit, before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed.catalog import VersionSpec
from lakebed.sql.failures import translated

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table that a query reads.

    Attributes:
        name: As the catalogue spells it.
        version: What was asked for: None for the head of the branch, a text, or a datetime.
        commit: The id of the commit that was read; empty where the provider keeps no versions.

    Example:
        >>> TableRead("flights", "january", "3f2a").version
        'january'
    """

    name: str
    version: VersionSpec
    commit: str


class Result:
    """The rows of a query, computed at the first need and kept.

    Attributes:
        text: The SQL as the user wrote it.
        tables: The tables that it reads, each once, in the order of their first mention.

    Example:
        >>> import polars as pl
        >>> result = Result("SELECT 1 AS a", pl.LazyFrame({"a": [1]}), tables=(), names={})
        >>> result.columns, len(result)
        (['a'], 1)
    """

    def __init__(self, text: str, frame: pl.LazyFrame, *, tables: tuple[TableRead, ...], names: dict[str, str]) -> None:
        """Wrap a lazy frame; `names` maps private table names to the user's, for messages."""
        self.text = text
        self.tables = tables
        self._frame = frame
        self._names = names
        self._rows: pl.DataFrame | None = None

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order; nothing is computed."""
        return list(self.schema.names)

    @property
    def schema(self) -> pa.Schema:
        """The names and Arrow types of the columns; nothing is computed."""
        import polars as pl

        if self._rows is not None:
            return self.arrow().schema
        with translated(self._names):
            return self._frame.collect_schema().to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema

    def lazy(self) -> pl.LazyFrame:
        """Return the query as a Polars lazy frame, to build on.

        Returns:
            A lazy frame; over the rows where they were computed already.

        Example:
            >>> from lakebed.catalog import Catalog
            >>> from lakebed.sql import query
            >>> query("SELECT 1 AS a", Catalog()).lazy().select("a").collect().item()
            1
        """
        return self._frame if self._rows is None else self._rows.lazy()

    def pl(self) -> pl.DataFrame:
        """Compute the rows with Polars' streaming engine.

        Returns:
            A Polars frame, the same one at each call. Without ORDER BY the order of rows is not defined.

        Raises:
            SqlError: The query failed on the data, for example in a cast.

        Example:
            >>> from lakebed.catalog import Catalog
            >>> from lakebed.sql import query
            >>> query("SELECT 1 AS a", Catalog()).pl()["a"].to_list()
            [1]
        """
        if self._rows is None:
            with translated(self._names):
                self._rows = self._frame.collect(engine="streaming")
        return self._rows

    def arrow(self) -> pa.Table:
        """Compute the rows as an Arrow table.

        Returns:
            A table; texts are plain string columns.

        Raises:
            SqlError: The query failed on the data.

        Example:
            >>> from lakebed.catalog import Catalog
            >>> from lakebed.sql import query
            >>> query("SELECT 1 AS a", Catalog()).arrow().num_rows
            1
        """
        import polars as pl

        # Plain string columns, which every reader of Arrow knows; the views of Polars are newer.
        return self.pl().to_arrow(compat_level=pl.CompatLevel.oldest())

    def pandas(self) -> pd.DataFrame:
        """Compute the rows as a pandas frame; needs the `pandas` extra.

        Returns:
            A pandas frame with a plain index.

        Raises:
            SqlError: The query failed on the data.

        Example:
            >>> from lakebed.catalog import Catalog
            >>> from lakebed.sql import query
            >>> query("SELECT 1 AS a", Catalog()).pandas().shape
            (1, 1)
        """
        return self.arrow().to_pandas()

    def rows(self) -> list[tuple[Any, ...]]:
        """Compute the rows as Python tuples; meant for small results.

        Returns:
            One tuple a row, in the order of the columns.

        Raises:
            SqlError: The query failed on the data.

        Example:
            >>> from lakebed.catalog import Catalog
            >>> from lakebed.sql import query
            >>> query("SELECT 1 AS a, NULL AS b", Catalog()).rows()
            [(1, None)]
        """
        return self.pl().rows()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        """Export the rows as an Arrow C stream capsule."""
        return self.pl().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        """Return the number of rows; they are computed."""
        return self.pl().height

    def __repr__(self) -> str:
        """Show the rows as Polars does, or the columns where nothing was computed yet."""
        if self._rows is None:
            return f"<Result of {len(self.columns)} columns, not computed yet: {', '.join(self.columns)}>"
        return repr(self._rows)

    def _repr_html_(self) -> str:
        """Show the rows in a notebook."""
        html: str = self.pl()._repr_html_()
        return html

    def __rich__(self) -> Any:
        """Show the first rows as a table of the terminal."""
        from lakebed.report import rich_table

        rows = self.pl()
        table = rich_table(rows.columns, rows.head(_SHOWN_ROWS).rows())
        if rows.height > _SHOWN_ROWS:
            table.caption = f"... and {rows.height - _SHOWN_ROWS:,} more rows"
            table.caption_justify = "left"
        return table
