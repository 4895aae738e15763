"""Raw files: kept byte for byte, stored once, read as CSV in types that hold every value, never handed out damaged."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors

UTC = dt.timezone.utc


@pytest.fixture
def wh(tmp_path: Path) -> lb.Warehouse:
    return lb.open(tmp_path / "wh")


def stored(wh: lb.Warehouse) -> list[Path]:
    """The raw files on disk."""
    return sorted(path for path in (Path(wh.location) / "lake").rglob("*") if path.is_file())


def zipped(**files: str | bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


# --- Bytes ------------------------------------------------------------------------------------------------------------


# Vectors of BLAKE3's authors: n bytes 0, 1, ... 250, 0, 1, ...; and the text "abc".
HASHES = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
    1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
    102400: "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085",
}


@pytest.mark.parametrize("size", HASHES)
@pytest.mark.parametrize("kind", ["bytes", "path", "text"])
def test_a_raw_file_is_kept_byte_for_byte_under_its_blake3(kind: str, size: int, wh: lb.Warehouse) -> None:
    data = bytes(n % 251 for n in range(size))
    file = Path(wh.location).parent / "source.bin"
    file.write_bytes(data)
    sources: dict[str, bytes | str | Path] = {"bytes": data, "path": file, "text": str(file)}
    pointer = wh.lake.put("raw/source.bin", sources[kind])
    assert (pointer.path, pointer.hash, pointer.size_bytes) == ("raw/source.bin", HASHES[size], size)
    assert wh.lake.read_bytes("raw/source.bin") == data
    assert [path.name for path in stored(wh)] == [HASHES[size]]
    assert stored(wh)[0].read_bytes() == data
    assert wh.verify(pointer).ok


def test_the_media_type_is_guessed_from_the_name_or_told(wh: lb.Warehouse) -> None:
    guessed = {
        "flights.csv": "text/csv",
        "FLIGHTS.CSV": "text/csv",
        "flights.csv.zip": "application/zip",
        "flights.csv.gz": "application/gzip",
        "flights.parquet": "application/vnd.apache.parquet",
        "flights.jsonl": "application/jsonl",
        "notes.txt": "text/plain",
        "photo.png": "image/png",
        "model": "application/octet-stream",
    }
    for name, media_type in guessed.items():
        assert wh.lake.put(f"raw/{name}", b"x").media_type == media_type
    assert wh.lake.put("raw/model.bin", b"x", media_type="application/x-model").media_type == "application/x-model"
    assert wh.lake.get("raw/model.bin").media_type == "application/x-model"


def test_the_same_bytes_under_the_same_path_are_one_file_and_one_commit(wh: lb.Warehouse) -> None:
    first = wh.lake.put("raw/a.csv", b"a\n1\n", message="first")
    again = wh.lake.put("raw/a.csv", b"a\n1\n", message="again")
    assert first == again
    assert (len(stored(wh)), [commit.message for commit in wh.log()]) == (1, ["first"])


def test_the_same_bytes_under_two_paths_are_one_file(wh: lb.Warehouse) -> None:
    pointers = [wh.lake.put(path, b"a\n1\n") for path in ("raw/a.csv", "raw/copy.csv")]
    assert (len({pointer.hash for pointer in pointers}), len(stored(wh))) == (1, 1)
    assert wh.lake.pointers() == pointers
    assert wh.lake.read_bytes("raw/copy.csv") == b"a\n1\n"


def test_new_bytes_under_a_path_leave_the_old_version_readable(wh: lb.Warehouse) -> None:
    old = wh.lake.put("raw/a.csv", b"old")
    wh.tag("v1")
    wh.lake.put("raw/a.csv", b"new")
    wh.lake.put("raw/b.csv", b"other")
    assert (wh.lake.read_bytes("raw/a.csv"), wh.lake.read_bytes("raw/a.csv", "v1")) == (b"new", b"old")
    assert (wh.lake.get("raw/a.csv", "v1"), wh.lake.pointers("v1")) == (old, [old])
    assert [pointer.path for pointer in wh.lake.pointers()] == ["raw/a.csv", "raw/b.csv"]


def test_a_path_may_hold_spaces_and_letters_of_any_script(wh: lb.Warehouse) -> None:
    pointer = wh.lake.put("raw/Größe 2013.csv", b"x")
    assert lb.open(wh.location).lake.get("raw/Größe 2013.csv") == pointer


def test_a_source_that_is_not_there_is_pythons_own_error(wh: lb.Warehouse, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        wh.lake.put("raw/a.csv", tmp_path / "nothing.csv")
    with pytest.raises(IsADirectoryError):
        wh.lake.put("raw/a.csv", tmp_path)
    assert (wh.lake.pointers(), wh.log()) == ([], [])


def test_an_unknown_path_names_the_nearest(wh: lb.Warehouse) -> None:
    with pytest.raises(errors.ObjectNotFoundError, match=r"'raw/a\.csv' not found; the lake is empty"):
        wh.lake.get("raw/a.csv")
    wh.lake.put("raw/flights.csv", b"x")
    with pytest.raises(errors.ObjectNotFoundError, match=r"did you mean 'raw/flights\.csv'\?"):
        wh.lake.read_bytes("raw/fligths.csv")
    with pytest.raises(errors.ObjectNotFoundError, match=r"there is for instance 'raw/flights\.csv'"):
        wh.lake.read_csv("0")


# --- Damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["flipped", "cut", "longer", "gone"])
def test_a_damaged_raw_file_is_named_and_never_handed_out(damage: str, wh: lb.Warehouse) -> None:
    pointer = wh.lake.put("raw/a.csv", b"a,b\n1,2\n")
    other = wh.lake.put("raw/b.csv", b"fine")
    file = next(path for path in stored(wh) if path.name == pointer.hash)
    data = file.read_bytes()
    file.unlink()
    if damage != "gone":
        file.write_bytes({"flipped": b"a,b\n1,3\n", "cut": data[:-1], "longer": data + b"\n"}[damage])
    again = lb.open(wh.location)
    name = f"lake/{pointer.hash[:2]}/{pointer.hash}"
    for read in (again.lake.read_bytes, again.lake.read_csv):
        with pytest.raises(errors.CorruptionError, match=rf"{name}.*expected {pointer.hash}, found .*put the file"):
            read("raw/a.csv")
    for report in (again.verify(), again.verify(pointer)):
        assert [(problem.path, problem.expected) for problem in report.problems] == [(name, pointer.hash)]
        with pytest.raises(errors.VerificationError, match=name):
            report.assert_ok()
    assert again.verify(other).ok
    assert again.lake.read_bytes("raw/b.csv") == b"fine"


@pytest.mark.parametrize("damage", [b"a,b\n1,3\n", b""])
def test_putting_the_file_again_mends_it(damage: bytes, wh: lb.Warehouse) -> None:
    pointer = wh.lake.put("raw/a.csv", b"a,b\n1,2\n")
    stored(wh)[0].write_bytes(damage)
    assert not wh.verify().ok
    assert wh.lake.put("raw/a.csv", b"a,b\n1,2\n") == pointer
    assert wh.lake.read_bytes("raw/a.csv") == b"a,b\n1,2\n"
    assert (wh.verify().ok, len(wh.log())) == (True, 1)


# --- CSV --------------------------------------------------------------------------------------------------------------


def parsed(wh: lb.Warehouse, data: str | bytes, **options: Any) -> pl.DataFrame:
    wh.lake.put("raw/t.csv", data.encode() if isinstance(data, str) else data)
    return wh.lake.read_csv("raw/t.csv", **options)


MICRO, ZONED = pl.Datetime("us"), pl.Datetime("us", "UTC")
TYPES: dict[str, tuple[str, Any, list[Any]]] = {
    "integers": ("1 -2 +3", pl.Int64, [1, -2, 3]),
    "integers of 64 bits": ("9223372036854775807 9007199254740993", pl.Int64, [2**63 - 1, 2**53 + 1]),
    "integers above them": ("1 18446744073709551615", pl.UInt64, [1, 2**64 - 1]),
    "fractions": ("1 2.5 1e3 -.5", pl.Float64, [1.0, 2.5, 1000.0, -0.5]),
    "infinities": ("inf -inf 1", pl.Float64, [float("inf"), float("-inf"), 1.0]),
    "booleans": ("true false true", pl.Boolean, [True, False, True]),
    "dates": ("2013-01-01 2013-12-31", pl.Date, [dt.date(2013, 1, 1), dt.date(2013, 12, 31)]),
    "times": (
        "2013-01-01T05:00:00 2013-01-01T06:30:01",
        MICRO,
        [dt.datetime.fromisoformat("2013-01-01T05:00:00"), dt.datetime.fromisoformat("2013-01-01T06:30:01")],
    ),
    "zoned times become utc": (
        "2013-01-01T05:00:00Z 2013-01-01T05:00:00.25+02:00 2013-01-01T05:00:00-0500",
        ZONED,
        [
            dt.datetime(2013, 1, 1, 5, tzinfo=UTC),
            dt.datetime(2013, 1, 1, 3, 0, 0, 250_000, tzinfo=UTC),
            dt.datetime(2013, 1, 1, 10, tzinfo=UTC),
        ],
    ),
    "a late fraction": ("1 2 3 4.5", pl.Float64, [1.0, 2.0, 3.0, 4.5]),
    "a late text": ("1 2 3 x", pl.String, ["1", "2", "3", "x"]),
    "a late text among booleans": ("true maybe", pl.String, ["true", "maybe"]),
    "a day that is none": ("2013-01-31 2013-02-31", pl.String, ["2013-01-31", "2013-02-31"]),
    "zoned and naive times": (
        "2013-01-01T05:00:00Z 2013-01-01T05:00:00",
        pl.String,
        ["2013-01-01T05:00:00Z", "2013-01-01T05:00:00"],
    ),
    "words that begin like numbers": ("infant nano 1st", pl.String, ["infant", "nano", "1st"]),
    "other words for true": ("True FALSE yes", pl.String, ["True", "FALSE", "yes"]),
}


@pytest.mark.parametrize("case", TYPES)
def test_a_column_gets_the_first_type_that_holds_all_its_values(case: str, wh: lb.Warehouse) -> None:
    texts, kind, values = TYPES[case]
    lines = [f"{text},{n}" for n, text in enumerate(texts.split())]
    column = parsed(wh, "\n".join(["a,n", *lines, ""]))["a"]
    assert (column.dtype, column.to_list()) == (kind, values)


@pytest.mark.parametrize("case", TYPES)
def test_missing_values_change_no_type(case: str, wh: lb.Warehouse) -> None:
    texts, kind, values = TYPES[case]
    lines = ["NA,0", ",1", *(f"{text},2" for text in texts.split()), "NA,3"]
    column = parsed(wh, "\n".join(["a,n", *lines, ""]), null_values=["NA"])["a"]
    assert (column.dtype, column.to_list()) == (kind, [None, None, *values, None])


def test_a_word_for_missing_is_a_text_unless_it_is_named(wh: lb.Warehouse) -> None:
    assert parsed(wh, "a\nNA\n2\n")["a"].to_list() == ["NA", "2"]
    assert parsed(wh, "a\nNA\n2\n", null_values=["NA"])["a"].to_list() == [None, 2]


def test_a_column_without_a_value_becomes_text(wh: lb.Warehouse) -> None:
    frame = parsed(wh, "a,b\n,1\nNA,2\n", null_values=["NA"])
    assert (frame.schema["a"], frame.rows()) == (pl.String(), [(None, 1), (None, 2)])
    assert parsed(wh, "a,b\n").schema == pl.Schema({"a": pl.String, "b": pl.String})


def test_named_types_are_taken_as_they_are(wh: lb.Warehouse) -> None:
    frame = parsed(wh, "zip,n\n02134,1\n", types={"zip": pl.String, "n": pl.Int8})
    assert (frame.schema["n"], frame.rows()) == (pl.Int8(), [("02134", 1)])
    with pytest.raises(errors.ColumnNotFoundError, match=r"column 'zap' not found in raw/t\.csv; it has zip, n"):
        parsed(wh, "zip,n\n02134,1\n", types={"zap": pl.String})


def test_nanoseconds_are_not_cut(wh: lb.Warehouse) -> None:
    late = [
        "2013-01-01T05:00:00.5,2013-01-01T05:00:00.5Z",
        "2013-01-01T05:00:00.123456789,2013-01-01T05:00:00.123456789Z",
    ]
    frame = parsed(wh, "\n".join(["a,b", *late, ""]))
    assert frame.schema == pl.Schema({"a": pl.Datetime("ns"), "b": pl.Datetime("ns", "UTC")})
    assert frame.select(pl.all().dt.nanosecond()).rows() == [(500_000_000, 500_000_000), (123_456_789, 123_456_789)]


def test_quotes_separators_and_line_ends_are_those_of_csv(wh: lb.Warehouse) -> None:
    assert parsed(wh, 'a,b\r\n"1","x,""y"""\r\n').rows() == [(1, 'x,"y"')]
    assert parsed(wh, 'a,b\n"x\ny",1\n').rows() == [("x\ny", 1)]
    assert parsed(wh, "a;b\n1;2\n", separator=";").rows() == [(1, 2)]
    assert parsed(wh, b"\xef\xbb\xbfa,b\n1,2\n").columns == ["a", "b"]
    assert parsed(wh, "a,b\n1,2").rows() == [(1, 2)]


BLANK: dict[str, str] = {
    "between": "a,b\n\n1,2\n\n\n,\n3,4\n\n",
    "of Windows": "a,b\r\n1,2\r\n\r\n3,4\r\n\r\n",
    "in quotes": 'a,b\n1,"x\n\ny"\n\n3,z',
    "only": "a,b\n\n\n",
    "beside named nulls": "a,b\nNA,NA\n\n1,2\n",
    "of one column": "a\n1\n\n2\n\n",
    "none": "a,b\n1,2\n",
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("case", BLANK)
def test_empty_lines_are_the_same_to_the_lake_and_to_statistics(
    case: str, pack: Callable[[bytes], bytes], wh: lb.Warehouse, tmp_path: Path
) -> None:
    data = pack(BLANK[case].encode())
    (tmp_path / "t.csv").write_bytes(data)
    stats = lb.statistics(tmp_path / "t.csv", null_values=["NA"])
    frame = parsed(wh, data, null_values=["NA"])
    assert stats.n_rows == frame.height
    assert [stats.column(c).n_missing for c in frame.columns] == [c.null_count() for c in frame.iter_columns()]
    assert frame.height == {"between": 3, "only": 0, "of one column": 4, "none": 1}.get(case, 2)


def test_rows_of_another_width_are_refused_by_their_number(wh: lb.Warehouse) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"row 2 of raw/t\.csv \(line 4\) has 1 fields, .* has 2"):
        parsed(wh, "a,b\n1,2\n\n3\n4,5\n")


CSV = b"a,b\n1,x\n2,y\n"
PACKED: Mapping[str, bytes] = {
    "gzip": gzip.compress(CSV),
    "zlib": zlib.compress(CSV),
    "zstd": bytes(pa.compress(CSV, codec="zstd", asbytes=True)),
    "zip": zipped(**{"t.csv": CSV}),
    "zip with a folder": zipped(**{"data__": b"", "data__t.csv": CSV}),
    "gzip in zip": zipped(**{"t.csv.gz": gzip.compress(CSV)}),
}


@pytest.mark.parametrize("kind", PACKED)
def test_packed_csv_is_unpacked(kind: str, wh: lb.Warehouse) -> None:
    assert parsed(wh, PACKED[kind]).rows() == [(1, "x"), (2, "y")]
    assert wh.lake.read_bytes("raw/t.csv") == PACKED[kind]


def damaged_zip() -> bytes:
    data = bytearray(zipped(**{"t.csv": CSV * 100}))
    data[45] ^= 0xFF
    return bytes(data)


BROKEN: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "zip with two files": (zipped(**{"a.csv": CSV, "b.csv": CSV}), {}, "exactly one file .* it holds a.csv, b.csv"),
    "empty zip": (zipped(), {}, "exactly one file .* it holds nothing"),
    "cut zip": (zipped(**{"t.csv": CSV})[:-10], {}, "not a zip file"),
    "damaged zip": (damaged_zip(), {}, "cannot be parsed"),
    "cut gzip": (gzip.compress(CSV * 100)[:-12], {}, "cannot be parsed"),
    "xz": (lzma.compress(CSV), {}, "cannot be parsed"),
    "bzip2": (bz2.compress(CSV), {}, "cannot be parsed"),
    "nothing": (b"", {}, "empty CSV"),
    "more fields than columns": (b"a,b\n1,2,3\n", {}, "found more fields than defined"),
    "an open quote": (b'a,b\n"x,1\n2,3\n', {}, "cannot be parsed"),
    "no utf-8": ("a\ncaf\u00e9\n".encode("latin-1"), {}, "invalid utf-8"),
    "no utf-8 in the header": ("caf\u00e9,b\n1,2\n".encode("latin-1"), {}, "header is not UTF-8"),
    "a value that is not of the named type": (b"a,b\n1,2\nx,3\n", {"types": {"a": pl.Int64}}, "`x` as dtype `i64`"),
    "a separator of two characters": (CSV, {"separator": ";;"}, "separator of raw/t.csv is one character"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_csv_is_refused_by_name(case: str, wh: lb.Warehouse) -> None:
    data, options, found = BROKEN[case]
    with pytest.raises(errors.InvalidArgumentError, match=r"raw/t\.csv") as raised:
        parsed(wh, data, **options)
    message = str(raised.value)
    assert re.search(found, message), message
    assert "infer_schema_length" not in message
    assert wh.lake.read_bytes("raw/t.csv") == data


def test_what_was_read_can_be_written_as_a_table(wh: lb.Warehouse) -> None:
    frame = parsed(wh, "time,carrier,delay\n2013-01-01T05:00:00Z,UA,NA\n2013-01-02T05:00:00Z,,3\n", null_values=["NA"])
    table = wh.write("flights", frame, inputs=[wh.lake.get("raw/t.csv")])
    assert table.scan().pl().equals(frame)
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
