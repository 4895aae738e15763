"""CSV files in batches: one header, one width of rows, and types that hold every value of every file.

Types are guessed from the first rows and the files are parsed by them. A value that does not fit stops the reading with
`TypesChanged`: then every value of every file has been looked at, and the reading begins anew with types that fit. So
types never depend on where a value stands, the usual file is read once, and memory holds a few batches.

Empty lines are no rows, as TFDV and pandas have it. Polars takes them for rows of nulls; files that have some are read
again without. Where there is one column, an empty line is how a missing value is written, and a row.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lakebed._core import CsvWidths
from lakebed.errors import ColumnNotFoundError, InvalidArgumentError, InvalidColumnsError

if TYPE_CHECKING:
    import polars as pl

SAMPLE_ROWS = 2_000
BATCH_ROWS = 1 << 17
PIECE_BYTES = 1 << 22
_ROW = "\0row"
_NUMBERS = r"^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|[iI]nf(inity)?|[nN]a[nN])$"


class TypesChanged(Exception):  # noqa: N818 - it is no error: the reading begins anew.
    """The guessed types do not hold all values, or lines are empty; the files know better now."""


@dataclass(frozen=True, kw_only=True)
class CsvFormat:
    """How the files are written.

    Attributes:
        separator: One character.
        null_values: Texts that mean a missing value, beside the empty field.
        tfdv_types: Infer integers, floats and text only.
    """

    separator: str = ","
    null_values: tuple[str, ...] = ()
    tfdv_types: bool = False


class CsvFiles:
    """Files with one header.

    Args:
        names: The files, plain or packed by gzip or zstd.
        types: Polars types of columns; those of the others are inferred.
        format: How the files are written.

    Raises:
        InvalidArgumentError: The headers differ, or a file cannot be read.
        ColumnNotFoundError: `types` names a column that the files have not.
    """

    def __init__(self, names: list[str], types: Mapping[str, Any], format: CsvFormat) -> None:  # noqa: A002
        self._names = names
        self._format = format
        self.columns = _header(names[0], format)
        for name in names[1:]:
            if (other := _header(name, format)) != self.columns:
                raise InvalidArgumentError(
                    f"the header of {name} is {', '.join(other)}; that of {names[0]} is {', '.join(self.columns)}; "
                    f"give files with the same columns in the same order"
                )
        if len(set(self.columns)) != len(self.columns):
            twice = next(column for column in self.columns if self.columns.count(column) > 1)
            raise InvalidColumnsError(f"the header of {names[0]} has the column {twice!r} twice; rename one")
        for column in types:
            if column not in self.columns:
                raise ColumnNotFoundError(
                    f"column {column!r} not found in {names[0]}; it has {', '.join(self.columns)}"
                )
        self._fixed = dict(types)
        self._unknown: set[str] = set()
        self._empty_lines: dict[str, list[int]] | None = None
        self.types = self._guess()

    def batches(self, name: str, plan: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Iterator[pl.DataFrame]:
        """Read one file.

        Args:
            name: One of the files.
            plan: What is done to the lazy frame.

        Yields:
            Batches in row order.

        Raises:
            TypesChanged: The types did not hold a value of the file, or it has empty lines; both are known now.
            InvalidArgumentError: A row is wider or narrower than the header, or the file is damaged.
        """
        import polars as pl

        with ThreadPoolExecutor(1) as threads:
            widths = threads.submit(self._check_widths, name)
            try:
                frame = plan(self._scan(name, self.types))
                n_batches = 0
                for batch in frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True, engine="streaming"):
                    n_batches += 1
                    self._check_unknown(batch)
                    self._check_empty(batch, widths)
                    yield batch
                if not n_batches:
                    yield pl.DataFrame(schema=frame.collect_schema())
            except pl.exceptions.ComputeError as error:
                self._explain(name, error, widths)
            widths.result()

    def _check_empty(self, batch: pl.DataFrame, widths: Future[bool]) -> None:
        """Begin anew without the empty lines of all files, where these are no rows and show as rows of nulls."""
        import polars as pl

        is_known = self._empty_lines is not None or (len(self.columns) == 1 and not self._format.tfdv_types)
        if is_known or not all(column.null_count() for column in batch.iter_columns()):
            return
        if batch.select(pl.all_horizontal(pl.all().is_null()).any()).item() and widths.result():
            found = {name: empty_lines(open_packed(name)) for name in self._names}
            self._empty_lines = {name: rows for name, rows in found.items() if rows}
            if self._empty_lines:
                raise TypesChanged

    def _explain(self, name: str, error: Exception, widths: Future[bool]) -> None:
        widths.result()
        cause = str(error).partition("\n")[0]
        if not cause.startswith("could not parse"):
            raise _unreadable(name, cause) from error
        before, self.types = self.types, self._infer_all()
        if self.types == before:
            raise InvalidArgumentError(f"{name} cannot be parsed as CSV: {cause}; name the type: types=") from error
        raise TypesChanged

    def _check_unknown(self, batch: pl.DataFrame) -> None:
        """A column without a value in the sample is read as text until it has one."""
        if any(batch[name].null_count() < batch.height for name in self._unknown if name in batch.columns):
            before, self.types = self.types, self._infer_all()
            if self.types != before:
                raise TypesChanged

    def _scan(self, name: str, types: Mapping[str, Any]) -> pl.LazyFrame:
        import polars as pl

        empty = (self._empty_lines or {}).get(name)
        # Of a quote in a name Polars keeps both characters; then the header is passed over, and not read.
        has_quotes = any('"' in column for column in self.columns)
        frame = pl.scan_csv(
            name,
            has_header=not has_quotes,
            skip_rows=int(has_quotes),
            separator=self._format.separator,
            null_values=list(self._format.null_values) or None,
            schema=dict(types),
            glob=False,
            row_index_name=_ROW if empty else None,
        )
        if not empty:
            return frame
        is_empty = pl.col(_ROW).is_in(empty) & pl.all_horizontal(pl.col(self.columns).is_null())
        return frame.filter(~is_empty).drop(_ROW)

    def _guess(self) -> dict[str, Any]:
        """Types from the first rows of the first file."""
        import polars as pl

        texts = dict.fromkeys(self.columns, pl.String())
        try:
            sample = self._scan(self._names[0], texts).head(SAMPLE_ROWS).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            self._check_widths(self._names[0])
            cause = str(error).partition("\n")[0]
            raise _unreadable(self._names[0], cause) from error
        kinds = [Kinds.of(sample[name]) for name in self.columns]
        return self._typed(kinds)

    def _infer_all(self) -> dict[str, Any]:
        """Types that hold every value of every file."""
        import polars as pl

        texts = dict.fromkeys(self.columns, pl.String())
        kinds = [Kinds() for _ in self.columns]
        for name in self._names:
            frame = self._scan(name, texts)
            try:
                for batch in frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=False, engine="streaming"):
                    kinds = [
                        before.also(Kinds.of(batch[column])) for before, column in zip(kinds, self.columns, strict=True)
                    ]
            except pl.exceptions.ComputeError as error:
                raise _unreadable(name, str(error).partition("\n")[0]) from error
        return self._typed(kinds)

    def _typed(self, kinds: list[Kinds]) -> dict[str, Any]:
        named = dict(zip(self.columns, kinds, strict=True))
        self._unknown = {name for name, kind in named.items() if not kind.is_seen and name not in self._fixed}
        return {name: self._fixed.get(name) or kind.type(tfdv=self._format.tfdv_types) for name, kind in named.items()}

    def _check_widths(self, name: str) -> bool:
        return check_widths(open_packed(name), name, len(self.columns), self._format.separator)


def check_widths(file: IO[bytes], name: str, n_columns: int, separator: str) -> bool:
    r"""Look at the number of fields of every row; parsers fill short ones up with nulls.

    Args:
        file: The bytes, unpacked; it is closed.
        name: What errors call it.
        n_columns: Fields of its header.
        separator: What stands between them.

    Returns:
        Whether there may be empty lines: line breaks that follow each other, inside of quotes or not.

    Raises:
        InvalidArgumentError: A row has another number of fields, a quote is never closed, or the file is damaged.

    Example:
        >>> check_widths(io.BytesIO(b"a,b\n1,2\n\n"), "a.csv", 2, ",")
        True
    """
    widths = CsvWidths(n_columns, ord(separator), ord('"'))
    found = None
    has_breaks, end = False, b""
    try:
        with file:
            while found is None and (piece := file.read(PIECE_BYTES)):
                found = widths.push(piece)
                has_breaks = has_breaks or _are_breaks(end + piece[:2]) or _are_breaks(piece)
                end = piece[-2:]
    except (OSError, EOFError) as error:
        raise InvalidArgumentError(f"{name} cannot be unpacked: {error}; get the file again") from error
    unclosed = None if found else widths.unclosed()
    if unclosed is not None:
        row, line = unclosed
        raise InvalidArgumentError(f"a quote in row {row} of {name} (line {line}) is never closed; mend the row")
    found = found or widths.finish()
    if found is not None:
        row, line, n_fields = found
        raise InvalidArgumentError(
            f"row {row} of {name} (line {line}) has {n_fields} fields, its header has {n_columns}; mend the row"
        )
    return has_breaks


def _are_breaks(text: bytes) -> bool:
    return b"\n\n" in text or b"\n\r\n" in text


def empty_lines(file: IO[bytes]) -> list[int]:
    r"""Find the rows of a CSV file that are empty lines; a quote begins or ends a quoted part.

    Args:
        file: The bytes, unpacked; it is closed.

    Returns:
        Their numbers, the first row after the header being 0.

    Example:
        >>> empty_lines(io.BytesIO(b"a,b\n\n1,2\n"))
        [0]
    """
    found: list[int] = []
    row, is_empty, is_quoted = -1, True, False
    with file:
        while piece := file.read(PIECE_BYTES):
            for number, part in enumerate(piece.split(b'"')):
                if number:
                    is_quoted, is_empty = not is_quoted, False
                if is_quoted:
                    continue
                *lines, rest = part.split(b"\n")
                for line in lines:
                    if is_empty and line in (b"", b"\r"):
                        found.append(row)
                    row, is_empty = row + 1, True
                is_empty = is_empty and rest in (b"", b"\r")
    return found


@dataclass(frozen=True)
class Kinds:
    """What all values of a column may be.

    Attributes:
        is_seen: Whether there was a value.
        integer: All fit into 64 signed bits.
        number: All are numbers.
        boolean: All are `true` or `false`.
        date: All are ISO dates.
        time: All are ISO times without an offset.
    """

    is_seen: bool = False
    integer: bool = True
    number: bool = True
    boolean: bool = True
    date: bool = True
    time: bool = True

    @classmethod
    def of(cls, values: pl.Series) -> Kinds:
        """Look at texts."""
        import polars as pl

        seen = values.drop_nulls()
        if seen.is_empty():
            return cls()
        integer = seen.cast(pl.Int64, strict=False).null_count() == 0
        number = integer or bool(seen.str.contains(_NUMBERS).all())
        if number:
            return cls(is_seen=True, integer=integer, number=True, boolean=False, date=False, time=False)
        boolean = bool(seen.is_in(["true", "false"]).all())
        date = not boolean and seen.str.to_date("%Y-%m-%d", strict=False).null_count() == 0
        time = not boolean and not date and _are_times(seen)
        return cls(is_seen=True, integer=False, number=False, boolean=boolean, date=date, time=time)

    def also(self, other: Kinds) -> Kinds:
        """What the values of both may be."""
        both = [
            getattr(self, name) and getattr(other, name) for name in ("integer", "number", "boolean", "date", "time")
        ]
        return Kinds(self.is_seen or other.is_seen, *both)

    def type(self, *, tfdv: bool) -> Any:
        """The narrowest Polars type."""
        import polars as pl

        if not self.is_seen:
            return pl.String()
        if self.number:
            return pl.Int64() if self.integer else pl.Float64()
        times = ((self.boolean, pl.Boolean()), (self.date, pl.Date()), (self.time, pl.Datetime("us")))
        return next((found for fits, found in times if fits and not tfdv), pl.String())


def _are_times(values: pl.Series) -> bool:
    if not values.str.contains(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$").all():
        return False
    return bool(values.str.to_datetime(time_unit="us", strict=False).null_count() == 0)


def _header(name: str, format: CsvFormat) -> list[str]:  # noqa: A002
    """Names of the columns; quotes and a byte order mark taken off."""
    try:
        with open_packed(name) as file:
            # Rows behind the header are decoded with it.
            text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
            rows = list(islice(csv.reader(text, delimiter=format.separator), 1))
            "".join(chain.from_iterable(rows)).encode()
    except UnicodeError as error:
        raise InvalidArgumentError(f"the header of {name} is not UTF-8; mend the file or convert it") from error
    except (OSError, EOFError, csv.Error) as error:
        raise InvalidArgumentError(f"the header of {name} cannot be read: {error}; mend the file") from error
    if not rows or not rows[0]:
        raise InvalidArgumentError(f"{name} has no header; its first line must name the columns")
    return rows[0]


def _unreadable(name: str, cause: str) -> InvalidArgumentError:
    """The error of a file that Polars refuses; with the line, where that is not UTF-8."""
    with open_packed(name) as file:
        number = next((number for number, line in enumerate(file, 1) if not _is_text(line)), None)
    if number is not None:
        return InvalidArgumentError(f"line {number} of {name} is not UTF-8; mend the line or convert the file")
    return InvalidArgumentError(f"{name} cannot be parsed as CSV: {cause}; mend the file")


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def open_packed(name: str) -> IO[bytes]:
    """Open a file, which may be packed by gzip or zstd.

    Args:
        name: The file.

    Returns:
        What is in it.

    Raises:
        OSError: The file cannot be opened; when it is read, that it cannot be unpacked.
    """
    path = Path(name)
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"\x1f\x8b"):
        return io.BufferedReader(gzip.open(path, "rb"))
    if start == b"\x28\xb5\x2f\xfd":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.OSFile(name), "zstd")  # type: ignore[no-any-return]
    return path.open("rb")
