"""Data files as one Polars lazy frame, in row order, with projection and filters pushed down to the files.

Files of the table's columns are read by Polars itself; where rows are gone, a filter on the places of rows, which
Polars evaluates within the scan, leaves them out. Files that were written before the columns changed come from the
core as Arrow batches, through Polars' public interface for sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from lakebed.errors import LakebedError
from lakebed.expression.zones import known_zones, polars_schema

if TYPE_CHECKING:
    import polars as pl

    from lakebed._core import FileSet

ROW_ID = "_row_id"
SEQUENCE = "_sequence"
# Beyond this many parts one source over all files is faster than a union of many scans.
_MOST_PARTS = 24
# Polars counts the rows of one scan with 32 bits.
_MOST_ROWS = 2**32 - 2


@dataclass(frozen=True, slots=True)
class _Part:
    """Neighbouring files that are read in one way: by Polars all rows, or those that are there, or by the core."""

    start: int
    stop: int
    reader: Literal["plain", "thinned", "core"]
    first_row_id: int
    sequence: int
    n_rows: int


def lazy_frame(
    files: FileSet,
    source_of: Callable[[str], Any],
    *,
    row_ids: bool = False,
    names_where: Callable[[list[Any]], list[str]] | None = None,
) -> pl.LazyFrame:
    """Read data files lazily.

    Args:
        files: The files, and the columns that their rows are to have.
        source_of: What Polars reads a file of that name from: a path, or its bytes.
        row_ids: Whether the columns `_row_id` and `_sequence` (uint64) come first.
        names_where: Tells which files may hold a row for which a core predicate is true; for those that the core reads,
            since Polars leaves out parts of the others by what it finds in them.

    Returns:
        A lazy frame over all rows that are there, in row order.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2]}))
        >>> wh.at("main").table("t").lazy(row_ids=True).collect()["_row_id"].to_list()
        [0, 1]
    """
    import polars as pl

    schema = polars_schema(files)
    parts = _parts(files, row_ids=row_ids)
    if not parts:
        return pl.LazyFrame(schema=_with_row_ids(schema) if row_ids else schema)
    names = [name for name, *_ in files.plan()]
    frames = [
        _scan_core(files, part, schema, names_where, row_ids=row_ids)
        if part.reader == "core"
        else _scan_by_name(
            files, part, [source_of(name) for name in names[part.start : part.stop]], schema, row_ids=row_ids
        )
        for part in parts
    ]
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="vertical")


def _parts(files: FileSet, *, row_ids: bool) -> list[_Part]:
    parts = _joined(_single_parts(files, row_ids=row_ids), row_ids=row_ids)
    if len(parts) > _MOST_PARTS and not row_ids:
        parts = _joined([replace(part, reader="thinned") if part.reader == "plain" else part for part in parts])
    if len(parts) > _MOST_PARTS:
        parts = [_Part(0, len(files), "core", 0, 0, 0)]
    return parts


def _single_parts(files: FileSet, *, row_ids: bool) -> list[_Part]:
    parts = []
    for at, (_, n_live, _, first_row_id, sequence, is_by_name, n_gone, _) in enumerate(files.plan()):
        reader: Literal["plain", "thinned", "core"] = "thinned" if n_gone else "plain"
        if not is_by_name or (row_ids and first_row_id is None):
            reader = "core"
        parts.append(_Part(at, at + 1, reader, first_row_id or 0, sequence, n_live + n_gone))
    return parts


def _joined(parts: list[_Part], *, row_ids: bool = False) -> list[_Part]:
    """Neighbours that one scan can read are one part; with row ids, those whose ids follow each other."""
    joined: list[_Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and last.reader == part.reader and _follows(last, part, row_ids=row_ids):
            joined[-1] = replace(last, stop=part.stop, n_rows=last.n_rows + part.n_rows)
        else:
            joined.append(part)
    return joined


def _follows(last: _Part, part: _Part, *, row_ids: bool) -> bool:
    if last.reader == "core":
        return True
    if (row_ids or last.reader == "thinned") and last.n_rows + part.n_rows > _MOST_ROWS:
        return False
    return not row_ids or (last.first_row_id + last.n_rows == part.first_row_id and last.sequence == part.sequence)


def _scan_by_name(files: FileSet, part: _Part, sources: list[Any], schema: pl.Schema, *, row_ids: bool) -> pl.LazyFrame:
    import polars as pl

    stored = pl.Schema({name: _stored_type(kind) for name, kind in schema.items()})
    place = ROW_ID if row_ids else _free_name("_place", schema)
    is_thinned = part.reader == "thinned"
    frame = pl.scan_parquet(
        sources,
        schema=stored,
        glob=False,
        missing_columns="insert",
        extra_columns="ignore",
        hive_partitioning=False,
        row_index_name=place if row_ids or is_thinned else None,
    )
    if is_thinned:
        is_live = _live_rows(files, part)
        frame = frame.filter(pl.col(place).map_batches(is_live, return_dtype=pl.Boolean, is_elementwise=True))
    columns = [_restored(name, kind) for name, kind in schema.items()]
    if row_ids:
        first = pl.lit(part.first_row_id, dtype=pl.UInt64)
        sequence = pl.lit(part.sequence, dtype=pl.UInt64).alias(SEQUENCE)
        return frame.select((pl.col(ROW_ID).cast(pl.UInt64) + first).alias(ROW_ID), sequence, *columns)
    return frame if stored == schema and not is_thinned else frame.select(columns)


def _live_rows(files: FileSet, part: _Part) -> Callable[[pl.Series], pl.Series]:
    """What tells for places of rows in the files of `part` whether the rows are there."""
    import polars as pl
    import pyarrow as pa

    rows = files.live_rows(part.start, part.stop)

    def is_live(places: pl.Series) -> pl.Series:
        if places.is_empty():
            return pl.Series(places.name, [], dtype=pl.Boolean)
        # Mostly a run of places; Polars may ask again for those that other filters left.
        first, last = int(places[0]), int(places[-1])
        n_rows = last - first + 1
        is_run = n_rows == len(places) and places.is_sorted()
        if not is_run:
            first, n_rows = (least := int(places.min())), int(places.max()) - least + 1  # type: ignore[arg-type]
        bits = pa.py_buffer(rows.mask(first, n_rows))
        mask = pl.Series(places.name, pa.Array.from_buffers(pa.bool_(), n_rows, [None, bits]))
        return mask if is_run else mask.gather(places - first)

    return is_live


def _free_name(name: str, schema: pl.Schema) -> str:
    while name in schema:
        name += "_"
    return name


def _restored(name: str, kind: Any) -> pl.Expr:
    """A column in its own zones."""
    import polars as pl

    column = pl.col(name)
    if _stored_type(kind) == kind:
        return column
    # Filters on times are pushed through this one, but not through a cast.
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return column.dt.convert_time_zone(kind.time_zone)
    return column.cast(kind)


def _scan_core(
    files: FileSet,
    part: _Part,
    schema: pl.Schema,
    names_where: Callable[[list[Any]], list[str]] | None,
    *,
    row_ids: bool,
) -> pl.LazyFrame:
    from polars.io.plugins import register_io_source

    full = _with_row_ids(schema) if row_ids else schema

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del batch_size  # Row groups are what can be read at once.
        wanted = list(full) if with_columns is None else with_columns
        left = n_rows
        needed = _needed(files, part, predicate, names_where)
        frames = (frame for start, stop in needed for frame in _batches(files, start, stop, wanted, full))
        for frame in frames:
            if left is not None and left <= 0:
                return
            head = frame if left is None else frame.head(left)
            left = None if left is None else left - head.height
            yield head if predicate is None else head.filter(predicate)

    return register_io_source(read, schema=full, is_pure=True, explain_name="lakebed")


def _needed(
    files: FileSet,
    part: _Part,
    predicate: pl.Expr | None,
    names_where: Callable[[list[Any]], list[str]] | None,
) -> list[tuple[int, int]]:
    """Where neighbouring files start and stop that may hold a row for which the predicate is true."""
    from lakebed.expression import polars_predicate

    core = None if predicate is None or names_where is None else polars_predicate(predicate)
    if core is None or names_where is None:
        return [(part.start, part.stop)]
    try:
        needed = set(names_where(core))
    except (LakebedError, TypeError, ValueError, OverflowError):
        # A literal that the column cannot be compared with, or a column that only this frame has: Polars decides.
        return [(part.start, part.stop)]
    ranges: list[tuple[int, int]] = []
    for at, (name, *_) in enumerate(files.plan()[part.start : part.stop], start=part.start):
        if name not in needed:
            continue
        if ranges and ranges[-1][1] == at:
            ranges[-1] = (ranges[-1][0], at + 1)
        else:
            ranges.append((at, at + 1))
    # No file at all would give no columns either.
    return ranges or [(part.start, part.start)]


def _batches(files: FileSet, start: int, stop: int, wanted: list[str], schema: pl.Schema) -> Iterator[pl.DataFrame]:
    import polars as pl
    import pyarrow as pa

    own = [name for name in wanted if name not in {ROW_ID, SEQUENCE}]
    with_ids = len(own) < len(wanted)
    stream = files.read(start, stop, columns=own, row_ids=with_ids)
    if not wanted:
        # Only the number of rows is asked for, which a frame without columns cannot tell.
        return
    types = pl.Schema({name: schema[name] for name in wanted})
    reader = pa.RecordBatchReader.from_stream(stream)
    known = known_zones(reader.schema)
    empty = True
    for batch in reader:
        empty = False
        yield pl.DataFrame(batch if known == reader.schema else batch.cast(known)).select(wanted).cast(types)
    if empty:
        yield pl.DataFrame(schema=types)


def _with_row_ids(schema: pl.Schema) -> pl.Schema:
    import polars as pl

    return pl.Schema({ROW_ID: pl.UInt64(), SEQUENCE: pl.UInt64(), **schema})


def _stored_type(kind: Any) -> Any:
    """The type that a Parquet file without Arrow's schema shows: every zone is UTC, in nested fields too."""
    import polars as pl

    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return pl.Datetime(kind.time_unit, "UTC")
    if isinstance(kind, pl.List):
        return pl.List(_stored_type(kind.inner))
    if isinstance(kind, pl.Struct):
        return pl.Struct({field.name: _stored_type(field.dtype) for field in kind.fields})
    return kind
