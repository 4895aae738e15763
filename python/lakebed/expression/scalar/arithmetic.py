"""Arithmetic with DuckDB's results: no silent wrap of small integers, real division, dates and intervals.

Polars computes in the operands' own type, so that `month(d) * 100` wraps at 127. Integer operands are therefore
widened to 64 bits (unsigned 64-bit ones to 128) before `+ - * // %`; sums of small integers likewise. Beyond 64 bits
an overflow still wraps, as in Polars.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.errors import SqlUnsupportedError
from lakebed.expression.scalar.replace import as_type, call, replace_nodes, typed, wrapped
from lakebed.expression.syntax import written
from lakebed.expression.types import DATES, FLOATS, INTEGERS, INTERVALS, has_kind, is_known, kind_of

_WIDE = frozenset({exp.DType.BIGINT, exp.DType.INT128, exp.DType.UINT128})
_REAL_AGGREGATES = (exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp, exp.Variance, exp.Median, exp.PercentileCont)
_OPERATORS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.Pow, *_REAL_AGGREGATES)


def settle_arithmetic(tree: exp.Expr) -> exp.Expr:
    """Widen, cast and rearrange operands so that Polars computes what DuckDB computes.

    Args:
        tree: An annotated tree, changed in place.

    Returns:
        The tree.

    Raises:
        SqlUnsupportedError: `//` on values that are not integers, or an interval that Polars cannot hold.

    Example:
        >>> from lakebed.expression.syntax import parse_condition
        >>> settle_arithmetic(parse_condition("a / b")).sql()
        'CAST(a AS DOUBLE) / b'
    """
    return replace_nodes(tree, _settle, *_OPERATORS)


def _settle(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Div):
        return _divide(node)
    if isinstance(node, exp.Pow):
        return call("POW", as_type(node.this, exp.DType.DOUBLE), as_type(node.expression, exp.DType.DOUBLE))
    if isinstance(node, exp.Add | exp.Sub) and _is_temporal(node):
        return _shift(node)
    if isinstance(node, _REAL_AGGREGATES):
        return _widen_aggregate(node)
    if isinstance(node, exp.IntDiv) and any(
        is_known(side) and not has_kind(side, INTEGERS) for side in (node.this, node.expression)
    ):
        raise SqlUnsupportedError(f"{written(node)} divides values that are not integers; write / or FLOOR(a / b)")
    for key in ("this", "expression"):
        operand = node.args.get(key)
        if operand is not None:
            node.set(key, _widened(operand))
    return node


def _divide(node: exp.Div) -> exp.Expr:
    left, right = node.this, node.expression
    if has_kind(left, INTERVALS):
        return node
    if node.args.get("typed") and has_kind(left, INTEGERS) and has_kind(right, INTEGERS):
        # Dialects such as postgres divide integers to an integer, towards zero.
        return typed(exp.IntDiv(this=_widened(left), expression=_widened(right)), exp.DType.BIGINT)
    if not has_kind(left, FLOATS):
        node.set("this", as_type(left, exp.DType.DOUBLE))
    node.set("typed", False)
    node.set("safe", node.args.get("safe") if node.args.get("typed") else False)
    return node


def _widened(operand: exp.Expr) -> exp.Expr:
    inner = operand.unnest()
    if isinstance(inner, exp.Literal) or not has_kind(inner, INTEGERS) or kind_of(inner) in _WIDE:
        return operand
    return as_type(operand, exp.DType.INT128 if kind_of(inner) == exp.DType.UBIGINT else exp.DType.BIGINT)


def _widen_aggregate(node: exp.Expr) -> exp.Expr:
    argument = node.this
    distinct = isinstance(argument, exp.Distinct)
    value = argument.expressions[0] if distinct and argument.expressions else argument
    if isinstance(node, exp.Sum):
        value_type = value.type
        wide = _widened(value) if not isinstance(value, exp.Literal) else as_type(value, exp.DType.BIGINT)
        if isinstance(value_type, exp.DataType) and value_type.this == exp.DType.FLOAT:
            wide = as_type(value, exp.DType.DOUBLE)
    elif kind_of(value) == exp.DType.FLOAT:
        wide = as_type(value, exp.DType.DOUBLE)
    else:
        return node
    if distinct:
        argument.set("expressions", [wide])
    else:
        node.set("this", wide)
    return node


def _is_temporal(node: exp.Binary) -> bool:
    sides = (node.this, node.expression)
    return any(isinstance(side.unnest(), exp.Interval) or has_kind(side, DATES, INTERVALS) for side in sides)


def _shift(node: exp.Binary) -> exp.Expr:
    left, right = node.this, node.expression
    if has_kind(left, DATES) and has_kind(right, DATES):
        days = exp.Sub(this=as_type(left, exp.DType.INT), expression=as_type(right, exp.DType.INT))
        return as_type(days, exp.DType.BIGINT)
    if has_kind(left, DATES) and has_kind(right, INTEGERS):
        return as_type(type(node)(this=as_type(left, exp.DType.INT), expression=right), exp.DType.DATE)
    if isinstance(left.unnest(), exp.Interval) and isinstance(node, exp.Add):
        left, right = right, left
    subtract = isinstance(node, exp.Sub)
    interval = right.unnest()
    if isinstance(interval, exp.Interval):
        right, negative = _positive(interval)
        subtract = subtract != negative
    if has_kind(left, DATES) and (has_kind(right, INTERVALS) or isinstance(right.unnest(), exp.Interval | exp.Mul)):
        # A date plus an interval is a timestamp; Polars would drop the hours.
        left = as_type(left, exp.DType.TIMESTAMP)
    made = exp.Sub if subtract else exp.Add
    return made(this=left, expression=right)


def _positive(interval: exp.Interval) -> tuple[exp.Expr, bool]:
    """Take the sign out of an interval, and a computed amount out of its text."""
    amount, unit = interval.this, interval.args.get("unit")
    value = amount.unnest() if amount is not None else None
    if isinstance(value, exp.Literal):
        text = value.name.strip()
        return exp.Interval(this=exp.Literal.string(text.removeprefix("-").strip()), unit=unit), text.startswith("-")
    if isinstance(value, exp.Neg) and isinstance(value.this, exp.Literal):
        return exp.Interval(this=exp.Literal.string(value.this.name), unit=unit), True
    if value is None or unit is None:
        raise SqlUnsupportedError(f"{written(interval)} cannot be read; write it as INTERVAL '1 day'")
    one = exp.Interval(this=exp.Literal.string("1"), unit=unit)
    return exp.Paren(this=exp.Mul(this=wrapped(value), expression=one)), False
