"""What Lakebed does: one function for each public verb, and the one writer of lineage."""

from __future__ import annotations

from lakebed.pipeline.changes import Changes
from lakebed.pipeline.expectations import Expectations
from lakebed.pipeline.inspect import Comparison
from lakebed.pipeline.run import Run
from lakebed.pipeline.session import Session

__all__ = ["Changes", "Comparison", "Expectations", "Run", "Session"]
