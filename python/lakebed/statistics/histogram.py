"""Histograms of TensorFlow Data Validation's two kinds, made of a column's summary instead of its values.

STANDARD has ten buckets of equal width over the finite values; the counts are interpolated from the non-empty cells of
the summary's bit histogram, taking values as spread evenly inside a cell, so they may be fractional but add up to the
number of finite values. QUANTILES has ten buckets of equal weight between the summary's quantiles. Infinities have
buckets of their own in STANDARD and stay inside in QUANTILES; NaN is counted beside the buckets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

N_BUCKETS = 10


class Bucket(NamedTuple):
    """Values from `low` (included) to `high` (excluded, but included in the last bucket).

    Example:
        >>> Bucket(0.0, 1.0, 5.0).sample_count
        5.0
    """

    low: float
    high: float
    sample_count: float


def standard(
    bins: Sequence[tuple[float, float, float]],
    low: float,
    high: float,
    *,
    n_negative_inf: float = 0,
    n_positive_inf: float = 0,
    n_buckets: int = N_BUCKETS,
) -> list[Bucket]:
    """Make buckets of equal width.

    Args:
        bins: The non-empty cells (low, high, count) of a finer histogram of the finite values, ascending.
        low: Smallest finite value.
        high: Greatest finite value.
        n_negative_inf: Number of negative infinities; they get a bucket [-inf, -inf].
        n_positive_inf: Number of positive infinities; they get a bucket [inf, inf].
        n_buckets: Number of buckets; a constant column gets one.

    Returns:
        The buckets, ascending. Without finite values, or when `high - low` overflows, only those of the infinities.

    Example:
        >>> [bucket.sample_count for bucket in standard([(0.0, 0.0, 3), (10.0, 10.0, 1)], 0.0, 10.0, n_buckets=2)]
        [3.0, 1.0]
    """
    finite = [cell for cell in bins if -math.inf < cell[0] and cell[1] < math.inf]
    buckets: list[Bucket] = []
    if finite and low == high:
        buckets = [Bucket(low, high, float(sum(cell[2] for cell in finite)))]
    elif finite and math.isfinite(high - low):
        buckets = _equal_width(finite, low, high, n_buckets)
    if n_negative_inf:
        buckets.insert(0, Bucket(-math.inf, -math.inf, float(n_negative_inf)))
    if n_positive_inf:
        buckets.append(Bucket(math.inf, math.inf, float(n_positive_inf)))
    return buckets


def quantiles(
    values: Sequence[float],
    n_finite: float,
    *,
    n_negative_inf: float = 0,
    n_positive_inf: float = 0,
    n_buckets: int = N_BUCKETS,
) -> list[Bucket]:
    """Make buckets of equal weight.

    Args:
        values: Quantiles of the finite values at evenly spaced ranks, the smallest first and the greatest last.
        n_finite: Number of finite values.
        n_negative_inf: Number of negative infinities, ranked below them.
        n_positive_inf: Number of positive infinities, ranked above them.
        n_buckets: Number of buckets.

    Returns:
        `n_buckets` buckets of equal count, ascending; none for a column without numbers.

    Example:
        >>> quantiles([0.0, 50.0, 100.0], 8, n_buckets=2)
        [Bucket(low=0.0, high=50.0, sample_count=4.0), Bucket(low=50.0, high=100.0, sample_count=4.0)]
    """
    n = n_finite + n_negative_inf + n_positive_inf
    if n == 0 or (n_finite and not values):
        return []
    edges = []
    for i in range(n_buckets + 1):
        rank = i / n_buckets * (n - 1) - n_negative_inf
        if rank < 0 and n_negative_inf:
            edges.append(-math.inf)
        elif rank > n_finite - 1 and n_positive_inf:
            edges.append(math.inf)
        else:
            edges.append(interpolate(values, rank / (n_finite - 1) if n_finite > 1 else 0.0))
    return [Bucket(low, high, n / n_buckets) for low, high in pairwise(edges)]


def quantiles_of_bins(bins: Sequence[tuple[float, float, float]], *, n: int = 100) -> list[float]:
    """Read quantiles off a histogram.

    Args:
        bins: The non-empty cells (low, high, count), ascending.
        n: One less than the number of quantiles.

    Returns:
        The quantiles at evenly spaced ranks, the smallest first and the greatest last; empty without values.

    Example:
        >>> quantiles_of_bins([(1.0, 1.0, 3), (5.0, 5.0, 1)], n=4)
        [1.0, 1.0, 1.0, 1.0, 5.0]
    """
    total = sum(count for _, _, count in bins)
    found: list[float] = []
    at, before = 0, 0.0
    for i in range(n + 1 if total else 0):
        rank = max(math.ceil(i * total / n), 1)
        while rank > before + bins[at][2] and at + 1 < len(bins):
            before += bins[at][2]
            at += 1
        low, high, count = bins[at]
        found.append(low + (high - low) * min(max((rank - before - 0.5) / count, 0.0), 1.0))
    return found


def interpolate(values: Sequence[float], fraction: float) -> float:
    """Read a quantile between evenly spaced quantiles.

    Args:
        values: Quantiles at evenly spaced ranks, the smallest first; at least one.
        fraction: Which quantile, 0 to 1; 0.5 is the median.

    Returns:
        The quantile, linear between its neighbours.

    Example:
        >>> interpolate([0.0, 10.0, 40.0], 0.75)
        25.0
    """
    position = min(max(fraction, 0.0), 1.0) * (len(values) - 1)
    below = math.floor(position)
    above = min(below + 1, len(values) - 1)
    part = position - below
    return values[below] if part == 0 else values[below] * (1 - part) + values[above] * part


def _equal_width(cells: Sequence[tuple[float, float, float]], low: float, high: float, n: int) -> list[Bucket]:
    edges = [low + (high - low) * (i / n) for i in range(n)] + [high]
    counts = [0.0] * n
    last = n - 1
    at = 0
    for cell_low, cell_high, count in cells:
        # Cells ascend, and so do the buckets that they begin in.
        while at < last and cell_low >= edges[at + 1]:
            at += 1
        if at == last or cell_high < edges[at + 1] or cell_low == cell_high:
            counts[at] += count
            continue
        start, end = max(cell_low, low), min(cell_high, high)
        bucket = at
        while bucket <= last and edges[bucket] < end:
            counts[bucket] += count * (min(end, edges[bucket + 1]) - max(start, edges[bucket])) / (end - start)
            bucket += 1
    return [Bucket(low, high, count) for (low, high), count in zip(pairwise(edges), counts, strict=True)]
