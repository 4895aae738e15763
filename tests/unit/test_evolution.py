"""Changes of columns, layout and files: old versions stay as they were, new ones are what was asked for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors
from lakebed.storage.definition import Layout, Note

NAIVE = dt.datetime(2024, 2, 29, 12, tzinfo=dt.timezone.utc).replace(tzinfo=None)


def table(frame: pl.DataFrame | pa.Table, folder: Path | str = "memory://") -> Any:
    return lb.open(folder).write("t", frame)


def read(t: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = t.scan().pl().rows()
    return found


def test_old_versions_keep_their_columns(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "w")
    t = wh.write("t", pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    t = t.rename_column("a", "c").add_column("d", "float64", default=0.5).drop_column("b")
    t = t.append(pl.DataFrame({"c": [3], "d": [1.5]}))
    assert read(t) == [(1, 0.5), (2, 0.5), (3, 1.5)]
    assert read(wh.table("t", "main~4")) == [(1, "x"), (2, "y")]
    assert wh.sql("SELECT sum(d) AS s FROM t WHERE c >= 2").pl()["s"].to_list() == [2.0]
    assert [c.operation["kind"] for c in wh.log()][:4] == ["write", "alter", "alter", "alter"]


def test_a_column_that_was_dropped_and_added_again_is_another_one() -> None:
    t = table(pl.DataFrame({"a": [1, 2], "b": [10, 20]}))
    before = t.schema.field("b").metadata
    t = t.drop_column("b").add_column("b", "int64")
    assert read(t) == [(1, None), (2, None)]
    assert t.schema.field("b").metadata != before
    assert read(t.append(pl.DataFrame({"a": [3], "b": [30]})))[-1] == (3, 30)


def test_names_that_are_swapped_keep_their_values() -> None:
    t = table(pl.DataFrame({"a": [1], "b": [2]}))
    t = t.rename_column("a", "c").rename_column("b", "a").rename_column("c", "b")
    assert t.scan().pl().to_dicts() == [{"b": 1, "a": 2}]
    assert t.scan(where="a = 2 AND b = 1").pl().height == 1
    assert t.scan(where="a = 1").pl().height == 0


@pytest.mark.parametrize(
    ("values", "to", "expected"),
    [
        (pl.Series([1, None, -3], dtype=pl.Int8), "int64", [1, None, -3]),
        (pl.Series([1, 200], dtype=pl.UInt8), "uint32", [1, 200]),
        (pl.Series([1, 200], dtype=pl.UInt8), "int32", [1, 200]),
        (pl.Series([1, None], dtype=pl.Int32), "float64", [1.0, None]),
        (pl.Series([1.5, None], dtype=pl.Float32), "float64", [1.5, None]),
        (pl.Series([NAIVE], dtype=pl.Datetime("ms")), pl.Datetime("us"), [NAIVE]),
        (pl.Series(["1.25"]).cast(pl.Decimal(5, 2)), pl.Decimal(9, 2), None),
        (pl.Series(["1.25"]).cast(pl.Decimal(5, 2)), pl.Decimal(9, 4), None),
    ],
)
def test_types_widen_and_conditions_and_statistics_follow(values: pl.Series, to: Any, expected: Any) -> None:
    wh = lb.open("memory://")
    t = wh.write("t", pl.DataFrame({"v": values, "k": range(len(values))}))
    t = t.change_type("v", to)
    found = t.scan().pl()["v"]
    assert found.to_list() == (values.to_list() if expected is None else expected)
    assert wh.statistics("t").column("v").n_missing == values.null_count()
    t = t.append(pl.DataFrame({"v": found, "k": found.cast(pl.Int64, strict=False)}, strict=False))
    assert t.scan().pl()["v"].to_list() == [*found.to_list(), *found.to_list()]
    assert wh.verify(t).ok


def test_a_narrower_type_needs_a_word_and_values_that_fit() -> None:
    t = table(pl.DataFrame({"v": [1, 300], "f": [0.1, 0.2]}))
    with pytest.raises(errors.NarrowingError):
        t.change_type("v", "int16")
    with pytest.raises(errors.EvolutionError, match="column 'v'"):
        t.change_type("v", "int8", narrowing=True)
    t = t.change_type("v", "int16", narrowing=True).change_type("f", "float32", narrowing=True)
    assert t.scan().pl().schema == {"v": pl.Int16(), "f": pl.Float32()}
    # A row that does not fit is no obstacle once it is gone.
    t = t.delete(where="v = 300").change_type("v", "int8", narrowing=True)
    assert t.scan().pl()["v"].to_list() == [1]
    assert t.scan(where="f <= 0.2").pl().height == 1


def test_nested_fields_change_too() -> None:
    frame = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "home": [{"city": "Rome", "zip": 1}, None, {"city": None, "zip": 2}],
            "stops": [[{"at": 1}], [], None],
        },
        schema_overrides={"home": pl.Struct({"city": pl.String, "zip": pl.Int32})},
    )
    t = table(frame)
    t = t.rename_column(["home", "city"], "town").add_column(["home", "country"], "string")
    t = t.change_type(["home", "zip"], "int64").add_column(["stops", "note"], "string")
    assert t.scan().pl()["home"].to_list() == [
        {"town": "Rome", "zip": 1, "country": None},
        None,
        {"town": None, "zip": 2, "country": None},
    ]
    assert t.scan().pl()["stops"].to_list() == [[{"at": 1, "note": None}], [], None]
    t = t.drop_column(["home", "zip"])
    assert t.scan().pl()["home"].to_list()[0] == {"town": "Rome", "country": None}
    with pytest.raises(errors.EvolutionError, match="has no fields"):
        t.drop_column(["id", "x"])
    with pytest.raises(errors.ColumnExistsError):
        t.rename_column(["home", "town"], "country")
    t.compact(full=True)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int64", -5),
        ("float32", 0.25),
        ("string", "it's"),
        ("bool", True),
        ("date", dt.date(2024, 2, 29)),
        (pl.Datetime("us", "UTC"), dt.datetime(2024, 2, 29, 12, tzinfo=dt.timezone.utc)),
        (pl.Datetime("ns"), NAIVE),
        (pl.Time(), dt.time(12, 30)),
        ("binary", b"\x00\xff"),
    ],
)
def test_defaults_of_every_type_come_back(kind: Any, value: Any) -> None:
    wh = lb.open("memory://")
    t = wh.write("t", pl.DataFrame({"a": [1, 2]})).add_column("d", kind, default=value, nullable=False)
    t = t.append(pl.DataFrame({"a": [3]}))
    assert t.scan().pl()["d"].to_list() == [value] * 3
    assert wh.statistics("t").column("d").n_missing == 0
    t.compact(full=True)
    assert wh.table("t").scan().pl()["d"].to_list() == [value] * 3


def test_expectations_follow_a_rename_and_end_with_their_column() -> None:
    wh = lb.open("memory://")
    t = wh.write("t", pl.DataFrame({"a": ["x", "y"], "b": [1, 2]}))
    wh.set_schema("t", wh.infer_schema("t"), gate="refuse")
    t = t.rename_column("a", "c").drop_column("b")
    assert wh.schema("t").schema.columns == ["c"]
    assert wh.schema("t").schema.domain("c") == ["x", "y"]
    t.append(pl.DataFrame({"c": ["x"]}))
    with pytest.raises(errors.GateRefusedError):
        t.append(pl.DataFrame({"c": ["z"]}))
    with pytest.raises(errors.GateRefusedError):
        t.update({"c": "'z'"}, where="c = 'x'")
    assert wh.schema("t", "main~3").schema.columns == ["a", "b"]


def test_notes_stay_with_their_field() -> None:
    t = table(pl.DataFrame({"a": [1], "b": [2]}))
    t = t.set_note(comment="all", owners=["Ada"], tags=["test"]).set_note("a", comment="first")
    t = t.rename_column("a", "c")
    assert t.note() == Note("all", ("Ada",), ("test",))
    assert (t.note("c").comment, t.note("b")) == ("first", Note())
    t = t.drop_column("c").add_column("c", "int8")
    assert t.note("c") == Note()
    with pytest.raises(errors.ColumnNotFoundError):
        t.note("a")


def test_rows_of_a_file_are_sorted_and_of_one_bucket(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "w")
    frame = pl.DataFrame({"k": [n % 7 for n in range(1000)], "v": [(n * 37) % 1000 for n in range(1000)]})
    t = wh.write("t", frame, sort_by="v", bucket_by="k", n_buckets=4)
    assert t.layout == Layout(("v",), ("k",), 4)
    t = t.append(frame.with_columns(v=pl.col("v") + 5))
    t = t.update({"v": "v - 100"}, where="k = 3")
    home: dict[int, set[int | None]] = {}
    for path, *_, bucket in t.core.files().plan():
        part = pl.read_parquet(tmp_path / "w" / path)
        assert part["v"].is_sorted()
        for key in part["k"].unique():
            home.setdefault(key, set()).add(bucket)
    assert all(len(buckets) == 1 for buckets in home.values())
    report = t.compact(full=True)
    t = wh.table("t")
    assert (report.n_files_after, t.num_rows) == (len({next(iter(b)) for b in home.values()}), 2000)
    assert all(pl.read_parquet(tmp_path / "w" / path)["v"].is_sorted() for path in t.files())
    assert sorted(t.scan().pl().rows()) == sorted(wh.table("t", "main~1").scan().pl().rows())


def test_a_table_that_is_written_again_stores_only_what_changed(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "w")
    n = 600_000
    frame = pl.DataFrame({f"c{k}": (pl.Series(range(n)) * (2654435761 + k)) % 1_000_003 for k in range(10)})
    first = wh.write("t", frame)
    files = set(first.files())
    assert len(files) >= 4
    edited = pl.concat([frame[:300_000], frame[:3_000].select(pl.all() + 1), frame[301_000:]])
    second = wh.write("t", edited, mode="overwrite")
    assert len(set(second.files()) - files) <= 2
    assert second.scan().pl().equals(edited)
    assert set(first.overwrite(frame).files()) == files


def test_projection_and_filters_reach_the_files(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "w")
    t = wh.write("t", pl.DataFrame({"a": range(100), "b": range(100)})).delete(where="a % 10 = 0")
    plan = t.lazy().filter(pl.col("a") > 50).select("b").explain()
    assert "PROJECT 2/2" in plan or "PROJECT" in plan
    assert "FILTER" not in plan.split("SCAN")[0], plan
    assert t.lazy().filter(pl.col("a") > 95).select("b").collect()["b"].to_list() == [96, 97, 98, 99]
    assert t.lazy().select(pl.len()).collect().item() == 90
    assert t.lazy().head(3).collect()["a"].to_list() == [1, 2, 3]
    assert t.lazy().tail(2).collect(engine="streaming")["a"].to_list() == [98, 99]
    assert t.scan(where="a = 10").pl().height == 0
    assert wh.sql("SELECT count(*) AS n FROM t").pl()["n"].to_list() == [90]


def test_compaction_tells_what_it_would_do_and_goes_on_where_it_stopped() -> None:
    wh = lb.open("memory://")
    for n in range(12):
        t = wh.write("t", pl.DataFrame({"a": [n, n]}))
    t = t.delete(where="a = 5")
    before = wh.at("main").commit
    dry = t.compact(dry_run=True)
    assert (dry.dry_run, dry.n_groups, dry.n_files_rewritten, dry.n_rows_dropped, dry.commits) == (True, 1, 12, 2, ())
    assert wh.at("main").commit == before
    ids = wh.table("t").scan(row_ids=True).pl()
    done = t.compact()
    assert (done.n_files_before, done.n_files_after, len(done.commits)) == (12, 1, 1)
    assert wh.table("t").scan(row_ids=True).pl().equals(ids)
    assert t.compact().n_groups == 0
    assert wh.table("t", before).scan().pl().height == 22
