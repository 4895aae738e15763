"""What Polars' SQL lacks or would pass over in silence: refused by name, with the way around.

A construct is listed here when the text parses but no exact equivalent exists. Functions have a list of their own in
`lakebed.expression.scalar.functions`.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.errors import SqlUnsupportedError
from lakebed.expression.syntax import pointed
from lakebed.sql.bind import Statement

_REFUSED: dict[type[exp.Expr], str] = {
    exp.TableSample: "sampling is not supported in SQL; use `.pl().sample(...)` on the result",
    exp.Pivot: "PIVOT and UNPIVOT are not supported in SQL; use `.pl().pivot(...)` or `.unpivot(...)` on the result",
    exp.Lateral: "LATERAL is not supported; write a join or a correlated subquery in SELECT",
    exp.MatchRecognize: "MATCH_RECOGNIZE is not supported",
    exp.Lock: "FOR UPDATE is not supported; every version is immutable",
    exp.Collate: "COLLATE is not supported; order by LOWER(...) to ignore case",
    exp.Placeholder: "parameters are not supported; put the values into the text with their literals",
    exp.Parameter: "parameters are not supported; put the values into the text with their literals",
    exp.Into: "SELECT INTO is not supported; use `warehouse.write(name, warehouse.sql(...))`",
    exp.Columns: "COLUMNS(...) is not supported; name the columns, or use * EXCLUDE (...)",
    exp.Struct: "struct values cannot be built in SQL; use Polars on the result",
    exp.Lambda: "lambda functions are not supported in SQL; use Polars on the result",
    exp.JSONExtract: "JSON access is not supported in SQL; use Polars on the result",
    exp.JSONExtractScalar: "JSON access is not supported in SQL; use Polars on the result",
    exp.BitwiseLeftShift: "bit shifts are not supported; multiply by a power of two",
    exp.BitwiseRightShift: "bit shifts are not supported; divide by a power of two",
    exp.BitwiseNot: "the operator ~ is not supported; write -1 - x",
    exp.Bracket: "access to elements of lists is not supported in SQL; use UNNEST, or Polars on the result",
    exp.ByteString: "E'...' and byte strings are not supported; write the characters themselves",
    exp.HexString: "hexadecimal literals are not supported; write a decimal number",
    exp.PositionalColumn: "columns by number (#1) are not supported; name them",
}
_JOIN_METHODS = ("", "NATURAL", "ASOF")


def refuse_unsupported(tree: exp.Expr, statement: Statement) -> exp.Expr:
    """Raise for the first construct that cannot be run with its own meaning.

    Args:
        tree: A bound query.
        statement: Holds the text, for the place in the message.

    Returns:
        The tree, unchanged.

    Raises:
        SqlUnsupportedError: There is such a construct.

    Example:
        >>> import sqlglot
        >>> refuse_unsupported(sqlglot.parse_one("SELECT 1 FROM t FOR UPDATE"), Statement(""))
        Traceback (most recent call last):
        ...
        lakebed.errors.SqlUnsupportedError: FOR UPDATE is not supported; every version is immutable
    """
    for node in tree.walk():
        advice = _REFUSED.get(type(node)) or _advice(node)
        if advice is not None:
            raise SqlUnsupportedError(pointed(advice, statement.text, node))
    return tree


def _advice(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Join) and node.method.upper() not in _JOIN_METHODS:
        return f"{node.method.upper()} JOIN is not supported"
    if isinstance(node, exp.Fetch) and node.args.get("limit_options") is not None:
        return "FETCH with PERCENT or WITH TIES is not supported; use LIMIT, or RANK() with QUALIFY"
    if isinstance(node, exp.Limit):
        return _limit_advice(node)
    if isinstance(node, exp.Tuple) and isinstance(node.parent, exp.EQ | exp.NEQ | exp.In | exp.LT | exp.GT):
        return "comparing rows (a, b) is not supported; compare the columns one by one with AND"
    if isinstance(node, exp.WindowSpec) and node.args.get("exclude"):
        return "EXCLUDE in a window frame is not supported"
    return None


def _limit_advice(node: exp.Limit) -> str | None:
    if node.expressions:
        return "LIMIT BY is not supported; use ROW_NUMBER() with QUALIFY"
    amount = node.args.get("expression")
    if isinstance(amount, exp.Literal) or amount is None:
        return None
    return "LIMIT takes a literal number of rows"
