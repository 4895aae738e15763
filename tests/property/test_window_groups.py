"""Entities are aggregated together where their histories are short; each gives, bit for bit, what it gives alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import lakebed as lb

N_ENTITIES = 60
START_US = 1_700_000_000_000_000
DAY_US = 86_400 * 10**6
NUMBERS = [
    "sum",
    "mean",
    "count",
    "min",
    "max",
    "first",
    "last",
    "last_3",
    "count_distinct",
    "p50",
    "variance",
    "stddev",
]
WINDOWS = ["1d", "7d", "5d offset 2d", "lifetime"]


def values_of(kind: str, rng: np.random.Generator, n_rows: int) -> pl.Series:
    whole = rng.integers(-1000, 1000, n_rows)
    if kind == "whole numbers":
        return pl.Series(whole.astype(float))
    if kind == "whole numbers and nulls":
        return pl.Series(whole.astype(float)).set(pl.Series(rng.random(n_rows) < 0.3), None)
    if kind == "fractions":
        return pl.Series(rng.normal(size=n_rows) * 10.0 ** rng.integers(-30, 30, n_rows))
    if kind == "special values":
        return pl.Series(rng.choice([np.nan, -0.0, 0.0, np.inf, -np.inf, 1.5, -1.5], n_rows))
    if kind == "narrow floats":
        return pl.Series(whole.astype(np.float32))
    return pl.Series(whole)


def rows_of(frame: pl.DataFrame) -> list[list[object]]:
    """Give columns, with floats as the bits that they are."""
    return [
        column.to_numpy().view(np.int64).tolist() + column.is_null().to_list()
        if column.dtype == pl.Float64
        else [repr(value) for value in column]
        for column in frame.iter_columns()
    ]


@pytest.mark.parametrize("is_in_order", [True, False])
@pytest.mark.parametrize(
    "kind", ["whole numbers", "whole numbers and nulls", "fractions", "special values", "narrow floats", "integers"]
)
def test_an_entity_gives_the_same_alone_and_among_others(kind: str, is_in_order: bool) -> None:
    rng = np.random.default_rng(5)
    sizes = {"label": 600, "value": 4_000}
    frames = []
    for name, n_rows in sizes.items():
        times = np.sort(rng.integers(0, 40, n_rows)) * DAY_US // 2 + START_US
        # One history is long, the others are short, some are empty.
        entities = np.where(rng.random(n_rows) < 0.1, 7, rng.integers(0, N_ENTITIES, n_rows))
        values = pl.Series(np.arange(n_rows)) if name == "label" else values_of(kind, rng, n_rows)
        frame = pl.DataFrame({"entity": entities, "time": times, name: values})
        frame = frame.filter(pl.col("entity") % 9 != (2 if name == "label" else 3))
        frame = frame.with_columns(pl.col("time").cast(pl.Datetime("us")))
        frames.append(frame if is_in_order else frame.sample(fraction=1.0, shuffle=True, seed=1))
    labels, events = frames
    for functions in (NUMBERS, ["sum", "count", "max"], ["sum", "mean", "min", "max"]):

        def aggregate(of: pl.DataFrame, functions: list[str] = functions) -> pl.DataFrame:
            asked = {"value": functions}
            result: pl.DataFrame = lb.window_aggregate(of, events, asked, windows=WINDOWS, on="time", by="entity")
            return result.sort("label")

        together = aggregate(labels)
        assert together.height == labels.height
        alone = [aggregate(labels.filter(entity=entity)) for entity in labels["entity"].unique()]
        assert rows_of(together) == rows_of(pl.concat(alone).sort("label"))
