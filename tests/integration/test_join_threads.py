"""A join gives the same bytes for any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import polars as pl
import pytest

import lakebed as lb

PROGRAM = textwrap.dedent(
    """
    import hashlib, random
    import pyarrow as pa, lakebed as lb
    noise = random.Random(3)
    def table(n, name):
        times = [noise.randrange(10**6) for _ in range(n)]
        values = [noise.choice([noise.gauss(0, 1), noise.gauss(0, 1e9), None]) for _ in range(n)]
        keys = [f"key {noise.randrange(900)}" for _ in range(n)]
        return pa.table({"t": pa.array(times, pa.timestamp("us")), "k": keys, name: values})
    left, right = table(30_000, "x"), table(60_000, "v")
    functions = {"v": ["sum", "mean", "variance", "count_distinct", "median"]}
    results = [
        lb.asof_join(left, right, on="t", by="k", tolerance="100ms", direction="nearest"),
        lb.asof_join(left, right, on="t", by="k", memory_limit="500kB"),
        lb.window_aggregate(left, right, functions, windows=["10ms", "lifetime"], on="t", by="k"),
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
