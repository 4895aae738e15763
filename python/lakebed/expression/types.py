"""Arrow types as SQL types, and questions about the SQL type of a node.

`sql_type` maps what a table holds to what sqlglot's type inference understands; the `is_...` questions read the type
that inference left on a node. A node of unknown type answers False to all of them.
"""

from __future__ import annotations

import pyarrow as pa
from sqlglot import exp

_SIMPLE: dict[pa.DataType, exp.DType] = {
    pa.bool_(): exp.DType.BOOLEAN,
    pa.int8(): exp.DType.TINYINT,
    pa.int16(): exp.DType.SMALLINT,
    pa.int32(): exp.DType.INT,
    pa.int64(): exp.DType.BIGINT,
    pa.uint8(): exp.DType.UTINYINT,
    pa.uint16(): exp.DType.USMALLINT,
    pa.uint32(): exp.DType.UINT,
    pa.uint64(): exp.DType.UBIGINT,
    pa.float16(): exp.DType.FLOAT,
    pa.float32(): exp.DType.FLOAT,
    pa.float64(): exp.DType.DOUBLE,
    pa.date32(): exp.DType.DATE,
    pa.date64(): exp.DType.DATE,
}

INTEGERS = frozenset(
    {
        exp.DType.TINYINT,
        exp.DType.SMALLINT,
        exp.DType.INT,
        exp.DType.BIGINT,
        exp.DType.INT128,
        exp.DType.UTINYINT,
        exp.DType.USMALLINT,
        exp.DType.UINT,
        exp.DType.UBIGINT,
        exp.DType.UINT128,
    }
)
FLOATS = frozenset({exp.DType.FLOAT, exp.DType.DOUBLE})
DECIMALS = frozenset({exp.DType.DECIMAL, exp.DType.BIGDECIMAL})
TEXTS = frozenset({exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR, exp.DType.NCHAR, exp.DType.NVARCHAR})
DATES = frozenset({exp.DType.DATE})
NAIVE_TIMES = frozenset(
    {
        exp.DType.TIMESTAMP,
        exp.DType.TIMESTAMPNTZ,
        exp.DType.DATETIME,
        exp.DType.TIMESTAMP_S,
        exp.DType.TIMESTAMP_MS,
        exp.DType.TIMESTAMP_NS,
    }
)
ZONED_TIMES = frozenset({exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPLTZ})
TEMPORALS = DATES | NAIVE_TIMES | ZONED_TIMES
NUMBERS = INTEGERS | FLOATS | DECIMALS
BOOLEANS = frozenset({exp.DType.BOOLEAN})
INTERVALS = frozenset({exp.DType.INTERVAL})
LISTS = frozenset({exp.DType.ARRAY, exp.DType.LIST})


def sql_type(arrow: pa.DataType) -> exp.DataType:
    """Return the SQL type for an Arrow type.

    Args:
        arrow: Any Arrow type.

    Returns:
        The type; `UNKNOWN` for types that SQL text cannot compare, such as a map.

    Example:
        >>> sql_type(pa.timestamp("us", "UTC")).sql("duckdb")
        'TIMESTAMPTZ'
    """
    simple = _SIMPLE.get(arrow)
    if simple is not None:
        return exp.DataType(this=simple)
    if pa.types.is_dictionary(arrow):
        return sql_type(arrow.value_type)
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow) or pa.types.is_fixed_size_list(arrow):
        return exp.DataType(this=exp.DType.ARRAY, expressions=[sql_type(arrow.value_type)], nested=True)
    if pa.types.is_struct(arrow):
        return _struct_type(arrow)
    return exp.DataType(this=_plain_kind(arrow))


def kind_of(node: exp.Expr) -> exp.DType:
    """Return the kind of type that inference found for a node.

    Args:
        node: A node of an annotated tree.

    Returns:
        The kind; `UNKNOWN` where inference found none.

    Example:
        >>> kind_of(exp.true()).name
        'UNKNOWN'
    """
    found = node.type
    kind = found.this if isinstance(found, exp.DataType) else None
    return kind if isinstance(kind, exp.DType) else exp.DType.UNKNOWN


def has_kind(node: exp.Expr, *kinds: frozenset[exp.DType]) -> bool:
    """Say whether a node's type is one of some groups of types.

    Args:
        node: A node of an annotated tree.
        kinds: Groups of this module, such as `INTEGERS`.

    Returns:
        False where the type is unknown.

    Example:
        >>> node = exp.cast(exp.column("a"), "INT"); node.type = "INT"
        >>> has_kind(node, INTEGERS)
        True
    """
    return any(kind_of(node) in group for group in kinds)


def is_known(node: exp.Expr) -> bool:
    """Say whether inference found a type for a node.

    Args:
        node: A node of an annotated tree.

    Returns:
        False for nodes without a type and for bare NULLs.

    Example:
        >>> is_known(exp.column("a"))
        False
    """
    return kind_of(node) not in (exp.DType.UNKNOWN, exp.DType.NULL)


def _struct_type(arrow: pa.DataType) -> exp.DataType:
    fields = [
        exp.ColumnDef(
            this=exp.to_identifier(arrow.field(i).name, quoted=True),
            kind=sql_type(arrow.field(i).type),
        )
        for i in range(arrow.num_fields)
    ]
    return exp.DataType(this=exp.DType.STRUCT, expressions=fields, nested=True)


def _plain_kind(arrow: pa.DataType) -> exp.DType:
    if pa.types.is_timestamp(arrow):
        return exp.DType.TIMESTAMPTZ if arrow.tz else exp.DType.TIMESTAMP
    if pa.types.is_decimal(arrow):
        return exp.DType.DECIMAL
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow):
        return exp.DType.TEXT
    if pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow) or pa.types.is_binary_view(arrow):
        return exp.DType.BINARY
    if pa.types.is_time(arrow):
        return exp.DType.TIME
    if pa.types.is_duration(arrow) or pa.types.is_interval(arrow):
        return exp.DType.INTERVAL
    return exp.DType.UNKNOWN
