"""Comparisons between different kinds of values: text literals take the type of the other side, the rest must fit.

`time_hour >= '2013-01-01'` reads the text as a timestamp; text without an offset that meets a zoned timestamp is UTC.
What has no meaning, such as a text column against a number, is an error instead of a comparison of spellings.
"""

from __future__ import annotations

import datetime as dt
import re

from sqlglot import exp

from lakebed.errors import SqlError, SqlUnsupportedError
from lakebed.expression.scalar.replace import as_type, replace_nodes, typed
from lakebed.expression.syntax import written
from lakebed.expression.types import (
    BOOLEANS,
    DATES,
    NAIVE_TIMES,
    NUMBERS,
    TEMPORALS,
    TEXTS,
    ZONED_TIMES,
    has_kind,
    is_known,
    kind_of,
)

_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_PAIRS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)


def settle_comparisons(tree: exp.Expr) -> exp.Expr:
    """Give both sides of every comparison, `BETWEEN` and `IN` list types that can be compared.

    Args:
        tree: An annotated tree, changed in place.

    Returns:
        The tree.

    Raises:
        SqlError: The two sides cannot be compared, or a text is no value of the other side's type.
        SqlUnsupportedError: A date is compared with a text that has a time of day.

    Example:
        >>> from sqlglot.optimizer.annotate_types import annotate_types
        >>> from lakebed.expression.syntax import parse_condition
        >>> tree = annotate_types(parse_condition("DATE '2013-01-01' < '2013-02-01'", dialect="duckdb"))
        >>> settle_comparisons(tree).sql("duckdb")
        "CAST('2013-01-01' AS DATE) < CAST('2013-02-01' AS DATE)"
    """
    return replace_nodes(tree, _settle, *_PAIRS, exp.Between, exp.In)


def temporal_literal(text: str, kind: exp.DType) -> dt.date | dt.datetime:
    """Read a text as a value of a temporal SQL type.

    Args:
        text: ISO form, for example `2013-01-01` or `2013-01-01 05:00:00+01:00`.
        kind: DATE, or one of the timestamp types.

    Returns:
        A date, a naive datetime, or a datetime in UTC; text without an offset is UTC for a zoned type.

    Raises:
        SqlError: `text` is not in that form.
        SqlUnsupportedError: `kind` is DATE and `text` has a time of day.

    Example:
        >>> temporal_literal("2013-01-01", exp.DType.TIMESTAMPTZ)
        datetime.datetime(2013, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    return date_literal(text) if kind in DATES else moment_literal(text, zoned=kind in ZONED_TIMES)


def date_literal(text: str) -> dt.date:
    """Read a text as a date.

    Args:
        text: For example `2013-01-01`.

    Returns:
        The date.

    Raises:
        SqlError: `text` is no date.
        SqlUnsupportedError: `text` has a time of day.

    Example:
        >>> date_literal("2013-01-01")
        datetime.date(2013, 1, 1)
    """
    moment = _parse_moment(text)
    if moment.time() != dt.time(0) or moment.tzinfo is not None:
        raise SqlUnsupportedError(
            f"{text!r} has a time of day but is compared with a DATE; write TIMESTAMP {text!r} or a date"
        )
    return moment.date()


def moment_literal(text: str, *, zoned: bool) -> dt.datetime:
    """Read a text as a timestamp.

    Args:
        text: For example `2013-01-01`, `2013-01-01 05:00:00` or `2013-01-01T05:00:00Z`.
        zoned: Whether a timestamp with a time zone is meant.

    Returns:
        A naive datetime, or one in UTC where `zoned`; text without an offset is UTC then.

    Raises:
        SqlError: `text` is no timestamp, or has an offset that is not wanted.

    Example:
        >>> moment_literal("2013-01-01 05:00:00", zoned=False)
        datetime.datetime(2013, 1, 1, 5, 0)
    """
    moment = _parse_moment(text)
    if zoned:
        return moment.replace(tzinfo=dt.timezone.utc) if moment.tzinfo is None else moment.astimezone(dt.timezone.utc)
    if moment.tzinfo is not None:
        raise SqlError(f"{text!r} has an offset but is compared with a timestamp without time zone; drop the offset")
    return moment


def temporal_cast(value: dt.date | dt.datetime, kind: exp.DType) -> exp.Expr:
    """Write a temporal value as a cast literal.

    Args:
        value: As `temporal_literal` returns it.
        kind: DATE, or one of the timestamp types.

    Returns:
        For example `CAST('2013-01-01' AS DATE)`, typed.

    Example:
        >>> temporal_cast(dt.date(2013, 1, 1), exp.DType.DATE).sql()
        "CAST('2013-01-01' AS DATE)"
    """
    text = value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()
    target = exp.DType.TIMESTAMP if kind in NAIVE_TIMES else kind
    return as_type(exp.Literal.string(text), target)


def is_text_literal(node: exp.Expr) -> bool:
    """Say whether a node is a plain string literal.

    Args:
        node: Any expression.

    Returns:
        True for `'text'`, in parentheses or not.

    Example:
        >>> is_text_literal(exp.Literal.string("a"))
        True
    """
    inner = node.unnest()
    return isinstance(inner, exp.Literal) and inner.is_string


def _settle(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.In):
        node.set("expressions", [_fit(item, node.this) for item in node.expressions])
        others = list(node.expressions)
    else:
        keys = ("low", "high") if isinstance(node, exp.Between) else ("expression",)
        for key in ("this", *keys):
            for anchor in ("this", *keys):
                if anchor != key:
                    node.set(key, _fit(node.args[key], node.args[anchor]))
        others = [node.args[key] for key in keys]
    for other in others:
        _check_pair(node.this, other, node)
    return node


def _fit(value: exp.Expr, anchor: exp.Expr) -> exp.Expr:
    """Give a literal the type of the value that it is compared with."""
    if is_text_literal(anchor) or not is_known(anchor):
        return value
    if is_text_literal(value):
        return _fit_text(value.unnest().name, value, anchor)
    literal = value.unnest()
    if not (has_kind(anchor, ZONED_TIMES) and isinstance(literal, exp.Cast) and is_text_literal(literal.this)):
        return value
    if literal.to.this not in NAIVE_TIMES | DATES:
        return value
    return temporal_cast(moment_literal(literal.this.name, zoned=True), exp.DType.TIMESTAMPTZ)


def _fit_text(text: str, value: exp.Expr, anchor: exp.Expr) -> exp.Expr:
    kind = kind_of(anchor)
    if kind in TEMPORALS:
        return temporal_cast(temporal_literal(text, kind), kind)
    if kind in NUMBERS:
        return _number(text, anchor)
    if kind in BOOLEANS:
        spelled = {"true": exp.true(), "t": exp.true(), "false": exp.false(), "f": exp.false()}.get(text.lower())
        if spelled is None:
            raise SqlError(f"{text!r} is compared with a boolean; write TRUE or FALSE")
        return spelled
    return value


def _number(text: str, anchor: exp.Expr) -> exp.Expr:
    cleaned = text.strip()
    if _PLAIN_NUMBER.fullmatch(cleaned):
        return typed(exp.Literal.number(cleaned), exp.DType.DECIMAL if "." in cleaned else exp.DType.BIGINT)
    try:
        float(cleaned)
    except ValueError:
        raise SqlError(
            f"{written(anchor)} is a number but is compared with the text {text!r}; write a number"
        ) from None
    return as_type(exp.Literal.string(cleaned), exp.DType.DOUBLE)


def _check_pair(left: exp.Expr, right: exp.Expr, node: exp.Expr) -> None:
    if not (is_known(left) and is_known(right)) or isinstance(right.unnest(), exp.Any | exp.All):
        return
    groups = (NUMBERS, TEXTS, BOOLEANS, TEMPORALS)
    found = [next((i for i, group in enumerate(groups) if has_kind(side, group)), None) for side in (left, right)]
    if None not in found and found[0] != found[1]:
        raise SqlError(
            f"{written(left)} has type {_type_name(left)} and {written(right)} has type {_type_name(right)} in "
            f"{written(node)}; cast one side so that both have the same type"
        )
    zoned = [has_kind(side, ZONED_TIMES) for side in (left, right)]
    naive = [has_kind(side, NAIVE_TIMES) for side in (left, right)]
    if any(zoned) and any(naive):
        raise SqlError(
            f"{written(node)} compares a timestamp with a time zone and one without; "
            f"write {written(left if naive[0] else right)} AT TIME ZONE 'UTC', or the zone that it was recorded in"
        )


def _type_name(node: exp.Expr) -> str:
    found = node.type
    return found.sql("duckdb") if isinstance(found, exp.DataType) else "unknown"


def _parse_moment(text: str) -> dt.datetime:
    cleaned = text.strip()
    if cleaned[-1:] in ("Z", "z"):
        cleaned = cleaned[:-1] + "+00:00"
    try:
        return dt.datetime.fromisoformat(_padded_offset(cleaned))
    except ValueError:
        raise SqlError(f"{text!r} is no date or timestamp; write it as '2013-01-31' or '2013-01-31 05:00:00'") from None


def _padded_offset(text: str) -> str:
    """Complete what `fromisoformat` of Python 3.10 does not read: `+02` and fractions of 1 to 6 digits."""
    head, sign, offset = text, "", ""
    for mark in ("+", "-"):
        place = text.rfind(mark)
        if place > 10:
            head, sign, offset = text[:place], mark, text[place + 1 :]
    if sign and ":" not in offset:
        offset = f"{offset[:2]}:{offset[2:] or '00'}"
    whole, dot, fraction = head.partition(".")
    if dot:
        fraction = fraction[:6].ljust(6, "0")
    return f"{whole}{dot}{fraction}{sign}{offset}"
