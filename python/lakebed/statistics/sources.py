"""Where rows come from: frames, lazy frames, table scans and files, each as batches that come one after the other.

A source gives Polars frames of bounded size in row order, so that files of any length fit into memory. Files are read
one by one, and what is wrong with one is an error that names it.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lakebed.errors import InvalidArgumentError, SchemaMismatchError
from lakebed.statistics import csv_files
from lakebed.statistics.frames import polars_frame
from lakebed.statistics.json_lines import JsonLines
from lakebed.statistics.tfrecords import TfRecordFiles
from lakebed.typing import importable

if TYPE_CHECKING:
    import polars as pl

BATCH_ROWS = 1 << 17
"""Rows of a batch: enough for all threads, and few enough to stop between two of them."""

FORMATS = {
    "csv": (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst"),
    "parquet": (".parquet", ".pq"),
    "jsonl": (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst"),
    "tfrecord": (".tfrecord", ".tfrecords", ".tfrecord.gz", ".tfrecords.gz"),
}
"""Format -> endings of its files."""


class Plan(Protocol):
    """What is done to every lazy frame before it is read: keep columns and rows."""

    def __call__(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Give the frame that is read."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How files are read.

    Attributes:
        format: One of `FORMATS`; None goes by the endings of the names.
        delimiter: Of CSV; None means a tab for `.tsv` and a comma for all others.
        null_values: Texts of CSV that mean a missing value, beside the empty field.
        types: Polars types of columns of CSV and JSON lines; those of other columns are inferred from all rows.
        tfdv_types: Infer integers, floats and text only.

    Example:
        >>> ReadOptions().format is None
        True
    """

    format: str | None = None
    delimiter: str | None = None
    null_values: Sequence[str] = ()
    types: dict[str, Any] = field(default_factory=dict)
    tfdv_types: bool = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that are read in one go.

    Attributes:
        name: What errors call it; "" for a frame.
        size: Bytes on disk; 0 for a frame.
        batches: Reads the rows, after the plan.

    Example:
        >>> Part(name="a.csv", size=1, batches=lambda plan: iter(())).size
        1
    """

    name: str
    size: int
    batches: Callable[[Plan], Iterator[Any]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """All rows.

    Attributes:
        parts: In order.
        binary_is_text: Whether bytes are text that nobody checked, as in TFRecord.
        grows: Whether later rows may have more columns than earlier ones.
        as_tfdv: Whether text is counted as TFDV counts it, too.
        learn: Looks through all files for columns that show later on; False if they are known.

    Example:
        >>> Source(parts=[]).parts
        []
    """

    parts: list[Part]
    binary_is_text: bool = False
    grows: bool = False
    as_tfdv: bool = False
    learn: Callable[[], bool] = lambda: False


def open_source(data: Any, options: ReadOptions) -> Source:
    """Find the rows that are meant.

    Args:
        data: A frame, a lazy frame, a table or scan of a warehouse, or files: a path, a pattern or several of both.
        options: How files are read.

    Returns:
        The source; nothing but the names of files is read yet, and headers and samples of CSV.

    Raises:
        FileNotFoundError: No file matches.
        InvalidArgumentError: The files are of no known format, or of several.

    Example:
        >>> import polars as pl
        >>> source = open_source(pl.DataFrame({"a": [1, 2]}), ReadOptions())
        >>> [batch.height for part in source.parts for batch in part.batches(lambda frame: frame)]
        [2]
    """
    if are_files(data):
        return _files(_expand(data), options)
    return Source(parts=[Part(name="", size=0, batches=lambda plan: _frame_batches(data, plan))])


def are_files(data: Any) -> bool:
    """Tell whether data is given by the names of files.

    Args:
        data: What `open_source` takes.

    Returns:
        Whether it is a path, a pattern or several of both.

    Example:
        >>> are_files("a.csv"), are_files(["a.csv", "b.csv"]), are_files([])
        (True, True, False)
    """
    if isinstance(data, (str, os.PathLike)):
        return True
    return isinstance(data, Sequence) and len(data) > 0 and all(isinstance(item, (str, os.PathLike)) for item in data)


def _frame_batches(data: Any, plan: Plan) -> Iterator[Any]:
    lazy = _lazy(data)
    if lazy is not None:
        return _lazy_batches(plan(lazy))
    frame = importable(data)
    if getattr(plan, "is_empty", False):
        # The core reads any Arrow stream as it is; only what has to be cut becomes a Polars frame.
        return iter([frame])
    return _lazy_batches(plan(polars_frame(frame).lazy()))


def _lazy(data: Any) -> pl.LazyFrame | None:
    """The lazy frame behind tables and scans of a warehouse, and behind Polars' own."""
    import polars as pl

    if isinstance(data, pl.LazyFrame):
        return data
    method = getattr(data, "lazy", None)
    if method is None or isinstance(data, pl.DataFrame) or not hasattr(data, "__arrow_c_stream__"):
        return None
    found = method()
    return found if isinstance(found, pl.LazyFrame) else None


def _lazy_batches(frame: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    count = 0
    for batch in frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True, engine="streaming"):
        count += 1
        yield batch
    if not count:
        import polars as pl

        yield pl.DataFrame(schema=frame.collect_schema())


def _expand(data: Any) -> list[str]:
    """The files that paths and patterns name, each pattern's in byte order."""
    found: list[str] = []
    for item in [data] if isinstance(data, (str, os.PathLike)) else data:
        text = os.fspath(item)
        names = [text] if Path(text).is_file() else sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - any pattern, absolute or not.
        # A link that leads nowhere is a file that cannot be read, and not none.
        files = [name for name in names if not Path(name).is_dir()]
        if not files:
            raise FileNotFoundError(f"no file matches {text!r}; give a path or a pattern of files that exist")
        found += files
    return found


def _files(names: list[str], options: ReadOptions) -> Source:
    found = {_format_of(name, options.format) for name in names}
    if len(found) > 1:
        raise InvalidArgumentError(
            f"the files are of several formats: {', '.join(sorted(found))}; give files of one, or name it: format="
        )
    for name in names:
        if not Path(name).stat().st_size:
            raise InvalidArgumentError(f"the file {name} is empty; leave it out, or write it again")
    kind = found.pop()
    read: Callable[[str, Plan], Iterator[Any]]
    records = TfRecordFiles(names)
    if kind == "csv":
        read = csv_files.CsvFiles(names, options.types, _csv_format(names[0], options)).batches
    elif kind == "tfrecord":
        read = records.batches
    elif kind == "jsonl":
        read = JsonLines(names, options.types, _lazy_batches).batches
    else:
        read = _parquet(names)
    parts = [Part(name=name, size=Path(name).stat().st_size, batches=partial(read, name)) for name in names]
    if kind == "tfrecord":
        return Source(parts=parts, binary_is_text=True, grows=True, learn=records.learn)
    return Source(parts=parts)


def _csv_format(name: str, options: ReadOptions) -> csv_files.CsvFormat:
    delimiter = options.delimiter or ("\t" if ".tsv" in Path(name).name else ",")
    if len(delimiter.encode()) != 1:
        raise InvalidArgumentError(f"the delimiter is {delimiter!r}; give one character of ASCII")
    nulls = tuple(options.null_values)
    return csv_files.CsvFormat(separator=delimiter, null_values=nulls, tfdv_types=options.tfdv_types)


def _format_of(name: str, asked: str | None) -> str:
    if asked is not None:
        if asked not in FORMATS:
            raise InvalidArgumentError(f"there is no format {asked!r}; name one of {', '.join(map(repr, FORMATS))}")
        return asked
    for kind, endings in FORMATS.items():
        if name.lower().endswith(endings):
            return kind
    raise InvalidArgumentError(
        f"the format of {name} does not show in its name; name it: format={' | '.join(map(repr, FORMATS))}"
    )


def _parquet(names: list[str]) -> Callable[[str, Plan], Iterator[pl.DataFrame]]:
    import polars as pl

    schemas: list[pl.Schema] = []

    def read(name: str, plan: Plan) -> Iterator[pl.DataFrame]:
        try:
            frame = pl.scan_parquet(name, glob=False)
            schemas[:] = schemas or [frame.collect_schema()]
            yield from _lazy_batches(plan(_in_order(frame, schemas[0], name, names[0])))
        except (pl.exceptions.PolarsError, OSError) as error:
            cause = str(error).partition("\n")[0]
            problem = f"{name} cannot be read as Parquet: {cause}; mend the file or leave it out"
            raise InvalidArgumentError(problem) from error

    return read


def _in_order(frame: pl.LazyFrame, expected: pl.Schema, name: str, first: str) -> pl.LazyFrame:
    """The columns of a Parquet file as the first file has them."""
    found = frame.collect_schema()
    for column in dict.fromkeys([*expected, *found]):
        if found.get(column) != expected.get(column):
            has, wanted = (f"has {types[column]}" if column in types else "lacks it" for types in (found, expected))
            raise SchemaMismatchError(
                f"column {column!r}: {name} {has}, {first} {wanted}; give files with the same columns and types"
            )
    return frame.select(expected.names())
