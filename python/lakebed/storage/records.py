"""The record log of a warehouse: numbered entries beside the data, durable and put-if-absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakebed.storage.repository import Repository


class StoredRecordLog:
    """The record entries of an open warehouse, in one order. Any number of processes may append.

    Args:
        repository: The open warehouse.

    Example:
        >>> from lakebed.storage import Repository
        >>> log = StoredRecordLog(Repository("memory://"))
        >>> log.append(1, b"first"), log.append(1, b"late"), log.read(0)
        (True, False, [(1, b'first')])
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def head(self) -> int:
        """Find the newest entry.

        Returns:
            Its number; 0 where there is none.

        Example:
            >>> from lakebed.storage import Repository
            >>> StoredRecordLog(Repository("memory://")).head()
            0
        """
        return self._repository.core.records_head()

    def read(self, after: int) -> list[tuple[int, bytes]]:
        """Read entries.

        Args:
            after: Number of the last entry that the caller has.

        Returns:
            Number and body of each later entry, in order.

        Raises:
            CorruptionError: An entry is not what was written.

        Example:
            >>> from lakebed.storage import Repository
            >>> StoredRecordLog(Repository("memory://")).read(0)
            []
        """
        return self._repository.core.read_records(after)

    def append(self, seq: int, body: bytes) -> bool:
        """Write an entry unless that number is taken.

        Args:
            seq: Its number: that of the newest entry + 1.
            body: Its bytes.

        Returns:
            True if it is ours and durable, False if somebody was faster.

        Raises:
            ReadOnlyError: The warehouse was opened read-only.

        Example:
            >>> from lakebed.storage import Repository
            >>> StoredRecordLog(Repository("memory://")).append(1, b"body")
            True
        """
        return self._repository.core.append_record(seq, body)


class OverlayRecordLog:
    """A record log as it stands now, with further entries in memory: for readers that may not write.

    Args:
        base: The log; entries that others add to it later are not seen.

    Example:
        >>> from lakebed.storage import Repository
        >>> log = OverlayRecordLog(StoredRecordLog(Repository("memory://")))
        >>> log.append(1, b"only here"), log.read(0)
        (True, [(1, b'only here')])
    """

    def __init__(self, base: StoredRecordLog) -> None:
        self._entries = base.read(0)

    def head(self) -> int:
        """Find the newest entry.

        Returns:
            Its number; 0 where there is none.

        Example:
            >>> from lakebed.storage import Repository
            >>> OverlayRecordLog(StoredRecordLog(Repository("memory://"))).head()
            0
        """
        return self._entries[-1][0] if self._entries else 0

    def read(self, after: int) -> list[tuple[int, bytes]]:
        """Read entries.

        Args:
            after: Number of the last entry that the caller has.

        Returns:
            Number and body of each later entry, in order.

        Example:
            >>> from lakebed.storage import Repository
            >>> OverlayRecordLog(StoredRecordLog(Repository("memory://"))).read(0)
            []
        """
        return [entry for entry in self._entries if entry[0] > after]

    def append(self, seq: int, body: bytes) -> bool:
        """Keep an entry in memory unless that number is taken.

        Args:
            seq: Its number: that of the newest entry + 1.
            body: Its bytes.

        Returns:
            Whether it is ours.

        Example:
            >>> from lakebed.storage import Repository
            >>> OverlayRecordLog(StoredRecordLog(Repository("memory://"))).append(2, b"too far")
            False
        """
        if seq != self.head() + 1:
            return False
        self._entries.append((seq, body))
        return True
