"""Conditions and scalar expressions: exact rows, core predicates, and errors that say where."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from tests.small_warehouse import flights, weather

from lakebed.errors import AmbiguousNameError, ColumnNotFoundError, SqlError, SqlSyntaxError, SqlUnsupportedError
from lakebed.expression import Predicate, function_names, parse_predicate, parse_scalar
from lakebed.expression.names import match_name, nearest_names, suggestion

FRAME = flights().with_columns(
    zoned=pl.col("sched").dt.replace_time_zone("UTC"),
    place=pl.struct(pl.col("id").alias("Row"), pl.struct(pl.col("origin").alias("code")).alias("inner")),
)
COLUMNS = {field.name: field.type for field in FRAME.to_arrow().schema}
UTC = dt.timezone.utc


def parse(text: str) -> Predicate:
    return parse_predicate(text, COLUMNS)


def ids(text: str) -> list[int]:
    return FRAME.filter(parse(text).polars)["id"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id = 3", [3]),
        ("3 < id AND id <= 5", [4, 5]),
        ("carrier = 'UA' OR carrier IS NULL", [1, 3, 5, 7]),
        ("carrier <> 'UA'", [2, 4, 6, 8]),
        ("NOT (carrier = 'UA')", [2, 4, 6, 8]),
        ("carrier IN ('AA', 'DL')", [2, 6, 8]),
        ("carrier IN ('AA', NULL)", [2, 6]),
        ("carrier NOT IN ('AA', NULL)", []),
        ("carrier IS NOT DISTINCT FROM NULL", [5]),
        ("carrier IS DISTINCT FROM 'UA'", [2, 4, 5, 6, 8]),
        ("arr_delay BETWEEN 11 AND 20", [1, 4, 6]),
        ("arr_delay NOT BETWEEN -20 AND 20", [5, 8]),
        ("arr_delay IS NULL", [3, 7]),
        ("arr_delay = NULL", []),
        ("cancelled", [3, 7]),
        ("NOT cancelled", [1, 2, 4, 6, 8]),
        ("cancelled IS NOT TRUE", [1, 2, 4, 5, 6, 8]),
        ("cancelled IS NOT FALSE", [3, 5, 7]),
        ("(arr_delay > 0) IS FALSE", [2, 5]),
        ("dep_delay > 10", [4, 6, 7]),  # NaN is greater than every number.
        ("dep_delay = 'inf'", [7]),
        ("isnan(dep_delay)", [6]),
        ("isfinite(dep_delay)", [1, 2, 4, 5, 8]),
        ("price = 0.01", [5]),
        ("price > 45.55", [1, 2]),
        ("distance = '733'", [3, 6]),
        ("month * 100 > 150", [5, 6, 7, 8]),
        ("distance * distance > 2000000", [4, 7]),
        ("note LIKE '%\\_x'", []),
        ("note LIKE '%$_x' ESCAPE '$'", [3]),
        ("note NOT LIKE '%$%%' ESCAPE '$'", [1, 2, 3, 6, 7, 8]),
        ("note ILIKE 'LATE%'", [3]),
        ("note SIMILAR TO '[a-z. ]+'", [1, 6, 7]),
        ("contains(note, '.')", [7]),
        ("strpos(note, '.') = 2", [7]),
        ("length(note) - 5 < 0", [2, 8]),
        ("trim(note) = 'padded'", [6]),
        ("note || '!' = '!'", [2]),
        ("day = '2013-01-01'", [1, 2]),
        ("day < DATE '2013-01-01'", [7]),
        ("day - DATE '2013-01-01' = 30", [3]),
        ("day + INTERVAL 1 DAY = '2013-02-01'", [3]),
        ("month(day) * 100 = 200", [5, 7]),
        ("last_day(day) = day", [3, 5, 7, 8]),
        ("sched >= '2013-01-31'", [3, 5, 8]),
        ("sched = TIMESTAMP '2013-12-31 18:00:00.25'", [8]),
        ("sched BETWEEN '2013-01-01 05:30' AND '2013-01-15 12:00:00'", [2, 4]),
        ("sched - INTERVAL '90 minutes' < '2013-01-01'", [7]),
        ("zoned >= '2013-02-28T07:00:00+01:00'", [5, 8]),
        ("zoned < TIMESTAMP '2013-01-01'", [7]),
        ("CAST(sched AS DATE) = day", [1, 2, 3, 4, 5, 7, 8]),
        ("CAST(price AS INTEGER) = 46", [4]),
        ("round(price) = 46", [4]),
        ("coalesce(arr_delay, 0) = 0", [3, 7]),
        ("CASE WHEN arr_delay > 0 THEN 'late' ELSE 'fine' END = 'late'", [1, 4, 6, 8]),
        ("place.row = 4", [4]),
        ("place.inner.CODE = 'LGA'", [3, 6]),
        ('"ID" = 1', [1]),
        ("TRUE", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("NULL", []),
    ],
)
def test_rows_that_satisfy_a_condition(text: str, expected: list[int]) -> None:
    assert ids(text) == expected


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("id > 3", [">", "id", 3]),
        ("3 > id", ["<", "id", 3]),
        ("NOT id > 3", ["<=", "id", 3]),
        ("id = -3", ["=", "id", -3]),
        ("id > 1.5", [">=", "id", 2]),
        ("id < 2.0", ["<", "id", 2]),
        ("id = 1.5", None),
        ("id = '7'", ["=", "id", 7]),
        ("id > 1 AND carrier = 'UA'", ["and", [">", "id", 1], ["=", "carrier", "UA"]]),
        ("id > 1 AND lower(carrier) = 'ua'", [">", "id", 1]),
        ("id > 1 OR lower(carrier) = 'ua'", None),
        ("id = 1 OR id = 2 OR carrier IS NULL", ["or", ["=", "id", 1], ["=", "id", 2], ["is_null", "carrier"]]),
        ("NOT (id = 1 OR carrier = 'UA')", ["and", ["!=", "id", 1], ["!=", "carrier", "UA"]]),
        ("id BETWEEN 2 AND 4", ["and", [">=", "id", 2], ["<=", "id", 4]]),
        ("id NOT BETWEEN 2 AND 4", ["or", ["<", "id", 2], [">", "id", 4]]),
        ("id IN (1, 2, NULL)", ["in", "id", [1, 2]]),
        ("id NOT IN (1, 2)", ["and", ["!=", "id", 1], ["!=", "id", 2]]),
        ("carrier IS NOT NULL", ["is_not_null", "carrier"]),
        ("carrier LIKE 'U%'", ["and", [">=", "carrier", "U"], ["<", "carrier", "V"]]),
        ("carrier LIKE 'UA'", ["=", "carrier", "UA"]),
        ("carrier LIKE '%A'", None),
        ("carrier NOT LIKE 'U%'", None),
        ("cancelled", ["=", "cancelled", True]),
        ("NOT cancelled", ["=", "cancelled", False]),
        ("dep_delay > 1", [">", "dep_delay", 1.0]),
        ("price > 1.5", [">=", "price", 1.5]),
        ("price <> 1.5", None),
        ("price > 2", [">", "price", 2]),
        ("day > '2013-01-31'", [">", "day", dt.date(2013, 1, 31)]),
        ("day < TIMESTAMP '2013-01-31 12:00:00'", ["<=", "day", dt.date(2013, 1, 31)]),
        ("sched >= DATE '2013-01-31'", [">=", "sched", dt.datetime(2013, 1, 31)]),  # noqa: DTZ001 - naive on purpose
        ("zoned >= '2013-01-31'", [">=", "zoned", dt.datetime(2013, 1, 31, tzinfo=UTC)]),
        ("zoned = '2013-01-31 01:00:00+01'", ["=", "zoned", dt.datetime(2013, 1, 31, tzinfo=UTC)]),
        ("id = arr_delay", None),
        ("id + 1 = 2", None),
        ("id = 99999999999999999999", None),
        ("TRUE", None),
    ],
)
def test_core_predicate_of_a_condition(text: str, core: list[Any] | None) -> None:
    assert parse(text).core == core


def test_a_float32_column_compares_with_the_float32_nearest_to_the_literal() -> None:
    frame = pl.DataFrame({"x": pl.Series([0.1], dtype=pl.Float32)})
    predicate = parse_predicate("x = 0.1", {"x": pa.float32()})
    assert predicate.core is not None
    assert predicate.core[2] == frame["x"].item()
    assert frame.filter(predicate.polars).height == 1


def test_columns_are_named_once_in_order_of_mention() -> None:
    assert parse("ID > 1 AND carrier = 'x' AND id < 9").columns == ("id", "carrier")
    assert parse_scalar("price * distance", COLUMNS).columns == ("price", "distance")


def test_without_columns_names_are_taken_as_written_and_nothing_is_pruned() -> None:
    predicate = parse_predicate("Delay > 1")
    assert predicate.core is None
    assert predicate.columns == ("Delay",)
    assert pl.DataFrame({"Delay": [1, 2]}).filter(predicate.polars).height == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 1", 2),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("-7 % 4", -3),
        ("2 ** 3", 8.0),
        ("round(2.5)", 3),
        ("round(CAST(2.5 AS DOUBLE))", 3.0),
        ("round(CAST(0.125 AS DOUBLE), 2)", 0.13),
        ("CAST(CAST(2.5 AS DOUBLE) AS INTEGER)", 2),
        ("CAST(2.5 AS INTEGER)", 3),
        ("CAST('12.5' AS INTEGER)", 13),
        ("TRY_CAST('x' AS INTEGER)", None),
        ("TRY_CAST('05.01.2013' AS DATE)", None),
        ("CAST('2013/01/05' AS DATE)", dt.date(2013, 1, 5)),
        ("date_diff('month', DATE '2012-12-31', DATE '2013-01-01')", 1),
        ("extract(epoch FROM DATE '1970-01-02')", 86400.0),
        ("dayofweek(DATE '2013-01-06')", 0),
        ("substr('hello', -3)", "llo"),
        ("substr('hello', 2, 3)", "ell"),
        ("split_part('a-b', '-', 2)", "b"),
        ("regexp_replace('aXbX', 'X', '-')", "a-bX"),
        ("concat('a', NULL, 1)", "a1"),
        ("greatest(CAST('nan' AS DOUBLE), 1)", float("nan")),
        ("strftime(DATE '2013-01-05', '%Y/%m')", "2013/01"),
        ("CAST(TIMESTAMP '2013-01-05 10:00:00.500' AS VARCHAR)", "2013-01-05 10:00:00.5"),
        ("TIMESTAMP '2013-01-01 05:00:00' AT TIME ZONE 'America/New_York'", dt.datetime(2013, 1, 1, 10, tzinfo=UTC)),
        ("IF(NULL, 1, 2)", 2),
    ],
)
def test_value_of_a_scalar(text: str, value: Any) -> None:
    found = pl.DataFrame({"one": [1]}).select(parse_scalar(text, {"one": pa.int64()}).polars).item()
    if isinstance(found, float) and found != found:  # noqa: PLR0124 - only NaN is unlike itself
        assert value != value  # noqa: PLR0124
    else:
        assert found == value


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", SqlSyntaxError, "empty"),
        ("id >", SqlSyntaxError, "missing after '>'"),
        ("id = = 1", SqlSyntaxError, "column 6"),
        ("(id = 1", SqlSyntaxError, r"expected '\)'"),
        ("id = 1 id", SqlSyntaxError, "'id' is not expected here"),
        ("id IN (1,, 2)", SqlSyntaxError, "two commas"),
        ("carrier = 'UA", SqlSyntaxError, "not closed"),
        ("carier = 'UA'", ColumnNotFoundError, "'carier'; the nearest is 'carrier'"),
        ("place.roww = 1", ColumnNotFoundError, "field 'roww'; the nearest is 'Row'"),
        ("id + 1", SqlError, "no condition"),
        ("carrier = 1", SqlError, "cast one side"),
        ("id = 'abc'", SqlError, "'abc'"),
        ("day = 'yesterday'", SqlError, "'yesterday' is no date"),
        ("sched = '2013-13-01'", SqlError, "'2013-13-01'"),
        ("sched = '2013-01-01T00:00:00Z'", SqlError, "offset"),
        ("sched < zoned", SqlError, "AT TIME ZONE"),
        ("day = '2013-01-01 05:00:00'", SqlUnsupportedError, "time of day"),
        ("sum(id) > 1", SqlUnsupportedError, "aggregate SUM"),
        ("row_number() OVER () = 1", SqlUnsupportedError, "window"),
        ("id = (SELECT 1)", SqlUnsupportedError, "subquery"),
        ("id = $1", SqlUnsupportedError, "parameter"),
        ("soundex(carrier) = 'x'", SqlUnsupportedError, "function soundex is not supported"),
        ("lenght(carrier) = 2", SqlUnsupportedError, "similar name: length"),
        ("7.5 // 2 = 3", SqlUnsupportedError, "not integers"),
        ("id IS TRUE", SqlUnsupportedError, "not boolean"),
        ("CAST(carrier AS BOOLEAN)", SqlUnsupportedError, "text to BOOLEAN"),
        ("starts_with(id, carrier)", SqlUnsupportedError, "cannot be computed"),
    ],
)
def test_bad_input_is_named(text: str, error: type[SqlError], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(text)


def test_a_syntax_error_has_line_column_and_a_caret_below_the_place() -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        parse("id = 1\n  AND carrier = ) 'x'")
    assert (caught.value.line, caught.value.column) == (2, 17)
    assert str(caught.value).splitlines()[1:] == ["    AND carrier = ) 'x'", " " * 18 + "^"]


def test_an_unknown_column_has_a_caret_below_it() -> None:
    with pytest.raises(ColumnNotFoundError) as caught:
        parse("id = 1 AND carier = 'x'")
    assert str(caught.value).splitlines()[2].index("^") - 2 == len("id = 1 AND ")


def test_an_exact_column_wins_over_one_that_differs_in_case() -> None:
    columns = {"a": pa.int64(), "A": pa.string()}
    assert parse_predicate("A = 'x'", columns).core == ["=", "A", "x"]
    with pytest.raises(AmbiguousNameError, match="'Key', 'key'"):
        parse_predicate("KEY = 1", {"Key": pa.int64(), "key": pa.int64()})


def test_names_are_matched_exactly_then_by_case_and_suggested_by_likeness() -> None:
    assert match_name("a", ["a", "A"]) == "a"
    assert match_name("B", ["b"]) == "b"
    assert match_name("c", ["b"]) is None
    assert nearest_names("wether", ["flights", "weather"]) == ["weather"]
    assert suggestion("x", [], kind="tables") == "there are no tables"


def test_weather_hours_compare_in_utc() -> None:
    frame = weather()
    columns = {field.name: field.type for field in frame.to_arrow().schema}
    predicate = parse_predicate("hour > '2013-01-01 05:00'", columns)
    assert frame.filter(predicate.polars)["origin"].to_list() == ["EWR", "JFK"]


def test_function_names_are_sorted_and_offer_no_refused_function() -> None:
    names = function_names()
    assert names == sorted(names)
    assert {"date_trunc", "length", "sum"} <= set(names)
    assert not {"arg_max", "rand"} & set(names)
