"""Definitions of entities and feature views at one version of the warehouse, kept in commits beside the data."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from lakebed.errors import FeatureNotFoundError, InvalidArgumentError
from lakebed.features.entity import Entity
from lakebed.features.view import FeatureView
from lakebed.storage import Snapshot

_ENTITY, _VIEW = "entity.", "view."


def definitions(items: Iterable[Entity | FeatureView], snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """Check definitions against the tables and entities that there are.

    Args:
        items: Entities and views, in any order; a view brings the entities that it holds as objects.
        snapshot: The version that they are added to.

    Returns:
        Plain values by the names under which they are kept.

    Raises:
        TableNotFoundError: The source of a view does not exist.
        ColumnNotFoundError: It has not a column that the view names.
        FeatureNotFoundError: A view names an entity that does not exist.

    Example:
        >>> import lakebed as lb
        >>> list(definitions([Entity("user")], lb.open("memory://").at("main")))
        ['entity.user']
    """
    listed = list(items)
    for item in listed:
        if not isinstance(item, Entity | FeatureView):
            raise InvalidArgumentError(f"an Entity or a FeatureView can be applied, not {type(item).__name__}")
    brought = [entity for item in listed if isinstance(item, FeatureView) for entity in item.entities]
    new = [*(item for item in [*brought, *listed] if isinstance(item, Entity))]
    known = {**entities(snapshot), **{entity.name: entity for entity in new}}
    made = {_ENTITY + entity.name: entity.to_dict() for entity in new}
    for view in listed:
        if isinstance(view, FeatureView):
            _check(view, known, snapshot)
            made[_VIEW + view.name] = view.to_dict()
    return made


def entities(snapshot: Snapshot) -> dict[str, Entity]:
    """List the entities of a version.

    Args:
        snapshot: The version.

    Returns:
        Entities by name.

    Example:
        >>> import lakebed as lb
        >>> entities(lb.open("memory://").at("main"))
        {}
    """
    kept = snapshot.features().items()
    return {name.removeprefix(_ENTITY): Entity.from_dict(item) for name, item in kept if name.startswith(_ENTITY)}


def views(snapshot: Snapshot) -> dict[str, FeatureView]:
    """List the feature views of a version.

    Args:
        snapshot: The version.

    Returns:
        Views by name.

    Example:
        >>> import lakebed as lb
        >>> views(lb.open("memory://").at("main"))
        {}
    """
    kept = snapshot.features().items()
    return {name.removeprefix(_VIEW): FeatureView.from_dict(item) for name, item in kept if name.startswith(_VIEW)}


def find_view(known: dict[str, FeatureView], name: str) -> FeatureView:
    """Find a view by its name.

    Args:
        known: Views by name.
        name: The name.

    Returns:
        The view.

    Raises:
        FeatureNotFoundError: Tells the nearest names.

    Example:
        >>> find_view({"a": FeatureView("a", source="t")}, "a").source
        't'
    """
    if name in known:
        return known[name]
    raise FeatureNotFoundError(f"feature view {name!r} not found; {nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Tell which name may have been meant.

    Args:
        name: What was asked for.
        known: What there is.

    Returns:
        The end of a message.

    Example:
        >>> nearest("tmp", ["temp", "wind"])
        "did you mean 'temp'?"
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return f"did you mean {', '.join(map(repr, near))}?"
    return (
        f"there are {', '.join(map(repr, names))}" if names else "there are none yet; wh.features.apply(...) adds them"
    )


def _check(view: FeatureView, known: dict[str, Entity], snapshot: Snapshot) -> None:
    table = snapshot.table(view.source)
    keys: list[str] = []
    for name in view.entity_names:
        if name not in known:
            raise FeatureNotFoundError(
                f"entity {name!r} of feature view {view.name!r} not found; {nearest(name, known)}"
            )
        keys.extend(known[name].join_keys or ())
    aggregated = [item.column for item in view.aggregations if item.column not in {None, "*"}]
    needed = [view.timestamp, *keys, *([view.created] if view.created else []), *(view.features or ()), *aggregated]
    table.lazy([column for column in dict.fromkeys(needed) if column])
