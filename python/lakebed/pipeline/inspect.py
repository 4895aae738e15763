"""Looking back: what something was made from, whether the stored bytes are still those, how two runs differ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed.errors import InvalidArgumentError, UnwritableError
from lakebed.lake import Pointer
from lakebed.metadata import Artifact, Execution
from lakebed.pipeline import publisher
from lakebed.pipeline.references import TableReference
from lakebed.pipeline.run import Run
from lakebed.storage import Problem, Table, VerifyReport

if TYPE_CHECKING:
    from lakebed.metadata import LineageGraph
    from lakebed.pipeline.session import Session

Traceable: TypeAlias = "Artifact | Execution | Run | Table | Pointer"
"""Something of which the lineage is known."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two runs differ.

    Args:
        left: Name of the first run.
        right: Name of the second run.
        parameters: Name to both values, of those that differ; None where one has none.
        metrics: The same for metrics.
        inputs: Names of the artifacts that only the first, and only the second read.

    Example:
        >>> Comparison("a", "b", parameters={"degree": (1, 2)}).parameters["degree"]
        (1, 2)
    """

    left: str
    right: str
    parameters: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    metrics: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    inputs: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))


def trace_upstream(session: Session, start: Traceable) -> LineageGraph:
    """Walk from something to all that it was made from.

    Args:
        session: The open warehouse.
        start: An artifact, an execution, a run, a table or a raw file.

    Returns:
        The graph, down to the raw files.

    Raises:
        RecordNotFoundError: Nothing is recorded of it.
    """
    from lakebed.metadata import upstream

    store = publisher.publish(session)
    return upstream(store, _node(session, start))


def trace_downstream(session: Session, start: Traceable) -> LineageGraph:
    """Walk from something to all that was made from it.

    Args:
        session: The open warehouse.
        start: An artifact, an execution, a run, a table or a raw file.

    Returns:
        The graph.

    Raises:
        RecordNotFoundError: Nothing is recorded of it.
    """
    from lakebed.metadata import downstream

    store = publisher.publish(session)
    return downstream(store, _node(session, start))


def verify(session: Session, start: Traceable) -> VerifyReport:
    """Compare the stored bytes of something, and of all that it was made from, with the recorded hashes.

    Args:
        session: The open warehouse.
        start: An artifact, an execution, a run, a table or a raw file.

    Returns:
        The report; it names each file that is damaged or missing, with the expected and the found hash.

    Example:
        >>> import lakebed as lb
        >>> wh = lb.open("memory://")
        >>> wh.verify(wh.lake.put("raw/a.txt", b"one")).ok
        True
    """
    graph = trace_upstream(session, start)
    ids = [node.id for node in graph.nodes if node.kind == "artifact"]
    report = VerifyReport(0)
    seen: set[str] = set()
    for artifact in session.store.get_artifacts_by_id(ids):
        report += _verify_artifact(session, artifact, seen)
    return VerifyReport(report.n_checked, tuple(dict.fromkeys(report.problems)))


def verify_all(session: Session, *, recompute: bool = True, repair: bool = False) -> VerifyReport:
    """Compare all that any version refers to with the recorded hashes, and the lineage store with its records.

    Args:
        session: The open warehouse.
        recompute: Compute statistics of data files again and compare them with those that are stored.
        repair: Move damaged files aside.

    Returns:
        The report. A table of the lineage store that differs is named; deleting its file makes it anew.

    Example:
        >>> from lakebed.pipeline.session import Session
        >>> from lakebed.storage import Repository
        >>> verify_all(Session(Repository("memory://"))).ok
        True
    """
    report = session.repository.verify(recompute=recompute, repair=repair)
    if not report.ok:
        # Lineage is made from versions and records, which cannot be trusted now.
        return report
    try:
        differing = publisher.publish(session).verify()
    except UnwritableError:
        # Without rights to write there is no stored projection of one's own that could be wrong.
        return report
    expected, found = "what the records say", "other rows; delete cache/metadata.sqlite to make it anew"
    problems = (Problem("cache/metadata.sqlite", f"table {name} is changed", expected, found) for name in differing)
    return report + VerifyReport(1, tuple(problems))


def compare(session: Session, left: Run | Execution, right: Run | Execution) -> Comparison:
    """Tell how two runs differ in parameters, metrics and inputs.

    Args:
        session: The open warehouse.
        left: The first run.
        right: The second run.

    Returns:
        What differs, nothing else.
    """
    publisher.publish(session)
    first, second = (run.execution if isinstance(run, Run) else run for run in (left, right))
    values = _differences(dict(first.custom_properties), dict(second.custom_properties))
    prefix = "metric."
    metrics = {name.removeprefix(prefix): pair for name, pair in values.items() if name.startswith(prefix)}
    parameters = {name: pair for name, pair in values.items() if not name.startswith(prefix)}
    read_first, read_second = _input_names(session, first), _input_names(session, second)
    only_first = [name for name in read_first if name not in read_second]
    only_second = [name for name in read_second if name not in read_first]
    return Comparison(first.name or "", second.name or "", parameters, metrics, (only_first, only_second))


def _node(session: Session, start: Traceable) -> Artifact | Execution:
    if isinstance(start, Run):
        return start.execution
    if isinstance(start, (Artifact, Execution)):
        return start
    if isinstance(start, Table):
        wanted = publisher.table_artifact(TableReference.of(start))
    elif isinstance(start, Pointer):
        wanted = publisher.artifact_of(session.store, start)
    else:
        message = f"lineage is kept of artifacts, executions, runs, tables and raw files, not of {type(start).__name__}"
        raise InvalidArgumentError(message)
    found = session.store.get_artifact_by_type_and_name(wanted.type, wanted.name or "")
    # An artifact without an id makes the walk say what is missing.
    return found or wanted


def _verify_artifact(session: Session, artifact: Artifact, seen: set[str]) -> VerifyReport:
    properties = artifact.custom_properties
    if artifact.type == publisher.TABLE:
        sequence = int(str(properties["sequence"]))
        snapshot = session.repository.at_sequence(str(properties["branch"]), sequence)
        return snapshot.table(str(properties["name"])).verify()
    hash_hex = str(properties.get("hash", ""))
    if not hash_hex or hash_hex in seen:
        return VerifyReport(0)
    seen.add(hash_hex)
    report = session.repository.verify_raw(hash_hex)
    # The stored file is named by its hash; say which path of the lake it is.
    named = (replace(problem, problem=f"{properties['path']}: {problem.problem}") for problem in report.problems)
    return VerifyReport(report.n_checked, tuple(named))


def _differences(left: dict[str, Any], right: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [*left, *(name for name in right if name not in left)]
    return {name: (left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)}


def _input_names(session: Session, execution: Execution) -> list[str]:
    events = session.store.get_events_by_execution_ids([execution.id or 0])
    read = [event.artifact_id or 0 for event in events if event.type.is_input]
    return [artifact.name or "" for artifact in session.store.get_artifacts_by_id(read)]
