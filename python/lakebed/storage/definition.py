"""What a table is beside its rows: layout of its files, and what people say about it. Plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a table are laid out in its files.

    Args:
        sort_by: Rows of each file ascend by these columns, nulls last.
        bucket_by: Rows of each file have one bucket, which is a hash of these columns.
        n_buckets: Number of buckets; 0 without `bucket_by`.

    Example:
        >>> Layout(["day"], [], 0).sort_by
        ('day',)
    """

    sort_by: Sequence[str]
    bucket_by: Sequence[str]
    n_buckets: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "sort_by", tuple(self.sort_by))
        object.__setattr__(self, "bucket_by", tuple(self.bucket_by))


@dataclass(frozen=True, slots=True)
class Note:
    """What people say about a table or a column.

    Args:
        comment: What it is.
        owners: Who answers for it.
        tags: Words by which it is found.

    Example:
        >>> Note("how late, in minutes").comment
        'how late, in minutes'
    """

    comment: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def to_path(column: str | Sequence[str]) -> list[str]:
    """Split the name of a column or nested field.

    Args:
        column: A column by its whole name, or the names that lead to a nested field.

    Returns:
        The names.

    Example:
        >>> to_path("a.b"), to_path(["address", "city"])
        (['a.b'], ['address', 'city'])
    """
    return [column] if isinstance(column, str) else list(column)
