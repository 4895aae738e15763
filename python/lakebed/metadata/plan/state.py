"""What the rules of a plan share: the tables as they stand, the ids of handles, the types met so far."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from lakebed.errors import InvalidArgumentError, RecordNotFoundError
from lakebed.metadata.backends.queries import fetch_types
from lakebed.metadata.model import AnyType, Node, TypeKind


@dataclass(slots=True)
class PlanState:
    """Tables that already hold what was planned before, and what a plan remembers.

    Args:
        connection: In a writing transaction.
        time: Milliseconds since 1970 UTC that new things get.
        ids: Id by handle, of the whole plan.
        visible: Id by handle, of those that the present group may use.

    Example:
        >>> from lakebed.metadata.backends.database import Database
        >>> with Database(None).write() as connection:
        ...     state = PlanState(connection, time=7)
        ...     state.new_id("Type"), state.new_id("Type"), state.new_id("Artifact")
        (10, 11, 1)
    """

    connection: Connection
    time: int
    ids: dict[int, int] = field(default_factory=dict)
    visible: dict[int, int] = field(default_factory=dict)
    _last_ids: dict[str, int] = field(default_factory=dict)
    _types_by_id: dict[tuple[TypeKind, int], AnyType] = field(default_factory=dict)
    _types_by_name: dict[tuple[TypeKind, str], AnyType] = field(default_factory=dict)

    def new_id(self, table: str) -> int:
        """Return the next id of a table; none is ever given twice, not even after a deletion.

        Args:
            table: Its name.

        Returns:
            One more than the highest id that ever was.

        Example:
            >>> from lakebed.metadata.backends.database import Database
            >>> with Database(None).write() as connection:
            ...     PlanState(connection, time=7).new_id("Event")
            1
        """
        if table not in self._last_ids:
            found = self.connection.execute(_LAST_ID, {"name": table}).scalar()
            self._last_ids[table] = int(found or 0)
        self._last_ids[table] += 1
        return self._last_ids[table]

    def bind(self, handle: int, node_id: int) -> None:
        """Say which id a handle stands for.

        Args:
            handle: As the batch gave it.
            node_id: Of what was created, replaced or found.

        Example:
            >>> from lakebed.metadata.backends.database import Database
            >>> with Database(None).write() as connection:
            ...     state = PlanState(connection, time=7)
            ...     state.bind(-1, 12)
            ...     state.resolve(-1, "artifact")
            12
        """
        self.ids[handle] = self.visible[handle] = node_id

    def resolve(self, id_or_handle: int | None, label: str) -> int:
        """Return the id that an id or a handle means.

        Args:
            id_or_handle: As the caller gave it.
            label: What it names, for the message of an error.

        Returns:
            The id; whether it exists is not looked up.

        Raises:
            InvalidArgumentError: It is missing, or the handle is not visible here.

        Example:
            >>> from lakebed.metadata.backends.database import Database
            >>> with Database(None).write() as connection:
            ...     PlanState(connection, time=7).resolve(3, "artifact")
            3
        """
        if id_or_handle is None or isinstance(id_or_handle, bool) or not isinstance(id_or_handle, int):
            raise InvalidArgumentError(f"the id of the {label} is missing: {id_or_handle!r}; give the one that put it")
        if id_or_handle >= 0:
            return id_or_handle
        if id_or_handle not in self.visible:
            raise InvalidArgumentError(
                f"the handle {id_or_handle} of the {label} is not known here: a handle is valid behind its put, within "
                "its group, or in all later groups where its own has no key; put it again with reuse_by",
            )
        return self.visible[id_or_handle]

    def forget_types(self) -> None:
        """Look types up again, because one was put.

        Example:
            >>> from lakebed.metadata.backends.database import Database
            >>> with Database(None).write() as connection:
            ...     PlanState(connection, time=7).forget_types()
        """
        self._types_by_id.clear()
        self._types_by_name.clear()

    def type_of(self, node: Node, kind: TypeKind, label: str) -> AnyType:
        """Return the type that a node names by id or by name.

        Args:
            node: As the caller gave it.
            kind: Kind of its type.
            label: What a message calls such nodes.

        Returns:
            The type.

        Raises:
            InvalidArgumentError: It names none, or its id and name do not agree.
            RecordNotFoundError: There is no such type.

        Example:
            >>> from lakebed.metadata.backends.database import Database
            >>> from lakebed.metadata.model import Artifact
            >>> with Database(None).write() as connection:
            ...     PlanState(connection, 7).type_of(Artifact(type="mlmd.Model"), TypeKind.ARTIFACT, "artifact").id
            2
        """
        if node.type_id is None:
            if not node.type:
                raise InvalidArgumentError(f"an {label} was put without type; set its type or type_id")
            return self._type_by_name(kind, node.type, label)
        found = self._type_by_id(kind, self.resolve(node.type_id, f"type of an {label}"), label)
        if node.type not in {"", found.name}:
            raise InvalidArgumentError(
                f"an {label} was put with type {node.type!r} and type_id {found.id}, which is {found.name!r}; set one",
            )
        return found

    def _type_by_id(self, kind: TypeKind, type_id: int, label: str) -> AnyType:
        if (kind, type_id) not in self._types_by_id:
            found = fetch_types(self.connection, kind, ids=[type_id])
            if not found:
                raise RecordNotFoundError(f"no {label} type has the id {type_id}; put the type first")
            self._types_by_id[kind, type_id] = found[0]
        return self._types_by_id[kind, type_id]

    def _type_by_name(self, kind: TypeKind, name: str, label: str) -> AnyType:
        if (kind, name) not in self._types_by_name:
            found = fetch_types(self.connection, kind, name=name)
            plain = next((item for item in found if item.version is None), None)
            if plain is None:
                raise RecordNotFoundError(self._missing_type(kind, name, label, found))
            self._types_by_name[kind, name] = plain
        return self._types_by_name[kind, name]

    def _missing_type(self, kind: TypeKind, name: str, label: str, versions: list[AnyType]) -> str:
        if versions:
            known = ", ".join(f"{item.version!r} (id {item.id})" for item in versions)
            return f"the {label} type {name!r} exists only with a version: {known}; name it by type_id"
        names = [item.name for item in fetch_types(self.connection, kind)]
        return f"no {label} type is called {name!r}; {nearest(name, names)}put the type first"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the part of a message that offers names like the one asked for.

    Args:
        name: What was asked for.
        names: What there is.

    Returns:
        Text that ends with "; ", or an empty text where nothing is near.

    Example:
        >>> nearest("Modle", ["Model", "Data"])
        "did you mean 'Model'?; "
    """
    close = difflib.get_close_matches(name, sorted(set(names)), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, close))}?; " if close else ""


_LAST_ID = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
