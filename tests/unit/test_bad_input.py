"""Bad input: each kind has its own class, says what was asked, what was found and what to do, and changes nothing."""

from __future__ import annotations

import contextlib
import datetime as dt
import mimetypes  # noqa: F401 - `put` imports it, which a process that gave up its rights may not be able to read.
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors

NOBODY = 65534


def ints(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"a": pl.Series(values, dtype=pl.Int64)})


def flights() -> pl.DataFrame:
    time = [dt.datetime.fromisoformat(f"2013-01-0{day}T05:00") for day in (1, 2, 3)]
    return pl.DataFrame({"carrier": ["UA", "AA", None], "distance": [100, 200, 300], "time": time})


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def state(wh: lb.Warehouse) -> tuple[Any, ...]:
    """All that must not change: head, tables with their rows, tags and raw files."""
    tables = {name: wh.table(name).scan().pl().rows() for name in wh.tables()}
    return [(commit.id, commit.tags) for commit in wh.log()], tables, wh.lake.pointers()


@pytest.fixture
def wh(tmp_path: Path) -> Iterator[lb.Warehouse]:
    """A warehouse that is as before when the test ends."""
    wh = lb.open(tmp_path / "wh")
    wh.lake.put("raw/flights.csv", b"carrier,distance\nUA,100\n")
    wh.write("flights", flights(), message="january")
    wh.tag("january")
    before = state(wh)
    yield wh
    assert state(wh) == before
    assert state(lb.open(wh.location)) == before
    assert wh.verify().ok


def refused(kind: type[Exception], action: Callable[[], object], *parts: str) -> Exception:
    """The error of an action: exactly of its class, with these texts, and without what only Rust prints."""
    with pytest.raises(kind) as raised:
        action()
    message = str(raised.value)
    assert type(raised.value) is kind
    for part in parts:
        assert part in message
    assert not re.search(r"\b(Some|Ok|Err)\(|panicked|RUST_BACKTRACE| \{ |::|\x1b", message), message
    return raised.value


# --- A folder that cannot be opened -----------------------------------------------------------------------------------


def test_a_folder_that_holds_something_else_is_no_warehouse(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    refused(
        errors.NotAWarehouseError,
        lambda: lb.open(tmp_path),
        str(tmp_path),
        "it holds 'notes.txt' and no file lakebed.warehouse",
        "open an empty or a new folder to create one",
    )
    assert names(tmp_path) == ["notes.txt"]


def test_a_file_is_no_warehouse(tmp_path: Path) -> None:
    file = tmp_path / "flights.csv"
    file.write_text("a\n1\n")
    refused(errors.NotAWarehouseError, lambda: lb.open(file), str(file), "it is a file")
    assert file.read_text() == "a\n1\n"


@pytest.mark.parametrize(("name", "found"), [("missing", "there is no such folder"), ("empty", "has no file")])
def test_a_read_only_open_creates_nothing(name: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(errors.NotAWarehouseError, lambda: lb.open(tmp_path / name, read_only=True), str(tmp_path / name), found)
    assert (names(tmp_path), names(tmp_path / "empty")) == (["empty"], [])


def test_a_part_of_a_warehouse_is_no_warehouse(wh: lb.Warehouse) -> None:
    refused(errors.NotAWarehouseError, lambda: lb.open(Path(wh.location) / "packs"), "packs is not a warehouse")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_format_is_refused_by_its_number(read_only: bool, wh: lb.Warehouse) -> None:
    marker = Path(wh.location) / "lakebed.warehouse"
    good = marker.read_bytes()
    newer = bytearray(good)
    newer[5] += 1
    marker.write_bytes(newer)
    refused(
        errors.FormatVersionError,
        lambda: lb.open(wh.location, read_only=read_only),
        "lakebed.warehouse has format version 2",
        "this Lakebed reads up to 1",
        "upgrade Lakebed",
    )
    assert marker.read_bytes() == newer
    marker.write_bytes(good)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:30], lambda b: b"", lambda b: b[:-1] + b"x", lambda _: b"hello, this is some text"]
)
def test_a_damaged_marker_is_named(damage: Callable[[bytes], bytes], wh: lb.Warehouse) -> None:
    marker = Path(wh.location) / "lakebed.warehouse"
    good = marker.read_bytes()
    marker.write_bytes(damage(good))
    refused(errors.CorruptionError, lambda: lb.open(wh.location), "lakebed.warehouse is damaged", "expected", "found")
    marker.write_bytes(good)


# --- A folder that cannot be written ----------------------------------------------------------------------------------


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Be a user who may write nowhere; root gives up its rights for a while."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def guarded() -> Iterator[Path]:
    """A folder that everybody may read and nobody (but root) may write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wh = lb.open(folder / "wh")
        wh.write("flights", flights())
        wh.table("flights").scan().pl()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield folder
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder_that_cannot_be_written_can_be_read(read_only: bool, guarded: Path) -> None:
    with without_rights():
        wh = lb.open(guarded / "wh", read_only=read_only)
        assert wh.table("flights").scan().pl().height == 3
        assert wh.verify().ok


def test_no_warehouse_is_made_where_nobody_may_write(guarded: Path) -> None:
    with without_rights():
        error = refused(errors.UnwritableError, lambda: lb.open(guarded / "new"), str(guarded / "new"))
    assert isinstance(error, PermissionError)
    assert not (guarded / "new").exists()


def test_sysfs_is_not_written_even_by_root() -> None:
    if not Path("/sys/kernel").is_dir():
        pytest.skip("this system has no sysfs")
    refused(errors.UnwritableError, lambda: lb.open("/sys/kernel/lakebed"), "/sys/kernel/lakebed")


UNWRITABLE: dict[str, Callable[[lb.Warehouse], object]] = {
    "write": lambda wh: wh.write("flights", flights()),
    "put": lambda wh: wh.lake.put("raw/x", b"x"),
    "tag": lambda wh: wh.tag("v1"),
    "branch": lambda wh: wh.branch("try"),
}


@pytest.mark.parametrize("verb", UNWRITABLE)
def test_where_nobody_may_write_it_refuses_to(verb: str, guarded: Path) -> None:
    wh = lb.open(guarded / "wh")
    before = state(wh)
    with without_rights():
        refused(errors.UnwritableError, lambda: UNWRITABLE[verb](wh), str(guarded / "wh"))
        assert state(wh) == before
    assert (state(lb.open(guarded / "wh")), wh.verify().ok) == (before, True)


def test_below_a_file_no_warehouse_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises((errors.StorageError, errors.UnwritableError), match=str(tmp_path / "file" / "wh")):
        lb.open(tmp_path / "file" / "wh")
    assert (tmp_path / "file").read_text() == "x"


def test_a_disk_that_takes_no_more_leaves_the_warehouse_as_it_was(wh: lb.Warehouse) -> None:
    program = (
        "import resource, sys, polars as pl, lakebed as lb\n"
        "wh = lb.open(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    wh.write('flights', pl.DataFrame({'distance': range(1_000_000)}))\n"
        "except lb.LakebedError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", program, wh.location]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "File too large" in result.stdout


# --- Names that do not exist ------------------------------------------------------------------------------------------


def test_an_unknown_table_names_the_nearest(wh: lb.Warehouse) -> None:
    hint = ("table 'fligths' not found", "did you mean 'flights'?")
    refused(errors.TableNotFoundError, lambda: wh.table("fligths"), *hint)
    refused(errors.TableNotFoundError, lambda: wh.at("january").table("fligths"), *hint)
    refused(errors.TableNotFoundError, lambda: wh.statistics("fligths"), *hint)
    refused(errors.TableNotFoundError, lambda: wh.set_schema("fligths", lb.Schema()), *hint)
    refused(errors.TableNotFoundError, lambda: wh.schema("fligths"), *hint)
    refused(
        errors.TableNotFoundError,
        lambda: wh.sql("SELECT distance\nFROM fligths"),
        "no table 'fligths'; the nearest is 'flights' (line 2, column 6)",
    )


def test_an_unknown_column_names_the_nearest(wh: lb.Warehouse) -> None:
    table = wh.table("flights")
    hint = ("column 'distanse' not found", "did you mean 'distance'?")
    refused(errors.ColumnNotFoundError, lambda: table.scan(columns=["distanse"]), *hint)
    refused(errors.ColumnNotFoundError, lambda: table.lazy(columns=["distanse"]), *hint)
    refused(errors.ColumnNotFoundError, lambda: wh.write("flights", pl.DataFrame({"distanse": [1]})), *hint)
    nearest = "the nearest is 'distance' (line 1, column"
    refused(errors.ColumnNotFoundError, lambda: table.scan(where="distanse > 1"), "'distanse'", nearest)
    refused(errors.ColumnNotFoundError, lambda: wh.sql("SELECT distanse FROM flights"), "'distanse'", nearest)


VERSIONS = {
    "janaury": "did you mean 'january'?",
    "mian": "did you mean 'main'?",
    "main~9": "the history is not that long",
    "main~x": "after '~' stands no number",
    "0000beef": "no commit starts with it",
    "a b": "it is no name of a branch, tag or commit",
    "": "it is no name of a branch, tag or commit",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_version_is_named_with_what_was_found(version: str, wh: lb.Warehouse) -> None:
    parts = (f"version '{version}' not found", VERSIONS[version])
    refused(errors.VersionNotFoundError, lambda: wh.at(version), *parts)
    refused(errors.VersionNotFoundError, lambda: wh.table("flights", version), *parts)
    refused(errors.VersionNotFoundError, lambda: wh.tag("v2", version), *parts)
    refused(errors.VersionNotFoundError, lambda: wh.lake.get("raw/flights.csv", version), *parts)


def test_an_unknown_version_in_a_query_shows_its_place(wh: lb.Warehouse) -> None:
    refused(
        errors.VersionNotFoundError,
        lambda: wh.sql("SELECT 1 FROM flights AT (VERSION => 'janaury')"),
        "version 'janaury' not found",
        "did you mean 'january'?",
        "(line 1, column 15)",
    )


def test_an_unknown_branch_is_refused(wh: lb.Warehouse) -> None:
    for action in (
        lambda: wh.write("flights", flights(), branch="mian"),
        lambda: wh.transaction(branch="mian"),
        lambda: wh.log("mian"),
        lambda: lb.open(wh.location, branch="mian").tables(),
    ):
        refused(errors.VersionNotFoundError, action, "version 'mian' not found: there is no such branch")


def test_a_time_before_the_first_commit_has_no_version(wh: lb.Warehouse) -> None:
    for version in (
        "1999-12-31",
        dt.datetime.fromisoformat("1999-12-31"),
        dt.datetime(1999, 12, 31, tzinfo=dt.timezone.utc),
    ):
        refused(
            errors.VersionNotFoundError,
            lambda v=version: wh.at(v),  # type: ignore[misc]
            "no version of branch 'main' is as old as",
        )


def test_a_start_that_fits_several_commits_is_ambiguous() -> None:
    wh = lb.open("memory://")
    seen: dict[str, str] = {}
    # Ids are random: of some 300 commits two start alike in four digits as likely as not.
    while True:
        commit = wh.write("t", ints(1), mode="overwrite").commit
        if commit[:4] in seen:
            break
        seen[commit[:4]] = commit
    refused(errors.AmbiguousNameError, lambda: wh.at(commit[:4]), commit[:4], commit, seen[commit[:4]])
    assert wh.at(commit).commit == commit


def test_an_unknown_raw_file_names_the_nearest(wh: lb.Warehouse) -> None:
    for action in (lambda: wh.lake.get("raw/fligths.csv"), lambda: wh.lake.read_bytes("raw/fligths.csv")):
        refused(errors.ObjectNotFoundError, action, "'raw/fligths.csv' not found", "did you mean 'raw/flights.csv'?")


def test_an_unknown_run_or_artifact_is_refused(wh: lb.Warehouse) -> None:
    refused(errors.RecordNotFoundError, lambda: wh.execution("train").execution, "is not recorded; enter it with")
    refused(errors.InvalidArgumentError, lambda: wh.lineage.upstream("flights"), "not of str")  # type: ignore[arg-type]
    refused(errors.InvalidArgumentError, lambda: wh.execution("train", inputs=["flights"]), "wh.table('flights')")


# --- Names that are not allowed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a b", "../x", ".", "..", "a/b", "v~1", "-x", "jänner", "x" * 201])
def test_a_tag_or_branch_of_a_forbidden_name_is_refused(name: str, wh: lb.Warehouse) -> None:
    refused(errors.InvalidNameError, lambda: wh.tag(name), f"tag '{name}' is not allowed", "use letters, digits")
    refused(errors.InvalidNameError, lambda: wh.branch(name), f"branch '{name}' is not allowed", "use letters, digits")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", ".a", "a.", "a-b", "a\0b", "x" * 201])
def test_a_table_of_a_forbidden_name_is_refused(name: str, wh: lb.Warehouse) -> None:
    refused(errors.InvalidNameError, lambda: wh.write(name, ints(1)), "is not allowed: use letters, digits and '_'")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", "a/", ".", "a/./b", "a\nb"])
def test_a_path_that_leads_out_of_the_lake_is_refused(path: str, wh: lb.Warehouse) -> None:
    refused(errors.InvalidNameError, lambda: wh.lake.put(path, b"x"), "is not allowed: use a relative path")


# --- Frames that do not fit -------------------------------------------------------------------------------------------


MISFITS: dict[str, tuple[pl.DataFrame, tuple[str, ...]]] = {
    "integers as text": (
        pl.DataFrame({"carrier": [1]}),
        ("'carrier' is string in the table, but the frame has int64",),
    ),
    "text as integers": (pl.DataFrame({"distance": ["x"]}), ("'distance' is int64", "has string")),
    "fractions as integers": (pl.DataFrame({"distance": [1.5]}), ("'distance' is int64", "has float64")),
    "zoned as naive": (
        pl.DataFrame({"time": [dt.datetime(2013, 1, 1, tzinfo=dt.timezone.utc)]}),
        ("'time' is timestamp[us]", "has timestamp[us, UTC]"),
    ),
    "dates as times": (pl.DataFrame({"time": [dt.date(2013, 1, 1)]}), ("'time' is timestamp[us]", "has date;")),
    "lists as integers": (pl.DataFrame({"distance": [[1]]}), ("'distance' is int64",)),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_frame_whose_types_do_not_fit_the_table_is_refused(case: str, wh: lb.Warehouse) -> None:
    frame, parts = MISFITS[case]
    hint = "before writing"
    refused(errors.SchemaMismatchError, lambda: wh.write("flights", frame), "table 'flights'", *parts, hint)

    def in_transaction() -> None:
        with wh.transaction() as tx:
            tx.write("fresh", ints(1))
            tx.write("flights", frame)

    refused(errors.SchemaMismatchError, in_transaction, *parts, hint)


@pytest.mark.parametrize("thing", [None, [1, 2], {"a": [1]}, "flights.csv", 5])
def test_what_is_no_frame_is_refused(thing: Any, wh: lb.Warehouse) -> None:
    refused(TypeError, lambda: wh.write("flights", thing), "expected a table", type(thing).__name__, "polars.DataFrame")


NAMES: dict[str, tuple[list[str], str]] = {
    "twice": (["a", "b", "a"], "'a' stands twice"),
    "empty": (["a", "", "b"], "column 2 has no name"),
    "none": ([], "there is no column"),
}


@pytest.mark.parametrize("case", NAMES)
@pytest.mark.parametrize("table", ["flights", "fresh"])
def test_duplicate_or_empty_column_names_are_refused(case: str, table: str, wh: lb.Warehouse) -> None:
    columns, found = NAMES[case]
    frame = pa.Table.from_arrays([pa.array([1]) for _ in columns], names=columns)
    for mode in ("append", "overwrite"):
        refused(
            errors.InvalidColumnsError,
            lambda m=mode: wh.write(table, frame, mode=m),  # type: ignore[misc]
            f"column names of table '{table}' must be unique and not empty",
            found,
            "rename the columns first",
        )


UNSUPPORTED: dict[str, tuple[pa.Array, str]] = {
    "union": (
        pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
        "cast it to a plain type",
    ),
    "interval": (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "cast it to int64"),
    "duration": (pa.array([1], pa.duration("us")), "cast it to int64"),
    "map": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "cast it to a list of structs"),
    "null": (pa.nulls(1), "cast it to the type that its values will have"),
    "float16": (pa.array([1.5]).cast(pa.float16()), "cast it to float32"),
    "decimal256": (pa.array([1]).cast(pa.decimal256(50)), "cast it to decimal128"),
    "run-end encoded": (pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array([1])), "cast it to"),
    "fixed-size binary": (pa.array([b"ab"], pa.binary(2)), "cast it to binary"),
    "date64": (pa.array([0], pa.date64()), "cast it to date32"),
    "duration in a list": (pa.array([[1]], pa.list_(pa.duration("us"))), "cast it to int64"),
}


@pytest.mark.parametrize("kind", UNSUPPORTED)
def test_an_arrow_type_that_the_format_cannot_hold_is_refused(kind: str, wh: lb.Warehouse) -> None:
    values, hint = UNSUPPORTED[kind]
    frame = pa.table({"good": [1], "speed": values})
    refused(errors.UnsupportedTypeError, lambda: wh.write("fresh", frame), "column 'speed", "unsupported type", hint)
    assert wh.tables() == ["flights"]


# --- Broken SQL -------------------------------------------------------------------------------------------------------


BROKEN: dict[str, tuple[str, int, int]] = {
    "a misspelt keyword": ("SELECT carrier\nFRM flights", 2, 5),
    "an open bracket": ("SELECT (carrier FROM flights", 1, 17),
    "a missing operand": ("SELECT distance + FROM flights", 1, 19),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_sql_shows_its_place(case: str, wh: lb.Warehouse) -> None:
    text, line, column = BROKEN[case]
    error = refused(errors.SqlSyntaxError, lambda: wh.sql(text), f"(line {line}, column {column})")
    assert isinstance(error, errors.SqlSyntaxError)
    assert (error.line, error.column) == (line, column)
    shown, pointer = str(error).splitlines()[1:3]
    assert shown.strip() == text.splitlines()[line - 1]
    assert pointer.index("^") - (len(shown) - len(shown.lstrip())) == column - 1


def test_a_broken_condition_shows_its_place(wh: lb.Warehouse) -> None:
    error = refused(errors.SqlSyntaxError, lambda: wh.table("flights").scan(where="distance >"), "(line 1, column 10)")
    assert (getattr(error, "line", None), getattr(error, "column", None)) == (1, 10)


@pytest.mark.parametrize(("text", "found"), [("", "the SQL text is empty"), ("SELECT 1; SELECT 2", "2 statements")])
def test_sql_is_one_statement(text: str, found: str, wh: lb.Warehouse) -> None:
    refused(errors.SqlSyntaxError, lambda: wh.sql(text), found)


@pytest.mark.parametrize("text", ["INSERT INTO flights VALUES ('UA', 1)", "DROP TABLE flights", "DELETE FROM flights"])
def test_sql_only_reads(text: str, wh: lb.Warehouse) -> None:
    refused(errors.SqlUnsupportedError, lambda: wh.sql(text), text.split(maxsplit=1)[0], "is not supported in SQL")


# --- Point-in-time joins ----------------------------------------------------------------------------------------------


def joined(**options: Any) -> pl.DataFrame:
    frame: pl.DataFrame = lb.asof_join(flights(), flights(), **{"on": "time", "by": ["carrier"], **options})
    return frame


def test_a_join_needs_a_time_column_on_both_sides() -> None:
    refused(errors.TimeColumnError, lambda: joined(on=None), "no time column was named; give on=")
    refused(errors.TimeColumnError, lambda: joined(on=None, left_on="time"), "no time column was named")
    missing = "time column 'tiem' not found in the {} table of the join; did you mean 'time'"
    refused(errors.TimeColumnError, lambda: joined(on="tiem"), missing.format("left"))
    refused(errors.TimeColumnError, lambda: joined(right_on="tiem"), missing.format("right"))


@pytest.mark.parametrize("column", ["carrier", "distance"])
def test_a_join_needs_a_time_that_is_a_time(column: str) -> None:
    found = f"time column '{column}' of the left table has the type"
    hint = "cast it to a date or a timestamp first"
    refused(errors.TimeColumnError, lambda: joined(on=column, by=[]), found, "which is no instant", hint)
    refused(errors.TimeColumnError, lambda: joined(right_on=column, by=[]), "of the right table", hint)


def test_a_join_needs_keys_that_go_together() -> None:
    hint = "did you mean 'carrier'"
    refused(errors.ColumnNotFoundError, lambda: joined(by=["carier"]), "'carier' not found in the left table", hint)
    refused(
        errors.ColumnNotFoundError,
        lambda: joined(left_by=["carrier"], right_by=["carier"]),
        "'carier' not found in the right table",
        hint,
    )
    refused(
        errors.SchemaMismatchError,
        lambda: joined(left_by=["carrier"], right_by=["distance"]),
        "column 'carrier' of the left table",
        "column 'distance' of the right table",
        "cast one of them",
    )
    refused(
        errors.InvalidArgumentError,
        lambda: joined(left_by=["carrier"], right_by=["carrier", "distance"]),
        "as many keys on the left as on the right, found 1 and 2",
    )


def test_a_join_of_zoned_and_naive_times_asks_for_the_zone() -> None:
    zoned = flights().with_columns(pl.col("time").dt.replace_time_zone("UTC"))
    refused(
        errors.SchemaMismatchError,
        lambda: lb.asof_join(zoned, flights(), on="time"),
        "one has a time zone, the other has none",
        "assume_timezone",
    )


@pytest.mark.parametrize("tolerance", ["", "2", "h", "1x", "-1h", "1h30", " 1h", "1.5h", "2H", 5, dt.timedelta(-1)])
def test_a_tolerance_that_is_none_is_refused(tolerance: Any) -> None:
    refused(errors.InvalidArgumentError, lambda: joined(tolerance=tolerance), "tolerance", repr(tolerance))


def test_a_strategy_or_a_zone_that_is_none_is_refused() -> None:
    refused(
        errors.InvalidArgumentError, lambda: joined(strategy="sideways"), "'backward'", "'nearest'", "not 'sideways'"
    )
    refused(errors.InvalidArgumentError, lambda: joined(assume_timezone="Mars/X"), "'time'", "'Mars/X'", "another zone")
    gap = pl.DataFrame({"time": [dt.datetime.fromisoformat("2013-03-10T02:30")]})
    refused(
        errors.InvalidArgumentError,
        lambda: lb.asof_join(gap, gap, on="time", assume_timezone="America/New_York"),
        "2013-03-10 02:30:00",
        "non-existent",
    )


def test_a_join_that_would_have_two_columns_of_one_name_is_refused() -> None:
    left = flights().with_columns(distance_right=1)
    refused(
        errors.InvalidColumnsError,
        lambda: lb.asof_join(left, flights(), on="time", by=["carrier"]),
        "'distance_right'",
        "rename the columns first",
    )


# --- Expectations -----------------------------------------------------------------------------------------------------


def test_a_gate_that_is_none_is_refused(wh: lb.Warehouse) -> None:
    hint = "use one of 'refuse', 'warn', 'off'"
    refused(errors.InvalidArgumentError, lambda: wh.set_schema("flights", lb.Schema(), gate="strict"), "'strict'", hint)


def test_expectations_that_are_not_set_are_not_found(wh: lb.Warehouse) -> None:
    hint = "set one: wh.set_schema('flights', wh.infer_schema('flights'))"
    for action in (
        lambda: wh.schema("flights"),
        lambda: wh.validate("flights"),
        lambda: wh.update_schema("flights"),
        lambda: wh.schema("flights", "january"),
    ):
        refused(errors.SchemaNotFoundError, action, "table 'flights' has no schema", wh.location, hint)
