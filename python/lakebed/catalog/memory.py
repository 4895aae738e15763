"""A scan provider over frames in memory, at one or several named versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakebed.catalog.provider import VersionSpec
from lakebed.errors import TableNotFoundError, VersionNotFoundError
from lakebed.expression.names import suggestion

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_HEAD = "head"


class FrameProvider:
    """Tables that are frames in memory.

    Args:
        frames: The tables of the current version, by name.
        versions: The tables of other versions, by the name of the version.

    Example:
        >>> import polars as pl
        >>> provider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
        >>> provider.scan("t", None, where=None, columns=["a"]).collect().height
        2
    """

    def __init__(
        self,
        frames: Mapping[str, pl.DataFrame | pl.LazyFrame],
        *,
        versions: Mapping[str, Mapping[str, pl.DataFrame | pl.LazyFrame]] | None = None,
    ) -> None:
        """Keep the frames; nothing is copied."""
        self._versions = {_HEAD: frames, **(versions or {})}

    def tables(self, version: VersionSpec) -> list[str]:
        """Return the names of the frames of a version.

        Args:
            version: Which version.

        Returns:
            Names, sorted.

        Raises:
            VersionNotFoundError: There is no such version.

        Example:
            >>> import polars as pl
            >>> provider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
            >>> provider.tables(None)
            ['t']
        """
        return sorted(self._at(version))

    def schema(self, name: str, version: VersionSpec) -> pa.Schema:
        """Return the columns of a frame.

        Args:
            name: The frame.
            version: Which version.

        Returns:
            Names and Arrow types.

        Raises:
            TableNotFoundError: There is no such frame.
            VersionNotFoundError: There is no such version.

        Example:
            >>> import polars as pl
            >>> provider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
            >>> provider.schema("t", None).names
            ['a']
        """
        return self._frame(name, version).lazy().limit(0).collect().to_arrow().schema

    def scan(
        self,
        name: str,
        version: VersionSpec,
        *,
        where: list[Any] | None,  # noqa: ARG002 - part of the protocol; a superset of the rows is allowed
        columns: list[str] | None,
    ) -> pl.LazyFrame:
        """Return all rows of a frame.

        Args:
            name: The frame.
            version: Which version.
            where: Not used: nothing is read that could be skipped.
            columns: The columns to return; None means all.

        Returns:
            A lazy frame.

        Raises:
            TableNotFoundError: There is no such frame.
            VersionNotFoundError: There is no such version.

        Example:
            >>> import polars as pl
            >>> provider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
            >>> provider.scan("t", None, where=None, columns=["a"]).collect().height
            2
        """
        frame = self._frame(name, version).lazy()
        return frame if columns is None else frame.select(columns)

    def commit(self, version: VersionSpec) -> str:
        """Return the id of a version: its name.

        Args:
            version: Which version.

        Returns:
            The name; `head` for the current version.

        Raises:
            VersionNotFoundError: There is no such version.

        Example:
            >>> import polars as pl
            >>> provider = FrameProvider({"t": pl.DataFrame({"a": [1, 2]})})
            >>> provider.commit(None)
            'head'
        """
        self._at(version)
        return _HEAD if version is None else str(version)

    def _at(self, version: VersionSpec) -> Mapping[str, pl.DataFrame | pl.LazyFrame]:
        frames = self._versions.get(_HEAD if version is None else str(version))
        if frames is None:
            near = suggestion(str(version), self._versions, kind="versions")
            raise VersionNotFoundError(f"there is no version {str(version)!r}; {near}")
        return frames

    def _frame(self, name: str, version: VersionSpec) -> pl.DataFrame | pl.LazyFrame:
        frames = self._at(version)
        if name not in frames:
            raise TableNotFoundError(f"there is no table {name!r}; {suggestion(name, frames, kind='tables')}")
        return frames[name]
