"""Row-level change inside of a transaction: delete and update by a SQL condition.

The rows that match are found in the files as the transaction sees them, what it staged before included; the core then
takes them away by their ids, and writes changed rows to new files under the ids that they had.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lakebed.errors import ColumnNotFoundError, InvalidArgumentError, SchemaMismatchError
from lakebed.expression.zones import polars_schema
from lakebed.storage.frames import ROW_ID, SEQUENCE
from lakebed.storage.predicate import to_json

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from lakebed._core import FileSet
    from lakebed._core import Transaction as CoreTransaction
    from lakebed.storage.handle import Handle

_PLAIN = (bool, int, float, bytes, Decimal, dt.date, dt.time)


def delete(handle: Handle, core: CoreTransaction, name: str, where: str | pl.Expr) -> int:
    """Delete the rows for which a condition is true.

    Args:
        handle: The open warehouse.
        core: The transaction.
        name: The table.
        where: SQL condition over its columns, or a Polars one.

    Returns:
        Number of rows that are gone.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2, 3]}))
        >>> with wh.transaction() as tx:
        ...     tx.delete("t", where="a > 1")
        2
    """
    ids = _matching(handle, core, name, where).select(ROW_ID).collect(engine="streaming")
    return core.delete_rows(name, ids) if ids.height else 0


def update(
    handle: Handle, core: CoreTransaction, name: str, values: Mapping[str, Any], where: str | pl.Expr | None
) -> int:
    """Give columns new values in the rows for which a condition is true.

    Args:
        handle: The open warehouse.
        core: The transaction.
        name: The table.
        values: SQL or Polars expression over the row as it was, or a plain value that is no text, by column.
        where: SQL or Polars condition; None for all rows.

    Returns:
        Number of rows that were changed.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> _ = wh.write("t", pl.DataFrame({"a": [1, 2, 3]}))
        >>> with wh.transaction() as tx:
        ...     tx.update("t", {"a": "a * 10"}, where="a > 1")
        2
    """
    import polars as pl
    import pyarrow as pa

    schema = pa.schema(core.files(name))
    if not values:
        raise InvalidArgumentError(f"an update of table {name!r} changes no column; give {{column: expression}}")
    types = polars_schema(schema)
    changed = {column: _expression(column, value, name, schema) for column, value in values.items()}
    columns = [
        changed[column].cast(kind, strict=True).alias(column) if column in changed else pl.col(column)
        for column, kind in types.items()
    ]
    frame = _matching(handle, core, name, where)
    return move_rows(core, name, frame.select(ROW_ID, *columns), schema)


def move_rows(core: CoreTransaction, name: str, frame: pl.LazyFrame, schema: pa.Schema) -> int:
    """Write rows under the ids that stand in their first column, in the place of those that had them.

    Args:
        core: The transaction.
        name: The table.
        frame: The ids as `_row_id`, then every column of the table.
        schema: The table's columns.

    Returns:
        Number of rows.

    Raises:
        SchemaMismatchError: A value does not fit its column.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> t = wh.write("t", pl.DataFrame({"a": [1, 2]}))
        >>> t.update({"a": "0"}, where="a = 2").scan().pl()["a"].to_list()
        [1, 0]
    """
    import polars as pl

    wide = frame.select(ROW_ID, pl.lit(0, dtype=pl.UInt64).alias(SEQUENCE), pl.exclude(ROW_ID))
    try:
        stream = _stream(wide, schema)
        return 0 if stream is None else core.update_rows(name, stream)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise SchemaMismatchError(f"table {name!r}: a new value does not fit its column: {reason}") from None


def view(handle: Handle, files: FileSet) -> pl.LazyFrame:
    """Read files with the ids of their rows.

    Args:
        handle: The open warehouse.
        files: The files.

    Returns:
        `_row_id`, `_sequence`, then the columns.

    Raises:
        InvalidArgumentError: A column of the table has one of these names.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> wh.write("t", pl.DataFrame({"a": [1]})).lazy(row_ids=True).collect_schema().names()
        ['_row_id', '_sequence', 'a']
    """
    import pyarrow as pa

    for taken in {ROW_ID, SEQUENCE} & set(pa.schema(files).names):
        raise InvalidArgumentError(f"rows cannot be changed where a column is called {taken!r}; rename it first")
    return handle.scan_files(files, row_ids=True)


def _matching(handle: Handle, core: CoreTransaction, name: str, where: str | pl.Expr | None) -> pl.LazyFrame:
    import polars as pl
    import pyarrow as pa

    from lakebed.expression import parse_predicate

    if where is None:
        return view(handle, core.files(name))
    if isinstance(where, pl.Expr):
        frame = view(handle, core.files(name)).filter(where)
        _check_expression(frame, name)
        return frame
    types = {field.name: field.type for field in pa.schema(core.files(name))}
    predicate = parse_predicate(where, types)
    pruning = None if predicate.core is None else to_json(predicate.core, types)
    return view(handle, core.files(name, pruning)).filter(predicate.polars)


def _check_expression(frame: pl.LazyFrame, table: str) -> None:
    """Columns and types of a Polars expression, before any row is read."""
    import polars as pl

    try:
        frame.collect_schema()
    except pl.exceptions.ColumnNotFoundError as error:
        raise ColumnNotFoundError(f"table {table!r} has no such column: {str(error).splitlines()[0]}") from None
    except pl.exceptions.PolarsError as error:
        raise InvalidArgumentError(f"table {table!r}: {str(error).splitlines()[0]}") from None


def _expression(column: str, value: Any, table: str, schema: pa.Schema) -> pl.Expr:
    import polars as pl

    from lakebed.expression import nearest_names, parse_scalar

    if column not in schema.names:
        near = nearest_names(column, schema.names)
        hint = f"did you mean {', '.join(map(repr, near))}?" if near else f"it has {', '.join(schema.names)}"
        raise ColumnNotFoundError(f"column {column!r} not found in table {table!r}; {hint}")
    if isinstance(value, str):
        return parse_scalar(value, {field.name: field.type for field in schema}).polars
    if isinstance(value, pl.Expr):
        _check_expression(pl.LazyFrame(schema=polars_schema(schema)).select(value), table)
        return value
    if value is None or isinstance(value, _PLAIN):
        return pl.lit(value)
    kind = type(value).__name__
    raise InvalidArgumentError(f"the new value of column {column!r} is a {kind}; give SQL text or a plain value")


def _stream(frame: pl.LazyFrame, schema: pa.Schema) -> pa.RecordBatchReader | None:
    """The rows as they are made; None if there are none."""
    import pyarrow as pa

    chunks = (chunk for chunk in frame.collect_batches(maintain_order=True, engine="streaming") if chunk.height)
    first = next(chunks, None)
    if first is None:
        return None
    arrow = first.to_arrow()

    def batches() -> Iterator[pa.RecordBatch]:
        yield from arrow.to_batches()
        for chunk in chunks:
            yield from chunk.to_arrow().to_batches()

    del schema
    return pa.RecordBatchReader.from_batches(arrow.schema, batches())
