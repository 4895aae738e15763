"""Functions of text, as `lakebed.expression.scalar.functions` lists them.

Positions count characters from 1, and every search is for the text itself, never a pattern, unless the function's
name says regular expression. Regular expressions follow Rust's syntax, which is RE2's but for rare corners.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from lakebed.errors import SqlUnsupportedError
from lakebed.expression.scalar.replace import as_type, call, wrapped
from lakebed.expression.syntax import written
from lakebed.expression.types import LISTS, has_kind

Builder = Callable[[exp.Expr], exp.Expr]

_SAFE_FLAGS = frozenset("gi")


def like_with_escape(node: exp.Expr) -> exp.Expr:
    """Turn `LIKE pattern ESCAPE mark` into a regular expression.

    Args:
        node: An `exp.Escape` around a `LIKE`.

    Returns:
        A call of `REGEXP_LIKE`, negated where the text says NOT LIKE.

    Raises:
        SqlUnsupportedError: Pattern or mark are not literal, or it is ILIKE.

    Example:
        >>> from lakebed.expression.syntax import parse_condition
        >>> like_with_escape(parse_condition("a LIKE '10$%' ESCAPE '$'")).sql()
        "REGEXP_LIKE(a, '(?s)^10%$')"
    """
    like, mark = node.this, node.expression
    pattern = like.expression if isinstance(like, exp.Like) else None
    if not (isinstance(pattern, exp.Literal) and isinstance(mark, exp.Literal) and len(mark.name) == 1):
        raise SqlUnsupportedError(f"{written(node)}: LIKE with ESCAPE needs a literal pattern and one character")
    found = call("REGEXP_LIKE", like.this, exp.Literal.string(_like_to_regex(pattern.name, mark.name)))
    return exp.Paren(this=exp.Not(this=found)) if like.args.get("negate") else found


def full_match(node: exp.Expr) -> exp.Expr:
    """Match a regular expression against the whole text.

    Args:
        node: `SIMILAR TO` or `regexp_full_match`.

    Returns:
        A call of `REGEXP_LIKE` with an anchored pattern.

    Raises:
        SqlUnsupportedError: The pattern is not literal.

    Example:
        >>> from lakebed.expression.syntax import parse_condition
        >>> full_match(parse_condition("a SIMILAR TO 'b+'")).sql()
        "REGEXP_LIKE(a, '^(?:b+)$')"
    """
    pattern = _literal_text(node.expression, node)
    return call("REGEXP_LIKE", node.this, exp.Literal.string(f"^(?:{pattern})$"))


def _like_to_regex(pattern: str, mark: str) -> str:
    parts, escaped = ["(?s)^"], False
    for character in pattern:
        if escaped or character not in (mark, "%", "_"):
            parts.append(_escaped(character))
            escaped = False
        elif character == mark:
            escaped = True
        else:
            parts.append(".*" if character == "%" else ".")
    if escaped:
        raise SqlUnsupportedError(f"the LIKE pattern {pattern!r} ends with its escape character")
    return "".join([*parts, "$"])


def _escaped(character: str) -> str:
    return "\\" + character if re.match(r"[\\.+*?()|\[\]{}^$#&\-~]", character) else character


def _literal_text(node: exp.Expr | None, owner: exp.Expr) -> str:
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise SqlUnsupportedError(f"{written(owner)} needs a literal text as its second argument")
    return node.name


def _length(node: exp.Expr) -> exp.Expr:
    if has_kind(node.this, LISTS):
        return as_type(call("ARRAY_LENGTH", node.this), exp.DType.BIGINT)
    return as_type(call("LENGTH", node.this), exp.DType.BIGINT)


def _byte_length(node: exp.Expr) -> exp.Expr:
    return as_type(call("OCTET_LENGTH", node.expressions[0]), exp.DType.BIGINT)


def _trim(node: exp.Expr) -> exp.Expr:
    """Trim spaces where no characters are given; Polars alone would trim tabs and newlines too."""
    characters = node.args.get("expression") or exp.Literal.string(" ")
    position = str(node.args.get("position") or "BOTH").upper()
    inner: exp.Expr = node.this
    if position in ("LEADING", "BOTH"):
        inner = call("LTRIM", inner, characters.copy())
    if position in ("TRAILING", "BOTH"):
        inner = call("RTRIM", inner, characters.copy())
    return inner


def _substring(node: exp.Expr) -> exp.Expr:
    """Count a negative start from the end, as DuckDB does."""
    start, length = node.args.get("start"), node.args.get("length")
    amount = _whole_number(start, node)
    if amount >= 0:
        return call("SUBSTR", node.this, *(part for part in (start, length) if part is not None))
    if length is not None:
        raise SqlUnsupportedError(f"{written(node)}: a negative start with a length is not supported; use RIGHT")
    return call("RIGHT", node.this, exp.Literal.number(-amount))


def _whole_number(node: exp.Expr | None, owner: exp.Expr) -> int:
    inner = node.unnest() if node is not None else None
    sign = 1
    if isinstance(inner, exp.Neg):
        inner, sign = inner.this.unnest(), -1
    if not (isinstance(inner, exp.Literal) and inner.is_int):
        raise SqlUnsupportedError(f"{written(owner)} needs a whole number as the start")
    return sign * int(inner.name)


def _contains(node: exp.Expr) -> exp.Expr:
    needle = _needle(node.expression, node)
    return exp.Paren(this=_found(node.this, needle))


def _position(node: exp.Expr) -> exp.Expr:
    if node.args.get("position") or node.args.get("occurrence"):
        raise SqlUnsupportedError(f"{written(node)}: a start position is not supported; cut the text with SUBSTR")
    needle = _needle(node.args.get("substr"), node)
    before = as_type(call("LENGTH", call("SPLIT_PART", node.this.copy(), needle.copy(), exp.Literal.number(1))), _BIG)
    place = exp.Add(this=before, expression=exp.Literal.number(1))
    absent = exp.Not(this=exp.Paren(this=_found(node.this.copy(), needle.copy())))
    whens = [
        exp.If(this=_found(node.this, needle), true=place),
        exp.If(this=absent, true=as_type(exp.Literal.number(0), _BIG)),
    ]
    return exp.Case(ifs=whens)


_BIG = exp.DType.BIGINT


def _needle(node: exp.Expr | None, owner: exp.Expr) -> exp.Expr:
    text = _literal_text(node, owner)
    if not text:
        raise SqlUnsupportedError(f"{written(owner)} searches for an empty text")
    return exp.Literal.string(text)


def _found(value: exp.Expr, needle: exp.Expr) -> exp.Expr:
    """Say whether taking the text out changes the value: an exact search, null for null."""
    return exp.NEQ(this=call("REPLACE", value, needle, exp.Literal.string("")), expression=wrapped(value.copy()))


def _replace(node: exp.Expr) -> exp.Expr:
    _needle(node.expression, node)
    return call("REPLACE", node.this, node.expression, node.args.get("replacement") or exp.Literal.string(""))


def _concat_ws(node: exp.Expr) -> exp.Expr:
    return call("CONCAT_WS", *node.expressions)


def _pad(node: exp.Expr) -> exp.Expr:
    fill = node.args.get("fill_pattern") or exp.Literal.string(" ")
    return call("LPAD" if node.args.get("is_left") else "RPAD", node.this, node.expression, fill)


def _split_part(node: exp.Expr) -> exp.Expr:
    return call("SPLIT_PART", node.this, node.args["delimiter"], node.args["part_index"])


def _regexp_like(node: exp.Expr) -> exp.Expr:
    flags = node.args.get("flag")
    if flags is None:
        return call("REGEXP_LIKE", node.this, node.expression)
    if not (isinstance(flags, exp.Literal) and flags.name == "i"):
        raise SqlUnsupportedError(f"{written(node)}: only the option 'i' is supported")
    return call("REGEXP_LIKE", node.this, node.expression, flags)


def _regexp_ilike(node: exp.Expr) -> exp.Expr:
    return call("REGEXP_LIKE", node.this, node.expression, exp.Literal.string("i"))


def _regexp_replace(node: exp.Expr) -> exp.Expr:
    arguments = [node.this, node.expression, node.args.get("replacement") or exp.Literal.string("")]
    flags = node.args.get("modifiers")
    if flags is not None:
        if not (isinstance(flags, exp.Literal) and set(flags.name) <= _SAFE_FLAGS):
            raise SqlUnsupportedError(f"{written(node)}: only the options 'g' and 'i' are supported")
        arguments.append(flags)
    elif not node.args.get("single_replace"):
        # Dialects that replace every match say so by leaving this mark out.
        arguments.append(exp.Literal.string("g"))
    return call("REGEXP_REPLACE", *arguments)


BUILDERS: dict[type[exp.Expr], Builder] = {
    exp.Length: _length,
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.Contains: _contains,
    exp.StrPosition: _position,
    exp.Replace: _replace,
    exp.ConcatWs: _concat_ws,
    exp.Pad: _pad,
    exp.SplitPart: _split_part,
    exp.RegexpLike: _regexp_like,
    exp.RegexpILike: _regexp_ilike,
    exp.RegexpFullMatch: full_match,
    exp.RegexpReplace: _regexp_replace,
}
"""Builders by the class of the call."""

NAMED: dict[str, Builder] = {
    "strlen": _byte_length,
    "octet_length": _byte_length,
    "prefix": lambda node: call("STARTS_WITH", *node.expressions),
    "suffix": lambda node: call("ENDS_WITH", *node.expressions),
}
"""Builders by the name of the call, for functions that sqlglot has no class for."""
