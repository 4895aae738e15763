"""Changes to one branch that become visible together or not at all, after every gate let them pass."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed.errors import ForkedTransactionError, LakebedError, WriteConflictError
from lakebed.storage.snapshot import to_datetime
from lakebed.stream import FrameStream, readable
from lakebed.typing import ArrowSchemaExportable, Frames

if TYPE_CHECKING:
    import datetime as dt

    from lakebed._core import Transaction as CoreTransaction
    from lakebed.storage.handle import Handle

Gate: TypeAlias = Callable[["Transaction"], None]
"""A check before a commit: it raises to refuse. It runs again when the branch moved in between."""

Progress: TypeAlias = Callable[[int], object]
"""Told how many rows have been read so far; what it raises ends the write, and nothing is changed."""

_MAX_ATTEMPTS = 100


class Transaction:
    """Staged changes. Data files are written as they come; nothing is visible before `commit`.

    Args:
        core: The transaction of the core.
        handle: The open warehouse.

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
        >>> transaction.set_key("first load")
        False
        >>> transaction.write("s", pl.DataFrame({"x": [1]}))
        1
        >>> transaction.rename("s", "t")
        >>> transaction.create("u", pl.DataFrame({"x": [1]}).to_arrow().schema)
        >>> transaction.drop("u")
        >>> transaction.set_schema("t", b"expectations")
        >>> hash_hex, size_bytes = transaction.put_raw(b"raw")
        >>> transaction.set_lake("raw/a.txt", {"hash": hash_hex})
        >>> len(transaction.commit({"kind": "example"}))
        64
    """

    def __init__(self, core: CoreTransaction, handle: Handle) -> None:
        self._core = core
        self.handle = handle
        self._process = os.getpid()
        self.commit_id: str | None = None
        self.branch: str | None = None
        self.sequence: int | None = None
        self.timestamp: dt.datetime | None = None
        self.is_applied = False

    @property
    def core(self) -> CoreTransaction:
        """The transaction of the core.

        Raises:
            ForkedTransactionError: It was begun before a fork, by the parent of this process.
        """
        if self._process != os.getpid():
            hint = "end it in the process that began it, and begin another one here"
            raise ForkedTransactionError(f"this transaction was begun by process {self._process}; {hint}")
        return self._core

    def set_key(self, key: str) -> bool:
        """Let this be the one commit of the branch that has an idempotency key.

        Args:
            key: 1 to 1024 bytes of text; only a keyed hash of it is stored.

        Returns:
            Whether the branch has such a commit already: then `commit` gives that one and changes nothing, and the
            same changes can be staged once more on the version on which they were made.

        Raises:
            InvalidNameError: The key is empty or too long.
        """
        applied = self.core.set_key(key)
        if applied is not None:
            self._end(applied)
            self.is_applied = True
        return self.is_applied

    def create(self, name: str, schema: ArrowSchemaExportable) -> None:
        """Stage a new table without rows.

        Args:
            name: Table, with its namespace where it has one.
            schema: Its columns.

        Raises:
            TableExistsError: There is such a table.
            InvalidNameError: The name is not allowed.
            UnsupportedTypeError: A type that the format cannot hold.
        """
        self.core.create(name, schema)

    def drop(self, name: str) -> None:
        """Stage the end of a table and its expectations; older versions keep both.

        Args:
            name: The table.

        Raises:
            TableNotFoundError: Tells the nearest names.
        """
        self.core.drop_table(name)

    def rename(self, name: str, to: str) -> None:
        """Stage another name for a table; its identity, rows and expectations stay.

        Args:
            name: The table.
            to: Its new name.

        Raises:
            TableNotFoundError: Tells the nearest names.
            TableExistsError: The new name is taken.
            InvalidNameError: The new name is not allowed.
        """
        self.core.rename(name, to)

    def write(
        self,
        name: str,
        frame: Frames,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> int:
        """Stage rows of a table, which is created if there is none.

        Memory is bounded by a row group, however many rows there are. Ctrl-C ends the write; nothing is changed then.

        Args:
            name: Table, with its namespace where it has one.
            frame: n rows of any Arrow-speaking object, or an iterable of such frames; columns are matched by name,
                missing ones become null.
            overwrite: Whether the rows replace those of the table, and its columns.
            progress: Called with the number of rows read so far, at least once for each 262,144 of them.

        Returns:
            n, the number of rows written.

        Raises:
            InvalidColumnsError: Column names are empty or stand twice.
            UnsupportedTypeError: A type that the format cannot hold.
            SchemaMismatchError: A column does not fit the table without loss.
            ColumnNotFoundError: The table has no such column.
        """
        source = readable(frame)
        try:
            return self.core.write(name, source, overwrite=overwrite, progress=progress)
        except LakebedError as error:
            # An Arrow stream tells the text of what went wrong, not the exception.
            if isinstance(source, FrameStream) and source.raised is not None:
                raise source.raised from error
            raise

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

    def set_feature(self, name: str, definition: Mapping[str, Any]) -> None:
        """Set the definition of an entity or a feature view.

        Args:
            name: Its name, with its kind before a dot: `view.weather`.
            definition: Plain values.

        Raises:
            InvalidNameError: The name is not allowed.

        Example:
            >>> from lakebed.storage import Repository
            >>> repository = Repository("memory://")
            >>> transaction = repository.begin()
            >>> transaction.set_feature("entity.user", {"name": "user"})
            >>> _ = transaction.commit({})
            >>> repository.snapshot().features()
            {'entity.user': {'name': 'user'}}
        """
        self.core.set_feature(name, _canonical(definition))

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
        applied = self.core.refresh()
        if applied is not None:
            return self._end(applied)
        for _ in range(_MAX_ATTEMPTS):
            for gate in before_commit:
                gate(self)
            done = self.core.try_commit(_canonical(operation))
            if done is not None:
                return self._end(done)
        raise WriteConflictError(f"gave up after {_MAX_ATTEMPTS} other commits came first; try again")

    def _end(self, done: tuple[str, str, int, int]) -> str:
        self.commit_id, self.branch, self.sequence, time_us = done
        self.timestamp = to_datetime(time_us)
        return self.commit_id


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
