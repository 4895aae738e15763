"""`lb.statistics`: every source, rows and columns that count, slices, weights, samples, and bad files."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from tests.tfrecords import record

import lakebed as lb
from lakebed.errors import (
    ColumnNotFoundError,
    CorruptionError,
    InvalidArgumentError,
    InvalidColumnsError,
    LakebedError,
    SqlError,
    UnsupportedTypeError,
)
from lakebed.statistics.csv_files import CsvFiles, CsvFormat

FRAME = pl.DataFrame(
    {
        "a": [1, 2, None, 4, 5],
        "b": ["x", "y", "y", None, "x"],
        "w": [1.0, 2.0, 0.5, 0.0, 0.5],
    },
)


def summary(stats: lb.Statistics) -> dict[str, Any]:
    return {column.name: (column.type, column.n_present, column.min, column.max) for column in stats.read()}


def write_csv(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize(
    "convert",
    [
        lambda frame: frame,
        lambda frame: frame.lazy(),
        lambda frame: frame.to_arrow(),
        lambda frame: frame.to_pandas(),
        lambda frame: frame.to_arrow().to_reader(max_chunksize=2),
        lambda frame: frame.to_arrow().combine_chunks().to_batches()[0],
        lambda frame: lb.open("memory://").write("t", frame),
        lambda frame: lb.open("memory://").write("t", frame).scan(),
    ],
    ids=["polars", "lazy", "arrow", "pandas", "reader", "batch", "table", "scan"],
)
def test_every_kind_of_frame_has_the_same_statistics(convert: Callable[[pl.DataFrame], Any]) -> None:
    assert summary(lb.statistics(convert(FRAME.drop_nulls()))) == {
        "a": ("int", 3, 1, 5),
        "b": ("string", 3, "x", "y"),
        "w": ("float", 3, 0.5, 2.0),
    }


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "parquet", "jsonl"])
def test_every_kind_of_file_has_the_statistics_of_its_frame(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows.{ending}"
    if ending == "parquet":
        FRAME.write_parquet(path)
    elif ending == "jsonl":
        FRAME.write_ndjson(path)
    else:
        write_csv(path, FRAME.write_csv(separator="\t" if ending == "tsv" else ","))
    expected = {"a": ("int", 4, 1, 5), "b": ("string", 4, "x", "y"), "w": ("float", 5, 0.0, 2.0)}
    assert summary(lb.statistics(path)) == expected
    assert summary(lb.statistics([str(path), path]))["a"] == ("int", 8, 1, 5)
    assert lb.statistics(tmp_path / "*").n_rows == 5


def test_types_of_csv_hold_every_value_of_every_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "1.csv", "i,f,late,t,d,flag,none\n" + "1,1,,2020-01-01 10:00:00,2020-01-01,true,\n" * 3000)
    write_csv(tmp_path / "2.csv", 'i,f,late,t,d,flag,none\n2,1.5,7,,,,\n3,nan,x,,,,\n"4",inf,"a,\nb",,,false,\n')
    assert {name: kind for name, (kind, *_) in summary(lb.statistics(tmp_path / "*.csv")).items()} == {
        "i": "int",
        "f": "float",
        "late": "string",
        "t": "timestamp",
        "d": "date",
        "flag": "bool",
        "none": "string",
    }
    found = lb.statistics(tmp_path / "*.csv")
    assert found.column("late").max == "x"
    assert (found.column("f").n_nan, found.column("f").n_inf) == (1, 1)
    assert found.column("t").max == dt.datetime(2020, 1, 1, 10)  # noqa: DTZ001
    tfdv = summary(lb.statistics(tmp_path / "*.csv", compatibility="tfdv"))
    assert [tfdv[name][0] for name in ("i", "f", "t", "flag")] == ["int", "float", "string", "string"]


def test_integers_that_do_not_fit_and_named_types_and_nulls(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "big,code,gap\n99999999999999999999,007,NA\n1,010,3\n")
    found = summary(lb.statistics(path, types={"code": pl.String()}, null_values=["NA"]))
    assert found == {
        "big": ("float", 2, 1.0, 1e20),
        "code": ("string", 2, "007", "010"),
        "gap": ("int", 1, 3, 3),
    }
    with pytest.raises(ColumnNotFoundError, match="'zip' not found"):
        lb.statistics(path, types={"zip": pl.String()})


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a,b\n1,2\n3\n", InvalidArgumentError, r"row 2 of .*bad\.csv \(line 3\) has 1 fields, its header has 2"),
        ("a,b\n1,2,3\n", InvalidArgumentError, r"row 1 of .*bad\.csv \(line 2\) has 3 fields"),
        ('a,b\n"x\ny",2\n3', InvalidArgumentError, r"row 2 of .*bad\.csv \(line 4\) has 1 fields"),
        ('a,b\n1,2\n"3,4\n5,6\n', InvalidArgumentError, r"a quote in row 2 of .*bad\.csv \(line 3\) is never closed"),
        ("", InvalidArgumentError, r"bad\.csv is empty"),
        ("a,a\n1,2\n", InvalidColumnsError, "column 'a' twice"),
    ],
)
def test_a_broken_csv_file_is_named(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    write_csv(tmp_path / "good.csv", "a,b\n1,2\n")
    bad = write_csv(tmp_path / "bad.csv", text)
    with pytest.raises(error, match=message):
        lb.statistics(bad)
    with pytest.raises(LakebedError, match=r"bad\.csv"):
        lb.statistics([tmp_path / "good.csv", bad])


def test_the_line_that_is_no_text_or_no_json_is_named(tmp_path: Path) -> None:
    csv, json = tmp_path / "a.csv", tmp_path / "a.jsonl"
    csv.write_bytes(b"a,b\n1,2\n\xff\xfe,2\n")
    with pytest.raises(InvalidArgumentError, match=r"line 3 of .*a\.csv is not UTF-8"):
        lb.statistics(csv)
    csv.write_bytes(b"a,b\n" + b"1,2\n" * 200_000 + b"\xff,2\n")
    with pytest.raises(InvalidArgumentError, match=r"line 200002 of .*a\.csv is not UTF-8"):
        lb.statistics(csv)
    csv.write_bytes(b"a,\xff\n1,2\n")
    with pytest.raises(InvalidArgumentError, match=r"header of .*a\.csv is not UTF-8"):
        lb.statistics(csv)
    for bad in ('{"a":', "[1]"):
        json.write_text('{"a": 1}\n\n' + bad + '\n{"a": 2}\n')
        with pytest.raises(InvalidArgumentError, match=r"a\.jsonl cannot be read as JSON lines: line 3 is no object"):
            lb.statistics(json)


def test_blank_lines_and_line_ends_of_windows_are_no_rows(tmp_path: Path) -> None:
    assert lb.statistics(write_csv(tmp_path / "a.csv", "a,b\r\n1,x\r\n2,y\r\n")).n_rows == 2
    assert lb.statistics(write_csv(tmp_path / "b.csv", "a,b\n")).n_rows == 0


def test_mixed_headers_and_missing_and_unknown_files_are_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "1.csv", "a,b\n1,2\n")
    write_csv(tmp_path / "2.csv", "b,a\n1,2\n")
    with pytest.raises(InvalidArgumentError, match=r"the header of .*2\.csv is b, a; that of .*1\.csv is a, b"):
        lb.statistics(tmp_path / "*.csv")
    with pytest.raises(FileNotFoundError, match="no file matches"):
        lb.statistics(tmp_path / "*.parquet")
    (tmp_path / "x.bin").write_bytes(b"hello")
    with pytest.raises(InvalidArgumentError, match="does not show in its name"):
        lb.statistics(tmp_path / "x.bin")
    with pytest.raises(InvalidArgumentError, match=r"x\.bin cannot be read as Parquet"):
        lb.statistics(tmp_path / "x.bin", format="parquet")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n" * 99)[:-9])
    with pytest.raises(InvalidArgumentError, match=r"x\.csv\.gz"):
        lb.statistics(tmp_path / "x.csv.gz")


def test_where_columns_and_sample_choose_rows_and_columns() -> None:
    assert summary(lb.statistics(FRAME, where="a > 1 AND b <> 'x'", columns=["b", "a"])) == {
        "b": ("string", 1, "y", "y"),
        "a": ("int", 1, 2, 2),
    }
    many = pl.DataFrame({"a": range(50_000)})
    half = lb.statistics(many, sample=0.5)
    assert abs(half.n_rows - 25_000) < 500
    assert half == lb.statistics(many.lazy(), sample=0.5)
    assert lb.statistics(many, sample=1.0).n_rows == 50_000
    with pytest.raises(InvalidArgumentError, match="the sample is 0"):
        lb.statistics(many, sample=0)
    with pytest.raises(ColumnNotFoundError, match="'q' not found in the data"):
        lb.statistics(FRAME, columns=["q"])
    with pytest.raises(SqlError):
        lb.statistics(FRAME, where="a >")


def test_slices_by_value_and_by_condition_are_made_in_one_pass() -> None:
    found = lb.statistics(FRAME, slices=["b", "a >= 4"], columns=["a"])
    assert found.datasets == ["All Examples", "a >= 4", "b_x", "b_y"]
    assert found.columns == ["a"]
    assert [found.dataset(name).num_examples for name in found.datasets] == [5, 2, 2, 2]
    assert found.column("a", dataset="b_x").mean == 3.0
    named = lb.statistics(FRAME, slices={"big": "a > 2"})
    assert named.column("a", dataset="big").min == 4
    with pytest.raises(ColumnNotFoundError, match="'q'"):
        lb.statistics(FRAME, slices="q > 1")
    with pytest.raises(InvalidArgumentError, match="more than 1,000 values to slice by"):
        lb.statistics(pl.DataFrame({"k": range(1500)}), slices=["k"])


def test_slices_are_the_statistics_of_their_rows() -> None:
    frame = pl.DataFrame({"k": [i % 3 for i in range(30_000)], "x": [float(i * i % 7919) for i in range(30_000)]})
    sliced = lb.statistics(frame, slices=["k"])
    for key in range(3):
        alone = lb.statistics(frame.filter(pl.col("k") == key))
        assert sliced.column("x", dataset=f"k_{key}") == alone.column("x")


def test_weights_count_rows_as_often_as_they_weigh() -> None:
    found = lb.statistics(FRAME, weights="w")
    a, b = found.column("a").weighted, found.column("b").weighted
    assert a is not None
    assert b is not None
    assert (a.present, a.missing) == (3.5, 0.5)
    assert a.mean == pytest.approx((1 * 1 + 2 * 2 + 5 * 0.5) / 3.5)
    assert b.top_values == [("y", 2.5), ("x", 1.5)]
    assert found.dataset().weighted_num_examples == 4.0
    assert lb.statistics(FRAME).column("a").weighted is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0, None], "row 2 is null"), ([1.0, -2.0], "row 2 is -2"), ([float("nan"), 1.0], "row 1 is NaN")],
)
def test_a_missing_or_negative_weight_is_named_by_row_and_file(
    tmp_path: Path, weights: list[Any], message: str
) -> None:
    frame = pl.DataFrame({"a": [1, 2], "w": pl.Series(weights, dtype=pl.Float64)})
    with pytest.raises(InvalidArgumentError, match=message):
        lb.statistics(frame, weights="w")
    frame.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(InvalidArgumentError, match=r"row \d of .*a\.parquet"):
        lb.statistics(tmp_path / "a.parquet", weights="w")


def test_weights_must_be_a_column_of_numbers() -> None:
    with pytest.raises(ColumnNotFoundError, match="'q'"):
        lb.statistics(FRAME, weights="q")
    with pytest.raises(UnsupportedTypeError, match="as a weight"):
        lb.statistics(FRAME, weights="b")


def test_less_content_leaves_the_other_figures_out() -> None:
    column = lb.statistics(FRAME, content=["distinct"]).column("a")
    assert (column.distinct, column.mean, column.median, column.top_values) == (4, None, None, [])
    column = lb.statistics(FRAME, content=["moments"]).column("a")
    assert (column.mean, column.distinct, column.percentiles) == (3.0, None, [])
    with pytest.raises(InvalidArgumentError, match="no content 'mode'"):
        lb.statistics(FRAME, content=["mode"])


def test_unknown_options_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="no compatibility 'pandas'"):
        lb.statistics(FRAME, compatibility="pandas")
    with pytest.raises(InvalidArgumentError, match="columns is the text"):
        lb.statistics(FRAME, columns="a")
    with pytest.raises(TypeError):
        lb.statistics(3)  # type: ignore[arg-type]


def test_a_table_from_a_warehouse_is_described_without_its_data() -> None:
    wh = lb.open("memory://")
    wh.write("t", FRAME[:3])
    wh.write("t", FRAME[3:])
    stored = wh.statistics("t")
    assert wh.counters()["data_bytes"] == 0
    assert summary(stored) == summary(lb.statistics(FRAME))


# --- TFRecord ---


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def example(**features: list[Any] | None) -> bytes:
    """A serialized tf.Example; numbers packed, as protobuf writes them."""

    def feature(values: list[Any] | None) -> bytes:
        if values is None:
            return b""
        if values and isinstance(values[0], int):
            return field(3, field(1, b"".join(varint(value) for value in values)))
        if values and isinstance(values[0], float):
            return field(2, field(1, struct.pack(f"<{len(values)}f", *values)))
        return field(1, b"".join(field(1, value) for value in values))

    entries = [field(1, name.encode()) + field(2, feature(values)) for name, values in features.items()]
    return field(1, b"".join(field(1, entry) for entry in entries))


RECORDS = [
    record(example(i=[1, -2], f=[1.5], s=["caf\u00e9".encode(), b"\xff"])),
    record(example(i=[3])),
    record(example(s=[], f=None, z=[7])),
]


@pytest.mark.parametrize("ending", ["tfrecord", "tfrecord.gz"])
def test_tfrecords_of_examples_are_columns_of_lists(tmp_path: Path, ending: str) -> None:
    data = b"".join(RECORDS)
    (tmp_path / f"a.{ending}").write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    found = lb.statistics(tmp_path / f"a.{ending}")
    figures = {c.name: (c.item_type, c.n_present, c.n_missing, c.n_values, c.min, c.max) for c in found.read()}
    assert figures["f"] == ("float", 1, 2, 1, 1.5, 1.5)
    assert figures["i"] == ("int", 2, 1, 3, -2, 3)
    assert figures["z"] == ("int", 1, 2, 1, 7, 7)
    assert figures["s"][:4] == ("string", 2, 1, 2)
    assert (found.column("s").n_invalid_utf8, found.column("s").distinct) == (1, 2)


def test_later_tfrecord_files_may_have_more_features(tmp_path: Path) -> None:
    (tmp_path / "1.tfrecord").write_bytes(RECORDS[1])
    (tmp_path / "2.tfrecord").write_bytes(b"".join(RECORDS))
    found = lb.statistics(tmp_path / "*.tfrecord")
    assert (found.n_rows, found.column("z").n_missing, found.column("i").n_present) == (4, 3, 3)


def test_a_damaged_tfrecord_is_named_by_file_and_record(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    data = b"".join(RECORDS)
    at = len(RECORDS[0]) + 15
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(CorruptionError, match=rf"a\.tfrecord.*record 2 at byte {len(RECORDS[0])} is damaged"):
        lb.statistics(path)
    path.write_bytes(data[:-3])
    with pytest.raises(CorruptionError, match=r"record 3 .* is cut short"):
        lb.statistics(path)
    path.write_bytes(data[:3] + bytes([data[3] ^ 64]) + data[4:])
    with pytest.raises(CorruptionError, match="checksum of its length"):
        lb.statistics(path)
    path.write_bytes(record(b"\x0a\xff"))
    with pytest.raises(CorruptionError, match=r"record 1 is no tf\.Example"):
        lb.statistics(path)
    path.write_bytes(record(example(i=[1])) + record(example(i=[1.5])))
    with pytest.raises(CorruptionError, match="another kind of values"):
        lb.statistics(path)


def test_csv_is_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakebed.statistics.csv_files.BATCH_ROWS", 100)
    path = write_csv(tmp_path / "a.csv", "a\n" + "\n".join(map(str, range(1000))) + "\n")
    files = CsvFiles([str(path)], {}, CsvFormat())
    heights = [batch.height for batch in files.batches(str(path), lambda frame: frame)]
    assert sum(heights) == 1000
    assert len(heights) > 1


def test_arrow_types_that_polars_lacks_are_described() -> None:
    table = pa.table(
        {
            "half": pa.array([np.float16(1.5), None], pa.float16()),
            "map": pa.array([[("a", 1), ("b", None)], []], pa.map_(pa.string(), pa.int64())),
            "fixed": pa.array([b"ab", b"cd"], pa.binary(2)),
            "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int32()), pa.array(["x", "y"])),
            "span": pa.array([dt.timedelta(seconds=5), None], pa.duration("s")),
            "nulls": pa.nulls(2),
            "views": pa.array([[1], [2, 3]], pa.list_view(pa.int8())),
            "days": pa.array([dt.date(2020, 1, 1), None], pa.date64()),
            "codes": pa.array(["u", None]).dictionary_encode(),
            "wide": pa.array([1, None], pa.decimal256(50, 0)),
        }
    )
    found = {c.name: (c.type, c.n_present, c.n_missing, c.min, c.max) for c in lb.statistics(table).read()}
    assert found == {
        "half": ("float", 1, 1, 1.5, 1.5),
        "map": ("list", 2, 0, None, None),
        "map.key": ("string", 2, 0, "a", "b"),
        "map.value": ("int", 1, 1, 1, 1),
        "fixed": ("binary", 2, 0, b"ab", b"cd"),
        "runs": ("string", 2, 0, "x", "y"),
        "span": ("duration", 1, 1, dt.timedelta(seconds=5), dt.timedelta(seconds=5)),
        "nulls": ("null", 0, 2, None, None),
        "views": ("list", 2, 0, 1, 3),
        "days": ("date", 1, 1, dt.date(2020, 1, 1), dt.date(2020, 1, 1)),
        "codes": ("string", 1, 1, "u", "u"),
        "wide": ("decimal", 1, 1, 1, 1),
    }


# --- Progress and Ctrl-C ----------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """Standard error as a terminal that keeps what was drawn."""

    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_for_files_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("1.csv", "a\n1\n2\n"), ("2.csv", "a\nx\n3\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert lb.statistics(tmp_path / "*.csv").n_rows == 4
    assert "statistics" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    for asked, quiet in ((False, Terminal()), (None, io.StringIO())):
        monkeypatch.setattr("sys.stderr", quiet)
        lb.statistics(tmp_path / "*.csv", progress=asked)
        assert quiet.getvalue() == ""


def test_progress_counts_the_bytes_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakebed.statistics import generate

    sizes = [(tmp_path / f"{i}.csv").write_text("a\n" + "7\n" * (10 + i)) for i in range(3)]
    moved: list[int | None] = []

    @contextmanager
    def bar(source: Any, progress: Any) -> Iterator[Any]:
        assert sum(part.size for part in source.parts) == sum(sizes)
        yield moved.append

    monkeypatch.setattr(generate, "_bar", bar)
    lb.statistics(tmp_path / "*.csv", progress=True)
    assert moved == sizes


def interrupted(seconds: float, work: Callable[[], Any]) -> float:
    """Press Ctrl-C after some time; how long it took from there to the interrupt."""
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(seconds, press)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    return time.perf_counter() - pressed[0]


def endless(schema: pa.Schema) -> pa.RecordBatchReader:
    batch = pa.record_batch([pa.array(range(100_000))], schema=schema)
    return pa.RecordBatchReader.from_batches(schema, iter(lambda: batch, None))


def test_ctrl_c_within_a_source_of_the_user_s_own_is_ctrl_c() -> None:
    schema = pa.schema([("x", pa.int64())])
    batch = pa.record_batch([pa.array([1])], schema=schema)

    def slow() -> Iterator[pa.RecordBatch]:
        while True:
            yield batch
            time.sleep(0.05)

    assert lb.statistics(pa.table({"x": [1]})).n_rows == 1
    assert interrupted(0.2, lambda: lb.statistics(pa.RecordBatchReader.from_batches(schema, slow()))) < 2
    warehouse = lb.open("memory://")
    assert interrupted(0.2, lambda: warehouse.write("t", pa.RecordBatchReader.from_batches(schema, slow()))) < 2
    assert warehouse.at("main").tables() == []


def test_ctrl_c_ends_a_computation_and_leaves_the_process_usable(tmp_path: Path) -> None:
    schema = pa.schema([("x", pa.int64())])
    path = tmp_path / "a.csv"
    path.write_text("x\n" + "12345\n" * 50_000)
    # All modules are loaded before anything is interrupted.
    assert lb.statistics(path, where="x > 1").n_rows == lb.statistics(schema.empty_table()).n_rows + 50_000
    assert interrupted(0.2, lambda: lb.statistics(endless(schema))) < 2
    # One batch, which is far from done by then.
    long = pa.array(np.arange(16_000_000.0))
    assert interrupted(0.1, lambda: lb.statistics(pa.table(dict.fromkeys("abcdefgh", long)))) < 2
    assert interrupted(0.3, lambda: lb.statistics([path] * 3000, where="x > 1")) < 3
    assert lb.statistics(FRAME, slices=["b"]).n_rows == 5
    assert lb.statistics(path).column("x").n_present == 50_000


def test_figures_that_were_not_asked_for_are_not_there() -> None:
    for content in ([], ["distinct"]):
        column = lb.statistics(pl.DataFrame({"a": [-1, 0, 5], "b": [0.5, 1.5, 2.5]}), content=content).column("a")
        assert (column.n_zero, column.n_negative, column.mean, column.median, column.sum) == (None,) * 5
        assert column.n_present == 3
    assert (column.min, column.max, column.distinct) == (None, None, 3)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"sample": "0.5"}, "the sample is '0.5'; give a share"),
        ({"content": "moments"}, "content is the text 'moments'; give a list"),
        ({"slices": [1]}, "a slice is 1; give names"),
        ({"slices": {"x": 2}}, "a slice is 2; give names"),
    ],
)
def test_options_of_another_type_are_refused(options: dict[str, Any], found: str) -> None:
    with pytest.raises(InvalidArgumentError, match=found):
        lb.statistics(pl.DataFrame({"a": [1]}), **options)


def test_weights_that_add_up_to_more_than_a_float_holds_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="the weights 'w' add up to more than a float holds; divide"):
        lb.statistics(pl.DataFrame({"a": [1, 2], "w": [1e308, 1e308]}), weights="w")


def test_columns_of_one_name_cannot_be_told_apart_by_a_condition() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InvalidColumnsError, match="the column 'a' twice"):
        lb.statistics(table, where="a > 1")


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_names_of_csv_may_hold_quotes(tmp_path: Path, ending: str) -> None:
    frame = pl.DataFrame({'a "b"': [1, None, 3], '"': ["x", "y", "z"], "c,\nd": [1.5, 2.5, None]})
    data = frame.write_csv().encode() + b"\n"
    (tmp_path / f"1.{ending}").write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    found = lb.statistics(tmp_path / f"1.{ending}", where='"a ""b""" IS NOT NULL')
    assert found.columns == frame.columns
    assert [column.sum for column in found.read()] == [4, None, None]
    assert found.n_rows == 2
    wh = lb.open("memory://")
    wh.lake.put("1", (tmp_path / f"1.{ending}").read_bytes())
    assert wh.lake.read_csv("1").equals(frame)
    assert wh.lake.read_csv("1", types={'a "b"': pl.Float64}).dtypes[0] == pl.Float64
