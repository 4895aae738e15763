"""The versioned table store: open a warehouse, read any version of it, change it in transactions."""

from __future__ import annotations

from lakebed._core import FileSet
from lakebed.storage.records import OverlayRecordLog, StoredRecordLog
from lakebed.storage.repository import Commit, Repository, VersionLike
from lakebed.storage.scan import Scan
from lakebed.storage.snapshot import Snapshot, Table
from lakebed.storage.transaction import Gate, Progress, Transaction
from lakebed.storage.verify import GcReport, Problem, VerifyReport
from lakebed.stream import arrow_schema

__all__ = [
    "Commit",
    "FileSet",
    "Gate",
    "GcReport",
    "OverlayRecordLog",
    "Problem",
    "Progress",
    "Repository",
    "Scan",
    "Snapshot",
    "StoredRecordLog",
    "Table",
    "Transaction",
    "VerifyReport",
    "VersionLike",
    "arrow_schema",
]
