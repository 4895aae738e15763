"""The commands that care for a warehouse: check every stored byte, and remove what nothing refers to."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

import lakebed as lb
from lakebed.cli.commands import AsJson, Location, app
from lakebed.cli.output import print_json, print_table

FOUND_PROBLEMS = 3
"""Exit code of `verify` where something is wrong, apart from 1 for an error and 2 for a wrong usage."""


@app.command()
def verify(
    location: Location,
    recompute: Annotated[
        bool, typer.Option(help="Compute statistics again from the data and compare them with those that are stored.")
    ] = True,
    repair: Annotated[
        bool, typer.Option("--repair", help="Move damaged files to quarantine/; deletes nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every byte that any version refers to. Exits with 3 where something is wrong.

    Args:
        location: Folder of the warehouse; it must exist.
        recompute: Compute statistics again from the data.
        repair: Move damaged files aside.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "Exits with 3" in CliRunner().invoke(app, ["verify", "--help"]).output
        True
    """
    report = lb.open(location, read_only=not repair).verify(recompute=recompute, repair=repair)
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        if report.problems:
            rows = [[item.path, item.problem, item.expected, item.found] for item in report.problems]
            print_table(["file", "problem", "expected", "found"], rows)
        if report.unreferenced:
            typer.echo(f"{len(report.unreferenced)} files that no version refers to; 'lakebed gc' removes them")
        typer.echo(str(report))
    if not report.ok:
        raise typer.Exit(FOUND_PROBLEMS)


@app.command()
def gc(
    location: Location,
    grace: Annotated[str, typer.Option("--grace", help="Keep newer files: '7d', '12h', '30m'.")] = "7d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove files that no version refers to: what writers left that were cut off. Every version stays.

    Args:
        location: Folder of the warehouse; it must exist.
        grace: Keep newer files.
        dry_run: Only tell what would be removed.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "Every version stays" in CliRunner().invoke(app, ["gc", "--help"]).output
        True
    """
    # Opened read-only first, so that a mistyped folder does not become a warehouse.
    lb.open(location, read_only=True)
    report = lb.open(location).gc(grace=grace, dry_run=dry_run)
    if as_json:
        print_json({**dataclasses.asdict(report), "size_bytes": report.size_bytes})
        return
    if report.files:
        print_table(["file", "bytes"], [list(item) for item in report.files])
    typer.echo(str(report))
