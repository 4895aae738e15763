"""The core reads of `tf.Example` what protobuf's own parser reads with the embedded descriptor."""

from __future__ import annotations

import struct
from typing import Any

import polars as pl
import pytest
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import example, given
from hypothesis import strategies as st
from tests.tfrecords import record
from tests.unit.test_statistics_sources import field, varint

import lakebed as lb
from lakebed._core import TfRecordReader
from lakebed.errors import CorruptionError, InvalidArgumentError
from lakebed.statistics.examples import message_class

KINDS = {"bytes_list": 1, "float_list": 2, "int64_list": 3}

ints = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(width=32, allow_nan=False)
unknown = st.one_of(
    st.tuples(st.integers(4, 40), ints).map(lambda item: varint(item[0] << 3) + varint(item[1])),
    st.tuples(st.integers(4, 40), st.binary(max_size=5)).map(lambda item: field(*item)),
    st.integers(4, 40).map(lambda number: varint(number << 3 | 1) + b"12345678"),
    st.integers(4, 40).map(lambda number: varint(number << 3 | 5) + b"1234"),
    st.integers(4, 40).map(
        lambda number: (
            varint(number << 3 | 3) + field(1, b"x") + varint(9 << 3 | 3) + varint(9 << 3 | 4) + varint(number << 3 | 4)
        )
    ),
    # Known numbers with another wire type are unknown fields too.
    st.integers(1, 3).map(lambda number: varint(number << 3 | 1) + b"abcdefgh"),
)


@st.composite
def lists(draw: st.DrawFn) -> tuple[int, bytes]:
    """A list of one kind: its numbers alone or packed, in several fields, unknown ones between them."""
    kind = draw(st.sampled_from([1, 2, 3]))
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        if kind == 1:
            parts.append(field(1, draw(st.binary(max_size=4))))
        elif kind == 2:
            numbers = [struct.pack("<f", value) for value in draw(st.lists(floats, max_size=3))]
            packed = draw(st.booleans())
            parts.append(field(1, b"".join(numbers)) if packed else b"".join(varint(1 << 3 | 5) + n for n in numbers))
        else:
            numbers = [varint(value) for value in draw(st.lists(ints, max_size=3))]
            packed = draw(st.booleans())
            parts.append(field(1, b"".join(numbers)) if packed else b"".join(varint(1 << 3) + n for n in numbers))
        if draw(st.integers(0, 3)) == 0:
            parts.append(draw(unknown))
    return kind, b"".join(parts)


@st.composite
def features(draw: st.DrawFn) -> bytes:
    """A feature: none, one or several lists, which merge or replace each other."""
    chosen = draw(st.lists(lists(), max_size=3))
    extra: bytes = draw(st.one_of(st.just(b""), unknown))
    return b"".join(field(kind, data) for kind, data in chosen) + extra


@st.composite
def examples(draw: st.DrawFn) -> bytes:
    """An example: maps in parts, names twice, keys and values in any order, keys left out, values in parts."""
    whole = []
    for _ in range(draw(st.integers(0, 2))):
        entries = []
        for _ in range(draw(st.integers(0, 3))):
            parts = [field(1, draw(st.sampled_from([b"a", b"b", "\u00e9".encode()])))] * draw(st.integers(0, 2))
            parts += [field(2, draw(features())) for _ in range(draw(st.integers(0, 2)))]
            entries.append(field(1, b"".join(draw(st.permutations(parts)))))
        whole.append(field(1, b"".join(entries)))
    extra: bytes = draw(st.one_of(st.just(b""), unknown))
    return b"".join(whole) + extra


def by_protobuf(data: bytes) -> dict[str, tuple[str, list[Any]] | None]:
    """Name -> kind and values, None without a list."""
    found: dict[str, tuple[str, list[Any]] | None] = {}
    for name, feature in message_class("Example").FromString(data).features.feature.items():
        kind = feature.WhichOneof("kind")
        found[name] = None if kind is None else (kind, list(getattr(feature, kind).value))
    return found


def by_core(data: bytes) -> dict[str, tuple[str, list[Any]] | None]:
    reader = TfRecordReader("a.tfrecord")
    reader.push(record(data))
    reader.finish()
    frame = pl.DataFrame(reader.take())
    kinds = {pl.Binary: "bytes_list", pl.Float32: "float_list", pl.Int64: "int64_list"}
    found: dict[str, tuple[str, list[Any]] | None] = {}
    for column in frame.get_columns():
        values = column.to_list()[0]
        inner = getattr(column.dtype, "inner", None)
        found[column.name] = None if values is None else (next(k for t, k in kinds.items() if inner == t), values)
    return found


@given(examples())
def test_examples_are_read_as_protobuf_reads_them(data: bytes) -> None:
    assert by_core(data) == by_protobuf(data)


@given(examples(), st.integers(0, 60), st.integers(0, 255))
@example(data=b"\n\n\n\x08\n\x02\xc3\xa9\n\x02\xc3\xa9", at=6, byte=0)
def test_what_protobuf_refuses_the_core_refuses(data: bytes, at: int, byte: int) -> None:
    if not data:
        return
    broken = bytearray(data)
    broken[at % len(data)] = byte
    try:
        expected = by_protobuf(bytes(broken))
        # No column of Arrow can be called so.
        is_refused = any("\0" in name for name in expected)
    except DecodeError:
        is_refused = True
    if is_refused:
        with pytest.raises(CorruptionError, match=r"record 1 is no tf\.Example"):
            by_core(bytes(broken))
        return
    try:
        found = by_core(bytes(broken))
    except CorruptionError:
        # Stricter in places: a group that nobody knows may hold no field 0.
        return
    if len(UnknownFieldSet(message_class("Example").FromString(bytes(broken)).features)):
        # Protobuf's Python takes an entry with an unknown field for unknown itself; C++, so TensorFlow, keeps it.
        return
    # NaN is not equal to itself.
    assert repr(sorted(found.items())) == repr(sorted(expected.items()))


def test_messages_of_the_descriptor_are_those_of_tensorflow() -> None:
    example = message_class()()
    example.features.feature["x"].float_list.value.append(1.5)
    assert example.SerializeToString() == field(
        1, field(1, field(1, b"x") + field(2, field(2, field(1, b"\0\0\xc0?"))))
    )
    sequence = message_class("SequenceExample")()
    sequence.context.feature["id"].bytes_list.value.append(b"7")
    sequence.feature_lists.feature_list["clicks"].feature.add().int64_list.value.extend([1, 2])
    again = message_class("SequenceExample").FromString(sequence.SerializeToString())
    assert again == sequence
    assert again.DESCRIPTOR.full_name == "tensorflow.SequenceExample"
    with pytest.raises(InvalidArgumentError, match="there is no message 'Exampel'; name one of BytesList"):
        message_class("Exampel")


def test_statistics_of_messages_made_with_the_descriptor(tmp_path: Any) -> None:
    path = tmp_path / "a.tfrecord"
    with path.open("wb") as file:
        for number in range(3):
            example = message_class()()
            example.features.feature["n"].int64_list.value.extend(range(number))
            file.write(record(example.SerializeToString()))
    column = lb.statistics(path).column("n")
    assert (column.n_present, column.n_values, column.max) == (3, 3, 1)
