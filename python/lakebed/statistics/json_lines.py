"""JSON lines in batches, in types that hold every value of every file.

Polars infers the types. Where it finds none for a column (a truth value and a number, a list and a number), or one
that does not hold all values, every value is looked at and the reading begins anew: then what no other type holds is
text, as in CSV, with lists and objects as JSON. A column of one file is a column of all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.statistics.csv_files import TypesChanged, open_packed
from lakebed.statistics.slicing import check_columns

if TYPE_CHECKING:
    import polars as pl

_INT64, _UINT64 = range(-(2**63), 2**63), range(2**64)


class JsonLines:
    """Files of JSON lines, plain or packed.

    Args:
        names: The files.
        types: Polars types of columns; those of the others are inferred.
        read: Gives the batches of a lazy frame.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "a.jsonl")
        >>> _ = path.write_text('{"a": 1}')
        >>> files = JsonLines([str(path)], {}, lambda frame: iter([frame.collect()]))
        >>> [batch.rows() for batch in files.batches(str(path), lambda frame: frame)]
        [[(1,)]]
    """

    def __init__(
        self, names: Sequence[str], types: Mapping[str, Any], read: Callable[[pl.LazyFrame], Iterator[pl.DataFrame]]
    ) -> None:
        self._names, self._types, self._read = names, types, read
        self._schema: pl.Schema | None = None
        self._is_looked_at = False

    def batches(self, name: str, plan: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Iterator[pl.DataFrame]:
        """Read one file.

        Args:
            name: One of the files.
            plan: What is done to the lazy frame.

        Yields:
            Batches in row order.

        Raises:
            TypesChanged: The types did not hold a value of the file; now they do.
            InvalidArgumentError: A line is no object, or a named type does not hold a value.
            ColumnNotFoundError: A type is named for a column that no file has.
        """
        import polars as pl

        if self._schema is None:
            self._schema = self._inferred()
        try:
            yield from self._read(plan(pl.scan_ndjson(name, schema=self._schema)))
        except (pl.exceptions.PolarsError, OSError) as error:
            if self._is_looked_at or isinstance(error, OSError) or not _is_of_values(error):
                raise _unreadable(name, error) from error
            self._schema = self._looked_at()
            raise TypesChanged from error

    def _inferred(self) -> pl.Schema:
        import polars as pl

        joint, name = pl.DataFrame(), self._names[0]
        try:
            for name in self._names:
                found = pl.scan_ndjson(name, infer_schema_length=None).collect_schema()
                own = {column: self._types.get(column, kind) for column, kind in found.items()}
                joint = pl.concat([joint, pl.DataFrame(schema=own)], how="diagonal_relaxed")
        except pl.exceptions.SchemaError:
            return self._looked_at()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unreadable(name, error) from error
        # What holds integers of both signs beyond 64 bits is a float, as in CSV; Arrow has no such integer.
        kinds = {column: pl.Float64() if kind == pl.Int128 else kind for column, kind in joint.schema.items()}
        return self._checked(kinds)

    def _looked_at(self) -> pl.Schema:
        """Types by every value of every file; slower, and never without an answer."""
        self._is_looked_at = True
        kinds, name = _Kinds(), self._names[0]
        try:
            for name in self._names:
                with open_packed(name) as file:
                    for line in filter(bytes.strip, file):
                        kinds.add_row(json.loads(line))
        except (OSError, EOFError, ValueError) as error:
            raise _unreadable(name, error) from error
        return self._checked({column: self._types.get(column, found.type) for column, found in kinds.members.items()})

    def _checked(self, kinds: dict[str, Any]) -> pl.Schema:
        import polars as pl

        check_columns(list(self._types), list(kinds), self._names[0])
        return pl.Schema(kinds)


@dataclass
class _Kinds:
    """What the values of a column, a member or an item are; nulls say nothing."""

    scalars: set[str] = field(default_factory=set)
    least: int = 0
    greatest: int = 0
    item: _Kinds | None = None
    members: dict[str, _Kinds] = field(default_factory=dict)
    is_object: bool = False

    def add_row(self, row: Any) -> None:
        if not isinstance(row, dict):
            raise ValueError("no object")  # noqa: TRY004 - as `json` has it.
        self.add(row)

    def add(self, value: Any) -> None:
        if isinstance(value, dict):
            self.is_object = True
            for name, member in value.items():
                self.members.setdefault(name, _Kinds()).add(member)
        elif isinstance(value, list):
            self.item = self.item or _Kinds()
            for item in value:
                self.item.add(item)
        elif value is not None:
            self.scalars.add(type(value).__name__)
            if type(value) is int:
                self.least, self.greatest = min(self.least, value), max(self.greatest, value)

    @property
    def type(self) -> Any:
        import polars as pl

        if (self.item is not None) + self.is_object + bool(self.scalars) > 1 or "str" in self.scalars:
            return pl.String()
        if self.item is not None:
            return pl.List(self.item.type)
        if self.is_object:
            return pl.Struct({name: member.type for name, member in self.members.items()})
        if "bool" in self.scalars:
            return pl.Boolean() if len(self.scalars) == 1 else pl.String()
        if self.scalars == {"int"} and self.greatest in _INT64 and self.least in _INT64:
            return pl.Int64()
        if self.scalars == {"int"} and self.greatest in _UINT64 and self.least in _UINT64:
            return pl.UInt64()
        return pl.Float64() if self.scalars else pl.Null()


def _is_of_values(error: Exception) -> bool:
    """Whether a type is the cause, and not the file."""
    return any(text in str(error) for text in ("cannot parse", "supertype", "unexpected value", "overflow"))


def _unreadable(name: str, error: Exception) -> InvalidArgumentError:
    line = _broken_line(name)
    cause = f"line {line} is no object of JSON" if line else str(error).partition("\n")[0]
    cause = cause.replace("could not infer data-type", "no line holds an object")
    hint = "name another type of the column: types=" if "cannot parse" in cause else "mend the file or leave it out"
    return InvalidArgumentError(f"{name} cannot be read as JSON lines: {cause}; {hint}")


def _broken_line(name: str) -> int | None:
    """The first line of a file, packed or not, that is no JSON object."""
    try:
        with open_packed(name) as file:
            return next((number for number, line in enumerate(file, 1) if line.strip() and not _is_object(line)), None)
    except (OSError, EOFError):
        return None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
