"""Filters handed down to the scan: conditions of WHERE on one table become its core predicate, for skipping files.

WHERE stays as it is; the scan only has to return a superset. A condition is handed down when it is one of the AND-ed
parts of the WHERE of the SELECT that reads the table, mentions no other table, and the table's rows cannot be replaced
by nulls or change what another row is joined with: not on the null-supplying side of an outer join, not on the right of
an ASOF join.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.expression.pruning import CorePredicate, core_predicate
from lakebed.sql.bind import BoundTable, Statement


def push_filters(tree: exp.Expr, statement: Statement) -> exp.Expr:
    """Fill `where` of each table with what the WHERE around it implies.

    Args:
        tree: A resolved query, not changed.
        statement: `where` of its tables is filled.

    Returns:
        The tree.

    Example:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT 1 AS a")
        >>> push_filters(tree, Statement("")) is tree
        True
    """
    for select in tree.find_all(exp.Select):
        where = select.args.get("where")
        if where is None:
            continue
        conditions = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        for alias, table in _safe_tables(select, statement).items():
            parts = [_implied(condition, alias, table) for condition in conditions]
            known = [part for part in parts if part is not None]
            if known:
                table.where = known[0] if len(known) == 1 else ["and", *known]
    return tree


def _safe_tables(select: exp.Select, statement: Statement) -> dict[str, BoundTable]:
    """Return the tables of a FROM, by alias, whose rows WHERE may thin out before the joins."""
    from_ = select.args.get("from_")
    if from_ is None:
        return {}
    safe = _tables_of(from_.this, statement)
    for join in select.args.get("joins") or []:
        if join.side.upper() in ("RIGHT", "FULL"):
            safe = {}
        if join.side.upper() not in ("LEFT", "FULL") and not join.method and join.kind.upper() not in ("SEMI", "ANTI"):
            safe |= _tables_of(join.this, statement)
    return safe


def _tables_of(node: exp.Expr, statement: Statement) -> dict[str, BoundTable]:
    if not isinstance(node, exp.Table) or node.args.get("joins"):
        return {}
    table = statement.tables.get(node.name)
    return {node.alias_or_name: table} if table is not None else {}


def _implied(condition: exp.Expr, alias: str, table: BoundTable) -> CorePredicate | None:
    if condition.find(exp.Query, exp.AggFunc, exp.Window):
        return None
    columns = list(condition.find_all(exp.Column))
    if not columns or any(column.table != alias or column.name not in table.spelled for column in columns):
        return None
    copied = condition.copy()
    for column in copied.find_all(exp.Column):
        column.set("this", exp.to_identifier(table.spelled[column.name], quoted=True))
        column.set("table", None)
    return core_predicate(copied, {field.name: field.type for field in table.schema})
