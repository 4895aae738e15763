"""The point-in-time join: to each row the newest row of another table that was already known at that time."""

from __future__ import annotations

from lakebed.join.asof import asof_join

__all__ = ["asof_join"]
