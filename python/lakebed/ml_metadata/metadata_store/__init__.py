"""The store of ML Metadata's Python interface."""

from __future__ import annotations

from lakebed.ml_metadata.metadata_store.metadata_store import MetadataStore, downgrade_schema
from lakebed.ml_metadata.metadata_store.options import ListOptions, OrderByField

__all__ = ["ListOptions", "MetadataStore", "OrderByField", "downgrade_schema"]
