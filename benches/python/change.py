"""Changes of a table of 5,000,000 rows x 10 columns: bytes and time of what changes, and scans afterwards.

Sizes are all bytes below the folder, before and after, divided by those of the table as first written.
LAKEBED_BENCH_ROWS sets another number of rows.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import numpy as np
import polars as pl
from race import print_machine, print_times, race, scratch_folder

import lakebed as lb

N_ROWS = int(os.environ.get("LAKEBED_BENCH_ROWS", "5000000"))
ROUNDS = 5
N_UPSERTS = 20
N_FILES = 1000


def make(n_rows: int, seed: int = 7) -> pl.DataFrame:
    """Ten columns: a key in order, whole numbers, floats and two kinds of text."""
    rng = np.random.default_rng(seed)
    words = pl.Series([f"word-{n:03}" for n in range(200)])
    frame = pl.DataFrame(
        {
            "id": np.arange(n_rows),
            "group": rng.integers(0, 1000, n_rows),
            "count": rng.integers(0, 1_000_000, n_rows),
            "small": rng.integers(-100, 100, n_rows).astype(np.int16),
            "flag": rng.random(n_rows) < 0.3,
            "price": rng.random(n_rows).round(4),
            "level": rng.normal(size=n_rows),
            "time": np.arange(n_rows) * 1_000 + rng.integers(0, 1000, n_rows),
        }
    )
    pick = rng.integers(0, 200, (2, n_rows))
    return frame.with_columns(word=words[pick[0]], other=words[pick[1]])


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def one_percent(frame: pl.DataFrame, turn: int) -> pl.DataFrame:
    """New values for 1 % of the rows, all over the table."""
    rng = np.random.default_rng(turn)
    rows = np.sort(rng.choice(frame.height, frame.height // 100, replace=False))
    return frame[rows].with_columns(level=pl.lit(float(turn)), price=pl.col("price") + turn)


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def upserts(folder: Path, frame: pl.DataFrame) -> Any:
    """Ours and the rivals in turn: 1 % scattered, by key."""
    import deltalake
    import lance

    wh = lb.open(folder / "lakebed")
    wh.write("t", frame)
    lance.write_dataset(frame.to_arrow(), folder / "lance")
    deltalake.write_deltalake(str(folder / "delta"), frame)

    def ours(rows: pl.DataFrame) -> None:
        wh.table("t").upsert(rows, key="id")

    def theirs(rows: pl.DataFrame) -> None:
        merge = lance.dataset(folder / "lance").merge_insert("id")
        merge.when_matched_update_all().when_not_matched_insert_all().execute(rows.to_arrow())

    def delta(rows: pl.DataFrame) -> None:
        table = deltalake.DeltaTable(str(folder / "delta"))
        merge = table.merge(rows, "s.id = t.id", source_alias="s", target_alias="t")
        merge.when_matched_update_all().when_not_matched_insert_all().execute()

    stores = {"lakebed": ours, "lance": theirs, "delta": delta}
    times: dict[str, list[float]] = {name: [] for name in stores}
    grown: dict[str, list[float]] = {name: [] for name in stores}
    first = {name: size_of(folder / name) for name in stores}
    for turn in range(N_UPSERTS):
        rows = one_percent(frame, turn)
        for name, upsert in stores.items():
            # One rewrite of the whole table is enough to see that it is one.
            if (name == "delta" and turn > 0) or (name == "lance" and turn >= ROUNDS):
                continue
            before = size_of(folder / name)
            times[name].append(timed(lambda upsert=upsert, rows=rows: upsert(rows)))
            grown[name].append((size_of(folder / name) - before) / first[name])
    print(f"\nUpsert of 1 %, scattered (median of {ROUNDS}; delta once)")
    for name in stores:
        print(f"  {name:8} {median(times[name][:ROUNDS]):7.3f} s  new bytes {median(grown[name][:ROUNDS]):8.3%}")
    paired = [a / b for a, b in zip(times["lakebed"], times["lance"], strict=False)]
    print(f"  time ours / lance {median(paired):.3f}")
    expected = pl.DataFrame(lance.dataset(folder / "lance").to_table(columns=["id", "level"])).sort("id")
    kept = wh.at(wh.log()[N_UPSERTS - ROUNDS].id).table("t").scan(["id", "level"]).pl().sort("id")
    assert kept.equals(expected), "ours and lance differ"
    shutil.rmtree(folder / "delta")
    shutil.rmtree(folder / "lance")
    return wh


def deletes(folder: Path, frame: pl.DataFrame) -> None:
    wh = lb.open(folder / "deletes")
    wh.write("t", frame)
    first = size_of(folder / "deletes")
    before = size_of(folder / "deletes")
    seconds = timed(lambda: wh.table("t").delete(where="count % 1000 = 7"))
    n_gone = frame.height - wh.table("t").num_rows
    grown = (size_of(folder / "deletes") - before) / first
    print(f"\nDelete of {n_gone / frame.height:.2%}, scattered: {seconds:.3f} s, new bytes {grown:.3%}")
    shutil.rmtree(folder / "deletes")


def overwrites(folder: Path, frame: pl.DataFrame) -> None:
    wh = lb.open(folder / "overwrites")
    wh.write("t", frame)
    first = size_of(folder / "overwrites")
    at, n = frame.height // 2, frame.height // 100
    other = make(n, seed=99)
    edits = {
        "changed": pl.concat([frame[:at], other, frame[at + n :]]),
        "inserted": pl.concat([frame[:at], other, frame[at:]]),
        "deleted": pl.concat([frame[:at], frame[at + n :]]),
    }
    print(f"\nOverwrite with 1 % of the rows in one place ({wh.table('t').num_files} files)")
    for name, edited in edits.items():
        before = size_of(folder / "overwrites")
        wh.write("t", edited, mode="overwrite")
        print(f"  {name:9} new bytes {(size_of(folder / 'overwrites') - before) / first:.3%}")
        if name == "changed":
            scans("scan after that overwrite", wh, folder, edited)
        wh.write("t", frame, mode="overwrite")
    shutil.rmtree(folder / "overwrites")


def scans(title: str, wh: Any, folder: Path, frame: pl.DataFrame) -> None:
    """A whole scan against one of a table that was written freshly."""
    fresh = lb.open(folder / "fresh")
    fresh.write("t", frame)

    def total(warehouse: Any) -> Callable[[], pl.DataFrame]:
        numbers = [pl.col("id", "group", "count", "price", "level", "time").sum(), pl.col("word").n_unique()]
        return lambda: warehouse.table("t").lazy().select(numbers).collect(engine="streaming")

    def same(a: pl.DataFrame, b: pl.DataFrame) -> None:
        assert a.select("id", "group", "count", "word").equals(b.select("id", "group", "count", "word"))

    print_times(title, race({"changed": total(wh), "fresh": total(fresh)}, same=same, rounds=ROUNDS))
    shutil.rmtree(folder / "fresh")


def many_files(folder: Path, frame: pl.DataFrame) -> None:
    """A point and a range of a table of 1,000 files, against DuckDB over all of them."""
    wh = lb.open(folder / "files")
    step = frame.height // N_FILES
    with wh.transaction() as tx:
        for n in range(N_FILES):
            tx.write("t", frame[n * step : (n + 1) * step])
    names = [str(folder / "files" / name) for name in wh.table("t").files()]
    point, start = frame.height // 3, frame.height // 2
    connection = duckdb.connect()

    def same(a: pl.DataFrame, b: Any) -> None:
        assert sorted(a["id"]) == sorted(row[0] for row in b)

    for title, where in (
        (f"One row of {N_FILES} files", f"id = {point}"),
        (f"10,000 rows of {N_FILES} files", f"id >= {start} AND id < {start + 10_000}"),
    ):
        runs: dict[str, Callable[[], Any]] = {
            "lakebed": lambda where=where: wh.table("t").scan(where=where).pl(),
            "duckdb": lambda where=where: connection.execute(
                f"SELECT * FROM read_parquet(?) WHERE {where}", [names]
            ).fetchall(),
        }
        print_times(title, race(runs, same=same, rounds=ROUNDS))
    shutil.rmtree(folder / "files")


def main() -> None:
    print_machine(f"Changes of a table of {N_ROWS:,} rows x 10 columns.")
    frame = make(N_ROWS)
    with scratch_folder() as folder:
        many_files(folder, frame)
        deletes(folder, frame)
        overwrites(folder, frame)
        wh = upserts(folder, frame)
        rows = wh.table("t").scan().pl()
        scans(f"scan after {N_UPSERTS} upserts of 1 %", wh, folder, rows)


if __name__ == "__main__":
    main()
