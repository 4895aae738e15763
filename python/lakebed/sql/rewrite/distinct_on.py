"""`DISTINCT ON (keys)` as the first row of each group of keys, by the order of the query.

Polars keeps the first row too, but cannot order by a column that is not shown.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.sql.bind import Statement


def settle_distinct_on(tree: exp.Expr, _statement: Statement) -> exp.Expr:
    """Turn every `DISTINCT ON` into `QUALIFY ROW_NUMBER() OVER (PARTITION BY keys ORDER BY ...) = 1`.

    Args:
        tree: A resolved query, changed in place.
        _statement: Not used; every rule takes it.

    Returns:
        The tree.

    Example:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT DISTINCT ON (t.a) t.b AS b FROM t ORDER BY t.a, b")
        >>> settle_distinct_on(tree, Statement("")).args["qualify"].sql()
        'QUALIFY ROW_NUMBER() OVER (PARTITION BY t.a ORDER BY t.a, t.b) = 1'
    """
    for select in tree.find_all(exp.Select):
        distinct = select.args.get("distinct")
        keys = distinct.args.get("on") if distinct is not None else None
        if keys is not None:
            select.set("distinct", None)
            _keep_first(select, keys)
    return tree


def _keep_first(select: exp.Select, keys: exp.Expr) -> None:
    listed = keys.expressions if isinstance(keys, exp.Tuple) else [keys.unnest()]
    order = select.args.get("order")
    window = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_spelled_out(key, select) for key in listed],
        order=_order_of(order, select) if order is not None else None,
        over="OVER",
    )
    first = exp.EQ(this=window, expression=exp.Literal.number(1))
    kept = select.args.get("qualify")
    condition = first if kept is None else exp.and_(kept.this, first, copy=False)
    select.set("qualify", exp.Qualify(this=condition))


def _order_of(order: exp.Order, select: exp.Select) -> exp.Order:
    copied = order.copy()
    for key in copied.expressions:
        key.set("this", _spelled_out(key.this, select))
    return copied


def _spelled_out(key: exp.Expr, select: exp.Select) -> exp.Expr:
    """Replace the position or the alias of a projection by what it stands for."""
    inner = key.unnest()
    if isinstance(inner, exp.Literal) and inner.is_int and 1 <= int(inner.name) <= len(select.expressions):
        return _bare(select.expressions[int(inner.name) - 1])
    if isinstance(inner, exp.Column) and not inner.table:
        for item in select.expressions:
            if item.alias_or_name == inner.name:
                return _bare(item)
    return key.copy()


def _bare(item: exp.Expr) -> exp.Expr:
    copied: exp.Expr = item.unalias().copy()
    return copied
