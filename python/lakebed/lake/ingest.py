"""From raw bytes to frames: CSV, plain or packed, with the types and missing values that the caller names.

Types are inferred from every row of the file, so that a value far down cannot break the reading of it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lakebed.errors import ColumnNotFoundError, InvalidArgumentError

if TYPE_CHECKING:
    import polars as pl

Conversion: TypeAlias = "Callable[[pl.Series], pl.Series]"
"""Turns a column of texts into another type; raises where a value is none of it."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_SUBMICROSECOND = r"\.\d{7}"
_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d|\.\d|inf|nan)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?")
_ZONED = re.compile(_TIME.pattern + r"(Z|[+-]\d\d:?\d\d)")


def read_csv(
    data: bytes,
    *,
    name: str,
    null_values: Sequence[str] = (),
    types: Mapping[str, Any] | None = None,
    separator: str = ",",
) -> pl.DataFrame:
    r"""Parse a CSV file with a header.

    Args:
        data: The file; gzip, zlib and zstd are unpacked, and so is a zip archive with one file in it.
        name: What errors call it.
        null_values: Texts that mean a missing value, beside the empty field.
        types: Polars types of columns. The others become the first of integer, float, boolean (`true`, `false`), date,
            time (ISO; with an offset it becomes UTC) and text that holds every value of the column; a column without a
            value becomes text.
        separator: One character.

    Returns:
        All rows, in order. Empty lines are no rows, but where there is one column: there they are missing values.

    Raises:
        InvalidArgumentError: The file cannot be parsed, or a row is wider or narrower than the header; tells where.
        ColumnNotFoundError: `types` names a column that the file has not.

    Example:
        >>> frame = read_csv(b"a,b,t\n1,NA,2013-01-01T05:00:00Z\n", name="a.csv", null_values=["NA"])
        >>> frame["a"].to_list(), frame["b"].to_list(), str(frame["t"][0])
        ([1], [None], '2013-01-01 05:00:00+00:00')
    """
    from lakebed.statistics.csv_files import check_widths, empty_lines

    known = {"null_values": list(null_values) or None, "schema_overrides": dict(types or {})}
    text, frame = _parsed(data, name, separator, **known)
    _check_names(frame.columns, types or {}, name)
    if check_widths(io.BytesIO(text), name, frame.width, separator) and frame.width > 1:
        frame = _without(frame, empty_lines(io.BytesIO(text)))
    return frame.with_columns(_typed(column) for column in frame.iter_columns() if column.name not in (types or {}))


def header_of(data: bytes, *, name: str, separator: str = ",") -> list[str]:
    """Give the names of the columns of a CSV file.

    Args:
        data: The file, packed or not.
        name: What errors call it.
        separator: One character.

    Returns:
        The names.

    Raises:
        InvalidArgumentError: The file cannot be parsed.

    Example:
        >>> import gzip
        >>> header_of(gzip.compress(b"a,b"), name="a.csv.gz")
        ['a', 'b']
    """
    return _parsed(data, name, separator, n_rows=0)[1].columns


def _parsed(data: bytes, name: str, separator: str, **options: Any) -> tuple[bytes, pl.DataFrame]:
    """The unpacked file, and its rows as text but for columns of named types."""
    import zipfile
    import zlib

    import polars as pl

    if len(separator.encode()) != 1:
        raise InvalidArgumentError(f"the separator of {name} is one character of ASCII, not {separator!r}")
    try:
        text = _unpacked(data, name)
        overrides = {name.replace('"', '""'): kind for name, kind in options.pop("schema_overrides", {}).items()}
        frame = pl.read_csv(text, separator=separator, infer_schema=False, schema_overrides=overrides, **options)
        # Of a quote in a name Polars keeps both characters.
        return text, frame.rename(lambda name: name.replace('""', '"'))
    except (pl.exceptions.PolarsError, zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        # The first line says what is wrong, the others name options of Polars.
        cause = str(error).partition("\n")[0]
        message = f"{name} cannot be parsed as CSV: {cause}; mend the file, or name its null values or column types"
        raise InvalidArgumentError(message) from error


def _without(frame: pl.DataFrame, empty: Sequence[int]) -> pl.DataFrame:
    """The rows without those that are empty lines, which Polars takes for rows of nulls."""
    import polars as pl

    is_empty = pl.int_range(pl.len()).is_in(empty) & pl.all_horizontal(pl.all().is_null())
    return frame.filter(~is_empty) if empty else frame


def _check_names(columns: Sequence[str], types: Mapping[str, Any], name: str) -> None:
    for wanted in types:
        if wanted not in columns:
            raise ColumnNotFoundError(f"column {wanted!r} not found in {name}; it has {', '.join(columns)}")
    if any("\ufffd" in column for column in columns):
        raise InvalidArgumentError(f"{name} cannot be parsed as CSV: its header is not UTF-8 text; convert it first")


def _typed(column: pl.Series) -> pl.Series:
    """The column in the first type that holds all its values."""
    first = column.drop_nulls().head(1)
    if first.is_empty():
        return column
    converted = (_try(convert, column) for convert in _conversions(str(first[0])))
    return next((series for series in converted if series is not None), column)


def _try(convert: Conversion, column: pl.Series) -> pl.Series | None:
    import polars as pl

    try:
        return convert(column)
    except pl.exceptions.PolarsError:
        return None


def _conversions(sample: str) -> list[Conversion]:
    """What a value that looks like `sample` may be, most special first."""
    import polars as pl

    found: list[Conversion] = []
    if _INTEGER.fullmatch(sample):
        found += [lambda column: column.cast(pl.Int64), lambda column: column.cast(pl.UInt64)]
    if _NUMBER.match(sample):
        found.append(lambda column: column.cast(pl.Float64))
    if sample in {"true", "false"}:
        found.append(lambda column: column.replace_strict({"true": True, "false": False}, return_dtype=pl.Boolean))
    if _DATE.fullmatch(sample):
        found.append(lambda column: column.str.to_date("%Y-%m-%d"))
    if _ZONED.fullmatch(sample):
        found.append(lambda column: column.str.to_datetime("%+", time_unit=_unit(column), time_zone="UTC"))
    elif _TIME.fullmatch(sample):
        found.append(lambda column: column.str.to_datetime(time_unit=_unit(column)))
    return found


def _unit(column: pl.Series) -> Literal["us", "ns"]:
    """Microseconds, unless that would cut a value."""
    return "ns" if column.str.contains(_SUBMICROSECOND).any() else "us"


def _unpacked(data: bytes, name: str) -> bytes:
    if not data.startswith(_ZIP):
        return _inflated(data)
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.namelist() if not member.endswith("/")]
        if len(members) != 1:
            found = ", ".join(members[:5]) or "nothing"
            raise InvalidArgumentError(f"{name} must hold exactly one file to be read as CSV; it holds {found}")
        return _inflated(archive.read(members[0]))


def _inflated(data: bytes) -> bytes:
    import gzip
    import zlib

    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if data.startswith((b"\x78\x01", b"\x78\x9c", b"\x78\xda")):
        return zlib.decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()  # type: ignore[no-any-return]
    return data
