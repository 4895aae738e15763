"""Tables for people: the same rows as an HTML table for notebooks and as a rich table for terminals.

Values come as text and are escaped here. Nothing is fetched from a network and no script is embedded.
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
        >>> html_table("Schema", ["name"], [["a<b"]])
        '<table><caption>Schema</caption><thead><tr><th>name</th></tr></thead><tbody><tr><td>a&lt;b</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    caption = f"<caption>{escape(title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def rich_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> Table:
    """Lay out rows as a table for `rich.print`.

    Args:
        title: Title above the table.
        header: Names of the columns.
        rows: Cells as plain text (markup in them is shown, not interpreted).
        right: Names of the columns to align to the right.

    Returns:
        A `rich.table.Table`.

    Example:
        >>> rich_table("Schema", ["name"], [["dest"]]).row_count
        1
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for name in header:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
