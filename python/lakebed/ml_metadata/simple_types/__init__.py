"""The simple types of ML Metadata, under the path that the original has for them."""

from __future__ import annotations

from lakebed.ml_metadata.simple_types import proto

__all__ = ["proto"]
