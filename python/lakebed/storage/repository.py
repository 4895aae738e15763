"""An open warehouse: versions by name, history, tags, branches, records. Handles survive fork and can be pickled."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lakebed._core import Repository as CoreRepository
from lakebed.errors import InvalidArgumentError, ObjectNotFoundError, VersionNotFoundError
from lakebed.storage.handle import Handle
from lakebed.storage.snapshot import Snapshot, Table, to_datetime
from lakebed.storage.transaction import Transaction
from lakebed.storage.verify import GcReport, VerifyReport

VersionLike: TypeAlias = "str | dt.datetime | Snapshot | None"
"""A version: branch, tag, commit id or its start, any of them with `~n`, an ISO time, a datetime; None is the head."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the history.

    Args:
        id: 64 hex digits.
        parent: Id of the commit before, None for the first.
        sequence: Its number on the branch on which it was made.
        timestamp: UTC.
        operation: What was done, as its writer described it.
        tags: Names of tags that point to it.
        branch: The branch on which it was made.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1]}), message="first")
        >>> [(commit.kind, commit.message) for commit in wh.log()]
        [('write', 'first')]
    """

    id: str
    parent: str | None
    sequence: int
    timestamp: dt.datetime
    operation: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    branch: str = "main"

    @property
    def kind(self) -> str:
        """What kind of operation it was."""
        return str(self.operation.get("kind", ""))

    @property
    def message(self) -> str:
        """Why, as the user said."""
        return str(self.operation.get("message") or "")


class Repository:
    """An open warehouse.

    Args:
        location: A folder, created if absent, or `memory://`.
        read_only: Whether writes are refused and a missing warehouse is an error.
        verify: When data files are checked against their hashes: at their `"first"` use in a process, `"always"` or
            `"never"`.

    Raises:
        NotAWarehouseError: The folder holds something else.
        FormatVersionError: A newer Lakebed wrote it.
        UnwritableError: The folder cannot be written.

    Example:
        >>> repository = Repository("memory://")
        >>> changes = repository.begin()
        >>> hash_hex, _ = changes.put_raw(b"one")
        >>> changes.set_lake("raw/one.txt", {"hash": hash_hex})
        >>> _ = changes.commit({"kind": "put"})
        >>> repository.read_raw(hash_hex)
        b'one'
        >>> repository.create_tag("v1", repository.snapshot())
        >>> repository.create_branch("try", repository.snapshot("v1"))
        >>> repository.branches(), repository.tags()
        (['main', 'try'], ['v1'])
    """

    def __init__(self, location: str | os.PathLike[str], *, read_only: bool = False, verify: str = "first") -> None:
        self._handle = Handle(location, read_only=read_only, verify=verify)

    @property
    def core(self) -> CoreRepository:
        """The handle of this process: opened anew after a fork."""
        return self._handle.core

    @property
    def location(self) -> str:
        """The absolute path of the folder, or `memory://`."""
        return self._handle.location

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return self._handle.read_only

    @property
    def verify_mode(self) -> str:
        """When data files are checked: `"first"`, `"always"` or `"never"`."""
        return self._handle.verify

    def observe(self, observer: Callable[[Table], None]) -> None:
        """Call somebody with each table whose rows are about to be read through this handle.

        Args:
            observer: Takes the table.

        Example:
            >>> import polars as pl
            >>> repository, seen = Repository("memory://"), []
            >>> repository.observe(lambda table: seen.append(table.name))
            >>> transaction = repository.begin()
            >>> _ = transaction.write("t", pl.DataFrame({"x": [1]}))
            >>> _ = transaction.commit({})
            >>> _ = repository.snapshot().table("t").scan()
            >>> seen
            ['t']
        """
        self._handle.observers.append(observer)

    def snapshot(self, version: VersionLike = None, *, branch: str = "main") -> Snapshot:
        """Find a version.

        Args:
            version: Branch, tag, commit id or its start (4 digits or more), any of them with `~n` for n commits
                earlier, an ISO time or datetime (UTC if naive; the newest commit not after it); None for the head of
                `branch`.
            branch: The branch on which a time is looked up, and the default.

        Returns:
            The version.

        Raises:
            VersionNotFoundError: Tells the nearest names.
            AmbiguousNameError: Several commits start like that.

        Example:
            >>> Repository("memory://").snapshot("main").tables()
            []
        """
        if isinstance(version, Snapshot):
            return version
        if version is None:
            return Snapshot(self._handle, self.core.head(branch))
        if isinstance(version, dt.datetime):
            return self._at_time(version, branch)
        if not isinstance(version, str):
            raise InvalidArgumentError(f"a version is a name or a datetime, not {type(version).__name__}")
        try:
            return Snapshot(self._handle, self.core.resolve(version))
        except VersionNotFoundError:
            moment = _parse_time(version)
            if moment is None:
                raise
            return self._at_time(moment, branch)

    def history(self, branch: str = "main") -> list[Commit]:
        """List the commits of a branch.

        Args:
            branch: Name of the branch.

        Returns:
            Newest first.

        Raises:
            VersionNotFoundError: There is no such branch.

        Example:
            >>> Repository("memory://").history()
            []
        """
        tags: dict[str, list[str]] = {}
        for tag in self.core.tags():
            tags.setdefault(self.core.resolve(tag).commit or "", []).append(tag)
        rows = self.core.history(branch)
        return [_commit(row, tuple(tags.get(row["commit"], ()))) for row in reversed(rows)]

    def branches(self) -> list[str]:
        """List the branches.

        Returns:
            Names in byte order.

        Example:
            >>> Repository("memory://").branches()
            ['main']
        """
        return self.core.branches()

    def tags(self) -> list[str]:
        """List the tags.

        Returns:
            Names in byte order.

        Example:
            >>> Repository("memory://").tags()
            []
        """
        return self.core.tags()

    def create_tag(self, name: str, snapshot: Snapshot) -> None:
        """Let a tag mean a version for ever.

        Args:
            name: Letters, digits, `.`, `_`, `-`.
            snapshot: The version.

        Raises:
            RefExistsError: A tag or branch has that name.
            InvalidNameError: The name is not allowed.
        """
        self.core.create_tag(name, snapshot.core)

    def create_branch(self, name: str, snapshot: Snapshot) -> None:
        """Begin a branch at a version.

        Args:
            name: Letters, digits, `.`, `_`, `-`.
            snapshot: The version.

        Raises:
            RefExistsError: A tag or branch has that name.
            InvalidNameError: The name is not allowed.
        """
        self.core.create_branch(name, snapshot.core)

    def begin(self, branch: str = "main") -> Transaction:
        """Begin to change a branch.

        Args:
            branch: Name of the branch.

        Returns:
            An empty transaction on the branch's head.

        Raises:
            ReadOnlyError: The warehouse was opened read-only.
            VersionNotFoundError: There is no such branch.
        """
        return Transaction(self.core.begin(branch), self._handle)

    def verify(self, *, recompute: bool = True, repair: bool = False) -> VerifyReport:
        """Compare all that any version refers to with the recorded hashes: refs, packs, data files, raw files, records.

        Each object and file is read once, however many versions share it. Row ids must not overlap, counts must add up,
        entries must follow each other.

        Args:
            recompute: Compute the statistics of each data file again and compare them with those that are stored.
            repair: Move damaged files to `quarantine/`, so that nothing reads them. Nothing is deleted or written anew.

        Returns:
            The report.

        Raises:
            ReadOnlyError: A repair of a warehouse that was opened read-only.

        Example:
            >>> Repository("memory://").verify().ok
            True
        """
        return VerifyReport.from_core(*self.core.verify(recompute, repair))

    def verify_snapshot(self, snapshot: Snapshot) -> VerifyReport:
        """Compare all that a version reaches with the recorded hashes.

        Args:
            snapshot: The version.

        Returns:
            The report.

        Example:
            >>> repository = Repository("memory://")
            >>> repository.verify_snapshot(repository.snapshot()).ok
            True
        """
        return VerifyReport.from_core(self.core.verify_snapshot(snapshot.core))

    def gc(self, *, grace: dt.timedelta, dry_run: bool = False) -> GcReport:
        """Remove files that no version refers to: what writers left that were cut off, failed or refused.

        Writers may run meanwhile. One that began longer ago than the grace and has not committed yet has to begin anew.

        Args:
            grace: Files newer than that are kept: longer than any transaction takes.
            dry_run: Only tell what would be removed.

        Returns:
            What was removed.

        Raises:
            ReadOnlyError: The warehouse was opened read-only, and this is no dry run.
            CorruptionError: Something that cannot be read might refer to any file; nothing is removed then.

        Example:
            >>> str(Repository("memory://").gc(grace=dt.timedelta(days=7)))
            '0 files of 0 bytes removed, 0 are kept'
        """
        files, n_kept = self.core.gc(int(grace / dt.timedelta(microseconds=1)), dry_run)
        return GcReport(tuple(files), n_kept, dry_run)

    def verify_raw(self, hash_hex: str) -> VerifyReport:
        """Compare one raw file with its hash.

        Args:
            hash_hex: BLAKE3 in hexadecimal.

        Returns:
            The report; a missing file is a problem in it.

        Example:
            >>> Repository("memory://").verify_raw("00" * 32).ok
            False
        """
        return VerifyReport.from_core(self.core.verify_raw(hash_hex))

    def read_raw(self, hash_hex: str) -> bytes:
        """Read the raw bytes that have a hash.

        Args:
            hash_hex: BLAKE3 in hexadecimal.

        Returns:
            The bytes, as they came.

        Raises:
            ObjectNotFoundError: Nothing is stored under that hash.
        """
        data = self.core.read(self.core.raw_name(hash_hex))
        if data is None:
            raise ObjectNotFoundError(
                f"no raw file with hash {hash_hex} in {self.location}; put it into the lake again"
            )
        return data

    def counters(self) -> dict[str, int]:
        """Count what this handle has read.

        Returns:
            `metadata_bytes` out of packs, `data_bytes` and `data_files` of data files that were opened for reading.

        Example:
            >>> Repository("memory://").counters()["data_bytes"]
            0
        """
        return self.core.counters()

    def at_sequence(self, branch: str, sequence: int) -> Snapshot:
        """Open the version that one entry of a branch names, without a search.

        Args:
            branch: Name of the branch.
            sequence: Number of the entry, as `Commit.sequence` tells.

        Returns:
            The version.

        Raises:
            VersionNotFoundError: There is no such entry.

        Example:
            >>> Repository("memory://").at_sequence("main", 0).commit is None
            True
        """
        return Snapshot(self._handle, self.core.at_sequence(branch, sequence))

    def _at_time(self, moment: dt.datetime, branch: str) -> Snapshot:
        aware = moment.replace(tzinfo=dt.timezone.utc) if moment.tzinfo is None else moment
        elapsed = aware - dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
        time_us = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
        try:
            return Snapshot(self._handle, self.core.at_time(branch, time_us))
        except VersionNotFoundError as error:
            asked = aware.isoformat()
            message = f"no version of branch {branch!r} is as old as {asked}; wh.log() tells the times of all commits"
            raise VersionNotFoundError(message) from error


def _commit(row: dict[str, Any], tags: tuple[str, ...]) -> Commit:
    operation = json.loads(row["operation"])
    return Commit(
        row["commit"], row["parent"], row["sequence"], to_datetime(row["time_us"]), operation, tags, row["branch"]
    )


def _parse_time(text: str) -> dt.datetime | None:
    # Python 3.10 does not know the Z.
    normal = text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text
    try:
        return dt.datetime.fromisoformat(normal)
    except ValueError:
        return None
