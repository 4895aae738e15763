"""Histograms as TensorFlow Data Validation makes them, for `compatibility="tfdv"`.

TFDV keeps quantiles alone. A boundary i of n is the first value below or at which more than i / n of the weight lies,
and it carries all of the weight up to it; buckets with one upper end share what they hold. Histograms of equal width
take the values between two of 1,000 such boundaries as spread evenly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

from lakebed.statistics.histogram import N_BUCKETS, Bucket

N_FINE = 100 * N_BUCKETS

Bins = Sequence[tuple[float, float, float]]


def quantiles(bins: Bins, *, n_buckets: int = N_BUCKETS) -> list[Bucket]:
    """Make buckets of roughly equal weight.

    Args:
        bins: The non-empty cells (low, high, weight), ascending; infinities in cells of their own.
        n_buckets: Number of buckets.

    Returns:
        The buckets, ascending; none without values.

    Example:
        >>> [bucket.sample_count for bucket in quantiles([(0, 0, 10.0), (1, 1, 10.0)], n_buckets=4)]
        [10.0, 3.3333333333333335, 3.3333333333333335, 3.3333333333333335]
    """
    return _buckets(*_boundaries(bins, n_buckets)) if bins else []


def median(bins: Bins) -> float:
    """Give the middle one of the fine boundaries.

    Args:
        bins: As for `quantiles`; at least one.

    Returns:
        The median.

    Example:
        >>> median([(0, 0, 10.0), (1, 1, 10.0)])
        1
    """
    return _boundaries(bins, N_FINE)[0][N_FINE // 2]


def standard(bins: Bins, low: float, high: float, *, n_buckets: int = N_BUCKETS) -> list[Bucket]:
    """Make buckets of equal width.

    Args:
        bins: As for `quantiles`.
        low: Smallest finite value.
        high: Greatest finite value.
        n_buckets: Number of buckets; a constant column gets one.

    Returns:
        The buckets, ascending; infinities have their own. None for a range that overflows.

    Example:
        >>> [round(bucket.sample_count, 1) for bucket in standard([(0, 0, 3.0), (10, 10, 1.0)], 0, 10, n_buckets=2)]
        [3.0, 1.0]
    """
    if not bins:
        return []
    points, weights = _boundaries(bins, N_FINE)
    n_low = sum(weight for _, end, weight in bins if end == -math.inf)
    n_high = sum(weight for start, _, weight in bins if start == math.inf)
    if not (math.isfinite(low) and math.isfinite(high)):
        return [Bucket(bins[0][0], bins[-1][1], weights[-1])]
    if not math.isfinite(high - low):
        return []
    finite = [(point, weight - n_low) for point, weight in zip(points, weights, strict=True) if math.isfinite(point)]
    if n_high:
        finite.append((high, weights[-1] - n_low - n_high))
    cells = _buckets([point for point, _ in finite], [weight for _, weight in finite])
    edges = [low, high] if low == high else [low + (high - low) * i / n_buckets for i in range(n_buckets)] + [high]
    buckets = [
        Bucket(start, end, sum(cell.sample_count * _share(cell, start, end, is_first=not i) for cell in cells))
        for i, (start, end) in enumerate(pairwise(edges))
    ]
    below = [Bucket(-math.inf, -math.inf, n_low)] if n_low else []
    above = [Bucket(math.inf, math.inf, n_high)] if n_high else []
    return [*below, *buckets, *above]


def _boundaries(bins: Bins, n: int) -> tuple[list[float], list[float]]:
    """The n + 1 boundaries, and the weight up to each."""
    ends = list(accumulate(weight for _, _, weight in bins))
    total = ends[-1]
    points, weights = [], []
    at = 0
    for i in range(n):
        while ends[at] <= i * total / n and at + 1 < len(bins):
            at += 1
        low, high, weight = bins[at]
        if low == high:
            points.append(high)
            weights.append(ends[at])
        else:
            share = (i * total / n - (ends[at] - weight)) / weight
            points.append(low + (high - low) * share)
            weights.append(i * total / n)
    return [*points, bins[-1][1]], [*weights, total]


def _buckets(points: Sequence[float], weights: Sequence[float]) -> list[Bucket]:
    """Buckets between boundaries: those with one upper end share their weight, the first what lies at the start."""
    cells = list(pairwise(points))
    counts = [after - before for before, after in pairwise(weights)]
    start = 0
    while start < len(cells):
        end = start + 1
        while end < len(cells) and cells[end][1] == cells[start][1]:
            end += 1
        counts[start:end] = [sum(counts[start:end]) / (end - start)] * (end - start)
        start = end
    n_first = next((i for i, cell in enumerate(cells) if cell != cells[0]), len(cells))
    for i in range(n_first):
        counts[i] += weights[0] / n_first
    return [Bucket(low, high, count) for (low, high), count in zip(cells, counts, strict=True)]


def _share(cell: Bucket, low: float, high: float, *, is_first: bool) -> float:
    """What of a cell lies in a bucket, which holds its upper end; the first one holds its lower end too."""
    if cell.low == cell.high:
        return float(low < cell.high <= high or (is_first and cell.low == low))
    overlap = min(cell.high, high) - max(cell.low, low)
    return max(overlap, 0.0) / (cell.high - cell.low)
