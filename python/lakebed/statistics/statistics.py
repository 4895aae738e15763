"""Statistics of tables: `Statistics`, a value around tensorflow-metadata's `DatasetFeatureStatisticsList` proto.

It holds the statistics of one dataset or of several (slices) and is immutable. It computes nothing from rows: core
summaries, which a kernel makes and the store keeps, go in; protos, frames, tables and pages for people come out. The
proto is made at its first use, so that merging the summaries of a large table costs no more than that.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed.errors import ColumnNotFoundError, InvalidArgumentError
from lakebed.schema import feature
from lakebed.schema import proto as protos
from lakebed.statistics import proto
from lakebed.statistics.column import ColumnStatistics, column_name, read_column

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from lakebed._core import TableStatistics

TEXT_SUFFIXES = (".pbtxt", ".txt")

WHOLE = ("", "All Examples")
"""Names of the slice that is the whole dataset: Lakebed's and TFDV's."""

HEADER = ("name", "type", "count", "missing", "distinct", "min", "max", "mean", "std", "median", "zeros", "top value")
HEADER_NARROW = ("name", "type", "missing", "distinct", "values", "mean", "median")
MAX_TEXT = 40


class Statistics:
    """The statistics of a table, or of several slices of one.

    Example:
        >>> stats = Statistics.from_summaries([("", {"n_rows": 3, "columns": []})])
        >>> stats.n_rows
        3
    """

    __slots__ = ("_compatibility", "_cores", "_message")

    def __init__(self, message: Any) -> None:
        """Hold a copy of a proto.

        Args:
            message: A `statistics_pb2.DatasetFeatureStatisticsList`, of Lakebed or of TFDV.

        Raises:
            InvalidArgumentError: The message is of another class.

        Example:
            >>> Statistics(Statistics.from_summaries([]).proto).datasets
            []
        """
        if not isinstance(message, proto.load().DatasetFeatureStatisticsList):
            raise InvalidArgumentError(
                f"statistics were made of a {type(message).__name__}; "
                f"pass a tensorflow_metadata DatasetFeatureStatisticsList message"
            )
        self._keep(protos.copy(message))

    def _keep(
        self,
        message: Any,
        cores: list[tuple[str, TableStatistics]] | None = None,
        compatibility: str | None = None,
    ) -> None:
        self._message = message
        self._cores = cores
        self._compatibility = compatibility

    @classmethod
    def from_core(cls, parts: Iterable[tuple[str, TableStatistics]], *, compatibility: str | None = None) -> Statistics:
        """Wrap what the core computed or stored.

        Args:
            parts: Pairs of the name of a dataset or slice ("" is the whole dataset) and its summaries.
            compatibility: "tfdv" for TFDV's own figures where they are others by accident.

        Returns:
            The statistics, datasets and columns in the order given.

        Example:
            >>> Statistics.from_core([]).datasets
            []
        """
        found = cls.__new__(cls)
        found._keep(None, list(parts), compatibility)  # noqa: SLF001 - its own class.
        return found

    @classmethod
    def from_summaries(cls, summaries: Iterable[tuple[str, Mapping[str, Any]]]) -> Statistics:
        """Make statistics of core summaries.

        Args:
            summaries: Pairs of the name of a dataset or slice ("" is the whole dataset) and what the kernel's
                `TableStatistics.to_dict()` gives.

        Returns:
            The statistics, datasets and columns in the order given.

        Example:
            >>> Statistics.from_summaries([("january", {"n_rows": 0, "columns": []})]).datasets
            ['january']
        """
        message = proto.load().DatasetFeatureStatisticsList()
        for name, summary in summaries:
            proto.fill_dataset(message.datasets.add(), name, summary)
        return cls(message)

    @classmethod
    def from_bytes(cls, data: bytes) -> Statistics:
        """Read statistics from protobuf's binary format.

        Args:
            data: What `to_bytes` wrote.

        Returns:
            The statistics.

        Raises:
            InvalidArgumentError: The bytes are not statistics.

        Example:
            >>> empty = Statistics.from_summaries([])
            >>> Statistics.from_bytes(empty.to_bytes()) == empty
            True
        """
        return cls(protos.from_bytes(data, proto.load().DatasetFeatureStatisticsList(), "statistics"))

    @classmethod
    def from_text(cls, text: str) -> Statistics:
        """Read statistics from protobuf's text format.

        Args:
            text: What `to_text` wrote, or TFDV.

        Returns:
            The statistics.

        Raises:
            InvalidArgumentError: The text is not statistics; tells line and column.

        Example:
            >>> Statistics.from_text('datasets { name: "a" num_examples: 3 }').n_rows
            3
        """
        return cls(protos.from_text(text, proto.load().DatasetFeatureStatisticsList(), "statistics"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Statistics:
        """Read statistics from a file, of Lakebed or of TFDV.

        Args:
            path: Text format where the name ends with `.pbtxt` or `.txt`, else binary format.

        Returns:
            The statistics.

        Raises:
            InvalidArgumentError: The file does not hold statistics.

        Example:
            >>> import tempfile, pathlib
            >>> path = pathlib.Path(tempfile.mkdtemp(), "stats.pbtxt")
            >>> Statistics.from_text('datasets { num_examples: 3 }').save(path)
            >>> Statistics.load(path).n_rows
            3
        """
        where = Path(path)
        if where.suffix in TEXT_SUFFIXES:
            return cls.from_text(where.read_text(encoding="utf-8"))
        return cls.from_bytes(where.read_bytes())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the statistics to a file that TFDV reads too.

        Args:
            path: Text format where the name ends with `.pbtxt` or `.txt`, a page where it ends with `.html`, else
                binary format.

        Example:
            >>> import tempfile, pathlib
            >>> path = pathlib.Path(tempfile.mkdtemp(), "stats.pb")
            >>> Statistics.from_summaries([]).save(path)
            >>> path.stat().st_size
            0
        """
        where = Path(path)
        if where.suffix in TEXT_SUFFIXES:
            where.write_text(self.to_text(), encoding="utf-8")
        elif where.suffix == ".html":
            where.write_text(self.to_html(), encoding="utf-8")
        else:
            where.write_bytes(self.to_bytes())

    def core(self) -> TableStatistics:
        """Give the summaries of the whole dataset, which merge and compare exactly.

        Returns:
            What the core computed.

        Raises:
            InvalidArgumentError: The statistics were read from a proto, which does not hold summaries.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> lb.statistics(pl.DataFrame({"a": [1]})).core().n_rows
            1
        """
        for name, core in self._cores or ():
            if name in WHOLE or len(self._cores or ()) == 1:
                return core
        raise InvalidArgumentError(
            "these statistics were read from a proto and hold no summaries; compute them from the rows"
        )

    @property
    def has_core(self) -> bool:
        """Whether the statistics hold summaries, and not only a proto."""
        return bool(self._cores)

    @property
    def _proto(self) -> Any:
        if self._message is None:
            message = proto.load().DatasetFeatureStatisticsList()
            for name, core in self._cores or ():
                summary = core.to_dict()
                proto.fill_dataset(message.datasets.add(), name, summary, compatibility=self._compatibility)
            self._message = message
        return self._message

    @property
    def proto(self) -> Any:
        """A copy of the `statistics_pb2.DatasetFeatureStatisticsList`.

        Example:
            >>> len(Statistics.from_summaries([]).proto.datasets)
            0
        """
        return protos.copy(self._proto)

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets or slices.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 0, "columns": []})]).datasets
            ['']
        """
        if self._cores is not None:
            return [name for name, _ in self._cores]
        return [dataset.name for dataset in self._proto.datasets]

    @property
    def n_rows(self) -> int:
        """Number of rows of the whole dataset.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).n_rows
            7
        """
        if self._cores is not None and len(self._cores) == 1:
            return self._cores[0][1].n_rows
        return int(self._dataset().num_examples)

    @property
    def is_exact(self) -> bool:
        """Whether no row was deleted since the statistics were made; if one was, all but the number of rows are bounds.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).is_exact
            True
        """
        if self._cores is not None:
            return not any(core.n_deleted for _, core in self._cores)
        features = (feature for dataset in self._proto.datasets for feature in dataset.features)
        return all(proto.custom_value(feature, "deleted") is None for feature in features)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of the whole dataset, in their order; members of a struct by their path with dots.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).columns
            []
        """
        if self._cores is not None and len(self._cores) == 1:
            return [".".join(path) for path in self._cores[0][1].columns]
        return [column_name(item) for item in self._dataset().features]

    def dataset(self, name: str | None = None) -> Any:
        """Give the statistics of one dataset or slice.

        Args:
            name: Its name; None means the whole dataset: the only one, or the one named "" or "All Examples".

        Returns:
            A copy of its `statistics_pb2.DatasetFeatureStatistics`.

        Raises:
            InvalidArgumentError: No such dataset; the message lists those there are.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).dataset().num_examples
            7
        """
        return protos.copy(self._dataset(name))

    def column(self, name: str, *, dataset: str | None = None) -> ColumnStatistics:
        """Give the statistics of one column.

        Args:
            name: Name of the column.
            dataset: Name of the dataset or slice; None means the whole dataset.

        Returns:
            Its statistics as plain values.

        Raises:
            ColumnNotFoundError: No such column; the message has the nearest names.
            InvalidArgumentError: No such dataset.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).column("dest")
            Traceback (most recent call last):
                ...
            lakebed.errors.ColumnNotFoundError: the statistics have no column 'dest'; it has no columns
        """
        for item in self._dataset(dataset).features:
            if column_name(item) == name:
                return read_column(item)
        raise ColumnNotFoundError(
            f"the statistics have no column {name!r}; {feature.nearest(name, self.columns)}",
        )

    def to_bytes(self) -> bytes:
        """Write the statistics in protobuf's binary format, which TFDV reads too.

        Returns:
            Bytes that `from_bytes` reads back; equal statistics give equal bytes.

        Example:
            >>> Statistics.from_summaries([]).to_bytes()
            b''
        """
        return protos.to_bytes(self._proto)

    def to_text(self) -> str:
        """Write the statistics in protobuf's text format, which TFDV reads too.

        Returns:
            Text that `from_text` reads back.

        Example:
            >>> Statistics.from_summaries([("a", {"n_rows": 3, "columns": []})]).to_text().split()[:4]
            ['datasets', '{', 'name:', '"a"']
        """
        return protos.to_text(self._proto)

    def to_html(self) -> str:
        """Draw the statistics as one page that needs nothing else, neither files nor a network.

        Returns:
            HTML with histograms, quantiles and top values of every column of every dataset.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).to_html().startswith("<!DOCTYPE html>")
            True
        """
        from lakebed.statistics.page import page

        return page(self._drawn())

    def to_dict(self) -> dict[str, Any]:
        """Describe the statistics by plain values.

        Returns:
            {"datasets": [{"name", "n_rows", "columns": [the dicts of `ColumnStatistics.to_dict()`]}]}.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).to_dict()
            {'datasets': [{'name': '', 'n_rows': 7, 'columns': []}]}
        """
        datasets = [
            {
                "name": dataset.name,
                "n_rows": int(dataset.num_examples),
                "columns": [read_column(item).to_dict() for item in dataset.features],
            }
            for dataset in self._proto.datasets
        ]
        return {"datasets": datasets}

    def to_polars(self, dataset: str | None = None) -> pl.DataFrame:
        """Lay out the statistics as a frame, one row a column.

        Args:
            dataset: Name of the dataset or slice; None means the whole dataset.

        Returns:
            Columns name, type, count, missing, fraction, distinct, distinct_exact, min, max, mean, std, median, zeros,
            nan, inf, top_value, top_count, avg_length, negatives, quantiles_exact, top_values_exact. `min` and `max`
            are text, since columns differ in type (times in ISO form, decimals with all digits); `mean`, `std` and
            `median` of times are in epoch units. Null where a statistic does not apply.

        Raises:
            InvalidArgumentError: No such dataset.

        Example:
            >>> Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).to_polars().columns[:3]
            ['name', 'type', 'count']
        """
        import polars as pl

        text, whole, real = pl.String(), pl.Int64(), pl.Float64()
        types: dict[str, Any] = {"name": text, "type": text, "count": whole, "missing": whole, "fraction": real}
        types |= {"distinct": whole, "distinct_exact": pl.Boolean(), "min": text, "max": text}
        types |= {"mean": real, "std": real, "median": real, "zeros": whole, "nan": whole, "inf": whole}
        types |= {"top_value": text, "top_count": whole, "avg_length": real, "negatives": whole}
        types |= {"quantiles_exact": pl.Boolean(), "top_values_exact": pl.Boolean()}
        rows = [_row(column) for column in self.read(dataset)]
        return pl.DataFrame([[row[name] for name in types] for row in rows], schema=types, orient="row")

    def __eq__(self, other: object) -> bool:
        """Compare by content; NaN equals NaN."""
        return self.to_bytes() == other.to_bytes() if isinstance(other, Statistics) else NotImplemented

    def __hash__(self) -> int:
        """Hash by content."""
        return hash(self.to_bytes())

    def __getstate__(self) -> bytes:
        """Pickle as bytes."""
        return self.to_bytes()

    def __setstate__(self, state: bytes) -> None:
        """Restore from bytes."""
        self._keep(protos.from_bytes(state, proto.load().DatasetFeatureStatisticsList(), "statistics"))

    def __repr__(self) -> str:
        """Say how much was counted."""
        parts = [
            f"{repr(dataset.name) + ': ' if dataset.name else ''}{dataset.num_examples} rows, "
            f"{len(dataset.features)} columns"
            for dataset in self._proto.datasets
        ]
        return f"Statistics({'; '.join(parts)})"

    def __rich__(self) -> Table:
        """Table for `rich.print`: of numbers and times the range, of other columns the most frequent value."""
        from lakebed.report import rich_table

        rows = [_narrow_cells(column) for column in self.read()]
        return rich_table(HEADER_NARROW, rows, title=self._title(), max_text=MAX_TEXT)

    def _repr_html_(self) -> str:
        """Histograms, quantiles and top values for notebooks."""
        from lakebed.statistics.page import body

        return body(self._drawn())

    def _drawn(self) -> list[tuple[str, int, list[ColumnStatistics]]]:
        """Name, rows and columns of each dataset."""
        return [(name, int(self.dataset(name).num_examples), list(self.read(name))) for name in self.datasets]

    def _dataset(self, name: str | None = None) -> Any:
        names = self.datasets
        wanted = WHOLE if name is None else (name,)
        if name is None and len(names) == 1:
            return self._proto.datasets[0]
        for dataset in self._proto.datasets:
            if dataset.name in wanted:
                return dataset
        asked = "the whole dataset ('' or 'All Examples')" if name is None else f"the dataset {name!r}"
        raise InvalidArgumentError(
            f"the statistics do not hold {asked}; they hold {names or 'none'}; name one of these"
        )

    def read(self, dataset: str | None = None) -> Iterator[ColumnStatistics]:
        """Give the statistics of one column after the other.

        Args:
            dataset: Name of the dataset or slice; None means the whole dataset.

        Returns:
            Their statistics, in the order of the columns.

        Raises:
            InvalidArgumentError: No such dataset.

        Example:
            >>> list(Statistics.from_summaries([("", {"n_rows": 7, "columns": []})]).read())
            []
        """
        return (read_column(item) for item in self._dataset(dataset).features)

    def _title(self) -> str:
        return f"Statistics of {self.n_rows:,} rows"


def _row(column: ColumnStatistics) -> dict[str, Any]:
    top_value, top_count = column.top_values[0] if column.top_values else (None, None)
    same = ("name", "type", "fraction", "distinct", "distinct_exact", "mean", "std", "median", "avg_length")
    return {key: getattr(column, key) for key in same} | {
        "count": column.n_present,
        "missing": column.n_missing,
        "min": _text(column.min),
        "max": _text(column.max),
        "zeros": column.n_zero,
        "nan": column.n_nan,
        "inf": column.n_inf,
        "top_value": top_value,
        "top_count": top_count,
        "negatives": column.n_negative,
        "quantiles_exact": None if column.rank_error is None else column.rank_error == 0,
        "top_values_exact": column.top_values_error == 0 if column.top_values else None,
    }


def _text(value: Any) -> str | None:
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return proto.decimal_text(value)
    return None if value is None else str(value)


def _cells(column: ColumnStatistics) -> list[Any]:
    means = [None] * 3 if _is_time(column) else [column.mean, column.std, column.median]
    zeros = None if _is_time(column) else column.n_zero
    start = [column.name, column.type, column.n_present, column.n_missing, _distinct(column)]
    return [*start, _short(column.min), _short(column.max), *means, zeros, _top(column)]


def _narrow_cells(column: ColumnStatistics) -> list[Any]:
    means = [None] * 2 if _is_time(column) else [column.mean, column.median]
    is_range = column.min is not None and column.avg_length is None and column.type != "bool"
    values = f"{_short(column.min)} .. {_short(column.max)}" if is_range else _top(column)
    return [column.name, column.type, column.n_missing, _distinct(column), values, *means]


def _is_time(column: ColumnStatistics) -> bool:
    return column.item_type in ("date", "time", "timestamp", "duration")


def _distinct(column: ColumnStatistics) -> int | str | None:
    return column.distinct if column.distinct_exact or column.distinct is None else f"~{column.distinct:,}"


def _short(value: Any) -> str | None:
    """A smallest or greatest value for a table: times without zone and seconds of zero, floats of six digits."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ").removesuffix(":00")
    return f"{value:.6g}" if isinstance(value, float) else _text(value)


def _top(column: ColumnStatistics) -> str | None:
    if not column.top_values:
        return None
    value, count = column.top_values[0]
    return f"{value} ({count:,})"
