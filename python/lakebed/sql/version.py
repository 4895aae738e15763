"""Version clauses of tables: what `AT (VERSION => ...)` and `FOR ... AS OF ...` ask for."""

from __future__ import annotations

import datetime as dt

from sqlglot import exp

from lakebed.catalog import VersionSpec
from lakebed.errors import SqlError, SqlUnsupportedError
from lakebed.expression.scalar import moment_literal
from lakebed.expression.syntax import pointed

_TIMES = ("TIMESTAMP", "SYSTEM_TIME", "SYSTEM TIME")


def has_version(table: exp.Table) -> bool:
    """Say whether a table has a version clause.

    Args:
        table: As parsed.

    Returns:
        True for either spelling.

    Example:
        >>> has_version(exp.to_table("flights"))
        False
    """
    return bool(table.args.get("when") or table.args.get("version"))


def take_version(table: exp.Table, default: VersionSpec, text: str) -> VersionSpec:
    """Read the version clause of a table and remove it from the tree.

    Args:
        table: As parsed, changed in place.
        default: The version of tables without a clause.
        text: The statement, for messages.

    Returns:
        A tag, branch or start of a commit id as text; a datetime, UTC where the text has no offset; or `default`.

    Raises:
        SqlError: The timestamp cannot be read.
        SqlUnsupportedError: Another kind of clause, or a version that is no literal.

    Example:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT * FROM t AT (VERSION => 'v1')", read="duckdb")
        >>> take_version(tree.find(exp.Table), None, "")
        'v1'
    """
    clause = table.args.get("when") or table.args.get("version")
    if clause is None:
        return default
    table.set("when", None)
    table.set("version", None)
    kind, value = _kind(clause, table, text), clause.args.get("expression")
    if kind == "VERSION":
        return _literal(value, table, text)
    return _moment(value, table, text)


def _kind(clause: exp.Expr, table: exp.Table, text: str) -> str:
    if isinstance(clause, exp.HistoricalData):
        place, kind = clause.name.upper(), str(clause.args.get("kind")).upper()
    else:
        place, kind = str(clause.args.get("kind")).upper(), clause.name.upper()
    if place not in ("AT", "AS OF") or kind not in ("VERSION", *_TIMES):
        raise SqlUnsupportedError(
            pointed(
                f"the version clause {clause.sql('duckdb')} is not supported; write AT (VERSION => 'name'), "
                "AT (TIMESTAMP => '2013-01-31'), FOR VERSION AS OF or FOR TIMESTAMP AS OF",
                text,
                table,
            )
        )
    return "VERSION" if kind == "VERSION" else "TIMESTAMP"


def _literal(value: exp.Expr | None, table: exp.Table, text: str) -> str:
    inner = value.unnest() if value is not None else None
    if isinstance(inner, exp.Cast):
        inner = inner.this
    if isinstance(inner, exp.Literal):
        return inner.name
    raise SqlUnsupportedError(
        pointed("a version must be a literal: the text of a tag, branch or commit, or of a timestamp", text, table)
    )


def _moment(value: exp.Expr | None, table: exp.Table, text: str) -> dt.datetime:
    literal = _literal(value, table, text)
    try:
        return moment_literal(literal, zoned=True)
    except SqlError as error:
        raise SqlError(pointed(str(error), text, table)) from None
