"""Claim: a join of 10,000,000 x 100,000,000 rows completes within a limit of 2 GiB, with less than twice the input on
disk.

The features lie in one uncompressed Parquet file of 4.8 GB and are read as a stream. That is LAKEBED_BENCH_SCALE=1;
without it a tenth of the rows is joined within a tenth of the memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from asof import ROWS_PER_ENTITY, SPAN_US, START_US, features_of, labels_of, peak_mb
from race import print_machine, scratch_folder

import lakebed as lb

SCALE = float(os.environ.get("LAKEBED_BENCH_SCALE", "0.1"))
LABELS, FEATURES, PARTS = int(10_000_000 * SCALE), int(100_000_000 * SCALE), 20
LIMIT = int(2 * 1024**3 * SCALE)


def write(folder: Path) -> None:
    labels_of(LABELS, FEATURES // ROWS_PER_ENTITY, "time", seed=11).write_parquet(folder / "labels.parquet")
    writer = None
    for part in range(PARTS):
        rows = FEATURES // PARTS
        # All parts span all times; entities are those of the whole.
        frame = features_of(rows, "time", seed=100 + part).with_columns(entity=_spread(part))
        table = frame.to_arrow()
        writer = writer or pq.ParquetWriter(
            folder / "features.parquet", table.schema, compression="NONE", use_dictionary=False
        )
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _spread(part: int) -> object:
    import polars as pl

    return (pl.col("entity") * PARTS + part).cast(pl.Int64)


def join(folder: Path) -> None:
    labels, features = (
        pq.ParquetFile(folder / name, pre_buffer=False) for name in ("labels.parquet", "features.parquet")
    )
    readers = [
        pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(1 << 17)) for file in (labels, features)
    ]
    start, cpu = time.perf_counter(), time.process_time()
    options = {"on": "time", "by": "entity", "tolerance": "7d", "memory_limit": LIMIT, "spill_folder": str(folder)}
    joined, report = lb.asof_join(*readers, **options, report=True)
    n_rows = last = 0
    for batch in joined:
        assert batch["label"][0].as_py() == n_rows
        n_rows += batch.num_rows
        last = batch["label"][-1].as_py()
    assert (n_rows, last) == (LABELS, LABELS - 1)
    peak = peak_mb() * 1024**2
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert report.spilled_bytes <= 2 * size, "too much temporary space"
    print(f"{LABELS:,} labels x {FEATURES:,} features, limit {LIMIT / 2**30:.2f} GiB:")
    print(f"  {time.perf_counter() - start:.1f} s wall, {time.process_time() - cpu:.1f} s CPU")
    share = report.spilled_bytes / size
    print(f"  peak memory {peak / 2**30:.2f} GiB; temporary space {share:.2f} x input of {size / 1e9:.2f} GB")
    left_behind = sum("spill" in path.name for path in folder.iterdir())
    print(f"  {report[0].match_rate:.1%} matched; files left behind: {left_behind}")


def main() -> None:
    if len(sys.argv) > 1:
        join(Path(sys.argv[1]))
        return
    print_machine(f"A join larger than its memory; times from {START_US} us on, {SPAN_US} us long.")
    with scratch_folder() as folder:
        write(folder)
        print(
            subprocess.run([sys.executable, __file__, str(folder)], check=True, capture_output=True, text=True).stdout
        )


if __name__ == "__main__":
    main()
