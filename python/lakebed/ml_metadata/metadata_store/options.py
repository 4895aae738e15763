"""How lists are ordered, limited and filtered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class OrderByField(Enum):
    """Fields that a list can be ordered by.

    Example:
        >>> OrderByField.CREATE_TIME.value
        1
    """

    CREATE_TIME = 1
    UPDATE_TIME = 2
    ID = 3


@dataclass(eq=True)
class ListOptions:
    """Options of the methods that list nodes.

    Args:
        limit: At most so many; None or 0 for all.
        order_by: By id where None.
        is_asc: Whether the order is ascending.
        filter_query: A boolean expression about the nodes and their neighbours, e.g. `uri LIKE "s3://%"`.

    Example:
        >>> ListOptions(limit=10, order_by=OrderByField.CREATE_TIME, is_asc=False).limit
        10
    """

    limit: int | None = None
    order_by: OrderByField | None = None
    is_asc: bool = True
    filter_query: str | None = None
