"""Schema evolution inside of a transaction: columns by name and type, as the core takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakebed._core import add_column as _add_column
from lakebed._core import drop_column as _drop_column
from lakebed._core import rename_column as _rename_column
from lakebed._core import reorder_columns as _reorder_columns
from lakebed._core import retype_column as _retype_column
from lakebed._core import set_layout as _set_layout
from lakebed._core import set_note as _set_note
from lakebed._core import set_nullable as _set_nullable
from lakebed.errors import InvalidArgumentError, LayoutError, UnsupportedTypeError
from lakebed.storage.definition import Note, to_path

if TYPE_CHECKING:
    import pyarrow as pa

    from lakebed._core import Transaction as CoreTransaction

_NAMES = {"str": "string", "int": "int64", "float": "float64", "date": "date32", "timestamp": "timestamp[us]"}


def to_arrow_type(kind: Any) -> pa.DataType:
    """Read a type.

    Args:
        kind: An Arrow type, a Polars type, or a name such as `"int64"`, `"string"`, `"date"` or `"timestamp[us]"`.

    Returns:
        The Arrow type.

    Raises:
        UnsupportedTypeError: There is no such type.

    Example:
        >>> import polars as pl
        >>> str(to_arrow_type("date")), str(to_arrow_type(pl.Int8))
        ('date32[day]', 'int8')
    """
    import pyarrow as pa

    if isinstance(kind, pa.DataType):
        return kind
    if isinstance(kind, str):
        try:
            return pa.type_for_alias(_NAMES.get(kind, kind))
        except ValueError:
            hint = "use a name such as int64, float64, string, date or timestamp[us], or an Arrow or Polars type"
            raise UnsupportedTypeError(f"there is no type {kind!r}; {hint}") from None
    import polars as pl

    if isinstance(kind, pl.DataType) or (isinstance(kind, type) and issubclass(kind, pl.DataType)):
        frame = pl.DataFrame(schema={"x": kind})
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).schema.field(0).type
    raise UnsupportedTypeError(f"{kind!r} is no type; use a name such as 'int64', or an Arrow or Polars type")


def add_column(
    core: CoreTransaction, name: str, column: str | Sequence[str], kind: Any, *, default: Any, nullable: bool
) -> None:
    """Add a column or nested field at the end.

    Args:
        core: The transaction.
        name: The table.
        column: Its name, or the names that lead to it.
        kind: Its type, as `to_arrow_type` takes it.
        default: What rows have that were written without it; None for null.
        nullable: Whether nulls are allowed.

    Raises:
        InvalidArgumentError: The default is no value of the type.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> t = wh.write("t", pl.DataFrame({"a": [1]}))
        >>> t.add_column("b", "int64", default=7).scan().pl().rows()
        [(1, 7)]
    """
    import pyarrow as pa

    field = pa.field("x", to_arrow_type(kind), nullable=nullable)
    try:
        values = pa.array([] if default is None else [default], field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise InvalidArgumentError(f"the default {default!r} is no {field.type}: {error}") from None
    _add_column(core, name, to_path(column), pa.Table.from_arrays([values], schema=pa.schema([field])))


def drop_column(core: CoreTransaction, name: str, column: str | Sequence[str]) -> None:
    """Drop a column or nested field.

    Args:
        core: The transaction.
        name: The table.
        column: Its name, or the names that lead to it.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> wh.write("t", pl.DataFrame({"a": [1], "b": [2]})).drop_column("a").schema.names
        ['b']
    """
    _drop_column(core, name, to_path(column))


def rename_column(core: CoreTransaction, name: str, column: str | Sequence[str], to: str) -> None:
    """Give a column or nested field another name.

    Args:
        core: The transaction.
        name: The table.
        column: Its name, or the names that lead to it.
        to: The new name.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> wh.write("t", pl.DataFrame({"a": [1]})).rename_column("a", "b").scan().pl()["b"].to_list()
        [1]
    """
    _rename_column(core, name, to_path(column), to)


def reorder_columns(core: CoreTransaction, name: str, columns: Sequence[str]) -> None:
    """Put the columns into another order.

    Args:
        core: The transaction.
        name: The table.
        columns: All columns, each once.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> wh.write("t", pl.DataFrame({"a": [1], "b": [2]})).reorder_columns(["b", "a"]).scan().pl().rows()
        [(2, 1)]
    """
    _reorder_columns(core, name, list(columns))


def set_nullable(core: CoreTransaction, name: str, column: str | Sequence[str], *, nullable: bool) -> None:
    """Allow or forbid nulls.

    Args:
        core: The transaction.
        name: The table.
        column: Its name, or the names that lead to it.
        nullable: Whether nulls are allowed.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> wh.write("t", pl.DataFrame({"a": [1]})).set_nullable("a", False).schema.field("a").nullable
        False
    """
    _set_nullable(core, name, to_path(column), nullable)


def change_type(core: CoreTransaction, name: str, column: str | Sequence[str], kind: Any, *, narrowing: bool) -> None:
    """Give a column or nested field another type.

    Args:
        core: The transaction.
        name: The table.
        column: Its name, or the names that lead to it.
        kind: The new type, as `to_arrow_type` takes it.
        narrowing: Whether the new type may hold fewer values; each value that is there must fit it.

    Raises:
        NarrowingError: The new type holds fewer values and `narrowing` does not say so.
        EvolutionError: There is no way from the one type to the other, or a value does not fit.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> t = wh.write("t", pl.DataFrame({"a": [1]}, schema={"a": pl.Int8}))
        >>> str(t.change_type("a", "int64").schema.field("a").type)
        'int64'
    """
    import pyarrow as pa

    frame = pa.schema([pa.field("x", to_arrow_type(kind))]).empty_table()
    _retype_column(core, name, to_path(column), frame, narrowing=narrowing)


def set_layout(
    core: CoreTransaction,
    name: str,
    sort_by: str | Sequence[str],
    bucket_by: str | Sequence[str],
    n_buckets: int | None,
) -> None:
    """Say how rows are laid out from now on.

    Args:
        core: The transaction.
        name: The table.
        sort_by: Columns by which the rows of each file ascend.
        bucket_by: Columns whose hash says which rows share files.
        n_buckets: Number of buckets; None for 16, or for none without `bucket_by`.

    Raises:
        LayoutError: There is no such column, or it has no order.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> t = wh.write("t", pl.DataFrame({"a": [1]}))
        >>> t.set_layout(sort_by="a").layout
        Layout(sort_by=('a',), bucket_by=(), n_buckets=0)
    """
    buckets = to_path(bucket_by)
    count = (16 if buckets else 0) if n_buckets is None else n_buckets
    if count < 0:
        raise LayoutError(f"table {name!r} cannot have {count} buckets; give 1 or more")
    _set_layout(core, name, to_path(sort_by), buckets, count)


def set_note(core: CoreTransaction, name: str, column: str | Sequence[str], note: Note) -> None:
    """Say what a table or a column is.

    Args:
        core: The transaction.
        name: The table.
        column: A column, or the names that lead to a nested field; nothing for the table.
        note: Comment, owners and tags, which replace the present ones.

    Raises:
        ColumnNotFoundError: There is no such column.

    Example:
        >>> import lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> t = wh.write("t", pl.DataFrame({"a": [1]}))
        >>> t.set_note(comment="a test", owners=["Ada"]).note()
        Note(comment='a test', owners=('Ada',), tags=())
    """
    _set_note(core, name, to_path(column), note.comment, list(note.owners), list(note.tags))
