"""What is wrong in ML Metadata 1.17.1 is right here, on every backend; numbers as in docs/migration-ml-metadata.md."""

from __future__ import annotations

import math
import sqlite3
import struct
from typing import Any

import pytest
from tests.metadata_backends import Backend, mysql_config
from tests.servers import Server

from lakebed.ml_metadata import errors
from lakebed.ml_metadata.metadata_store import ListOptions, MetadataStore, OrderByField
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb
from lakebed.ml_metadata.proto import metadata_store_service_pb2 as service

KINDS = {"d": pb.DOUBLE, "s": pb.STRING, "i": pb.INT}
DOUBLES = [1e-7, math.pi, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 0.0, math.inf, -math.inf, math.nan, 0.1 + 0.2]
TEXTS = [
    "__MLMD_NULL__",
    "cut\0here",
    "\0",
    "",
    "mlmd-struct::no struct",
    "text-utf8:x",
    "back\\slash",
    "漢😀é",
    'it\'s "quoted"',
    "NaN",
    "%s ?",
]


def artifact_type(store: Any, **fields: Any) -> int:
    return int(store.put_artifact_type(pb.ArtifactType(name="A", properties=KINDS, **fields)))


def ids(store: Any, query: str) -> list[int]:
    return [found.id for found in store.get_artifacts(ListOptions(filter_query=query))]


def bits(number: float) -> bytes:
    return struct.pack(">d", number)


@pytest.mark.parametrize("is_custom", [False, True])
def test_1_doubles_are_exact(store: Any, is_custom: bool) -> None:
    type_id = artifact_type(store)
    nodes = [pb.Artifact(type_id=type_id) for _ in DOUBLES]
    for node, number in zip(nodes, DOUBLES, strict=True):
        (node.custom_properties if is_custom else node.properties)["d"].double_value = number
    store.put_artifacts(nodes)
    found = [(a.custom_properties if is_custom else a.properties)["d"] for a in store.get_artifacts()]
    assert [value.WhichOneof("value") for value in found] == ["double_value"] * len(DOUBLES)
    assert [bits(value.double_value) for value in found] == [bits(number) for number in DOUBLES]


def test_1_exact_doubles_are_found_by_filters(store: Any) -> None:
    type_id = artifact_type(store)
    nodes = [pb.Artifact(type_id=type_id, properties={"d": pb.Value(double_value=n)}) for n in DOUBLES]
    store.put_artifacts(nodes)
    assert ids(store, "properties.d.double_value = 1e-7") == [1]
    assert ids(store, "properties.d.double_value = 0.30000000000000004") == [11]
    assert 8 in ids(store, "properties.d.double_value > 1e300")
    assert ids(store, "properties.d.string_value = 'NaN'") == []
    assert ids(store, "properties.d.string_value IS NOT NULL") == []


def test_2_a_property_and_a_custom_property_of_one_name_live_side_by_side(store: Any) -> None:
    type_id = artifact_type(store)
    node = pb.Artifact(type_id=type_id)
    node.properties["i"].int_value, node.custom_properties["i"].string_value = 1, "kept"
    node.id = store.put_artifacts([node])[0]
    node.properties["i"].int_value = 2
    store.put_artifacts([node])
    found = store.get_artifacts()[0]
    assert (found.properties["i"].int_value, found.custom_properties["i"].string_value) == (2, "kept")
    del node.custom_properties["i"]
    store.put_artifacts([node])
    found = store.get_artifacts()[0]
    assert (found.properties["i"].int_value, dict(found.custom_properties)) == (2, {})


def test_3_a_text_that_is_called_like_a_column_is_a_text(store: Any) -> None:
    type_id = artifact_type(store)
    store.put_artifacts([pb.Artifact(type_id=type_id, name="n", uri="n"), pb.Artifact(type_id=type_id, uri="uri")])
    assert ids(store, "name = 'uri'") == []
    assert ids(store, 'uri = "uri"') == [2]
    assert ids(store, "name = uri") == [1]


@pytest.mark.parametrize(
    "name",
    [
        "x' OR 1=1 --",
        'x" OR "1"="1',
        "i.int_value = 1) OR (1=1",
        "x\\` OR 1=1 --",
        "i' UNION SELECT id FROM Artifact --",
    ],
)
def test_4_a_quoted_property_name_is_no_sql(store: Any, name: str) -> None:
    type_id = artifact_type(store)
    odd = pb.Artifact(type_id=type_id)
    odd.custom_properties[name.replace("\\`", "`")].int_value = 7
    store.put_artifacts([pb.Artifact(type_id=type_id), odd])
    assert ids(store, f"custom_properties.`{name}`.int_value = 7") == [2]
    assert ids(store, f"properties.`{name}`.int_value = 7") == []


def test_5_an_empty_value_is_refused(store: Any) -> None:
    type_id = artifact_type(store)
    node = pb.Artifact(type_id=type_id)
    node.custom_properties["empty"].SetInParent()
    with pytest.raises(errors.InvalidArgumentError, match=r"'empty'.*nothing is set"):
        store.put_artifacts([node])
    assert store.get_artifacts() == []


@pytest.mark.parametrize("is_custom", [False, True])
def test_6_and_7_any_text_is_kept_whole(store: Any, is_custom: bool) -> None:
    type_id = artifact_type(store)
    nodes = [pb.Artifact(type_id=type_id) for _ in TEXTS]
    for node, text in zip(nodes, TEXTS, strict=True):
        (node.custom_properties if is_custom else node.properties)["s"].string_value = text
    store.put_artifacts(nodes)
    found = [(a.custom_properties if is_custom else a.properties)["s"] for a in store.get_artifacts()]
    assert [value.WhichOneof("value") for value in found] == ["string_value"] * len(TEXTS)
    assert [value.string_value for value in found] == TEXTS


def test_7_a_backslash_in_a_constant_matches(store: Any) -> None:
    type_id = artifact_type(store)
    store.put_artifacts([pb.Artifact(type_id=type_id, uri="a\\b"), pb.Artifact(type_id=type_id, uri="a_b")])
    assert ids(store, "uri = 'a\\\\b'") == [1]
    assert ids(store, "uri = r'a\\b'") == [1]
    assert ids(store, "uri LIKE 'a\\\\_b'") == [2]
    assert ids(store, "uri LIKE 'a\\\\\\\\b'") == [1]


def test_8_every_state_event_type_and_column_can_be_filtered(store: Any) -> None:
    type_id = artifact_type(store)
    states = pb.Artifact.State.values()
    store.put_artifacts([pb.Artifact(type_id=type_id, state=state, external_id=f"x{state}") for state in states])
    for state in states:
        assert ids(store, f"state = {pb.Artifact.State.Name(state)}") == [state + 1]
    run = store.put_executions([pb.Execution(type_id=store.put_execution_type(pb.ExecutionType(name="E")))])[0]
    kinds = [kind for kind in pb.Event.Type.values() if kind]
    store.put_events([pb.Event(artifact_id=kind, execution_id=run, type=kind) for kind in kinds])
    for kind in kinds:
        assert ids(store, f"events_0.type = {pb.Event.Type.Name(kind)}") == [kind]
    context = store.put_contexts([pb.Context(type_id=store.put_context_type(pb.ContextType(name="C")), name="c")])[0]
    store.put_attributions_and_associations([pb.Attribution(artifact_id=1, context_id=context)], [])
    found = store.get_contexts(ListOptions(filter_query="artifacts_a.external_id = 'x0'"))
    assert [item.id for item in found] == [context]


def test_9_nothing_is_cut_silently(store: Any) -> None:
    type_id = artifact_type(store)
    run_type = store.put_execution_type(pb.ExecutionType(name="E"))
    n_hops, n_starts = 120, 230
    artifacts = [pb.Artifact(type_id=type_id) for _ in range(n_hops + 1)]
    edges = []
    for step in range(n_hops):
        edges.append((step, step, pb.Event(type=pb.Event.INPUT)))
        edges.append((step, step + 1, pb.Event(type=pb.Event.OUTPUT)))
    store.put_lineage_subgraph([pb.Execution(type_id=run_type) for _ in range(n_hops)], artifacts, [], edges)
    query = pb.LineageSubgraphQueryOptions()
    query.starting_artifacts.filter_query = "id = 1"
    graph = store.get_lineage_subgraph(query)
    assert (len(graph.artifacts), len(graph.executions), len(graph.events)) == (n_hops + 1, n_hops, 2 * n_hops)
    store.put_artifacts([pb.Artifact(type_id=type_id, uri="start") for _ in range(n_starts)])
    query.starting_artifacts.filter_query = "uri = 'start'"
    assert len(store.get_lineage_subgraph(query).artifacts) == n_starts
    request, response = service.GetArtifactsRequest(), service.GetArtifactsResponse()
    request.options.max_result_size = 200
    store._call("GetArtifacts", request, response)
    assert (len(response.artifacts), bool(response.next_page_token)) == (200, True)


def test_9_pages_by_update_time_hold_every_node_once(store: Any) -> None:
    type_id = artifact_type(store)
    store.put_artifacts([pb.Artifact(type_id=type_id) for _ in range(25)])
    for ascending in (True, False):
        seen: list[int] = []
        request = service.GetArtifactsRequest()
        request.options.max_result_size = 4
        request.options.order_by_field.field = OrderByField.UPDATE_TIME.value
        request.options.order_by_field.is_asc = ascending
        while True:
            response = service.GetArtifactsResponse()
            store._call("GetArtifacts", request, response)
            seen += [found.id for found in response.artifacts]
            if not response.next_page_token:
                break
            request.options.next_page_token = response.next_page_token
        assert seen == (list(range(1, 26)) if ascending else list(range(25, 0, -1)))


def test_10_ints_have_64_bits(store: Any) -> None:
    type_id = artifact_type(store)
    numbers = [2**31, 2**63 - 1, -(2**63), 0]
    store.put_artifacts([pb.Artifact(type_id=type_id, properties={"i": pb.Value(int_value=n)}) for n in numbers])
    assert [found.properties["i"].int_value for found in store.get_artifacts()] == numbers
    assert ids(store, f"properties.i.int_value = {2**63 - 1}") == [2]


def test_10_int_columns_of_the_original_are_widened(mariadb_server: Server) -> None:
    import pymysql

    config = mysql_config(mariadb_server, "narrow")
    store = MetadataStore(config)
    type_id = artifact_type(store)
    login = {"host": mariadb_server.host, "port": mariadb_server.port, "user": "lakebed", "password": "secret"}
    with pymysql.connect(database="narrow", autocommit=True, **login) as connection, connection.cursor() as cursor:
        for table in ("ArtifactProperty", "ExecutionProperty", "ContextProperty"):
            cursor.execute(f"ALTER TABLE {table} MODIFY int_value INT")
    store.put_artifacts([pb.Artifact(type_id=type_id, properties={"i": pb.Value(int_value=2**40)})])
    assert store.get_artifacts()[0].properties["i"].int_value == 2**40


def test_11_a_writer_waits_for_another_one(tmp_path: Any) -> None:
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "m.db")
    store = MetadataStore(config)
    type_id = artifact_type(store)
    import threading

    other = sqlite3.connect(tmp_path / "m.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    begun = threading.Event()
    made: list[int] = []

    def write() -> None:
        begun.set()
        made.extend(store.put_artifacts([pb.Artifact(type_id=type_id)]))

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    assert made == []
    other.execute("ROLLBACK")
    other.close()
    writer.join(timeout=60)
    assert made == [1]


def test_12_text_on_mysql_is_utf8(mariadb_server: Server) -> None:
    import pymysql

    store = MetadataStore(mysql_config(mariadb_server, "utf8"))
    type_id = artifact_type(store)
    store.put_artifacts([pb.Artifact(type_id=type_id, name="é漢😀", properties={"s": pb.Value(string_value="é")})])
    login = {"host": mariadb_server.host, "port": mariadb_server.port, "user": "lakebed", "password": "secret"}
    with pymysql.connect(database="utf8", **login) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT HEX(string_value) FROM ArtifactProperty")
        assert cursor.fetchall() == (("C3A9",),)
        cursor.execute("SELECT HEX(name) FROM Artifact")
        assert cursor.fetchall() == (("C3A9E6BCA2F09F9880",),)


def test_12_names_that_differ_in_case_or_spaces_differ(store: Any, backend: Backend) -> None:
    type_id = artifact_type(store)
    names = ["Case", "case", "case ", "cas\u00e9"]
    store.put_artifacts([pb.Artifact(type_id=type_id, name=name) for name in names])
    for position, name in enumerate(names, start=1):
        assert store.get_artifact_by_type_and_name("A", name).id == position, backend.name
        assert ids(store, f"name = '{name}'") == [position]
