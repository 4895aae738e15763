"""What a transaction can do to the rows, columns and files of a table that there is: verbs of `Changes`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lakebed.errors import LayoutError
from lakebed.pipeline.expectations import Expectations
from lakebed.pipeline.references import references, to_dict
from lakebed.storage import arrow_schema, evolution, merge, rows
from lakebed.storage.definition import Note, to_path
from lakebed.storage.merge import MergeReport, MergeRules
from lakebed.typing import null_for_nan

if TYPE_CHECKING:
    import polars as pl

    from lakebed.storage import FileSet, Transaction
    from lakebed.typing import Frames


class TableChanges:
    """Changes of tables that there are. The class that has a transaction inherits them.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"id": [1, 2, 3], "x": ["a", "b", "c"]}))
        >>> with wh.transaction() as tx:
        ...     tx.delete("t", where="id = 1")
        ...     tx.update("t", {"x": "upper(x)"}, where="id = 2")
        ...     tx.upsert("t", pl.DataFrame({"id": [3, 4], "x": ["C", "d"]}), key="id")
        ...     tx.rename_column("t", "x", "y")
        1
        1
        MergeReport(n_inserted=1, n_updated=1, n_deleted=0)
        >>> wh.table("t").scan().pl().sort("id").rows()
        [(2, 'B'), (3, 'C'), (4, 'd')]
        >>> with wh.transaction() as tx:
        ...     tx.add_column("t", "z", "int8", default=0)
        ...     tx.reorder_columns("t", ["z", "y", "id"])
        ...     tx.change_type("t", "z", "int16")
        ...     tx.set_nullable("t", "y", False)
        ...     tx.set_note("t", "y", comment="a letter")
        ...     tx.set_layout("t", sort_by="id")
        >>> with wh.transaction() as tx:
        ...     tx.drop_column("t", "z")
        ...     tx.merge("t", pl.DataFrame({"id": [4]}), key="id", matched="delete", not_matched="skip")
        MergeReport(n_inserted=0, n_updated=0, n_deleted=1)
        >>> wh.table("t").schema.names
        ['y', 'id']
    """

    _core: Transaction
    _tables: dict[str, dict[str, Any]]
    _schemas: dict[str, dict[str, Any]]

    def _check_open(self) -> None:
        raise NotImplementedError

    def _expectations(self, name: str) -> Expectations | None:
        raise NotImplementedError

    def delete(self, name: str, where: str | pl.Expr) -> int:
        """Stage that rows go. No data file is written again: the table notes which of its rows are gone.

        Args:
            name: The table.
            where: SQL condition, or a Polars one; rows for which it is true go. `"TRUE"` for all.

        Returns:
            Number of rows that go.

        Raises:
            ColumnNotFoundError: The condition names a column that the table has not.
            SqlSyntaxError: The condition cannot be parsed.
        """
        self._check_open()
        n_rows = rows.delete(self._core.handle, self._core.core, name, where)
        self._note_rows(name, "delete", MergeReport(n_deleted=n_rows))
        return n_rows

    def update(self, name: str, values: Mapping[str, Any], where: str | pl.Expr | None = None) -> int:
        """Stage new values of columns. Changed rows go to new files and keep their row ids.

        Args:
            name: The table.
            values: For each column a SQL or Polars expression over the row as it was, or a plain value that is no text.
            where: SQL or Polars condition; None for all rows.

        Returns:
            Number of rows that change.

        Raises:
            ColumnNotFoundError: There is no such column.
            SchemaMismatchError: A value does not fit its column.
        """
        self._check_open()
        n_rows = rows.update(self._core.handle, self._core.core, name, values, where)
        self._note_rows(name, "update", MergeReport(n_updated=n_rows))
        return n_rows

    def upsert(
        self,
        name: str,
        frame: Frames,
        *,
        key: str | Sequence[str],
        inputs: Iterable[Any] = (),
        nan_as_null: bool = False,
    ) -> MergeReport:
        """Stage rows that take the place of those with the same key, or are new.

        Args:
            name: The table.
            frame: Rows of any Arrow-speaking object, or an iterable of such; they may be more than fit into memory.
                Columns that it lacks keep their values in rows that are updated.
            key: Columns whose values tell rows apart.
            inputs: Tables and raw files from which the rows were made, for the lineage.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN.

        Returns:
            Numbers of rows that are new, changed and gone.

        Raises:
            DuplicateKeyError: Two rows of the frame have one key.
            NullKeyError: A key of the frame is null.
            SchemaMismatchError: A column does not fit the table.
        """
        return self.merge(name, frame, key=key, inputs=inputs, nan_as_null=nan_as_null)

    def merge(
        self,
        name: str,
        frame: Frames,
        *,
        key: str | Sequence[str],
        matched: str = "update",
        not_matched: str = "insert",
        not_matched_by_source: str = "keep",
        delete_when: str | None = None,
        inputs: Iterable[Any] = (),
        nan_as_null: bool = False,
    ) -> MergeReport:
        """Stage what follows from the meeting of a frame with the rows of a table.

        Args:
            name: The table.
            frame: Rows of any Arrow-speaking object, or an iterable of such; they may be more than fit into memory.
            key: Columns whose values tell rows apart.
            matched: `"update"`, `"delete"` or `"keep"` a row of the table whose key the frame has.
            not_matched: `"insert"` or `"skip"` a row of the frame whose key the table has not.
            not_matched_by_source: `"keep"` or `"delete"` a row of the table whose key the frame has not.
            delete_when: SQL condition over the frame; where it is true, a matched row goes and none is inserted.
                Columns that only this condition reads need not be in the table.
            inputs: Tables and raw files from which the rows were made, for the lineage.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN.

        Returns:
            Numbers of rows that are new, changed and gone.

        Raises:
            DuplicateKeyError: Two rows of the frame have one key.
            NullKeyError: A key of the frame is null.
            ColumnNotFoundError: A key is missing on either side, or the table lacks a column of the frame.
        """
        self._check_open()
        made_from = [to_dict(reference) for reference in references(inputs)]
        columns = tuple(to_path(key))
        frame = null_for_nan(frame) if nan_as_null else frame
        rules = MergeRules(columns, matched, not_matched, not_matched_by_source, delete_when)
        report = merge.merge(self._core.handle, self._core.core, name, frame, rules)
        self._note_rows(name, "merge", report, made_from)
        return report

    def add_column(
        self, name: str, column: str | Sequence[str], kind: Any, *, default: Any = None, nullable: bool = True
    ) -> None:
        """Stage a new column or nested field, at the end.

        Args:
            name: The table.
            column: Its name, or the names that lead to a field of a struct.
            kind: Its type: an Arrow or Polars type, or a name such as `"int64"`.
            default: What rows have that were written without it; None for null.
            nullable: Whether nulls are allowed.

        Raises:
            ColumnExistsError: The name is taken.
            EvolutionError: Nulls are not allowed, there is no default and there are rows.
        """
        self._check_open()
        evolution.add_column(self._core.core, name, column, kind, default=default, nullable=nullable)
        self._note_change(name, "alter")

    def drop_column(self, name: str, column: str | Sequence[str]) -> None:
        """Stage that a column or nested field goes, with what is expected of it. A new one of its name is another one.

        Args:
            name: The table.
            column: Its name, or the names that lead to it.

        Raises:
            ColumnNotFoundError: There is no such column.
            LayoutError: Rows are sorted or bucketed by it.
            EvolutionError: It is the last one.
        """
        self._check_open()
        path = to_path(column)
        evolution.drop_column(self._core.core, name, path)
        if len(path) == 1:
            self._change_expectations(name, path[0], None)
        self._note_change(name, "alter")

    def rename_column(self, name: str, column: str | Sequence[str], to: str) -> None:
        """Stage another name of a column or nested field. What is expected of it goes with it.

        Args:
            name: The table.
            column: Its name, or the names that lead to it.
            to: The new name.

        Raises:
            ColumnNotFoundError: There is no such column.
            ColumnExistsError: The new name is taken.
        """
        self._check_open()
        path = to_path(column)
        evolution.rename_column(self._core.core, name, path, to)
        if len(path) == 1 and path[0] != to:
            self._change_expectations(name, path[0], to)
        self._note_change(name, "alter")

    def reorder_columns(self, name: str, columns: Sequence[str]) -> None:
        """Stage another order of the columns.

        Args:
            name: The table.
            columns: All columns, each once.

        Raises:
            ColumnNotFoundError: There is no such column.
            EvolutionError: A column is left out.
        """
        self._check_open()
        evolution.reorder_columns(self._core.core, name, columns)
        self._note_change(name, "alter")

    def change_type(self, name: str, column: str | Sequence[str], kind: Any, *, narrowing: bool = False) -> None:
        """Stage another type of a column or nested field.

        A wider type of the same kind costs nothing; one that changes what stored statistics mean, such as a float for
        an integer, writes the table's files again.

        Args:
            name: The table.
            column: Its name, or the names that lead to it.
            kind: The new type: an Arrow or Polars type, or a name such as `"int64"`.
            narrowing: Says that a type is meant which does not hold all values of the present one. Whole numbers that
                are there must fit; fractions are rounded.

        Raises:
            NarrowingError: The type is narrower and `narrowing` is not set.
            EvolutionError: There is no way from the one type to the other, or a value does not fit.
        """
        self._check_open()
        evolution.change_type(self._core.core, name, column, kind, narrowing=narrowing)
        self._note_change(name, "alter")

    def set_nullable(self, name: str, column: str | Sequence[str], nullable: bool) -> None:  # noqa: FBT001
        """Stage whether a column or nested field may be null.

        Args:
            name: The table.
            column: Its name, or the names that lead to it.
            nullable: Whether nulls are allowed.

        Raises:
            EvolutionError: Nulls are to be forbidden and there are some.
        """
        self._check_open()
        evolution.set_nullable(self._core.core, name, column, nullable=nullable)
        self._note_change(name, "alter")

    def set_note(
        self,
        name: str,
        column: str | Sequence[str] = (),
        *,
        comment: str = "",
        owners: Sequence[str] = (),
        tags: Sequence[str] = (),
    ) -> None:
        """Stage what people say about a table or a column; it replaces what was said before.

        Args:
            name: The table.
            column: A column, or the names that lead to a nested field; nothing for the table.
            comment: What it is.
            owners: Who answers for it.
            tags: Words by which it is found.

        Raises:
            ColumnNotFoundError: There is no such column.
        """
        self._check_open()
        evolution.set_note(self._core.core, name, column, Note(comment, tuple(owners), tuple(tags)))
        self._note_change(name, "alter")

    def set_layout(
        self,
        name: str,
        *,
        sort_by: str | Sequence[str] = (),
        bucket_by: str | Sequence[str] = (),
        n_buckets: int | None = None,
    ) -> None:
        """Stage how rows are laid out in files from now on; compaction lays out those that are there.

        Args:
            name: The table.
            sort_by: Columns by which the rows of each write ascend, over all its files, nulls last.
            bucket_by: Columns whose hash says which rows share files.
            n_buckets: Number of buckets; None for 16.

        Raises:
            LayoutError: There is no such column, or it has no order.
        """
        self._check_open()
        evolution.set_layout(self._core.core, name, sort_by, bucket_by, n_buckets)
        self._note_change(name, "alter")

    def write_layout(self, name: str, frame: Any, mode: str, layout: tuple[Any, Any, int | None]) -> str:
        """Stage a layout for rows that are going to be written next.

        Args:
            name: The table, which need not exist.
            frame: The rows; only their columns are looked at.
            mode: How they are going to be written.
            layout: Columns to sort by, columns to bucket by and number of buckets.

        Returns:
            The mode in which the rows have to be written after this.

        Raises:
            LayoutError: There is no such column, or the columns of the rows are not known before they come.
        """
        is_known = name in self._core.core.staged_tables() or self._core.core.has_table(name)
        if mode == "overwrite" or not is_known:
            if not hasattr(frame, "__arrow_c_stream__") and not hasattr(frame, "collect_schema"):
                hint = f"create the table with its layout first: wh.create({name!r}, schema, sort_by=...)"
                raise LayoutError(f"the columns of these rows are not known before they come; {hint}")
            self.create_like(name, frame, is_known=is_known)
            mode = "append"
        sort_by, bucket_by, n_buckets = layout
        self.set_layout(name, sort_by=sort_by, bucket_by=bucket_by, n_buckets=n_buckets)
        return mode

    def create_like(self, name: str, frame: Any, *, is_known: bool) -> None:
        """Stage a table with the columns of a frame and no rows.

        Args:
            name: The table.
            frame: What has the columns.
            is_known: Whether the table exists, and its rows are to go.
        """
        empty = arrow_schema(frame).empty_table()
        self._core.write(name, empty, overwrite=is_known)
        self._note_change(name, "overwrite" if is_known else "append")

    def compact_files(self, name: str, files: FileSet) -> bool:
        """Stage that some files of a table become others with the same rows.

        Args:
            name: The table.
            files: Neighbouring files of it.

        Returns:
            Whether they are others; if not, nothing is staged.

        Raises:
            InvalidArgumentError: The table has not all of them any more.
        """
        self._check_open()
        self._core.handle.core.open_files(files)
        if not self._core.core.compact_files(name, files):
            return False
        self._note_change(name, "compact")
        return True

    def _change_expectations(self, name: str, column: str, to: str | None) -> None:
        before = self._expectations(name)
        if before is None or column not in before.schema.columns:
            return
        schema = before.schema.without_feature(column) if to is None else before.schema.with_renamed(column, to)
        after = Expectations(schema, before.gate, before.version + 1)
        self._core.set_schema(name, after.to_bytes())
        self._schemas[name] = {"table": name, "version": after.version, "gate": after.gate}

    def _note_rows(self, name: str, mode: str, report: MergeReport, inputs: Sequence[dict[str, Any]] = ()) -> None:
        """Tell the history how many rows are changed in which way, for whoever asks again with the same key."""
        self._note_change(name, mode, report.n_inserted + report.n_updated + report.n_deleted, inputs)
        staged = self._tables[name]
        staged["report"] = asdict(MergeReport(**staged.get("report", {})) + report)

    def _note_change(self, name: str, mode: str, n_rows: int = 0, inputs: Sequence[dict[str, Any]] = ()) -> None:
        """Tell the history what is done; several changes of one table are one line of it."""
        staged = self._tables.setdefault(name, {"name": name, "mode": mode, "n_rows": 0, "inputs": []})
        if staged["mode"] == "alter":
            staged["mode"] = mode
        staged["n_rows"] += n_rows
        staged["inputs"] += [item for item in inputs if item not in staged["inputs"]]
