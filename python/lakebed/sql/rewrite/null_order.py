"""The place of nulls in every order, spelled out: nulls come last, in both directions, unless the text says otherwise.

This is DuckDB's default; Polars and Postgres put nulls first in descending order. A query in another dialect of sqlglot
keeps that dialect's own default, which the parser has noted by then.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.sql.bind import Statement


def spell_null_order(tree: exp.Expr, _statement: Statement) -> exp.Expr:
    """Set direction and place of nulls on every sort key, and make sort keys of all outputs for ORDER BY ALL.

    Args:
        tree: A resolved query, changed in place.
        _statement: Not used; every rule takes it.

    Returns:
        The tree; the generator writes both out.

    Example:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT a AS a FROM t ORDER BY a DESC", read="duckdb")
        >>> spell_null_order(tree, Statement("")).find(exp.Ordered).args["nulls_first"]
        False
    """
    for order in tree.find_all(exp.Order):
        order.set("expressions", [_spelled(key) for key in order.expressions])
        _expand_all(order)
    return tree


def _spelled(key: exp.Expr) -> exp.Expr:
    ordered = key if isinstance(key, exp.Ordered) else exp.Ordered(this=key, nulls_first=False)
    ordered.set("desc", bool(ordered.args.get("desc")))
    ordered.set("nulls_first", bool(ordered.args.get("nulls_first")))
    return ordered


def _expand_all(order: exp.Order) -> None:
    keys = order.expressions
    query = order.parent
    if len(keys) != 1 or not isinstance(query, exp.Query) or not _is_all(keys[0].this):
        return
    made: list[exp.Expr] = []
    for position in range(1, len(query.selects) + 1):
        key = keys[0].copy()
        key.set("this", exp.Literal.number(position))
        made.append(key)
    order.set("expressions", made)


def _is_all(node: exp.Expr) -> bool:
    inner = node.unnest()
    if isinstance(inner, exp.Column):
        return not inner.table and inner.name.lower() == "all" and not inner.this.args.get("was_quoted")
    return isinstance(inner, exp.Var | exp.All) and inner.name.lower() in ("all", "")
