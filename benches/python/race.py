"""Run contenders in turn in one process and print how their times compare.

Every round runs each contender once, in an order that turns from round to round, so that a busy machine, a warm cache
or a slow disk meets all of them alike. The ratio is the median over the rounds of ours / theirs, which a burst of other
work disturbs less than a ratio of two medians. Run alone, this file prints the machine.
"""

from __future__ import annotations

import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

PACKAGES = ("lakebed", "polars", "pyarrow", "duckdb")
Clock = Callable[[], float]


@dataclass
class Times:
    """Wall and CPU seconds of one contender, one of each a round."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @contextmanager
    def measure(self, cpu_clock: Clock = time.process_time) -> Iterator[None]:
        """Add the time of the block; the default clock counts all threads of this process."""
        wall, cpu = time.perf_counter(), cpu_clock()
        yield
        self.cpu.append(cpu_clock() - cpu)
        self.wall.append(time.perf_counter() - wall)

    def add(self, start_cpu: float, start_wall: float) -> None:
        """Add the time since a start."""
        self.cpu.append(time.process_time() - start_cpu)
        self.wall.append(time.perf_counter() - start_wall)


def race(
    runs: Mapping[str, Callable[[], Any]],
    *,
    same: Callable[[Any, Any], None],
    rounds: int = 5,
    cpu_clock: Clock = time.process_time,
) -> list[Times]:
    """Time each of `runs`, the first of which is ours, after a round that is not timed.

    In that first round `same(ours, theirs)` has to assert that each rival gives our answer.
    """
    ours, *rivals = runs.values()
    expected = ours()
    for rival in rivals:
        same(expected, rival())
    del expected
    times = {name: Times(name) for name in runs}
    names = list(runs)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()
            with times[name].measure(cpu_clock):
                answer = runs[name]()
            del answer
    return list(times.values())


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Give the median over the rounds of ours / theirs; below 1 we are faster."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def print_machine(claim: str) -> None:
    """Print what is measured, on what."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    found = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    print(claim)
    print(f"{found}; Python {platform.python_version()}; {platform.system()} {platform.machine()}")
    print(f"{os.cpu_count()} cores; load average {load}")


def print_times(title: str, times: Sequence[Times]) -> None:
    """Print a table: median and range of the wall time, median CPU time, and ours divided by each."""
    ours = times[0]
    width = max(len(item.name) for item in times)
    print(f"\n{title} (median of {len(ours.wall)})")
    print(f"  {'':{width}}  {'wall':>10}  {'range':>23}  {'CPU':>10}  ours/it wall  ours/it CPU")
    for item in times:
        span = f"{_seconds(min(item.wall))} ..{_seconds(max(item.wall))}"
        line = f"  {item.name:{width}}  {_seconds(median(item.wall))}  {span:>23}  {_seconds(median(item.cpu))}"
        if item is not ours:
            line += f"  {ratio(ours.wall, item.wall):12.3f}  {ratio(ours.cpu, item.cpu):11.3f}"
        print(line)
    sys.stdout.flush()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty folder, below $LAKEBED_BENCH_DIR if that is set, and print what file system it lies on."""
    with tempfile.TemporaryDirectory(prefix="lakebed-bench-", dir=os.environ.get("LAKEBED_BENCH_DIR")) as name:
        folder = Path(name).resolve()
        print(f"files on {_file_system(folder)}")
        yield folder


def _file_system(folder: Path) -> str:
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "an unknown file system"
    points = {fields[1]: fields[2] for fields in map(str.split, mounts.read_text().splitlines())}
    return next(points[str(above)] for above in (folder, *folder.parents) if str(above) in points)


def _seconds(value: float) -> str:
    return f"{value * 1000:7.2f} ms" if value < 1 else f"{value:7.2f} s "


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(from its source tree)" if package == "lakebed" else "(none)"


if __name__ == "__main__":
    print_machine("The machine of the benches.")
