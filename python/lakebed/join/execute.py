"""From a call to the core and back: frames become streams, zones are assumed, the result gets the class of the left."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lakebed._core import asof_join as join_tables
from lakebed.errors import LakebedError
from lakebed.join.fetch import Fetch, defer
from lakebed.join.frames import (
    has_zone,
    is_lazy,
    is_reader,
    like,
    mapped,
    parts_of,
    readable,
    with_zone,
    with_zoned_copies,
    without_rows,
)
from lakebed.join.holdable import is_holdable
from lakebed.join.progress import Progress, watcher
from lakebed.join.pruning import is_ordered, is_stored, prune
from lakebed.join.report import Joined, JoinReport, latest, to_report
from lakebed.join.sides import names
from lakebed.join.streams import Once, lazy_join, raised_by, shown, watched
from lakebed.stream import streamed


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
    nan_as_null: bool,
) -> Joined:
    """Run one pass of the core.

    Args:
        left: The left table.
        requests: The right tables.
        assume_timezone: Zone of naive times; None to leave them naive.
        memory_limit: Bytes; None for no limit.
        spill_folder: Folder of temporary files.
        progress: Who is told how far it is.
        nan_as_null: Whether NaN in columns of floats is null, on both sides.

    Returns:
        Data in the class of the left table, and the report.

    Example:
        >>> import polars as pl
        >>> from lakebed.join.sides import SideOptions, core_options
        >>> frame = pl.DataFrame({"t": [0]}).cast({"t": pl.Datetime("us")})
        >>> request = Request("r", frame.with_columns(v=1), core_options(SideOptions(on="t", left_on="t")), False)
        >>> options = {"assume_timezone": None, "memory_limit": None, "spill_folder": None, "progress": False}
        >>> execute(frame, [request], nan_as_null=False, **options).data["v"].to_list()
        [1]
    """
    options: dict[str, Any] = {
        "assume_timezone": assume_timezone,
        "memory_limit": memory_limit,
        "spill_folder": spill_folder,
        "watch": watcher(progress),
        "nan_as_null": nan_as_null,
    }
    requests = [dataclasses.replace(request, frame=streamed(request.frame)) for request in requests]
    if is_lazy(left):
        return _later(left, requests, options)
    left = streamed(left)
    in_chunks = memory_limit is None and is_reader(left)
    joined, report = _run(left, requests, in_chunks=in_chunks, **options)
    return Joined(like(left, joined), report)


def _later(left: Any, requests: Sequence[Request], options: dict[str, Any]) -> Joined:
    """A join of a lazy frame: made when its result is collected, chunk by chunk; the report tells of the last time."""
    nothing = [dataclasses.replace(request, frame=without_rows(request.frame)) for request in requests]
    empty, first = _run(
        without_rows(left), nothing, in_chunks=False, **{**options, "memory_limit": None, "watch": None}
    )
    reports, once = [first], Once([request.frame for request in requests])

    def start() -> Any:
        once.use()
        in_chunks = options["memory_limit"] is None
        reader, report = _run(left, requests, in_chunks=in_chunks, **options)
        reports[:] = [report]
        return reader

    return Joined(lazy_join(start, empty), latest(lambda: reports[0]))


def _run(
    left: Any,
    requests: Sequence[Request],
    *,
    in_chunks: bool,
    assume_timezone: str | None,
    memory_limit: int | None,
    spill_folder: str | None,
    watch: Progress | None,
    nan_as_null: bool,
) -> tuple[Any, JoinReport]:
    """One pass of the core: what it gives, and the report."""
    is_stream = in_chunks or memory_limit is not None
    sources = [left, *(request.frame for request in requests)]
    read = partial(readable, is_stream=is_stream, nan_as_null=nan_as_null)
    left_input = read(left)
    seen = left if is_lazy(left) else left_input
    prepared = [_prepared(*item, seen, assume_timezone, read) for item in enumerate(requests)]
    requests, fetches = [request for request, _ in prepared], [fetch for _, fetch in prepared if fetch is not None]
    if assume_timezone == "UTC" and _agree(left_input, requests):
        assume_timezone = None
    zoned = None if assume_timezone is None else Zoned.of(left_input, requests, assume_timezone)
    if zoned is not None:
        left_input, requests = zoned.left, zoned.requests
    sides = [_side(request, assume_timezone) for request in requests]
    try:
        with shown(watch):
            stream, counts = join_tables(parts_of(left_input), sides, in_chunks, memory_limit, spill_folder, watch)
    except LakebedError as error:
        raise (raised_by(sources) or error) from error
    data: Any = watched(stream, counts, sources, watch) if is_stream else stream
    data = data if zoned is None else zoned.without_zone(data)
    if fetches:
        import pyarrow as pa

        data = pa.table(data)
        for fetch in fetches:
            data = fetch.fill(data)
    if not is_stream and not all(is_holdable(request.frame) for request in requests):
        import pyarrow as pa

        # Tells `like` of types that Polars does not know; it is given a plain stream else.
        data = pa.table(data)
    names = [request.name for request in requests]
    return data, to_report(names, counts.sides, counts.spilled_bytes, goes_on=in_chunks)


@dataclass(frozen=True)
class Zoned:
    """Left rows whose naive times have a zone for the comparison only.

    Attributes:
        left: The rows.
        requests: What is joined to them.
        given: The rows as they were given; None for a reader, which has zoned copies of the times beside them.
        copies: Time columns with the names of their copies.
    """

    left: Any
    requests: list[Request]
    given: Any
    copies: dict[str, str]

    @classmethod
    def of(cls, left: Any, requests: list[Request], zone: str) -> Zoned:
        """Give the times a zone.

        Args:
            left: The left rows.
            requests: What is joined to them.
            zone: The zone.

        Returns:
            What is to be joined.
        """
        import pyarrow as pa

        columns = list(dict.fromkeys(request.options["on_left"] for request in requests))
        if not is_reader(left):
            given = pa.table(left)
            return cls(with_zone(given, columns, zone), requests, given, {})
        copies = {column: f"{column} in {zone}" for column in columns if column in left.schema.names}
        while set(copies.values()) & set(left.schema.names):
            copies = {column: f"{copy}." for column, copy in copies.items()}
        moved = [
            dataclasses.replace(
                request, options={**request.options, "on_left": copies.get(time := request.options["on_left"], time)}
            )
            for request in requests
        ]
        return cls(with_zoned_copies(left, copies, zone), moved, None, copies)

    def without_zone(self, joined: Any) -> Any:
        """Give the times back as they were.

        Args:
            joined: The joined rows.

        Returns:
            A table, or a reader of a reader.
        """
        import pyarrow as pa

        if self.given is None:
            reader = joined if is_reader(joined) else pa.RecordBatchReader.from_stream(joined)
            return mapped(reader, lambda part: part.drop_columns(list(self.copies.values())))
        data = pa.table(joined)
        for column in {request.options["on_left"] for request in self.requests}:
            position = self.given.schema.get_field_index(column)
            data = data.set_column(position, self.given.schema.field(position), self.given.column(position))
        return data


def _prepared(
    number: int,
    request: Request,
    left: Any,
    zone: str | None,
    read: partial[Any],
) -> tuple[Request, Fetch | None]:
    """The request with a frame that the core can read, and what is read after the join."""
    frame, options = request.frame, request.options
    if not is_stored(frame):
        return dataclasses.replace(request, frame=read(frame)), None
    options = {**options, "is_ordered": is_ordered(frame, options)}
    request = dataclasses.replace(request, options=options)
    if any(read.keywords.values()) or request.skip_nulls or options["aggregates"] is not None:
        return dataclasses.replace(request, frame=read(prune(frame, options, left, zone).filtered())), None
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
    return parts_of(frame), {**options, **_skipped(request.skip_nulls)}


def _skipped(skip_nulls: bool | Sequence[str]) -> dict[str, Any]:  # noqa: FBT001
    if isinstance(skip_nulls, bool):
        return {"skip_nulls": [], "skip_all_nulls": skip_nulls}
    return {"skip_nulls": names(skip_nulls), "skip_all_nulls": False}
