"""A program that forks writers and readers which use one warehouse at once. Not a test.

Arguments: location, number of writers, operations of each, number of readers, seed. Writers say what they did as JSON,
one line each: `id`, `ending` ("done" or the class of the error). Readers say how many tables they read.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

import lakebed as lb
from lakebed import errors
from lakebed.warehouse import Warehouse

SHARED = ("t0", "t1", "t2")


def rows(*values: int) -> pa.Table:
    return pa.table({"x": pa.array(values, pa.int64())})


def change(wh: Warehouse, what: dict[str, Any]) -> None:
    """Do what `what` says; the commit's message says it too, so that the history can be done again."""
    message, (table, *others), value = json.dumps(what), what["tables"], what["value"]
    match what["op"]:
        case "append" | "overwrite":
            wh.write(table, rows(value, value + 1), mode=what["op"], message=message)
        case "both":
            with wh.transaction(message=message) as tx:
                tx.write(table, rows(value))
                tx.write(others[0], rows(value + 1))
        case "create":
            wh.create(table, pa.schema({"x": pa.int64()}), message=message)
        case "rename":
            wh.rename(table, others[0], message=message)
        case "drop":
            wh.drop(table, message=message)


def draw(noise: random.Random, own: list[str], number: int) -> dict[str, Any]:
    """An operation; tables of one's own are made, renamed and dropped, and others' are shared."""
    op = noise.choices(["append", "both", "overwrite", "create", "rename", "drop"], [10, 5, 2, 2, 2, 1])[0]
    if op in {"rename", "drop"} and not own:
        op = "create"
    if op == "create":
        tables = [f"own.n{number}"]
    elif op == "rename":
        tables = [noise.choice(own), f"own.r{number}"]
    elif op == "drop":
        tables = [noise.choice(own)]
    else:
        tables = noise.sample([*SHARED, *own], 2)
    return {"id": number, "op": op, "tables": tables, "value": number * 10}


def write(location: str, writer: int, count: int, seed: int) -> None:
    wh, noise, own = lb.open(location), random.Random(seed * 1_000 + writer), list[str]()
    for n in range(count):
        what = draw(noise, own, writer * 10_000 + n)
        ending = "done"
        try:
            change(wh, what)
        except errors.WriteConflictError as error:
            ending = type(error).__name__
        else:
            first, *rest = what["tables"]
            if what["op"] in {"rename", "drop"}:
                own.remove(first)
            own.extend(rest if what["op"] == "rename" else [first] if what["op"] == "create" else [])
        say({"id": what["id"], "op": what["op"], "ending": ending})


def read(location: str, stop: Path) -> None:
    wh, n_seen, newest = lb.open(location, read_only=True), 0, 0
    while not stop.exists():
        version = wh.at("main")
        sequence = version.core.sequence
        assert sequence >= newest, "a reader went back in time"
        newest = sequence
        for name in version.tables():
            table = version.table(name)
            assert table.scan().arrow().num_rows == table.num_rows
            n_seen += 1
    say({"seen": n_seen})


def say(what: dict[str, Any]) -> None:
    # One write of a short line to a pipe is not mixed with others'.
    os.write(1, json.dumps(what).encode() + b"\n")


def spawn(work: Callable[[], None]) -> int:
    process = os.fork()
    if process == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    return process


def main() -> None:
    location, n_writers, count, n_readers, seed = sys.argv[1], *map(int, sys.argv[2:])
    stop = Path(f"{location}.stop")
    readers = [spawn(lambda: read(location, stop)) for _ in range(n_readers)]
    writers = [spawn(lambda writer=writer: write(location, writer, count, seed)) for writer in range(n_writers)]  # type: ignore[misc]
    codes = [os.waitpid(writer, 0)[1] for writer in writers]
    stop.touch()
    codes += [os.waitpid(reader, 0)[1] for reader in readers]
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
