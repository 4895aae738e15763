"""The public point-in-time join over the kernel of the core. It joins; it neither sorts its result nor drops rows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from lakebed._core import ArrowStream
from lakebed._core import asof_join as join_batches
from lakebed.errors import InvalidArgumentError, TimeColumnError
from lakebed.typing import importable

if TYPE_CHECKING:
    import pyarrow as pa

LeftT = TypeVar("LeftT")

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_DURATION = re.compile(r"(\d+)(ns|us|ms|s|m|h|d|w)")


def asof_join(
    left: LeftT,
    right: Any,
    *,
    on: str | None = None,
    left_on: str | None = None,
    right_on: str | None = None,
    by: Sequence[str] = (),
    left_by: Sequence[str] | None = None,
    right_by: Sequence[str] | None = None,
    tolerance: dt.timedelta | str | None = None,
    strategy: Literal["backward", "forward"] = "backward",
    allow_exact_matches: bool = True,
    assume_timezone: str | None = None,
    suffix: str = "_right",
) -> LeftT:
    """Join to each left row the newest right row that is not later.

    Args:
        left: n rows in any order. A null time or key matches nothing.
        right: m rows in any order. Of equal keys and times the last row wins; its nulls are values and stay null.
        on: Time column of both sides: a date or timestamp of any unit, compared as instants; or give the next two.
        left_on: Time column of the left side.
        right_on: Time column of the right side.
        by: Key columns of both sides, compared by value; or give the next two.
        left_by: Key columns of the left side.
        right_by: Key columns of the right side, in the order of `left_by`.
        tolerance: Greatest distance in time of a match, inclusive: a timedelta or a text such as `"2h"`, `"1d12h"`,
            `"500ms"`; None for any distance.
        strategy: `"backward"` takes the newest row not later, `"forward"` the oldest row not earlier.
        allow_exact_matches: Whether a row of the very same time matches.
        assume_timezone: Zone of a time column without one, for instance `"UTC"`; needed where only one side has a zone.
        suffix: Added to a right column whose name the left side has too.

    Returns:
        n rows in the order of `left`, of the same class as `left` (a pyarrow table for other Arrow objects): the left
        columns, then the right ones without keys and time, null where nothing matched. O((n + m) log m) time.

    Raises:
        TimeColumnError: A time column is missing, or holds no time.
        ColumnNotFoundError: A key column is missing.
        SchemaMismatchError: Keys of different types, or a time with a zone against one without.
        InvalidArgumentError: The tolerance cannot be read or is negative, or a time is none in `assume_timezone`.

    Example:
        >>> import datetime as dt, polars as pl
        >>> day = [dt.datetime(2013, 1, d) for d in (1, 2, 3)]
        >>> clicks = pl.DataFrame({"time": [day[2], day[0]], "item": ["a", "a"]})
        >>> prices = pl.DataFrame({"time": [day[0], day[1]], "item": ["a", "a"], "price": [1.0, 2.0]})
        >>> asof_join(clicks, prices, on="time", by=["item"])["price"].to_list()
        [2.0, 1.0]

    Source:
        Semantics follow the backward join of `polars.DataFrame.join_asof`, but neither side needs to be sorted.
    """
    on_left, on_right = left_on or on, right_on or on
    if on_left is None or on_right is None:
        raise TimeColumnError("no time column was named; give on=, or left_on= and right_on=")
    if strategy not in {"backward", "forward"}:
        raise InvalidArgumentError(f"strategy is 'backward' or 'forward', not {strategy!r}")
    options = {
        "on_left": on_left,
        "on_right": on_right,
        "by_left": _names(by if left_by is None else left_by),
        "by_right": _names(by if right_by is None else right_by),
        "tolerance_ns": _nanoseconds(tolerance),
        "allow_exact_matches": allow_exact_matches,
        "forward": strategy == "forward",
        "suffix": suffix,
    }
    left_input, right_input = importable(left), importable(right)
    if assume_timezone is None:
        return _like(left, join_batches(left_input, right_input, options))  # type: ignore[no-any-return]
    import pyarrow as pa

    given = pa.table(left_input)
    left_input = _with_zone(given, on_left, assume_timezone)
    right_input = _with_zone(pa.table(right_input), on_right, assume_timezone)
    joined = pa.table(join_batches(left_input, right_input, options))
    # The zone is only for the comparison: the left time stays as it was given.
    position = given.schema.get_field_index(on_left)
    joined = joined.set_column(position, given.schema.field(position), given.column(position))
    return _like(left, joined)  # type: ignore[no-any-return]


def _names(by: Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)


def _nanoseconds(tolerance: object) -> int | None:
    if tolerance is None:
        return None
    if isinstance(tolerance, dt.timedelta):
        nanoseconds = (tolerance.days * 86_400 + tolerance.seconds) * 1_000_000_000 + tolerance.microseconds * 1_000
    else:
        parts = _DURATION.findall(tolerance) if isinstance(tolerance, str) else []
        if not parts or "".join(number + unit for number, unit in parts) != tolerance:
            message = (
                f"tolerance {tolerance!r} cannot be read; use a timedelta or a text such as '2h', '1d12h' or '500ms'"
            )
            raise InvalidArgumentError(message)
        nanoseconds = sum(int(number) * _UNITS_NS[unit] for number, unit in parts)
    if nanoseconds < 0:
        raise InvalidArgumentError(f"tolerance {tolerance!r} is negative; give the greatest distance as 0 or more")
    return nanoseconds


def _with_zone(table: pa.Table, column: str, zone: str) -> pa.Table:
    """The table with its naive time column as one in `zone`; a missing column is left for the core to name."""
    import polars as pl
    import pyarrow as pa

    position = table.schema.get_field_index(column)
    kind = table.schema.field(position).type if position >= 0 else pa.null()
    if not pa.types.is_date32(kind) and not (pa.types.is_timestamp(kind) and kind.tz is None):
        return table
    naive = pl.Series(table.column(position))
    naive = naive.cast(pl.Datetime("us")) if pa.types.is_date32(kind) else naive
    try:
        return table.set_column(position, column, naive.dt.replace_time_zone(zone).to_arrow())
    except pl.exceptions.PolarsError as error:
        cause = str(error).partition("\n")[0]
        raise InvalidArgumentError(
            f"time column {column!r} cannot be read in time zone {zone!r}: {cause}; "
            "name another zone, or convert the column first"
        ) from error


def _like(left: Any, stream: ArrowStream) -> Any:
    library, name = type(left).__module__.partition(".")[0], type(left).__name__
    if library == "polars":
        import polars as pl

        frame = pl.DataFrame(stream)
        return frame.lazy() if name == "LazyFrame" else frame
    import pyarrow as pa

    table = pa.table(stream)
    return table.to_pandas() if library == "pandas" else table
