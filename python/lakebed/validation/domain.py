"""Rules about values: strings of a domain, ranges of integers and floats, booleans, NaN and infinities.

Rules, order and texts are TFDV's. It differs where the statistics do not know every string of a column (more distinct
strings than a summary keeps), which TFDV does not notice:

- strings outside the domain that are known are reported, with a sentence that says how much was looked at;
- none known, but more distinct strings than the domain has: reported, by number;
- else the column gets a warning, since it cannot be said that it is in its domain.

The values inside lists count as any others. It also differs for columns that hold NaN alone: TFDV compares the number 0
with the range, here no range is checked.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any

from lakebed.schema import feature as features
from lakebed.schema import proto
from lakebed.statistics.proto import load as load_statistics
from lakebed.validation.case import Case, Rule
from lakebed.validation.reason import Reason, escape, six_digits
from lakebed.validation.view import ColumnView

SURE_ERRORS = 3
"""How many standard errors an estimate of distinct values may be off before a rule relies on it."""

_INTEGER = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+[ \t\n\v\f\r]*")
_FLOAT = re.compile(
    r"[ \t\n\v\f\r]*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity|nan)[ \t\n\v\f\r]*",
    re.IGNORECASE,
)
_RANGE, _VALUES, _BOOLEAN = "Out-of-range values", "Invalid values", "Non-boolean values"


def parse_int(text: str) -> int | None:
    """Read a string as a 64-bit integer.

    Args:
        text: Digits in ASCII, with a sign and surrounding blanks or without.

    Returns:
        The integer; None if the text is none or does not fit.

    Example:
        >>> parse_int(" +3"), parse_int("3.0"), parse_int("9223372036854775808")
        (3, None, None)
    """
    if _INTEGER.fullmatch(text) is None:
        return None
    value = int(text)
    return value if -(2**63) <= value < 2**63 else None


def parse_float(text: str) -> float | None:
    """Read a string as a float.

    Args:
        text: A decimal number, "inf" or "nan", with surrounding blanks or without.

    Returns:
        The nearest 32-bit float, as TFDV reads it; None if the text is no number.

    Example:
        >>> parse_float("1.5e1"), parse_float("x")
        (15.0, None)
    """
    return as_float32(float(text)) if _FLOAT.fullmatch(text) else None


def as_float32(value: float) -> float:
    """Round to a 32-bit float, in which TFDV compares ranges of floats.

    Args:
        value: Any float.

    Returns:
        The nearest 32-bit float; infinity where the value is too great for one.

    Example:
        >>> as_float32(0.1)
        0.10000000149011612
    """
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _has_domain(case: Case) -> list[Reason]:
    kind = case.feature.WhichOneof("domain_info")
    if kind is None or case.view.type != "BYTES":
        return []
    case.clear_domain()
    text = f"Data is marked as BYTES with incompatible domain_info: {_as_cpp(proto.to_text(case.feature))}"
    return [Reason("DOMAIN_INVALID_FOR_TYPE", "Invalid domain type", text)]


def _as_cpp(text: str) -> str:
    """Floats in the text format as protobuf's C++ writes them: 1, where Python writes 1.0; 15 or 17 digits."""

    def rewrite(match: re.Match[str]) -> str:
        value = float(match[1])
        return f": {value:.15g}" if float(f"{value:.15g}") == value else f": {value:.17g}"

    return re.sub(r": (-?\d+\.\d+(?:e[+-]\d+)?)$", rewrite, text, flags=re.MULTILINE)


def _is_in_strings(case: Case) -> list[Reason]:
    domain = features.strings_of(case.schema, case.feature)
    if domain is None:
        return []
    allowed, view = set(domain.value), case.view
    outside = {value: count for value, count in view.strings.items() if value not in allowed}
    mass = sum(outside.values()) / view.n_values if view.n_values else 0.0
    if not mass > 1 - _least_mass(case.feature):
        return [] if view.is_complete or not view.has_strings else _beyond_the_known(case, len(allowed))
    domain.value.extend(outside)
    listed = "".join(f"{escape(value)} ({_percent(count, view.n_values)}), " for value, count in outside.items())
    note = "" if view.is_complete else f"{_looked_at(view)} others may be outside too. "
    text = f"Examples contain values missing from the schema: {listed[:-2]}. {note}"
    return [Reason("ENUM_TYPE_UNEXPECTED_STRING_VALUES", "Unexpected string values", text)]


def _least_mass(feature: Any) -> float:
    constraints = feature.distribution_constraints
    return float(constraints.min_domain_mass) if feature.HasField("distribution_constraints") else 1.0


def _percent(count: float, total: float) -> str:
    return "<1%" if count / total < 0.01 else f"~{int(count * 100 / total)}%"


def _looked_at(view: ColumnView) -> str:
    estimate = "about " if view.relative_error else ""
    share = sum(view.strings.values()) / view.n_values if view.n_values else 0.0
    return (
        f"Only the {len(view.strings)} most frequent of {estimate}{view.stats.unique} distinct values "
        f"({min(100.0, 100 * share):.3g}% of all values) were compared with the domain;"
    )


def _beyond_the_known(case: Case, n_allowed: int) -> list[Reason]:
    """All known strings are in the domain, but not all strings are known."""
    view = case.view
    surely = math.ceil(view.stats.unique * (1 - SURE_ERRORS * view.relative_error))
    n_outside = surely - n_allowed
    if n_outside > 0 and n_outside / view.n_values > 1 - _least_mass(case.feature):
        case.clear_domain()
        text = (
            f"Examples contain at least {n_outside} values missing from the schema: there are at least {surely} "
            f"distinct values, and the domain has {n_allowed}. {_looked_at(view)} all of these are in it."
        )
        return [Reason("ENUM_TYPE_UNEXPECTED_STRING_VALUES", "Unexpected string values", text)]
    return [_unchecked(view, "all of these are in it, the others are not known.")]


def _unchecked(view: ColumnView, outcome: str) -> Reason:
    return Reason("UNKNOWN_TYPE", "Domain not fully checked", f"{_looked_at(view)} {outcome}", "WARNING")


def _is_in_integers(case: Case) -> list[Reason]:
    if not case.feature.HasField("int_domain"):
        return []
    view, domain = case.view, case.feature.int_domain
    if view.has_strings:
        values = [parse_int(text) for text in view.strings]
        numbers = [value for value in values if value is not None]
        if len(numbers) < len(values):
            return _not_numbers(case, "ints", "INT_TYPE_NOT_INT_STRING", parse_int)
    elif view.type == "INT" and view.has_range:
        numbers = [int(view.stats.min), int(view.stats.max)]
    else:
        numbers = []
    reasons = []
    if numbers and domain.HasField("min") and min(numbers) < domain.min:
        domain.min = min(numbers)
        reasons.append(Reason("INT_TYPE_SMALL_INT", _RANGE, f"Unexpectedly small value: {min(numbers)}."))
    if numbers and domain.HasField("max") and max(numbers) > domain.max:
        domain.max = max(numbers)
        reasons.append(Reason("INT_TYPE_BIG_INT", _RANGE, f"Unexpectedly large value: {max(numbers)}."))
    return reasons or _unknown_values(view)


def _not_numbers(case: Case, what: str, kind: str, parse: Any) -> list[Reason]:
    first = next(text for text in case.view.strings if parse(text) is None)
    case.clear_domain()
    return [Reason(kind, _VALUES, f'String values that were not {what} were found, such as "{first}".')]


def _unknown_values(view: ColumnView) -> list[Reason]:
    return (
        []
        if view.is_complete or not view.has_strings
        else [_unchecked(view, "these fit it, the others are not known.")]
    )


def _is_in_floats(case: Case) -> list[Reason]:
    if not case.feature.HasField("float_domain"):
        return []
    view = case.view
    if view.has_strings:
        values = [parse_float(text) for text in view.strings]
        numbers = [value for value in values if value is not None]
        if len(numbers) < len(values):
            return _not_numbers(case, "floats", "FLOAT_TYPE_STRING_NOT_FLOAT", parse_float)
    elif view.type == "FLOAT" and view.has_range:
        numbers = [as_float32(view.stats.min), as_float32(view.stats.max)]
    else:
        numbers = []
    reasons = _has_nan(case, numbers) + _float_range(case.feature.float_domain, numbers) + _has_inf(case, numbers)
    return reasons or _unknown_values(view)


def _has_nan(case: Case, numbers: list[float]) -> list[Reason]:
    domain = case.feature.float_domain
    found = any(math.isnan(number) for number in numbers) or (case.view.type == "FLOAT" and case.view.n_nan > 0)
    if not domain.disallow_nan or not found:
        return []
    domain.disallow_nan = False
    return [Reason("FLOAT_TYPE_HAS_NAN", _VALUES, "Float feature has NaN values.")]


def _float_range(domain: Any, numbers: list[float]) -> list[Reason]:
    numbers = [number for number in numbers if not math.isnan(number)]
    reasons = []
    if numbers and domain.HasField("min") and min(numbers) < domain.min:
        compared = f"{six_digits(min(numbers))}<{six_digits(domain.min)}"
        domain.min = min(numbers)
        text = f"Unexpectedly low values: {compared}(upto six significant digits)"
        reasons.append(Reason("FLOAT_TYPE_SMALL_FLOAT", _RANGE, text))
    if numbers and domain.HasField("max") and max(numbers) > domain.max:
        compared = f"{six_digits(max(numbers))}>{six_digits(domain.max)}"
        domain.max = max(numbers)
        text = f"Unexpectedly high value: {compared}(upto six significant digits)"
        reasons.append(Reason("FLOAT_TYPE_BIG_FLOAT", _RANGE, text))
    return reasons


def _has_inf(case: Case, numbers: list[float]) -> list[Reason]:
    domain = case.feature.float_domain
    if not domain.disallow_inf or not any(math.isinf(number) for number in numbers):
        return []
    domain.disallow_inf = False
    return [Reason("FLOAT_TYPE_HAS_INF", _VALUES, "Float feature has Inf values.")]


def _is_boolean(case: Case) -> list[Reason]:
    if not case.feature.HasField("bool_domain"):
        return []
    if case.view.has_strings:
        return _is_boolean_string(case)
    if not case.view.has_range and not case.view.n_nan:
        return _unknown_values(case.view)
    return _is_boolean_int(case) if case.view.type == "INT" else _is_boolean_float(case)


def _is_boolean_string(case: Case) -> list[Reason]:
    domain = case.feature.bool_domain
    names = sorted({getattr(domain, end) for end in ("true_value", "false_value") if domain.HasField(end)})
    other = next((text for text in case.view.strings if text not in names), None)
    if other is None:
        return _unknown_values(case.view)
    case.clear_domain()
    allowed = ", ".join(f'"{name}"' for name in names)
    text = f'Saw unexpected value "{other}" instead of {{{allowed}}}.'
    return [Reason("BOOL_TYPE_UNEXPECTED_STRING", _BOOLEAN, text)]


def _is_boolean_int(case: Case) -> list[Reason]:
    low, high = int(case.view.stats.min), int(case.view.stats.max)
    if low >= 0 and high <= 1:
        return []
    kind, number = ("BOOL_TYPE_SMALL_INT", low) if low < 0 else ("BOOL_TYPE_BIG_INT", high)
    case.feature.int_domain.min, case.feature.int_domain.max = low, high
    text = f"Integers (such as {six_digits(number)}) not in {{0, 1}}: converting to an integer."
    return [Reason(kind, _BOOLEAN, text)]


def _is_boolean_float(case: Case) -> list[Reason]:
    stats = case.view.stats
    other = next((value for value in (stats.min, stats.max) if value not in (0, 1)), None)
    if other is not None:
        found = f"Floats (such as {six_digits(other)}) not in {{0, 1}}"
    elif case.view.n_nan:
        found = "Floats (such as NaN) not in {0, 1}"
    elif _has_between(stats):
        found = "Float values falling between 0 and 1"
    else:
        return []
    case.feature.float_domain.min, case.feature.float_domain.max = stats.min, stats.max
    return [Reason("BOOL_TYPE_UNEXPECTED_FLOAT", _BOOLEAN, f"{found}: converting to float_domain.")]


def _has_between(stats: Any) -> bool:
    """Whether quantiles show values between 0 and 1."""
    kind = load_statistics().Histogram.QUANTILES
    buckets = [bucket for histogram in stats.histograms if histogram.type == kind for bucket in histogram.buckets]
    return any(bucket.low_value > 0 and bucket.high_value < 1 for bucket in buckets)


DOMAIN_RULES: tuple[Rule, ...] = (_has_domain, _is_in_strings, _is_in_integers, _is_in_floats, _is_boolean)
"""Rules about the values of a column; at most one kind of domain is set."""
