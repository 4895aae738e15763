"""The SQL that Polars executes: the target of every rewrite, and the type inference that the rewrites rely on.

`to_polars_sql` writes a tree whose functions were already replaced by Polars' own (see `lakebed.expression.scalar`).
Null order is always written out, identifiers are always quoted, and a type that Polars lacks is an error, so that no
default of another engine slips in.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import NormalizationStrategy
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel
from sqlglot.generator import Generator as SqlGenerator

from lakebed.errors import SqlUnsupportedError
from lakebed.expression.types import DATES, TEMPORALS, has_kind

_TYPE_NAMES: dict[exp.DType, str] = {
    exp.DType.BOOLEAN: "BOOLEAN",
    exp.DType.TINYINT: "TINYINT",
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
    exp.DType.INT128: "HUGEINT",
    exp.DType.UTINYINT: "UTINYINT",
    exp.DType.USMALLINT: "USMALLINT",
    exp.DType.UINT: "UINTEGER",
    exp.DType.UBIGINT: "UBIGINT",
    exp.DType.FLOAT: "REAL",
    exp.DType.DOUBLE: "DOUBLE",
    exp.DType.TEXT: "VARCHAR",
    exp.DType.VARCHAR: "VARCHAR",
    exp.DType.DATE: "DATE",
    exp.DType.TIME: "TIME",
    exp.DType.TIMESTAMP: "TIMESTAMP",
    exp.DType.TIMESTAMPNTZ: "TIMESTAMP",
    exp.DType.DATETIME: "TIMESTAMP",
    exp.DType.TIMESTAMP_MS: "TIMESTAMP(3)",
    exp.DType.TIMESTAMP_NS: "TIMESTAMP(9)",
    exp.DType.TIMESTAMPTZ: "TIMESTAMPTZ",
    exp.DType.TIMESTAMPLTZ: "TIMESTAMPTZ",
}


def _annotate_literal(annotator: Any, node: exp.Literal) -> exp.Expr:
    """Type numbers as DuckDB does: `1.5` is a DECIMAL, `15e-1` a DOUBLE."""
    if node.is_string:
        kind = exp.DType.VARCHAR
    elif node.is_int:
        kind = exp.DType.INT if abs(int(node.name)) < 2**31 else exp.DType.BIGINT
    else:
        kind = exp.DType.DOUBLE if "e" in node.name.lower() else exp.DType.DECIMAL
    annotated: exp.Expr = annotator._set_type(node, kind)  # noqa: SLF001 - how annotators speak in sqlglot
    return annotated


def _annotate_difference(annotator: Any, node: exp.Sub) -> exp.Expr:
    """Type the difference of two dates as the number of days that it is, and of two timestamps as an interval."""
    DuckDB.EXPRESSION_METADATA[exp.Sub]["annotator"](annotator, node)
    if has_kind(node.this, DATES) and has_kind(node.expression, DATES):
        annotator._set_type(node, exp.DType.BIGINT)  # noqa: SLF001
    elif has_kind(node.this, TEMPORALS) and has_kind(node.expression, TEMPORALS):
        annotator._set_type(node, exp.DType.INTERVAL)  # noqa: SLF001
    return node


def _annotate_first_argument(annotator: Any, node: exp.Expr) -> exp.Expr:
    """Type a function that gives back what it was given."""
    annotated: exp.Expr = annotator._annotate_by_args(node, "this")  # noqa: SLF001
    return annotated


class LakebedDialect(DuckDB):
    """DuckDB's rules of names and types, without its folding of case, and Polars' text as output."""

    NORMALIZATION_STRATEGY = NormalizationStrategy.CASE_SENSITIVE
    EXPRESSION_METADATA = {  # noqa: RUF012 - sqlglot declares it on the instance
        **DuckDB.EXPRESSION_METADATA,
        exp.Literal: {"annotator": _annotate_literal},
        exp.Sub: {"annotator": _annotate_difference},
        **{kind: {"annotator": _annotate_first_argument} for kind in (exp.Round, exp.First, exp.Last, exp.Median)},
    }

    class Generator(SqlGenerator):
        """Writes what Polars' SQL front end reads."""

        SINGLE_STRING_INTERVAL = True
        NULL_ORDERING_SUPPORTED = True
        TYPED_DIVISION = False

        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **SqlGenerator.TRANSFORMS,
            exp.IntDiv: lambda self, node: self.binary(node, "//"),
            exp.Array: lambda self, node: f"[{self.expressions(node, flat=True)}]",
            exp.BitwiseXor: lambda self, node: self.binary(node, "XOR"),
        }

        def ordered_sql(self, expression: exp.Ordered) -> str:
            """Write the direction and the place of nulls, always."""
            direction = "DESC" if expression.args.get("desc") else "ASC"
            nulls = "FIRST" if expression.args.get("nulls_first") else "LAST"
            return f"{self.sql(expression, 'this')} {direction} NULLS {nulls}"

        def datatype_sql(self, expression: exp.DataType) -> str:
            """Write a type under the name that Polars knows."""
            kind = expression.this
            if kind in (exp.DType.DECIMAL, exp.DType.BIGDECIMAL):
                # DuckDB's DECIMAL without arguments is DECIMAL(18, 3).
                return f"DECIMAL({self.expressions(expression, flat=True) or '18, 3'})"
            name = _TYPE_NAMES.get(kind)
            if name is None:
                raise SqlUnsupportedError(
                    f"SQL cannot cast to {expression.sql('duckdb')} here; cast the result instead"
                )
            return name

        def groupconcat_sql(self, expression: exp.GroupConcat, *_: Any, **__: Any) -> str:
            """Write `STRING_AGG(text, separator ORDER BY ...)`."""
            value, order = expression.this, ""
            if isinstance(value, exp.Order):
                order = self.sql(exp.Order(expressions=value.expressions)).strip()
                value = value.this
            separator = expression.args.get("separator") or exp.Literal.string(",")
            return f"STRING_AGG({self.sql(value)}, {self.sql(separator)}{' ' + order if order else ''})"


def to_polars_sql(tree: exp.Expr) -> str:
    """Write a rewritten tree as text for Polars.

    Args:
        tree: A tree that went through `rewrite_scalars`.

    Returns:
        One line of SQL with every identifier quoted.

    Raises:
        SqlUnsupportedError: The tree holds a construct that cannot be written.

    Example:
        >>> from lakebed.expression.syntax import parse_condition
        >>> to_polars_sql(parse_condition("a BETWEEN 1 AND 2"))
        '"a" BETWEEN 1 AND 2'
    """
    return tree.sql(dialect=LakebedDialect, identify=True, unsupported_level=ErrorLevel.IGNORE, comments=False)
