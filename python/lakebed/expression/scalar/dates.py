"""Functions of dates and times, as `lakebed.expression.scalar.functions` lists them.

Parts come out as BIGINT, so that arithmetic on them does not wrap. Times without a zone stay so; times with a zone
are read in UTC. Weeks are ISO weeks, `dow` is 0 on Sunday.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from lakebed.errors import SqlUnsupportedError
from lakebed.expression.scalar.replace import as_type, call
from lakebed.expression.syntax import written
from lakebed.expression.types import DATES, has_kind

Builder = Callable[[exp.Expr], exp.Expr]

_PARTS = {
    "YEAR": "YEAR",
    "ISOYEAR": "ISOYEAR",
    "QUARTER": "QUARTER",
    "MONTH": "MONTH",
    "WEEK": "WEEK",
    "DAY": "DAY",
    "DOW": "DOW",
    "DAYOFWEEK": "DOW",
    "WEEKDAY": "DOW",
    "ISODOW": "ISODOW",
    "DAYOFWEEKISO": "ISODOW",
    "DOY": "DOY",
    "DAYOFYEAR": "DOY",
    "HOUR": "HOUR",
    "MINUTE": "MINUTE",
    "SECOND": "SECOND",
    "MILLISECOND": "MILLISECOND",
    "MILLISECONDS": "MILLISECOND",
    "MICROSECOND": "MICROSECOND",
    "MICROSECONDS": "MICROSECOND",
    "DECADE": "DECADE",
    "CENTURY": "CENTURY",
    "EPOCH": "EPOCH",
}
_NEEDS_TIME = frozenset({"HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "EPOCH"})
_TRUNCATIONS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND"})
_MICROSECONDS = {"HOUR": 3_600_000_000, "MINUTE": 60_000_000, "SECOND": 1_000_000}
# The codes that DuckDB's and Polars' formatters read alike; %f, for one, means micro- or nanoseconds.
_FORMAT = re.compile(r"(?:[^%]|%-?[dmHIMS]|%[YyjaAbBp%])*")


def extract_part(part: str, value: exp.Expr) -> exp.Expr:
    """Build the extraction of one part of a date or time.

    Args:
        part: `year`, `dow`, `epoch` and so on, in any case.
        value: The date or time.

    Returns:
        BIGINT; DOUBLE for `epoch`.

    Raises:
        SqlUnsupportedError: The part is not known.

    Example:
        >>> extract_part("month", exp.column("d")).sql()
        'CAST(EXTRACT(MONTH FROM d) AS BIGINT)'
    """
    name = _PARTS.get(part.upper())
    if name is None:
        raise SqlUnsupportedError(f"the part {part.lower()!r} of a time is not supported; use one of {_part_names()}")
    if name in _NEEDS_TIME and has_kind(value, DATES):
        value = as_type(value, exp.DType.TIMESTAMP)
    found = exp.Extract(this=exp.var(name), expression=value)
    return as_type(found, exp.DType.DOUBLE if name == "EPOCH" else exp.DType.BIGINT)


def _part_names() -> str:
    return ", ".join(sorted({name.lower() for name in _PARTS.values()}))


def _extract(node: exp.Expr) -> exp.Expr:
    return extract_part(node.this.name, node.expression)


def _part(name: str) -> Builder:
    return lambda node: extract_part(name, node.this)


def _named_part(name: str) -> Builder:
    return lambda node: extract_part(name, node.expressions[0])


def _date_part(node: exp.Expr) -> exp.Expr:
    if len(node.expressions) != 2 or not isinstance(node.expressions[0], exp.Literal):
        raise SqlUnsupportedError(f"{written(node)} needs one part as text, for example 'year'")
    return extract_part(node.expressions[0].name, node.expressions[1])


def _truncate(node: exp.Expr) -> exp.Expr:
    unit = _unit(node)
    if unit not in _TRUNCATIONS:
        raise SqlUnsupportedError(f"DATE_TRUNC to {unit.lower()!r} is not supported; use year down to millisecond")
    return call("DATE_TRUNC", exp.Literal.string(unit.lower()), node.this)


def _unit(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    name = unit.name if isinstance(unit, exp.Expr) else "DAY"
    return name.upper().split("(")[0]


def _difference(node: exp.Expr) -> exp.Expr:
    """Count the boundaries of a unit between two times, as DuckDB's `date_diff` does; of weeks, the whole ones."""
    unit, end, start = _unit(node), node.this, node.expression
    if unit in _MICROSECONDS:
        return exp.Paren(this=exp.Sub(this=_ticks(end, unit), expression=_ticks(start, unit)))
    if unit == "WEEK":
        # Whole weeks between the two days, not boundaries, as in DuckDB.
        days = exp.Paren(this=exp.Sub(this=_days(end), expression=_days(start)))
        return exp.Paren(this=exp.IntDiv(this=days, expression=exp.Literal.number(7)))
    counter = {"DAY": _days, "MONTH": _months, "QUARTER": _quarters, "YEAR": _years}.get(unit)
    if counter is None:
        raise SqlUnsupportedError(f"date_diff in {unit.lower()!r} is not supported; use year down to second")
    return exp.Paren(this=exp.Sub(this=counter(end), expression=counter(start)))


def _ticks(value: exp.Expr, unit: str) -> exp.Expr:
    """Count the whole units since 1970, rounded down, in integers."""
    size = exp.Literal.number(_MICROSECONDS[unit])
    micros = as_type(as_type(value, exp.DType.TIMESTAMP), exp.DType.BIGINT)
    rest = exp.Mod(this=exp.Paren(this=exp.Add(this=exp.Mod(this=micros, expression=size), expression=size.copy())))
    rest.set("expression", size.copy())
    return exp.Paren(
        this=exp.IntDiv(this=exp.Paren(this=exp.Sub(this=micros.copy(), expression=rest)), expression=size)
    )


def _days(value: exp.Expr) -> exp.Expr:
    return as_type(as_type(as_type(value, exp.DType.DATE), exp.DType.INT), exp.DType.BIGINT)


def _months(value: exp.Expr) -> exp.Expr:
    return _from_years(value, 12, "month")


def _quarters(value: exp.Expr) -> exp.Expr:
    return _from_years(value, 4, "quarter")


def _from_years(value: exp.Expr, each: int, part: str) -> exp.Expr:
    years = exp.Mul(this=extract_part("year", value.copy()), expression=exp.Literal.number(each))
    return exp.Paren(this=exp.Add(this=years, expression=extract_part(part, value)))


def _years(value: exp.Expr) -> exp.Expr:
    return extract_part("year", value)


def _format(node: exp.Expr) -> exp.Expr:
    return call("STRFTIME", node.this, _checked_format(node))


def _parse(node: exp.Expr) -> exp.Expr:
    return call("STRPTIME", node.this, _checked_format(node))


def _checked_format(node: exp.Expr) -> exp.Expr:
    pattern = node.args.get("format")
    if not (isinstance(pattern, exp.Literal) and _FORMAT.fullmatch(pattern.name)):
        raise SqlUnsupportedError(
            f"{written(node)}: the format must be a literal text of %Y %y %m %d %H %I %M %S %p %j %a %A %b %B"
        )
    return pattern.copy()


def _to_date(node: exp.Expr) -> exp.Expr:
    return as_type(node.this, exp.DType.DATE)


def _to_epoch(node: exp.Expr) -> exp.Expr:
    return extract_part("epoch", node.this)


def _last_day(node: exp.Expr) -> exp.Expr:
    if node.args.get("unit") is not None:
        raise SqlUnsupportedError("LAST_DAY takes one argument here")
    # A month after the first of the month, less one day; the first is the day less its number in the month.
    passed = exp.Paren(this=exp.Sub(this=extract_part("day", node.this.copy()), expression=exp.Literal.number(1)))
    first = as_type(exp.Sub(this=_days(node.this), expression=passed), exp.DType.INT)
    month = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("MONTH"))
    following = exp.Paren(this=exp.Add(this=as_type(first, exp.DType.DATE), expression=month))
    day = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
    return exp.Paren(this=exp.Sub(this=following, expression=day))


BUILDERS: dict[type[exp.Expr], Builder] = {
    exp.Extract: _extract,
    exp.Year: _part("YEAR"),
    exp.Quarter: _part("QUARTER"),
    exp.Month: _part("MONTH"),
    exp.Week: _part("WEEK"),
    exp.WeekOfYear: _part("WEEK"),
    exp.Day: _part("DAY"),
    exp.DayOfMonth: _part("DAY"),
    exp.DayOfWeek: _part("DOW"),
    exp.DayOfWeekIso: _part("ISODOW"),
    exp.DayOfYear: _part("DOY"),
    exp.Hour: _part("HOUR"),
    exp.Minute: _part("MINUTE"),
    exp.Second: _part("SECOND"),
    exp.TimeToUnix: _to_epoch,
    exp.DateTrunc: _truncate,
    exp.TimestampTrunc: _truncate,
    exp.DateDiff: _difference,
    exp.TimeToStr: _format,
    exp.StrToTime: _parse,
    exp.Date: _to_date,
    exp.LastDay: _last_day,
}
"""Builders by the class of the call."""

NAMED: dict[str, Builder] = {
    "date_part": _date_part,
    "datepart": _date_part,
    "weekday": _named_part("DOW"),
    "millisecond": _named_part("MILLISECOND"),
    "microsecond": _named_part("MICROSECOND"),
    "isoyear": _named_part("ISOYEAR"),
    "decade": _named_part("DECADE"),
    "century": _named_part("CENTURY"),
}
"""Builders by the name of the call, for functions that sqlglot has no class for."""
