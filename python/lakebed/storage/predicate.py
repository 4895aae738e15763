"""Core predicates as the core takes them: JSON text, with times as integers in the unit of their column.

What cannot be said exactly becomes `["unknown"]`, which prunes nothing; it never becomes a wrong condition.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_UNKNOWN = ["unknown"]
_PER_SECOND = {"s": 1_000, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_I64 = 2**63


def to_json(predicate: list[Any], types: Mapping[str, pa.DataType]) -> str:
    """Write a core predicate as the core reads it.

    Args:
        predicate: List form, for instance `["and", [">=", "month", 2], ["is_null", "tailnum"]]`; literals are int,
            float, str, bool, date or datetime.
        types: Arrow types of the table's columns.

    Returns:
        JSON text. Columns that are not in `types` stay, so that the core can name them in its error.

    Example:
        >>> import datetime, pyarrow
        >>> to_json([">=", "day", datetime.date(1970, 1, 3)], {"day": pyarrow.date32()})
        '[">=", "day", 2]'
    """
    return json.dumps(_convert(predicate, types), allow_nan=False)


def _convert(predicate: list[Any], types: Mapping[str, pa.DataType]) -> list[Any]:
    operator, *arguments = predicate
    if operator in {"and", "or", "not"}:
        return [operator, *(_convert(part, types) for part in arguments)]
    if operator in {"is_null", "is_not_null", "unknown"}:
        return predicate
    column, value = arguments
    kind = types.get(column)
    if operator == "in":
        literals = [_literal(item, kind) for item in value]
        return _UNKNOWN if None in literals else [operator, column, literals]
    literal = _literal(value, kind)
    return _UNKNOWN if literal is None else [operator, column, literal]


def _literal(value: Any, kind: pa.DataType | None) -> Any:
    import pyarrow as pa

    if kind is None:
        return value if isinstance(value, (int, float, str)) else 0
    is_temporal = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if isinstance(value, dt.date):
        return _time_literal(value, kind) if is_temporal else None
    if isinstance(value, str):
        return value if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None
    if isinstance(value, bool):
        return value if pa.types.is_boolean(kind) else None
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not is_number or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    if isinstance(value, int) and not -_I64 <= value < _I64:
        return None
    if pa.types.is_float32(kind) and not _is_float32(value):
        # Whether it is compared as float32 or as float64 is the reader's affair.
        return None
    return value


def _is_float32(value: float) -> bool:
    try:
        return bool(struct.unpack("f", struct.pack("f", value))[0] == value)
    except OverflowError:
        return False


def _time_literal(value: dt.date, kind: pa.DataType) -> int | None:
    import pyarrow as pa

    if pa.types.is_date(kind):
        # A time of day lies between two days, so it is no exact bound of a day.
        return None if isinstance(value, dt.datetime) else (value - _EPOCH.date()).days
    moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time.min)
    if (moment.tzinfo is None) != (kind.tz is None):
        return None
    elapsed = moment.astimezone(dt.timezone.utc) - _EPOCH if moment.tzinfo else moment - _EPOCH.replace(tzinfo=None)
    microseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    scaled, rest = divmod(microseconds * _PER_SECOND[kind.unit], 1_000_000)
    return None if rest else scaled
