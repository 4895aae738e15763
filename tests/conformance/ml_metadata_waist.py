"""Requests for each of the 52 methods of the service, as bytes: what goes in, and what comes out.

Run with the original alone it writes the golden answers of the 49 methods that its Python package can call:

    PYTHONPATH=. original/bin/python tests/conformance/ml_metadata_waist.py

The three others (parents and children of several contexts, the deprecated lineage graph) exist only behind its server;
their answers, at the end, are written by hand from the comments of the service's definition.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf import text_format

GOLDEN = Path(__file__).with_name("ml_metadata_waist_1.17.1.json")
PUTS = (
    (
        "PutArtifactType",
        'artifact_type {name: "A" version: "v" external_id: "at" properties {key: "i" value: INT} base_type: DATASET}',
    ),
    (
        "PutArtifactType",
        (
            'can_add_fields: true artifact_type {name: "A" version: "v" '
            'properties {key: "i" value: INT} properties {key: "s" value: STRING}}'
        ),
    ),
    ("PutExecutionType", 'execution_type {name: "E" external_id: "et" properties {key: "d" value: DOUBLE}}'),
    ("PutContextType", 'context_type {name: "C" external_id: "ct"}'),
    (
        "PutTypes",
        'artifact_types {name: "A2"} artifact_types {name: "B"} execution_types {name: "E2"} context_types {name: "X"}',
    ),
    (
        "PutArtifacts",
        (
            'artifacts {type_id: 10 name: "a-1" uri: "u/1" state: LIVE external_id: "x-1" '
            'properties {key: "i" value {int_value: 7}} custom_properties {key: "c" value {bool_value: true}}} '
            'artifacts {type_id: 10 name: "a-2" uri: "u/2" properties {key: "s" value {string_value: "é"}}}'
        ),
    ),
    ("PutArtifacts", 'artifacts {id: 2 type_id: 10 uri: "u/3" state: DELETED} update_mask {paths: "uri"}'),
    (
        "PutExecutions",
        (
            'executions {type_id: 11 name: "e-1" external_id: "x-1" last_known_state: COMPLETE '
            'properties {key: "d" value {double_value: 0.5}}} executions {type_id: 11}'
        ),
    ),
    (
        "PutContexts",
        (
            'contexts {type_id: 12 name: "c-1" external_id: "x-1"} contexts {type_id: 12 name: "c-2"} '
            'contexts {type_id: 12 name: "c-3"}'
        ),
    ),
    (
        "PutEvents",
        (
            "events {artifact_id: 1 execution_id: 1 type: INPUT milliseconds_since_epoch: 5 "
            'path {steps {index: 3} steps {key: "k"}}} events {artifact_id: 2 execution_id: 1 type: OUTPUT}'
        ),
    ),
    (
        "PutAttributionsAndAssociations",
        "attributions {artifact_id: 1 context_id: 1} associations {execution_id: 1 context_id: 1}",
    ),
    ("PutParentContexts", "parent_contexts {child_id: 2 parent_id: 1} parent_contexts {child_id: 3 parent_id: 1}"),
    (
        "PutExecution",
        (
            "execution {type_id: 11} artifact_event_pairs {event {artifact_id: 2 type: INPUT}} "
            'artifact_event_pairs {artifact {type_id: 10 name: "a-3"} event {type: OUTPUT}} '
            'contexts {type_id: 12 name: "c-4"}'
        ),
    ),
    (
        "PutLineageSubgraph",
        (
            'executions {type_id: 11} artifacts {type_id: 10 name: "a-4"} contexts {type_id: 12 name: "c-1"} '
            "event_edges {execution_index: 0 artifact_index: 0 event {type: OUTPUT}} "
            "event_edges {execution_index: 0 event {artifact_id: 3 type: INPUT}} "
            "options {reuse_context_if_already_exist: true}"
        ),
    ),
)
READS = (
    ("GetArtifactType", 'type_name: "A" type_version: "v"'),
    ("GetExecutionType", 'type_name: "E"'),
    ("GetContextType", 'type_name: "C"'),
    ("GetArtifactTypes", ""),
    ("GetExecutionTypes", ""),
    ("GetContextTypes", ""),
    ("GetArtifactTypesByID", "type_ids: [10, 99, 10]"),
    ("GetExecutionTypesByID", "type_ids: 11"),
    ("GetContextTypesByID", "type_ids: [12, 12]"),
    ("GetArtifactTypesByExternalIds", 'external_ids: ["at", "none"]'),
    ("GetExecutionTypesByExternalIds", 'external_ids: "et"'),
    ("GetContextTypesByExternalIds", 'external_ids: "ct"'),
    ("GetArtifacts", ""),
    (
        "GetArtifacts",
        "options {max_result_size: 2 filter_query: \"type = 'A'\" order_by_field {field: ID is_asc: false}}",
    ),
    ("GetExecutions", "options {max_result_size: 9}"),
    ("GetContexts", "options {max_result_size: 9 filter_query: \"child_contexts_a.name = 'c-2'\"}"),
    ("GetArtifactsByID", "artifact_ids: [2, 1, 99, 2] populate_artifact_types: true"),
    ("GetExecutionsByID", "execution_ids: [1, 3]"),
    ("GetContextsByID", "context_ids: [1, 4]"),
    ("GetArtifactsByType", 'type_name: "A" type_version: "v" options {max_result_size: 1}'),
    ("GetExecutionsByType", 'type_name: "E"'),
    ("GetContextsByType", 'type_name: "C" options {max_result_size: 2 order_by_field {field: ID is_asc: false}}'),
    ("GetArtifactByTypeAndName", 'type_name: "A" type_version: "v" artifact_name: "a-2"'),
    ("GetExecutionByTypeAndName", 'type_name: "E" execution_name: "e-1"'),
    ("GetContextByTypeAndName", 'type_name: "C" context_name: "c-3"'),
    ("GetContextByTypeAndName", 'type_name: "none" context_name: "c-3"'),
    ("GetArtifactsByExternalIds", 'external_ids: "x-1"'),
    ("GetExecutionsByExternalIds", 'external_ids: "x-1"'),
    ("GetContextsByExternalIds", 'external_ids: "x-1"'),
    ("GetArtifactsByURI", 'uris: ["u/3", "none"]'),
    ("GetEventsByArtifactIDs", "artifact_ids: [1, 2]"),
    ("GetEventsByExecutionIDs", "execution_ids: 1"),
    ("GetArtifactsByContext", "context_id: 1 options {max_result_size: 5 order_by_field {field: ID is_asc: true}}"),
    ("GetExecutionsByContext", "context_id: 1 options {max_result_size: 5 order_by_field {field: ID is_asc: true}}"),
    ("GetContextsByArtifact", "artifact_id: 1"),
    ("GetContextsByExecution", "execution_id: 1"),
    ("GetParentContextsByContext", "context_id: 2"),
    ("GetChildrenContextsByContext", "context_id: 1"),
    (
        "GetLineageSubgraph",
        "lineage_subgraph_query_options {starting_artifacts {filter_query: \"name = 'a-1'\"} max_num_hops: 3}",
    ),
)
REFUSED = (
    ("PutArtifactType", "artifact_type {}"),
    ("PutArtifactType", 'artifact_type {name: "A" version: "v" properties {key: "i" value: STRING}}'),
    ("PutExecutionType", 'execution_type {name: "E" properties {key: "d" value: UNKNOWN}}'),
    ("PutContextType", "context_type {}"),
    ("PutTypes", "artifact_types {}"),
    ("PutArtifacts", "artifacts {}"),
    ("PutArtifacts", "artifacts {type_id: 99}"),
    ("PutArtifacts", 'artifacts {type_id: 10 name: "a-1"}'),
    ("PutArtifacts", "artifacts {id: 1 type_id: 10} options {abort_if_latest_updated_time_changed: true}"),
    ("PutExecutions", "executions {type_id: 10}"),
    ("PutContexts", "contexts {type_id: 12}"),
    ("PutEvents", "events {artifact_id: 1 execution_id: 1}"),
    ("PutEvents", "events {artifact_id: 1 execution_id: 1 type: INPUT}"),
    ("PutAttributionsAndAssociations", "attributions {artifact_id: 99 context_id: 1}"),
    ("PutParentContexts", "parent_contexts {child_id: 1 parent_id: 2}"),
    ("PutParentContexts", "parent_contexts {child_id: 2 parent_id: 1}"),
    ("PutExecution", "execution {type_id: 11} artifact_event_pairs {event {type: INPUT}}"),
    ("PutLineageSubgraph", "event_edges {execution_index: 0 artifact_index: 0 event {type: OUTPUT}}"),
    ("GetArtifactType", 'type_name: "none"'),
    ("GetExecutionType", 'type_name: "none"'),
    ("GetContextType", 'type_name: "none"'),
    ("GetArtifactTypesByExternalIds", 'external_ids: ""'),
    ("GetExecutionTypesByExternalIds", 'external_ids: "none"'),
    ("GetContextTypesByExternalIds", 'external_ids: "none"'),
    ("GetArtifacts", "options {max_result_size: 0}"),
    ("GetArtifacts", 'options {max_result_size: 5 filter_query: "name = "}'),
    ("GetArtifacts", 'options {max_result_size: 5 next_page_token: "!"}'),
    ("GetExecutions", 'options {max_result_size: 5 filter_query: "none = 1"}'),
    ("GetContexts", "options {max_result_size: -1}"),
    ("GetArtifactsByExternalIds", 'external_ids: "none"'),
    ("GetExecutionsByExternalIds", 'external_ids: ""'),
    ("GetContextsByExternalIds", 'external_ids: "none"'),
    ("GetContextsByArtifact", "artifact_id: 99"),
    ("GetContextsByExecution", "execution_id: 99"),
    ("GetLineageSubgraph", ""),
    ("GetLineageSubgraph", 'lineage_subgraph_query_options {starting_artifacts {filter_query: "id = 99"}}'),
    (
        "GetLineageSubgraph",
        'lineage_subgraph_query_options {starting_artifacts {filter_query: "id = 1"} max_num_hops: -1}',
    ),
)
BY_HAND: tuple[tuple[str, str, int, str], ...] = (
    (
        "GetParentContextsByContexts",
        "context_ids: [2, 3, 4, 99]",
        0,
        (
            'contexts {key: 2 value {parent_contexts {id: 1 type_id: 12 type: "C" name: "c-1" external_id: "x-1"}}} '
            'contexts {key: 3 value {parent_contexts {id: 1 type_id: 12 type: "C" name: "c-1" external_id: "x-1"}}}'
        ),
    ),
    ("GetParentContextsByContexts", "", 0, ""),
    (
        "GetChildrenContextsByContexts",
        "context_ids: [1, 2]",
        0,
        (
            'contexts {key: 1 value {children_contexts {id: 2 type_id: 12 type: "C" name: "c-2"} '
            'children_contexts {id: 3 type_id: 12 type: "C" name: "c-3"}}}'
        ),
    ),
    (
        "GetLineageGraph",
        (
            "options {artifacts_options {max_result_size: 1 filter_query: \"name = 'a-4'\" "
            "order_by_field {is_asc: true}} "
            "stop_conditions {max_num_hops: 1}}"
        ),
        0,
        (
            'subgraph {artifact_types {id: 10 name: "A" version: "v" external_id: "at" base_type: DATASET '
            'properties {key: "i" value: INT} properties {key: "s" value: STRING}} '
            'execution_types {id: 11 name: "E" external_id: "et" properties {key: "d" value: DOUBLE}} '
            'context_types {id: 12 name: "C" external_id: "ct"} '
            'artifacts {id: 4 type_id: 10 type: "A" uri: "" name: "a-4"} executions {id: 4 type_id: 11 type: "E"} '
            'contexts {id: 1 type_id: 12 type: "C" name: "c-1" external_id: "x-1"} '
            "events {artifact_id: 4 execution_id: 4 type: OUTPUT} "
            "attributions {artifact_id: 4 context_id: 1} associations {execution_id: 4 context_id: 1}}"
        ),
    ),
    ("GetLineageGraph", "", 3, ""),
    ("GetLineageGraph", "options {artifacts_options {max_result_size: 1} max_node_size: 0}", 3, ""),
    ("GetLineageGraph", 'options {artifacts_options {max_result_size: 1 filter_query: "id = 99"}}', 5, ""),
)
Call = Callable[[str, bytes], tuple[bytes, bytes, int]]


def request_bytes(service: Any, method: str, text: str) -> bytes:
    """The serialised request."""
    request = getattr(service, f"{method}Request")()
    return bytes(text_format.Parse(text, request).SerializeToString(deterministic=True))


def without_times(service: Any, method: str, body: bytes) -> bytes:
    """The serialised response without times, page tokens, and what the original leaves out of lists of types.

    Only `GetArtifactType` and its like give a type as a whole there: lists lack the external id, those by external id
    the base type.
    """
    response = getattr(service, f"{method}Response").FromString(body)
    _clear(response)
    if method.endswith(("Types", "TypesByExternalIds", "ArtifactsByID", "LineageSubgraph")):
        _clear_types(response)
    if method == "GetLineageSubgraph":
        # The nodes of a skeleton come in no order there.
        for nodes in (response.lineage_subgraph.artifacts, response.lineage_subgraph.executions):
            nodes.sort(key=lambda node: node.id)
    return bytes(response.SerializeToString(deterministic=True))


def _clear(message: Any) -> None:
    for field, value in message.ListFields():
        if (field.name.endswith("since_epoch") and value > 5) or field.name == "next_page_token":
            message.ClearField(field.name)
        elif field.message_type is not None:
            is_map = field.message_type.GetOptions().map_entry
            is_single = not is_map and hasattr(value, "ListFields")
            for item in [value] if is_single else value.values() if is_map else value:
                if hasattr(item, "ListFields"):
                    _clear(item)


def _clear_types(message: Any) -> None:
    for field, value in message.ListFields():
        if field.name == "lineage_subgraph":
            _clear_types(value)
        elif field.name.endswith("_types"):
            for item in value:
                item.ClearField("external_id")
                if "base_type" in item.DESCRIPTOR.fields_by_name:
                    item.ClearField("base_type")


def answers(service: Any, call: Call) -> list[list[Any]]:
    """Method, request, code and response (both as hex) of each request in turn."""
    found = []
    for method, text in (*PUTS, *READS, *REFUSED):
        request = request_bytes(service, method, text)
        body, _, code = call(method, request)
        # What stands in the response of a call that failed means nothing.
        found.append([method, request.hex(), code, "" if code else without_times(service, method, body).hex()])
    return found


def main() -> None:
    waist = importlib.import_module("ml_metadata.metadata_store.pywrap.metadata_store_extension.metadata_store")
    pb = importlib.import_module("ml_metadata.proto.metadata_store_pb2")
    service = importlib.import_module("ml_metadata.proto.metadata_store_service_pb2")
    config = pb.ConnectionConfig()
    config.fake_database.SetInParent()
    handle = waist.CreateMetadataStore(config.SerializeToString(), pb.MigrationOptions().SerializeToString())
    found = answers(service, lambda method, request: getattr(waist, method)(handle, request))
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
