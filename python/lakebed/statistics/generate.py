"""Statistics of anything that has rows, in one pass and bounded memory; of stored tables from their summaries alone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lakebed._core import StatisticsCollector, TableStatistics
from lakebed.errors import ColumnNotFoundError, InvalidArgumentError, SchemaMismatchError, UnsupportedTypeError
from lakebed.statistics.slicing import WHOLE
from lakebed.statistics.statistics import Statistics
from lakebed.typing import arrow_types, importable, null_for_nan

if TYPE_CHECKING:
    import os

    import polars as pl

    from lakebed.statistics.slicing import Slicer
    from lakebed.statistics.sources import Part, Source
    from lakebed.storage import Table
    from lakebed.typing import Frame

COMPATIBILITIES = (None, "tfdv")


def statistics(
    data: Frame | pl.LazyFrame | str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    slices: str | Sequence[str] | Mapping[str, str] | None = None,
    weights: str | None = None,
    sample: float | None = None,
    content: Sequence[str] | None = None,
    compatibility: str | None = None,
    format: str | None = None,  # noqa: A002 - what it is everywhere.
    delimiter: str | None = None,
    null_values: Sequence[str] = (),
    types: Mapping[str, Any] | None = None,
    nan_as_null: bool = False,
    progress: bool | None = None,
) -> Statistics:
    """Compute the statistics of every column in one pass, on all cores, in bounded memory.

    Args:
        data: n rows: any Arrow-speaking object, a Polars lazy frame, a table or scan of a warehouse; or files by path
            or
            pattern: CSV (also packed by gzip or zstd), Parquet, JSON lines, TFRecord of `tf.Example` (also gzip). Empty
            lines are no rows, but in CSV of one column, where they are missing values.
        columns: Columns to describe; None for all.
        where: SQL condition; rows for which it does not hold do not count.
        slices: Names of columns (one slice for each value, of lists for each item) and SQL conditions, or conditions by
            name. Every slice is described beside the whole, which is then called "All Examples".
        weights: Column with the weight of each row; figures by weight are given beside the others.
        sample: Share of the rows to look at, above 0 and up to 1; which ones depends on their position alone.
        content: Groups of figures: "moments", "distinct", "top_values", "quantiles"; None for all.
        compatibility: "tfdv" gives TFDV's own figure where it is another one by accident: no mean beside infinities,
            histograms of equal width that derive from 1,000 quantiles, bytes as text, too high counts of top values of
            text where it has more than 1,024 different ones, and from CSV integers, floats and text only. Of numbers
            with more than 4,096 different ones, quantiles and histograms are within their bounds.
        format: "csv", "parquet", "jsonl" or "tfrecord"; None goes by the endings of the names.
        delimiter: Of CSV; None means a tab for `.tsv`, else a comma.
        null_values: Texts of CSV that mean a missing value, beside the empty field.
        types: Polars types of columns of CSV or JSON lines. The others become the first of integer, float, boolean
            (`true`, `false`), date, time (ISO; not of JSON) and text that holds every value of every file. So text is
            what has both `true` and 1, and of JSON both a list or object, as text in JSON, and something else.
        nan_as_null: Take NaN in columns of floats for null, as pandas does. Else both are counted, each for itself.
        progress: Show a bar on standard error; None shows it for files where standard error is a terminal.

    Returns:
        The statistics. Counts, extremes, sums and bounds are exact; mean and deviation within rounding. Distinct
        counts, frequent values and quantiles are exact up to 4,096 distinct values; beyond, the first has a relative
        standard error of 0.8 % (1.6 % where statistics are stored with a table), the second lack at most 1/190 of the
        rows, a thousandth if values are spread evenly, and ranks of the third are off by at most 0.7 % of the rows with
        99 % confidence. `ColumnStatistics` says which of both each figure is, and its bound.

    Raises:
        FileNotFoundError: No file matches.
        InvalidArgumentError: A file is empty or cannot be read, headers differ, a row is too wide or too narrow, a
            weight is missing or negative; tells file and row.
        ColumnNotFoundError: Tells the nearest names.
        SqlError: `where` or a slice cannot be parsed.
        CorruptionError: A record of a TFRecord file is damaged; tells which one.
        UnsupportedTypeError: A type of which no statistics are known.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> stats = lb.statistics(pl.DataFrame({"a": [1, 2, None], "b": ["x", "y", "y"]}), slices=["b"])
        >>> stats.datasets, stats.column("a").n_missing, stats.column("a", dataset="b_y").max
        (['All Examples', 'b_x', 'b_y'], 1, 2)
    """
    from lakebed.statistics.csv_files import TypesChanged
    from lakebed.statistics.sources import ReadOptions, are_files, open_source

    if compatibility not in COMPATIBILITIES:
        raise InvalidArgumentError(f"there is no compatibility {compatibility!r}; the one there is is 'tfdv'")
    share: Any = sample
    if share is not None and not (isinstance(share, (int, float)) and 0 < share <= 1):
        raise InvalidArgumentError(f"the sample is {sample!r}; give a share above 0 and up to 1")
    if isinstance(content, str):
        raise InvalidArgumentError(f"content is the text {content!r}; give a list of names")
    options = ReadOptions(
        format=format,
        delimiter=delimiter,
        null_values=tuple(null_values),
        types=dict(types or {}),
        tfdv_types=compatibility == "tfdv",
    )
    source = open_source(null_for_nan(data) if nan_as_null and not are_files(data) else data, options)
    if compatibility == "tfdv":
        # To TFDV, bytes are text.
        source = replace(source, binary_is_text=True, as_tfdv=True)
    rows = Rows(columns=columns, where=where, slices=slices, weights=weights, sample=sample, nan_as_null=nan_as_null)
    with _bar(source, progress) as advance:
        while True:
            try:
                found = _collect(source, rows, content, advance)
                break
            except TypesChanged:
                rows.begin()
                advance(None)
            except ColumnNotFoundError:
                if not source.learn():
                    raise
                rows.begin()
                advance(None)
    return Statistics.from_core(found, compatibility=compatibility)


def from_frame(frame: Frame, *, name: str = "") -> Statistics:
    """Compute the statistics of every column in one pass.

    Args:
        frame: n rows of any Arrow-speaking object.
        name: Name of the data set.

    Returns:
        Statistics of n rows.

    Raises:
        UnsupportedTypeError: A type of which no statistics are known.

    Example:
        >>> import polars as pl
        >>> from_frame(pl.DataFrame({"a": [1, None]})).column("a").n_missing
        1
    """
    collector = StatisticsCollector()
    collector.update(importable(frame))
    return Statistics.from_core([(name, collector.finish())])


def from_table(table: Table, *, exact: bool = False) -> Statistics:
    """Merge the stored statistics of a table version. No data file is read, unless exact ones are asked for.

    Args:
        table: The table.
        exact: Where rows were deleted or changed since their files were written, stored statistics are bounds, but for
            the number of rows. With `exact` the files that lost rows are read, and no other.

    Returns:
        Statistics of its rows; `is_exact` says whether they are bounds.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> from_table(wh.write("t", pl.DataFrame({"a": [1, None]}))).n_rows
        2
    """
    return from_core(table.exact_statistics() if exact else table.core.statistics())


def from_core(statistics: TableStatistics, *, name: str = "") -> Statistics:
    """Wrap what the core computed.

    Args:
        statistics: Summaries of columns.
        name: Name of the data set.

    Returns:
        The same as a statistics message.

    Example:
        >>> import polars as pl
        >>> from_frame(pl.DataFrame({"a": [1]})).n_rows
        1
    """
    return Statistics.from_core([(name, statistics)])


class Rows:
    """Which rows and columns count, and into which slices they go.

    Args:
        columns: Columns to describe; None for all.
        where: SQL condition.
        slices: As `statistics` takes them.
        weights: Column with the weights.
        sample: Share of the rows.
        nan_as_null: Whether NaN in columns of floats of files is null; of frames it is so already.

    Example:
        >>> Rows().is_empty
        True
    """

    def __init__(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        slices: str | Sequence[str] | Mapping[str, str] | None = None,
        weights: str | None = None,
        sample: float | None = None,
        nan_as_null: bool = False,
    ) -> None:
        if columns is not None and isinstance(columns, str):
            raise InvalidArgumentError(f"columns is the text {columns!r}; give a list of names")
        if columns is not None and not columns:
            raise InvalidArgumentError("columns is empty; name one or more, or leave it out for all")
        self.columns = None if columns is None else list(dict.fromkeys(columns))
        self.where, self.slices, self.weights = where, slices, weights
        self.sample = None if sample == 1 else sample
        self._nan_as_null = nan_as_null
        self.n_read = 0
        self.place = "the data"
        self._slicer: Slicer | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every row and column counts, and none is looked at here."""
        return all(item is None for item in (self.columns, self.where, self.slices, self.sample))

    def begin(self) -> None:
        """Forget what the rows so far were like."""
        self.n_read = 0
        self._slicer = None

    def __call__(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Keep the rows that count, and the columns that are described, weigh or slice."""
        if self._nan_as_null:
            frame = null_for_nan(frame)
        if self.where is None and (self.columns is None or self.slices is not None):
            return frame
        from lakebed.expression import parse_predicate
        from lakebed.statistics.slicing import check_columns

        types = _arrow_types(frame)
        if self.where is not None:
            frame = frame.filter(parse_predicate(self.where, types).polars)
        if self.columns is None or self.slices is not None:
            return frame
        check_columns(self.columns, list(types), self.place)
        return frame.select(self._kept(list(types)))

    def divide(self, batch: Any) -> Iterator[tuple[str, Any]]:
        """Give the rows of a batch that are sampled: the whole, then the slices."""
        import polars as pl

        if self.is_empty:
            yield WHOLE, batch
            return
        batch = self._sampled(batch if isinstance(batch, pl.DataFrame) else pl.DataFrame(batch))
        kept = batch.columns if self.columns is None else self._kept(batch.columns)
        yield WHOLE, batch.select(kept)
        if self.slices is not None:
            for name, rows in self._slices(batch)(batch):
                yield name, rows.select(kept)

    def _kept(self, known: Sequence[str]) -> list[str]:
        from lakebed.statistics.slicing import check_columns

        wanted = self.columns or []
        check_columns(wanted, known, self.place)
        extra = [self.weights] if self.weights is not None and self.weights not in wanted else []
        return [*wanted, *extra]

    def _slices(self, batch: pl.DataFrame) -> Slicer:
        if self._slicer is None:
            from lakebed.statistics.slicing import Slicer

            self._slicer = Slicer(self.slices or [], _arrow_types(batch.lazy()))
        return self._slicer

    def _sampled(self, batch: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        first, self.n_read = self.n_read, self.n_read + batch.height
        if self.sample is None:
            return batch
        # Steele, Lea and Flood (2014): the finalizer of SplitMix64 makes noise of the position.
        position = pl.int_range(first + 1, self.n_read + 1, dtype=pl.UInt64, eager=True)
        noise = position * 0x9E3779B97F4A7C15
        noise = (noise ^ (noise // 2**30)) * 0xBF58476D1CE4E5B9
        noise = (noise ^ (noise // 2**27)) * 0x94D049BB133111EB
        return batch.filter((noise // 2**11) < int(self.sample * 2**53))


class _Collectors:
    """One collector for the whole and one for each slice; a new one where the columns change, merged at the end."""

    def __init__(self, content: Sequence[str] | None, weights: str | None, source: Source) -> None:
        self._content, self._weights = content, weights
        self._binary_is_text, self._as_tfdv = source.binary_is_text, source.as_tfdv
        self._grows = source.grows
        self._open: dict[str, tuple[Any, StatisticsCollector]] = {}
        self._done: dict[str, TableStatistics] = {}

    def update(self, name: str, rows: Any) -> None:
        schema = rows.schema if self._grows else None
        if name in self._open and self._open[name][0] != schema:
            self._close(name)
        if name not in self._open:
            collector = StatisticsCollector(
                self._content, self._weights, binary_is_text=self._binary_is_text, as_tfdv=self._as_tfdv
            )
            self._open[name] = (schema, collector)
        self._open[name][1].update(importable(rows))

    def _close(self, name: str) -> None:
        found = self._open.pop(name)[1].finish()
        before = self._done.get(name)
        self._done[name] = found if before is None else before.merge(found)

    def finish(self) -> list[tuple[str, TableStatistics]]:
        order = list({**self._done, **self._open})
        for name in list(self._open):
            self._close(name)
        first = [WHOLE] if WHOLE in order else []
        return [(name, self._done[name]) for name in first + sorted(set(order) - {WHOLE})]


def _collect(
    source: Source, rows: Rows, content: Sequence[str] | None, advance: Any
) -> list[tuple[str, TableStatistics]]:
    collectors = _Collectors(content, rows.weights, source)
    rows.n_read = 0
    types: dict[str, Any] = {}
    for part in source.parts:
        n_rows, rows.place = 0, part.name or "the data"
        for batch in part.batches(rows):
            if source.grows:
                _check_types(types, batch, part)
            _check_weights(batch, rows, part, n_rows)
            for name, piece in rows.divide(batch):
                _update(collectors, name, piece, part)
            n_rows += getattr(batch, "height", 0)
        advance(part.size)
    found = collectors.finish()
    return found if rows.slices is not None else [("", found[0][1])]


def _update(collectors: _Collectors, name: str, piece: Any, part: Part) -> None:
    try:
        collectors.update(name, piece)
    except UnsupportedTypeError as error:
        raise UnsupportedTypeError(f"{part.name}: {error}" if part.name else str(error)) from error


def _check_types(types: dict[str, Any], batch: pl.DataFrame, part: Part) -> None:
    """Refuse a column that has another type than in the files before; take down those of new columns."""
    for column, found in batch.schema.items():
        if types.setdefault(column, found) != found:
            raise SchemaMismatchError(
                f"column {column!r} of {part.name} has the type {found}, in the files before {types[column]}; "
                f"give files of the same types"
            )


def _check_weights(batch: Any, rows: Rows, part: Part, n_before: int) -> None:
    """Refuse a missing or negative weight in a file by the number of its row."""
    weights = rows.weights
    if weights is None or not part.name:
        return
    from lakebed.statistics.slicing import check_columns

    check_columns([weights], batch.columns, part.name)
    values = batch[weights]
    if not values.dtype.is_numeric():
        return
    bad = (values.is_null() | (values < 0) | ~values.cast(float).is_finite()).fill_null(value=True)
    if bad.any():
        at = bad.arg_max() or 0
        place = part.name if rows.where is None else f"the rows of {part.name} that `where` keeps"
        raise InvalidArgumentError(
            f"the weight {weights!r} of row {n_before + at + 1} of {place} is {values[at]}; "
            f"every row needs a finite weight of 0 or more"
        )


def _arrow_types(frame: pl.LazyFrame) -> dict[str, Any]:
    return arrow_types(frame.collect_schema())


@contextmanager
def _bar(source: Source, progress: bool | None) -> Iterator[Any]:  # noqa: FBT001
    """A function that takes the bytes that were read, or None to begin anew."""
    total = sum(part.size for part in source.parts)
    shown = bool(total) and sys.stderr.isatty() if progress is None else progress
    if not shown:
        yield lambda size: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("statistics", total=total or None)
        yield lambda size: bar.reset(task) if size is None else bar.advance(task, size)


def merge(parts: Iterable[Statistics]) -> Statistics:
    """Merge statistics of several data sets of the same columns, as if their rows followed each other.

    Args:
        parts: Statistics that were computed, not read from a proto, without slices.

    Returns:
        Statistics of all rows.

    Raises:
        InvalidArgumentError: There is none, or one does not hold its summaries.
        SchemaMismatchError: A column has different types.

    Example:
        >>> import polars as pl
        >>> merge([from_frame(pl.DataFrame({"a": [1]})), from_frame(pl.DataFrame({"a": [5]}))]).column("a").max
        5
    """
    cores = [part.core() for part in parts]
    if not cores:
        raise InvalidArgumentError("no statistics were given to merge; give one or more")
    merged = cores[0]
    for core in cores[1:]:
        merged = merged.merge(core)
    return from_core(merged)
