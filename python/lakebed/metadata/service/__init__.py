"""The methods of ML Metadata, each implemented once over any database.

`Engine` takes a request and gives the response; `Engine.call` does the same with bytes. A method is a function of a
session and a request; the modules hold one family of methods each.
"""

from __future__ import annotations

from lakebed.metadata.service.engine import Engine

__all__ = ["Engine"]
