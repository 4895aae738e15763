"""Every column resolved to the table, subquery or WITH query that it comes from, with its type.

Stars are spelled out, `USING` and `NATURAL` become `ON` with the merged columns, aliases that stand for expressions are
put in their place. After this rule each column carries a qualifier, and each node the type that inference found.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify_columns import qualify_columns
from sqlglot.optimizer.qualify_tables import qualify_tables
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from lakebed.errors import AmbiguousNameError, ColumnNotFoundError, LakebedError, SqlError, TableNotFoundError
from lakebed.expression.dialect import LakebedDialect
from lakebed.expression.names import suggestion
from lakebed.expression.syntax import pointed
from lakebed.expression.types import sql_type
from lakebed.sql.bind import Statement


def resolve_columns(tree: exp.Expr, statement: Statement) -> exp.Expr:
    """Qualify every column and infer every type.

    Args:
        tree: A bound query with one spelling for each name, changed in place.
        statement: Its tables.

    Returns:
        The tree.

    Raises:
        ColumnNotFoundError: A column that none of the tables in scope has; the message names the nearest.
        AmbiguousNameError: A column without qualifier that several tables in scope have.
        TableNotFoundError: A qualifier that no table in scope has.
        SqlError: The query cannot be resolved for another reason.

    Example:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT * FROM (SELECT 1 AS a) AS t")
        >>> resolve_columns(tree, Statement("")).sql()
        'SELECT t.a AS a FROM (SELECT 1 AS a) AS t'
    """
    schema = _schema(statement)
    try:
        tree = qualify_tables(tree, dialect=LakebedDialect)
        tree = qualify_columns(tree, schema, dialect=LakebedDialect)
        _check_columns(tree, statement)
        return annotate_types(tree, schema=schema, dialect=LakebedDialect)
    except SqlglotError as error:
        raise _translate(error, tree, statement) from None


def _schema(statement: Statement) -> MappingSchema:
    schema = MappingSchema(dialect=LakebedDialect, normalize=False)
    for table in statement.tables.values():
        types = {name: sql_type(table.schema.field(real).type) for name, real in table.spelled.items()}
        schema.add_table(exp.to_table(table.private), types, normalize=False)
    return schema


def _check_columns(tree: exp.Expr, statement: Statement) -> None:
    for scope in traverse_scope(tree):
        if not isinstance(scope.expression, exp.Select):
            continue
        if scope.external_columns and not scope.is_correlated_subquery:
            raise _missing(scope.external_columns[0], scope, statement)
        if scope.unqualified_columns:
            raise _missing(scope.unqualified_columns[0], scope, statement)


def _missing(column: exp.Column, scope: Scope | None, statement: Statement) -> LakebedError:
    """Say why a column has no table: unknown, ambiguous, or its qualifier is unknown."""
    sources = _visible(scope, statement)
    text, wanted = statement.text, column.name
    if column.table and column.table not in sources:
        near = suggestion(column.table, sources, kind="tables in scope")
        return TableNotFoundError(pointed(f"no table in scope is called {column.table!r}; {near}", text, column))
    if column.table:
        near = suggestion(wanted, sources[column.table], kind="columns")
        return ColumnNotFoundError(pointed(f"{column.table!r} has no column {wanted!r}; {near}", text, column))
    owners = [name for name, columns in sources.items() if wanted in columns]
    if len(owners) > 1:
        shown = " or ".join(repr(f"{owner}.{wanted}") for owner in owners)
        return AmbiguousNameError(pointed(f"the column {wanted!r} is in several tables; write {shown}", text, column))
    known = {name for columns in sources.values() for name in columns}
    near = suggestion(wanted, known, kind="columns")
    return ColumnNotFoundError(pointed(f"there is no column {wanted!r}; {near}", text, column))


def _visible(scope: Scope | None, statement: Statement) -> dict[str, list[str]]:
    """Return the columns of each table in scope, outer scopes included."""
    sources: dict[str, list[str]] = {}
    while scope is not None:
        for name, (_, source) in scope.selected_sources.items():
            sources.setdefault(name, _columns_of(source, statement))
        scope = scope.parent
    return sources


def _columns_of(source: exp.Expr | Scope, statement: Statement) -> list[str]:
    if isinstance(source, Scope):
        expression = source.expression
        return list(expression.named_selects) if isinstance(expression, exp.Query) else []
    table = statement.tables.get(source.name)
    return list(table.spelled) if table is not None else []


_UNKNOWN_COLUMN = re.compile(r"Unknown column: (.+?)(?:\.|$)")
_UNKNOWN_TABLE = re.compile(r"Unknown table: (.+?)(?:\.|$)")
_ALIAS_TWICE = re.compile(r"Alias already used: (.+?)(?:\.|$)")


def _translate(error: SqlglotError, tree: exp.Expr, statement: Statement) -> LakebedError:
    """Turn a message of sqlglot's into the same errors as our own checks."""
    message = str(error).splitlines()[0]
    twice = _ALIAS_TWICE.search(message)
    if twice:
        return SqlError(f"the name {twice.group(1)!r} stands for two tables in one FROM; give one of them an alias")
    found = _UNKNOWN_COLUMN.search(message) or _UNKNOWN_TABLE.search(message)
    if found:
        for scope in _scopes(tree):
            for column in scope.columns:
                if found.group(1) in (column.name, column.table):
                    return _missing(column, scope, statement)
    return SqlError(f"the query cannot be resolved: {message}")


def _scopes(tree: exp.Expr) -> list[Scope]:
    try:
        return list(traverse_scope(tree))
    except OptimizeError:
        return []
