"""The only writer of lineage. Records of data operations follow from commits, once for each, whoever writes them first.

Nothing is recorded at the moment of a commit: the commit says all that a record needs, so the records are written when
somebody asks for the lineage, in one entry for all commits that have none. A crash in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

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
_OWN_KINDS = ("create", "rename")
_CHANGE_KINDS = ("delete", "update", "merge", "alter", "compact")


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
    session.drop_stale_overlay()
    store = session.store
    missing = _missing(session, store)
    if missing and session.repository.read_only:
        store = session.overlay_store()
        missing = _missing(session, store)
    if missing:
        known: set[_Link] = set()
        with store.batch() as batch:
            for commit in missing:
                group = batch.group(key=_key(commit.id), time=int(commit.timestamp.timestamp() * 1000))
                _record(session, group, commit, known)
    return session.store


def put_run(session: Session, execution: Execution, *, inputs: Iterable[Reference] = ()) -> None:
    """Record the begin of a user's execution, or its end with all that it read.

    Args:
        session: The open warehouse.
        execution: How it stands; with an id it takes the place of the stored one.
        inputs: What it read.

    Example:
        >>> from lakebed.pipeline.session import Session
        >>> from lakebed.storage import Repository
        >>> session = Session(Repository("memory://"))
        >>> put_run(session, Execution(type="train", name="train-1", last_known_state=ExecutionState.RUNNING))
        >>> session.store.get_executions()[0].name
        'train-1'
    """
    store = publish(session)
    step = "begin" if execution.id is None else "end"
    artifacts = (artifact_of(store, reference) for reference in inputs)
    # A version that was read through two commits is one artifact.
    read = {(artifact.type, artifact.name): artifact for artifact in artifacts}
    with store.batch() as batch:
        group = batch.group(key=f"{step}:{execution.name}")
        group.put_type(ExecutionType(name=execution.type))
        handle = group.put_execution(execution)
        for artifact in read.values():
            made = put_artifact(group, artifact)
            group.put_event(Event(type=EventType.INPUT, artifact_id=made, execution_id=execution.id or handle))


def replace_artifact(session: Session, artifact: Artifact) -> None:
    """Record new properties of an artifact.

    Args:
        session: The open warehouse.
        artifact: The stored artifact with its new properties.

    Example:
        >>> import dataclasses
        >>> import lakebed as lb
        >>> wh = lb.open("memory://")
        >>> _ = wh.lake.put("raw/a.txt", b"one")
        >>> artifact = wh.metadata.get_artifacts()[0]
        >>> replace_artifact(wh._session, dataclasses.replace(artifact, custom_properties={"checked": True}))
        >>> wh.metadata.get_artifacts()[0].custom_properties
        {'checked': True}
    """
    publish(session).put_artifacts([artifact])


def artifact_of(store: MetadataStore, reference: Reference) -> Artifact:
    """Make the artifact of a table version or a raw file, of the type under which it is recorded.

    Args:
        store: Tells whether the file was recorded as something special, for instance as a model.
        reference: What it is.

    Returns:
        An artifact to be put with `put_artifact`.

    Example:
        >>> import lakebed as lb
        >>> wh = lb.open("memory://")
        >>> artifact_of(wh.metadata, Pointer("raw/a.csv", "ab" * 32, 1, "text/csv")).type
        'lakebed.RawFile'
    """
    if isinstance(reference, TableReference):
        return table_artifact(reference)
    plain = raw_artifact(reference)
    known = (found.type for found in store.get_artifacts_by_uri(reference.uri) if found.name == plain.name)
    return raw_artifact(reference, next(known, None))


def put_artifact(group: Group, artifact: Artifact) -> int:
    """Ask for an artifact, which is made if there is none.

    Args:
        group: Where to ask.
        artifact: What is asked for; its type and name say whether it is there.

    Returns:
        A handle.

    Example:
        >>> import lakebed as lb
        >>> wh = lb.open("memory://")
        >>> with wh.metadata.batch() as batch:
        ...     handle = put_artifact(batch.group(), raw_artifact(Pointer("raw/a.csv", "ab" * 32, 1, "text/csv")))
        >>> wh.metadata.get_artifacts()[0].name
        'raw/a.csv@abababababababab'
    """
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


def _missing(session: Session, store: MetadataStore) -> list[Commit]:
    """Commits without a record, oldest first; a branch is looked at from its head down to its first recorded commit."""
    missing: dict[str, Commit] = {}
    for branch in session.repository.branches():
        head = session.repository.snapshot(branch)
        if head.commit is None or store.has_key(_key(head.commit)):
            continue
        for commit in session.repository.history(branch):
            if store.has_key(_key(commit.id)):
                break
            missing.setdefault(commit.id, commit)
    return sorted(missing.values(), key=lambda commit: commit.timestamp)


_Link: TypeAlias = tuple[str, EventType, str, str | None]
"""Name of an execution, kind of event, type and name of an artifact: such an event is recorded once."""


def _record(session: Session, group: Group, commit: Commit, known: set[_Link]) -> None:
    store = session.store
    snapshot = session.repository.at_sequence(commit.branch, commit.sequence)
    context = _put_warehouse(session, group)
    run = _run_of(store, commit.operation)
    if run is not None:
        known |= _links_of(store, run)
    for step in _steps(session, store, snapshot, commit.operation):
        name = f"{step.subject}@{commit.id[:_SHORT]}" if run is None else run.name or ""
        execution = _put_execution(group, step, name, snapshot, commit) if run is None else run.id or 0
        # What a run reads is recorded at its end.
        for artifact in step.inputs if run is None else ():
            _put_event(group, EventType.INPUT, artifact, execution, (name, known))
        group.put_association(execution, context)
        if step.output is not None:
            output = _put_event(group, EventType.OUTPUT, step.output, execution, (name, known))
            group.put_attribution(output, context)


@dataclass(frozen=True, slots=True)
class _Step:
    """One change of a commit: each table, raw file and schema has its own inputs."""

    kind: str
    subject: str
    inputs: list[Artifact]
    output: Artifact | None


def _steps(session: Session, store: MetadataStore, snapshot: Snapshot, operation: dict[str, Any]) -> list[_Step]:
    steps = []
    for item in operation.get("tables", ()):
        inputs = [artifact_of(store, reference) for reference in _inputs(session, snapshot, item)]
        output = table_artifact(TableReference.of(snapshot.table(item["name"])))
        is_own = item["mode"] in _CHANGE_KINDS or (item["mode"] in _OWN_KINDS and not item["n_rows"])
        kind = item["mode"] if is_own else "write"
        steps.append(_Step(kind, item["name"], inputs, output))
    for name in operation.get("dropped", ()):
        before = session.repository.at_sequence(snapshot.branch, snapshot.core.sequence - 1)
        steps.append(_Step("drop", name, [table_artifact(TableReference.of(before.table(name)))], None))
    for item in operation.get("lake", ()):
        fields = {name: value for name, value in item.items() if name != "kind"}
        steps.append(_Step("put", item["path"], [], raw_artifact(Pointer(**fields), item.get("kind"))))
    schemas = operation.get("schemas", ())
    steps.extend(_Step("set_schema", item["table"], [], _schema_artifact(snapshot, item)) for item in schemas)
    return steps


def _run_of(store: MetadataStore, operation: dict[str, Any]) -> Execution | None:
    """The user's own execution inside of which the commit was made."""
    run = operation.get("run")
    return store.get_execution_by_type_and_name(run["type"], run["name"]) if run else None


def _links_of(store: MetadataStore, run: Execution) -> set[_Link]:
    """Events of a run that are recorded already: it may make the same bytes again."""
    events = store.get_events_by_execution_ids([run.id or 0])
    ids = [event.artifact_id for event in events if event.artifact_id is not None]
    artifacts = {found.id: found for found in store.get_artifacts_by_id(ids)}
    ends = ((event.type, artifacts[event.artifact_id]) for event in events)
    return {(run.name or "", kind, artifact.type, artifact.name) for kind, artifact in ends}


def _put_execution(group: Group, step: _Step, name: str, snapshot: Snapshot, commit: Commit) -> int:
    kind = f"lakebed.{step.kind}"
    group.put_type(ExecutionType(name=kind))
    place = {"branch": snapshot.branch, "sequence": snapshot.core.sequence}
    properties: dict[str, Any] = {"commit": commit.id, **place}
    for field in ("message", "author"):
        if commit.operation.get(field):
            properties[field] = commit.operation[field]
    execution = Execution(
        type=kind,
        name=name,
        last_known_state=ExecutionState.COMPLETE,
        custom_properties=properties,
    )
    return group.put_execution(execution, reuse_by="name")


def _schema_artifact(snapshot: Snapshot, item: dict[str, Any]) -> Artifact:
    commit = snapshot.commit or ""
    return Artifact(
        type=SCHEMA,
        name=f"{item['table']}@schema-{item['version']}-{commit[:8]}",
        uri=f"lakebed:schema/{item['table']}@{commit}",
        state=ArtifactState.LIVE,
        custom_properties={**item, "commit": commit},
    )


def _inputs(session: Session, snapshot: Snapshot, item: dict[str, Any]) -> list[Reference]:
    """What the user named, and for an append the version to which it appended."""
    found = [from_dict(reference) for reference in item.get("inputs", ())]
    if item["mode"] not in {"overwrite", "create"} and snapshot.core.sequence > 0:
        before = session.repository.at_sequence(snapshot.branch, snapshot.core.sequence - 1)
        name = item.get("from", item["name"])
        if name in before.versions():
            found.append(TableReference.of(before.table(name)))
    return list(dict.fromkeys(found))


def _put_warehouse(session: Session, group: Group) -> int:
    group.put_type(ContextType(name=WAREHOUSE))
    return group.put_context(Context(type=WAREHOUSE, name=session.repository.core.id), reuse_by="name")


def _put_event(group: Group, kind: EventType, artifact: Artifact, execution: int, links: tuple[str, set[_Link]]) -> int:
    """Ask for an artifact and its event, unless there is such an event; the same version may be read in two commits."""
    name, known = links
    handle = put_artifact(group, artifact)
    link = (name, kind, artifact.type, artifact.name)
    if link not in known:
        known.add(link)
        group.put_event(Event(type=kind, artifact_id=handle, execution_id=execution))
    return handle


def _key(commit: str) -> str:
    return f"commit:{commit}"
