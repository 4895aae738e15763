"""NaN and null are two things to joins, windows and features, of pandas frames too."""

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb

DAYS = [dt.datetime.fromisoformat(f"2013-01-0{day}") for day in (1, 2, 3)]
NAN = float("nan")
LEFT = pl.DataFrame({"t": [DAYS[2]] * 3, "k": [NAN, 1.0, 2.0], "x": [NAN, 1.0, 2.0]})
RIGHT = pl.DataFrame({"t": DAYS, "k": [NAN, 1.0, 1.0], "v": [7.0, 5.0, NAN]})


class Stream:
    """Speaks Arrow's protocol of streams and nothing else."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self.frame.__arrow_c_stream__(requested_schema)


FRAMES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "pandas": lambda frame: frame.to_pandas(),
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "arrow": lambda frame: frame.to_arrow(),
    "reader": lambda frame: frame.to_arrow().to_reader(),
    "parts": lambda frame: (frame[at : at + 2] for at in (0, 2)),
    "protocol": Stream,
}
LIMITS = {"memory": None, "disk": 1 << 20}


def read(frame: Any) -> Any:
    """A reader's rows; another frame as it is."""
    return frame.read_all() if isinstance(frame, pa.RecordBatchReader) else frame


def values(frame: Any, column: str) -> list[Any]:
    """The values of a column, `nan` for NaN."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pd.DataFrame):
        frame = pl.DataFrame({column: pa.array(frame[column].to_numpy(), from_pandas=False)})
    found = pl.DataFrame(frame)[column].to_list()
    return ["nan" if isinstance(value, float) and math.isnan(value) else value for value in found]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("kind", FRAMES)
def test_nan_is_a_key_and_a_value(kind: str, limit: str) -> None:
    left, right = FRAMES[kind](LEFT), FRAMES[kind](RIGHT)
    joined = lb.asof_join(left, right, on="t", by="k", memory_limit=LIMITS[limit], report=True)
    data, nothing = read(joined.data), "nan" if kind == "pandas" else None
    assert values(data, "v") == [7.0, "nan", nothing]
    assert values(data, "x") == ["nan", 1.0, 2.0]
    side = joined.report.sides[0]
    assert (side.n_matched, side.n_null) == (2, 0)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("kind", FRAMES)
def test_nan_is_null_where_that_is_asked_for(kind: str, limit: str) -> None:
    left, right = FRAMES[kind](LEFT), FRAMES[kind](RIGHT)
    options: dict[str, Any] = {"memory_limit": LIMITS[limit], "nan_as_null": True, "skip_nulls": True, "report": True}
    joined = lb.asof_join(left, right, on="t", by="k", **options)
    data, nothing = read(joined.data), "nan" if kind == "pandas" else None
    assert values(data, "v") == [nothing, 5.0, nothing]
    assert values(data, "x") == [nothing, 1.0, 2.0]
    side = joined.report.sides[0]
    assert (side.n_matched, side.n_null) == (1, 1)
    classes = {"arrow": pa.Table, "protocol": pa.Table, "reader": pa.RecordBatchReader, "parts": pa.RecordBatchReader}
    assert isinstance(joined.data, classes.get(kind, type(left)))


@pytest.mark.parametrize("kind", FRAMES)
def test_windows_take_nan_for_what_it_is(kind: str) -> None:
    labels = pl.DataFrame({"t": [DAYS[2]] * 2, "k": [1.0, NAN]})
    events = pl.DataFrame({"t": DAYS, "k": [1.0, 1.0, NAN], "v": [NAN, 5.0, 3.0]})
    asked = {"v": ["sum", "count"]}
    options: dict[str, Any] = {"windows": "7d", "on": "t", "by": "k", "closed": "both"}
    found = read(lb.window_aggregate(FRAMES[kind](labels), FRAMES[kind](events), asked, **options))
    assert values(found, "v_sum_7d") == ["nan", 3.0]
    assert values(found, "v_count_7d") == [2, 1]
    found = read(lb.window_aggregate(FRAMES[kind](labels), FRAMES[kind](events), asked, nan_as_null=True, **options))
    assert values(found, "v_sum_7d") == [5.0, "nan" if kind == "pandas" else None]
    assert values(found, "v_count_7d") == [1, 0]


def test_what_pandas_knows_as_missing_is_null() -> None:
    left = pd.DataFrame({"t": [DAYS[2]] * 2, "Int64": pd.array([None, 1], "Int64"), "object": [None, "a"]})
    left["Float64"] = pd.array([None, 1.0], "Float64")
    right = left.assign(t=DAYS[0], v=[1, 2])
    for key in ("Int64", "object", "Float64"):
        joined = lb.asof_join(left[["t", key]], right[["t", key, "v"]], on="t", by=key, report=True)
        assert values(joined.data, "v") == ["nan", 2.0]
        assert joined.report.sides[0].n_null == 1
    late = pd.DataFrame({"t": [pd.NaT, DAYS[2]], "v": [1, 2]})
    joined = lb.asof_join(late[["t"]], late, on="t", report=True)
    assert joined.report.sides[0].n_null == 1


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_of_pandas_of_any_width_keep_nan(dtype: str) -> None:
    left = pd.DataFrame({"t": DAYS[2:]}, index=pd.Index([5], name="row"))
    right = pd.DataFrame({"t": [DAYS[1], DAYS[0]], "v": np.array([np.nan, 1.5], dtype)})
    joined = lb.asof_join(left, right, on="t", skip_nulls=True)
    assert (values(joined, "v"), joined["v"].dtype, joined.index.tolist()) == (["nan"], dtype, [5])
    joined = lb.asof_join(left, right, on="t", skip_nulls=True, nan_as_null=True)
    assert (values(joined, "v"), joined.index.tolist()) == ([1.5], [5])


@pytest.mark.parametrize("limit", LIMITS)
def test_tables_of_a_warehouse_follow(limit: str) -> None:
    wh = lb.open("memory://")
    wh.write("r", RIGHT)
    wh.write("l", LEFT)
    options: dict[str, Any] = {"on": "t", "by": "k", "memory_limit": LIMITS[limit]}
    assert values(lb.asof_join(wh.table("l"), wh.table("r"), **options), "v") == [7.0, "nan", None]
    found = lb.asof_join(wh.table("l"), wh.table("r"), nan_as_null=True, **options)
    assert (values(found, "v"), values(found, "x")) == ([None, None, None], [None, 1.0, 2.0])
    found = lb.asof_join(wh.table("l"), wh.table("r"), nan_as_null=True, skip_nulls=True, **options)
    assert values(found, "v") == [None, 5.0, None]
    found = lb.window_aggregate(LEFT, wh.table("r"), {"v": "sum"}, windows="7d", nan_as_null=True, **options)
    assert values(found, "v_sum_7d") == [None, 5.0, None]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_features_follow(kind: str) -> None:
    wh = lb.open("memory://")
    wh.write("weather", RIGHT.rename({"t": "at"}))
    wh.features.apply(lb.Entity("k"), lb.FeatureView("weather", ["k"], timestamp="at"))
    rows = FRAMES[kind](LEFT.rename({"t": "event_timestamp"}))
    train = wh.features.historical(rows, ["weather:v"])
    nothing = "nan" if kind == "pandas" else None
    assert values(train.data, "v") == [7.0, "nan", nothing]
    # Polars tells what is missing from NaN, pandas does not.
    assert train.pl()["v"].null_count() == (2 if kind == "pandas" else 1)
    train = wh.features.historical(rows, ["weather:v"], nan_as_null=True)
    assert train.pl()["v"].to_list() == [None, None, None]
    assert train.arrow()["x"].to_pylist() == [None, 1.0, 2.0]
