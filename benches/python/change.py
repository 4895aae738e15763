"""Changes of a table of 5,000,000 rows x 10 columns: bytes and time of what changes, and scans afterwards.

Sizes are all bytes below the folder, before and after, divided by those of the table as first written.
LAKEBED_BENCH_ROWS sets another number of rows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import polars as pl
from race import print_machine, print_times, race, scratch_folder
from rows import make, one_percent, size_of, timed

import lakebed as lb

N_ROWS = int(os.environ.get("LAKEBED_BENCH_ROWS", "5000000"))
ROUNDS = 5
N_UPSERTS = 20
N_FILES = 1000


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
    """0.1 % scattered: ours, lance and deltalake."""
    import deltalake
    import lance

    wh = lb.open(folder / "deletes")
    wh.write("t", frame)
    lance.write_dataset(frame.to_arrow(), folder / "lance")
    deltalake.write_deltalake(str(folder / "delta"), frame)
    verbs: dict[str, Callable[[], Any]] = {
        "deletes": lambda: wh.table("t").delete(where="count % 1000 = 7"),
        "lance": lambda: lance.dataset(folder / "lance").delete("count % 1000 = 7"),
        "delta": lambda: deltalake.DeltaTable(str(folder / "delta")).delete("count % 1000 = 7"),
    }
    print("\nDelete of 0.1 %, scattered (once)")
    for name, delete in verbs.items():
        first = size_of(folder / name)
        seconds = timed(delete)
        print(f"  {name:8} {seconds:7.3f} s  new bytes {(size_of(folder / name) - first) / first:8.3%}")
    assert wh.table("t").num_rows == lance.dataset(folder / "lance").count_rows()
    for name in verbs:
        shutil.rmtree(folder / name)


def overwrites(folder: Path, frame: pl.DataFrame) -> None:
    """1 % of the rows in one place: ours, ArcticDB, and lance and deltalake, which store all of it again."""
    import arcticdb
    import deltalake
    import lance

    wh = lb.open(folder / "overwrites")
    arctic = arcticdb.Arctic(f"lmdb://{folder / 'arctic'}?map_size=20GB")
    library = arctic.create_library("bench", arcticdb.LibraryOptions(dedup=True, rows_per_segment=100_000))

    def delta(rows: pl.DataFrame) -> None:
        deltalake.write_deltalake(str(folder / "delta"), rows, mode="overwrite")

    stores: dict[str, Callable[[pl.DataFrame], Any]] = {
        "overwrites": lambda rows: wh.write("t", rows, mode="overwrite"),
        "arctic": lambda rows: library.write("t", rows.to_pandas()),
        "lance": lambda rows: lance.write_dataset(rows.to_arrow(), folder / "lance", mode="overwrite"),
        "delta": delta,
    }
    sizes: dict[str, Callable[[], int]] = {
        name: lambda name=name: size_of(folder / name) for name in stores if name != "arctic"
    }
    # LMDB's file is as large as its map: pages in use are what is stored.
    sizes["arctic"] = lambda: used_pages(folder / "arctic")
    at, n = frame.height // 2, frame.height // 100
    other = make(n, seed=99)
    edits = {
        "changed": pl.concat([frame[:at], other, frame[at + n :]]),
        "inserted": pl.concat([frame[:at], other, frame[at:]]),
        "deleted": pl.concat([frame[:at], frame[at + n :]]),
    }
    first: dict[str, int] = {}
    for name, write in stores.items():
        write(frame)
        first[name] = sizes[name]()
    print(f"\nOverwrite with 1 % of the rows in one place ({wh.table('t').num_files} files)")
    for edit, edited in edits.items():
        for name, write in stores.items():
            # Those that store all rows again show it once.
            if name in {"lance", "delta"} and edit != "changed":
                continue
            before = sizes[name]()
            seconds = timed(lambda write=write, edited=edited: write(edited))
            print(f"  {edit:9} {name:10} {seconds:7.3f} s  new bytes {(sizes[name]() - before) / first[name]:8.3%}")
        if edit == "changed":
            scans("scan after that overwrite", wh, folder, edited)
        wh.write("t", frame, mode="overwrite")
        library.write("t", frame.to_pandas())
    for name in stores:
        shutil.rmtree(folder / name)


def used_pages(folder: Path) -> int:
    """Bytes that a folder takes on the disk, without the holes of its files."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def compaction(folder: Path, frame: pl.DataFrame) -> None:
    """1,000 small files become few, against a plain read and write of the same rows with Polars and with pyarrow."""
    import pyarrow.parquet as pq

    wh = lb.open(folder / "compaction")
    step = frame.height // N_FILES
    with wh.transaction() as tx:
        for n in range(N_FILES):
            tx.write("t", frame[n * step : (n + 1) * step])
    names = [folder / "compaction" / name for name in wh.table("t").files()]
    small = sum(name.stat().st_size for name in names)
    before = size_of(folder / "compaction")
    seconds = timed(lambda: wh.table("t").compact())
    grown = size_of(folder / "compaction") - before
    print(f"\nCompaction of {N_FILES} files ({small / 1e6:.1f} MB) to {wh.table('t').num_files} (once)")
    print(f"  lakebed  {seconds:7.3f} s  new bytes {grown / small:8.3%} of the small files")
    assert wh.table("t").scan().pl().equals(frame[: step * N_FILES])
    paths = [str(name) for name in names]
    plain: dict[str, Callable[[Path], Any]] = {
        "polars": lambda to: pl.scan_parquet(paths, glob=False).sink_parquet(
            to, compression="zstd", compression_level=1
        ),
        "pyarrow": lambda to: pq.write_table(
            pq.ParquetDataset(paths).read(), to, compression="zstd", compression_level=1
        ),
    }
    for name, rewrite in plain.items():
        to = folder / f"{name}.parquet"
        theirs = timed(lambda rewrite=rewrite, to=to: rewrite(to))
        print(
            f"  {name:8} {theirs:7.3f} s  bytes {to.stat().st_size / small:8.3%}; ours / theirs {seconds / theirs:.2f}"
        )
        to.unlink()
    shutil.rmtree(folder / "compaction")


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
        compaction(folder, frame)
        deletes(folder, frame)
        overwrites(folder, frame)
        wh = upserts(folder, frame)
        rows = wh.table("t").scan().pl()
        scans(f"scan after {N_UPSERTS} upserts of 1 %", wh, folder, rows)


if __name__ == "__main__":
    main()
