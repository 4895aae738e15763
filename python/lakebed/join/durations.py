"""Durations and sizes as people write them: `"2h"`, `"1d12h"`, `timedelta`, `"2GiB"`."""

from __future__ import annotations

import datetime as dt
import re

from lakebed.errors import InvalidArgumentError

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
LONGEST_NS = 1 << 120
"""Longer than any two times that there are lie apart, and what the core can still count with."""
_DURATION = re.compile(r"([0-9]+)(ns|us|ms|s|m|h|d|w)")
_CALENDAR = re.compile(r"[0-9]+ ?(mo|q|y|month|quarter|year)")
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def duration_ns(value: object, what: str) -> int:
    """Read a duration.

    Args:
        value: A timedelta (numpy's, pandas' and pyarrow's too), or a text of numbers with the units ns, us, ms, s, m,
            h, d and w.
        what: What errors call it.

    Returns:
        Nanoseconds, 0 or more.

    Raises:
        InvalidArgumentError: It cannot be read, or is negative.

    Example:
        >>> duration_ns("1d12h", "tolerance") == duration_ns(dt.timedelta(hours=36), "tolerance")
        True
    """
    nanoseconds = _of_timedelta(value)
    if nanoseconds is None:
        parts = _DURATION.findall(value) if isinstance(value, str) else []
        if not parts or "".join(number + unit for number, unit in parts) != value:
            hint = "use a timedelta or a text such as '2h', '1d12h' or '500ms'"
            if isinstance(value, str) and value.startswith("-"):
                hint = "a duration is not negative; give the greatest distance as 0 or more"
            if isinstance(value, str) and _CALENDAR.match(value):
                hint = "months and years have no fixed length; write days, for instance '30d'"
            raise InvalidArgumentError(f"{what} {value!r} cannot be read; {hint}")
        nanoseconds = sum(int(number) * _UNITS_NS[unit] for number, unit in parts)
    if nanoseconds < 0:
        raise InvalidArgumentError(f"{what} {value!r} is negative; give the greatest distance as 0 or more")
    return nanoseconds


def _of_timedelta(value: object) -> int | None:
    if isinstance(value, dt.timedelta):
        nanoseconds = (value.days * 86_400 + value.seconds) * 1_000_000_000 + value.microseconds * 1_000
        # pandas' Timedelta is a timedelta that knows nanoseconds too.
        extra = getattr(value, "nanoseconds", 0)
        return nanoseconds + (extra if isinstance(extra, int) else 0)
    if type(value).__module__ == "numpy" and type(value).__name__ == "timedelta64":
        import numpy as np

        unit, step = np.datetime_data(value.dtype)  # type: ignore[attr-defined]
        length = {**_UNITS_NS, "W": _UNITS_NS["w"], "D": _UNITS_NS["d"]}.get(unit)
        # Months and years have none, nor have numbers without a unit; counted in integers that do not overflow.
        return None if length is None or np.isnat(value) else int(value.astype("int64")) * step * length  # type: ignore[call-overload,attr-defined]
    if type(value).__module__ == "pyarrow.lib" and type(value).__name__ == "DurationScalar":
        ticks = value.value  # type: ignore[attr-defined]
        return None if ticks is None else int(ticks) * _UNITS_NS[value.type.unit]  # type: ignore[attr-defined]
    return None


def duration_text(nanoseconds: int) -> str:
    """Write a duration with as few units as can be.

    Args:
        nanoseconds: 0 or more.

    Returns:
        For instance `7d` or `1h30m`; `duration_ns` reads it.

    Example:
        >>> duration_text(5_400_000_000_000), duration_text(7 * 86_400_000_000_000)
        ('1h30m', '7d')
    """
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us", "ns"):
        number, nanoseconds = divmod(nanoseconds, _UNITS_NS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def size_bytes(value: object, what: str) -> int:
    """Read a number of bytes.

    Args:
        value: An int, or a text such as `"2GiB"`, `"500MB"` or `"64m"`. B, kB, MB ... are powers of 1000; KiB, MiB ...
            and a bare letter are powers of 1024.
        what: What errors call it.

    Returns:
        Bytes, 1 or more.

    Raises:
        InvalidArgumentError: It cannot be read, or is not positive.

    Example:
        >>> size_bytes("2GiB", "memory_limit"), size_bytes("1.5MB", "memory_limit")
        (2147483648, 1500000)
    """
    size = value if isinstance(value, int) and not isinstance(value, bool) else 0
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)) is not None:
        letter, tail = match[2].lower(), (match[3] or "").lower()
        base = 1000 if tail == "b" else 1024
        size = int(float(match[1]) * base ** _POWERS[letter])
    if size <= 0:
        raise InvalidArgumentError(
            f"{what} {value!r} cannot be read; give a positive number of bytes or a text as '2GiB'"
        )
    return size
