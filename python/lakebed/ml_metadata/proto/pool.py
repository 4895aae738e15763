"""What the modules of messages share: look names up in the descriptor pool and make classes of them."""

from __future__ import annotations

from typing import Any

from google.protobuf.internal import enum_type_wrapper

from lakebed.metadata.messages import message_class, pool


def file_attribute(file_name: str, name: str) -> Any:
    """What a generated module of that file calls by a name: a message, an enum, a value of one, an extension.

    Raises:
        AttributeError: The file has nothing of that name.
    """
    file = pool.FindFileByName(file_name)
    if name == "DESCRIPTOR":
        return file
    if name in file.message_types_by_name:
        return message_class(name)
    if name in file.enum_types_by_name:
        return enum_type_wrapper.EnumTypeWrapper(file.enum_types_by_name[name])
    for enum in file.enum_types_by_name.values():
        if name in enum.values_by_name:
            return enum.values_by_name[name].number
    if name in file.extensions_by_name:
        return file.extensions_by_name[name]
    if name.startswith("_") and name[1:] in {item.upper() for item in file.message_types_by_name}:
        return next(item for key, item in file.message_types_by_name.items() if key.upper() == name[1:])
    raise AttributeError(f"{file_name} has no {name!r}")


def file_names(file_name: str) -> list[str]:
    """Names that a generated module of that file has."""
    file = pool.FindFileByName(file_name)
    values = [name for enum in file.enum_types_by_name.values() for name in enum.values_by_name]
    return sorted(
        {"DESCRIPTOR", *file.message_types_by_name, *file.enum_types_by_name, *file.extensions_by_name, *values},
    )
