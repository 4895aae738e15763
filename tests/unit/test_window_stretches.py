"""Windows over one hot key that is larger than the limit give what they give without a limit, and its report."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import polars as pl
import pytest

import lakebed as lb

FUNCTIONS = {
    "n": ["sum", "mean", "min", "max", "count", "first", "last", "last(3)", "count_distinct", "approx_count_distinct"],
    "x": ["sum", "mean", "variance", "min", "max", "median", "p90", "approx_median", "first(2)"],
    "s": ["count_distinct", "max"],
    "*": ["count"],
}
OPTIONS: dict[str, dict[str, Any]] = {
    "short": {"windows": ["2ms", "500us"]},
    "offset": {"windows": ["3ms offset 1ms", "1ms"], "closed": "right"},
    "series": {"windows": lb.Window.series("1ms", n=3), "closed": "both"},
    "lifetime beside": {"windows": ["1ms", "lifetime", "lifetime offset 5ms"]},
    "longer than all": {"windows": ["90ms"], "closed": "none"},
}


def tables(n_events: int, n_labels: int, *, has_nulls: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    noise = np.random.default_rng(8)
    frames = []
    for n_rows in (n_labels, n_events):
        columns = {
            "t": noise.integers(0, 50_000, n_rows),
            "k": noise.choice(["hot", "hot", "hot", "warm"], n_rows),
            "n": noise.integers(-50, 50, n_rows),
            "x": noise.normal(size=n_rows),
            "made": noise.integers(0, 50_000, n_rows),
        }
        frame = pl.DataFrame(columns).with_columns(s=pl.format("text {}", pl.col("n").abs()))
        frame = frame.with_columns(pl.col("t", "made").cast(pl.Datetime("us")))
        if has_nulls:
            null = pl.int_range(pl.len()) % 7 == 3
            frame = frame.with_columns(t=pl.when(~null).then("t"), n=pl.when(pl.int_range(pl.len()) % 5 != 1).then("n"))
        frames.append(frame)
    return frames[0].select("t", "k"), frames[1]


@pytest.mark.parametrize("has_nulls", [False, True])
@pytest.mark.parametrize("case", OPTIONS)
def test_windows_of_a_hot_key_are_the_same_within_a_limit(case: str, has_nulls: bool) -> None:
    left, right = tables(20_000, 900, has_nulls=has_nulls)
    options = {"on": "t", "by": "k", "report": True, **OPTIONS[case]}
    plain = lb.window_aggregate(left, right, FUNCTIONS, **options)
    spilled = lb.window_aggregate(left, right, FUNCTIONS, memory_limit="50kB", **options)
    assert spilled.report.spilled_bytes > 0
    inexact = [name for name in plain.data.columns if "variance" in name]
    assert spilled.data.drop(inexact).equals(plain.data.drop(inexact))
    for name in inexact:
        assert ((spilled.data[name] - plain.data[name]).abs() < 1e-12).all()
        assert spilled.data[name].null_count() == plain.data[name].null_count()
    assert spilled.report.sides == plain.report.sides


def test_what_was_known_of_a_hot_key_within_a_limit() -> None:
    left, right = tables(6000, 200, has_nulls=True)
    options: dict[str, Any] = {"on": "t", "by": "k", "report": True, "known_at": "made", "windows": ["2ms", "lifetime"]}
    plain = lb.window_aggregate(left, right, {"n": ["sum", "last"]}, **options)
    spilled = lb.window_aggregate(left, right, {"n": ["sum", "last"]}, memory_limit="50kB", **options)
    assert spilled.data.equals(plain.data)
    assert spilled.report.sides == plain.report.sides


PROGRAM = textwrap.dedent(
    """
    import sys
    import numpy as np, pyarrow as pa, lakebed as lb
    N, PARTS = 200_000, 15
    def batches():
        for part in range(PARTS):
            row = np.arange(part * N, (part + 1) * N)
            yield pa.record_batch({"t": pa.array(row * 7 % (N * PARTS), pa.timestamp("us")), "x": pa.array(row * 0.5)})
    schema = pa.schema({"t": pa.timestamp("us"), "x": pa.float64()})
    right = pa.RecordBatchReader.from_batches(schema, batches())
    left = pa.table({"t": pa.array(np.arange(0, N * PARTS, 3001), pa.timestamp("us"))})
    limit = None if sys.argv[1] == "none" else sys.argv[1]
    found = lb.window_aggregate(left, right, {"x": ["sum", "max"]}, windows="50ms", on="t", memory_limit=limit)
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(int(status["VmHWM"].split()[0]) // 1024, found["x_sum_50ms"].drop_null().to_numpy().sum())
    """
)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_memory_of_windows_over_one_key_has_a_bound() -> None:
    """48 MB of events without any key: all of them are one group."""
    found = {}
    for limit in ("none", "8MB"):
        run = subprocess.run([sys.executable, "-c", PROGRAM, limit], capture_output=True, text=True, check=True)
        found[limit] = run.stdout.split()
    assert found["none"][1] == found["8MB"][1]
    assert int(found["8MB"][0]) < int(found["none"][0]) - 40
