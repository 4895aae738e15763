"""Layout: rows of a write of any length are in the order that was asked for, those of the table after a compaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import lakebed as lb
from lakebed import errors

#: More than are sorted in memory at once.
MANY = 4_194_304 + 50_000


def numbers(first: int, n: int) -> pl.DataFrame:
    row = np.arange(first, first + n, dtype=np.uint64)
    mixed = (row * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(44)
    key = pl.Series("key", mixed.astype(np.int64))
    return pl.DataFrame({"key": key, "group": (key % 7).cast(pl.String), "row": row.astype(np.int64)})


def pieces(n: int, size: int = 500_000) -> Iterator[pl.DataFrame]:
    for first in range(0, n, size):
        yield numbers(first, min(size, n - first))


def test_a_write_longer_than_a_run_and_its_compaction_are_in_order_over_all_files(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "wh")
    wh.create("t", numbers(0, 0), sort_by=["group", "key"])
    table = wh.table("t").append(pieces(MANY))
    expected = numbers(0, MANY).sort("group", "key", maintain_order=True)
    assert table.num_files > 20
    assert table.scan().pl().equals(expected)
    assert list((tmp_path / "wh" / "staging").iterdir()) == []

    table = table.append(numbers(MANY, 10_000))
    assert not table.scan().pl()["group"].is_sorted()
    report = table.compact(full=True)
    assert len(report.commits) == 1
    compacted = wh.table("t")
    assert compacted.scan().pl().equals(numbers(0, MANY + 10_000).sort("group", "key", maintain_order=True))
    assert compacted.compact(full=True).commits == ()
    # A condition on the sort column is answered from few files.
    assert len(compacted.files(where=["and", ["=", "group", "3"], ["=", "key", 5]])) <= 2


def test_buckets_of_a_write_longer_than_a_run_are_whole(tmp_path: Path) -> None:
    wh = lb.open(tmp_path / "wh")
    wh.create("t", numbers(0, 0), bucket_by="key", sort_by="row", n_buckets=5)
    table = wh.table("t").append(pieces(MANY))
    rows = table.scan().pl()
    assert rows["row"].sort().equals(numbers(0, MANY)["row"])
    # Rows ascend within a bucket, so that there is a step down at four places at most.
    assert (rows["row"].diff().drop_nulls() < 0).sum() == 4


def test_a_new_layout_counts_from_the_next_compaction() -> None:
    wh = lb.open("memory://")
    table = wh.write("t", numbers(0, 1000), bucket_by="key", n_buckets=8)
    for n in range(1, 4):
        table = table.append(numbers(1000 * n, 1000))
    table = table.set_layout(sort_by="key")
    table.compact(full=True)
    assert wh.table("t").scan().pl().equals(numbers(0, 4000).sort("key", maintain_order=True))
    assert wh.table("t").num_files == 1


def test_row_ids_stay_when_rows_are_put_in_order() -> None:
    wh = lb.open("memory://")
    table = wh.write("t", numbers(0, 5000), sort_by="key")
    before = table.append(numbers(5000, 5000))
    changed = before.update({"group": "'new'"}, where="key % 3 = 0")
    changed.compact(full=True)
    after = wh.table("t")
    assert after.scan().pl()["key"].is_sorted()
    assert after.scan().pl().sort("row").equals(changed.scan().pl().sort("row"))
    # Rows that were chosen before the compaction are found after it.
    assert after.delete(where="\"group\" = 'new'").num_rows == int((numbers(0, 10_000)["key"] % 3 != 0).sum())


@pytest.mark.parametrize("columns", [["missing"], ["group", "missing"]])
def test_a_layout_by_columns_that_there_are_not_is_refused(columns: list[str]) -> None:
    wh = lb.open("memory://")
    table = wh.write("t", numbers(0, 10))
    with pytest.raises(errors.LayoutError, match="there is no column 'missing'"):
        table.set_layout(sort_by=columns)
    with pytest.raises(errors.LayoutError):
        table.set_layout(sort_by="key").drop_column("key")
    assert wh.table("t").schema.names == ["key", "group", "row"]
