"""What is told of a column: figures equal to NumPy's and Polars', their bounds, nesting levels, files and pages."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed.errors import InvalidArgumentError
from lakebed.statistics import ColumnStatistics, Statistics
from lakebed.statistics.generate import merge

PINNED = (21_079, "87a190ea0d4a5605")
RNG = np.random.default_rng(5)
N = 20_000
NUMBERS = {
    "int8": pl.Series(RNG.integers(-128, 128, N), dtype=pl.Int8),
    "int64": pl.Series(RNG.integers(-(2**62), 2**62, N)),
    "uint64": pl.Series(RNG.integers(0, 2**64, N, dtype=np.uint64)),
    "few ints": pl.Series(RNG.integers(0, 3000, N)),
    "float32": pl.Series(RNG.normal(0, 1, N), dtype=pl.Float32),
    "float64": pl.Series(RNG.normal(1e6, 1, N)),
    "octaves": pl.Series(np.exp(RNG.normal(0, 60, N))),
    "hugging": pl.Series(np.where(RNG.random(N) < 0.01, RNG.normal(0, 1e100, N), 1 + RNG.random(N) * 1e-9)),
    "denormal": pl.Series(RNG.integers(1, 2**40, N).view(np.float64)),
    "bool": pl.Series(RNG.random(N) < 0.3),
    "decimal": pl.Series(RNG.integers(-(10**6), 10**6, N)).cast(pl.Decimal(18, 2)) / 100,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_exact_figures_are_those_of_polars(name: str) -> None:
    values = NUMBERS[name].alias("x")
    column = lb.statistics(values.to_frame().with_columns(pl.when(pl.int_range(N) % 7 > 0).then("x"))).column("x")
    present = values.filter(pl.select(pl.int_range(N) % 7 > 0).to_series())
    floats = present.cast(pl.Float64).to_numpy()
    assert (column.n_present, column.n_missing) == (len(present), N - len(present))
    assert (column.min, column.max) == (present.min(), present.max())
    assert column.mean == pytest.approx(float(np.mean(floats)), rel=1e-12, abs=1e-12)
    assert column.std == pytest.approx(float(np.std(floats)), rel=1e-9)
    assert (column.n_zero, column.n_negative) == (int((floats == 0).sum()), int((floats < 0).sum()))
    if name in ("int8", "int64", "uint64", "decimal"):
        assert column.sum == sum(present.to_list())
    if column.distinct_exact:
        assert column.distinct == present.n_unique()
    else:
        assert column.distinct == pytest.approx(present.n_unique(), rel=4 * column.relative_error)


@pytest.mark.parametrize("name", NUMBERS)
def test_ranks_of_percentiles_are_within_their_bound(name: str) -> None:
    column = lb.statistics(NUMBERS[name].alias("x").to_frame()).column("x")
    floats = np.sort(NUMBERS[name].cast(pl.Float64).to_numpy())
    assert len(column.percentiles) == 101
    assert column.rank_error is not None
    assert (column.rank_error == 0) == column.distinct_exact
    for percent, value in enumerate(column.percentiles):
        low, high = np.searchsorted(floats, value, "left") / N, np.searchsorted(floats, value, "right") / N
        slack = column.rank_error + 1 / N
        assert low - slack <= percent / 100 <= high + slack, (percent, value, low, high)
    assert sum(count for *_, count in column.histogram) == pytest.approx(N) or not column.histogram


def test_text_is_measured_in_bytes_and_characters() -> None:
    column = lb.statistics(pl.DataFrame({"x": ["caf\u00e9", "", None, "\U0001f600\U0001f600", "ab"]})).column("x")
    assert column.length == (0, 8, 15)
    assert column.characters == (0, 4, 8)
    assert column.n_invalid_utf8 == 0
    ascii_only = lb.statistics(pl.DataFrame({"x": ["abc", "d"]})).column("x")
    assert ascii_only.length == ascii_only.characters == (1, 3, 4)


def test_frequent_values_say_what_they_may_lack() -> None:
    few = lb.statistics(pl.DataFrame({"x": ["a", "b", "a"]})).column("x")
    assert (few.top_values, few.top_values_error, few.frequencies_complete) == ([("a", 2), ("b", 1)], 0, True)
    values = [f"v{i}" for i in range(30_000)] + ["often"] * 3000
    many = lb.statistics(pl.DataFrame({"x": values})).column("x")
    (value, count), *_ = many.top_values
    assert value == "often"
    assert count <= 3000 <= count + many.top_values_error
    assert 0 < many.top_values_error <= len(values) / 512
    assert not many.frequencies_complete


def test_lists_structs_and_maps_are_described_on_every_level() -> None:
    frame = pl.DataFrame(
        {
            "nested": [[[1, 2], [3]], [], None, [[4], None, [None]]],
            "points": [[{"x": 1.5, "tags": ["a"]}, {"x": None, "tags": []}], None, [], [None]],
        }
    )
    found = lb.statistics(frame)
    assert found.columns == ["nested", "points", "points.x", "points.tags"]
    nested = found.column("nested")
    assert (nested.type, nested.item_type, nested.n_present, nested.n_missing) == ("list", "int", 3, 1)
    assert (nested.n_values, nested.n_null_values, nested.min, nested.max) == (4, 1, 1, 4)
    assert [(level["n_null"], level["min"], level["max"], level["total"]) for level in nested.levels] == [
        (1, 0, 3, 5),
        (1, 1, 2, 5),
    ]
    assert nested.values_per_row[:2] == (0, 3)
    assert nested.values_per_row[2] == pytest.approx(5 / 3)
    points, x, tags = (found.column(name) for name in ("points", "points.x", "points.tags"))
    assert (points.item_type, points.n_values, points.n_null_values) == ("struct", 2, 1)
    assert (x.path, x.n_present, x.n_missing, x.max) == (("points", "x"), 1, 1, 1.5)
    assert (tags.n_present, tags.n_values, tags.top_values) == (2, 1, [("a", 1)])


def test_null_lists_and_structs_hide_what_lies_under_them() -> None:
    import pyarrow as pa

    values = pa.array([1, 99, 2])
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), values, mask=pa.array([False, True, False]))
    structs = pa.StructArray.from_arrays([values], ["a"], mask=pa.array([False, True, False]))
    found = lb.statistics(pa.table({"l": lists, "s": structs}))
    assert (found.column("l").max, found.column("l").n_values) == (2, 2)
    assert (found.column("s.a").max, found.column("s.a").n_present) == (2, 2)


def test_times_and_durations_are_themselves() -> None:
    day, span = dt.date(2020, 2, 29), dt.timedelta(hours=1)
    column = lb.statistics(pl.DataFrame({"l": [[day], []], "d": [span, None]})).column("l")
    assert (column.item_type, column.min, column.top_values) == ("date", day, [("2020-02-29", 1)])
    duration = lb.statistics(pl.DataFrame({"d": [span, None]})).column("d")
    assert (duration.type, duration.min, duration.sum) == ("duration", span, 3_600_000_000)


def test_merged_parts_are_the_whole() -> None:
    frame = pl.DataFrame(NUMBERS)
    whole = lb.statistics(frame)
    merged = merge([lb.statistics(frame[:7000]), lb.statistics(frame[7000:12000]), lb.statistics(frame[12000:])])
    for ours, expected in zip(merged.read(), whole.read(), strict=True):
        same = ("n_present", "min", "max", "sum", "distinct", "n_zero", "n_negative", "relative_error", "rank_error")
        assert [getattr(ours, name) for name in same] == [getattr(expected, name) for name in same]
        assert ours.mean == pytest.approx(expected.mean, rel=1e-12)
        assert ours.std == pytest.approx(expected.std, rel=1e-9)
    with pytest.raises(InvalidArgumentError, match="hold no summaries"):
        merge([Statistics.from_bytes(whole.to_bytes())])


def test_every_form_holds_the_same_figures(tmp_path: Path) -> None:
    stats = lb.statistics(pl.DataFrame({"x": [1.5, None, math.nan], "s": ["a", "b", "b"], "l": [[1], [], None]}))
    for name in ("a.pb", "a.pbtxt"):
        stats.save(tmp_path / name)
        again = Statistics.load(tmp_path / name)
        assert again == stats
        for ours, read in zip(stats.read(), again.read(), strict=True):
            assert same_figures(ours, read)
    json.dumps(stats.to_dict())


def same_figures(ours: ColumnStatistics, theirs: ColumnStatistics) -> bool:
    return repr(ours) == repr(theirs)


def test_deleted_rows_make_bounds_of_figures() -> None:
    summary: dict[str, Any] = lb.statistics(pl.DataFrame({"x": [1, 2, 2, None]})).core().to_dict()
    summary |= {"n_rows": 3, "n_deleted": 1}
    stats = Statistics.from_summaries([("", summary)])
    column = stats.column("x")
    assert (stats.n_rows, stats.is_exact, column.is_bound) == (3, False, True)
    assert (column.min_exact, column.max_exact, column.distinct_exact) == (False, False, False)
    assert column.n_present + column.n_missing == 3
    assert "Rows were deleted since" in stats.to_html()


def test_the_page_needs_nothing_else_and_escapes_the_data(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    frame = pl.DataFrame({evil: [evil, "b"], "x": [1.0, math.inf], "n": [None, None], "l": [["a"], []]})
    stats = lb.statistics(frame, slices={"<i>": "x > 0"})
    stats.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1  # The filter's own.
    assert re.findall(r"(?:src|href)=|@import|url\(", page) == []
    assert page.count("<details") == 8
    assert "&lt;i&gt;" in page
    assert "<script>" not in stats._repr_html_()


def test_the_page_never_cuts_a_number_and_keeps_directions_apart() -> None:
    most = "9" * 76
    digits = pa.array([Decimal(most), Decimal(0)], pa.decimal256(76, 0))
    tiny = pa.array([Decimal("1e-36"), Decimal(0)], pa.decimal128(38, 36))
    table = pa.table({"שלום": ["مرحبا 1", ""], "large": digits, "tiny": tiny, "": [2**63 - 1, 7]})
    page = lb.statistics(table).to_html()
    assert "<bdi>שלום</bdi>" in page
    assert "<bdi>مرحبا 1</bdi> <span class='quiet'>(50%)</span>" in page
    assert most[:20] not in re.sub(r"<[^>]*>", "", page)  # The whole number is told by titles only.
    assert page.count("1.000000e+76") == 4  # In the row, greatest, sum and most frequent.
    assert "0." + "0" * 35 + "1" in page  # In full where there is room,
    assert "<bdi>0</bdi> &hellip; <bdi>1.000000e-36</bdi>" in page  # rounded where there is none.
    assert "0E-36" not in page
    assert '<span class="name cut" title="">&ldquo;&rdquo;</span>' in page  # A column without a name.
    assert "9,223,372,036,854,775,807" in page


def test_wide_tables_have_pages_of_moderate_size() -> None:
    frame = pl.DataFrame({f"c{i}": [float(j * i % 17) for j in range(50)] for i in range(500)})
    page = lb.statistics(frame).to_html()
    assert page.count("<details") == 500
    assert len(page) < 5_000_000


def test_stored_bytes_are_pinned() -> None:
    """The format's own examples: counted and sketched numbers, text, lists, structs, times (docs/format.md, 5)."""
    numbers = [(i * 2654435761) % 2**32 for i in range(20_000)]
    frame = pl.DataFrame(
        {
            "few": [number % 7 for number in numbers],
            "many": numbers,
            "real": [number / 3 - 1e9 for number in numbers],
            "text": [f"v{number % 9000}" for number in numbers],
            "list": [[number % 5] * (number % 4) for number in numbers],
            "struct": [{"a": number % 3, "b": None if number % 2 else "x"} for number in numbers],
            "time": pl.Series(numbers).cast(pl.Datetime("us", "UTC")),
        }
    )
    data = lb.statistics(frame).core().encode()
    assert (len(data), hashlib.sha256(data).hexdigest()[:16]) == PINNED


def test_means_of_lengths_have_all_their_digits() -> None:
    frame = pl.DataFrame(
        {"s": ["a", "bc", "def", "é", None, "x" * 17, ""], "l": [[1], [2, 3], None, [], [4], [5], [6]]}
    )
    for stats in (lb.statistics(frame), lb.Statistics.from_bytes(lb.statistics(frame).to_bytes())):
        assert stats.column("s").avg_length == frame["s"].str.len_bytes().mean()
        assert stats.column("l").values_per_row[2] == frame["l"].list.len().mean()


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(3)])
def test_binary_columns_have_extremes(kind: pa.DataType) -> None:
    table = pa.table({"a": pa.array([b"\xff\x00a", b"abc", None, b"\x00zz"], kind)})
    stats = lb.statistics(table)
    column = stats.column("a")
    assert (column.min, column.max, column.min_exact) == (b"\x00zz", b"\xff\x00a", True)
    assert column.to_dict()["min"] == "007a7a"
    assert (sorted(column.top_values), column.ranks) == ([("007a7a", 1), ("616263", 1), ("ff0061", 1)], [])
    assert stats.to_polars()["max"].to_list() == ["ff0061"]
    assert lb.Statistics.from_text(stats.to_text()).column("a").max == b"\xff\x00a"


@pytest.mark.parametrize("n", [4_000, 6_024, 40_000])
def test_stored_percentiles_end_at_the_least_and_the_greatest_value(n: int) -> None:
    seconds = pl.int_range(n, eager=True).alias("i") * 3600 + 1_700_000_000
    frame = pl.DataFrame({"i": seconds, "f": seconds / 7 - 3e8, "d": seconds.cast(pl.Decimal(20, 0)) / 10})
    wh = lb.open("memory://")
    wh.write("t", frame)
    for column in wh.statistics("t").read():
        assert (column.min, column.max) == (frame[column.name].min(), frame[column.name].max())
        ends = [frame[column.name].cast(pl.Float64).min(), frame[column.name].cast(pl.Float64).max()]
        assert [column.percentiles[0], column.percentiles[100]] == ends


def test_the_median_is_that_of_the_finite_numbers_as_the_mean_is() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0, math.inf, math.inf, -math.inf], "w": [1.0, 3.0, 9.0, 9.0, 1.0]})
    column = lb.statistics(frame, weights="w").column("a")
    assert (column.mean, column.median, column.percentiles[50]) == (1.5, 1.0, 1.0)
    assert column.weighted is not None
    assert column.weighted.median == pytest.approx(2.0)
    assert lb.statistics(frame, compatibility="tfdv").column("a").median == 2.0
