"""The public point-in-time join over the kernel of the core. It joins; it neither sorts its result nor drops rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from lakebed.errors import InvalidArgumentError
from lakebed.join.durations import size_bytes
from lakebed.join.execute import Request, execute
from lakebed.join.progress import Progress
from lakebed.join.report import Joined
from lakebed.join.sides import SideOptions, core_options, sides_of

Direction = Literal["backward", "forward", "nearest"]


def asof_join(
    left: Any,
    right: Any,
    *,
    on: str | None = None,
    left_on: str | None = None,
    right_on: str | None = None,
    by: str | Sequence[str] = (),
    left_by: str | Sequence[str] | None = None,
    right_by: str | Sequence[str] | None = None,
    tolerance: Any = None,
    direction: Direction | None = None,
    closed: Literal["both", "left", "right", "none", "strict"] = "both",
    known_at: str | None = None,
    created: str | None = None,
    skip_nulls: bool | Sequence[str] = False,
    allow_exact_matches: bool = True,
    strategy: Direction | None = None,
    assume_timezone: str | None = None,
    suffix: str = "_right",
    memory_limit: int | str | None = None,
    spill_folder: str | None = None,
    progress: bool | Progress | None = None,
    report: bool = False,
    nan_as_null: bool = False,
) -> Any:
    """Join to each left row the newest row of each right table that is not later.

    Left rows come out once each, in their order, duplicates and types kept; rows without a match get nulls. Neither
    side needs to be sorted; a right side that is ordered by (keys, time) is joined faster, since nothing is sorted
    then.

    Args:
        left: n rows in any order: any Arrow-speaking frame, a lazy frame, a reader or an iterable of frames. A null
            time or key matches nothing.
        right: m rows in any order, of the same classes, or a list of tables, each of which may be a `JoinSide` with
            options of its own. A null in the matched row is its value and stays null. Of a table of a warehouse only
            files and row groups are opened that can matter, and other columns than keys and times are read only where
            rows matched (all needed ones where the left rows come as a stream; of a lazy frame times and keys are
            read first, of a reader nothing is left out); where its layout says that rows are in order of (keys, time),
            nothing is sorted.
        on: Time column of both sides: dates or timestamps of any unit, compared as instants; or give the next two.
        left_on: Time column of the left side.
        right_on: Time column of the right side.
        by: Key columns of both sides, compared by value where their types differ: integers of any width, floats (NaN
            equals NaN), decimals, booleans, text, bytes, dates and times; or give the next two.
        left_by: Key columns of the left side.
        right_by: Key columns of the right side, in the order of `left_by`.
        tolerance: Greatest distance in time of a match: a timedelta or a text such as `"2h"`, `"1d12h"`, `"500ms"`;
            None or 0 for any distance.
        direction: `"backward"` takes the newest row not later, `"forward"` the oldest row not earlier, `"nearest"` the
            one of both that is less far away (the older one if both are as far).
        closed: Which ends of the window between the left time and the tolerance count, in order of time: `"both"`,
            `"left"` (looking backward: not the left row's very time), `"right"` (not the very tolerance) or `"none"`;
            `"strict"` leaves out the very time only, in any direction.
        known_at: Right column that tells when a row became known: rows later than the left time, or null there, are
            invisible, and an older row that was known matches instead.
        created: Right column that orders rows of equal keys and times: the greatest wins, null is the least. Without it
            (and then) the last row by position wins. It is `known_at` where that is given.
        skip_nulls: True, or right columns, that give the newest value that is not null, each column by itself.
        allow_exact_matches: False is `closed="strict"`.
        strategy: The same as `direction`.
        assume_timezone: Zone of time columns without one, for instance `"UTC"`; needed where only one side has a zone.
        suffix: Added to a right column whose name is taken.
        memory_limit: Bytes, or a text such as `"2GiB"`, that the join may use for its own; what does not fit is kept in
            temporary files that vanish with the join. None for no limit.
        spill_folder: Where they are made; None for the system's folder of temporary files.
        progress: True for a bar on standard error after a second, or a callable that takes the rows done and expected;
            None for a bar where standard error is a terminal. Of a reader it tells in each chunk; how many rows are
            still to come is not known then.
        report: Whether to give a `Joined` of data and report in the place of the data.
        nan_as_null: Take NaN in columns of floats, of both sides, for null, as pandas does: as a key it matches
            nothing then, and `skip_nulls` skips it. Of a table of a warehouse all needed columns are read then.
            Else NaN stays NaN, of pandas too.

    Returns:
        n rows in the order of `left`, of its class (other Arrow objects give pyarrow tables). The columns are the left
        ones, then those of the right tables without keys and time, null where nothing matched. O((n + m) log m) time,
        O(n + m) where groups are in order of time; the result is the same for any number of threads.

        A reader or an iterable of frames gives a pyarrow reader that joins chunk by chunk as it is read (about a
        million rows, or half the rows of the largest right table), so that the left rows are never held as a whole;
        Ctrl-C ends any chunk, and the report covers the rows that were read so far. A lazy frame gives a lazy frame
        that does the same each time when it is collected or written (`sink_parquet` never holds the result either; its
        engine looks at Ctrl-C when it likes): what is wrong with columns and types is told at once, the report is that
        of the last time. A Polars frame holds what Polars knows: run-end encoded values one by one, views of lists as
        lists, decimals of up to 38 digits, seconds as milliseconds, times with an offset such as `+05:30` in UTC; what
        it cannot hold at all is an error.

    Raises:
        TimeColumnError: A time column is missing, or holds no time.
        ColumnNotFoundError: A key or another named column is missing.
        SchemaMismatchError: Keys without a common type, or a time with a zone against one without.
        UnsupportedTypeError: A key of a type without equality, such as a list; a column that a Polars result cannot
            hold.
        InvalidColumnsError: Two columns of the result would have one name; two columns of a table are called like a key
            or a time.
        InvalidArgumentError: An option is not one of its values; the tolerance is no duration or negative; a time does
            not exist in `assume_timezone`.

    Example:
        >>> import datetime as dt, polars as pl
        >>> day = [dt.datetime(2013, 1, d) for d in (1, 2, 3)]
        >>> clicks = pl.DataFrame({"time": [day[2], day[0]], "item": ["a", "a"]})
        >>> prices = pl.DataFrame({"time": [day[0], day[1]], "item": ["a", "a"], "price": [1.0, 2.0]})
        >>> asof_join(clicks, prices, on="time", by=["item"])["price"].to_list()
        [2.0, 1.0]
        >>> late = prices.with_columns(created=pl.Series([day[0], day[2] + dt.timedelta(hours=1)]))
        >>> asof_join(clicks, late, on="time", by="item", known_at="created")["price"].to_list()
        [1.0, 1.0]

    Source:
        Semantics follow the backward join of `polars.DataFrame.join_asof` and Feast's historical features, without
        their need of sorted input and without their lost rows. Kernel: partition by hash, then a binary search in each
        key.
    """
    if direction is not None and strategy is not None and direction != strategy:
        raise InvalidArgumentError(f"direction={direction!r} and strategy={strategy!r} contradict each other; give one")
    defaults = SideOptions(
        on=right_on or on,
        left_on=left_on or on,
        by=by if right_by is None else right_by,
        left_by=by if left_by is None else left_by,
        tolerance=tolerance,
        direction=direction or strategy,
        closed=closed,
        known_at=known_at,
        created=created,
        skip_nulls=skip_nulls,
        suffix=suffix,
    )
    requests = []
    for number, (frame, options) in enumerate(sides_of(right, defaults), 1):
        plain = core_options(_with_left_keys(options, defaults), allow_exact_matches=allow_exact_matches)
        requests.append(Request(options.name or f"right {number}", frame, plain, options.skip_nulls or False))
    joined = execute(
        left,
        requests,
        assume_timezone=assume_timezone,
        memory_limit=None if memory_limit is None else size_bytes(memory_limit, "memory_limit"),
        spill_folder=spill_folder,
        progress=progress,
        nan_as_null=nan_as_null,
    )
    return joined if report else joined.data


def _with_left_keys(options: SideOptions, defaults: SideOptions) -> SideOptions:
    """Keys that a table names for itself are those of the left side too, unless something else is said."""
    has_own = options.by is not defaults.by and options.left_by is defaults.left_by
    if has_own and defaults.left_by is defaults.by and not defaults.left_by:
        return dataclasses.replace(options, left_by=options.by)
    return options


__all__ = ["Joined", "asof_join"]
