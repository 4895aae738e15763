"""`lakebed metadata`: look into a metadata database, whether Lakebed or ML Metadata made it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import typer

from lakebed.cli.output import print_json, print_table
from lakebed.errors import InvalidArgumentError, RecordNotFoundError

app = typer.Typer(help="Look into a metadata database.", no_args_is_help=True)


class Kind(str, Enum):
    """What to look at.

    Example:
        >>> Kind("artifacts").value
        'artifacts'
    """

    ARTIFACTS = "artifacts"
    EXECUTIONS = "executions"
    CONTEXTS = "contexts"


Location = Annotated[
    str,
    typer.Argument(
        help="Folder of a warehouse, SQLite file, or mysql://user:password@host:port/database (postgresql:// likewise)."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
What = Annotated[Kind, typer.Argument(help="What to look at.")]
Filter = Annotated[
    str | None, typer.Option("--filter", "-f", help="Filter query, e.g.: state = LIVE AND uri LIKE 's3%'.")
]


@app.command("list")
def list_nodes(
    location: Location,
    kind: What = Kind.ARTIFACTS,
    filter_query: Filter = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many; 0 for all.", min=0)] = 20,
    as_json: AsJson = False,
) -> None:
    """List artifacts, executions or contexts, newest first.

    Args:
        location: The database.
        kind: What to list.
        filter_query: Only those that meet it.
        limit: At most so many; 0 for all.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "newest first" in CliRunner().invoke(app, ["list", "--help"]).output
        True
    """
    from lakebed.ml_metadata.metadata_store import ListOptions

    options = ListOptions(limit=limit or None, is_asc=False, filter_query=filter_query)
    nodes = _ask(lambda: getattr(open_store(location), f"get_{kind.value}")(options))
    if as_json:
        print_json([plain(node) for node in nodes])
        return
    rows = [
        [node.id, node.type, node.name, getattr(node, "uri", ""), _state(node), _properties(node)] for node in nodes
    ]
    print_table(["id", "type", "name", "uri", "state", "properties"], rows)


@app.command()
def show(
    location: Location,
    kind: What,
    node_id: Annotated[int, typer.Argument(help="Id of the artifact, execution or context.")],
    as_json: AsJson = False,
) -> None:
    """Show one artifact, execution or context with all it holds and its events.

    Args:
        location: The database.
        kind: What it is.
        node_id: Its id.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "its events" in CliRunner().invoke(app, ["show", "--help"]).output
        True
    """
    store = open_store(location)
    found = _ask(lambda: getattr(store, f"get_{kind.value}_by_id")([node_id]))
    if not found:
        raise RecordNotFoundError(
            f"{location} has no {kind.value[:-1]} with the id {node_id}; list them with: metadata list"
        )
    node = plain(found[0])
    if kind is not Kind.CONTEXTS:
        events = _ask(lambda: getattr(store, f"get_events_by_{kind.value[:-1]}_ids")([node_id]))
        node["events"] = [plain(event) for event in events]
    if as_json:
        print_json(node)
    else:
        print_table(["field", "value"], [[name, str(value)] for name, value in node.items()])


@app.command()
def types(location: Location, as_json: AsJson = False) -> None:
    """List the types with their properties.

    Args:
        location: The database.
        as_json: Print JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "their properties" in CliRunner().invoke(app, ["types", "--help"]).output
        True
    """
    store = open_store(location)
    found = [
        (kind.value[:-1], item)
        for kind in Kind
        for item in _ask(lambda k=kind: getattr(store, f"get_{k.value[:-1]}_types")())
    ]
    if as_json:
        print_json([{"kind": kind, **plain(item)} for kind, item in found])
        return
    from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

    rows = []
    for kind, item in found:
        kinds = ", ".join(f"{name}: {pb.PropertyType.Name(item.properties[name])}" for name in sorted(item.properties))
        rows.append([item.id, kind, item.name, item.version, kinds])
    print_table(["id", "kind", "name", "version", "properties"], rows)


@app.command()
def export(
    location: Location,
    kind: What,
    target: Annotated[Path, typer.Argument(help="File to write: .parquet, .arrow (IPC) or .csv.")],
    as_json: AsJson = False,
) -> None:
    """Write all artifacts, executions or contexts to a file.

    Args:
        location: The database.
        kind: What to write.
        target: File to write: .parquet, .arrow (IPC) or .csv.
        as_json: Print what was written as JSON.

    Example:
        >>> from typer.testing import CliRunner
        >>> "to a file" in CliRunner().invoke(app, ["export", "--help"]).output
        True
    """
    import polars as pl

    writers = {".parquet": "write_parquet", ".arrow": "write_ipc", ".csv": "write_csv"}
    writer = writers.get(target.suffix)
    if writer is None:
        raise InvalidArgumentError(f"{target} ends in {target.suffix!r}; name a file in {', '.join(writers)}")
    frame: Any = pl.from_arrow(_ask(lambda: open_store(location).export_arrow(kind.value)))
    getattr(frame, writer)(target)
    if as_json:
        print_json({"file": str(target), "rows": frame.height, "columns": frame.columns})
    else:
        typer.echo(f"{frame.height:,} {kind.value} in {target}")


def open_store(location: str) -> Any:
    """Open a database to look into it; nothing is created.

    Args:
        location: Folder of a warehouse, SQLite file, or a URL of MySQL or PostgreSQL.

    Returns:
        The store.

    Raises:
        RecordNotFoundError: There is no such folder or file.
        InvalidArgumentError: The location is of another kind, or the database cannot be opened.

    Example:
        >>> open_store("nowhere.db")
        Traceback (most recent call last):
        lakebed.errors.RecordNotFoundError: nowhere.db does not exist; ...
    """
    from lakebed.ml_metadata.metadata_store import MetadataStore
    from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

    config: Any
    if "://" in location:
        config = _server(location)
    elif not Path(location).exists():
        raise RecordNotFoundError(f"{location} does not exist; name the folder of a warehouse, a SQLite file or a URL")
    elif Path(location).is_dir():
        config = Path(location)
    else:
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri, config.sqlite.connection_mode = location, 1
    try:
        return MetadataStore(config, read_only=isinstance(config, Path))
    except RuntimeError as error:
        raise InvalidArgumentError(str(error)) from error


def _server(location: str) -> Any:
    from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

    parts = urlsplit(location)
    config = pb.ConnectionConfig()
    if parts.scheme not in {"mysql", "postgresql"}:
        raise InvalidArgumentError(f"{location} is of the kind {parts.scheme!r}; there are mysql:// and postgresql://")
    target = config.mysql if parts.scheme == "mysql" else config.postgresql
    target.host, target.user = parts.hostname or "localhost", unquote(parts.username or "")
    target.password = unquote(parts.password or "")
    target.skip_db_creation = True
    if parts.scheme == "mysql":
        target.port, target.database = parts.port or 3306, parts.path.lstrip("/")
    else:
        target.port, target.dbname = str(parts.port or 5432), parts.path.lstrip("/")
    return config


def _ask(call: Any) -> Any:
    """A status of the store as an error that the command line prints."""
    from lakebed.ml_metadata.errors import StatusError

    try:
        return call()
    except StatusError as error:
        raise InvalidArgumentError(error.message) from error


def plain(message: Any) -> dict[str, Any]:
    """Give a message as plain values: properties by name, enumerations by name.

    Args:
        message: A message of ML Metadata.

    Returns:
        Its set fields.

    Example:
        >>> from lakebed.ml_metadata.proto import metadata_store_pb2 as pb
        >>> plain(pb.Artifact(id=7, state=pb.Artifact.LIVE))
        {'id': 7, 'state': 'LIVE'}
    """
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.name in {"properties", "custom_properties"}:
            found[field.name] = {name: _value(value[name]) for name in sorted(value)}
        elif field.enum_type is not None:
            found[field.name] = field.enum_type.values_by_number[value].name
        elif field.message_type is not None:
            found[field.name] = str(value).replace("\n", " ").strip()
        else:
            found[field.name] = value
    return found


def _value(value: Any) -> Any:
    if isinstance(value, int):
        from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

        return pb.PropertyType.Name(value)
    which = value.WhichOneof("value")
    if which in {"struct_value", "proto_value"}:
        return str(getattr(value, which)).replace("\n", " ").strip()
    return None if which is None else getattr(value, which)


def _state(node: Any) -> str:
    for name in ("state", "last_known_state"):
        if name in node.DESCRIPTOR.fields_by_name and node.HasField(name):
            return str(node.DESCRIPTOR.fields_by_name[name].enum_type.values_by_number[getattr(node, name)].name)
    return ""


def _properties(node: Any) -> str:
    shown = plain(node)
    values = {**shown.get("custom_properties", {}), **shown.get("properties", {})}
    return ", ".join(f"{name}={value}" for name, value in values.items())
