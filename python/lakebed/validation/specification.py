"""Rules about the schema itself: a feature that contradicts itself is an anomaly before any data are looked at.

Broken parts are dropped from the working copy, so that the rules that follow meet only what makes sense. Most of TFDV's
texts here stand in the short description alone. Not checked: domains of text, images and the like, sparse, weighted and
derived features.
"""

from __future__ import annotations

from typing import Any

from lakebed.schema import feature as features
from lakebed.schema import proto
from lakebed.validation.case import Case, Rule
from lakebed.validation.reason import Reason

_DOMAINS_BY_TYPE = {
    "INT": {"int_domain", "bool_domain", "time_domain"},
    "FLOAT": {"float_domain", "bool_domain"},
    "STRUCT": {"struct_domain"},
}
_BYTES_ONLY = ("domain", "string_domain")
_CONSTRAINT_TEXTS = {
    "bool_domain": "distribution constraints not supported for bool domains.",
    "int_domain": "distribution constraints not supported for int domains.",
    "float_domain": "distribution constraints not supported for float domains.",
    "struct_domain": "distribution constraints not supported for struct domains.",
    None: "distribution constraints require domain or string domain.",
}


def _has_type(case: Case) -> list[Reason]:
    if case.feature.type:
        return []
    if case.feature.WhichOneof("domain_info") in _BYTES_ONLY:
        case.feature.type = proto.load().BYTES
        text = "unspecified type: inferring the type to be BYTES, given the domain specified."
    else:
        case.deprecate()
        case.is_closed = True
        text = "unspecified type: determine the type and set it, rather than deprecating."
    return [Reason("FEATURE_MISSING_TYPE", text, "")]


def _fraction_is_a_fraction(case: Case) -> list[Reason]:
    presence = case.feature.presence
    if presence.min_fraction < 0:
        presence.ClearField("min_fraction")
        return [_invalid("min_fraction should not be negative: clear is equal to zero")]
    if presence.min_fraction > 1:
        presence.min_fraction = 1.0
        return [_invalid("min_fraction should not greater than 1")]
    return []


def _counts_are_counts(case: Case) -> list[Reason]:
    feature = case.feature
    reasons = []
    if feature.HasField("value_count"):
        reasons += _check_count(feature.value_count, "ValueCount")
    if feature.HasField("value_counts"):
        for level in feature.value_counts.value_count:
            reasons += _check_count(level, "ValueCounts")
    if feature.HasField("shape") and any(dim.size <= 0 for dim in feature.shape.dim):
        feature.ClearField("shape")
        reasons.append(_invalid("Shape.dim.size must be a positive integer"))
    return reasons


def _check_count(count: Any, name: str) -> list[Reason]:
    reasons = []
    if count.min < 0:
        count.ClearField("min")
        reasons.append(_invalid(f"{name}.min should not be negative"))
    if count.HasField("max") and count.max < count.min:
        count.max = count.min
        reasons.append(_invalid(f"{name}.max should not be less than min"))
    return reasons


def _constraints_have_strings(case: Case) -> list[Reason]:
    kind = case.feature.WhichOneof("domain_info")
    if not case.feature.HasField("distribution_constraints") or kind in _BYTES_ONLY:
        return []
    case.feature.ClearField("distribution_constraints")
    default = "distribution constraints not supported for semantic domains."
    return [_invalid(_CONSTRAINT_TEXTS.get(kind, default))]


def _domain_fits_type(case: Case) -> list[Reason]:
    kind = case.feature.WhichOneof("domain_info")
    type_name = proto.load().FeatureType.Name(case.feature.type)
    if kind is None or kind in _DOMAINS_BY_TYPE.get(type_name, {kind} - {"struct_domain"}):
        return []
    case.clear_domain()
    text = f'The domain "{kind}" does not match the type: {type_name}'
    return [Reason("DOMAIN_INVALID_FOR_TYPE", "The domain does not match the type", text)]


def _domain_exists(case: Case) -> list[Reason]:
    if case.feature.WhichOneof("domain_info") != "domain" or features.strings_of(case.schema, case.feature) is not None:
        return []
    case.clear_domain()
    return [Reason("INVALID_DOMAIN_SPECIFICATION", "missing domain: ", "")]


def _invalid(text: str) -> Reason:
    return Reason("INVALID_SCHEMA_SPECIFICATION", text, "")


SPECIFICATION_RULES: tuple[Rule, ...] = (
    _has_type,
    _fraction_is_a_fraction,
    _counts_are_counts,
    _domain_fits_type,
    _constraints_have_strings,
    _domain_exists,
)
"""Rules about the feature alone, in the order they apply."""
