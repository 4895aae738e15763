"""Nasty rows for joins in time, drawn from a seed: logical values beside the Arrow columns that hold them.

What is drawn is written down as a kind, so that a test can tell which kinds it really met.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9
END = 2**63

SIGNED = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
WHOLE = [("whole", kind) for kind in SIGNED + UNSIGNED]
FLOATS = [("float", pa.float64()), ("float", pa.float32()), ("float", pa.float16())]
DECIMALS = [("decimal", pa.decimal128(38, 0)), ("decimal", pa.decimal128(20, 2)), ("decimal", pa.decimal128(5, -2))]
DECIMALS += [("decimal", pa.decimal256(76, 10)), ("decimal", pa.decimal32(9, 2)), ("decimal", pa.decimal64(18, 4))]
TEXTS = [("text", pa.string()), ("text", pa.large_string()), ("text", pa.string_view())]
BYTES = [("bytes", pa.binary()), ("bytes", pa.large_binary()), ("bytes", pa.binary_view()), ("bytes", pa.binary(2))]
MOMENTS = [("time", kind) for kind in (pa.date32(), *(pa.timestamp(unit) for unit in NS))]
ZONED = [("time", pa.timestamp(unit, zone)) for unit in NS for zone in ("UTC", "Asia/Kolkata")]
DURATIONS = [("time", pa.duration(unit)) for unit in NS]
HOURS = [("time", pa.time32("s")), ("time", pa.time32("ms")), ("time", pa.time64("us")), ("time", pa.time64("ns"))]
DAYS = [day * DAY for day in (-1, 0, 1, 20_000, 300_000)] + [1, 10**3, 10**6, 10**9]

KEYS: dict[str, tuple[list[tuple[str, pa.DataType]], list[Any]]] = {
    "small integers": (WHOLE, [0, 1, 2, -1]),
    "integers above 2^53": (WHOLE[3:4] + WHOLE[7:] + FLOATS[:1], [2**53 + step for step in range(-1, 4)]),
    "integers around 2^63": (WHOLE[3:4] + WHOLE[7:], [END - 2, END - 1, END, END + 1, -END, 2 * END - 1, -1]),
    "edges of narrow integers": (WHOLE, [-129, -128, 127, 128, 255, 256, 65_535, 65_536]),
    "integers and floats": (WHOLE + FLOATS[:2], [0, 1, 2, 3, 1.5]),
    "floats": (FLOATS[:1], [float("nan"), 0.0, -0.0, 1.5, float("inf"), -float("inf"), 5e-324]),
    "floats of three widths": (FLOATS, [0.5, -0.0, 0.0, 2.0, float("nan")]),
    "decimals": (DECIMALS, [Decimal(text) for text in ("0", "100", "1.5", "0.01", "-200", "1e9")]),
    "decimals and integers": (DECIMALS + WHOLE, [Decimal(text) for text in ("0", "100", "-1", "1.5")]),
    "booleans": ([("truth", pa.bool_())], [True, False]),
    "texts": (TEXTS, ["", "a", "A", "a\0", "ab", " a", "a ", "x" * 13, "x" * 12, "null", "\U0001f600"]),
    "normal forms": (TEXTS, ["\u00e9", "e\u0301", "\u212b", "\u00c5", "ss", "\u00df"]),
    "bytes": (BYTES, [b"", b"ab", b"\0\0", b"\xff\xfe", b"a", b"a\0", b"x" * 13]),
    "dates and timestamps": (MOMENTS, DAYS),
    "zoned timestamps": (ZONED, DAYS),
    "durations": (DURATIONS, [0, 1, -1, 10**3, 10**9, -(10**9), END - 1]),
    "times of day": (HOURS, [0, 1, 10**3, 10**6, 10**9, 3600 * 10**9]),
}


@dataclass
class Draw:
    """A random generator that writes down which kinds it drew."""

    seed: int
    kinds: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.noise = random.Random(self.seed)

    def one_of(self, values: Any) -> Any:
        return self.noise.choice(list(values))

    def chance(self, share: float) -> bool:
        return self.noise.random() < share

    def kind(self, what: str, value: str) -> str:
        self.kinds.add(f"{what}: {value}")
        return value


def unit_of(kind: pa.DataType) -> int:
    """Nanoseconds in one unit of a type of times."""
    return DAY if pa.types.is_date32(kind) else 10**6 if pa.types.is_date64(kind) else NS[kind.unit]


def ticks(values: list[int | None], kind: pa.DataType) -> pa.Array:
    number = pa.int32() if kind.bit_width == 32 else pa.int64()
    return pa.array([None if value is None else value // unit_of(kind) for value in values], number).view(kind)


def fits(value: Any, form: str, kind: pa.DataType) -> bool:
    """Whether a type holds a value exactly."""
    if form == "whole":
        low = 0 if pa.types.is_unsigned_integer(kind) else -(2 ** (kind.bit_width - 1))
        high = low + 2**kind.bit_width
        return bool(low <= value < high and value == int(value))
    if form == "float":
        return bool(pa.types.is_float64(kind) or abs(value) < 60_000 or math.isnan(value))
    if form == "decimal":
        try:
            pa.array([Decimal(value)], kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return False
        return True
    if form == "bytes":
        return bool(not pa.types.is_fixed_size_binary(kind) or len(value) == kind.byte_width)
    if form == "time":
        number = value // unit_of(kind)
        return bool(value % unit_of(kind) == 0 and abs(number) < 2 ** (kind.bit_width - 1))
    return True


def key_column(
    draw: Draw, form: tuple[str, pa.DataType], pool: list[Any], n: int, nulls: float
) -> tuple[list[Any], pa.Array]:
    """Logical keys, equal in Python where they are equal, and the array that holds them."""
    name, kind = form
    pool = [value for value in pool if fits(value, name, kind)]
    values = [None if not pool or draw.chance(nulls) else draw.one_of(pool) for _ in range(n)]
    if name == "time":
        return values, ticks(values, kind)
    if name == "float":
        # A narrow float holds another number than the one that was drawn.
        narrow = {16: np.float16, 32: np.float32, 64: np.float64}[kind.bit_width]
        held = [None if value is None else narrow(value) for value in values]
        return [None if value is None else float(value) for value in held], pa.array(held, kind)
    to_python: Any = {"whole": int, "decimal": Decimal}.get(name, lambda value: value)
    values = [None if value is None else to_python(value) for value in values]
    return values, pa.array(values, kind)


def canonical(value: Any) -> Any:
    """NaN equals NaN; all else is equal as Python says, numbers of any type by their value."""
    return ("nan",) if isinstance(value, float) and math.isnan(value) else value


GRIDS: dict[str, int] = {
    "around 1970": 0,
    "before 1970": -5 * 10**17,
    "2013": 1_357_000_000 * 10**9,
    "last instants of 64 bits": END - 1 - 5 * DAY,
    "first instants of 64 bits": -END + 9 * DAY,
    "beyond 2262": 9_300_000_000 * 10**9,
    "year 9999": 253_402_300_799 * 10**9,
    "year 1": -62_135_596_800 * 10**9,
}
STEPS = {"nanoseconds": 1, "microseconds": 10**3, "seconds": 10**9, "hours": 3600 * 10**9, "days": DAY}


def grid(draw: Draw) -> tuple[list[int], int]:
    """Instants that lie few steps apart, so that rows meet, and the step."""
    base = GRIDS[draw.kind("era", draw.one_of(GRIDS))]
    step = STEPS[draw.kind("steps", draw.one_of(STEPS))]
    return [base + step * at for at in range(-6, 7)], step


def time_kind(draw: Draw, *, zoned: bool) -> pa.DataType:
    zones = ["UTC", "Europe/Berlin", "America/New_York", "+05:30"] if zoned else [None]
    kinds = [pa.timestamp(unit, zone) for unit in NS for zone in zones] + ([] if zoned else [pa.date32(), pa.date64()])
    return draw.one_of(kinds)


def time_column(
    draw: Draw, moments: list[int], kind: pa.DataType, n: int, nulls: float
) -> tuple[list[int | None], pa.Array]:
    """Instants in nanoseconds, rounded down to what the type holds, and the array of them."""
    whole = DAY if pa.types.is_date(kind) else unit_of(kind)
    limit = 2 ** (kind.bit_width - 1) * unit_of(kind)
    held = [moment // whole * whole for moment in moments]
    held = [moment for moment in held if -limit < moment < limit] or [0]
    values = [None if draw.chance(nulls) else draw.one_of(held) for _ in range(n)]
    return values, ticks(values, kind)


def laid_out(draw: Draw, array: pa.Array) -> pa.ChunkedArray:
    """The same values as a slice, in chunks, as a dictionary or run-end encoded."""
    how = draw.one_of(["plain", "slice", "dictionary", "run ends"])
    try:
        if how == "slice" and len(array):
            array = pa.concat_arrays([array, array, array]).slice(len(array), len(array))
        elif how == "dictionary":
            array = array.dictionary_encode()
        elif how == "run ends":
            array = pc.run_end_encode(array, run_end_type=draw.one_of([pa.int16(), pa.int32(), pa.int64()]))
        draw.kind("layout", how)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        draw.kind("layout", "plain")
    cuts = sorted(draw.noise.randrange(len(array) + 1) for _ in range(draw.one_of([0, 0, 2])))
    ends = [0, *cuts, len(array)]
    if cuts:
        draw.kind("layout", "chunks")
    return pa.chunked_array([array.slice(at, to - at) for at, to in pairwise(ends)], type=array.type)


PAYLOADS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "floats": (pa.float64(), [1.5, float("nan"), -0.0, float("inf")]),
    "widest integers": (pa.int64(), [END - 1, -END, 0]),
    "unsigned": (pa.uint64(), [2 * END - 1, 0]),
    "truths": (pa.bool_(), [True, False]),
    "texts": (pa.string(), ["", "\u00e9", "x" * 20]),
    "views of texts": (pa.string_view(), ["", "\u00e9", "x" * 20]),
    "bytes": (pa.large_binary(), [b"", b"\xff"]),
    "bytes of one width": (pa.binary(3), [b"abc", b"\0\0\0"]),
    "decimals": (pa.decimal128(10, 2), [Decimal("1.25"), Decimal(-7)]),
    "wide decimals": (pa.decimal256(60, 2), [Decimal("1.25"), Decimal(10) ** 50]),
    "lists": (pa.list_(pa.int32()), [[], [1, None], [2, 3, 4]]),
    "lists of one length": (pa.list_(pa.int32(), 2), [[1, 2], [3, None]]),
    "views of lists": (pa.list_view(pa.int32()), [[], [1, None], [2, 3, 4]]),
    "structs": (
        pa.struct({"a": pa.int64(), "b": pa.list_(pa.string())}),
        [{"a": 1, "b": ["x"]}, {"a": None, "b": None}],
    ),
    "maps": (pa.map_(pa.string(), pa.int32()), [[("k", 1)], []]),
    "nulls": (pa.null(), [None]),
    "nothing but nulls": (pa.string(), [None]),
}


def payload(draw: Draw, n: int) -> dict[str, pa.ChunkedArray]:
    """Some columns of any types, with nulls."""
    chosen = draw.noise.sample(list(PAYLOADS), draw.noise.randint(1, 3))
    columns = {}
    for name in chosen:
        kind, values = PAYLOADS[draw.kind("feature", name)]
        column = [None if draw.chance(0.3) else draw.one_of(values) for _ in range(n)]
        columns[name] = pa.chunked_array([pa.array(column, kind)])
    return columns
