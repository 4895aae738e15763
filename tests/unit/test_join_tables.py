"""Stored tables as right sides: read in two steps, pruned, streamed, and joined as the same rows in memory are."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import lakebed as lb
from lakebed.join import left_rows, pruning
from lakebed.join.fetch import Fetch
from lakebed.warehouse import Warehouse

START = dt.datetime.fromisoformat("2013-01-01T00:00")
N_FILES, N_ROWS = 4, 40


def at(*hours: float | None) -> list[dt.datetime | None]:
    return [None if hour is None else START + dt.timedelta(hours=hour) for hour in hours]


@pytest.fixture(scope="module")
def wh() -> Warehouse:
    wh = lb.open("memory://")
    for file in range(N_FILES):
        hours = [(file * N_ROWS + row) * 7919 % 160 for row in range(N_ROWS)]
        columns = {
            "note": [f"{file}/{row}" if row % 5 else None for row in range(N_ROWS)],
            "t": at(*hours),
            "made": at(*[hour + row % 3 for row, hour in enumerate(hours)]),
            "k": [row % 4 for row in range(N_ROWS)],
            "x": [None if row % 7 == 0 else row * 0.5 for row in range(N_ROWS)],
            "many": [[row, file] for row in range(N_ROWS)],
            "day": [dt.date(2013, 1, 1 + row % 20) for row in range(N_ROWS)],
        }
        wh.write("readings", pl.DataFrame(columns))
    return wh


def labels(n: int = 50) -> pl.DataFrame:
    hours = [row * 31 % 170 - 5 for row in range(n)]
    return pl.DataFrame({"t": at(*hours), "k": [row % 5 for row in range(n)], "x": list(range(n))})


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "tolerance": {"tolerance": "6h"},
    "forward": {"direction": "forward", "tolerance": "90m"},
    "nearest": {"direction": "nearest"},
    "known": {"known_at": "made"},
    "nulls skipped": {"skip_nulls": ["note", "x"]},
    "zone": {"assume_timezone": "UTC"},
    "limit": {"memory_limit": 2000},
}
CLASSES: dict[str, Any] = {
    "polars": lambda f: f,
    "lazy": lambda f: f.lazy(),
    "arrow": lambda f: f.to_arrow(),
    "pandas": lambda f: f.to_pandas(),
}


@pytest.mark.parametrize("left_class", CLASSES)
@pytest.mark.parametrize("case", OPTIONS)
def test_a_stored_table_is_joined_as_its_rows_are(wh: Warehouse, case: str, left_class: str) -> None:
    left, table = CLASSES[left_class](labels()), wh.table("readings")
    stored = lb.asof_join(left, table, on="t", by="k", **OPTIONS[case])
    plain = lb.asof_join(left, table.scan().pl(), on="t", by="k", **OPTIONS[case])
    assert type(stored) is type(plain)
    frames = [
        pl.DataFrame(pl.from_pandas(f) if left_class == "pandas" else f.collect() if left_class == "lazy" else f)
        for f in (stored, plain)
    ]
    assert frames[0].columns == ["t", "k", "x", "note", "made", "x_right", "many", "day"]
    assert frames[0].equals(frames[1])


def test_columns_of_a_stored_table_can_be_chosen_and_named(wh: Warehouse) -> None:
    table = wh.table("readings")
    sides = [lb.JoinSide(table, columns={"day": "when", "made": "known"}), lb.JoinSide(table, columns=["k"])]
    stored = lb.asof_join(labels(), sides, on="t", by=[])
    plain = lb.asof_join(labels(), [lb.JoinSide(table.scan().pl(), columns={"day": "when", "made": "known"}),
                                    lb.JoinSide(table.scan().pl(), columns=["k"])], on="t", by=[])  # fmt: skip
    assert stored.columns == ["t", "k", "x", "when", "known", "k_right"]
    assert stored.equals(plain)


def test_rows_that_match_nothing_and_tables_without_rows_give_nulls(wh: Warehouse) -> None:
    early = labels(3).with_columns(t=pl.lit(START - dt.timedelta(days=99)))
    joined = lb.asof_join(early, wh.table("readings"), on="t", by="k")
    assert joined.drop("t", "k", "x").null_count().row(0) == (3,) * 5
    nobody = labels().head(0)
    assert lb.asof_join(nobody, wh.table("readings"), on="t", by="k").columns == joined.columns
    empty = lb.open("memory://")
    table = empty.write("readings", wh.table("readings").scan().pl().head(0))
    assert lb.asof_join(labels(), table, on="t", by="k")["note"].null_count() == 50


def test_stretches_without_a_match_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakebed.join.fetch._STRETCH_ROWS", 10)
    read: list[int] = []

    def note(frame: pl.DataFrame) -> pl.DataFrame:
        read.append(frame.height)
        return frame

    scan = pl.LazyFrame({"v": range(100)}).map_batches(note)
    joined = pa.table({"v": pa.nulls(3), "row": pa.array([95, None, 12], pa.uint32())})
    assert Fetch(scan, {"v": 1}, "row").fill(joined)["v"].to_pylist() == [95, None, 12]
    assert len(read) == 2


def test_only_files_and_columns_that_matter_are_read(tmp_path: Path) -> None:
    """Files outside of the times are gone; of one without a match, the columns beside keys and times are destroyed."""
    wh = lb.open(tmp_path, verify="never")
    for day in range(6):
        times = pl.lit(START) + pl.duration(days=day, seconds=pl.int_range(40_000))
        wh.write("readings", pl.select(t=times, k=pl.int_range(40_000) % 3, v=pl.int_range(40_000) + day * 10**6))
    table = wh.table("readings")
    left = pl.DataFrame({"k": [0, 1], "t": [START + dt.timedelta(days=day, hours=4) for day in (2, 4)]})
    expected = [2_000_000 + 4 * 3600, 4_000_000 + 4 * 3600 - 2]
    # The rows of a write may be in several files.
    days: dict[int, list[Path]] = {}
    for name in table.files():
        path = tmp_path / name
        days.setdefault(pq.read_table(path)["v"][0].as_py() // 10**6, []).append(path)
    assert sorted(days) == list(range(6))
    for path in [path for day in (0, 1, 5) for path in days[day]]:
        path.unlink()
    for path in days[3]:
        destroy(path, "v")
    joined = lb.asof_join(left, table, on="t", by="k", tolerance="1h")
    assert joined["v"].to_list() == expected
    # What was destroyed is needed as soon as a row of it matches.
    more = pl.concat([left, left.with_columns(pl.col("t").dt.offset_by("-1d"))])
    with pytest.raises(Exception, match=r"(?i)parquet|thrift|page"):
        lb.asof_join(more.tail(1), table, on="t", by="k", tolerance="1h")


def destroy(path: Path, column: str) -> None:
    """Put zeros where a column of a Parquet file lies."""
    metadata = pq.ParquetFile(path).metadata
    data = bytearray(path.read_bytes())
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(metadata.schema.names.index(column))
        start = min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)))
        data[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(data)


def test_zones_of_both_sides_may_be_any() -> None:
    """Of a stored table in one zone and left rows in another; Polars compares neither, nor does it know +05:30."""
    wh = lb.open("memory://")
    times = pl.Series(at(*range(48))).dt.replace_time_zone("UTC")
    rows = pl.DataFrame({"t": times.dt.convert_time_zone("America/New_York"), "v": range(48)})
    table = wh.write("readings", rows)
    for zone in ("UTC", "Asia/Tokyo", "+05:30"):
        left = pa.table({"t": pa.array(times[[3, 30]].to_list(), pa.timestamp("us", zone))})
        for right in (table, rows.to_arrow()):
            joined = lb.asof_join(left, right, on="t", tolerance="2h")
            assert joined.schema.field("t").type.tz == zone
            assert joined["v"].to_pylist() == [3, 30]


def test_a_stored_zone_that_polars_does_not_know_is_pruned_like_others() -> None:
    wh = lb.open("memory://")
    times = pa.array([at(hour)[0] for hour in range(48)], pa.timestamp("us", "+05:30"))
    table = wh.write("readings", pa.table({"t": times, "v": range(48)}))
    left = pl.DataFrame({"t": at(3, 30)}).with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    assert lb.asof_join(left, table, on="t", tolerance="2h")["v"].to_list() == [3, 30]


def test_windows_over_a_stored_table(wh: Warehouse) -> None:
    table, asked = wh.table("readings"), {"x": ["sum", "count"], "note": "last"}
    options: dict[str, Any] = {"windows": ["12h", "3d"], "on": "t", "by": "k"}
    found = [lb.window_aggregate(labels(), right, asked, **options) for right in (table, table.scan().pl())]
    assert found[0].equals(found[1])


@pytest.mark.parametrize("layout", [{"sort_by": ["k", "t"]}, {"sort_by": ["k", "t"], "bucket_by": "k", "n_buckets": 3}])
@pytest.mark.parametrize("n_writes", [1, 3])
def test_a_declared_order_is_used_and_changes_nothing(layout: dict[str, Any], n_writes: int) -> None:
    rows = pl.DataFrame({"k": [row * 7 % 40 for row in range(6000)], "v": range(6000)})
    rows = rows.with_columns(t=pl.lit(START) + pl.duration(seconds=pl.col("v") * 7919 % 5000)).cast(
        {"t": pl.Datetime("us")}
    )
    wh = lb.open("memory://")
    for part in range(n_writes):
        wh.write("readings", rows.gather_every(n_writes, part), **(layout if part == 0 else {}))
    table = wh.table("readings")
    left = rows.sample(500, seed=1, shuffle=True).select("k", "t")
    plain = lb.asof_join(left, rows.unique(["k", "t"], keep="none"), on="t", by="k", report=True)
    table = table.delete(where=f"v IN ({', '.join(map(str, duplicated(rows)))})") if duplicated(rows) else table
    stored = lb.asof_join(left, table, on="t", by="k", report=True)
    assert stored.data.equals(plain.data)
    assert stored.report.sides == plain.report.sides


def duplicated(rows: pl.DataFrame) -> list[int]:
    """Rows whose key and time are not theirs alone: which of them wins depends on their order."""
    return rows.filter(pl.struct("k", "t").is_duplicated())["v"].to_list()


def test_deleted_rows_and_changed_columns_are_seen_in_both_steps() -> None:
    wh = lb.open("memory://")
    table = wh.write("t", pl.DataFrame({"t": at(*range(20)), "v": range(20), "w": [str(row) for row in range(20)]}))
    table = table.delete(where="v >= 10").append(pl.DataFrame({"t": at(30), "v": [30], "w": ["new"]}))
    joined = lb.asof_join(pl.DataFrame({"t": at(5, 15, 40)}), table, on="t")
    assert joined.select("v", "w").rows() == [(5, "5"), (9, "9"), (30, "new")]


@pytest.mark.parametrize(("layout", "n_opened"), [({"sort_by": ["k", "t"]}, 2), ({}, 8)])
def test_a_declared_order_of_keys_leaves_files_unopened(layout: dict[str, Any], n_opened: int) -> None:
    """Of 200 keys, the first and the last ones: only a search by key tells that the files between hold none of them."""
    wh = lb.open("memory://")
    for part in range(8):
        keys = [part * 100 + row % 100 for row in range(400)]
        rows = pl.DataFrame({"k": keys, "t": at(*[row // 100 for row in range(400)]), "v": range(400)})
        wh.write("readings", rows, **(layout if part == 0 else {}))
    left = pl.DataFrame({"k": [*range(100), *range(700, 800)]}).with_columns(t=pl.lit(START + dt.timedelta(hours=9)))
    before = wh.counters()["data_files"]
    joined = lb.asof_join(left, wh.table("readings"), on="t", by="k")
    assert wh.counters()["data_files"] - before == n_opened
    assert joined["v"].to_list() == [300 + key % 100 for key in left["k"]]
    assert joined.equals(lb.asof_join(left, wh.table("readings").scan().pl(), on="t", by="k"))


KEYS: dict[str, Any] = {
    "numbers": lambda row: row % 500,
    "texts": lambda row: f"entity {row % 500:03}",
}


@pytest.mark.parametrize("left_class", CLASSES)
@pytest.mark.parametrize("kind", KEYS)
def test_buckets_without_a_key_of_the_left_rows_are_not_opened(kind: str, left_class: str) -> None:
    """Also after other layouts: the bucket of a file that was not written in the present one means something else."""
    wh = lb.open("memory://")

    def rows(first: int, n: int = 1000) -> pl.DataFrame:
        numbers = range(first, first + n)
        columns = {"k": [KEYS[kind](row) for row in numbers], "v": list(numbers), "other": [row % 7 for row in numbers]}
        return pl.DataFrame(columns).with_columns(t=pl.lit(START) + pl.duration(seconds=pl.col("v")))

    left = rows(5250, 2).drop("v", "other")
    plain = lb.asof_join(CLASSES[left_class](left), rows(0), on="t", by="k")

    def opened(table: Any, expected: int) -> int:
        before = wh.counters()["data_files"]
        joined = lb.asof_join(CLASSES[left_class](left), table, on="t", by="k")
        assert type(joined) is type(plain)
        found = joined.collect() if left_class == "lazy" else joined
        assert [int(str(value)) for value in found["v"]] == [expected, expected + 1]
        return int(wh.counters()["data_files"] - before)

    table = wh.write("readings", rows(0), bucket_by="k", n_buckets=10)
    assert table.num_files == 10
    assert opened(table, 750) <= 2
    layouts: list[dict[str, Any]] = [
        {"bucket_by": "k", "n_buckets": 3},
        {"bucket_by": "other", "n_buckets": 3},
        {},
        {"sort_by": ["k", "t"], "bucket_by": "k", "n_buckets": 10},
    ]
    for step, layout in enumerate(layouts, 1):
        table = table.set_layout(**layout)
        old = opened(table, step * 1000 - 250)
        assert old >= table.num_files - 2
        table = table.append(rows(step * 1000))
        opened(table, step * 1000 + 750)
    assert opened(table, 4750) <= table.num_files - 8
    table = table.set_layout(bucket_by="k", n_buckets=10)
    assert opened(table, 4750) <= table.num_files - 8


def test_rows_that_a_slow_writer_put_into_buckets_of_an_older_layout_are_found() -> None:
    wh = lb.open("memory://")
    rows = pl.DataFrame({"k": range(600), "v": range(600)}).with_columns(t=pl.lit(START))
    wh.write("readings", rows.head(0), bucket_by="k", n_buckets=3)
    with wh.transaction() as tx:
        tx.write("readings", rows)
        wh.table("readings").set_layout()
        wh.table("readings").set_layout(bucket_by="k", n_buckets=7)
    table = wh.table("readings")
    assert table.num_files == 3
    for key in range(200, 260):
        left = pl.DataFrame({"k": [key]}).with_columns(t=pl.lit(START))
        assert lb.asof_join(left, table, on="t", by="k")["v"].to_list() == [key]


def test_buckets_of_several_keys_and_of_keys_that_no_column_holds() -> None:
    wh = lb.open("memory://")
    keys = {"a": [row % 10 for row in range(400)], "b": [f"{row % 4}" for row in range(400)]}
    rows = pl.DataFrame(keys, schema_overrides={"a": pl.Int8}).with_columns(t=pl.lit(START), v=pl.int_range(400))
    table = wh.write("readings", rows, bucket_by=["b", "a"], n_buckets=8)
    left = pl.DataFrame({"x": [3, 300, None, 4, -5], "y": ["3", "3", "1", None, "0"]}).with_columns(t=pl.lit(START))
    before = wh.counters()["data_files"]
    joined = lb.asof_join(left, table, on="t", left_by=["x", "y"], right_by=["a", "b"])
    assert wh.counters()["data_files"] - before == 1
    assert joined["v"].to_list() == [383, None, None, None, None]
    # A column of another type has other hashes.
    table = table.change_type("a", pa.int64())
    assert lb.asof_join(left, table, on="t", left_by=["x", "y"], right_by=["a", "b"])["v"].to_list() == [
        383,
        None,
        None,
        None,
        None,
    ]


def test_a_layout_that_old_files_do_not_have_is_not_believed() -> None:
    wh = lb.open("memory://")
    rows = pl.DataFrame({"k": [row % 3 for row in range(90)], "t": at(*[row * 77 % 90 for row in range(90)])})
    rows = rows.with_columns(v=pl.int_range(pl.len()))
    table = wh.write("readings", rows).set_layout(sort_by=["k", "t"], bucket_by="k", n_buckets=2)
    assert table.layout is not None
    left = rows.select("k", "t")
    assert lb.asof_join(left, table, on="t", by="k")["v"].to_list() == rows["v"].to_list()


def day(row: int) -> dt.date:
    return dt.date(2013, 1, 1) + dt.timedelta(days=row % 500)


def coded(keys: list[str], values: pa.DataType, **options: Any) -> pa.Array:
    two = sorted(set(keys))
    codes = pa.array([two.index(key) for key in keys], pa.int8())
    return pa.DictionaryArray.from_arrays(codes, pa.array(two, values), **options)


BUCKETED: dict[str, tuple[Any, Any]] = {
    "view": (KEYS["texts"], lambda keys: pa.array(keys, pa.string_view())),
    "dictionary of texts": (KEYS["texts"], lambda keys: coded(keys, pa.string())),
    "dictionary of views": (KEYS["texts"], lambda keys: coded(keys, pa.string_view())),
    "ordered dictionary": (KEYS["texts"], lambda keys: coded(keys, pa.string(), ordered=True)),
    "categories": (KEYS["texts"], lambda keys: pl.Series(keys, dtype=pl.Categorical)),
    "enum": (KEYS["texts"], lambda keys: pl.Series(keys, dtype=pl.Enum(sorted({*keys, "another one"})))),
    "dictionary of numbers": (KEYS["numbers"], lambda keys: pa.array(keys, pa.int16()).dictionary_encode()),
    "runs of numbers": (KEYS["numbers"], lambda keys: pc.run_end_encode(pa.array(keys))),
    "runs of texts": (KEYS["texts"], lambda keys: pc.run_end_encode(pa.array(keys))),
    "bytes": (lambda row: f"{row % 500}".encode(), lambda keys: pa.array(keys, pa.binary_view())),
    "dictionary of bytes": (
        lambda row: f"{row % 500}".encode() + b"\xff",
        lambda keys: pa.array(keys, pa.binary()).dictionary_encode(),
    ),
    "dates": (day, lambda keys: pa.array(keys, pa.date32())),
}


@pytest.mark.parametrize("repeated", [1, 200_000])
@pytest.mark.parametrize("kind", BUCKETED)
def test_buckets_are_pruned_by_keys_of_any_layout_and_any_number(kind: str, repeated: int) -> None:
    key_of, layout = BUCKETED[kind]
    wh = lb.open("memory://")
    rows = pl.DataFrame({"k": [key_of(row) for row in range(500)], "v": range(500)}).with_columns(t=pl.lit(START))
    table = wh.write("readings", rows, bucket_by="k", n_buckets=20)
    assert table.num_files == 20
    keys = layout([key_of(3), key_of(499)] * repeated)
    times = [START] * (2 * repeated)
    frame = pl.DataFrame if isinstance(keys, pl.Series) else pa.table
    before = wh.counters()["data_files"]
    joined = lb.asof_join(frame({"k": keys, "t": times}), table, on="t", by="k")
    assert wh.counters()["data_files"] - before <= 2
    assert pl.Series(joined["v"]).to_list() == [3, 499] * repeated


def test_keys_in_every_bucket_are_not_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    wh = lb.open("memory://")
    rows = pl.DataFrame({"k": range(500), "v": range(500)}).with_columns(t=pl.lit(START))
    table = wh.write("readings", rows, bucket_by="k", n_buckets=20)
    looked: list[int] = []
    growing = left_rows.growing

    def counted(columns: Any, changed: Any) -> Any:
        for keys in growing(columns, changed):
            looked.append(keys.height)
            yield keys

    monkeypatch.setattr(pruning, "growing", counted)
    left = pl.DataFrame({"k": range(100_000)}).with_columns(t=pl.lit(START))
    assert lb.asof_join(left, table, on="t", by="k")["v"].drop_nulls().to_list() == list(range(500))
    assert looked == [1024]
