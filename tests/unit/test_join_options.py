"""Options of joins in time: ends of windows, known-at, many sides, reports, limits, progress, and what is refused."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import lakebed as lb
from lakebed import errors
from lakebed.join import report as reports
from lakebed.join.progress import ProgressBar, watcher

START = dt.datetime.fromisoformat("2013-01-01T00:00")


def at(*hours: float | None) -> list[dt.datetime | None]:
    return [None if hour is None else START + dt.timedelta(hours=hour) for hour in hours]


def frame(*hours: float | None, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"t": at(*hours), **columns}, schema_overrides={"t": pl.Datetime("us")})


def values(left: pl.DataFrame, right: pl.DataFrame, **options: Any) -> list[Any]:
    return list(lb.asof_join(left, right, **{"on": "t", **options})["v"])


# --- Which row ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "closed", "expected"),
    [
        ("backward", "both", 2),
        ("backward", "left", 1),
        ("backward", "right", 2),
        ("backward", "strict", 1),
        ("forward", "both", 2),
        ("forward", "left", 2),
        ("forward", "right", 3),
        ("forward", "strict", 3),
    ],
)
def test_the_ends_of_the_window_count_as_asked(direction: Any, closed: Any, expected: int) -> None:
    right = frame(0, 2, 4, v=[1, 2, 3])
    assert values(frame(2), right, direction=direction, closed=closed, tolerance="3h") == [expected]


def test_the_far_end_of_the_window_can_be_left_out() -> None:
    right = frame(0, v=[1])
    assert values(frame(2), right, tolerance="2h", closed="both") == [1]
    assert values(frame(2), right, tolerance="2h", closed="right") == [None]
    assert values(frame(2), right, tolerance="2h", closed="none") == [None]
    assert values(frame(-2), right, tolerance="2h", closed="left", direction="forward") == [None]
    assert values(frame(-2), right, tolerance="2h", closed="right", direction="forward") == [1]


def test_the_nearest_row_of_both_sides_matches_and_the_older_of_two() -> None:
    right = frame(0, 4, v=[1, 2])
    assert values(frame(1, 3, 2), right, direction="nearest") == [1, 2, 1]
    assert values(frame(0, 4), right, direction="nearest", closed="strict") == [2, 1]
    assert values(frame(-1, 9), right, direction="nearest", tolerance="2h") == [1, None]


def test_a_row_that_was_not_known_yet_is_invisible_and_an_older_one_matches() -> None:
    right = frame(1, 2, 2, v=[1, 2, 3], made=at(1, 5, 9))
    labels = frame(1, 4, 5, 8, 9)
    assert values(labels, right, known_at="made") == [1, 1, 2, 2, 3]
    assert values(labels, right, created="made") == [1, 3, 3, 3, 3]
    assert values(labels, right, known_at="made", tolerance="2h") == [1, None, None, None, None]


def test_a_row_of_which_nobody_knows_since_when_is_never_known_and_the_oldest_of_a_tie() -> None:
    right = frame(1, 1, v=[1, 2], made=at(0, None))
    assert values(frame(5), right, known_at="made") == [1]
    assert values(frame(5), right, created="made") == [1]
    assert values(frame(5), right) == [2]


def test_a_late_backfill_is_found_by_labels_after_it_only() -> None:
    n = 5000
    right = frame(*range(n), v=range(n), made=at(*[n + 7] * n))
    assert values(frame(10, n - 1, n + 7), right, known_at="made") == [None, None, n - 1]


def test_the_last_value_that_is_not_null_can_be_asked_for() -> None:
    right = frame(1, 2, 3, v=[1, None, None], w=["a", "b", None])
    joined = lb.asof_join(frame(5, 2), right, on="t", skip_nulls=True)
    assert joined.select("v", "w").rows() == [(1, "b"), (1, "b")]
    joined = lb.asof_join(frame(5), right, on="t", skip_nulls="w", tolerance="3h")
    assert joined.select("v", "w").rows() == [(None, "b")]


def test_columns_can_be_chosen_and_renamed() -> None:
    right = frame(0, v=[1], w=[2])
    sides = [lb.JoinSide(right, columns={"w": "x"}), lb.JoinSide(right, columns=["v"], name="plain")]
    joined, report = lb.asof_join(frame(1), sides, on="t", report=True)
    assert joined.drop("t").rows(named=True) == [{"x": 2, "v": 1}]
    assert (report[0].name, report["plain"].n_matched) == ("right 1", 1)


def test_sides_may_have_keys_of_their_own() -> None:
    left = frame(1, 1, a=[1, 2], b=["x", "y"])
    one, two = frame(0, a=[2], v=[10]), frame(0, c=["x"], w=[20])
    joined = lb.asof_join(left, [lb.JoinSide(one, by="a"), lb.JoinSide(two, by="c", left_by="b")], on="t")
    assert joined.select("v", "w").rows() == [(None, 20), (10, None)]


# --- Reports ------------------------------------------------------------------------------------------------


def test_the_report_tells_why_rows_did_not_match() -> None:
    left = frame(5, 5, 5, 5, None, 0.5, k=["a", "b", "c", None, "a", "a"])
    right = frame(1, 4, 4, 9, k=["b", "a", "a", "d"], v=[1, 2, 3, 4])
    _, report = lb.asof_join(left, right, on="t", by="k", tolerance="2h", report=True)
    side = report[0]
    counts = (
        side.n_rows,
        side.n_matched,
        side.n_expired,
        side.n_future_only,
        side.n_unknown_key,
        side.n_null,
        side.n_ties,
    )
    assert counts == (6, 1, 1, 1, 1, 2, 1)
    assert side.age() == side.age(1.0) == dt.timedelta(hours=1)
    assert (side.match_rate, side.expired_share, side.future_only_share) == (1 / 6, 1 / 6, 1 / 6)
    assert "1 of 6 rows matched (16.7%), median age 1h, 1 expired, 1 future only" in repr(report)
    assert report.to_polars()["age_p50"].to_list() == [dt.timedelta(hours=1)]
    with pytest.raises(errors.ColumnNotFoundError, match="'right 1'"):
        report["prices"]
    with pytest.raises(errors.ColumnNotFoundError, match=r"0\.3"):
        side.age(0.3)


def test_a_report_without_rows_divides_by_nothing() -> None:
    _, report = lb.asof_join(frame(), frame(), on="t", report=True)
    assert (report[0].match_rate, report[0].age()) == (0.0, None)
    assert list(reports.JoinReport(report.sides)) == list(report)


def test_what_was_not_known_is_counted() -> None:
    _, report = lb.asof_join(frame(5), frame(1, v=[1], made=at(9)), on="t", known_at="made", report=True)
    assert (report[0].n_not_yet_known, report[0].n_matched) == (1, 0)


# --- Memory, progress, interruption -------------------------------------------------------------------------


def test_a_join_within_a_limit_leaves_no_file_and_gives_the_same(tmp_path: Path) -> None:
    left = frame(*range(500), k=[f"key {n % 7}" for n in range(500)], x=[[n] for n in range(500)])
    right = frame(*range(900), k=[f"key {n % 9}" for n in range(900)], v=[f"value {n}" for n in range(900)])
    whole = lb.asof_join(left, right, on="t", by="k")
    joined, report = lb.asof_join(
        left, right, on="t", by="k", memory_limit="10kB", spill_folder=str(tmp_path), report=True
    )
    assert joined.equals(whole)
    assert joined.schema == whole.schema
    assert report.spilled_bytes > 10_000
    assert list(tmp_path.iterdir()) == []


def test_one_hot_key_larger_than_the_limit_is_joined_in_pieces() -> None:
    n = 60_000
    left, right = frame(*range(0, n, 7), x=range(0, n, 7)), frame(*range(n), v=range(n), made=at(*range(3, n + 3)))
    for options in ({}, {"direction": "forward"}, {"direction": "nearest"}, {"known_at": "made"}, {"skip_nulls": True}):
        whole = lb.asof_join(left, right, on="t", report=True, **options)
        pieces = lb.asof_join(left, right, on="t", memory_limit="300kB", report=True, **options)
        assert pieces.data.equals(whole.data)
        assert pieces.report.sides == whole.report.sides
        assert pieces.report.spilled_bytes > 0


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    (tmp_path / f"lakebed-spill-{gone.pid}-00").write_bytes(b"rows")
    (tmp_path / f"lakebed-spill-{os.getpid()}-00").write_bytes(b"rows")
    (tmp_path / "lakebed-spill-notes").write_bytes(b"mine")
    lb.asof_join(frame(1), frame(0, v=[1]), on="t", memory_limit=1, spill_folder=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"lakebed-spill-{os.getpid()}-00",
        "lakebed-spill-notes",
    ]


def test_a_folder_that_is_not_there_is_an_error() -> None:
    with pytest.raises((errors.StorageError, errors.UnwritableError), match="no such folder"):
        lb.asof_join(frame(1), frame(0, v=[1]), on="t", memory_limit=1, spill_folder="/no such folder")


def reader(table: pl.DataFrame, size: int) -> Any:
    arrow = table.to_arrow()
    return pa.RecordBatchReader.from_batches(arrow.schema, arrow.to_batches(max_chunksize=size))


def test_readers_stream_in_and_out() -> None:
    left, right = frame(*range(100)), frame(*range(100), v=range(100))
    for limit in (None, 1000):
        joined = lb.asof_join(reader(left, 9), reader(right, 11), on="t", memory_limit=limit)
        assert isinstance(joined, pa.RecordBatchReader)
        assert joined.read_all()["v"].to_pylist() == list(range(100))


def test_an_error_of_the_stream_reaches_the_caller() -> None:
    def batches() -> Any:
        yield pa.record_batch({"t": pa.array([1], pa.timestamp("us"))})
        raise ValueError("the source broke")

    broken = pa.RecordBatchReader.from_batches(pa.schema({"t": pa.timestamp("us")}), batches())
    with pytest.raises(errors.InvalidArgumentError, match="the source broke"):
        lb.asof_join(broken, frame(0, v=[1]), on="t")


def test_progress_is_told_to_a_callable_and_drawn_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert watcher(lambda done, expected: None) is not None
    assert watcher(progress=None) is None
    times = iter([0.0, 2.0])
    with ProgressBar(clock=lambda: next(times)) as bar:
        bar(3, 4)
    assert "75%" in capsys.readouterr().err
    with pytest.raises(errors.InvalidArgumentError, match="progress is True"):
        lb.asof_join(frame(1), frame(0), on="t", progress="yes")  # type: ignore[arg-type]


def test_what_progress_raises_ends_the_join() -> None:
    """The source waits for the first look at the progress, so the join cannot be over before."""
    looked: list[tuple[int, int]] = []

    def batches() -> Any:
        batch = pa.record_batch({"t": pa.array([1], pa.timestamp("us"))})
        while not looked:
            yield batch

    def tell(done: int, expected: int) -> None:
        looked.append((done, expected))
        raise RuntimeError("enough")

    endless = pa.RecordBatchReader.from_batches(pa.schema({"t": pa.timestamp("us")}), batches())
    with pytest.raises(RuntimeError, match="enough"):
        lb.asof_join(endless, frame(0, v=[1]), on="t", progress=tell)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to itself")
def test_ctrl_c_ends_the_join() -> None:
    program = textwrap.dedent(
        """
        import os, signal, pyarrow as pa, lakebed as lb
        right = pa.table({"t": pa.array([1], pa.timestamp("us")), "v": [1]})
        stopped = []
        def batches():
            os.kill(os.getpid(), signal.SIGINT)
            while not stopped:
                yield pa.record_batch({"t": pa.array([1], pa.timestamp("us"))})
        def tell(done, expected):
            stopped.append(done)
        left = pa.RecordBatchReader.from_batches(pa.schema({"t": pa.timestamp("us")}), batches())
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            lb.asof_join(left, right, on="t", progress=tell, memory_limit=100)
        except KeyboardInterrupt:
            stopped.append(0)
            print("stopped")
        """
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.strip() == "stopped" or run.returncode in {-signal.SIGINT, 130}, run.stderr


# --- Bad input ----------------------------------------------------------------------------------------------

LEFT, RIGHT = frame(1, k=["a"]), frame(0, k=["a"], v=[1])
REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no time": ({"on": None}, errors.TimeColumnError, "no time column was named"),
    "unknown time": ({"on": "tt"}, errors.TimeColumnError, "did you mean 't'"),
    "time of text": ({"on": "k"}, errors.TimeColumnError, "which is no instant"),
    "unknown key": ({"by": "kk"}, errors.ColumnNotFoundError, "did you mean 'k'"),
    "uneven keys": ({"left_by": ["k"], "right_by": []}, errors.InvalidArgumentError, "as many keys"),
    "keys of two types": ({"left_by": "k", "right_by": "v"}, errors.SchemaMismatchError, "Utf8View.*Int64"),
    "negative tolerance": ({"tolerance": dt.timedelta(hours=-1)}, errors.InvalidArgumentError, "negative"),
    "negative text": ({"tolerance": "-1h"}, errors.InvalidArgumentError, "not negative"),
    "tolerance of a number": ({"tolerance": 5}, errors.InvalidArgumentError, "tolerance 5 cannot be read"),
    "tolerance of a truth": ({"tolerance": False}, errors.InvalidArgumentError, "cannot be read"),
    "months": ({"tolerance": "1mo"}, errors.InvalidArgumentError, "'1mo' cannot be read"),
    "a year of numpy": ({"tolerance": np.timedelta64(1, "Y")}, errors.InvalidArgumentError, "cannot be read"),
    "not a time of numpy": ({"tolerance": np.timedelta64("NaT")}, errors.InvalidArgumentError, "cannot be read"),
    "a time of numpy without a unit": ({"tolerance": np.timedelta64(5)}, errors.InvalidArgumentError, "cannot be read"),
    "less than nothing of numpy": ({"tolerance": np.timedelta64(-5, "h")}, errors.InvalidArgumentError, "is negative"),
    "hours in another script": ({"tolerance": "\uff12h"}, errors.InvalidArgumentError, "cannot be read"),
    "months with a hint": ({"tolerance": "3mo"}, errors.InvalidArgumentError, "no fixed length; write days"),
    "key of a number": ({"by": 5}, errors.InvalidArgumentError, "a name or a list of names, not 5"),
    "key of nothing": ({"by": [None]}, errors.InvalidArgumentError, "a name or a list of names"),
    "key of a mapping": ({"by": {"k": "k"}}, errors.InvalidArgumentError, "a name or a list of names"),
    "key of an expression": ({"by": pl.col("k")}, errors.InvalidArgumentError, "a name or a list of names"),
    "suffix of a number": ({"suffix": 5}, errors.InvalidArgumentError, "suffix is a text, not 5"),
    "time of a number": ({"on": 5}, errors.InvalidArgumentError, "on is a text, not 5"),
    "direction": ({"direction": "sideways"}, errors.InvalidArgumentError, "'backward', 'forward', 'nearest'"),
    "two directions": ({"direction": "forward", "strategy": "nearest"}, errors.InvalidArgumentError, "contradict"),
    "closed": ({"closed": "open"}, errors.InvalidArgumentError, "closed is one of"),
    "one end of two": ({"direction": "nearest", "closed": "left"}, errors.InvalidArgumentError, "looks both ways"),
    "unknown created": ({"created": "made"}, errors.TimeColumnError, "'made' not found"),
    "created of text": ({"known_at": "k"}, errors.TimeColumnError, "which is no instant"),
    "two created": ({"known_at": "t", "created": "v"}, errors.InvalidArgumentError, "name two columns"),
    "skipped column": ({"skip_nulls": "x"}, errors.ColumnNotFoundError, "'x'"),
    "limit": ({"memory_limit": "much"}, errors.InvalidArgumentError, "memory_limit 'much'"),
    "no limit": ({"memory_limit": 0}, errors.InvalidArgumentError, "memory_limit 0"),
    "zone": ({"assume_timezone": "Nowhere/Land"}, errors.InvalidArgumentError, "time zone 'Nowhere/Land'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused_with_a_hint(case: str) -> None:
    options, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        lb.asof_join(LEFT, RIGHT, **{"on": "t", **options})


def test_no_right_table_and_unknown_options_of_one_are_refused() -> None:
    with pytest.raises(errors.InvalidArgumentError, match="no right table"):
        lb.asof_join(LEFT, [], on="t")
    with pytest.raises(TypeError, match="no option 'tolerence'"):
        lb.JoinSide(RIGHT, tolerence="1h")
    with pytest.raises(TypeError, match="expected a table that speaks Arrow"):
        lb.asof_join(LEFT, 5, on="t")


def test_names_that_clash_between_right_tables_are_refused() -> None:
    right = frame(0, v=[1])
    joined = lb.asof_join(frame(1), [right, right], on="t")
    assert joined.columns == ["t", "v", "v_right"]
    with pytest.raises(errors.InvalidColumnsError, match="more than one column would be called 'v_right'"):
        lb.asof_join(frame(1), [right, right, right], on="t")


def test_columns_that_share_the_name_of_a_key_or_a_time_are_refused() -> None:
    twice = pa.table([*LEFT.to_arrow().columns, pa.array(["b"])], names=["t", "k", "k"])
    for left, right, side in ((twice, RIGHT, "left"), (LEFT, twice, "right")):
        with pytest.raises(errors.InvalidColumnsError, match=f"the {side} table .* more than one column is called 'k'"):
            lb.asof_join(left, right, on="t", by="k")
    assert lb.asof_join(twice, RIGHT.drop("k"), on="t").column_names == ["t", "k", "k", "v"]


def test_tolerances_of_any_library_are_exact() -> None:
    right = frame(0, v=[1])
    for hours, wanted in ((1, None), (2, 1)):
        kinds = [dt.timedelta(hours=hours), np.timedelta64(hours, "h"), pa.scalar(hours * 3600, pa.duration("s"))]
        for tolerance in [*kinds, f"{hours}h"]:
            assert lb.asof_join(frame(2), right, on="t", tolerance=tolerance)["v"].to_list() == [wanted]
    for anything in (0, 0.0, np.int64(0), np.timedelta64(2**62, "s"), dt.timedelta.max, f"{10**30}d"):
        assert lb.asof_join(frame(2), right, on="t", tolerance=anything)["v"].to_list() == [1]


WINDOWS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "function": ({"aggregations": {"v": "summ"}}, errors.InvalidArgumentError, "did you mean .*sum"),
    "window": ({"windows": "7 days"}, errors.InvalidArgumentError, "window '7 days' cannot be read"),
    "nearly a lifetime": ({"windows": "lifetme"}, errors.InvalidArgumentError, "did you mean 'lifetime'"),
    "empty window": ({"windows": "0s"}, errors.InvalidArgumentError, "is empty"),
    "no window": ({"windows": None}, errors.InvalidArgumentError, "no window for 'sum' of 'v'"),
    "nothing": ({"aggregations": {}}, errors.InvalidArgumentError, "no aggregates"),
    "column": ({"aggregations": {"w": "sum"}}, errors.ColumnNotFoundError, "'w' not found"),
    "sum of text": (
        {"aggregations": {"k": "sum"}},
        errors.UnsupportedTypeError,
        "column 'k'.*a number to compute the sum",
    ),
    "sum of rows": ({"aggregations": {"*": "sum"}}, errors.InvalidArgumentError, "sum needs a column"),
    "no values": ({"aggregations": {"v": "last(0)"}}, errors.InvalidArgumentError, "1 value or more"),
    "share": ({"aggregations": {"v": "quantile(2)"}}, errors.InvalidArgumentError, "outside of 0 to 1"),
    "function of a number": ({"aggregations": {"v": 5}}, errors.InvalidArgumentError, "a text such as 'sum', not 5"),
    "function of nothing": ({"aggregations": {"v": None}}, errors.InvalidArgumentError, "a text such as 'sum'"),
    "names of functions only": ({"aggregations": ["sum"]}, errors.InvalidArgumentError, "lb.Aggregation, not 'sum'"),
    "no aggregations": ({"aggregations": None}, errors.InvalidArgumentError, "lb.Aggregation, not None"),
    "one thing twice": ({"aggregations": {"v": ["sum", "sum"]}}, errors.InvalidColumnsError, "'v_sum_7d'"),
    "one window twice": ({"windows": ["7d", "1w"]}, errors.InvalidColumnsError, "would be called 'v_sum_7d'"),
    "no name": (
        {"aggregations": lb.Aggregation("v", "sum", name="")},
        errors.InvalidColumnsError,
        "would be called ''",
    ),
    "two right tables": ({"right": [RIGHT, RIGHT]}, errors.InvalidArgumentError, "takes one right table"),
    "closed": ({"closed": "ajar"}, errors.InvalidArgumentError, "closed is one of"),
    "name": (
        {"aggregations": [lb.Aggregation("v", "sum", name="x"), lb.Aggregation("v", "max", name="x")], "suffix": ""},
        errors.InvalidColumnsError,
        "called 'x'",
    ),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_windows_that_make_no_sense_are_refused_with_a_hint(case: str) -> None:
    options, kind, message = WINDOWS[case]
    with pytest.raises(kind, match=message):
        lb.window_aggregate(
            LEFT, **{"right": RIGHT, "aggregations": {"v": "sum"}, "windows": "7d", "on": "t", **options}
        )


def test_windows_are_read_as_people_write_them() -> None:
    right = frame(0, 1, 2, 26, v=[1, 2, 3, 4])
    windows = ["1d", dt.timedelta(hours=2), "lifetime", "1d offset 2h", lb.Window.series("1h", n=2)]
    found = lb.window_aggregate(frame(27), right, {"v": "sum", "*": "count"}, windows=windows, on="t")
    assert found.drop("t").row(0, named=True) == {
        "v_sum_1d": 4,
        "v_sum_2h": 4,
        "v_sum_lifetime": 10,
        "v_sum_1d_offset_2h": 5,
        "v_sum_1h": 4,
        "v_sum_1h_offset_1h": None,
        "count_1d": 1,
        "count_2h": 1,
        "count_lifetime": 4,
        "count_1d_offset_2h": 2,
        "count_1h": 1,
        "count_1h_offset_1h": 0,
    }


def test_windows_longer_than_time_reach_back_to_all_that_is() -> None:
    right = frame(0, 1, v=[1, 2])
    windows = [f"{10**30}d", f"1h offset {10**30}d", f"{10**40}d offset 1h"]
    found = lb.window_aggregate(frame(2), right, {"v": "sum"}, windows=windows, on="t", closed="both")
    assert found.drop("t").row(0) == (3, None, 3)


def test_a_label_does_not_see_itself_and_late_events_not_before_they_are_known() -> None:
    events = frame(1, 2, 3, v=[1, 2, 4], made=at(1, 9, 3))
    found = lb.window_aggregate(frame(3, 9), events, {"v": "sum"}, windows="lifetime", on="t")
    assert found["v_sum_lifetime"].to_list() == [3, 7]
    known = lb.window_aggregate(frame(3, 9), events, {"v": "sum"}, windows="lifetime", on="t", known_at="made")
    assert known["v_sum_lifetime"].to_list() == [1, 7]
    found, report = lb.window_aggregate(
        frame(1, 3), events, {"v": ["last(2)"]}, windows="lifetime", on="t", closed="right", report=True
    )
    assert found["v_last_2_lifetime"].to_list() == [[1], [2, 4]]
    assert report["events"].n_matched == 2


def test_run_ends_become_plain_values_in_a_polars_frame() -> None:
    right = pa.table({"t": pa.array([1, 2], pa.timestamp("us")), "v": pc.run_end_encode(pa.array([7, 7]))})
    left = pl.DataFrame({"t": [0, 2]}).cast({"t": pl.Datetime("us")})
    for frame in (left, left.lazy()):
        for limit in (None, 1):
            joined = lb.asof_join(frame, right, on="t", memory_limit=limit).lazy().collect()
            assert joined["v"].to_list() == [None, 7]
