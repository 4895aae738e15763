"""Statistics protos of tensorflow-metadata, made of core summaries of columns.

The meaning of each field is that of TensorFlow Data Validation: one value a present row in a scalar column, the
innermost values of lists, members of structs as paths, a STANDARD and a QUANTILES histogram of ten buckets, population
variance, lengths in bytes, the 20 most frequent strings and up to 1000 ranks. It differs in these points:

- dates, times, timestamps and durations, which TFDV drops, are INT columns of epoch units (days, or the column's own);
- binary columns are BYTES, not STRING;
- decimals, which TFDV drops, are FLOAT columns; their exact digits stand in the custom statistics;
- a column without any value keeps its own type; in TFDV it becomes STRING;
- mean and deviation are the summary's, which leaves infinities out; in TFDV, with infinities, they are NaN and 0;
- histograms of equal width are made of counted values or fine cells; in TFDV of 1,000 quantiles.

With `compatibility="tfdv"` the last two are as in TFDV. What the protos have no field for is kept in custom statistics
whose names start with "lakebed.", which TFDV ignores.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from lakebed.statistics import histogram, tfdv_histogram

PREFIX = "lakebed."
N_TOP_VALUES = 20
N_RANKS = 1000
TFDV_LEAST_WEIGHT = 1.0
"""Values of less weight are not among TFDV's frequent ones."""

TYPES = {
    **dict.fromkeys(("bool", "int", "uint", "date", "time", "timestamp", "duration"), "INT"),
    **dict.fromkeys(("float", "decimal"), "FLOAT"),
    "string": "STRING",
    "binary": "BYTES",
    "struct": "STRUCT",
}
"""Core type of a column's values -> type of its statistics."""

FIGURES: tuple[str, ...] = (
    "n_rows",
    "n_values",
    "n_null_values",
    "n_negative",
    "sum",
    "variance",
    "quantiles",
    "rank_error",
    "length",
    "characters",
    "min_exact",
    "max_exact",
    "item_type",
)
"""Parts of a summary that are kept as they are, as JSON."""


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


def fill_dataset(dataset: Any, name: str, summary: Mapping[str, Any], *, compatibility: str | None = None) -> None:
    """Fill the statistics of one dataset.

    Args:
        dataset: An empty `statistics_pb2.DatasetFeatureStatistics`.
        name: Name of the dataset or slice; "" is the usual name of a whole dataset.
        summary: A core summary: `n_rows` and one dict for each column, in the order of the table.
        compatibility: "tfdv" for TFDV's own figures where they are others by accident.

    Example:
        >>> dataset = load().DatasetFeatureStatistics()
        >>> fill_dataset(dataset, "", {"n_rows": 3, "columns": []})
        >>> dataset.num_examples
        3
    """
    dataset.name = name
    dataset.num_examples = summary["n_rows"]
    if summary.get("weight") is not None:
        dataset.weighted_num_examples = summary["weight"]
    for column in _bounded(summary) if summary.get("n_deleted") else summary["columns"]:
        filler = _Filler(dataset.features.add(), column, summary, tfdv=compatibility == "tfdv")
        filler.fill()


def custom_value(feature: Any, name: str) -> Any:
    """Read one of Lakebed's own statistics of a column.

    Args:
        feature: A `statistics_pb2.FeatureNameStatistics`.
        name: Its name without the prefix: "type", "arrow_type", "distinct", "relative_error", "incomplete", "min",
            "max", "cut_min", "cut_max", "top_values", "deleted", "figures".

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


def figures(feature: Any) -> dict[str, Any]:
    """Read the figures of a column that the protos have no field for.

    Args:
        feature: A `statistics_pb2.FeatureNameStatistics`.

    Returns:
        The members of `FIGURES` that there are, "top_values_error", "levels" and "absent"; empty for statistics of
        other makers.

    Example:
        >>> figures(load().FeatureNameStatistics())
        {}
    """
    text = custom_value(feature, "figures")
    return {} if text is None else dict(json.loads(text))


def _bounded(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is known of columns that lost rows: counts are no larger, values lie within, nothing is exact."""
    n_left = summary["n_rows"]
    return [_bounded_column(column, n_left) for column in summary["columns"]]


def _bounded_column(column: Mapping[str, Any], n_left: int) -> dict[str, Any]:
    n_rows = min(column["n_rows"], n_left) if len(column["path"]) > 1 else n_left
    counts = {"n_rows": n_rows}
    room = n_rows
    for name in ("n_null", "n_nan", "n_negative_inf", "n_positive_inf"):
        counts[name] = min(column[name], room)
        room -= counts[name]
    if not column["levels"]:
        counts["n_values"] = n_rows - counts["n_null"]
        counts |= {name: min(column[name], n_rows) for name in ("n_zero", "n_negative")}
    inexact: dict[str, Any] = {"min_exact": False, "max_exact": False, "rank_error": 1.0}
    inexact["top_values"] = {**column["top_values"], "exact": False}
    if column["distinct"] is not None:
        count = min(column["distinct"]["count"], n_rows) if not column["levels"] else column["distinct"]["count"]
        inexact["distinct"] = {**column["distinct"], "count": count, "exact": False}
    return {**column, **counts, **inexact}


class _Filler:
    """Fills the statistics of one column."""

    def __init__(self, feature: Any, column: Mapping[str, Any], summary: Mapping[str, Any], *, tfdv: bool) -> None:
        self._feature = feature
        self._column = column
        self._summary = summary
        self._tfdv = tfdv
        self._weighted = column.get("weighted")

    def fill(self) -> None:
        feature, column = self._feature, self._column
        feature.path.step.extend(column.get("path") or [column["name"]])
        item_type = column.get("item_type") or column["type"]
        kind = TYPES.get(item_type, "STRING")
        feature.type = load().FeatureNameStatistics.Type.Value(kind)
        stats = {"STRING": feature.string_stats, "BYTES": feature.bytes_stats, "STRUCT": feature.struct_stats}
        target = stats.get(kind, feature.num_stats)
        common = target if kind != "STRUCT" else feature.struct_stats
        self._fill_common(common.common_stats)
        self._note("type", column["type"])
        self._note("arrow_type", column["arrow_type"])
        if item_type in TYPES and kind != "STRUCT":
            fill = {"STRING": self._fill_strings, "BYTES": self._fill_bytes}.get(kind, self._fill_numbers)
            fill(target)
            self._fill_distinct()
        self._fill_figures()

    def _note(self, name: str, value: float | str) -> None:
        """Keep what the protos have no field for."""
        field = "str" if isinstance(value, str) else "num"
        self._feature.custom_stats.add(name=PREFIX + name, **{field: value})

    def _fill_figures(self) -> None:
        kept = {name: self._column[name] for name in FIGURES if self._column.get(name) is not None}
        if isinstance(self._column.get("min"), int):
            kept |= {"whole_min": self._column["min"], "whole_max": self._column["max"]}
        kept |= _binary_ends(self._column)
        ends = {f"decimal_{end}": self._column.get(end) for end in ("min", "max")}
        kept |= {name: end for name, end in ends.items() if isinstance(end, Decimal)}
        kept["top_values_error"] = (self._column.get("top_values") or {}).get("error", 0)
        absent = [name for name in ("mean", "quantiles", "min", "max") if self._column.get(name) in (None, [])]
        if "moments" not in self._column.get("content", ("moments",)):
            absent += ["n_zero", "n_negative"]
        if "rank_error" in self._column and absent:
            kept["absent"] = absent
        if self._summary.get("n_deleted"):
            self._note("deleted", self._summary["n_deleted"])
        if len(self._column.get("levels") or ()) > 0:
            kept["levels"] = [{"n_null": level["n_null"], **level["value_count"]} for level in self._column["levels"]]
        self._note("figures", json.dumps(kept, separators=(",", ":"), default=decimal_text))

    def _fill_common(self, common: Any) -> None:
        column = self._column
        n_rows = column.get("n_rows", self._summary["n_rows"])
        levels = column.get("levels") or ()
        n_present = n_rows - column["n_null"]
        common.SetInParent()
        common.num_non_missing = n_present
        common.num_missing = column["n_null"]
        if n_present:
            lengths = column.get("value_count") or {"min": 1, "max": 1, "total": n_present}
            bins = [(1.0, 1.0, float(n_present))]
            if levels:
                # Of nested lists, all innermost values of a row together are what the plain fields are about.
                per_row = column.get("values_per_row") or levels[-1]
                lengths, bins = per_row["value_count"], per_row["bins"]
            common.min_num_values, common.max_num_values = lengths["min"], lengths["max"]
            common.tot_num_values = lengths["total"]
            common.avg_num_values = lengths["total"] / n_present
            total = sum(count for _, _, count in bins)
            if self._tfdv:
                buckets = tfdv_histogram.quantiles([(low, high, float(count)) for low, high, count in bins])
            else:
                buckets = histogram.quantiles(histogram.quantiles_of_bins(bins), int(total)) if total else []
            _fill_histogram(common.num_values_histogram, "QUANTILES", buckets)
        if len(levels) > 1:
            self._fill_levels(common, n_rows, levels)
        if self._weighted is not None:
            weighted = self._weighted
            target = common.weighted_common_stats
            target.num_non_missing, target.num_missing = weighted["present"], weighted["missing"]
            target.tot_num_values = weighted["values"]
            target.avg_num_values = weighted["values"] / weighted["present"] if weighted["present"] else 0.0

    def _fill_levels(self, common: Any, n_rows: int, levels: Sequence[Mapping[str, Any]]) -> None:
        n_lists = n_rows
        for level in levels:
            lengths = level["value_count"]
            common.presence_and_valency_stats.add(
                num_missing=level["n_null"],
                num_non_missing=n_lists - level["n_null"],
                min_num_values=lengths["min"],
                max_num_values=lengths["max"],
                tot_num_values=lengths["total"],
            )
            n_lists = lengths["total"]

    def _fill_numbers(self, stats: Any) -> None:
        column = self._column
        n_values = column.get("n_values", stats.common_stats.num_non_missing)
        n_nan, n_low, n_high = column["n_nan"], column["n_negative_inf"], column["n_positive_inf"]
        inf = {"n_negative_inf": n_low, "n_positive_inf": n_high}
        if column["min"] is not None:
            stats.min, stats.max = float(column["min"]), float(column["max"])
        if column["mean"] is not None:
            stats.mean, stats.std_dev = _mean_and_deviation(column["mean"], column["variance"])
        if self._tfdv and n_low + n_high:
            stats.mean, stats.std_dev = math.nan, 0.0
        stats.num_zeros = column["n_zero"]
        points = column["quantiles"]
        if not n_values or (not points and n_values > n_nan + n_low + n_high):
            # There is no value, or nothing about their distribution was asked for.
            return
        ends = (_finite(column["min"], points[0]), _finite(column["max"], points[-1])) if points else (0.0, 0.0)
        if self._tfdv:
            _fill_as_tfdv(stats, column["bins"], ends if points else (math.nan, math.nan), inf, n_nan)
        else:
            n_finite = n_values - n_nan - n_low - n_high
            by_width = histogram.standard(column["bins"], *ends, **inf)
            _fill_distribution(stats, points, by_width, n_finite=n_finite, inf=inf, n_nan=n_nan)
        if self._weighted is not None:
            self._fill_weighted_numbers(stats.weighted_numeric_stats, ends)

    def _fill_weighted_numbers(self, stats: Any, ends: tuple[float, float]) -> None:
        weighted = self._weighted or {}
        if weighted["mean"] is not None:
            stats.mean, stats.std_dev = _mean_and_deviation(weighted["mean"], weighted["variance"])
        inf = {"n_negative_inf": weighted["negative_inf"], "n_positive_inf": weighted["positive_inf"]}
        if self._tfdv and sum(inf.values()):
            stats.mean, stats.std_dev = math.nan, 0.0
        points, finite = weighted["quantiles"], sum(count for _, _, count in weighted["bins"])
        if self._tfdv:
            _fill_as_tfdv(stats, weighted["bins"], ends, inf, weighted["nan"])
        else:
            by_width = histogram.standard(weighted["bins"], *ends, **inf)
            _fill_distribution(stats, points, by_width, n_finite=finite, inf=inf, n_nan=weighted["nan"])

    def _fill_strings(self, stats: Any) -> None:
        column = self._column
        if column["distinct"] is not None:
            stats.unique = column["distinct"]["count"]
        if column["length"] is not None:
            stats.avg_length = column["length"]["mean"]
        stats.invalid_utf8_count = column.get("n_invalid_utf8", 0)
        values = self._counted(column["top_values"]["values"][:N_RANKS])
        for value, count in values[:N_TOP_VALUES]:
            stats.top_values.add(value=value, frequency=count)
        _fill_ranks(stats.rank_histogram, values)
        if not column["top_values"]["exact"] or len(values) < stats.unique:
            self._note("incomplete", 1)
        for end in ("min", "max"):
            if column[end] is not None:
                self._note(end, column[end])
                if not column[f"{end}_exact"]:
                    self._note(f"cut_{end}", 1)
        if self._weighted is not None:
            least = TFDV_LEAST_WEIGHT if self._tfdv else 0.0
            weights = [pair for pair in self._weighted["top_values"][:N_RANKS] if pair[1] >= least]
            values = self._labelled(weights)
            for value, weight in values[:N_TOP_VALUES]:
                stats.weighted_string_stats.top_values.add(value=value, frequency=weight)
            _fill_ranks(stats.weighted_string_stats.rank_histogram, values)

    def _labelled(self, values: Sequence[tuple[Any, Any]]) -> list[tuple[str, Any]]:
        """Frequent text with its counts. What is not UTF-8 cannot stand in a proto."""
        if self._tfdv and not all(isinstance(value, str) for value, _ in values):
            hidden = [(value if isinstance(value, str) else "__BYTES_VALUE__", count) for value, count in values]
            return sorted(hidden, key=lambda item: (item[1], item[0].encode()), reverse=True)
        return [(value if isinstance(value, str) else _escaped(value), count) for value, count in values]

    def _counted(self, values: Sequence[tuple[Any, int]]) -> list[tuple[str, int]]:
        """The same; to TFDV, what is not UTF-8 is all one value, but by weight."""
        labels = self._labelled(values)
        if not self._tfdv:
            return labels
        counts: dict[str, int] = {}
        for label, count in labels:
            counts[label] = counts.get(label, 0) + count
        return sorted(counts.items(), key=lambda item: (item[1], item[0].encode()), reverse=True)

    def _fill_bytes(self, stats: Any) -> None:
        column = self._column
        if column["distinct"] is not None:
            stats.unique = column["distinct"]["count"]
        if column["length"] is not None:
            stats.avg_num_bytes = column["length"]["mean"]
            stats.min_num_bytes = column["length"]["min"]
            stats.max_num_bytes = stats.max_num_bytes_int = column["length"]["max"]

    def _fill_distinct(self) -> None:
        distinct, top = self._column["distinct"], self._column["top_values"]
        if distinct is not None:
            self._note("distinct", distinct["count"])
            if not distinct["exact"]:
                self._note("relative_error", distinct["relative_error"])
        values = top["values"][:N_TOP_VALUES]
        if not self._feature.HasField("string_stats") and values:
            values = [(_plain(value), count) for value, count in values]
            _fill_ranks(self._feature.custom_stats.add(name=PREFIX + "top_values").rank_histogram, values)


def _binary_ends(column: Mapping[str, Any]) -> dict[str, str]:
    """Least and greatest of bytes in hexadecimal; those of text that is not UTF-8 stand with the text."""
    if column.get("item_type", column["type"]) != "binary":
        return {}
    return {f"hex_{end}": column[end].hex() for end in ("min", "max") if isinstance(column[end], bytes)}


def decimal_text(value: Decimal) -> str:
    """Write a decimal with all of its digits and no exponent.

    Args:
        value: The decimal.

    Returns:
        Text that `decimal.Decimal` reads back.

    Example:
        >>> decimal_text(Decimal("1.50")), decimal_text(Decimal("2E3"))
        ('1.50', '2000')
    """
    return f"{value:f}"


def _escaped(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return decimal_text(value) if isinstance(value, Decimal) else value


def _mean_and_deviation(mean: float, variance: float | None) -> tuple[float, float]:
    deviation = math.sqrt(variance) if variance is not None and 0 <= variance < math.inf else math.nan
    return (mean if math.isfinite(mean) else math.nan), deviation


def _finite(value: float | None, otherwise: float) -> float:
    return float(value) if value is not None and math.isfinite(value) else otherwise


def _fill_as_tfdv(
    stats: Any, bins: Sequence[Any], ends: tuple[float, float], inf: Mapping[str, float], n_nan: float
) -> None:
    cells = [(low, high, float(count)) for low, high, count in bins]
    if inf["n_negative_inf"]:
        cells.insert(0, (-math.inf, -math.inf, float(inf["n_negative_inf"])))
    if inf["n_positive_inf"]:
        cells.append((math.inf, math.inf, float(inf["n_positive_inf"])))
    if cells:
        stats.median = tfdv_histogram.median(cells)
    # It cuts the weight of NaN off at the point.
    whole = math.floor(n_nan)
    _fill_histogram(stats.histograms.add(), "STANDARD", tfdv_histogram.standard(cells, *ends), whole)
    _fill_histogram(stats.histograms.add(), "QUANTILES", tfdv_histogram.quantiles(cells), whole)


def _fill_distribution(
    stats: Any,
    points: Sequence[float],
    by_width: list[histogram.Bucket],
    *,
    n_finite: float,
    inf: Mapping[str, float],
    n_nan: float,
) -> None:
    ends = {name: float(n) for name, n in inf.items()}
    by_weight = histogram.quantiles(
        points, n_finite, n_negative_inf=ends["n_negative_inf"], n_positive_inf=ends["n_positive_inf"]
    )
    if by_weight:
        # As mean and deviation, that of the finite numbers where there are any.
        stats.median = histogram.interpolate(points, 0.5) if points else by_weight[len(by_weight) // 2].low
    _fill_histogram(stats.histograms.add(), "STANDARD", by_width, n_nan)
    _fill_histogram(stats.histograms.add(), "QUANTILES", by_weight, n_nan)


def _fill_histogram(target: Any, kind: str, buckets: list[histogram.Bucket], n_nan: float = 0) -> None:
    target.type = load().Histogram.HistogramType.Value(kind)
    target.num_nan = round(n_nan)
    for bucket in buckets:
        target.buckets.add(low_value=bucket.low, high_value=bucket.high, sample_count=bucket.sample_count)


def _fill_ranks(target: Any, values: Sequence[tuple[Any, float]]) -> None:
    for rank, (value, count) in enumerate(values):
        label = str(int(value)) if isinstance(value, bool) else str(value)
        target.buckets.add(low_rank=rank, high_rank=rank, label=label, sample_count=count)
