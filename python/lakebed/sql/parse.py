"""From text to the tree of one query, or an error that says where it is broken or which method does it instead.

SQL here reads: SELECT, WITH, VALUES, UNION and the like. Changes to tables have methods of their own, since they take
Arrow data, record lineage and pass the gate; the error names the method.
"""

from __future__ import annotations

from sqlglot import exp

from lakebed.errors import SqlSyntaxError, SqlUnsupportedError
from lakebed.expression.syntax import first_word, parse_statements

_ADVICE = {
    "INSERT": "use `warehouse.write(name, frame)`; its mode is append unless you say otherwise",
    "REPLACE": "use `warehouse.write(name, frame, mode='overwrite')`",
    "UPDATE": "use `warehouse.table(name).update({column: expression}, where=...)`",
    "DELETE": "use `warehouse.table(name).delete(where=...)`",
    "MERGE": "use `warehouse.table(name).upsert(frame, key=[...])`",
    "UPSERT": "use `warehouse.table(name).upsert(frame, key=[...])`",
    "TRUNCATE": "use `warehouse.table(name).delete(where='TRUE')`",
    "CREATE": "use `warehouse.write(name, warehouse.sql(...))` to make a table of a result",
    "DROP": "tables are kept in every version; write a new version without the rows",
    "ALTER": "write a frame with the new columns; the schema follows by the rules of evolution",
    "COPY": "use `warehouse.sql(...).arrow()` or `.pl()` and write the file with them",
    "EXPORT": "use `warehouse.sql(...).arrow()` or `.pl()` and write the file with them",
    "IMPORT": "use `warehouse.write(name, frame)`",
    "LOAD": "extensions cannot be loaded",
    "INSTALL": "extensions cannot be installed",
    "SHOW": "use `warehouse.tables()`",
    "DESCRIBE": "use `warehouse.table(name).schema`",
    "DESC": "use `warehouse.table(name).schema`",
    "SUMMARIZE": "use `warehouse.statistics(name)`, which needs no scan",
    "ANALYZE": "use `warehouse.statistics(name)`; statistics are always up to date",
    "EXPLAIN": "use `print(warehouse.sql(...).lazy().explain())`",
    "BEGIN": "use `with warehouse.transaction() as tx: ...`",
    "START": "use `with warehouse.transaction() as tx: ...`",
    "COMMIT": "use `with warehouse.transaction() as tx: ...`",
    "ROLLBACK": "use `with warehouse.transaction() as tx: ...`",
    "ATTACH": "open the other warehouse with `lakebed.open` and join its frames",
    "DETACH": "open the other warehouse with `lakebed.open` and join its frames",
    "USE": "write the namespace in the name of the table, as in `sales.flights`",
    "SET": "pass options as arguments of `warehouse.sql`",
    "RESET": "pass options as arguments of `warehouse.sql`",
    "PRAGMA": "pass options as arguments of `warehouse.sql`",
    "CALL": "call table functions in FROM",
    "PIVOT": "use `warehouse.sql(...).pl().pivot(...)`",
    "UNPIVOT": "use `warehouse.sql(...).pl().unpivot(...)`",
    "GRANT": "access is set with `warehouse.access`",
    "REVOKE": "access is set with `warehouse.access`",
    "VACUUM": "use `warehouse.gc()`",
    "CHECKPOINT": "every commit is on disk when it returns",
    "PREPARE": "put the values into the text with their literals",
    "EXECUTE": "put the values into the text with their literals",
}


def parse_query(text: str, *, dialect: str = "duckdb") -> exp.Query:
    """Parse the one query of a text.

    Args:
        text: One statement; a semicolon may end it.
        dialect: The sqlglot dialect of `text`.

    Returns:
        The tree, with the position of each name.

    Raises:
        SqlSyntaxError: The text is broken, empty, or holds several statements.
        SqlUnsupportedError: The statement is no query; the message names the method that does it.

    Example:
        >>> parse_query("VALUES (1, 'a')").sql()
        "SELECT * FROM (VALUES (1, 'a')) AS vals(col0, col1)"
    """
    word = first_word(text, dialect=dialect)
    if word in _ADVICE:
        raise _unsupported(word)
    trees = parse_statements(text, dialect=dialect)
    if len(trees) > 1:
        raise SqlSyntaxError(f"the text holds {len(trees)} statements; run them one by one")
    tree = trees[0]
    if isinstance(tree, exp.Values):
        return _select_values(tree)
    if not isinstance(tree, exp.Query):
        raise _unsupported(tree.key.upper())
    return tree


def _unsupported(word: str) -> SqlUnsupportedError:
    advice = _ADVICE.get(word, "SQL reads only: write a SELECT")
    return SqlUnsupportedError(f"{word} is not supported in SQL, which only reads here; {advice}")


def _select_values(values: exp.Values) -> exp.Select:
    rows = values.expressions
    width = len(rows[0].expressions) if rows and isinstance(rows[0], exp.Tuple) else 1
    names = [exp.to_identifier(f"col{i}") for i in range(width)]
    values.set("alias", exp.TableAlias(this=exp.to_identifier("vals"), columns=names))
    return exp.select("*").from_(values)
