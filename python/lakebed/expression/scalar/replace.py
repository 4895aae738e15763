"""Replacing nodes of a tree from the leaves up, with the types that inference found kept on the replacements."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

_FINAL = "polars"


def replace_nodes(tree: exp.Expr, replace: Callable[[exp.Expr], exp.Expr], *kinds: type[exp.Expr]) -> exp.Expr:
    """Pass each node of some kinds through a function, children before their parents.

    Args:
        tree: Changed in place.
        replace: Returns the node itself, or another node to put in its place.
        kinds: Node classes, subclasses included.

    Returns:
        The tree; a new root where the root itself was replaced.

    Example:
        >>> tree = exp.column("a").eq(1)
        >>> replace_nodes(tree, lambda node: exp.column("b"), exp.Column).sql()
        'b = 1'
    """
    # Reversed pre-order visits every child before its parent.
    for node in reversed(list(tree.find_all(*kinds, bfs=False))):
        parent, key, index, found = node.parent, node.arg_key, node.index, node.type
        changed = replace(node)
        if changed is node:
            continue
        if changed.type is None and found is not None:
            changed.type = found
        if node is tree:
            tree = changed
            tree.parent = None
        elif parent is not None and key is not None:
            parent.set(key, changed, index)
    return tree


def typed(node: exp.Expr, kind: exp.DType) -> exp.Expr:
    """Set the type of a node that a rewrite made.

    Args:
        node: Changed in place.
        kind: Its type.

    Returns:
        The node.

    Example:
        >>> typed(exp.column("a"), exp.DType.INT).type.sql()
        'INT'
    """
    node.type = exp.DataType(this=kind)
    return node


def as_type(node: exp.Expr, kind: exp.DType) -> exp.Expr:
    """Wrap a node in a cast that needs no further rewriting.

    Args:
        node: Any expression.
        kind: Target type.

    Returns:
        `CAST(node AS kind)`, typed.

    Example:
        >>> as_type(exp.column("a"), exp.DType.BIGINT).sql()
        'CAST(a AS BIGINT)'
    """
    return typed(exp.Cast(this=node, to=exp.DataType(this=kind)), kind)


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Build a call of one of Polars' functions.

    Args:
        name: As Polars writes it.
        arguments: In order.

    Returns:
        The call.

    Example:
        >>> call("LENGTH", exp.column("a")).sql()
        'LENGTH(a)'
    """
    made = exp.Anonymous(this=name, expressions=list(arguments))
    made.meta[_FINAL] = True
    return made


def is_final(node: exp.Expr) -> bool:
    """Say whether a node was made by `call`, so that it names a function of Polars already.

    Args:
        node: Any expression.

    Returns:
        False for calls that a user wrote.

    Example:
        >>> is_final(call("LENGTH", exp.column("a")))
        True
    """
    return bool(node.meta.get(_FINAL))


def half_away(number: exp.Expr) -> exp.Expr:
    """Round a float to a whole number, ties away from zero; Polars sends them to the even neighbour.

    Args:
        number: A DOUBLE; copied, not moved.

    Returns:
        A CASE, still a DOUBLE.

    Example:
        >>> half_away(exp.column("a")).sql()
        'CASE WHEN ABS(a - TRUNC(a)) >= CAST(0.5 AS DOUBLE) THEN TRUNC(a) + SIGN(a) ELSE TRUNC(a) END'
    """
    whole = call("TRUNC", number.copy())
    rest = call("ABS", exp.Sub(this=wrapped(number.copy()), expression=whole.copy()))
    up = exp.Add(this=whole.copy(), expression=call("SIGN", number.copy()))
    tie = exp.GTE(this=rest, expression=as_type(exp.Literal.number("0.5"), exp.DType.DOUBLE))
    return exp.Case(ifs=[exp.If(this=tie, true=up)], default=whole)


def wrapped(node: exp.Expr) -> exp.Expr:
    """Put parentheses around a node where an operator next to it could tear it apart.

    Args:
        node: Any expression.

    Returns:
        The node, or a parenthesis around it, with the same type.

    Example:
        >>> wrapped(exp.column("a").eq(1)).sql()
        '(a = 1)'
    """
    if isinstance(node, exp.Column | exp.Literal | exp.Paren | exp.Anonymous | exp.Cast | exp.Subquery | exp.Null):
        return node
    inside = exp.Paren(this=node)
    if node.type is not None:
        inside.type = node.type
    return inside
