"""One spelling for each name: SQL ignores case, Polars does not.

A name is spelled as the table that has it, else as the alias that defines it. Where two tables differ in case, the
second one's column is renamed in its frame. Where one table has two columns that differ in case alone, those names
are left as written, so that the exact one is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from sqlglot import exp

from lakebed.sql.bind import Statement

WRITTEN = "written"
"""Key of an identifier's `meta` under which the user's own spelling is kept."""


def spell_names(tree: exp.Expr, statement: Statement) -> exp.Expr:
    """Give every identifier its one spelling, and note for each table which of its columns have another one.

    Args:
        tree: A bound query, changed in place.
        statement: Its tables; `spelled` of each is filled.

    Returns:
        The tree.

    Example:
        >>> import sqlglot
        >>> tree = sqlglot.parse_one("SELECT Total FROM (SELECT 1 AS total) AS T ORDER BY t.TOTAL")
        >>> spell_names(tree, Statement("")).sql()
        'SELECT "total" FROM (SELECT 1 AS "total") AS "T" ORDER BY "T"."total"'
    """
    speller = _Speller(statement)
    speller.learn_aliases(tree)
    for node in tree.find_all(exp.Identifier):
        node.meta[WRITTEN] = node.name
        node.set("this", speller.spell(node.name))
        node.set("quoted", True)
    for table in statement.tables.values():
        table.spelled = {speller.spell(name): real for name, real in zip(table.names, table.schema.names, strict=True)}
    return tree


class _Speller:
    """The spelling of each name, by its lower-case form; names in `exact` stay as they are."""

    def __init__(self, statement: Statement) -> None:
        self._spelled: dict[str, str] = {}
        self._exact: set[str] = set()
        for table in statement.tables.values():
            self._learn(table.names)
        for table in statement.tables.values():
            # Fields of structs cannot be renamed in the frame, so a conflict leaves them as written.
            for column in table.schema:
                for names in _field_names(column.type):
                    self._learn(names)
                    self._exact.update(name for name in names if self._spelled.get(name.lower()) != name)

    def learn_aliases(self, tree: exp.Expr) -> None:
        for node in tree.find_all(exp.Alias, exp.TableAlias):
            made = node.args.get("alias") if isinstance(node, exp.Alias) else node.this
            for name in (made, *(node.columns if isinstance(node, exp.TableAlias) else ())):
                if isinstance(name, exp.Identifier):
                    self._spelled.setdefault(name.name.lower(), name.name)

    def spell(self, name: str) -> str:
        return name if name in self._exact else self._spelled.get(name.lower(), name.lower())

    def _learn(self, names: list[str]) -> None:
        seen: dict[str, str] = {}
        for name in names:
            other = seen.setdefault(name.lower(), name)
            if other != name:
                self._exact.update((name, other))
            self._spelled.setdefault(name.lower(), name)


def _field_names(arrow: pa.DataType) -> Iterator[list[str]]:
    if pa.types.is_struct(arrow):
        fields = [arrow.field(i) for i in range(arrow.num_fields)]
        yield [field.name for field in fields]
        for field in fields:
            yield from _field_names(field.type)
    elif pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        yield from _field_names(arrow.value_type)
