"""From a call to the core and back: frames become streams, zones are assumed, the result gets the class of the left."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from lakebed._core import asof_join as join_tables
from lakebed.join.fetch import Fetch, defer
from lakebed.join.frames import has_zone, like, readable, reader_of, with_zone
from lakebed.join.progress import Progress, ProgressBar, watcher
from lakebed.join.pruning import is_stored, prune
from lakebed.join.report import Joined, to_report
from lakebed.join.sides import names


@dataclass(frozen=True)
class Request:
    """One right table of a call.

    Attributes:
        name: Name in the report.
        frame: The table.
        options: As the core takes them.
        skip_nulls: True, or columns, that give their newest value that is not null.

    Example:
        >>> Request("prices", None, {}, False).name
        'prices'
    """

    name: str
    frame: Any
    options: dict[str, Any]
    skip_nulls: bool | Sequence[str]


def execute(
    left: Any,
    requests: Sequence[Request],
    *,
    assume_timezone: str | None,
    memory_limit: int | None,
    spill_folder: str | None,
    progress: bool | Progress | None,
) -> Joined:
    """Run one pass of the core.

    Args:
        left: The left table.
        requests: The right tables.
        assume_timezone: Zone of naive times; None to leave them naive.
        memory_limit: Bytes; None for no limit.
        spill_folder: Folder of temporary files.
        progress: Who is told how far it is.

    Returns:
        Data in the class of the left table, and the report.

    Example:
        >>> import polars as pl
        >>> from lakebed.join.sides import SideOptions, core_options
        >>> frame = pl.DataFrame({"t": [0]}).cast({"t": pl.Datetime("us")})
        >>> request = Request("r", frame.with_columns(v=1), core_options(SideOptions(on="t", left_on="t")), False)
        >>> options = {"assume_timezone": None, "memory_limit": None, "spill_folder": None, "progress": False}
        >>> execute(frame, [request], **options).data["v"].to_list()
        [1]
    """
    is_stream = memory_limit is not None
    left_input = readable(left, is_stream=is_stream)
    given = left_input
    prepared = [_prepared(*item, left_input, assume_timezone, is_stream) for item in enumerate(requests)]
    requests, fetches = [request for request, _ in prepared], [fetch for _, fetch in prepared if fetch is not None]
    if assume_timezone == "UTC" and _agree(left_input, requests):
        assume_timezone = None
    if assume_timezone is not None:
        import pyarrow as pa

        given = pa.table(left_input)
        left_input = with_zone(given, [request.options["on_left"] for request in requests], assume_timezone)
    sides = [_side(request, assume_timezone) for request in requests]
    watch = watcher(progress)
    scope: AbstractContextManager[Any] = watch if isinstance(watch, ProgressBar) else nullcontext()
    with scope:
        stream, reports, spilled = join_tables(left_input, sides, memory_limit, spill_folder, watch)
    data: Any = stream
    if assume_timezone is not None:
        data = pa.table(stream)
        # The zone is only for the comparison: the left times stay as they were given.
        for column in {request.options["on_left"] for request in requests}:
            position = given.schema.get_field_index(column)
            data = data.set_column(position, given.schema.field(position), given.column(position))
    if fetches:
        import pyarrow as pa

        data = pa.table(data)
        for fetch in fetches:
            data = fetch.fill(data)
    counted = [(request.name, counts) for request, counts in zip(requests, reports, strict=True)]
    return Joined(like(left, data), to_report(counted, spilled))


def _prepared(
    number: int,
    request: Request,
    left: Any,
    zone: str | None,
    is_stream: bool,  # noqa: FBT001
) -> tuple[Request, Fetch | None]:
    """The request with a frame that the core can read, and what is read after the join."""
    frame, options = request.frame, request.options
    if not is_stored(frame):
        return dataclasses.replace(request, frame=readable(frame, is_stream=is_stream)), None
    if is_stream:
        return dataclasses.replace(request, frame=reader_of(prune(frame, options, left, zone).filtered())), None
    if request.skip_nulls or options["aggregates"] is not None:
        table = prune(frame, options, left, zone).filtered().collect(engine="streaming")
        return dataclasses.replace(request, frame=readable(table)), None
    table, options, fetch = defer(frame, options, left, zone, number)
    return dataclasses.replace(request, frame=table, options=options), fetch


def _agree(left: Any, requests: Sequence[Request]) -> bool:
    """Whether all times have a zone or none has: then there is nothing to assume, since UTC moves nothing."""
    found = {has_zone(left, request.options["on_left"]) for request in requests}
    for request in requests:
        created = [request.options["created"]] if request.options["created"] else []
        found |= {has_zone(request.frame, column) for column in (request.options["on_right"], *created)}
    return found in ({True}, {False})


def _side(request: Request, zone: str | None) -> tuple[Any, dict[str, Any]]:
    options, frame = request.options, request.frame
    if zone is not None:
        times = [options["on_right"], *([options["created"]] if options["created"] else [])]
        frame = with_zone(frame, times, zone)
    return frame, {**options, **_skipped(request.skip_nulls)}


def _skipped(skip_nulls: bool | Sequence[str]) -> dict[str, Any]:  # noqa: FBT001
    if isinstance(skip_nulls, bool):
        return {"skip_nulls": [], "skip_all_nulls": skip_nulls}
    return {"skip_nulls": names(skip_nulls), "skip_all_nulls": False}
