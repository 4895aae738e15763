"""API BOUNDARY: open a warehouse and reach its parts. It holds no logic: every method calls one operation.

The class is thin on purpose. What a verb does stands in `lakebed.pipeline.operations`; where rows come from and how
commits are made stands in `lakebed.storage`.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.pipeline import operations
from lakebed.pipeline.changes import Changes
from lakebed.pipeline.handles import Features, Lake, Lineage
from lakebed.pipeline.session import MAIN, Session
from lakebed.pipeline.table import TableHandle, open_table
from lakebed.storage import Repository

if TYPE_CHECKING:
    from lakebed.metadata import MetadataStore
    from lakebed.pipeline import Comparison, Expectations, Run
    from lakebed.pipeline.inspect import Traceable
    from lakebed.schema import Schema
    from lakebed.sql import Result
    from lakebed.statistics import Statistics
    from lakebed.storage import Commit, GcReport, Progress, Snapshot, VerifyReport, VersionLike
    from lakebed.typing import Columns, Frame, Frames
    from lakebed.validation import Anomalies, Drift


def open(  # noqa: A001 - lb.open is the name that users expect.
    location: str | os.PathLike[str], *, read_only: bool = False, verify: str = "first", branch: str = MAIN
) -> Warehouse:
    """Open the warehouse in a folder; a new or empty folder becomes one.

    Args:
        location: A folder, or `memory://` for one that lives as long as its handle.
        read_only: Refuse every write, and fail where there is no warehouse. Works on a read-only file system.
        verify: When data files are checked against their hashes: at their `"first"` use in a process, `"always"` or
            `"never"`.
        branch: The branch that reads and writes mean where none is named.

    Returns:
        The open warehouse. Any number of processes may have it open; readers never wait.

    Raises:
        NotAWarehouseError: The folder holds something else.
        FormatVersionError: A newer Lakebed wrote it.
        UnwritableError: The folder cannot be written.
        CorruptionError: Its marker is not what was written.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> table = wh.write("cities", pl.DataFrame({"name": ["Rome", "Bonn"], "people": [2_800_000, 330_000]}))
        >>> wh.sql("SELECT name FROM cities ORDER BY people").pl()["name"].to_list()
        ['Bonn', 'Rome']
    """
    return Warehouse(Session(Repository(location, read_only=read_only, verify=verify), branch=branch))


class Warehouse:
    """An open warehouse. Made by `lakebed.open`.

    Args:
        session: What every operation needs.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2]}), message="first rows")
        >>> wh.table("t").num_rows, wh.log()[0].message
        (2, 'first rows')
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- Tables ------------------------------------------------------------------------------------------------------

    def write(
        self,
        name: str,
        frame: Frames,
        *,
        mode: str = "append",
        message: str = "",
        branch: str | None = None,
        inputs: Iterable[Any] = (),
        key: str | None = None,
        before_commit: Iterable[Callable[[Changes], object]] = (),
        progress: Progress | None = None,
        sort_by: str | Sequence[str] | None = None,
        bucket_by: str | Sequence[str] | None = None,
        n_buckets: int | None = None,
        nan_as_null: bool = False,
    ) -> TableHandle:
        """Write rows of a table in one durable commit; the table is created if there is none.

        Memory is bounded by a row group for each open file, however many rows come. Ctrl-C ends the write at the next
        batch, and nothing is changed.

        Args:
            name: Table, with its namespace where it has one: `sales.flights`.
            frame: n rows of any Arrow-speaking object, or an iterable of such frames; columns are matched by name,
                missing ones become null.
            mode: `"append"` keeps the rows that are there, `"overwrite"` replaces them and the columns.
            message: Why; kept in the history.
            branch: The branch to change; None for that of the handle.
            inputs: Tables and raw files from which the rows were made; kept in the lineage.
            key: Idempotency key of 1 to 1024 bytes: where the branch has a commit with it, that one is given back and
                nothing is written, so that a retry after a lost answer is safe.
            before_commit: Gates, each called with the staged changes; one that raises leaves everything as it was. They
                run without a lock, and again where somebody else committed in between.
            progress: Called with the number of rows read so far, at least once for each 262,144.
            sort_by: Columns by which the rows of each write ascend from now on, over all its files, nulls last; None
                keeps the table's layout. Memory stays bounded: what does not fit is sorted in a temporary file.
            bucket_by: Columns whose hash says which rows share files from now on.
            n_buckets: Number of buckets; None for 16.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN, of pandas too.

        Returns:
            The table at the new version.

        Raises:
            SchemaMismatchError: A column does not fit the table without loss.
            NullValueError: A null in a column that may not be null.
            ColumnNotFoundError: The table has no such column.
            UnsupportedTypeError: A type that the format cannot hold.
            InvalidColumnsError: Column names are empty or stand twice.
            GateRefusedError: The rows have anomalies and the table's gate refuses them.
            WriteConflictError: Somebody else changed the table in a way that does not go together.
            NotABranchError: `branch` is a tag.
            LayoutError: There is no column to sort or bucket by.
            OutcomeUnknownError: The disk failed at the last step; the same call with the same `key` settles it.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> wh.write("t", pl.DataFrame({"a": [1, 2]}), key="load 1").num_rows
            2
            >>> wh.write("t", pl.DataFrame({"a": [1, 2]}), key="load 1").num_rows
            2
        """
        return operations.write(
            self._session,
            name,
            frame,
            mode=mode,
            message=message,
            branch=branch,
            inputs=inputs,
            key=key,
            before_commit=before_commit,
            progress=progress,
            sort_by=sort_by,
            bucket_by=bucket_by,
            n_buckets=n_buckets,
            nan_as_null=nan_as_null,
        )

    def create(
        self,
        name: str,
        schema: Columns,
        *,
        message: str = "",
        branch: str | None = None,
        key: str | None = None,
        sort_by: str | Sequence[str] = (),
        bucket_by: str | Sequence[str] = (),
        n_buckets: int | None = None,
    ) -> TableHandle:
        """Create a table without rows.

        Args:
            name: Table, with its namespace where it has one.
            schema: Its columns: a schema of pyarrow, polars or anything else that speaks Arrow, a mapping of names to
                Polars types, or a frame.
            message: Why; kept in the history.
            branch: The branch to change; None for that of the handle.
            key: Idempotency key, as for `write`.
            sort_by: Columns by which the rows of each write ascend, over all its files, nulls last.
            bucket_by: Columns whose hash says which rows share files.
            n_buckets: Number of buckets; None for 16.

        Returns:
            The table.

        Raises:
            TableExistsError: There is such a table.
            InvalidNameError: The name is not allowed.
            UnsupportedTypeError: A type that the format cannot hold.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> lb.open("memory://").create("t", {"a": pl.Int64, "b": pl.String}).schema.names
            ['a', 'b']
        """
        return operations.create(
            self._session,
            name,
            schema,
            message=message,
            branch=branch,
            key=key,
            sort_by=sort_by,
            bucket_by=bucket_by,
            n_buckets=n_buckets,
        )

    def drop(self, name: str, *, message: str = "", branch: str | None = None, key: str | None = None) -> Snapshot:
        """Drop a table and its expectations. Older versions keep both.

        Args:
            name: The table.
            message: Why; kept in the history.
            branch: The branch to change; None for that of the handle.
            key: Idempotency key, as for `write`.

        Returns:
            The version without it.

        Raises:
            TableNotFoundError: Tells the nearest names.
            WriteConflictError: Somebody else changed the table meanwhile.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1]}))
            >>> wh.drop("t").tables(), wh.tables("main~1")
            ([], ['t'])
        """
        return operations.drop(self._session, name, message=message, branch=branch, key=key)

    def rename(
        self, name: str, to: str, *, message: str = "", branch: str | None = None, key: str | None = None
    ) -> TableHandle:
        """Rename a table. Its rows, versions, lineage and expectations stay.

        Args:
            name: The table.
            to: Its new name.
            message: Why; kept in the history.
            branch: The branch to change; None for that of the handle.
            key: Idempotency key, as for `write`.

        Returns:
            The table under its new name.

        Raises:
            TableNotFoundError: Tells the nearest names.
            TableExistsError: The new name is taken.
            WriteConflictError: Somebody else renamed or dropped the table meanwhile.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> before = wh.write("t", pl.DataFrame({"a": [1]}))
            >>> wh.rename("t", "sales.t").version == before.version
            True
        """
        return operations.rename(self._session, name, to, message=message, branch=branch, key=key)

    def transaction(
        self,
        *,
        message: str = "",
        branch: str | None = None,
        key: str | None = None,
        before_commit: Iterable[Callable[[Changes], object]] = (),
    ) -> Changes:
        """Begin changes of several tables, raw files and schemas that become one commit, or nothing.

        Args:
            message: Why; kept in the history.
            branch: The branch to change; None for that of the handle.
            key: Idempotency key, as for `write`. Where the branch has a commit with it, the block runs on the version
                on which that commit was made, and changes nothing.
            before_commit: Gates, as for `write`.

        Returns:
            Changes, for a `with` block; an error inside leaves everything as it was.

        Raises:
            NotABranchError: `branch` is a tag.
            InvalidNameError: The key is empty or too long.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> with wh.transaction(key="both") as tx:
            ...     _ = tx.write("a", pl.DataFrame({"x": [1]}))
            ...     _ = tx.write("b", pl.DataFrame({"y": [2]}))
            >>> len(wh.log())
            1
        """
        return Changes(self._session, message=message, branch=branch, key=key, before_commit=before_commit)

    def table(self, name: str, version: VersionLike = None) -> TableHandle:
        """Open a table.

        Args:
            name: The table.
            version: Branch, tag, commit id or its start, any of them with `~n`, a time; None for the head.

        Returns:
            The table at that version; it never changes.

        Raises:
            TableNotFoundError: Tells the nearest names.
            VersionNotFoundError: Tells the nearest names.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2]}))
            >>> wh.table("t").scan(where="a > 1").pl()["a"].to_list()
            [2]
        """
        return open_table(self._session, name, version)

    def tables(self, version: VersionLike = None) -> list[str]:
        """List the tables.

        Args:
            version: As for `table`.

        Returns:
            Names in byte order.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").tables()
            []
        """
        return self._session.snapshot(version).tables()

    def sql(self, text: str, *, dialect: str = "duckdb", version: VersionLike = None) -> Result:
        """Run a query over any versions of any tables.

        Args:
            text: One query; a table may carry a version: `flights AT (VERSION => 'january')`.
            dialect: A sqlglot dialect.
            version: The version of tables for which the text names none; None for the head.

        Returns:
            The result: `.pl()`, `.arrow()`, `.pandas()`, `.lazy()`, or printed as a table.

        Raises:
            SqlSyntaxError: The text is broken; shows where.
            SqlUnsupportedError: Something that is no query.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").sql("SELECT 1 + 1 AS two").pl()["two"].to_list()
            [2]
        """
        return operations.sql(self._session, text, dialect=dialect, version=version)

    # --- Versions ----------------------------------------------------------------------------------------------------

    def at(self, version: VersionLike) -> Snapshot:
        """Open a version of the whole warehouse.

        Args:
            version: Branch, tag, commit id or its start, any of them with `~n`, an ISO time or datetime (UTC if naive).

        Returns:
            The snapshot; it never changes.

        Raises:
            VersionNotFoundError: Tells the nearest names.
            AmbiguousNameError: Several commits start like that.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").at("main").tables()
            []
        """
        return self._session.snapshot(version)

    def log(self, branch: str | None = None) -> list[Commit]:
        """List the commits of a branch.

        Args:
            branch: The branch; None for that of the handle.

        Returns:
            Newest first.

        Raises:
            VersionNotFoundError: There is no such branch.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").log()
            []
        """
        return self._session.repository.history(branch or self._session.branch)

    def tag(self, name: str, version: VersionLike = None) -> Snapshot:
        """Let a tag mean a version for ever.

        Args:
            name: Letters, digits, `.`, `_`, `-`.
            version: As for `at`; None for the head.

        Returns:
            The version.

        Raises:
            RefExistsError: A tag or branch has that name.
            InvalidNameError: The name is not allowed.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1]}))
            >>> wh.tag("v1").commit == wh.at("v1").commit
            True
        """
        return operations.tag(self._session, name, version)

    def branch(self, name: str, version: VersionLike = None) -> Snapshot:
        """Begin a branch at a version.

        Args:
            name: Letters, digits, `.`, `_`, `-`.
            version: As for `at`; None for the head.

        Returns:
            The version.

        Raises:
            RefExistsError: A tag or branch has that name.
            InvalidNameError: The name is not allowed.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1]}))
            >>> _ = wh.branch("try")
            >>> _ = wh.write("t", pl.DataFrame({"a": [2]}), branch="try")
            >>> wh.table("t").num_rows, wh.table("t", "try").num_rows
            (1, 2)
        """
        return operations.branch(self._session, name, version)

    # --- Statistics and expectations ---------------------------------------------------------------------------------

    def statistics(self, name: str, version: VersionLike = None, *, exact: bool = False) -> Statistics:
        """Give the statistics of a table version from what is stored with it; only `exact` may read data files.

        Args:
            name: The table.
            version: As for `table`.
            exact: Where rows were deleted or changed, all but the number of rows are bounds. With `exact` the files
                that lost rows are read, and nothing is a bound.

        Returns:
            Statistics of every column.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2]}))
            >>> wh.statistics("t").n_rows, wh.counters()["data_bytes"]
            (2, 0)
        """
        return operations.statistics(self._session, name, version, exact=exact)

    def drift(
        self,
        name: str,
        from_: Any,
        to: Any = None,
        *,
        time: str | None = None,
        columns: Sequence[str] | None = None,
        exact: bool = False,
    ) -> Drift:
        """Compare two versions of a table by what is stored with them, or two windows of time by their rows.

        Args:
            name: The table.
            from_: The earlier version, as for `table`; with `time`, a pair (start, end) of the earlier window.
            to: The later version, None for the head; with `time`, a pair (start, end). Windows hold their start and
                not their end; None leaves a side open.
            time: The column whose values lie in the windows; None compares versions, and no data file is read.
            columns: Columns to compare; None for all.
            exact: As for `statistics`; without it, rows that were deleted still count, and `is_exact` is False.

        Returns:
            Jensen-Shannon divergence, L-infinity and other distances of every column, with what moved most.

        Raises:
            TableNotFoundError: Tells the nearest names.
            ColumnNotFoundError: Tells the nearest names.
            InvalidArgumentError: A window is no pair.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": ["x", "y"]}))
            >>> _ = wh.tag("v1")
            >>> _ = wh.write("t", pl.DataFrame({"a": ["y", "y"]}))
            >>> wh.drift("t", "v1").column("a").infinity_norm
            0.25
        """
        return operations.drift(self._session, name, from_, to, time=time, columns=columns, exact=exact)

    def infer_schema(self, name: str, version: VersionLike = None) -> Schema:
        """Infer expectations from the statistics of a table version; nothing is stored.

        Args:
            name: The table.
            version: As for `table`.

        Returns:
            The schema, to be edited and set.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": ["x", "y"]}))
            >>> wh.infer_schema("t").domain("a")
            ['x', 'y']
        """
        return operations.infer_schema(self._session, name, version)

    def set_schema(
        self, name: str, schema: Schema, *, gate: str | None = None, message: str = "", key: str | None = None
    ) -> Expectations:
        """Set the expectations of a table, as a new version of them.

        Args:
            name: The table.
            schema: What is expected.
            gate: `"refuse"` refuses commits with anomalies, `"warn"` logs them, `"off"` does not look; None keeps the
                present one, `"warn"` at first.
            message: Why; kept in the history.
            key: Idempotency key, as for `write`.

        Returns:
            The expectations with their version number.

        Raises:
            TableNotFoundError: There is no such table.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": ["x", "y"]}))
            >>> wh.set_schema("t", wh.infer_schema("t"), gate="refuse").version
            1
        """
        return operations.set_schema(self._session, name, schema, gate=gate, message=message, key=key)

    def update_schema(
        self, name: str, frame: Frame | None = None, *, message: str = "", nan_as_null: bool = False
    ) -> Expectations:
        """Relax the expectations of a table just so much that some rows meet them, as a new version of them.

        Args:
            name: The table.
            frame: The rows; None for those of the table.
            message: Why; kept in the history.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN.

        Returns:
            The expectations; the present ones if the rows meet them already.

        Raises:
            SchemaNotFoundError: None are set.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": ["x", "y"]}))
            >>> _ = wh.set_schema("t", wh.infer_schema("t"))
            >>> wh.update_schema("t", pl.DataFrame({"a": ["z"]})).schema.domain("a")
            ['x', 'y', 'z']
        """
        return operations.update_schema(self._session, name, frame, message=message, nan_as_null=nan_as_null)

    def schema(self, name: str, version: VersionLike = None) -> Expectations:
        """Give the expectations of a table at a version.

        Args:
            name: The table.
            version: As for `table`.

        Returns:
            Schema, gate and version number.

        Raises:
            SchemaNotFoundError: None are set at that version.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": ["x", "y"]}))
            >>> _ = wh.set_schema("t", wh.infer_schema("t"), gate="warn")
            >>> wh.schema("t").gate
            'warn'
        """
        return operations.schema(self._session, name, version)

    def validate(
        self,
        name: str,
        frame: Frame | None = None,
        *,
        environment: str | None = None,
        version: VersionLike = None,
        nan_as_null: bool = False,
    ) -> Anomalies:
        """Compare rows with the expectations of a table.

        Args:
            name: The table whose expectations count.
            frame: The rows; None for those of the table, by their stored statistics.
            environment: For instance `"SERVING"`; None for what holds everywhere.
            version: As for `table`.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN.

        Returns:
            The anomalies; falsy if there are none.

        Raises:
            SchemaNotFoundError: No expectations are set.
            EnvironmentNotFoundError: The schema declares no such environment.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": ["x", "y"]}))
            >>> _ = wh.set_schema("t", wh.infer_schema("t"))
            >>> wh.validate("t", pl.DataFrame({"a": ["x", "z"]})).columns
            ['a']
        """
        return operations.validate(
            self._session, name, frame, environment=environment, version=version, nan_as_null=nan_as_null
        )

    # --- Lineage -----------------------------------------------------------------------------------------------------

    def execution(
        self,
        name: str,
        *,
        inputs: Iterable[Any] = (),
        parameters: Mapping[str, int | float | str | bool] | None = None,
    ) -> Run:
        """Record an execution of one's own. Reads inside its `with` block become inputs, writes become outputs.

        Args:
            name: Its type, for instance `train`.
            inputs: Further tables and raw files.
            parameters: Plain values that are kept with it.

        Returns:
            The run, for a `with` block.

        Example:
            >>> import lakebed as lb
            >>> wh = lb.open("memory://")
            >>> with wh.execution("train", parameters={"degree": 1}) as run:
            ...     _ = run.save_artifact("model.bin", data=b"weights", type="Model")
            >>> [artifact.type for artifact in run.outputs]
            ['Model']
        """
        from lakebed.pipeline.run import Run

        return Run(self._session, name, inputs=inputs, parameters=parameters)

    @property
    def metadata(self) -> MetadataStore:
        """Artifacts, executions, contexts and events of this warehouse, complete as of now."""
        from lakebed.pipeline import publisher

        return publisher.publish(self._session)

    @property
    def lineage(self) -> Lineage:
        """What was made from what."""
        return Lineage(self._session)

    def verify(self, start: Traceable | None = None, *, recompute: bool = True, repair: bool = False) -> VerifyReport:
        """Compare stored bytes with recorded hashes, and what metadata says with what there is.

        Args:
            start: A table, a raw file or an artifact: it and all that it was made from is checked. A run or an
                execution: all that it read. None: every version, record and cache, and the lineage store against its
                records.
            recompute: Without `start`: compute the statistics of every data file again and compare them, too.
            repair: Without `start`: move damaged files to `quarantine/`, so that nothing reads them. Nothing is deleted
                and nothing is made up; bring the files back from a copy.

        Returns:
            The report; it names each file that is damaged or missing, with the expected and the found hash.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").verify().ok
            True
        """
        from lakebed.pipeline import inspect

        if start is None:
            return inspect.verify_all(self._session, recompute=recompute, repair=repair)
        return inspect.verify(self._session, start)

    def gc(self, *, grace: str | dt.timedelta = "7d", dry_run: bool = False) -> GcReport:
        """Remove files that no version refers to: what writers left that were cut off, failed or refused.

        Every version of every branch and tag stays as it is. Writers and readers may run meanwhile; a transaction that
        began longer ago than the grace and has not committed yet has to begin anew.

        Args:
            grace: Newer files are kept; longer than any transaction takes. A text such as `"7d"`, `"12h"`, `"30m"`.
            dry_run: Only tell what would be removed.

        Returns:
            What was removed.

        Raises:
            CorruptionError: Something that cannot be read might refer to any file; nothing is removed then.
            InvalidArgumentError: The grace is no duration, or negative.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").gc(grace="1h", dry_run=True).n_files
            0
        """
        return operations.gc(self._session, grace=grace, dry_run=dry_run)

    def compare(self, left: Run, right: Run) -> Comparison:
        """Tell how two runs differ in parameters, metrics and inputs.

        Args:
            left: The first run.
            right: The second run.

        Returns:
            What differs.

        Example:
            >>> import lakebed as lb
            >>> wh = lb.open("memory://")
            >>> with wh.execution("train", parameters={"degree": 1}) as first: pass
            >>> with wh.execution("train", parameters={"degree": 2}) as second: pass
            >>> wh.compare(first, second).parameters
            {'degree': (1, 2)}
        """
        from lakebed.pipeline import inspect

        return inspect.compare(self._session, left, right)

    @property
    def features(self) -> Features:
        """Entities, feature views and training sets."""
        return Features(self._session)

    # --- Lake and the rest -------------------------------------------------------------------------------------------

    @property
    def lake(self) -> Lake:
        """Raw files, byte for byte."""
        return Lake(self._session)

    @property
    def location(self) -> str:
        """The folder, or `memory://`."""
        return self._session.repository.location

    def counters(self) -> dict[str, int]:
        """Count what this handle has read.

        Returns:
            `metadata_bytes`, `data_bytes` and `data_files`.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").counters()["data_files"]
            0
        """
        return self._session.repository.counters()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._session.repository, self._session.branch)

    def __repr__(self) -> str:
        return f"Warehouse({self.location}, {len(self.tables())} tables, branch {self._session.branch})"


def _reopen(repository: Repository, branch: str) -> Warehouse:
    return Warehouse(Session(repository, branch=branch))
