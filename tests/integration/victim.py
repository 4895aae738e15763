"""A program that changes a warehouse in forked processes, of which each meets one fail point. Not a test.

It reads one JSON object a line: `location`, `verb`, and `point` (as `LAKEBED_FAIL_POINT` takes it, or null). A process
that waits at its point is killed there. The answer is one JSON object: `reached`, `error` (class name or null), `next`
(what the same handle said to another write after an error), `killed`, `call` (which one failed, or null).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

import lakebed as lb
from lakebed import errors
from lakebed.warehouse import Warehouse


def rows(*values: int) -> pa.Table:
    return pa.table({"x": pa.array(values, pa.int64())})


def transaction(wh: Warehouse) -> None:
    with wh.transaction(message="several tables") as tx:
        tx.write("t", rows(50))
        tx.write("u", rows(51), mode="overwrite")
        tx.write("new", rows(52))
        tx.put("raw/a.txt", b"fifty")


VERBS: dict[str, Callable[[Warehouse], object]] = {
    "append": lambda wh: wh.write("t", rows(50)),
    "keyed append": lambda wh: wh.write("t", rows(50), key="fifty"),
    "overwrite": lambda wh: wh.write("t", rows(50), mode="overwrite"),
    "transaction": transaction,
    "create": lambda wh: wh.create("new", pa.schema({"x": pa.int64()})),
    "drop": lambda wh: wh.drop("u"),
    "rename": lambda wh: wh.rename("u", "v"),
    "tag": lambda wh: wh.tag("v2"),
    "branch": lambda wh: wh.branch("try"),
    "lake": lambda wh: wh.lake.put("raw/b.txt", b"fifty"),
    "delete": lambda wh: wh.table("t").delete(where="x = 1"),
    "upsert": lambda wh: wh.table("t").upsert(rows(2, 50), key="x"),
    "alter": lambda wh: wh.table("t").add_column("y", "int8", default=1),
    "compact": lambda wh: wh.table("t").compact(full=True, deleted_fraction=0),
    "open": lambda wh: wh.tables(),
}


def work(location: str, verb: str) -> dict[str, Any]:
    """Run a verb; where it fails, try another write through the same handle."""
    wh: Warehouse | None = None
    answer: dict[str, Any] = {"error": None, "next": None}
    try:
        wh = lb.open(location)
        VERBS[verb](wh)
    except errors.LakebedError as error:
        answer["error"] = type(error).__name__
        answer["message"] = str(error)
    if answer["error"] is not None and wh is not None:
        try:
            wh.write("next", rows(1))
            answer["next"] = "ok"
        except errors.LakebedError as error:
            answer["next"] = type(error).__name__
    return answer


def victim(request: dict[str, Any], out: int) -> None:
    """The forked process: it works, tells how it went, and waits for its end as at a fail point."""
    point = request["point"]
    if point is not None:
        os.environ["LAKEBED_FAIL_POINT"] = point
    answer = work(request["location"], request["verb"])
    os.write(out, json.dumps(answer).encode())
    os.close(out)
    if point is not None and ":wait:" in point:
        Path(point.split(":", 2)[2]).read_bytes()


def run(request: dict[str, Any]) -> dict[str, Any]:
    point = request["point"] or "0:none:/nowhere"
    _, what, told = point.split(":", 2)
    path = Path(told)
    if what == "wait":
        os.mkfifo(path)
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        try:
            victim(request, writer)
        finally:
            os._exit(0)
    os.close(writer)
    if what == "wait":
        # Opens as soon as the process opens the other end: at its fail point, or after its work.
        with path.open("wb"):
            os.kill(process, signal.SIGKILL)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(process, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    answer = json.loads(said) if said else {"error": None, "next": None}
    reached = not said if what == "wait" else path.exists()
    call = path.read_text() if reached and what != "wait" else None
    path.unlink(missing_ok=True)
    return {**answer, "reached": reached, "killed": killed and reached, "call": call}


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    # Loads everything before the first fork.
    transaction(lb.open("memory://"))
    say("ready")
    for line in sys.stdin:
        say(json.dumps(run(json.loads(line))))


if __name__ == "__main__":
    main()
