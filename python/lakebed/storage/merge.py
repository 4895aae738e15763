"""Upsert and merge: the rows of a source meet those of a table by their key.

The source may be larger than memory. What does not fit is put into temporary Arrow files, parted by a hash of the key,
and each part is merged on its own: rows of one key are in one part. The table is read without being held in memory.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed.errors import (
    ColumnNotFoundError,
    DuplicateKeyError,
    InvalidArgumentError,
    InvalidColumnsError,
    NullKeyError,
)
from lakebed.expression.zones import known_zones, polars_schema
from lakebed.storage.frames import ROW_ID
from lakebed.storage.predicate import to_json
from lakebed.storage.rows import move_rows, view
from lakebed.stream import batches_of, readable
from lakebed.typing import Frames, importable

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from lakebed._core import FileSet
    from lakebed._core import Transaction as CoreTransaction
    from lakebed.storage.handle import Handle

# Rows of a source that are merged at once; 4 million keys of 8 bytes and what Polars needs to join them.
PART_ROWS = 1 << 22
_N_PARTS = 32
_ROW = "__source_row"
_MATCHED = ("update", "delete", "keep")
_NOT_MATCHED = ("insert", "skip")
_BY_SOURCE = ("keep", "delete")


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge did.

    Args:
        n_inserted: Rows that the table did not have.
        n_updated: Rows that have the values of the source now.
        n_deleted: Rows that are gone.

    Example:
        >>> MergeReport(1, 2, 0).n_updated
        2
    """

    n_inserted: int = 0
    n_updated: int = 0
    n_deleted: int = 0

    def __add__(self, other: MergeReport) -> MergeReport:
        return MergeReport(
            self.n_inserted + other.n_inserted, self.n_updated + other.n_updated, self.n_deleted + other.n_deleted
        )


@dataclass(frozen=True, slots=True)
class MergeRules:
    """What happens to rows that meet and to those that do not.

    Args:
        key: Columns whose values tell rows apart; in both the source and the table.
        matched: `"update"`, `"delete"` or `"keep"` the row of the table.
        not_matched: `"insert"` or `"skip"` the row of the source.
        not_matched_by_source: `"keep"` or `"delete"` a row of the table that the source has not.
        delete_when: SQL condition over the source; where it is true, a matched row is deleted and none is inserted.

    Raises:
        InvalidArgumentError: There is no key, or no such action.

    Example:
        >>> MergeRules(("id",)).matched
        'update'
    """

    key: tuple[str, ...]
    matched: str = "update"
    not_matched: str = "insert"
    not_matched_by_source: str = "keep"
    delete_when: str | None = None

    def __post_init__(self) -> None:
        if not self.key or len(set(self.key)) < len(self.key):
            raise InvalidArgumentError(f"the key is {list(self.key)}; name one column or more, each once")
        choices = (
            ("matched", _MATCHED),
            ("not_matched", _NOT_MATCHED),
            ("not_matched_by_source", _BY_SOURCE),
        )
        for field, allowed in choices:
            if getattr(self, field) not in allowed:
                raise InvalidArgumentError(
                    f"{field} is {getattr(self, field)!r}; use {' or '.join(map(repr, allowed))}"
                )


def merge(handle: Handle, core: CoreTransaction, name: str, source: Frames, rules: MergeRules) -> MergeReport:
    """Merge a source into a table.

    Args:
        handle: The open warehouse.
        core: The transaction.
        name: The table.
        source: n rows of any Arrow-speaking object. Columns that it lacks keep their values in rows that are updated,
            and get their default or null in rows that are inserted.
        rules: What happens to the rows.

    Returns:
        Numbers of rows.

    Raises:
        ColumnNotFoundError: A key is no column of table or source, or the table lacks a column of the source.
        DuplicateKeyError: Two rows of the source have one key.
        NullKeyError: A key of the source is null.
        SchemaMismatchError: A column of the source does not fit the table.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"id": [1, 2], "x": ["a", "b"]}))
        >>> with wh.transaction() as tx:
        ...     tx.upsert("t", pl.DataFrame({"id": [2, 3], "x": ["B", "c"]}), key="id")
        MergeReport(n_inserted=1, n_updated=1, n_deleted=0)
    """
    import pyarrow as pa

    files = core.files(name)
    schema = pa.schema(files)
    stream = readable(source)
    reader = pa.RecordBatchReader.from_stream(stream)
    shape = _Shape.of(core, name, schema, reader.schema, rules)
    with contextlib.ExitStack() as stack:
        parts = _parts(shape, batches_of(stream, reader), stack)
        for part in parts:
            _check_unique(part(), shape)
        # Rows that are not there were looked for: who adds some meanwhile collides.
        core.depend_on_absence(name)
        report = MergeReport()
        for number, part in enumerate(parts):
            step = _Step(handle, core, name, files, shape, part(), (number, len(parts)))
            report += step.run()
    return report


@dataclass(frozen=True, slots=True)
class _Shape:
    """Columns of the source and the table, checked against each other."""

    rules: MergeRules
    table: pa.Schema
    types: pl.Schema
    # Columns of the source that go into the table.
    own: tuple[str, ...]
    source: pa.Schema

    @classmethod
    def of(cls, core: CoreTransaction, name: str, table: pa.Schema, source: pa.Schema, rules: MergeRules) -> _Shape:
        import pyarrow as pa

        from lakebed.expression import parse_predicate

        if len(set(source.names)) < len(source.names):
            raise InvalidColumnsError(f"columns of a source for table {name!r} must be unique, found {source.names}")
        for column in rules.key:
            for names, place in ((table.names, f"table {name!r}"), (source.names, "the source")):
                if column not in names:
                    hint = f"it has {', '.join(names)}"
                    raise ColumnNotFoundError(f"key column {column!r} not found in {place}; {hint}")
        used: set[str] = set()
        if rules.delete_when is not None:
            used = set(parse_predicate(rules.delete_when, {field.name: field.type for field in source}).columns)
        own = tuple(column for column in source.names if column in table.names or column not in used)
        core.check_frame(name, pa.schema([source.field(column) for column in own]).empty_table())
        return cls(rules, table, polars_schema(table), own, source)

    def prepare(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of the source in the types of the table, with a flag where they delete."""
        import polars as pl

        from lakebed.expression import parse_predicate

        own = [pl.col(column).cast(self.types[column], strict=True) for column in self.own]
        flag: pl.Expr = pl.lit(value=False)
        if self.rules.delete_when is not None:
            types = {field.name: field.type for field in self.source}
            flag = parse_predicate(self.rules.delete_when, types).polars.fill_null(value=False)
        return frame.select(*own, flag.alias("__delete"))


def _parts(shape: _Shape, batches: Iterable[pa.RecordBatch], stack: contextlib.ExitStack) -> list[Any]:
    """What gives each part of the source; all of it in one part where it fits into memory."""
    import polars as pl

    held: list[pl.DataFrame] = []
    spill: _Spill | None = None
    n_rows = 0
    for batch in batches:
        known = known_zones(batch.schema)
        frame = shape.prepare(pl.DataFrame(batch if known == batch.schema else batch.cast(known)))
        _check_keys(frame, shape)
        held.append(frame)
        n_rows += frame.height
        if n_rows >= PART_ROWS:
            spill = spill or stack.enter_context(_Spill(shape))
            spill.add(pl.concat(held))
            held, n_rows = [], 0
    if spill is None:
        empty = shape.prepare(pl.DataFrame(known_zones(shape.source).empty_table()))
        whole = pl.concat([empty, *held])
        return [lambda: whole]
    if held:
        spill.add(pl.concat(held))
    return spill.parts()


class _Spill:
    """Temporary Arrow files, one for each part of the keys."""

    def __init__(self, shape: _Shape) -> None:
        self._shape = shape
        self._counts = [0] * _N_PARTS

    def __enter__(self) -> _Spill:  # noqa: PYI034 - Self needs Python 3.11
        self._folder = tempfile.TemporaryDirectory(prefix="lakebed-merge-")
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        hashed = frame.with_columns(_part_of(self._shape.rules.key).alias("__part"))
        for (part,), rows in hashed.partition_by("__part", as_dict=True, include_key=False).items():
            number = int(part)
            folder = Path(self._folder.name, str(number))
            folder.mkdir(exist_ok=True)
            rows.write_ipc(folder / f"{self._counts[number]:08}.arrow", compression="lz4")
            self._counts[number] += 1

    def parts(self) -> list[Any]:
        import polars as pl

        empty = self._shape.prepare(pl.DataFrame(self._shape.source.empty_table()))

        def read(number: int) -> pl.DataFrame:
            files = sorted(Path(self._folder.name, str(number)).glob("*.arrow"))
            return pl.concat([empty, *(pl.read_ipc(file) for file in files)])

        return [lambda number=number: read(number) for number in range(_N_PARTS)]


def _part_of(key: Sequence[str]) -> pl.Expr:
    import polars as pl

    return pl.struct(*key).hash(seed=0) % _N_PARTS


def _check_keys(frame: pl.DataFrame, shape: _Shape) -> None:
    for column in shape.rules.key:
        n_null = frame[column].null_count()
        if n_null:
            hint = "a null matches nothing; leave those rows out or give them a key"
            raise NullKeyError(f"key column {column!r} of the source is null in {n_null} rows; {hint}")


def _check_unique(frame: pl.DataFrame, shape: _Shape) -> None:
    key = list(shape.rules.key)
    if frame.n_unique(subset=key) == frame.height:
        return
    twice = frame.filter(frame.select(key).is_duplicated()).select(key)
    example = ", ".join(f"{column} = {value!r}" for column, value in zip(key, twice.row(0), strict=True))
    hint = "keep one row of each key"
    raise DuplicateKeyError(
        f"{twice.height} rows of the source share their key with another one, e.g. {example}; {hint}"
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of the source against the table as it was before the merge."""

    handle: Handle
    core: CoreTransaction
    name: str
    files: FileSet
    shape: _Shape
    source: pl.DataFrame
    # Number of this part, and of all.
    part: tuple[int, int]

    def run(self) -> MergeReport:
        import polars as pl

        rules = self.shape.rules
        missing = [column for column in self.shape.types if column not in self.shape.own]
        source = self.source.with_row_index(_ROW)
        matched = self._matched(source, missing)
        by_source = self._unmatched_by_source(source) if rules.not_matched_by_source == "delete" else None
        flagged = source.filter("__delete")[_ROW]
        is_gone = pl.col(_ROW).is_in(flagged.implode()) if rules.matched != "delete" else pl.lit(value=True)
        if flagged.is_empty() and rules.matched != "delete":
            is_gone = pl.lit(value=False)
        gone = matched.filter(is_gone)[ROW_ID]
        if by_source is not None:
            gone = pl.concat([gone, by_source])
        inserts = source.filter(~pl.col("__delete")).join(matched.select(_ROW).unique(), on=_ROW, how="anti")
        n_updated = self._update(source, matched.filter(~is_gone)) if rules.matched == "update" else 0
        n_deleted = self.core.delete_rows(self.name, gone.to_frame()) if gone.len() else 0
        n_inserted = 0
        if rules.not_matched == "insert" and inserts.height:
            n_inserted = self.core.write(
                self.name, importable(inserts.sort(_ROW).select(self.shape.own)), overwrite=False
            )
        return MergeReport(n_inserted, n_updated, n_deleted)

    def _matched(self, source: pl.DataFrame, missing: list[str]) -> pl.DataFrame:
        """Row ids with the rows of the source that they meet, and the columns that the source lacks."""
        key = list(self.shape.rules.key)
        columns = missing if self.shape.rules.matched == "update" else []
        table = self._table(source).select(ROW_ID, *key, *columns)
        found = table.join(source.lazy().select(_ROW, *key), on=key, how="inner")
        return found.select(ROW_ID, _ROW, *columns).collect(engine="streaming")

    def _table(self, source: pl.DataFrame) -> pl.LazyFrame:
        """The rows of the table, without files that have none of the keys."""
        import polars as pl

        bounds: list[Any] = ["and"]
        for column in self.shape.rules.key:
            low, high = source[column].min(), source[column].max()
            if (
                self.source.height
                and not self.shape.types[column].is_float()
                and not self.shape.types[column].is_nested()
            ):
                bounds += [[">=", column, low], ["<=", column, high]]
        types = {field.name: field.type for field in self.shape.table}
        plain = len(bounds) > 1 and all(not isinstance(value, pl.Series) for _, _, value in bounds[1:])
        # Once something is staged, files are those of the transaction, which are not pruned.
        files = self.core.files(self.name, to_json(bounds, types)) if plain and self.part[1] == 1 else self.files
        return view(self.handle, files)

    def _unmatched_by_source(self, source: pl.DataFrame) -> pl.Series:
        import polars as pl

        key = list(self.shape.rules.key)
        number, n_parts = self.part
        table = view(self.handle, self.files).select(ROW_ID, *key)
        if n_parts > 1:
            has_null = pl.any_horizontal(*(pl.col(column).is_null() for column in key))
            home = pl.when(has_null).then(0).otherwise(_part_of(key))
            table = table.filter(home == number)
        return (
            table.join(source.lazy().select(key), on=key, how="anti").select(ROW_ID).collect(engine="streaming")[ROW_ID]
        )

    def _update(self, source: pl.DataFrame, matched: pl.DataFrame) -> int:
        if matched.is_empty():
            return 0
        rows = matched.sort(ROW_ID).join(source, on=_ROW, how="left", maintain_order="left")
        return move_rows(self.core, self.name, rows.lazy().select(ROW_ID, *self.shape.types.names()), self.shape.table)
