"""The databases below the methods: SQLite, MySQL, PostgreSQL, memory, and the records of a warehouse.

A `Source` opens sessions, a `Session` is one transaction; `open_source` makes one of a connection configuration.
"""

from __future__ import annotations

from lakebed.metadata.sources.open import open_source

__all__ = ["open_source"]
