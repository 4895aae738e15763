"""Tables, trees and histograms from plain values."""

from __future__ import annotations

import datetime as dt
import io
import math
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from rich.console import Console

from lakebed.errors import InvalidArgumentError
from lakebed.report import cell_text, histogram_svg, histogram_text, html_table, rich_table, rich_tree, tree_text


def printed(renderable: Any, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (0, "0"),
        (-1234567, "-1,234,567"),
        (0.0, "0.0"),
        (1234.5, "1,234"),
        (0.00012345, "0.0001234"),
        (1e-9, "1e-09"),
        (1.5e20, "1.5e+20"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
        (False, "false"),
        (b"\x01\xff", "01ff"),
        (dt.datetime(2013, 1, 1, 5, 0, tzinfo=dt.timezone.utc), "2013-01-01 05:00:00+00:00"),
        (dt.date(2013, 1, 1), "2013-01-01"),
        ("a\tb\x1b[31m", "a b [31m"),
    ],
)
def test_a_cell_is_one_short_line(value: Any, expected: str) -> None:
    assert cell_text(value) == expected


def test_a_terminal_table_aligns_numbers_and_says_what_it_left_out() -> None:
    rows: list[list[Any]] = [["UA", 58665, 0.5], ["[red]OO[/red]", None, 12.25], ["hidden", 1, 1.0]]
    text = printed(rich_table(["carrier", "flights", "delay"], rows, title="[b]Delay[/b]", max_rows=2))
    assert text.splitlines() == [
        "[b]Delay[/b]",
        " carrier         flights   delay",
        "─────────────────────────────────",
        " UA               58,665     0.5",
        " [red]OO[/red]         -   12.25",
        "... and 1 more row",
    ]


def test_an_html_table_escapes_and_cuts() -> None:
    html = html_table(["<script>"], [["<img src=x onerror=alert(1)>" + "x" * 100], [None]], title='"&"', max_rows=None)
    assert "<script>" not in html
    assert "<img" not in html
    assert "…" in html
    root = ET.fromstring(html)
    cells = list(root.iter("td"))
    assert "x" * 100 in (cells[0].get("title") or "")
    assert cells[1].text == "-"
    assert "more rows" in html_table(["a"], [[1]] * 9, max_rows=3)


def test_a_row_of_the_wrong_length_is_refused() -> None:
    for table in (rich_table, html_table):
        with pytest.raises(InvalidArgumentError, match="row 1"):
            table(["a", "b"], [[1, 2], [1]])


def test_an_empty_table_is_a_table() -> None:
    assert "a" in printed(rich_table(["a"], []))
    ET.fromstring(html_table(["a"], []))


def test_a_tree_unfolds_each_node_once() -> None:
    children = {"a": ["b", "c"], "b": ["c"], "c": ["a", "d"]}
    assert tree_text(["a"], children, {"d": "leaf\nof two lines"}).splitlines() == [
        "a",
        "├── b",
        "│   └── c",
        "│       ├── a (shown above)",
        "│       └── leaf of two lines",
        "└── c (shown above)",
    ]
    assert tree_text(["a"], children, {}, max_depth=1).splitlines() == [
        "a",
        "├── b (1 more below)",
        "└── c (2 more below)",
    ]


def test_a_deep_tree_needs_no_deep_stack() -> None:
    children = {str(level): [str(level + 1)] for level in range(3000)}
    assert tree_text(["0"], children, {}).count("\n") == 3000


def test_a_rich_tree_shows_the_same_nodes() -> None:
    children = {"a": ["b", "[c]"], "b": ["[c]"]}
    lines = printed(rich_tree(["a"], children, {})).splitlines()
    assert [re.sub(r"^[│├└─ ]+", "", line) for line in lines] == ["a", "b", "[c]", "[c]"]
    assert printed(rich_tree(["a", "b"], {}, {}, title="Two")).splitlines()[0] == "Two"
    assert len(printed(rich_tree(["a", "b"], {}, {})).splitlines()) == 2


def test_a_histogram_weighs_bins_of_different_width() -> None:
    assert histogram_text([(0, 2, 8), (2, 4, 8), (4, 8, 8)], n_bars=4) == "██▄▄"
    assert histogram_text([(0, 0, 5), (10, 10, 10)], n_bars=5) == "▄   █"
    assert histogram_text([(1, 1, 3)], n_bars=3) == "█  "
    assert histogram_text([(0, 1, 1), (1, 2, 100000)], n_bars=2) == "▁█"
    assert histogram_text([], n_bars=3) == ""
    assert histogram_text([(0, 1, 0)]) == ""


def test_a_histogram_takes_the_greatest_doubles() -> None:
    greatest = 1.7976931348623157e308
    assert histogram_text([(-greatest, -greatest, 1), (greatest, greatest, 1)], n_bars=4) == "█  █"
    ET.fromstring(histogram_svg([(-greatest, greatest, 1)]))
    assert len(histogram_text([(5e-324, 1e-323, 1)], n_bars=4)) == 4


def test_a_histogram_as_svg_has_a_tooltip_for_each_bar() -> None:
    root = ET.fromstring(histogram_svg([(0, 1, 10), (1, 2, 0), (2, 3, 5)], n_bars=3))
    rects = list(root.iter("{http://www.w3.org/2000/svg}rect"))
    assert [rect[0].text for rect in rects] == ["0.0 to 1.0: 10", "2.0 to 3.0: 5"]
    assert [float(rect.get("height", "0")) for rect in rects] == [48.0, 24.0]
    assert list(ET.fromstring(histogram_svg([]))) == []


@pytest.mark.parametrize("bins", [[(1, 0, 1)], [(0, math.inf, 1)], [(0, 1, -1)], [(math.nan, 1, 1)]])
def test_a_bin_that_is_none_is_refused(bins: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="no bin"):
        histogram_text(bins)
    with pytest.raises(InvalidArgumentError, match="bars"):
        histogram_text([(0, 1, 1)], n_bars=0)
