"""Binding: every table that a query reads becomes a private name for one table at one version.

The walk knows the scopes of WITH: a name that a WITH query defines hides a table, except inside that query itself
unless it is recursive. The private name takes the place of the table, and the user's alias, or the table's own name,
stays as its alias, so that the rest of the text keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from lakebed.catalog import Catalog, Source, VersionSpec
from lakebed.errors import (
    AmbiguousNameError,
    LakebedError,
    SqlError,
    SqlUnsupportedError,
    TableNotFoundError,
    VersionNotFoundError,
)
from lakebed.expression.syntax import pointed
from lakebed.sql.functions import built_in
from lakebed.sql.version import has_version, take_version

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_PRIVATE = "__lakebed_"


@dataclass(slots=True)
class BoundTable:
    """One mention of a table, or of a table function, in a query.

    Attributes:
        private: The name under which the frame is registered.
        shown: The name as the user wrote it, for messages.
        schema: The columns.
        names: The name of each column in this query: the table's own, or those of a list such as `AS t(a, b)`.
        rows: Where the rows come from: a table, or what a table function returned.
        spelled: From the column names of the rewritten tree to the table's own; filled by the rule that spells names.
        where: A core predicate that every needed row satisfies; filled when filters are pushed down.

    Example:
        >>> import polars as pl
        >>> frame = pl.LazyFrame({"a": [1]})
        >>> BoundTable("__lakebed_0", "t", frame.collect().to_arrow().schema, ["a"], frame).shown
        't'
    """

    private: str
    shown: str
    schema: pa.Schema
    names: list[str]
    rows: Source | pl.LazyFrame
    spelled: dict[str, str] = field(default_factory=dict)
    where: list[Any] | None = None


@dataclass(slots=True)
class Statement:
    """A query and what was found out about it so far; the rules of `lakebed.sql.rewrite` read and extend it.

    Attributes:
        text: The SQL as the user wrote it.
        tables: The mentions of tables, by private name.
        outputs: For each output column the name in the rewritten tree and the name to show; filled by the rules.

    Example:
        >>> Statement("SELECT 1").tables
        {}
    """

    text: str
    tables: dict[str, BoundTable] = field(default_factory=dict)
    outputs: list[tuple[str, str]] = field(default_factory=list)


def bind(tree: exp.Query, text: str, catalog: Catalog, *, version: VersionSpec = None) -> Statement:
    """Resolve the tables of a query and give each mention a private name.

    Args:
        tree: As `parse_query` returns it; changed in place.
        text: The SQL, for messages.
        catalog: Finds tables and table functions.
        version: The version of tables without a version clause.

    Returns:
        The statement with its tables; nothing is read yet.

    Raises:
        TableNotFoundError: A table or table function that does not exist.
        VersionNotFoundError: A version that does not exist.
        SqlError: A version clause on the name of a WITH query.
        SqlUnsupportedError: A version clause or a call in FROM of a form that is not supported.

    Example:
        >>> from lakebed.sql.parse import parse_query
        >>> tree = parse_query("WITH a AS (SELECT 1 AS x) SELECT x FROM a")
        >>> bind(tree, "", Catalog()).tables
        {}
    """
    statement = Statement(text)
    binder = _Binder(statement, catalog, version, _free_prefix(tree))
    for table, hidden in list(_tables(tree, frozenset())):
        binder.bind(table, hidden)
    _shorten_qualifiers(tree, binder.qualifiers, text)
    return statement


def _free_prefix(tree: exp.Expr) -> str:
    """Find a prefix that no name in the query begins with."""
    names = [node.name.lower() for node in tree.find_all(exp.Identifier)]
    prefix = _PRIVATE
    while any(name.startswith(prefix) for name in names):
        prefix += "_"
    return prefix


def _tables(node: exp.Expr, hidden: frozenset[str]) -> Iterator[tuple[exp.Table, frozenset[str]]]:
    """Yield each table with the names that WITH queries hide at its place, in lower case."""
    with_ = node.args.get("with_")
    if isinstance(with_, exp.With):
        if with_.recursive:
            hidden |= {cte.alias.lower() for cte in with_.expressions}
        for cte in with_.expressions:
            yield from _tables(cte.this, hidden)
            hidden |= {cte.alias.lower()}
    if isinstance(node, exp.Table):
        yield node, hidden
    for child in node.iter_expressions():
        if child is not with_:
            yield from _tables(child, hidden)


class _Binder:
    """Gives out private names; one commit a version for the whole statement."""

    def __init__(self, statement: Statement, catalog: Catalog, version: VersionSpec, prefix: str) -> None:
        self.qualifiers: dict[int, dict[str, list[str]]] = {}
        self._statement = statement
        self._catalog = catalog
        self._version = version
        self._prefix = prefix
        self._pins: dict[tuple[str, VersionSpec], str] = {}

    def bind(self, table: exp.Table, hidden: frozenset[str]) -> None:
        if not isinstance(table.this, exp.Identifier):
            self._bind_function(table)
        elif not table.db and table.name.lower() in hidden:
            if has_version(table):
                raise SqlError(
                    pointed(
                        f"{table.name!r} is a WITH query and has no versions; "
                        "put the version clause on the tables inside it",
                        self._statement.text,
                        table,
                    )
                )
        else:
            self._bind_table(table)

    def _bind_table(self, table: exp.Table) -> None:
        text = self._statement.text
        version = take_version(table, self._version, text)
        name = ".".join(part.name for part in table.parts)
        try:
            source = self._catalog.resolve(name, version, pins=self._pins)
        except (TableNotFoundError, VersionNotFoundError, AmbiguousNameError) as error:
            raise _at(error, text, table) from None
        if not table.alias:
            self._note_qualifier(table, name)
        self._register(table, name, source.schema(), source)

    def _bind_function(self, table: exp.Table) -> None:
        called, text = table.this, self._statement.text
        name = called.name if isinstance(called, exp.Anonymous) else called.sql_names()[0].lower()
        function = built_in(called)
        if function is None:
            try:
                function = self._catalog.table_function(name)
            except TableNotFoundError as error:
                raise _at(error, text, table) from None
        frame = function(*_literal_arguments(called, text))
        self._register(table, name, frame.limit(0).collect().to_arrow().schema, frame)

    def _register(self, table: exp.Table, shown: str, schema: pa.Schema, rows: Source | pl.LazyFrame) -> None:
        names = _visible_names(table, schema, self._statement.text)
        private = f"{self._prefix}{len(self._statement.tables)}"
        self._statement.tables[private] = BoundTable(private, shown, schema, names, rows)
        if not table.alias:
            table.set("alias", exp.TableAlias(this=_own_name(table, shown)))
        for part in ("db", "catalog"):
            table.set(part, None)
        table.set("this", exp.to_identifier(private, quoted=True))

    def _note_qualifier(self, table: exp.Table, name: str) -> None:
        """Remember what a qualified name such as `sales.flights.origin` means in the SELECT around it."""
        select = table.find_ancestor(exp.Select)
        if select is not None and "." in name:
            names = self.qualifiers.setdefault(id(select), {})
            names.setdefault(name.lower(), []).append(table.name)


def _own_name(table: exp.Table, shown: str) -> exp.Identifier:
    found = table.this if isinstance(table.this, exp.Identifier) else exp.to_identifier(shown, quoted=True)
    made: exp.Identifier = found.copy()
    return made


def _at(error: LakebedError, text: str, table: exp.Table) -> LakebedError:
    """Repeat an error of the catalogue with the place in the text."""
    return type(error)(pointed(str(error), text, table))


def _literal_arguments(called: exp.Expr, text: str) -> list[Any]:
    values: list[Any] = []
    given = called.expressions if isinstance(called, exp.Anonymous) else list(called.iter_expressions())
    for argument in given:
        inner = argument.unnest()
        negative = isinstance(inner, exp.Neg)
        literal = inner.this if negative else inner
        if isinstance(literal, exp.Boolean):
            values.append(bool(literal.this))
        elif isinstance(literal, exp.Literal):
            values.append(_python_value(literal, negative=negative))
        else:
            raise SqlUnsupportedError(pointed("a table function takes literal arguments only", text, argument))
    return values


def _python_value(literal: exp.Literal, *, negative: bool) -> str | float:
    if literal.is_string:
        return literal.name
    number = int(literal.name) if literal.is_int else float(literal.name)
    return -number if negative else number


def _visible_names(table: exp.Table, schema: pa.Schema, text: str) -> list[str]:
    """Return the names that the query gives to the columns, and take the list out of the tree."""
    names = list(schema.names)
    alias = table.args.get("alias")
    if not isinstance(alias, exp.TableAlias) or not alias.columns:
        return names
    given = [column.name for column in alias.columns]
    if len(given) > len(names):
        raise SqlError(pointed(f"{alias.name!r} has {len(names)} columns but {len(given)} names", text, table))
    alias.set("columns", None)
    return given + names[len(given) :]


def _shorten_qualifiers(tree: exp.Expr, aliases: dict[int, dict[str, list[str]]], text: str) -> None:
    """Turn `sales.flights.origin` into `flights.origin`, or into the alias that stands for it."""
    for column in tree.find_all(exp.Column):
        if not column.db:
            continue
        *qualifier, last = [part.name for part in column.parts]
        select = column.find_ancestor(exp.Select)
        while select is not None:
            found = aliases.get(id(select), {}).get(".".join(qualifier).lower(), [])
            if len(found) > 1:
                raise AmbiguousNameError(
                    pointed(
                        f"{'.'.join([*qualifier, last])!r} matches several mentions; give them aliases", text, column
                    )
                )
            if found:
                column.set("table", exp.to_identifier(found[0], quoted=True))
                column.set("db", None)
                column.set("catalog", None)
                break
            select = select.find_ancestor(exp.Select)
