"""A join gives the same bytes for any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import polars as pl
import pytest

import lakebed as lb

PROGRAM = textwrap.dedent(
    """
    import hashlib, random
    import numpy as np, pyarrow as pa, lakebed as lb
    noise = random.Random(3)
    def table(n, name):
        times = [noise.randrange(10**6) for _ in range(n)]
        values = [noise.choice([noise.gauss(0, 1), noise.gauss(0, 1e9), None]) for _ in range(n)]
        keys = [f"key {noise.randrange(900)}" for _ in range(n)]
        return pa.table({"t": pa.array(times, pa.timestamp("us")), "k": keys, name: values})
    def in_order(n, name, seed):
        noise = np.random.default_rng(seed)
        times, keys = np.sort(noise.integers(0, 10**5, n)), noise.integers(0, 900, n)
        keys = pa.array(keys, mask=noise.random(n) < 0.1)
        return pa.table({"t": pa.array(times, pa.timestamp("us")), "k": keys, name: np.arange(n)})
    left, right = table(30_000, "x"), table(60_000, "v")
    early, events = in_order(300_000, "x", 1), in_order(900_000, "v", 2)
    functions = {"v": ["sum", "mean", "variance", "count_distinct", "median"]}
    results = [
        lb.asof_join(left, right, on="t", by="k", tolerance="100ms", direction="nearest"),
        lb.asof_join(left, right, on="t", by="k", memory_limit="500kB"),
        lb.window_aggregate(left, right, functions, windows=["10ms", "lifetime"], on="t", by="k"),
        lb.asof_join(early, events, on="t", by="k", tolerance="300us"),
    ]
    digest = hashlib.sha256()
    for result in results:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, result.schema) as writer:
            writer.write_table(result.combine_chunks())
        digest.update(sink.getvalue())
    print(digest.hexdigest())
    """
)


@pytest.mark.integration
def test_the_bytes_do_not_depend_on_the_number_of_threads() -> None:
    found = set()
    for threads in ("1", "2", "5"):
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            text=True,
            env={**os.environ, "LAKEBED_THREADS": threads},
            check=True,
        )
        found.add(run.stdout)
    assert len(found) == 1
    assert len(found.pop().strip()) == 64


def shuffled(n_rows: int, n_keys: int, seed: int) -> pl.DataFrame:
    noise = np.random.default_rng(seed)
    keys, times = noise.integers(0, n_keys, n_rows), noise.integers(0, 10**9, n_rows)
    frame = pl.DataFrame({"k": keys, "t": times, "v": np.arange(n_rows)})
    return frame.with_columns(pl.col("t").cast(pl.Datetime("us")), far=pl.col("k") * 1_000_000_007)


@pytest.mark.integration
@pytest.mark.parametrize("n_keys", [1, 7, 1000, 30_000, 300_000])
def test_keys_that_lie_close_together_are_joined_as_others_are(n_keys: int) -> None:
    """Enough rows for several threads to scatter them; keys close together need no hash, keys far apart do."""
    left, right = shuffled(200_000, n_keys, 1).rename({"v": "row"}), shuffled(700_000, n_keys + n_keys // 3, 2)
    joined = [
        lb.asof_join(left, right, on="t", by=key, tolerance="100s", direction=direction, report=True)
        for key in ("k", "far")
        for direction in ("backward", "nearest")
    ]
    for close, far in zip(joined[:2], joined[2:], strict=True):
        assert close.data["v"].equals(far.data["v"])
        assert close.report[0] == far.report[0]
    theirs = left.sort("t").join_asof(right.sort("t", "v").drop("far"), on="t", by="k", tolerance="100s")
    assert joined[0].data.sort("row")["v"].equals(theirs.sort("row")["v"])
    windows = [
        lb.window_aggregate(left, right, {"v": ["sum", "max"]}, windows="5s", on="t", by=k) for k in ("k", "far")
    ]
    assert windows[0].equals(windows[1])


def in_order(n_rows: int, n_keys: int, seed: int) -> pl.DataFrame:
    """Rows in order of time, many of them at one time, some without a key."""
    noise = np.random.default_rng(seed)
    frame = shuffled(n_rows, n_keys, seed).with_columns(t=pl.Series(np.sort(noise.integers(0, 20_000, n_rows))))
    has_key, has_value = pl.Series(noise.random(n_rows) < 0.95), pl.Series(noise.random(n_rows) < 0.5)
    return frame.with_columns(
        pl.col("t").cast(pl.Datetime("us")),
        pl.when(has_key).then("k").alias("k"),
        pl.when(has_key).then("far").alias("far"),
        pl.when(has_value).then("v").alias("x"),
        made=pl.lit(0).cast(pl.Datetime("us")),
    )


@pytest.mark.integration
@pytest.mark.parametrize("n_keys", [1, 7, 1000, 50_000])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"closed": "strict", "tolerance": "40us"},
        {"closed": "none", "tolerance": "40us", "skip_nulls": ["x"]},
        {"created": "made", "skip_nulls": True},
    ],
)
def test_rows_in_order_of_time_are_joined_as_others_are(n_keys: int, options: dict[str, Any]) -> None:
    """Enough rows for stretches of several threads; only keys that lie close together are joined in one walk."""
    left, right = in_order(300_000, n_keys, 1).rename({"v": "row"}), in_order(700_000, n_keys + n_keys // 3, 2)
    left = left.filter(pl.col("t") < pl.lit(19_000).cast(pl.Datetime("us"))).drop("x", "made")
    walked, searched = (
        lb.asof_join(left, right.drop(other), on="t", by=key, report=True, **options)
        for key, other in (("k", "far"), ("far", "k"))
    )
    assert walked.data.select("v", "x").equals(searched.data.select("v", "x"))
    assert walked.report[0] == searched.report[0]
    assert walked.report[0].n_ties > 0
    behind = left.reverse()
    found = lb.asof_join(behind, right.drop("far"), on="t", by="k", **options)
    assert found.reverse().select("v", "x").equals(walked.data.select("v", "x"))
