"""A name for every projection, and no name twice in one SELECT.

Polars calls `SUM(id) OVER w` by the name `id`, so that a later `ORDER BY id` would sort by the sum, and it refuses
two columns of one name. An expression without an alias is named by its text, a repeated name gets `_1`, `_2` and so on.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.sql.bind import Statement
from lakebed.sql.rewrite.spelling import WRITTEN

_LONGEST = 80


def name_projections(tree: exp.Expr, _statement: Statement) -> exp.Expr:
    """Alias every projection that is neither a column nor a star by its own text.

    Args:
        tree: A bound query, changed in place.
        _statement: Not used; every rule takes it.

    Returns:
        The tree.

    Example:
        >>> import sqlglot
        >>> name_projections(sqlglot.parse_one("SELECT a, SUM(b) FROM t"), Statement("")).sql()
        'SELECT a, SUM(b) AS "sum(b)" FROM t'
    """
    for select in tree.find_all(exp.Select):
        select.set("expressions", [_named(item) for item in select.expressions])
    return tree


def separate_outputs(tree: exp.Expr, statement: Statement) -> exp.Expr:
    """Make the output names of each SELECT distinct and note those of the whole query.

    Args:
        tree: A query whose projections all have aliases, changed in place.
        statement: `outputs` is filled.

    Returns:
        The tree.

    Example:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT t.a AS a, u.a AS a FROM t, u")
        >>> separate_outputs(tree, Statement("")).sql()
        'SELECT t.a AS a, u.a AS "a_1" FROM t, u'
    """
    for select in tree.find_all(exp.Select):
        _separate(select)
    statement.outputs = _outputs(tree)
    return tree


def _named(item: exp.Expr) -> exp.Expr:
    inner = item.unnest() if isinstance(item, exp.Paren) else item
    if (
        isinstance(item, exp.Alias | exp.Aliases)
        or item.is_star
        or isinstance(inner, exp.Column | exp.Dot | exp.Columns)
    ):
        return item
    if isinstance(item, exp.Subquery) and item.alias:
        return item
    text = item.sql("duckdb", normalize_functions="lower", comments=False).replace('"', "")
    return exp.Alias(this=item, alias=exp.to_identifier(text[:_LONGEST], quoted=True))


def _separate(select: exp.Select) -> None:
    taken = {item.alias_or_name for item in select.expressions}
    seen: set[str] = set()
    for item in select.expressions:
        name = item.alias_or_name
        if name in seen and isinstance(item, exp.Alias):
            number = 1
            while f"{name}_{number}" in taken:
                number += 1
            fresh = exp.to_identifier(f"{name}_{number}", quoted=True)
            item.set("alias", fresh)
            taken.add(fresh.name)
        seen.add(item.alias_or_name)


def _outputs(tree: exp.Expr) -> list[tuple[str, str]]:
    first = tree.unnest()
    while isinstance(first, exp.SetOperation):
        first = first.left.unnest()
    if not isinstance(first, exp.Select):
        return []
    outputs: list[tuple[str, str]] = []
    shown: set[str] = set()
    for item in first.expressions:
        made = item.args.get("alias")
        written = made.meta.get(WRITTEN) if isinstance(made, exp.Identifier) else None
        label = str(written or item.alias_or_name)
        label = item.alias_or_name if label in shown else label
        shown.add(label)
        outputs.append((item.alias_or_name, label))
    return outputs
