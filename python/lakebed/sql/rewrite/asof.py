"""DuckDB's `ASOF JOIN ... ON ... AND a >= b` in Polars' words: the inequality becomes a `MATCH_CONDITION`.

Polars keeps the left rows that nothing matches; DuckDB does so only for `ASOF LEFT JOIN`. For the plain form the rows
without a match are filtered out afterwards: a match has a time, so its time is not null.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.errors import SqlUnsupportedError
from lakebed.sql.bind import Statement

_ORDERINGS = (exp.GT, exp.GTE, exp.LT, exp.LTE)


def settle_asof_joins(tree: exp.Expr, _statement: Statement) -> exp.Expr:
    """Rewrite every ASOF join.

    Args:
        tree: A query with qualified columns, changed in place.
        _statement: Not used; every rule takes it.

    Returns:
        The tree.

    Raises:
        SqlUnsupportedError: A form that cannot be rewritten without a change of meaning.

    Example:
        >>> import sqlglot
        >>> text = "SELECT t.a FROM t ASOF LEFT JOIN u ON t.k = u.k AND t.a >= u.a"
        >>> settle_asof_joins(sqlglot.parse_one(text, read="duckdb"), Statement(text)).sql()
        'SELECT t.a FROM t ASOF JOIN u MATCH_CONDITION (t.a >= u.a) ON t.k = u.k'
    """
    for select in tree.find_all(exp.Select):
        for join in select.args.get("joins") or []:
            if join.method.upper() == "ASOF":
                _settle(join, select)
    return tree


def refuse_asof_using(tree: exp.Expr, _statement: Statement) -> exp.Expr:
    """Refuse `ASOF JOIN ... USING`, before `USING` is spelled out as plain equalities.

    Args:
        tree: A bound query.
        _statement: Not used; every rule takes it.

    Returns:
        The tree.

    Raises:
        SqlUnsupportedError: There is one.

    Example:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT 1 AS a")
        >>> refuse_asof_using(tree, Statement("")) is tree
        True
    """
    for join in tree.find_all(exp.Join):
        if join.method.upper() == "ASOF" and (join.args.get("using") or not _has_condition(join)):
            raise SqlUnsupportedError(
                "ASOF JOIN needs ON with one inequality between times, for example "
                "ON a.key = b.key AND a.time >= b.time; USING is not supported"
            )
    return tree


def _has_condition(join: exp.Join) -> bool:
    return bool(join.args.get("on") or join.args.get("match_condition"))


def _settle(join: exp.Join, select: exp.Select) -> None:
    if join.side.upper() not in ("", "LEFT") or join.kind.upper() not in ("", "INNER", "OUTER"):
        raise SqlUnsupportedError(
            f"ASOF {join.side} {join.kind} JOIN is not supported; use ASOF JOIN or ASOF LEFT JOIN"
        )
    keeps_all = join.side.upper() == "LEFT" or bool(join.args.get("match_condition"))
    if not join.args.get("match_condition"):
        _split(join)
    join.set("side", None)
    join.set("kind", None)
    if not keeps_all:
        _drop_unmatched(join, select)


def _split(join: exp.Join) -> None:
    conditions = list(join.args["on"].flatten()) if isinstance(join.args["on"], exp.And) else [join.args["on"]]
    orderings = [item for item in conditions if isinstance(item.unnest(), _ORDERINGS)]
    equalities = [item for item in conditions if isinstance(item.unnest(), exp.EQ)]
    if len(orderings) != 1 or len(orderings) + len(equalities) != len(conditions):
        raise SqlUnsupportedError(
            "ASOF JOIN takes equalities and exactly one inequality between a column of each table; filter in WHERE"
        )
    join.set("match_condition", orderings[0].unnest())
    join.set("on", exp.and_(*equalities, copy=False) if equalities else None)


def _drop_unmatched(join: exp.Join, select: exp.Select) -> None:
    joins = select.args["joins"]
    later = joins[joins.index(join) + 1 :]
    if any(other.side.upper() in ("RIGHT", "FULL") for other in later):
        raise SqlUnsupportedError(
            "a RIGHT or FULL JOIN after ASOF JOIN is not supported; put the ASOF JOIN in a subquery"
        )
    right = join.alias_or_name
    time = next((c for c in join.args["match_condition"].find_all(exp.Column) if c.table == right), None)
    if time is None:
        raise SqlUnsupportedError("ASOF JOIN needs an inequality between a column of each table")
    select.where(exp.Not(this=exp.Is(this=time.copy(), expression=exp.null())), copy=False)
