"""Rules about rows: whether a column is there, in which environment, how often, and with how many values a row.

They also compare the type and the number of distinct strings. Rules, order and texts are TFDV's. Where the number of
distinct strings is an estimate the text says so.
"""

from __future__ import annotations

from math import prod

from lakebed.schema import environment as environments
from lakebed.schema import feature as features
from lakebed.schema import proto
from lakebed.validation.case import Case, Rule
from lakebed.validation.reason import Reason, six_digits

DROPPED = "Column dropped"
MISSING = Reason("SCHEMA_MISSING_COLUMN", DROPPED, "Column is completely missing")
NEW = Reason("SCHEMA_NEW_COLUMN", "New column", "New column (column in data but not in schema)")

_FEWER = "The feature was present in fewer examples than expected:"
_NOT_ALWAYS_PRESENT = (
    "The feature has a shape, but it's not always present (if the feature is nested, then it should always be present "
    "at each nested level) or its value lengths vary."
)
_NOT_COUNTED = (
    "UniqueConstraints specified for the feature, but unique values were not counted (i.e., feature is not string or "
    "categorical)."
)


def _is_present(case: Case) -> list[Reason]:
    if case.view.n_present:
        return []
    case.is_closed = True
    is_expected = environments.in_environment(case.schema, case.feature, case.environment)
    if not is_expected or not features.is_required(case.feature):
        return []
    case.deprecate()
    return [Reason("FEATURE_TYPE_NOT_PRESENT", DROPPED, "The feature was not present in any examples.")]


def _is_in_environment(case: Case) -> list[Reason]:
    if environments.in_environment(case.schema, case.feature, case.environment):
        return []
    if case.environment in case.feature.not_in_environment:
        case.feature.not_in_environment.remove(case.environment)
    if not environments.in_environment(case.schema, case.feature, case.environment):
        case.feature.in_environment.append(case.environment)
    text = f"New column {case.feature.name} found in data but not in the environment {case.environment} in the schema."
    return [Reason("SCHEMA_NEW_COLUMN", "Column missing in environment", text)]


def _has_number_of_values(case: Case) -> list[Reason]:
    if not case.feature.HasField("value_count"):
        return []
    count, view, reasons = case.feature.value_count, case.view, []
    if count.HasField("min") and view.min_values < count.min:
        count.ClearField("min")
        if view.min_values:
            count.min = view.min_values
        text = "Some examples have fewer values than expected."
        reasons.append(Reason("FEATURE_TYPE_LOW_NUMBER_VALUES", "Missing values", text))
    if count.HasField("max") and view.max_values > count.max:
        count.max = view.max_values
        text = "Some examples have more values than expected."
        reasons.append(Reason("FEATURE_TYPE_HIGH_NUMBER_VALUES", "Superfluous values", text))
    return reasons


def _has_depth(case: Case) -> list[Reason]:
    if not case.feature.HasField("value_counts") or len(case.feature.value_counts.value_count) == 1:
        return []
    case.feature.ClearField("value_counts")
    text = "The values have a different nest level than expected. Value counts will not be checked."
    return [Reason("VALUE_NESTEDNESS_MISMATCH", "Mismatched value nest level", text)]


def _has_shape(case: Case) -> list[Reason]:
    if not case.feature.HasField("shape"):
        return []
    view = case.view
    size = prod(dim.size for dim in case.feature.shape.dim)
    if view.n_missing or not view.min_values == view.max_values > 0:
        text = _NOT_ALWAYS_PRESENT
    elif view.min_values != size:
        text = f"The feature has fixed value length {view.min_values} but it's not compatible with the specified shape."
    else:
        return []
    case.feature.ClearField("shape")
    return [Reason("INVALID_FEATURE_SHAPE", "Feature shape dropped", text)]


def _is_frequent(case: Case) -> list[Reason]:
    if not case.feature.HasField("presence"):
        return []
    presence, view, reasons = case.feature.presence, case.view, []
    if view.n_present < presence.min_count:
        text = f"{_FEWER} minimum count = {presence.min_count}, actual = {view.n_present}"
        presence.min_count = view.n_present
        reasons.append(Reason("FEATURE_TYPE_LOW_NUMBER_PRESENT", DROPPED, text))
    fraction = view.fraction_present
    if fraction is not None and fraction < presence.min_fraction:
        text = f"{_FEWER} minimum fraction = {presence.min_fraction:f}, actual = {fraction:f}"
        presence.min_fraction = fraction
        reasons.append(Reason("FEATURE_TYPE_LOW_FRACTION_PRESENT", DROPPED, text))
    if presence.min_fraction == 1 and view.n_missing:
        presence.ClearField("min_fraction")
        text = f"The feature was expected everywhere, but was missing in {six_digits(view.n_missing)} examples."
        reasons.append(Reason("FEATURE_TYPE_LOW_FRACTION_PRESENT", DROPPED, text))
    return reasons


def _has_data_type(case: Case) -> list[Reason]:
    expected = proto.load().FeatureType.Name(case.feature.type)
    found = case.view.type
    if expected == ("BYTES" if found == "STRING" else found):
        return []
    case.deprecate()
    text = f"Expected data of type: {expected} but got {found}"
    return [Reason("UNEXPECTED_DATA_TYPE", "Unexpected data type", text)]


def _has_number_of_distinct_strings(case: Case) -> list[Reason]:
    if not case.feature.HasField("unique_constraints"):
        return []
    if not case.view.has_strings:
        case.feature.ClearField("unique_constraints")
        return [Reason("FEATURE_TYPE_NO_UNIQUE", "No unique values", _NOT_COUNTED)]
    limits, n, reasons = case.feature.unique_constraints, int(case.view.stats.unique), []
    error = case.view.relative_error
    note = f" The number found is an estimate with a relative error of {100 * error:.2g} %." if error else ""
    if n < limits.min:
        text = f"Expected at least {limits.min} unique values but found only {n}.{note}"
        limits.min = n
        reasons.append(Reason("FEATURE_TYPE_LOW_UNIQUE", "Low number of unique values", text))
    if n > limits.max:
        text = f"Expected no more than {limits.max} unique values but found {n}.{note}"
        limits.max = n
        reasons.append(Reason("FEATURE_TYPE_HIGH_UNIQUE", "High number of unique values", text))
    return reasons


PRESENCE_RULES: tuple[Rule, ...] = (
    _is_present,
    _is_in_environment,
    _has_number_of_values,
    _has_depth,
    _has_shape,
    _is_frequent,
    _has_data_type,
)
"""Rules about rows and type, in the order they apply."""

UNIQUE_RULES: tuple[Rule, ...] = (_has_number_of_distinct_strings,)
"""Rules about the number of distinct values; they apply after those about the values."""
