"""Core summaries of columns, computed in plain Python from a frame: the reference that tests build statistics with.

It follows the contract of `_core.TableStatistics.to_dict()`: exact, slow, and without any of the kernel's code.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from lakebed.statistics import Statistics

CAP = 1000
EPOCH = dt.date(1970, 1, 1)


def statistics(frame: pl.DataFrame, name: str = "", *, cap: int = CAP) -> Statistics:
    """Statistics of a frame, through its summary."""
    return Statistics.from_summaries([(name, summarize(frame, cap=cap))])


def summarize(frame: pl.DataFrame, *, cap: int = CAP) -> dict[str, Any]:
    """The core summary of a frame; top values are cut, and not exact, beyond `cap` distinct ones."""
    return {"n_rows": frame.height, "columns": [summarize_column(column, cap) for column in frame.get_columns()]}


def summarize_column(column: pl.Series, cap: int = CAP) -> dict[str, Any]:
    kind, arrow_type = kind_of(column.dtype)
    present = [encode(value, column.dtype) for value in column.to_list() if value is not None]
    frame: dict[str, Any] = {
        "path": [column.name],
        "name": column.name,
        "type": kind,
        "item_type": kind,
        "arrow_type": arrow_type,
        "n_rows": column.len(),
        "n_null": column.len() - len(present),
        "n_null_values": column.len() - len(present),
        "levels": [],
        "value_count": None,
    }
    if kind == "list":
        inner = pl.Series([], dtype=column.dtype.inner).dtype  # type: ignore[attr-defined]
        lengths = [len(value) for value in present]
        flat = [encode(item, inner) for value in present for item in value]
        present = [item for item in flat if item is not None]
        frame |= {"item_type": kind_of(inner)[0], "n_null_values": len(flat) - len(present)}
        counts = measure(lengths) or {"n": 0, "min": 0, "max": 0, "mean": 0.0, "total": 0}
        bins = [(float(length), float(length), n) for length, n in sorted(Counter(lengths).items())]
        frame |= {"value_count": counts, "levels": [{"n_null": frame["n_null"], "value_count": counts, "bins": bins}]}
    empty: dict[str, Any] = {
        "n_values": len(present),
        "n_nan": sum(isinstance(value, float) and math.isnan(value) for value in present),
        "n_positive_inf": present.count(math.inf),
        "n_negative_inf": present.count(-math.inf),
        "n_zero": 0,
        "n_negative": 0,
        **dict.fromkeys(("min", "max", "sum", "mean", "variance", "length", "characters")),
        "min_exact": True,
        "max_exact": True,
        "distinct": {"count": 0, "exact": True, "relative_error": 0.0},
        "top_values": {"values": [], "exact": True, "error": 0},
        "quantiles": [],
        "rank_error": 0.0,
        "bins": [],
    }
    item = frame["item_type"]
    if item in ("struct", "list"):
        return frame | empty
    return (
        frame
        | empty
        | summarize_values(item, [v for v in present if not (isinstance(v, float) and math.isnan(v))], cap)
    )


def summarize_values(kind: str, values: list[Any], cap: int) -> dict[str, Any]:
    counts = sorted(Counter(values).items(), key=lambda item: (item[1], item[0]), reverse=True)
    summary: dict[str, Any] = {
        "min": min(values, default=None),
        "max": max(values, default=None),
        "distinct": {"count": len(counts), "exact": True, "relative_error": 0.0},
        "top_values": {"values": counts[:cap], "exact": len(counts) <= cap, "error": 0},
    }
    if kind in ("string", "binary"):
        return summary | {"length": measure([len(v.encode() if isinstance(v, str) else v) for v in values])}
    if not values:
        return summary
    finite = sorted(value for value in values if math.isfinite(value))
    mean = sum(finite) / len(finite) if finite else math.nan
    numbers = {
        "n_zero": values.count(0),
        "n_negative": sum(value < 0 for value in values),
        "mean": mean,
        "variance": sum((value - mean) * (value - mean) for value in finite) / len(finite) if finite else math.nan,
        "sum": sum(values) if kind in ("bool", "int", "uint") else None,
        "quantiles": [float(finite[round(i / 100 * (len(finite) - 1))]) for i in range(101)] if finite else [],
        "bins": bit_histogram(finite),
    }
    return summary | numbers


def bit_histogram(values: Sequence[float]) -> list[tuple[float, float, int]]:
    """Cells of one sixteenth of a power of two; zero has its own."""
    counts = Counter(cell(float(value)) for value in values)
    return [(low, high, count) for (low, high), count in sorted(counts.items())]


def cell(value: float) -> tuple[float, float]:
    if value == 0:
        return 0.0, 0.0
    mantissa, exponent = math.frexp(abs(value))
    step = math.floor(mantissa * 16)
    low, high = math.ldexp(step / 16, exponent), math.ldexp((step + 1) / 16, exponent)
    return (low, high) if value > 0 else (-high, -low)


def measure(lengths: Sequence[int]) -> dict[str, Any] | None:
    if not lengths:
        return None
    total = sum(lengths)
    return {"n": len(lengths), "min": min(lengths), "max": max(lengths), "mean": total / len(lengths), "total": total}


def encode(value: Any, dtype: pl.DataType) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dt.datetime):
        unit = {"ms": 10**3, "us": 10**6}[getattr(dtype, "time_unit", "us")]
        moment = value if value.tzinfo is not None else value.replace(tzinfo=dt.timezone.utc)
        return round((moment - dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)) / dt.timedelta(seconds=1) * unit)
    return (value - EPOCH).days if isinstance(value, dt.date) else value


def kind_of(dtype: pl.DataType) -> tuple[str, str]:
    if isinstance(dtype, pl.Datetime):
        unit = {"ms": "Millisecond", "us": "Microsecond"}[dtype.time_unit]
        zone = f'Some("{dtype.time_zone}")' if dtype.time_zone else "None"
        return "timestamp", f"Timestamp({unit}, {zone})"
    if isinstance(dtype, pl.List):
        return "list", f"List({kind_of(pl.Series([], dtype=dtype.inner).dtype)[1]})"
    kinds = (
        ((pl.Boolean,), "bool", "Boolean"),
        ((pl.String,), "string", "Utf8"),
        ((pl.Binary,), "binary", "Binary"),
        ((pl.Date,), "date", "Date32"),
        ((pl.Struct,), "struct", "Struct([])"),
        ((pl.Float32, pl.Float64), "float", str(dtype)),
        ((pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64), "uint", str(dtype)),
        ((pl.Int8, pl.Int16, pl.Int32, pl.Int64), "int", str(dtype)),
    )
    return next((kind, arrow) for types, kind, arrow in kinds if isinstance(dtype, types))
