"""Feature views: columns of a table, or aggregates of its events, as features of an entity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakebed.errors import InvalidArgumentError
from lakebed.features.entity import Entity
from lakebed.join import Aggregation, Window
from lakebed.join.durations import duration_ns, duration_text


@dataclass(frozen=True)
class FeatureView:
    """Features of an entity that come from one table.

    Args:
        name: Its name; a feature is called `name:feature`.
        entities: Entities, or names of entities; none for features that hold for all rows.
        source: Table of the warehouse with the join keys of the entities.
        timestamp: Column of the table: when a row holds from.
        ttl: How old a value may be: a timedelta or a text such as `"2h"`; None or 0 for any age.
        created: Column of the table: when a row was written. Of rows with one time the last one created counts.
        features: Columns that are features; None for all others.
        aggregations: Features that are aggregates of events in windows, in the place of columns.
        description: What they are.
        owner: Who answers for them.
        tags: Texts by name.

    Example:
        >>> view = FeatureView("weather", entities=["station"], source="weather", timestamp="time", ttl="2h")
        >>> view.ttl, view.entity_names
        ('2h', ('station',))
        >>> FeatureView.from_dict(view.to_dict()) == view
        True
        >>> events = FeatureView("tx", entities=["user"], source="tx", timestamp="at",
        ...                      aggregations=[Aggregation("amount", "sum", "7d")])
        >>> list(events.aggregates())
        ['amount_sum_7d']
    """

    name: str
    entities: Sequence[Entity | str] = ()
    source: str = ""
    timestamp: str = "event_timestamp"
    ttl: Any = None
    created: str | None = None
    features: Sequence[str] | None = None
    aggregations: Sequence[Aggregation] = ()
    description: str = ""
    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or ":" in self.name:
            raise InvalidArgumentError(f"a feature view needs a name without ':', not {self.name!r}")
        ttl = 0 if self.ttl in {None, 0} else duration_ns(self.ttl, "ttl")
        given = [self.entities] if isinstance(self.entities, Entity | str) else list(self.entities)
        object.__setattr__(self, "entities", tuple(given))
        object.__setattr__(self, "ttl", duration_text(ttl) if ttl else None)
        object.__setattr__(self, "source", self.source or self.name)
        object.__setattr__(self, "features", None if self.features is None else tuple(self.features))
        object.__setattr__(self, "aggregations", tuple(self.aggregations))
        object.__setattr__(self, "tags", dict(self.tags))
        if len(self.aggregates()) != sum(max(1, len(_windows(item))) for item in self.aggregations):
            raise InvalidArgumentError(f"feature view {self.name!r} has two aggregations of one name; give them name=")

    @property
    def entity_names(self) -> tuple[str, ...]:
        """Names of the entities."""
        return tuple(entity.name if isinstance(entity, Entity) else entity for entity in self.entities)

    def aggregates(self) -> dict[str, Aggregation]:
        """Name the features that are aggregates.

        Returns:
            Each with the aggregation of one window that it is.

        Raises:
            InvalidArgumentError: One has no window, or a function that there is not.
        """
        named: dict[str, Aggregation] = {}
        for item in self.aggregations:
            item.parsed()
            windows = _windows(item)
            if not windows:
                raise InvalidArgumentError(
                    f"the aggregation {item.function!r} of {item.column!r} needs a window in a view"
                )
            for window in windows:
                name = item.column_name(window)
                named[name] = Aggregation(item.column, item.function, window, name)
        return named

    def to_dict(self) -> dict[str, Any]:
        """Write it as plain values.

        Returns:
            What `from_dict` reads; entities by name.
        """
        aggregations = [
            {
                "column": item.column,
                "function": item.function,
                "length": window.length,
                "offset": window.offset,
                "name": name,
            }
            for name, item in self.aggregates().items()
            for window in _windows(item)
        ]
        return {
            "kind": "feature_view",
            "name": self.name,
            "entities": list(self.entity_names),
            "source": self.source,
            "timestamp": self.timestamp,
            "ttl": self.ttl,
            "created": self.created,
            "features": None if self.features is None else list(self.features),
            "aggregations": aggregations,
            "description": self.description,
            "owner": self.owner,
            "tags": dict(self.tags),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FeatureView:
        """Read it from plain values.

        Args:
            values: What `to_dict` gave.

        Returns:
            The view, with names of entities.
        """
        aggregations = [
            Aggregation(item["column"], item["function"], Window(item["length"], item["offset"]), item["name"])
            for item in values["aggregations"]
        ]
        plain = {name: value for name, value in values.items() if name not in {"kind", "aggregations"}}
        return cls(**plain, aggregations=aggregations)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FeatureView) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.name, self.source, self.timestamp))


def _windows(item: Aggregation) -> list[Window]:
    if item.window is None:
        return []
    many = item.window if isinstance(item.window, list | tuple) else [item.window]
    return [Window.of(window) for window in many]
