"""One function for each public verb. A write goes through gate and commit; a read inside a run is noted."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.lake import LakeView, read_csv
from lakebed.pipeline.changes import Changes, expectations_of
from lakebed.pipeline.provider import catalog_of

if TYPE_CHECKING:
    import polars as pl

    from lakebed.pipeline.expectations import Expectations
    from lakebed.pipeline.session import Session
    from lakebed.schema import Schema
    from lakebed.sql import Result
    from lakebed.statistics import Statistics
    from lakebed.storage import GcReport, Progress, Snapshot, Table, VersionLike
    from lakebed.typing import Columns, Frame, Frames
    from lakebed.validation import Anomalies


def write(
    session: Session,
    name: str,
    frame: Frames,
    *,
    mode: str = "append",
    inputs: Iterable[Any] = (),
    progress: Progress | None = None,
    **options: Any,
) -> Table:
    """Write rows of one table in a commit of their own.

    Args:
        session: The open warehouse.
        name: The table, created if there is none.
        frame: The rows.
        mode: `"append"` or `"overwrite"`.
        inputs: What the rows were made from.
        progress: Told how many rows were read.
        options: `message`, `branch`, `key` and `before_commit`, as `Changes` takes them.

    Returns:
        The table at the new version, or at that of the commit that has the same key.
    """
    changes = Changes(session, kind="write", **options)
    # Rows that are there already need not be written once more.
    if not changes.is_applied:
        changes.write(name, frame, mode=mode, inputs=inputs, progress=progress)
    return changes.commit().table(name)


def create(session: Session, name: str, schema: Columns, **options: Any) -> Table:
    """Create a table without rows in a commit of its own.

    Args:
        session: The open warehouse.
        name: The table.
        schema: Its columns.
        options: As `Changes` takes them.

    Returns:
        The table.
    """
    changes = Changes(session, kind="create", **options)
    changes.create(name, schema)
    return changes.commit().table(name)


def drop(session: Session, name: str, **options: Any) -> Snapshot:
    """Drop a table in a commit of its own.

    Args:
        session: The open warehouse.
        name: The table.
        options: As `Changes` takes them.

    Returns:
        The version without it.
    """
    changes = Changes(session, kind="drop", **options)
    changes.drop(name)
    return changes.commit()


def rename(session: Session, name: str, to: str, **options: Any) -> Table:
    """Rename a table in a commit of its own.

    Args:
        session: The open warehouse.
        name: The table.
        to: Its new name.
        options: As `Changes` takes them.

    Returns:
        The table under its new name.
    """
    changes = Changes(session, kind="rename", **options)
    changes.rename(name, to)
    return changes.commit().table(to)


_GRACE = re.compile(r"(?P<number>\d+)(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def gc(session: Session, *, grace: str | dt.timedelta, dry_run: bool) -> GcReport:
    """Remove files that no version refers to.

    Args:
        session: The open warehouse.
        grace: Newer files are kept.
        dry_run: Only tell what would be removed.

    Returns:
        What was removed.
    """
    if isinstance(grace, str):
        parsed = _GRACE.fullmatch(grace)
        if parsed is None:
            raise InvalidArgumentError(
                f"grace {grace!r} is no duration; give a timedelta or a text such as '7d', '12h'"
            )
        grace = dt.timedelta(**{_UNITS[parsed["unit"]]: int(parsed["number"])})
    return session.repository.gc(grace=grace, dry_run=dry_run)


def tag(session: Session, name: str, version: VersionLike = None) -> Snapshot:
    """Let a tag mean a version for ever.

    Args:
        session: The open warehouse.
        name: The tag.
        version: The version; None for the head.

    Returns:
        The version.
    """
    snapshot = session.snapshot(version)
    session.repository.create_tag(name, snapshot)
    return snapshot


def branch(session: Session, name: str, version: VersionLike = None) -> Snapshot:
    """Begin a branch at a version.

    Args:
        session: The open warehouse.
        name: The branch.
        version: The version; None for the head.

    Returns:
        The version.
    """
    snapshot = session.snapshot(version)
    session.repository.create_branch(name, snapshot)
    return snapshot


def statistics(session: Session, name: str, version: VersionLike = None) -> Statistics:
    """Merge the stored statistics of a table version.

    Args:
        session: The open warehouse.
        name: The table.
        version: The version; None for the head.

    Returns:
        The statistics; no data file is read.
    """
    from lakebed.statistics.generate import from_table

    return from_table(session.table(name, version))


def infer_schema(session: Session, name: str, version: VersionLike = None) -> Schema:
    """Infer expectations from the stored statistics of a table version.

    Args:
        session: The open warehouse.
        name: The table.
        version: The version; None for the head.

    Returns:
        The schema; nothing is stored.
    """
    from lakebed import validation

    return validation.infer_schema(statistics(session, name, version))


def set_schema(session: Session, name: str, schema: Schema, *, gate: str | None, message: str) -> Expectations:
    """Set the expectations of a table in a commit.

    Args:
        session: The open warehouse.
        name: The table.
        schema: What is expected.
        gate: `"refuse"`, `"warn"`, `"off"`; None keeps the present one.
        message: Why.

    Returns:
        The expectations with their version number.
    """
    changes = Changes(session, kind="set_schema", message=message)
    expectations = changes.set_schema(name, schema, gate=gate)
    changes.commit()
    return expectations


def update_schema(session: Session, name: str, frame: Frame | None, *, message: str) -> Expectations:
    """Relax the expectations of a table just so much that some rows meet them.

    Args:
        session: The open warehouse.
        name: The table.
        frame: The rows; None for those of the table's head.
        message: Why.

    Returns:
        The expectations with their version number; the present ones if the rows meet them already.
    """
    from lakebed import validation

    present = expectations_of(session, name, session.snapshot())
    relaxed = validation.update_schema(present.schema, _statistics_of(session, name, frame, None))
    if relaxed == present.schema:
        return present
    return set_schema(session, name, relaxed, gate=None, message=message)


def schema(session: Session, name: str, version: VersionLike = None) -> Expectations:
    """Find the expectations of a table at a version.

    Args:
        session: The open warehouse.
        name: The table.
        version: The version; None for the head.

    Returns:
        Schema, gate and version number.
    """
    return expectations_of(session, name, session.snapshot(version))


def validate(
    session: Session,
    name: str,
    frame: Frame | None,
    *,
    environment: str | None,
    version: VersionLike,
) -> Anomalies:
    """Compare rows with the expectations of a table.

    Args:
        session: The open warehouse.
        name: The table whose expectations count.
        frame: The rows; None for those of the table.
        environment: The environment in which they stand; None for none.
        version: The version of the expectations, and of the table's rows.

    Returns:
        The anomalies.
    """
    from lakebed.validation import validate_statistics

    expectations = expectations_of(session, name, session.snapshot(version))
    found = _statistics_of(session, name, frame, version)
    return validate_statistics(found, expectations.schema, environment=environment)


def sql(session: Session, text: str, *, dialect: str, version: VersionLike = None) -> Result:
    """Run a query over any versions of any tables.

    Args:
        session: The open warehouse.
        text: The query.
        dialect: Its dialect.
        version: The version of tables for which the query names none.

    Returns:
        The result, not collected.
    """
    from lakebed.sql import query
    from lakebed.storage import Snapshot

    default = version.commit if isinstance(version, Snapshot) else version
    return query(text, catalog_of(session), dialect=dialect, version=default)


def _statistics_of(session: Session, name: str, frame: Frame | None, version: VersionLike) -> Statistics:
    from lakebed.statistics.generate import from_frame

    if frame is None:
        return statistics(session, name, version)
    return from_frame(frame)


def lake(session: Session, version: VersionLike = None) -> LakeView:
    """Open the lake at a version.

    Args:
        session: The open warehouse.
        version: The version; None for the head.

    Returns:
        Its raw files.
    """
    return LakeView(session.repository, session.snapshot(version))


def read_raw(session: Session, path: str, version: VersionLike = None) -> bytes:
    """Read a raw file, and note it as an input of the run that is going on.

    Args:
        session: The open warehouse.
        path: Its path in the lake.
        version: The version; None for the head.

    Returns:
        The bytes, checked against their hash.
    """
    view = lake(session, version)
    session.note(view.pointer(path))
    return view.read_bytes(path)


def read_raw_csv(session: Session, path: str, version: VersionLike, **options: Any) -> pl.DataFrame:
    """Parse a raw CSV file.

    Args:
        session: The open warehouse.
        path: Its path in the lake.
        version: The version; None for the head.
        options: As `lakebed.lake.read_csv` takes them.

    Returns:
        All rows, in order.
    """
    return read_csv(read_raw(session, path, version), name=path, **options)
