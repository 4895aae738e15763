"""Binding and running: which table at which version a name means, what is pushed down, and what errors say."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from rich.console import Console
from tests.small_warehouse import UTC, Recorder, catalog, flights, frames, january

from lakebed.catalog import Catalog, FrameProvider, VersionSpec
from lakebed.errors import (
    AmbiguousNameError,
    ColumnNotFoundError,
    LakebedError,
    SqlError,
    SqlUnsupportedError,
    TableNotFoundError,
    VersionNotFoundError,
)
from lakebed.sql import Result, TableRead, query


def run(text: str, **options: Any) -> Result:
    return query(text, catalog(), **options)


def values(text: str, **options: Any) -> list[Any]:
    return run(text, **options).pl().to_series(0).to_list()


class Timed(FrameProvider):
    """Versions by time: before 2013-02-01 (UTC) the tables of January."""

    def commit(self, version: VersionSpec) -> str:
        if isinstance(version, dt.datetime):
            return "january" if version < dt.datetime(2013, 2, 1, tzinfo=UTC) else "head"
        return super().commit(version)


def timed() -> Catalog:
    return catalog(Timed(frames(), versions={"january": january()}))


def test_importing_the_package_loads_neither_sqlglot_nor_polars() -> None:
    program = "import sys, lakebed.sql, lakebed.catalog, lakebed.expression; print(*sys.modules)"
    paths = os.pathsep.join(path for path in sys.path if path)
    run_ = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert "lakebed.sql" in run_.stdout.split()
    assert not {"sqlglot", "polars", "pyarrow"} & set(run_.stdout.split())


# Versions


@pytest.mark.parametrize(
    "table",
    [
        "flights AT (VERSION => 'january')",
        "flights AT (VERSION => 'january') AS f",
        "flights AS f AT (VERSION => 'january')",
        "flights FOR VERSION AS OF 'january'",
        "flights FOR VERSION AS OF 'january' AS f",
        "flights AT (TIMESTAMP => '2013-01-31')",
        "flights AT (TIMESTAMP => TIMESTAMP '2013-01-31 23:00:00')",
        "flights FOR TIMESTAMP AS OF '2013-01-31T23:00:00Z'",
        "flights FOR SYSTEM_TIME AS OF '2013-01-31'",
        "\"flights\" AT (VERSION => 'january')",
    ],
)
def test_a_version_clause_is_read_in_every_spelling(table: str) -> None:
    assert query(f"SELECT count(*) AS n FROM {table}", timed()).rows() == [(4,)]


def test_a_text_that_looks_like_a_version_clause_is_left_alone() -> None:
    text = "SELECT 'flights AT (VERSION => ''x'')' AS a /* flights AT (VERSION => 'y') */ FROM planes LIMIT 1"
    assert values(text) == ["flights AT (VERSION => 'x')"]


def test_one_table_at_two_versions_in_one_query() -> None:
    result = run("""
        SELECT now.id FROM flights AS now
        ANTI JOIN flights AT (VERSION => 'january') AS old ON now.id = old.id ORDER BY now.id
    """)
    assert result.pl()["id"].to_list() == [5, 6, 7, 8]
    assert result.tables == (TableRead("flights", None, "head"), TableRead("flights", "january", "january"))


def test_the_version_of_the_call_holds_for_tables_without_a_clause() -> None:
    assert values("SELECT count(*) FROM flights", version="january") == [4]
    assert values("SELECT count(*) FROM flights AT (VERSION => 'head')", version="january") == [8]


def test_tables_are_listed_once_in_order_of_mention() -> None:
    text = "SELECT 1 FROM planes, flights a, flights b WHERE EXISTS (SELECT 1 FROM weather) LIMIT 1"
    assert [read.name for read in run(text).tables] == ["planes", "flights", "weather"]


def test_all_tables_of_a_statement_are_read_at_one_commit() -> None:
    class Moving(FrameProvider):
        looks = 0

        def commit(self, version: VersionSpec) -> str:
            self.looks += 1
            return f"c{self.looks}" if version is None else str(version)

    versions = {f"c{n}": {"a": pl.DataFrame({"n": [n]}), "b": pl.DataFrame({"n": [n]})} for n in range(1, 9)}
    result = query("SELECT a.n = b.n FROM a, b", catalog(Moving({}, versions=versions)))
    assert result.rows() == [(True,)]
    assert {read.commit for read in result.tables} == {"c1"}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("SELECT 1 FROM flights AT (VERSION => 'januray')", VersionNotFoundError, "nearest is 'january'"),
        ("SELECT 1 FROM weather AT (VERSION => 'january')", TableNotFoundError, "at version 'january'"),
        ("SELECT 1 FROM flights AT (VERSION => concat('a', 'b'))", SqlUnsupportedError, "literal"),
        ("SELECT 1 FROM flights AT (TIMESTAMP => 'soon')", SqlError, "'soon' is no date"),
        ("SELECT 1 FROM flights BEFORE (VERSION => 'january')", LakebedError, "BEFORE|not expected"),
        ("WITH a AS (SELECT 1) SELECT * FROM a AT (VERSION => 'january')", SqlError, "WITH query"),
    ],
)
def test_a_bad_version_is_named(text: str, error: type[LakebedError], message: str) -> None:
    with pytest.raises(error, match=message):
        run(text)


# Names


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ID FROM FLIGHTS WHERE Carrier = 'DL'",
        'SELECT "Id" FROM "Flights" WHERE "CARRIER" = \'DL\'',
        "SELECT F.Id FROM flights AS f WHERE f.carrier = 'DL'",
        "WITH Late AS (SELECT Id AS Number FROM flights WHERE carrier = 'DL') SELECT number FROM LATE",
        "SELECT id FROM (SELECT id, carrier AS C FROM flights) AS X WHERE x.c = 'DL'",
    ],
)
def test_names_match_whatever_the_case(text: str) -> None:
    assert values(text) == [8]


def test_columns_are_shown_as_the_table_or_the_alias_spells_them() -> None:
    assert run("SELECT SEATS, seats AS Places, year AS YEAR FROM planes").columns == ["Seats", "Places", "YEAR"]


def test_columns_that_differ_in_case_alone_are_told_apart_by_their_exact_names() -> None:
    frame = pl.DataFrame({"a": [1], "A": [2], "b": [3]})
    result = query('SELECT "A", a, B FROM t', catalog(FrameProvider({"t": frame})))
    assert result.rows() == [(2, 1, 3)]


def test_tables_that_spell_a_column_differently_can_be_joined() -> None:
    provider = FrameProvider({"t": pl.DataFrame({"Id": [1, 2]}), "u": pl.DataFrame({"ID": [2, 3], "v": [7, 8]})})
    assert query("SELECT t.id, v FROM t JOIN u USING (id)", catalog(provider)).rows() == [(2, 7)]


def test_a_with_query_hides_a_table_but_not_inside_itself() -> None:
    text = "WITH flights AS (SELECT id + 100 AS id FROM flights) SELECT max(id) FROM flights"
    result = run(text)
    assert result.rows() == [(108,)]
    assert [read.name for read in result.tables] == ["flights"]


def test_a_with_query_is_seen_by_later_ones_and_by_subqueries_only() -> None:
    text = """
        WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a)
        SELECT x, (SELECT max(x) FROM a) AS m FROM b
    """
    assert run(text).rows() == [(2, 1)]
    with pytest.raises(TableNotFoundError, match="'b'"):
        run("WITH a AS (SELECT * FROM b), b AS (SELECT 1 AS x) SELECT * FROM a")


def test_a_qualified_name_is_a_table_even_where_a_with_query_has_its_last_part() -> None:
    provider = FrameProvider({"s.t": pl.DataFrame({"a": [5]})})
    text = "WITH t AS (SELECT 1 AS a) SELECT s.t.a, t.a FROM s.t AS x, t WHERE x.a = 5"
    with pytest.raises(LakebedError):
        query(text, catalog(provider))
    assert query("WITH t AS (SELECT 1 AS a) SELECT x.a, t.a FROM s.t AS x, t", catalog(provider)).rows() == [(5, 1)]


def test_namespaces_qualify_tables_and_columns() -> None:
    provider = FrameProvider({"a.t": pl.DataFrame({"x": [1]}), "b.t": pl.DataFrame({"x": [2]})})
    made = catalog(provider)
    assert query("SELECT a.t.x FROM a.t", made).rows() == [(1,)]
    assert query("SELECT t.x FROM b.t", made).rows() == [(2,)]
    assert query("SELECT A.T.x, u.x FROM a.t JOIN b.t AS u ON u.x > a.t.x", made).rows() == [(1, 2)]
    with pytest.raises(SqlError, match="two tables"):
        query("SELECT 1 FROM a.t, b.t", made)


def test_repeated_output_names_are_numbered() -> None:
    result = run("SELECT a.id, b.id, a.id AS id_1 FROM flights a JOIN flights b ON a.id = b.id WHERE a.id = 1")
    assert result.columns == ["id", "id_2", "id_1"]


def test_expressions_are_named_by_their_text() -> None:
    assert run("SELECT count(*), SUM(id), id + 1 FROM flights GROUP BY id").columns == ["count(*)", "sum(id)", "id + 1"]


def test_an_unaliased_window_does_not_take_the_name_of_its_column() -> None:
    text = "SELECT id, sum(id) OVER (ORDER BY id DESC) FROM flights ORDER BY id LIMIT 2"
    assert run(text).rows() == [(1, 36), (2, 35)]


def test_an_alias_may_rename_columns() -> None:
    assert run("SELECT p, q FROM planes AS x(p, q) WHERE q < 1990").rows() == [("N7", 1987)]


def test_a_private_name_of_the_user_does_not_clash() -> None:
    provider = FrameProvider({"__lakebed_0": pl.DataFrame({"__lakebed_1": [1]}), "t": pl.DataFrame({"a": [2]})})
    assert query("SELECT a, __lakebed_1 FROM t, __lakebed_0", catalog(provider)).rows() == [(2, 1)]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("SELECT carier FROM flights", ColumnNotFoundError, "no column 'carier'; the nearest is 'carrier'"),
        ("SELECT f.carier FROM flights f", ColumnNotFoundError, "'f' has no column 'carier'.*nearest is 'carrier'"),
        ("SELECT g.id FROM flights f", TableNotFoundError, "no table in scope is called 'g'"),
        ("SELECT flights.id FROM flights f", TableNotFoundError, "no table in scope is called 'flights'"),
        (
            "SELECT tailnum FROM flights JOIN planes ON TRUE",
            AmbiguousNameError,
            "'flights.tailnum' or 'planes.tailnum'",
        ),
        ("SELECT 1 FROM flihgts", TableNotFoundError, "nearest is 'flights'"),
        ("SELECT id FROM flights WHERE nosuch > 1", ColumnNotFoundError, "nosuch"),
        ("SELECT id FROM flights ORDER BY nosuch", ColumnNotFoundError, "nosuch"),
        ("SELECT (SELECT nosuch FROM planes LIMIT 1) FROM flights", ColumnNotFoundError, "nosuch"),
        ("SELECT x.id FROM (SELECT origin FROM flights) AS x", ColumnNotFoundError, "'x' has no column 'id'"),
        ("SELECT 1 FROM flights, flights", SqlError, "two tables"),
        ("SELECT * FROM nosuch(1)", TableNotFoundError, "table function 'nosuch'"),
    ],
)
def test_an_unknown_or_ambiguous_name_is_explained(text: str, error: type[LakebedError], message: str) -> None:
    with pytest.raises(error, match=message):
        run(text)


def test_an_unknown_column_has_its_place() -> None:
    with pytest.raises(ColumnNotFoundError) as caught:
        run("SELECT id,\n       carier\nFROM flights")
    assert str(caught.value).splitlines() == [
        "there is no column 'carier'; the nearest is 'carrier' (line 2, column 8)",
        "         carier",
        "         ^",
    ]


# Filters that reach the scan


def pushed(text: str) -> list[tuple[str, list[Any] | None]]:
    provider = Recorder()
    query(text, catalog(provider))
    return [(name, where) for name, _, where in provider.scans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1 FROM flights WHERE id > 3", [("flights", [">", "id", 3])]),
        ("SELECT 1 FROM flights f WHERE F.ID > 3 AND upper(carrier) = 'X'", [("flights", [">", "id", 3])]),
        (
            "SELECT 1 FROM flights WHERE sched >= '2013-02-01' AND carrier IN ('AA')",
            [("flights", ["and", [">=", "sched", dt.datetime(2013, 2, 1)], ["in", "carrier", ["AA"]]])],  # noqa: DTZ001
        ),
        (
            "SELECT 1 FROM flights f JOIN planes p ON f.tailnum = p.tailnum WHERE f.id > 3 AND p.SEATS < 9",
            [("flights", [">", "id", 3]), ("planes", ["<", "Seats", 9])],
        ),
        (
            "SELECT 1 FROM flights f, planes p WHERE f.id > 3 OR p.seats < 9",
            [("flights", None), ("planes", None)],
        ),
        ("SELECT 1 FROM flights f, planes p WHERE f.id > p.year", [("flights", None), ("planes", None)]),
        (
            "SELECT 1 FROM flights f LEFT JOIN planes p USING (tailnum) WHERE f.id > 3 AND p.seats IS NULL",
            [("flights", [">", "id", 3]), ("planes", None)],
        ),
        (
            "SELECT 1 FROM flights f RIGHT JOIN planes p USING (tailnum) WHERE f.id IS NULL AND p.seats > 9",
            [("flights", None), ("planes", [">", "Seats", 9])],
        ),
        (
            "SELECT 1 FROM flights f FULL JOIN planes p ON f.tailnum = p.tailnum WHERE f.id > 3 AND p.seats > 9",
            [("flights", None), ("planes", None)],
        ),
        (
            "SELECT 1 FROM flights f ASOF JOIN delays d ON f.sched >= d.at WHERE d.level > 1 AND f.id > 3",
            [("flights", [">", "id", 3]), ("delays", None)],
        ),
        (
            "SELECT 1 FROM (SELECT id FROM flights WHERE id > 3) AS x WHERE x.id < 5",
            [("flights", [">", "id", 3])],
        ),
        (
            "WITH a AS (SELECT * FROM flights WHERE month = 2) SELECT 1 FROM a, flights WHERE flights.id = 1",
            [("flights", ["=", "month", 2]), ("flights", ["=", "id", 1])],
        ),
        (
            "SELECT 1 FROM flights f WHERE EXISTS (FROM planes p WHERE p.tailnum = f.tailnum AND p.year = 1999)",
            [("flights", None), ("planes", ["=", "year", 1999])],
        ),
        ("SELECT 1 FROM flights WHERE id > (SELECT min(year) FROM planes)", [("flights", None), ("planes", None)]),
        ("SELECT carrier, count(*) FROM flights GROUP BY ALL HAVING count(*) > 1", [("flights", None)]),
        ("SELECT 1 FROM flights QUALIFY row_number() OVER (ORDER BY id) = 1", [("flights", None)]),
    ],
)
def test_a_filter_reaches_the_scan_only_where_it_is_safe(text: str, expected: list[Any]) -> None:
    assert pushed(text) == expected


def test_rows_are_filtered_again_above_the_scan() -> None:
    assert values("SELECT id FROM flights WHERE id > 3 AND id < 6 ORDER BY id") == [4, 5]


# Results


def test_a_result_is_lazy_and_computed_once() -> None:
    result = run("SELECT id FROM flights ORDER BY id")
    assert repr(result) == "<Result of 1 columns, not computed yet: id>"
    assert result.lazy().select(pl.len()).collect().item() == 8
    assert result.pl() is result.pl()
    assert len(result) == 8
    assert "shape: (8, 1)" in repr(result)


def test_a_result_speaks_arrow() -> None:
    result = run("SELECT carrier, id FROM flights ORDER BY id LIMIT 2")
    assert result.columns == ["carrier", "id"]
    assert result.arrow().to_pydict() == {"carrier": ["UA", "AA"], "id": [1, 2]}
    assert pa.types.is_large_string(result.schema.field("carrier").type)
    assert pa.table(result).num_rows == 2
    assert pl.DataFrame(result).height == 2


def test_a_result_is_shown_as_a_table() -> None:
    console = Console(width=60, record=True, force_terminal=False)
    console.print(run("SELECT id, carrier FROM flights ORDER BY id LIMIT 2"))
    shown = console.export_text()
    assert "carrier" in shown
    assert "UA" in shown
    assert "<table" in run("SELECT id FROM flights")._repr_html_()


def test_a_long_result_says_how_many_rows_are_not_shown() -> None:
    console = Console(width=60, record=True)
    console.print(run("SELECT * FROM range(50)"))
    assert "and 30 more rows" in " ".join(console.export_text().split())


def test_zoned_times_come_out_in_utc() -> None:
    frame = pl.DataFrame({"at": [dt.datetime(2013, 1, 1, 5, tzinfo=UTC)]}).with_columns(
        pl.col("at").dt.convert_time_zone("America/New_York")
    )
    made = catalog(FrameProvider({"t": frame}))
    assert query("SELECT at, hour(at) AS h, CAST(at AS DATE) AS d FROM t", made).rows() == [
        (dt.datetime(2013, 1, 1, 5, tzinfo=UTC), 5, dt.date(2013, 1, 1))
    ]


def test_table_functions_take_literals() -> None:
    made = catalog()
    made.register_table_function("repeated", lambda text, n: pl.LazyFrame({"text": [text] * n}))
    assert query("SELECT count(*) AS n, max(text) AS t FROM repeated('x', 3)", made).rows() == [(3, "x")]
    assert query("SELECT i FROM range(1, 7, 2) AS r(i) ORDER BY i", made).rows() == [(1,), (3,), (5,)]
    with pytest.raises(SqlUnsupportedError, match="literal arguments"):
        query("SELECT * FROM repeated('x', 1 + 1)", made)


def test_another_dialect_keeps_its_own_meaning() -> None:
    text = "SELECT arr_delay FROM flights ORDER BY arr_delay DESC LIMIT 1"
    assert values(text) == [33]
    assert values(text, dialect="postgres") == [None]
    assert values("SELECT 7 / 2 AS a", dialect="postgres") == [3]
    assert values("SELECT `id` FROM `flights` WHERE `id` = 1", dialect="mysql") == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT * FROM flights TABLESAMPLE 10%", "sampling"),
        ("SELECT * FROM flights, LATERAL (SELECT 1) AS x", "LATERAL"),
        ("SELECT id FROM flights LIMIT 1 + 1", "literal number"),
        ("SELECT median(id), mode(id) FROM flights", "function mode is not supported"),
        ("SELECT json_extract(note, '$.a') FROM flights", "JSON"),
        ("SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM flights", "cannot be run"),
        ("SELECT last_value(id IGNORE NULLS) OVER (ORDER BY id) FROM flights", "IGNORE NULLS"),
        ("SELECT id FROM flights WHERE (id, month) IN ((1, 1))", "comparing rows"),
        ("SELECT 1 FROM flights ASOF JOIN delays USING (origin, at)", "USING is not supported"),
        ("SELECT 1 FROM flights POSITIONAL JOIN planes", "POSITIONAL JOIN"),
        ("SELECT count(DISTINCT (id, month)) FROM flights", "not supported|cannot be run"),
        ("SELECT random()", "same answer"),
        ("SELECT CAST(id AS BLOB) FROM flights", "cannot cast"),
        ("PIVOT flights ON carrier USING count(*)", "PIVOT"),
        ("SELECT ?", "parameters"),
    ],
)
def test_what_has_no_exact_equivalent_is_refused(text: str, message: str) -> None:
    with pytest.raises(SqlUnsupportedError, match=message):
        run(text)


def test_a_failure_on_the_data_is_an_error_of_sql_without_private_names() -> None:
    result = run("SELECT CAST(note AS INTEGER) AS n FROM flights")
    with pytest.raises(SqlError) as caught:
        result.pl()
    assert "__lakebed" not in str(caught.value)
    assert str(caught.value).startswith("the query failed: ")


def test_small_integers_do_not_wrap() -> None:
    wide = flights().select(n=pl.lit(2_000_000_000, dtype=pl.Int32), m=pl.col("month"))
    made = catalog(FrameProvider({"t": wide}))
    assert query("SELECT sum(n) AS s, max(m * 100) AS m, max(n + n) AS p FROM t", made).rows() == [
        (16_000_000_000, 1200, 4_000_000_000)
    ]
