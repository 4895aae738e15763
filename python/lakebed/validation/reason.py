"""Why data do not meet a schema: one `Reason` a broken rule, and how several are told in one text.

Texts are those of TensorFlow Data Validation, character for character, so that tools and eyes that know them keep
working. Severity is per column: the greatest of its reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MULTIPLE = "Multiple errors"
SEVERITIES = ("UNKNOWN", "WARNING", "ERROR")
"""Least first."""


class Reason(NamedTuple):
    """One broken rule.

    Attributes:
        type: Name of a value of `AnomalyInfo.Type`, such as "SCHEMA_MISSING_COLUMN".
        short_description: A few words.
        description: One or more sentences with the numbers; may be empty, when the few words say it all.
        severity: "ERROR", or "WARNING" for what could not be checked in full.

    Example:
        >>> Reason("SCHEMA_MISSING_COLUMN", "Column dropped", "Column is completely missing").severity
        'ERROR'
    """

    type: str
    short_description: str
    description: str
    severity: str = "ERROR"


def summarize(reasons: Sequence[Reason]) -> tuple[str, str]:
    """Tell several reasons in one short and one long text.

    Args:
        reasons: At least one, in the order they were found.

    Returns:
        Short description, "Multiple errors" for more than one reason with a description; and the descriptions, joined
        by a space. Reasons without a description count only when there is no other.

    Example:
        >>> summarize([Reason("A", "Low", "Too low."), Reason("B", "High", "Too high.")])
        ('Multiple errors', 'Too low. Too high.')
    """
    told = [reason for reason in reasons if reason.description]
    if len(told) > 1:
        return MULTIPLE, " ".join(reason.description for reason in told)
    last = told[0] if told else reasons[-1]
    return last.short_description, last.description


def severity(reasons: Sequence[Reason]) -> str:
    """Give the greatest severity of several reasons.

    Args:
        reasons: At least one.

    Returns:
        "WARNING" or "ERROR".

    Example:
        >>> severity([Reason("A", "", "", "WARNING"), Reason("B", "", "")])
        'ERROR'
    """
    return max((reason.severity for reason in reasons), key=SEVERITIES.index)


def six_digits(number: float) -> str:
    """Write a number with six significant digits, as TFDV's texts do.

    Args:
        number: Any number.

    Returns:
        Its text, such as "1.23457e+06".

    Example:
        >>> six_digits(1234567.0), six_digits(2.0), six_digits(float("inf"))
        ('1.23457e+06', '2', 'inf')
    """
    return f"{number:.6g}"


def escape(text: str) -> str:
    r"""Escape a string as C source would, as TFDV's texts do; characters outside ASCII stay.

    Args:
        text: Any string.

    Returns:
        The string with quotes, backslashes, line breaks and control characters escaped (octal where C has no letter).

    Example:
        >>> print(escape('a"b\n\x01'))
        a\"b\n\001
    """
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "'": "\\'", "\\": "\\\\"}
    return "".join(named.get(c) or (f"\\{ord(c):03o}" if ord(c) < 32 or ord(c) == 127 else c) for c in text)
