"""The statistics of one column as plain Python values, read from its proto.

Dates, times, timestamps, durations and decimals get back their own Python types; all else is as the proto says. What
the makers of other statistics do not record (exactness, distinct numbers) is None or taken as exact.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from lakebed.statistics import proto

Value = bool | int | float | Decimal | str | bytes | dt.date | dt.datetime | dt.time | dt.timedelta

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_UNIT_NAMES = {"second": "s", "millisecond": "ms", "microsecond": "us", "nanosecond": "ns", "µs": "us", "μs": "us"}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - naive times stay naive.


@dataclass(frozen=True, kw_only=True)
class WeightedStatistics:
    """The statistics of one column when every row counts as much as its weight.

    Attributes:
        present: Weight of the rows with a value.
        missing: Weight of the rows that are null.
        values: Weight of all values; a list counts its row's weight for each.
        mean: Of the finite numbers; None for other types.
        std: Population standard deviation of the same.
        median: Middle of the same.
        top_values: The heaviest strings with their weights, heaviest first; empty for other types.
        histogram: Buckets (low, high, weight) of equal width; empty for other types than numbers.
        quantiles: Buckets (low, high, weight) of equal weight.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> stats = lb.statistics(pl.DataFrame({"a": [1, 3], "w": [3.0, 1.0]}), weights="w")
        >>> stats.column("a").weighted.mean
        1.5
    """

    present: float
    missing: float
    values: float
    mean: float | None
    std: float | None
    median: float | None
    top_values: list[tuple[str, float]]
    histogram: list[tuple[float, float, float]]
    quantiles: list[tuple[float, float, float]]


@dataclass(frozen=True, kw_only=True)
class ColumnStatistics:
    """The statistics of one column.

    Attributes:
        name: Name of the column; members of a struct are named by their path with dots.
        path: The names on that path.
        type: The core's type ("timestamp", "uint", "list"), or the proto's in lower case for statistics of other
            makers.
        item_type: Type of the innermost values of lists; that of the values for other columns.
        arrow_type: The Arrow type, members of structs left out; "" for statistics of other makers.
        n_present: Rows with a value, if only an empty list; of members of a struct, structs with one.
        n_missing: Rows that are null.
        n_values: Values that are not null, those inside of lists.
        n_null_values: Values that are null, those inside of lists.
        distinct: Number of distinct values; None where not counted.
        distinct_exact: Whether that is a count; if not it is an estimate.
        relative_error: Standard error of the estimate, 0.0 if exact.
        min: Smallest value (of strings and bytes the first in byte order); None without values, NaN does not count.
        max: Greatest value.
        min_exact: Whether a value is equal to `min`; if not, `min` is a text of 64 bytes that is smaller.
        max_exact: Whether a value is equal to `max`; if not, `max` is greater.
        sum: Exact sum of whole numbers, of decimals and of durations in their unit, however large;
            None for other types, and where it left that range.
        mean: Mean of the finite numbers (epoch units for times); None for other types.
        std: Population standard deviation of the same.
        variance: Population variance of the same.
        median: Middle of the same.
        percentiles: Quantiles of the same at 0 %, 1 % .. 100 %; empty where not known.
        rank_error: Largest error of the rank of `median` and `percentiles` as a share of the values, with 99 %
            confidence; 0.0 if they are exact, None for statistics of other makers.
        n_zero: Number of zeros (False for booleans); None for other types than numbers.
        n_negative: Numbers below zero; None for other types than numbers.
        n_nan: Number of NaN.
        n_inf: Number of positive and negative infinities.
        top_values: The most frequent values as text (bytes in hexadecimal), with counts, most frequent first.
        ranks: Up to 1,000 strings with their counts, most frequent first; empty for other types.
        top_values_error: What each of these counts may lack at most; 0 if they are exact.
        frequencies_complete: Whether every distinct value of a string column is known with its count.
        avg_length: Mean length in bytes of strings and binary values; None for other types.
        length: Least and greatest length in bytes, and their sum; None for other types.
        characters: Least and greatest number of characters of strings, and their sum; None for other types.
        n_invalid_utf8: Strings that are not UTF-8.
        values_per_row: Least, greatest and mean number of values in the rows with a value; 1 for scalars. Of nested
            lists, those of the innermost.
        levels: Of lists, for each nesting level from the outermost: null lists, least, greatest and total number of
            items.
        histogram: Buckets (low, high, count) of equal width; empty for other types than numbers.
        quantiles: Buckets (low, high, count) of equal weight.
        weighted: The figures by weight, if weights were given.
        is_bound: Whether rows were deleted since these figures were computed: then counts are upper bounds, `min` and
            `max` outer bounds, and all others those of the rows with the deleted ones.

    Example:
        >>> from lakebed.statistics import Statistics
        >>> stats = Statistics.from_summaries([("", {"n_rows": 0, "columns": []})])
        >>> stats.columns
        []
    """

    name: str
    path: tuple[str, ...]
    type: str
    item_type: str
    arrow_type: str
    n_present: int
    n_missing: int
    n_values: int
    n_null_values: int
    distinct: int | None
    distinct_exact: bool
    relative_error: float
    min: Value | None
    max: Value | None
    min_exact: bool
    max_exact: bool
    sum: int | Decimal | None
    mean: float | None
    std: float | None
    variance: float | None
    median: float | None
    percentiles: list[float]
    rank_error: float | None
    n_zero: int | None
    n_negative: int | None
    n_nan: int
    n_inf: int
    top_values: list[tuple[str, int]]
    ranks: list[tuple[str, float]]
    top_values_error: int
    frequencies_complete: bool
    avg_length: float | None
    length: tuple[int, int, int] | None
    characters: tuple[int, int, int] | None
    n_invalid_utf8: int
    values_per_row: tuple[int, int, float]
    levels: list[dict[str, int]]
    histogram: list[tuple[float, float, float]]
    quantiles: list[tuple[float, float, float]]
    weighted: WeightedStatistics | None
    is_bound: bool

    @property
    def labels(self) -> dict[str, float]:
        """Counts by value of the columns whose ranks are known: text; empty for others.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> lb.statistics(pl.DataFrame({"a": ["x", "y", "x"]})).column("a").labels
            {'x': 2.0, 'y': 1.0}
        """
        return dict(self.ranks)

    @property
    def fraction(self) -> float:
        """Rows with a value by all rows; 0.0 without rows.

        Example:
            >>> feature = proto.load().FeatureNameStatistics(name="x")
            >>> feature.string_stats.common_stats.num_non_missing = 3
            >>> feature.string_stats.common_stats.num_missing = 1
            >>> read_column(feature).fraction
            0.75
        """
        n_rows = self.n_present + self.n_missing
        return self.n_present / n_rows if n_rows else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Describe the statistics by values that JSON can hold, but for NaN and infinities.

        Returns:
            The attributes and `fraction`; times as ISO text, decimals as text of all their digits.

        Example:
            >>> feature = proto.load().FeatureNameStatistics(type=0)
            >>> feature.path.step.append("x")
            >>> read_column(feature).to_dict()["name"]
            'x'
        """
        plain = asdict(self) | {"fraction": self.fraction}
        del plain["ranks"]  # A thousand of them; `top_values` has the first.
        for end in ("min", "max"):
            if isinstance(plain[end], (dt.date, dt.time)):
                plain[end] = plain[end].isoformat()
            elif isinstance(plain[end], bytes):
                plain[end] = plain[end].hex()
            elif isinstance(plain[end], dt.timedelta):
                plain[end] = str(plain[end])
        for name in ("min", "max", "sum"):
            if isinstance(plain[name], Decimal):
                plain[name] = proto.decimal_text(plain[name])
        return plain


def column_name(feature: Any) -> str:
    """Name the column that statistics are about.

    Args:
        feature: A `statistics_pb2.FeatureNameStatistics`, by path or by name.

    Returns:
        The name; the steps of a longer path are joined by dots.

    Example:
        >>> column_name(proto.load().FeatureNameStatistics(name="dest"))
        'dest'
    """
    return ".".join(feature.path.step) if feature.HasField("path") else str(feature.name)


def read_column(feature: Any) -> ColumnStatistics:
    """Read the statistics of one column.

    Args:
        feature: A `statistics_pb2.FeatureNameStatistics` of any maker.

    Returns:
        Its content as plain values.

    Example:
        >>> feature = proto.load().FeatureNameStatistics(name="x", type=1)
        >>> feature.num_stats.common_stats.num_non_missing = 3
        >>> read_column(feature).n_present
        3
    """
    kind = feature.WhichOneof("stats")
    stats = getattr(feature, kind) if kind else feature.struct_stats
    common = stats.common_stats
    own_type = proto.custom_value(feature, "type")
    figures = proto.figures(feature)
    known = str(own_type or proto.load().FeatureNameStatistics.Type.Name(feature.type).lower())
    distinct = proto.custom_value(feature, "distinct")
    if distinct is None and own_type is None and kind in ("string_stats", "bytes_stats"):
        distinct = stats.unique
    error = proto.custom_value(feature, "relative_error") or 0.0
    deleted = proto.custom_value(feature, "deleted")
    return ColumnStatistics(
        name=column_name(feature),
        path=tuple(feature.path.step) if feature.HasField("path") else (str(feature.name),),
        type=known,
        item_type=str(figures.get("item_type", known)),
        arrow_type=str(proto.custom_value(feature, "arrow_type") or ""),
        n_present=common.num_non_missing,
        n_missing=common.num_missing,
        n_values=figures.get("n_values", common.tot_num_values),
        n_null_values=figures.get("n_null_values", 0),
        distinct=None if distinct is None else int(distinct),
        distinct_exact=not error and deleted is None,
        relative_error=error,
        min_exact=bool(figures.get("min_exact", True)),
        max_exact=bool(figures.get("max_exact", True)),
        frequencies_complete=not proto.custom_value(feature, "incomplete"),
        values_per_row=(common.min_num_values, common.max_num_values, _values_per_row(common)),
        levels=figures.get("levels", []),
        top_values=_top_values(feature),
        ranks=_ranks(stats) if kind == "string_stats" else [],
        top_values_error=figures.get("top_values_error", 0),
        avg_length=_avg_length(kind, stats, figures),
        length=_lengths(figures.get("length")),
        characters=_lengths(figures.get("characters")),
        n_invalid_utf8=stats.invalid_utf8_count if kind == "string_stats" else 0,
        weighted=_weighted(kind, stats),
        is_bound=deleted is not None,
        **(_numbers(feature, stats, figures) if kind == "num_stats" else _no_numbers(feature)),
    )


def _ranks(stats: Any) -> list[tuple[str, float]]:
    return [(str(bucket.label), float(bucket.sample_count)) for bucket in stats.rank_histogram.buckets]


def _lengths(found: Any) -> tuple[int, int, int] | None:
    return None if found is None else (found["min"], found["max"], found["total"])


def _weighted(kind: str | None, stats: Any) -> WeightedStatistics | None:
    if not stats.common_stats.HasField("weighted_common_stats"):
        return None
    common = stats.common_stats.weighted_common_stats
    numbers = stats.weighted_numeric_stats if kind == "num_stats" and common.tot_num_values else None
    top = stats.weighted_string_stats.top_values if kind == "string_stats" else ()
    buckets = {} if numbers is None else _buckets(numbers)[0]
    kinds = proto.load().Histogram
    return WeightedStatistics(
        present=common.num_non_missing,
        missing=common.num_missing,
        values=common.tot_num_values,
        mean=None if numbers is None else numbers.mean,
        std=None if numbers is None else numbers.std_dev,
        median=None if numbers is None else numbers.median,
        top_values=[(item.value, item.frequency) for item in top],
        histogram=buckets.get(kinds.STANDARD, []),
        quantiles=buckets.get(kinds.QUANTILES, []),
    )


def _buckets(stats: Any) -> tuple[dict[int, list[tuple[float, float, float]]], int]:
    """Buckets by kind, and the number of NaN beside them."""
    kinds = proto.load().Histogram
    buckets: dict[int, list[tuple[float, float, float]]] = {kinds.STANDARD: [], kinds.QUANTILES: []}
    n_nan = 0
    for found in stats.histograms:
        n_nan = max(n_nan, int(found.num_nan))
        buckets[found.type] = [(b.low_value, b.high_value, b.sample_count) for b in found.buckets]
    return buckets, n_nan


def _avg_length(kind: str | None, stats: Any, figures: dict[str, Any]) -> float | None:
    """The mean of the exact sum, where that is known: the proto holds but seven digits."""
    field = {"string_stats": "avg_length", "bytes_stats": "avg_num_bytes"}.get(kind or "")
    if field is None:
        return None
    length = figures.get("length")
    if length is not None and length.get("n"):
        return float(length["total"] / length["n"])
    return float(getattr(stats, field))


def _values_per_row(common: Any) -> float:
    """The mean; of other makers, who may not count all values, the one that they state."""
    exact = common.tot_num_values / common.num_non_missing if common.num_non_missing else 0.0
    stated = float(common.avg_num_values)
    return exact if math.isclose(exact, stated, rel_tol=1e-6) else stated


def _top_values(feature: Any) -> list[tuple[str, int]]:
    if feature.HasField("string_stats"):
        return [(item.value, int(item.frequency)) for item in feature.string_stats.top_values]
    ranks = proto.custom_value(feature, "top_values")
    buckets = [] if ranks is None else ranks.buckets
    return [(_label(feature, bucket.label), int(bucket.sample_count)) for bucket in buckets]


def _label(feature: Any, label: str) -> str:
    """The text of a frequent value, which the proto holds as a number for booleans and times."""
    kind = _value_type(feature)
    if kind not in ("bool", *_TIMES):
        return label
    value = _decode(feature, float(label) if kind == "bool" else int(label))
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value).lower()


_TIMES = ("date", "time", "timestamp", "duration")


def _value_type(feature: Any) -> str | None:
    """The core's type of the values, of lists that of the innermost ones."""
    kind = proto.custom_value(feature, "type")
    return str(proto.figures(feature).get("item_type", kind)) if kind == "list" else kind


def _no_numbers(feature: Any) -> dict[str, Any]:
    figures = proto.figures(feature)
    ends = {end: proto.custom_value(feature, end) for end in ("min", "max")}
    ends |= {end: bytes.fromhex(figures[f"hex_{end}"]) for end in ends if f"hex_{end}" in figures}
    names = ("mean", "std", "variance", "median", "n_zero", "n_negative", "sum", "rank_error")
    lists: dict[str, Any] = {"histogram": [], "quantiles": [], "percentiles": []}
    return ends | dict.fromkeys(names) | lists | {"n_nan": 0, "n_inf": 0}


def _numbers(feature: Any, stats: Any, figures: dict[str, Any]) -> dict[str, Any]:
    kinds = proto.load().Histogram
    buckets, n_nan = _buckets(stats)
    n_values = figures.get("n_values", stats.common_stats.tot_num_values)
    known = n_values > n_nan and (proto.custom_value(feature, "type") != "list" or "item_type" in figures)
    absent = figures.get("absent", ())
    has = {end: known and end not in absent for end in ("min", "max")}
    ends = {end: _decode(feature, _end(figures, stats, end)) if has[end] else None for end in has}
    has_mean, has_median = known and "mean" not in absent, known and "quantiles" not in absent
    means = {
        "mean": stats.mean if has_mean else None,
        "std": stats.std_dev if has_mean else None,
        "variance": figures.get("variance", stats.std_dev**2) if has_mean else None,
        "median": stats.median if has_median else None,
        "sum": Decimal(total) if isinstance(total := figures.get("sum"), str) else total,
        "percentiles": figures.get("quantiles", []),
        "rank_error": figures.get("rank_error"),
        "n_zero": None if "n_zero" in absent else stats.num_zeros,
        "n_negative": None if "n_negative" in absent else figures.get("n_negative"),
        "n_nan": n_nan,
        "n_inf": int(sum(count for low, _, count in buckets[kinds.STANDARD] if math.isinf(low))),
    }
    return ends | means | {"histogram": buckets[kinds.STANDARD], "quantiles": buckets[kinds.QUANTILES]}


def _end(figures: dict[str, Any], stats: Any, end: str) -> float | Decimal:
    """The exact integer or decimal, which the proto's double may not hold."""
    if (digits := figures.get(f"decimal_{end}")) is not None:
        return Decimal(digits)
    found = figures.get(f"whole_{end}")
    return float(getattr(stats, end)) if found is None else int(found)


def time_of(column: ColumnStatistics, number: float) -> Value:
    """Read a figure of a column of times, a percentile or its mean.

    Args:
        column: The column.
        number: Units since the epoch, or of a duration.

    Returns:
        The time; the number itself where Python's times end.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> import datetime as dt
        >>> column = lb.statistics(pl.DataFrame({"day": [dt.date(2013, 1, 1)]})).column("day")
        >>> time_of(column, column.percentiles[50])
        datetime.date(2013, 1, 1)
    """
    return _decode_time(column.item_type, column.arrow_type, int(number))


def value_of(kind: str, arrow_type: str, value: Any) -> Any:
    """Read a value of the core in its own Python type.

    Args:
        kind: The core's type of the values.
        arrow_type: The Arrow type.
        value: A number, text or bytes.

    Returns:
        A boolean, date, time or duration for columns of these; the value itself for others.

    Example:
        >>> value_of("date", "Date32", 1)
        datetime.date(1970, 1, 2)
    """
    if kind in _TIMES and math.isfinite(value):
        return _decode_time(kind, arrow_type, int(value))
    return bool(value) if kind == "bool" else value


def _decode(feature: Any, number: float | Decimal) -> Value:
    kind = _value_type(feature)
    if kind in _TIMES:
        return _decode_time(str(kind), str(proto.custom_value(feature, "arrow_type")), int(number))
    if kind == "bool":
        return bool(number)
    whole = feature.type == proto.load().FeatureNameStatistics.INT and math.isfinite(number)
    return int(number) if whole else number


def _decode_time(kind: str, arrow_type: str, number: int) -> Value:
    """A number of the column's unit as a time; as the number itself where Python's times end."""
    try:
        if kind == "date":
            return (_EPOCH + dt.timedelta(days=number)).date()
        unit = re.search(r"(nano|micro|milli)?second|(?<=\()[nuµm]?s\b", arrow_type, re.IGNORECASE)
        name = unit.group(0).lower() if unit is not None else "us"
        # Python's times end at microseconds; rounded up, the last nanosecond of a day would be the next one.
        microseconds = number * _NANOSECONDS[_UNIT_NAMES.get(name, name)] // 1000
        if kind == "duration":
            return dt.timedelta(microseconds=microseconds)
        moment = _EPOCH + dt.timedelta(microseconds=microseconds)
        if kind == "time":
            return moment.time()
        zoned = '"' in arrow_type
        return moment.replace(tzinfo=dt.timezone.utc) if zoned else moment
    except (OverflowError, KeyError):
        return number
