"""Claim: a point-in-time join takes a fraction of the time of polars or DuckDB, in whatever order the rows come.

`polars.join_asof` has to be given sorted input. In time order it gets it for nothing, in (entity, time) order it needs
none either; in random order its time holds the sort of both sides and the way back to the order of the labels, which
Lakebed gives without being asked. DuckDB needs no order and gives none: its rows are put in order outside of its time.
It reads the frames as Arrow tables. Feature times of an entity are all different, so that there is one right answer.
Memory is the peak of a process of its own for each contender that reads the features from uncompressed Parquet.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from race import print_machine, print_times, race, scratch_folder

import lakebed as lb

START_US = 1_700_000_000_000_000
SPAN_US = 90 * 86_400 * 10**6
ROWS_PER_ENTITY = 100
COLUMNS = [f"f{at}" for at in range(4)]
LABELS, FEATURES, VIEW_ROWS, N_VIEWS = 1_000_000, 10_000_000, 2_000_000, 5
ORDERS = ("time", "random", "entity")
QUERY = """
    SELECT l.label, l.entity, l.time, {columns}
    FROM labels l ASOF LEFT JOIN features f ON l.entity = f.entity AND l.time >= f.time
"""
COLUMN = "CASE WHEN l.time - f.time <= INTERVAL 7 DAYS THEN f.{name} END AS {name}"


def labels_of(n_rows: int, n_entities: int, order: str, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, SPAN_US, n_rows)) + START_US
    columns = {"label": np.arange(n_rows), "entity": rng.integers(0, n_entities, n_rows), "time": times}
    return ordered(pl.DataFrame(columns), "random" if order == "random" else "time", seed)


def features_of(n_rows: int, order: str, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    times = np.arange(n_rows) * (SPAN_US // n_rows) + START_US
    values = {name: rng.normal(size=n_rows) for name in COLUMNS}
    entities = rng.integers(0, n_rows // ROWS_PER_ENTITY, n_rows)
    return ordered(pl.DataFrame({"entity": entities, "time": times, **values}), order, seed)


def ordered(frame: pl.DataFrame, order: str, seed: int) -> pl.DataFrame:
    frame = frame.with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")))
    if order == "random":
        frame = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    return (frame.sort("entity", "time") if order == "entity" else frame).rechunk()


def by_lakebed(labels: pl.DataFrame, features: Any) -> pl.DataFrame:
    joined: pl.DataFrame = lb.asof_join(labels, features, on="time", by="entity", tolerance="7d")
    return joined


def by_polars(labels: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    return labels.join_asof(features, on="time", by="entity", tolerance="7d", check_sortedness=False)


def by_polars_after_sort(labels: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    joined = by_polars(labels.with_row_index("row").sort("time"), features.sort("time"))
    return joined.sort("row").drop("row")


def same(ours: pl.DataFrame, theirs: Any) -> None:
    assert ours["f0"].count() > 0.5 * ours.height, "too few labels found a feature"
    if not isinstance(theirs, pl.DataFrame):
        ours, theirs = ours.sort("label"), pl.DataFrame(theirs).sort("label")
    theirs = theirs.select(pl.col(name).cast(kind) for name, kind in ours.schema.items())
    assert ours.equals(theirs), "the joins differ"


def compare(order: str) -> None:
    labels = labels_of(LABELS, FEATURES // ROWS_PER_ENTITY, order, seed=11)
    features = features_of(FEATURES, order, seed=12)
    polars = by_polars_after_sort if order == "random" else by_polars
    runs: dict[str, Any] = {"lakebed": lambda: by_lakebed(labels, features), "polars": lambda: polars(labels, features)}
    with duckdb.connect() as database:
        if order != "entity":
            database.execute("SET TimeZone = 'UTC'; SET threads = 2")
            database.register("labels", labels.to_arrow())
            database.register("features", features.to_arrow())
            query = QUERY.format(columns=", ".join(COLUMN.format(name=name) for name in COLUMNS))
            runs["duckdb, rows unordered"] = lambda: database.sql(query).to_arrow_table()
        print_times(f"{LABELS:,} labels x {FEATURES:,} features, {order} order", race(runs, same=same))


def compare_views() -> None:
    labels = labels_of(LABELS, VIEW_ROWS // ROWS_PER_ENTITY, "time", seed=21)
    views = [features_of(VIEW_ROWS, "time", seed=30 + at) for at in range(N_VIEWS)]
    views = [view.rename({name: f"{name}_{at}" for name in COLUMNS}) for at, view in enumerate(views)]

    def polars() -> pl.DataFrame:
        joined = labels
        for view in views:
            joined = by_polars(joined, view)
        return joined

    def identical(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
        assert ours.equals(theirs), "the joins differ"

    runs = {"lakebed": lambda: lb.asof_join(labels, views, on="time", by="entity", tolerance="7d"), "polars": polars}
    print_times(f"{LABELS:,} labels x {N_VIEWS} tables x {VIEW_ROWS:,} features", race(runs, same=identical))


def read_and_join(who: str, order: str, path: Path) -> pl.DataFrame:
    labels = pl.read_parquet(path / "labels.parquet")
    if who == "lakebed":
        return by_lakebed(labels, pl.scan_parquet(path / "features.parquet"))
    features = pl.read_parquet(path / "features.parquet")
    return (by_polars_after_sort if order == "random" else by_polars)(labels, features)


def compare_with_reading(folder: Path, order: str) -> None:
    labels_of(LABELS, FEATURES // ROWS_PER_ENTITY, order, seed=11).write_parquet(folder / "labels.parquet")
    frame = features_of(FEATURES, order, seed=12)
    frame.write_parquet(folder / "features.parquet", compression="uncompressed")
    del frame
    runs = {who: lambda who=who: read_and_join(who, order, folder) for who in ("lakebed", "polars")}
    print_times(f"the same with reading, {order} order", race(runs, same=same))
    for who in runs:
        command = [sys.executable, __file__, who, order, str(folder)]
        peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"  peak memory of a process of its own, {who}: {peak} MB")


def peak_mb() -> int:
    """Give the peak memory of this process alone; getrusage would count what its parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) // 1024


def main() -> None:
    print_machine(f"Point-in-time join by one integer key, tolerance 7 d; {ROWS_PER_ENTITY} features an entity.")
    for order in ORDERS:
        compare(order)
    compare_views()
    with scratch_folder() as folder:
        for order in ("time", "random"):
            compare_with_reading(folder, order)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        read_and_join(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
        print(peak_mb())
    else:
        main()
