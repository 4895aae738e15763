"""Rules about change: a column's distribution against that of earlier data (drift) or of serving data (skew).

Thresholds stand in the schema's `drift_comparator` and `skew_comparator`; a value above one is an anomaly, and every
comparison is recorded, anomaly or not. Rules and texts are TFDV's. As there, only strings have labels to compare, so
the infinity norm and the normalised difference of numbers are 0; numbers have the Jensen-Shannon divergence of their
histograms, which differs from TFDV's where there are NaN or infinities (see `align_buckets`). Strings that the
statistics do not know (see `frequencies_complete`) take no part.
"""

from __future__ import annotations

from typing import Any

from lakebed.schema import proto as schema_proto
from lakebed.statistics import proto
from lakebed.validation import divergence
from lakebed.validation.case import Case, Control, Measurement, Rule
from lakebed.validation.reason import Reason, six_digits
from lakebed.validation.view import ColumnView

_LABELLED = (
    (
        "infinity_norm",
        "L_INFTY",
        "COMPARATOR_L_INFTY_HIGH",
        "Linfty distance",
        divergence.infinity_norm,
    ),
    (
        "normalized_abs_difference",
        "NORMALIZED_ABSOLUTE_DIFFERENCE",
        "COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH",
        "normalized absolute difference",
        divergence.normalized_abs_difference,
    ),
)


def jensen_shannon_of(ours: ColumnView, theirs: ColumnView, source: str = "DEFAULT") -> float | None:
    """Compare the distributions of two columns.

    Args:
        ours: Statistics of the column in the validated data.
        theirs: Its statistics in the other data.
        source: Which histograms of numbers to compare: "DEFAULT" and "STANDARD" mean equal width, "QUANTILES" equal
            weight.

    Returns:
        The Jensen-Shannon divergence, 0 to 1; None where one side has no values or the types differ.
    """
    if ours.has_strings and theirs.has_strings:
        if not ours.strings or not theirs.strings:
            return None
        return divergence.jensen_shannon(*divergence.align_labels(ours.strings, theirs.strings))
    kind = "QUANTILES" if source == "QUANTILES" else "STANDARD"
    left, right = _histogram(ours, kind), _histogram(theirs, kind)
    if left is None or right is None:
        return None
    cells = divergence.align_buckets(
        _buckets(left), _buckets(right), n_nan_ours=left.num_nan, n_nan_theirs=right.num_nan
    )
    return divergence.jensen_shannon(*cells)


def _has_not_moved(case: Case) -> list[Reason]:
    return [reason for control in case.controls for reason in _compare(case, control)]


def _compare(case: Case, control: Control) -> list[Reason]:
    comparator = getattr(case.feature, control.comparator)
    if not comparator.ListFields():
        return []
    if control.view is None:
        text = f"{control.theirs} data"
        return [Reason("COMPARATOR_CONTROL_DATA_MISSING", f"{text} missing", f"{text} is missing.")]
    reasons = _compare_labels(case, control, control.view, comparator)
    return reasons + _compare_distributions(case, control, control.view, comparator)


def _compare_labels(case: Case, control: Control, theirs: ColumnView, comparator: Any) -> list[Reason]:
    reasons: list[Reason] = []
    for field, measure, kind, name, distance in _LABELLED:
        norm = getattr(comparator, field)
        if not norm.HasField("threshold"):
            continue
        value, label = distance(case.view.strings, theirs.strings)
        case.measurements.append(Measurement(control.measurements, measure, value, norm.threshold))
        if value > norm.threshold:
            short, text = _texts(control, name, value, norm.threshold)
            reasons.append(Reason(kind, short, f"{text} The feature value with maximum difference is: {label}"))
            norm.threshold = value
    return reasons


def _compare_distributions(case: Case, control: Control, theirs: ColumnView, comparator: Any) -> list[Reason]:
    setting = comparator.jensen_shannon_divergence
    if not setting.HasField("threshold"):
        return []
    source = schema_proto.load().HistogramSelection.Type.Name(setting.source.type)
    value = jensen_shannon_of(case.view, theirs, source)
    if value is None:
        return []
    case.measurements.append(Measurement(control.measurements, "JENSEN_SHANNON_DIVERGENCE", value, setting.threshold))
    if value <= setting.threshold:
        return []
    texts = _texts(control, "approximate Jensen-Shannon divergence", value, setting.threshold)
    setting.threshold = value
    return [Reason("COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH", *texts)]


def _texts(control: Control, name: str, value: float, threshold: float) -> tuple[str, str]:
    between = f"{name} between {control.ours} and {control.theirs}"
    limits = f"is {six_digits(value)} (up to six significant digits), above the threshold {six_digits(threshold)}."
    return f"High {between}", f"The {between} {limits}"


def _histogram(view: ColumnView, kind: str) -> Any | None:
    if not view.has_numbers:
        return None
    wanted = proto.load().Histogram.HistogramType.Value(kind)
    for histogram in view.stats.histograms:
        if histogram.type == wanted and (histogram.buckets or histogram.num_nan):
            return histogram
    return None


def _buckets(histogram: Any) -> list[tuple[float, float, float]]:
    return [(bucket.low_value, bucket.high_value, bucket.sample_count) for bucket in histogram.buckets]


DRIFT_RULES: tuple[Rule, ...] = (_has_not_moved,)
"""Rules about distributions; they apply after those about the values."""
