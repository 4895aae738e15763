"""Every part of a filter query with its type, translated to SQL with bound values.

The operators and functions are those of GoogleSQL that make sense on every database: comparisons, AND, OR, NOT, IN,
BETWEEN, LIKE, IS, arithmetic, bits, CASE, IF, COALESCE, IFNULL, NULLIF, ABS, SIGN, ROUND, MOD, CAST, SAFE_CAST,
functions of texts (`texts.py`), and sub-queries without tables. Enumerations are compared with the bare names of their
values; elsewhere they are their numbers. `!=` and NOT IN on them also hold where there is no value. LIKE ignores the
case of ASCII letters on SQLite and MySQL, as ML Metadata's databases do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from lakebed.metadata.service.filter import functions, texts
from lakebed.metadata.service.filter.columns import ColumnRef, Columns, ValueType
from lakebed.metadata.service.filter.scan import NAME_MARK, NOT_IN_MARK, TEXT_MARK, Scanned
from lakebed.metadata.service.filter.typed import (
    Guarded,
    Typed,
    as_number,
    check_comparable,
    ends_in_escape,
    fixed_start,
    is_double,
    made,
    number,
    plain,
    refuse,
    values_of,
)

SPELT_DOUBLE = "nan"
"""The one text, in lower case, that stands beside the bytes of a double; see `sources.rows`."""


class Translator:
    """Translates the expressions of one query.

    Args:
        dialect: "sqlite", "mysql" or "postgresql".
        columns: Resolves names.
        scanned: Holds the literals.
    """

    def __init__(self, dialect: str, columns: Columns, scanned: Scanned) -> None:
        self.dialect = dialect
        self._columns = columns
        self._scanned = scanned

    def condition(self, tree: exp.Expr) -> Typed:
        """A part of the query that must be true or false.

        Raises:
            InvalidArgumentError: It is of another type.
        """
        found = self.value(tree)
        if found.type not in {ValueType.BOOL, ValueType.NULL}:
            refuse(f"Given query string is not a valid boolean expression: it has type {found.type.value}")
        return found

    def translate(self, tree: exp.Expr) -> Typed:
        """Any part of the query.

        Raises:
            InvalidArgumentError: It is not supported, or its operands do not fit.
        """
        handler = _HANDLERS.get(type(tree))
        if handler is None:
            refuse(f"{_NAMES.get(type(tree), tree.key.upper())} is not supported in a filter")
        unknown = sorted(name for name, value in tree.args.items() if value and name not in _KNOWN_ARGUMENTS)
        if unknown:
            refuse(f"{tree.key.upper()} with {', '.join(unknown)} is not supported in a filter")
        return handler(self, tree)

    def value(self, tree: exp.Expr) -> Typed:
        """Any part of the query, with an enumeration as its number."""
        return as_number(self.translate(tree))

    # --- literals and names ---

    def literal(self, tree: exp.Literal) -> Typed:
        """Translate literal."""
        if tree.is_string:
            return Typed("?", (self._text(str(tree.this)),), ValueType.STRING)
        return number(str(tree.this))

    def _text(self, mark: str) -> str:
        if not mark.startswith(TEXT_MARK):
            refuse(f"Syntax error near {mark!r}")
        return self._scanned.texts[int(mark[len(TEXT_MARK) :])]

    def hex(self, tree: exp.HexString) -> Typed:
        """Translate hex."""
        return number(str(int(str(tree.this), 16)))

    def boolean(self, tree: exp.Boolean) -> Typed:
        """Translate boolean."""
        return Typed("?", (bool(tree.this),), ValueType.BOOL)

    def null(self, _: exp.Null) -> Typed:
        """Translate null."""
        return Typed("NULL", (), ValueType.NULL)

    def column(self, tree: exp.Column) -> Typed:
        """Translate column."""
        parts = [self._name(part) for part in _parts(tree)]
        found = self._columns.resolve(parts)
        joins = frozenset() if found.join is None else frozenset({found.join})
        return Typed(self._value_sql(found), (), found.type, found, joins)

    def _name(self, part: exp.Expr) -> str:
        name = str(part.this)
        if name.startswith(NAME_MARK):
            return self._scanned.names[int(name[len(NAME_MARK) :])]
        return name

    def _value_sql(self, column: ColumnRef) -> str:
        if not column.is_text_value or column.join is None:
            return column.sql
        # A double that its column cannot hold is spelt out beside its bytes; that is no text property.
        return f"(CASE WHEN {is_double(column.join)} THEN NULL ELSE {column.sql} END)"

    def paren(self, tree: exp.Paren) -> Typed:
        """Translate paren."""
        inner = self.translate(tree.this)
        if inner.type is ValueType.ENUM:
            return inner
        return Typed(f"({inner.sql})", inner.params, inner.type, inner.column, inner.joins, inner.is_simple)

    # --- logic ---

    def connector(self, tree: exp.Connector) -> Typed:
        """Translate connector."""
        sign = "AND" if isinstance(tree, exp.And) else "OR"
        parts = [self.condition(part) for part in tree.flatten()]
        joins = frozenset().union(*(part.joins for part in parts))
        return Typed(f" {sign} ".join(f"({part.sql})" for part in parts), values_of(parts), ValueType.BOOL, None, joins)

    def not_(self, tree: exp.Not) -> Typed:
        """Translate not."""
        inner = tree.this
        if isinstance(inner, exp.In) and _is_marked(inner):
            return self.in_(inner, is_negated=True)
        found = self.value(inner)
        if found.type is not ValueType.BOOL:
            refuse(f"No matching signature for operator NOT for argument types: {found.type.value}")
        return Typed(f"NOT ({found.sql})", found.params, ValueType.BOOL, None, found.joins)

    # --- comparisons ---

    def comparison(self, tree: exp.Binary) -> Typed:
        """Translate comparison."""
        sign = _SIGNS[type(tree)]
        left = self.translate(tree.this)
        if left.type is ValueType.ENUM:
            is_bare = isinstance(tree.this, exp.Column) and sign == "="
            if is_bare or self._is_enum_name(left, tree.expression):
                return self._enum_comparison(sign, left, tree.expression)
        left, right = as_number(left), self.value(tree.expression)
        check_comparable(sign, left, right)
        if left.column is not None and left.column.type_of and sign == "=" and right.sql == "?":
            return self._type_is(left.column, [right])
        made = self._simple(f"{plain(left)} {sign} {plain(right)}", left, right)
        is_constant = right.sql == "?" and left.column is not None
        if sign != "=" or not is_constant:
            return made
        if left.type is ValueType.STRING and str(right.params[0]).strip().lower() != SPELT_DOUBLE:
            # No other double has a text beside its bytes, so the guard would only cost reading them.
            made = replace(made, sql=Guarded(made.sql, f"{plain(left)} = ?"))
        return replace(made, is_equal=True)

    def _simple(self, sql: str, *parts: Typed) -> Typed:
        """A comparison; where it stands at the top of the query, the guard of text properties can be added apart."""
        joins = frozenset().union(*(part.joins for part in parts))
        texts = [part for part in parts if part.column is not None and part.column.is_text_value]
        guards = [
            f"({part.column.join.alias}.byte_value IS NULL OR NOT {is_double(part.column.join)})"
            for part in texts
            if part.column is not None and part.column.join is not None
        ]
        whole = f"CASE WHEN {' AND '.join(guards)} THEN {sql} END" if guards else sql
        at_top = f"{sql} AND {' AND '.join(guards)}" if guards else sql
        return Typed(Guarded(whole, at_top), values_of(parts), ValueType.BOOL, None, joins, is_simple=True)

    def _type_is(self, column: ColumnRef, values: Sequence[Typed]) -> Typed:
        joins = frozenset() if column.join is None else frozenset({column.join})
        marks = ", ".join(value.sql for value in values)
        sql = f"{column.type_of} IN (SELECT t.id FROM Type AS t WHERE t.name IN ({marks}))"
        return Typed(sql, values_of(values), ValueType.BOOL, None, joins, is_simple=True)

    def _enum_comparison(self, sign: str, left: Typed, other: exp.Expr) -> Typed:
        if sign not in {"=", "<>"}:
            refuse(f"an enumeration has no order, so {sign} cannot be used; use =, !=, IN or NOT IN")
        number = self._enum_value(left, other)
        return self._enum_sql(left, [number], is_negated=sign == "<>")

    @staticmethod
    def _is_enum_name(left: Typed, other: exp.Expr) -> bool:
        names = left.column.enum if left.column is not None else None
        return isinstance(other, exp.Column) and len(_parts(other)) == 1 and other.name in (names or ())

    def _enum_value(self, left: Typed, other: exp.Expr) -> int:
        names = left.column.enum if left.column is not None else None
        is_bare = isinstance(other, exp.Column) and len(_parts(other)) == 1
        shown = other.name if is_bare else other.sql(dialect="bigquery")
        if names is None or not is_bare or shown not in names:
            known = ", ".join(names or ())
            refuse(f"Unsupported enum value specified in the query: {shown}; write one of {known} without quotes")
        return names[shown]

    def _enum_sql(self, left: Typed, numbers: Sequence[int], *, is_negated: bool) -> Typed:
        marks = ", ".join("?" * len(numbers))
        column = left.column
        if column is None:
            refuse("an enumeration can only be compared with its names")
        sql = f"{column.sql} IN ({marks})"
        if is_negated:
            sql = f"({column.sql} IS NULL OR {column.sql} NOT IN ({marks}))"
        return Typed(sql, tuple(numbers), ValueType.BOOL, None, left.joins, is_simple=True)

    def in_(self, tree: exp.In, *, is_negated: bool = False) -> Typed:
        """Translate in."""
        items = [item for item in tree.expressions if not (isinstance(item, exp.Column) and item.name == NOT_IN_MARK)]
        if tree.args.get("query"):
            items, has_row = functions.selected(tree.args["query"])
            if len(items) != 1:
                refuse("IN takes a sub-query of one column")
            if not has_row:
                return made("?", [Typed("?", (is_negated,), ValueType.BOOL)], ValueType.BOOL)
        if tree.args.get("unnest") or tree.args.get("field") or not items:
            refuse("IN takes a list of values here")
        left = self.translate(tree.this)
        if left.type is ValueType.ENUM and not all(isinstance(item, exp.Literal) for item in items):
            numbers = [self._enum_value(left, item) for item in items]
            return self._enum_sql(left, numbers, is_negated=is_negated)
        left, values = as_number(left), [self.value(item) for item in items]
        for value in values:
            check_comparable("IN", left, value, allow_null=True)
        if left.column is not None and left.column.type_of and not is_negated and all(v.sql == "?" for v in values):
            return self._type_is(left.column, values)
        sign = "NOT IN" if is_negated else "IN"
        return self._simple(f"{plain(left)} {sign} ({', '.join(plain(value) for value in values)})", left, *values)

    def between(self, tree: exp.Between) -> Typed:
        """Translate between."""
        value, low, high = (self.value(tree.args[name]) for name in ("this", "low", "high"))
        check_comparable("BETWEEN", value, low, allow_null=True)
        check_comparable("BETWEEN", value, high, allow_null=True)
        return self._simple(f"{plain(value)} BETWEEN {plain(low)} AND {plain(high)}", value, low, high)

    def like(self, tree: exp.Like) -> Typed:
        """Translate like."""
        left, right = self.translate(tree.this), self.translate(tree.expression)
        if {left.type, right.type} - {ValueType.STRING, ValueType.NULL}:
            refuse(f"No matching signature for operator LIKE for argument types: {left.type.value}, {right.type.value}")
        if right.type is ValueType.NULL:
            refuse("Operands of LIKE cannot be literal NULL")
        if right.column is None and right.params and ends_in_escape(str(right.params[-1])):
            refuse("LIKE pattern ends with a backslash; write two of them for one")
        pattern, sign = plain(right), "NOT LIKE" if tree.args.get("negate") else "LIKE"
        if self.dialect == "sqlite":
            made = self._simple(f"{plain(left)} {sign} {pattern} ESCAPE '\\'", left, right)
            is_own_name = left.sql == "n.name" and right.sql == "?" and sign == "LIKE"
            return replace(made, prefix=fixed_start(str(right.params[0]))) if is_own_name else made
        if self.dialect == "mysql":
            return self._simple(f"lower({plain(left)}) {sign} lower({pattern})", left, right)
        return self._simple(f"{plain(left)} {sign} {pattern}", left, right)

    def is_(self, tree: exp.Is) -> Typed:
        """Translate is."""
        if tree.args.get("negate"):
            return self.not_(exp.Not(this=exp.Is(this=tree.this, expression=tree.expression)))
        left = self.translate(tree.this)
        if isinstance(tree.expression, exp.Null):
            sql = left.column.sql if left.type is ValueType.ENUM and left.column is not None else left.sql
            return Typed(f"({sql}) IS NULL", left.params, ValueType.BOOL, None, left.joins)
        if not isinstance(tree.expression, exp.Boolean) or left.type not in {ValueType.BOOL, ValueType.NULL}:
            refuse("IS takes NULL, TRUE or FALSE")
        if tree.expression.this:
            return Typed(f"coalesce({left.sql}, ?)", (*left.params, False), ValueType.BOOL, None, left.joins)
        return Typed(f"NOT coalesce({left.sql}, ?)", (*left.params, True), ValueType.BOOL, None, left.joins)


def _is_marked(tree: exp.In) -> bool:
    """Whether a query has `NOT IN`, and not a NOT before all of it."""
    return any(isinstance(item, exp.Column) and item.name == NOT_IN_MARK for item in tree.expressions[:1])


def _parts(tree: exp.Column) -> list[exp.Expr]:
    return list(tree.parts)


# What the handlers look at, and what the parser notes about other dialects. Anything else changes the meaning.
_KNOWN_ARGUMENTS = frozenset(
    {
        *("this", "expression", "expressions", "table", "db", "catalog", "low", "high", "ifs", "default", "true"),
        *("false", "to", "is_string", "is_integer", "negate", "safe", "coalesce", "binary", "query", "unnest", "field"),
        *("decimals", "position", "replacement", "start", "length"),
    },
)
_NAMES: dict[type, str] = {exp.Placeholder: "a positional parameter", exp.Parameter: "a named parameter"}
_SIGNS: dict[type, str] = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
Handler = Callable[[Translator, Any], Typed]
# Translator's own methods, by the node that each handles.
_T: Any = Translator
_HANDLERS: dict[type, Handler] = {
    exp.Literal: _T.literal,
    exp.HexString: _T.hex,
    exp.Boolean: _T.boolean,
    exp.Null: _T.null,
    exp.Column: _T.column,
    exp.Paren: _T.paren,
    exp.And: _T.connector,
    exp.Or: _T.connector,
    exp.Not: _T.not_,
    exp.In: _T.in_,
    exp.Between: _T.between,
    exp.Like: _T.like,
    exp.Is: _T.is_,
    **dict.fromkeys(_SIGNS, _T.comparison),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), functions.arithmetic),
    **dict.fromkeys(
        (exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseLeftShift, exp.BitwiseRightShift),
        functions.bitwise,
    ),
    exp.BitwiseNot: functions.bitwise_not,
    exp.Neg: functions.negative,
    exp.Abs: functions.absolute,
    exp.Sign: functions.sign_of,
    exp.Round: functions.rounded,
    exp.Case: functions.case,
    exp.If: functions.if_,
    exp.Coalesce: functions.coalesce,
    exp.Nullif: functions.nullif,
    exp.Cast: functions.cast,
    exp.TryCast: functions.cast,
    exp.Subquery: functions.subquery,
    exp.Exists: functions.exists,
    exp.Upper: texts.simple,
    exp.Lower: texts.simple,
    exp.Length: texts.simple,
    exp.Concat: texts.concat,
    exp.DPipe: texts.concat,
    exp.StartsWith: texts.affix,
    exp.EndsWith: texts.affix,
    exp.RegexpLike: texts.regexp,
    exp.Trim: texts.trim,
    exp.Replace: texts.replaced,
    exp.Substring: texts.substring,
    exp.Unicode: texts.unicode,
    exp.Format: texts.formatted,
}
