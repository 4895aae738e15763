"""What a Polars condition says about single columns: a filter that Polars pushes down to a source may leave files out.

The condition is read from its JSON form. Whatever is not known there says nothing, so that a file is read rather than
left out; the filter is applied to the rows that are read in any case.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from lakebed.expression.pruning import CorePredicate

_OPERATORS = {"Eq": "=", "NotEq": "!=", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_JOINED = {"And": "and", "Or": "or", "LogicalAnd": "and", "LogicalOr": "or"}
_NULLS = {"IsNull": "is_null", "IsNotNull": "is_not_null"}
_INTEGERS = {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)} | {"Int"}
_EPOCH = dt.date(1970, 1, 1)
_NOTHING = ["unknown"]


def polars_predicate(condition: pl.Expr) -> CorePredicate | None:
    """Find the core predicate that a Polars condition implies.

    Args:
        condition: A condition on plain columns, as Polars pushes it down.

    Returns:
        The predicate, with `["unknown"]` for parts that say nothing; None where no part says anything.

    Example:
        >>> import polars as pl
        >>> polars_predicate((pl.col("a") > 1) & pl.col("b").str.starts_with("x"))
        ['and', ['>', 'a', 1], ['unknown']]
        >>> polars_predicate(pl.col("b").str.starts_with("x"))
    """
    import polars as pl

    try:
        found = _condition(json.loads(condition.meta.serialize(format="json")))
    except (ValueError, RecursionError, pl.exceptions.PolarsError):
        return None
    return None if found == _NOTHING else found


def _condition(node: Any) -> CorePredicate:
    match node:
        case {"BinaryExpr": {"left": left, "op": str(operator), "right": right}} if operator in _JOINED:
            parts = [_condition(left), _condition(right)]
            return _NOTHING if parts == [_NOTHING, _NOTHING] else [_JOINED[operator], *parts]
        case {"BinaryExpr": {"left": {"Column": str(name)}, "op": str(operator), "right": {"Literal": literal}}}:
            return _comparison(name, _OPERATORS.get(operator), literal)
        case {"BinaryExpr": {"left": {"Literal": literal}, "op": str(operator), "right": {"Column": str(name)}}}:
            return _comparison(name, _MIRRORED.get(_OPERATORS.get(operator, "")), literal)
        case {"Function": {"input": [{"Column": str(name)}], "function": {"Boolean": str(function)}}}:
            return [_NULLS[function], name] if function in _NULLS else _NOTHING
    return _NOTHING


def _comparison(name: str, operator: str | None, literal: Any) -> CorePredicate:
    if operator is None:
        return _NOTHING
    match literal:
        case {"Scalar": {"Date": int(days)}}:
            return [operator, name, _EPOCH + dt.timedelta(days=days)] if abs(days) < 700_000 else _NOTHING
        case {"Scalar": {"Boolean": bool(flag)}}:
            return [operator, name, flag]
        case {"Scalar": {"String": str(text)}} | {"Dyn": {"Str": str(text)}}:
            return [operator, name, text]
        case {"Scalar": {**scalar}} | {"Dyn": {**scalar}} if len(scalar) == 1:
            ((kind, value),) = scalar.items()
            if kind in _INTEGERS and type(value) is int and -(2**63) <= value < 2**64:
                return [operator, name, value]
            if kind == "Float64" and type(value) is float and math.isfinite(value):
                return [operator, name, value]
            if kind == "Float32" and type(value) is float and math.isfinite(value):
                # The text is the shortest that names the value among those of 32 bits.
                return [operator, name, struct.unpack("f", struct.pack("f", value))[0]]
    return _NOTHING
