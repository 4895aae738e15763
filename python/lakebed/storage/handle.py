"""The handle of an open warehouse: survives fork, can be pickled, and opens data files as lazy frames."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed._core import Repository as CoreRepository
from lakebed.errors import InvalidArgumentError

if TYPE_CHECKING:
    import polars as pl

    from lakebed._core import FileSet

_MEMORY = "memory://"


class Handle:
    """A handle of the core that is opened anew in a forked or another process.

    Args:
        location: A folder, created if absent, or `memory://`.
        read_only: Whether writes are refused and a missing warehouse is an error.
        verify: `"first"`, `"always"` or `"never"`.

    Attributes:
        observers: Called with each table whose rows are about to be read.

    Example:
        >>> Handle("memory://").core.branches()
        ['main']
    """

    def __init__(self, location: str | os.PathLike[str], *, read_only: bool = False, verify: str = "first") -> None:
        text = os.fspath(location)
        if "://" in text and text != _MEMORY:
            hint = f"give the path of a folder, or {_MEMORY!r}"
            raise InvalidArgumentError(f"{text!r} is not a place where a warehouse can lie; {hint}")
        # A relative path would mean another folder after a change of directory.
        self.location = text if text == _MEMORY else str(Path(text).absolute())
        self.read_only = read_only
        self.verify = verify
        self.observers: list[Callable[[Any], None]] = []
        self._core = self._open()
        self._process = os.getpid()

    @property
    def core(self) -> CoreRepository:
        """The handle of this process."""
        if self._process != os.getpid() and self.location != _MEMORY:
            self._core = self._open()
            self._process = os.getpid()
        return self._core

    def scan_files(
        self, files: FileSet, *, row_ids: bool = False, names_where: Callable[[list[Any]], list[str]] | None = None
    ) -> pl.LazyFrame:
        """Open data files for reading, checked as the warehouse was opened.

        Args:
            files: The files.
            row_ids: Whether the columns `_row_id` and `_sequence` come first.
            names_where: Tells which files may hold a row for which a core predicate is true.

        Returns:
            A lazy frame over their rows, in row order.

        Raises:
            CorruptionError: A file is not what was written.

        Example:
            >>> import polars as pl
            >>> from lakebed.storage import Repository
            >>> repository = Repository("memory://")
            >>> transaction = repository.begin()
            >>> _ = transaction.write("t", pl.DataFrame({"x": [1]}))
            >>> _ = transaction.commit({})
            >>> repository.snapshot().table("t").lazy().collect()["x"].to_list()
            [1]
        """
        from lakebed.storage.frames import lazy_frame

        self.core.open_files(files)
        return lazy_frame(files, self._source, row_ids=row_ids, names_where=names_where)

    def _source(self, name: str) -> Any:
        """What Polars reads a file from: its path, or its bytes where there are no files."""
        path = self.core.local_path(name) if self.location != _MEMORY else None
        return self.core.read(name) if path is None else path

    def _open(self) -> CoreRepository:
        return CoreRepository.open(self.location, read_only=self.read_only, verify=self.verify)

    def __reduce__(self) -> tuple[Callable[..., Handle], tuple[str, bool, str]]:
        if self.location == _MEMORY:
            raise TypeError("a warehouse in memory cannot be pickled: it lives in this process only; use a folder")
        return _reopen, (self.location, self.read_only, self.verify)


def _reopen(location: str, read_only: bool, verify: str) -> Handle:  # noqa: FBT001 - for pickle
    return Handle(location, read_only=read_only, verify=verify)
