"""Tables whose times are in zones that Polars does not know: they are read in UTC, and every verb works on them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb

UTC = dt.timezone.utc
NOON = dt.datetime(2024, 1, 1, 12, tzinfo=UTC)


def frame(zone: str, *hours: int) -> pa.Table:
    kind = pa.timestamp("us", zone)
    at = [NOON + dt.timedelta(hours=hour) for hour in hours]
    nested = pa.array([[{"t": value}] for value in at], pa.list_(pa.struct([("t", kind)])))
    return pa.table({"id": list(hours), "t": pa.array(at, kind), "nested": nested})


@pytest.mark.parametrize("zone", ["+05:30", "-11:00", "Nowhere/Atall", "America/New_York", "UTC"])
def test_times_of_any_zone_are_the_same_instants(tmp_path: Path, zone: str) -> None:
    wh = lb.open(tmp_path / "wh")
    table = wh.write("t", frame(zone, 0, 1, 2))
    assert table.schema.field("t").type == pa.timestamp("us", zone)
    shown = {"America/New_York": zone, "-11:00": "Etc/GMT+11"}.get(zone, "UTC")
    found = table.scan().pl()
    assert found.schema["t"] == pl.Datetime("us", shown)
    assert found["t"].dt.convert_time_zone("UTC").to_list() == [NOON + dt.timedelta(hours=hour) for hour in range(3)]
    assert found["nested"].list.first().struct.field("t").dt.convert_time_zone("UTC")[2] == NOON + dt.timedelta(hours=2)
    table = table.upsert(frame(zone, 2, 3), key="id").update({"id": "id + 10"}, where="id = 0").delete(where="id = 1")
    assert table.scan(["id"]).pl()["id"].sort().to_list() == [2, 3, 10]
    table = table.add_column("extra", "int8", default=1).rename_column("t", "at")
    assert table.compact(full=True).n_rows_rewritten == 3
    table = wh.table("t")
    assert table.schema.field("at").type == pa.timestamp("us", zone)
    later = table.scan(where="at > TIMESTAMP '2024-01-01 14:30:00'").pl()
    assert later["id"].to_list() == [3]
    assert table.lazy().filter(pl.col("at") == pl.lit(NOON).dt.convert_time_zone(shown)).collect()["id"].to_list() == [
        10
    ]
    assert wh.sql("SELECT max(at) AS m FROM t").pl()["m"].dt.convert_time_zone("UTC")[0] == NOON + dt.timedelta(hours=3)
    joined = lb.asof_join(pl.DataFrame({"at": [NOON + dt.timedelta(hours=9)]}), table, on="at")
    assert pl.DataFrame(joined)["id"].to_list() == [3]
    assert wh.verify().ok
