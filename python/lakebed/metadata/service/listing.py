"""Lists of nodes: conditions, order, pages.

Without options a list holds everything, by ascending id. With options it holds one page, and a token where more follow.
A token is web-safe base64 without padding of a `ListOperationNextPageToken`. A page may be as large as asked for:
nothing is cut silently.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from lakebed.metadata.messages import message_class
from lakebed.metadata.sources.rows import NodeKind, nodes_of_rows, read_nodes
from lakebed.metadata.sources.session import Condition, Session
from lakebed.metadata.status import InvalidArgumentError

ListOperationOptions = message_class("ListOperationOptions")
_Token = message_class("ListOperationNextPageToken")

_CREATE_TIME, _LAST_UPDATE_TIME, _ID = 1, 2, 3
_ORDER_COLUMNS = {
    _CREATE_TIME: "create_time_since_epoch",
    _LAST_UPDATE_TIME: "last_update_time_since_epoch",
    _ID: "id",
}


def list_nodes(
    session: Session,
    kind: NodeKind,
    options: Any | None,
    type_names: dict[int, str],
    conditions: Sequence[Condition] = (),
) -> tuple[list[Any], str | None]:
    """Nodes that meet the conditions and the options' filter, and the token of the next page."""
    if options is None:
        if not conditions:
            return list(read_nodes(session, kind, None, type_names).values()), None
        return _in_order(session, kind, list_ids(session, kind, conditions), type_names), None
    if options.max_result_size <= 0:
        raise InvalidArgumentError(
            "max_result_size field value is required to be greater than 0. Set value:"
            f"{options.max_result_size}; leave the options out for everything",
        )
    if options.order_by_field.field not in _ORDER_COLUMNS:
        raise InvalidArgumentError(
            "order_by_field.field is unspecified: set it to CREATE_TIME, LAST_UPDATE_TIME or ID, or leave it out",
        )
    token = _read_token(options)
    parts = [*conditions, *filter_conditions(session, kind, options.filter_query)]
    if token is not None:
        parts.append(_behind(options, token))
    column = _order_column(options)
    direction = "ASC" if options.order_by_field.is_asc else "DESC"
    order = f"n.id {direction}" if column == "id" else f"n.{column} {direction}, n.id {direction}"
    columns = ", ".join(f"n.{name}" for name in ("id", *kind.columns))
    sql = f"SELECT {columns} FROM {_from(kind, parts)}{_where(parts)} ORDER BY {order} LIMIT ?"
    rows = session.rows(sql, (*(value for part in parts for value in part.params), options.max_result_size + 1))
    page = rows[: options.max_result_size]
    nodes = nodes_of_rows(session, kind, page, type_names, [row[0] for row in page], kind.message)
    if len(rows) <= len(page):
        return list(nodes.values()), None
    position = ("id", *kind.columns).index(column)
    return list(nodes.values()), _write_token(options, [(row[0], row[position]) for row in page], token)


def list_ids(
    session: Session, kind: NodeKind, conditions: Sequence[Condition], tail: str = " ORDER BY n.id"
) -> list[int]:
    """Ids of the nodes that meet all conditions."""
    params = tuple(value for part in conditions for value in part.params)
    sql = f"SELECT n.id FROM {_from(kind, conditions)}{_where(conditions)}{tail}"
    return [row[0] for row in session.rows(sql, params)]


def filter_conditions(session: Session, kind: NodeKind, query: str) -> list[Condition]:
    """The condition of a filter query; none for an empty one."""
    if not query:
        return []
    # The parser is loaded by the first filter only: opening a store stays quick.
    from lakebed.metadata.service.filter import compile_filter

    return [compile_filter(session, kind, query)]


def _from(kind: NodeKind, conditions: Sequence[Condition]) -> str:
    return f"{''.join(part.tables for part in conditions)}{kind.table} AS n"


def _where(conditions: Sequence[Condition]) -> str:
    return f" WHERE {' AND '.join(f'({part.sql})' for part in conditions)}" if conditions else ""


def _in_order(session: Session, kind: NodeKind, ids: Sequence[int], type_names: dict[int, str]) -> list[Any]:
    found = read_nodes(session, kind, ids, type_names) if ids else {}
    return [found[node_id] for node_id in ids if node_id in found]


def _order_column(options: Any) -> str:
    return _ORDER_COLUMNS[options.order_by_field.field]


def _behind(options: Any, token: Any) -> Condition:
    """What lies behind the last row of the page before."""
    sign = ">" if options.order_by_field.is_asc else "<"
    column = _order_column(options)
    if column == "id":
        return Condition(f"n.id {sign} ?", (token.id_offset,))
    if token.listed_ids and not token.HasField("id_offset"):
        # As ML Metadata writes it: everything from that time on, but what was listed of it.
        marks = ", ".join("?" * len(token.listed_ids))
        sql = f"n.{column} {sign}= ? AND n.id NOT IN ({marks})"
        return Condition(sql, (token.field_offset, *token.listed_ids))
    sql = f"(n.{column} {sign} ? OR (n.{column} = ? AND n.id {sign} ?))"
    return Condition(sql, (token.field_offset, token.field_offset, token.id_offset))


def _write_token(options: Any, page: Sequence[tuple[int, int]], before: Any | None) -> str:
    last_id, last_value = page[-1]
    token = _Token(field_offset=last_value)
    token.set_options.CopyFrom(options)
    token.set_options.ClearField("next_page_token")
    if _order_column(options) == "last_update_time_since_epoch":
        listed = [row[0] for row in page if row[1] == last_value]
        if before is not None and before.field_offset == last_value and len(listed) == len(page):
            listed = [*before.listed_ids, *listed]
        token.listed_ids.extend(reversed(listed))
    else:
        token.id_offset = last_id
    return base64.urlsafe_b64encode(token.SerializeToString()).rstrip(b"=").decode()


def _read_token(options: Any) -> Any | None:
    text = options.next_page_token
    if not text:
        return None
    try:
        token = _Token.FromString(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, UnicodeError) as error:
        raise InvalidArgumentError(
            f"Failed to decode next page token string {text!r} ({error}); give the token of the page before as it was",
        ) from error
    except Exception as error:  # DecodeError is another class in each version of protobuf.
        raise InvalidArgumentError(
            f"Failed to parse next page token {text!r} ({error}); give the token of the page before as it was",
        ) from error
    if _settings(options) != _settings(token.set_options):
        raise InvalidArgumentError(
            f"ListOperationOptions mismatch between calls Initial Options: {_shown(token.set_options)}  "
            f"Current Options: "
            f"{_shown(options)}: order and filter must be the same for all pages of a list",
        )
    return token


def _settings(options: Any) -> tuple[Any, ...]:
    order = options.order_by_field
    return (_order_column(options), order.is_asc, options.filter_query)


def _shown(options: Any) -> str:
    copy = ListOperationOptions()
    copy.CopyFrom(options)
    copy.ClearField("next_page_token")
    return str(copy).replace("\n", " ").strip()
