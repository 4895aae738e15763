"""Rewrites of scalar SQL into what Polars computes with the same result: one rule a file, in a fixed order.

Both a predicate text and a whole SELECT go through the same rules, so that `where="..."` and SQL never disagree.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from lakebed.expression.scalar.arithmetic import settle_arithmetic
from lakebed.expression.scalar.casts import settle_casts
from lakebed.expression.scalar.comparisons import date_literal, moment_literal, settle_comparisons, temporal_literal
from lakebed.expression.scalar.functions import function_names, settle_functions
from lakebed.expression.scalar.replace import replace_nodes, typed
from lakebed.expression.scalar.truth import settle_truth_tests

SCALAR_RULES: tuple[Callable[[exp.Expr], exp.Expr], ...] = (
    settle_truth_tests,
    settle_comparisons,
    settle_arithmetic,
    settle_casts,
    settle_functions,
)
"""Each takes and returns a whole annotated tree; functions come last, since the others make calls of them."""


def rewrite_scalars(tree: exp.Expr) -> exp.Expr:
    """Apply every scalar rule in order.

    Args:
        tree: A tree with types annotated, changed in place.

    Returns:
        A tree that `to_polars_sql` can write.

    Raises:
        SqlError: Two values cannot be compared.
        SqlUnsupportedError: A construct without an exact equivalent in Polars.

    Example:
        >>> from lakebed.expression.syntax import parse_condition
        >>> rewrite_scalars(parse_condition("strlen(a) > 3")).sql()
        'CAST(OCTET_LENGTH(a) AS BIGINT) > 3'
    """
    for rule in SCALAR_RULES:
        tree = rule(tree)
    return tree


__all__ = [
    "SCALAR_RULES",
    "date_literal",
    "function_names",
    "moment_literal",
    "replace_nodes",
    "rewrite_scalars",
    "settle_arithmetic",
    "settle_casts",
    "settle_comparisons",
    "settle_functions",
    "settle_truth_tests",
    "temporal_literal",
    "typed",
]
