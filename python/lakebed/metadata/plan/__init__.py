"""From wishes to operations: everything that is checked before an entry is written, and every id that is assigned."""

from __future__ import annotations

from lakebed.metadata.plan.groups import plan_groups

__all__ = ["plan_groups"]
