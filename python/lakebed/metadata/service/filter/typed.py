"""Parts of a filter query as SQL with types, and the rules of GoogleSQL for what fits what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Protocol

from sqlglot import exp

from lakebed.metadata.service.filter.columns import ColumnRef, Join, ValueType
from lakebed.metadata.status import InvalidArgumentError

INT64_LIMIT = 2**63
NUMBERS = frozenset({ValueType.INT64, ValueType.DOUBLE})


@dataclass(frozen=True, slots=True)
class Typed:
    """SQL with its bound values and type.

    Args:
        sql: With `?` for each value.
        params: The values.
        type: Of what it gives.
        column: The column, where it is nothing else.
        joins: Neighbours that it needs.
        is_simple: Whether it is a plain comparison, so that what it gives for NULL and FALSE is the same at the top.
        prefix: Where it is `n.name LIKE` a pattern, the fixed beginning of that.
        is_equal: Whether it is a comparison for equality with a constant.
    """

    sql: str
    params: tuple[Any, ...]
    type: ValueType
    column: ColumnRef | None = None
    joins: frozenset[Join] = frozenset()
    is_simple: bool = False
    prefix: str = ""
    is_equal: bool = False


class Translates(Protocol):
    """What the translation of an expression needs of that of the whole query."""

    dialect: str

    def translate(self, tree: exp.Expr) -> Typed:
        """Any part of the query."""

    def value(self, tree: exp.Expr) -> Typed:
        """The same, with an enumeration as its number."""

    def condition(self, tree: exp.Expr) -> Typed:
        """A part that must be true or false."""


class Guarded(str):
    """SQL of a comparison, with the form for the top of a query."""

    __slots__ = ("at_top",)

    def __new__(cls, whole: str, at_top: str) -> Guarded:  # noqa: D102, PYI034 - Self needs Python 3.11
        made = super().__new__(cls, whole)
        made.at_top = at_top  # type: ignore[attr-defined]
        return made


def at_top(part: Typed) -> str:
    """SQL of a condition where NULL and FALSE are the same."""
    return str(getattr(part.sql, "at_top", part.sql))


def plain(part: Typed) -> str:
    """SQL of an operand of a comparison, which cares for the guard of text properties itself."""
    return part.column.sql if part.column is not None and part.column.is_text_value else part.sql


def is_double(join: Join) -> str:
    """SQL that the value of a property is a double that its column cannot hold."""
    return f"length({join.alias}.byte_value) = 8"


def values_of(parts: Sequence[Typed]) -> tuple[Any, ...]:
    """The bound values of parts, in their order."""
    return tuple(value for part in parts for value in part.params)


def number(text: str) -> Typed:
    """A literal number."""
    if text.lstrip("-").isdigit():
        value = int(text)
        if -INT64_LIMIT <= value < INT64_LIMIT:
            return Typed("?", (value,), ValueType.INT64)
        if abs(value) > 2 * INT64_LIMIT:
            refuse(f"Invalid integer literal: {text}")
        return Typed("?", (float(value),), ValueType.DOUBLE)
    try:
        return Typed("?", (float(text),), ValueType.DOUBLE)
    except ValueError:
        refuse(f"Invalid number: {text}")


def made(sql: str, parts: Sequence[Typed], kind: ValueType) -> Typed:
    """SQL that holds the SQL of parts, once each and in their order."""
    return Typed(sql, values_of(parts), kind, None, frozenset().union(*(part.joins for part in parts)))


def call(name: str, parts: Sequence[Typed], kind: ValueType) -> Typed:
    """A call of a function of the database."""
    return made(f"{name}({', '.join(part.sql for part in parts)})", parts, kind)


def as_number(part: Typed) -> Typed:
    """An enumeration as its number; anything else as it is."""
    return replace(part, type=ValueType.INT64) if part.type is ValueType.ENUM else part


def check_comparable(sign: str, left: Typed, right: Typed, *, allow_null: bool = False) -> None:
    """Refuse operands that cannot be compared."""
    if not allow_null and ValueType.NULL in {left.type, right.type} and sign not in {"CASE", "NULLIF"}:
        refuse(f"Operands of {sign} cannot be literal NULL; use IS NULL")
    kinds = {left.type, right.type} - {ValueType.NULL}
    if len(kinds) > 1 and not kinds <= NUMBERS:
        refuse(
            f"No matching signature for operator {sign} for argument types: {left.type.value}, {right.type.value}. "
            "Supported signatures: ANY = ANY",
        )


def number_type(part: Typed) -> ValueType:
    """The type of a number; a literal NULL counts as an integer."""
    return ValueType.INT64 if part.type is ValueType.NULL else part.type


def check_numbers(sign: str, *parts: Typed) -> None:
    """Refuse operands that are no numbers."""
    if any(part.type not in NUMBERS and part.type is not ValueType.NULL for part in parts):
        kinds = ", ".join(part.type.value for part in parts)
        refuse(f"No matching signature for operator {sign} for argument types: {kinds}")


def one_type(what: str, parts: Sequence[Typed]) -> ValueType:
    """The type that all parts have or can be read as."""
    kinds = {part.type for part in parts} - {ValueType.NULL}
    if kinds == NUMBERS:
        return ValueType.DOUBLE
    if len(kinds) > 1:
        refuse(
            f"No matching signature for {what} for argument types: {', '.join(sorted(kind.value for kind in kinds))}"
        )
    return next(iter(kinds), ValueType.NULL)


def check_texts(what: str, parts: Sequence[Typed]) -> None:
    """Refuse arguments that are no texts."""
    wrong = [part.type.value for part in parts if part.type not in {ValueType.STRING, ValueType.NULL}]
    if wrong:
        refuse(f"No matching signature for function {what} for argument types: {', '.join(wrong)}")


def check_pattern(pattern: str) -> None:
    """Refuse a regular expression that is none."""
    try:
        re.compile(pattern)
    except re.error as error:
        refuse(f"Cannot parse regular expression {pattern!r}: {error}")


def fixed_start(pattern: str) -> str:
    """What stands before the first wildcard or escape."""
    return re.split(r"[%_\\]", pattern, maxsplit=1)[0]


def ends_in_escape(pattern: str) -> bool:
    """Whether a pattern ends with a backslash that escapes nothing."""
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1


def refuse(text: str) -> NoReturn:
    """Refuse the query."""
    raise InvalidArgumentError(f"Invalid `filter_query`: {text}")
