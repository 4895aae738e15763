"""Core predicates: what a condition says about single columns, in the form that file pruning understands.

A core predicate is a list such as `["and", [">=", "day", date], ["=", "origin", "JFK"]]`. It is implied by the
condition: a row that satisfies the condition satisfies the core predicate, never the other way round, so a reader may
skip files by it and has to filter again. Parts that have no such form are left out; None means that nothing is left.

Comparisons have SQL's order of floats: NaN equals NaN and is greater than every number. A reader whose minimum and
maximum leave NaN out must therefore keep a file with NaN for `>`, `>=` and `!=`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from lakebed.errors import SqlError
from lakebed.expression.scalar.comparisons import date_literal, moment_literal, temporal_literal

CorePredicate = list[Any]
"""`["and" | "or", p, ...]`, `[operator, column, value]`, `["in", column, values]`, `["is_null", column]`, ..."""

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "=",
}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_RELAXED = {"=": "=", "<": "<=", "<=": "<=", ">": ">=", ">=": ">="}
# Every whole number up to here has its own double.
_EXACT_FLOAT = 2**53
_NULL = object()
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def core_predicate(tree: exp.Expr, columns: Mapping[str, pa.DataType]) -> CorePredicate | None:
    """Extract the core predicate that a condition implies.

    Args:
        tree: A condition as parsed, not rewritten, with plain column names.
        columns: The Arrow type of each column; other names are left out.

    Returns:
        The predicate, or None where the condition implies nothing about single columns.

    Example:
        >>> from lakebed.expression.syntax import parse_condition
        >>> core_predicate(parse_condition("a > 1 AND lower(b) = 'x'"), {"a": pa.int64(), "b": pa.string()})
        ['>', 'a', 1]
    """
    return _condition(tree, columns, negated=False)


def _condition(node: exp.Expr, columns: Mapping[str, pa.DataType], *, negated: bool) -> CorePredicate | None:
    if isinstance(node, exp.Paren):
        return _condition(node.this, columns, negated=negated)
    if isinstance(node, exp.Not):
        return _condition(node.this, columns, negated=not negated)
    if isinstance(node, exp.And | exp.Or):
        parts = [_condition(side, columns, negated=negated) for side in (node.left, node.right)]
        return _all(parts) if isinstance(node, exp.And) != negated else _any(parts)
    if isinstance(node, exp.Is):
        return _is_null(node, columns, negated=negated)
    if isinstance(node, exp.In):
        return _in(node, columns, negated=negated)
    if isinstance(node, exp.Between):
        return _between(node, columns, negated=negated)
    if isinstance(node, exp.Like):
        return _prefix(node, columns, negated=negated)
    if isinstance(node, exp.Column):
        known = pa.types.is_boolean(columns.get(node.name, pa.null()))
        return ["=", node.name, not negated] if known else None
    return _comparison(node, columns, negated=negated)


def _all(parts: list[CorePredicate | None]) -> CorePredicate | None:
    known = [part for part in parts if part is not None]
    if len(known) < 2:
        return known[0] if known else None
    return ["and", *(inner for part in known for inner in (part[1:] if part[0] == "and" else [part]))]


def _any(parts: list[CorePredicate | None]) -> CorePredicate | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return ["or", *(inner for part in known for inner in (part[1:] if part[0] == "or" else [part]))]


def _is_null(node: exp.Is, columns: Mapping[str, pa.DataType], *, negated: bool) -> CorePredicate | None:
    name = _column(node.this, columns)
    if name is None or not isinstance(node.expression, exp.Null):
        return None
    return ["is_not_null" if negated else "is_null", name]


def _comparison(node: exp.Expr, columns: Mapping[str, pa.DataType], *, negated: bool) -> CorePredicate | None:
    operator = _OPERATORS.get(type(node))
    if operator is None or (negated and isinstance(node, exp.NullSafeEQ)):
        return None
    left, right = node.args["this"], node.args["expression"]
    name, other = _column(left, columns), right
    if name is None:
        name, other, operator = _column(right, columns), left, _MIRRORED[operator]
    if name is None:
        return None
    return _compare(name, columns[name], _NEGATED[operator] if negated else operator, _literal(other))


def _between(node: exp.Between, columns: Mapping[str, pa.DataType], *, negated: bool) -> CorePredicate | None:
    name = _column(node.this, columns)
    if name is None or node.args.get("symmetric"):
        return None
    low, high = _literal(node.args["low"]), _literal(node.args["high"])
    parts = [
        _compare(name, columns[name], "<" if negated else ">=", low),
        _compare(name, columns[name], ">" if negated else "<=", high),
    ]
    return _any(parts) if negated else _all(parts)


def _in(node: exp.In, columns: Mapping[str, pa.DataType], *, negated: bool) -> CorePredicate | None:
    name = _column(node.this, columns)
    if name is None or not node.expressions:
        return None
    values = [_literal(item) for item in node.expressions]
    operator = "!=" if negated else "="
    parts = [_compare(name, columns[name], operator, value) for value in values if value is not _NULL]
    if negated:
        return _all(parts)
    if not parts or any(part is None for part in parts):
        return None
    return ["in", name, [part[2] for part in parts if part is not None]]


def _prefix(node: exp.Like, columns: Mapping[str, pa.DataType], *, negated: bool) -> CorePredicate | None:
    """Turn `LIKE 'ab%'` into the range from 'ab' up to, not including, 'ac'."""
    name, pattern = _column(node.this, columns), _literal(node.expression)
    if name is None or negated != bool(node.args.get("negate")) or not isinstance(pattern, str):
        return None
    if not _is_text(columns[name]):
        return None
    prefix = pattern[: min((pattern + "%_").index(mark) for mark in "%_")]
    if prefix == pattern:
        return ["=", name, pattern]
    if not prefix or not " " <= prefix[-1] < "~":
        return None
    return ["and", [">=", name, prefix], ["<", name, prefix[:-1] + chr(ord(prefix[-1]) + 1)]]


def _column(node: exp.Expr, columns: Mapping[str, pa.DataType]) -> str | None:
    inner = node.unnest()
    return inner.name if isinstance(inner, exp.Column) and inner.name in columns else None


def _literal(node: exp.Expr) -> Any:
    """Read a literal: int, Decimal, float, str, bool, date, datetime, `_NULL`; None where it is no literal."""
    inner = node.unnest()
    if isinstance(inner, exp.Null):
        return _NULL
    if isinstance(inner, exp.Boolean):
        return bool(inner.this)
    if isinstance(inner, exp.Neg):
        value = _literal(inner.this)
        return -value if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None
    if isinstance(inner, exp.Literal):
        return inner.name if inner.is_string else _number(inner.name)
    if isinstance(inner, exp.Cast) and isinstance(inner.this, exp.Literal) and inner.this.is_string:
        return _cast_literal(inner)
    return None


def _number(text: str) -> int | float | Decimal:
    if "e" in text.lower():
        return float(text)
    return Decimal(text) if "." in text else int(text)


def _cast_literal(node: exp.Cast) -> Any:
    kind = node.to.this
    if kind not in (exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPTZ):
        return None
    try:
        return temporal_literal(node.this.name, kind)
    except SqlError:
        return None


def _compare(name: str, arrow: pa.DataType, operator: str, value: Any) -> CorePredicate | None:
    if value is None or value is _NULL:
        return None
    if isinstance(value, bool):
        known = pa.types.is_boolean(arrow) and operator in ("=", "!=")
        return [operator, name, value] if known else None
    if isinstance(value, int | float | Decimal):
        return _compare_number(name, arrow, operator, value)
    if _is_text(arrow):
        return [operator, name, value] if isinstance(value, str) else None
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value.strip()):
        return _compare_number(name, arrow, operator, _number(value.strip()))
    return _compare_moment(name, arrow, operator, value)


def _is_text(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow))


def _compare_number(name: str, arrow: pa.DataType, operator: str, value: float | Decimal) -> CorePredicate | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if pa.types.is_integer(arrow):
        return _compare_integer(name, operator, value)
    if abs(float(value)) > _EXACT_FLOAT:
        return None
    if pa.types.is_floating(arrow):
        code = {16: "e", 32: "f", 64: "d"}[arrow.bit_width]
        try:
            rounded = struct.unpack(code, struct.pack(code, float(value)))[0]
        except OverflowError:
            return None
        return [operator, name, rounded]
    if pa.types.is_decimal(arrow):
        if isinstance(value, int):
            return [operator, name, value]
        # The literal loses digits as a float, so only the inclusive comparisons are safe.
        relaxed = _RELAXED.get(operator)
        return [relaxed, name, float(value)] if relaxed else None
    return None


def _compare_integer(name: str, operator: str, value: float | Decimal) -> CorePredicate | None:
    if isinstance(value, int):
        return [operator, name, value] if -(2**63) <= value < 2**63 else None
    if abs(float(value)) > _EXACT_FLOAT:
        return None
    if value == int(value):
        return [operator, name, int(value)]
    if operator in ("<", "<="):
        return ["<=", name, math.floor(value)]
    if operator in (">", ">="):
        return [">=", name, math.ceil(value)]
    return None


def _compare_moment(name: str, arrow: pa.DataType, operator: str, value: Any) -> CorePredicate | None:
    try:
        if pa.types.is_date(arrow):
            return _compare_date(name, operator, value)
        if pa.types.is_timestamp(arrow):
            return [operator, name, _as_moment(value, zoned=arrow.tz is not None)]
    except SqlError:
        return None
    return None


def _compare_date(name: str, operator: str, value: Any) -> CorePredicate | None:
    if isinstance(value, str):
        value = date_literal(value)
    if not isinstance(value, dt.datetime):
        return [operator, name, value]
    if value.tzinfo is not None:
        return None
    if value.time() == dt.time(0):
        return [operator, name, value.date()]
    # Within a day only the order of days is known.
    bounds = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}
    return [bounds[operator], name, value.date()] if operator in bounds else None


def _as_moment(value: Any, *, zoned: bool) -> dt.datetime:
    return moment_literal(value if isinstance(value, str) else value.isoformat(), zoned=zoned)
