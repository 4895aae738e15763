"""A drop-in for Google's ML Metadata: the same names, messages, databases and errors.

Change `import ml_metadata` to `from lakebed import ml_metadata`, or `from ml_metadata import metadata_store` to
`from lakebed.ml_metadata import metadata_store`, and open the same database. What is right here and was not there is
listed in `docs/migration-ml-metadata.md`.
"""

from __future__ import annotations

from lakebed.ml_metadata import errors, proto
from lakebed.ml_metadata.metadata_store import ListOptions, MetadataStore, OrderByField, downgrade_schema

__version__ = "1.17.1"
"""Version of ML Metadata whose interface this is."""

__all__ = ["ListOptions", "MetadataStore", "OrderByField", "downgrade_schema", "errors", "proto"]
