"""A join gives the same bytes for any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

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
