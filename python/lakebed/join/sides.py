"""The right tables of a join, each with options of its own where they differ from those of the call."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from lakebed.errors import InvalidArgumentError, TimeColumnError
from lakebed.join.durations import LONGEST_NS, duration_ns

DIRECTIONS = ("backward", "forward", "nearest")
CLOSED = ("both", "left", "right", "none", "strict")


@dataclass(frozen=True, kw_only=True)
class SideOptions:
    """How one right table is joined; what is None is taken from the call.

    Attributes:
        on: Time column of the right side.
        by: Key columns of the right side, in the order of `left_by`.
        left_on: Time column of the left side for this table.
        left_by: Key columns of the left side for this table.
        tolerance: As in `lakebed.asof_join`.
        direction: As in `lakebed.asof_join`.
        closed: As in `lakebed.asof_join`.
        known_at: As in `lakebed.asof_join`.
        created: As in `lakebed.asof_join`.
        skip_nulls: As in `lakebed.asof_join`.
        columns: Right columns to give: names, or names with new names; None for all but keys and time.
        suffix: As in `lakebed.asof_join`.
        name: Name of the table in the report.

    Example:
        >>> SideOptions(tolerance="2h").tolerance
        '2h'
    """

    on: str | None = None
    by: str | Sequence[str] | None = None
    left_on: str | None = None
    left_by: str | Sequence[str] | None = None
    tolerance: Any = None
    direction: str | None = None
    closed: str | None = None
    known_at: str | None = None
    created: str | None = None
    skip_nulls: bool | Sequence[str] | None = None
    columns: Sequence[str] | Mapping[str, str] | None = None
    suffix: str | None = None
    name: str | None = None

    def over(self, defaults: SideOptions) -> SideOptions:
        """Fill what is None from other options.

        Args:
            defaults: Those of the call.

        Returns:
            Options in which only what neither gives is None.

        Example:
            >>> SideOptions(tolerance="2h").over(SideOptions(tolerance="1h", on="t")).on
            't'
        """
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(SideOptions)}
        given = {name: value for name, value in own.items() if value is not None}
        return dataclasses.replace(defaults, **given)


@dataclass(frozen=True)
class JoinSide(SideOptions):
    """A right table with options of its own, for joins of many right tables.

    Attributes:
        frame: The table.

    Example:
        >>> import datetime as dt, polars as pl, lakebed as lb
        >>> day = [dt.datetime(2013, 1, d) for d in (1, 2)]
        >>> left = pl.DataFrame({"t": day, "k": ["a", "a"]})
        >>> prices = pl.DataFrame({"at": day[:1], "k": ["a"], "price": [2.0]})
        >>> stock = pl.DataFrame({"t": day[:1], "k": ["a"], "n": [7]})
        >>> sides = [lb.JoinSide(prices, on="at", tolerance="12h"), stock]
        >>> lb.asof_join(left, sides, on="t", by="k").select("price", "n").rows()
        [(2.0, 7), (None, 7)]
    """

    frame: Any

    # The one positional field comes first, before those that it inherits.
    def __init__(self, frame: Any, **options: Any) -> None:
        known = {field.name: field.default for field in dataclasses.fields(SideOptions)}
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise TypeError(f"JoinSide has no option {unknown[0]!r}; there are {', '.join(known)}")
        for name, value in {**known, **options, "frame": frame}.items():
            object.__setattr__(self, name, value)


def sides_of(right: Any, defaults: SideOptions) -> list[tuple[Any, SideOptions]]:
    """List the right tables of a call with their options.

    Args:
        right: A table, a `JoinSide`, or a list or tuple of them.
        defaults: Options of the call.

    Returns:
        Frames and full options.

    Raises:
        InvalidArgumentError: The list is empty.

    Example:
        >>> [(frame, options.on) for frame, options in sides_of([1, JoinSide(2, on="u")], SideOptions(on="t"))]
        [(1, 't'), (2, 'u')]
    """
    many = list(right) if isinstance(right, list | tuple) else [right]
    if not many:
        raise InvalidArgumentError("there is no right table to join; give at least one")
    return [
        (side.frame, side.over(defaults)) if isinstance(side, JoinSide) else (side, defaults.over(SideOptions()))
        for side in many
    ]


def core_options(options: SideOptions, *, allow_exact_matches: bool = True) -> dict[str, Any]:
    """Write options as the core takes them.

    Args:
        options: Full options.
        allow_exact_matches: Whether a right row at the very time of the left one may match at all.

    Returns:
        Plain values by name.

    Raises:
        TimeColumnError: No time column was named.
        InvalidArgumentError: An option is not one of its values.

    Example:
        >>> core_options(SideOptions(on="t", left_on="t", tolerance="1us"))["tolerance_ns"]
        1000
    """
    if options.on is None or options.left_on is None:
        raise TimeColumnError("no time column was named; give on=, or left_on= and right_on=")
    for what, name in (("on", options.on), ("left_on", options.left_on), ("suffix", options.suffix)):
        if name is not None and not isinstance(name, str):
            raise InvalidArgumentError(f"{what} is a text, not {name!r}")
    direction = _one_of(options.direction or "backward", DIRECTIONS, "direction")
    exact, inclusive = _ends(_one_of(options.closed or "both", CLOSED, "closed"), direction)
    created = options.created if options.created is not None else options.known_at
    if options.known_at is not None and created != options.known_at:
        raise InvalidArgumentError(
            f"known_at={options.known_at!r} and created={created!r} name two columns; "
            "rows are ordered and hidden by one"
        )
    return {
        "on_left": options.left_on,
        "on_right": options.on,
        "by_left": names(options.left_by),
        "by_right": names(options.by),
        "tolerance_ns": tolerance_ns(options.tolerance),
        "tolerance_is_inclusive": inclusive,
        "allow_exact_matches": exact and allow_exact_matches,
        "direction": direction,
        "created": created,
        "only_known": options.known_at is not None,
        "columns": _columns(options.columns),
        "suffix": "_right" if options.suffix is None else options.suffix,
        "aggregates": None,
        "is_ordered": False,
    }


def tolerance_ns(tolerance: object) -> int | None:
    """Read a tolerance.

    Args:
        tolerance: A duration; None, 0 and a duration of 0 mean any distance.

    Returns:
        Nanoseconds; None for any distance.

    Raises:
        InvalidArgumentError: It is no duration, or negative.

    Example:
        >>> tolerance_ns("0s") is None, tolerance_ns("2us")
        (True, 2000)
    """
    if tolerance is None or _is_zero(tolerance):
        return None
    return min(duration_ns(tolerance, "tolerance"), LONGEST_NS) or None


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float | Integral) and not isinstance(value, bool) and str(value) in {"0", "0.0"}


def names(by: Any) -> list[str]:
    """List key columns.

    Args:
        by: A name, names, or None.

    Returns:
        The names.

    Raises:
        InvalidArgumentError: It is something else.

    Example:
        >>> names("a"), names(None)
        (['a'], [])
    """
    if by is None:
        return []
    is_one = isinstance(by, str) or not isinstance(by, Iterable) or isinstance(by, Mapping)
    listed: list[Any] = [by] if is_one else list(by)
    for name in listed:
        if not isinstance(name, str):
            raise InvalidArgumentError(f"columns are given as a name or a list of names, not {by!r}")
    return listed


def _ends(closed: str, direction: str) -> tuple[bool, bool]:
    """Whether a row at the very time matches, and one at exactly the tolerance."""
    if closed == "strict":
        return False, True
    if direction == "nearest" and closed in {"left", "right"}:
        raise InvalidArgumentError(
            f"closed={closed!r} names one end of a window, but direction='nearest' looks both ways; "
            "use 'both' or 'strict'"
        )
    near, far = ("right", "left") if direction == "backward" else ("left", "right")
    return closed in {"both", near}, closed in {"both", far}


def _columns(columns: Sequence[str] | Mapping[str, str] | None) -> list[tuple[str, str]] | None:
    if columns is None:
        return None
    if isinstance(columns, Mapping):
        return list(columns.items())
    return [(name, name) for name in names(columns)]


def _one_of(value: str, allowed: Sequence[str], what: str) -> str:
    if value not in allowed:
        raise InvalidArgumentError(f"{what} is one of {', '.join(map(repr, allowed))}, not {value!r}")
    return value
