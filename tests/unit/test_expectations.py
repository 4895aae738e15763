"""Expectations of a table: set, relaxed and pinned as versions; the gate before every commit; environments."""

from __future__ import annotations

import logging
from collections.abc import Callable

import polars as pl
import pytest

import lakebed as lb
from lakebed import errors


def frame(*dests: str, delay: float = 1.0) -> pl.DataFrame:
    """Flights to `dests`; `arr_delay` is the label."""
    return pl.DataFrame({"dest": dests, "distance": [100] * len(dests), "arr_delay": [delay] * len(dests)})


@pytest.fixture
def wh() -> lb.Warehouse:
    """A table of 40 flights without expectations."""
    wh = lb.open("memory://")
    wh.write("flights", frame(*["ATL", "BOS"] * 20), message="january")
    return wh


@pytest.fixture
def gated(wh: lb.Warehouse) -> lb.Warehouse:
    """The same, with a gate that refuses; the label is not there when the model serves."""
    schema = wh.infer_schema("flights").with_default_environments("TRAINING", "SERVING")
    schema = schema.with_label("arr_delay", not_in_environment="SERVING").with_feature("distance", min=1, max=6000)
    wh.set_schema("flights", schema, gate="refuse", message="inferred")
    return wh


def domain(wh: lb.Warehouse, version: str | None = None) -> list[str]:
    return list(wh.schema("flights", version).schema.domain("dest") or ())


# --- Setting and relaxing ---------------------------------------------------------------------------------------------


def test_expectations_are_set_as_numbered_versions_in_commits_of_their_own(wh: lb.Warehouse) -> None:
    schema = wh.infer_schema("flights")
    first = wh.set_schema("flights", schema, message="inferred")
    second = wh.set_schema("flights", schema, gate="refuse")
    third = wh.set_schema("flights", schema)
    assert [(e.version, e.gate) for e in (first, second, third)] == [(1, "warn"), (2, "refuse"), (3, "refuse")]
    assert wh.schema("flights") == third
    newest = wh.log()
    assert [(c.kind, c.message) for c in newest[-2:]] == [("set_schema", "inferred"), ("write", "january")]
    assert newest[0].operation["schemas"] == [{"table": "flights", "version": 3, "gate": "refuse"}]


def test_inferring_a_schema_stores_nothing(wh: lb.Warehouse) -> None:
    wh.infer_schema("flights")
    assert len(wh.log()) == 1
    with pytest.raises(errors.SchemaNotFoundError):
        wh.schema("flights")


def test_a_schema_can_be_inferred_from_an_old_version(wh: lb.Warehouse) -> None:
    wh.write("flights", frame(*["SFO"] * 20))
    assert wh.infer_schema("flights", "main~1").domain("dest") == ["ATL", "BOS"]
    assert wh.infer_schema("flights").domain("dest") == ["ATL", "BOS", "SFO"]


def test_accepting_new_values_is_a_new_version_and_needed_once(gated: lb.Warehouse) -> None:
    batch = frame("SFO")
    assert gated.validate("flights", batch).columns == ["dest"]
    accepted = gated.update_schema("flights", batch, message="SFO opened")
    assert (accepted.version, accepted.gate, domain(gated)) == (2, "refuse", ["ATL", "BOS", "SFO"])
    n_commits = len(gated.log())
    assert gated.update_schema("flights", batch) == accepted
    assert gated.update_schema("flights", frame("ATL")) == accepted
    assert len(gated.log()) == n_commits
    assert not gated.validate("flights", batch)
    assert gated.write("flights", batch).num_rows == 41


def test_the_rows_of_the_table_itself_can_be_accepted(gated: lb.Warehouse) -> None:
    gated.set_schema("flights", gated.schema("flights").schema, gate="off")
    gated.write("flights", frame("SFO"))
    assert gated.validate("flights").columns == ["dest"]
    assert domain(gated) == ["ATL", "BOS"]
    gated.update_schema("flights")
    assert domain(gated) == ["ATL", "BOS", "SFO"]
    assert not gated.validate("flights")


def test_every_version_keeps_the_expectations_that_it_had(gated: lb.Warehouse) -> None:
    gated.tag("january")
    gated.update_schema("flights", frame("SFO"))
    gated.write("flights", frame("SFO"))
    assert (domain(gated, "january"), gated.schema("flights", "january").version) == (["ATL", "BOS"], 1)
    assert (domain(gated), gated.schema("flights").version) == (["ATL", "BOS", "SFO"], 2)
    assert gated.validate("flights", frame("SFO"), version="january").columns == ["dest"]
    assert not gated.validate("flights", frame("SFO"))
    with pytest.raises(errors.SchemaNotFoundError, match="table 'flights' has no schema"):
        gated.schema("flights", "january~1")


def test_a_branch_has_expectations_of_its_own(gated: lb.Warehouse) -> None:
    gated.branch("try")
    with gated.transaction(branch="try") as tx:
        assert tx.set_schema("flights", gated.schema("flights").schema, gate="off").version == 2
    assert (gated.schema("flights", "try").gate, gated.schema("flights").gate) == ("off", "refuse")
    assert gated.write("flights", frame("SFO"), branch="try").num_rows == 41
    with pytest.raises(errors.GateRefusedError):
        gated.write("flights", frame("SFO"))


def test_expectations_of_a_table_without_any_are_not_found(wh: lb.Warehouse) -> None:
    actions: list[Callable[[], object]] = [
        lambda: wh.schema("flights"),
        lambda: wh.validate("flights"),
        lambda: wh.validate("flights", frame("ATL")),
        lambda: wh.update_schema("flights"),
        lambda: wh.update_schema("flights", frame("ATL")),
    ]
    for action in actions:
        with pytest.raises(errors.SchemaNotFoundError, match=r"set one: wh\.set_schema\('flights'"):
            action()
    assert len(wh.log()) == 1


# --- Environments -----------------------------------------------------------------------------------------------------


def test_a_serving_frame_without_the_label_is_an_anomaly_only_outside_of_serving(gated: lb.Warehouse) -> None:
    serving = frame("ATL").drop("arr_delay")
    everywhere = gated.validate("flights", serving)
    assert everywhere.columns == ["arr_delay"]
    assert ["Column dropped" in str(anomaly) for anomaly in everywhere] == [True]
    assert gated.validate("flights", serving, environment="TRAINING").columns == ["arr_delay"]
    assert not gated.validate("flights", serving, environment="SERVING")
    assert not gated.validate("flights", frame("ATL"), environment="TRAINING")


def test_other_anomalies_are_seen_in_serving_too(gated: lb.Warehouse) -> None:
    serving = frame("SFO").drop("arr_delay")
    assert gated.validate("flights", serving, environment="SERVING").columns == ["dest"]


def test_an_environment_that_is_not_declared_is_refused(gated: lb.Warehouse) -> None:
    with pytest.raises(errors.EnvironmentNotFoundError, match="TRAINING, SERVING"):
        gated.validate("flights", environment="SERVNG")


# --- The gate ---------------------------------------------------------------------------------------------------------


def test_a_refused_batch_changes_nothing_and_its_anomalies_are_in_the_error(gated: lb.Warehouse) -> None:
    head, version = gated.log()[0], gated.table("flights").version
    spoiled = frame("SFO", "SFO").with_columns(distance=pl.lit(-1, dtype=pl.Int64))
    with pytest.raises(errors.GateRefusedError, match="nothing was changed; mend the rows, or accept them") as raised:
        gated.write("flights", spoiled)
    assert raised.value.anomalies.columns == ["dest", "distance"]
    assert "2 rows for table 'flights'" in str(raised.value)
    assert (gated.log()[0], gated.table("flights").version, gated.table("flights").num_rows) == (head, version, 40)
    assert gated.verify().ok


def test_a_gate_that_warns_writes_and_logs(gated: lb.Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    gated.set_schema("flights", gated.schema("flights").schema, gate="warn")
    with caplog.at_level(logging.WARNING, logger="lakebed"):
        assert gated.write("flights", frame("SFO")).num_rows == 41
    assert [(r.name, r.levelname) for r in caplog.records] == [("lakebed", "WARNING")]
    assert "dest: Unexpected string values" in caplog.text


def test_a_gate_that_is_off_does_not_look(gated: lb.Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    gated.set_schema("flights", gated.schema("flights").schema, gate="off")
    with caplog.at_level(logging.WARNING, logger="lakebed"):
        assert gated.write("flights", frame("SFO")).num_rows == 41
    assert caplog.records == []


def test_good_rows_pass_without_a_word(gated: lb.Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="lakebed"):
        assert gated.write("flights", frame("ATL", "BOS")).num_rows == 42
        assert gated.write("flights", frame("ATL").head(0)).num_rows == 42
    assert caplog.records == []


def test_the_gate_sees_only_the_new_rows(wh: lb.Warehouse) -> None:
    schema = wh.infer_schema("flights").with_feature("dest", domain=["SFO"])
    wh.set_schema("flights", schema, gate="refuse")
    assert wh.validate("flights").columns == ["dest"]
    assert wh.write("flights", frame("SFO")).num_rows == 41
    with pytest.raises(errors.GateRefusedError, match="1 rows for table"):
        wh.write("flights", frame("ATL"))


def test_the_gate_sees_all_rows_of_an_overwrite(gated: lb.Warehouse) -> None:
    with pytest.raises(errors.GateRefusedError) as raised:
        gated.write("flights", pl.DataFrame({"other": [1]}), mode="overwrite")
    assert set(raised.value.anomalies.columns) == {"dest", "distance", "arr_delay", "other"}
    assert gated.write("flights", frame("ATL"), mode="overwrite").num_rows == 1


def test_one_refused_table_refuses_the_whole_transaction(gated: lb.Warehouse) -> None:
    gated.write("other", pl.DataFrame({"k": ["x"]}))

    def write_all() -> None:
        with gated.transaction() as tx:
            tx.write("aaa", pl.DataFrame({"z": [1]}))
            tx.write("other", pl.DataFrame({"k": ["y"]}))
            tx.write("flights", frame("SFO"))
            tx.put("raw/x", b"x")

    head = gated.log()[0]
    with pytest.raises(errors.GateRefusedError, match="table 'flights'"):
        write_all()
    assert (gated.log()[0], gated.tables()) == (head, ["flights", "other"])
    assert (gated.table("other").num_rows, gated.lake.pointers()) == (1, [])


def test_expectations_that_are_set_in_a_transaction_count_for_its_rows(gated: lb.Warehouse) -> None:
    strict = gated.schema("flights").schema

    def fresh() -> None:
        with gated.transaction() as tx:
            tx.write("fresh", frame("SFO"))
            assert tx.set_schema("fresh", strict, gate="refuse").version == 1

    with pytest.raises(errors.GateRefusedError, match="table 'fresh'"):
        fresh()
    assert gated.tables() == ["flights"]
    with gated.transaction() as tx:
        tx.write("flights", frame("SFO"))
        tx.set_schema("flights", strict, gate="off")
    assert (gated.table("flights").num_rows, gated.schema("flights").gate) == (41, "off")


def test_expectations_that_somebody_sets_during_a_transaction_count(wh: lb.Warehouse) -> None:
    tx = wh.transaction()
    tx.write("flights", frame("SFO"))
    wh.set_schema("flights", wh.infer_schema("flights"), gate="refuse", message="by somebody else")
    with pytest.raises(errors.GateRefusedError, match="SFO"):
        tx.commit()
    assert (wh.table("flights").num_rows, wh.log()[0].message) == (40, "by somebody else")


def test_the_same_holds_between_two_handles_of_a_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    wh = lb.open(tmp_path_factory.mktemp("gate"))
    wh.write("flights", frame(*["ATL", "BOS"] * 20))
    tx = wh.transaction()
    tx.write("flights", frame("SFO"))
    other = lb.open(wh.location)
    other.set_schema("flights", other.infer_schema("flights"), gate="refuse")
    with pytest.raises(errors.GateRefusedError):
        tx.commit()
    assert lb.open(wh.location).table("flights").num_rows == 40


def test_expectations_that_somebody_relaxes_during_a_transaction_count(gated: lb.Warehouse) -> None:
    tx = gated.transaction()
    tx.write("flights", frame("SFO"))
    gated.update_schema("flights", frame("SFO"))
    assert tx.commit().table("flights").num_rows == 41
