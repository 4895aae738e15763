"""The functions that SQL text may call, and how Polars says each of them.

A function that is not in these tables is an error: Polars may have one of the same name with another meaning
(`STRPOS` takes a pattern there, `TRIM` eats tabs). Each entry gives the same values as DuckDB for every input, with
the exceptions that the entry names; integers come out as BIGINT, since Polars' own 8 and 32 bit results would wrap.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlglot import exp

from lakebed.errors import SqlUnsupportedError
from lakebed.expression.names import nearest_names
from lakebed.expression.scalar import dates, strings
from lakebed.expression.scalar.replace import as_type, call, half_away, is_final, replace_nodes, wrapped
from lakebed.expression.syntax import written
from lakebed.expression.types import BOOLEANS, DECIMALS, FLOATS, INTEGERS, has_kind, is_known

Builder = Callable[[exp.Expr], exp.Expr]

# Where DuckDB has another name than sqlglot's class.
_DUCKDB_NAMES = frozenset(
    {
        "any_value",
        "array_agg",
        "bool_and",
        "bool_or",
        "coalesce",
        "count_if",
        "date_diff",
        "date_trunc",
        "extract",
        "if",
        "isodow",
        "nullif",
        "regexp_matches",
        "row_number",
        "strftime",
        "strptime",
        "string_agg",
        "sum",
        "unnest",
    }
)
# The text of GREATEST triples with each argument.
_MOST_FLOATS = 4


def settle_functions(tree: exp.Expr) -> exp.Expr:
    """Replace every function call by Polars' own way to compute the same.

    Args:
        tree: An annotated tree, changed in place.

    Returns:
        The tree.

    Raises:
        SqlUnsupportedError: A function, or a form of one, that has no exact equivalent.

    Example:
        >>> from lakebed.expression.syntax import parse_condition
        >>> settle_functions(parse_condition("bool_and(a > 1)")).sql()
        'MIN(a > 1)'
    """
    return replace_nodes(tree, _settle, exp.Func, *_OTHER_KINDS)


def function_names() -> list[str]:
    """Return the names of the functions that SQL text may call, sorted, in lower case.

    Returns:
        Names in DuckDB's spelling; aliases such as `len` for `length` are understood too.

    Example:
        >>> "date_trunc" in function_names()
        True
    """
    typed_names = {
        kind.sql_names()[0].lower()
        for kind in (*_SAME_NAME, *_BUILDERS)
        if issubclass(kind, exp.Func) and kind not in _REFUSED
    }
    return sorted(typed_names | set(_NAMED) | _DUCKDB_NAMES)


def _settle(node: exp.Expr) -> exp.Expr:
    kind = type(node)
    if kind in _UNCHANGED or is_final(node):
        return node
    name = _SAME_NAME.get(kind)
    if name is not None:
        return call(name, *_arguments(node))
    builder = _BUILDERS.get(kind)
    if builder is not None:
        return builder(node)
    if isinstance(node, exp.Anonymous):
        named = _NAMED.get(node.name.lower())
        if named is not None:
            return named(node)
    raise _unknown(node)


def _unknown(node: exp.Expr) -> SqlUnsupportedError:
    name = node.name.lower() if isinstance(node, exp.Anonymous) else _sql_name(node)
    near = ", ".join(nearest_names(name, function_names()))
    return SqlUnsupportedError(
        f"the function {name} is not supported in SQL; apply it to the result with Polars"
        + (f" (functions of a similar name: {near})" if near else "")
    )


def _sql_name(node: exp.Expr) -> str:
    return node.sql_names()[0].lower() if isinstance(node, exp.Func) else node.key.lower()


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """Return the arguments in the order in which sqlglot declares them."""
    found: list[exp.Expr] = []
    for key in node.arg_types:
        value = node.args.get(key)
        if isinstance(value, list):
            found.extend(value)
        elif isinstance(value, exp.Expr):
            found.append(value)
    return found


# What the generator writes rightly by itself: operators that sqlglot counts as functions, aggregates and windows.
_UNCHANGED = frozenset(
    {
        exp.And,
        exp.Or,
        exp.Case,
        exp.If,
        exp.Cast,
        exp.TryCast,
        exp.Coalesce,
        exp.Nullif,
        exp.Exists,
        exp.Array,
        exp.ArrayAgg,
        exp.GroupConcat,
        exp.Grouping,
        exp.GroupingId,
        exp.RowNumber,
        exp.Sum,
        exp.Unnest,
    }
)

_SAME_NAME: dict[type[exp.Expr], str] = {
    exp.Abs: "ABS",
    exp.Sqrt: "SQRT",
    exp.Cbrt: "CBRT",
    exp.Exp: "EXP",
    exp.Ln: "LN",
    exp.Sin: "SIN",
    exp.Cos: "COS",
    exp.Tan: "TAN",
    exp.Cot: "COT",
    exp.Asin: "ASIN",
    exp.Acos: "ACOS",
    exp.Atan: "ATAN",
    exp.Atan2: "ATAN2",
    exp.Degrees: "DEGREES",
    exp.Radians: "RADIANS",
    exp.Pi: "PI",
    exp.Explode: "UNNEST",
    exp.Lower: "LOWER",
    exp.Upper: "UPPER",
    exp.Left: "LEFT",
    exp.Right: "RIGHT",
    exp.Concat: "CONCAT",
    exp.StartsWith: "STARTS_WITH",
    exp.EndsWith: "ENDS_WITH",
    exp.Avg: "AVG",
    exp.Stddev: "STDDEV",
    exp.StddevSamp: "STDDEV",
    exp.Variance: "VAR_SAMP",
    exp.Corr: "CORR",
    exp.CovarSamp: "COVAR_SAMP",
    exp.First: "FIRST",
    exp.Last: "LAST",
    exp.Rank: "RANK",
    exp.DenseRank: "DENSE_RANK",
    exp.PercentRank: "PERCENT_RANK",
    exp.CumeDist: "CUME_DIST",
    exp.Ntile: "NTILE",
    exp.Lag: "LAG",
    exp.Lead: "LEAD",
    exp.FirstValue: "FIRST_VALUE",
    exp.LastValue: "LAST_VALUE",
    exp.NthValue: "NTH_VALUE",
}


def _extreme(node: exp.Expr) -> exp.Expr:
    """Write MIN and MAX; Polars passes over NaN where DuckDB's MAX returns it."""
    if node.args.get("count") or node.expressions:
        raise SqlUnsupportedError(f"{written(node)} asks for several values; use ORDER BY with LIMIT")
    return call("MIN" if isinstance(node, exp.Min) else "MAX", node.this)


def _count(node: exp.Expr) -> exp.Expr:
    if isinstance(node.this, exp.Distinct) and len(node.this.expressions) > 1:
        raise SqlUnsupportedError("COUNT(DISTINCT a, b) is not supported; count the rows of a SELECT DISTINCT a, b")
    return call("COUNT", node.this or exp.Star())


def _any_value(node: exp.Expr) -> exp.Expr:
    """Return the smallest value: any one is right, and this one does not depend on the order of rows."""
    inner = node.this
    if isinstance(node, exp.IgnoreNulls):
        if not isinstance(inner, exp.Anonymous) or inner.name != "MIN":
            raise SqlUnsupportedError(f"{written(node)}: IGNORE NULLS is not supported; filter the nulls out first")
        return inner
    return call("MIN", inner)


def _all_true(node: exp.Expr) -> exp.Expr:
    return call("MIN", _boolean_argument(node, node.this))


def _any_true(node: exp.Expr) -> exp.Expr:
    return call("MAX", _boolean_argument(node, node.this))


def _boolean_argument(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    if is_known(value) and not has_kind(value, BOOLEANS):
        raise SqlUnsupportedError(f"{_sql_name(node)} needs a boolean; compare the value, for example with <> 0")
    return value


def _count_if(node: exp.Expr) -> exp.Expr:
    value = _boolean_argument(node, node.this)
    return call("COUNT", exp.Case(ifs=[exp.If(this=value, true=exp.Literal.number(1))]))


def _quantile(node: exp.Expr) -> exp.Expr:
    name = "QUANTILE_DISC" if isinstance(node, exp.PercentileDisc) else "QUANTILE_CONT"
    if isinstance(node.parent, exp.WithinGroup):
        return node
    share = node.args.get("expression")
    if not isinstance(share, exp.Literal):
        raise SqlUnsupportedError(f"{_sql_name(node)} needs one number between 0 and 1 as its second argument")
    return call(name, _no_decimal(node, node.this), share)


def _median(node: exp.Expr) -> exp.Expr:
    return call("MEDIAN", _no_decimal(node, node.this))


def _no_decimal(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    """Refuse decimals: DuckDB rounds what lies between two of them to their scale, Polars does not."""
    if has_kind(value, DECIMALS):
        raise SqlUnsupportedError(f"{written(node)} of DECIMAL values is not supported; cast them to DOUBLE")
    return value


def _ordered_quantile(node: exp.Expr) -> exp.Expr:
    """Write `PERCENTILE_CONT(share) WITHIN GROUP (ORDER BY value)`."""
    quantile, order = node.this, node.expression
    keys = order.expressions if isinstance(order, exp.Order) else []
    simple = isinstance(quantile, exp.PercentileCont | exp.PercentileDisc) and len(keys) == 1
    if not simple or keys[0].args.get("desc") or not isinstance(quantile.this, exp.Literal):
        raise SqlUnsupportedError(f"{written(node)}: only a quantile of one ascending key is supported here")
    name = "QUANTILE_DISC" if isinstance(quantile, exp.PercentileDisc) else "QUANTILE_CONT"
    return call(name, _no_decimal(node, keys[0].this), quantile.this)


def _sign(node: exp.Expr) -> exp.Expr:
    return as_type(call("SIGN", node.this), exp.DType.BIGINT)


def _ceil_floor(node: exp.Expr) -> exp.Expr:
    name = "CEIL" if isinstance(node, exp.Ceil) else "FLOOR"
    if node.args.get("decimals") is not None or node.args.get("to") is not None:
        raise SqlUnsupportedError(f"{name} takes one argument here")
    return call(name, node.this)


def _truncate(node: exp.Expr) -> exp.Expr:
    if node.args.get("decimals") is not None:
        raise SqlUnsupportedError("TRUNC takes one argument here; divide and multiply by a power of ten")
    return call("TRUNC", node.this)


def _round(node: exp.Expr) -> exp.Expr:
    """Round half away from zero; Polars does so for decimals, but sends ties of floats to the even neighbour."""
    value, decimals = node.this, node.args.get("decimals")
    if decimals is not None and not (isinstance(decimals, exp.Literal) and decimals.is_int):
        raise SqlUnsupportedError(f"{written(node)}: ROUND needs a whole number, not negative, as second argument")
    digits = int(decimals.name) if decimals is not None else 0
    if has_kind(value, INTEGERS):
        return wrapped(value)
    if not has_kind(value, FLOATS):
        return call("ROUND", value, exp.Literal.number(digits))
    scaled = value if digits == 0 else exp.Mul(this=wrapped(value), expression=_double(10**digits))
    away = half_away(scaled)
    return away if digits == 0 else exp.Paren(this=exp.Div(this=away, expression=_double(10**digits)))


def _double(value: int) -> exp.Expr:
    return as_type(exp.Literal.number(value), exp.DType.DOUBLE)


def _log(node: exp.Expr) -> exp.Expr:
    base, value = (node.this, node.expression) if node.args.get("expression") else (exp.Literal.number(10), node.this)
    named = {"10": "LOG10", "2": "LOG2"}.get(base.name) if isinstance(base, exp.Literal) else None
    if named:
        return call(named, value)
    return exp.Paren(this=exp.Div(this=call("LN", value), expression=call("LN", base)))


def _greatest_least(node: exp.Expr) -> exp.Expr:
    """Write GREATEST and LEAST; NaN is above every number, where Polars alone would pass over it."""
    arguments = [node.this, *node.expressions] if isinstance(node.this, exp.Expr) else list(node.expressions)
    if isinstance(node, exp.Least):
        return call("LEAST", *arguments)
    if not any(has_kind(argument, FLOATS) for argument in arguments):
        return call("GREATEST", *arguments)
    if len(arguments) > _MOST_FLOATS:
        raise SqlUnsupportedError(f"GREATEST of floats takes at most {_MOST_FLOATS} arguments; nest the calls")
    found: exp.Expr = arguments[0]
    for argument in arguments[1:]:
        found = _greater(found, argument)
    return found


def _greater(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    whens = [
        exp.If(this=exp.Is(this=wrapped(left.copy()), expression=exp.null()), true=right.copy()),
        exp.If(this=exp.Is(this=wrapped(right.copy()), expression=exp.null()), true=left.copy()),
        exp.If(this=exp.GTE(this=wrapped(left.copy()), expression=wrapped(right.copy())), true=left.copy()),
    ]
    return exp.Case(ifs=whens, default=right)


def _is_nan(node: exp.Expr) -> exp.Expr:
    """Compare with infinity: NaN is the only value above it."""
    return exp.Paren(this=exp.GT(this=wrapped(node.this), expression=_infinity()))


def _is_inf(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.EQ(this=call("ABS", node.this), expression=_infinity()))


def _is_finite(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.LT(this=call("ABS", node.expressions[0]), expression=_infinity()))


def _infinity() -> exp.Expr:
    return as_type(exp.Literal.string("inf"), exp.DType.DOUBLE)


def _mean(node: exp.Expr) -> exp.Expr:
    value = node.expressions[0]
    return call("AVG", as_type(value, exp.DType.DOUBLE) if has_kind(value, FLOATS) else value)


def _now(_node: exp.Expr) -> exp.Expr:
    """Fix the time when the text is bound, so that every mention in one statement is the same, in UTC."""
    now = dt.datetime.now(dt.timezone.utc)
    return as_type(exp.Literal.string(now.isoformat(sep=" ")), exp.DType.TIMESTAMPTZ)


def _today(_node: exp.Expr) -> exp.Expr:
    return as_type(exp.Literal.string(dt.datetime.now(dt.timezone.utc).date().isoformat()), exp.DType.DATE)


def _zone(node: exp.Expr) -> exp.Expr:
    zone = node.args.get("zone")
    if not (isinstance(zone, exp.Literal) and zone.is_string):
        raise SqlUnsupportedError("AT TIME ZONE needs the name of a zone as text, for example 'UTC'")
    return node


def _refuse(advice: str) -> Builder:
    def refuse(node: exp.Expr) -> exp.Expr:
        raise SqlUnsupportedError(f"{written(node)} is not supported in SQL; {advice}")

    return refuse


_BUILDERS: dict[type[exp.Expr], Builder] = {
    exp.Min: _extreme,
    exp.Max: _extreme,
    exp.Count: _count,
    exp.CountIf: _count_if,
    exp.AnyValue: _any_value,
    exp.IgnoreNulls: _any_value,
    exp.RespectNulls: _refuse("it is the default"),
    exp.WithinGroup: _ordered_quantile,
    exp.LogicalAnd: _all_true,
    exp.LogicalOr: _any_true,
    exp.PercentileCont: _quantile,
    exp.PercentileDisc: _quantile,
    exp.Median: _median,
    exp.Sign: _sign,
    exp.Ceil: _ceil_floor,
    exp.Floor: _ceil_floor,
    exp.Trunc: _truncate,
    exp.Round: _round,
    exp.Log: _log,
    exp.Greatest: _greatest_least,
    exp.Least: _greatest_least,
    exp.IsNan: _is_nan,
    exp.IsInf: _is_inf,
    exp.CurrentTimestamp: _now,
    exp.CurrentDate: _today,
    exp.AtTimeZone: _zone,
    exp.Escape: strings.like_with_escape,
    exp.SimilarTo: strings.full_match,
    exp.Glob: _refuse("write LIKE or a regular expression"),
    exp.ApproxDistinct: _refuse("COUNT(DISTINCT ...) is exact"),
    exp.ArgMax: _refuse("use ROW_NUMBER() with QUALIFY"),
    exp.ArgMin: _refuse("use ROW_NUMBER() with QUALIFY"),
    exp.Rand: _refuse("a query of a version always gives the same answer"),
    **strings.BUILDERS,
    **dates.BUILDERS,
}

_OTHER_KINDS = (
    exp.AtTimeZone,
    exp.Escape,
    exp.SimilarTo,
    exp.Glob,
    exp.IgnoreNulls,
    exp.RespectNulls,
    exp.WithinGroup,
)
# Known, so that the message can say what to do instead.
_REFUSED = frozenset({exp.ApproxDistinct, exp.ArgMax, exp.ArgMin, exp.Rand, exp.AnyValue})

_NAMED: dict[str, Builder] = {
    "mean": _mean,
    "every": lambda node: call("MIN", _boolean_argument(node, node.expressions[0])),
    "arbitrary": lambda node: call("MIN", node.expressions[0]),
    "isfinite": _is_finite,
    "now": _now,
    "get_current_timestamp": _now,
    **strings.NAMED,
    **dates.NAMED,
}
