"""The serialised waist under the path that the original has for it."""

from __future__ import annotations

from lakebed.ml_metadata.metadata_store.pywrap import metadata_store_extension

__all__ = ["metadata_store_extension"]
