"""The bytes of a record and the log in memory."""

from __future__ import annotations

import json
import math
import pickle
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakebed.errors import CorruptionError, FormatVersionError
from lakebed.metadata import (
    Artifact,
    ArtifactState,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    EventType,
    Execution,
    ExecutionState,
    ExecutionType,
    MemoryRecordLog,
    ParentContext,
    PropertyType,
    ProtoValue,
    RecordLog,
)
from lakebed.metadata.records import Entry, Operation, OperationGroup, decode_entry, encode_entry
from lakebed.metadata.values import encode_value, normalize

WRITER = "0123456789abcdef0123456789abcdef"

RECORDS: list[Any] = [
    ArtifactType(name="Model", version="1", properties={"x": PropertyType.DOUBLE}, base_type="mlmd.Model", id=10),
    ExecutionType(name="train", input_type='{"any":{}}', description="d", external_id="", id=11),
    ContextType(name="run", id=12),
    Artifact(
        id=1,
        type_id=10,
        uri="u",
        name="",
        state=ArtifactState.UNKNOWN,
        properties={"x": 0.1},
        custom_properties={"b": False, "o": {"a": [1.0, None, {"b": -0.0}]}, "p": ProtoValue("t", b"\xff"), "s": ""},
        external_id="",
        create_time_since_epoch=7,
        last_update_time_since_epoch=8,
    ),
    Execution(id=1, type_id=11, last_known_state=ExecutionState.CANCELED, create_time_since_epoch=7),
    Context(id=1, type_id=12, name="r"),
    Event(
        id=1, type=EventType.PENDING_OUTPUT, artifact_id=1, execution_id=1, path=("a", 0), milliseconds_since_epoch=0
    ),
    Attribution(id=1, artifact_id=1, context_id=1),
    Association(id=1, execution_id=1, context_id=1),
    ParentContext(child_id=1, parent_id=2),
]

values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda items: st.lists(items, max_size=4) | st.dictionaries(st.text(), items, max_size=4),
    max_leaves=8,
)
properties = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.dictionaries(st.text(), values, max_size=4)
    | st.builds(ProtoValue, st.text(), st.binary())
)


def entry_of(*records: Any) -> Entry:
    return Entry(WRITER, 7, (OperationGroup(tuple(Operation(record) for record in records), key="commit:9f"),))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_an_operation_comes_back_as_it_was(record: Any) -> None:
    entry = Entry(WRITER, 7, (OperationGroup((Operation(record, is_update=True),)), OperationGroup((), key="k")))
    assert repr(decode_entry(1, encode_entry(entry))) == repr(entry)


def test_the_bytes_of_an_entry_are_pinned() -> None:
    artifact = Artifact(id=1, type_id=10, custom_properties={"x": math.nan, "n": 1}, create_time_since_epoch=5)
    event = '"artifact_id":1,"execution_id":1,"id":1,"milliseconds_since_epoch":0,"op":"create_event"'
    properties = '"custom_properties":{"n":["i",1],"x":["f","nan"]}'
    assert encode_entry(entry_of(artifact, RECORDS[6])).decode() == (
        '{"groups":[{"key":"commit:9f","operations":['
        f'{{"create_time_since_epoch":5,{properties},"id":1,"op":"create_artifact","type_id":10}},'
        f'{{{event},"path":["a",0],"type":7}}'
        f']}}],"time":7,"version":1,"writer":"{WRITER}"}}'
    )


@given(st.dictionaries(st.text(min_size=1), properties, max_size=5))
def test_any_properties_survive_a_record_exactly(found: dict[str, Any]) -> None:
    plain = {name: normalize(value, name) for name, value in found.items()}
    body = encode_entry(entry_of(Artifact(id=1, type_id=10, custom_properties=plain)))
    record = decode_entry(1, body).groups[0].operations[0].record
    assert isinstance(record, Artifact)
    assert {name: encode_value(value) for name, value in record.custom_properties.items()} == {
        name: encode_value(value) for name, value in plain.items()
    }
    assert encode_entry(decode_entry(1, body)) == body
    assert json.loads(body, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b'{"version":1}',
        b'{"version":1,"writer":"","time":0,"groups":[{}]}',
        b'{"version":1,"writer":"","time":0,"groups":[{"operations":[{"op":"delete_artifact"}]}]}',
        b'{"version":1,"writer":"","time":0,"groups":[{"operations":[{"op":"create_artifact","color":1}]}]}',
        b'{"version":1,"writer":"","time":0,"groups":[{"operations":[{"op":"create_artifact","state":99}]}]}',
        b'{"version":1,"writer":"","time":0,"groups":[{"operations":[{"op":"create_context","properties":{"a":["z"]}}]}]}',
    ],
)
def test_a_damaged_entry_is_an_error_that_names_its_number(body: bytes) -> None:
    with pytest.raises(CorruptionError):
        decode_entry(42, body)


def test_an_entry_of_a_newer_version_is_refused() -> None:
    with pytest.raises(FormatVersionError, match="record 42 has version 2"):
        decode_entry(42, b'{"version":2,"anything":"else"}')


def test_a_log_puts_each_number_once() -> None:
    log: RecordLog = MemoryRecordLog()
    assert (log.head(), log.read(0)) == (0, [])
    assert log.append(1, b"a")
    assert not log.append(1, b"b")
    assert log.append(2, b"c")
    assert (log.head(), log.read(0), log.read(1), log.read(2)) == (2, [(1, b"a"), (2, b"c")], [(2, b"c")], [])
    with pytest.raises(ValueError, match="gap"):
        log.append(9, b"")


def test_a_log_pickles_as_a_copy() -> None:
    log = MemoryRecordLog()
    log.append(1, b"a")
    copy = pickle.loads(pickle.dumps(log))
    assert pickle.loads(pickle.dumps(MemoryRecordLog())).head() == 0
    copy.append(2, b"b")
    assert (log.head(), copy.head()) == (1, 2)


def test_of_many_threads_one_wins_each_number() -> None:
    log = MemoryRecordLog()
    won: list[int] = []

    def work() -> None:
        for _ in range(200):
            seq = log.head() + 1
            if log.append(seq, b""):
                won.append(seq)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(1, log.head() + 1))
