"""Small pictures of a distribution: bars as SVG, and a line of block characters for a terminal.

Both take the bins of a histogram as `(low, high, count)`: any widths, gaps allowed. What is drawn is the share of each
of `n_bars` equal slices of the range, where a bin counts in proportion to its overlap; so bins of different widths do
not mislead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from lakebed.errors import InvalidArgumentError
from lakebed.report.cells import cell_text

Bin: TypeAlias = tuple[float, float, float]
"""Low and high edge, and how many values lie between."""

BLOCKS = " ▁▂▃▄▅▆▇█"


def histogram_text(bins: Sequence[Bin], *, n_bars: int = 24) -> str:
    """Return a histogram as one line of block characters.

    Args:
        bins: Ascending; a bin of no width is a single value.
        n_bars: Characters.

    Returns:
        `n_bars` characters, the highest bar full; a bar that is not empty is seen. Empty where nothing was counted.

    Raises:
        InvalidArgumentError: An edge is not finite, a bin is upside down or a count negative.

    Example:
        >>> histogram_text([(0, 1, 1), (1, 2, 4), (2, 3, 8)], n_bars=3)
        '▁▄█'
    """
    heights = _heights(bins, n_bars)
    highest = max(heights, default=0.0)
    if not highest:
        return ""
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[max(round(height / highest * steps), 1) if height > 0 else 0] for height in heights)


def histogram_svg(
    bins: Sequence[Bin],
    *,
    n_bars: int = 30,
    width: int = 180,
    height: int = 48,
    labels: bool = True,
) -> str:
    """Return a histogram as a small SVG document.

    Args:
        bins: Ascending; a bin of no width is a single value.
        n_bars: Bars.
        width: In pixels.
        height: In pixels, without the labels.
        labels: Write the least and the greatest value below.

    Returns:
        The SVG document; each bar has a tooltip with its range and count.

    Raises:
        InvalidArgumentError: An edge is not finite, a bin is upside down or a count negative.

    Example:
        >>> histogram_svg([(0, 1, 1), (1, 2, 4)], n_bars=2).count("<rect")
        2
    """
    heights = _heights(bins, n_bars)
    highest = max(heights, default=0.0)
    total_height = height + 14 if labels and highest else height
    size = f'width="{width}" height="{total_height}" viewBox="0 0 {width} {total_height}"'
    look = 'role="img" aria-label="Histogram" font-family="sans-serif"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}>']
    if highest:
        parts += _bars(bins, heights, highest, width, height)
        if labels:
            parts += _labels(bins, width, total_height)
    return "".join([*parts, "</svg>"])


def _heights(bins: Sequence[Bin], n_bars: int) -> list[float]:
    """Values in each slice. A bin of no width lies in one slice, the greatest value in the last."""
    _check(bins, n_bars)
    if not bins:
        return []
    low, high = bins[0][0], max(bin_high for _, bin_high, _ in bins)
    # Halves keep the greatest doubles from overflowing.
    half_span = high / 2 - low / 2
    heights = [0.0] * n_bars
    for bin_low, bin_high, count in bins:
        first = (bin_low / 2 - low / 2) / half_span * n_bars if half_span else 0.0
        last = (bin_high / 2 - low / 2) / half_span * n_bars if half_span else 0.0
        start, end = min(int(first), n_bars - 1), min(int(last), n_bars - 1)
        if start == end:
            heights[start] += count
            continue
        for slice_number in range(start, end + 1):
            overlap = min(last, slice_number + 1) - max(first, slice_number)
            heights[slice_number] += count * max(overlap, 0.0) / (last - first)
    return heights


def _check(bins: Sequence[Bin], n_bars: int) -> None:
    if n_bars < 1:
        raise InvalidArgumentError(f"a histogram of {n_bars} bars was asked for; ask for one or more")
    for low, high, count in bins:
        if not (math.isfinite(low) and math.isfinite(high) and low <= high and count >= 0):
            raise InvalidArgumentError(
                f"the bin ({low}, {high}, {count}) is no bin; give finite edges, the lower first, and a count from 0",
            )


def _bars(bins: Sequence[Bin], heights: Sequence[float], highest: float, width: int, height: int) -> list[str]:
    low, high = bins[0][0], max(bin_high for _, bin_high, _ in bins)
    step = width / len(heights)
    parts = []
    for number, count in enumerate(heights):
        if count > 0:
            bar = max(count / highest * height, 1.0)
            shares = (number / len(heights), (number + 1) / len(heights))
            edges = [low * (1 - share) + high * share for share in shares]
            tooltip = f"{cell_text(edges[0])} to {cell_text(edges[1])}: {cell_text(round(count))}"
            place = f'x="{number * step:.2f}" y="{height - bar:.2f}" width="{max(step - 0.6, 0.4):.2f}"'
            parts.append(f'<rect {place} height="{bar:.2f}" fill="#1d4ed8"><title>{tooltip}</title></rect>')
    return parts


def _labels(bins: Sequence[Bin], width: int, total_height: int) -> list[str]:
    look = 'font-size="10" fill="#334155"'
    low, high = cell_text(bins[0][0]), cell_text(max(bin_high for _, bin_high, _ in bins))
    return [
        f'<text x="0" y="{total_height - 3}" {look}>{low}</text>',
        f'<text x="{width}" y="{total_height - 3}" {look} text-anchor="end">{high}</text>',
    ]
