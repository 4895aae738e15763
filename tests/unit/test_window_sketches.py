"""Aggregates from sketches stay within the bounds that are stated, and are exact where it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import lakebed as lb

N_EVENTS, N_LABELS = 60_000, 300
SHARES = [0.0, 0.1, 0.5, 0.99, 1.0]
RELATIVE, RANK = 0.0081, 0.007


def times(values: Any) -> pl.Series:
    series: pl.Series = pl.Series("t", values).cast(pl.Datetime("us"))
    return series


def events(values: Any) -> pl.DataFrame:
    return pl.DataFrame({"t": times(np.arange(len(values))), "x": values})


def labels() -> pl.DataFrame:
    noise = np.random.default_rng(2)
    return pl.DataFrame({"t": times(noise.integers(0, N_EVENTS + 9, N_LABELS))})


@pytest.mark.parametrize("window", ["500us", "5ms", "20ms", "lifetime"])
def test_distinct_counts_from_sketches_are_within_their_error(window: str) -> None:
    values = np.random.default_rng(3).integers(0, 40_000, N_EVENTS)
    asked = {"x": ["approx_count_distinct", "count_distinct"]}
    found = lb.window_aggregate(labels(), events(values), asked, windows=window, on="t")
    about, exact = found[f"x_approx_count_distinct_{window}"], found[f"x_count_distinct_{window}"]
    few = found.filter(exact <= 4096)
    assert few[about.name].to_list() == few[exact.name].to_list()
    errors = ((about - exact) / exact.clip(1)).abs()
    assert (errors < 4 * RELATIVE).all()
    assert (errors > 2 * RELATIVE).sum() <= 0.05 * N_LABELS
    assert about.dtype == pl.Int64


@pytest.mark.parametrize("window", ["900us", "5ms", "30ms", "lifetime"])
def test_quantiles_from_sketches_are_within_their_error(window: str) -> None:
    values = np.random.default_rng(4).lognormal(size=N_EVENTS)
    asked = {"x": [f"{kind}({share})" for share in SHARES for kind in ("approx_quantile", "quantile")]}
    found = lb.window_aggregate(labels(), events(values), asked, windows=window, on="t")
    length = N_EVENTS if window == "lifetime" else int(window[:-2]) * (1000 if window.endswith("ms") else 1)
    n_wrong = 0
    for row in found.with_columns(pl.col("t").to_physical()).rows(named=True):
        inside = np.sort(values[max(0, row["t"] - length) : row["t"]])
        for share in SHARES:
            about, exact = (row[f"x_{kind}_{share}_{window}"] for kind in ("approx_quantile", "quantile"))
            if len(inside) == 0:
                assert (about, exact) == (None, None)
                continue
            assert exact == inside[max(int(np.ceil(share * len(inside))), 1) - 1]
            if len(inside) <= 1024:
                assert about == exact
            rank = np.searchsorted(inside, about, side="right")
            n_wrong += abs(rank - max(np.ceil(share * len(inside)), 1)) > RANK * len(inside)
    assert n_wrong <= 0.01 * N_LABELS * len(SHARES)


def test_names_of_sketched_functions() -> None:
    frame = events([3.0, 1.0, 2.0, 2.0])
    names = ["approx_median", "approx_p90", "approx_percentile(25)", "approx_quantile(0.5)", "approx_unique_count"]
    left = pl.DataFrame({"t": times([9])})
    found = lb.window_aggregate(left, frame, {"x": names}, windows="lifetime", on="t")
    assert found.row(0)[1:] == (2.0, 3.0, 1.0, 2.0, 3)


def test_special_values_have_their_places() -> None:
    values = [float("nan"), float("-inf"), -0.0, 0.0, float("inf"), None] * 500
    asked = {"x": [f"{kind}quantile({share})" for share in SHARES for kind in ("approx_", "")]}
    left = pl.DataFrame({"t": times([N_EVENTS])})
    found = lb.window_aggregate(left, events(values), asked, windows="lifetime", on="t").row(0)[1:]
    assert [repr(value) for value in found[::2]] == [repr(value) for value in found[1::2]]


def test_texts_and_spilled_events_are_sketched_too() -> None:
    values = [f"user {row % 9000}" for row in range(30_000)]
    asked: dict[str, Any] = {"windows": ["25ms", "lifetime"], "on": "t"}
    left, right = labels(), events(values)
    found = [lb.window_aggregate(left, right, {"x": "approx_count_distinct"}, memory_limit=limit, **asked)
             for limit in (None, "1MB")]  # fmt: skip
    assert found[0].equals(found[1])
    last = found[0].filter(pl.col("t") == pl.col("t").max())["x_approx_count_distinct_lifetime"]
    assert abs(last[0] - 9000) < 4 * RELATIVE * 9000
