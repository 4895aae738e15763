"""An oracle for joins in time: plain Python over all pairs of rows, written from the rules and not from the kernel."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pyarrow as pa

NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9
Row = dict[str, Any]


def instants(array: pa.Array) -> list[int | None]:
    """Nanoseconds since 1970 of each time."""
    kind = array.type
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return instants(plain(array))
    if pa.types.is_date32(kind):
        return [None if value is None else value * DAY for value in array.cast(pa.int32()).to_pylist()]
    factor = 10**6 if pa.types.is_date64(kind) else NS[kind.unit]
    return [None if value is None else value * factor for value in array.cast(pa.int64()).to_pylist()]


def plain(array: pa.Array) -> pa.Array:
    """The values without dictionaries and runs around them."""
    import pyarrow.compute as pc

    if pa.types.is_run_end_encoded(array.type):
        return pc.run_end_decode(array)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def keys(array: pa.Array) -> list[Any]:
    """Values that are equal in Python exactly if the keys are."""
    array = plain(array)
    kind = array.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return instants(array)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        number = pa.int32() if pa.types.is_time32(kind) else pa.int64()
        return [None if value is None else value * NS[kind.unit] for value in array.cast(number).to_pylist()]
    return [key(value) for value in array.to_pylist()]


def key(value: Any) -> Any:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else ("inf", value > 0) if math.isinf(value) else Fraction(value)
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, int | decimal.Decimal):
        return Fraction(value)
    return value


@dataclass
class Side:
    """Rows of one side: instants, keys, and when they were created."""

    times: list[int | None]
    keys: list[tuple[Any, ...]]
    created: list[int | None] = field(default_factory=list)

    @classmethod
    def of(cls, table: pa.Table, by: list[str], created: str | None = None) -> Side:
        columns = [keys(table[name].combine_chunks()) for name in by]
        rows = list(zip(*columns, strict=True)) if by else [()] * table.num_rows
        made = [] if created is None else instants(table[created].combine_chunks())
        return cls(instants(table["t"].combine_chunks()), rows, made)


@dataclass(frozen=True)
class Rule:
    """What may be asked of a join."""

    tolerance: int | None = None
    direction: str = "backward"
    exact: bool = True
    far_end: bool = True
    only_known: bool = False

    def match(
        self, time: int | None, keys: tuple[Any, ...], right: Side, valid: list[bool] | None = None
    ) -> int | None:
        """The right row that a left row takes, by looking at all of them."""
        if time is None or None in keys:
            return None
        best: tuple[Any, ...] | None = None
        for row, (other, other_keys) in enumerate(zip(right.times, right.keys, strict=True)):
            if other is None or other_keys != keys or (valid is not None and not valid[row]):
                continue
            created = right.created[row] if right.created else None
            if self.only_known and (created is None or created > time):
                continue
            rank = self.rank(time, other)
            if rank is not None:
                candidate = (rank, created is not None, created or 0, row)
                best = candidate if best is None or candidate > best else best
        if best is None:
            return None
        row = int(best[-1])
        age = abs((right.times[row] or 0) - time)
        if self.tolerance and (age > self.tolerance or (age == self.tolerance and not self.far_end)):
            return None
        return row

    def rank(self, time: int, other: int) -> tuple[int, int] | None:
        """The greater the nearer; None on the wrong side."""
        if other == time:
            return (0, 1) if self.exact else None
        if other < time:
            return None if self.direction == "forward" else (other - time, 1)
        return None if self.direction == "backward" else (time - other, 0)

    def search(self, left: Side, right: Side, valid: list[bool] | None = None) -> list[int | None]:
        return [self.match(time, keys, right, valid) for time, keys in zip(left.times, left.keys, strict=True)]


@dataclass(frozen=True)
class Span:
    """A window in nanoseconds; no length for a lifetime."""

    length: int | None
    offset: int = 0
    closed: str = "left"

    def events(self, time: int | None, keys: tuple[Any, ...], right: Side, *, only_known: bool = False) -> list[int]:
        """Rows of the events in the window, in order of time, creation and position."""
        if time is None or None in keys:
            return []
        end = time - self.offset
        start = None if self.length is None else end - self.length
        found = []
        for row, (other, other_keys) in enumerate(zip(right.times, right.keys, strict=True)):
            if other is None or other_keys != keys:
                continue
            created = right.created[row] if right.created else None
            if only_known and (created is None or created > time):
                continue
            is_in = other < end or (other == end and self.closed in {"right", "both"})
            if start is not None:
                is_in = is_in and (other > start or (other == start and self.closed in {"left", "both"}))
            if is_in:
                found.append((other, created is not None, created or 0, row))
        return [int(entry[-1]) for entry in sorted(found)]


def aggregate(function: str, values: list[Any]) -> Any:
    """The aggregate of the values that are not null, in their order."""
    values = [value for value in values if value is not None]
    if function == "count":
        return len(values)
    if function == "count_distinct":
        return len({key(value) for value in values})
    if function.startswith(("last(", "first(")):
        k = int(function[function.index("(") + 1 : -1])
        return values[-k:] if function.startswith("last") else values[:k]
    if not values:
        return None
    return STATISTICS[function.partition("(")[0]](values)


def _sum(values: list[Any]) -> Any:
    if isinstance(values[0], float):
        return math.fsum(values)
    return sum(values)


def _spread(values: list[Any]) -> Fraction:
    exact = [Fraction(value) for value in values]
    mean = sum(exact, Fraction()) / len(exact)
    return sum(((value - mean) ** 2 for value in exact), Fraction())


def _variance(values: list[Any]) -> float | None:
    return None if len(values) < 2 else float(_spread(values) / (len(values) - 1))


def _median(values: list[Any]) -> Any:
    return sorted(values)[math.ceil(len(values) / 2) - 1]


STATISTICS: dict[str, Any] = {
    "sum": _sum,
    "mean": lambda values: float(sum(map(Fraction, values), Fraction()) / len(values)),
    "min": min,
    "max": max,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "variance": _variance,
    "var_pop": lambda values: float(_spread(values) / len(values)),
    "stddev": lambda values: None if len(values) < 2 else math.sqrt(_variance(values) or 0.0),
    "median": _median,
}


def duration(nanoseconds: int) -> str:
    return f"{nanoseconds}ns"


def moment(microseconds: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=microseconds)
