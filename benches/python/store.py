"""What the length of the history costs: commits, opening, old versions, the log. Ours alone, long against short.

The warehouses are built by 10 and by 10,000 appends of 100 rows; each read opens the warehouse anew. Commits are timed
on the file system that `LAKEBED_BENCH_DIR` names, else on the temporary one.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pyarrow as pa
import race

import lakebed as lb

SHORT, LONG, LISTED = 10, 10_000, 1_000
ROWS = 100


def batch(n: int) -> pa.Table:
    return pa.table({"x": pa.array(range(n * ROWS, (n + 1) * ROWS), pa.int64())})


def build(location: Path, n_commits: int) -> list[float]:
    """Append again and again; gives the seconds of each commit."""
    wh, seconds = lb.open(location), []
    for n in range(n_commits):
        frame = batch(n)
        start = time.perf_counter()
        wh.write("t", frame)
        seconds.append(time.perf_counter() - start)
    return seconds


def newest(location: Path) -> int:
    return int(lb.open(location, read_only=True).table("t").num_rows)


def at(location: Path, version: str) -> int:
    return int(lb.open(location, read_only=True).at(version).table("t").num_rows)


def read_newest(location: Path) -> int:
    """The newest rows of the newest version, which are one file however many there are."""
    table = lb.open(location, read_only=True).table("t")
    first = table.num_rows - ROWS
    return int(table.scan(where=f"x >= {first}").pl().height)


def compare(title: str, run: Callable[[bool], int], expected: tuple[int, int]) -> None:
    runs = {f"{LONG} commits": lambda: run(True), f"{SHORT} commits": lambda: run(False)}
    assert (run(True), run(False)) == expected, title
    race.print_times(title, race.race(runs, same=lambda _ours, _theirs: None, rounds=15))


def growth(folder: Path) -> None:
    seconds = build(folder / "grown", LISTED)
    first, last = seconds[10:60], seconds[-50:]
    print(f"\ncommits 951 to 1,000 against 11 to 60: median {median(last) / median(first):.2f} x")
    print(f"  {median(first) * 1000:.2f} ms, then {median(last) * 1000:.2f} ms")
    wh = lb.open(folder / "grown", read_only=True)
    assert len(wh.log()) == LISTED
    times = race.race({"log() of 1,000": wh.log}, same=lambda _ours, _theirs: None, rounds=15)
    race.print_times("list 1,000 versions", times)


def main() -> None:
    race.print_machine("Reads and commits do not grow with the history.")
    with race.scratch_folder() as folder:
        growth(folder)
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        long, short = Path(name, "long"), Path(name, "short")
        build(long, LONG)
        build(short, SHORT)
        where = {True: long, False: short}
        middle = {True: LONG // 2, False: SHORT // 2}
        ids = {key: lb.open(where[key]).at(f"main~{middle[key]}").commit or "" for key in (True, False)}
        kept = {key: (SHORT if not key else LONG) - middle[key] for key in (True, False)}
        compare("open, newest version", lambda key: newest(where[key]), (LONG * ROWS, SHORT * ROWS))
        compare("open, read the newest rows", lambda key: read_newest(where[key]), (ROWS, ROWS))
        both = (kept[True] * ROWS, kept[False] * ROWS)
        compare("open, middle version by main~n", lambda key: at(where[key], f"main~{middle[key]}"), both)
        compare("open, middle version by commit id", lambda key: at(where[key], ids[key]), both)


if __name__ == "__main__":
    main()
