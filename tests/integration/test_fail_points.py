"""Real processes that are killed, or whose disk fails, at each call to the store.

The reopened warehouse is at the old or the new version, passes `verify` and takes writes, and what the process was told
is true. Each test writes how many faults it injected (`pytest -s` shows it).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import lakebed as lb

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked"),
]

State = dict[str, Any]
VERBS = (
    "append",
    "keyed append",
    "overwrite",
    "transaction",
    "create",
    "drop",
    "rename",
    "tag",
    "branch",
    "lake",
    "delete",
    "upsert",
    "alter",
    "compact",
)


class Victims:
    """The program that forks the processes that are to be hurt."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(lb.__file__).parents[1])}
        command = [sys.executable, str(Path(__file__).with_name("victim.py"))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._read() == "ready"

    def run(self, location: Path, verb: str, point: str | None) -> dict[str, Any]:
        assert self._process.stdin is not None
        print(
            json.dumps({"location": str(location), "verb": verb, "point": point}), file=self._process.stdin, flush=True
        )
        answer: dict[str, Any] = json.loads(self._read())
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=60)

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    victims = Victims()
    yield victims
    victims.close()


def report(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def rows(*values: int) -> pa.Table:
    return pa.table({"x": pa.array(values, pa.int64())})


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: the power is not cut here, so nothing has to reach a disk."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def folder(memory: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def template(memory: Path) -> Path:
    location = memory / "template"
    wh = lb.open(location)
    wh.write("t", rows(1, 2, 9))
    wh.table("t").delete(where="x = 9")
    wh.write("u", rows(3))
    wh.tag("v1")
    wh.lake.put("raw/0.txt", b"zero")
    return location


def state(location: Path) -> State:
    """All that a user sees, by the public API."""
    wh = lb.open(location, read_only=True)
    found: State = {"branches": wh._session.repository.branches(), "tags": wh._session.repository.tags()}
    for branch in found["branches"]:
        version = wh.at(branch)
        found[f"log {branch}"] = [commit.id for commit in wh.log(branch)]
        found[f"tables {branch}"] = {
            name: version.table(name).scan().arrow()["x"].to_pylist() for name in version.tables()
        }
    found["lake"] = [pointer.path for pointer in wh.lake.pointers()]
    return found


def check_reopened(location: Path, before: State, place: str, *, with_lineage: bool) -> State:
    """The old version or a later one, whole; and it takes writes."""
    after = state(location)
    assert after["log main"][-len(before["log main"]) :] == before["log main"], place
    wh = lb.open(location)
    # The lineage store is made anew by this, which takes most of the time.
    report = wh.verify() if with_lineage else wh._session.repository.verify_snapshot(wh.at("main"))
    assert report.ok, f"{place}: {report}"
    wh.write("after", rows(9))
    assert wh.table("after").scan().arrow()["x"].to_pylist() == [9], place
    return after


def expected(victims: Victims, template: Path, folder: Path, verb: str) -> State:
    """The state after the verb, without a fault."""
    location = folder / "expected"
    shutil.copytree(template, location)
    assert victims.run(location, verb, None)["error"] is None
    after = state(location)
    shutil.rmtree(location)
    return comparable(after)


def comparable(found: State) -> State:
    """Ids of new commits differ from run to run; their number does not."""
    return {key: len(value) if key.startswith("log ") else value for key, value in found.items()}


def run_verb(victims: Victims, template: Path, folder: Path, verb: str, *, what: str, step: int) -> Counter[str]:
    """Let every `step`-th call of the verb meet a fault; counts what happened."""
    before, after = state(template), expected(victims, template, folder, verb)
    seen: Counter[str] = Counter()
    for at in range(0, 400, step):
        location = folder / "w"
        shutil.copytree(template, location)
        answer = victims.run(location, verb, f"{at}:{what}:{folder / 'told'}")
        place = f"{verb}, {what} at call {at}: {answer}"
        if not answer["reached"]:
            assert at > 3 * step, place
            assert answer["error"] is None, place
            shutil.rmtree(location)
            return seen
        assert answer["killed"] == (what == "wait"), place
        if answer["next"] == "ok":
            # The same handle wrote another table after the error: without it, the rest has to be old or new.
            wh = lb.open(location)
            wh.drop("next")
        found = check_reopened(location, before, place, with_lineage=at % 8 == 0)
        check_answer(answer, comparable(found), comparable(before), after, place)
        seen["unknown" if answer["error"] == "OutcomeUnknownError" else "known"] += 1
        if answer["error"] == "OutcomeUnknownError" and verb == "keyed append":
            settle(location, place)
        shutil.rmtree(location)
    raise AssertionError(f"{verb} has no end")


def check_answer(answer: dict[str, Any], found: State, before: State, after: State, place: str) -> None:
    extra = 2 if answer["next"] == "ok" else 0
    found = {**found, "log main": found["log main"] - extra}
    is_old, is_new = found == before, found == after
    if (answer["call"] or "").startswith("sync"):
        assert answer["error"] is not None, f"{place}: a failed sync was taken for success"
        assert answer["next"] == "StoreFailedError", f"{place}: a write after a failed sync"
    else:
        assert answer["next"] in {None, "ok"}, place
    assert is_old or is_new, f"{place}: neither old nor new: {found}"
    if answer["killed"] or answer["error"] == "OutcomeUnknownError":
        return
    assert is_new if answer["error"] is None else is_old, f"{place}: {found}"


def settle(location: Path, place: str) -> None:
    """Nobody knows whether the append is there; the same key makes it so, once."""
    wh = lb.open(location)
    wh.write("t", rows(50), key="fifty")
    assert wh.table("t").scan().arrow()["x"].to_pylist() == [1, 2, 50], place


@pytest.mark.parametrize("verb", VERBS)
def test_a_process_killed_at_any_call_leaves_the_old_or_the_new_version(
    victims: Victims, template: Path, folder: Path, verb: str
) -> None:
    step = 1 if verb in {"transaction", "branch"} else 4
    seen = run_verb(victims, template, folder, verb, what="wait", step=step)
    report(f"{verb}: {seen.total()} processes killed")
    assert seen.total() * step >= 25, seen


@pytest.mark.parametrize("what", ["eio", "enospc", "lost"])
def test_a_process_whose_disk_fails_at_any_call_is_told_the_truth(
    victims: Victims, template: Path, folder: Path, what: str
) -> None:
    total: Counter[str] = Counter()
    for verb in VERBS:
        step = 1 if verb == "keyed append" else 6
        total += run_verb(victims, template, folder, verb, what=what, step=step)
    report(f"{what}: {total.total()} calls failed: {dict(total)}")
    assert total.total() >= 100, total
    assert what == "enospc" or total["unknown"] > 0, total


@pytest.mark.soak
@pytest.mark.parametrize("what", ["wait", "eio", "enospc", "lost"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_fault_at_every_call_of_every_verb(
    victims: Victims, template: Path, folder: Path, verb: str, what: str
) -> None:
    assert run_verb(victims, template, folder, verb, what=what, step=1).total() >= 25


def test_a_creation_killed_at_any_call_can_be_done_again(victims: Victims, folder: Path) -> None:
    n_killed = 0
    for at in range(400):
        location = folder / f"w{at}"
        answer = victims.run(location, "open", f"{at}:wait:{folder / 'told'}")
        wh = lb.open(location)
        wh.write("t", rows(1))
        assert wh.verify().ok
        if not answer["reached"]:
            break
        n_killed += answer["killed"]
    report(f"creation: {n_killed} processes killed")
    assert n_killed >= 15


def test_a_fail_point_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEBED_FAIL_POINT", "soon")
    with pytest.raises(lb.errors.InvalidArgumentError, match="unset it"):
        lb.open(tmp_path / "w")
