"""Windows whose ends lie beyond the first or last instant of their unit, against a walk over whole numbers."""

from typing import Any

import pyarrow as pa
import pytest

import lakebed as lb

FIRST, LAST = -(1 << 63), (1 << 63) - 1
INSTANTS = [FIRST, FIRST + 1, FIRST + 2, FIRST + 3, -1, 0, 1, LAST - 3, LAST - 2, LAST - 1, LAST]
NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
ENDS = {"left": (True, False), "right": (False, True), "both": (True, True), "none": (False, False)}
WAYS: dict[str, dict[str, Any]] = {"memory": {}, "known": {"known_at": "known"}, "disk": {"memory_limit": 1 << 20}}
LENGTHS: list[int | None] = [1, 2, LAST, 1 << 64, (1 << 64) - 1, None]
OFFSETS = [0, 1, 2, LAST, 1 << 64]


def windows_of(unit: str) -> dict[str, tuple[int | None, int]]:
    """Windows as text, each with length and offset in the unit."""
    found: dict[str, tuple[int | None, int]] = {}
    for length in LENGTHS:
        for offset in OFFSETS:
            text = "lifetime" if length is None else f"{length}{unit}"
            found[f"{text} offset {offset}{unit}" if offset else text] = (length, offset)
    return found


def aggregates(unit: str, closed: Any, **options: Any) -> tuple[list[list[int]], list[list[int]]]:
    """Counts of the events in each window, and what a walk counts."""
    times = pa.array(INSTANTS, pa.int64()).cast(pa.timestamp(unit))
    labels = pa.table({"t": times})
    # Not in order, and known at once.
    events = pa.table({"t": times[::-1], "known": pa.array([FIRST] * len(times)).cast(pa.timestamp(unit))})
    windows = windows_of(unit)
    asked = [lb.Aggregation("*", "count", window, f"w{at}") for at, window in enumerate(windows)]
    found = lb.window_aggregate(
        labels, events.take(list(range(len(times)))[::-1]), asked, on="t", closed=closed, **options
    )
    closed_left, closed_right = ENDS[closed]

    def count(label: int, length: int | None, offset: int) -> int:
        end = label - offset
        start = None if length is None else end - length
        return sum(
            (event <= end if closed_right else event < end)
            and (start is None or (event >= start if closed_left else event > start))
            for event in INSTANTS
        )

    expected = [[count(label, *window) for label in INSTANTS] for window in windows.values()]
    return [found[f"w{at}"].to_pylist() for at in range(len(windows))], expected


@pytest.mark.parametrize(
    "options", [{}, {"known_at": "known"}, {"memory_limit": 1 << 20}], ids=["memory", "known", "disk"]
)
@pytest.mark.parametrize("closed", ENDS)
@pytest.mark.parametrize("unit", NS)
def test_windows_that_end_beyond_all_instants(unit: str, closed: str, options: dict[str, Any]) -> None:
    found, expected = aggregates(unit, closed, **options)
    assert dict(zip(windows_of(unit), found, strict=True)) == dict(zip(windows_of(unit), expected, strict=True))


@pytest.mark.parametrize("closed", ENDS)
def test_windows_of_finer_units_than_the_times(closed: Any) -> None:
    times = pa.array([FIRST, FIRST + 1, LAST - 1, LAST], pa.int64()).cast(pa.timestamp("s"))
    table = pa.table({"t": times})
    found = lb.window_aggregate(table, table, {"*": "count"}, windows="1500ms", on="t", closed=closed)
    closed_right = ENDS[closed][1]
    assert found.column(1).to_pylist() == ([1, 2, 1, 2] if closed_right else [0, 1, 0, 1])
