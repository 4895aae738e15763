"""SQL over every version of every table: `query` reads text and returns a lazy `Result`.

Text means what it means in DuckDB, and what cannot be computed so is refused by name. Known differences: MAX passes
over NaN; `x % 0` and `x // 0` are null instead of an error; integers wrap beyond 64 bits; a sum of integers is
BIGINT; `any_value` is the smallest value; UPPER and LOWER follow Unicode's full case mapping, so that `ß` becomes `SS`;
TRY_CAST of text to a number reads no `_` and no hexadecimal. sqlglot and Polars are imported at the first query, not
with this package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakebed.sql.execute import query
    from lakebed.sql.result import Result, TableRead

_HOMES = {"Result": "result", "TableRead": "result", "query": "execute"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = ["Result", "TableRead", "query"]
