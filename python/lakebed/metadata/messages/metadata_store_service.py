"""Fields and numbers of `ml_metadata/proto/metadata_store_service.proto`, as ML Metadata 1.17.1 has them.

Requests and responses of every method, in the notation of `lakebed.metadata.messages.metadata_store`, and at the end one
line a method of the service: name, request, response.
"""

from __future__ import annotations

DEFINITION = """\
message ArtifactAndType
  1 artifact Artifact
  2 type ArtifactType
message ArtifactStructMap
  1 properties map<string,ArtifactStruct>
message ArtifactStructList
  1 elements repeated ArtifactStruct
message ArtifactStruct
  1 artifact ArtifactAndType oneof=value
  2 map ArtifactStructMap oneof=value
  3 list ArtifactStructList oneof=value
message PutArtifactsRequest
  1 artifacts repeated Artifact
  2 options PutArtifactsRequest.Options
  3 transaction_options TransactionOptions
  4 update_mask google.protobuf.FieldMask
message PutArtifactsRequest.Options
  1 abort_if_latest_updated_time_changed bool
message PutArtifactsResponse
  1 artifact_ids repeated int64
message PutArtifactTypeRequest
  1 artifact_type ArtifactType
  2 can_add_fields bool
  5 can_omit_fields bool
  3 can_delete_fields bool deprecated
  4 all_fields_match bool default=true deprecated
  6 transaction_options TransactionOptions
message PutArtifactTypeResponse
  1 type_id int64
message PutExecutionsRequest
  1 executions repeated Execution
  2 transaction_options TransactionOptions
  3 update_mask google.protobuf.FieldMask
message PutExecutionsResponse
  1 execution_ids repeated int64
message PutExecutionTypeRequest
  1 execution_type ExecutionType
  2 can_add_fields bool
  5 can_omit_fields bool
  3 can_delete_fields bool deprecated
  4 all_fields_match bool default=true deprecated
  6 transaction_options TransactionOptions
message PutExecutionTypeResponse
  1 type_id int64
message PutEventsRequest
  1 events repeated Event
  2 transaction_options TransactionOptions
message PutEventsResponse
message PutExecutionRequest
  1 execution Execution
  2 artifact_event_pairs repeated PutExecutionRequest.ArtifactAndEvent
  3 contexts repeated Context
  4 options PutExecutionRequest.Options
  5 transaction_options TransactionOptions
message PutExecutionRequest.ArtifactAndEvent
  1 artifact Artifact
  2 event Event
message PutExecutionRequest.Options
  1 reuse_context_if_already_exist bool
  2 reuse_artifact_if_already_exist_by_external_id bool
  3 force_update_time bool
  4 force_reuse_context bool
message PutExecutionResponse
  1 execution_id int64
  2 artifact_ids repeated int64
  3 context_ids repeated int64
message PutLineageSubgraphRequest
  1 executions repeated Execution
  2 artifacts repeated Artifact
  3 contexts repeated Context
  4 event_edges repeated PutLineageSubgraphRequest.EventEdge
  5 options PutLineageSubgraphRequest.Options
  6 transaction_options TransactionOptions
message PutLineageSubgraphRequest.EventEdge
  1 execution_index int32
  2 artifact_index int32
  3 event Event
message PutLineageSubgraphRequest.Options
  1 reuse_context_if_already_exist bool
  2 reuse_artifact_if_already_exist_by_external_id bool
message PutLineageSubgraphResponse
  1 execution_ids repeated int64 packed
  2 artifact_ids repeated int64 packed
  3 context_ids repeated int64 packed
message PutTypesRequest
  1 artifact_types repeated ArtifactType
  2 execution_types repeated ExecutionType
  3 context_types repeated ContextType
  4 can_add_fields bool
  7 can_omit_fields bool
  5 can_delete_fields bool deprecated
  6 all_fields_match bool default=true deprecated
  8 transaction_options TransactionOptions
message PutTypesResponse
  1 artifact_type_ids repeated int64
  2 execution_type_ids repeated int64
  3 context_type_ids repeated int64
message PutContextTypeRequest
  1 context_type ContextType
  2 can_add_fields bool
  5 can_omit_fields bool
  3 can_delete_fields bool deprecated
  4 all_fields_match bool default=true deprecated
  6 transaction_options TransactionOptions
message PutContextTypeResponse
  1 type_id int64
message PutContextsRequest
  1 contexts repeated Context
  2 transaction_options TransactionOptions
  3 update_mask google.protobuf.FieldMask
message PutContextsResponse
  1 context_ids repeated int64
message PutAttributionsAndAssociationsRequest
  1 attributions repeated Attribution
  2 associations repeated Association
  3 transaction_options TransactionOptions
message PutAttributionsAndAssociationsResponse
message PutParentContextsRequest
  1 parent_contexts repeated ParentContext
  2 transaction_options TransactionOptions
message PutParentContextsResponse
message GetArtifactsByTypeRequest
  1 type_name string
  2 type_version string
  3 options ListOperationOptions
  4 transaction_options TransactionOptions
message GetArtifactsByTypeResponse
  1 artifacts repeated Artifact
  2 next_page_token string
message GetArtifactByTypeAndNameRequest
  1 type_name string
  3 type_version string
  2 artifact_name string
  4 transaction_options TransactionOptions
message GetArtifactByTypeAndNameResponse
  1 artifact Artifact
message GetArtifactsByIDRequest
  1 artifact_ids repeated int64
  3 populate_artifact_types bool default=false
  2 transaction_options TransactionOptions
message GetArtifactsByIDResponse
  1 artifacts repeated Artifact
  2 artifact_types repeated ArtifactType
message GetArtifactsRequest
  1 options ListOperationOptions
  2 transaction_options TransactionOptions
message GetArtifactsResponse
  1 artifacts repeated Artifact
  2 next_page_token string
message GetArtifactsByURIRequest
  2 uris repeated string
  3 transaction_options TransactionOptions
  reserved 1 2
message GetArtifactsByURIResponse
  1 artifacts repeated Artifact
message GetExecutionsRequest
  1 options ListOperationOptions
  2 transaction_options TransactionOptions
message GetExecutionsResponse
  1 executions repeated Execution
  2 next_page_token string
message GetArtifactTypeRequest
  1 type_name string
  2 type_version string
  3 transaction_options TransactionOptions
message GetArtifactTypeResponse
  1 artifact_type ArtifactType
message GetArtifactTypesRequest
  1 transaction_options TransactionOptions
message GetArtifactTypesResponse
  1 artifact_types repeated ArtifactType
message GetExecutionTypesRequest
  1 transaction_options TransactionOptions
message GetExecutionTypesResponse
  1 execution_types repeated ExecutionType
message GetContextTypesRequest
  1 transaction_options TransactionOptions
message GetContextTypesResponse
  1 context_types repeated ContextType
message GetArtifactsByExternalIdsRequest
  1 external_ids repeated string
  2 transaction_options TransactionOptions
message GetArtifactsByExternalIdsResponse
  1 artifacts repeated Artifact
message GetExecutionsByExternalIdsRequest
  1 external_ids repeated string
  2 transaction_options TransactionOptions
message GetExecutionsByExternalIdsResponse
  1 executions repeated Execution
message GetContextsByExternalIdsRequest
  1 external_ids repeated string
  2 transaction_options TransactionOptions
message GetContextsByExternalIdsResponse
  1 contexts repeated Context
message GetArtifactTypesByExternalIdsRequest
  1 external_ids repeated string
  2 transaction_options TransactionOptions
message GetArtifactTypesByExternalIdsResponse
  1 artifact_types repeated ArtifactType
message GetExecutionTypesByExternalIdsRequest
  1 external_ids repeated string
  2 transaction_options TransactionOptions
message GetExecutionTypesByExternalIdsResponse
  1 execution_types repeated ExecutionType
message GetContextTypesByExternalIdsRequest
  1 external_ids repeated string
  2 transaction_options TransactionOptions
message GetContextTypesByExternalIdsResponse
  1 context_types repeated ContextType
message GetExecutionsByTypeRequest
  1 type_name string
  2 type_version string
  3 options ListOperationOptions
  4 transaction_options TransactionOptions
message GetExecutionsByTypeResponse
  1 executions repeated Execution
  2 next_page_token string
message GetExecutionByTypeAndNameRequest
  1 type_name string
  3 type_version string
  2 execution_name string
  4 transaction_options TransactionOptions
message GetExecutionByTypeAndNameResponse
  1 execution Execution
message GetExecutionsByIDRequest
  1 execution_ids repeated int64
  2 transaction_options TransactionOptions
message GetExecutionsByIDResponse
  1 executions repeated Execution
message GetExecutionTypeRequest
  1 type_name string
  2 type_version string
  3 transaction_options TransactionOptions
message GetExecutionTypeResponse
  1 execution_type ExecutionType
message GetEventsByExecutionIDsRequest
  1 execution_ids repeated int64
  2 transaction_options TransactionOptions
message GetEventsByExecutionIDsResponse
  1 events repeated Event
message GetEventsByArtifactIDsRequest
  1 artifact_ids repeated int64
  2 transaction_options TransactionOptions
message GetEventsByArtifactIDsResponse
  1 events repeated Event
message GetArtifactTypesByIDRequest
  1 type_ids repeated int64
  2 transaction_options TransactionOptions
message GetArtifactTypesByIDResponse
  1 artifact_types repeated ArtifactType
message GetExecutionTypesByIDRequest
  1 type_ids repeated int64
  2 transaction_options TransactionOptions
message GetExecutionTypesByIDResponse
  1 execution_types repeated ExecutionType
message GetContextTypeRequest
  1 type_name string
  2 type_version string
  3 transaction_options TransactionOptions
message GetContextTypeResponse
  1 context_type ContextType
message GetContextTypesByIDRequest
  1 type_ids repeated int64
  2 transaction_options TransactionOptions
message GetContextTypesByIDResponse
  1 context_types repeated ContextType
message GetContextsRequest
  1 options ListOperationOptions
  2 transaction_options TransactionOptions
message GetContextsResponse
  1 contexts repeated Context
  2 next_page_token string
message GetContextsByTypeRequest
  1 type_name string
  2 options ListOperationOptions
  3 type_version string
  4 transaction_options TransactionOptions
message GetContextsByTypeResponse
  1 contexts repeated Context
  2 next_page_token string
message GetContextByTypeAndNameRequest
  1 type_name string
  3 type_version string
  2 context_name string
  4 transaction_options TransactionOptions
message GetContextByTypeAndNameResponse
  1 context Context
message GetContextsByIDRequest
  1 context_ids repeated int64
  2 transaction_options TransactionOptions
message GetContextsByIDResponse
  1 contexts repeated Context
message GetContextsByArtifactRequest
  1 artifact_id int64
  2 transaction_options TransactionOptions
message GetContextsByArtifactResponse
  1 contexts repeated Context
message GetContextsByExecutionRequest
  1 execution_id int64
  2 transaction_options TransactionOptions
message GetContextsByExecutionResponse
  1 contexts repeated Context
message GetParentContextsByContextRequest
  1 context_id int64
  2 transaction_options TransactionOptions
message GetParentContextsByContextResponse
  1 contexts repeated Context
message GetChildrenContextsByContextRequest
  1 context_id int64
  2 transaction_options TransactionOptions
message GetChildrenContextsByContextResponse
  1 contexts repeated Context
message GetParentContextsByContextsRequest
  1 context_ids repeated int64 packed
  2 transaction_options TransactionOptions
message GetParentContextsByContextsResponse
  2 contexts map<int64,GetParentContextsByContextsResponse.ParentContextsPerChild>
message GetParentContextsByContextsResponse.ParentContextsPerChild
  1 parent_contexts repeated Context
message GetChildrenContextsByContextsRequest
  1 context_ids repeated int64 packed
  2 transaction_options TransactionOptions
message GetChildrenContextsByContextsResponse
  2 contexts map<int64,GetChildrenContextsByContextsResponse.ChildrenContextsPerParent>
message GetChildrenContextsByContextsResponse.ChildrenContextsPerParent
  1 children_contexts repeated Context
message GetArtifactsByContextRequest
  1 context_id int64
  2 options ListOperationOptions
  3 transaction_options TransactionOptions
message GetArtifactsByContextResponse
  1 artifacts repeated Artifact
  2 next_page_token string
message GetExecutionsByContextRequest
  1 context_id int64
  2 options ListOperationOptions
  3 transaction_options TransactionOptions
message GetExecutionsByContextResponse
  1 executions repeated Execution
  2 next_page_token string
  3 transaction_options TransactionOptions
message GetLineageGraphRequest deprecated
  1 options LineageGraphQueryOptions
  2 transaction_options TransactionOptions
message GetLineageGraphResponse deprecated
  1 subgraph LineageGraph
message GetLineageSubgraphRequest
  1 lineage_subgraph_query_options LineageSubgraphQueryOptions
  3 read_mask google.protobuf.FieldMask
  2 transaction_options TransactionOptions
message GetLineageSubgraphResponse
  1 lineage_subgraph LineageGraph
rpc PutArtifactType PutArtifactTypeRequest PutArtifactTypeResponse
rpc PutExecutionType PutExecutionTypeRequest PutExecutionTypeResponse
rpc PutContextType PutContextTypeRequest PutContextTypeResponse
rpc PutTypes PutTypesRequest PutTypesResponse
rpc PutArtifacts PutArtifactsRequest PutArtifactsResponse
rpc PutExecutions PutExecutionsRequest PutExecutionsResponse
rpc PutEvents PutEventsRequest PutEventsResponse
rpc PutExecution PutExecutionRequest PutExecutionResponse
rpc PutLineageSubgraph PutLineageSubgraphRequest PutLineageSubgraphResponse
rpc PutContexts PutContextsRequest PutContextsResponse
rpc PutAttributionsAndAssociations PutAttributionsAndAssociationsRequest PutAttributionsAndAssociationsResponse
rpc PutParentContexts PutParentContextsRequest PutParentContextsResponse
rpc GetArtifactType GetArtifactTypeRequest GetArtifactTypeResponse
rpc GetArtifactTypesByID GetArtifactTypesByIDRequest GetArtifactTypesByIDResponse
rpc GetArtifactTypes GetArtifactTypesRequest GetArtifactTypesResponse
rpc GetExecutionType GetExecutionTypeRequest GetExecutionTypeResponse
rpc GetExecutionTypesByID GetExecutionTypesByIDRequest GetExecutionTypesByIDResponse
rpc GetExecutionTypes GetExecutionTypesRequest GetExecutionTypesResponse
rpc GetContextType GetContextTypeRequest GetContextTypeResponse
rpc GetContextTypesByID GetContextTypesByIDRequest GetContextTypesByIDResponse
rpc GetContextTypes GetContextTypesRequest GetContextTypesResponse
rpc GetArtifacts GetArtifactsRequest GetArtifactsResponse
rpc GetExecutions GetExecutionsRequest GetExecutionsResponse
rpc GetContexts GetContextsRequest GetContextsResponse
rpc GetArtifactsByID GetArtifactsByIDRequest GetArtifactsByIDResponse
rpc GetExecutionsByID GetExecutionsByIDRequest GetExecutionsByIDResponse
rpc GetContextsByID GetContextsByIDRequest GetContextsByIDResponse
rpc GetArtifactsByType GetArtifactsByTypeRequest GetArtifactsByTypeResponse
rpc GetExecutionsByType GetExecutionsByTypeRequest GetExecutionsByTypeResponse
rpc GetContextsByType GetContextsByTypeRequest GetContextsByTypeResponse
rpc GetArtifactByTypeAndName GetArtifactByTypeAndNameRequest GetArtifactByTypeAndNameResponse
rpc GetExecutionByTypeAndName GetExecutionByTypeAndNameRequest GetExecutionByTypeAndNameResponse
rpc GetContextByTypeAndName GetContextByTypeAndNameRequest GetContextByTypeAndNameResponse
rpc GetArtifactsByURI GetArtifactsByURIRequest GetArtifactsByURIResponse
rpc GetEventsByExecutionIDs GetEventsByExecutionIDsRequest GetEventsByExecutionIDsResponse
rpc GetEventsByArtifactIDs GetEventsByArtifactIDsRequest GetEventsByArtifactIDsResponse
rpc GetArtifactsByExternalIds GetArtifactsByExternalIdsRequest GetArtifactsByExternalIdsResponse
rpc GetExecutionsByExternalIds GetExecutionsByExternalIdsRequest GetExecutionsByExternalIdsResponse
rpc GetContextsByExternalIds GetContextsByExternalIdsRequest GetContextsByExternalIdsResponse
rpc GetArtifactTypesByExternalIds GetArtifactTypesByExternalIdsRequest GetArtifactTypesByExternalIdsResponse
rpc GetExecutionTypesByExternalIds GetExecutionTypesByExternalIdsRequest GetExecutionTypesByExternalIdsResponse
rpc GetContextTypesByExternalIds GetContextTypesByExternalIdsRequest GetContextTypesByExternalIdsResponse
rpc GetContextsByArtifact GetContextsByArtifactRequest GetContextsByArtifactResponse
rpc GetContextsByExecution GetContextsByExecutionRequest GetContextsByExecutionResponse
rpc GetParentContextsByContext GetParentContextsByContextRequest GetParentContextsByContextResponse
rpc GetChildrenContextsByContext GetChildrenContextsByContextRequest GetChildrenContextsByContextResponse
rpc GetParentContextsByContexts GetParentContextsByContextsRequest GetParentContextsByContextsResponse
rpc GetChildrenContextsByContexts GetChildrenContextsByContextsRequest GetChildrenContextsByContextsResponse
rpc GetArtifactsByContext GetArtifactsByContextRequest GetArtifactsByContextResponse
rpc GetExecutionsByContext GetExecutionsByContextRequest GetExecutionsByContextResponse
rpc GetLineageGraph GetLineageGraphRequest GetLineageGraphResponse deprecated
rpc GetLineageSubgraph GetLineageSubgraphRequest GetLineageSubgraphResponse
"""
