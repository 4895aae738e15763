"""Property values: made plain, compared exactly, and turned into JSON for the record log.

A value keeps its kind: 1, 1.0 and True are three different values, NaN equals NaN and -0.0 is not 0.0. Doubles survive
bit for bit (up to the payload of a NaN). Nothing is rounded or cut: what cannot be kept exactly is refused.
"""

from __future__ import annotations

import base64
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from lakebed.errors import CorruptionError, InvalidArgumentError
from lakebed.metadata.model import Properties, PropertyType, PropertyValue, ProtoValue

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MAX_STRUCT_DEPTH = 30
"""Protobuf reads at most 100 nested messages, and each level of a struct takes three."""


def normalize_properties(properties: Mapping[str, Any], owner: str) -> dict[str, PropertyValue]:
    """Return properties as plain Python values.

    Args:
        properties: Values by name; numpy scalars are accepted.
        owner: What holds them, for the message of an error.

    Returns:
        A new dict in the order of the names.

    Raises:
        InvalidArgumentError: A name is empty or no text, or a value cannot be a property.

    Example:
        >>> normalize_properties({"b": 1, "a": {"x": [1, None]}}, "artifact 'm'")
        {'a': {'x': [1.0, None]}, 'b': 1}
    """
    plain = {}
    for name in sorted(properties, key=str):
        plain[_check_name(name, owner)] = normalize(properties[name], f"{owner}.{name}")
    return plain


def normalize(value: Any, where: str) -> PropertyValue:
    """Return one property as a plain Python value.

    Args:
        value: bool, int, float, str, mapping (struct), `ProtoValue` or a numpy scalar.
        where: Name of the property, for the message of an error.

    Returns:
        The same value; the numbers within a struct become floats, as in protobuf's `Struct`.

    Raises:
        InvalidArgumentError: The value is None, of another type, or cannot be kept exactly.

    Example:
        >>> normalize(True, "flag"), normalize({"n": 1}, "struct")
        (True, {'n': 1.0})
    """
    kind = type(value)
    if kind is float or kind is bool:
        return value  # type: ignore[no-any-return]
    if kind is str:
        return check_text(value, where)
    value = _unwrap_scalar(value)
    if isinstance(value, (bool, ProtoValue)):
        return value
    if isinstance(value, numbers.Integral):
        return _check_int(int(value), where)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, str):
        return check_text(str(value), where)
    if isinstance(value, Mapping):
        return _normalize_object(value, where, 1)
    raise InvalidArgumentError(
        f"{where} is {_describe(value)}; a property is an int, float, str, bool, dict or ProtoValue: convert it",
    )


def check_text(text: str, where: str) -> str:
    """Return a text that UTF-8 can hold.

    Args:
        text: Any text.
        where: What it is, for the message of an error.

    Returns:
        The same text.

    Raises:
        InvalidArgumentError: It holds lone surrogates.

    Example:
        >>> check_text("漢😀", "name")
        '漢😀'
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"{where} holds lone surrogates, which UTF-8 cannot hold: {text!r}") from error
    return text


def type_of(value: PropertyValue) -> PropertyType:
    """Return the kind of a plain value.

    Args:
        value: As `normalize` returns it.

    Returns:
        The kind that a declared property must have to take it.

    Example:
        >>> type_of(1).name, type_of(True).name, type_of(1.0).name
        ('INT', 'BOOLEAN', 'DOUBLE')
    """
    return _TYPE_OF_CLASS.get(type(value), PropertyType.STRUCT)


def encode_value(value: PropertyValue) -> list[Any]:
    """Return a plain value as JSON: a tag and the value.

    Args:
        value: As `normalize` returns it.

    Returns:
        `["i", int]`, `["f", text of the double]`, `["s", text]`, `["b", bool]`, `["o", struct]` or
        `["p", type url, base64]`; equal exactly when the values are the same.

    Example:
        >>> encode_value(0.1), encode_value(float("-inf")), encode_value({"n": 1.0})
        (['f', '0.1'], ['f', '-inf'], ['o', {'n': ['f', '1.0']}])
    """
    if isinstance(value, bool):
        return ["b", value]
    if isinstance(value, int):
        return ["i", value]
    if isinstance(value, float):
        return ["f", repr(value)]
    if isinstance(value, str):
        return ["s", value]
    if isinstance(value, ProtoValue):
        return ["p", value.type_url, base64.b64encode(value.value).decode()]
    return ["o", {name: _encode_json(item) for name, item in value.items()}]


def decode_value(encoded: Sequence[Any]) -> PropertyValue:
    """Return the value that `encode_value` was given.

    Args:
        encoded: A tag and the value.

    Returns:
        The plain value.

    Raises:
        CorruptionError: The tag is not known.

    Example:
        >>> decode_value(["f", "1e-07"])
        1e-07
    """
    match encoded:
        case ["b" | "i" | "s", value]:
            return value  # type: ignore[no-any-return]
        case ["f", text]:
            return float(text)
        case ["p", type_url, text]:
            return ProtoValue(type_url, base64.b64decode(text))
        case ["o", members]:
            return {name: _decode_json(item) for name, item in members.items()}
    raise CorruptionError(f"a record holds the property {encoded!r}, whose tag is unknown; verify the warehouse")


def same_properties(left: Properties, right: Properties) -> bool:
    """Return whether two sets of plain properties are the same, kinds and NaN included.

    Args:
        left: Plain properties.
        right: Plain properties.

    Returns:
        True where names, kinds and values agree.

    Example:
        >>> same_properties({"a": 1}, {"a": 1.0}), same_properties({"a": float("nan")}, {"a": float("nan")})
        (False, True)
    """
    return left.keys() == right.keys() and all(encode_value(left[name]) == encode_value(right[name]) for name in left)


_TYPE_OF_CLASS: dict[type, PropertyType] = {
    int: PropertyType.INT,
    float: PropertyType.DOUBLE,
    str: PropertyType.STRING,
    ProtoValue: PropertyType.PROTO,
    bool: PropertyType.BOOLEAN,
}


def _check_name(name: Any, owner: str) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidArgumentError(f"{owner}: the property name {name!r} is not a non-empty text")
    return check_text(name, f"{owner}: a property name")


def _unwrap_scalar(value: Any) -> Any:
    """Numpy's bool registers with no abstract number, so its scalars are unwrapped by name."""
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value.item()
    return value


def _check_int(value: int, where: str) -> int:
    if not INT64_MIN <= value <= INT64_MAX:
        raise InvalidArgumentError(f"{where} = {value} does not fit into 64 bits; store it as text")
    return value


def _describe(value: object) -> str:
    return "None, which is no value" if value is None else f"of type {type(value).__name__}"


def _normalize_object(value: Mapping[Any, Any], where: str, depth: int) -> dict[str, Any]:
    for name in value:
        if not isinstance(name, str):
            raise InvalidArgumentError(f"{where} is a struct with the key {name!r}; keys of a struct are texts")
    return {check_text(name, where): _normalize_json(value[name], f"{where}.{name}", depth) for name in sorted(value)}


def _normalize_json(value: Any, where: str, depth: int) -> Any:
    value = _unwrap_scalar(value)
    if depth > MAX_STRUCT_DEPTH:
        raise InvalidArgumentError(f"{where}: a struct nests at most {MAX_STRUCT_DEPTH} levels; store it as text")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Real):
        return _exact_float(value, where)
    if isinstance(value, str):
        return check_text(str(value), where)
    if isinstance(value, Mapping):
        return _normalize_object(value, where, depth + 1)
    if isinstance(value, (list, tuple)):
        return [_normalize_json(item, f"{where}[{position}]", depth + 1) for position, item in enumerate(value)]
    raise InvalidArgumentError(f"{where} is {_describe(value)}; a struct holds None, bool, numbers, str, list and dict")


def _exact_float(value: numbers.Real, where: str) -> float:
    """The numbers of a struct are doubles; an int that a double would round is refused."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if isinstance(value, numbers.Integral) and number != int(value):
        raise InvalidArgumentError(f"{where} = {value} is no exact double, which a struct needs; store it as text")
    return number


def _encode_json(value: Any) -> Any:
    if isinstance(value, float):
        return ["f", repr(value)]
    if isinstance(value, list):
        return ["l", [_encode_json(item) for item in value]]
    if isinstance(value, dict):
        return {name: _encode_json(item) for name, item in value.items()}
    return value


def _decode_json(value: Any) -> Any:
    match value:
        case ["f", text]:
            return float(text)
        case ["l", items]:
            return [_decode_json(item) for item in items]
        case dict():
            return {name: _decode_json(item) for name, item in value.items()}
    return value
