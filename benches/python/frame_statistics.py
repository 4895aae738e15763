"""Claim: the full statistics of a frame in memory cost less than the few that polars' `describe()` gives.

Ours are counts, nulls, NaN, zeros, extremes, moments, distinct values, 101 quantiles, a histogram, the most frequent
values and lengths, of every column: exact up to 4,096 distinct values, beyond that distinct counts, quantiles and top
values are estimates with a stated error. `describe()` gives exact nulls, extremes, mean, deviation and quartiles; of
strings the extremes only. The second rival is what TFDV computes, written in polars, all exact.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isclose
from typing import Any

import numpy as np
import polars as pl
from race import print_machine, print_times, race

from lakebed.statistics import Statistics
from lakebed.statistics.generate import from_frame

N_ROWS = 1_000_000
INT_SPANS = (2, 24, 1_000, 10_000, 50_000, 250_000, 1_000_000, 2**40)
STRING_SPANS = (3, 100, 1_000, 20_000, 100_000, 250_000)
N_FLOATS = 6
TOP = 1_000
DECILES = [i / 10 for i in range(11)]


def table(seed: int = 7) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    columns: dict[str, pl.Series] = {}
    for i, span in enumerate(INT_SPANS):
        columns[f"int_{i}"] = pl.Series(rng.integers(0, span, N_ROWS))
    for i in range(N_FLOATS):
        columns[f"float_{i}"] = pl.Series(rng.normal(100 * i, 1 + i, N_ROWS))
    for i, span in enumerate(STRING_SPANS):
        skewed = (rng.random(N_ROWS) ** 2 * span).astype(np.int64)
        columns[f"string_{i}"] = pl.select("value " + pl.Series(skewed).cast(pl.String)).to_series()
    present = pl.Series(rng.random(N_ROWS) >= 0.05)
    # Every other column has 5 % nulls.
    nulls = [pl.when(present).then(pl.col(name)).alias(name) for name in list(columns)[::2]]
    return pl.DataFrame(columns).with_columns(nulls).rechunk()


def tfdv_content(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """What TFDV computes: of numbers the moments, deciles and 10 equal bins; of strings the top values and lengths."""
    numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    strings = [name for name in frame.columns if name not in numbers]
    moments = [expression.name.prefix(f"{key}:") for key, expression in _moments(pl.col(numbers)).items()]
    lengths = [expression.name.prefix(f"{key}:") for key, expression in _lengths(pl.col(strings)).items()]
    row = frame.lazy().select(*moments, *lengths).collect().row(0, named=True)
    found: dict[str, dict[str, Any]] = {name: {} for name in frame.columns}
    for key, value in row.items():
        statistic, _, name = key.partition(":")
        found[name][statistic] = value
    deciles = [pl.col(name).quantile(q).alias(f"{q}:{name}") for name in numbers for q in DECILES]
    frame.lazy().select(deciles).collect()
    for name in numbers:
        found[name]["bins"] = frame[name].hist(bin_count=10)
    for name in strings:
        counts = frame[name].drop_nulls().value_counts(sort=True)
        found[name]["distinct"], found[name]["top"] = counts.height, counts.head(TOP)
    return found


def _moments(column: pl.Expr) -> dict[str, pl.Expr]:
    return {
        "nulls": column.null_count(),
        "min": column.min(),
        "max": column.max(),
        "mean": column.mean(),
        "std": column.std(ddof=0),
        "zeros": (column == 0).sum(),
    }


def _lengths(column: pl.Expr) -> dict[str, pl.Expr]:
    return {
        "nulls": column.null_count(),
        "min": column.min(),
        "max": column.max(),
        "avg_length": column.str.len_bytes().mean(),
    }


def same(ours: Statistics, theirs: Any) -> None:
    found = _described(theirs) if isinstance(theirs, pl.DataFrame) else theirs
    assert list(found) == ours.columns
    for name, expected in found.items():
        column = ours.column(name)
        assert column.n_missing == int(expected["nulls"]), name
        for end, value in (("min", column.min), ("max", column.max)):
            text = column.mean is None
            assert value == expected[end] if text else float(str(value)) == float(expected[end]), (name, end)
        if column.mean is not None:
            assert isclose(column.mean, float(expected["mean"]), rel_tol=1e-9), name
        if "distinct" in expected and column.distinct is not None:
            assert isclose(column.distinct, expected["distinct"], rel_tol=3 * column.relative_error), name


def _described(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    labels = [{"null_count": "nulls"}.get(label, label) for label in frame["statistic"]]
    columns = [name for name in frame.columns if name != "statistic"]
    return {name: dict(zip(labels, frame[name], strict=True)) for name in columns}


def main() -> None:
    frame = table()
    print_machine(f"Statistics of {N_ROWS:,} rows x {frame.width} columns (8 int, 6 float, 6 string) in memory.")
    runs: dict[str, Callable[[], Any]] = {
        "lakebed, full statistics": lambda: from_frame(frame),
        "polars, describe()": frame.describe,
        "polars, TFDV's content": lambda: tfdv_content(frame),
    }
    print_times(f"{N_ROWS:,} x {frame.width}", race(runs, same=same, rounds=7))


if __name__ == "__main__":
    main()
