"""One column on trial: its statistics, a working copy of its feature, and the data it is compared with.

Every rule takes a `Case`, returns the reasons it found and repairs the working copy so that it would find none again.
Validation throws the copies away; `update_schema` keeps them. So no rule can be relaxed in another way than it is
checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lakebed.schema import feature as features
from lakebed.schema import proto
from lakebed.validation.reason import Reason
from lakebed.validation.view import ColumnView


class Control(NamedTuple):
    """Data that a column is compared with.

    Attributes:
        comparator: Field of the feature with the thresholds: "drift_comparator" or "skew_comparator".
        measurements: Field of the report for the values: "drift_measurements" or "skew_measurements".
        ours: What the texts call the validated data: "current" or "training".
        theirs: What the texts call the other data: "previous" or "serving".
        view: The column there; None if it has none.

    Example:
        >>> Control("drift_comparator", "drift_measurements", "current", "previous", None).theirs
        'previous'
    """

    comparator: str
    measurements: str
    ours: str
    theirs: str
    view: ColumnView | None


class Measurement(NamedTuple):
    """One comparison of distributions, whether it broke a rule or not.

    Attributes:
        field: "drift_measurements" or "skew_measurements".
        type: "L_INFTY", "NORMALIZED_ABSOLUTE_DIFFERENCE" or "JENSEN_SHANNON_DIVERGENCE".
        value: The distance.
        threshold: The greatest that is allowed.

    Example:
        >>> Measurement("drift_measurements", "L_INFTY", 0.3, 0.01).value
        0.3
    """

    field: str
    type: str
    value: float
    threshold: float


@dataclass
class Case:
    """One column on trial.

    Attributes:
        schema: A `schema_pb2.Schema` that holds `feature` and the domains it names; rules may change it.
        feature: The `schema_pb2.Feature` inside it.
        view: The statistics of the column.
        environment: Name of the environment, None for none.
        controls: What to compare with.
        measurements: What the comparisons gave, filled by the rules.
        is_closed: Set by a rule after which no other must run.
    """

    schema: Any
    feature: Any
    view: ColumnView
    environment: str | None = None
    controls: tuple[Control, ...] = ()
    measurements: list[Measurement] = field(default_factory=list)
    is_closed: bool = False

    def deprecate(self) -> None:
        """Take the column out of validation, the last resort of a repair."""
        self.feature.ClearField("deprecated")
        self.feature.lifecycle_stage = proto.load().DEPRECATED

    def clear_domain(self) -> None:
        """Allow any value."""
        kind = self.feature.WhichOneof("domain_info")
        if kind is not None:
            self.feature.ClearField(kind)


Rule = Callable[[Case], list[Reason]]


def judge(case: Case, rules: tuple[Rule, ...]) -> list[Reason]:
    """Apply rules in order.

    Args:
        case: The column; its working copy is repaired.
        rules: The rules, first to last.

    Returns:
        All reasons, in the order found; none for a column whose lifecycle stage excludes it from validation.
    """
    reasons: list[Reason] = []
    if not features.is_validated(case.feature):
        return reasons
    for rule in rules:
        reasons += rule(case)
        if case.is_closed:
            break
    return reasons
