"""Functions on bytes: one for each method of the service."""

from __future__ import annotations

from lakebed.ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store

__all__ = ["metadata_store"]
