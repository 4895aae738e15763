"""Lineage after ML Metadata's model: artifacts, executions, contexts and events over an append-only record log.

`MetadataStore` keeps them, `upstream` and `downstream` walk them. Values (`Artifact`, `Event`, ...) are plain and cost
nothing to import; the store, and with it SQLAlchemy, is loaded when it is first named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.metadata.model import (
    Artifact,
    ArtifactState,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    EventType,
    Execution,
    ExecutionState,
    ExecutionType,
    ParentContext,
    PropertyType,
    ProtoValue,
)
from lakebed.metadata.records import MemoryRecordLog, RecordLog

if TYPE_CHECKING:
    from lakebed.metadata.batch import Batch, Group
    from lakebed.metadata.lineage import LineageEdge, LineageGraph, LineageNode, downstream, upstream
    from lakebed.metadata.store import MetadataStore

__all__ = [
    "Artifact",
    "ArtifactState",
    "ArtifactType",
    "Association",
    "Attribution",
    "Batch",
    "Context",
    "ContextType",
    "Event",
    "EventType",
    "Execution",
    "ExecutionState",
    "ExecutionType",
    "Group",
    "LineageEdge",
    "LineageGraph",
    "LineageNode",
    "MemoryRecordLog",
    "MetadataStore",
    "ParentContext",
    "PropertyType",
    "ProtoValue",
    "RecordLog",
    "downstream",
    "upstream",
]

_LAZY = {
    "Batch": "batch",
    "Group": "batch",
    "LineageEdge": "lineage",
    "LineageGraph": "lineage",
    "LineageNode": "lineage",
    "MetadataStore": "store",
    "downstream": "lineage",
    "upstream": "lineage",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'lakebed.metadata' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"lakebed.metadata.{_LAZY[name]}"), name)
    globals()[name] = value
    return value
