"""Claim: a durable append costs about twice what the disk asks for at the least, and no more after 300 commits.

The floor is written by hand: one Parquet file (zstd, as ours) and one small ref file, both and their folders synced. It
has no hashes, no statistics, no snapshot and no history. It syncs four times, a commit of Lakebed six times: a data
file, a pack, a ref entry and the folder of each. Both take turns in one process, one commit each.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from race import Times, print_machine, print_times, ratio, scratch_folder

import lakebed as lb

N_ROWS, N_COMMITS, WINDOW = 1_000, 300, 50


def batch(seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {f"int_{i}": rng.integers(0, 10**i * 10, N_ROWS) for i in range(4)}
    floats = {f"float_{i}": rng.normal(size=N_ROWS) for i in range(4)}
    strings = {f"string_{i}": [f"item {value}" for value in rng.integers(0, 100**i, N_ROWS)] for i in (1, 2)}
    return pl.DataFrame(columns | floats | strings)


class Floor:
    """The least that a durable append has to do."""

    def __init__(self, folder: Path) -> None:
        self.data, self.refs = folder / "data", folder / "refs"
        self.data.mkdir(parents=True)
        self.refs.mkdir()
        self.n_commits = 0

    def append(self, frame: pl.DataFrame) -> None:
        self.n_commits += 1
        path = self.data / f"{self.n_commits:08}.parquet"
        pq.write_table(frame.to_arrow(), path, compression="zstd", compression_level=1)
        _sync(path)
        _sync(self.data)
        ref = self.refs / f"{self.n_commits:08}"
        ref.write_text(path.name)
        _sync(ref)
        _sync(self.refs)

    def read(self) -> pl.DataFrame:
        return pl.read_parquet([self.data / path.read_text() for path in sorted(self.refs.iterdir())])


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def run(warehouse: lb.Warehouse, floor: Floor) -> list[Times]:
    times = [Times("lakebed"), Times("by-hand floor")]
    steps = [lambda frame: warehouse.write("events", frame), floor.append]
    for turn in range(N_COMMITS):
        frame = batch(turn)
        # Who goes first changes, so that neither always finds the disk's queue full of the other's.
        for i in (0, 1) if turn % 2 else (1, 0):
            with times[i].measure():
                steps[i](frame)
    return times


def print_percentiles(ours: Times, floor: Times) -> None:
    for label, at in (("p50", 50), ("p99", 99)):
        a, b = (float(np.percentile(item.wall, at)) * 1000 for item in (ours, floor))
        print(f"  {label}: lakebed {a:.2f} ms, floor {b:.2f} ms, ratio {a / b:.2f}")


def print_growth(ours: Times, floor: Times) -> None:
    """How much slower the last commits are than the first, as such and against the floor of the same minutes."""
    for label, a, b in (("wall", ours.wall, floor.wall), ("CPU", ours.cpu, floor.cpu)):
        alone = median(a[-WINDOW:]) / median(a[:WINDOW])
        beside = ratio(a[-WINDOW:], b[-WINDOW:]) / ratio(a[:WINDOW], b[:WINDOW])
        print(f"  last {WINDOW} / first {WINDOW}, {label}: {alone:.2f}; relative to the floor: {beside:.2f}")


def size(folder: Path) -> tuple[int, int]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def main() -> None:
    print_machine(f"Durable appends of {N_ROWS:,} rows x 10 columns, {N_COMMITS} commits.")
    with scratch_folder() as folder:
        warehouse, floor = lb.open(folder / "ours"), Floor(folder / "floor")
        ours, theirs = run(warehouse, floor)
        read = warehouse.table("events").scan().pl()
        assert read.height == N_ROWS * N_COMMITS
        assert read.equals(floor.read()), "the rows differ"
        print_times(f"{N_COMMITS} commits", [ours, theirs])
        print_percentiles(ours, theirs)
        print_growth(ours, theirs)
        for item, place in ((ours, folder / "ours"), (theirs, folder / "floor")):
            n_files, n_bytes = size(place)
            print(f"  {item.name}: {n_files} files, {n_bytes / N_COMMITS:,.0f} bytes a commit")


if __name__ == "__main__":
    main()
