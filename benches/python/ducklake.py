"""The bytes of DuckLake for the changes of `change.py`: run it with an interpreter that has DuckDB and its extension.

    python -m venv lake && lake/bin/pip install duckdb==1.5.5 duckdb-extension-ducklake==1.5.5 polars pyarrow numpy
    lake/bin/python benches/python/ducklake.py

The extension exists for other versions of DuckDB than that of the other benches, so it is a program of its own.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import duckdb
import polars as pl
from race import scratch_folder
from rows import make, one_percent, size_of, timed

N_ROWS = int(os.environ.get("LAKEBED_BENCH_ROWS", "5000000"))


def load(connection: duckdb.DuckDBPyConnection) -> None:
    spec = importlib.util.find_spec("duckdb_extension_ducklake")
    if spec is None or spec.origin is None:
        raise SystemExit("skipped: duckdb-extension-ducklake is not installed; the head of this file tells how")
    extension = next(Path(spec.origin).parent.rglob("ducklake.duckdb_extension"))
    connection.execute(f"LOAD '{extension}'")


def main() -> None:
    frame = make(N_ROWS)
    with scratch_folder() as folder:
        connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        load(connection)
        connection.execute(f"ATTACH 'ducklake:{folder}/lake.ducklake' AS lake (DATA_PATH '{folder}/data')")
        connection.register("frame", frame.to_arrow())
        connection.execute("CREATE TABLE lake.t AS SELECT * FROM frame")
        connection.execute("CHECKPOINT lake")
        first = size_of(folder)
        print(f"DuckLake, duckdb {duckdb.__version__}, {N_ROWS:,} rows: {first / 1e6:.1f} MB")

        def change(title: str, sql: str, rows: pl.DataFrame | None = None) -> None:
            if rows is not None:
                connection.register("rows", rows.to_arrow())
            before = size_of(folder)
            seconds = timed(lambda: connection.execute(sql))
            print(f"  {title:24} {seconds:7.3f} s  new bytes {(size_of(folder) - before) / first:8.3%}")

        merge = "MERGE INTO lake.t USING rows ON t.id = rows.id WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT"
        change("upsert of 1 %", merge, one_percent(frame, 0))
        change("delete of 0.1 %", "DELETE FROM lake.t WHERE count % 1000 = 7")
        at, n = frame.height // 2, frame.height // 100
        edited = pl.concat([frame[:at], make(n, seed=99), frame[at + n :]])
        overwrite = "BEGIN; DELETE FROM lake.t; INSERT INTO lake.t SELECT * FROM rows; COMMIT"
        change("overwrite, 1 % changed", overwrite, edited)


if __name__ == "__main__":
    main()
