"""Slices of the rows: one for each value of a column, or those for which a SQL condition holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import ColumnNotFoundError, InvalidArgumentError
from lakebed.expression import parse_predicate, suggestion

if TYPE_CHECKING:
    import polars as pl

MOST_SLICES = 1_000
"""Slices by value beyond which a column is taken for a wrong choice."""


class Slicer:
    """Divides batches into slices.

    Args:
        slices: Names of columns (one slice for each value) and SQL conditions; or conditions by the name of the slice.
        columns: Name and Arrow type of every column.

    Raises:
        ColumnNotFoundError: A condition names a column that is not there.
        SqlError: A text is neither a column nor a condition.

    Example:
        >>> import polars as pl, pyarrow as pa
        >>> slicer = Slicer(["a", "a > 1"], {"a": pa.int64()})
        >>> [(name, rows.height) for name, rows in slicer(pl.DataFrame({"a": [1, 2, 2]}))]
        [('a_1', 1), ('a_2', 2), ('a > 1', 2)]
    """

    def __init__(self, slices: str | Sequence[str] | Mapping[str, str], columns: Mapping[str, Any]) -> None:
        self._values: list[str] = []
        self._conditions: list[tuple[str, Any]] = []
        self._seen: set[str] = set()
        named = slices if isinstance(slices, Mapping) else {text: text for text in _listed(slices)}
        for name, text in named.items():
            if text in columns and name == text:
                self._values.append(text)
            else:
                self._conditions.append((name, parse_predicate(text, columns).polars))

    def __call__(self, batch: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        """Give the slices of one batch that have rows in it, and every slice by condition."""
        for column in self._values:
            for (value,), rows in batch.partition_by(column, as_dict=True, maintain_order=True).items():
                if value is not None:
                    yield self._named(column, value), rows
        for name, condition in self._conditions:
            yield name, batch.filter(condition)

    def _named(self, column: str, value: Any) -> str:
        """The name that TFDV gives to such a slice."""
        name = f"{column}_{value}"
        self._seen.add(name)
        if len(self._seen) > MOST_SLICES:
            raise InvalidArgumentError(
                f"column {column!r} has more than {MOST_SLICES:,} values to slice by; give conditions instead"
            )
        return name


def _listed(slices: str | Sequence[str]) -> Sequence[str]:
    return [slices] if isinstance(slices, str) else slices


def check_columns(wanted: Sequence[str], columns: Sequence[str], place: str) -> None:
    """Refuse columns that are not there.

    Args:
        wanted: Names that were asked for.
        columns: Names that there are.
        place: What has the columns, for the error.

    Raises:
        ColumnNotFoundError: Tells the nearest names.

    Example:
        >>> check_columns(["a"], ["a", "b"], "the frame")
    """
    for name in wanted:
        if name not in columns:
            hint = suggestion(name, columns, kind="columns")
            raise ColumnNotFoundError(f"column {name!r} not found in {place}; {hint}")
