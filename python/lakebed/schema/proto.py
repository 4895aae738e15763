"""Conversion between the protos of tensorflow-metadata and text, bytes and plain Python values.

The generated modules are imported at the first use, never when this module is imported, since that costs tens of
milliseconds that a user of other rooms should not pay. Bytes are deterministic: equal messages give equal bytes within
one version of protobuf, so they can be stored by content. Nothing here reads or writes files.
"""

from __future__ import annotations

import struct
from typing import Any, TypeVar

from lakebed.errors import InvalidArgumentError

Message = TypeVar("Message", bound=Any)


def load() -> Any:
    """Import the generated module of the `Schema` protos.

    Returns:
        The module `tensorflow_metadata.proto.v0.schema_pb2`.

    Example:
        >>> load().Schema().ByteSize()
        0
    """
    from tensorflow_metadata.proto.v0 import schema_pb2

    return schema_pb2


def copy(message: Message) -> Message:
    """Copy a message, so that edits to the copy leave the original as it is.

    Args:
        message: Any protobuf message.

    Returns:
        A message of the same class and content.

    Example:
        >>> feature = load().Feature(name="dest")
        >>> copy(feature) == feature, copy(feature) is feature
        (True, False)
    """
    twin: Message = type(message)()
    twin.CopyFrom(message)
    return twin


def to_text(message: Any) -> str:
    """Write a message in protobuf's text format.

    Args:
        message: Any protobuf message.

    Returns:
        Text in UTF-8 characters (not octal escapes), one field a line.

    Example:
        >>> print(to_text(load().Feature(name="dest")), end="")
        name: "dest"
    """
    from google.protobuf import text_format

    return str(text_format.MessageToString(message, as_utf8=True))


def from_text(text: str, message: Message, what: str) -> Message:
    """Read protobuf's text format into a message.

    Args:
        text: The text format of the message's class.
        message: An empty message; it is filled and returned.
        what: What is being read, for the error: "schema".

    Returns:
        `message`.

    Raises:
        InvalidArgumentError: The text is not the text format of that class; the message has line and column.

    Example:
        >>> from_text('name: "dest"', load().Feature(), "feature").name
        'dest'
    """
    from google.protobuf import text_format

    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        raise InvalidArgumentError(
            f"cannot read the {what}: expected the text format of {message.DESCRIPTOR.full_name}, "
            f"but at line and column {error}; correct the text there"
        ) from error
    return message


def to_bytes(message: Any) -> bytes:
    r"""Write a message in protobuf's binary format, map entries in a fixed order.

    Args:
        message: Any protobuf message.

    Returns:
        The bytes; equal messages give equal bytes.

    Example:
        >>> to_bytes(load().Feature(name="dest"))
        b'\n\x04dest'
    """
    return bytes(message.SerializeToString(deterministic=True))


def from_bytes(data: bytes, message: Message, what: str) -> Message:
    r"""Read protobuf's binary format into a message.

    Args:
        data: The bytes of a message of that class.
        message: An empty message; it is filled and returned.
        what: What is being read, for the error: "schema".

    Returns:
        `message`.

    Raises:
        InvalidArgumentError: The bytes are not a message of that class.

    Example:
        >>> from_bytes(b"\n\x04dest", load().Feature(), "feature").name
        'dest'
    """
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise InvalidArgumentError(
            f"cannot read the {what}: the {len(data)} bytes are no {message.DESCRIPTOR.full_name}; "
            f"pass the bytes that to_bytes() gave"
        ) from error
    return message


def to_plain(message: Any) -> dict[str, Any]:
    """Describe a message by plain values: dicts, lists, strings, numbers, the names of enum values.

    Args:
        message: Any protobuf message.

    Returns:
        The fields that are set, by their proto names. 64-bit integers stay integers, 32-bit floats are given by their
        shortest decimal form, bytes are escaped text.

    Example:
        >>> to_plain(load().Feature(name="dest", type=1, float_domain=load().FloatDomain(min=0.1)))
        {'name': 'dest', 'type': 'BYTES', 'float_domain': {'min': 0.1}}
    """
    plain: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            plain[field.name] = {key: _plain_value(field.message_type.fields[1], item) for key, item in value.items()}
        elif hasattr(value, "append") or hasattr(value, "add"):
            plain[field.name] = [_plain_value(field, item) for item in value]
        else:
            plain[field.name] = _plain_value(field, value)
    return plain


def shortest_float32(value: float) -> float:
    """Give the shortest decimal number that reads back as the same 32-bit float.

    Args:
        value: A number as a 32-bit proto field returns it.

    Returns:
        The 64-bit float with the fewest digits that rounds to the same 32-bit float.

    Example:
        >>> shortest_float32(0.10000000149011612)
        0.1
    """
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if _as_float32(short) == value:
            return short
    return value


def _as_float32(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return value


def _plain_value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return to_plain(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if field.cpp_type == field.CPPTYPE_FLOAT:
        return shortest_float32(value)
    return value
