"""Functions of texts in a filter, each as one function from tree to SQL."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from lakebed.metadata.service.filter.columns import ValueType
from lakebed.metadata.service.filter.typed import (
    Translates,
    Typed,
    call,
    check_pattern,
    check_texts,
    made,
    refuse,
)

_SPECIFIER = re.compile(r"%(?P<flags>[-+ #0']*)(?P<width>\d*)(?P<decimals>(?:\.\d+)?)(?P<kind>.)", re.DOTALL)
_FORMATS = dict.fromkeys("dioxX", ValueType.INT64) | dict.fromkeys("fFeEgG", ValueType.DOUBLE) | {"s": ValueType.STRING}


def simple(query: Translates, tree: exp.Func) -> Typed:
    """UPPER, LOWER and LENGTH."""
    inner = query.value(tree.this)
    check_texts(tree.key.upper(), [inner])
    if isinstance(tree, exp.Length):
        return call("char_length" if query.dialect == "mysql" else "length", [inner], ValueType.INT64)
    return call("upper" if isinstance(tree, exp.Upper) else "lower", [inner], ValueType.STRING)


def concat(query: Translates, tree: exp.Expr) -> Typed:
    """CONCAT and `||`."""
    items = tree.expressions if isinstance(tree, exp.Concat) else [tree.this, tree.expression]
    parts = [query.value(item) for item in items]
    check_texts("CONCAT", parts)
    if query.dialect == "mysql":
        return call("concat", parts, ValueType.STRING)
    cast = "CAST({} AS TEXT)" if query.dialect == "postgresql" else "{}"
    return made(f"({' || '.join(cast.format(part.sql) for part in parts)})", parts, ValueType.STRING)


def affix(query: Translates, tree: exp.Func) -> Typed:
    """STARTS_WITH and ENDS_WITH."""
    text, part = query.value(tree.this), query.value(tree.expression)
    check_texts(tree.key.upper(), [text, part])
    length = "char_length" if query.dialect == "mysql" else "length"
    if isinstance(tree, exp.StartsWith):
        sql = f"(substr({text.sql}, 1, {length}({part.sql})) = {part.sql})"
        return made(sql, [text, part, part], ValueType.BOOL)
    greatest = "max" if query.dialect == "sqlite" else "greatest"
    start = f"{greatest}({length}({text.sql}) - {length}({part.sql}) + 1, 1)"
    return made(f"(substr({text.sql}, {start}) = {part.sql})", [text, text, part, part], ValueType.BOOL)


def regexp(query: Translates, tree: exp.RegexpLike) -> Typed:
    """REGEXP_CONTAINS."""
    parts = [query.value(tree.this), query.value(tree.expression)]
    check_texts("REGEXP_CONTAINS", parts)
    if parts[1].column is None and parts[1].params:
        check_pattern(str(parts[1].params[-1]))
    sign = "~" if query.dialect == "postgresql" else "REGEXP"
    return made(f"({parts[0].sql} {sign} {parts[1].sql})", parts, ValueType.BOOL)


def trim(query: Translates, tree: exp.Trim) -> Typed:
    """TRIM, LTRIM and RTRIM: of spaces, or of the characters of a text."""
    side = str(tree.args.get("position") or "BOTH").upper()
    parts = [query.value(tree.this)]
    if tree.expression is not None:
        parts.append(query.value(tree.expression))
    check_texts("TRIM", parts)
    if query.dialect == "mysql":
        if len(parts) == 1:
            return made(f"trim({side} ' ' FROM {parts[0].sql})", parts, ValueType.STRING)
        if parts[1].sql != "?" or len(str(parts[1].params[0])) != 1:
            refuse("TRIM of anything but one given character is not supported on MySQL")
        return made(f"trim({side} {parts[1].sql} FROM {parts[0].sql})", [parts[1], parts[0]], ValueType.STRING)
    return call({"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[side], parts, ValueType.STRING)


def replaced(query: Translates, tree: exp.Replace) -> Typed:
    """REPLACE."""
    parts = [query.value(tree.args[name]) for name in ("this", "expression", "replacement") if tree.args.get(name)]
    check_texts("REPLACE", parts)
    if len(parts) != 3:
        refuse("No matching signature for function REPLACE: it takes three texts")
    return call("replace", parts, ValueType.STRING)


def substring(query: Translates, tree: exp.Substring) -> Typed:
    """SUBSTR: from a position, counted from 1 or, below zero, from the end; to the end or of a length."""
    text = query.value(tree.this)
    check_texts("SUBSTR", [text])
    numbers = [query.value(tree.args[name]) for name in ("start", "length") if tree.args.get(name) is not None]
    if not numbers or any(item.type not in {ValueType.INT64, ValueType.NULL} for item in numbers):
        refuse("No matching signature for function SUBSTR: it takes a text, a position and a length")
    if query.dialect == "postgresql" and numbers[0].sql == "?" and numbers[0].params[0] < 0:
        last = made(f"right({text.sql}, -({numbers[0].sql}))", [text, numbers[0]], ValueType.STRING)
        return call("left", [last, numbers[1]], ValueType.STRING) if len(numbers) > 1 else last
    return call("substr", [text, *numbers], ValueType.STRING)


def unicode(query: Translates, tree: exp.Unicode) -> Typed:
    """UNICODE: the code of the first character."""
    inner = query.value(tree.this)
    check_texts("UNICODE", [inner])
    if query.dialect == "mysql":
        sql = f"CAST(conv(hex(convert(left({inner.sql}, 1) USING utf32)), 16, 10) AS SIGNED)"
        return made(sql, [inner], ValueType.INT64)
    return call("unicode" if query.dialect == "sqlite" else "ascii", [inner], ValueType.INT64)


def formatted(query: Translates, tree: exp.Format) -> Typed:
    """FORMAT, by the function of SQLite."""
    pattern, *values = [query.value(item) for item in (tree.this, *tree.expressions)]
    check_texts("FORMAT", [pattern])
    if query.dialect != "sqlite":
        refuse("FORMAT is supported on SQLite only")
    if pattern.sql != "?" and values:
        refuse("FORMAT takes a constant pattern in a filter")
    if pattern.sql != "?":
        return pattern
    given = iter(values)
    text = _SPECIFIER.sub(lambda match: _specifier(match, given), str(pattern.params[0]))
    if next(given, None) is not None:
        refuse("Too many arguments to FORMAT for pattern")
    return call("printf", [Typed("?", (text,), ValueType.STRING), *values], ValueType.STRING)


def _specifier(match: re.Match[str], given: Any) -> str:
    kind = match["kind"]
    if kind == "%":
        return "%%"
    value = next(given, None)
    if value is None:
        refuse(f"Too few arguments to FORMAT for {match[0]!r}")
    if kind in "tT" and value.type in {ValueType.INT64, ValueType.STRING}:
        kind = {ValueType.INT64: "d", ValueType.STRING: "s"}[value.type]
        quote = '"' if match["kind"] == "T" and kind == "s" else ""
        return f"{quote}%{match['flags']}{match['width']}{kind}{quote}"
    if value.type not in {_FORMATS.get(kind), ValueType.NULL}:
        refuse(f"Invalid type for FORMAT; {match[0]!r} was given {value.type.value}")
    kind = "f" if kind == "F" else kind
    return f"%{match['flags'].replace(chr(39), ',')}{match['width']}{match['decimals']}{kind}"
