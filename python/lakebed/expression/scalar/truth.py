"""`IS [NOT] TRUE` and `IS [NOT] FALSE`: never null, as the SQL standard says; Polars gives null for null."""

from __future__ import annotations

from sqlglot import exp

from lakebed.errors import SqlUnsupportedError
from lakebed.expression.scalar.replace import as_type, replace_nodes, typed, wrapped
from lakebed.expression.syntax import written
from lakebed.expression.types import BOOLEANS, has_kind, is_known


def settle_truth_tests(tree: exp.Expr) -> exp.Expr:
    """Spell `x IS TRUE` as `COALESCE(x, FALSE)`, `x IS FALSE` alike, and give a bare NULL condition its type.

    Args:
        tree: An annotated tree, changed in place.

    Returns:
        The tree.

    Raises:
        SqlUnsupportedError: The operand is not boolean.

    Example:
        >>> from lakebed.expression.syntax import parse_condition
        >>> settle_truth_tests(parse_condition("a IS NOT TRUE")).sql()
        'NOT COALESCE(a, FALSE)'
    """
    return replace_nodes(replace_nodes(tree, _settle, exp.Is), _settle_null, exp.Null)


def _settle(node: exp.Expr) -> exp.Expr:
    wanted = node.args["expression"]
    if not isinstance(wanted, exp.Boolean):
        return node
    operand = node.this
    if is_known(operand) and not has_kind(operand, BOOLEANS):
        raise SqlUnsupportedError(
            f"{written(node)} tests a value that is not boolean; compare it, for example with <> 0"
        )
    if not wanted.this:
        operand = exp.Not(this=wrapped(operand))
    return typed(exp.Coalesce(this=operand, expressions=[exp.false()]), exp.DType.BOOLEAN)


def _settle_null(node: exp.Expr) -> exp.Expr:
    parent, key = node.parent, node.arg_key
    is_condition = isinstance(parent, exp.Connector | exp.Not | exp.Where | exp.Having | exp.Qualify) or (
        isinstance(parent, exp.If) and key == "this" and not _has_operand(parent)
    )
    return as_type(exp.null(), exp.DType.BOOLEAN) if is_condition else node


def _has_operand(branch: exp.If) -> bool:
    return isinstance(branch.parent, exp.Case) and branch.parent.this is not None
