"""Where the tables live: a SQLite file or memory, kept in step with the record log."""

from __future__ import annotations

from lakebed.metadata.backends.projection import Projection

__all__ = ["Projection"]
