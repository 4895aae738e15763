"""How wide a text will be drawn, without knowing the font.

Widths are those of DejaVu Sans Bold, the widest of the common sans-serif fonts, rounded up: a text that is said to fit
does fit. Nothing here draws.
"""

from __future__ import annotations

import unicodedata

_CLASSES = (
    (0.4, " ',./:;IJ\\ijl|"),
    (0.5, "!()-[]_`frt"),
    (0.6, '"*?csz'),
    (0.75, "$0123456789EFLTaekovxy"),
    (0.8, "ABCKPRSVXYZbdghnpqu{}"),
    (0.9, "#&+<=>DGHNOQU^~"),
    (1.1, "@Mw%mW…"),
)
_WIDTHS = {character: width for width, characters in _CLASSES for character in characters}


def text_width(text: str, size: float) -> float:
    """Return the greatest width that a text takes in one line.

    Args:
        text: Any text.
        size: Font size.

    Returns:
        Width in the unit of the size.

    Example:
        >>> round(text_width("il", 10), 1)
        8.0
    """
    return size * sum(map(_width, text))


def fit_text(text: str, size: float, width: float) -> str:
    """Return as much of a text as fits, with an ellipsis where it is cut.

    Args:
        text: Any text.
        size: Font size.
        width: Width that there is.

    Returns:
        The text, or its beginning and `…`.

    Example:
        >>> fit_text("flights of January", 10, 70)
        'flights of…'
    """
    if text_width(text, size) <= width:
        return text
    left = width - text_width("…", size)
    for position, character in enumerate(text):
        left -= size * _width(character)
        if left < 0:
            return text[:position].rstrip() + "…"
    return text


def _width(character: str) -> float:
    known = _WIDTHS.get(character)
    if known is not None:
        return known
    if unicodedata.combining(character):
        return 0.0
    return 1.25 if unicodedata.east_asian_width(character) in "WF" else 0.95
