"""From text to one query: where broken text is broken, and which method does what SQL does not."""

from __future__ import annotations

import pytest

from lakebed.errors import InvalidArgumentError, SqlSyntaxError, SqlUnsupportedError
from lakebed.sql.parse import parse_query


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "select 1;",
        "-- first\nSELECT 1 /* done */",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SELECT 1 EXCEPT SELECT 2",
        "VALUES (1, 'a'), (2, 'b')",
        "FROM flights",
        "FROM flights SELECT id",
        "SELECT a, FROM t",
    ],
)
def test_queries_are_read(text: str) -> None:
    assert parse_query(text).selects


@pytest.mark.parametrize(
    ("text", "word", "method"),
    [
        ("INSERT INTO t VALUES (1)", "INSERT", "warehouse.write"),
        ("UPDATE t SET a = 1", "UPDATE", r"table\(name\).update"),
        ("DELETE FROM t", "DELETE", r"table\(name\).delete"),
        ("MERGE INTO t USING u ON a = b WHEN MATCHED THEN DELETE", "MERGE", "upsert"),
        ("CREATE TABLE t AS SELECT 1", "CREATE", "warehouse.write"),
        ("-- note\n  create view v as select 1", "CREATE", "warehouse.write"),
        ("DROP TABLE t", "DROP", "every version"),
        ("COPY t TO 'x.parquet'", "COPY", "arrow"),
        ("SHOW TABLES", "SHOW", r"warehouse.tables\(\)"),
        ("DESCRIBE t", "DESCRIBE", "schema"),
        ("SUMMARIZE t", "SUMMARIZE", "statistics"),
        ("EXPLAIN SELECT 1", "EXPLAIN", r"lazy\(\).explain\(\)"),
        ("BEGIN", "BEGIN", "transaction"),
        ("PIVOT t ON a USING sum(b)", "PIVOT", "pivot"),
        ("SET x = 1", "SET", "arguments"),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", "INSERT", "warehouse.write"),
    ],
)
def test_other_statements_name_the_method_that_does_it(text: str, word: str, method: str) -> None:
    with pytest.raises(SqlUnsupportedError, match=f"^{word} is not supported.*{method}"):
        parse_query(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "empty"),
        ("  \n ", 1, 1, "empty"),
        ("-- only this", 1, 1, "comments"),
        ("SELECT FROM", 1, 8, "expected a table name"),
        ("SELECT a b c FROM t", 1, 12, "'c' is not expected"),
        ("SELECT * FROM t WHERE", 1, 17, "missing after 'WHERE'"),
        ("SELECT 1 +\n  2 *\nFROM t", 3, 1, "near|after|not expected"),
        ("SELECT (1", 1, 9, r"expected '\)'"),
        ("SELECT 'abc", 1, 8, "the quote ' is not closed"),
        ("SELECT a,\n  'b FROM t", 2, 3, "the quote ' is not closed"),
        ('SELECT "abc FROM t', 1, 8, 'the quote " is not closed'),
        ("SELECT 1 /* note", 1, 10, "comment"),
        ("SELECT a,, b FROM t", 1, 10, "two commas"),
        ("SELEC a FROM t", 1, 9, "'FROM' is not expected"),
        ("SELECT CASE WHEN a THEN 1", 1, 25, "END"),
        ("SELECT * FROM t JOIN", 1, 17, "expected a table name"),
    ],
)
def test_broken_text_has_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(SqlSyntaxError, match=message) as caught:
        parse_query(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_the_caret_stands_below_the_place() -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        parse_query("SELECT a\nFROM t\nWHERE x = = 1")
    assert str(caught.value) == (
        "SQL syntax: something is missing after '=' (line 3, column 11)\n  WHERE x = = 1\n            ^"
    )


def test_several_statements_are_refused() -> None:
    with pytest.raises(SqlSyntaxError, match="2 statements"):
        parse_query("SELECT 1; SELECT 2")


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="'klingon'"):
        parse_query("SELECT 1", dialect="klingon")
