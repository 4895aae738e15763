"""The scalar rules of `lakebed.expression`, applied to a whole query, so that both say the same."""

from __future__ import annotations

from sqlglot import exp

from lakebed.expression.scalar import rewrite_scalars
from lakebed.sql.bind import Statement


def settle_scalars(tree: exp.Expr, _statement: Statement) -> exp.Expr:
    """Rewrite truth tests, comparisons, arithmetic, casts and functions.

    Args:
        tree: A resolved and annotated query, changed in place.
        _statement: Not used; every rule takes it.

    Returns:
        The tree.

    Raises:
        SqlError: Two values cannot be compared.
        SqlUnsupportedError: A construct without an exact equivalent in Polars.

    Example:
        >>> import sqlglot
        >>> settle_scalars(sqlglot.parse_one("SELECT bool_or(a) AS b FROM t", read="duckdb"), Statement("")).sql()
        'SELECT MAX(a) AS b FROM t'
    """
    return rewrite_scalars(tree)
