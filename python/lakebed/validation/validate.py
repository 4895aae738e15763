"""Compare statistics with a schema.

The rules, their order and their texts are those of TensorFlow Data Validation 1.16, checked against its own library
(see tests/conformance); each module of rules says where it differs. No rows are read: what the statistics do not tell
cannot be found. Left out are TFDV's checks of composite (sparse, weighted), derived and nested features, of domains of
text and images, weighted statistics, and comparisons with an earlier version of the same data.
"""

from __future__ import annotations

from typing import Any

from lakebed.schema import Schema, proto
from lakebed.schema import environment as environments
from lakebed.schema import feature as features
from lakebed.statistics import Statistics
from lakebed.validation.anomalies import Anomalies, build
from lakebed.validation.case import Case, Control, Measurement, judge
from lakebed.validation.dataset import judge_dataset
from lakebed.validation.drift import DRIFT_RULES
from lakebed.validation.infer import RULES
from lakebed.validation.presence import MISSING, NEW
from lakebed.validation.reason import Reason
from lakebed.validation.view import DatasetView


def validate_statistics(
    statistics: Statistics,
    schema: Schema,
    *,
    environment: str | None = None,
    previous_statistics: Statistics | None = None,
    serving_statistics: Statistics | None = None,
) -> Anomalies:
    """Find where data do not meet their schema, from their statistics.

    Args:
        statistics: Statistics of the data: of one dataset, or of several slices with one of the whole.
        schema: What is expected.
        environment: Name of a declared environment; None means none, where every column is expected.
        previous_statistics: Statistics of earlier data, for `drift_comparator` and the number of rows.
        serving_statistics: Statistics of serving data, for `skew_comparator`.

    Returns:
        The anomalies, at most one for each column and one for the dataset. Without rows nothing is checked and
        `data_missing` is set.

    Raises:
        EnvironmentNotFoundError: The schema does not declare that environment; the message lists those it does.
        InvalidArgumentError: There are several slices and none is the whole.

    Example:
        >>> schema = Schema.from_text('feature { name: "x" type: INT presence { min_count: 1 } }')
        >>> print(*validate_statistics(Statistics.from_summaries([("", {"n_rows": 2, "columns": []})]), schema))
        x: Column dropped: Column is completely missing
    """
    message = schema.proto
    if environment is not None:
        environments.require(message, environment)
    data = DatasetView(statistics)
    if not data.n_examples:
        return build(message, {}, data_missing=True)
    previous = None if previous_statistics is None else DatasetView(previous_statistics)
    serving = None if serving_statistics is None else DatasetView(serving_statistics)
    found, measurements = _judge_columns(message, data, environment, previous, serving)
    for feature in message.feature:
        if feature.name not in data.columns and _is_missed(message, feature, environment):
            found[feature.name] = [MISSING]
    n_previous = None if previous is None else previous.n_examples
    return build(message, found, dataset=judge_dataset(message, data.n_examples, n_previous), measurements=measurements)


def _judge_columns(
    schema: Any,
    data: DatasetView,
    environment: str | None,
    previous: DatasetView | None,
    serving: DatasetView | None,
) -> tuple[dict[str, list[Reason]], dict[str, list[Measurement]]]:
    known = {feature.name: feature for feature in schema.feature}
    found: dict[str, list[Reason]] = {}
    measurements: dict[str, list[Measurement]] = {}
    for name, view in data.columns.items():
        if name not in known:
            found[name] = [NEW]
            continue
        copy = _working_copy(schema, known[name])
        case = Case(copy, copy.feature[0], view, environment, _controls(name, previous, serving))
        found[name] = judge(case, RULES + DRIFT_RULES)
        measurements[name] = case.measurements
    return found, measurements


def _working_copy(schema: Any, feature: Any) -> Any:
    """A schema of one feature and the domain it names, for the rules to repair."""
    copy = proto.load().Schema(feature=[feature], default_environment=schema.default_environment)
    strings = features.strings_of(schema, feature)
    if strings is not None and feature.WhichOneof("domain_info") == "domain":
        copy.string_domain.add().CopyFrom(strings)
    return copy


def _controls(name: str, previous: DatasetView | None, serving: DatasetView | None) -> tuple[Control, ...]:
    controls = []
    if previous is not None:
        view = previous.columns.get(name)
        controls.append(Control("drift_comparator", "drift_measurements", "current", "previous", view))
    if serving is not None:
        view = serving.columns.get(name)
        controls.append(Control("skew_comparator", "skew_measurements", "training", "serving", view))
    return tuple(controls)


def _is_missed(schema: Any, feature: Any, environment: str | None) -> bool:
    expected = features.is_validated(feature) and features.is_required(feature)
    return expected and environments.in_environment(schema, feature, environment)
