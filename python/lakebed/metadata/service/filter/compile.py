"""A filter query as one SQL condition on the table of its nodes, which has the alias `n`.

Conditions that do not share a neighbour are put as separate sub-queries, so that each can use an index and none
multiplies the rows of another; those that share one are joined. This gives the nodes that ML Metadata's inner joins
with DISTINCT give.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from lakebed.metadata.service.filter.columns import Columns, Join, ValueType
from lakebed.metadata.service.filter.expressions import Translator
from lakebed.metadata.service.filter.scan import scan
from lakebed.metadata.service.filter.tune import Part, tune
from lakebed.metadata.service.filter.typed import Typed, at_top, refuse
from lakebed.metadata.sources.rows import KINDS, NodeKind
from lakebed.metadata.sources.session import Condition, Session
from lakebed.metadata.status import InvalidArgumentError

COMPILED_KEPT = 512
_MAX_LENGTH = 1 << 20
_OF_THE_NODE = re.compile(r"\bn\.")


def compile_filter(session: Session | type[Session], kind: NodeKind, query: str) -> Condition:
    """Translate a filter query.

    Args:
        session: Names the dialect.
        kind: Of the nodes that are looked for; their table has the alias `n`.
        query: One boolean expression.

    Returns:
        The condition, with its bound values in the order of the marks.

    Raises:
        InvalidArgumentError: It cannot be parsed, names what is not there, or its types do not fit.

    Example:
        >>> from lakebed.metadata.sources.rows import ARTIFACT
        >>> from lakebed.metadata.sources.sqlite import SqliteSession
        >>> found = compile_filter(SqliteSession, ARTIFACT, "uri = 'a' AND id < 7")
        >>> found.sql, found.params
        ('(n.uri = ?) AND (n.id < ?)', ('a', 7))
    """
    parts = _compiled(session.dialect, kind.label, query)
    if session.dialect == "sqlite" and isinstance(session, Session):
        return tune(session, kind, parts)
    return Condition(" AND ".join(part.sql for part in parts), tuple(value for part in parts for value in part.params))


@lru_cache(maxsize=COMPILED_KEPT)
def _compiled(dialect: str, label: str, query: str) -> tuple[Part, ...]:
    kind = next(kind for kind in KINDS if kind.label == label)
    scanned = scan(query)
    tree = _parse(query, scanned.sql)
    translator = Translator(dialect, Columns(kind), scanned)
    if translator.condition(tree).type is ValueType.NULL:
        refuse(f"Given query string is not a valid boolean expression: {query}")
    terms = [translator.condition(part) for part in _conjuncts(tree)]
    return tuple(_condition(group) for group in _groups(terms))


def _parse(query: str, sql: str) -> exp.Expr:
    if len(query) > _MAX_LENGTH:
        raise InvalidArgumentError(f"Invalid `filter_query`: it has {len(query)} characters, at most are {_MAX_LENGTH}")
    try:
        trees = parse(sql, dialect="bigquery")
    except (SqlglotError, RecursionError) as error:
        text = str(error).partition("\n")[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
        raise InvalidArgumentError(f"Invalid `filter_query`: Syntax error: {text} in {query!r:.300}") from error
    if len(trees) != 1 or trees[0] is None:
        raise InvalidArgumentError(
            f"Invalid `filter_query`: Syntax error: Expected one boolean expression and nothing behind it: "
            f"{query!r:.300}",
        )
    return trees[0]


def _conjuncts(tree: exp.Expr) -> list[exp.Expr]:
    while isinstance(tree, exp.Paren) and isinstance(tree.this, (exp.Paren, exp.And)):
        tree = tree.this
    if isinstance(tree, exp.And):
        return [*_conjuncts(tree.this), *_conjuncts(tree.expression)]
    return [tree]


def _groups(terms: list[Typed]) -> list[list[Typed]]:
    """Terms that share a neighbour, directly or over others, together."""
    groups: list[tuple[set[Join], list[Typed]]] = []
    for term in terms:
        joins, members = set(term.joins), [term]
        rest = []
        for other_joins, other_members in groups:
            if joins & other_joins:
                joins |= other_joins
                members = [*other_members, *members]
            else:
                rest.append((other_joins, other_members))
        groups = [*rest, (joins, members)]
    return [members for _, members in groups]


def _condition(terms: list[Typed]) -> Part:
    joins = sorted({join for term in terms for join in term.joins}, key=lambda join: join.alias)
    sql = " AND ".join(f"({at_top(term)})" for term in terms)
    params = tuple(value for term in terms for value in term.params)
    if not joins:
        return Part(sql, params, prefix=terms[0].prefix)
    conditions = [join.condition for join in joins if join.condition]
    join_params = tuple(value for join in joins for value in join.params)
    tables = ", ".join(join.tables for join in joins)
    if len(joins) == 1 and not _OF_THE_NODE.search(sql):
        where = " AND ".join([*conditions, sql])
        in_list = f"n.id IN (SELECT {joins[0].owner} FROM {tables} WHERE {where})"
        row_by_row = f"EXISTS (SELECT 1 FROM {tables} WHERE {joins[0].owner} = n.id AND {where})"
        whole = f"SELECT 1 FROM {tables} WHERE {where}"
        joined = (tables, joins[0].owner, where) if joins[0].is_single else None
        is_equal = all(term.is_equal for term in terms)
        return Part(in_list, (*join_params, *params), whole, row_by_row, joined=joined, is_equal=is_equal)
    owners = [f"{join.owner} = n.id" for join in joins]
    where = " AND ".join([*owners, *conditions, sql])
    return Part(f"EXISTS (SELECT 1 FROM {tables} WHERE {where})", (*join_params, *params))
