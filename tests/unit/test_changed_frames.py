"""Lazy frames of tables that lost rows: every shape of query sees the rows that are there, and no other."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import lakebed as lb

N_FILES = 40
ROWS = 50


def rows(start: int, stop: int) -> pl.DataFrame:
    at = np.arange(start, stop)
    columns = {
        "id": at,
        "value": at * 0.5,
        "text": [f"{n:05}" for n in at],
        "list": [[int(n)] * int(n % 3) for n in at],
    }
    return pl.DataFrame({**columns, "_place": at % 7})


def thinned(location: Path | str, every: int) -> tuple[lb.Warehouse, pl.DataFrame]:
    """Files of which each `every`th lost rows, one of them all."""
    wh = lb.open(location)
    with wh.transaction() as tx:
        for number in range(N_FILES):
            tx.write("t", rows(number * ROWS, (number + 1) * ROWS))
    gone = f"(id // {ROWS}) % {every} = 0 AND (id % 3 = 1 OR id < 40 OR id // {ROWS} = 12)"
    wh.table("t").delete(where=gone)
    at = pl.col("id")
    lost = ((at // ROWS) % every == 0) & ((at % 3 == 1) | (at < 40) | (at // ROWS == 12))
    return wh, rows(0, N_FILES * ROWS).filter(~lost)


@pytest.fixture(scope="module", params=[1, 2, 39])
def table(request: pytest.FixtureRequest) -> tuple[lb.Table, pl.DataFrame]:
    wh, model = thinned("memory://", request.param)
    return wh.table("t"), model


SHAPES: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "all": lambda t: t,
    "one column": lambda t: t.select("text"),
    "no column": lambda t: t.select(pl.len()),
    "head": lambda t: t.head(7),
    "tail": lambda t: t.tail(7),
    "slice": lambda t: t.slice(90, 120),
    "slice from the end": lambda t: t.slice(-90, 30),
    "filter": lambda t: t.filter(pl.col("id") % 5 == 2),
    "filter, then head": lambda t: t.filter(pl.col("value") > 300).head(11),
    "head, then filter": lambda t: t.head(111).filter(pl.col("id") > 60),
    "filter on a column that is not given": lambda t: t.filter(pl.col("text") >= "01000").select("id"),
    "filter that nothing meets": lambda t: t.filter(pl.col("id") < 0),
    "numbered": lambda t: t.with_row_index().filter(pl.col("index") % 100 == 3),
    "aggregated": lambda t: t.group_by("_place").agg(pl.len(), pl.col("id").sum()).sort("_place"),
    "joined to itself": lambda t: t.join(t.filter(pl.col("id") % 2 == 0), on="id", maintain_order="left"),
    "twice": lambda t: pl.concat([t, t]),
    "reversed": lambda t: t.reverse().head(5),
}


@pytest.mark.parametrize("engine", ["streaming", "in-memory"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_query_sees_the_rows_that_are_there(
    table: tuple[lb.Table, pl.DataFrame], shape: str, engine: pl._typing.EngineType
) -> None:
    found, model = table
    expected = SHAPES[shape](model.lazy()).collect()
    assert_frame_equal(SHAPES[shape](found.lazy()).collect(engine=engine), expected)


@settings(max_examples=60)
@given(low=st.integers(-5, 2005), width=st.integers(0, 300), part=st.integers(1, 9), start=st.integers(0, 300))
def test_any_range_is_right(table: tuple[lb.Table, pl.DataFrame], low: int, width: int, part: int, start: int) -> None:
    found, model = table

    def query(frame: pl.LazyFrame) -> pl.LazyFrame:
        near = frame.filter(pl.col("id").is_between(low, low + width), pl.col("id") % part != 1)
        return near.slice(start // 4, 40).select("text", "id")

    assert_frame_equal(query(found.lazy()).collect(), query(model.lazy()).collect())


def test_row_ids_stay_those_of_the_rows(table: tuple[lb.Table, pl.DataFrame]) -> None:
    found, model = table
    frame = found.lazy(row_ids=True)
    assert_frame_equal(frame.select(model.columns).collect(), model)
    # Rows were written in the order of their ids.
    assert frame.filter(pl.col("id") != pl.col("_row_id")).collect().is_empty()
    assert frame.filter(pl.col("_row_id") > 1500).collect()["id"].to_list() == [n for n in model["id"] if n > 1500]


def test_rows_that_are_gone_are_left_out_within_the_scan(tmp_path: Path) -> None:
    wh, model = thinned(tmp_path / "wh", 1)
    plan = wh.table("t").lazy().filter(pl.col("id") == 700).select("text").explain()
    assert "Parquet SCAN" in plan
    assert "FILTER" not in plan
    assert "PROJECT 1/5 COLUMNS" in plan or "PROJECT 2/5 COLUMNS" in plan
    assert wh.table("t").lazy().filter(pl.col("id") == 701).select("text").collect().height == (701 in model["id"])


def test_rows_are_told_apart_where_polars_filters_before_it_decodes(
    table: tuple[lb.Table, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pl, "scan_parquet", functools.partial(pl.scan_parquet, parallel="prefiltered"))
    found, model = table
    near = pl.col("id").is_between(30, 1777), pl.col("id") % 5 != 0
    assert_frame_equal(found.lazy().collect(), model)
    assert_frame_equal(found.lazy().filter(*near).collect(), model.filter(*near))
