"""One function for each public verb. A write goes through gate and commit; a read inside a run is noted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.lake import LakeView, read_csv
from lakebed.pipeline.changes import Changes, expectations_of
from lakebed.pipeline.provider import catalog_of
from lakebed.pipeline.table import TableHandle, handle_of
from lakebed.typing import null_for_nan

if TYPE_CHECKING:
    import polars as pl

    from lakebed.features import TrainingSet
    from lakebed.pipeline.expectations import Expectations
    from lakebed.pipeline.session import Session
    from lakebed.schema import Schema
    from lakebed.sql import Result
    from lakebed.statistics import Statistics
    from lakebed.storage import GcReport, Progress, Snapshot, VersionLike
    from lakebed.typing import Columns, Frame, Frames
    from lakebed.validation import Anomalies, Drift


def write(
    session: Session,
    name: str,
    frame: Frames,
    *,
    mode: str = "append",
    inputs: Iterable[Any] = (),
    progress: Progress | None = None,
    sort_by: str | Sequence[str] | None = None,
    bucket_by: str | Sequence[str] | None = None,
    n_buckets: int | None = None,
    nan_as_null: bool = False,
    **options: Any,
) -> TableHandle:
    """Write rows of one table in a commit of their own.

    Args:
        session: The open warehouse.
        name: The table, created if there is none.
        frame: The rows.
        mode: `"append"` or `"overwrite"`.
        inputs: What the rows were made from.
        progress: Told how many rows were read.
        sort_by: Columns by which rows of a write ascend from now on; None keeps the layout.
        bucket_by: Columns whose hash says which rows share files from now on.
        n_buckets: Number of buckets.
        nan_as_null: Whether NaN in columns of floats is null.
        options: `message`, `branch`, `key` and `before_commit`, as `Changes` takes them.

    Returns:
        The table at the new version, or at that of the commit that has the same key.
    """
    changes = Changes(session, kind="write", **options)
    # Rows that are there already need not be written once more.
    if not changes.is_applied:
        if sort_by is not None or bucket_by is not None:
            mode = changes.write_layout(name, frame, mode, (sort_by or (), bucket_by or (), n_buckets))
        changes.write(name, frame, mode=mode, inputs=inputs, progress=progress, nan_as_null=nan_as_null)
    return handle_of(session, changes.commit_table(name), options.get("branch"))


def create(
    session: Session,
    name: str,
    schema: Columns,
    *,
    sort_by: str | Sequence[str] = (),
    bucket_by: str | Sequence[str] = (),
    n_buckets: int | None = None,
    **options: Any,
) -> TableHandle:
    """Create a table without rows in a commit of its own.

    Args:
        session: The open warehouse.
        name: The table.
        schema: Its columns.
        sort_by: Columns by which rows of a write ascend.
        bucket_by: Columns whose hash says which rows share files.
        n_buckets: Number of buckets.
        options: As `Changes` takes them.

    Returns:
        The table.
    """
    changes = Changes(session, kind="create", **options)
    changes.create(name, schema)
    if sort_by or bucket_by:
        changes.set_layout(name, sort_by=sort_by, bucket_by=bucket_by, n_buckets=n_buckets)
    return handle_of(session, changes.commit_table(name), options.get("branch"))


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


def rename(session: Session, name: str, to: str, **options: Any) -> TableHandle:
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
    return handle_of(session, changes.commit_table(to), options.get("branch"))


def gc(session: Session, *, grace: str | dt.timedelta, dry_run: bool) -> GcReport:
    """Remove files that no version refers to.

    Args:
        session: The open warehouse.
        grace: Newer files are kept.
        dry_run: Only tell what would be removed.

    Returns:
        What was removed.
    """
    from lakebed.join.durations import duration_ns

    kept = dt.timedelta(microseconds=duration_ns(grace, "grace") // 1000)
    return session.repository.gc(grace=kept, dry_run=dry_run)


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


def statistics(session: Session, name: str, version: VersionLike = None, *, exact: bool = False) -> Statistics:
    """Merge the stored statistics of a table version.

    Args:
        session: The open warehouse.
        name: The table.
        version: The version; None for the head.
        exact: Whether files that lost rows are read, so that nothing is a bound.

    Returns:
        The statistics; no data file is read without `exact`.
    """
    from lakebed.statistics.generate import from_table

    return from_table(session.table(name, version), exact=exact)


def drift(
    session: Session,
    name: str,
    from_: Any,
    to: Any,
    *,
    time: str | None,
    columns: Sequence[str] | None,
    exact: bool = False,
) -> Drift:
    """Compare two versions of a table by what is stored with them, or two windows of time by their rows.

    Args:
        session: The open warehouse.
        name: The table.
        from_: The earlier version; with `time`, start and end of the earlier window.
        to: The later version, None for the head; with `time`, start and end of the later window.
        time: The column of times; None compares versions.
        columns: Columns to compare; None for all.
        exact: Whether files that lost rows are read, so that deleted rows do not count.

    Returns:
        Distances of the columns.
    """
    from lakebed import validation
    from lakebed.statistics.windows import window_statistics

    if time is not None:
        table = session.table(name)
        sides = [window_statistics(table, time, window, columns) for window in (from_, to)]
        return validation.compare(*sides, sides=(_window_text(from_), _window_text(to)))
    before, after = (statistics(session, name, version, exact=exact) for version in (from_, to))
    found = validation.compare(before, after, sides=(str(from_), str(to or "head")))
    return found if columns is None else found.only(columns)


def _window_text(window: Any) -> str:
    return " .. ".join("" if end is None else str(end) for end in window)


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

    return validation.infer_schema(statistics(session, name, version, exact=True))


def set_schema(
    session: Session, name: str, schema: Schema, *, gate: str | None, message: str, key: str | None = None
) -> Expectations:
    """Set the expectations of a table in a commit.

    Args:
        session: The open warehouse.
        name: The table.
        schema: What is expected.
        gate: `"refuse"`, `"warn"`, `"off"`; None keeps the present one.
        message: Why.
        key: Idempotency key.

    Returns:
        The expectations with their version number.
    """
    changes = Changes(session, kind="set_schema", message=message, key=key)
    expectations = changes.set_schema(name, schema, gate=gate)
    changes.commit()
    return expectations


def update_schema(
    session: Session, name: str, frame: Frame | None, *, message: str, nan_as_null: bool = False
) -> Expectations:
    """Relax the expectations of a table just so much that some rows meet them.

    Args:
        session: The open warehouse.
        name: The table.
        frame: The rows; None for those of the table's head.
        message: Why.
        nan_as_null: Whether NaN in columns of floats of the rows is null.

    Returns:
        The expectations with their version number; the present ones if the rows meet them already.
    """
    from lakebed import validation

    present = expectations_of(session, name, session.snapshot())
    relaxed = validation.update_schema(present.schema, _statistics_of(session, name, frame, None, nan_as_null))
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
    nan_as_null: bool = False,
) -> Anomalies:
    """Compare rows with the expectations of a table.

    Args:
        session: The open warehouse.
        name: The table whose expectations count.
        frame: The rows; None for those of the table.
        environment: The environment in which they stand; None for none.
        version: The version of the expectations, and of the table's rows.
        nan_as_null: Whether NaN in columns of floats of the rows is null.

    Returns:
        The anomalies.
    """
    from lakebed.validation import validate_statistics

    expectations = expectations_of(session, name, session.snapshot(version))
    found = _statistics_of(session, name, frame, version, nan_as_null)
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


def apply_features(session: Session, items: Iterable[Any], *, message: str = "") -> Snapshot:
    """Keep definitions of entities and feature views in a commit.

    Args:
        session: The open warehouse.
        items: Entities and views.
        message: Why.

    Returns:
        The new version; the present one if it has them all already.
    """
    from lakebed.features import definitions

    snapshot = session.snapshot()
    made, kept = definitions(items, snapshot), snapshot.features()
    new = {name: definition for name, definition in made.items() if kept.get(name) != definition}
    if not new:
        return snapshot
    changes = Changes(session, kind="apply_features", message=message)
    changes.set_features(new)
    return changes.commit()


def historical(
    session: Session, entity_df: Any, features: Any, *, version: VersionLike = None, **options: Any
) -> TrainingSet:
    """Join features to rows as of the time of each row.

    Args:
        session: The open warehouse.
        entity_df: The rows.
        features: Which features.
        version: The version of tables and definitions; None for the head.
        options: As `lakebed.features.historical` takes them.

    Returns:
        The training set.
    """
    from lakebed.features import historical as join_features

    return join_features(session.snapshot(version), entity_df, features, **options)


def _statistics_of(
    session: Session,
    name: str,
    frame: Frame | None,
    version: VersionLike,
    nan_as_null: bool,  # noqa: FBT001 - of this module alone.
) -> Statistics:
    from lakebed.statistics.generate import from_frame

    if frame is None:
        return statistics(session, name, version, exact=True)
    return from_frame(null_for_nan(frame) if nan_as_null else frame)


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
