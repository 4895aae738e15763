"""Tables from plain values: for a terminal through `rich`, and as HTML for `_repr_html_`.

Numbers stand at the right, a missing value is a dim `-`, long texts are cut with an ellipsis, and a table that is cut
says how many rows it left out. Texts are never read as markup: what a file holds cannot style or script the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.report.cells import cell_text, number_columns

if TYPE_CHECKING:
    from rich.table import Table

MAX_TEXT = 60
MAX_ROWS = 50


def rich_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    title: str = "",
    max_rows: int | None = MAX_ROWS,
    max_text: int = MAX_TEXT,
    precision: int = 4,
) -> Table:
    """Return a table for a terminal.

    Args:
        columns: Their names.
        rows: One value for each column.
        title: Stands above; none where empty.
        max_rows: Rows shown at most; None shows all.
        max_text: Characters of a cell shown at most.
        precision: Significant digits of floats.

    Returns:
        The table, to be printed by `rich`.

    Raises:
        InvalidArgumentError: A row has more or fewer values than there are columns.

    Example:
        >>> from rich.console import Console
        >>> Console(width=40).print(rich_table(["carrier", "flights"], [["UA", 58665], ["OO", None]]))
         carrier   flights
        ───────────────────
         UA         58,665
         OO              -
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown, n_hidden = _shown(columns, rows, max_rows)
    table = Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for name, is_number in zip(columns, number_columns(len(columns), shown), strict=True):
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="ellipsis")
    for row in shown:
        cells = [Text(_cut(cell_text(value, precision=precision), max_text)) for value in row]
        for cell, value in zip(cells, row, strict=True):
            if value is None:
                cell.stylize("dim")
        table.add_row(*cells)
    if n_hidden:
        table.caption = Text(_hidden(n_hidden))
        table.caption_justify = "left"
    return table


def html_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    title: str = "",
    max_rows: int | None = MAX_ROWS,
    max_text: int = MAX_TEXT,
    precision: int = 4,
) -> str:
    """Return a table as a piece of HTML.

    Args:
        columns: Their names.
        rows: One value for each column.
        title: Caption; none where empty.
        max_rows: Rows shown at most; None shows all.
        max_text: Characters of a cell shown at most; the whole text stands in the tooltip.
        precision: Significant digits of floats.

    Returns:
        A `<table>` with inline styles only; every text is escaped.

    Raises:
        InvalidArgumentError: A row has more or fewer values than there are columns.

    Example:
        >>> "&lt;b&gt;" in html_table(["<b>"], [[1]])
        True
    """
    shown, n_hidden = _shown(columns, rows, max_rows)
    aligns = ["right" if is_number else "left" for is_number in number_columns(len(columns), shown)]
    caption = f'<caption style="text-align:left;font-weight:600">{escape(title)}</caption>' if title else ""
    head = "".join(
        f'<th scope="col" style="text-align:{align}">{escape(cell_text(name))}</th>'
        for name, align in zip(columns, aligns, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(_html_cell(*cell, max_text, precision) for cell in zip(row, aligns, strict=True)) + "</tr>"
        for row in shown
    )
    foot = f'<tfoot><tr><td colspan="{len(columns)}">{_hidden(n_hidden)}</td></tr></tfoot>' if n_hidden else ""
    style = "border-collapse:collapse;font-variant-numeric:tabular-nums"
    return f'<table style="{style}">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>'


def _shown(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    max_rows: int | None,
) -> tuple[Sequence[Sequence[Any]], int]:
    for number, row in enumerate(rows):
        if len(row) != len(columns):
            raise InvalidArgumentError(
                f"row {number} of the table has {len(row)} values for {len(columns)} columns; give one for each",
            )
    shown = rows if max_rows is None else rows[:max_rows]
    return shown, len(rows) - len(shown)


def _hidden(n_hidden: int) -> str:
    return f"... and {n_hidden:,} more row{'' if n_hidden == 1 else 's'}"


def _cut(text: str, max_text: int) -> str:
    return text if len(text) <= max_text else text[: max(max_text - 1, 0)] + "…"


def _html_cell(value: Any, align: str, max_text: int, precision: int) -> str:
    text = cell_text(value, precision=precision)
    cut = _cut(text, max_text)
    tooltip = f' title="{escape(text)}"' if cut != text else ""
    dim = ";opacity:0.5" if value is None else ""
    return f'<td style="text-align:{align};padding:2px 8px{dim}"{tooltip}>{escape(cut)}</td>'
