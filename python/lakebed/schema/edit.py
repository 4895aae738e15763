"""Edits of one feature inside a schema that the caller has copied.

`Schema.with_feature` copies the proto and hands it here, so users always see new schemas. Each edit is one small
function over an `Edit`; arguments that are None leave their part as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakebed.errors import InvalidArgumentError
from lakebed.schema import environment as environments
from lakebed.schema import feature as features
from lakebed.schema import proto

Number = int | float
Domain = Sequence[str] | tuple[Number | None, Number | None]
"""Strings that are allowed, or a pair of the lowest and the highest number, None for an open end."""

CLEARABLE = ("domain", "drift", "environments", "lifecycle", "presence", "shape", "skew", "unique")
DISTANCES = ("infinity_norm", "jensen_shannon_divergence", "normalized_abs_difference")


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What to change about a feature; the fields are the arguments of `Schema.with_feature`.

    Example:
        >>> Edit(min_fraction=0.95).min_fraction
        0.95
    """

    clear: str | Sequence[str] = ()
    in_environment: str | Sequence[str] | None = None
    not_in_environment: str | Sequence[str] | None = None
    min_fraction: float | None = None
    min_count: int | None = None
    domain: Domain | None = None
    min: Number | None = None
    max: Number | None = None
    min_domain_mass: float | None = None
    unique: tuple[int, int] | None = None
    disallow_nan: bool | None = None
    disallow_inf: bool | None = None
    lifecycle: str | None = None
    drift: Mapping[str, float] | None = None
    skew: Mapping[str, float] | None = None


def apply(schema: Any, feature: Any, edit: Edit) -> None:
    """Change a feature in place.

    Args:
        schema: A `schema_pb2.Schema` of the caller's own.
        feature: The feature inside it.
        edit: What to change.

    Raises:
        InvalidArgumentError: A value is out of its range or does not fit the type of the feature.
        EnvironmentNotFoundError: An environment is not declared.

    Example:
        >>> pb = proto.load()
        >>> schema = pb.Schema(feature=[pb.Feature(name="distance", type=2)])
        >>> apply(schema, schema.feature[0], Edit(min=17))
        >>> schema.feature[0].int_domain.min
        17
    """
    for step in (_clear, _environments, _presence, _domain, _range, _mass, _unique, _floats, _lifecycle, _comparators):
        step(schema, feature, edit)


def _names(value: str | Sequence[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _clear(schema: Any, feature: Any, edit: Edit) -> None:
    fields = {
        "domain": [feature.WhichOneof("domain_info"), "distribution_constraints"],
        "drift": ["drift_comparator"],
        "environments": ["in_environment", "not_in_environment"],
        "lifecycle": ["lifecycle_stage", "deprecated"],
        "presence": ["presence"],
        "shape": [feature.WhichOneof("shape_type")],
        "skew": ["skew_comparator"],
        "unique": ["unique_constraints"],
    }
    for part in _names(edit.clear):
        if part not in fields:
            raise InvalidArgumentError(f"clear names {part!r}; a feature has these parts: {', '.join(CLEARABLE)}")
        for field in fields[part]:
            if field is not None:
                feature.ClearField(field)
        if part == "domain":
            _drop_unused_domains(schema)


def _environments(schema: Any, feature: Any, edit: Edit) -> None:
    moves = (
        (edit.in_environment, feature.in_environment, feature.not_in_environment),
        (edit.not_in_environment, feature.not_in_environment, feature.in_environment),
    )
    for names, target, other in moves:
        for name in _names(names):
            environments.require(schema, name)
            if name not in target:
                target.append(name)
            if name in other:
                other.remove(name)


def _presence(schema: Any, feature: Any, edit: Edit) -> None:
    del schema
    if edit.min_fraction is not None:
        if not 0 <= edit.min_fraction <= 1:
            raise InvalidArgumentError(
                f"min_fraction of {feature.name!r} is {edit.min_fraction}; it must be from 0 (may be missing) to 1 "
                f"(in every row)"
            )
        feature.presence.min_fraction = edit.min_fraction
        if edit.min_fraction < 1 and feature.HasField("shape"):
            _loosen_shape(feature)
    if edit.min_count is not None:
        if edit.min_count < 0:
            raise InvalidArgumentError(f"min_count of {feature.name!r} is {edit.min_count}; it must be 0 or more rows")
        feature.presence.min_count = edit.min_count


def _loosen_shape(feature: Any) -> None:
    """A fixed shape demands a value in every row, so it would contradict a fraction below 1."""
    n_values = 1
    for dim in feature.shape.dim:
        n_values *= dim.size
    feature.value_count.min = feature.value_count.max = n_values


def _domain(schema: Any, feature: Any, edit: Edit) -> None:
    if edit.domain is None:
        return
    if isinstance(edit.domain, str):
        raise InvalidArgumentError(f"domain of {feature.name!r} is one string; pass a list of the allowed strings")
    strings = [value for value in edit.domain if isinstance(value, str)]
    bounds = [value for value in edit.domain if not isinstance(value, str)]
    if not bounds:
        _set_strings(schema, feature, strings)
    elif len(bounds) == 2 and not strings:
        _clear(schema, feature, Edit(clear="domain"))
        _set_range(feature, bounds[0], bounds[1])
    else:
        raise InvalidArgumentError(
            f"domain of {feature.name!r} is {edit.domain!r}; pass a list of strings or a pair (lowest, highest)"
        )


def _set_strings(schema: Any, feature: Any, values: list[str]) -> None:
    if proto.load().FeatureType.Name(feature.type) not in ("BYTES", "TYPE_UNKNOWN"):
        raise InvalidArgumentError(
            f"domain of {feature.name!r} is a list of strings but the column is {features.type_name(feature)}; "
            f"pass a pair (lowest, highest)"
        )
    feature.ClearField(feature.WhichOneof("domain_info") or "string_domain")
    _drop_unused_domains(schema)
    taken = {domain.name for domain in schema.string_domain}
    name = feature.name
    suffix = 2
    while name in taken:
        name, suffix = f"{feature.name}{suffix}", suffix + 1
    schema.string_domain.add(name=name, value=list(dict.fromkeys(values)))
    feature.domain = name


def _drop_unused_domains(schema: Any) -> None:
    used = {feature.domain for feature in schema.feature}
    kept = [domain for domain in schema.string_domain if domain.name in used]
    if len(kept) < len(schema.string_domain):
        copies = [proto.copy(domain) for domain in kept]
        del schema.string_domain[:]
        schema.string_domain.extend(copies)


def _range(schema: Any, feature: Any, edit: Edit) -> None:
    del schema
    if edit.min is not None or edit.max is not None:
        _set_range(feature, edit.min, edit.max)


def _set_range(feature: Any, low: Number | None, high: Number | None) -> None:
    field = _range_field(feature, low, high)
    domain = getattr(feature, field)
    for end, bound in (("min", low), ("max", high)):
        if bound is not None:
            setattr(domain, end, int(bound) if field == "int_domain" else float(bound))
    domain.SetInParent()
    if domain.HasField("min") and domain.HasField("max") and not domain.min <= domain.max:
        raise InvalidArgumentError(
            f"the range of {feature.name!r} is {domain.min} .. {domain.max}; the lowest must not exceed the highest"
        )


def _range_field(feature: Any, low: Number | None, high: Number | None) -> str:
    kind = proto.load().FeatureType.Name(feature.type)
    whole = all(bound is None or float(bound).is_integer() for bound in (low, high))
    if kind == "FLOAT" or (kind == "BYTES" and (not whole or feature.HasField("float_domain"))):
        return "float_domain"
    if kind in ("INT", "BYTES") and whole:
        return "int_domain"
    ends = " .. ".join("open" if bound is None else f"{bound}" for bound in (low, high))
    advice = "pass whole numbers" if kind == "INT" else "set a range on a column of numbers"
    raise InvalidArgumentError(f"the range of {feature.name!r} is {ends} but the column is {kind}; {advice}")


def _mass(schema: Any, feature: Any, edit: Edit) -> None:
    del schema
    if edit.min_domain_mass is None:
        return
    if not 0 <= edit.min_domain_mass <= 1:
        raise InvalidArgumentError(
            f"min_domain_mass of {feature.name!r} is {edit.min_domain_mass}; it must be the fraction of values, "
            f"0 to 1, that must be in the domain"
        )
    if feature.WhichOneof("domain_info") not in ("domain", "string_domain"):
        raise InvalidArgumentError(f"min_domain_mass of {feature.name!r} needs a domain of strings; pass domain=[...]")
    feature.distribution_constraints.min_domain_mass = edit.min_domain_mass


def _unique(schema: Any, feature: Any, edit: Edit) -> None:
    del schema
    if edit.unique is None:
        return
    low, high = edit.unique
    if not 0 <= low <= high:
        raise InvalidArgumentError(f"unique of {feature.name!r} is {edit.unique}; pass (fewest, most) distinct values")
    feature.unique_constraints.min, feature.unique_constraints.max = low, high


def _floats(schema: Any, feature: Any, edit: Edit) -> None:
    del schema
    for field, value in (("disallow_nan", edit.disallow_nan), ("disallow_inf", edit.disallow_inf)):
        if value is not None:
            if proto.load().FeatureType.Name(feature.type) != "FLOAT":
                raise InvalidArgumentError(f"{field} is for columns of type FLOAT; {feature.name!r} is none")
            setattr(feature.float_domain, field, value)


def _lifecycle(schema: Any, feature: Any, edit: Edit) -> None:
    del schema
    if edit.lifecycle is None:
        return
    stages = proto.load().LifecycleStage
    if edit.lifecycle not in list(stages.keys()):
        raise InvalidArgumentError(
            f"lifecycle of {feature.name!r} is {edit.lifecycle!r}; it must be one of {', '.join(stages.keys())}"
        )
    feature.ClearField("deprecated")
    feature.lifecycle_stage = stages.Value(edit.lifecycle)


def _comparators(schema: Any, feature: Any, edit: Edit) -> None:
    del schema
    for field, thresholds in (("drift_comparator", edit.drift), ("skew_comparator", edit.skew)):
        for distance, threshold in (thresholds or {}).items():
            if distance not in DISTANCES or threshold < 0:
                raise InvalidArgumentError(
                    f"the {field} of {feature.name!r} is {distance!r}: {threshold}; the distance must be one of "
                    f"{', '.join(DISTANCES)} and the threshold 0 or more"
                )
            getattr(getattr(feature, field), distance).threshold = threshold
