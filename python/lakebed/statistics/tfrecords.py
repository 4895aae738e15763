"""TFRecord files of `tf.Example`: unpacked piece by piece and read by the core, which checks every checksum."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed._core import TfRecordReader
from lakebed.errors import CorruptionError

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 1 << 22
BATCH_ROWS = 1 << 16
_GZIP = b"\x1f\x8b"


class TfRecordFiles:
    """Files of records; every feature is a column of lists, null where it is missing.

    A feature is a column from its first record on. `learn` looks through all files, so that columns, conditions and
    slices may name a feature that shows late, or not in each file.

    Args:
        names: The files, plain or packed by gzip.
    """

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._types: dict[str, Any] | None = None

    def learn(self) -> bool:
        """Look for the features of all files; False if that was done before."""
        if self._types is not None:
            return False
        types: dict[str, Any] = {}
        for name in self._names:
            for frame in _frames(name):
                types = {**frame.schema, **types}
        self._types = types
        return True

    def batches(self, name: str, plan: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Iterator[Any]:
        """Read the records of one file.

        Args:
            name: The file.
            plan: What is done to every batch.

        Yields:
            Frames of at most some 65,536 records or 4 MiB.

        Raises:
            CorruptionError: A record is damaged or cut; tells which one.
        """
        import polars as pl

        for frame in _frames(name):
            missing = {name: kind for name, kind in (self._types or {}).items() if name not in frame.columns}
            whole = frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in missing.items())
            yield whole if getattr(plan, "is_empty", False) else plan(whole.lazy()).collect()


def _frames(name: str) -> Iterator[pl.DataFrame]:
    import polars as pl

    reader = TfRecordReader(name)
    with Path(name).open("rb") as file:
        is_packed = file.read(2) == _GZIP
    try:
        with gzip.open(name, "rb") if is_packed else Path(name).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                if reader.push(piece) >= BATCH_ROWS:
                    yield pl.DataFrame(reader.take())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CorruptionError(f"{name} is damaged: it cannot be unpacked ({error}); get the file again") from error
    reader.finish()
    yield pl.DataFrame(reader.take())
