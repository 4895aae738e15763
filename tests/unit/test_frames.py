"""Frames on their way in: what NaN of pandas becomes, and types that Arrow has not."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed.errors import UnsupportedTypeError

ROWS = {"id": [1, 2, 3], "x": [1.0, math.nan, None], "t": ["a", None, "c"]}
FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame({"id": [1, 2, 3], "x": [1.0, np.nan, np.nan], "t": ["a", None, "c"]}),
    "polars": lambda: pl.DataFrame(ROWS),
    "lazy": lambda: pl.LazyFrame(ROWS),
    "arrow": lambda: pa.table(ROWS),
    "batch": lambda: pa.RecordBatch.from_pydict(ROWS),
    "reader": lambda: pa.table(ROWS).to_reader(),
    "generator": lambda: (pl.DataFrame(ROWS).slice(i, 1) for i in range(3)),
}
WRITES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "write": lambda wh, frame, options: wh.write("t", frame, **options),
    "overwrite": lambda wh, frame, options: wh.table("t").overwrite(frame, **options),
    "append": lambda wh, frame, options: wh.table("t").append(frame, **options),
    "upsert": lambda wh, frame, options: wh.table("t").upsert(frame, key="id", **options),
    "merge": lambda wh, frame, options: wh.table("t").merge(frame, key="id", matched="update", **options),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("verb", WRITES)
def test_nan_is_null_only_where_that_is_asked_for(kind: str, verb: str) -> None:
    wh = lb.open("memory://")
    wh.create("t", {"id": pl.Int64, "x": pl.Float64, "t": pl.String})
    WRITES[verb](wh, FRAMES[kind](), {"nan_as_null": True})
    assert wh.table("t").scan().pl().sort("id")["x"].to_list() == [1.0, None, None]
    wh.table("t").delete("TRUE")
    WRITES[verb](wh, FRAMES[kind](), {})
    n_nan = 2 if kind == "pandas" else 1
    assert wh.table("t").scan().pl()["x"].is_nan().sum() == n_nan


def test_transactions_take_nan_for_null_too() -> None:
    wh = lb.open("memory://")
    with wh.transaction() as tx:
        tx.write("t", FRAMES["pandas"](), nan_as_null=True)
        tx.upsert("t", pd.DataFrame({"id": [1], "x": [np.nan]}), key="id", nan_as_null=True)
    assert wh.table("t").scan().pl()["x"].to_list() == [None] * 3


@pytest.mark.parametrize("kind", sorted(set(FRAMES) - {"generator"}))
def test_statistics_count_nan_as_null_where_that_is_asked_for(kind: str) -> None:
    column = lb.statistics(FRAMES[kind](), nan_as_null=True).column("x")
    assert (column.n_nan, column.n_missing, column.n_present) == (0, 2, 1)
    n_nan = 2 if kind == "pandas" else 1
    assert lb.statistics(FRAMES[kind]()).column("x").n_nan == n_nan


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_statistics_of_files_count_nan_as_null_too(tmp_path: Any, ending: str) -> None:
    frame = pl.DataFrame({"x": [1.5, math.nan, None]})
    getattr(frame, f"write_{ending}")(tmp_path / f"a.{ending}")
    found = lb.statistics(tmp_path / f"a.{ending}", nan_as_null=True, where="x IS NULL")
    assert (found.n_rows, found.column("x").n_nan) == (2, 0)


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()], ids=str)
def test_floats_of_every_width_lose_their_nan(kind: pa.DataType) -> None:
    values = pa.array([np.float16(1.5), np.float16("nan"), None], pa.float16()).cast(kind)
    field = pa.field("x", kind, nullable=True)
    column = lb.statistics(pa.table([values], schema=pa.schema([field])), nan_as_null=True).column("x")
    assert (column.n_missing, column.n_nan, column.max) == (2, 0, 1.5)
    strict = pa.table([values.drop_null()], schema=pa.schema([field.with_nullable(False)]))
    assert lb.statistics(strict, nan_as_null=True).column("x").n_missing == 1


def test_rows_are_validated_with_nan_as_null_where_that_is_asked_for() -> None:
    wh = lb.open("memory://")
    wh.write("t", pl.DataFrame({"x": [1.0, 2.0]}))
    wh.set_schema("t", wh.infer_schema("t"))
    rows = pd.DataFrame({"x": [1.0, np.nan]})
    assert not wh.validate("t", rows)
    assert wh.validate("t", rows, nan_as_null=True).columns == ["x"]
    wh.update_schema("t", rows, nan_as_null=True)
    assert not wh.validate("t", rows, nan_as_null=True)


@pytest.mark.parametrize("kind", [pl.Int128, pl.UInt128])
def test_integers_of_128_bits_are_decimals(kind: Any) -> None:
    most = 10**38 - 1
    frame = pl.DataFrame({"a": [1, most, None]}, schema={"a": kind})
    wh = lb.open("memory://")
    assert wh.write("t", frame).schema.field("a").type == pa.decimal128(38, 0)
    wh.write("t", frame.lazy())
    wh.write("t", iter([frame, frame]))
    wh.create("u", {"a": kind})
    assert wh.table("u").schema.field("a").type == pa.decimal128(38, 0)
    assert wh.statistics("t").column("a").max == Decimal(most)
    for found in (lb.statistics(frame), lb.statistics(frame.lazy(), where="a > 0"), lb.statistics(frame, slices=["a"])):
        assert (found.column("a").type, found.column("a").max, found.column("a").sum) == ("decimal", most, most + 1)


@pytest.mark.parametrize("kind", [pl.List(pl.Int128), pl.Array(pl.Int128, 1), pl.List(pl.List(pl.UInt128))], ids=str)
def test_nested_integers_of_128_bits_are_decimals(kind: Any) -> None:
    value: Any = [[5]] if kind == pl.List(pl.List(pl.UInt128)) else [5]
    frame = pl.DataFrame({"a": [value]}, schema={"a": kind}).with_columns(s=pl.struct("a"))
    found = lb.statistics(frame)
    assert (found.column("a").max, found.column("s.a").max) == (5, 5)
    assert lb.open("memory://").write("t", frame).num_rows == 1


def test_an_integer_of_39_digits_is_refused_by_name() -> None:
    frame = pl.DataFrame({"id": [1], "big": [10**38]}, schema={"id": pl.Int64, "big": pl.Int128})
    for call in (lb.statistics, lambda frame: lb.open("memory://").write("t", frame)):
        with pytest.raises(UnsupportedTypeError, match=r"column 'big' of type Int128 has a value of 39 digits; .*cast"):
            call(frame)


def test_python_objects_are_refused_by_name() -> None:
    frame = pl.DataFrame({"id": [1], "thing": pl.Series([object()], dtype=pl.Object)})
    for call in (lb.statistics, lambda frame: lb.open("memory://").write("t", frame)):
        with pytest.raises(UnsupportedTypeError, match=r"column 'thing' has the type Object, which holds Python"):
            call(frame)
