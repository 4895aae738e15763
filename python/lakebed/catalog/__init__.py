"""The name resolver: every table, at every version, of every provider, found in one place."""

from __future__ import annotations

from lakebed.catalog.catalog import Catalog, Pins, Source, TableFunction
from lakebed.catalog.memory import FrameProvider
from lakebed.catalog.provider import ScanProvider, VersionSpec

__all__ = ["Catalog", "FrameProvider", "Pins", "ScanProvider", "Source", "TableFunction", "VersionSpec"]
