"""The commands about statistics: `stats` of tables and files, and `drift` between versions or windows of time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

import lakebed as lb
from lakebed.cli.commands import AsJson, Location, Version, app
from lakebed.cli.output import print_json, print_table
from lakebed.errors import InvalidArgumentError

EXCEEDED = 3
"""Exit code where a threshold was exceeded: neither an error (1) nor a wrong usage (2)."""

Html = Annotated[Path | None, typer.Option("--html", help="Write a page with histograms to this file as well.")]


@app.command()
def stats(
    location: Annotated[str, typer.Argument(help="Folder of the warehouse; or a file or a pattern of files.")],
    table: Annotated[str | None, typer.Argument(help="The table; none for files.")] = None,
    version: Version = None,
    where: Annotated[str | None, typer.Option("--where", help="SQL condition; reads the rows.")] = None,
    slices: Annotated[
        list[str] | None, typer.Option("--slice", help="Column or SQL condition; reads the rows.")
    ] = None,
    html: Html = None,
    max_missing: Annotated[
        float | None,
        typer.Option("--max-missing", help="Exit with code 3 if a column misses a larger share.", min=0.0, max=1.0),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the statistics of a table version, without reading its data; or of files, reading them once.

    Args:
        location: Folder of the warehouse; or a file or a pattern of files.
        table: The table; none for files.
        version: Version of the table.
        where: SQL condition; reads the rows.
        slices: Column or SQL condition; reads the rows.
        html: Write a page with histograms to this file as well.
        max_missing: Exit with code 3 if a column misses a larger share.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "without reading" in CliRunner().invoke(app, ["stats", "--help"]).output
        True
    """
    found = _statistics(location, table, version, where, slices)
    if html is not None:
        html.write_text(found.to_html(), encoding="utf-8")
    if as_json:
        print_json(found.to_dict())
    else:
        columns = ["name", "type", "count", "missing", "distinct", "min", "max", "mean", "std", "median", "top_value"]
        for name in found.datasets:
            frame = found.to_polars(name)
            kept = [column for column in columns if column in frame.columns]
            title = f"{table or location}{': ' + name if name else ''}: {found.dataset(name).num_examples:,} rows"
            print_table(kept, frame.select(kept).rows(), title=title)
    missing = {column.name: 1 - column.fraction for column in found.read(found.datasets[0])}
    over = {} if max_missing is None else {name: share for name, share in missing.items() if share > max_missing}
    if over:
        listed = ", ".join(f"{name} {share:.1%}" for name, share in over.items())
        typer.echo(f"more than {max_missing:.1%} missing: {listed}", err=True)
        raise typer.Exit(EXCEEDED)


def _statistics(
    location: str, table: str | None, version: str | None, where: str | None, slices: list[str] | None
) -> lb.Statistics:
    if table is None:
        if Path(location).is_dir():
            raise InvalidArgumentError(f"{location} is a folder; name a table of the warehouse, or a pattern of files")
        return lb.statistics(location, where=where, slices=slices)
    wh = lb.open(location, read_only=True)
    if where is None and not slices:
        return wh.statistics(table, version)
    return lb.statistics(wh.table(table, version).scan(where=where), slices=slices)


@app.command()
def drift(
    location: Location,
    table: Annotated[str, typer.Argument(help="The table.")],
    before: Annotated[str, typer.Argument(metavar="FROM", help="The earlier version; with --time, START..END.")],
    after: Annotated[
        str | None, typer.Argument(metavar="TO", help="The later version, the head if none; with --time, START..END.")
    ] = None,
    time: Annotated[str | None, typer.Option("--time", help="Compare windows of this column; reads the rows.")] = None,
    distance: Annotated[
        str, typer.Option("--distance", help="The distance that the threshold is about.")
    ] = "jensen_shannon_divergence",
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Exit with code 3 if a column moved farther.", min=0.0)
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Read files that lost rows: deleted ones do not count.")
    ] = False,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Show how far the columns of a table moved between two versions, without reading its data.

    Args:
        location: Folder of the warehouse.
        table: The table.
        before: The earlier version; with --time, START..END.
        after: The later version, the head if none; with --time, START..END.
        time: Compare windows of this column; reads the rows.
        distance: The distance that the threshold is about.
        threshold: Exit with code 3 if a column moved farther.
        exact: Read files that lost rows: deleted ones do not count.
        html: Write a page to this file as well.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "how far" in CliRunner().invoke(app, ["drift", "--help"]).output
        True
    """
    wh = lb.open(location, read_only=True)
    sides: tuple[Any, Any] = (before, after) if time is None else (_window(before), _window(after or ".."))
    found = wh.drift(table, *sides, time=time, exact=exact)
    over = found.exceeding(math.inf if threshold is None else threshold, distance=distance)
    if html is not None:
        html.write_text(found.to_html(), encoding="utf-8")
    if as_json:
        print_json(found.to_dict())
    else:
        frame = found.to_polars()
        print_table(frame.columns, frame.rows(), title=f"{table}: drift from {found.sides[0]} to {found.sides[1]}")
    not_compared = {"new": found.added, "gone": found.removed, "of a type that cannot be compared": found.retyped}
    for what, names in not_compared.items():
        if names:
            typer.echo(f"columns that are {what}: {', '.join(names)}", err=True)
    if over:
        listed = ", ".join(f"{column.name} {getattr(column, distance):.3g}" for column in over)
        typer.echo(f"{distance} above {threshold:g}: {listed}", err=True)
        raise typer.Exit(EXCEEDED)


def _window(text: str) -> tuple[str | None, str | None]:
    start, dots, end = text.partition("..")
    if not dots:
        raise InvalidArgumentError(f"a window is START..END, not {text!r}; leave a side out for an open one")
    return start or None, end or None
