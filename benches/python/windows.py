"""Claim: aggregates over windows as of each label take a fraction of the time of polars' rolling windows or DuckDB.

Polars rolls over the union of events and labels and keeps the labels; DuckDB joins labels to events of their entity and
aggregates with filters, which is the faster of its two ways. Both sides are in memory; all answers are the same.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import polars as pl
from race import print_machine, print_times, race

import lakebed as lb

START_US = 1_700_000_000_000_000
DAY_US = 86_400 * 10**6
LABELS, EVENTS, ENTITIES, DAYS = 50_000, 500_000, 5_000, 90
WINDOWS = (1, 7, 30)


def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    rng = np.random.default_rng(7)
    frames = []
    for n_rows, name in ((LABELS, "label"), (EVENTS, "amount")):
        # Events at even and labels at odd microseconds: no two are at the same time.
        times = np.sort(rng.integers(0, DAYS * DAY_US // 2, n_rows)) * 2 + (name == "label") + START_US
        values = np.arange(n_rows) if name == "label" else rng.integers(0, 1000, n_rows).astype(float)
        frame = pl.DataFrame({"entity": rng.integers(0, ENTITIES, n_rows), "time": times, name: values})
        frames.append(frame.with_columns(pl.col("time").cast(pl.Datetime("us"))))
    return frames[0], frames[1]


def by_polars(labels: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    union = pl.concat([labels, events], how="diagonal").sort("entity", "time")
    result = union.select("entity", "time", "label")
    for days in WINDOWS:
        rolled = union.rolling("time", period=f"{days}d", group_by="entity", closed="left").agg(
            pl.col("amount").sum().alias(f"amount_sum_{days}d"),
            pl.col("amount").count().alias(f"amount_count_{days}d"),
            pl.col("amount").max().alias(f"amount_max_{days}d"),
        )
        result = result.hstack(rolled.drop("entity", "time"))
    return result.filter(pl.col("label").is_not_null()).sort("label")


def duckdb_query() -> str:
    inside = "e.time >= l.time - INTERVAL {days} DAYS"
    columns = [
        f"{function}(e.amount) FILTER ({inside.format(days=days)}) AS amount_{name}_{days}d"
        for days in WINDOWS
        for function, name in (("sum", "sum"), ("count", "count"), ("max", "max"))
    ]
    return f"""
        SELECT l.label, {", ".join(columns)}
        FROM labels l LEFT JOIN events e
        ON l.entity = e.entity AND e.time < l.time AND e.time >= l.time - INTERVAL {max(WINDOWS)} DAYS
        GROUP BY l.label ORDER BY l.label
    """


def same(ours: pl.DataFrame, theirs: Any) -> None:
    theirs = theirs if isinstance(theirs, pl.DataFrame) else pl.DataFrame(theirs)
    ours = ours.sort("label")
    names = [name for name in ours.columns if name.startswith("amount")]
    assert len(names) == 9
    for name in names:
        found, expected = ours[name].fill_null(0).cast(float), theirs[name].fill_null(0).cast(float)
        assert found.equals(expected.alias(name), null_equal=True), name


def main() -> None:
    labels, events = tables()
    print_machine(f"Windows of {WINDOWS} days x sum, count, max; {ENTITIES:,} entities.")
    with duckdb.connect() as database:
        database.execute("SET threads = 2")
        database.register("labels", labels.to_arrow())
        database.register("events", events.to_arrow())
        query, windows = duckdb_query(), [f"{days}d" for days in WINDOWS]
        asked = {"amount": ["sum", "count", "max"]}
        runs = {
            "lakebed": lambda: lb.window_aggregate(labels, events, asked, windows=windows, on="time", by="entity"),
            "polars, rolling over the union": lambda: by_polars(labels, events),
            "duckdb, join and filters": lambda: database.sql(query).to_arrow_table(),
        }
        print_times(f"{LABELS:,} labels x {EVENTS:,} events", race(runs, same=same))


if __name__ == "__main__":
    main()
