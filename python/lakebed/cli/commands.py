"""The commands. Each opens a warehouse, asks the public API one thing and prints the answer."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import lakebed as lb
from lakebed.cli.metadata import app as metadata_app
from lakebed.cli.output import print_json, print_table
from lakebed.errors import InvalidArgumentError, RecordNotFoundError

if TYPE_CHECKING:
    from lakebed.metadata import LineageGraph

app = typer.Typer(
    name="lakebed",
    help="An embedded analytical warehouse for machine-learning data.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.add_typer(metadata_app, name="metadata")

Location = Annotated[Path, typer.Argument(help="Folder of the warehouse.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Branch = Annotated[str, typer.Option("--branch", "-b", help="Branch to look at.")]
Version = Annotated[
    str | None,
    typer.Option(
        "--version", "-v", help="Branch, tag, commit id or its start, with ~n for n commits earlier, or a time."
    ),
]


class Direction(str, Enum):
    """Which way to walk.

    Example:
        >>> Direction("upstream").value
        'upstream'
    """

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


@app.command()
def log(
    location: Location,
    branch: Branch = "main",
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many commits; 0 for all.", min=0)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the commits of a branch, newest first.

    Args:
        location: Folder of the warehouse.
        branch: Branch to look at.
        limit: At most so many commits; 0 for all.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "newest first" in CliRunner().invoke(app, ["log", "--help"]).output
        True
    """
    commits = _open(location).log(branch)
    commits = commits[:limit] if limit else commits
    if as_json:
        keys = ("id", "parent", "sequence", "timestamp", "kind", "message", "tags", "operation")
        print_json([{key: getattr(commit, key) for key in keys} for commit in commits])
        return
    rows = [
        [
            commit.id[:12],
            commit.timestamp.strftime("%Y-%m-%d %H:%M:%S"),
            commit.kind,
            ", ".join(f"{table['name']} +{table['n_rows']:,}" for table in commit.operation.get("tables", ())),
            commit.message,
            ", ".join(commit.tags),
        ]
        for commit in commits
    ]
    print_table(["commit", "time (UTC)", "kind", "rows", "message", "tags"], rows)


@app.command()
def sql(
    location: Location,
    query: Annotated[
        str, typer.Argument(help="One query, for instance: SELECT count(*) FROM flights AT (VERSION => 'v1')")
    ],
    version: Version = None,
    dialect: Annotated[str, typer.Option("--dialect", help="SQL dialect of the query.")] = "duckdb",
    as_json: AsJson = False,
) -> None:
    """Run a query over any versions of any tables.

    Args:
        location: Folder of the warehouse.
        query: The query.
        version: Version of tables for which the query names none.
        dialect: SQL dialect of the query.
        as_json: Print JSON: a list with one object for each row.

    Example:
        >>> from typer.testing import CliRunner
        >>> "any versions" in CliRunner().invoke(app, ["sql", "--help"]).output
        True
    """
    frame = _open(location).sql(query, dialect=dialect, version=version).pl()
    if as_json:
        print_json(frame.to_dicts())
    else:
        print_table(frame.columns, frame.rows())


@app.command()
def lineage(
    location: Location,
    subject: Annotated[str, typer.Argument(help="A table, a path of the lake, or the name or id of an artifact.")],
    direction: Annotated[Direction, typer.Option("--direction", "-d", help="Which way to walk.")] = Direction.UPSTREAM,
    version: Version = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write the graph to this SVG file as well.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what something was made from, or what was made from it.

    Args:
        location: Folder of the warehouse.
        subject: A table, a path of the lake, or the name or id of an artifact.
        direction: Which way to walk.
        version: Version of the table or raw file.
        svg: Write the graph to this SVG file as well.
        as_json: Print JSON: nodes and edges.

    Example:
        >>> from typer.testing import CliRunner
        >>> "made from" in CliRunner().invoke(app, ["lineage", "--help"]).output
        True
    """
    wh = _open(location)
    start = _find(wh, subject, version)
    walk = wh.lineage.upstream if direction is Direction.UPSTREAM else wh.lineage.downstream
    graph: LineageGraph = walk(start)
    if svg is not None:
        svg.write_text(graph.to_svg(f"{subject}, {direction.value}"), encoding="utf-8")
    if as_json:
        print_json(graph.to_dict())
    else:
        typer.echo(graph.tree())


def _open(location: Path) -> lb.Warehouse:
    """A command looks at a warehouse; it never creates one."""
    return lb.open(location, read_only=True)


def _find(wh: lb.Warehouse, subject: str, version: str | None) -> Any:
    """What a word on the command line names: an artifact by id or name, a table, or a raw file."""
    artifacts = wh.metadata.get_artifacts()
    for artifact in artifacts:
        if subject in {str(artifact.id), artifact.name, artifact.uri}:
            return artifact
    if subject in wh.tables(version):
        return wh.table(subject, version)
    pointers = {pointer.path: pointer for pointer in wh.lake.pointers(version)}
    if subject in pointers:
        return pointers[subject]
    ending = [artifact for artifact in artifacts if subject in (artifact.name or "")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        names = ", ".join(repr(artifact.name) for artifact in ending[:5])
        raise InvalidArgumentError(f"{subject!r} names several artifacts: {names}; give more of the name")
    known = ", ".join([*wh.tables(version), *pointers][:8]) or "nothing yet"
    raise RecordNotFoundError(f"{subject!r} is no table, raw file or artifact of {wh.location}; there is {known}")
