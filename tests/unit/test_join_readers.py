"""A reader on the left side is joined chunk by chunk: it is never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb

BATCH_ROWS, N_BATCHES = 600_000, 5
NOISE = np.random.default_rng(5)


def batch(at: int) -> pa.RecordBatch:
    row = np.arange(at * BATCH_ROWS, (at + 1) * BATCH_ROWS)
    times = pa.array(row * 7919 % 1_000_003, pa.timestamp("us"))
    return pa.record_batch({"t": times, "k": pa.array(row % 501), "row": pa.array(row)})


def right() -> pl.DataFrame:
    columns = {"t": NOISE.integers(0, 1_000_000, 4000), "k": NOISE.integers(0, 500, 4000), "v": np.arange(4000)}
    return pl.DataFrame(columns).with_columns(pl.col("t").cast(pl.Datetime("us")))


def reader(read: list[int]) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        for at in range(N_BATCHES):
            read.append(at)
            yield batch(at)

    return pa.RecordBatchReader.from_batches(batch(0).schema, batches())


def test_a_reader_is_read_as_far_as_its_result_is() -> None:
    table, read = right(), list[int]()
    found = lb.asof_join(reader(read), table, on="t", by="k", tolerance="100ms", report=True)
    assert len(read) == 2
    assert found.report[0].n_rows == 2 * BATCH_ROWS
    first = found.data.read_next_batch()
    assert first.num_rows == 2 * BATCH_ROWS
    assert len(read) == 2
    rest = found.data.read_all()
    whole = pl.concat([pl.DataFrame(first), pl.DataFrame(rest)])
    left = pa.Table.from_batches([batch(at) for at in range(N_BATCHES)])
    plain = lb.asof_join(left, table, on="t", by="k", tolerance="100ms", report=True)
    assert whole.equals(pl.DataFrame(plain.data))
    assert list(found.report) == list(plain.report)
    assert found.report.to_dict() == plain.report.to_dict()


def test_windows_of_a_reader() -> None:
    table, read = right(), list[int]()
    asked: dict[str, Any] = {"windows": ["1ms", "lifetime"], "on": "t", "by": "k"}
    found = lb.window_aggregate(reader(read), table, {"v": ["sum", "count"]}, **asked)
    assert len(read) == 2
    left = pa.Table.from_batches([batch(at) for at in range(N_BATCHES)])
    assert found.read_all().equals(lb.window_aggregate(left, table, {"v": ["sum", "count"]}, **asked))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("limit", [None, "100kB"])
def test_a_zone_is_assumed_batch_by_batch(zone: str, limit: str | None) -> None:
    left = pa.Table.from_batches([batch(0).slice(0, 5000)])
    zoned = right().with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    options: dict[str, Any] = {"on": "t", "by": "k", "assume_timezone": zone, "memory_limit": limit}
    streamed = lb.asof_join(left.to_reader(100), zoned, **options)
    assert isinstance(streamed, pa.RecordBatchReader)
    plain = lb.asof_join(left, zoned, **options)
    assert streamed.schema == plain.schema
    assert streamed.read_all().equals(plain)


def test_an_error_after_the_first_chunk_reaches_who_reads() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from (batch(0), batch(1))
        raise ValueError("the source broke")

    broken = pa.RecordBatchReader.from_batches(batch(0).schema, batches())
    joined = lb.asof_join(broken, right(), on="t", by="k")
    assert joined.read_next_batch().num_rows == 2 * BATCH_ROWS
    with pytest.raises(pa.ArrowInvalid, match="the source broke"):
        joined.read_next_batch()
