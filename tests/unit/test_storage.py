"""The versioned store through `lakebed.storage`: versions, types, times, pickles, forks, and every refusal."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakebed import errors
from lakebed.storage import Commit, Repository, Snapshot, Table

UTC = dt.timezone.utc


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "w")


def write(repository: Repository, name: str, frame: Any, *, overwrite: bool = False, branch: str = "main") -> str:
    transaction = repository.begin(branch)
    transaction.write(name, frame, overwrite=overwrite)
    return transaction.commit({"kind": "write", "message": f"write {name}"})


def rows(table: Table) -> list[Any]:
    return table.lazy().collect()["x"].to_list()


def ints(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"x": pl.Series(values, dtype=pl.Int64)})


def tree(folder: Path) -> Mapping[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- Versions ---------------------------------------------------------------------------------------------------------


def test_every_name_of_a_version_finds_it(repository: Repository) -> None:
    commits = [write(repository, "t", ints(n)) for n in range(4)]
    repository.create_tag("v1", repository.snapshot("main~2"))
    names = {None: 3, "main": 3, "main~3": 0, "v1": 1, "v1~1": 0, commits[2]: 2, commits[2][:10]: 2}
    for name, n in names.items():
        snapshot = repository.snapshot(name)
        assert snapshot.commit == commits[n]
        assert rows(snapshot.table("t")) == list(range(n + 1))
    assert repository.snapshot(repository.snapshot("v1")).commit == commits[1]


def test_times_of_every_form_find_the_newest_commit_not_after_them(repository: Repository) -> None:
    for n in range(3):
        write(repository, "t", ints(n))
    second = repository.history()[1]
    moment = second.timestamp
    paris = dt.timezone(dt.timedelta(hours=1))
    naive = moment.replace(tzinfo=None)
    forms = (moment, moment.astimezone(paris), naive, moment.isoformat(), naive.isoformat() + "Z", naive.isoformat())
    assert {repository.snapshot(form).commit for form in forms} == {second.id}
    with pytest.raises(errors.VersionNotFoundError, match="is as old as"):
        repository.snapshot(moment - dt.timedelta(days=1))
    assert repository.snapshot(moment + dt.timedelta(days=1)).commit == repository.snapshot().commit


def test_the_history_tells_who_followed_whom_and_what_was_done(repository: Repository) -> None:
    ids = [write(repository, "t", ints(n)) for n in range(3)]
    repository.create_tag("first", repository.snapshot(ids[0]))
    history = repository.history()
    assert [commit.id for commit in history] == ids[::-1]
    assert [commit.parent for commit in history] == [ids[1], ids[0], None]
    assert [commit.sequence for commit in history] == [3, 2, 1]
    assert [commit.tags for commit in history] == [(), (), ("first",)]
    assert {(commit.kind, commit.message) for commit in history} == {("write", "write t")}
    assert all(later.timestamp > earlier.timestamp for later, earlier in itertools.pairwise(history))
    assert {(type(commit), commit.timestamp.tzinfo) for commit in history} == {(Commit, UTC)}
    assert repository.at_sequence("main", 2).commit == ids[1]


def test_branches_and_tags_are_apart_from_main(repository: Repository) -> None:
    write(repository, "t", ints(1))
    repository.create_branch("try", repository.snapshot())
    write(repository, "t", ints(2), branch="try")
    write(repository, "t", ints(3))
    assert rows(repository.snapshot("try").table("t")) == [1, 2]
    assert rows(repository.snapshot().table("t")) == [1, 3]
    assert repository.branches() == ["main", "try"]
    assert len(repository.history("try")) == 2


def test_an_empty_warehouse_has_a_snapshot_without_a_commit(repository: Repository) -> None:
    snapshot = repository.snapshot()
    assert (snapshot.commit, snapshot.timestamp, snapshot.tables(), repository.history()) == (None, None, [], [])
    assert repr(snapshot) == "Snapshot(main, empty, 0 tables)"


def test_equal_tables_have_equal_versions_and_others_keep_theirs(repository: Repository) -> None:
    write(repository, "a", ints(1))
    before = repository.snapshot().versions()
    write(repository, "b", ints(1))
    after = repository.snapshot().versions()
    assert before["a"] == after["a"]
    assert set(after) == {"a", "b"}


# --- Rows and types ---------------------------------------------------------------------------------------------------


def test_every_type_comes_back_as_it_went_in(repository: Repository) -> None:
    moment = dt.datetime(2013, 1, 1, 5, 30, 0, 123456, tzinfo=UTC).replace(tzinfo=None)
    columns: dict[str, tuple[list[Any], pa.DataType]] = {
        "bool": ([True, None, False], pa.bool_()),
        "i8": ([-128, None, 127], pa.int8()),
        "u64": ([0, None, 2**64 - 1], pa.uint64()),
        "i64": ([-(2**63), None, 2**63 - 1], pa.int64()),
        "f32": ([0.5, None, float("inf")], pa.float32()),
        "f64": ([0.1, None, -0.0], pa.float64()),
        "text": (["", None, "größe"], pa.string()),
        "bytes": ([b"", None, b"\xff\0"], pa.binary()),
        "date": ([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], pa.date32()),
        "time": ([dt.time(0), None, dt.time(23, 59, 59, 999999)], pa.time64("us")),
        "naive_ms": ([moment.replace(microsecond=123000), None, moment.replace(microsecond=0)], pa.timestamp("ms")),
        "naive_us": ([moment, None, moment], pa.timestamp("us")),
        "utc": ([moment.replace(tzinfo=UTC), None, moment.replace(tzinfo=UTC)], pa.timestamp("us", "UTC")),
        "zoned": ([moment.replace(tzinfo=UTC), None, None], pa.timestamp("ns", "America/New_York")),
        "decimal": ([Decimal("1.50"), None, Decimal("-99999999.99")], pa.decimal128(10, 2)),
        "list": ([[1, None], None, []], pa.list_(pa.int64())),
        "struct": (
            [{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}],
            pa.struct({"a": pa.int8(), "b": pa.list_(pa.string())}),
        ),
    }
    given = pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})
    write(repository, "t", given)
    table = repository.snapshot().table("t")
    assert table.schema.remove_metadata().names == given.schema.names
    for name, (values, kind) in columns.items():
        found = table.lazy(columns=[name]).collect()[name].to_list()
        assert str(found) == str(pl.Series(pa.array(values, kind)).to_list()), name
        assert str(table.schema.field(name).type).replace("item", "element") == str(kind).replace("item", "element"), (
            name
        )
    # Parquet that anybody reads.
    plain = pq.read_table(Path(repository.location) / table.files()[0])
    assert plain.num_rows == 3
    assert plain.schema.field("utc").type == pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_text_of_every_layout_is_one_type(repository: Repository, kind: pa.DataType) -> None:
    write(repository, "t", pa.table({"x": pa.array(["a", None, "b"], kind)}))
    table = repository.snapshot().table("t")
    assert (table.schema.field("x").type, rows(table)) == (pa.string(), ["a", None, "b"])


def test_nan_and_null_stay_apart(repository: Repository) -> None:
    write(repository, "t", pl.DataFrame({"x": [1.0, float("nan"), None]}))
    frame = repository.snapshot().table("t").lazy().collect()
    assert frame["x"].is_nan().to_list() == [False, True, None]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ints(1, 2),
        lambda: pa.table({"x": [1, 2]}),
        lambda: pa.RecordBatchReader.from_batches(
            pa.schema({"x": pa.int64()}), [pa.record_batch({"x": [1]}), pa.record_batch({"x": [2]})]
        ),
        lambda: pa.record_batch({"x": [1, 2]}),
    ],
)
def test_any_object_that_speaks_arrow_is_a_table(repository: Repository, make: Callable[[], Any]) -> None:
    write(repository, "t", make())
    assert rows(repository.snapshot().table("t")) == [1, 2]


def test_files_are_pruned_and_no_matching_row_is_lost(repository: Repository) -> None:
    for month in range(1, 13):
        days = [dt.datetime(2013, month, day, tzinfo=UTC) for day in range(1, 29)]
        write(repository, "t", pl.DataFrame({"x": days}))
    table = repository.snapshot().table("t")
    march = dt.datetime(2013, 3, 1, tzinfo=UTC)
    assert len(table.files([">=", "x", march])) == 10
    assert len(table.files(["and", [">=", "x", march], ["<", "x", dt.datetime(2013, 4, 1, tzinfo=UTC)]])) == 1
    assert len(table.files(["is_null", "x"])) == 0
    found = table.lazy(where=["<", "x", march]).filter(pl.col("x") < march).collect()
    assert found.height == 56
    assert repository.counters()["data_files"] == 2
    # A naive time is no instant, so it prunes nothing.
    assert len(table.files([">=", "x", march.replace(tzinfo=None)])) == 12


def test_a_literal_that_float32_cannot_hold_prunes_nothing(repository: Repository) -> None:
    write(repository, "t", pl.DataFrame({"x": pl.Series([0.1], dtype=pl.Float32)}))
    table = repository.snapshot().table("t")
    for where, condition in ((["=", "x", 0.1], pl.col("x") == 0.1), (["<=", "x", 0.1], pl.col("x") <= 0.1)):
        assert table.lazy(where=where).filter(condition).collect().height == 1
    assert table.files(["=", "x", 0.5]) == []


def test_counts_and_statistics_read_no_data_file(repository: Repository) -> None:
    write(repository, "t", ints(*range(100)))
    table = repository.snapshot().table("t")
    assert (table.num_rows, table.num_files) == (100, 1)
    assert table.core.statistics().to_dict()["columns"][0]["max"] == 99
    assert repository.counters()["data_bytes"] == 0
    table.lazy().collect()
    assert repository.counters()["data_bytes"] == table.size_bytes


def test_a_gate_that_raises_leaves_everything_as_it_was(repository: Repository) -> None:
    commit = write(repository, "t", ints(1))
    transaction = repository.begin()
    transaction.write("t", ints(2))

    def refuse(staged: Any) -> None:
        assert staged.core.staged_statistics("t").to_dict()["n_rows"] == 1
        raise errors.GateRefusedError("no")

    with pytest.raises(errors.GateRefusedError):
        transaction.commit({"kind": "write"}, before_commit=[refuse])
    assert repository.snapshot().commit == commit


def test_a_gate_runs_again_after_a_rebase(repository: Repository) -> None:
    calls: list[int] = []

    def race(staged: Any) -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            write(repository, "t", ints(1))

    transaction = repository.begin()
    transaction.write("t", ints(2))
    transaction.commit({"kind": "write"}, before_commit=[race])
    assert (calls, rows(repository.snapshot().table("t"))) == ([0, 1], [1, 2])
    assert (transaction.sequence, transaction.commit_id) == (2, repository.snapshot().commit)


def test_raw_files_come_back_byte_for_byte_and_are_stored_once(repository: Repository, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(b"a,b\r\n1,2\n")
    transaction = repository.begin()
    (hash_hex, size), again = transaction.put_raw(source), transaction.put_raw(source.read_bytes())
    assert again == (hash_hex, size) == (hash_hex, 9)
    pointer = {"path": "raw/a.csv", "hash": hash_hex, "size_bytes": size, "media_type": "text/csv"}
    transaction.set_lake("raw/a.csv", pointer)
    transaction.commit({"kind": "put"})
    assert repository.read_raw(hash_hex) == source.read_bytes()
    assert len([path for path in Path(repository.location, "lake").rglob("*") if path.is_file()]) == 1
    stored = repository.snapshot().core.lake_pointer("raw/a.csv")
    assert stored is not None
    assert json.loads(stored) == pointer
    assert repository.verify_raw(hash_hex).ok


# --- Handles ----------------------------------------------------------------------------------------------------------


def test_a_handle_can_be_pickled_and_one_in_memory_says_why_not(repository: Repository) -> None:
    write(repository, "t", ints(1))
    again = pickle.loads(pickle.dumps(repository))
    assert rows(again.snapshot().table("t")) == [1]
    read_only = pickle.loads(pickle.dumps(Repository(repository.location, read_only=True, verify="always")))
    assert (read_only.read_only, read_only.verify_mode) == (True, "always")
    with pytest.raises(TypeError, match="memory cannot be pickled"):
        pickle.dumps(Repository("memory://"))


def test_warehouses_in_memory_are_apart(tmp_path: Path) -> None:
    first, second = Repository("memory://"), Repository("memory://")
    write(first, "t", ints(1))
    assert rows(first.snapshot().table("t")) == [1]
    assert second.snapshot().tables() == []


def test_a_relative_path_means_the_same_folder_after_a_change_of_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    repository = Repository("w")
    write(repository, "t", ints(1))
    monkeypatch.chdir("/")
    assert rows(repository.snapshot().table("t")) == [1]


FORKED = """
import os, sys
import pyarrow as pa
from lakebed.storage import Repository

repository = Repository(sys.argv[1])
def write(n):
    transaction = repository.begin()
    transaction.write("t", pa.table({"x": list(range(n))}))
    transaction.commit({"kind": "write"})

write(200_000)                                   # the parent's threads run
table = repository.snapshot().table("t")
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        assert table.num_rows == 200_000         # an object of the parent
        assert table.core.statistics().to_dict()["n_rows"] == 200_000
        write(100_000)
        import polars                            # not before the fork: its own threads do not survive one
        assert repository.snapshot().table("t").lazy().select(polars.len()).collect().item() >= 300_000
        os._exit(0)
    children.append(child)
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
write(1)
assert repository.snapshot().table("t").num_rows == 400_001
assert [commit.sequence for commit in repository.history()] == [4, 3, 2, 1]
print("forked")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_children_read_and_write_through_the_parent_s_handle(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(errors.__file__).parents[1])}
    command = [sys.executable, "-c", FORKED, str(tmp_path / "w")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert (done.returncode, done.stdout) == (0, "forked\n"), done.stderr


# --- Damage -----------------------------------------------------------------------------------------------------------


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_flipped_byte_of_a_data_file_is_found_when_it_is_first_used(repository: Repository) -> None:
    write(repository, "t", ints(*range(50)))
    table = repository.snapshot().table("t")
    table.lazy().collect()
    name = table.files()[0]
    flip(Path(repository.location, name), 30)
    assert repository.verify_snapshot(repository.snapshot()).problems[0].path == name
    table.lazy()  # known to be whole in this handle
    for mode in ("first", "always"):
        with pytest.raises(errors.CorruptionError, match=f"{name} is damaged"):
            Repository(repository.location, verify=mode).snapshot().table("t").lazy()
    Repository(repository.location, verify="never").snapshot().table("t").lazy()


def test_verify_names_what_is_missing(repository: Repository) -> None:
    write(repository, "t", ints(1))
    table = repository.snapshot().table("t")
    Path(repository.location, table.files()[0]).unlink()
    report = table.verify()
    assert [(problem.path, problem.found) for problem in report.problems] == [(table.files()[0], "nothing")]
    with pytest.raises(errors.VerificationError, match="the data file is missing"):
        report.assert_ok()


# --- Refusals: the message says what was asked, what was found, what to do; the warehouse is as before ----------------


def refused(
    repository: Repository, error: type[Exception], parts: tuple[str, ...], action: Callable[[], object]
) -> None:
    before = repository.snapshot().commit
    with pytest.raises(error) as caught:
        action()
    for part in parts:
        assert part in str(caught.value)
    assert isinstance(caught.value, errors.LakebedError)
    assert repository.snapshot().commit == before
    assert Repository(repository.location).snapshot().commit == before


def test_unknown_names_are_refused_with_the_nearest_ones(repository: Repository) -> None:
    write(repository, "flights", ints(1))
    repository.create_tag("january", repository.snapshot())
    snapshot = repository.snapshot()
    table = snapshot.table("flights")
    check = [
        (
            errors.TableNotFoundError,
            ("'flight'", "commit", "did you mean 'flights'?"),
            lambda: snapshot.table("flight"),
        ),
        (errors.ColumnNotFoundError, ("'y'", "table 'flights'", "it has x"), lambda: table.lazy(columns=["y"])),
        (errors.ColumnNotFoundError, ("'xx'", "did you mean 'x'?"), lambda: table.files(["=", "xx", 1])),
        (
            errors.ColumnNotFoundError,
            ("'xy'", "did you mean 'x'?"),
            lambda: write(repository, "flights", pl.DataFrame({"xy": [1]})),
        ),
        (errors.VersionNotFoundError, ("'januar'", "did you mean 'january'?"), lambda: repository.snapshot("januar")),
        (errors.VersionNotFoundError, ("'main~7'", "not that long"), lambda: repository.snapshot("main~7")),
        (errors.VersionNotFoundError, ("'nobranch'",), lambda: repository.begin("nobranch")),
        (errors.VersionNotFoundError, ("'nobranch'",), lambda: repository.history("nobranch")),
        (errors.ObjectNotFoundError, ("00" * 32,), lambda: repository.read_raw("00" * 32)),
        (errors.InvalidArgumentError, ("not int",), lambda: repository.snapshot(7)),  # type: ignore[arg-type]
    ]
    for error, parts, action in check:
        refused(repository, error, parts, action)


def test_frames_that_do_not_fit_are_refused(repository: Repository) -> None:
    write(repository, "t", ints(1))
    twice = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])
    check: list[tuple[type[Exception], tuple[str, ...], Any]] = [
        (
            errors.SchemaMismatchError,
            ("table 't'", "'x' is int64", "has string", "cast the column to int64"),
            pl.DataFrame({"x": ["a"]}),
        ),
        (errors.SchemaMismatchError, ("'x' is int64", "has float64"), pl.DataFrame({"x": [1.5]})),
        (errors.InvalidColumnsError, ("table 't'", "'x' stands twice", "rename"), twice),
        (errors.InvalidColumnsError, ("column 1 has no name", "rename"), pa.table([pa.array([1])], names=[""])),
        (errors.InvalidColumnsError, ("there is no column",), pa.table({})),
    ]
    for error, parts, frame in check:
        refused(repository, error, parts, functools.partial(write, repository, "t", frame))
    for error, parts, frame in check[2:]:
        refused(
            repository,
            error,
            tuple(part.replace("'t'", "'new'") for part in parts),
            functools.partial(write, repository, "new", frame),
        )
    with pytest.raises(TypeError, match="expected a table that speaks Arrow"):
        write(repository, "t", [1, 2, 3])


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        (pa.null(), "the type that its values will have"),
        (pa.float16(), "float32"),
        (pa.duration("s"), "int64"),
        (pa.decimal256(50, 2), "decimal128"),
        (pa.month_day_nano_interval(), "int64"),
        (pa.map_(pa.string(), pa.int64()), "a list of structs"),
        (pa.date64(), "date32"),
        (pa.binary(16), "binary"),
    ],
)
def test_arrow_types_that_the_format_cannot_hold_are_refused(
    repository: Repository, kind: pa.DataType, hint: str
) -> None:
    frame = pa.table({"c": pa.array([], kind)})
    parts = ("column 'c'", "unsupported type", hint)
    refused(repository, errors.UnsupportedTypeError, parts, lambda: write(repository, "t", frame))


def test_names_that_are_not_allowed_or_taken_are_refused(repository: Repository) -> None:
    write(repository, "t", ints(1))
    head = repository.snapshot()
    repository.create_tag("v1", head)
    check: list[tuple[type[Exception], tuple[str, ...], Callable[[], object]]] = [
        (errors.InvalidNameError, ("tag 'a/b'", "letters, digits"), lambda: repository.create_tag("a/b", head)),
        (errors.InvalidNameError, ("branch ''",), lambda: repository.create_branch("", head)),
        (errors.InvalidNameError, ("table 'a b'", "namespace"), lambda: write(repository, "a b", ints(1))),
        (errors.InvalidNameError, ("lake path '../x'",), lambda: repository.begin().set_lake("../x", {"hash": ""})),
        (errors.RefExistsError, ("tag 'v1'", "choose another name"), lambda: repository.create_tag("v1", head)),
        (errors.RefExistsError, ("branch 'main'",), lambda: repository.create_tag("main", head)),
        (errors.RefExistsError, ("tag 'v1'",), lambda: repository.create_branch("v1", head)),
        (errors.InvalidArgumentError, ("nothing to commit",), lambda: repository.begin().commit({})),
        (errors.TableNotFoundError, ("'u'",), lambda: repository.begin().set_schema("u", b"")),
    ]
    for error, parts, action in check:
        refused(repository, error, parts, action)


def test_two_overwrites_at_once_are_refused_by_name(repository: Repository) -> None:
    write(repository, "t", ints(1))
    slow = repository.begin()
    slow.write("t", ints(2), overwrite=True)
    write(repository, "t", ints(3), overwrite=True)
    parts = ("overwrite of 't'", "branch 'main'", "write (commit ", "try again")
    refused(repository, errors.WriteConflictError, parts, lambda: slow.commit({"kind": "write"}))


def test_a_read_only_handle_refuses_every_write(repository: Repository) -> None:
    write(repository, "t", ints(1))
    reader = Repository(repository.location, read_only=True)
    head = reader.snapshot()
    before = tree(Path(repository.location))
    for action in (
        reader.begin,
        lambda: reader.create_tag("v", head),
        lambda: reader.create_branch("b", head),
        lambda: reader.core.append_record(1, b"{}"),
    ):
        refused(repository, errors.ReadOnlyError, ("was opened read-only", "without read_only=True"), action)
    assert rows(head.table("t")) == [1]
    assert tree(Path(repository.location)) == before


def test_folders_that_are_no_warehouse_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    before = tree(tmp_path)
    for path, options, part in (
        (tmp_path / "other", {}, "it holds 'notes.txt'"),
        (tmp_path / "other", {"read_only": True}, "it has no file lakebed.warehouse"),
        (tmp_path / "other" / "notes.txt", {}, "it is a file"),
        (tmp_path / "absent", {"read_only": True}, "there is no such folder"),
    ):
        with pytest.raises(errors.NotAWarehouseError) as caught:
            Repository(path, **options)  # type: ignore[arg-type]
        assert str(path) in str(caught.value)
        assert part in str(caught.value)
        assert "open an empty or a new folder" in str(caught.value)
    assert tree(tmp_path) == before
    assert not (tmp_path / "absent").exists()


def test_a_newer_format_is_refused_as_such(repository: Repository) -> None:
    marker = Path(repository.location, "lakebed.warehouse")
    flipped = bytearray(marker.read_bytes())
    flipped[5] = 2
    marker.write_bytes(flipped)
    before = tree(Path(repository.location))
    with pytest.raises(errors.FormatVersionError, match=r"has format version 2, this Lakebed reads up to 1; upgrade"):
        Repository(repository.location)
    assert tree(Path(repository.location)) == before


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    # Not even root creates folders here.
    with pytest.raises((errors.UnwritableError, errors.StorageError), match="cannot create /proc/") as caught:
        Repository("/proc/lakebed-test")
    assert isinstance(caught.value, OSError)


def test_an_unknown_verify_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'first', 'always' or 'never', not 'sometimes'"):
        Repository("memory://", verify="sometimes")


def test_snapshots_are_values_of_their_own(repository: Repository) -> None:
    write(repository, "t", ints(1))
    before = repository.snapshot()
    write(repository, "t", ints(2), overwrite=True)
    assert isinstance(before, Snapshot)
    assert rows(before.table("t")) == [1]
    assert before.operation() == {"kind": "write", "message": "write t"}
