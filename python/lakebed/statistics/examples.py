"""Messages of `tf.Example` and `tf.SequenceExample` without TensorFlow, made of a descriptor that stands here.

The classes write and read the same bytes as TensorFlow's own. They live in a descriptor pool of their own, so that both
can be used in one process.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lakebed.errors import InvalidArgumentError

PACKAGE = "tensorflow"
"""Package of the messages, as in TensorFlow."""

_MESSAGES: dict[str, tuple[str, ...]] = {
    "BytesList": ("repeated bytes value = 1",),
    "FloatList": ("repeated float value = 1",),
    "Int64List": ("repeated int64 value = 1",),
    "Feature": (
        "oneof BytesList bytes_list = 1",
        "oneof FloatList float_list = 2",
        "oneof Int64List int64_list = 3",
    ),
    "Features": ("map Feature feature = 1",),
    "Example": ("optional Features features = 1",),
    "FeatureList": ("repeated Feature feature = 1",),
    "FeatureLists": ("map FeatureList feature_list = 1",),
    "SequenceExample": ("optional Features context = 1", "optional FeatureLists feature_lists = 2"),
}
"""Message -> its fields: label, type, name, number. The keys of maps are strings, `oneof` is the choice `kind`."""

_NUMBERS_PACKED = ("float", "int64")


def message_class(name: str = "Example") -> Any:
    """Give the class of a message.

    Args:
        name: "Example", "SequenceExample", or one of what they consist of: "Features", "Feature", "FeatureLists",
            "FeatureList", "BytesList", "FloatList", "Int64List".

    Returns:
        A class of protobuf: `SerializeToString`, `FromString` and the fields as attributes; the same one for each call.

    Raises:
        InvalidArgumentError: There is no such message.

    Example:
        >>> Example = message_class("Example")
        >>> example = Example()
        >>> example.features.feature["age"].int64_list.value.extend([31, 64])
        >>> Example.FromString(example.SerializeToString()).features.feature["age"].int64_list.value[1]
        64
    """
    if name not in _MESSAGES:
        raise InvalidArgumentError(f"there is no message {name!r}; name one of {', '.join(_MESSAGES)}")
    return _classes()[name]


@cache
def _classes() -> dict[str, Any]:
    from google.protobuf import descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _MESSAGES
    }


def _file() -> Any:
    from google.protobuf import descriptor_pb2

    file = descriptor_pb2.FileDescriptorProto(name="lakebed/example.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields:
            label, kind, field_name, _, number = text.split()
            field = message.field.add(name=field_name, number=int(number))
            if label == "map":
                _fill_map(message, field, kind)
                continue
            _fill(field, kind, repeated=label == "repeated")
            if label == "oneof":
                field.oneof_index = 0
                if not message.oneof_decl:
                    message.oneof_decl.add(name="kind")
    return file


def _fill(field: Any, kind: str, *, repeated: bool = False) -> None:
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if kind in _MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
        return
    field.type = getattr(field, f"TYPE_{kind.upper()}")
    if repeated and kind in _NUMBERS_PACKED:
        field.options.packed = True


def _fill_map(message: Any, field: Any, kind: str) -> None:
    """A map is a list of entries with a key and a value."""
    entry = message.nested_type.add(name="".join(part.title() for part in field.name.split("_")) + "Entry")
    entry.options.map_entry = True
    _fill(entry.field.add(name="key", number=1), "string")
    _fill(entry.field.add(name="value", number=2), kind)
    field.label, field.type = field.LABEL_REPEATED, field.TYPE_MESSAGE
    field.type_name = f".{PACKAGE}.{message.name}.{entry.name}"
