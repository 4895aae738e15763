"""Matching of names that people type: exact first, then a unique match that ignores case, else the nearest ones.

One rule for tables, columns and versions, so that every error names its candidates in the same way.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from lakebed.errors import AmbiguousNameError


def match_name(wanted: str, names: Iterable[str]) -> str | None:
    """Find the name that a user means.

    Args:
        wanted: What the user wrote.
        names: The names that exist, without duplicates.

    Returns:
        `wanted` itself if it exists, else the only name that differs in case alone, else None.

    Raises:
        AmbiguousNameError: Several names differ from `wanted` in case alone.

    Example:
        >>> match_name("FLIGHTS", ["flights", "weather"])
        'flights'
    """
    known = list(names)
    if wanted in known:
        return wanted
    folded = [name for name in known if name.lower() == wanted.lower()]
    if len(folded) > 1:
        shown = ", ".join(repr(name) for name in sorted(folded))
        raise AmbiguousNameError(f"{wanted!r} matches {shown}, which differ in case; write the one that is meant")
    return folded[0] if folded else None


def nearest_names(wanted: str, names: Iterable[str], *, limit: int = 3) -> list[str]:
    """Return the existing names that look most like `wanted`.

    Args:
        wanted: What the user wrote.
        names: The names that exist.
        limit: Greatest number of names.

    Returns:
        Up to `limit` names, best first; empty where nothing is near.

    Example:
        >>> nearest_names("wether", ["flights", "weather"])
        ['weather']
    """
    spelled = {name.lower(): name for name in names}
    found = difflib.get_close_matches(wanted.lower(), list(spelled), n=limit, cutoff=0.6)
    return [spelled[name] for name in found]


def suggestion(wanted: str, names: Iterable[str], *, kind: str) -> str:
    """Say what exists instead of `wanted`: the nearest names, else the first few.

    Args:
        wanted: What the user wrote.
        names: The names that exist.
        kind: Plural noun for the message, for example `columns`.

    Returns:
        A clause without a final stop.

    Example:
        >>> suggestion("wether", ["weather"], kind="tables")
        "the nearest is 'weather'"
        >>> suggestion("x", ["flights", "weather"], kind="tables")
        "the tables are 'flights', 'weather'"
    """
    known = sorted(set(names))
    near = nearest_names(wanted, known)
    if len(near) == 1:
        return f"the nearest is {near[0]!r}"
    if near:
        return f"the nearest are {', '.join(repr(name) for name in near)}"
    if not known:
        return f"there are no {kind}"
    shown = ", ".join(repr(name) for name in known[:8])
    return f"the {kind} are {shown}{' and more' if len(known) > 8 else ''}"
