"""Lazy frames of tables whose columns changed: projections and filters reach the files, and answers stay the same."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import lakebed as lb

N_FILES = 12


def part(number: int, rows: int = 20) -> pl.DataFrame:
    at = np.arange(number * rows, (number + 1) * rows)
    return pl.DataFrame(
        {
            "id": at.astype(np.int32),
            "half": pl.Series(at / 2).cast(pl.Float32),
            "real": np.where(at % 9 == 0, np.nan, at / 7),
            "text": [None if n % 5 == 0 else f"{n:04}" for n in at],
            "flag": at % 2 == 0,
            "day": [dt.date(2024, 1, 1) + dt.timedelta(days=int(n)) for n in at],
            "gone": at,
        }
    )


def evolved(location: Path | str) -> lb.Warehouse:
    wh = lb.open(location)
    with wh.transaction() as tx:
        for number in range(N_FILES):
            tx.write("t", part(number))
    table = wh.table("t").rename_column("text", "word").change_type("id", "int64")
    table.drop_column("gone").add_column("gone", "string").add_column("extra", "int16", default=3)
    return wh


def model() -> pl.DataFrame:
    rows = pl.concat([part(number) for number in range(N_FILES)]).rename({"text": "word"})
    return rows.drop("gone").with_columns(
        pl.col("id").cast(pl.Int64), gone=pl.lit(None, pl.String), extra=pl.lit(3, pl.Int16)
    )


@pytest.fixture(scope="module")
def tables() -> tuple[lb.Warehouse, pl.DataFrame]:
    return evolved("memory://"), model()


def literals() -> dict[str, st.SearchStrategy[object]]:
    floats = st.one_of(st.integers(-5, 250).map(lambda n: n / 2), st.just(float("nan")), st.just(0.1))
    days = st.integers(-5, 250).map(lambda n: dt.date(2024, 1, 1) + dt.timedelta(days=n))
    return {
        "id": st.one_of(st.integers(-5, 250), st.just(2**40)),
        "half": floats,
        "real": floats,
        "word": st.integers(-5, 250).map(lambda n: f"{n:04}"),
        "flag": st.booleans(),
        "day": days,
        "gone": st.just("x"),
        "extra": st.integers(2, 4),
    }


@st.composite
def comparisons(draw: st.DrawFn) -> pl.Expr:
    name = draw(st.sampled_from(sorted(literals())))
    column = pl.col(name)
    kind = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!=", "null", "not null", "in", "between", "mirrored"]))
    one, two = draw(literals()[name]), draw(literals()[name])
    match kind:
        case "null":
            return column.is_null()
        case "not null":
            return column.is_not_null()
        case "in":
            return column.is_in([one, two])
        case "between":
            return column.is_between(pl.lit(one), pl.lit(two))
        case "mirrored":
            return pl.lit(one) < column
    operators = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
    compared: pl.Expr = getattr(column, operators[kind])(one)
    return compared


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(condition=conditions)
def test_a_filter_on_changed_columns_gives_what_a_filter_on_the_rows_gives(
    tables: tuple[lb.Warehouse, pl.DataFrame], condition: pl.Expr
) -> None:
    wh, rows = tables
    assert_frame_equal(wh.table("t").to_polars_lazy().filter(condition).collect(), rows.filter(condition))


def test_files_that_a_filter_rules_out_are_not_opened(tmp_path: Path) -> None:
    wh = evolved(tmp_path / "wh")
    frame = wh.table("t").to_polars_lazy()
    needed = set(wh.table("t").files(["=", "id", 45]))
    assert len(needed) == 1
    for path in (tmp_path / "wh" / "tables").rglob("*.parquet"):
        if str(path.relative_to(tmp_path / "wh")) not in needed:
            path.unlink()
    for condition in (
        pl.col("id") == 45,
        (pl.col("word") >= "0041") & (pl.col("word") < "0050"),
        (pl.col("id") > 40) & (pl.col("half") < 25.0) & (pl.col("extra") == 3),
        pl.lit(dt.date(2024, 2, 15)) == pl.col("day"),
    ):
        assert_frame_equal(frame.filter(condition).collect(), model().filter(condition))
    assert frame.filter(pl.col("id") < -1).collect().equals(model().head(0))


def test_projections_and_filters_are_part_of_the_scan(tmp_path: Path) -> None:
    plan = evolved(tmp_path / "wh").table("t").to_polars_lazy().filter(pl.col("id") == 45).select("word").explain()
    assert "PROJECT 2/8 COLUMNS" in plan, plan
    assert "FILTER" not in plan, plan
    assert 'SELECTION: col("id") == 45' in plan, plan
