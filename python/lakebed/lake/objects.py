"""Raw files of the lake at one version of the warehouse: list them, find one by its path, read its bytes."""

from __future__ import annotations

from pathlib import PurePosixPath

from lakebed.errors import CorruptionError, ObjectNotFoundError
from lakebed.lake.pointer import Pointer
from lakebed.storage import Repository, Snapshot

_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_OWN_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".arrow": "application/vnd.apache.arrow.file",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".csv": "text/csv",
    ".zip": "application/zip",
}


def describe(path: str, hash_hex: str, size_bytes: int, media_type: str | None = None) -> Pointer:
    """Make the pointer of stored bytes.

    Args:
        path: Path in the lake.
        hash_hex: BLAKE3 of the bytes.
        size_bytes: Number of bytes.
        media_type: What they hold; None guesses from the name's ending.

    Returns:
        The pointer.

    Example:
        >>> describe("raw/flights.csv.zip", "ab" * 32, 10).media_type
        'application/zip'
    """
    return Pointer(path, hash_hex, size_bytes, media_type or _guess(path))


class LakeView:
    """The lake at one version.

    Args:
        repository: The open warehouse.
        snapshot: The version.

    Example:
        >>> repository = Repository("memory://")
        >>> LakeView(repository, repository.snapshot()).pointers()
        []
    """

    def __init__(self, repository: Repository, snapshot: Snapshot) -> None:
        self._repository = repository
        self._snapshot = snapshot

    def pointers(self) -> list[Pointer]:
        """List the raw files.

        Returns:
            Pointers, by path.

        Example:
            >>> repository = Repository("memory://")
            >>> LakeView(repository, repository.snapshot()).pointers()
            []
        """
        return [self.pointer(path) for path in sorted(self._snapshot.core.lake())]

    def find(self, path: str) -> Pointer | None:
        """Find a raw file.

        Args:
            path: Path in the lake.

        Returns:
            Its pointer, None where there is none.

        Example:
            >>> repository = Repository("memory://")
            >>> LakeView(repository, repository.snapshot()).find("raw/a.csv") is None
            True
        """
        data = self._snapshot.core.lake_pointer(path)
        return None if data is None else Pointer.from_json(data)

    def pointer(self, path: str) -> Pointer:
        """Find a raw file that has to be there.

        Args:
            path: Path in the lake.

        Returns:
            Its pointer.

        Raises:
            ObjectNotFoundError: Tells the nearest paths.

        Example:
            >>> repository = Repository("memory://")
            >>> LakeView(repository, repository.snapshot()).pointer("raw/a.csv")
            Traceback (most recent call last):
            lakebed.errors.ObjectNotFoundError: lake object 'raw/a.csv' not found; the lake is empty
        """
        found = self.find(path)
        if found is not None:
            return found
        known = sorted(self._snapshot.core.lake())
        import difflib

        near = difflib.get_close_matches(path, known, n=3)
        if near:
            hint = f"did you mean {', '.join(map(repr, near))}?"
        else:
            hint = f"there is for instance {known[0]!r}" if known else "the lake is empty"
        raise ObjectNotFoundError(f"lake object {path!r} not found; {hint}")

    def read_bytes(self, path: str) -> bytes:
        r"""Read a raw file and check it against its hash.

        Args:
            path: Path in the lake.

        Returns:
            The bytes, as they came.

        Raises:
            ObjectNotFoundError: Tells the nearest paths.
            CorruptionError: The stored bytes are not what was put.

        Example:
            >>> import lakebed as lb
            >>> wh = lb.open("memory://")
            >>> _ = wh.lake.put("raw/a.csv", b"x\n1\n")
            >>> wh.lake.read_bytes("raw/a.csv")
            b'x\n1\n'
        """
        pointer = self.pointer(path)
        report = self._repository.verify_raw(pointer.hash)
        if not report.ok:
            raise CorruptionError(f"{report.problems[0]}; put the file into the lake again or restore it from a copy")
        return self._repository.read_raw(pointer.hash)


def _guess(path: str) -> str:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _OWN_TYPES:
        return _OWN_TYPES[suffix]
    import mimetypes

    kind, encoding = mimetypes.guess_type(path)
    return _COMPRESSED.get(encoding or "", kind or "application/octet-stream")
