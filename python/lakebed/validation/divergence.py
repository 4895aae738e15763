"""Distances between two distributions, given as counted labels or as histograms.

Pure functions over plain values. Labels or mass that only one side has count in full; a side without any mass is taken
as having no mass anywhere, not as uniform.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

Buckets = Sequence[tuple[float, float, float]]
"""(low, high, count), ascending."""


def infinity_norm(ours: Mapping[str, float], theirs: Mapping[str, float]) -> tuple[float, str]:
    """Give the largest difference of a label's share.

    Args:
        ours: Counts by label.
        theirs: Counts by label.

    Returns:
        The largest absolute difference of shares, 0 to 1, and its label; of equal differences the last label in byte
        order. (0.0, "") without labels.

    Example:
        >>> infinity_norm({"a": 1, "b": 1}, {"a": 1})
        (0.5, 'b')
    """
    n_ours, n_theirs = sum(ours.values()), sum(theirs.values())
    return _largest(
        {label: abs(_share(ours, label, n_ours) - _share(theirs, label, n_theirs)) for label in {*ours, *theirs}}
    )


def normalized_abs_difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> tuple[float, str]:
    """Give the largest difference of a label's count, relative to all counts.

    Args:
        ours: Counts by label.
        theirs: Counts by label.

    Returns:
        The largest absolute difference of counts by the sum of all counts of both, 0 to 1, and its label; of equal
        differences the last label in byte order. (0.0, "") without labels.

    Example:
        >>> normalized_abs_difference({"a": 1, "b": 3}, {"a": 3, "b": 1})
        (0.25, 'b')
    """
    total = sum(ours.values()) + sum(theirs.values())
    labels = {*ours, *theirs} if total else set()
    return _largest(
        {label: abs(_share(ours, label, total) - _share(theirs, label, total)) for label in labels},
    )


def jensen_shannon(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Give the Jensen-Shannon divergence of two distributions over the same cells.

    Args:
        ours: Count of each cell.
        theirs: Count of each cell, as many.

    Returns:
        The divergence with logarithms to base 2, from 0 (same shares) to 1 (nothing in common).

    Example:
        >>> jensen_shannon([1, 0], [0, 1]), jensen_shannon([1, 1], [5, 5])
        (1.0, 0.0)
    """
    n_ours, n_theirs = sum(ours), sum(theirs)
    total = 0.0
    for count, other in zip(ours, theirs, strict=True):
        p = count / n_ours if n_ours else 0.0
        q = other / n_theirs if n_theirs else 0.0
        total += sum(0.5 * side * math.log2(2 * side / (p + q)) for side in (p, q) if side > 0)
    return min(max(total, 0.0), 1.0)


def align_labels(ours: Mapping[str, float], theirs: Mapping[str, float]) -> tuple[list[float], list[float]]:
    """Put the counts of two sets of labels side by side.

    Args:
        ours: Counts by label.
        theirs: Counts by label.

    Returns:
        The counts of each label of either, 0 where a side lacks it.

    Example:
        >>> align_labels({"a": 1}, {"b": 2})
        ([1, 0.0], [0.0, 2])
    """
    labels = sorted({*ours, *theirs})
    return [ours.get(label, 0.0) for label in labels], [theirs.get(label, 0.0) for label in labels]


def align_buckets(
    ours: Buckets, theirs: Buckets, *, n_nan_ours: float = 0, n_nan_theirs: float = 0
) -> tuple[list[float], list[float]]:
    """Put two histograms over the same cells.

    Cells are the intervals between all finite bounds of both; the values of a bucket are taken as spread evenly over
    it. A bucket of one point is a cell of its own, and so are one with an infinite end and NaN.

    This differs from TFDV, where infinities of the two sides never match, and NaN never matches NaN or, where the
    bounds of the two sides differ, is dropped: there, data with NaN or infinities diverge from themselves.

    Args:
        ours: Buckets of one side.
        theirs: Buckets of the other.
        n_nan_ours: Number of NaN beside the buckets.
        n_nan_theirs: Number of NaN beside the buckets.

    Returns:
        The counts of each cell.

    Example:
        >>> align_buckets([(0, 2, 4)], [(0, 1, 5)])
        ([2.0, 2.0, 0], [5.0, 0.0, 0])
    """
    cells = shared_cells(ours, theirs)
    return [*(p for _, _, p, _ in cells), n_nan_ours], [*(q for _, _, _, q in cells), n_nan_theirs]


def shared_cells(ours: Buckets, theirs: Buckets) -> list[tuple[float, float, float, float]]:
    """Give the cells of `align_buckets` with their bounds.

    Args:
        ours: Buckets of one side.
        theirs: Buckets of the other.

    Returns:
        (low, high, count of ours, count of theirs), ascending.

    Example:
        >>> shared_cells([(0, 2, 4)], [(0, 1, 5)])
        [(0, 1, 2.0, 5.0), (1, 2, 2.0, 0.0)]
    """
    edges = sorted({edge for low, high, _ in (*ours, *theirs) for edge in (low, high) if math.isfinite(edge)})
    cells_ours, cells_theirs = _spread(ours, edges), _spread(theirs, edges)
    keys = sorted({*cells_ours, *cells_theirs})
    return [(*key, cells_ours.get(key, 0.0), cells_theirs.get(key, 0.0)) for key in keys]


def _spread(buckets: Buckets, edges: list[float]) -> dict[tuple[float, float], float]:
    """Counts by cell."""
    cells: dict[tuple[float, float], float] = {}
    for low, high, count in buckets:
        if low == high or math.isinf(low) or math.isinf(high):
            cells[low, high] = cells.get((low, high), 0.0) + count
            continue
        for start, end in pairwise(edges):
            if low <= start and end <= high:
                cells[start, end] = cells.get((start, end), 0.0) + count * ((end - start) / (high - low))
    return cells


def _share(counts: Mapping[str, float], label: str, total: float) -> float:
    return counts.get(label, 0.0) / total if total else 0.0


def _largest(differences: Mapping[str, float]) -> tuple[float, str]:
    return max(((value, label) for label, value in differences.items()), default=(0.0, ""))
