"""Changes of several tables, raw files and schemas that become one commit: write, gate, commit, tell what was done."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lakebed.errors import (
    GateRefusedError,
    InvalidArgumentError,
    LakebedError,
    OutcomeUnknownError,
    SchemaNotFoundError,
    TableNotFoundError,
)
from lakebed.lake import LakeView, Pointer, describe
from lakebed.pipeline.expectations import Expectations
from lakebed.pipeline.references import TableReference, references, to_dict
from lakebed.pipeline.row_changes import TableChanges
from lakebed.pipeline.session import author
from lakebed.schema import Schema
from lakebed.storage import arrow_schema
from lakebed.typing import null_for_nan

if TYPE_CHECKING:
    from lakebed.pipeline.reads import Reads
    from lakebed.pipeline.session import Session
    from lakebed.statistics import Statistics
    from lakebed.storage import Progress, Snapshot, Table, Transaction
    from lakebed.typing import Columns, Frames

_MODES = ("append", "overwrite")
_log = logging.getLogger("lakebed")


class Changes(TableChanges):
    r"""A transaction as users see it: several changes, all or nothing. Use it in a `with` block.

    Args:
        session: The open warehouse.
        kind: What the history calls it.
        message: Why.
        branch: The branch to change; None for the session's.
        key: Idempotency key: a commit of the branch with the same one is not made again.
        before_commit: Gates: each is called with these changes before they become visible, and again where the branch
            has moved by then; one that raises leaves everything as it was. No lock is held meanwhile.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> with wh.transaction(message="both") as tx:
        ...     tx.write("a", pl.DataFrame({"x": [1, 2]}))
        ...     tx.write("b", pl.DataFrame({"y": [3]}))
        2
        1
        >>> wh.log()[0].message
        'both'
        >>> changes = wh.transaction()
        >>> changes.put("raw/a.csv", b"x\n1\n").media_type, changes.set_schema("a", wh.infer_schema("a")).version
        ('text/csv', 1)
        >>> changes.write("a", pl.DataFrame({"x": [3]})), changes.statistics("a").n_rows
        (1, 1)
        >>> changes.create("c", pl.DataFrame({"z": [1.5]}).to_arrow().schema)
        >>> changes.rename("b", "d")
        >>> changes.drop("c")
        >>> changes.tables(), changes.base.tables(), changes.is_applied
        (['a', 'd'], ['a', 'b'], False)
        >>> changes.commit().tables()
        ['a', 'd']
    """

    def __init__(
        self,
        session: Session,
        *,
        kind: str = "transaction",
        message: str = "",
        branch: str | None = None,
        key: str | None = None,
        before_commit: Iterable[Callable[[Changes], object]] = (),
    ) -> None:
        self._session = session
        self._kind = kind
        self._message = message
        self._gates = tuple(before_commit)
        self._tables: dict[str, dict[str, Any]] = {}
        self._dropped: list[str] = []
        self._lake: dict[str, dict[str, Any]] = {}
        self._schemas: dict[str, dict[str, Any]] = {}
        self._features: list[str] = []
        self._core: Transaction = session.repository.begin(branch or session.branch)
        self._branch = branch or session.branch
        self._is_over = False
        self._is_judged = False
        self.commit_id: str | None = None
        if key is not None:
            self._core.set_key(key)

    @property
    def is_applied(self) -> bool:
        """Whether the branch has a commit with this transaction's idempotency key already."""
        return self._core.is_applied

    @property
    def base(self) -> Snapshot:
        """The version on which the changes stand now; it moves when others commit."""
        return self._session.repository.at_sequence(*self._core.core.base())

    def tables(self) -> list[str]:
        """List the tables as they are going to be.

        Returns:
            Names in byte order.
        """
        known = {*self.base.tables(), *self._core.core.staged_tables()}
        return sorted(name for name in known if self._core.core.has_table(name))

    def statistics(self, name: str) -> Statistics:
        """Give the statistics of the rows that are going to be added to a table, without those that it has.

        Args:
            name: A table that was written in this transaction.

        Returns:
            The statistics; no data file is read.

        Raises:
            TableNotFoundError: It was not written in this transaction.
        """
        from lakebed.statistics.generate import from_core

        staged = self._core.core.staged_statistics(name)
        if staged is None:
            written = ", ".join(self._core.core.staged_tables()) or "none"
            raise TableNotFoundError(f"table {name!r} is not changed by this transaction; changed are: {written}")
        return from_core(staged)

    def create(self, name: str, schema: Columns) -> None:
        """Stage a new table without rows.

        Args:
            name: Table, with its namespace where it has one.
            schema: Its columns: a schema of pyarrow, polars or anything else that speaks Arrow, or a table.

        Raises:
            TableExistsError: There is such a table.
            InvalidNameError: The name is not allowed.
            UnsupportedTypeError: A type that the format cannot hold.
        """
        self._check_open()
        self._core.create(name, arrow_schema(schema))
        self._tables[name] = {"name": name, "mode": "create", "n_rows": 0, "inputs": []}

    def drop(self, name: str) -> None:
        """Stage the end of a table and its expectations; older versions keep both.

        Args:
            name: The table.

        Raises:
            TableNotFoundError: Tells the nearest names.
        """
        self._check_open()
        is_new = self._tables.get(name, {}).get("mode") == "create" or name not in self.base.tables()
        self._core.drop(name)
        staged = self._tables.pop(name, {})
        self._schemas.pop(name, None)
        if "from" in staged or not is_new:
            self._dropped.append(staged.get("from", name))

    def rename(self, name: str, to: str) -> None:
        """Stage another name for a table; its identity, rows, history and expectations stay.

        Args:
            name: The table.
            to: Its new name.

        Raises:
            TableNotFoundError: Tells the nearest names.
            TableExistsError: The new name is taken.
            InvalidNameError: The new name is not allowed.
        """
        self._check_open()
        self._core.rename(name, to)
        is_known = name not in self._tables or name in self.base.tables()
        staged = self._tables.pop(name, {"name": name, "mode": "rename", "n_rows": 0, "inputs": []})
        if is_known and staged["mode"] != "create":
            staged.setdefault("from", name)
        self._tables[to] = {**staged, "name": to}
        if name in self._schemas:
            self._schemas[to] = {**self._schemas.pop(name), "table": to}

    def write(
        self,
        name: str,
        frame: Frames,
        *,
        mode: str = "append",
        inputs: Iterable[Any] = (),
        progress: Progress | None = None,
        nan_as_null: bool = False,
    ) -> int:
        """Stage rows of a table, which is created if there is none.

        Args:
            name: Table, with its namespace where it has one.
            frame: n rows of any Arrow-speaking object, or an iterable of such frames, each read once and then let go.
            mode: `"append"` keeps the rows that are there, `"overwrite"` replaces them and the columns.
            inputs: Tables and raw files from which the rows were made, for the lineage.
            progress: Called with the number of rows read so far; what it raises ends the write.
            nan_as_null: Take NaN in columns of floats for null, as pandas does; else NaN stays NaN.

        Returns:
            n.

        Raises:
            SchemaMismatchError: A column does not fit the table.
            NullValueError: A null in a column that may not be null.
            InvalidArgumentError: There is no such mode.
        """
        if mode not in _MODES:
            raise InvalidArgumentError(f"there is no mode {mode!r}; use 'append' or 'overwrite'")
        self._check_open()
        made_from = [to_dict(reference) for reference in references(inputs)]
        frame = null_for_nan(frame) if nan_as_null else frame
        n_rows = self._core.write(name, frame, overwrite=mode == "overwrite", progress=progress)
        staged = self._tables.setdefault(name, {"name": name, "mode": mode, "n_rows": 0, "inputs": []})
        if mode == "overwrite":
            staged.update(mode=mode, n_rows=0, inputs=[])
        elif staged["mode"] == "rename":
            staged["mode"] = mode
        staged["n_rows"] += n_rows
        staged["inputs"] += [item for item in made_from if item not in staged["inputs"]]
        return n_rows

    def put(
        self,
        path: str,
        source: str | os.PathLike[str] | bytes,
        *,
        media_type: str | None = None,
        kind: str | None = None,
    ) -> Pointer:
        """Stage a raw file of the lake.

        Args:
            path: Its path in the lake.
            source: A file's path, or the bytes.
            media_type: What it holds; None guesses from the name.
            kind: Type of the artifact in the lineage; None for a raw file.

        Returns:
            Its pointer.

        Raises:
            FileNotFoundError: There is no such file.
            InvalidNameError: The path is not allowed.
        """
        self._check_open()
        hash_hex, size_bytes = self._core.put_raw(source)
        pointer = describe(path, hash_hex, size_bytes, media_type)
        self._core.set_lake(path, pointer.to_dict())
        self._lake[path] = {**pointer.to_dict(), **({"kind": kind} if kind else {})}
        return pointer

    def set_schema(self, name: str, schema: Schema, *, gate: str | None = None) -> Expectations:
        """Stage new expectations of a table.

        Args:
            name: A table, which may be staged in this transaction.
            schema: What is expected.
            gate: `"refuse"`, `"warn"` or `"off"`; None keeps the present one, `"warn"` at first.

        Returns:
            The expectations with their version number.

        Raises:
            TableNotFoundError: There is no such table.
            InvalidArgumentError: There is no such gate.
        """
        self._check_open()
        if not isinstance(schema, Schema):
            hint = "infer one with wh.infer_schema or read one with lb.Schema.from_text"
            raise InvalidArgumentError(f"expectations are a lakebed.Schema, not {type(schema).__name__}; {hint}")
        before = self._expectations(name)
        gate = gate or (before.gate if before else "warn")
        after = Expectations(schema, gate, before.version + 1 if before else 1)
        self._core.set_schema(name, after.to_bytes())
        self._schemas[name] = {"table": name, "version": after.version, "gate": gate}
        return after

    def set_features(self, definitions: Mapping[str, Mapping[str, Any]]) -> None:
        """Stage definitions of entities and feature views.

        Args:
            definitions: Plain values by name, as `lakebed.features.definitions` gives them.

        Raises:
            InvalidNameError: A name is not allowed.

        Example:
            >>> import lakebed as lb
            >>> wh = lb.open("memory://")
            >>> with wh.transaction() as tx:
            ...     tx.set_features({"entity.user": lb.Entity("user").to_dict()})
            >>> list(wh.features.entities())
            ['user']
        """
        self._check_open()
        for name, definition in definitions.items():
            self._core.set_feature(name, definition)
        self._features += [name for name in definitions if name not in self._features]

    def commit(self) -> Snapshot:
        """Make the changes visible in one step, after the gates.

        Returns:
            The new version.

        Raises:
            GateRefusedError: A batch has anomalies; nothing is changed.
            WriteConflictError: Somebody else changed the same thing.
            InvalidArgumentError: Nothing was changed, or the changes are committed already.
            OutcomeUnknownError: The disk failed at the commit itself, or when the new version was read back.
        """
        self._check_open()
        self.commit_id = self._core.commit(self._operation(), before_commit=[self._gate, self._run_gates])
        self._is_over = True
        with reading_back(self.commit_id):
            snapshot = self._session.repository.at_sequence(self._core.branch or self._branch, self._core.sequence or 0)
            if self._session.reads is not None:
                self._note(self._session.reads, snapshot)
        return snapshot

    def commit_table(self, name: str) -> Table:
        """Make the changes visible and open one table of the new version.

        Args:
            name: The table.

        Returns:
            The table.

        Raises:
            OutcomeUnknownError: As `commit`, whose other errors come too.

        Example:
            >>> import lakebed as lb, polars as pl
            >>> changes = lb.open("memory://").transaction()
            >>> changes.write("t", pl.DataFrame({"a": [1]})), changes.commit_table("t").num_rows
            (1, 1)
        """
        snapshot = self.commit()
        with reading_back(self.commit_id):
            return snapshot.table(name)

    def _note(self, reads: Reads, snapshot: Snapshot) -> None:
        """Tell the run what it made, and to which versions it appended."""
        before = self._session.repository.at_sequence(self._branch, snapshot.core.sequence - 1)
        known = before.versions()
        for name, staged in self._tables.items():
            source = staged.get("from", name)
            if staged["mode"] not in {"overwrite", "create"} and source in known:
                reads.add_input(TableReference.of(before.table(source)))
            reads.add_output(TableReference.of(snapshot.table(name)))
        for item in self._lake.values():
            reads.add_output(Pointer(**{name: value for name, value in item.items() if name != "kind"}))

    def _check_open(self) -> None:
        if self._is_judged:
            raise InvalidArgumentError("a gate looks at changes and cannot change them; make them before the commit")
        if self._is_over:
            raise InvalidArgumentError("this transaction has ended; begin another one with wh.transaction()")

    def _operation(self) -> dict[str, Any]:
        reads = self._session.reads
        return {
            "kind": self._kind,
            "message": self._message,
            "author": author(),
            "tables": [self._tables[name] for name in sorted(self._tables)],
            **({"dropped": sorted(self._dropped)} if self._dropped else {}),
            "lake": list(self._lake.values()),
            "schemas": list(self._schemas.values()),
            **({"features": sorted(self._features)} if self._features else {}),
            "run": None if reads is None else reads.reference(),
        }

    def _run_gates(self, _transaction: Transaction) -> None:
        """Ask the gates of the caller, who may look at everything and change nothing."""
        self._is_judged = True
        try:
            for gate in self._gates:
                gate(self)
        finally:
            self._is_judged = False

    def _gate(self, transaction: Transaction) -> None:
        for name in transaction.core.staged_tables():
            expectations = self._expectations(name)
            if expectations is not None and expectations.gate != "off":
                self._judge(name, expectations, transaction)

    def _judge(self, name: str, expectations: Expectations, transaction: Transaction) -> None:
        from lakebed.statistics.generate import from_core
        from lakebed.validation import validate_statistics

        staged = transaction.core.staged_statistics(name)
        if staged is None or staged.n_rows == 0:
            self._judge_empty(name, expectations)
            return
        anomalies = validate_statistics(from_core(staged), expectations.schema)
        if not anomalies:
            return
        listed = "\n".join(f"  {anomaly}" for anomaly in anomalies)
        message = f"{staged.n_rows} rows for table {name!r} have {len(anomalies)} anomalies:\n{listed}"
        if expectations.gate == "refuse" and anomalies.errors:
            hint = "nothing was changed; mend the rows, or accept them with wh.update_schema"
            raise GateRefusedError(f"{message}\n{hint}", anomalies)
        _log.warning("%s", message)

    def _judge_empty(self, name: str, expectations: Expectations) -> None:
        """No rows add nothing, but in the place of all rows they take everything away, the columns too."""
        if expectations.gate == "refuse" and self._tables.get(name, {}).get("mode") == "overwrite":
            message = f"an overwrite of table {name!r} has no rows that could be compared with its schema"
            hint = "nothing was changed; give rows, or set the gate to 'warn' first"
            raise GateRefusedError(f"{message}; {hint}")

    def _expectations(self, name: str) -> Expectations | None:
        payload = self._core.core.base_schema_payload(name)
        return None if payload is None else Expectations.from_bytes(bytes(payload))

    def __enter__(self) -> Changes:  # noqa: PYI034 - Self needs Python 3.11
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # Left by an error, nothing is committed: the files that were written are garbage.
        if error is not None:
            self._is_over = True
        elif not self._is_over:
            self.commit()


@contextmanager
def reading_back(commit_id: str | None) -> Iterator[None]:
    """Read what a commit made: behind it, no error may look as if nothing had been changed.

    Args:
        commit_id: The commit.

    Raises:
        OutcomeUnknownError: In the place of any other error of Lakebed.

    Example:
        >>> with reading_back("ab" * 32):
        ...     len("what was made")
        13
    """
    try:
        yield
    except LakebedError as error:
        hint = "look for it in the log before retrying"
        raise OutcomeUnknownError(f"commit {commit_id} is on disk, but reading it failed ({error}); {hint}") from error


def put_once(
    session: Session, path: str, source: str | os.PathLike[str] | bytes, *, media_type: str | None, message: str
) -> Pointer:
    """Put one raw file; where the path names these bytes already, nothing is committed.

    Args:
        session: The open warehouse.
        path: Path in the lake; None of its parts may be `..`.
        source: A file's path, or the bytes.
        media_type: What it holds; None guesses from the name.
        message: Why.

    Returns:
        The pointer.

    Example:
        >>> import lakebed as lb
        >>> wh = lb.open("memory://")
        >>> wh.lake.put("raw/a.txt", b"one") == wh.lake.put("raw/a.txt", b"one"), len(wh.log())
        (True, 1)
    """
    changes = Changes(session, kind="put", message=message)
    guessed = media_type or describe(PurePath(path).name, "", 0).media_type
    pointer = changes.put(path, source, media_type=guessed)
    if LakeView(session.repository, session.snapshot()).find(path) != pointer:
        changes.commit()
    return pointer


def expectations_of(session: Session, name: str, snapshot: Snapshot) -> Expectations:
    """Find the expectations of a table at a version.

    Args:
        session: The open warehouse.
        name: The table.
        snapshot: The version.

    Returns:
        Schema, gate and version number.

    Raises:
        SchemaNotFoundError: None are set at that version.
    """
    payload = snapshot.core.schema_payload(name)
    if payload is None:
        snapshot.table(name)
        place = f"{session.repository.location} at {(snapshot.commit or 'the empty warehouse')[:12]}"
        hint = f"set one: wh.set_schema({name!r}, wh.infer_schema({name!r}))"
        raise SchemaNotFoundError(f"table {name!r} has no schema in {place}; {hint}")
    return Expectations.from_bytes(payload)
