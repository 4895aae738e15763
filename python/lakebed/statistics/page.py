"""Statistics as one page of HTML that needs nothing else: no file, no network, no font that must be there.

A column is one row: what is missing and distinct, its range or its most frequent value, and a picture of how its values
are spread. Opened, it shows every figure with its bound, the quantiles and the most frequent values. The box at the top
filters by name; without scripts the page still shows all. Texts of the data are escaped wherever they stand.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed.report import cell_text, histogram_svg
from lakebed.statistics.proto import decimal_text

if TYPE_CHECKING:
    from lakebed.statistics.column import ColumnStatistics

MAX_TEXT = 40
N_TOP = 10
PERCENTS = (0, 1, 5, 25, 50, 75, 95, 99, 100)

STYLE = """
.lb{font:13px/1.45 system-ui,'Segoe UI',Helvetica,Arial,sans-serif;color:#0f172a;background:#fff;max-width:1180px}
.lb h2{font-size:17px;margin:14px 0 2px}.lb p{margin:2px 0 8px;color:#334155}
.lb input{font:inherit;padding:4px 8px;border:1px solid #94a3b8;border-radius:4px;width:260px;margin:4px 0 8px}
.lb details{border-top:1px solid #e2e8f0}.lb details[open]{background:#f8fafc}
.lb summary,.lb .head{display:grid;grid-template-columns:minmax(0,2.2fr) 0.9fr 1.1fr 0.9fr minmax(0,2.6fr) 190px;
gap:10px;align-items:center;padding:4px 8px;list-style:none}
.lb summary{cursor:pointer}.lb summary::-webkit-details-marker{display:none}
.lb summary:hover{background:#eff6ff}.lb .head{font-weight:600;color:#334155}
.lb .name{font-weight:600;overflow-wrap:anywhere}.lb .name::before{content:'\\25B8';color:#64748b;margin-right:6px}
.lb details[open] .name::before{content:'\\25BE'}
.lb .num{text-align:right;font-variant-numeric:tabular-nums}.lb .warn{color:#b91c1c;font-weight:600}
.lb .cut{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.lb details[open] .name{white-space:normal}
.lb th.cut{max-width:20em}.lb .quiet{color:#475569}
.lb .more{display:flex;flex-wrap:wrap;gap:28px;padding:6px 12px 14px 28px;align-items:flex-start}
.lb table{border-collapse:collapse;font-variant-numeric:tabular-nums;color:inherit;background:none}
.lb td,.lb th{padding:1px 10px 1px 0;text-align:left;vertical-align:top;background:none;border:0}
.lb td.num{padding-right:12px}
.lb caption{text-align:left;font-weight:600;color:#334155;padding-bottom:2px}
.lb .bar{display:inline-block;height:9px;background:#1d4ed8;border-radius:1px;vertical-align:baseline}
.lb .track{display:inline-block;width:110px}
@media(max-width:820px){.lb summary,.lb .head{grid-template-columns:minmax(0,2fr) 4.5em minmax(0,3fr)}
.lb .wide{display:none}.lb .more{padding-left:12px}.lb th.cut{white-space:normal;overflow-wrap:anywhere}
.lb .track{width:60px}.lb .figures td{overflow-wrap:anywhere}}
"""

FILTER = """
document.querySelectorAll('.lb input').forEach(box=>box.addEventListener('input',()=>{
const wanted=box.value.toLowerCase();
document.querySelectorAll('.lb details').forEach(row=>{row.hidden=!row.dataset.name.includes(wanted)})}))
"""


Drawn: TypeAlias = "tuple[str, int, Sequence[ColumnStatistics]]"
"""Name of a dataset, its rows and its columns."""


def page(datasets: Sequence[Drawn]) -> str:
    """Draw statistics as a page.

    Args:
        datasets: What to draw.

    Returns:
        A whole HTML document.

    Example:
        >>> "<script>" in page([("", 7, [])])
        True
    """
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Statistics</title>'
    content = body(datasets, with_filter=True)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body style="margin:16px">{content}'
        f"<script>{FILTER}</script></body></html>\n"
    )


def body(datasets: Sequence[Drawn], *, with_filter: bool = False) -> str:
    """Draw statistics as a piece of a page.

    Args:
        datasets: What to draw.
        with_filter: Begin with a box that filters by name; it needs the script of the page.

    Returns:
        HTML with its own style and no script.

    Example:
        >>> "7 rows" in body([("", 7, [])])
        True
    """
    box = '<input type="search" placeholder="Filter columns" aria-label="Filter columns">' if with_filter else ""
    parts = [_dataset(*drawn, titled=len(datasets) > 1) for drawn in datasets]
    return f'<style>{STYLE}</style><div class="lb">{box}{"".join(parts)}</div>'


def _dataset(name: str, n_rows: int, columns: Sequence[ColumnStatistics], *, titled: bool) -> str:
    title = escape(name or "All rows") if titled else "Statistics"
    plural = "" if len(columns) == 1 else "s"
    bound = " Rows were deleted since: the figures of columns are bounds." if any(c.is_bound for c in columns) else ""
    head = (
        '<div class="head"><span>column</span><span class="wide">type</span><span class="num">missing</span>'
        '<span class="num wide">distinct</span><span>values</span><span class="wide">distribution</span></div>'
    )
    rows = "".join(_column(column) for column in columns)
    return f"<h2>{title}</h2><p>{n_rows:,} rows, {len(columns):,} column{plural}.{bound}</p>{head}{rows}"


def _column(column: ColumnStatistics) -> str:
    n_rows = column.n_present + column.n_missing
    share = column.n_missing / n_rows if n_rows else 0.0
    missing = f"{share:.1%}" if column.n_missing else "0"
    warn = " warn" if share > 0.5 else ""
    kind = f"list of {column.item_type}" if column.type == "list" else column.type
    cells = (
        f'<span class="name cut" title="{escape(column.name)}">{_data(column.name)}</span>'
        f'<span class="quiet wide">{escape(kind)}</span>'
        f'<span class="num{warn}" title="{column.n_missing:,} rows">{missing}</span>'
        f'<span class="num wide">{_distinct(column)}</span>'
        f'<span class="cut">{_values(column)}</span><span class="wide">{_picture(column)}</span>'
    )
    return (
        f'<details data-name="{escape(column.name.lower())}"><summary>{cells}</summary>'
        f'<div class="more">{_figures(column)}{_quantiles(column)}{_top(column)}</div></details>'
    )


def _distinct(column: ColumnStatistics) -> str:
    if column.distinct is None:
        return "-"
    return f"{column.distinct:,}" if column.distinct_exact else f"&asymp;&thinsp;{column.distinct:,}"


def _values(column: ColumnStatistics) -> str:
    if column.min is not None and column.avg_length is None and column.item_type != "bool":
        mean = "" if column.mean is None or _is_time(column) else f" &middot; mean {escape(cell_text(column.mean))}"
        return f"{_data(_short(column.min))} &hellip; {_data(_short(column.max))}{mean}"
    if not column.top_values:
        return "-"
    value, count = column.top_values[0]
    total = column.n_values or 1
    return f"{_data(_label(column, value))} <span class='quiet'>({count / total:.0%})</span>"


def _picture(column: ColumnStatistics) -> str:
    finite = [(low, high, count) for low, high, count in column.histogram if math.isfinite(low) and math.isfinite(high)]
    if finite:
        return histogram_svg(finite, n_bars=max(1, len(finite)), width=180, height=30, labels=False)
    return _bars(column.top_values) if column.top_values else ""


def _bars(values: Sequence[tuple[str, float]]) -> str:
    """The most frequent values as bars, most frequent first."""
    most = max(count for _, count in values)
    step = 180 / max(len(values), 10)
    bars = "".join(
        f'<rect x="{number * step:.1f}" y="{30 - max(count / most * 30, 1):.1f}" width="{max(step - 1, 1):.1f}" '
        f'height="{max(count / most * 30, 1):.1f}" fill="#0f766e">'
        f"<title>{escape(_cut(value))}: {count:,}</title></rect>"
        for number, (value, count) in enumerate(values)
    )
    look = 'role="img" aria-label="Most frequent values"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="180" height="30" viewBox="0 0 180 30" {look}>{bars}</svg>'


def _figures(column: ColumnStatistics) -> str:
    rows: list[tuple[str, Any]] = [
        ("present", column.n_present),
        ("missing", column.n_missing),
        ("values", column.n_values if column.type == "list" else None),
        ("null values", column.n_null_values if column.type == "list" else None),
        ("distinct", _with_bound(column)),
        ("least", _bounded(column.min, exact=column.min_exact)),
        ("greatest", _bounded(column.max, exact=column.max_exact)),
        ("sum", column.sum),
        ("mean", None if _is_time(column) else column.mean),
        ("deviation", None if _is_time(column) else column.std),
        ("zeros", column.n_zero if column.item_type != "bool" and not _is_time(column) else None),
        ("negative", column.n_negative),
        ("NaN", column.n_nan or None),
        ("infinite", column.n_inf or None),
        ("bytes", _range(column.length)),
        ("characters", _range(column.characters)),
        ("not UTF-8", column.n_invalid_utf8 or None),
    ]
    if column.type == "list":
        least, most, mean = column.values_per_row
        rows.append(("items a row", f"{least:,} to {most:,}, mean {cell_text(float(mean))}"))
    if column.weighted is not None:
        rows.append(("weight present", column.weighted.present))
        rows.append(("weighted mean", None if _is_time(column) else column.weighted.mean))
    cells = "".join(
        f'<tr><th>{name}</th><td class="num">{_data(_text(value))}</td></tr>'
        for name, value in rows
        if value is not None
    )
    return f'<table class="figures"><caption>Figures</caption>{cells}</table>'


def _quantiles(column: ColumnStatistics) -> str:
    if not column.percentiles:
        return ""
    note = "exact" if column.rank_error == 0 else f"ranks within {100 * (column.rank_error or 0):.1f} %"
    cells = "".join(
        f'<tr><th>{percent} %</th><td class="num">{escape(_number(column, column.percentiles[percent]))}</td></tr>'
        for percent in PERCENTS
    )
    finite = [(low, high, count) for low, high, count in column.histogram if math.isfinite(low) and math.isfinite(high)]
    picture = histogram_svg(finite, n_bars=max(len(finite), 1), width=300, height=96) if finite else ""
    return f"<table><caption>Quantiles ({note})</caption>{cells}</table><div>{picture}</div>"


def _top(column: ColumnStatistics) -> str:
    values = column.top_values[:N_TOP]
    if not values:
        return ""
    total, most = column.n_values or 1, values[0][1] or 1
    note = "exact" if not column.top_values_error else f"counts may lack {column.top_values_error:,}"
    cells = "".join(
        f'<tr><th class="cut" title="{escape(value)}">{_data(_label(column, value))}</th>'
        f'<td class="num">{count:,}</td><td class="num">{count / total:.1%}</td>'
        f'<td><span class="track"><span class="bar" style="width:{100 * count / most:.0f}%"></span></span></td></tr>'
        for value, count in values
    )
    return f"<table><caption>Most frequent ({note})</caption>{cells}</table>"


def _with_bound(column: ColumnStatistics) -> str | None:
    if column.distinct is None:
        return None
    bound = "exact" if column.distinct_exact else f"\u00b1 {column.relative_error:.1%}"
    return f"{column.distinct:,} ({bound})"


def _bounded(value: Any, *, exact: bool) -> str | None:
    return None if value is None else _text(value) if exact else f"{_text(value)} (bound)"


def _range(found: tuple[int, int, int] | None) -> str | None:
    return None if found is None else f"{found[0]:,} to {found[1]:,}, {found[2]:,} in all"


def _number(column: ColumnStatistics, value: float) -> str:
    """A quantile in the column's own type."""
    if column.item_type in ("int", "uint", "bool") and value == int(value):
        return f"{int(value):,}"
    if _is_time(column):
        from lakebed.statistics.column import time_of

        return _text(time_of(column, value))
    return cell_text(value)


def _is_time(column: ColumnStatistics) -> bool:
    return column.item_type in ("date", "time", "timestamp", "duration")


def _text(value: Any) -> str:
    if isinstance(value, (dt.timedelta, str)):
        return _cut(str(value))
    return _whole(value) if isinstance(value, (int, Decimal)) else _cut(cell_text(value, precision=6))


def _short(value: Any) -> str:
    """As `_text`, with fewer digits of long numbers."""
    return _whole(value, longest=20) if isinstance(value, (int, Decimal)) else _text(value)


def _label(column: ColumnStatistics, value: str) -> str:
    """The text of a frequent value."""
    return _whole(Decimal(value)) if column.item_type == "decimal" else _cut(value)


def _whole(value: int | Decimal, *, longest: int = MAX_TEXT) -> str:
    """A number in full, or rounded if it is too long: cut, it would be another number."""
    if isinstance(value, Decimal) and not value:
        return "0"
    text = decimal_text(value) if isinstance(value, Decimal) else cell_text(value)
    return text if len(text) <= longest else f"{Decimal(value):.6e}"


def _cut(text: str) -> str:
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= MAX_TEXT else plain[: MAX_TEXT - 1] + "\u2026"


def _data(text: str) -> str:
    """Text of the data, whose direction of writing moves nothing around it."""
    return f"<bdi>{escape(text)}</bdi>" if text else "&ldquo;&rdquo;"
