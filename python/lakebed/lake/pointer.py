"""A pointer: what a path of the lake names. It holds the hash of the bytes, never the bytes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Pointer:
    """A raw file in the lake.

    Args:
        path: Its path in the lake, relative, with `/`.
        hash: BLAKE3 of its bytes, 64 hex digits, as `b3sum` prints it.
        size_bytes: Number of its bytes.
        media_type: What it holds, for instance `text/csv`.

    Example:
        >>> pointer = Pointer("raw/a.csv", "ab" * 32, 12, "text/csv")
        >>> Pointer.from_json(pointer.to_json()) == pointer
        True
    """

    path: str
    hash: str
    size_bytes: int
    media_type: str

    @property
    def uri(self) -> str:
        """The name of the file in lineage.

        Example:
            >>> Pointer("raw/a.csv", "ab" * 32, 12, "text/csv").uri
            'lakebed:lake/raw/a.csv'
        """
        return f"lakebed:lake/{self.path}"

    def to_dict(self) -> dict[str, str | int]:
        """Give the fields.

        Returns:
            Field names and values.

        Example:
            >>> Pointer("raw/a.csv", "ab" * 32, 12, "text/csv").to_dict()["size_bytes"]
            12
        """
        return asdict(self)

    def to_json(self) -> bytes:
        """Encode as it is stored.

        Returns:
            JSON with sorted members.

        Example:
            >>> Pointer("a", "ab" * 32, 1, "text/csv").to_json()[:9]
            b'{"hash": '
        """
        return json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Pointer:
        """Decode what is stored.

        Args:
            data: What `to_json` gave.

        Returns:
            The pointer.

        Example:
            >>> Pointer.from_json(Pointer("a", "ab" * 32, 1, "text/csv").to_json()).path
            'a'
        """
        fields = json.loads(data)
        return cls(fields["path"], fields["hash"], fields["size_bytes"], fields["media_type"])
