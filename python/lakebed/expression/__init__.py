"""SQL scalar and boolean text over one table: a core predicate for skipping files and an exact Polars expression.

The rules for names, types and functions live here once, for predicates and for whole SELECT statements alike. sqlglot
and Polars are imported at the first use of a name of this package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakebed.expression.from_polars import polars_predicate
    from lakebed.expression.names import match_name, nearest_names, suggestion
    from lakebed.expression.predicate import Predicate, Scalar, parse_predicate, parse_scalar
    from lakebed.expression.pruning import CorePredicate, core_predicate
    from lakebed.expression.scalar import function_names

_HOMES = {
    "CorePredicate": "pruning",
    "Predicate": "predicate",
    "Scalar": "predicate",
    "core_predicate": "pruning",
    "function_names": "scalar",
    "match_name": "names",
    "nearest_names": "names",
    "parse_predicate": "predicate",
    "parse_scalar": "predicate",
    "polars_predicate": "from_polars",
    "suggestion": "names",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "CorePredicate",
    "Predicate",
    "Scalar",
    "core_predicate",
    "function_names",
    "match_name",
    "nearest_names",
    "parse_predicate",
    "parse_scalar",
    "polars_predicate",
    "suggestion",
]
