"""Changes to one branch that become visible together or not at all, after every gate let them pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed.errors import WriteConflictError
from lakebed.storage.snapshot import to_datetime
from lakebed.typing import Frame, importable

if TYPE_CHECKING:
    import datetime as dt
    import os

    from lakebed._core import Transaction as CoreTransaction

Gate: TypeAlias = Callable[["Transaction"], None]
"""A check before a commit: it raises to refuse. It runs again when the branch moved in between."""

_MAX_ATTEMPTS = 100


class Transaction:
    """Staged changes. Data files are written as they come; nothing is visible before `commit`.

    Args:
        core: The transaction of the core.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> with wh.transaction(message="two tables") as tx:
        ...     tx.write("a", pl.DataFrame({"x": [1]}))
        ...     tx.write("b", pl.DataFrame({"y": [2]}))
        1
        1
        >>> wh.at("main").tables()
        ['a', 'b']
        >>> from lakebed.storage import Repository
        >>> transaction = Repository("memory://").begin()
        >>> transaction.write("t", pl.DataFrame({"x": [1]}))
        1
        >>> transaction.set_schema("t", b"expectations")
        >>> hash_hex, size_bytes = transaction.put_raw(b"raw")
        >>> transaction.set_lake("raw/a.txt", {"hash": hash_hex})
        >>> len(transaction.commit({"kind": "example"}))
        64
    """

    def __init__(self, core: CoreTransaction) -> None:
        self.core = core
        self.commit_id: str | None = None
        self.sequence: int | None = None
        self.timestamp: dt.datetime | None = None

    def write(self, name: str, frame: Frame, *, overwrite: bool = False) -> int:
        """Stage rows of a table, which is created if there is none.

        Args:
            name: Table, with its namespace where it has one.
            frame: n rows of any Arrow-speaking object; columns are matched by name, missing ones become null.
            overwrite: Whether the rows replace those of the table, and its columns.

        Returns:
            n, the number of rows written.

        Raises:
            InvalidColumnsError: Column names are empty or stand twice.
            UnsupportedTypeError: A type that the format cannot hold.
            SchemaMismatchError: A column does not fit the table without loss.
            ColumnNotFoundError: The table has no such column.
        """
        return self.core.write(name, importable(frame), overwrite=overwrite)

    def put_raw(self, source: str | os.PathLike[str] | bytes) -> tuple[str, int]:
        """Store raw bytes once, however often they come.

        Args:
            source: A file's path, or the bytes.

        Returns:
            BLAKE3 of the bytes in hexadecimal, and their number.

        Raises:
            FileNotFoundError: There is no such file.
        """
        if isinstance(source, bytes):
            return self.core.put_raw_bytes(source)
        # Opened once here, so that a missing file is Python's own error.
        with Path(source).open("rb"):
            pass
        return self.core.put_raw_file(str(source))

    def set_lake(self, path: str, pointer: Mapping[str, Any]) -> None:
        """Let a path of the lake name raw bytes.

        Args:
            path: Relative path with `/`.
            pointer: Plain values with a member `hash`.

        Raises:
            InvalidNameError: The path is not allowed.
        """
        self.core.set_lake(path, _canonical(pointer))

    def set_schema(self, name: str, payload: bytes) -> None:
        """Set the expectations of a table.

        Args:
            name: A table, which may be staged in this transaction.
            payload: The expectations in their own encoding.

        Raises:
            TableNotFoundError: There is no such table.
        """
        self.core.set_schema(name, payload)

    def commit(self, operation: Mapping[str, Any], *, before_commit: Sequence[Gate] = ()) -> str:
        """Make the changes visible, durably, in one step.

        Where another transaction was faster, appends move onto its version by themselves and the gates run again.

        Args:
            operation: What is done: member `kind`, and what else the history is to tell.
            before_commit: Gates, run in order; one that raises leaves everything as it was.

        Returns:
            Id of the commit, 64 hex digits.

        Raises:
            WriteConflictError: Both transactions changed the same thing.
            InvalidArgumentError: Nothing was changed.
            OutcomeUnknownError: The disk failed at the very last step.
        """
        # What others committed since the transaction began is what the gates have to see.
        self.core.refresh()
        for _ in range(_MAX_ATTEMPTS):
            for gate in before_commit:
                gate(self)
            done = self.core.try_commit(_canonical(operation))
            if done is not None:
                self.commit_id, self.sequence, time_us = done
                self.timestamp = to_datetime(time_us)
                return self.commit_id
        raise WriteConflictError(f"gave up after {_MAX_ATTEMPTS} other commits came first; try again")


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
