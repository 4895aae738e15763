"""Slices of the rows: one for each value of a column, or those for which a SQL condition holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import ColumnNotFoundError, InvalidArgumentError

if TYPE_CHECKING:
    import polars as pl

WHOLE = "All Examples"
"""Name of the whole beside slices, as TFDV has it."""

MOST_SLICES = 1_000
"""Slices by value beyond which a column is taken for a wrong choice."""


class Slicer:
    """Divides batches into slices.

    Args:
        slices: Names of columns (one slice for each value, of lists for each item) and SQL conditions; or conditions by
            the name of the slice.
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
        from lakebed.expression import parse_predicate

        self._values: list[str] = []
        self._conditions: list[tuple[str, Any]] = []
        self._named_columns: set[str] = set()
        self._seen: dict[str, str | None] = {}
        named = slices if isinstance(slices, Mapping) else {text: text for text in _listed(slices)}
        for name, text in named.items():
            given: tuple[Any, Any] = (name, text)
            for part in given:
                if not isinstance(part, str):
                    raise InvalidArgumentError(f"a slice is {part!r}; give names of columns and SQL conditions as text")
            if text in columns and name == text:
                self._values.append(text)
            else:
                condition = parse_predicate(text, columns).polars
                self._named_columns.update(condition.meta.root_names())
                self._conditions.append((name, condition))
                self._claim(name, None)

    def __call__(self, batch: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        """Give the slices of one batch that have rows in it, and every slice by condition."""
        check_columns(sorted({*self._values, *self._named_columns}), batch.columns, "the data")
        for column in self._values:
            for value, rows in _by_value(batch, column):
                yield self._named(column, value), rows
        for name, condition in self._conditions:
            yield name, batch.filter(condition)

    def _named(self, column: str, value: Any) -> str:
        """The name that TFDV gives to such a slice."""
        text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
        name = f"{column}_{text}"
        self._claim(name, column)
        if len(self._seen) - len(self._conditions) > MOST_SLICES:
            raise InvalidArgumentError(
                f"column {column!r} has more than {MOST_SLICES:,} values to slice by; give conditions instead"
            )
        return name

    def _claim(self, name: str, column: str | None) -> None:
        """Refuse a name that another slice has: rows of both would be counted together."""
        if name == WHOLE or self._seen.setdefault(name, column) != column:
            raise InvalidArgumentError(
                f"two slices would be called {name!r}; name conditions: slices={{'name': 'condition'}}"
            )


def _by_value(batch: pl.DataFrame, column: str) -> Iterator[tuple[Any, pl.DataFrame]]:
    """Each value and its rows; a row belongs to every value of its list, as in TFDV."""
    import polars as pl

    values = batch[column]
    inner = getattr(values.dtype, "inner", values.dtype)
    if inner.is_nested():
        raise InvalidArgumentError(
            f"column {column!r} has the type {values.dtype}, by whose values nothing can be sliced; give conditions"
        )
    if not values.dtype.is_nested():
        parts = batch.partition_by(column, as_dict=True, maintain_order=True)
        yield from ((value, rows) for (value,), rows in parts.items() if value is not None)
        return
    pairs = pl.DataFrame({"row": pl.int_range(batch.height, eager=True), "value": values}).explode("value")
    pairs = pairs.drop_nulls("value").unique(maintain_order=True)
    for (value,), rows in pairs.partition_by("value", as_dict=True, maintain_order=True).items():
        yield value, batch[rows["row"]]


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
            from lakebed.expression import suggestion

            hint = suggestion(name, columns, kind="columns")
            raise ColumnNotFoundError(f"column {name!r} not found in {place}; {hint}")
