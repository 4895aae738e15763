"""Polars frames on the left, beside right columns of Arrow types that Polars does not know."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import lakebed as lb

START = dt.datetime.fromisoformat("2013-01-01T00:00")
LEFT = pl.DataFrame({"t": [START] * 4, "k": [2, 9, 1, 0]})
UTC = dt.timezone.utc

HELD: dict[str, tuple[pa.Array, list[Any]]] = {
    "runs": (pc.run_end_encode(pa.array(["a", "a", None])), [None, None, "a", "a"]),
    "views of lists": (pa.array([[1], None, [2, 3]], pa.list_view(pa.int32())), [[2, 3], None, None, [1]]),
    "large views of lists": (
        pa.array([[], [None], ["x", "y"]], pa.large_list_view(pa.string())),
        [["x", "y"], None, [None], []],
    ),
    "wide decimals": (
        pa.array([Decimal("1.50"), None, Decimal(-7)], pa.decimal256(60, 2)),
        [Decimal(-7), None, None, Decimal("1.5")],
    ),
    "decimals of hundreds": (
        pa.array([Decimal(100), None, Decimal(-700)], pa.decimal128(5, -2)),
        [Decimal(-700), None, None, Decimal(100)],
    ),
    "times with an offset": (
        pa.array([0, None, 3_600], pa.timestamp("s", "+05:30")),
        [dt.datetime(1970, 1, 1, 1, tzinfo=UTC), None, None, dt.datetime(1970, 1, 1, tzinfo=UTC)],
    ),
    "dictionaries of times with an offset": (
        pa.array([0, None, 0], pa.timestamp("ms", "+05:30")).dictionary_encode(),
        [dt.datetime(1970, 1, 1, tzinfo=UTC), None, None, dt.datetime(1970, 1, 1, tzinfo=UTC)],
    ),
    "durations in seconds": (
        pa.array([5, None, 7], pa.duration("s")),
        [dt.timedelta(seconds=7), None, None, dt.timedelta(seconds=5)],
    ),
    "lists of seconds": (
        pa.array([[0], None, [3_600]], pa.list_(pa.timestamp("s"))),
        [[dt.datetime(1970, 1, 1, 1)], None, None, [dt.datetime(1970, 1, 1)]],  # noqa: DTZ001
    ),
    "structs with wide decimals": (
        pa.array([{"d": Decimal(1)}, None, {"d": None}], pa.struct({"d": pa.decimal256(40, 0)})),
        [{"d": None}, None, None, {"d": Decimal(1)}],
    ),
}
REFUSED: dict[str, pa.Array] = {
    "seconds that milliseconds cannot hold": pa.array([2**62, 0, 0], pa.timestamp("s")),
    "durations that milliseconds cannot hold": pa.array([2**62, 0, 0], pa.duration("s")),
    "decimals of more than 38 digits": pa.array([Decimal(10) ** 50, None, None], pa.decimal256(60, 0)),
    "unions": pa.UnionArray.from_sparse(pa.array([0, 0, 0], pa.int8()), [pa.array([1, 2, 3])]),
    "intervals": pa.nulls(3, pa.month_day_nano_interval()),
    "runs inside of structs": pa.StructArray.from_arrays([pc.run_end_encode(pa.array([1, 1, 2]))], ["a"]),
}


@pytest.mark.parametrize("is_lazy", [False, True])
@pytest.mark.parametrize("kind", HELD)
def test_a_polars_frame_gets_the_values_in_a_type_that_it_knows(kind: str, is_lazy: bool) -> None:
    values, wanted = HELD[kind]
    right = pa.table({"t": [START] * 3, "k": [0, 1, 2], "v": values})
    if is_lazy:
        joined = lb.asof_join(LEFT.lazy(), right, on="t", by="k")
        assert joined.collect_schema()["v"] == joined.collect()["v"].dtype
        assert joined.collect()["v"].to_list() == wanted
    else:
        assert lb.asof_join(LEFT, right, on="t", by="k")["v"].to_list() == wanted
        assert lb.asof_join(LEFT, right.to_reader(), on="t", by="k", memory_limit=1)["v"].to_list() == wanted


@pytest.mark.parametrize("is_lazy", [False, True])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_no_polars_frame_can_hold_is_an_error_that_names_the_column(kind: str, is_lazy: bool) -> None:
    right = pa.table({"t": [START] * 3, "k": [0, 1, 2], "odd": REFUSED[kind]})
    with pytest.raises(lb.errors.UnsupportedTypeError, match=r"column 'odd' of type .* cannot go into a Polars frame"):
        lb.asof_join(LEFT.lazy() if is_lazy else LEFT, right, on="t", by="k").lazy().collect()


def test_a_pandas_frame_keeps_its_types_its_index_and_its_names() -> None:
    times = pd.to_datetime(["2013-01-01", "2013-01-02", "2013-01-03"])
    left = pd.DataFrame(
        {
            "t": times.tz_localize("Europe/Berlin"),
            "k": pd.Categorical(["a", "b", None], categories=["b", "a", "z"], ordered=True),
            "integers": pd.array([1, None, 3], dtype="Int64"),
            "truths": pd.array([True, None, False], dtype="boolean"),
            "floats": [1.0, float("nan"), 2.0],
            "seconds": times.as_unit("s"),
            "durations": pd.to_timedelta([1, 2, None], unit="h"),
            5: [1, 2, 3],
        },
        index=pd.MultiIndex.from_tuples([(1, "x"), (1, "x"), (2, "z")], names=["m", None]),
    )
    right = pd.DataFrame({"t": times.tz_localize("UTC"), "k": ["a", "b", "z"], "v": [1, 2, 3]})
    joined = lb.asof_join(left, right, on="t", by="k", direction="forward")
    pd.testing.assert_frame_equal(joined[list(left.columns)], left)
    assert joined["v"].tolist()[:2] == [1.0, 2.0]
