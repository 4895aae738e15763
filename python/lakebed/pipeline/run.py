"""A user's own execution: what it read, what it made, with which parameters, how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError, ReadOnlyError, RecordNotFoundError
from lakebed.metadata import Artifact, Execution, ExecutionState
from lakebed.pipeline import publisher
from lakebed.pipeline.changes import Changes
from lakebed.pipeline.reads import Reads
from lakebed.pipeline.references import Reference, references

if TYPE_CHECKING:
    from types import TracebackType

    from lakebed.pipeline.session import Session

_METRIC = "metric."


class Run:
    """An execution that is recorded from its first line to its last. Use it in a `with` block.

    What is read from the warehouse inside the block becomes an input, what is written an output.

    Args:
        session: The open warehouse.
        name: Name of the execution's type, for instance `train`.
        inputs: Opened tables and pointers of the lake, beside those that are read inside.
        parameters: Plain values: int, float, str, bool.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1.0, 3.0]}))
        >>> with wh.execution("train", parameters={"degree": 1}) as run:
        ...     mean = wh.table("t").scan().pl()["a"].mean()
        ...     run.log_metrics(mean=mean)
        ...     model = run.save_artifact("model.txt", data=str(mean).encode(), type="Model")
        >>> model.custom_properties["metric.mean"]
        2.0
    """

    def __init__(
        self,
        session: Session,
        name: str,
        *,
        inputs: Iterable[Any] = (),
        parameters: Mapping[str, int | float | str | bool] | None = None,
    ) -> None:
        self._session = session
        self.parameters = dict(parameters or {})
        self.metrics: dict[str, float] = {}
        self.type = name
        self.name = f"{name}-{uuid.uuid4().hex[:12]}"
        self._reads = Reads(self.type, self.name)
        self._saved: list[str] = []
        self._scope = contextlib.ExitStack()
        self._has_begun = False
        for reference in references(inputs):
            self._reads.add_input(reference)

    @property
    def inputs(self) -> list[Reference]:
        """What was read so far, in the order of the first reads."""
        return self._reads.inputs

    @property
    def execution(self) -> Execution:
        """The record of this run.

        Raises:
            RecordNotFoundError: The run has not begun.
        """
        found = self._session.store.get_execution_by_type_and_name(self.type, self.name)
        if found is None:
            raise RecordNotFoundError(f"run {self.name!r} is not recorded; enter it with a `with` block first")
        return found

    @property
    def outputs(self) -> list[Artifact]:
        """Artifacts that the run made, in the order of their making."""
        store = publisher.publish(self._session)
        events = store.get_events_by_execution_ids([self.execution.id or 0])
        made = [event.artifact_id or 0 for event in events if event.type.is_output]
        found = {artifact.id: artifact for artifact in store.get_artifacts_by_id(made)}
        return [found[artifact] for artifact in made]

    def log_metrics(self, values: Mapping[str, float] | None = None, **named: float) -> None:
        """Keep figures with the run and with the models that it saves.

        Args:
            values: Names and figures.
            named: The same as keywords.
        """
        self.metrics |= {name: float(value) for name, value in {**(values or {}), **named}.items()}

    def save_artifact(
        self,
        source: str | os.PathLike[str],
        *,
        data: bytes | None = None,
        type: str = "Artifact",  # noqa: A002
    ) -> Artifact:
        """Keep a file in the lake as an artifact that the run made.

        Args:
            source: The file; with `data`, only its name.
            data: The bytes, where there is no file.
            type: Type of the artifact, for instance `Model`.

        Returns:
            The artifact. Metrics logged so far stand in its custom properties as `metric.<name>`.

        Raises:
            FileNotFoundError: There is no such file.
        """
        changes = Changes(self._session, kind="save_artifact", message=f"{type} of {self.name}")
        path = f"artifacts/{self.name}/{Path(source).name}"
        pointer = changes.put(path, source if data is None else data, kind=type)
        changes.commit()
        self._reads.add_output(pointer)
        store = publisher.publish(self._session)
        name = publisher.raw_artifact(pointer, type).name or ""
        self._saved.append(name)
        artifact = store.get_artifact_by_type_and_name(type, name)
        if artifact is None:
            raise RecordNotFoundError(f"artifact {name!r} was stored but is not recorded; open the warehouse again")
        return self._with_metrics(artifact)

    def __enter__(self) -> Run:  # noqa: PYI034 - Self needs Python 3.11
        if self._session.repository.read_only:
            place = self._session.repository.location
            raise ReadOnlyError(
                f"a run needs to be recorded, but {place} was opened read-only; open it without read_only=True"
            )
        if self._has_begun:
            raise InvalidArgumentError(f"run {self.name!r} has begun before; make another one with wh.execution(...)")
        self._has_begun = True
        publisher.put_run(self._session, self._execution(ExecutionState.RUNNING))
        self._scope.enter_context(self._session.recording(self._reads))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scope.close()
        state = ExecutionState.COMPLETE if error is None else ExecutionState.FAILED
        stored = self.execution
        ended = dataclasses.replace(self._execution(state), id=stored.id, type_id=stored.type_id)
        publisher.put_run(self._session, ended, inputs=self.inputs)
        for artifact in self.outputs:
            if artifact.name in self._saved:
                self._with_metrics(artifact)

    def _execution(self, state: ExecutionState) -> Execution:
        metrics = {f"{_METRIC}{name}": value for name, value in self.metrics.items()}
        properties = {**self.parameters, **metrics}
        return Execution(type=self.type, name=self.name, last_known_state=state, custom_properties=properties)

    def _with_metrics(self, artifact: Artifact) -> Artifact:
        metrics = {f"{_METRIC}{name}": value for name, value in self.metrics.items()}
        wanted = {**artifact.custom_properties, **metrics}
        if wanted == artifact.custom_properties:
            return artifact
        updated = dataclasses.replace(artifact, custom_properties=wanted)
        publisher.replace_artifact(self._session, updated)
        return updated

    def __repr__(self) -> str:
        return f"Run({self.name}, {len(self.inputs)} inputs, {len(self._reads.outputs)} outputs)"
