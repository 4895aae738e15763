"""Casts with DuckDB's rounding: floats to the nearest even integer, decimals half away from zero.

Polars cuts the fraction off. Timestamps become text without trailing zeros of the second.
"""

from __future__ import annotations

import re

from sqlglot import exp

from lakebed.errors import SqlError, SqlUnsupportedError
from lakebed.expression.scalar.comparisons import is_text_literal
from lakebed.expression.scalar.replace import as_type, call, half_away, replace_nodes
from lakebed.expression.syntax import written
from lakebed.expression.types import (
    BOOLEANS,
    DATES,
    DECIMALS,
    FLOATS,
    INTEGERS,
    NAIVE_TIMES,
    TEMPORALS,
    TEXTS,
    ZONED_TIMES,
    has_kind,
)

_YEAR_FIRST = r"^\s*\d{4}(-\d{1,2}-|/\d{1,2}/)\d{1,2}"
_TRUE_TEXTS = ("true", "t", "1", "yes", "y")
_FALSE_TEXTS = ("false", "f", "0", "no", "n")


def settle_casts(tree: exp.Expr) -> exp.Expr:
    """Make `CAST` and `TRY_CAST` round and spell as DuckDB does.

    Args:
        tree: An annotated tree, changed in place.

    Returns:
        The tree.

    Raises:
        SqlUnsupportedError: A cast that Polars cannot do in the same way.

    Example:
        >>> from lakebed.expression.scalar.replace import as_type
        >>> value = as_type(exp.column("a"), exp.DType.DECIMAL)
        >>> settle_casts(exp.Cast(this=value, to=exp.DataType.build("INT"))).sql()
        'CAST(ROUND(CAST(a AS DECIMAL), 0) AS INT)'
    """
    return replace_nodes(tree, _settle, exp.Cast, exp.TryCast)


def _settle(node: exp.Expr) -> exp.Expr:
    value, target = node.this, node.args["to"].this
    if has_kind(value, TEXTS):
        return _read_text(node, target)
    if target in INTEGERS:
        node.set("this", _rounded(value))
    elif target in DECIMALS and has_kind(value, DECIMALS):
        node.set("this", call("ROUND", value, exp.Literal.number(_scale(node))))
    elif target in TEXTS and has_kind(value, NAIVE_TIMES, ZONED_TIMES):
        return _timestamp_text(node)
    return node


def _read_text(node: exp.Expr, target: exp.DType) -> exp.Expr:
    if target in INTEGERS:
        return _integer(node)
    if target in FLOATS:
        node.set("this", _stripped(node.this))
    elif target in DECIMALS:
        # Polars rounds half to even when it reads text, so more digits are read and rounded afterwards.
        scale = _scale(node)
        exact = type(node)(this=_stripped(node.this), to=_decimal(38, min(scale + 10, 30)))
        node.set("this", call("ROUND", exact, exp.Literal.number(scale)))
    elif target in BOOLEANS:
        return _boolean(node)
    elif target in TEMPORALS:
        node.set("this", _iso_text(node, target))
    return node


def _scale(node: exp.Expr) -> int:
    """DECIMAL alone is DECIMAL(18, 3), DECIMAL(p) has scale 0."""
    parameters = node.args["to"].expressions
    return int(parameters[1].name) if len(parameters) > 1 else 0 if parameters else 3


def _decimal(precision: int, scale: int) -> exp.DataType:
    parameters = [exp.DataTypeParam(this=exp.Literal.number(number)) for number in (precision, scale)]
    return exp.DataType(this=exp.DType.DECIMAL, expressions=parameters)


def _stripped(text: exp.Expr) -> exp.Expr:
    return call("RTRIM", call("LTRIM", text, exp.Literal.string(" ")), exp.Literal.string(" "))


def _iso_text(node: exp.Expr, target: exp.DType) -> exp.Expr:
    """Let only dates with the year first through; Polars would guess at `05.01.2013`."""
    text = node.this
    if is_text_literal(text):
        return _iso_literal(node, target)
    guarded = call("REGEXP_LIKE", text.copy(), exp.Literal.string(_YEAR_FIRST))
    if target in DATES:
        day = call("SPLIT_PART", _stripped(text.copy()), exp.Literal.string(" "), exp.Literal.number(1))
        kept = call("SPLIT_PART", day, exp.Literal.string("T"), exp.Literal.number(1))
    else:
        kept = text.copy()
    # Anything else becomes a text that no format reads, which fails, or is null in TRY_CAST.
    refused = call("CONCAT", exp.Literal.string("not a date or timestamp: "), text.copy())
    missing = exp.If(this=exp.Is(this=text.copy(), expression=exp.null()), true=exp.null())
    return exp.Case(ifs=[missing, exp.If(this=guarded, true=kept)], default=refused)


def _iso_literal(node: exp.Expr, target: exp.DType) -> exp.Expr:
    """Check a literal now and leave it plain, so that Polars can compare it with the statistics of a file."""
    text = node.this.unnest().name.strip()
    if re.match(_YEAR_FIRST, text):
        return exp.Literal.string(re.split("[ T]", text)[0] if target in DATES else text)
    if isinstance(node, exp.TryCast):
        return exp.null()
    raise SqlError(f"{text!r} is no date or timestamp; write it as '2013-01-31' or '2013-01-31 05:00:00'")


def _rounded(value: exp.Expr) -> exp.Expr:
    if has_kind(value, DECIMALS):
        return call("ROUND", value, exp.Literal.number(0))
    if not has_kind(value, FLOATS):
        return value
    # ROUND of floats in Polars sends ties to the even neighbour, as DuckDB's cast does.
    return call("ROUND", value)


def _integer(node: exp.Expr) -> exp.Expr:
    """Read whole numbers exactly, and round other numbers half away from zero, as DuckDB reads text."""
    made, target = type(node), node.args["to"]
    text = _stripped(node.this)
    whole = exp.TryCast(this=text, to=target.copy(), safe=True)
    number = made(this=text.copy(), to=exp.DataType(this=exp.DType.DOUBLE))
    return exp.Coalesce(this=whole, expressions=[made(this=half_away(number), to=target.copy())])


def _timestamp_text(node: exp.Expr) -> exp.Expr:
    value = node.this
    if has_kind(value, ZONED_TIMES):
        raise SqlUnsupportedError(
            f"{written(node)} writes a zoned timestamp as text; use STRFTIME with the format that is wanted"
        )
    text = call("RTRIM", as_type(value, exp.DType.VARCHAR), exp.Literal.string("0"))
    return call("RTRIM", text, exp.Literal.string("."))


def _boolean(node: exp.Expr) -> exp.Expr:
    value = node.this
    if is_text_literal(value):
        text = value.unnest().name.lower()
        if text in _TRUE_TEXTS or text in _FALSE_TEXTS:
            return exp.true() if text in _TRUE_TEXTS else exp.false()
    raise SqlUnsupportedError(f"{written(node)} casts text to BOOLEAN; compare it instead, for example with = 'true'")
