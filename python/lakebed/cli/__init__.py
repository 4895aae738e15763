"""The command line: a thin skin over the public API. Every command prints a table, or JSON with `--json`."""

from __future__ import annotations

from lakebed.cli import statistics as _statistics  # noqa: F401 - adds its commands.
from lakebed.cli.commands import app
from lakebed.cli.output import shorten_help as _shorten_help
from lakebed.cli.run import main

_shorten_help(app)

__all__ = ["app", "main"]
