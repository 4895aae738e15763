"""Claim: behind the interface of ML Metadata 1.17.1, Lakebed's store takes less CPU than the original for one work.

Both run in one process and in turn (the messages live in pools of their own), on databases of the same kind: in memory,
and SQLite files with the rollback journal and synchronous FULL that the original leaves them with. `block` is the
records of a warehouse against the original in memory. CPU is what is compared; wall times of single durable writes are
the disk's. Ours keeps what is put into memory or block as it came and fills its tables when a method needs them: those
puts are measured with the read that follows, once by id, which needs no tables, and once by a filter, which does.
Needs an environment with ml-metadata 1.17.1 (Python 3.11, protobuf below 5) beside Lakebed.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from race import Times, print_machine, print_times, race, scratch_folder

N_ARTIFACTS = int(os.environ.get("LAKEBED_BENCH_ARTIFACTS", "100000"))
N_BATCH = 1_000
LAYERS, WIDTH = 25, 200
Then = Callable[["Side", list[Any], list[int]], None]
OURS, THEIRS = "lakebed.ml_metadata", "ml_metadata"
_names = itertools.count()


class Side:
    """One of the two packages with a store."""

    def __init__(self, package: str, config: Callable[[Any], Any]) -> None:
        self.api = import_module(package)
        self.pb = import_module(f"{package}.proto.metadata_store_pb2")
        self.store = self.api.MetadataStore(config(self.pb))
        kinds = {"i": 1, "j": 1, "d": 2, "s": 3}
        self.artifact_type = self.store.put_artifact_type(self.pb.ArtifactType(name="A", properties=kinds))
        self.execution_type = self.store.put_execution_type(self.pb.ExecutionType(name="E"))
        self.context_type = self.store.put_context_type(self.pb.ContextType(name="C"))

    def artifact(self, number: int) -> Any:
        made = self.pb.Artifact(type_id=self.artifact_type, uri=f"u/{number}", name=f"artifact-{number}")
        made.properties["i"].int_value, made.properties["j"].int_value = number, number % 1000
        made.properties["d"].double_value = number / 1024
        made.properties["s"].string_value = f"s{number % 100}"
        made.custom_properties["c"].string_value = "custom"
        if number % 2:
            made.state = self.pb.Artifact.LIVE
        return made

    def batch(self, n: int = N_BATCH) -> list[Any]:
        return [self.artifact(number) for number in itertools.islice(_names, n)]

    def ids(self, query: str) -> list[int]:
        options = self.api.ListOptions(filter_query=query, limit=100)
        return [found.id for found in self.store.get_artifacts(options)]


def memory(pb: Any) -> Any:
    config = pb.ConnectionConfig()
    config.fake_database.SetInParent()
    return config


def sqlite(path: Path) -> Callable[[Any], Any]:
    def make(pb: Any) -> Any:
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = str(path)
        return config

    return make


def show(title: str, times: list[Times], target: float) -> None:
    print_times(title, times)
    ratios = sorted(theirs / ours for ours, theirs in zip(times[0].cpu, times[1].cpu, strict=True))
    print(f"  CPU ratio theirs / ours: {ratios[len(ratios) // 2]:.2f} (target {target})")


def by_id(side: Side, batch: list[Any], ids: list[int]) -> None:
    assert [found.name for found in side.store.get_artifacts_by_id(ids)] == [given.name for given in batch]


def by_filter(side: Side, batch: list[Any], ids: list[int]) -> None:
    assert side.ids(f"type = 'A' AND name = '{batch[7].name}'") == ids[7:8]


def puts(ours: Side, theirs: Side, title: str, target: float, then: Then | None = None) -> None:
    """Messages are built before the clock starts; `then` reads what was put, in the measured time."""
    times = [Times("lakebed"), Times("ml-metadata")]
    for turn in range(6):
        order = [(times[0], ours), (times[1], theirs)]
        for time_of, side in order if turn % 2 else order[::-1]:
            batch = side.batch()
            with time_of.measure():
                ids = side.store.put_artifacts(batch)
                if then is not None:
                    then(side, batch, ids)
            assert len(ids) == N_BATCH
    show(title, times, target)


def executions(ours: Side, theirs: Side) -> None:
    times = [Times("lakebed"), Times("ml-metadata")]
    for turn in range(6):
        order = [(times[0], ours), (times[1], theirs)]
        for time_of, side in order if turn % 2 else order[::-1]:
            events = side.pb.Event
            work = [
                (
                    side.pb.Execution(type_id=side.execution_type),
                    [(side.artifact(next(_names)), events(type=kind)) for kind in (3, 3, 4, 4)],
                    [side.pb.Context(type_id=side.context_type, name=f"c-{next(_names)}")],
                )
                for _ in range(20)
            ]
            with time_of.measure():
                for execution, pairs, contexts in work:
                    side.store.put_execution(execution, pairs, contexts)
    show("20 x put_execution, 2 in, 2 out, 1 context, SQLite file, durable", times, 1.5)


def fill(side: Side, first: int) -> None:
    for start in range(first, first + N_ARTIFACTS, 5_000):
        side.store.put_artifacts([side.artifact(number) for number in range(start, start + 5_000)])
    context = side.pb.Context(type_id=side.context_type, name="some")
    context_id = side.store.put_contexts([context])[0]
    links = [side.pb.Attribution(artifact_id=n * (N_ARTIFACTS // 200) + 1, context_id=context_id) for n in range(200)]
    side.store.put_attributions_and_associations(links, [])


def graph(side: Side) -> None:
    pb = side.pb
    executions = [pb.Execution(type_id=side.execution_type) for _ in range(LAYERS * WIDTH)]
    artifacts = [pb.Artifact(type_id=side.artifact_type) for _ in range(LAYERS * WIDTH)]
    edges = []
    for layer in range(LAYERS):
        for position in range(WIDTH):
            node = layer * WIDTH + position
            edges.append((node, node, pb.Event(type=pb.Event.OUTPUT)))
            if layer:
                below = (layer - 1) * WIDTH
                edges += [(node, below + (position + k) % WIDTH, pb.Event(type=pb.Event.INPUT)) for k in (0, 7)]
    side.store.put_lineage_subgraph(executions, artifacts, [], edges)


def reads(ours: Side, theirs: Side) -> None:
    wanted = list(range(1, N_ARTIFACTS, N_ARTIFACTS // 1_000))[:1_000]

    def same(left: Any, right: Any) -> None:
        assert [found.id for found in left] == [found.id for found in right]
        assert [found.name for found in left[:100]] == [found.name for found in right[:100]]
        assert len(left) == len(right)

    times = race(
        {
            "lakebed": lambda: ours.store.get_artifacts_by_id(wanted),
            "ml-metadata": lambda: theirs.store.get_artifacts_by_id(wanted),
        },
        same=same,
    )
    show("get_artifacts_by_id, 1,000 of 100,000", times, 1.5)
    times = race({"lakebed": ours.store.get_artifacts, "ml-metadata": theirs.store.get_artifacts}, same=same, rounds=3)
    show("list all 100,000", times, 1.5)
    for title, query in (
        ("two properties", "properties.j.int_value > 900 AND properties.s.string_value = 's7'"),
        ("context and state", "contexts_a.name = 'some' AND state = LIVE"),
        ("type and name prefix", "type = 'A' AND name LIKE 'artifact-9999%'"),
    ):
        times = race(
            {"lakebed": lambda q=query: ours.ids(q), "ml-metadata": lambda q=query: theirs.ids(q)}, same=_equal
        )
        show(f"filter: {title}", times, 3)


def _equal(left: Any, right: Any) -> None:
    assert left == right, (left, right)


def lineage(ours: Side, theirs: Side) -> None:
    def run(side: Side) -> Any:
        query = side.pb.LineageSubgraphQueryOptions()
        query.starting_artifacts.filter_query = "id <= 200"
        query.max_num_hops = 100
        found = side.store.get_lineage_subgraph(query)
        return len(found.artifacts), len(found.executions), len(found.events)

    times = race({"lakebed": lambda: run(ours), "ml-metadata": lambda: run(theirs)}, same=_equal)
    show("get_lineage_subgraph, 10,000 nodes from 100 starts", times, 2)


def bulk(folder: Path, theirs: Side) -> None:
    import polars as pl

    times = [Times("lakebed, Arrow into block"), Times("ml-metadata, put_artifacts in memory")]
    with_tables = [Times("lakebed, Arrow into block, then a filter"), times[1]]
    for turn in range(3):
        side = Side(OURS, lambda _: folder / f"bulk-{turn}.lakebed")  # noqa: B023 - used at once
        frame = pl.DataFrame(
            {
                "type_id": [side.artifact_type] * N_ARTIFACTS,
                "uri": [f"u/{n}" for n in range(N_ARTIFACTS)],
                "name": [f"artifact-{n}" for n in range(N_ARTIFACTS)],
                "properties.i": range(N_ARTIFACTS),
                "properties.j": [n % 1000 for n in range(N_ARTIFACTS)],
                "properties.d": [n / 1024 for n in range(N_ARTIFACTS)],
                "properties.s": [f"s{n % 100}" for n in range(N_ARTIFACTS)],
                "custom_properties.c": ["custom"] * N_ARTIFACTS,
            }
        ).to_arrow()
        start_cpu, start_wall = time.process_time(), time.perf_counter()
        ids = side.store.import_arrow("artifacts", frame)
        assert len(ids) == N_ARTIFACTS
        assert len(side.store.get_artifacts_by_id(ids[:: N_ARTIFACTS // 1_000])) == 1_000
        times[0].add(start_cpu, start_wall)
        assert side.ids(f"type = 'A' AND name = 'artifact-{N_ARTIFACTS - 1}'") == [ids[-1]]
        with_tables[0].add(start_cpu, start_wall)
        start_cpu, start_wall = time.process_time(), time.perf_counter()
        for _ in range(0, N_ARTIFACTS, 5_000):
            theirs.store.put_artifacts(theirs.batch(5_000))
        times[1].add(start_cpu, start_wall)
    show("100,000 artifacts, and 1,000 of them by id (the original's messages built within)", times, 20)
    show("100,000 artifacts, and the first filter, which fills the tables", with_tables, 1)


STARTUP = """
import sys
from {package}.metadata_store import MetadataStore
from {package}.proto import metadata_store_pb2 as pb
config = pb.ConnectionConfig()
config.sqlite.filename_uri = sys.argv[1]
store = MetadataStore(config)
store.put_artifacts([pb.Artifact(type_id=store.put_artifact_type(pb.ArtifactType(name="A")))])
"""


def startup(folder: Path) -> None:
    def run(package: str) -> None:
        path = folder / f"start-{next(_names)}.db"
        subprocess.run(
            [sys.executable, "-c", STARTUP.format(package=package), str(path)], check=True, stderr=subprocess.DEVNULL
        )

    def children() -> float:
        used = os.times()
        return used.children_user + used.children_system

    times = race({"lakebed": lambda: run(OURS), "ml-metadata": lambda: run(THEIRS)}, same=_equal, cpu_clock=children)
    show("import + open + first put in a fresh process, SQLite file", times, 0.5)


def threads(ours: Side, place: str, n_calls: int, n_nodes: int) -> None:
    """The same puts and reads by one thread and by eight; every call succeeds and reads what it put."""

    def work(n_threads: int) -> int:
        wanted = [[ours.artifact(next(_names)) for _ in range(n_nodes)] for _ in range(n_calls)]
        parts = [wanted[k * n_calls // n_threads : (k + 1) * n_calls // n_threads] for k in range(n_threads)]
        n_read, errors = [], []

        def run(part: list[Any]) -> None:
            try:
                for batch in part:
                    ids = ours.store.put_artifacts(batch)
                    found = ours.store.get_artifacts_by_id(ids)
                    assert [one.name for one in found] == [given.name for given in batch]
                    n_read.append(len(found))
            except BaseException as error:  # noqa: BLE001 - it is shown below
                errors.append(error)

        running = [threading.Thread(target=run, args=(part,)) for part in parts]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        assert not errors, errors
        return sum(n_read)

    times = race({"8 threads": lambda: work(8), "1 thread": lambda: work(1)}, same=_equal)
    print_times(f"{n_calls} puts of {n_nodes} and reads of them by 8 threads and by one, {place}", times)
    ratios = sorted(one / eight for eight, one in zip(times[0].wall, times[1].wall, strict=True))
    print(f"  throughput of 8 threads / of one: {ratios[len(ratios) // 2]:.2f} (target 1)")


def main() -> None:
    print_machine(__doc__.partition("\n")[0])
    with scratch_folder() as folder:
        ours, theirs = Side(OURS, memory), Side(THEIRS, memory)
        block = Side(OURS, lambda _: folder / "w.lakebed")
        for side, place in ((ours, "memory"), (block, "block (the original in memory)")):
            puts(side, theirs, f"put_artifacts, {N_BATCH} a call, and get_artifacts_by_id of them, {place}", 5, by_id)
            puts(side, theirs, f"put_artifacts, {N_BATCH} a call, and a filter for one of them, {place}", 1, by_filter)
        for place, config in (
            ("memory", memory),
            ("SQLite file", sqlite(folder / "threads.db")),
            ("block", lambda _: folder / "threads.lakebed"),
        ):
            side = Side(OURS, config)
            threads(side, place, 400, 20)
            threads(side, place, 800, 1)
        bulk(folder, theirs)
        ours, theirs = Side(OURS, sqlite(folder / "ours.db")), Side(THEIRS, sqlite(folder / "theirs.db"))
        puts(ours, theirs, f"put_artifacts, {N_BATCH} a call, SQLite file", 2)
        executions(ours, theirs)
        startup(folder)
        ours, theirs = Side(OURS, sqlite(folder / "graph-o.db")), Side(THEIRS, sqlite(folder / "graph-t.db"))
        for side in (ours, theirs):
            graph(side)
        lineage(ours, theirs)
        ours, theirs = Side(OURS, sqlite(folder / "many-o.db")), Side(THEIRS, sqlite(folder / "many-t.db"))
        first = next(_names)
        for side in (ours, theirs):
            fill(side, first)
        reads(ours, theirs)


if __name__ == "__main__":
    main()
