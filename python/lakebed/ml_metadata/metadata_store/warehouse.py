"""The records of a warehouse as the database of a store: metadata lie beside the data and need no server."""

from __future__ import annotations

from pathlib import Path

from lakebed.metadata.sources.block import BlockSource
from lakebed.storage import Repository, StoredRecordLog

PROJECTION = "cache/metadata.sqlite"
"""The projection that the warehouse's own lineage store uses, too."""


def open_warehouse(location: Path, *, read_only: bool = False) -> BlockSource:
    """Open a warehouse, or make it where there is none.

    Raises:
        RuntimeError: It cannot be opened.
    """
    from lakebed.errors import LakebedError

    try:
        repository = Repository(location, read_only=read_only)
    except (LakebedError, OSError) as error:
        raise RuntimeError(f"INTERNAL: the warehouse {location} cannot be opened: {error}") from error
    local = None if read_only else repository.core.local_path(PROJECTION)
    path = None if local is None else Path(local)
    place = f"the warehouse {repository.location}"
    return BlockSource(StoredRecordLog(repository), path, place, read_only=repository.read_only)
