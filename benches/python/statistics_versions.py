"""Claims: statistics of a version of 1,000 files, and the drift of two of them, read no data and take milliseconds.

In a fresh process: each step by itself, and the whole process, interpreter and imports included, that prints the mean
of a column. A file has 6,000 rows of 20 columns. `LAKEBED_SIMULATED=folder cargo bench --bench statistics_versions`
makes a warehouse whose files have a million, and the same variable lets this program look at that one instead. The size
is measured on one table of 1,000,000 rows, against its data files. The cost of writing is that of `wh.write` against
pyarrow's `write_table` with the same compression and sync, which computes no statistics but those of Parquet.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from frame_statistics import table
from race import print_machine, print_times, race, scratch_folder

import lakebed as lb

N_FILES = 1_000
N_ROWS = 6_000

COLD = """
import sys, time
import lakebed as lb
start = time.perf_counter()
wh = lb.open(sys.argv[1], read_only=True)
opened = time.perf_counter()
stats = wh.statistics("t")
assert stats.n_rows == int(sys.argv[2]) and len(stats.columns) == 20
merged = time.perf_counter()
drift = wh.drift("t", "half")
assert len(drift) == 20
drifted = time.perf_counter()
stats.column("int_0")
read = time.perf_counter()
assert wh.counters()["data_bytes"] == 0
steps = (opened - start, merged - opened, drifted - merged, read - drifted)
print(*(f"{1000 * seconds:.1f}" for seconds in steps))
"""


WHOLE = """
import sys
import lakebed as lb
print(lb.open(sys.argv[1], read_only=True).statistics("t").column("int_0").mean)
"""


def versions(folder: Path) -> None:
    frame = table()
    wh = lb.open(folder / "many")
    rng = np.random.default_rng(1)
    for number in range(N_FILES):
        first = int(rng.integers(0, frame.height - N_ROWS))
        wh.write("t", frame[first : first + N_ROWS])
        if number == N_FILES // 2:
            wh.tag("half")
    cold(folder / "many", N_FILES, N_ROWS)


def cold(warehouse: Path, n_files: int, n_rows: int) -> None:
    """Time fresh processes on a warehouse."""
    rounds = []
    for _ in range(7):
        arguments = [str(warehouse), str(n_files * n_rows)]
        steps = run(COLD, arguments).split()
        start = time.perf_counter()
        run(WHOLE, arguments)
        rounds.append([*map(float, steps), 1000 * (time.perf_counter() - start)])
    medians = np.median(np.array(rounds), axis=0)
    print(f"\n{n_files:,} files x {n_rows:,} rows x 20 columns, fresh processes, median of {len(rounds)}, ms")
    names = ("open", "statistics of the version", "drift of two versions", "first column", "process of statistics")
    for name, value in zip(names, medians, strict=True):
        print(f"  {name:28} {value:8.1f}")
    print("  0 data bytes read")


def run(program: str, arguments: list[str]) -> str:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    ).stdout


def size_and_write(folder: Path) -> None:
    frame = table()
    arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    wh = lb.open(folder / "one")
    written = wh.write("t", frame)
    packs = sum(path.stat().st_size for path in (folder / "one" / "packs").rglob("*") if path.is_file())
    share = packs / written.size_bytes
    print(f"\n1,000,000 x 20: data {written.size_bytes:,} bytes, pack with statistics {packs:,} bytes, {share:.2%}")

    def ours() -> Any:
        return wh.write("t", frame, mode="overwrite").num_rows

    def theirs() -> Any:
        path = folder / "rows.parquet"
        pq.write_table(arrow, path, compression="zstd", compression_level=1)
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        return arrow.num_rows

    def same(left: int, right: int) -> None:
        assert left == right

    runs = {"lakebed, write with statistics": ours, "pyarrow, write_table": theirs}
    print_times("write of 1,000,000 x 20", race(runs, same=same, rounds=5))


def main() -> None:
    print_machine("Statistics that are stored with every file.")
    if simulated := os.environ.get("LAKEBED_SIMULATED"):
        cold(Path(simulated), 1_000, 1_000_000)
        return
    with scratch_folder() as folder:
        size_and_write(folder)
        versions(folder)


if __name__ == "__main__":
    main()
