"""Tables in files of the common formats: CSV, Parquet, JSON lines and Arrow, read and written.

Parquet and Arrow files come as streams of batches, so they may be larger than memory; CSV and JSON lines are read
whole, since the types of their columns follow from all rows.
"""

from __future__ import annotations

import glob
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.lake.ingest import header_of, read_csv

if TYPE_CHECKING:
    import polars as pl

STDIN = "-"
FORMATS = ("csv", "parquet", "jsonl", "arrow")
_SUFFIXES = {
    **dict.fromkeys((".csv", ".csv.gz", ".csv.zst", ".zip", ".tsv"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    **dict.fromkeys((".arrow", ".ipc", ".feather", ".arrows"), "arrow"),
}


def find_files(patterns: Sequence[str]) -> list[str]:
    """Find the files that patterns name.

    Args:
        patterns: Paths, which may hold `*`, `?`, `[...]` and `**`, or `-` for standard input.

    Returns:
        Paths in the order of the patterns, those of one pattern sorted; each once.

    Raises:
        FileNotFoundError: A pattern names no file.

    Example:
        >>> find_files(["-"])
        ['-']
    """
    found: list[str] = []
    for pattern in patterns:
        matches = [pattern] if pattern == STDIN else _matches(pattern)
        if not matches:
            raise FileNotFoundError(f"no file matches {pattern!r}; give the path of a file, or - for standard input")
        found += [path for path in matches if path not in found]
    return found


def _matches(pattern: str) -> list[str]:
    # A path of pathlib would lose what the user wrote, for instance a leading "./".
    return sorted(filter(os.path.isfile, glob.glob(pattern, recursive=True)))  # noqa: PTH207


def format_of(path: str, asked: str | None = None) -> str:
    """Tell the format of a file.

    Args:
        path: Its path.
        asked: The format that the user named; None to go by the name.

    Returns:
        One of `FORMATS`.

    Raises:
        InvalidArgumentError: There is no such format, or the name says nothing.

    Example:
        >>> format_of("a/b.csv.gz"), format_of("-", "jsonl")
        ('csv', 'jsonl')
    """
    if asked is not None:
        if asked not in FORMATS:
            raise InvalidArgumentError(f"there is no format {asked!r}; use one of {', '.join(FORMATS)}")
        return asked
    name = path.lower()
    known = next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), None)
    if known is None:
        raise InvalidArgumentError(f"the name {path!r} tells no format; name one of {', '.join(FORMATS)}")
    return known


def read_frames(
    paths: Sequence[str],
    *,
    format: str | None = None,  # noqa: A002 - what users call it.
    null_values: Sequence[str] = (),
    separator: str | None = None,
    types: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    r"""Read files one after the other.

    Args:
        paths: Files; `-` is standard input.
        format: Their format; None to go by their names.
        null_values: Texts of CSV files that mean a missing value, beside the empty field.
        separator: One character, of CSV files; None for a tab in files named `.tsv`, else a comma.
        types: Polars types of columns that are known, for instance those of a table; others follow from the values.

    Yields:
        Frames that speak Arrow.

    Raises:
        InvalidArgumentError: A file cannot be read in its format.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> _ = Path(folder, "a.csv").write_text("zip,n\n01234,1\n")
        >>> import polars as pl
        >>> [frame.rows() for frame in read_frames([f"{folder}/a.csv"], types={"zip": pl.String()})]
        [[('01234', 1)]]
    """
    known = dict(types or {})
    texts: list[pl.DataFrame] = []
    for path in paths:
        kind = format_of(path, format)
        data = sys.stdin.buffer.read() if path == STDIN else None
        if kind in {"csv", "jsonl"}:
            raw = Path(path).read_bytes() if data is None else data
            own = separator or ("\t" if path.lower().endswith(".tsv") else ",")
            texts.append(_read_text(raw, kind, path, (null_values, own), known))
        else:
            yield from _read_batches(path, data, kind)
    if texts:
        yield from _of_one_type(texts)


def _of_one_type(frames: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Columns of several files in types that hold the values of all."""
    import polars as pl

    # A column without a value is text to each file by itself; the other files know better.
    known = [frame.select(c for c in frame.iter_columns() if c.null_count() < frame.height).head(0) for frame in frames]
    full = pl.concat([frame.head(0) for frame in frames], how="diagonal_relaxed").schema
    common = {**full, **pl.concat(known, how="diagonal_relaxed").schema}
    for frame in frames:
        yield frame.cast({name: common[name] for name in frame.columns})


def _read_text(
    raw: bytes, kind: str, path: str, dialect: tuple[Sequence[str], str], types: Mapping[str, Any]
) -> pl.DataFrame:
    import polars as pl

    null_values, separator = dialect
    if kind == "jsonl":
        try:
            frame = pl.read_ndjson(io.BytesIO(raw), infer_schema_length=None)
        except pl.exceptions.PolarsError as error:
            reason = str(error).splitlines()[0]
            raise InvalidArgumentError(f"{path} cannot be parsed as JSON lines: {reason}") from None
    else:
        header = header_of(raw, name=path, separator=separator) if types else []
        # Digits of a text column, such as a postal code, are no number.
        texts = {name: pl.String() for name in header if types.get(name) == pl.String}
        frame = read_csv(raw, name=path, null_values=null_values, separator=separator, types=texts)
    wanted = {name: kind for name, kind in types.items() if name in frame.columns and frame.schema[name] != kind}
    try:
        return frame.with_columns(_cast(name, kind, frame.schema[name]) for name, kind in wanted.items())
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise InvalidArgumentError(f"{path} does not fit the table: {reason}; mend the file") from None


def _cast(name: str, kind: Any, found: Any) -> pl.Expr:
    import polars as pl

    column = pl.col(name)
    if found == pl.String and isinstance(kind, pl.Datetime):
        return column.str.to_datetime(time_unit=kind.time_unit, time_zone=kind.time_zone)
    if found == pl.String and kind == pl.Date:
        return column.str.to_date()
    return column.cast(kind)


def _read_batches(path: str, data: bytes | None, kind: str) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source: Any = path if data is None else pa.BufferReader(data)
    try:
        if kind == "parquet":
            with pq.ParquetFile(source) as file:
                yield file.schema_arrow.empty_table()
                for batch in file.iter_batches(batch_size=262_144):
                    yield pa.Table.from_batches([batch])
            return
        opened = pa.memory_map(path) if data is None else source
        is_file = opened.read(6) == b"ARROW1"
        opened.seek(0)
        reader: Any = pa.ipc.open_file(opened) if is_file else pa.ipc.open_stream(opened)
        yield reader.schema.empty_table()
        batches = (reader.get_batch(n) for n in range(reader.num_record_batches)) if is_file else reader
        for batch in batches:
            yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise InvalidArgumentError(f"{path} cannot be read as {kind}: {error}") from None


def write_frame(frame: pl.LazyFrame, path: str, *, format: str | None = None) -> str:  # noqa: A002 - as above.
    r"""Write rows to a file, or to standard output. The file appears whole or not at all.

    Args:
        frame: The rows.
        path: The file, or `-` for standard output.
        format: Its format; None to go by its name.

    Returns:
        The format.

    Raises:
        InvalidArgumentError: There is no such format.

    Example:
        >>> import polars as pl, tempfile
        >>> path = f"{tempfile.mkdtemp()}/a.jsonl"
        >>> write_frame(pl.LazyFrame({"a": [1, 2]}), path), Path(path).read_text()
        ('jsonl', '{"a":1}\n{"a":2}\n')
    """
    kind = format_of(path, format)
    if path == STDIN:
        _sink(frame, sys.stdout.buffer, kind)
        return kind
    target = Path(path)
    handle, staged = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    os.close(handle)
    try:
        _sink(frame, staged, kind)
        Path(staged).replace(target)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
    return kind


def _sink(frame: pl.LazyFrame, target: Any, kind: str) -> None:
    if kind == "csv":
        frame.sink_csv(target)
    elif kind == "parquet":
        frame.sink_parquet(target)
    elif kind == "jsonl":
        frame.sink_ndjson(target)
    else:
        frame.sink_ipc(target)
