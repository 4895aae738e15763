"""Messages of ML Metadata under their original full names, in a descriptor pool of their own.

The classes are made when they are first named. Messages of the original package are accepted wherever these are.
"""

from __future__ import annotations

from typing import Any

from lakebed.ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2, simple_types_pb2

__all__ = [
    "Artifact",
    "ArtifactType",
    "Association",
    "Attribution",
    "ConnectionConfig",
    "Context",
    "ContextType",
    "Event",
    "Execution",
    "ExecutionType",
    "FakeDatabaseConfig",
    "MetadataStoreClientConfig",
    "MySQLDatabaseConfig",
    "ParentContext",
    "PostgreSQLDatabaseConfig",
    "SqliteMetadataSourceConfig",
    "metadata_store_pb2",
    "metadata_store_service_pb2",
    "simple_types_pb2",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(metadata_store_pb2, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
