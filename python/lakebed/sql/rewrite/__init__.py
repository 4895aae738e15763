"""The rewrites of a bound query into what Polars runs with the same answer: one rule a file, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from lakebed.sql.bind import Statement
from lakebed.sql.rewrite.asof import refuse_asof_using, settle_asof_joins
from lakebed.sql.rewrite.columns import resolve_columns
from lakebed.sql.rewrite.distinct_on import settle_distinct_on
from lakebed.sql.rewrite.filters import push_filters
from lakebed.sql.rewrite.null_order import spell_null_order
from lakebed.sql.rewrite.projections import name_projections, separate_outputs
from lakebed.sql.rewrite.refusals import refuse_unsupported
from lakebed.sql.rewrite.scalars import settle_scalars
from lakebed.sql.rewrite.sources import ONE_ROW, give_sources
from lakebed.sql.rewrite.spelling import spell_names

RULES: tuple[Callable[[exp.Expr, Statement], exp.Expr], ...] = (
    refuse_unsupported,
    refuse_asof_using,
    name_projections,
    spell_names,
    resolve_columns,
    separate_outputs,
    push_filters,
    settle_asof_joins,
    give_sources,
    spell_null_order,
    settle_distinct_on,
    settle_scalars,
)
"""Each takes and returns a whole tree; the rules up to `resolve_columns` see the text as the user meant it."""


def rewrite(tree: exp.Expr, statement: Statement) -> exp.Expr:
    """Apply every rule in order.

    Args:
        tree: A bound query, changed in place.
        statement: Its tables; outputs and pushed filters are filled in.

    Returns:
        A tree that `lakebed.expression.dialect.to_polars_sql` can write.

    Raises:
        ColumnNotFoundError: A column that does not exist.
        AmbiguousNameError: A column that several tables have.
        SqlError: The query has no meaning.
        SqlUnsupportedError: A construct without an exact equivalent in Polars.

    Example:
        >>> from lakebed.sql.parse import parse_query
        >>> rewrite(parse_query("SELECT 1 AS a WHERE a > 1"), Statement("")).sql()
        'SELECT 1 AS "a" FROM __one_row WHERE 1 > 1'
    """
    for rule in RULES:
        tree = rule(tree, statement)
    return tree


__all__ = [
    "ONE_ROW",
    "RULES",
    "Statement",
    "give_sources",
    "name_projections",
    "push_filters",
    "refuse_asof_using",
    "refuse_unsupported",
    "resolve_columns",
    "rewrite",
    "separate_outputs",
    "settle_asof_joins",
    "settle_distinct_on",
    "settle_scalars",
    "spell_names",
    "spell_null_order",
]
