"""Running a query: parse, bind, rewrite, then Polars' SQL front end over the scans of the bound tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed.catalog import Catalog, Source, VersionSpec
from lakebed.expression.dialect import to_polars_sql
from lakebed.sql.bind import BoundTable, Statement, bind
from lakebed.sql.failures import translated
from lakebed.sql.parse import parse_query
from lakebed.sql.result import Result, TableRead
from lakebed.sql.rewrite import ONE_ROW, rewrite

if TYPE_CHECKING:
    import polars as pl


def query(text: str, catalog: Catalog, *, dialect: str = "duckdb", version: VersionSpec = None) -> Result:
    """Prepare a query; it runs when rows are asked for.

    Names are resolved and types checked at once, against the commits that the versions mean now: what is committed
    later does not change the result. Names match without regard to case. Nulls sort last in both directions. Text that
    meets a zoned timestamp is read as UTC, and zoned timestamps come out in UTC.

    Args:
        text: One SELECT, WITH, VALUES, UNION or the like. A table may carry a version:
            `flights AT (VERSION => 'january')`, `AT (TIMESTAMP => '2013-01-31')`, `FOR VERSION AS OF 'january'`,
            `FOR TIMESTAMP AS OF ...`, `FOR SYSTEM_TIME AS OF ...`.
        catalog: Finds tables and table functions.
        dialect: The sqlglot dialect of `text`; also its order of nulls, where the text does not say.
        version: The version of tables without a version clause; None is the head of the current branch.

    Returns:
        The result, not computed yet.

    Raises:
        SqlSyntaxError: The text is broken; the message shows where.
        SqlUnsupportedError: A statement that is no query, or a construct without an exact equivalent in Polars.
        TableNotFoundError: A table that does not exist at its version.
        VersionNotFoundError: A version that does not exist.
        ColumnNotFoundError: A column that does not exist.
        AmbiguousNameError: A name that means several things.
        SqlError: Values of types that do not fit.

    Example:
        >>> query("SELECT 1 + 1 AS two, 'a' AS letter", Catalog()).rows()
        [(2, 'a')]
    """
    tree = parse_query(text, dialect=dialect)
    statement = bind(tree, text, catalog, version=version)
    written = to_polars_sql(rewrite(tree, statement))
    names = {table.private: table.shown for table in statement.tables.values()}
    with translated(names):
        frame = _run(written, statement)
    return Result(text, frame, tables=_reads(statement), names=names)


def _run(written: str, statement: Statement) -> pl.LazyFrame:
    import polars as pl

    frames = {table.private: _frame(table) for table in statement.tables.values()}
    frames[ONE_ROW] = pl.LazyFrame({"row": [0]})
    context = pl.SQLContext(frames=frames, register_globals=False, eager=False)
    found: pl.LazyFrame = context.execute(written)
    # Polars is lazy about mistakes too; the schema brings them out before a row is read.
    found.collect_schema()
    renames = {name: shown for name, shown in statement.outputs if name != shown}
    return found.rename(renames) if renames else found


def _frame(table: BoundTable) -> pl.LazyFrame:
    """Scan a table, with the spelling of columns that the rewritten text has, and with times in UTC."""
    import polars as pl

    frame = table.rows.scan(where=table.where) if isinstance(table.rows, Source) else table.rows
    renames = {real: name for name, real in table.spelled.items() if name != real}
    if renames:
        frame = frame.rename(renames)
    zoned = [
        name
        for name, real in table.spelled.items()
        if (zone := getattr(table.schema.field(real).type, "tz", None)) is not None and zone != "UTC"
    ]
    return frame.with_columns(pl.col(*zoned).dt.convert_time_zone("UTC")) if zoned else frame


def _reads(statement: Statement) -> tuple[TableRead, ...]:
    found = [
        TableRead(table.rows.name, table.rows.version, table.rows.commit)
        for table in statement.tables.values()
        if isinstance(table.rows, Source)
    ]
    return tuple(dict.fromkeys(found))
