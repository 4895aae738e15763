"""Arithmetic, conditionals, conversions and sub-queries of a filter, each as one function from tree to SQL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from lakebed.metadata.service.filter.columns import ValueType
from lakebed.metadata.service.filter.typed import (
    INT64_LIMIT,
    NUMBERS,
    Translates,
    Typed,
    call,
    check_comparable,
    check_numbers,
    made,
    number,
    number_type,
    one_type,
    refuse,
)

_SIGNS: dict[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_BIT_SIGNS: dict[type, str] = {
    exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
    exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>",
}
_REAL = {"sqlite": "REAL", "mysql": "DOUBLE", "postgresql": "DOUBLE PRECISION"}
_TEXT = (ValueType.STRING, {"sqlite": "TEXT", "mysql": "CHAR", "postgresql": "TEXT"})
_INT = (ValueType.INT64, {"sqlite": "INTEGER", "mysql": "SIGNED", "postgresql": "BIGINT"})
_DOUBLE = (ValueType.DOUBLE, _REAL)
_CASTS: dict[Any, tuple[ValueType, dict[str, str]]] = {
    exp.DataType.Type.TEXT: _TEXT,
    exp.DataType.Type.VARCHAR: _TEXT,
    exp.DataType.Type.BIGINT: _INT,
    exp.DataType.Type.INT: _INT,
    exp.DataType.Type.DOUBLE: _DOUBLE,
    exp.DataType.Type.FLOAT: _DOUBLE,
    exp.DataType.Type.BOOLEAN: (ValueType.BOOL, {}),
}


def arithmetic(query: Translates, tree: exp.Binary) -> Typed:
    """`+ - * / %` and MOD."""
    sign = _SIGNS[type(tree)]
    parts = [query.value(tree.this), query.value(tree.expression)]
    check_numbers(sign, *parts)
    left, right = parts
    is_double = ValueType.DOUBLE in {left.type, right.type}
    if sign == "/":
        return made(f"(CAST({left.sql} AS {_REAL[query.dialect]}) / NULLIF({right.sql}, 0))", parts, ValueType.DOUBLE)
    if sign == "%":
        if is_double:
            refuse("No matching signature for function MOD for argument types with DOUBLE")
        return made(f"(({left.sql}) % NULLIF({right.sql}, 0))", parts, ValueType.INT64)
    return made(f"({left.sql} {sign} {right.sql})", parts, ValueType.DOUBLE if is_double else ValueType.INT64)


def bitwise(query: Translates, tree: exp.Binary) -> Typed:
    """`& | << >>` on integers."""
    sign = _BIT_SIGNS[type(tree)]
    parts = [query.value(tree.this), query.value(tree.expression)]
    _check_integers(sign, parts)
    return made(_signed(query, f"({parts[0].sql} {sign} {parts[1].sql})"), parts, ValueType.INT64)


def bitwise_not(query: Translates, tree: exp.BitwiseNot) -> Typed:
    """`~` on an integer."""
    inner = query.value(tree.this)
    _check_integers("~", [inner])
    return made(_signed(query, f"(~ {inner.sql})"), [inner], ValueType.INT64)


def _check_integers(sign: str, parts: Sequence[Typed]) -> None:
    if any(part.type not in {ValueType.INT64, ValueType.NULL} for part in parts):
        kinds = ", ".join(part.type.value for part in parts)
        refuse(f"No matching signature for operator {sign} for argument types: {kinds}")


def _signed(query: Translates, sql: str) -> str:
    """Bits are unsigned on MySQL."""
    return f"CAST({sql} AS SIGNED)" if query.dialect == "mysql" else sql


def negative(query: Translates, tree: exp.Neg) -> Typed:
    """A sign before a number."""
    if isinstance(tree.this, exp.Literal) and not tree.this.is_string:
        return number(f"-{tree.this.this}")
    inner = query.value(tree.this)
    check_numbers("-", inner)
    return made(f"(- {inner.sql})", [inner], number_type(inner))


def absolute(query: Translates, tree: exp.Abs) -> Typed:
    """ABS."""
    inner = query.value(tree.this)
    check_numbers("ABS", inner)
    return call("abs", [inner], number_type(inner))


def sign_of(query: Translates, tree: exp.Sign) -> Typed:
    """SIGN: -1, 0 or 1."""
    inner = query.value(tree.this)
    check_numbers("SIGN", inner)
    x = inner.sql
    sql = f"(CASE WHEN {x} > 0 THEN 1 WHEN {x} < 0 THEN -1 WHEN {x} = 0 THEN 0 END)"
    return made(sql, [inner] * 3, number_type(inner))


def rounded(query: Translates, tree: exp.Round) -> Typed:
    """ROUND, halves away from zero, with an optional number of decimals."""
    parts = [query.value(tree.this)]
    check_numbers("ROUND", *parts)
    if tree.args.get("decimals") is not None:
        parts.append(query.value(tree.args["decimals"]))
        _check_integers("ROUND", parts[1:])
    exact = {"sqlite": "{}", "mysql": "CAST({} AS DECIMAL(65, 20))", "postgresql": "CAST({} AS NUMERIC)"}[query.dialect]
    arguments = ", ".join([exact.format(parts[0].sql), *(part.sql for part in parts[1:])])
    sql = f"round({arguments})"
    return made(sql if query.dialect == "sqlite" else f"CAST({sql} AS {_REAL[query.dialect]})", parts, ValueType.DOUBLE)


def case(query: Translates, tree: exp.Case) -> Typed:
    """CASE, with and without subject."""
    subject = query.value(tree.this) if tree.this is not None else None
    parts: list[Typed] = []
    branches: list[Typed] = []
    sql = "CASE"
    for branch in tree.args["ifs"]:
        when = query.condition(branch.this) if subject is None else query.value(branch.this)
        if subject is not None:
            check_comparable("CASE", subject, when)
            when = made(f"{subject.sql} = {when.sql}", [subject, when], ValueType.BOOL)
        then = query.value(branch.args["true"])
        sql += f" WHEN {when.sql} THEN {then.sql}"
        parts += [when, then]
        branches.append(then)
    if tree.args.get("default") is not None:
        default = query.value(tree.args["default"])
        sql += f" ELSE {default.sql}"
        parts.append(default)
        branches.append(default)
    return made(f"({sql} END)", parts, one_type("CASE", branches))


def if_(query: Translates, tree: exp.If) -> Typed:
    """IF."""
    return case(query, exp.Case(ifs=[exp.If(this=tree.this, true=tree.args["true"])], default=tree.args.get("false")))


def coalesce(query: Translates, tree: exp.Coalesce) -> Typed:
    """COALESCE and IFNULL."""
    parts = [query.value(item) for item in (tree.this, *tree.expressions)]
    kind = one_type("COALESCE", parts)
    return call("coalesce", [*parts, Typed("NULL", (), kind)] if len(parts) == 1 else parts, kind)


def nullif(query: Translates, tree: exp.Nullif) -> Typed:
    """NULLIF."""
    parts = [query.value(tree.this), query.value(tree.expression)]
    check_comparable("NULLIF", *parts)
    return call("nullif", parts, parts[0].type)


def cast(query: Translates, tree: exp.Cast) -> Typed:
    """CAST and, where nothing can fail, SAFE_CAST."""
    inner = query.value(tree.this)
    wanted = _CASTS.get(tree.to.this)
    if wanted is None:
        refuse(f"CAST to {tree.to.sql(dialect='bigquery')} is not supported in a filter")
    kind, names = wanted
    is_safe = isinstance(tree, exp.TryCast)
    if inner.column is None and inner.sql == "?":
        return _cast_constant(inner, kind)
    if is_safe and inner.type is ValueType.STRING and kind is not ValueType.STRING:
        refuse("SAFE_CAST of a text that is no constant is not supported in a filter; use CAST")
    if is_safe and inner.type is kind:
        return replace(inner, column=None)
    if kind is ValueType.BOOL:
        return _cast_to_bool(inner)
    if kind is ValueType.STRING and inner.type is ValueType.DOUBLE and query.dialect == "sqlite":
        x = inner.sql
        is_whole = f"{x} = CAST({x} AS INTEGER) AND abs({x}) < 1e15"
        sql = f"(CASE WHEN {is_whole} THEN CAST(CAST({x} AS INTEGER) AS TEXT) ELSE CAST({x} AS TEXT) END)"
        return made(sql, [inner] * 5, kind)
    return made(f"CAST({inner.sql} AS {names[query.dialect]})", [inner], kind)


def _cast_to_bool(inner: Typed) -> Typed:
    if inner.type is ValueType.STRING:
        sql = f"(CASE lower({inner.sql}) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)"
        return made(sql, [inner], ValueType.BOOL)
    if inner.type in NUMBERS:
        return made(f"({inner.sql} <> 0)", [inner], ValueType.BOOL)
    return replace(inner, type=ValueType.BOOL, column=None)


def _cast_constant(inner: Typed, kind: ValueType) -> Typed:
    """As GoogleSQL converts: doubles round half away from zero; NULL where it would fail."""
    try:
        return Typed("?", (_CONSTANTS[kind](inner.params[0]),), kind)
    except (ValueError, OverflowError):
        return Typed("NULL", (), kind)


def _to_int(value: Any) -> int:
    if isinstance(value, float):
        value = math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)
    found = int(value, 0) if isinstance(value, str) else int(value)
    if not -INT64_LIMIT <= found < INT64_LIMIT:
        raise OverflowError("it does not fit into 64 bits")
    return found


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _to_bool(value: Any) -> bool:
    if isinstance(value, str):
        if value.lower() not in {"true", "false"}:
            raise ValueError("it is neither 'true' nor 'false'")
        return value.lower() == "true"
    return bool(value)


_CONSTANTS: dict[ValueType, Any] = {
    ValueType.INT64: _to_int,
    ValueType.DOUBLE: float,
    ValueType.STRING: _to_text,
    ValueType.BOOL: _to_bool,
}


def subquery(query: Translates, tree: exp.Subquery) -> Typed:
    """`(SELECT value)`: the value; NULL where it is cut to no row."""
    items, has_row = selected(tree)
    if len(items) != 1:
        refuse("Scalar subquery cannot have more than one column")
    found = query.value(items[0])
    return found if has_row else made(f"nullif({found.sql}, {found.sql})", [found] * 2, found.type)


def exists(query: Translates, tree: exp.Exists) -> Typed:
    """`EXISTS(SELECT ...)`: whether there is a row; every neighbour that it mentions must be there."""
    items, has_row = selected(tree.this)
    joins = frozenset().union(*(query.value(item).joins for item in items))
    return Typed("?", (has_row,), ValueType.BOOL, None, joins)


def selected(tree: exp.Expr) -> tuple[list[exp.Expr], bool]:
    """What a SELECT without tables gives, and whether it gives its one row.

    Raises:
        InvalidArgumentError: It reads tables, or does anything else.
    """
    while isinstance(tree, (exp.Subquery, exp.Paren)):
        tree = tree.this
    allowed = {"expressions", "limit", "kind", "distinct"}
    unknown = sorted(name for name, value in tree.args.items() if value and name not in allowed)
    if not isinstance(tree, exp.Select) or unknown or tree.args.get("kind"):
        refuse(f"a sub-query can only be SELECT with values, without {', '.join(unknown) or 'anything else'}")
    items = [item.this if isinstance(item, exp.Alias) else item for item in tree.expressions]
    if any(isinstance(item, exp.Star) for item in items):
        refuse("SELECT * must have a FROM clause")
    limit = tree.args.get("limit")
    return items, limit is None or str(limit.expression.this) != "0"
