"""Columns as Polars has them: times whose zone it does not know are in UTC, which is the same instants.

Polars takes the zones of the time zone database by their names, and panics at others, such as `+05:30`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from lakebed.typing import ArrowSchemaExportable


def polars_schema(columns: ArrowSchemaExportable) -> pl.Schema:
    """Give the columns of data files, a table or a schema as Polars has them. Loads nothing but Polars where it can.

    Args:
        columns: Anything with a schema; where it has `zones`, those are the time zones that its types name.

    Returns:
        The types by name; `UTC` in the place of zones that Polars does not know.

    Example:
        >>> import pyarrow as pa
        >>> polars_schema(pa.schema([("t", pa.timestamp("us", "+05:30"))]))
        Schema([('t', Datetime(time_unit='us', time_zone='UTC'))])
    """
    import polars as pl

    zones = getattr(columns, "zones", None)
    if zones is not None and all(_is_known(zone) for zone in zones):
        return pl.Schema(columns)
    import pyarrow as pa

    return pl.Schema(known_zones(pa.schema(columns)))


def known_zones(schema: pa.Schema) -> pa.Schema:
    """Give a schema whose zones Polars knows.

    Args:
        schema: n columns.

    Returns:
        The same columns, with `UTC` in the place of other zones, nested ones too.

    Example:
        >>> import pyarrow as pa
        >>> known_zones(pa.schema([("t", pa.list_(pa.timestamp("s", "+05:30")))])).field("t").type.value_type.tz
        'UTC'
    """
    import pyarrow as pa

    return pa.schema([field.with_type(_known(field.type)) for field in schema], metadata=schema.metadata)


def _known(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return kind if kind.tz is None or _is_known(kind.tz) else pa.timestamp(kind.unit, "UTC")
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_known(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_known(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_known(field.type)) for field in kind])
    return kind


@cache
def _is_known(zone: str) -> bool:
    import polars as pl

    if zone == "UTC":
        return True
    try:
        pl.Series([], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)
    except pl.exceptions.ComputeError:
        return False
    return True
