"""A reader, an iterable of frames or a lazy frame on the left is joined chunk by chunk: it is never held as a whole."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
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
    with pytest.raises(lb.errors.InvalidArgumentError, match="the source broke"):
        joined.read_next_batch()


class BrokenSourceError(Exception):
    """What only this source raises."""


@pytest.mark.parametrize("n_good", [0, 3])
@pytest.mark.parametrize("limit", [None, "1MB"])
def test_what_an_iterable_of_frames_raises_is_raised_as_it_is(n_good: int, limit: str | None) -> None:
    def frames() -> Iterator[pa.RecordBatch]:
        yield batch(0).slice(0, 10)
        yield from (batch(at) for at in range(n_good))
        raise BrokenSourceError("of its own kind")

    with pytest.raises(BrokenSourceError):
        lb.asof_join(frames(), right(), on="t", by="k", memory_limit=limit).read_all()
    with pytest.raises(BrokenSourceError):
        lb.asof_join(batch(0), (part for part in frames()), on="t", by="k", memory_limit=limit, suffix=".r")


def test_iterables_of_frames_of_any_class_are_joined_as_one_table() -> None:
    left = pa.Table.from_batches([batch(0).slice(0, 5000)])
    table = right()
    whole = lb.asof_join(left, table, on="t", by="k")
    frames = (pl.DataFrame(left.slice(at, 1000)).lazy() if at else left.slice(0, 1000) for at in range(0, 5000, 1000))
    rights = (table.slice(at, 500) for at in range(0, 4000, 500))
    streamed = lb.asof_join(frames, rights, on="t", by="k")
    assert isinstance(streamed, pa.RecordBatchReader)
    assert streamed.read_all().equals(whole)
    with pytest.raises(lb.errors.InvalidArgumentError, match="empty iterable has no columns"):
        lb.asof_join(iter([]), table, on="t")
    with pytest.raises(lb.errors.SchemaMismatchError, match="frame 2 has the columns row, the first one t, k, row"):
        lb.asof_join([left, left.select(["row"])], table, on="t", by="k").read_all()


@pytest.mark.parametrize("limit", [None, "20MB"])
def test_progress_is_told_in_every_chunk(limit: str | None) -> None:
    told: list[tuple[int, int]] = []
    joined = lb.asof_join(
        reader([]), right(), on="t", by="k", memory_limit=limit, progress=lambda *steps: told.append(steps)
    )
    done = []
    for part in joined:
        assert part.num_rows > 0
        done.append(told[-1][0])
    assert len(done) >= 2
    if limit is None:
        assert done == sorted(set(done)), "each chunk adds to what is done"
    assert [one for one, _ in told] == sorted(one for one, _ in told)
    assert all(one <= expected for one, expected in told)
    assert told[-1][0] == told[-1][1] >= N_BATCHES * BATCH_ROWS


def test_what_progress_raises_ends_a_later_chunk() -> None:
    told: list[int] = []

    def tell(done: int, expected: int) -> None:
        del expected
        told.append(done)
        if first and done > first[0]:
            raise BrokenSourceError("enough")

    first: list[int] = []
    joined = lb.asof_join(reader([]), right(), on="t", by="k", progress=tell)
    first.append(told[-1])
    assert joined.read_next_batch().num_rows == 2 * BATCH_ROWS
    with pytest.raises(BrokenSourceError):
        joined.read_next_batch()


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to itself")
@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_ctrl_c_ends_every_chunk(chunk: int) -> None:
    """The source has no end after the signal, so that only Ctrl-C can end the chunk."""
    stopped: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        yield from (batch(0) for _ in range(2 * chunk))
        os.kill(os.getpid(), signal.SIGINT)
        while not stopped:
            yield batch(0).slice(0, 1)

    def tell(done: int, expected: int) -> None:
        del done, expected

    endless = pa.RecordBatchReader.from_batches(batch(0).schema, batches())
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    n_rows: list[int] = []
    try:
        with pytest.raises(KeyboardInterrupt):
            n_rows.extend(part.num_rows for part in lb.asof_join(endless, right(), on="t", by="k", progress=tell))
    finally:
        stopped.append(0)
        signal.signal(signal.SIGINT, before)


# --- Lazy frames --------------------------------------------------------------------------------------------


def lazy(folder: Path) -> pl.LazyFrame:
    for at in range(N_BATCHES):
        pl.DataFrame(batch(at)).write_parquet(folder / f"left-{at}.parquet")
    return pl.scan_parquet(folder / "left-*.parquet")


@pytest.mark.parametrize("limit", [None, "50MB"])
def test_a_lazy_frame_gives_a_lazy_frame_that_is_joined_when_it_is_read(tmp_path: Path, limit: str | None) -> None:
    left, table = lazy(tmp_path), right()
    asked: dict[str, Any] = {"on": "t", "by": "k", "tolerance": "100ms", "report": True}
    plain = lb.asof_join(left.collect(), table, **asked)
    told: list[int] = []
    found = lb.asof_join(left, table, **asked, memory_limit=limit, progress=lambda done, _: told.append(done))
    assert isinstance(found.data, pl.LazyFrame)
    assert found.data.collect_schema() == plain.data.schema
    assert (found.report[0].n_rows, told) == (0, [])
    for engine in ("streaming", "in-memory"):
        assert found.data.collect(engine=engine).equals(plain.data)
        assert list(found.report) == list(plain.report)
    assert told
    some = pl.col("v") > 3990
    wanted = plain.data.filter(some).select("v", "row")
    assert found.data.filter(some).select("v", "row").collect().equals(wanted)
    found.data.sink_parquet(tmp_path / "joined.parquet")
    assert pl.read_parquet(tmp_path / "joined.parquet").equals(plain.data)


def test_the_head_of_a_lazy_join_reads_no_more_than_its_first_chunk(tmp_path: Path) -> None:
    found = lb.asof_join(lazy(tmp_path), right(), on="t", by="k", report=True)
    assert found.data.head(5).collect().height == 5
    assert 0 < found.report[0].n_rows < N_BATCHES * BATCH_ROWS


def test_what_is_wrong_with_a_lazy_join_is_told_at_once(tmp_path: Path) -> None:
    left = lazy(tmp_path)
    with pytest.raises(lb.errors.ColumnNotFoundError, match="did you mean 'k'"):
        lb.asof_join(left, right(), on="t", by="kk")
    with pytest.raises(lb.errors.SchemaMismatchError):
        lb.asof_join(left, right().cast({"k": pl.String}), on="t", by="k")
    with pytest.raises(lb.errors.InvalidColumnsError):
        lb.asof_join(left, right().with_columns(row=1), on="t", by="k", suffix="")


def test_a_lazy_join_of_a_reader_on_the_right_can_be_collected_once(tmp_path: Path) -> None:
    left, table = lazy(tmp_path), right()
    found = lb.asof_join(left, table.to_arrow().to_reader(100), on="t", by="k")
    assert found.collect().equals(lb.asof_join(left.collect(), table, on="t", by="k"))
    with pytest.raises(lb.errors.InvalidArgumentError, match="which was read when the join was collected before"):
        found.collect()


def test_windows_of_a_lazy_frame_over_a_stored_table_open_only_what_can_matter(tmp_path: Path) -> None:
    day = dt.datetime(2013, 1, 1, tzinfo=dt.timezone.utc)
    rows = pl.DataFrame({"t": [day + dt.timedelta(days=at) for at in range(30)], "k": [at % 3 for at in range(30)]})
    rows = rows.with_columns(v=pl.int_range(pl.len()))
    wh = lb.open(tmp_path / "wh")
    for at in range(3):
        wh.write("events", rows.slice(10 * at, 10))
    left = rows.slice(12, 5).drop("v").lazy()
    asked: dict[str, Any] = {"windows": "2d", "on": "t", "by": "k"}
    wanted = lb.window_aggregate(left.collect(), rows, {"v": "sum"}, **asked)
    files = wh.at("main").table("events").files()
    for name in (files[0], files[2]):
        path = tmp_path / "wh" / name
        path.chmod(0o600)
        path.write_bytes(b"\0" * path.stat().st_size)
    table = lb.open(tmp_path / "wh").at("main").table("events")
    assert lb.window_aggregate(left, table, {"v": "sum"}, **asked).collect().equals(wanted)
    with pytest.raises(lb.errors.CorruptionError):
        table.scan().pl()
