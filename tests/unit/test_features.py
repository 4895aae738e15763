"""Entities, feature views and historical features: what is kept, what comes back, what is refused, what is pinned."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lakebed as lb
from lakebed import errors, features
from lakebed.warehouse import Warehouse

START = dt.datetime.fromisoformat("2013-01-01T00:00")


def at(*hours: float | None) -> list[dt.datetime | None]:
    return [None if hour is None else START + dt.timedelta(hours=hour) for hour in hours]


@pytest.fixture
def wh() -> Warehouse:
    """Weather of two stations, flights, and transactions that arrive late."""
    wh = lb.open("memory://")
    weather = {"station": ["JFK", "JFK", "LGA"], "time": at(0, 2, 1), "temp": [1.0, 2.0, 3.0], "wind": [1, None, 3]}
    wh.write("weather", pl.DataFrame(weather))
    wh.write("stations", pl.DataFrame({"station": ["JFK", "LGA"], "event_timestamp": at(0, 0), "temp": [10, 20]}))
    tx = {"user": [1, 1, 1], "at": at(0, 1, 2), "made": at(0, 9, 2), "amount": [5, 7, 11]}
    wh.write("tx", pl.DataFrame(tx))
    station, user = lb.Entity("station"), lb.Entity("customer", join_keys="user")
    wh.features.apply(
        station,
        lb.FeatureView("weather", [station], timestamp="time", ttl=dt.timedelta(hours=2)),
        lb.FeatureView("stations", ["station"]),
        lb.FeatureView("tx", [user], timestamp="at", created="made", features=["amount"]),
        lb.FeatureView(
            "spent", [user], source="tx", timestamp="at", aggregations=[lb.Aggregation("amount", "sum", "lifetime")]
        ),
    )
    return wh


ROWS = pl.DataFrame({"station": ["LGA", "JFK", "JFK", "EWR"], "event_timestamp": at(9, 2, 3, 1), "label": [1, 0, 0, 1]})


def test_every_row_comes_back_in_its_place_with_what_was_known(wh: Warehouse) -> None:
    train = wh.features.historical(ROWS, ["weather:temp", "weather:wind"])
    assert train.data.drop("temp", "wind").equals(ROWS)
    assert train.data["temp"].to_list() == [None, 2.0, 2.0, None]
    assert train.data["wind"].to_list() == [None, None, None, None]
    side = train.report["weather"]
    assert (side.n_matched, side.n_expired + side.n_unknown_key) == (2, 2)


def test_features_of_many_views_come_in_one_call(wh: Warehouse) -> None:
    rows = ROWS.with_columns(user=1)
    train = wh.features.historical(rows, ["weather:temp", "tx:amount", "spent"], full_feature_names=True)
    assert train.data.columns == [*rows.columns, "weather__temp", "tx__amount", "spent__amount_sum_lifetime"]
    assert train.data["tx__amount"].to_list() == [11, 11, 11, 7]
    assert train.data["spent__amount_sum_lifetime"].to_list() == [23, 12, 23, 5]
    assert train.features == ("weather:temp", "tx:amount", "spent:amount_sum_lifetime")
    assert [side.name for side in train.report] == ["weather", "tx", "spent"]


def test_what_was_created_later_can_be_hidden(wh: Warehouse) -> None:
    rows = pl.DataFrame({"user": [1, 1], "event_timestamp": at(1.5, 9)})
    seen = [
        wh.features.historical(rows, ["tx:amount"], filter_by_created_timestamp=hide).data["amount"].to_list()
        for hide in (False, True)
    ]
    assert seen == [[7, 11], [5, 11]]
    with pytest.raises(errors.InvalidArgumentError, match="'spent' names no created column"):
        wh.features.historical(rows, ["spent"], filter_by_created_timestamp=True)


def test_names_that_clash_are_refused_until_they_are_full(wh: Warehouse) -> None:
    with pytest.raises(
        errors.InvalidColumnsError, match=r"'stations:temp' and feature 'weather:temp'.*full_feature_names"
    ):
        wh.features.historical(ROWS, ["weather:temp", "stations:temp"])
    with pytest.raises(errors.InvalidColumnsError, match="the rows would both be called 'temp'"):
        wh.features.historical(ROWS.with_columns(temp=1), ["weather:temp"])
    full = wh.features.historical(ROWS, ["weather:temp", "stations:temp"], full_feature_names=True)
    assert full.data["stations__temp"].to_list() == [20, 10, 10, None]


def test_all_features_of_a_view_and_views_that_are_not_applied(wh: Warehouse) -> None:
    for asked in (["weather"], ["weather:*"], ["weather:temp", "weather"]):
        assert wh.features.historical(ROWS, asked).data.columns == [*ROWS.columns, "temp", "wind"]
    view = lb.FeatureView("cold", [lb.Entity("station")], source="weather", timestamp="time", features=["temp"])
    assert wh.features.historical(ROWS, [view]).data["temp"].to_list() == [3.0, 2.0, 2.0, None]


CLASSES: dict[str, Any] = {
    "polars": lambda f: f,
    "lazy": lambda f: f.lazy(),
    "arrow": lambda f: f.to_arrow(),
    "pandas": lambda f: f.to_pandas(),
}


@pytest.mark.parametrize("name", CLASSES)
def test_rows_may_be_of_any_class_and_keep_it(wh: Warehouse, name: str) -> None:
    rows = CLASSES[name](ROWS)
    train = wh.features.historical(rows, ["weather:temp"])
    assert type(train.data) is type(rows)
    assert train.pl()["temp"].to_list() == [None, 2.0, 2.0, None]
    assert (train.arrow().num_rows, len(train.to_df()), pa.table(train).num_rows) == (4, 4, 4)


def test_the_index_of_pandas_rows_stays(wh: Warehouse) -> None:
    rows = ROWS.to_pandas().set_index(pd.Index([7, 5, 3, 1], name="row"))
    train = wh.features.historical(rows, ["weather:temp"])
    assert train.data.index.equals(rows.index)
    assert list(train.data.columns) == [*rows.columns, "temp"]


def test_times_without_a_zone_are_utc_and_stay_as_they_are(wh: Warehouse) -> None:
    zoned = ROWS.with_columns(
        pl.col("event_timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    )
    train = wh.features.historical(zoned, ["weather:temp"])
    assert train.data["temp"].to_list() == [None, 2.0, 2.0, None]
    assert train.data["event_timestamp"].equals(zoned["event_timestamp"])


def test_the_time_column_is_told_or_the_only_one_there_is(wh: Warehouse) -> None:
    rows = ROWS.rename({"event_timestamp": "when"})
    expected = [None, 2.0, 2.0, None]
    assert wh.features.historical(rows, ["weather:temp"]).data["temp"].to_list() == expected
    assert wh.features.historical(rows, ["weather:temp"], timestamp="when").data["temp"].to_list() == expected
    with pytest.raises(errors.TimeColumnError, match="several: when, then"):
        wh.features.historical(rows.with_columns(then="when"), ["weather:temp"])
    with pytest.raises(errors.TimeColumnError, match="none; give timestamp="):
        wh.features.historical(rows.drop("when"), ["weather:temp"])


def test_a_training_set_pins_its_versions_and_can_be_made_again(wh: Warehouse) -> None:
    train = wh.features.historical(ROWS, ["weather:temp"])
    assert train.commit == wh.at("main").commit
    assert train.versions == {"weather": wh.table("weather").version}
    wh.write("weather", pl.DataFrame({"station": ["EWR"], "time": at(1), "temp": [9.0], "wind": [9]}))
    assert wh.features.historical(ROWS, ["weather:temp"]).data["temp"].to_list() == [None, 2.0, 2.0, 9.0]
    again = wh.features.historical(ROWS, ["weather:temp"], version=train.commit)
    assert again.data.equals(train.data)
    assert (again.commit, again.versions) == (train.commit, train.versions)


def test_definitions_are_versions_like_data(wh: Warehouse) -> None:
    before = wh.at("main")
    assert wh.features.apply(lb.Entity("station")).commit == before.commit
    wh.features.apply([lb.FeatureView("weather", ["station"], timestamp="time", ttl="9h")], message="older")
    assert wh.log()[0].message == "older"
    assert (wh.features.views()["weather"].ttl, wh.features.views(before)["weather"].ttl) == ("9h", "2h")
    assert wh.features.historical(ROWS, ["weather:temp"]).data["temp"].to_list() == [3.0, 2.0, 2.0, None]
    assert list(wh.features.entities()) == ["customer", "station"]
    assert wh.verify().ok


def test_what_a_run_reads_through_features_is_an_input_of_it(wh: Warehouse) -> None:
    with wh.execution("train") as run:
        wh.features.historical(ROWS, ["weather:temp"])
    assert [getattr(reference, "name", None) for reference in run.inputs] == ["weather"]


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "view": (["wether:temp"], errors.FeatureNotFoundError, "'wether' not found; did you mean 'weather'"),
    "feature": (["weather:tmp"], errors.FeatureNotFoundError, "no feature 'tmp'; did you mean 'temp'"),
    "key": (["tx:amount"], errors.FeatureNotFoundError, "no column 'user'"),
    "nothing": ([], errors.InvalidArgumentError, "no features were asked for"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_features_that_do_not_exist_are_refused_with_a_hint(wh: Warehouse, case: str) -> None:
    asked, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        wh.features.historical(ROWS, asked)


def test_definitions_that_cannot_hold_are_refused(wh: Warehouse) -> None:
    with pytest.raises(errors.TableNotFoundError, match="'wether'"):
        wh.features.apply(lb.FeatureView("w", ["station"], source="wether"))
    with pytest.raises(errors.ColumnNotFoundError, match="'tim'"):
        wh.features.apply(lb.FeatureView("w", ["station"], source="weather", timestamp="tim"))
    with pytest.raises(errors.FeatureNotFoundError, match="did you mean 'station'"):
        wh.features.apply(lb.FeatureView("w", ["sation"], source="weather", timestamp="time"))
    with pytest.raises(errors.InvalidArgumentError, match="not str"):
        wh.features.apply("weather")
    with pytest.raises(errors.InvalidArgumentError, match="each once"):
        lb.Entity("pair", join_keys=["a", "a"])
    with pytest.raises(errors.InvalidArgumentError, match="without ':'"):
        lb.FeatureView("a:b")
    with pytest.raises(errors.InvalidArgumentError, match="needs a window"):
        lb.FeatureView("a", aggregations=[lb.Aggregation("x", "sum")])
    with pytest.raises(errors.InvalidArgumentError, match="negative"):
        lb.FeatureView("a", ttl=dt.timedelta(hours=-1))


def test_only_files_that_can_matter_are_opened() -> None:
    wh = lb.open("memory://")
    for day in range(4):
        hours = range(day * 24, day * 24 + 24)
        wh.write("readings", pl.DataFrame({"k": [1] * 24, "event_timestamp": at(*hours), "v": list(hours)}))
    view = lb.FeatureView("readings", [lb.Entity("k")], ttl="3h")
    rows = pl.DataFrame({"k": [1, 1], "event_timestamp": at(30, 40.5)})

    def files_of(asked: lb.FeatureView) -> tuple[list[Any], int]:
        before = wh.counters()["data_files"]
        found = wh.features.historical(rows, [asked]).data["v"].to_list()
        return found, wh.counters()["data_files"] - before

    assert files_of(view) == ([30, 40], 1)
    assert files_of(lb.FeatureView("readings", [lb.Entity("k")])) == ([30, 40], 2)
    table = wh.table("readings")
    assert lb.asof_join(rows, table, on="event_timestamp", by="k", tolerance="3h")["v"].to_list() == [30, 40]
    forward = lb.asof_join(rows, table, on="event_timestamp", by="k", direction="forward")["v"].to_list()
    assert forward == [30, 41]
    windows = lb.window_aggregate(rows, table, {"v": "count"}, windows="20h", on="event_timestamp", by="k")
    assert windows["v_count_20h"].to_list() == [20, 20]


@pytest.mark.parametrize("key", [pl.Int64, pl.String, pl.UInt8])
def test_only_files_with_keys_of_the_rows_are_opened(key: Any) -> None:
    wh = lb.open("memory://")
    for entity in range(5):
        wh.write(
            "readings",
            pl.DataFrame({"k": [entity, entity], "event_timestamp": at(1, 2), "v": [entity, -entity]}).cast({"k": key}),
        )
    table = wh.table("readings")
    rows = pl.DataFrame({"k": [3, None, 1], "event_timestamp": at(1, 5, 5)}).cast({"k": key})
    for left in (rows, rows.to_arrow()):
        before = wh.counters()["data_files"]
        joined = pl.DataFrame(lb.asof_join(left, table, on="event_timestamp", by="k"))
        assert joined["v"].to_list() == [3, None, -1]
        assert wh.counters()["data_files"] - before == 2


def test_definitions_can_be_listed_and_read_back() -> None:
    snapshot = lb.open("memory://").at("main")
    entity = features.Entity("seat", join_keys=("flight", "row"), tags={"tier": "1"})
    assert features.definitions([entity], snapshot) == {"entity.seat": entity.to_dict()}
    assert features.Entity.from_dict(entity.to_dict()) == entity
    view = features.FeatureView("v", [entity], aggregations=[lb.Aggregation("x", "sum", ["1d", "7d offset 1d"])])
    assert features.FeatureView.from_dict(view.to_dict()) == view
    assert list(view.aggregates()) == ["x_sum_1d", "x_sum_7d_offset_1d"]


def test_a_date_is_the_time_of_the_rows_where_no_column_knows_it_better() -> None:
    wh = lb.open("memory://")
    wh.write("rates", pl.DataFrame({"at": [dt.datetime(2013, 1, 2)], "rate": [0.5]}))  # noqa: DTZ001
    view = lb.FeatureView("rates", timestamp="at")
    rows = pl.DataFrame({"day": [dt.date(2013, 1, 1), dt.date(2013, 1, 2)]})
    assert wh.features.historical(rows, [view]).data["rate"].to_list() == [None, 0.5]
    stamped = rows.with_columns(at=pl.lit(dt.datetime(2013, 1, 3)))  # noqa: DTZ001
    assert wh.features.historical(stamped, [view]).data["rate"].to_list() == [0.5, 0.5]


def test_rows_may_come_as_a_stream_and_lazily() -> None:
    wh = lb.open("memory://")
    times = [dt.datetime(2013, 1, day) for day in (1, 2, 3)]  # noqa: DTZ001
    wh.write("rates", pl.DataFrame({"k": ["a", "b"], "at": times[:2], "rate": [0.5, 0.25]}))
    view = lb.FeatureView("rates", [lb.Entity("k")], timestamp="at")
    rows = pl.DataFrame({"k": ["a", "b", "c"], "event_timestamp": times})
    wanted = wh.features.historical(rows, [view])
    lazy = wh.features.historical(rows.lazy(), [view])
    assert isinstance(lazy.data, pl.LazyFrame)
    assert lazy.pl().equals(wanted.data)
    assert list(lazy.report) == list(wanted.report)
    parts = wh.features.historical((rows.slice(at, 1) for at in range(3)), [view])
    assert pl.DataFrame(parts.arrow()).equals(wanted.data)


def test_a_feature_whose_column_is_gone_and_what_is_no_feature_are_told() -> None:
    wh = lb.open("memory://")
    wh.write("rates", pl.DataFrame({"at": [dt.datetime(2013, 1, 1)], "rate": [0.5]}))  # noqa: DTZ001
    wh.features.apply(lb.FeatureView("rates", timestamp="at", features=["rate"]))
    rows = pl.DataFrame({"event_timestamp": [dt.datetime(2013, 1, 2)]})  # noqa: DTZ001
    wh.table("rates").rename_column("rate", "rates")
    with pytest.raises(lb.errors.ColumnNotFoundError, match=r"'rate' not found .*did you mean 'rates'"):
        wh.features.historical(rows, ["rates:rate"])
    for nothing in (None, 5, [None]):
        with pytest.raises(lb.errors.InvalidArgumentError, match="a feature is a text such as 'weather:temp'"):
            wh.features.historical(rows, nothing)  # type: ignore[arg-type]
    nowhere: list[Any] = [None, {"event_timestamp": []}, 5]
    for no_rows in nowhere:
        with pytest.raises(TypeError, match="expected a table that speaks Arrow"):
            wh.features.historical(no_rows, ["rates:rate"])
