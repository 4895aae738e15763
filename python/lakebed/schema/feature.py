"""One feature (column) of a schema: find it, name its type, read its domain and presence.

Functions read a `schema_pb2.Feature` and, where a domain is shared by name, the `schema_pb2.Schema` around it. They
change nothing; `edit` makes changed copies.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from lakebed.errors import ColumnNotFoundError
from lakebed.schema import proto

NOT_VALIDATED = frozenset({"PLANNED", "ALPHA", "DEPRECATED", "DEBUG_ONLY", "DISABLED"})
"""Lifecycle stages whose features are not validated at all."""


def find(schema: Any, name: str) -> Any:
    """Find a feature by name.

    Args:
        schema: A `schema_pb2.Schema`.
        name: Name of the column.

    Returns:
        The `schema_pb2.Feature` inside the schema, not a copy.

    Raises:
        ColumnNotFoundError: No such feature; the message has the nearest names.

    Example:
        >>> schema = proto.load().Schema(feature=[proto.load().Feature(name="arr_delay")])
        >>> find(schema, "arr_delay").name
        'arr_delay'
        >>> find(schema, "arr_dely")
        Traceback (most recent call last):
            ...
        lakebed.errors.ColumnNotFoundError: the schema has no column 'arr_dely'; did you mean 'arr_delay'?
    """
    for feature in schema.feature:
        if feature.name == name:
            return feature
    raise ColumnNotFoundError(f"the schema has no column {name!r}; {nearest(name, [f.name for f in schema.feature])}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest what a name that was not found may have meant.

    Args:
        name: The name that was asked for.
        known: The names that there are.

    Returns:
        "did you mean ...?" with up to three near names, or what names there are when none is near.

    Example:
        >>> nearest("carier", ["carrier", "dest"])
        "did you mean 'carrier'?"
        >>> nearest("x", ["carrier", "dest"])
        'it has: carrier, dest'
        >>> nearest("x", [])
        'it has no columns'
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(candidate) for candidate in near) + "?"
    if not names:
        return "it has no columns"
    return "it has: " + ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def type_name(feature: Any) -> str:
    """Name the type of a feature.

    Args:
        feature: A `schema_pb2.Feature`.

    Returns:
        "INT", "FLOAT", "STRUCT", "BYTES", "STRING" for bytes with a string domain, or "" where none is set.

    Example:
        >>> type_name(proto.load().Feature(name="dest", type=1, domain="dest"))
        'STRING'
    """
    if not feature.type:
        return ""
    name = str(proto.load().FeatureType.Name(feature.type))
    has_strings = feature.WhichOneof("domain_info") in ("domain", "string_domain")
    return "STRING" if name == "BYTES" and has_strings else name


def lifecycle(feature: Any) -> str:
    """Name the lifecycle stage of a feature.

    Args:
        feature: A `schema_pb2.Feature`.

    Returns:
        "PRODUCTION", "DEPRECATED" and so on, or "" where none is set.

    Example:
        >>> lifecycle(proto.load().Feature(name="x", lifecycle_stage=proto.load().DEPRECATED))
        'DEPRECATED'
    """
    if not feature.HasField("lifecycle_stage"):
        return "DEPRECATED" if feature.deprecated else ""
    return str(proto.load().LifecycleStage.Name(feature.lifecycle_stage))


def is_validated(feature: Any) -> bool:
    """Tell whether the lifecycle stage of a feature lets it be validated.

    Args:
        feature: A `schema_pb2.Feature`.

    Returns:
        False for deprecated, planned, alpha, debug-only and disabled features.

    Example:
        >>> is_validated(proto.load().Feature(name="x", deprecated=True))
        False
    """
    return not feature.deprecated and lifecycle(feature) not in NOT_VALIDATED


def is_required(feature: Any) -> bool:
    """Tell whether a feature must be present in some row.

    Args:
        feature: A `schema_pb2.Feature`.

    Returns:
        True if its presence has a minimum count or fraction above 0.

    Example:
        >>> is_required(proto.load().Feature(name="x"))
        False
    """
    return bool(feature.presence.min_count > 0 or feature.presence.min_fraction > 0)


def strings_of(schema: Any, feature: Any) -> Any | None:
    """Find the string domain of a feature.

    Args:
        schema: The `schema_pb2.Schema` that holds the named domains.
        feature: A `schema_pb2.Feature`.

    Returns:
        The `schema_pb2.StringDomain` itself, inline or found by its name; None if there is none.

    Example:
        >>> pb = proto.load()
        >>> schema = pb.Schema(string_domain=[pb.StringDomain(name="d", value=["AA", "UA"])])
        >>> list(strings_of(schema, pb.Feature(name="carrier", domain="d")).value)
        ['AA', 'UA']
    """
    kind = feature.WhichOneof("domain_info")
    if kind == "string_domain":
        return feature.string_domain
    if kind != "domain":
        return None
    return next((domain for domain in schema.string_domain if domain.name == feature.domain), None)


def describe_presence(feature: Any) -> str:
    """Describe how often a feature must be present.

    Args:
        feature: A `schema_pb2.Feature`.

    Returns:
        "required" in every row, "at least 95 %", "at least 5 rows", or "optional" (which includes "in some row").

    Example:
        >>> pb = proto.load()
        >>> describe_presence(pb.Feature(name="x", presence=pb.FeaturePresence(min_fraction=0.95, min_count=1)))
        'at least 95 %'
    """
    fraction, count = feature.presence.min_fraction, feature.presence.min_count
    if fraction >= 1:
        return "required"
    if fraction > 0:
        return f"at least {100 * fraction:.6g} %"
    return f"at least {count} rows" if count > 1 else "optional"


def describe_domain(schema: Any, feature: Any, limit: int = 60) -> str:
    """Describe which values a feature may have.

    Args:
        schema: The `schema_pb2.Schema` that holds the named domains.
        feature: A `schema_pb2.Feature`.
        limit: Longest list of values, in characters; longer ones end in the number of values.

    Returns:
        "'AA', 'UA'", "1 .. 7", "at least 17", "boolean", "integers", or "" where anything goes.

    Example:
        >>> pb = proto.load()
        >>> describe_domain(pb.Schema(), pb.Feature(name="distance", type=2, int_domain=pb.IntDomain(min=17)))
        'at least 17'
    """
    kind = feature.WhichOneof("domain_info")
    if kind is None:
        return ""
    if kind in ("domain", "string_domain"):
        strings = strings_of(schema, feature)
        return f"unknown domain {feature.domain!r}" if strings is None else _list_values(list(strings.value), limit)
    if kind == "bool_domain":
        named = [text for text in (feature.bool_domain.true_value, feature.bool_domain.false_value) if text]
        return "boolean" + (f" ({' / '.join(named)})" if named else "")
    if kind in ("int_domain", "float_domain"):
        return _describe_range(getattr(feature, kind)) or ("integers" if kind == "int_domain" else "numbers")
    return str(kind)


def _describe_range(domain: Any) -> str:
    low = f"{proto.shortest_float32(domain.min):.9g}" if isinstance(domain.min, float) else str(domain.min)
    high = f"{proto.shortest_float32(domain.max):.9g}" if isinstance(domain.max, float) else str(domain.max)
    if domain.HasField("min") and domain.HasField("max"):
        return f"{low} .. {high}"
    if domain.HasField("min"):
        return f"at least {low}"
    return f"at most {high}" if domain.HasField("max") else ""


def _list_values(values: list[str], limit: int) -> str:
    whole = ", ".join(repr(value) for value in values)
    if len(whole) <= limit or len(values) <= 1:
        return whole
    kept = whole[:limit].rsplit(", ", 1)[0]
    return f"{kept}, ... ({len(values)} values)"
