"""What commands print: a rich table for people, JSON for programs."""

from __future__ import annotations

import datetime as dt
import inspect
import json
import math
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table


def print_json(value: Any) -> None:
    """Print a value as JSON.

    Args:
        value: Plain values, lists and dicts; times, decimals, NaN and infinities become text, since JSON has none.

    Example:
        >>> print_json({"a": [1, None]})
        {
          "a": [
            1,
            null
          ]
        }
    """
    text = json.dumps(_finite(value), indent=2, ensure_ascii=False, default=_text, allow_nan=False)
    sys.stdout.write(text + "\n")


def _finite(value: Any) -> Any:
    """Name NaN and infinities as protobuf's JSON does."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str | None = None) -> None:
    """Print rows as a table; numbers stand to the right, missing values are empty.

    Args:
        columns: Headings.
        rows: Cells, as many in each row as there are headings.
        title: Line above the table.

    Example:
        >>> print_table(["a", "b"], [[1, None]])  # doctest: +ELLIPSIS
        ┏━...
    """
    table = Table(title=title, title_justify="left")
    for position, column in enumerate(columns):
        numeric = all(isinstance(row[position], (int, float)) for row in rows if row[position] is not None)
        table.add_column(column, justify="right" if rows and numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    # A file or a pipe has no width: long cells shall not be folded there.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def shorten_help(app: typer.Typer) -> None:
    """Let the help of commands say what they do; what docstrings tell of arguments stands in the list of those.

    Args:
        app: The commands, and groups of them.

    Example:
        >>> app = typer.Typer()
        >>> @app.command()
        ... def hello() -> None:
        ...     \"\"\"Say hello.
        ...
        ...     Example:
        ...         Nothing for the help.
        ...     \"\"\"
        >>> shorten_help(app)
        >>> app.registered_commands[0].help
        'Say hello.'
    """
    for command in app.registered_commands:
        told = inspect.getdoc(command.callback) or ""
        command.help = command.help or re.split(r"\n\n(?:Args|Raises|Returns|Example):\n", told)[0]
    for group in app.registered_groups:
        if group.typer_instance is not None:
            shorten_help(group.typer_instance)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    # A line break would look like two rows.
    return "".join(character if character.isprintable() else " " for character in _text(value))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)
