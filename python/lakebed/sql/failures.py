"""Errors of Polars in the user's words: no private name, no query plan, one of Lakebed's own classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lakebed.errors import SqlError, SqlUnsupportedError


@contextmanager
def translated(names: dict[str, str]) -> Iterator[None]:
    """Turn errors of Polars inside the block into errors of SQL.

    Args:
        names: From private table names to those of the user.

    Yields:
        Nothing.

    Raises:
        SqlUnsupportedError: Polars does not know a construct.
        SqlError: The query failed, for example a cast of a value that does not fit.

    Example:
        >>> import polars as pl
        >>> with translated({"__lakebed_0": "flights"}):
        ...     raise pl.exceptions.SQLInterfaceError("no such thing in __lakebed_0")
        Traceback (most recent call last):
        ...
        lakebed.errors.SqlUnsupportedError: the query cannot be run: no such thing in flights
    """
    import polars as pl

    try:
        yield
    except (pl.exceptions.SQLInterfaceError, pl.exceptions.SQLSyntaxError) as error:
        raise SqlUnsupportedError(f"the query cannot be run: {_plain(error, names)}") from None
    except pl.exceptions.PolarsError as error:
        raise SqlError(f"the query failed: {_plain(error, names)}") from None


def _plain(error: Exception, names: dict[str, str]) -> str:
    lines = str(error).strip().splitlines()
    message = lines[0].strip() if lines else type(error).__name__
    # Longer names first: `__lakebed_1` begins `__lakebed_10`.
    for private in sorted(names, key=len, reverse=True):
        message = message.replace(private, names[private])
    return message
