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


def tfrecord_batches(name: str, plan: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Iterator[Any]:
    """Read the records of one file.

    Args:
        name: The file, plain or packed by gzip.
        plan: What is done to every batch.

    Yields:
        Frames of at most some 65,536 records or 4 MiB; every feature is a column of lists, null where it is missing.

    Raises:
        CorruptionError: A record is damaged or cut; tells which one.
    """
    import polars as pl

    reader = TfRecordReader(name)
    with Path(name).open("rb") as file:
        is_packed = file.read(2) == _GZIP
    try:
        with gzip.open(name, "rb") if is_packed else Path(name).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                if reader.push(piece) >= BATCH_ROWS:
                    yield _planned(pl.DataFrame(reader.take()), plan)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CorruptionError(f"{name} is damaged: it cannot be unpacked ({error}); get the file again") from error
    reader.finish()
    yield _planned(pl.DataFrame(reader.take()), plan)


def _planned(frame: pl.DataFrame, plan: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
    return frame if getattr(plan, "is_empty", False) else plan(frame.lazy()).collect()
