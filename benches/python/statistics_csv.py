"""Claim: statistics of a CSV file cost little more than polars' `read_csv` and `describe()`, which tell less.

Ours read in batches, check the width of every row and infer types that hold every value; polars is told nothing, as in
the usual call, and infers from the first rows.
"""

from __future__ import annotations

from math import isclose
from pathlib import Path
from typing import Any

import polars as pl
from frame_statistics import table
from race import print_machine, print_times, race, scratch_folder

import lakebed as lb


def same(ours: lb.Statistics, theirs: pl.DataFrame) -> None:
    labels = list(theirs["statistic"])
    for name in theirs.columns[1:]:
        described = dict(zip(labels, theirs[name], strict=True))
        column = ours.column(name)
        assert column.n_missing == int(described["null_count"]), name
        if column.mean is not None:
            assert isclose(column.mean, float(described["mean"]), rel_tol=1e-9), name


def main() -> None:
    frame = table()
    print_machine(f"Statistics of a CSV file of {frame.height:,} rows x {frame.width} columns.")
    with scratch_folder() as folder:
        path: Path = folder / "rows.csv"
        frame.write_csv(path)
        print(f"{path.stat().st_size:,} bytes")
        runs: dict[str, Any] = {
            "lakebed, lb.statistics(path)": lambda: lb.statistics(path),
            "polars, read_csv + describe": lambda: pl.read_csv(path).describe(),
        }
        print_times("from CSV", race(runs, same=same, rounds=5))


if __name__ == "__main__":
    main()
