"""Message classes under their original full names, in a descriptor pool of their own.

Protobuf's default pool takes one definition of a name in a process, so the original package and this one could not be
loaded together there. In a pool of their own the classes are other classes than the original's, though the bytes are
the same: `CopyFrom`, `MergeFrom` and `convert` therefore take any message of the same full name. Works with protobuf
4.25 to 7, which is why nothing newer than `GetMessageClass` is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    field_mask_pb2,
    message,
    message_factory,
    struct_pb2,
)

from lakebed.metadata.messages import metadata_store, metadata_store_service, simple_types
from lakebed.metadata.messages.descriptor import SYSTEM_TYPE_EXTENSION, Field, file_descriptor

STORE_FILE = "ml_metadata/proto/metadata_store.proto"
SERVICE_FILE = "ml_metadata/proto/metadata_store_service.proto"
SIMPLE_TYPES_FILE = "ml_metadata/simple_types/proto/simple_types.proto"
_MODULES = {
    STORE_FILE: "lakebed.ml_metadata.proto.metadata_store_pb2",
    SERVICE_FILE: "lakebed.ml_metadata.proto.metadata_store_service_pb2",
    SIMPLE_TYPES_FILE: "lakebed.ml_metadata.proto.simple_types_pb2",
}

pool = descriptor_pool.DescriptorPool()


def _fill() -> None:
    for known in (descriptor_pb2, any_pb2, struct_pb2, field_mask_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    well_known = [module.DESCRIPTOR.name for module in (any_pb2, struct_pb2, descriptor_pb2)]
    store = file_descriptor(STORE_FILE, metadata_store.DEFINITION, dependencies=well_known)
    store.extension.add(
        name="system_type_extension",
        number=SYSTEM_TYPE_EXTENSION,
        label=Field.LABEL_OPTIONAL,
        type=Field.TYPE_MESSAGE,
        type_name=".ml_metadata.SystemTypeExtension",
        extendee=".google.protobuf.EnumValueOptions",
    )
    on_store = [STORE_FILE]
    on_mask = [field_mask_pb2.DESCRIPTOR.name, STORE_FILE]
    service = file_descriptor(SERVICE_FILE, metadata_store_service.DEFINITION, dependencies=on_mask)
    simple = file_descriptor(SIMPLE_TYPES_FILE, simple_types.DEFINITION, dependencies=on_store, syntax="proto3")
    for file in (store, service, simple):
        pool.AddSerializedFile(file.SerializeToString())


_fill()


def message_class(name: str) -> Any:
    """Return the class of a message.

    Args:
        name: Without package, e.g. `Artifact` or `Event.Path`; or a full name such as `google.protobuf.Struct`.

    Returns:
        The class; the same at each call.

    Raises:
        KeyError: There is no such message.

    Example:
        >>> message_class("Artifact")(id=7).id
        7
    """
    full_name = name if name.startswith("google.") else f"ml_metadata.{name}"
    found = _classes.get(full_name)
    if found is None:
        found = message_factory.GetMessageClass(pool.FindMessageTypeByName(full_name))
        if full_name.startswith("ml_metadata."):
            # Where pickle looks for the class.
            found.__module__ = _MODULES[found.DESCRIPTOR.file.name]
            found.__qualname__ = full_name.removeprefix("ml_metadata.")
            found.__doc__ = _DOC.format(name=found.__qualname__)
        found.CopyFrom = _accepting(found.CopyFrom, found)
        found.MergeFrom = _accepting(found.MergeFrom, found)
        _classes[full_name] = found
    return found


def convert(value: Any, wanted: Any) -> Any:
    """Return a message as one of our classes.

    Args:
        value: A message of that class, or of the same full name from another pool (the original package's).
        wanted: As `message_class` returns it.

    Returns:
        The message itself where it is of the class, else a copy that is.

    Raises:
        TypeError: It is no message of that name.

    Example:
        >>> convert(message_class("Artifact")(id=7), message_class("Artifact")).id
        7
    """
    if isinstance(value, wanted):
        return value
    full_name = wanted.DESCRIPTOR.full_name
    if isinstance(value, message.Message) and value.DESCRIPTOR.full_name == full_name:
        return wanted.FromString(cast("message.Message", value).SerializeToString())
    raise TypeError(f"expected a message {full_name}, got {type(value).__name__}: {value!r:.100}")


def _accepting(method: Callable[[Any, Any], None], own: Any) -> Callable[[Any, Any], None]:
    def accept(self: Any, other: Any) -> None:
        method(self, other if isinstance(other, own) else convert(other, own))

    accept.__name__ = getattr(method, "__name__", "CopyFrom")
    accept.__doc__ = f"{(getattr(method, '__doc__', None) or '').strip()}\n\nArgs:\n    other: A message of that name."
    return accept


_classes: dict[str, Any] = {}
_DOC = """Message `{name}` of ML Metadata.

Example:
    >>> from lakebed.metadata.messages import message_class
    >>> message = message_class("{name}")()
    >>> message.CopyFrom(message_class("{name}")())
    >>> message.MergeFrom(message_class("{name}")())
"""
