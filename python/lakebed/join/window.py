"""The public aggregates over windows as of each row, over the kernel of the core that joins as of a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from lakebed.errors import InvalidArgumentError
from lakebed.join.aggregations import Aggregation, core_aggregates
from lakebed.join.durations import size_bytes
from lakebed.join.execute import Request, execute
from lakebed.join.progress import Progress
from lakebed.join.sides import SideOptions, core_options


def window_aggregate(
    left: Any,
    right: Any,
    aggregations: Mapping[str, str | Sequence[str]] | Iterable[Aggregation] | Aggregation,
    *,
    windows: Any = None,
    on: str | None = None,
    left_on: str | None = None,
    right_on: str | None = None,
    by: str | Sequence[str] = (),
    left_by: str | Sequence[str] | None = None,
    right_by: str | Sequence[str] | None = None,
    closed: Literal["left", "right", "both", "none"] = "left",
    known_at: str | None = None,
    assume_timezone: str | None = None,
    suffix: str = "_right",
    memory_limit: int | str | None = None,
    spill_folder: str | None = None,
    progress: bool | Progress | None = None,
    report: bool = False,
    nan_as_null: bool = False,
) -> Any:
    """Aggregate to each left row the events of its keys in windows of time that end at it.

    All windows share one grouping and one sort. With the default `closed="left"` a window is [t - length, t): an event
    at the very time of the left row does not count, so that a label cannot see itself.

    Args:
        left: n rows in any order; a null time or key has no events.
        right: m events in any order.
        aggregations: Columns with one or more functions, `{"amount": ["sum", "count"], "*": "count"}`, or
            `Aggregation`s.
        windows: `"7d"`, `"lifetime"`, `"7d offset 1d"`, a timedelta, a `Window`, or a list of them and of
            `Window.series`.
        on: Time column of both sides; or give the next two.
        left_on: Time column of the left side.
        right_on: Time column of the right side.
        by: Key columns of both sides, compared as `lakebed.asof_join` does; or give the next two.
        left_by: Key columns of the left side.
        right_by: Key columns of the right side, in the order of `left_by`.
        closed: Which ends of a window count.
        known_at: Right column that tells when an event became known; later ones than the left time are invisible.
        assume_timezone: As in `lakebed.asof_join`.
        suffix: Added to a result whose name is taken.
        memory_limit: As in `lakebed.asof_join`; what has to fit is the events that one window holds, which for a
            lifetime are all of a key. Variances of a key that does not fit may differ in the last digits.
        spill_folder: As in `lakebed.asof_join`.
        progress: As in `lakebed.asof_join`.
        report: Whether to give a `Joined` of data and report in the place of the data.
        nan_as_null: Take NaN in columns of floats, of both sides, for null, as pandas does: it does not count then.
            Else NaN stays NaN, of pandas too, and a sum or mean of it is NaN.

    Returns:
        The left rows in their order and class, with a column `<column>_<function>_<window>` for each aggregate. Nulls
        in a column do not count. Counts of nothing are 0, lists of nothing empty, all else null. Sums of integers are
        exact (int64 or uint64; an error if 64 bits cannot hold one), sums of decimals decimals; sums of floats have an
        error of at most 2^-52 of the result plus n x 2^-104 of the sum of absolute values, of the window's n values
        alone. Least, greatest, first and last values keep their type; NaN is the least one to `max`, the greatest one
        to `min`. A quantile is the value of that rank. Means, variances, deviations and quantiles are float64: of
        durations in the unit of their column (a variance in its square; sums are durations), of decimals rounded to
        float64 (sums are decimals of 38 digits), of booleans with true as 1 (sums are int64). A column of Arrow's type
        null, of which nobody knows what it would hold, counts 0; its sum and extremes are of type null, its means and
        quantiles null as float64. `approx_count_distinct` is exact up to 4096 different values,
        then a HyperLogLog with a relative standard error of 0.81 %; `approx_quantile(0.9)`, `approx_median` and
        `approx_p90` are exact up to 1024 values, then give a value whose rank is off by at most 0.7 % of the values
        with 99 % confidence (KLL): both in some megabytes a thread, however many events a key has. O(n + m) and the
        sort of groups that are out of order, O(log m) a window; with `known_at` O(events that its windows reach) a row.

    Raises:
        InvalidArgumentError: A window or an aggregate cannot be read; names the nearest ones.
        ColumnNotFoundError: A column is missing.
        UnsupportedTypeError: A function does not take the type of its column.
        TimeColumnError: A time column is missing, or holds no time.
        SchemaMismatchError: Keys without a common type, or a time with a zone against one without.
        InvalidColumnsError: Two aggregates would have one name, or a key or time column's name is not the only one.

    Example:
        >>> import datetime as dt, polars as pl
        >>> day = [dt.datetime(2013, 1, d) for d in range(1, 6)]
        >>> events = pl.DataFrame({"t": day, "user": ["a"] * 5, "amount": [1, 2, 3, 4, 5]})
        >>> labels = pl.DataFrame({"t": [day[3], day[0]], "user": ["a", "a"]})
        >>> found = window_aggregate(labels, events, {"amount": ["sum", "count"]}, windows=["2d"], on="t", by="user")
        >>> found.select("amount_sum_2d", "amount_count_2d").rows()
        [(5, 2), (None, 0)]

    Source:
        Interval and treatment of nulls follow Chronon. Long windows fold blocks of blocks (fan 64). A sum of
        floats is a difference of sums without any rounding where the values of a key lie within some 2^60 of each
        other, else a compensated sum of the window's values: no value outside of a window touches it.
    """
    if isinstance(right, list | tuple):
        raise InvalidArgumentError(
            "window_aggregate takes one right table; aggregate each by itself, or give an iterator of the parts of one"
        )
    options = SideOptions(
        on=right_on or on,
        left_on=left_on or on,
        by=by if right_by is None else right_by,
        left_by=by if left_by is None else left_by,
        known_at=known_at,
        suffix=suffix,
    )
    plain = {**core_options(options), "aggregates": core_aggregates(aggregations, windows, closed)}
    joined = execute(
        left,
        [Request("events", right, plain, skip_nulls=False)],
        assume_timezone=assume_timezone,
        memory_limit=None if memory_limit is None else size_bytes(memory_limit, "memory_limit"),
        spill_folder=spill_folder,
        progress=progress,
        nan_as_null=nan_as_null,
    )
    return joined if report else joined.data
