"""The literals, quoted names and comments of a filter query, by GoogleSQL's rules for them.

Texts and back-quoted names are replaced by words that hold their number, so that the parser behind this sees nothing of
what a user put between quotes, and no part of it can become SQL. Texts may be in single or double quotes, in three of
them, and raw (`r`); comments are `--`, `#` and `/* */`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lakebed.metadata.status import InvalidArgumentError

TEXT_MARK = "lakebed text "
NAME_MARK = "lakebed_name_"
NOT_IN_MARK = "lakebed_not_in"
"""First value of a list behind NOT IN, which the parser does not tell from NOT before IN."""

_SPECIAL = re.compile(r"--|#|/\*|`|\b[rR][bB]|\b[bB][rR]|\b[rRbB](?=['\"])|['\"]", re.DOTALL)
_PROPERTY = re.compile(rf"\b((?:custom_)?properties)\.(?!{NAME_MARK})([A-Za-z_]\w*)\.(\w+)", re.IGNORECASE)
_NOT_IN = re.compile(r"(\bNOT\s+IN\s*\((?!\s*\)))(?!\s*SELECT\b)", re.IGNORECASE)
_TWO_TEXTS = re.compile(rf"'{TEXT_MARK}\d+'\s+'")
_UNSIGNED = re.compile(r"\bUINT(?:32|64)\b", re.IGNORECASE)
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "?": "?",
    '"': '"',
    "'": "'",
    "`": "`",
}
_CODES = {"x": (2, 16), "X": (2, 16), "u": (4, 16), "U": (8, 16)}


@dataclass(slots=True)
class Scanned:
    """A query without its literals.

    Args:
        sql: With `'lakebed text 0'` for the first text and `lakebed_name_0` for the first quoted name.
        texts: The texts.
        names: The quoted names.
    """

    sql: str = ""
    texts: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def scan(query: str) -> Scanned:
    r"""Take literals, quoted names and comments out of a query.

    Raises:
        InvalidArgumentError: A literal or comment does not end, or holds what it must not.

    Example:
        >>> found = scan("name = 'it\\'s' AND properties.`a b`.int_value = 1")
        >>> found.sql, found.texts, found.names
        ("name =  'lakebed text 0'  AND properties. lakebed_name_0 .int_value = 1", ["it's"], ['a b'])
    """
    found = Scanned()
    parts = []
    position = 0
    while True:
        match = _SPECIAL.search(query, position)
        if match is None:
            parts.append(query[position:])
            break
        parts.append(query[position : match.start()])
        text, position = _take(query, match, found)
        parts.append(text)
    sql = "".join(parts)
    if _TWO_TEXTS.search(sql):
        raise _error(query, 0, "Expected end of input but got string literal behind a string literal")
    sql = _PROPERTY.sub(lambda match: _name_property(match, found), sql)
    sql = _UNSIGNED.sub("INT64", sql)
    found.sql = _NOT_IN.sub(rf"\1 {NOT_IN_MARK}, ", sql)
    return found


def _name_property(match: re.Match[str], found: Scanned) -> str:
    """A name of a property may be a word that SQL reserves."""
    found.names.append(match[2])
    return f"{match[1]}.{NAME_MARK}{len(found.names) - 1}.{match[3]}"


def _take(query: str, match: re.Match[str], found: Scanned) -> tuple[str, int]:
    """What stands for a special place, and where the query goes on."""
    start, mark = match.start(), match[0]
    if mark in {"--", "#"}:
        end = query.find("\n", start)
        return " ", len(query) if end < 0 else end
    if mark == "/*":
        end = query.find("*/", start + 2)
        if end < 0:
            raise _error(query, start, "Unclosed comment")
        return " ", end + 2
    if mark == "`":
        value, end = _quoted(query, start, "`", is_raw=False)
        if not value:
            raise _error(query, start, "Invalid empty identifier")
        found.names.append(value)
        return f" {NAME_MARK}{len(found.names) - 1} ", end
    prefix = mark.lower() if mark[0] not in "'\"" else ""
    opening = start + len(prefix)
    if opening >= len(query) or query[opening] not in "'\"":
        return mark, opening
    if "b" in prefix:
        raise _error(query, start, "bytes have no operator with any column here; write a text without b")
    quote = query[opening]
    quote = quote * 3 if query.startswith(quote * 3, opening) else quote
    value, end = _quoted(query, opening, quote, is_raw=prefix == "r")
    found.texts.append(value)
    return f" '{TEXT_MARK}{len(found.texts) - 1}' ", end


def _quoted(query: str, start: int, quote: str, *, is_raw: bool) -> tuple[str, int]:
    parts = []
    position = start + len(quote)
    while not query.startswith(quote, position):
        if position >= len(query) or (query[position] == "\n" and len(quote) == 1):
            raise _error(query, start, "Unclosed identifier literal" if quote == "`" else "Unclosed string literal")
        if query[position] != "\\":
            parts.append(query[position])
            position += 1
        elif is_raw:
            parts.append(query[position : position + 2])
            position += 2
        else:
            value, position = _escape(query, position)
            parts.append(value)
    return "".join(parts), position + len(quote)


def _escape(query: str, start: int) -> tuple[str, int]:
    code = query[start + 1 : start + 2]
    if code in _ESCAPES and code:
        return _ESCAPES[code], start + 2
    digits, base = _CODES.get(code, (3, 8) if code in "01234567" and code else (0, 0))
    first = start + 1 if base == 8 else start + 2
    number = query[first : first + digits]
    if digits and len(number) == digits:
        try:
            return chr(int(number, base)), first + digits
        except (ValueError, OverflowError):
            pass
    raise _error(query, start, f"Illegal escape sequence: \\{code}")


def _error(query: str, position: int, text: str) -> InvalidArgumentError:
    line = query.count("\n", 0, position) + 1
    column = position - query.rfind("\n", 0, position)
    return InvalidArgumentError(f"Invalid `filter_query`: Syntax error: {text} [at {line}:{column}]: {query!r:.300}")
