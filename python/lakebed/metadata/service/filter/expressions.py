"""Every part of a filter query with its type, translated to SQL with bound values.

The operators and functions are those of GoogleSQL that make sense on every database: comparisons, AND, OR, NOT, IN,
BETWEEN, LIKE, IS, arithmetic, CASE, IF, COALESCE, IFNULL, NULLIF, ABS, MOD, UPPER, LOWER, LENGTH, CONCAT, `||`,
STARTS_WITH, ENDS_WITH, REGEXP_CONTAINS and CAST. Enumerations are compared with the bare names of their values only;
`!=` and NOT IN on them also hold where there is no value. LIKE ignores the case of ASCII letters on SQLite and MySQL,
as ML Metadata's databases do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from sqlglot import exp

from lakebed.metadata.service.filter.columns import ColumnRef, Columns, Join, ValueType
from lakebed.metadata.service.filter.scan import NAME_MARK, TEXT_MARK, Scanned
from lakebed.metadata.status import InvalidArgumentError

INT64_LIMIT = 2**63
_NUMBERS = frozenset({ValueType.INT64, ValueType.DOUBLE})


@dataclass(frozen=True, slots=True)
class Typed:
    """SQL with its bound values and type.

    Args:
        sql: With `?` for each value.
        params: The values.
        type: Of what it gives.
        column: The column, where it is nothing else.
        joins: Neighbours that it needs.
        is_simple: Whether it is a plain comparison, so that what it gives for NULL and FALSE is the same at the top.
        prefix: Where it is `n.name LIKE` a pattern, the fixed beginning of that.
    """

    sql: str
    params: tuple[Any, ...]
    type: ValueType
    column: ColumnRef | None = None
    joins: frozenset[Join] = frozenset()
    is_simple: bool = False
    prefix: str = ""


class Translator:
    """Translates the expressions of one query.

    Args:
        dialect: "sqlite", "mysql" or "postgresql".
        columns: Resolves names.
        scanned: Holds the literals.
    """

    def __init__(self, dialect: str, columns: Columns, scanned: Scanned) -> None:
        self._dialect = dialect
        self._columns = columns
        self._scanned = scanned

    def condition(self, tree: exp.Expr) -> Typed:
        """A part of the query that must be true or false.

        Raises:
            InvalidArgumentError: It is of another type.
        """
        found = self.translate(tree)
        if found.type not in {ValueType.BOOL, ValueType.NULL}:
            _refuse(f"Given query string is not a valid boolean expression: it has type {found.type.value}")
        return found

    def translate(self, tree: exp.Expr) -> Typed:
        """Any part of the query.

        Raises:
            InvalidArgumentError: It is not supported, or its operands do not fit.
        """
        handler = _HANDLERS.get(type(tree))
        if handler is None:
            _refuse(f"{_NAMES.get(type(tree), tree.key.upper())} is not supported in a filter")
        unknown = sorted(name for name, value in tree.args.items() if value and name not in _KNOWN_ARGUMENTS)
        if unknown:
            _refuse(f"{tree.key.upper()} with {', '.join(unknown)} is not supported in a filter")
        return handler(self, tree)

    # --- literals and names ---

    def literal(self, tree: exp.Literal) -> Typed:
        """Translate literal."""
        if tree.is_string:
            return Typed("?", (self._text(str(tree.this)),), ValueType.STRING)
        return _number(str(tree.this))

    def _text(self, mark: str) -> str:
        if not mark.startswith(TEXT_MARK):
            _refuse(f"Syntax error near {mark!r}")
        return self._scanned.texts[int(mark[len(TEXT_MARK) :])]

    def hex(self, tree: exp.HexString) -> Typed:
        """Translate hex."""
        return _number(str(int(str(tree.this), 16)))

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
        return f"(CASE WHEN {_is_double(column.join)} THEN NULL ELSE {column.sql} END)"

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
        return Typed(f" {sign} ".join(f"({part.sql})" for part in parts), _params(parts), ValueType.BOOL, None, joins)

    def not_(self, tree: exp.Not) -> Typed:
        """Translate not."""
        inner = tree.this
        if isinstance(inner, exp.In) and not inner.args.get("query"):
            return self.in_(inner, is_negated=True)
        found = self.translate(inner)
        if found.type not in {ValueType.BOOL, ValueType.NULL}:
            _refuse(f"No matching signature for operator NOT for argument types: {found.type.value}")
        return Typed(f"NOT ({found.sql})", found.params, ValueType.BOOL, None, found.joins)

    # --- comparisons ---

    def comparison(self, tree: exp.Binary) -> Typed:
        """Translate comparison."""
        sign = _SIGNS[type(tree)]
        left = self.translate(tree.this)
        if left.type is ValueType.ENUM:
            return self._enum_comparison(sign, left, tree.expression)
        right = self.translate(tree.expression)
        _check_comparable(sign, left, right)
        if left.column is not None and left.column.type_of and sign == "=" and right.column is None:
            return self._type_is(left.column, [right])
        return self._simple(f"{_plain(left)} {sign} {_plain(right)}", left, right)

    def _simple(self, sql: str, *parts: Typed) -> Typed:
        """A comparison; where it stands at the top of the query, the guard of text properties can be added apart."""
        joins = frozenset().union(*(part.joins for part in parts))
        texts = [part for part in parts if part.column is not None and part.column.is_text_value]
        guards = [
            f"({part.column.join.alias}.byte_value IS NULL OR NOT {_is_double(part.column.join)})"
            for part in texts
            if part.column is not None and part.column.join is not None
        ]
        whole = f"CASE WHEN {' AND '.join(guards)} THEN {sql} END" if guards else sql
        at_top = f"{sql} AND {' AND '.join(guards)}" if guards else sql
        return Typed(_Guarded(whole, at_top), _params(parts), ValueType.BOOL, None, joins, is_simple=True)

    def _type_is(self, column: ColumnRef, values: Sequence[Typed]) -> Typed:
        joins = frozenset() if column.join is None else frozenset({column.join})
        marks = ", ".join(value.sql for value in values)
        sql = f"{column.type_of} IN (SELECT t.id FROM Type AS t WHERE t.name IN ({marks}))"
        return Typed(sql, _params(values), ValueType.BOOL, None, joins, is_simple=True)

    def _enum_comparison(self, sign: str, left: Typed, other: exp.Expr) -> Typed:
        if sign not in {"=", "<>"}:
            _refuse(f"an enumeration has no order, so {sign} cannot be used; use =, !=, IN or NOT IN")
        number = self._enum_value(left, other)
        return self._enum_sql(left, [number], is_negated=sign == "<>")

    def _enum_value(self, left: Typed, other: exp.Expr) -> int:
        names = left.column.enum if left.column is not None else None
        is_bare = isinstance(other, exp.Column) and len(_parts(other)) == 1
        shown = other.name if is_bare else other.sql(dialect="bigquery")
        if names is None or not is_bare or shown not in names:
            known = ", ".join(names or ())
            _refuse(f"Unsupported enum value specified in the query: {shown}; write one of {known} without quotes")
        return names[shown]

    def _enum_sql(self, left: Typed, numbers: Sequence[int], *, is_negated: bool) -> Typed:
        marks = ", ".join("?" * len(numbers))
        column = left.column
        if column is None:
            _refuse("an enumeration can only be compared with its names")
        sql = f"{column.sql} IN ({marks})"
        if is_negated:
            sql = f"({column.sql} IS NULL OR {column.sql} NOT IN ({marks}))"
        return Typed(sql, tuple(numbers), ValueType.BOOL, None, left.joins, is_simple=True)

    def in_(self, tree: exp.In, *, is_negated: bool = False) -> Typed:
        """Translate in."""
        if tree.args.get("query") or tree.args.get("unnest") or tree.args.get("field") or not tree.expressions:
            _refuse("IN takes a list of values here")
        left = self.translate(tree.this)
        if left.type is ValueType.ENUM:
            numbers = [self._enum_value(left, item) for item in tree.expressions]
            return self._enum_sql(left, numbers, is_negated=is_negated)
        values = [self.translate(item) for item in tree.expressions]
        for value in values:
            _check_comparable("IN", left, value, allow_null=True)
        if left.column is not None and left.column.type_of and not is_negated and all(v.column is None for v in values):
            return self._type_is(left.column, values)
        sign = "NOT IN" if is_negated else "IN"
        return self._simple(f"{_plain(left)} {sign} ({', '.join(_plain(value) for value in values)})", left, *values)

    def between(self, tree: exp.Between) -> Typed:
        """Translate between."""
        value, low, high = (self.translate(tree.args[name]) for name in ("this", "low", "high"))
        _check_comparable("BETWEEN", value, low)
        _check_comparable("BETWEEN", value, high)
        return self._simple(f"{_plain(value)} BETWEEN {_plain(low)} AND {_plain(high)}", value, low, high)

    def like(self, tree: exp.Like) -> Typed:
        """Translate like."""
        left, right = self.translate(tree.this), self.translate(tree.expression)
        if {left.type, right.type} - {ValueType.STRING, ValueType.NULL}:
            _refuse(
                f"No matching signature for operator LIKE for argument types: {left.type.value}, {right.type.value}"
            )
        if right.column is None and right.params and _ends_in_escape(str(right.params[-1])):
            _refuse("LIKE pattern ends with a backslash; write two of them for one")
        pattern, sign = _plain(right), "NOT LIKE" if tree.args.get("negate") else "LIKE"
        if self._dialect == "sqlite":
            made = self._simple(f"{_plain(left)} {sign} {pattern} ESCAPE '\\'", left, right)
            is_own_name = left.sql == "n.name" and right.sql == "?" and sign == "LIKE"
            return replace(made, prefix=_fixed_start(str(right.params[0]))) if is_own_name else made
        if self._dialect == "mysql":
            return self._simple(f"lower({_plain(left)}) {sign} lower({pattern})", left, right)
        return self._simple(f"{_plain(left)} {sign} {pattern}", left, right)

    def is_(self, tree: exp.Is) -> Typed:
        """Translate is."""
        if tree.args.get("negate"):
            return self.not_(exp.Not(this=exp.Is(this=tree.this, expression=tree.expression)))
        left = self.translate(tree.this)
        if isinstance(tree.expression, exp.Null):
            sql = left.column.sql if left.type is ValueType.ENUM and left.column is not None else left.sql
            return Typed(f"({sql}) IS NULL", left.params, ValueType.BOOL, None, left.joins)
        if not isinstance(tree.expression, exp.Boolean) or left.type not in {ValueType.BOOL, ValueType.NULL}:
            _refuse("IS takes NULL, TRUE or FALSE")
        if tree.expression.this:
            return Typed(f"coalesce({left.sql}, ?)", (*left.params, False), ValueType.BOOL, None, left.joins)
        return Typed(f"NOT coalesce({left.sql}, ?)", (*left.params, True), ValueType.BOOL, None, left.joins)

    # --- arithmetic and functions ---

    def arithmetic(self, tree: exp.Binary) -> Typed:
        """Translate arithmetic."""
        sign = _ARITHMETIC[type(tree)]
        left, right = self.translate(tree.this), self.translate(tree.expression)
        _check_numbers(sign, left, right)
        both = _params([left, right])
        joins = left.joins | right.joins
        if sign == "/":
            double = (
                "DOUBLE PRECISION"
                if self._dialect == "postgresql"
                else "DOUBLE"
                if self._dialect == "mysql"
                else "REAL"
            )
            sql = f"(CAST({left.sql} AS {double}) / NULLIF({right.sql}, 0))"
            return Typed(sql, both, ValueType.DOUBLE, None, joins)
        if sign == "%":
            if ValueType.DOUBLE in {left.type, right.type}:
                _refuse("No matching signature for function MOD for argument types with DOUBLE")
            return Typed(f"(({left.sql}) % NULLIF({right.sql}, 0))", both, ValueType.INT64, None, joins)
        kind = ValueType.DOUBLE if ValueType.DOUBLE in {left.type, right.type} else ValueType.INT64
        return Typed(f"({left.sql} {sign} {right.sql})", both, kind, None, joins)

    def negative(self, tree: exp.Neg) -> Typed:
        """Translate negative."""
        if isinstance(tree.this, exp.Literal) and not tree.this.is_string:
            return _number(f"-{tree.this.this}")
        inner = self.translate(tree.this)
        _check_numbers("-", inner)
        return Typed(f"(- {inner.sql})", inner.params, inner.type, None, inner.joins)

    def case(self, tree: exp.Case) -> Typed:
        """Translate case."""
        subject = self.translate(tree.this) if tree.this is not None else None
        parts: list[Typed] = []
        branches: list[Typed] = []
        sql = "CASE"
        for branch in tree.args["ifs"]:
            when = self.condition(branch.this) if subject is None else self.translate(branch.this)
            if subject is not None:
                _check_comparable("CASE", subject, when)
                when = Typed(
                    f"{subject.sql} = {when.sql}",
                    (*subject.params, *when.params),
                    ValueType.BOOL,
                    None,
                    subject.joins | when.joins,
                )
            then = self.translate(branch.args["true"])
            sql += f" WHEN {when.sql} THEN {then.sql}"
            parts += [when, then]
            branches.append(then)
        if tree.args.get("default") is not None:
            default = self.translate(tree.args["default"])
            sql += f" ELSE {default.sql}"
            parts.append(default)
            branches.append(default)
        joins = frozenset().union(*(part.joins for part in parts))
        return Typed(f"({sql} END)", _params(parts), _one_type("CASE", branches), None, joins)

    def if_(self, tree: exp.If) -> Typed:
        """Translate if."""
        return self.case(exp.Case(ifs=[exp.If(this=tree.this, true=tree.args["true"])], default=tree.args.get("false")))

    def coalesce(self, tree: exp.Coalesce) -> Typed:
        """Translate coalesce."""
        parts = [self.translate(item) for item in (tree.this, *tree.expressions)]
        return _call("coalesce", parts, _one_type("COALESCE", parts))

    def nullif(self, tree: exp.Nullif) -> Typed:
        """Translate nullif."""
        left, right = self.translate(tree.this), self.translate(tree.expression)
        _check_comparable("NULLIF", left, right)
        return _call("nullif", [left, right], left.type)

    def text_function(self, tree: exp.Func) -> Typed:
        """Translate text function."""
        inner = self.translate(tree.this)
        if inner.type is not ValueType.STRING:
            _refuse(f"No matching signature for function {tree.key.upper()} for argument types: {inner.type.value}")
        if isinstance(tree, exp.Length):
            name = "char_length" if self._dialect == "mysql" else "length"
            return _call(name, [inner], ValueType.INT64)
        return _call("upper" if isinstance(tree, exp.Upper) else "lower", [inner], ValueType.STRING)

    def abs(self, tree: exp.Abs) -> Typed:
        """Translate abs."""
        inner = self.translate(tree.this)
        _check_numbers("ABS", inner)
        return _call("abs", [inner], inner.type)

    def concat(self, tree: exp.Expr) -> Typed:
        """Translate concat."""
        items = tree.expressions if isinstance(tree, exp.Concat) else [tree.this, tree.expression]
        parts = [self.translate(item) for item in items]
        for part in parts:
            if part.type not in {ValueType.STRING, ValueType.NULL}:
                _refuse(f"No matching signature for function CONCAT for argument types: {part.type.value}")
        if self._dialect == "mysql":
            return _call("concat", parts, ValueType.STRING)
        cast = "CAST({} AS TEXT)" if self._dialect == "postgresql" else "{}"
        joins = frozenset().union(*(part.joins for part in parts))
        sql = " || ".join(cast.format(part.sql) for part in parts)
        return Typed(f"({sql})", _params(parts), ValueType.STRING, None, joins)

    def affix(self, tree: exp.Func) -> Typed:
        """Translate affix."""
        text, affix = self.translate(tree.this), self.translate(tree.expression)
        if {text.type, affix.type} - {ValueType.STRING, ValueType.NULL}:
            _refuse(f"No matching signature for function {tree.key.upper()} for argument types: {text.type.value}")
        length = "char_length" if self._dialect == "mysql" else "length"
        start = (
            "1"
            if isinstance(tree, exp.StartsWith)
            else f"greatest({length}({text.sql}) - {length}({affix.sql}) + 1, 1)"
        )
        params = [text, affix]
        if not isinstance(tree, exp.StartsWith):
            start = start.replace("greatest", "max") if self._dialect == "sqlite" else start
            sql = f"(substr({text.sql}, {start}) = {affix.sql})"
            params = [text, text, affix, affix]
        else:
            sql = f"(substr({text.sql}, 1, {length}({affix.sql})) = {affix.sql})"
            params = [text, affix, affix]
        return Typed(sql, _params(params), ValueType.BOOL, None, text.joins | affix.joins)

    def regexp(self, tree: exp.RegexpLike) -> Typed:
        """Translate regexp."""
        text, pattern = self.translate(tree.this), self.translate(tree.expression)
        if {text.type, pattern.type} - {ValueType.STRING, ValueType.NULL}:
            _refuse(f"No matching signature for function REGEXP_CONTAINS for argument types: {text.type.value}")
        if pattern.column is None and pattern.params:
            _check_pattern(str(pattern.params[-1]))
        sign = "~" if self._dialect == "postgresql" else "REGEXP"
        sql = f"({text.sql} {sign} {pattern.sql})"
        return Typed(sql, _params([text, pattern]), ValueType.BOOL, None, text.joins | pattern.joins)

    def cast(self, tree: exp.Cast) -> Typed:
        """Translate cast."""
        inner = self.translate(tree.this)
        wanted = _CASTS.get(tree.to.this)
        if wanted is None or inner.type is ValueType.ENUM:
            _refuse(f"CAST to {tree.to.sql(dialect='bigquery')} is not supported in a filter")
        kind, names = wanted
        return Typed(f"CAST({inner.sql} AS {names[self._dialect]})", inner.params, kind, None, inner.joins)


class _Guarded(str):
    """SQL of a comparison, with the form for the top of a query."""

    __slots__ = ("at_top",)

    def __new__(cls, whole: str, at_top: str) -> _Guarded:  # noqa: PYI034 - Self needs Python 3.11
        made = super().__new__(cls, whole)
        made.at_top = at_top  # type: ignore[attr-defined]
        return made


def at_top(part: Typed) -> str:
    """SQL of a condition where NULL and FALSE are the same."""
    return str(getattr(part.sql, "at_top", part.sql))


def _plain(part: Typed) -> str:
    """SQL of an operand of a comparison, which cares for the guard of text properties itself."""
    return part.column.sql if part.column is not None and part.column.is_text_value else part.sql


def _is_double(join: Join) -> str:
    return f"length({join.alias}.byte_value) = 8"


def _parts(tree: exp.Column) -> list[exp.Expr]:
    return list(tree.parts)


def _params(parts: Sequence[Typed]) -> tuple[Any, ...]:
    return tuple(value for part in parts for value in part.params)


def _number(text: str) -> Typed:
    if text.lstrip("-").isdigit():
        number = int(text)
        if -INT64_LIMIT <= number < INT64_LIMIT:
            return Typed("?", (number,), ValueType.INT64)
        if abs(number) > 2 * INT64_LIMIT:
            _refuse(f"Invalid integer literal: {text}")
        return Typed("?", (float(number),), ValueType.DOUBLE)
    try:
        return Typed("?", (float(text),), ValueType.DOUBLE)
    except ValueError:
        _refuse(f"Invalid number: {text}")


def _call(name: str, parts: Sequence[Typed], kind: ValueType) -> Typed:
    joins = frozenset().union(*(part.joins for part in parts))
    return Typed(f"{name}({', '.join(part.sql for part in parts)})", _params(parts), kind, None, joins)


def _check_comparable(sign: str, left: Typed, right: Typed, *, allow_null: bool = False) -> None:
    if not allow_null and ValueType.NULL in {left.type, right.type} and sign not in {"CASE", "NULLIF"}:
        _refuse(f"Operands of {sign} cannot be literal NULL; use IS NULL")
    kinds = {left.type, right.type} - {ValueType.NULL}
    if len(kinds) > 1 and not kinds <= _NUMBERS:
        _refuse(
            f"No matching signature for operator {sign} for argument types: {left.type.value}, {right.type.value}. "
            "Supported signatures: ANY = ANY",
        )
    if ValueType.ENUM in kinds:
        _refuse(
            "Unsupported enum value specified in the query: put the column on the left and a bare name on the right"
        )


def _check_numbers(sign: str, *parts: Typed) -> None:
    if any(part.type not in _NUMBERS for part in parts):
        kinds = ", ".join(part.type.value for part in parts)
        _refuse(f"No matching signature for operator {sign} for argument types: {kinds}")


def _one_type(what: str, parts: Sequence[Typed]) -> ValueType:
    kinds = {part.type for part in parts} - {ValueType.NULL}
    if kinds == _NUMBERS:
        return ValueType.DOUBLE
    if len(kinds) > 1 or ValueType.ENUM in kinds:
        _refuse(
            f"No matching signature for {what} for argument types: {', '.join(sorted(kind.value for kind in kinds))}"
        )
    return next(iter(kinds), ValueType.NULL)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        _refuse(f"Cannot parse regular expression {pattern!r}: {error}")


def _fixed_start(pattern: str) -> str:
    """What stands before the first wildcard or escape."""
    return re.split(r"[%_\\]", pattern, maxsplit=1)[0]


def _ends_in_escape(pattern: str) -> bool:
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1


def _refuse(text: str) -> NoReturn:
    raise InvalidArgumentError(f"Invalid `filter_query`: {text}")


# What the handlers look at, and what the parser notes about other dialects. Anything else changes the meaning.
_KNOWN_ARGUMENTS = frozenset(
    {
        *("this", "expression", "expressions", "table", "db", "catalog", "low", "high", "ifs", "default", "true"),
        *("false", "to", "is_string", "is_integer", "negate", "safe", "coalesce", "binary", "query", "unnest", "field"),
    },
)
_NAMES: dict[type, str] = {exp.Placeholder: "a positional parameter", exp.Parameter: "a named parameter"}
_SIGNS: dict[type, str] = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_ARITHMETIC: dict[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_TEXT = (ValueType.STRING, {"sqlite": "TEXT", "mysql": "CHAR", "postgresql": "TEXT"})
_INT = (ValueType.INT64, {"sqlite": "INTEGER", "mysql": "SIGNED", "postgresql": "BIGINT"})
_DOUBLE = (ValueType.DOUBLE, {"sqlite": "REAL", "mysql": "DOUBLE", "postgresql": "DOUBLE PRECISION"})
_CASTS: dict[Any, tuple[ValueType, dict[str, str]]] = {
    exp.DataType.Type.TEXT: _TEXT,
    exp.DataType.Type.VARCHAR: _TEXT,
    exp.DataType.Type.BIGINT: _INT,
    exp.DataType.Type.INT: _INT,
    exp.DataType.Type.DOUBLE: _DOUBLE,
    exp.DataType.Type.FLOAT: _DOUBLE,
}
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
    exp.Neg: _T.negative,
    exp.Case: _T.case,
    exp.If: _T.if_,
    exp.Coalesce: _T.coalesce,
    exp.Nullif: _T.nullif,
    exp.Upper: _T.text_function,
    exp.Lower: _T.text_function,
    exp.Length: _T.text_function,
    exp.Abs: _T.abs,
    exp.Concat: _T.concat,
    exp.DPipe: _T.concat,
    exp.StartsWith: _T.affix,
    exp.EndsWith: _T.affix,
    exp.RegexpLike: _T.regexp,
    exp.Cast: _T.cast,
    **dict.fromkeys(_SIGNS, _T.comparison),
    **dict.fromkeys(_ARITHMETIC, _T.arithmetic),
}
