"""Claim: historical features take a small part of the time of Feast's local engines, and no row is lost.

Feast needs packages of its own, so it runs in an interpreter of its own: FEAST_PYTHON names one in which
`feast[duckdb]` is installed; without it this bench says so and ends. Each round runs both sides once, each in a
process that reads the same uncompressed Parquet; what is timed is the call that joins, from files to a table, CPU of
all threads. Feast's default engine is compared at a tenth of the size: it merges many to many in memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from statistics import median

import polars as pl
from asof import ROWS_PER_ENTITY, features_of, labels_of
from race import print_machine, scratch_folder

ROUNDS = 3
OURS = """
    import sys, time, polars as pl, lakebed as lb
    folder = sys.argv[1]
    labels = pl.read_parquet(f"{folder}/labels.parquet")
    start = time.process_time()
    side = lb.JoinSide(pl.scan_parquet(f"{folder}/features.parquet"), on="event_timestamp", created="created")
    joined = lb.asof_join(labels, side, on="event_timestamp", by="entity", tolerance="7d")
    print(time.process_time() - start, joined.height, joined["f0"].count(), round(joined["f0"].sum(), 3))
"""
THEIRS = """
    import sys, time, warnings
    from datetime import timedelta
    warnings.simplefilter("ignore")
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
    from feast.types import Float64
    from feast.value_type import ValueType
    folder, engine = sys.argv[1], sys.argv[2]
    config = RepoConfig(
        project="bench", provider="local", registry=f"{folder}/{engine}.db", offline_store={"type": engine},
        online_store=None, entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    source = FileSource(name="features", path=f"{folder}/features.parquet", timestamp_field="event_timestamp",
                        created_timestamp_column="created")
    entity = Entity(name="entity", join_keys=["entity"], value_type=ValueType.INT64)
    fields = [Field(name=f"f{at}", dtype=Float64) for at in range(4)]
    view = FeatureView(name="view", entities=[entity], ttl=timedelta(days=7), schema=fields, source=source)
    store.apply([entity, view])
    rows = pd.read_parquet(f"{folder}/labels.parquet")
    start = time.process_time()
    job = store.get_historical_features(entity_df=rows, features=[f"view:f{at}" for at in range(4)])
    joined = job.to_arrow().to_pandas()
    print(time.process_time() - start, len(joined), joined["f0"].count(), round(joined["f0"].sum(), 3))
"""


def write(folder: Path, n_labels: int, n_features: int) -> None:
    renamed = {"time": "event_timestamp"}
    labels = labels_of(n_labels, n_features // ROWS_PER_ENTITY, "time", seed=11).rename(renamed)
    labels.write_parquet(folder / "labels.parquet")
    features = features_of(n_features, "time", seed=12).rename(renamed).with_columns(created=pl.col("event_timestamp"))
    features.write_parquet(folder / "features.parquet", compression="uncompressed")


def run(python: str, program: str, *arguments: str) -> tuple[float, list[str]]:
    command = [python, "-c", textwrap.dedent(program), *arguments]
    last = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().splitlines()[-1].split()
    return float(last[0]), last[1:]


def compare(python: str, engine: str, n_labels: int, n_features: int) -> None:
    with scratch_folder() as folder:
        write(folder, n_labels, n_features)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            seconds, found = run(sys.executable, OURS, str(folder))
            ours.append(seconds)
            seconds, their_found = run(python, THEIRS, str(folder), engine)
            theirs.append(seconds)
        assert int(found[0]) == n_labels
        print(f"\n{n_labels:,} labels x {n_features:,} features, Feast's engine {engine!r} (median of {ROUNDS}, CPU)")
        times = median(theirs) / median(ours)
        print(f"  lakebed {median(ours):.3f} s, Feast {median(theirs):.3f} s: {times:.1f} times as long")
        print(f"  rows, matched, sum: lakebed {found}, Feast {their_found}")
        if int(their_found[0]) == n_labels:
            assert found == their_found, "the joins differ"
        else:
            print(f"  Feast lost {n_labels - int(their_found[0]):,} rows")


def main() -> None:
    print_machine("Historical features against Feast's local engines.")
    python = os.environ.get("FEAST_PYTHON")
    if python is None:
        print("set FEAST_PYTHON to an interpreter with feast[duckdb] to run this bench")
        return
    compare(python, "duckdb", 1_000_000, 10_000_000)
    compare(python, "file", 100_000, 1_000_000)


if __name__ == "__main__":
    main()
