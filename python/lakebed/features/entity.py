"""Entities: what features describe, and the columns that identify one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakebed.errors import InvalidArgumentError


@dataclass(frozen=True)
class Entity:
    """Something that features describe.

    Args:
        name: Its name.
        join_keys: Columns that identify one, in sources and in training sets; None for one column of that name.
        description: What it is.
        owner: Who answers for it.
        tags: Texts by name.

    Example:
        >>> Entity("user").join_keys, Entity("seat", join_keys=["flight", "row"]).join_keys
        (('user',), ('flight', 'row'))
        >>> Entity.from_dict(Entity("user", owner="ada").to_dict()) == Entity("user", owner="ada")
        True
    """

    name: str
    join_keys: Sequence[str] | str | None = None
    description: str = ""
    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = self.name if self.join_keys is None else self.join_keys
        columns = (keys,) if isinstance(keys, str) else tuple(keys)
        if not self.name or not columns or len(set(columns)) != len(columns):
            raise InvalidArgumentError(
                f"entity {self.name!r} has the join keys {list(columns)}; "
                "give a name and one or more columns, each once"
            )
        object.__setattr__(self, "join_keys", columns)
        object.__setattr__(self, "tags", dict(self.tags))

    def to_dict(self) -> dict[str, Any]:
        """Write it as plain values.

        Returns:
            What `from_dict` reads.
        """
        return {
            "kind": "entity",
            "name": self.name,
            "join_keys": list(self.join_keys or ()),
            "description": self.description,
            "owner": self.owner,
            "tags": dict(self.tags),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Entity:
        """Read it from plain values.

        Args:
            values: What `to_dict` gave.

        Returns:
            The entity.
        """
        return cls(**{name: value for name, value in values.items() if name != "kind"})
