"""Compaction: small files, and those that lost many rows, become few. One commit for each group of files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakebed.errors import InvalidArgumentError, WriteConflictError
from lakebed.pipeline.changes import Changes, reading_back

if TYPE_CHECKING:
    from lakebed.pipeline.session import Session
    from lakebed.storage import FileSet

_MAX_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class CompactionReport:
    """What a compaction did, or would do.

    Args:
        dry_run: Whether nothing was done.
        n_groups: Groups of files, each of which one commit replaces.
        n_files_before: Files of the table.
        n_files_after: Files of it now; those of `n_files_before` after a dry run.
        n_files_rewritten: Files that were written again, or would be; some may come out as they were.
        n_rows_rewritten: Rows in them.
        n_rows_dropped: Deleted rows that no file holds any more, or would hold.
        size_bytes_before: Bytes of the table's files.
        size_bytes_after: Bytes of them now.
        commits: Ids of the commits that were made.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> for n in range(3):
        ...     t = wh.write("t", pl.DataFrame({"a": [n]}))
        >>> report = t.compact()
        >>> report.n_files_before, report.n_files_after
        (3, 1)
    """

    dry_run: bool
    n_groups: int
    n_files_before: int
    n_files_after: int
    n_files_rewritten: int
    n_rows_rewritten: int
    n_rows_dropped: int
    size_bytes_before: int
    size_bytes_after: int
    commits: tuple[str, ...] = ()


def compact(
    session: Session,
    name: str,
    *,
    branch: str,
    full: bool = False,
    deleted_fraction: float = 0.1,
    dry_run: bool = False,
    message: str = "",
) -> CompactionReport:
    """Compact a table.

    Args:
        session: The open warehouse.
        name: The table.
        branch: The branch to change.
        full: Whether all files are written again.
        deleted_fraction: Share of a file's rows that must be gone.
        dry_run: Whether only to tell what would be done.
        message: Why.

    Returns:
        What was done.

    Raises:
        InvalidArgumentError: `deleted_fraction` is no fraction.
        WriteConflictError: Others compacted or replaced the same files again and again.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> wh.write("t", pl.DataFrame({"a": [1]})).compact(dry_run=True).n_groups
        0
    """
    if not 0 <= deleted_fraction <= 1:
        raise InvalidArgumentError(f"deleted_fraction is {deleted_fraction}; it is a share between 0 and 1")
    before = session.repository.snapshot(branch).table(name)
    groups = before.core.compaction(full=full, deleted_fraction=deleted_fraction)
    n_files = sum(len(group) for group in groups)
    n_rows = sum(group.n_rows for group in groups)
    n_dropped = sum(gone for group in groups for *_, gone, _ in group.plan())
    made = () if dry_run else (_compact_group(session, name, group, branch, message) for group in groups)
    commits = tuple(commit for commit in made if commit is not None)
    after = before
    if commits:
        with reading_back(commits[-1]):
            after = session.repository.snapshot(branch).table(name)
    return CompactionReport(
        dry_run=dry_run,
        n_groups=len(groups),
        n_files_before=before.num_files,
        n_files_after=after.num_files,
        n_files_rewritten=n_files,
        n_rows_rewritten=n_rows,
        n_rows_dropped=n_dropped,
        size_bytes_before=before.size_bytes,
        size_bytes_after=after.size_bytes,
        commits=commits,
    )


def _compact_group(session: Session, name: str, group: FileSet, branch: str, message: str) -> str | None:
    """Make one commit; none where the files would stay what they are."""
    for _ in range(_MAX_ATTEMPTS):
        changes = Changes(session, kind="compact", message=message, branch=branch)
        if not changes.compact_files(name, group):
            return None
        try:
            return changes.commit().commit
        except WriteConflictError:
            continue
    raise WriteConflictError(f"files of table {name!r} were replaced by others during its compaction; try again")
