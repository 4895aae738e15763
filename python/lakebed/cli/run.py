"""The entry point: run a command, and turn an error of Lakebed into one line and exit code 1."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import lakebed.cli.care
import lakebed.cli.transfer  # noqa: F401 - importing it registers its commands.
from lakebed.cli.commands import app
from lakebed.errors import LakebedError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: Words after the program's name; None for those of the process.

    Raises:
        SystemExit: Always: 0 where all went well, 1 for an error, 2 for a wrong usage.

    Example:
        >>> try:
        ...     main(["log", "--help"])  # doctest: +ELLIPSIS
        ... except SystemExit as done:
        ...     print("exit code", done.code)
        <BLANKLINE>
        ...
        exit code 0
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="lakebed")
    except (LakebedError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from error
