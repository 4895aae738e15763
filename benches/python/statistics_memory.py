"""Claim: a stream of 100,000,000 rows is described in memory that does not grow with the rows.

Prints the peak of this process beside that after a tenth of the rows. There is no rival: `describe()` needs all rows.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from race import print_machine

import lakebed as lb

N_ROWS = 100_000_000
BATCH = 500_000
LIMIT_MIB = 512


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def batches(n_rows: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rng = np.random.default_rng(2)
    words = pa.array([f"word {i}" for i in range(200_000)])
    for _ in range(n_rows // BATCH):
        texts = words.take(pa.array(rng.integers(0, 200_000, BATCH)))
        yield pa.record_batch([rng.integers(0, 2**60, BATCH), rng.normal(0, 1, BATCH), texts], schema=schema)


def main() -> None:
    print_machine(f"A stream of {N_ROWS:,} rows x 3 columns.")
    schema = pa.schema([("key", pa.int64()), ("x", pa.float64()), ("text", pa.string())])
    base = peak_mib()
    for n_rows in (N_ROWS // 10, N_ROWS):
        start = time.perf_counter()
        found = lb.statistics(pa.RecordBatchReader.from_batches(schema, batches(n_rows, schema)))
        assert found.n_rows == n_rows
        seconds = time.perf_counter() - start
        print(
            f"  {n_rows:12,} rows: peak {peak_mib():.0f} MiB ({base:.0f} before), {n_rows / seconds / 1e6:.1f} M rows/s"
        )
        assert peak_mib() < LIMIT_MIB


if __name__ == "__main__":
    main()
