"""Conditions, slices, columns and samples over frames of every Arrow type: the figures are those without them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import lakebed as lb
from lakebed.errors import UnsupportedTypeError

MAP = pa.map_(pa.string(), pa.list_(pa.struct([("x", pa.int64())])))
COLUMNS: dict[str, Any] = {
    "half": pa.array(np.array([1.5, np.nan, np.inf, -0.0], dtype="f2")),
    "text view": pa.array(["a", None, "a text of more than twelve bytes", "a"], pa.string_view()),
    "binary view": pa.array([b"a", None, b"\xff", b"a"], pa.binary_view()),
    "nulls": pa.nulls(4),
    "codes of numbers": pa.array([5, None, 5, 6]).dictionary_encode(),
    "codes of lists": pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, None]), pa.array([[1], [2, 3]])),
    "runs": pc.run_end_encode(pa.array([7, 7, None, 8])),
    "map": pa.array([[("a", [{"x": 1}])], [], None, [("b", None)]], MAP),
    "fixed list": pa.array([[1, 2], None, [3, None], [5, 6]], pa.list_(pa.int64(), 2)),
    "empty fixed list": pa.array([[], [], None, []], pa.list_(pa.int64(), 0)),
    "list view": pa.array([["a", "c"], None, [], ["b"]], pa.list_view(pa.string())),
    "large list view": pa.array([["a"], None, [None], ["b"]], pa.large_list_view(pa.string_view())),
    "list of list views": pa.array([[[1], None], None, [], [[2, 3]]], pa.list_view(pa.large_list(pa.int8()))),
    "empty struct": pa.array([{}, {}, None, {}], pa.struct([])),
    "struct": pa.array([{"a": {"b": {"c": 1}}}, None, {"a": None}, {"a": {"b": None}}]),
    "odd zone": pa.array([0, None, 1, 2], pa.timestamp("ns", "+05:30")),
    "odd zone in a struct": pa.array(
        [{"a": 0}, None, {"a": 1}, {"a": None}], pa.struct([("a", pa.timestamp("us", "-01:00"))])
    ),
    "days": pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31), dt.date(1970, 1, 1)], pa.date64()),
    "seconds": pa.array([0, None, 86_399, 5], pa.time32("s")),
    "no bytes": pa.array([b"", b"", None, b""], pa.binary(0)),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None, b"1" * 16, b"0" * 16], pa.binary(16))),
    "tensor": pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.int32(), [2]), pa.array([[1, 2], [3, 4], None, [5, 6]], pa.list_(pa.int32(), 2))
    ),
}


def figures(stats: lb.Statistics) -> list[Any]:
    return [
        (c.name, c.item_type, c.n_present, c.n_missing, c.n_values, c.distinct, c.min, c.max, c.top_values, c.n_nan)
        for c in stats.read()
        if c.name != "k"
    ]


@pytest.mark.parametrize("name", COLUMNS)
def test_what_polars_lacks_can_be_filtered_and_sliced(name: str) -> None:
    table = pa.table({"a": COLUMNS[name], "k": pa.array([1, 1, 2, 2])})
    for frame in (table, table.to_reader(), table.to_batches()[0]):
        assert figures(lb.statistics(frame, where="k > 0")) == figures(lb.statistics(table))
    for start, length in ((0, 0), (1, 2), (2, 2)):
        part = table.slice(start, length)
        assert figures(lb.statistics(part, columns=["a"])) == figures(lb.statistics(part))
    sliced = lb.statistics(table, slices=["k"])
    assert sliced.datasets == ["All Examples", "k_1", "k_2"]
    first, *_ = sliced.read("k_2")
    last, *_ = lb.statistics(table.slice(2, 2)).read()
    assert (first.n_present, first.n_values, first.top_values) == (last.n_present, last.n_values, last.top_values)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        pa.ListArray.from_arrays(pa.array([0, 1, 2]), pc.run_end_encode(pa.array([1, 1]))),
    ],
    ids=["interval", "list of runs"],
)
def test_what_cannot_be_told_to_polars_is_refused_by_name(column: Any) -> None:
    table = pa.table({"k": pa.array([1, 2]), "odd": column})
    assert lb.statistics(table).n_rows == 2
    with pytest.raises(UnsupportedTypeError, match=r"column 'odd' has the type .*, which Polars lacks: .*cast it"):
        lb.statistics(table, where="k = 1")


def test_the_last_nanosecond_of_a_day_is_not_the_next_one() -> None:
    last = 86_400 * 10**9 - 1
    times = pa.array([last, 0], pa.time64("ns"))
    moments = pa.array([last, -1], pa.timestamp("ns"))
    stats = lb.statistics(pa.table({"t": times, "m": moments}))
    assert stats.column("t").max == dt.time(23, 59, 59, 999_999)
    ends = stats.to_polars().filter(pl.col("name") == "m").select("min", "max").row(0)
    assert ends == ("1969-12-31T23:59:59.999999", "1970-01-01T23:59:59.999999")
    assert sorted(value for value, _ in stats.column("t").top_values) == ["00:00:00", "23:59:59.999999"]
