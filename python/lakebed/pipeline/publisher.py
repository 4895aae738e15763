"""The only writer of lineage. Records of data operations follow from commits, once for each, whoever writes them first.

Nothing is recorded at the moment of a commit: the commit says all that a record needs, so the records are written when
somebody asks for the lineage, in one entry for all commits that have none. A crash in between loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakebed.lake import Pointer
from lakebed.metadata import (
    Artifact,
    ArtifactState,
    ArtifactType,
    ContextType,
    Event,
    EventType,
    Execution,
    ExecutionState,
    ExecutionType,
)
from lakebed.metadata.model import Context
from lakebed.pipeline.references import Reference, TableReference, from_dict

if TYPE_CHECKING:
    from lakebed.metadata import Group, MetadataStore
    from lakebed.pipeline.session import Session
    from lakebed.storage import Commit, Snapshot

TABLE = "lakebed.Table"
RAW_FILE = "lakebed.RawFile"
SCHEMA = "lakebed.Schema"
WAREHOUSE = "lakebed.Warehouse"
_BASE_TYPES = {
    TABLE: "mlmd.Dataset",
    RAW_FILE: "mlmd.Dataset",
    "Dataset": "mlmd.Dataset",
    "Metrics": "mlmd.Metrics",
    "Model": "mlmd.Model",
    "Statistics": "mlmd.Statistics",
}
_SHORT = 16


def publish(session: Session) -> MetadataStore:
    """Record every commit that has no record yet; in memory only where the warehouse was opened read-only.

    Args:
        session: The open warehouse.

    Returns:
        The lineage store, complete.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1]}))
        >>> [execution.type for execution in wh.metadata.get_executions()]
        ['lakebed.write']
    """
    store = session.store
    missing = _missing(session, store)
    if missing:
        if session.repository.read_only:
            store = session.overlay_store()
        with store.batch() as batch:
            for branch, commit in missing:
                group = batch.group(key=_key(commit.id), time=int(commit.timestamp.timestamp() * 1000))
                _record(session, store, group, branch, commit)
    return store


def put_artifact(group: Group, reference: Reference, kind: str | None = None) -> int:
    """Ask for the artifact of a table version or a raw file, which is made if there is none.

    Args:
        group: Where to ask.
        reference: What it is.
        kind: Its type; None for a table or a raw file.

    Returns:
        A handle.

    Example:
        >>> import lakebed as lb
        >>> wh = lb.open("memory://")
        >>> with wh.metadata.batch() as batch:
        ...     handle = put_artifact(batch.group(), Pointer("raw/a.csv", "ab" * 32, 1, "text/csv"))
        >>> wh.metadata.get_artifacts()[0].name
        'raw/a.csv@abababababababab'
    """
    artifact = table_artifact(reference) if isinstance(reference, TableReference) else raw_artifact(reference, kind)
    put_artifact_type(group, artifact.type)
    return group.put_artifact(artifact, reuse_by="name")


def put_artifact_type(group: Group, name: str) -> None:
    """Ask for an artifact type.

    Args:
        group: Where to ask.
        name: Its name; types that ML Metadata knows get its base type.
    """
    group.put_type(ArtifactType(name=name, base_type=_BASE_TYPES.get(name)))


def table_artifact(reference: TableReference) -> Artifact:
    """Make the artifact of a table version.

    Args:
        reference: The version.

    Returns:
        An artifact named `table@version`.

    Example:
        >>> table_artifact(TableReference("t", "ab" * 32, "cd" * 32, "main", 1, 10)).name
        't@abababababababab'
    """
    properties: dict[str, Any] = {name: value for name, value in reference.to_dict().items() if name != "type"}
    return Artifact(
        type=TABLE,
        name=f"{reference.name}@{reference.version[:_SHORT]}",
        uri=f"lakebed:table/{reference.name}@{reference.commit}",
        state=ArtifactState.LIVE,
        custom_properties=properties,
    )


def raw_artifact(pointer: Pointer, kind: str | None = None) -> Artifact:
    """Make the artifact of a raw file.

    Args:
        pointer: The file.
        kind: Its type; None for a raw file.

    Returns:
        An artifact named `path@hash`.

    Example:
        >>> raw_artifact(Pointer("model.bin", "ab" * 32, 1, "application/octet-stream"), "Model").type
        'Model'
    """
    return Artifact(
        type=kind or RAW_FILE,
        name=f"{pointer.path}@{pointer.hash[:_SHORT]}",
        uri=pointer.uri,
        state=ArtifactState.LIVE,
        custom_properties=dict(pointer.to_dict()),
    )


def _missing(session: Session, store: MetadataStore) -> list[tuple[str, Commit]]:
    """Commits without a record, oldest first; a branch is looked at from its head down to its first recorded commit."""
    missing: dict[str, tuple[str, Commit]] = {}
    for branch in session.repository.branches():
        head = session.repository.snapshot(branch)
        if head.commit is None or store.has_key(_key(head.commit)):
            continue
        for commit in session.repository.history(branch):
            if store.has_key(_key(commit.id)):
                break
            missing.setdefault(commit.id, (branch, commit))
    return sorted(missing.values(), key=lambda found: found[1].timestamp)


def _record(session: Session, store: MetadataStore, group: Group, branch: str, commit: Commit) -> None:
    snapshot = session.repository.at_sequence(branch, commit.sequence)
    if snapshot.commit != commit.id:
        # The commit is older than the branch through which it was found.
        snapshot = session.repository.snapshot(commit.id)
    context = _put_warehouse(session, group)
    run = _run_of(store, commit.operation)
    for step in _steps(session, group, snapshot, commit.operation):
        execution = _put_execution(group, step, branch, commit) if run is None else run
        # What a run reads is recorded at its end.
        for artifact in step.inputs if run is None else ():
            _put_event(group, EventType.INPUT, artifact, execution)
        _put_event(group, EventType.OUTPUT, step.output, execution)
        group.put_association(execution, context)
        group.put_attribution(step.output, context)


@dataclass(frozen=True, slots=True)
class _Step:
    """One change of a commit: each table, raw file and schema has its own inputs."""

    kind: str
    subject: str
    inputs: list[int]
    output: int


def _steps(session: Session, group: Group, snapshot: Snapshot, operation: dict[str, Any]) -> list[_Step]:
    steps = []
    for item in operation.get("tables", ()):
        inputs = [put_artifact(group, reference) for reference in _inputs(session, snapshot, item)]
        output = put_artifact(group, TableReference.of(snapshot.table(item["name"])))
        steps.append(_Step("write", item["name"], inputs, output))
    for item in operation.get("lake", ()):
        fields = {name: value for name, value in item.items() if name != "kind"}
        steps.append(_Step("put", item["path"], [], put_artifact(group, Pointer(**fields), item.get("kind"))))
    schemas = operation.get("schemas", ())
    steps.extend(_Step("set_schema", item["table"], [], _put_schema(group, snapshot, item)) for item in schemas)
    return steps


def _run_of(store: MetadataStore, operation: dict[str, Any]) -> int | None:
    """The user's own execution inside of which the commit was made."""
    run = operation.get("run")
    if not run:
        return None
    found = store.get_execution_by_type_and_name(run["type"], run["name"])
    return None if found is None else found.id


def _put_execution(group: Group, step: _Step, branch: str, commit: Commit) -> int:
    kind = f"lakebed.{step.kind}"
    group.put_type(ExecutionType(name=kind))
    properties: dict[str, Any] = {"commit": commit.id, "branch": branch, "sequence": commit.sequence}
    for name in ("message", "author"):
        if commit.operation.get(name):
            properties[name] = commit.operation[name]
    execution = Execution(
        type=kind,
        name=f"{step.subject}@{commit.id[:_SHORT]}",
        last_known_state=ExecutionState.COMPLETE,
        custom_properties=properties,
    )
    return group.put_execution(execution, reuse_by="name")


def _put_schema(group: Group, snapshot: Snapshot, item: dict[str, Any]) -> int:
    put_artifact_type(group, SCHEMA)
    commit = snapshot.commit or ""
    artifact = Artifact(
        type=SCHEMA,
        name=f"{item['table']}@schema-{item['version']}-{commit[:8]}",
        uri=f"lakebed:schema/{item['table']}@{commit}",
        state=ArtifactState.LIVE,
        custom_properties={**item, "commit": commit},
    )
    return group.put_artifact(artifact, reuse_by="name")


def _inputs(session: Session, snapshot: Snapshot, item: dict[str, Any]) -> list[Reference]:
    """What the user named, and for an append the version to which it appended."""
    found = [from_dict(reference) for reference in item.get("inputs", ())]
    if item["mode"] == "append" and snapshot.core.sequence > 1:
        before = session.repository.at_sequence(snapshot.branch, snapshot.core.sequence - 1)
        if item["name"] in before.versions():
            found.append(TableReference.of(before.table(item["name"])))
    return list(dict.fromkeys(found))


def _put_warehouse(session: Session, group: Group) -> int:
    group.put_type(ContextType(name=WAREHOUSE))
    return group.put_context(Context(type=WAREHOUSE, name=session.repository.core.id), reuse_by="name")


def _put_event(group: Group, kind: EventType, artifact: int, execution: int) -> None:
    group.put_event(Event(type=kind, artifact_id=artifact, execution_id=execution))


def _key(commit: str) -> str:
    return f"commit:{commit}"
