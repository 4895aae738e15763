"""What a run or a commit read: plain references that stand in operations and become artifacts of the lineage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from lakebed.errors import InvalidArgumentError
from lakebed.lake import Pointer
from lakebed.storage import Table


@dataclass(frozen=True, slots=True)
class TableReference:
    """A table at one version.

    Args:
        name: Name of the table.
        version: Id of the table version.
        commit: Id of the commit through which it was read.
        branch: Branch through which it was read.
        sequence: Number of the branch's entry.
        n_rows: Rows at that version.

    Example:
        >>> TableReference("t", "ab", "cd", "main", 1, 10).to_dict()["type"]
        'table'
    """

    name: str
    version: str
    commit: str
    branch: str
    sequence: int
    n_rows: int

    @classmethod
    def of(cls, table: Table) -> TableReference:
        """Refer to an opened table.

        Args:
            table: The table.

        Returns:
            The reference.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> wh = lb.open("memory://")
            >>> TableReference.of(wh.write("t", pl.DataFrame({"a": [1]}))).sequence
            1
        """
        snapshot = table.snapshot
        return cls(table.name, table.version, table.commit, snapshot.branch, snapshot.core.sequence, table.num_rows)

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as they stand in operations.

        Returns:
            Field names and values, and the member `type`.

        Example:
            >>> TableReference("t", "ab", "cd", "main", 1, 10).to_dict()["name"]
            't'
        """
        return {"type": "table", **asdict(self)}


Reference: TypeAlias = "TableReference | Pointer"
"""A table version or a raw file."""


def to_dict(reference: Reference) -> dict[str, Any]:
    """Give a reference as it stands in operations.

    Args:
        reference: A table version or a raw file.

    Returns:
        Plain values with a member `type`.

    Example:
        >>> to_dict(Pointer("raw/a.csv", "ab" * 32, 1, "text/csv"))["type"]
        'raw'
    """
    if isinstance(reference, Pointer):
        return {"type": "raw", **reference.to_dict()}
    return reference.to_dict()


def from_dict(value: dict[str, Any]) -> Reference:
    """Read back what `to_dict` gave.

    Args:
        value: Plain values.

    Returns:
        The reference.

    Example:
        >>> pointer = Pointer("raw/a.csv", "ab" * 32, 1, "text/csv")
        >>> from_dict(to_dict(pointer)) == pointer
        True
    """
    fields = {name: item for name, item in value.items() if name != "type"}
    return Pointer(**fields) if value["type"] == "raw" else TableReference(**fields)


def references(inputs: Iterable[Any]) -> list[Reference]:
    """Turn what a user names as inputs into references, each once.

    Args:
        inputs: Opened tables, pointers of the lake, or references.

    Returns:
        References in the order of their first mention.

    Raises:
        InvalidArgumentError: Something else was named.

    Example:
        >>> len(references([Pointer("a", "ab" * 32, 1, "text/csv")] * 2))
        1
    """
    found: dict[Reference, None] = {}
    for item in inputs:
        if isinstance(item, Table):
            found[TableReference.of(item)] = None
        elif isinstance(item, (Pointer, TableReference)):
            found[item] = None
        else:
            message = (
                f"an input is a table of the warehouse or a pointer of its lake, not {type(item).__name__}; "
                "pass for instance wh.table('flights') or wh.lake.get('raw/flights.csv')"
            )
            raise InvalidArgumentError(message)
    return list(found)
