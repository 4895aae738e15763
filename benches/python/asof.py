"""Claim: a point-in-time join takes less time than with polars or DuckDB, in whatever order the rows come.

`polars.join_asof` has to be given sorted input. In time order it gets it for nothing; in random order its time holds
the sort of both sides and the way back to the order of the labels, which Lakebed gives without being asked. DuckDB
needs no order and gives none: its rows are put in order outside of its time. It reads the frames as Arrow tables.
Feature times are all different, so that there is one right answer.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import polars as pl
from race import print_machine, print_times, race

import lakebed as lb

START_US = 1_700_000_000_000_000
STEP_US = 1_000
ENTITIES_PER_FEATURE = 1 / 100
SIZES = ((1_000_000, 10_000_000), (100_000, 1_000_000))
QUERY = """
    SELECT l.label, l.entity, l.time, f.price, f.stock
    FROM labels l ASOF LEFT JOIN features f ON l.entity = f.entity AND l.time >= f.time
"""


def tables(n_labels: int, n_features: int, seed: int = 11) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Labels and features in time order."""
    rng = np.random.default_rng(seed)
    n_entities = int(n_features * ENTITIES_PER_FEATURE)
    span_us = n_features * STEP_US
    label_times = np.sort(rng.integers(0, span_us, n_labels)) + START_US
    labels = {"label": np.arange(n_labels), "entity": rng.integers(0, n_entities, n_labels), "time": label_times}
    features = {
        "entity": rng.integers(0, n_entities, n_features),
        "time": np.arange(n_features) * STEP_US + START_US,
        "price": rng.normal(size=n_features),
        "stock": rng.integers(0, 1_000, n_features),
    }
    time = pl.col("time").cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame(labels).with_columns(time), pl.DataFrame(features).with_columns(time)


def join_sorted(labels: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    return labels.join_asof(features, on="time", by="entity", check_sortedness=False)


def join_after_sort(labels: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    joined = join_sorted(labels.with_row_index("row").sort("time"), features.sort("time"))
    return joined.sort("row").drop("row")


def connect(labels: pl.DataFrame, features: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("labels", labels.to_arrow())
    connection.register("features", features.to_arrow())
    return connection


def same(ours: pl.DataFrame, theirs: Any) -> None:
    assert ours["price"].count() > 0.9 * ours.height, "too few labels found a feature"
    if not isinstance(theirs, pl.DataFrame):
        ours, theirs = ours.sort("label"), pl.DataFrame(theirs).sort("label")
    theirs = theirs.select(pl.col(name).cast(kind) for name, kind in ours.schema.items())
    assert ours.equals(theirs), "the joins differ"


def compare(title: str, labels: pl.DataFrame, features: pl.DataFrame, *, in_order: bool) -> None:
    database = connect(labels, features)
    theirs = join_sorted if in_order else join_after_sort
    runs = {
        "lakebed": lambda: lb.asof_join(labels, features, on="time", by=["entity"]),
        "polars" if in_order else "polars, with its sorts": lambda: theirs(labels, features),
        "duckdb, rows unordered": lambda: database.sql(QUERY).to_arrow_table(),
    }
    print_times(title, race(runs, same=same))
    database.close()


def main() -> None:
    print_machine("Point-in-time join by one integer key; 100 features an entity.")
    for n_labels, n_features in SIZES:
        labels, features = tables(n_labels, n_features)
        title = f"{n_labels:,} labels x {n_features:,} features"
        compare(f"{title}, in time order", labels, features, in_order=True)
        labels, features = (frame.sample(fraction=1, shuffle=True, seed=3) for frame in (labels, features))
        compare(f"{title}, in random order", labels, features, in_order=False)


if __name__ == "__main__":
    main()
