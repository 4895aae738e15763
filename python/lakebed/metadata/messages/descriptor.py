"""Definitions in short notation, turned into protobuf's file descriptors.

Knows the notation that `metadata_store.py` explains, and nothing of any particular message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pb2

Field: Any = descriptor_pb2.FieldDescriptorProto

SCALARS = {
    "int32": Field.TYPE_INT32,
    "int64": Field.TYPE_INT64,
    "double": Field.TYPE_DOUBLE,
    "bool": Field.TYPE_BOOL,
    "string": Field.TYPE_STRING,
}
_MARKS = frozenset({"repeated", "deprecated", "packed"})
SYSTEM_TYPE_EXTENSION = 384560917
"""Number of the option that names the system type of an enum value."""


def file_descriptor(
    name: str, definition: str, *, dependencies: Sequence[str], syntax: str = ""
) -> descriptor_pb2.FileDescriptorProto:
    r"""Return the descriptor of a file in package `ml_metadata`.

    Args:
        name: Path of the file, as other files import it.
        definition: Messages, enums and methods, in the notation of `lakebed.metadata.messages.metadata_store`.
        dependencies: Files that it imports.
        syntax: "proto3", or empty for proto2.

    Returns:
        The descriptor, ready for a pool that has the dependencies.

    Raises:
        ValueError: A line is in no such notation.

    Example:
        >>> found = file_descriptor("a.proto", "message A\n  1 id int64\n", dependencies=())
        >>> found.message_type[0].field[0].name
        'id'
    """
    file = descriptor_pb2.FileDescriptorProto(name=name, package="ml_metadata", dependency=dependencies)
    if syntax:
        file.syntax = syntax
    enums = {line.split()[1] for line in definition.splitlines() if line.startswith("enum ")}
    messages: dict[str, descriptor_pb2.DescriptorProto] = {}
    current: descriptor_pb2.DescriptorProto | None = None
    for line in definition.splitlines():
        words = line.split()
        if words[0] == "message":
            current = messages[words[1]] = _add_message(file, messages, words[1])
            current.options.deprecated = True if "deprecated" in words else current.options.deprecated
        elif words[0] == "enum":
            _add_enum(file, messages, words[1], words[2:])
        elif words[0] == "rpc":
            _add_method(file, words[1:])
        elif current is not None:
            _add_member(current, words, enums)
        else:
            raise ValueError(f"{name}: {line!r} stands in no message")
    for message in messages.values():
        if not message.options.deprecated:
            message.ClearField("options")
    return file


def _add_message(
    file: descriptor_pb2.FileDescriptorProto, messages: dict[str, descriptor_pb2.DescriptorProto], name: str
) -> descriptor_pb2.DescriptorProto:
    outer, _, own = name.rpartition(".")
    return messages[outer].nested_type.add(name=own) if outer else file.message_type.add(name=own)


def _add_enum(
    file: descriptor_pb2.FileDescriptorProto,
    messages: dict[str, descriptor_pb2.DescriptorProto],
    name: str,
    values: Sequence[str],
) -> None:
    outer, _, own = name.rpartition(".")
    enum = messages[outer].enum_type.add(name=own) if outer else file.enum_type.add(name=own)
    for value in values:
        label, _, rest = value.partition("=")
        number, _, system_type = rest.partition(":")
        added = enum.value.add(name=label, number=int(number))
        if system_type:
            added.options.MergeFromString(_system_type_option(system_type))


def _system_type_option(system_type: str) -> bytes:
    """The option as bytes, as protobuf's own pool does not know this extension: a message with a text as field 1."""
    inner = bytes([0x0A, len(system_type)]) + system_type.encode()
    return _varint(SYSTEM_TYPE_EXTENSION << 3 | 2) + _varint(len(inner)) + inner


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _add_method(file: descriptor_pb2.FileDescriptorProto, words: Sequence[str]) -> None:
    if not file.service:
        file.service.add(name="MetadataStoreService")
    name, request, response, *rest = words
    method = file.service[0].method.add(
        name=name, input_type=f".ml_metadata.{request}", output_type=f".ml_metadata.{response}"
    )
    if rest:
        method.options.deprecated = True


def _add_member(message: descriptor_pb2.DescriptorProto, words: Sequence[str], enums: set[str]) -> None:
    if words[0] == "reserved":
        message.reserved_range.add(start=int(words[1]), end=int(words[2]))
        return
    if words[0] == "extensions":
        message.extension_range.add(start=int(words[1]), end=int(words[2]))
        return
    number, name, *rest = words
    options = dict(word.partition("=")[::2] for word in rest)
    is_repeated = options.pop("repeated", None) is not None
    is_deprecated = options.pop("deprecated", None) is not None
    is_packed = options.pop("packed", None) is not None
    field = message.field.add(name=name, number=int(number), label=Field.LABEL_OPTIONAL)
    type_name = next(word for word in rest if word not in _MARKS and "=" not in word)
    if type_name.startswith("map<"):
        _make_map(message, field, type_name, enums)
    else:
        _set_type(field, type_name, enums)
        field.label = Field.LABEL_REPEATED if is_repeated else Field.LABEL_OPTIONAL
    if "oneof" in options:
        field.oneof_index = _oneof(message, options["oneof"])
    if "default" in options:
        field.default_value = options["default"]
    if is_deprecated:
        field.options.deprecated = True
    if is_packed:
        field.options.packed = True


def _set_type(field: Any, type_name: str, enums: set[str]) -> None:
    if type_name in SCALARS:
        field.type = SCALARS[type_name]
        return
    is_enum = type_name in enums or type_name == "PropertyType"
    field.type = Field.TYPE_ENUM if is_enum else Field.TYPE_MESSAGE
    field.type_name = f".{type_name}" if type_name.startswith("google.") else f".ml_metadata.{type_name}"


def _oneof(message: descriptor_pb2.DescriptorProto, name: str) -> int:
    names = [oneof.name for oneof in message.oneof_decl]
    if name not in names:
        message.oneof_decl.add(name=name)
        return len(names)
    return names.index(name)


def _make_map(message: descriptor_pb2.DescriptorProto, field: Any, type_name: str, enums: set[str]) -> None:
    """A map is a repeated entry message, called after the field, with a key and a value."""
    key_type, value_type = type_name.removeprefix("map<").removesuffix(">").split(",")
    entry = message.nested_type.add(name="".join(part.capitalize() for part in field.name.split("_")) + "Entry")
    entry.options.map_entry = True
    for number, (name, kind) in enumerate((("key", key_type), ("value", value_type)), start=1):
        _set_type(entry.field.add(name=name, number=number, label=Field.LABEL_OPTIONAL), kind, enums)
    field.label, field.type = Field.LABEL_REPEATED, Field.TYPE_MESSAGE
    field.type_name = f".ml_metadata.{message.name}.{entry.name}"
