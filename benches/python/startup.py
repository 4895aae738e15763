"""Claim: importing Lakebed costs a fraction of importing polars. Beside it, with no claim: the first read.

Each run is a fresh interpreter, so its time holds Python's own start, given by the run that does nothing. The first
reads print what they found, which must be the same; Lakebed's checks the hash of the file, polars' checks nothing.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import polars as pl
from race import print_machine, print_times, race, scratch_folder

import lakebed as lb

N_ROWS, ROUNDS = 10_000, 15


def python(code: str) -> str:
    """Run `code` in a fresh interpreter; gives what it prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout


def children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def same(ours: str, theirs: str) -> None:
    assert ours == theirs, f"{ours!r} is not {theirs!r}"


def compare(title: str, programs: dict[str, str]) -> None:
    runs: dict[str, Callable[[], str]] = {name: partial(python, code) for name, code in programs.items()}
    print_times(title, race(runs, same=same, rounds=ROUNDS, cpu_clock=children_cpu))


def main() -> None:
    print_machine("Fresh interpreters.")
    with scratch_folder() as base:
        folder = base / "warehouse"
        rows = pl.DataFrame({"id": range(N_ROWS), "value": [float(i % 97) for i in range(N_ROWS)]})
        table = lb.open(folder).write("rows", rows)
        [file] = (str(folder / name) for name in table.files())
        imports = {"import lakebed": "import lakebed", "import polars": "import polars", "python alone": "pass"}
        compare("Import", imports)
        total = "print(frame['value'].sum())"
        read = f"import lakebed as lb; frame = lb.open({str(folder)!r}).table('rows').scan().pl(); {total}"
        rival = f"import polars as pl; frame = pl.read_parquet({file!r}); {total}"
        reads = {"lakebed: import, open, first read": read, "polars: import, read_parquet": rival}
        compare(f"First read of {N_ROWS:,} rows x {rows.width} columns", reads)


if __name__ == "__main__":
    main()
