"""A table as users hold it: one version to read from, and verbs that change the table of its branch.

A verb makes one commit and gives the table at the new version; the handle itself stays at its own. Where somebody else
was faster, what can be done again is done again on the new version: deletes, updates and changes of columns always,
merges where their source can be read twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import NotABranchError, WriteConflictError
from lakebed.pipeline.changes import Changes
from lakebed.pipeline.compaction import CompactionReport, compact
from lakebed.storage import Snapshot, Table
from lakebed.storage.merge import MergeReport

if TYPE_CHECKING:
    import polars as pl

    from lakebed.pipeline.session import Session
    from lakebed.storage import Commit, VersionLike
    from lakebed.typing import Frames

_MAX_ATTEMPTS = 50


class TableHandle(Table):
    """A table at one version, with verbs that change the newest one.

    Args:
        session: The open warehouse.
        table: The version to read from.
        branch: The branch that the verbs change; None where the version was asked for by a name that never moves.
        report: Numbers of rows that the verb changed which gave this handle.

    Attributes:
        report: Numbers of rows that the verb changed which gave this handle; zeros for any other handle.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> t = wh.write("t", pl.DataFrame({"id": [1, 2, 3], "x": [1.0, 2.0, 3.0]}))
        >>> t = t.append(pl.DataFrame({"id": [4], "x": [4.0]}))
        >>> t = t.update({"x": "x * 10"}, where="id >= 3")
        >>> t.report.n_updated, t.scan(where="id = 4").pl()["x"].to_list()
        (2, [40.0])
        >>> t = t.upsert(pl.DataFrame({"id": [1, 9], "x": [0.5, 9.0]}), key="id")
        >>> t = t.delete(where="id = 2").rename_column("x", "y")
        >>> t.scan().pl().sort("id").rows()
        [(1, 0.5), (3, 30.0), (4, 40.0), (9, 9.0)]
        >>> [commit.operation["kind"] for commit in t.history()]
        ['alter', 'delete', 'merge', 'update', 'write', 'write']
    """

    def __init__(self, session: Session, table: Table, branch: str | None, report: MergeReport | None = None) -> None:
        super().__init__(table._handle, table.snapshot, table.core)  # noqa: SLF001 - of the class that this one extends.
        self._session = session
        self._branch = branch
        self.report = report or MergeReport()

    def append(
        self,
        frame: Frames,
        *,
        message: str = "",
        key: str | None = None,
        inputs: Iterable[Any] = (),
        nan_as_null: bool = False,
    ) -> TableHandle:
        """Add rows.

        Args:
            frame: n rows of any Arrow-speaking object, or an iterable of such frames.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.
            inputs: Tables and raw files from which the rows were made.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN.

        Returns:
            The table with them.

        Raises:
            SchemaMismatchError: A column does not fit the table.
        """
        return self._write(frame, message, key, mode="append", inputs=inputs, nan_as_null=nan_as_null)

    def overwrite(
        self,
        frame: Frames,
        *,
        message: str = "",
        key: str | None = None,
        inputs: Iterable[Any] = (),
        nan_as_null: bool = False,
    ) -> TableHandle:
        """Replace all rows, and the columns. Files that the new rows share with the old ones are not stored again.

        Args:
            frame: n rows of any Arrow-speaking object, or an iterable of such frames.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.
            inputs: Tables and raw files from which the rows were made.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN.

        Returns:
            The table with them.
        """
        return self._write(frame, message, key, mode="overwrite", inputs=inputs, nan_as_null=nan_as_null)

    def delete(self, where: str | pl.Expr, *, message: str = "", key: str | None = None) -> TableHandle:
        """Delete rows; no data file is written again.

        Args:
            where: SQL condition, or a Polars one; rows for which it is true go. `"TRUE"` for all.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table without them; this version where there are none.

        Raises:
            ColumnNotFoundError: The condition names a column that the table has not.
        """
        return self._change(
            "delete", message, key, lambda changes: MergeReport(n_deleted=changes.delete(self.name, where=where))
        )

    def update(
        self,
        values: Mapping[str, Any],
        where: str | pl.Expr | None = None,
        *,
        message: str = "",
        key: str | None = None,
    ) -> TableHandle:
        """Give columns new values. Changed rows keep their row ids.

        Args:
            values: For each column a SQL or Polars expression over the row as it was, or a plain value that is no text.
            where: SQL or Polars condition; None for all rows.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table with them; this version where no row matches.

        Raises:
            ColumnNotFoundError: There is no such column.
            SchemaMismatchError: A value does not fit its column.
        """
        return self._change(
            "update",
            message,
            key,
            lambda changes: MergeReport(n_updated=changes.update(self.name, values, where=where)),
        )

    def upsert(
        self,
        frame: Frames,
        *,
        key: str | Sequence[str],
        message: str = "",
        inputs: Iterable[Any] = (),
        idempotency_key: str | None = None,
        nan_as_null: bool = False,
    ) -> TableHandle:
        """Put rows in the place of those with the same key, and add the others.

        Args:
            frame: Rows of any Arrow-speaking object, or an iterable of such; they may be more than fit into memory.
            key: Columns whose values tell rows apart.
            message: Why; kept in the history.
            inputs: Tables and raw files from which the rows were made.
            idempotency_key: What other verbs call `key`: where the branch has a commit with it, that one is given and
                nothing is changed.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN.

        Returns:
            The table with them.

        Raises:
            DuplicateKeyError: Two rows of the frame have one key.
            NullKeyError: A key of the frame is null.
        """
        options: dict[str, Any] = {"inputs": inputs, "nan_as_null": nan_as_null}
        return self.merge(frame, key=key, message=message, idempotency_key=idempotency_key, **options)

    def merge(
        self,
        frame: Frames,
        *,
        key: str | Sequence[str],
        message: str = "",
        idempotency_key: str | None = None,
        **rules: Any,
    ) -> TableHandle:
        """Let a frame meet the rows of the table.

        Args:
            frame: Rows of any Arrow-speaking object, or an iterable of such; they may be more than fit into memory.
            key: Columns whose values tell rows apart.
            message: Why; kept in the history.
            idempotency_key: What other verbs call `key`: where the branch has a commit with it, that one is given and
                nothing is changed.
            rules: `matched`, `not_matched`, `not_matched_by_source`, `delete_when`, `inputs` and `nan_as_null`, as
                `Changes.merge` takes them.

        Returns:
            The table after it; this version where nothing follows.

        Raises:
            DuplicateKeyError: Two rows of the frame have one key.
            NullKeyError: A key of the frame is null.
        """
        # A stream is gone once it was read.
        can_repeat = not hasattr(frame, "read_next_batch") and not hasattr(frame, "__next__")
        attempts = _MAX_ATTEMPTS if can_repeat else 1
        return self._change(
            "merge",
            message,
            idempotency_key,
            lambda changes: changes.merge(self.name, frame, key=key, **rules),
            attempts,
        )

    def compact(
        self, *, full: bool = False, deleted_fraction: float = 0.1, dry_run: bool = False, message: str = ""
    ) -> CompactionReport:
        """Write small files, and those that lost many rows, together. Rows, their ids and their order stay.

        It may be stopped at any time and goes on where it stopped when it is called again; readers and writers go on
        beside it. In full, a table with a layout is one step: all rows are sorted, bucket by bucket and over all files,
        with what does not fit into memory in a temporary file. What is compact already stays as it is without a commit,
        so that a second call needs no key.

        Args:
            full: Whether all files are written again, all rows in the order of the layout.
            deleted_fraction: Share of a file's rows that must be gone for it to be written again on its own.
            dry_run: Whether only to tell what would be done.
            message: Why; kept in the history.

        Returns:
            What was done.
        """
        return compact(
            self._session,
            self.name,
            branch=self._writable(),
            full=full,
            deleted_fraction=deleted_fraction,
            dry_run=dry_run,
            message=message,
        )

    def add_column(
        self,
        column: str | Sequence[str],
        kind: Any,
        *,
        default: Any = None,
        nullable: bool = True,
        message: str = "",
        key: str | None = None,
    ) -> TableHandle:
        """Add a column or nested field at the end. No data file is written.

        Args:
            column: Its name, or the names that lead to a field of a struct.
            kind: Its type: an Arrow or Polars type, or a name such as `"int64"`.
            default: What rows have that were written without it; None for null.
            nullable: Whether nulls are allowed.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table with it.

        Raises:
            ColumnExistsError: The name is taken.
            EvolutionError: Nulls are not allowed, there is no default and there are rows.
        """
        return self._alter(
            message, key, lambda x: x.add_column(self.name, column, kind, default=default, nullable=nullable)
        )

    def drop_column(self, column: str | Sequence[str], *, message: str = "", key: str | None = None) -> TableHandle:
        """Drop a column or nested field, with what is expected of it. No data file is written.

        Args:
            column: Its name, or the names that lead to it.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table without it.

        Raises:
            ColumnNotFoundError: There is no such column.
            LayoutError: Rows are sorted or bucketed by it.
        """
        return self._alter(message, key, lambda x: x.drop_column(self.name, column))

    def rename_column(
        self, column: str | Sequence[str], to: str, *, message: str = "", key: str | None = None
    ) -> TableHandle:
        """Give a column or nested field another name; what is expected of it goes with it. No data file is written.

        Args:
            column: Its name, or the names that lead to it.
            to: The new name.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table with the new name.

        Raises:
            ColumnNotFoundError: There is no such column.
            ColumnExistsError: The new name is taken.
        """
        return self._alter(message, key, lambda x: x.rename_column(self.name, column, to))

    def reorder_columns(self, columns: Sequence[str], *, message: str = "", key: str | None = None) -> TableHandle:
        """Put the columns into another order.

        Args:
            columns: All columns, each once.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table with them in that order.

        Raises:
            EvolutionError: A column is left out.
        """
        return self._alter(message, key, lambda x: x.reorder_columns(self.name, columns))

    def change_type(
        self,
        column: str | Sequence[str],
        kind: Any,
        *,
        narrowing: bool = False,
        message: str = "",
        key: str | None = None,
    ) -> TableHandle:
        """Give a column or nested field another type.

        Args:
            column: Its name, or the names that lead to it.
            kind: The new type: an Arrow or Polars type, or a name such as `"int64"`.
            narrowing: Says that a type is meant which does not hold all values of the present one.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table with the new type.

        Raises:
            NarrowingError: The type is narrower and `narrowing` is not set.
            EvolutionError: There is no way from the one type to the other, or a value does not fit.
        """
        return self._alter(message, key, lambda x: x.change_type(self.name, column, kind, narrowing=narrowing))

    def set_nullable(
        self,
        column: str | Sequence[str],
        nullable: bool,  # noqa: FBT001
        *,
        message: str = "",
        key: str | None = None,
    ) -> TableHandle:
        """Allow or forbid nulls.

        Args:
            column: Its name, or the names that lead to it.
            nullable: Whether nulls are allowed.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table with the new rule.

        Raises:
            EvolutionError: Nulls are to be forbidden and there are some.
        """
        return self._alter(message, key, lambda x: x.set_nullable(self.name, column, nullable))

    def set_note(
        self,
        column: str | Sequence[str] = (),
        *,
        comment: str = "",
        owners: Sequence[str] = (),
        tags: Sequence[str] = (),
        message: str = "",
        key: str | None = None,
    ) -> TableHandle:
        """Say what the table or a column is; it replaces what was said before.

        Args:
            column: A column, or the names that lead to a nested field; nothing for the table.
            comment: What it is.
            owners: Who answers for it.
            tags: Words by which it is found.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table with the note.

        Raises:
            ColumnNotFoundError: There is no such column.
        """
        return self._alter(
            message, key, lambda x: x.set_note(self.name, column, comment=comment, owners=owners, tags=tags)
        )

    def set_layout(
        self,
        *,
        sort_by: str | Sequence[str] = (),
        bucket_by: str | Sequence[str] = (),
        n_buckets: int | None = None,
        message: str = "",
        key: str | None = None,
    ) -> TableHandle:
        """Say how rows are laid out in files from now on; `compact(full=True)` lays out those that are there.

        Args:
            sort_by: Columns by which the rows of each write ascend, over all its files, nulls last; those of the whole
                table do after a full compaction.
            bucket_by: Columns whose hash says which rows share files.
            n_buckets: Number of buckets; None for 16.
            message: Why; kept in the history.
            key: Idempotency key: where the branch has a commit with it, that one is given and nothing is changed.

        Returns:
            The table with the layout.

        Raises:
            LayoutError: There is no such column, or it has no order.
        """
        return self._alter(
            message, key, lambda x: x.set_layout(self.name, sort_by=sort_by, bucket_by=bucket_by, n_buckets=n_buckets)
        )

    def history(self) -> list[Commit]:
        """List the commits of the branch that changed this table.

        Returns:
            Newest first.
        """
        commits = self._session.repository.history(self._branch or self.snapshot.branch)
        names = {self.name}
        found = []
        for commit in commits:
            items = [item for item in commit.operation.get("tables", ()) if item["name"] in names]
            names |= {item["from"] for item in items if "from" in item}
            found += [commit] if items else []
        return found

    def _write(self, frame: Frames, message: str, key: str | None, **options: Any) -> TableHandle:
        changes = Changes(self._session, kind="write", message=message, branch=self._writable(), key=key)
        if changes.is_applied:
            return self._applied(changes)
        n_rows = changes.write(self.name, frame, **options)
        return self._committed(changes, MergeReport(n_inserted=n_rows))

    def _alter(self, message: str, key: str | None, change: Callable[[Changes], None]) -> TableHandle:
        def work(changes: Changes) -> MergeReport | None:
            change(changes)
            return None

        return self._change("alter", message, key, work)

    def _change(
        self,
        kind: str,
        message: str,
        key: str | None,
        work: Callable[[Changes], MergeReport | None],
        attempts: int = _MAX_ATTEMPTS,
    ) -> TableHandle:
        """Make one commit; work that changes no row makes none."""
        branch = self._writable()
        for attempt in range(1, attempts + 1):
            changes = Changes(self._session, kind=kind, message=message, branch=branch, key=key)
            if changes.is_applied:
                return self._applied(changes)
            report = work(changes)
            if report == MergeReport():
                return self._at(changes.base, report)
            try:
                return self._committed(changes, report)
            except WriteConflictError:
                if attempt == attempts:
                    raise
        raise WriteConflictError(f"table {self.name!r} was changed by others {attempts} times; try again")

    def _applied(self, changes: Changes) -> TableHandle:
        """Give the commit that has the key of these changes already, with what it reported."""
        snapshot = changes.commit()
        items = {item["name"]: item for item in snapshot.operation().get("tables", ())}
        # The table may have had another name then.
        name = self.name if self.name in snapshot.tables() else next(iter(items), self.name)
        item = items.get(name, {})
        report = MergeReport(**item.get("report", {"n_inserted": item.get("n_rows", 0)}))
        return TableHandle(self._session, snapshot.table(name), self._branch, report)

    def _writable(self) -> str:
        if self._branch is None:
            place = self.snapshot.core.commit or "the empty warehouse"
            hint = f"open it without a version, or at a branch: wh.table({self.name!r})"
            raise NotABranchError(f"this is table {self.name!r} at commit {place[:12]}, which never changes; {hint}")
        return self._branch

    def _committed(self, changes: Changes, report: MergeReport | None) -> TableHandle:
        return TableHandle(self._session, changes.commit_table(self.name), self._branch, report)

    def _at(self, snapshot: Snapshot, report: MergeReport | None) -> TableHandle:
        return TableHandle(self._session, snapshot.table(self.name), self._branch, report)


def open_table(session: Session, name: str, version: VersionLike = None) -> TableHandle:
    """Open a table, and note it as an input of the run that is going on.

    Args:
        session: The open warehouse.
        name: The table.
        version: As `Repository.snapshot` takes it.

    Returns:
        The table; its verbs change the branch that the version names, or the session's.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1]}))
        >>> wh.table("t", wh.log()[0].id).delete(where="a = 1")
        Traceback (most recent call last):
        ...
        lakebed.errors.NotABranchError: this is table 't' at commit ...
    """
    branch = session.branch if version is None else None
    if isinstance(version, str) and version in session.repository.branches():
        branch = version
    return TableHandle(session, session.table(name, version), branch)


def handle_of(session: Session, table: Table, branch: str | None = None) -> TableHandle:
    """Wrap a table that a verb gave.

    Args:
        session: The open warehouse.
        table: The table.
        branch: The branch that was changed; None for the session's.

    Returns:
        The handle.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> wh.write("t", pl.DataFrame({"a": [1]})).append(pl.DataFrame({"a": [2]})).num_rows
        2
    """
    return TableHandle(session, table, branch or session.branch)
