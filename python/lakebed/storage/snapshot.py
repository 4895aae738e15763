"""Immutable versions: a snapshot of the warehouse, and the tables in it. Every read starts from one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import ColumnNotFoundError, InvalidArgumentError, VersionNotFoundError
from lakebed.expression.zones import polars_schema
from lakebed.storage.predicate import to_json
from lakebed.storage.scan import Scan
from lakebed.storage.verify import VerifyReport

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    from polars.selectors import Selector

    from lakebed._core import Snapshot as CoreSnapshot
    from lakebed._core import Table as CoreTable
    from lakebed._core import TableStatistics
    from lakebed.storage.definition import Layout, Note
    from lakebed.storage.handle import Handle

_ORIGINS = ("_row_id", "_sequence")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def to_datetime(time_us: int) -> dt.datetime:
    """Turn microseconds since 1970 into a time.

    Args:
        time_us: Microseconds since 1970 UTC.

    Returns:
        The same instant, UTC.

    Example:
        >>> to_datetime(1_500_000).isoformat()
        '1970-01-01T00:00:01.500000+00:00'
    """
    return _EPOCH + dt.timedelta(microseconds=time_us)


class Snapshot:
    """The whole warehouse at one commit; it never changes.

    Args:
        handle: The open warehouse.
        core: The version.

    Example:
        >>> import lakebed as lb
        >>> snapshot = lb.open("memory://").at("main")
        >>> snapshot.commit is None, snapshot.tables()
        (True, [])
    """

    def __init__(self, handle: Handle, core: CoreSnapshot) -> None:
        self._handle = handle
        self.core = core

    @property
    def commit(self) -> str | None:
        """Id of the commit, 64 hex digits; None before the first commit."""
        return self.core.commit

    @property
    def branch(self) -> str:
        """The branch through which this version was found."""
        return self.core.branch

    @property
    def timestamp(self) -> dt.datetime | None:
        """Time of the commit, UTC; None before the first commit."""
        return None if self.core.time_us is None else to_datetime(self.core.time_us)

    def tables(self) -> list[str]:
        """List the tables.

        Returns:
            Names in byte order.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").at("main").tables()
            []
        """
        return sorted(self.core.tables())

    def versions(self) -> dict[str, str]:
        """Map each table to the id of its version; equal ids are equal tables.

        Returns:
            Table name to version id.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").at("main").versions()
            {}
        """
        return dict(self.core.tables())

    def table(self, name: str) -> Table:
        """Open a table of this version.

        Args:
            name: Name, with its namespace where it has one.

        Returns:
            The table.

        Raises:
            TableNotFoundError: Tells the nearest names.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2]}))
            >>> wh.at("main").table("t").num_rows
            2
        """
        return Table(self._handle, self, self.core.table(name))

    def features(self) -> dict[str, dict[str, Any]]:
        """Give the definitions of entities and feature views.

        Returns:
            Plain values by name.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").at("main").features()
            {}
        """
        return {name: json.loads(bytes(definition)) for name, definition in self.core.features().items()}

    def operation(self) -> dict[str, Any]:
        """Tell what the commit did, as its writer described it.

        Returns:
            Members `kind`, `message` and more; empty before the first commit.

        Example:
            >>> import lakebed as lb
            >>> lb.open("memory://").at("main").operation()
            {}
        """
        operation: dict[str, Any] = json.loads(self.core.operation())
        return operation

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self._handle, self.branch, self.core.sequence, self.commit)

    def __repr__(self) -> str:
        commit = "empty" if self.commit is None else self.commit[:12]
        return f"Snapshot({self.branch}, {commit}, {len(self.tables())} tables)"


class Table:
    """One table at one version; it never changes.

    Args:
        handle: The open warehouse.
        snapshot: The version of the warehouse.
        core: The table.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2]}))
        >>> wh.at("main").table("t").schema.names
        ['a']
    """

    def __init__(self, handle: Handle, snapshot: Snapshot, core: CoreTable) -> None:
        self._handle = handle
        self.snapshot = snapshot
        self.core = core

    @property
    def name(self) -> str:
        """Name at this version."""
        return self.core.name

    @property
    def commit(self) -> str:
        """Id of the commit through which the table was opened."""
        return self.snapshot.commit or ""

    @property
    def version(self) -> str:
        """Id of the table version; equal ids are equal tables."""
        return self.core.version

    @property
    def num_rows(self) -> int:
        """Rows, from metadata alone."""
        return self.core.n_rows

    @property
    def num_files(self) -> int:
        """Data files, from metadata alone."""
        return self.core.n_files

    @property
    def size_bytes(self) -> int:
        """Bytes of the data files, from metadata alone."""
        return self.core.size_bytes

    @property
    def schema(self) -> pa.Schema:
        """Columns with their Arrow types; the field id stands in each field's metadata."""
        import pyarrow as pa

        return pa.schema(self.core)

    def files(self, where: list[Any] | None = None, *, keys: Any = None) -> list[str]:
        """List the data files that may hold matching rows. Reads metadata only.

        Args:
            where: Core predicate in list form; None for all files.
            keys: A frame with the columns by which the layout puts rows into buckets: only rows of these keys are
                needed; None for all rows.

        Returns:
            Names relative to the warehouse, in row order.

        Raises:
            ColumnNotFoundError: The predicate names a column that the table has not.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2]}))
            >>> table = wh.at("main").table("t")
            >>> len(table.files()), len(table.files([">", "a", 2]))
            (1, 0)
        """
        return [name for name, *_ in self.core.files(self._predicate(where), keys).plan()]

    def lazy(
        self,
        columns: Sequence[str] | None = None,
        where: list[Any] | None = None,
        *,
        row_ids: bool = False,
        keys: Any = None,
    ) -> pl.LazyFrame:
        """Read lazily with Polars from the files that may hold matching rows.

        The files are checked against their hashes at their first use in a process. The predicate only leaves files out;
        filter the frame to leave rows out.

        Args:
            columns: Columns in the wanted order; None for all.
            where: Core predicate in list form; None for all files.
            row_ids: Whether the columns `_row_id` and `_sequence` (both uint64) come first: the id that a row keeps for
                ever, and the sequence of the commit that wrote it as it is.
            keys: As for `files`.

        Returns:
            A lazy frame whose projections and filters are pushed down to the files; rows in row order.

        Raises:
            ColumnNotFoundError: Tells the nearest names.
            CorruptionError: A file is not what was written.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2], "b": ["x", None]}))
            >>> wh.at("main").table("t").lazy(columns=["b"]).collect()["b"].to_list()
            ['x', None]
        """
        for observe in self._handle.observers:
            observe(self)
        if row_ids:
            self._check_no_row_id_columns()
        files = self.core.files(self._predicate(where), keys)
        frame = self._handle.scan_files(files, row_ids=row_ids, names_where=self.files)
        if columns is None:
            return frame
        self._check_columns(columns)
        return frame.select(_exact([*(_ORIGINS if row_ids else ()), *columns]))

    def to_polars_lazy(self) -> pl.LazyFrame:
        """Read lazily with Polars; the same as `lazy()`.

        Returns:
            A lazy frame whose projections and filters are pushed down to the files; rows in row order.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> wh.write("t", pl.DataFrame({"a": [1, 2]})).to_polars_lazy().filter(pl.col("a") > 1).collect().height
            1
        """
        return self.lazy()

    def scan(self, columns: Sequence[str] | None = None, where: str | None = None, *, row_ids: bool = False) -> Scan:
        """Read rows.

        Args:
            columns: Columns in the wanted order; None for all.
            where: SQL condition over the table's columns, for instance `"origin = 'JFK' AND month <= 3"`; None for all
                rows.
            row_ids: As for `lazy`.

        Returns:
            A scan that gives its rows by `.pl()`, `.arrow()`, `.pandas()` or `.lazy()`, in row order.

        Raises:
            ColumnNotFoundError: Tells the nearest names.
            SqlSyntaxError: `where` cannot be parsed.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2, 3]}))
            >>> wh.at("main").table("t").scan(where="a >= 2").pl()["a"].to_list()
            [2, 3]
        """
        if where is None:
            return Scan(self.lazy(columns, row_ids=row_ids))
        from lakebed.expression import parse_predicate

        predicate = parse_predicate(where, {field.name: field.type for field in self.schema})
        frame = self.lazy(None, predicate.core, row_ids=row_ids).filter(predicate.polars)
        if columns is None:
            return Scan(frame)
        self._check_columns(columns)
        return Scan(frame.select(_exact([*(_ORIGINS if row_ids else ()), *columns])))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self.scan().__arrow_c_stream__(requested_schema)

    def verify(self) -> VerifyReport:
        """Compare every stored byte of this table with its recorded hash.

        Returns:
            The report; it names each file that is damaged or missing.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2, 3]}))
            >>> wh.at("main").table("t").verify().ok
            True
        """
        return VerifyReport.from_core(self._handle.core.verify_table(self.core))

    @property
    def num_deleted(self) -> int:
        """Rows that data files still hold and that are gone; compaction lets go of them. From metadata alone."""
        return self.core.n_deleted

    def exact_statistics(self) -> TableStatistics:
        """Summarise the rows that are there. Files that lost rows are read; of the others, what is stored is taken.

        Returns:
            Summaries of all columns.

        Raises:
            CorruptionError: A file is not what was written.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> t = lb.open("memory://").write("t", pl.DataFrame({"a": [1, 2, 9]})).delete(where="a = 9")
            >>> t.exact_statistics().to_dict()["columns"][0]["max"]
            2
        """
        touched = self.core.touched()
        self._handle.core.open_files(touched)
        return self.core.exact_statistics(touched)

    @property
    def layout(self) -> Layout | None:
        """How rows are laid out in files; None if they lie as they came."""
        from lakebed.storage.definition import Layout

        found = self.core.layout
        return None if found is None else Layout(**found)

    def note(self, column: str | Sequence[str] = ()) -> Note:
        """Give what people say about the table or one of its columns.

        Args:
            column: A column, or the names that lead to a nested field; nothing for the table.

        Returns:
            Comment, owners and tags; empty where nothing is said.

        Raises:
            ColumnNotFoundError: Tells the nearest names.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> t = wh.write("t", pl.DataFrame({"a": [1]}))
            >>> t.set_note("a", comment="how many").note("a").comment
            'how many'
        """
        from lakebed.storage.definition import Note, to_path

        comment, owners, tags = self.core.note(to_path(column))
        return Note(comment, tuple(owners), tuple(tags))

    def _check_no_row_id_columns(self) -> None:

        taken = [name for name in _ORIGINS if name in polars_schema(self.core)]
        if taken:
            hint = "rename it, or read without row_ids"
            raise InvalidArgumentError(f"table {self.name!r} has a column of its own called {taken[0]!r}; {hint}")

    def _predicate(self, where: list[Any] | None) -> str | None:
        return None if where is None else to_json(where, {field.name: field.type for field in self.schema})

    def _check_columns(self, columns: Sequence[str]) -> None:
        import difflib

        known = polars_schema(self.core).names()
        if len(set(columns)) != len(columns):
            twice = next(name for name in columns if list(columns).count(name) > 1)
            raise InvalidArgumentError(f"column {twice!r} of table {self.name!r} was asked for twice; name it once")
        for name in columns:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3)
                hint = f"did you mean {', '.join(map(repr, near))}?" if near else f"it has {', '.join(known)}"
                raise ColumnNotFoundError(f"column {name!r} not found in table {self.name!r}; {hint}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Snapshot.table, (self.snapshot, self.name)

    def __repr__(self) -> str:
        return f"Table({self.name}, {self.num_rows} rows, {len(self.schema)} columns, version {self.version[:12]})"


def _reopen(handle: Handle, branch: str, sequence: int, commit: str | None) -> Snapshot:
    """Open a version in another process; it must be the very same."""
    snapshot = Snapshot(handle, handle.core.at_sequence(branch, sequence))
    if snapshot.commit != commit:
        asked, found = (commit or "the empty warehouse")[:12], (snapshot.commit or "the empty warehouse")[:12]
        place = f"entry {sequence} of branch {branch!r} in {handle.location}"
        raise VersionNotFoundError(f"{place} is {found}, not {asked}: the folder holds another warehouse by now")
    return snapshot


def _exact(columns: Sequence[str]) -> Selector:
    """Columns by their very names: Polars reads some texts as patterns."""
    from polars import selectors

    return selectors.by_name(*columns)
