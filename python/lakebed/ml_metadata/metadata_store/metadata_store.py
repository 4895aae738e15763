"""`MetadataStore`: ML Metadata's Python interface over any of its databases, over memory and over a warehouse."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from lakebed.metadata.messages import convert, message_class
from lakebed.metadata.service import Engine
from lakebed.metadata.sources.open import open_source
from lakebed.metadata.status import InvalidArgumentError, UnimplementedError
from lakebed.ml_metadata.metadata_store.exchange import ExchangeMethods
from lakebed.ml_metadata.metadata_store.links import LinkMethods
from lakebed.ml_metadata.metadata_store.options import ListOptions, OrderByField
from lakebed.ml_metadata.metadata_store.puts import PutMethods
from lakebed.ml_metadata.metadata_store.reads import ReadMethods
from lakebed.ml_metadata.metadata_store.runner import MAX_NUM_RETRIES

__all__ = ["ListOptions", "MetadataStore", "OrderByField", "downgrade_schema"]


class MetadataStore(PutMethods, ReadMethods, LinkMethods, ExchangeMethods):
    """Types, artifacts, executions, contexts and events, as ML Metadata keeps them.

    Safe for threads; several processes may share a database. A store of a database survives a fork and can be pickled.

    Args:
        config: A `ConnectionConfig`; or the folder of a warehouse, whose records then are the database.
        enable_upgrade_migration: Whether a database of an older version is brought to the present one.
        read_only: Leave the folder of a warehouse as it is, and refuse every put; only for warehouses.

    Raises:
        RuntimeError: The database cannot be reached or opened, or is of another version or half-made.
        ValueError: The configuration is of another kind.

    Example:
        >>> from lakebed.ml_metadata.proto import metadata_store_pb2
        >>> config = metadata_store_pb2.ConnectionConfig()
        >>> config.fake_database.SetInParent()
        >>> store = MetadataStore(config)
        >>> model = metadata_store_pb2.ArtifactType(name="Model")
        >>> model.properties["rmse"] = metadata_store_pb2.DOUBLE
        >>> type_id = store.put_artifact_type(model)
        >>> artifact = metadata_store_pb2.Artifact(type_id=type_id, uri="models/1.bin")
        >>> artifact.properties["rmse"].double_value = 1e-7
        >>> store.put_artifacts([artifact])
        [1]
        >>> store.get_artifacts_by_uri("models/1.bin")[0].properties["rmse"].double_value
        1e-07
        >>> [found.id for found in store.get_artifacts(ListOptions(filter_query="type = 'Model'"))]
        [1]
    """

    def __init__(self, config: Any, enable_upgrade_migration: bool = False, *, read_only: bool = False) -> None:
        self._config = config
        self._read_only = read_only
        self._max_num_retries = MAX_NUM_RETRIES
        if isinstance(config, (str, os.PathLike)):
            from lakebed.ml_metadata.metadata_store.warehouse import open_warehouse

            self._engine = Engine(open_warehouse(Path(config), read_only=read_only))
            return
        if read_only:
            raise ValueError("read_only is for warehouses; for SQLite set sqlite.connection_mode to READONLY")
        name = config.DESCRIPTOR.full_name if isinstance(config, Message) else ""
        if name == "ml_metadata.MetadataStoreClientConfig":
            raise UnimplementedError(
                "a store behind a gRPC server was asked for, which is not supported yet; open its database "
                "directly with a "
                "ConnectionConfig",
            )
        if name != "ml_metadata.ConnectionConfig":
            raise ValueError(
                "MetadataStore is expecting either proto.ConnectionConfig or proto.MetadataStoreClientConfig, or the "
                f"folder of a warehouse; got {config!r:.100}",
            )
        ours = convert(config, message_class("ConnectionConfig"))
        self._engine = Engine(open_source(ours, may_upgrade=enable_upgrade_migration))
        if ours.HasField("retry_options"):
            self._max_num_retries = ours.retry_options.max_num_retries

    @property
    def pipeline_asset(self) -> None:
        """Always None, as in ML Metadata."""
        return

    def close(self) -> None:
        """Give back the connections; the next call opens them again.

        Example:
            >>> config = message_class("ConnectionConfig")()
            >>> config.fake_database.SetInParent()
            >>> MetadataStore(config).close()
        """
        self._engine.source.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self._config, Message) and self._config.WhichOneof("config") == "fake_database":
            raise TypeError("a store in memory ends with its process, so it cannot be pickled; use a database")
        return (_reopen, (self._config, self._read_only))


def _reopen(config: Any, read_only: bool) -> MetadataStore:
    return MetadataStore(config, read_only=read_only)


def downgrade_schema(config: Any, downgrade_to_schema_version: int) -> None:
    """Take a database to an older version of the tables, for older versions of ML Metadata.

    What the older version has no place for is lost. On SQLite and PostgreSQL it is all or nothing.

    Args:
        config: A `ConnectionConfig`.
        downgrade_to_schema_version: 0 to 10.

    Raises:
        InvalidArgumentError: The version is negative, or greater than that of the database.
        RuntimeError: The database cannot be opened.

    Example:
        >>> config = message_class("ConnectionConfig")()
        >>> config.fake_database.SetInParent()
        >>> downgrade_schema(config, -1)
        Traceback (most recent call last):
        lakebed.metadata.status.InvalidArgumentError: downgrade_to_schema_version not specified: ...
    """
    if downgrade_to_schema_version < 0:
        raise InvalidArgumentError(
            f"downgrade_to_schema_version not specified: {downgrade_to_schema_version} is no version; give 0 to 10",
        )
    ours = convert(config, message_class("ConnectionConfig"))
    try:
        open_source(ours, downgrade_to=downgrade_to_schema_version)
    except RuntimeError as error:
        if str(error).startswith("MLMD cannot be downgraded to schema_version"):
            raise InvalidArgumentError(str(error)) from error
        if not str(error).startswith("Downgrade migration was performed."):
            raise
