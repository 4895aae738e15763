"""Parsing of SQL text: one place that turns text into sqlglot trees and mistakes into readable errors.

Every failure is a `SqlSyntaxError` with a 1-based line and column and a caret under the place. The trees that are
returned keep the position of each identifier, so that later steps can point at it with `pointed`.
This module does not know tables, columns or types.
"""

from __future__ import annotations

import itertools
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import TokenType

from lakebed.errors import InvalidArgumentError, SqlSyntaxError


def parse_condition(text: str, *, dialect: str = "duckdb") -> exp.Expr:
    """Parse one scalar or boolean expression.

    Args:
        text: SQL such as `delay > 10 AND origin = 'JFK'`.
        dialect: The sqlglot dialect of `text`.

    Returns:
        The tree, not yet bound to any table.

    Raises:
        SqlSyntaxError: `text` is empty, broken, or more than one expression.

    Example:
        >>> parse_condition("a > 1").sql()
        'a > 1'
    """
    _check_words(text, dialect)
    try:
        return sqlglot.parse_one(text, read=_known_dialect(dialect), into=exp.Condition)
    except (ParseError, TokenError) as error:
        raise _translate(error, text) from None


def parse_statements(text: str, *, dialect: str = "duckdb") -> list[exp.Expr]:
    """Parse the statements of a text, separated by semicolons.

    Args:
        text: One or more SQL statements.
        dialect: The sqlglot dialect of `text`.

    Returns:
        One tree a statement, in order; never empty.

    Raises:
        SqlSyntaxError: `text` is empty or broken.

    Example:
        >>> [tree.sql() for tree in parse_statements("SELECT 1; SELECT 2;")]
        ['SELECT 1', 'SELECT 2']
    """
    _check_words(text, dialect)
    try:
        parsed = sqlglot.parse(text, read=_known_dialect(dialect))
    except (ParseError, TokenError) as error:
        raise _translate(error, text) from None
    trees = [tree for tree in parsed if tree is not None and not isinstance(tree, exp.Semicolon)]
    if not trees:
        raise SqlSyntaxError("the SQL text holds only comments; write a statement", line=1, column=1)
    return trees


def first_word(text: str, *, dialect: str = "duckdb") -> str:
    r"""Return the first word of a statement in upper case, past comments and blanks.

    Args:
        text: SQL text.
        dialect: The sqlglot dialect of `text`.

    Returns:
        The word, for example `SELECT`, or `(`; empty where the text holds no token.

    Raises:
        SqlSyntaxError: A quote or a comment is not closed.

    Example:
        >>> first_word("-- a comment\n select 1")
        'SELECT'
    """
    try:
        tokens = sqlglot.tokenize(text, read=_known_dialect(dialect))
    except TokenError as error:
        raise _translate(error, text) from None
    return tokens[0].text.upper() if tokens else ""


def pointed(message: str, text: str, node: exp.Expr | None) -> str:
    """Add the line of `text` and a caret under `node` to a message.

    Args:
        message: What was asked, found and to do.
        text: The SQL that `node` was parsed from.
        node: Any node; the first identifier below it that has a position is used.

    Returns:
        `message` alone where no position is known, else three lines.

    Example:
        >>> text = "SELECT delai FROM flights"
        >>> print(pointed("no column 'delai'", text, sqlglot.parse_one(text).selects[0]))
        no column 'delai' (line 1, column 8)
          SELECT delai FROM flights
                 ^
    """
    place = _position(node, text)
    return message if place is None else _with_caret(message, text, *place)


def written(node: exp.Expr) -> str:
    """Write a part of a tree for a message: in DuckDB's words, without quotes around names.

    Args:
        node: Any node.

    Returns:
        One line of text.

    Example:
        >>> written(exp.column("delay", table="flights", quoted=True))
        'flights.delay'
    """
    return node.sql("duckdb", comments=False).replace('"', "")


def syntax_error(message: str, text: str, line: int, column: int) -> SqlSyntaxError:
    """Build the error for a place in `text`, with a caret under it.

    Args:
        message: What is wrong there.
        text: The SQL.
        line: 1-based.
        column: 1-based.

    Returns:
        The error, not raised.

    Example:
        >>> error = syntax_error("unexpected 'x'", "a x", 1, 3)
        >>> (error.line, error.column)
        (1, 3)
    """
    return SqlSyntaxError(_with_caret(message, text, line, column), line=line, column=column)


def _known_dialect(dialect: str) -> str:
    if not dialect or sqlglot.Dialect.get(dialect.lower()) is None:
        raise InvalidArgumentError(f"{dialect!r} is no SQL dialect of sqlglot; 'duckdb' is the default")
    return dialect.lower()


def _check_words(text: str, dialect: str) -> None:
    """Refuse an empty text, and what sqlglot forgives but SQL does not: two commas in a row."""
    if not text.strip():
        raise SqlSyntaxError("the SQL text is empty; write an expression or a statement", line=1, column=1)
    try:
        tokens = sqlglot.tokenize(text, read=_known_dialect(dialect))
    except TokenError as error:
        raise _translate(error, text) from None
    for before, token in itertools.pairwise(tokens):
        if before.token_type == token.token_type == TokenType.COMMA:
            place = _line_and_column(text, token.start)
            raise syntax_error("SQL syntax: something is missing between two commas", text, *place)


def _with_caret(message: str, text: str, line: int, column: int) -> str:
    lines = text.splitlines() or [""]
    shown = lines[min(line, len(lines)) - 1].replace("\t", " ")
    return f"{message} (line {line}, column {column})\n  {shown}\n  {' ' * (column - 1)}^"


def _position(node: exp.Expr | None, text: str) -> tuple[int, int] | None:
    if node is None:
        return None
    for child in node.walk():
        start = child.meta.get("start")
        if isinstance(start, int) and 0 <= start < len(text):
            return _line_and_column(text, start)
    return None


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


_MISSING = re.compile(r"Required keyword: '\w+' missing for <class '[\w.]*?(\w+)'>")
_EXPECTED_BUT = re.compile(r"Expected ([\w ]+?) but got")
_UNCLOSED = re.compile(r"Missing (\S+) from \d+:(\d+)")


def _translate(error: ParseError | TokenError, text: str) -> SqlSyntaxError:
    if isinstance(error, TokenError) or not error.errors:
        return _token_error(error, text)
    found = error.errors[0]
    word = str(found.get("highlight") or "")
    line = int(found.get("line") or 1)
    # sqlglot counts to the last character of the word; a reader looks for the first.
    column = max(1, int(found.get("col") or 1) - len(word) + 1)
    return syntax_error(_say(str(found.get("description") or error), word), text, line, column)


def _say(description: str, word: str) -> str:
    if _MISSING.match(description):
        return f"SQL syntax: something is missing after {word!r}"
    expected = _EXPECTED_BUT.match(description)
    if expected:
        return f"SQL syntax: expected a {expected.group(1).lower()} near {word!r}"
    if description.startswith("Expecting"):
        return f"SQL syntax: expected {description.removeprefix('Expecting').strip()!r} near {word!r}"
    if "Unexpected token" in description:
        return f"SQL syntax: {word!r} is not expected here"
    return f"SQL syntax: {description[:1].lower()}{description[1:]} near {word!r}"


def _token_error(error: ParseError | TokenError, text: str) -> SqlSyntaxError:
    unclosed = _UNCLOSED.search(str(error.__cause__ or error))
    if unclosed:
        # sqlglot gives the offset in the whole text.
        place = _line_and_column(text, int(unclosed.group(2)))
        return syntax_error(f"SQL syntax: the quote {unclosed.group(1)} is not closed", text, *place)
    start = text.rfind("/*")
    if start >= 0:
        return syntax_error("SQL syntax: the comment /* is not closed", text, *_line_and_column(text, start))
    return syntax_error("SQL syntax: the text cannot be split into words", text, 1, 1)
