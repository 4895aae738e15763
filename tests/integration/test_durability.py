"""What is synced before a commit is acknowledged, as the operating system sees it (inotify; Linux only)."""

from __future__ import annotations

import ctypes
import functools
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lakebed.storage import Repository

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's"),
]

IN_OPEN, IN_MOVED_TO, IN_CREATE = 0x20, 0x80, 0x100

# (folder, what, name): a folder that opens itself has the name "" and is about to be synced.
Event = tuple[str, str, str]


def watch(folders: list[Path], action: Callable[[], object]) -> list[Event]:
    """Run `action` and tell what was opened and created in the folders, in order."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK)
    assert handle >= 0, os.strerror(ctypes.get_errno())
    try:
        mask = IN_OPEN | IN_CREATE | IN_MOVED_TO
        names = {libc.inotify_add_watch(handle, os.fsencode(folder), mask): folder.name for folder in folders}
        action()
        return list(decode(os.read(handle, 1 << 20), names))
    finally:
        os.close(handle)


def decode(data: bytes, names: dict[int, str]) -> list[Event]:
    events, at = [], 0
    while at < len(data):
        number, mask, _, length = struct.unpack_from("iIII", data, at)
        name = data[at + 16 : at + 16 + length].rstrip(b"\0").decode()
        events.append((names[number], "open" if mask & IN_OPEN else "create", name))
        at += 16 + length
    return events


def write(repository: Repository, table: str) -> None:
    transaction = repository.begin()
    transaction.write(table, pa.table({"x": [1]}))
    transaction.commit({"kind": "write"})


def test_folders_that_got_a_new_name_are_synced_before_the_ref_entry_and_the_ref_s_folder_after_it(
    tmp_path: Path,
) -> None:
    root = tmp_path / "w"
    repository = Repository(root)
    folders = [root / "tables", root / "packs", root / "refs" / "heads" / "main"]
    # The second and third new table too: what was synced once is not durable for ever.
    for table in ("a", "b", "c"):
        write(repository, "warm-up".replace("-", "_"))
        events = watch(folders, functools.partial(write, repository, table))
        commit = next(n for n, (folder, what, _) in enumerate(events) if (folder, what) == ("main", "create"))
        for folder in ("tables", "packs"):
            created = [n for n, event in enumerate(events) if event[:2] == (folder, "create")]
            synced = [n for n, event in enumerate(events) if event == (folder, "open", "")]
            assert len(created) == 1, events
            assert any(created[0] < n < commit for n in synced), f"{folder} was not synced for table {table}: {events}"
        assert ("main", "open", "") in events[commit:], events


def test_a_new_branch_is_synced_with_the_folder_that_holds_it(tmp_path: Path) -> None:
    root = tmp_path / "w"
    repository = Repository(root)
    write(repository, "t")
    for branch in ("b1", "b2"):
        events = watch(
            [root / "refs" / "heads"], functools.partial(repository.create_branch, branch, repository.snapshot())
        )
        created = events.index(("heads", "create", branch))
        assert ("heads", "open", "") in events[created:], events


def test_a_new_warehouse_is_synced_with_every_folder_that_was_made_for_it(tmp_path: Path) -> None:
    events = watch([tmp_path], lambda: Repository(tmp_path / "new" / "deep" / "w"))
    name = tmp_path.name
    assert (name, "open", "") in events[events.index((name, "create", "new")) :], events
