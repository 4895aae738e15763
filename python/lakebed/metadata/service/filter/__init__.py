"""Filter queries: one boolean expression of GoogleSQL about nodes and their neighbours, translated to bound SQL.

`scan` takes literals and quoted names out of the text, sqlglot parses what is left, `expressions` gives every part a
type, `columns` knows the names and the tables behind them, `compile` puts the condition together.
"""

from __future__ import annotations

from lakebed.metadata.service.filter.compile import compile_filter

__all__ = ["compile_filter"]
