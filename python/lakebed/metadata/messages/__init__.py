"""Messages of ML Metadata: definitions in short notation, and classes made of them in a pool of their own."""

from __future__ import annotations

from lakebed.metadata.messages.pool import convert, message_class, pool

__all__ = ["convert", "message_class", "pool"]
