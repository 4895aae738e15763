"""The name resolver: exact names, case, versions, several providers, and what it says when nothing matches."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from tests.small_warehouse import Recorder, catalog

from lakebed.catalog import Catalog, FrameProvider, Pins, ScanProvider, VersionSpec
from lakebed.errors import (
    AmbiguousNameError,
    InvalidArgumentError,
    InvalidNameError,
    TableNotFoundError,
    VersionNotFoundError,
)

ROW = pl.DataFrame({"a": [1]})


def two_providers() -> Catalog:
    made = Catalog()
    made.register_provider("first", FrameProvider({"both": ROW, "Left": ROW}))
    made.register_provider("second", FrameProvider({"both": ROW, "right": ROW}, versions={"old": {"right": ROW}}))
    return made


def test_a_table_is_found_by_its_exact_name() -> None:
    source = catalog().resolve("flights")
    assert (source.name, source.kind, source.version, source.commit) == ("flights", "memory", None, "head")


def test_a_table_is_found_whatever_the_case() -> None:
    assert catalog().resolve("FLIGHTS").name == "flights"


def test_an_exact_name_wins_over_one_that_differs_in_case() -> None:
    made = Catalog()
    made.register_provider("memory", FrameProvider({"Trip": ROW, "trip": ROW.clear()}))
    assert made.resolve("trip").scan().collect().height == 0


def test_two_names_that_differ_in_case_are_ambiguous_for_a_third_spelling() -> None:
    made = Catalog()
    made.register_provider("memory", FrameProvider({"Trip": ROW, "trip": ROW}))
    with pytest.raises(AmbiguousNameError, match="'Trip', 'trip'"):
        made.resolve("TRIP")


def test_a_namespace_is_part_of_the_name() -> None:
    made = Catalog()
    made.register_provider("memory", FrameProvider({"sales.flights": ROW}))
    assert made.resolve("sales.flights").name == "sales.flights"
    with pytest.raises(TableNotFoundError, match=r"the nearest is 'sales\.flights'"):
        made.resolve("sale.flights")


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(TableNotFoundError, match="there is no table 'flihgts'; the nearest is 'flights'"):
        catalog().resolve("flihgts")


def test_an_unknown_table_at_a_version_names_the_version() -> None:
    with pytest.raises(TableNotFoundError, match="at version 'january'; the tables are 'flights', 'planes'"):
        catalog().resolve("zzz", "january")


def test_an_unknown_version_names_the_nearest() -> None:
    with pytest.raises(VersionNotFoundError, match="'januray'; the nearest is 'january'"):
        catalog().resolve("flights", "januray")


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InvalidNameError, match="empty"):
        catalog().resolve("")


def test_the_first_provider_wins_for_a_name_that_both_have() -> None:
    assert two_providers().resolve("both").kind == "first"


def test_a_later_provider_is_asked_too() -> None:
    assert two_providers().resolve("RIGHT").kind == "second"


def test_case_is_ambiguous_across_providers() -> None:
    made = Catalog()
    made.register_provider("first", FrameProvider({"Trip": ROW}))
    made.register_provider("second", FrameProvider({"TRIP": ROW}))
    with pytest.raises(AmbiguousNameError, match=r"'Trip' \(first\), 'TRIP' \(second\)"):
        made.resolve("trip")


def test_a_version_that_one_provider_has_is_enough() -> None:
    source = two_providers().resolve("right", "old")
    assert (source.kind, source.commit) == ("second", "old")
    with pytest.raises(VersionNotFoundError):
        two_providers().resolve("right", "older")


def test_tables_of_all_providers_are_listed_once() -> None:
    assert two_providers().tables() == ["Left", "both", "right"]
    assert two_providers().tables("old") == ["right"]


def test_a_kind_is_registered_once() -> None:
    made = two_providers()
    with pytest.raises(InvalidArgumentError, match="'first'"):
        made.register_provider("first", FrameProvider({}))


def test_a_table_function_is_found_whatever_the_case_and_registered_once() -> None:
    made = Catalog()
    made.register_table_function("Numbers", ROW.lazy)
    assert made.table_function("NUMBERS")().collect().height == 1
    with pytest.raises(InvalidArgumentError, match="numbers"):
        made.register_table_function("numbers", ROW.lazy)
    with pytest.raises(TableNotFoundError, match="the nearest is 'numbers'"):
        made.table_function("nubmers")


def test_the_schema_and_the_rows_are_those_of_the_version() -> None:
    source = catalog().resolve("flights", "january")
    assert source.schema().names[:2] == ["id", "carrier"]
    assert source.scan(columns=["id"]).collect()["id"].to_list() == [1, 2, 3, 4]


def test_a_filter_is_handed_to_the_provider() -> None:
    provider = Recorder()
    catalog(provider).resolve("flights").scan(where=["=", "id", 1])
    assert provider.scans == [("flights", "head", ["=", "id", 1])]


class Moving(FrameProvider):
    """A provider whose head moves at every look, as when another process commits."""

    def __init__(self) -> None:
        versions = {f"c{number}": {"t": pl.DataFrame({"a": [number]})} for number in range(9)}
        super().__init__({"t": ROW}, versions=versions)
        self.looks = 0

    def commit(self, version: VersionSpec) -> str:
        if version is not None:
            return super().commit(version)
        self.looks += 1
        return f"c{self.looks}"


def test_a_source_is_read_at_the_commit_that_was_found() -> None:
    made = catalog(Moving())
    source = made.resolve("t")
    made.resolve("t")
    assert source.commit == "c1"
    assert source.scan().collect()["a"].to_list() == [1]


def test_pins_keep_one_commit_for_all_tables_of_a_statement() -> None:
    made, pins = catalog(Moving()), Pins()
    assert [made.resolve("t", pins=pins).commit for _ in range(3)] == ["c1", "c1", "c1"]
    assert pins == {("memory", None): "c1"}


def test_frames_are_a_scan_provider() -> None:
    provider = FrameProvider({"t": ROW})
    assert isinstance(provider, ScanProvider)
    with pytest.raises(TableNotFoundError, match="'u'"):
        provider.schema("u", None)
    with pytest.raises(VersionNotFoundError):
        provider.tables(dt.datetime(2013, 1, 1, tzinfo=dt.timezone.utc))
