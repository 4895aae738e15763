"""SQL conditions and scalar expressions over the columns of one table.

`parse_predicate` gives a condition in two forms: an exact Polars expression with SQL's three-valued logic, and a
conservative core predicate for skipping files. `parse_scalar` gives the Polars expression of any scalar text.
Aggregates, windows and subqueries belong to whole SELECT statements and are refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.schema import MappingSchema

from lakebed.errors import ColumnNotFoundError, SqlError, SqlUnsupportedError
from lakebed.expression.dialect import LakebedDialect, to_polars_sql
from lakebed.expression.names import match_name, suggestion
from lakebed.expression.pruning import CorePredicate, core_predicate
from lakebed.expression.scalar import rewrite_scalars
from lakebed.expression.scalar.replace import as_type
from lakebed.expression.syntax import parse_condition, pointed
from lakebed.expression.types import BOOLEANS, has_kind, is_known, sql_type
from lakebed.expression.zones import polars_schema

if TYPE_CHECKING:
    import polars as pl

_TABLE = "_"
# Digits of a second that times of a unit have, as Polars takes them.
_DIGITS = {"s": 3, "ms": 3, "us": 6, "ns": 9}


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on the rows of one table.

    Attributes:
        text: The SQL that was parsed.
        core: What it implies about single columns, for skipping files; None where it implies nothing.
        polars: The exact condition: true, false or null for each row; `filter` keeps the true ones.
        columns: The columns that it reads, in the order of their first mention.

    Example:
        >>> parse_predicate("a > 1", {"a": pa.int64()}).core
        ['>', 'a', 1]
    """

    text: str
    core: CorePredicate | None
    polars: pl.Expr
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scalar:
    """An expression with one value a row of one table.

    Attributes:
        text: The SQL that was parsed.
        polars: The expression, without an alias.
        columns: The columns that it reads, in the order of their first mention.

    Example:
        >>> parse_scalar("delay + 1").columns
        ('delay',)
    """

    text: str
    polars: pl.Expr
    columns: tuple[str, ...]


def parse_predicate(text: str, columns: Mapping[str, pa.DataType] | None = None) -> Predicate:
    """Read a SQL condition.

    Args:
        text: For example `origin = 'JFK' AND delay > 10`, in DuckDB's dialect.
        columns: Name and Arrow type of every column. With None, names are taken as written and nothing is known about
            types, so that a text stays a text next to a timestamp column, and `core` is None.

    Returns:
        The condition in both forms.

    Raises:
        SqlSyntaxError: The text is broken; the message shows where.
        ColumnNotFoundError: A column that the table does not have.
        SqlUnsupportedError: A construct that has no exact equivalent, or an aggregate, window or subquery.
        SqlError: The text is no condition, or compares what cannot be compared.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"a": [1, None, 3]})
        >>> condition = parse_predicate("a <> 1", {"a": pa.int64()})
        >>> frame.filter(condition.polars)["a"].to_list()
        [3]
    """
    bound = _bind(text, columns)
    if is_known(bound.tree) and not has_kind(bound.tree, BOOLEANS):
        found = bound.tree.type.sql("duckdb") if bound.tree.type is not None else "unknown"
        raise SqlError(f"{text!r} has type {found} and is no condition; compare it with something")
    core = core_predicate(bound.tree, columns) if columns is not None else None
    if isinstance(bound.tree.unnest(), exp.Null):
        bound = _Bound(text, as_type(exp.null(), exp.DType.BOOLEAN), bound.names)
    return Predicate(text=text, core=core, polars=_to_polars(bound, columns), columns=bound.names)


def parse_scalar(text: str, columns: Mapping[str, pa.DataType] | None = None) -> Scalar:
    """Read a SQL expression that has one value a row.

    Args:
        text: For example `delay + 1`, in DuckDB's dialect.
        columns: Name and Arrow type of every column; None as in `parse_predicate`.

    Returns:
        The expression.

    Raises:
        SqlSyntaxError: The text is broken; the message shows where.
        ColumnNotFoundError: A column that the table does not have.
        SqlUnsupportedError: A construct that has no exact equivalent, or an aggregate, window or subquery.
        SqlError: The text compares or computes with values of types that do not fit.

    Example:
        >>> import polars as pl
        >>> doubled = parse_scalar("a * 2", {"a": pa.int64()})
        >>> pl.DataFrame({"a": [1, None]}).select(doubled.polars)["a"].to_list()
        [2, None]
    """
    bound = _bind(text, columns)
    return Scalar(text=text, polars=_to_polars(bound, columns), columns=bound.names)


@dataclass(frozen=True, slots=True)
class _Bound:
    text: str
    tree: exp.Expr
    names: tuple[str, ...]


def _bind(text: str, columns: Mapping[str, pa.DataType] | None) -> _Bound:
    tree = parse_condition(text)
    _refuse_foreign(tree, text)
    # A root above the expression lets every node of it be replaced in place.
    root = exp.Paren(this=tree)
    for node in list(root.find_all(exp.Column)):
        _resolve(node, columns, text)
    names = tuple(dict.fromkeys(node.name for node in root.find_all(exp.Column, bfs=False)))
    if columns is not None:
        _annotate(root, columns)
    return _Bound(text, root.this, names)


def _refuse_foreign(tree: exp.Expr, text: str) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Query | exp.Exists):
            what = "a subquery"
        elif isinstance(node, exp.Window):
            what = "a window function"
        elif isinstance(node, exp.AggFunc):
            what = f"the aggregate {node.key.upper()}"
        elif isinstance(node, exp.Placeholder | exp.Parameter):
            what = "a parameter"
        elif isinstance(node, exp.Star):
            what = "a star"
        elif isinstance(node, exp.DateTrunc | exp.TimestampTrunc):
            # Polars needs a schema to truncate, which a single expression does not have.
            what = "DATE_TRUNC, which a comparison with the bounds of the period replaces,"
        else:
            continue
        raise SqlUnsupportedError(pointed(f"{what} cannot stand in an expression over one table", text, node))


def _resolve(node: exp.Column, columns: Mapping[str, pa.DataType] | None, text: str) -> None:
    """Spell the column as the table does, and turn `column.field` into an access of a struct's field."""
    first, *fields = [part.name for part in node.parts]
    if columns is not None:
        first = _known(first, columns, "column", text, node)
    arrow = columns[first] if columns is not None else None
    found: exp.Expr = exp.Column(this=exp.to_identifier(first, quoted=True))
    for field in fields:
        spelled = field
        if arrow is not None:
            inner = {arrow.field(i).name: arrow.field(i).type for i in range(arrow.num_fields)}
            spelled = _known(field, inner, "field", text, node)
            arrow = inner[spelled]
        found = exp.Dot(this=found, expression=exp.to_identifier(spelled, quoted=True))
    node.replace(found)


def _known(wanted: str, names: Mapping[str, pa.DataType], kind: str, text: str, node: exp.Expr) -> str:
    name = match_name(wanted, names)
    if name is None:
        near = suggestion(wanted, names, kind=f"{kind}s")
        raise ColumnNotFoundError(pointed(f"there is no {kind} {wanted!r}; {near}", text, node))
    return name


def _annotate(root: exp.Expr, columns: Mapping[str, pa.DataType]) -> None:
    """Infer types as if the expression stood in a SELECT from its table."""
    mentioned = list(root.find_all(exp.Column))
    schema = MappingSchema(dialect=LakebedDialect, normalize=False)
    table = exp.to_table(_TABLE)
    types = {name: sql_type(columns[name]) for name in {node.name for node in mentioned}}
    schema.add_table(table, types, normalize=False)
    for node in mentioned:
        node.set("table", exp.to_identifier(_TABLE))
    select = exp.Select(expressions=[root]).from_(table, copy=False)
    try:
        annotate_types(select, schema=schema, dialect=LakebedDialect)
    except OptimizeError as error:
        raise SqlError(str(error)) from None
    root.pop()
    for node in mentioned:
        node.set("table", None)


def _to_polars(bound: _Bound, columns: Mapping[str, pa.DataType] | None) -> pl.Expr:
    import polars as pl

    text = to_polars_sql(_in_utc(rewrite_scalars(bound.tree.copy()), columns or {}))
    try:
        made = pl.sql_expr(text)
        if columns is not None:
            # The schema alone shows whether types fit, before any row is read.
            pl.LazyFrame(schema=_empty(bound.names, columns)).select(made).collect_schema()
    except pl.exceptions.PolarsError as error:
        raise SqlUnsupportedError(f"{bound.text!r} cannot be computed: {_first_line(error)}") from None
    return made


def _empty(names: tuple[str, ...], columns: Mapping[str, pa.DataType]) -> pl.Schema:

    return polars_schema(pa.schema([(name, columns[name]) for name in names]))


def _in_utc(tree: exp.Expr, columns: Mapping[str, pa.DataType]) -> exp.Expr:
    """Read times of all zones in UTC: Polars compares only times of one zone."""

    def read(node: exp.Expr) -> exp.Expr:
        kind = columns.get(node.name) if isinstance(node, exp.Column) else None
        if kind is None or not pa.types.is_timestamp(kind) or kind.tz in {None, "UTC"}:
            return node
        digits = exp.DataTypeParam(this=exp.Literal.number(_DIGITS[kind.unit]))
        return exp.Cast(this=node.copy(), to=exp.DataType(this=exp.DType.TIMESTAMPTZ, expressions=[digits]))

    return tree.transform(read)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
