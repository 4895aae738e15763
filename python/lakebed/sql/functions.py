"""Table functions that need no catalogue: series of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from lakebed.errors import InvalidArgumentError

if TYPE_CHECKING:
    import polars as pl


def series(*bounds: int, name: str = "generate_series", inclusive: bool = True) -> pl.LazyFrame:
    """Return whole numbers in order.

    Args:
        bounds: `end`, or `start, end`, or `start, end, step`.
        name: The name of the only column.
        inclusive: Whether `end` belongs to the series.

    Returns:
        One BIGINT column.

    Raises:
        InvalidArgumentError: The bounds are not one to three whole numbers, or the step is zero.

    Example:
        >>> series(1, 3).collect()["generate_series"].to_list()
        [1, 2, 3]
    """
    import polars as pl

    if not 1 <= len(bounds) <= 3 or not all(isinstance(bound, int) for bound in bounds):
        raise InvalidArgumentError(f"{name} takes one to three whole numbers, not {bounds}")
    start, end, step = (0, bounds[0], 1) if len(bounds) == 1 else (bounds[0], bounds[1], (*bounds, 1)[2])
    if step == 0:
        raise InvalidArgumentError(f"the step of {name} is zero; use a step above or below zero")
    end += (1 if step > 0 else -1) if inclusive else 0
    return pl.LazyFrame({name: pl.int_range(start, end, step, dtype=pl.Int64, eager=True)})


def built_in(called: exp.Expr) -> Callable[..., pl.LazyFrame] | None:
    """Return the built-in table function that a call in FROM means.

    Args:
        called: The call as parsed.

    Returns:
        A function of literal arguments; None where the catalogue has to know it.

    Example:
        >>> import sqlglot
        >>> called = sqlglot.parse_one("SELECT * FROM range(3)", read="duckdb").find(exp.Table).this
        >>> built_in(called)(3).collect()["range"].to_list()
        [0, 1, 2]
    """
    if not isinstance(called, exp.GenerateSeries):
        return None
    if called.args.get("is_end_exclusive"):
        return lambda *bounds: series(*bounds, name="range", inclusive=False)
    return series
