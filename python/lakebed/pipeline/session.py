"""What every operation needs: the open warehouse, its lineage store, and the run that is going on."""

from __future__ import annotations

import contextlib
import functools
import getpass
import os
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from lakebed.pipeline.reads import Reads
from lakebed.pipeline.references import TableReference
from lakebed.storage import OverlayRecordLog, Repository, Snapshot, StoredRecordLog, Table, VersionLike

if TYPE_CHECKING:
    from lakebed.metadata import MetadataStore
    from lakebed.pipeline.references import Reference

MAIN = "main"
_PROJECTION = "cache/metadata.sqlite"


# Runs that are going on in this context, the innermost last; each belongs to one open warehouse.
_RUNS: ContextVar[tuple[tuple[Session, Reads], ...]] = ContextVar("lakebed_runs", default=())


class Session:
    """An open warehouse on one branch.

    Args:
        repository: The open warehouse.
        branch: The branch that reads and writes mean where none is named.

    Example:
        >>> session = Session(Repository("memory://"))
        >>> session.branch, session.snapshot().tables(), session.overlay_store().get_artifacts()
        ('main', [], [])
        >>> import polars as pl
        >>> from lakebed.pipeline.operations import write
        >>> _ = write(session, "t", pl.DataFrame({"a": [1]}))
        >>> table = session.table("t")
        >>> with session.recording(Reads("train", "train-1")) as reads:
        ...     session.note_table(table)
        ...     session.note(TableReference.of(table))
        >>> [reference.name for reference in reads.inputs], session.drop_stale_overlay()
        (['t'], None)
    """

    def __init__(self, repository: Repository, *, branch: str = MAIN) -> None:
        self.repository = repository
        self.branch = branch
        self._store: MetadataStore | None = None
        repository.observe(self.note_table)
        self._overlay_head: int | None = None

    @property
    def reads(self) -> Reads | None:
        """What the run inside of which the caller is has read and made; None outside of runs."""
        return next((reads for owner, reads in reversed(_RUNS.get()) if owner is self), None)

    @contextlib.contextmanager
    def recording(self, reads: Reads) -> Iterator[Reads]:
        """Note what is read inside of a `with` block.

        Args:
            reads: Where to note it; those of an enclosing block wait until this one ends.

        Yields:
            The same.
        """
        _RUNS.set((*_RUNS.get(), (self, reads)))
        try:
            yield reads
        finally:
            # Not by a token: runs need not end in the order in which they began.
            _RUNS.set(tuple(entry for entry in _RUNS.get() if entry[1] is not reads))

    @property
    def store(self) -> MetadataStore:
        """The lineage store, as far as records were written."""
        if self._store is None:
            from lakebed.metadata import MetadataStore

            log, read_only = StoredRecordLog(self.repository), self.repository.read_only
            # Who may not write leaves the folder as it is, caches included.
            path = None if read_only else self.repository.core.local_path(_PROJECTION)
            self._store = MetadataStore(log, path, read_only=read_only)
        return self._store

    def overlay_store(self) -> MetadataStore:
        """Let the lineage store be one in memory, over the records that there are now: for readers that may not write.

        Returns:
            Another store over the same records; what is put into it is seen through `store`, which stays read-only.
        """
        from lakebed.metadata import MetadataStore

        log = StoredRecordLog(self.repository)
        self._overlay_head = log.head()
        overlay = OverlayRecordLog(log)
        self._store = MetadataStore(overlay, read_only=True)
        return MetadataStore(overlay)

    def drop_stale_overlay(self) -> None:
        """Forget the store in memory once somebody else has added records."""
        if self._overlay_head is not None and StoredRecordLog(self.repository).head() != self._overlay_head:
            self._store, self._overlay_head = None, None

    def snapshot(self, version: VersionLike = None) -> Snapshot:
        """Find a version on this session's branch.

        Args:
            version: As `Repository.snapshot` takes it.

        Returns:
            The version.
        """
        return self.repository.snapshot(version, branch=self.branch)

    def table(self, name: str, version: VersionLike = None) -> Table:
        """Open a table, and note it as an input of the run that is going on.

        Args:
            name: The table.
            version: As `Repository.snapshot` takes it.

        Returns:
            The table.
        """
        table = self.snapshot(version).table(name)
        self.note_table(table)
        return table

    def note_table(self, table: Table) -> None:
        """Note a table as an input of the run that is going on, if there is one.

        Args:
            table: What is being read.
        """
        self.note(TableReference.of(table))

    def note(self, reference: Reference) -> None:
        """Note an input of the run that is going on, if there is one.

        Args:
            reference: What is being read.
        """
        if self.reads is not None:
            self.reads.add_input(reference)


@functools.cache
def _user() -> str:
    with contextlib.suppress(KeyError, OSError, ImportError):
        return getpass.getuser()
    return ""


def author() -> str:
    """Tell who makes a commit.

    Returns:
        `LAKEBED_AUTHOR`, else the name of the operating system's user, else empty.

    Example:
        >>> isinstance(author(), str)
        True
    """
    if "LAKEBED_AUTHOR" in os.environ:
        return os.environ["LAKEBED_AUTHOR"]
    return _user()
