"""The statistics of one column as plain Python values, read from its proto.

Dates, times and timestamps get back their own Python types; all else is as the proto says. What the makers of other
statistics do not record (exactness, distinct numbers) is None or taken as exact.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import asdict, dataclass
from typing import Any

from lakebed.statistics import proto

Value = bool | int | float | str | dt.date | dt.datetime | dt.time

_UNITS = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 10**-3}
_UNIT_NAMES = {"second": "s", "millisecond": "ms", "microsecond": "us", "nanosecond": "ns", "µs": "us", "μs": "us"}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - naive times stay naive.


@dataclass(frozen=True, kw_only=True)
class ColumnStatistics:
    """The statistics of one column.

    Attributes:
        name: Name of the column; fields of a struct are joined by dots.
        type: The core's type ("timestamp", "uint"), or the proto's in lower case for statistics of other makers.
        n_present: Rows with a value.
        n_missing: Rows that are null.
        distinct: Number of distinct values; None where not counted.
        distinct_exact: Whether that is a count; if not it is an estimate.
        relative_error: Standard error of the estimate, 0.0 if exact.
        min: Smallest value (for strings the first in byte order); None without values, NaN does not count.
        max: Greatest value.
        mean: Mean of the finite numbers (epoch units for times); None for other types.
        std: Population standard deviation of the same.
        median: Middle of the same, approximate.
        n_zero: Number of zeros (False for booleans); None for other types than numbers.
        n_nan: Number of NaN.
        n_inf: Number of positive and negative infinities.
        top_values: The most frequent values as text, with counts, most frequent first.
        frequencies_complete: Whether every distinct value of a string column is known with its count; False for lists,
            whose values are not counted.
        avg_length: Mean length in bytes of strings and binary values; None for other types.
        values_per_row: Least, greatest and mean number of values in the rows with a value; 1 for scalars.
        histogram: Buckets (low, high, count) of equal width; empty for other types than numbers.
        quantiles: Buckets (low, high, count) of equal weight.

    Example:
        >>> from lakebed.statistics import Statistics
        >>> stats = Statistics.from_summaries([("", {"n_rows": 0, "columns": []})])
        >>> stats.columns
        []
    """

    name: str
    type: str
    n_present: int
    n_missing: int
    distinct: int | None
    distinct_exact: bool
    relative_error: float
    min: Value | None
    max: Value | None
    mean: float | None
    std: float | None
    median: float | None
    n_zero: int | None
    n_nan: int
    n_inf: int
    top_values: list[tuple[str, int]]
    frequencies_complete: bool
    avg_length: float | None
    values_per_row: tuple[int, int, float]
    histogram: list[tuple[float, float, float]]
    quantiles: list[tuple[float, float, float]]

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
            The attributes and `fraction`; times as ISO text.

        Example:
            >>> feature = proto.load().FeatureNameStatistics(type=0)
            >>> feature.path.step.append("x")
            >>> read_column(feature).to_dict()["name"]
            'x'
        """
        plain = asdict(self) | {"fraction": self.fraction}
        for end in ("min", "max"):
            if isinstance(plain[end], (dt.date, dt.time)):
                plain[end] = plain[end].isoformat()
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
    is_list = own_type == "list"
    distinct = proto.custom_value(feature, "distinct")
    if distinct is None and not is_list and kind in ("string_stats", "bytes_stats"):
        distinct = stats.unique
    error = proto.custom_value(feature, "relative_error") or 0.0
    return ColumnStatistics(
        name=column_name(feature),
        type=own_type or proto.load().FeatureNameStatistics.Type.Name(feature.type).lower(),
        n_present=common.num_non_missing,
        n_missing=common.num_missing,
        distinct=None if distinct is None else int(distinct),
        distinct_exact=not error and proto.custom_value(feature, "deleted") is None,
        relative_error=error,
        frequencies_complete=not proto.custom_value(feature, "incomplete"),
        values_per_row=(common.min_num_values, common.max_num_values, common.avg_num_values),
        top_values=_top_values(feature),
        avg_length=None if is_list else _avg_length(kind, stats),
        **(_numbers(feature, stats) if kind == "num_stats" else _no_numbers(feature)),
    )


def _avg_length(kind: str | None, stats: Any) -> float | None:
    field = {"string_stats": "avg_length", "bytes_stats": "avg_num_bytes"}.get(kind or "")
    return None if field is None else float(getattr(stats, field))


def _top_values(feature: Any) -> list[tuple[str, int]]:
    if feature.HasField("string_stats"):
        return [(item.value, int(item.frequency)) for item in feature.string_stats.top_values]
    ranks = proto.custom_value(feature, "top_values")
    buckets = [] if ranks is None else ranks.buckets
    return [(_label(feature, bucket.label), int(bucket.sample_count)) for bucket in buckets]


def _label(feature: Any, label: str) -> str:
    """The text of a frequent value, which the proto holds as a number for booleans and times."""
    kind = proto.custom_value(feature, "type")
    if kind not in ("bool", "date", "time", "timestamp"):
        return label
    value = _decode(feature, float(label) if kind == "bool" else int(label))
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value).lower()


def _no_numbers(feature: Any) -> dict[str, Any]:
    ends = {end: proto.custom_value(feature, end) for end in ("min", "max")}
    none = dict.fromkeys(("mean", "std", "median", "n_zero"))
    return ends | none | {"n_nan": 0, "n_inf": 0, "histogram": [], "quantiles": []}


def _numbers(feature: Any, stats: Any) -> dict[str, Any]:
    kinds = proto.load().Histogram
    buckets: dict[int, list[tuple[float, float, float]]] = {kinds.STANDARD: [], kinds.QUANTILES: []}
    n_nan = 0
    for histogram in stats.histograms:
        n_nan = max(n_nan, histogram.num_nan)
        buckets[histogram.type] = [(b.low_value, b.high_value, b.sample_count) for b in histogram.buckets]
    known = stats.common_stats.num_non_missing > n_nan and stats.common_stats.tot_num_values > 0
    known = known and proto.custom_value(feature, "type") != "list"
    ends = {end: _decode(feature, getattr(stats, end)) if known else None for end in ("min", "max")}
    means = {
        "mean": stats.mean if known else None,
        "std": stats.std_dev if known else None,
        "median": stats.median if known else None,
        "n_zero": stats.num_zeros,
        "n_nan": n_nan,
        "n_inf": int(sum(count for low, _, count in buckets[kinds.STANDARD] if math.isinf(low))),
    }
    return ends | means | {"histogram": buckets[kinds.STANDARD], "quantiles": buckets[kinds.QUANTILES]}


def _decode(feature: Any, number: float) -> Value:
    kind = proto.custom_value(feature, "type")
    if kind in ("date", "time", "timestamp"):
        return _decode_time(str(kind), str(proto.custom_value(feature, "arrow_type")), int(number))
    if kind == "bool":
        return bool(number)
    whole = feature.type == proto.load().FeatureNameStatistics.INT and math.isfinite(number)
    return int(number) if whole else number


def _decode_time(kind: str, arrow_type: str, number: int) -> Value:
    """A number of the column's unit as a time; as the number itself where Python's times end."""
    try:
        if kind == "date":
            unit_is_ms = "Date64" in arrow_type
            return (_EPOCH + dt.timedelta(**{"milliseconds" if unit_is_ms else "days": number})).date()
        unit = re.search(r"\((\w+)", arrow_type)
        name = unit.group(1).lower() if unit is not None else "us"
        microseconds = number * _UNITS[_UNIT_NAMES.get(name, name)]
        moment = _EPOCH + dt.timedelta(microseconds=microseconds)
        if kind == "time":
            return moment.time()
        zoned = '"' in arrow_type
        return moment.replace(tzinfo=dt.timezone.utc) if zoned else moment
    except (OverflowError, KeyError):
        return number
