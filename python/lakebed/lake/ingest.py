"""From raw bytes to frames: CSV, plain or packed, with the types and missing values that the caller names."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError

if TYPE_CHECKING:
    import polars as pl

_ZIP = b"PK\x03\x04"


def read_csv(
    data: bytes,
    *,
    name: str,
    null_values: Sequence[str] = (),
    types: Mapping[str, Any] | None = None,
    separator: str = ",",
) -> pl.DataFrame:
    """Parse a CSV file with a header.

    Args:
        data: The file; gzip, zlib and zstd are unpacked, and so is a zip archive with one file in it.
        name: What errors call it.
        null_values: Texts that mean a missing value, beside the empty field.
        types: Polars types of columns; the others are inferred from all rows, times in ISO format among them.
        separator: One character.

    Returns:
        All rows, in order.

    Raises:
        InvalidArgumentError: The file cannot be parsed; tells where.

    Example:
        >>> read_csv(b"a,b\\n1,NA\\n", name="a.csv", null_values=["NA"]).rows()
        [(1, None)]
    """
    import polars as pl

    try:
        return pl.read_csv(
            _unpacked(data, name),
            null_values=list(null_values) or None,
            schema_overrides=dict(types or {}),
            separator=separator,
            try_parse_dates=True,
            infer_schema_length=None,
        )
    except (pl.exceptions.PolarsError, zipfile.BadZipFile) as error:
        message = f"{name} cannot be parsed as CSV: {error}; name the types of its columns or its null values"
        raise InvalidArgumentError(message) from error


def _unpacked(data: bytes, name: str) -> io.BytesIO:
    if not data.startswith(_ZIP):
        return io.BytesIO(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.namelist() if not member.endswith("/")]
        if len(members) != 1:
            found = ", ".join(members[:5]) or "nothing"
            raise InvalidArgumentError(f"{name} must hold exactly one file to be read as CSV; it holds {found}")
        return io.BytesIO(archive.read(members[0]))
