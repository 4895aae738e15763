"""Statistics protos of tensorflow-metadata, made of core summaries of columns.

The meaning of each field is that of TensorFlow Data Validation: one value a present row in a scalar column, a STANDARD
and a QUANTILES histogram of ten buckets, population variance, lengths in bytes, the 20 most frequent strings and up to
1000 ranks. It differs in these points:

- dates, times and timestamps, which TFDV drops, are INT columns of epoch units (days, or the column's own unit);
- binary columns are BYTES, not STRING;
- a column without any value keeps its own type; in TFDV it becomes STRING;
- mean and deviation are the summary's, which leaves infinities out; in TFDV, with infinities, they are NaN and 0;
- of a list column only the lengths are known, and their histogram is one bucket from the shortest to the longest list.

What the protos have no field for is kept in custom statistics whose names start with "lakebed.", which TFDV ignores.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from lakebed.statistics import histogram

PREFIX = "lakebed."
N_TOP_VALUES = 20
N_RANKS = 1000

TYPES = {
    **dict.fromkeys(("bool", "int", "uint", "date", "time", "timestamp"), "INT"),
    **dict.fromkeys(("float", "decimal"), "FLOAT"),
    "string": "STRING",
    "binary": "BYTES",
    "struct": "STRUCT",
}
"""Core type of a column -> type of its statistics; a list has the type of its items."""

_ITEM_TYPE = re.compile(
    r"(?P<STRING>Utf8)|(?P<BYTES>Binary)|(?P<STRUCT>Struct)|(?P<FLOAT>Float|Decimal)|(?P<INT>Int|Bool|Date|Time|Duration)"
)


def load() -> Any:
    """Import the generated module of the statistics protos.

    Returns:
        The module `tensorflow_metadata.proto.v0.statistics_pb2`.

    Example:
        >>> load().DatasetFeatureStatisticsList().ByteSize()
        0
    """
    from tensorflow_metadata.proto.v0 import statistics_pb2

    return statistics_pb2


def fill_dataset(dataset: Any, name: str, summary: Mapping[str, Any]) -> None:
    """Fill the statistics of one dataset.

    Args:
        dataset: An empty `statistics_pb2.DatasetFeatureStatistics`.
        name: Name of the dataset or slice; "" is the usual name of a whole dataset.
        summary: A core summary: `n_rows` and one dict for each column, in the order of the table.

    Example:
        >>> dataset = load().DatasetFeatureStatistics()
        >>> fill_dataset(dataset, "", {"n_rows": 3, "columns": []})
        >>> dataset.num_examples
        3
    """
    dataset.name = name
    n_rows = summary["n_rows"]
    dataset.num_examples = n_rows
    n_deleted = summary.get("n_deleted", 0)
    for column in summary["columns"]:
        feature = dataset.features.add()
        _fill_column(feature, _bounded(column, n_rows) if n_deleted else column, n_rows)
        if n_deleted:
            _note(feature, "deleted", n_deleted)


def custom_value(feature: Any, name: str) -> Any:
    """Read one of Lakebed's own statistics of a column.

    Args:
        feature: A `statistics_pb2.FeatureNameStatistics`.
        name: Its name without the prefix: "type", "arrow_type", "distinct", "relative_error", "incomplete", "deleted",
            "min", "max", "cut_min", "cut_max", "top_values".

    Returns:
        The number, text or rank histogram; None where the statistics have none, as those of other makers.

    Example:
        >>> own = load().CustomStatistic(name="lakebed.distinct", num=3)
        >>> feature = load().FeatureNameStatistics(custom_stats=[own])
        >>> custom_value(feature, "distinct"), custom_value(feature, "type")
        (3.0, None)
    """
    for statistic in feature.custom_stats:
        if statistic.name == PREFIX + name:
            return getattr(statistic, statistic.WhichOneof("val") or "num")
    return None


def _bounded(column: Mapping[str, Any], n_rows: int) -> dict[str, Any]:
    """What is known of a column that lost rows: counts are no larger, values lie within, nothing is exact."""
    left = n_rows
    counts = {}
    for name in ("n_null", "n_nan", "n_negative_inf", "n_positive_inf"):
        counts[name] = min(column[name], left)
        left -= counts[name]
    counts |= {name: min(column[name], n_rows) for name in ("n_zero", "n_negative")}
    inexact = {"min_exact": False, "max_exact": False, "top_values": {**column["top_values"], "exact": False}}
    if column["distinct"] is not None:
        count = min(column["distinct"]["count"], n_rows)
        inexact["distinct"] = {**column["distinct"], "count": count, "exact": False}
    return {**column, **counts, **inexact}


def _fill_column(feature: Any, column: Mapping[str, Any], n_rows: int) -> None:
    feature.path.step.append(column["name"])
    kind = TYPES.get(column["type"]) or _item_type(column["arrow_type"])
    feature.type = load().FeatureNameStatistics.Type.Value(kind)
    stats = {"STRING": feature.string_stats, "BYTES": feature.bytes_stats, "STRUCT": feature.struct_stats}
    target = stats.get(kind, feature.num_stats)
    _fill_common(target.common_stats, column, n_rows)
    _note(feature, "type", column["type"])
    _note(feature, "arrow_type", column["arrow_type"])
    if column["type"] == "list":
        _note(feature, "incomplete", 1)
    elif column["type"] != "struct":
        fill = {"STRING": _fill_strings, "BYTES": _fill_bytes}.get(kind, _fill_numbers)
        fill(feature, target, column)
        _fill_distinct(feature, column)


def _item_type(arrow_type: str) -> str:
    """The first type inside "List(...)"; names of fields, which stand in quotes, are no types."""
    found = _ITEM_TYPE.search(re.sub(r'"[^"]*"', "", arrow_type))
    return str(found.lastgroup) if found is not None else "STRING"


def _note(feature: Any, name: str, value: float | str) -> None:
    """Keep what the protos have no field for."""
    field = "str" if isinstance(value, str) else "num"
    feature.custom_stats.add(name=PREFIX + name, **{field: value})


def _fill_common(common: Any, column: Mapping[str, Any], n_rows: int) -> None:
    n_present = n_rows - column["n_null"]
    common.SetInParent()
    common.num_non_missing = n_present
    common.num_missing = column["n_null"]
    if not n_present:
        return
    lengths = column.get("value_count") or {"min": 1, "max": 1, "mean": 1.0, "total": n_present}
    common.min_num_values, common.max_num_values = lengths["min"], lengths["max"]
    common.tot_num_values = lengths["total"]
    common.avg_num_values = lengths["total"] / n_present
    n_buckets = histogram.N_BUCKETS if lengths["min"] == lengths["max"] else 1
    buckets = [histogram.Bucket(lengths["min"], lengths["max"], n_present / n_buckets)] * n_buckets
    _fill_histogram(common.num_values_histogram, "QUANTILES", buckets)


def _fill_histogram(target: Any, kind: str, buckets: list[histogram.Bucket], n_nan: int = 0) -> None:
    target.type = load().Histogram.HistogramType.Value(kind)
    target.num_nan = n_nan
    for bucket in buckets:
        target.buckets.add(low_value=bucket.low, high_value=bucket.high, sample_count=bucket.sample_count)


def _fill_numbers(feature: Any, stats: Any, column: Mapping[str, Any]) -> None:
    del feature
    n_nan, n_low, n_high = column["n_nan"], column["n_negative_inf"], column["n_positive_inf"]
    n_finite = max(stats.common_stats.num_non_missing - n_nan - n_low - n_high, 0)
    points = column["quantiles"]
    if column["min"] is not None:
        stats.min, stats.max = float(column["min"]), float(column["max"])
    if column["mean"] is not None:
        stats.mean = column["mean"] if math.isfinite(column["mean"]) else math.nan
        variance = column["variance"] if column["variance"] is not None else math.nan
        stats.std_dev = math.sqrt(variance) if math.isfinite(variance) and variance >= 0 else math.nan
    stats.num_zeros = column["n_zero"]
    inf = {"n_negative_inf": n_low, "n_positive_inf": n_high}
    low, high = (_finite(column["min"], points[0]), _finite(column["max"], points[-1])) if points else (0.0, 0.0)
    by_width = histogram.standard(column["bins"], low, high, **inf)
    by_weight = histogram.quantiles(points, n_finite, **inf)
    if by_weight:
        middle = len(by_weight) // 2
        stats.median = histogram.interpolate(points, 0.5) if not n_low + n_high else by_weight[middle].low
    _fill_histogram(stats.histograms.add(), "STANDARD", by_width, n_nan)
    _fill_histogram(stats.histograms.add(), "QUANTILES", by_weight, n_nan)


def _finite(value: float, otherwise: float) -> float:
    return float(value) if math.isfinite(value) else otherwise


def _fill_strings(feature: Any, stats: Any, column: Mapping[str, Any]) -> None:
    stats.unique = column["distinct"]["count"]
    if column["length"] is not None:
        stats.avg_length = column["length"]["mean"]
    values = column["top_values"]["values"]
    for value, count in values[:N_TOP_VALUES]:
        stats.top_values.add(value=value, frequency=count)
    _fill_ranks(stats.rank_histogram, values[:N_RANKS])
    if not column["top_values"]["exact"] or len(values[:N_RANKS]) < stats.unique:
        _note(feature, "incomplete", 1)
    for end in ("min", "max"):
        if column[end] is not None:
            _note(feature, end, column[end])
            if not column[f"{end}_exact"]:
                _note(feature, f"cut_{end}", 1)


def _fill_ranks(target: Any, values: list[tuple[Any, int]]) -> None:
    for rank, (value, count) in enumerate(values):
        label = str(int(value)) if isinstance(value, bool) else str(value)
        target.buckets.add(low_rank=rank, high_rank=rank, label=label, sample_count=count)


def _fill_bytes(feature: Any, stats: Any, column: Mapping[str, Any]) -> None:
    del feature
    stats.unique = column["distinct"]["count"]
    if column["length"] is not None:
        stats.avg_num_bytes = column["length"]["mean"]
        stats.min_num_bytes = column["length"]["min"]
        stats.max_num_bytes = stats.max_num_bytes_int = column["length"]["max"]


def _fill_distinct(feature: Any, column: Mapping[str, Any]) -> None:
    distinct = column["distinct"]
    _note(feature, "distinct", distinct["count"])
    if not distinct["exact"]:
        _note(feature, "relative_error", distinct["relative_error"])
    values = column["top_values"]["values"][:N_TOP_VALUES]
    if feature.HasField("num_stats") and values and column["top_values"]["exact"]:
        _fill_ranks(feature.custom_stats.add(name=PREFIX + "top_values").rank_histogram, values)
