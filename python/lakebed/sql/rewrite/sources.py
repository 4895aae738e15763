"""A source of one row for SELECT without FROM, where its clauses need one.

Polars answers `SELECT 1 WHERE FALSE` with a row, since it filters nothing; over a table of one row it filters.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.sql.bind import Statement

ONE_ROW = "__one_row"
"""The name under which the table of one row is registered."""

_CLAUSES = ("where", "having", "qualify", "group")


def give_sources(tree: exp.Expr, _statement: Statement) -> exp.Expr:
    """Add `FROM` the table of one row to each SELECT without FROM that filters, groups or aggregates.

    Args:
        tree: A resolved query, changed in place.
        _statement: Not used; every rule takes it.

    Returns:
        The tree.

    Example:
        >>> import sqlglot
        >>> give_sources(sqlglot.parse_one("SELECT 1 AS a WHERE FALSE"), Statement("")).sql()
        'SELECT 1 AS a FROM __one_row WHERE FALSE'
    """
    for select in tree.find_all(exp.Select):
        if select.args.get("from_") is None and _needs_row(select):
            select.from_(exp.to_table(ONE_ROW), copy=False)
    return tree


def _needs_row(select: exp.Select) -> bool:
    if any(select.args.get(clause) for clause in _CLAUSES):
        return True
    return any(node.find_ancestor(exp.Select) is select for node in select.find_all(exp.AggFunc, exp.Window))
