"""What the rules read of a column's statistics, whoever made them.

A view looks at one `FeatureNameStatistics` inside its dataset. Only top-level columns are seen: statistics of the
fields of a struct are skipped, as are those without common statistics (TFDV's composite features). Weighted statistics
are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from lakebed.statistics import Statistics, proto
from lakebed.statistics.column import column_name


class ColumnView:
    """The statistics of one column, as the rules read them.

    Attributes:
        name: Name of the column.
        type: "INT", "FLOAT", "STRING", "BYTES" or "STRUCT".
        stats: The message of its type's own statistics.
        n_examples: Rows of the dataset.
    """

    def __init__(self, feature: Any, n_examples: int) -> None:
        self._feature = feature
        self.n_examples = n_examples
        self.name = column_name(feature)
        self.type = str(proto.load().FeatureNameStatistics.Type.Name(feature.type))
        kind = feature.WhichOneof("stats")
        self.stats = getattr(feature, kind) if kind else feature.struct_stats
        self.has_numbers = kind == "num_stats"
        self.has_strings = kind == "string_stats"
        common = self.stats.common_stats
        self.n_present = int(common.num_non_missing)
        self.n_missing = int(common.num_missing)
        self.min_values = int(common.min_num_values)
        self.max_values = int(common.max_num_values)
        self.n_values = int(common.tot_num_values) or self.n_present

    @cached_property
    def strings(self) -> dict[str, float]:
        """The known strings with their counts, in byte order; empty for columns of other types."""
        if not self.has_strings:
            return {}
        return {
            bucket.label: bucket.sample_count
            for bucket in sorted(self.stats.rank_histogram.buckets, key=lambda bucket: str(bucket.label))
        }

    @cached_property
    def is_complete(self) -> bool:
        """Whether every distinct string is among the known ones. Statistics of other makers are trusted, as by TFDV."""
        return not proto.custom_value(self._feature, "incomplete")

    @cached_property
    def relative_error(self) -> float:
        """Standard error of the number of distinct values relative to it; 0.0 for a count."""
        return float(proto.custom_value(self._feature, "relative_error") or 0.0)

    @cached_property
    def own_type(self) -> str | None:
        """The core's type of the column; None for statistics of other makers."""
        found = proto.custom_value(self._feature, "type")
        return None if found is None else str(found)

    @cached_property
    def n_nan(self) -> int:
        """Number of NaN, which only histograms tell."""
        return (
            max((int(histogram.num_nan) for histogram in self.stats.histograms), default=0) if self.has_numbers else 0
        )

    @cached_property
    def has_range(self) -> bool:
        """Whether the smallest and greatest number are known: not without values, nor with NaN alone."""
        return self.has_numbers and self.n_nan < self.n_values

    @property
    def fraction_present(self) -> float | None:
        """Rows with a value by all rows; None without rows."""
        return self.n_present / self.n_examples if self.n_examples else None


class DatasetView:
    """The statistics of one dataset, as the rules read them.

    Attributes:
        n_examples: Rows of the dataset.
        columns: Views by name, in the order of the statistics.
    """

    def __init__(self, statistics: Statistics) -> None:
        message = statistics.dataset()
        self.n_examples = int(message.num_examples)
        self.columns = {view.name: view for view in _views(message)}


def _views(message: Any) -> Iterator[ColumnView]:
    for feature in message.features:
        kind = feature.WhichOneof("stats")
        if kind and getattr(feature, kind).HasField("common_stats") and len(feature.path.step) <= 1:
            yield ColumnView(feature, int(message.num_examples))
