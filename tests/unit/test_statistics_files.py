"""`lb.statistics` of files: types that hold all of them, lines that are no rows, and files that do not fit together."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.tfrecords import record

import lakebed as lb
from lakebed.errors import ColumnNotFoundError, InvalidArgumentError, SchemaMismatchError
from lakebed.statistics import csv_files
from lakebed.statistics.examples import message_class

RECORDS: tuple[dict[str, list[Any]], ...] = (
    {"n": [1, 2], "t": [b"x", b"y"]},
    {"n": [3], "t": [b"x"], "late": [b"\xff"]},
)


def write_records(path: Path, *records: dict[str, list[Any]]) -> Path:
    framed = []
    for features in records:
        example = message_class()()
        for name, values in features.items():
            feature = example.features.feature[name]
            (feature.bytes_list if isinstance(values[0], bytes) else feature.int64_list).value.extend(values)
        framed.append(record(example.SerializeToString()))
    path.write_bytes(b"".join(framed))
    return path


def summary(stats: lb.Statistics) -> dict[str, Any]:
    """Type, number of values, least and greatest of each column."""
    return {column.name: (column.type, column.n_present, column.min, column.max) for column in stats.read()}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ('{"a": 1}', '{"a": 1.5}', ("float", 2, 1.0, 1.5)),
        ('{"a": null}', '{"a": 2}', ("int", 1, 2, 2)),
        ('{"a": 1}', '{"a": "x"}', ("string", 2, "1", "x")),
        ('{"b": 1}', '{"a": 7}', ("int", 1, 7, 7)),
        ('{"a": []}', '{"a": [4]}', ("list", 2, 4, 4)),
        ('{"a": []}', '{"b": 1}', ("list", 1, None, None)),
        ('{"a": -1}', '{"a": 18446744073709551615}', ("float", 2, -1.0, 2.0**64)),
    ],
)
def test_types_of_json_lines_hold_every_value_of_every_file(
    tmp_path: Path, first: str, second: str, expected: Any
) -> None:
    for name, text in (("1.jsonl", first), ("2.jsonl", second)):
        (tmp_path / name).write_text(text + "\n")
    found = lb.statistics(tmp_path / "*.jsonl")
    assert found.n_rows == 2
    assert summary(found)["a"] == expected
    assert summary(lb.statistics(tmp_path / "*.jsonl", columns=["a"]))["a"] == expected
    assert lb.statistics(tmp_path / "*.jsonl", slices=["a IS NULL"]).dataset("a IS NULL").num_examples in (0, 1)


@pytest.mark.parametrize("kind", [pl.List(pl.Null), pl.Struct({"x": pl.Null}), pl.Array(pl.List(pl.Null), 1)])
def test_nested_columns_of_nulls_are_described(kind: Any) -> None:
    frame = pl.DataFrame({"a": [None, None]}, schema={"a": kind})
    assert lb.statistics(frame).column("a").n_missing == 2
    assert lb.statistics(frame.lazy()).n_rows == 2


def test_parquet_files_that_do_not_fit_together_are_named(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1], "b": ["x"]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"b": ["y"], "a": [2]}).write_parquet(tmp_path / "2.parquet")
    assert summary(lb.statistics(tmp_path / "*.parquet")) == {"a": ("int", 2, 1, 2), "b": ("string", 2, "x", "y")}
    for other in ({"a": ["z"], "b": ["y"]}, {"a": [1], "c": ["y"]}, {"a": [1]}, {"a": [1], "b": ["x"], "c": [1]}):
        pl.DataFrame(other).write_parquet(tmp_path / "3.parquet")
        with pytest.raises(SchemaMismatchError, match=r"3\.parquet"):
            lb.statistics(tmp_path / "*.parquet")


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        ("a,b\n\n1,2\n\n\n,\n3,4\n\n", [1, None, 3], [2, None, 4]),
        ("a,b\r\n1,2\r\n\r\n3,4\r\n\r\n", [1, 3], [2, 4]),
        ('a,b\n1,"x\n\ny"\n\n3,z', [1, 3], ["x\n\ny", "z"]),
        ('a,b\n1,"x\n\ny"\n3,z\n', [1, 3], ["x\n\ny", "z"]),
        ('"a","b\n\n"\n1,2\n\n3,x\n', [1, 3], ["2", "x"]),
        ("a,b\n\n\n", [], []),
    ],
)
def test_empty_lines_of_csv_are_no_rows(tmp_path: Path, text: str, a: list[Any], b: list[Any]) -> None:
    path = tmp_path / "1.csv"
    path.write_bytes(text.encode())
    expected = lb.statistics(pl.DataFrame({"a": a, "b": b}))
    found = lb.statistics(path)
    assert found.n_rows == len(a)
    if a:
        assert [(c.n_present, c.n_missing, c.top_values, c.min, c.max) for c in found.read()] == [
            (c.n_present, c.n_missing, c.top_values, c.min, c.max) for c in expected.read()
        ]
    assert lb.statistics(path, columns=["a"]).n_rows == len(a)
    assert lb.statistics(path, where="a IS NULL").n_rows == a.count(None)


def test_empty_lines_are_found_between_pieces_in_packed_files_and_in_one_file_of_many(tmp_path: Path) -> None:
    rows = [f'{number},"{number}\n\n"' for number in range(60_000)]
    blank = [row + "\n" * (1 + (number % 7 == 0)) for number, row in enumerate(rows)]
    (tmp_path / "1.csv").write_text("a,b\n1,x\n")
    (tmp_path / "2.csv.gz").write_bytes(gzip.compress(("a,b\n" + "".join(blank)).encode()))
    for size in (2, 3, 61, 4096):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_files, "PIECE_BYTES", size if size > 61 else 1 << 22)
            found = lb.statistics(tmp_path / "*.csv*").column("a")
            assert (found.n_present, found.n_missing, found.sum) == (60_001, 0, sum(range(60_000)) + 1)
    (tmp_path / "3.csv").write_text("a,b\n1,2\n\n\n3,4\n")
    for size in (1, 2, 3, 5):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csv_files, "PIECE_BYTES", size)
            assert lb.statistics(tmp_path / "3.csv").n_rows == 2


def test_an_empty_line_of_a_file_with_one_column_is_a_missing_value(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None, 3, None]})
    frame.write_csv(tmp_path / "1.csv")
    assert lb.statistics(tmp_path / "1.csv").column("a").n_missing == 2
    assert lb.statistics(tmp_path / "1.csv", compatibility="tfdv").n_rows == 2


def test_the_row_of_a_wrong_weight_does_not_count_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,w\n\n1,2\n\n3,-4\n")
    with pytest.raises(InvalidArgumentError, match=r"row 2 of .*1\.csv is -4"):
        lb.statistics(tmp_path / "1.csv", weights="w")
    with pytest.raises(InvalidArgumentError, match=r"row 2 of the rows of .*1\.csv that `where` keeps"):
        lb.statistics(tmp_path / "1.csv", weights="w", where="w < 9")


def test_records_of_several_files_have_the_features_of_all(tmp_path: Path) -> None:
    write_records(tmp_path / "1.tfrecord", RECORDS[0])
    write_records(tmp_path / "2.tfrecord", RECORDS[1])
    write_records(tmp_path / "3.tfrecord", {"n": [4]})
    files = tmp_path / "*.tfrecord"
    late = lb.statistics(files, columns=["late"]).column("late")
    assert (late.n_present, late.n_missing, late.n_invalid_utf8) == (1, 2, 1)
    assert lb.statistics(files, where="late IS NULL").n_rows == 2
    assert lb.statistics(files, slices=["late IS NOT NULL"]).dataset("late IS NOT NULL").num_examples == 1
    assert lb.statistics(files, slices=["late"]).datasets == ["All Examples", r"late_\xff"]
    assert lb.statistics(files, where="late IS NULL", slices=["t"]).dataset("t_y").num_examples == 1
    with pytest.raises(ColumnNotFoundError, match=r"'latr' not found in .*1\.tfrecord; the nearest is 'late'"):
        lb.statistics(files, columns=["latr"])
    write_records(tmp_path / "4.tfrecord", {"n": [b"x"]})
    with pytest.raises(SchemaMismatchError, match=r"column 'n' of .*4\.tfrecord"):
        lb.statistics(files)


def test_rows_belong_to_the_slice_of_each_item_of_a_list(tmp_path: Path) -> None:
    frame = pl.DataFrame({"l": [[1, 2, 2], [2], [], None, [None, 1]], "x": [1, 2, 3, 4, 5], "s": [{"y": 1}] * 5})
    found = lb.statistics(frame, slices=["l"], columns=["x"])
    assert found.datasets == ["All Examples", "l_1", "l_2"]
    assert [found.column("x", dataset=name).sum for name in found.datasets] == [15, 6, 3]
    found = lb.statistics(write_records(tmp_path / "a.tfrecord", *RECORDS), slices=["t"], columns=["n"])
    assert [(name, found.dataset(name).num_examples) for name in found.datasets[1:]] == [("t_x", 2), ("t_y", 1)]
    for column in ("s", "nested"):
        with pytest.raises(InvalidArgumentError, match="by whose values nothing can be sliced"):
            lb.statistics(frame.with_columns(nested=pl.lit([[1]], pl.List(pl.List(pl.Int64)))), slices=[column])


def test_unknown_columns_are_named_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ColumnNotFoundError, match=r"'q' not found in .*1\.csv"):
        lb.statistics(tmp_path / "1.csv", columns=["q"])


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_a_broken_line_of_json_is_named_in_packed_files_too(tmp_path: Path, ending: str) -> None:
    data = b'{"a": 1}\n\n{"a":\n'
    (tmp_path / f"1.{ending}").write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    with pytest.raises(InvalidArgumentError, match=r"1\.jsonl.* line 3 is no object of JSON"):
        lb.statistics(tmp_path / f"1.{ending}")


@pytest.mark.parametrize(
    ("data", "slices"),
    [
        ({"a": [1, 2]}, {"All Examples": "a > 1"}),
        ({"a": [1, 2]}, {"a_1": "a > 1", "a": "a"}),
        ({"a": ["b_c"], "a_b": ["c"]}, ["a", "a_b"]),
        ({"a": ["b_c"], "a_b": ["c"]}, {"a": "a", "a_b_c": "a IS NULL"}),
    ],
)
def test_slices_of_one_name_are_refused(data: dict[str, list[Any]], slices: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="two slices would be called"):
        lb.statistics(pl.DataFrame(data), slices=slices)


def test_no_weight_at_all_has_no_mean() -> None:
    weighted = lb.statistics(pl.DataFrame({"a": [1, 2], "w": [0, 0]}), weights="w").column("a").weighted
    assert weighted is not None
    assert (weighted.present, weighted.mean, weighted.std, weighted.median) == (0.0, None, None, None)


def test_no_columns_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="columns is empty"):
        lb.statistics(pl.DataFrame({"a": [1]}), columns=[])


def test_a_link_that_leads_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a\n1\n")
    (tmp_path / "2.csv").symlink_to(tmp_path / "gone")
    (tmp_path / "3.csv").mkdir()
    with pytest.raises(FileNotFoundError, match=r"2\.csv"):
        lb.statistics(tmp_path / "*.csv")


def test_types_of_json_lines_may_be_named_for_columns_that_not_every_file_has(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "2.jsonl").write_text('{"a": 2, "b": 3}\n')
    found = lb.statistics(tmp_path / "*.jsonl", types={"b": pl.String})
    assert summary(found) == {"a": ("int", 2, 1, 2), "b": ("string", 1, "3", "3")}
    with pytest.raises(ColumnNotFoundError, match=r"'q' not found in .*1\.jsonl"):
        lb.statistics(tmp_path / "*.jsonl", types={"q": pl.String})


MIXED: dict[str, tuple[str, str, str, list[str]]] = {
    "a truth and a number": ("true", "1", "string", ["1", "true"]),
    "a truth and a float": ("1.5", "false", "string", ["1.5", "false"]),
    "a number and text": ("1", '"x"', "string", ["1", "x"]),
    "a list and a number": ("[1, true]", "1", "string", ["1", "[1, true]"]),
    "an object and a number": ('{"x": 1}', "1", "string", ["1", '{"x": 1}']),
    "an object and a list": ('{"x": 1}', "[]", "string", ["[]", '{"x": 1}']),
    "text and a list": ('"x"', "[1]", "string", ["[1]", "x"]),
    "lists of truths and numbers": ("[true]", "[1]", "string", ["1", "true"]),
    "null and a list": ("null", "[1]", "int", ["1"]),
    "an empty list and one of text": ("[]", '["x"]', "string", ["x"]),
}


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
@pytest.mark.parametrize("name", MIXED)
def test_what_no_other_type_of_json_holds_is_text(tmp_path: Path, name: str, ending: str) -> None:
    first, second, kind, values = MIXED[name]

    def write(file: str, *found: str) -> Path:
        data = "".join(f'{{"a": {value}, "n": 7}}\n' for value in found).encode()
        (tmp_path / file).write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
        return tmp_path / file

    two = [write(f"1.{ending}", first), write(f"2.{ending}", second)]
    for files in (two, two[::-1], write(f"3.{ending}", first, second), write(f"4.{ending}", second, first)):
        stats = lb.statistics(files, slices=["n"])
        column = stats.column("a")
        assert (column.item_type, sorted(value for value, _ in column.top_values)) == (kind, values)
        assert (stats.n_rows, stats.column("n").sum, stats.dataset("n_7").num_examples) == (2, 14, 2)


def test_members_of_json_objects_that_no_other_type_holds_are_text(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text('{"a": {"x": true, "big": 18446744073709551615}}\n{"b": 1.5}\n')
    (tmp_path / "2.jsonl").write_text('{"a": {"x": 1, "y": [null]}}\n\n{"b": 2, "a": null}\n')
    found = {column.name: (column.item_type, column.max) for column in lb.statistics(tmp_path / "*.jsonl").read()}
    assert found == {
        "a": ("struct", None),
        "a.x": ("string", "true"),
        "a.big": ("uint", 2**64 - 1),
        "a.y": ("null", None),
        "b": ("float", 2.0),
    }


def test_a_named_type_that_does_not_hold_a_value_of_json_is_an_error_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "2.jsonl").write_text('{"a": true}\n')
    with pytest.raises(InvalidArgumentError, match=r"2\.jsonl cannot be read as JSON lines: .*name another type"):
        lb.statistics(tmp_path / "*.jsonl", types={"a": pl.Int64})
    assert lb.statistics(tmp_path / "*.jsonl", types={"a": pl.String}).column("a").labels == {"1": 1.0, "true": 1.0}
