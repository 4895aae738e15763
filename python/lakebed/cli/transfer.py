"""The commands that move tables: into a warehouse, out of it, and into fewer files. They ask the public API."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

import lakebed as lb
from lakebed.cli.commands import AsJson, Location, Version, app
from lakebed.cli.output import print_json, print_table
from lakebed.lake.files import find_files, format_of, read_frames, write_frame

Table = Annotated[str, typer.Argument(help="Name of the table.")]
Format = Annotated[
    str | None,
    typer.Option("--format", "-f", help="csv, parquet, jsonl or arrow; by the name of the file if not given."),
]
WriteBranch = Annotated[str, typer.Option("--branch", "-b", help="Branch to change.")]
Message = Annotated[str, typer.Option("--message", "-m", help="Why; kept in the history.")]


@app.command("import")
def import_files(
    location: Location,
    table: Table,
    files: Annotated[list[str], typer.Argument(help="Files, patterns such as 'data/*.csv', or - for standard input.")],
    format_: Format = None,
    mode: Annotated[str, typer.Option("--mode", help="append or overwrite.")] = "append",
    null_values: Annotated[
        list[str] | None, typer.Option("--null-values", help="Text of a CSV file that means missing; may be repeated.")
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option("--separator", help="One character, of CSV files; a comma, or a tab for .tsv, if not given."),
    ] = None,
    branch: WriteBranch = "main",
    message: Message = "",
    as_json: AsJson = False,
) -> None:
    """Import files into a table, in one commit. The table is created if there is none; else its types count.

    Args:
        location: Folder of the warehouse; created if absent.
        table: Name of the table.
        files: Files, patterns, or - for standard input.
        format_: Their format; None to go by their names.
        mode: `append` or `overwrite`.
        null_values: Texts of CSV files that mean a missing value.
        separator: One character, of CSV files; None for a tab in files named `.tsv`, else a comma.
        branch: Branch to change.
        message: Why.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "one commit" in CliRunner().invoke(app, ["import", "--help"]).output
        True
    """
    paths = find_files(files)
    for path in paths:
        format_of(path, format_)
    wh = lb.open(location)
    known = table in wh.tables(branch) and mode == "append"
    types = dict(wh.table(table, branch).lazy().collect_schema()) if known else None
    frames = read_frames(paths, format=format_, null_values=null_values or (), separator=separator, types=types)
    before = wh.table(table, branch).num_rows if known else 0
    written = wh.write(table, frames, mode=mode, branch=branch, message=message)
    answer = {
        "table": table,
        "commit": written.commit,
        "n_files": len(paths),
        "n_rows": written.num_rows - before,
        "n_rows_total": written.num_rows,
    }
    _answer(answer, as_json=as_json)


@app.command()
def export(
    location: Location,
    table: Table,
    file: Annotated[str, typer.Argument(help="File to write, or - for standard output.")],
    format_: Format = None,
    where: Annotated[str | None, typer.Option("--where", help="SQL condition on the rows.")] = None,
    columns: Annotated[list[str] | None, typer.Option("--column", "-c", help="Column; may be repeated.")] = None,
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Export rows of a table to a file, which appears whole or not at all.

    Args:
        location: Folder of the warehouse.
        table: Name of the table.
        file: File to write, or - for standard output.
        format_: Its format; None to go by its name.
        where: SQL condition on the rows.
        columns: Columns in the wanted order; all if none is named.
        version: Version to read.
        as_json: Print JSON about what was written; not with standard output.

    Example:
        >>> from typer.testing import CliRunner
        >>> "whole or not at all" in CliRunner().invoke(app, ["export", "--help"]).output
        True
    """
    found = lb.open(location, read_only=True).table(table, version)
    frame = found.scan(columns or None, where).lazy()
    kind = write_frame(frame, file, format=format_)
    if file == "-":
        return
    size_bytes = Path(file).stat().st_size
    answer = {"table": table, "commit": found.commit, "file": file, "format": kind, "size_bytes": size_bytes}
    _answer(answer, as_json=as_json)


@app.command()
def compact(
    location: Location,
    table: Table,
    full: Annotated[bool, typer.Option("--full", help="Write all files again, in the order of the layout.")] = False,
    deleted_fraction: Annotated[
        float, typer.Option("--deleted-fraction", help="Share of a file's rows that must be gone.")
    ] = 0.1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    branch: WriteBranch = "main",
    as_json: AsJson = False,
) -> None:
    """Compact a table: small files, and those that lost many rows, become few.

    Args:
        location: Folder of the warehouse.
        table: Name of the table.
        full: Write all files again.
        deleted_fraction: Share of a file's rows that must be gone.
        dry_run: Only tell what would be done.
        branch: Branch to change.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "become few" in CliRunner().invoke(app, ["compact", "--help"]).output
        True
    """
    handle = lb.open(location).table(table, branch)
    report = handle.compact(full=full, deleted_fraction=deleted_fraction, dry_run=dry_run)
    _answer(dataclasses.asdict(report), as_json=as_json)


def _answer(answer: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    print_table(["what", "value"], [[key.replace("_", " "), _cell(value)] for key, value in answer.items()])


def _cell(value: object) -> object:
    return ", ".join(str(item)[:12] for item in value) if isinstance(value, (tuple, list)) else str(value)
