"""Claims: a table is written for little more than its Parquet files cost, and read at the speed of polars.

5,000,000 rows x 10 columns are written once, statistics, hashes and syncs included, against pyarrow's `write_table` and
one sync; both get the same in-memory table. They are then read in full, by a range of 10,000 rows and by one row,
against polars on the very same files: warm, and at the first use in a process, which checks the files by their hashes.
Last, a stream of 50,000,000 rows is written in a process of its own, whose greatest resident memory is printed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from race import Times, print_machine, print_times, race, scratch_folder

import lakebed as lb

N_ROWS, ROUNDS = 5_000_000, 5
STREAM_ROWS, STREAM_BATCH = 50_000_000, 250_000


def table(n_rows: int, seed: int = 0, start: int = 0) -> pl.DataFrame:
    """An ascending id, three integers, four floats, two strings."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {"id": np.arange(start, start + n_rows)}
    columns |= {f"int_{i}": rng.integers(0, 10 ** (2 * i), n_rows) for i in (1, 2, 3)}
    columns |= {f"float_{i}": rng.normal(size=n_rows) for i in range(4)}
    for i in (1, 2):
        words = pl.Series([f"item {value}" for value in range(100**i)])
        columns[f"string_{i}"] = words.gather(rng.integers(0, 100**i, n_rows))
    return pl.DataFrame(columns)


def write_floor(data: pa.Table, path: Path) -> None:
    pq.write_table(data, path, compression="zstd", compression_level=1)
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def race_writes(folder: Path, data: pl.DataFrame) -> None:
    arrow = data.to_arrow()
    times = [Times("lakebed"), Times("pyarrow write_table + sync")]
    for turn in range(ROUNDS + 1):
        ours, floor = folder / f"ours{turn}", folder / f"floor{turn}"
        warehouse = lb.open(ours)
        floor.mkdir()
        # Each handle is made anew, so that none has what the other is to compute.
        steps = [lambda w=warehouse: w.write("t", arrow), lambda f=floor: write_floor(arrow, f / "t.parquet")]
        for i in (0, 1) if turn % 2 else (1, 0):
            if turn == 0:
                steps[i]()
                continue
            with times[i].measure():
                steps[i]()
        if turn == 0:
            sizes = [sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) for place in (ours, floor)]
            print(f"  bytes: lakebed {sizes[0]:,}, pyarrow {sizes[1]:,}")
        shutil.rmtree(floor)
        if turn < ROUNDS:
            shutil.rmtree(ours)
    print_times(f"Write of {N_ROWS:,} rows x 10 columns", times)


def race_reads(warehouse: lb.Warehouse) -> None:
    opened = warehouse.table("t")
    files = [Path(warehouse.location) / name for name in opened.files()]
    middle = N_ROWS // 2
    few = pl.col("id").is_between(middle, middle + 9_999)
    kinds: dict[str, tuple[Callable[[Any], pl.DataFrame], Callable[[], pl.DataFrame]]] = {
        "full read": (lambda t: t.scan().pl(), lambda: pl.read_parquet(files)),
        "range of 10,000": (
            lambda t: t.scan(where=f"id BETWEEN {middle} AND {middle + 9_999}").pl(),
            lambda: pl.scan_parquet(files).filter(few).collect(),
        ),
        "one row": (
            lambda t: t.scan(where=f"id = {middle}").pl(),
            lambda: pl.scan_parquet(files).filter(pl.col("id") == middle).collect(),
        ),
    }
    for name, (ours, theirs) in kinds.items():
        cold = Times("cold")
        with cold.measure():
            ours(lb.open(warehouse.location).table("t"))
        times = race({"lakebed": lambda f=ours: f(opened), "polars": theirs}, same=same, rounds=9)
        print_times(f"{name} of {N_ROWS:,} rows in {len(files)} files, warm", times)
        print(f"  first use in a process, hashes checked: {cold.wall[0] * 1000:.1f} ms")


def same(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    assert ours.equals(theirs)
    assert ours.height


def stream() -> Iterator[pl.DataFrame]:
    for start in range(0, STREAM_ROWS, STREAM_BATCH):
        yield table(STREAM_BATCH, seed=start, start=start)


def write_stream(folder: str) -> None:
    """In a process of its own: what it kept in memory at most, before and after."""
    peaks = [_peak_mib()]
    warehouse = lb.open(folder)

    def watch(n_rows: int) -> None:
        if n_rows % (10 * STREAM_BATCH) == 0:
            peaks.append(_peak_mib())

    warehouse.write("t", stream(), progress=watch)
    peaks.append(_peak_mib())
    assert warehouse.table("t").num_rows == STREAM_ROWS
    fifth = peaks[len(peaks) // 5]
    print(f"  peak memory: {peaks[-1]} MiB, {fifth} MiB after a fifth, {peaks[0]} MiB before the first row")


def _peak_mib() -> int:
    """Greatest resident memory of this process; that of its parent does not count."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) // 1024


def main() -> None:
    if len(sys.argv) > 1:
        write_stream(sys.argv[1])
        return
    print_machine(f"Bulk writes and reads of {N_ROWS:,} rows x 10 columns.")
    with scratch_folder() as base:
        race_writes(base, table(N_ROWS))
        race_reads(lb.open(base / f"ours{ROUNDS}"))
        print(f"\nStream of {STREAM_ROWS:,} rows x 10 columns in batches of {STREAM_BATCH:,}")
        sys.stdout.flush()
        subprocess.run([sys.executable, __file__, str(base / "stream")], check=True)


if __name__ == "__main__":
    main()
