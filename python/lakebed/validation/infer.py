"""Schemas out of statistics: infer one from scratch, or relax one until the statistics meet it.

The rules are TensorFlow Data Validation's: types from the data; presence everywhere if no row is null, else in some
row; a fixed shape or a number of values; domains for booleans, for strings that are all integers, and for few distinct
strings. Numbers get no range. It differs in two points: dates and times are never taken for booleans, and a domain is
inferred only when every distinct string is known.
"""

from __future__ import annotations

from typing import Any

from lakebed.errors import InvalidArgumentError
from lakebed.schema import Schema, proto
from lakebed.schema import feature as features
from lakebed.statistics import Statistics
from lakebed.validation.case import Case, judge
from lakebed.validation.domain import DOMAIN_RULES, parse_int
from lakebed.validation.presence import PRESENCE_RULES, UNIQUE_RULES
from lakebed.validation.specification import SPECIFICATION_RULES
from lakebed.validation.view import ColumnView, DatasetView

MAX_STRING_DOMAIN_SIZE = 100

_TRUE = ("TRUE", "true", "SET", "set", "1", "")
_FALSE = ("FALSE", "false", "CLEAR", "clear", "0")
_TIMES = ("date", "time", "timestamp")

RULES = SPECIFICATION_RULES + PRESENCE_RULES + DOMAIN_RULES + UNIQUE_RULES
"""Everything that one dataset's statistics can break, in the order it is checked."""


def infer_schema(
    statistics: Statistics,
    *,
    max_string_domain_size: int = MAX_STRING_DOMAIN_SIZE,
    infer_feature_shape: bool = True,
) -> Schema:
    """Infer what to expect of data like these.

    Args:
        statistics: Statistics of one dataset, or of several slices with one of the whole.
        max_string_domain_size: Most distinct strings that are taken for a domain.
        infer_feature_shape: Whether columns whose rows all have the same number of values get a fixed shape; if not,
            they get a number of values.

    Returns:
        A schema with the columns in the order of the statistics and no environments.

    Raises:
        InvalidArgumentError: There are several slices and none is the whole, or the size is negative.

    Example:
        >>> from lakebed.statistics import Statistics
        >>> infer_schema(Statistics.from_summaries([("", {"n_rows": 0, "columns": []})])).columns
        []
    """
    if max_string_domain_size < 0:
        raise InvalidArgumentError(f"max_string_domain_size is {max_string_domain_size}; it must be 0 or more")
    schema = proto.load().Schema()
    for view in DatasetView(statistics).columns.values():
        _add_feature(schema, view, max_string_domain_size, infer_shape=infer_feature_shape)
    return Schema(schema)


def update_schema(
    schema: Schema,
    statistics: Statistics,
    *,
    max_string_domain_size: int = MAX_STRING_DOMAIN_SIZE,
) -> Schema:
    """Relax a schema by as little as makes the statistics valid without environment.

    New strings join their domain, ranges widen, presence drops to what was seen, fixed shapes that no longer hold go,
    new columns are added (with a number of values instead of a shape). Columns that are missing, or that have another
    type, become DEPRECATED: that is the smallest change that TFDV knows for them. Thresholds of comparisons and
    constraints of the dataset stay.

    Args:
        schema: What was expected so far.
        statistics: What there is now.
        max_string_domain_size: Most distinct strings that are taken for a domain of a new column.

    Returns:
        A new schema; equal to the old one if the statistics were valid.

    Raises:
        InvalidArgumentError: There are several slices and none is the whole.

    Example:
        >>> schema = Schema.from_text('feature { name: "x" type: INT presence { min_count: 1 } }')
        >>> empty = Statistics.from_summaries([("", {"n_rows": 0, "columns": []})])
        >>> update_schema(schema, empty).to_dict()["feature"][0]["lifecycle_stage"]
        'DEPRECATED'
    """
    message = schema.proto
    columns = DatasetView(statistics).columns
    known = {feature.name: feature for feature in message.feature}
    for name, view in columns.items():
        if name in known:
            judge(Case(message, known[name], view), RULES)
        else:
            _add_feature(message, view, max_string_domain_size, infer_shape=False)
    for name, feature in known.items():
        if name not in columns and features.is_validated(feature) and features.is_required(feature):
            feature.lifecycle_stage = proto.load().DEPRECATED
    return Schema(message)


def _add_feature(schema: Any, view: ColumnView, max_strings: int, *, infer_shape: bool) -> None:
    feature = schema.feature.add(name=view.name)
    feature.type = proto.load().FeatureType.Value("BYTES" if view.type == "STRING" else view.type)
    feature.presence.min_count = 1 if view.n_present else 0
    if not view.n_missing:
        feature.presence.min_fraction = 1.0
    if infer_shape and view.type != "STRUCT" and not view.n_missing and view.min_values == view.max_values > 0:
        feature.shape.dim.add(size=view.min_values)
    elif view.min_values > 0:
        is_fixed = view.min_values == view.max_values
        feature.value_count.min = view.min_values if is_fixed else 1
        if is_fixed:
            feature.value_count.max = view.max_values
    _infer_domain(schema, feature, view, max_strings)


def _infer_domain(schema: Any, feature: Any, view: ColumnView, max_strings: int) -> None:
    if view.type == "INT" and view.has_range and view.own_type not in _TIMES:
        if view.stats.min >= 0 and view.stats.max == 1:
            feature.bool_domain.SetInParent()
    elif view.type == "STRING" and view.strings and view.is_complete and not view.stats.invalid_utf8_count:
        booleans = _as_booleans(list(view.strings))
        if booleans is not None:
            for field, text in zip(("true_value", "false_value"), booleans, strict=True):
                if text is not None:
                    setattr(feature.bool_domain, field, text)
        elif all(parse_int(text) is not None for text in view.strings):
            feature.int_domain.SetInParent()
        elif len(view.strings) <= max_strings:
            feature.domain = _add_strings(schema, view)


def _as_booleans(strings: list[str]) -> tuple[str | None, str | None] | None:
    """The strings for true and false, None where there is none; None if the strings are not booleans."""
    true = [text for text in strings if text in _TRUE]
    false = [text for text in strings if text in _FALSE]
    if len(true) + len(false) < len(strings) or len(true) > 1 or len(false) > 1:
        return None
    return next(iter(true), None), next(iter(false), None)


def _add_strings(schema: Any, view: ColumnView) -> str:
    taken = {domain.name for domain in schema.string_domain}
    name, suffix = view.name, 2
    while name in taken:
        name, suffix = f"{view.name}{suffix}", suffix + 1
    schema.string_domain.add(name=name, value=view.strings)
    return name
