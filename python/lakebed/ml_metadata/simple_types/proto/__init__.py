"""Message that lists the simple types."""

from __future__ import annotations

from lakebed.ml_metadata.proto import simple_types_pb2

__all__ = ["simple_types_pb2"]
