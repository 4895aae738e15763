"""Queries and their results, side by side in `.sql` files, over the tables of `tests/small_warehouse.py`.

A case is a title line `-- # title`, the query, a line `----`, and the result up to an empty line: the names of the
columns, then one line a row, cells separated by ` | `. Without ORDER BY at its end a query's rows are compared in any
order. An expected error is written `---- error ClassName` with a part of the message below it.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.small_warehouse import catalog

from lakebed import errors
from lakebed.sql import query

FOLDER = Path(__file__).parent


class Case(NamedTuple):
    title: str
    text: str
    error: str
    expected: list[str]


def read(path: Path) -> list[Case]:
    blocks = path.read_text(encoding="utf-8").split("-- # ")[1:]
    return [parse(block, path) for block in blocks]


def parse(block: str, path: Path) -> Case:
    title, _, rest = block.partition("\n")
    text, mark, result = rest.partition("\n----")
    assert mark, f"{path.name}: {title!r} has no line ----"
    head, *lines = result.split("\n")
    return Case(
        title, text.strip(), head.removeprefix(" error ").strip(), [line.strip() for line in lines if line.strip()]
    )


FILES = sorted(FOLDER.glob("*.sql"))
CASES = [(path, case) for path in FILES for case in read(path)]


def test_cases_are_found() -> None:
    assert len(FILES) > 5
    assert len(CASES) > 60
    titles = [(path, case.title) for path, case in CASES]
    assert len(set(titles)) == len(titles), "two cases of one file have the same title"


@pytest.mark.parametrize(("path", "case"), CASES, ids=[f"{path.stem}: {case.title}" for path, case in CASES])
def test_query_gives_its_result(path: Path, case: Case) -> None:
    if case.error:
        with pytest.raises(getattr(errors, case.error)) as caught:
            query(case.text, catalog()).pl()
        assert " ".join(case.expected) in str(caught.value)
        return
    result = query(case.text, catalog())
    rows = [" | ".join(cell(value) for value in row).strip() for row in result.rows()]
    header, *expected = case.expected
    assert " | ".join(result.columns) == header
    is_ordered = "ORDER BY" in case.text.upper().rsplit(")", 1)[-1]
    assert (rows if is_ordered else sorted(rows)) == (expected if is_ordered else sorted(expected))


def cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, str) and (value in ("", "NULL") or value != value.strip()):
        return repr(value)
    return str(value)
