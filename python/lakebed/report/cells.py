"""Cells of a table as text: one way to write a value for the terminal and for HTML."""

from __future__ import annotations

import datetime as dt
import math
import numbers
from collections.abc import Sequence
from typing import Any

NULL = "-"
"""What stands where there is no value."""


def cell_text(value: Any, *, precision: int = 4) -> str:
    r"""Return a value as a short text.

    Args:
        value: None is `-`; integers get separators; floats `precision` significant digits where they are no integers;
            times are ISO; bytes are hex; all else is `str`. Line breaks and other controls become spaces.
        precision: Significant digits of floats.

    Returns:
        One line.

    Example:
        >>> [cell_text(value) for value in (None, 336776, 0.123456, float("nan"), True, "a\nb")]
        ['-', '336,776', '0.1235', 'NaN', 'true', 'a b']
    """
    if value is None:
        return NULL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real):
        return _float_text(float(value), precision)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="auto")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return "".join(character if character.isprintable() else " " for character in str(value))


def number_columns(n_columns: int, rows: Sequence[Sequence[Any]]) -> list[bool]:
    """Return which columns hold numbers only, so that they stand at the right.

    Args:
        n_columns: How many there are.
        rows: Values; None fits everywhere.

    Returns:
        One flag for each column; False where all is None.

    Example:
        >>> number_columns(2, [[1, "a"], [None, 2]])
        [True, False]
    """
    flags = []
    for column in range(n_columns):
        found = [row[column] for row in rows if row[column] is not None]
        flags.append(bool(found) and all(_is_number(value) for value in found))
    return flags


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _float_text(value: float, precision: int) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.1f}"
    size = abs(value)
    if size >= 10**6 or size < 1e-4:
        return f"{value:.{precision}g}"
    digits = max(precision - 1 - math.floor(math.log10(size)), 0)
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
