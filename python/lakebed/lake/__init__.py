"""The data lake: raw files kept byte for byte under paths of one's own, stored once however often they come."""

from __future__ import annotations

from lakebed.lake.ingest import read_csv
from lakebed.lake.objects import LakeView, describe
from lakebed.lake.pointer import Pointer

__all__ = ["LakeView", "Pointer", "describe", "read_csv"]
