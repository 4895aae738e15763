"""What changed between two versions of a schema, as sentences and as plain values.

Columns are matched by name, so a renamed column is one removed and one added. Every field of the proto is looked at:
what has no sentence of its own is reported as the field that changed. The order of columns, of a domain's strings and
of environments carries no meaning and is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lakebed.schema import environment as environments
from lakebed.schema import feature as features
from lakebed.schema import proto
from lakebed.schema.schema import Schema

LISTED_VALUES = 12


@dataclass(frozen=True)
class Change:
    """One difference between two schemas.

    Attributes:
        kind: "column_added", "column_removed", "type", "presence", "shape", "domain", "domain_values_added",
            "domain_values_removed", "environments", "lifecycle", "default_environments", or the name of a proto field.
        column: Name of the column; None where the change concerns the whole schema.
        before: What the old schema says, as plain values; None where it says nothing.
        after: What the new schema says, as plain values; None where it says nothing.
        sentence: The change in words.

    Example:
        >>> Change("type", "delay", "INT", "FLOAT", "delay: type INT became FLOAT").to_dict()["after"]
        'FLOAT'
    """

    kind: str
    column: str | None
    before: Any
    after: Any
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Describe the change by plain values.

        Returns:
            The attributes by name.

        Example:
            >>> Change("type", "delay", "INT", "FLOAT", "...").to_dict()["kind"]
            'type'
        """
        return dict(vars(self))

    def __str__(self) -> str:
        """The sentence."""
        return self.sentence


def diff(old: Schema, new: Schema) -> list[Change]:
    """Describe how one schema differs from another.

    Args:
        old: The earlier version.
        new: The later version.

    Returns:
        The changes: of the whole schema first, then columns removed, changed (in the order of `new`) and added.
        Empty if the two mean the same.

    Example:
        >>> old = Schema.from_text('feature { name: "dest" type: BYTES }').with_feature("dest", domain=["ATL"])
        >>> new = old.with_feature("dest", domain=["ATL", "LEX"], min_fraction=1.0)
        >>> for change in diff(old, new):
        ...     print(change)
        dest: presence optional became required
        dest: 1 value added to the domain: 'LEX'
    """
    before, after = old.proto, new.proto
    olds = {feature.name: feature for feature in before.feature}
    news = {feature.name: feature for feature in after.feature}
    changes = list(_schema_changes(before, after))
    changes.extend(
        Change("column_removed", name, proto.to_plain(feature), None, f"{name}: column removed")
        for name, feature in olds.items()
        if name not in news
    )
    for name, feature in news.items():
        if name in olds:
            changes.extend(_column_changes(before, olds[name], after, feature))
    for name, feature in news.items():
        if name not in olds:
            sentence = f"{name}: column added ({features.type_name(feature) or 'no type'})"
            changes.append(Change("column_added", name, None, proto.to_plain(feature), sentence))
    return changes


def _schema_changes(before: Any, after: Any) -> Iterator[Change]:
    old, new = environments.declared(before), environments.declared(after)
    if set(old) != set(new):
        sentence = f"declared environments {_names(old)} became {_names(new)}"
        yield Change("default_environments", None, old, new, sentence)
    handled = {"feature", "string_domain", "default_environment"}
    yield from _other_fields(None, before, after, handled)


def _column_changes(before: Any, old: Any, after: Any, new: Any) -> Iterator[Change]:
    name = new.name
    facets: tuple[tuple[str, Callable[[Any, Any], Any], Callable[[Any, Any], str]], ...] = (
        ("type", lambda _, feature: _type_of(feature), lambda _, feature: _type_of(feature) or "unset"),
        ("presence", _field("presence"), lambda _, feature: _presence(feature)),
        ("shape", _shape, lambda _, feature: _describe_shape(feature)),
        ("environments", _environments, lambda schema, feature: _names(_in_words(schema, feature))),
        ("lifecycle", lambda _, feature: features.lifecycle(feature), lambda _, f: features.lifecycle(f) or "unset"),
    )
    for kind, value, words in facets:
        was, is_ = value(before, old), value(after, new)
        if was != is_:
            sentence = f"{name}: {kind} {words(before, old)} became {words(after, new)}"
            yield Change(kind, name, was or None, is_ or None, sentence)
    yield from _domain_changes(name, before, old, after, new)
    yield from _other_fields(name, old, new, _HANDLED)


_HANDLED = {
    *("name", "type", "presence", "shape", "value_count", "value_counts", "in_environment", "not_in_environment"),
    *("lifecycle_stage", "deprecated", "domain", "string_domain", "int_domain", "float_domain", "bool_domain"),
}


def _type_of(feature: Any) -> str:
    return str(proto.load().FeatureType.Name(feature.type)) if feature.type else ""


def _field(name: str) -> Callable[[Any, Any], Any]:
    return lambda _, feature: proto.to_plain(getattr(feature, name)) if feature.HasField(name) else None


def _presence(feature: Any) -> str:
    words = features.describe_presence(feature)
    count = feature.presence.min_count
    return f"{words} (in at least {count} rows)" if count and "rows" not in words else words


def _shape(schema: Any, feature: Any) -> Any:
    del schema
    kind = feature.WhichOneof("shape_type")
    return {kind: proto.to_plain(getattr(feature, kind))} if kind else None


def _describe_shape(feature: Any) -> str:
    kind = feature.WhichOneof("shape_type")
    if kind == "shape":
        return "x".join(str(dim.size) for dim in feature.shape.dim) or "scalar"
    if kind == "value_count":
        low, high = feature.value_count.min, feature.value_count.max
        return f"{low} or more values" if not feature.value_count.HasField("max") else f"{low} to {high} values"
    return "any" if kind is None else str(proto.to_plain(feature.value_counts))


def _environments(schema: Any, feature: Any) -> Any:
    del schema
    return {
        key: sorted(names) for key in ("in_environment", "not_in_environment") if (names := list(getattr(feature, key)))
    }


def _in_words(schema: Any, feature: Any) -> list[str]:
    known = environments.declared(schema)
    extra = [name for name in feature.in_environment if name not in known]
    return environments.environments_of(schema, feature) + extra


def _domain_changes(name: str, before: Any, old: Any, after: Any, new: Any) -> Iterator[Change]:
    olds, news = features.strings_of(before, old), features.strings_of(after, new)
    if olds is not None and news is not None:
        yield from _value_changes(name, list(olds.value), list(news.value))
        return
    was, is_ = _domain(before, old), _domain(after, new)
    if was != is_:
        words = [features.describe_domain(schema, f) or "any value" for schema, f in ((before, old), (after, new))]
        yield Change("domain", name, was, is_, f"{name}: domain {words[0]} became {words[1]}")


def _domain(schema: Any, feature: Any) -> Any:
    strings = features.strings_of(schema, feature)
    if strings is not None:
        return sorted(strings.value)
    kind = feature.WhichOneof("domain_info")
    if kind is None:
        return None
    value = getattr(feature, kind)
    return {kind: value if isinstance(value, str) else proto.to_plain(value)}


def _value_changes(name: str, olds: list[str], news: list[str]) -> Iterator[Change]:
    added = [value for value in news if value not in set(olds)]
    removed = [value for value in olds if value not in set(news)]
    for kind, values, words in (("added", added, "added to"), ("removed", removed, "removed from")):
        if values:
            noun = "value" if len(values) == 1 else "values"
            sentence = f"{name}: {len(values)} {noun} {words} the domain: {_listed(values)}"
            before, after = (None, values) if kind == "added" else (values, None)
            yield Change(f"domain_values_{kind}", name, before, after, sentence)


def _listed(values: list[str]) -> str:
    shown = ", ".join(repr(value) for value in values[:LISTED_VALUES])
    return shown + (f" and {len(values) - LISTED_VALUES} more" if len(values) > LISTED_VALUES else "")


def _other_fields(column: str | None, old: Any, new: Any, handled: set[str]) -> Iterator[Change]:
    was, is_ = proto.to_plain(old), proto.to_plain(new)
    for key in sorted((was.keys() | is_.keys()) - handled):
        if was.get(key) != is_.get(key):
            verb = "set" if key not in was else "cleared" if key not in is_ else "changed"
            where = f"{column}: " if column else ""
            yield Change(key, column, was.get(key), is_.get(key), f"{where}{key.replace('_', ' ')} {verb}")


def _names(names: list[str]) -> str:
    return ", ".join(names) if names else "none"
