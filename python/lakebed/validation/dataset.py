"""Rules about a dataset as a whole: its number of rows, by itself and against earlier data.

Rules, order and texts are TFDV's; like there, the most rows are checked only where the fewest are set too. The
comparison with an earlier version of the same data (`num_examples_version_comparator`) is not checked.
"""

from __future__ import annotations

from typing import Any

from lakebed.validation.reason import Reason, six_digits

_VERSUS = "in current dataset versus the previous span"
_IN_VERSUS = "in the current dataset versus the previous span"


def judge_dataset(schema: Any, n_examples: int, n_previous: int | None) -> list[Reason]:
    """Check the number of rows.

    Args:
        schema: A `schema_pb2.Schema`.
        n_examples: Rows of the validated data, more than 0.
        n_previous: Rows of the earlier data; None if there are none to compare with.

    Returns:
        The broken rules.

    Example:
        >>> from lakebed.schema import Schema
        >>> judge_dataset(Schema().with_dataset(min_examples=5).proto, 3, None)[0].description
        'The dataset has 3 examples, which is fewer than expected.'
    """
    constraints = schema.dataset_constraints
    reasons = []
    if n_previous is not None and constraints.HasField("num_examples_drift_comparator"):
        reasons += _compare(constraints.num_examples_drift_comparator, n_examples, n_previous)
    if constraints.HasField("min_examples_count"):
        found = f"The dataset has {six_digits(n_examples)} examples, which is"
        if n_examples < constraints.min_examples_count:
            short = "Low num examples in dataset."
            reasons.append(Reason("DATASET_LOW_NUM_EXAMPLES", short, f"{found} fewer than expected."))
        if constraints.HasField("max_examples_count") and n_examples > constraints.max_examples_count:
            short = "High num examples in dataset."
            reasons.append(Reason("DATASET_HIGH_NUM_EXAMPLES", short, f"{found} more than expected."))
    return reasons


def _compare(comparator: Any, n_examples: int, n_previous: int) -> list[Reason]:
    has_max = comparator.HasField("max_fraction_threshold")
    if n_previous == 0:
        text = f"The previous span has 0 examples, so there is a high number of examples {_IN_VERSUS}."
        short = f"High num examples {_VERSUS}, which has 0."
        return [Reason("COMPARATOR_HIGH_NUM_EXAMPLES", short, text)] if has_max else []
    ratio = n_examples / n_previous
    found = f"The ratio of num examples {_IN_VERSUS} is {six_digits(ratio)} (up to six significant digits), which is"
    reasons = []
    least, most = comparator.min_fraction_threshold, comparator.max_fraction_threshold
    if has_max and ratio > most:
        text = f"{found} above the threshold {six_digits(most)}."
        reasons.append(Reason("COMPARATOR_HIGH_NUM_EXAMPLES", f"High num examples {_VERSUS}.", text))
    if comparator.HasField("min_fraction_threshold") and ratio < least:
        text = f"{found} below the threshold {six_digits(least)}."
        reasons.append(Reason("COMPARATOR_LOW_NUM_EXAMPLES", f"Low num examples {_VERSUS}.", text))
    return reasons
