"""Expectations about tables: schemas, their environments and their evolution. No input or output."""

from __future__ import annotations

from lakebed.schema.evolution import Change, diff
from lakebed.schema.schema import Schema

__all__ = ["Change", "Schema", "diff"]
