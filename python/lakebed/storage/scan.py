"""A scan: rows of one table at one version that are read when they are asked for, in the form that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


class Scan:
    """Rows to be read. Nothing is read before `.pl()`, `.arrow()`, `.pandas()` or a capsule asks for it.

    Rows come in the order in which they were written, unless the lazy frame was told otherwise.

    Args:
        frame: The lazy frame that reads them.

    Example:
        >>> import polars as pl
        >>> Scan(pl.LazyFrame({"a": [1, 2]})).pl()["a"].to_list()
        [1, 2]
    """

    def __init__(self, frame: pl.LazyFrame) -> None:
        self._frame = frame

    def lazy(self) -> pl.LazyFrame:
        """Return the Polars lazy frame; projections and filters on it are pushed down to the files.

        Returns:
            The frame, not collected.

        Example:
            >>> import polars as pl
            >>> Scan(pl.LazyFrame({"a": [1, 2]})).lazy().collect_schema().names()
            ['a']
        """
        return self._frame

    def pl(self) -> pl.DataFrame:
        """Read into a Polars frame with the streaming engine.

        Returns:
            All rows, in order.

        Example:
            >>> import polars as pl
            >>> Scan(pl.LazyFrame({"a": [1, 2]})).pl().height
            2
        """
        return self._frame.collect(engine="streaming")

    def arrow(self) -> pa.Table:
        """Read into a pyarrow table.

        Returns:
            All rows, in order; strings are `large_string`.

        Example:
            >>> import polars as pl
            >>> Scan(pl.LazyFrame({"a": [1, 2]})).arrow().num_rows
            2
        """
        import polars as pl

        return self.pl().to_arrow(compat_level=pl.CompatLevel.oldest())

    def pandas(self) -> pd.DataFrame:
        """Read into a pandas frame; needs `lakebed[pandas]`.

        Returns:
            All rows, in order; nulls as pandas' own converters make them.

        Example:
            >>> import polars as pl
            >>> len(Scan(pl.LazyFrame({"a": [1, 2]})).pandas())
            2
        """
        return self.arrow().to_pandas()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self.pl().__arrow_c_stream__(requested_schema)
