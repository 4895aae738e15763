"""What Lakebed does: one function for each public verb, and the one writer of lineage.

The parts are imported at the first use of a name of this package: reading a table needs none of lineage.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakebed.pipeline.changes import Changes
    from lakebed.pipeline.expectations import Expectations
    from lakebed.pipeline.inspect import Comparison
    from lakebed.pipeline.run import Run
    from lakebed.pipeline.session import Session

__all__ = ["Changes", "Comparison", "Expectations", "Run", "Session"]

_HOMES = {
    "Changes": "changes",
    "Comparison": "inspect",
    "Expectations": "expectations",
    "Run": "run",
    "Session": "session",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
