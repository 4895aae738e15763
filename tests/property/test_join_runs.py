"""Right rows that come in runs of one key, of any length, give what they give in any other order."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import lakebed as lb

# Around the numbers of keys that are compared at once, and one run that crosses two chunks of rows.
LENGTHS = [*range(8, 20), *range(30, 36), 47, 48, 49, 100, 140_000]


@pytest.mark.parametrize("keys", [["k"], ["name"], ["k", "name"]])
@pytest.mark.parametrize("is_ordered_in_runs", [True, False])
def test_runs_of_any_length_give_what_other_orders_give(keys: list[str], is_ordered_in_runs: bool) -> None:
    rng = np.random.default_rng(3)
    lengths = np.array(LENGTHS + rng.choice(LENGTHS[:-1], 3_000).tolist())
    rng.shuffle(lengths)
    # A key comes twice: its runs are neighbours of others, and one of them may follow the other.
    owner = rng.integers(0, 1_500, len(lengths))
    k = np.repeat(owner, lengths) * 3 - 700
    times = rng.integers(0, 10**9, len(k))
    right = pl.DataFrame({"k": k, "t": times, "value": np.arange(len(k))})
    if is_ordered_in_runs:
        run = np.repeat(np.arange(len(lengths)), lengths)
        right = right.with_columns(run=run).sort("run", "t").drop("run")
    left = pl.DataFrame({"k": rng.integers(0, 1_600, 20_000) * 3 - 700, "t": rng.integers(0, 10**9, 20_000)})
    frames = [
        frame.with_columns(pl.col("t").cast(pl.Datetime("us")), name=pl.format("key {}", "k"))
        for frame in (left, right)
    ]
    # Of equal times the last row wins: there are none, so that order does not matter.
    left, right = frames[0], frames[1].unique(["k", "t"], maintain_order=True)
    found = lb.asof_join(left, right, on="t", by=keys, tolerance="300s")
    assert 0.3 < found["value"].count() / left.height < 1.0
    for other in (right.sort("t"), right.sample(fraction=1.0, shuffle=True, seed=4)):
        assert found.equals(lb.asof_join(left, other, on="t", by=keys, tolerance="300s"))
