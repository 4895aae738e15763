"""Tables of a schema for people: the same rows as an HTML table for notebooks and as a rich table for terminals.

They look like those of `lakebed.report`, which stands on the same floor and so cannot be used here. Values come as text
and are escaped. Nothing is fetched from a network and no script is embedded.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def html_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows as an HTML table.

    Args:
        title: Caption above the table.
        header: Names of the columns.
        rows: Cells as plain text, one sequence as long as the header for each row.

    Returns:
        One `<table>` element.

    Example:
        >>> "<td style='padding:2px 8px'>a&lt;b</td>" in html_table("Schema", ["name"], [["a<b"]])
        True
    """
    head = "".join(f"<th scope='col' style='text-align:left'>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td style='padding:2px 8px'>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    caption = f"<caption style='text-align:left;font-weight:600'>{escape(title)}</caption>"
    thead = f"<thead><tr>{head}</tr></thead>"
    return f"<table style='border-collapse:collapse'>{caption}{thead}<tbody>{body}</tbody></table>"


def rich_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Lay out rows as a table for `rich.print`.

    Args:
        title: Title above the table.
        header: Names of the columns.
        rows: Cells as plain text (markup in them is shown, not interpreted).

    Returns:
        A `rich.table.Table`.

    Example:
        >>> rich_table("Schema", ["name"], [["dest"]]).row_count
        1
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for name in header:
        table.add_column(name, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
