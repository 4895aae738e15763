"""The simple types that every database has, to annotate types with.

Example:
    >>> Dataset().name, Train().name
    ('mlmd.Dataset', 'mlmd.Train')
"""

from __future__ import annotations

from typing import ClassVar

from lakebed.metadata.messages import message_class


class _SystemType:
    """A simple type by the number that `SystemDefinedBaseType` has for it."""

    message: ClassVar[str]
    value: ClassVar[str]

    @property
    def name(self) -> str:
        """Its name in the database."""
        return f"mlmd.{self.value.capitalize()}"

    @property
    def system_type(self) -> int:
        """Its number, to be set as `base_type` of a type."""
        return int(getattr(message_class(self.message), self.value))


class ArtifactType(_SystemType):
    """A simple type of artifacts."""

    message = "ArtifactType"


class ExecutionType(_SystemType):
    """A simple type of executions."""

    message = "ExecutionType"


class Dataset(ArtifactType):
    """A set of data."""

    value = "DATASET"


class Model(ArtifactType):
    """A model."""

    value = "MODEL"


class Statistics(ArtifactType):
    """Statistics of data."""

    value = "STATISTICS"


class Metrics(ArtifactType):
    """Metrics of a model."""

    value = "METRICS"


class Train(ExecutionType):
    """Training of a model."""

    value = "TRAIN"


class Transform(ExecutionType):
    """Transformation of data."""

    value = "TRANSFORM"


class Process(ExecutionType):
    """Any process."""

    value = "PROCESS"


class Evaluate(ExecutionType):
    """Evaluation of a model."""

    value = "EVALUATE"


class Deploy(ExecutionType):
    """Deployment of a model."""

    value = "DEPLOY"
