"""Fields and numbers of `ml_metadata/proto/metadata_store.proto`, as ML Metadata 1.17.1 has them.

One line a field: number, name, `repeated` or nothing, type, then `oneof=`, `default=`, `packed` and `deprecated` where they apply;
one line an enum with all its values, and behind a colon the name of the system type that a value stands for. It is read
by `lakebed.metadata.messages.descriptor`; a test compares it with the descriptors of the original.
"""

from __future__ import annotations

DEFINITION = """\
enum PropertyType UNKNOWN=0 INT=1 DOUBLE=2 STRING=3 STRUCT=4 PROTO=5 BOOLEAN=6
message SystemTypeExtension
  1 type_name string
message Value
  1 int_value int64 oneof=value
  2 double_value double oneof=value
  3 string_value string oneof=value
  4 struct_value google.protobuf.Struct oneof=value
  5 proto_value google.protobuf.Any oneof=value
  6 bool_value bool oneof=value
message Artifact
  1 id int64
  7 name string
  2 type_id int64
  8 type string
  3 uri string
  11 external_id string
  4 properties map<string,Value>
  5 custom_properties map<string,Value>
  6 state Artifact.State
  9 create_time_since_epoch int64
  10 last_update_time_since_epoch int64
  12 system_metadata google.protobuf.Any
enum Artifact.State UNKNOWN=0 PENDING=1 LIVE=2 MARKED_FOR_DELETION=3 DELETED=4 ABANDONED=5 REFERENCE=6
message ArtifactType
  1 id int64
  2 name string
  4 version string
  5 description string
  7 external_id string
  3 properties map<string,PropertyType>
  6 base_type ArtifactType.SystemDefinedBaseType
enum ArtifactType.SystemDefinedBaseType UNSET=0:unset_artifact_type DATASET=1:mlmd.Dataset MODEL=2:mlmd.Model METRICS=3:mlmd.Metrics STATISTICS=4:mlmd.Statistics
message Event
  1 artifact_id int64
  2 execution_id int64
  3 path Event.Path
  4 type Event.Type
  5 milliseconds_since_epoch int64
  6 system_metadata google.protobuf.Any
message Event.Path
  1 steps repeated Event.Path.Step
message Event.Path.Step
  1 index int64 oneof=value
  2 key string oneof=value
enum Event.Type UNKNOWN=0 DECLARED_OUTPUT=1 DECLARED_INPUT=2 INPUT=3 OUTPUT=4 INTERNAL_INPUT=5 INTERNAL_OUTPUT=6 PENDING_OUTPUT=7
message Execution
  1 id int64
  6 name string
  2 type_id int64
  7 type string
  10 external_id string
  3 last_known_state Execution.State
  4 properties map<string,Value>
  5 custom_properties map<string,Value>
  8 create_time_since_epoch int64
  9 last_update_time_since_epoch int64
  11 system_metadata google.protobuf.Any
enum Execution.State UNKNOWN=0 NEW=1 RUNNING=2 COMPLETE=3 FAILED=4 CACHED=5 CANCELED=6
message ExecutionType
  1 id int64
  2 name string
  6 version string
  7 description string
  9 external_id string
  3 properties map<string,PropertyType>
  4 input_type ArtifactStructType
  5 output_type ArtifactStructType
  8 base_type ExecutionType.SystemDefinedBaseType
enum ExecutionType.SystemDefinedBaseType UNSET=0:unset_execution_type TRAIN=1:mlmd.Train TRANSFORM=2:mlmd.Transform PROCESS=3:mlmd.Process EVALUATE=4:mlmd.Evaluate DEPLOY=5:mlmd.Deploy
message ContextType
  1 id int64
  2 name string
  4 version string
  5 description string
  7 external_id string
  3 properties map<string,PropertyType>
  6 base_type ContextType.SystemDefinedBaseType
enum ContextType.SystemDefinedBaseType UNSET=0:unset_context_type
message Context
  1 id int64
  3 name string
  2 type_id int64
  6 type string
  9 external_id string
  4 properties map<string,Value>
  5 custom_properties map<string,Value>
  7 create_time_since_epoch int64
  8 last_update_time_since_epoch int64
  10 system_metadata google.protobuf.Any
message Attribution
  1 artifact_id int64
  2 context_id int64
  3 system_metadata google.protobuf.Any
message Association
  1 execution_id int64
  2 context_id int64
  3 system_metadata google.protobuf.Any
message ParentContext
  1 child_id int64
  2 parent_id int64
  3 system_metadata google.protobuf.Any
message LineageGraph
  1 artifact_types repeated ArtifactType
  2 execution_types repeated ExecutionType
  3 context_types repeated ContextType
  4 artifacts repeated Artifact
  5 executions repeated Execution
  6 contexts repeated Context
  7 events repeated Event
  8 attributions repeated Attribution
  9 associations repeated Association
  10 parent_contexts repeated ParentContext
message ArtifactStructType
  1 simple ArtifactType oneof=kind
  2 union_type UnionArtifactStructType oneof=kind
  3 intersection IntersectionArtifactStructType oneof=kind
  4 list ListArtifactStructType oneof=kind
  5 none NoneArtifactStructType oneof=kind
  6 any AnyArtifactStructType oneof=kind
  7 tuple TupleArtifactStructType oneof=kind
  8 dict DictArtifactStructType oneof=kind
message UnionArtifactStructType
  1 candidates repeated ArtifactStructType
message IntersectionArtifactStructType
  1 constraints repeated ArtifactStructType
message ListArtifactStructType
  1 element ArtifactStructType
message NoneArtifactStructType
message AnyArtifactStructType
message TupleArtifactStructType
  1 elements repeated ArtifactStructType
message DictArtifactStructType
  1 properties map<string,ArtifactStructType>
  2 none_type_not_required bool
  3 extra_properties_type ArtifactStructType
message FakeDatabaseConfig
message MySQLDatabaseConfig
  1 host string
  2 port int64
  3 database string
  4 user string
  5 password string
  6 socket string
  7 ssl_options MySQLDatabaseConfig.SSLOptions
  8 skip_db_creation bool
message MySQLDatabaseConfig.SSLOptions
  1 key string
  2 cert string
  3 ca string
  4 capath string
  5 cipher string
  6 verify_server_cert bool
message SqliteMetadataSourceConfig
  1 filename_uri string
  2 connection_mode SqliteMetadataSourceConfig.ConnectionMode
enum SqliteMetadataSourceConfig.ConnectionMode UNKNOWN=0 READONLY=1 READWRITE=2 READWRITE_OPENCREATE=3
message PostgreSQLDatabaseConfig
  1 host string
  2 hostaddr string
  3 port string
  4 user string
  5 password string
  6 passfile string
  7 dbname string
  8 skip_db_creation bool
  9 ssloption PostgreSQLDatabaseConfig.SSLOptions
message PostgreSQLDatabaseConfig.SSLOptions
  1 sslmode string
  2 sslcert string
  3 sslkey string
  4 sslpassword string
  5 sslrootcert string
message MigrationOptions
  3 enable_upgrade_migration bool
  2 downgrade_to_schema_version int64 default=-1
  reserved 1 2
message RetryOptions
  1 max_num_retries int64
message ConnectionConfig
  1 fake_database FakeDatabaseConfig oneof=config
  2 mysql MySQLDatabaseConfig oneof=config
  3 sqlite SqliteMetadataSourceConfig oneof=config
  5 postgresql PostgreSQLDatabaseConfig oneof=config
  4 retry_options RetryOptions
message GrpcChannelArguments
  1 max_receive_message_length int64
  2 http2_max_ping_strikes int64
message MetadataStoreClientConfig
  1 host string
  2 port int64
  3 ssl_config MetadataStoreClientConfig.SSLConfig
  4 channel_arguments GrpcChannelArguments
  5 client_timeout_sec double
message MetadataStoreClientConfig.SSLConfig
  1 client_key string
  2 server_cert string
  3 custom_ca string
message MetadataStoreServerConfig
  1 connection_config ConnectionConfig
  3 migration_options MigrationOptions
  2 ssl_config MetadataStoreServerConfig.SSLConfig
message MetadataStoreServerConfig.SSLConfig
  1 server_key string
  2 server_cert string
  3 custom_ca string
  4 client_verify bool
message ListOperationOptions
  1 max_result_size int32 default=20
  2 order_by_field ListOperationOptions.OrderByField
  3 next_page_token string
  4 filter_query string
message ListOperationOptions.OrderByField
  1 field ListOperationOptions.OrderByField.Field default=ID
  2 is_asc bool default=true
enum ListOperationOptions.OrderByField.Field FIELD_UNSPECIFIED=0 CREATE_TIME=1 LAST_UPDATE_TIME=2 ID=3
message ListOperationNextPageToken
  1 id_offset int64
  2 field_offset int64
  3 set_options ListOperationOptions
  4 listed_ids repeated int64
message TransactionOptions
  1 tag string
  extensions 1000 536870912
message LineageGraphQueryOptions deprecated
  1 artifacts_options ListOperationOptions oneof=query_nodes
  2 stop_conditions LineageGraphQueryOptions.BoundaryConstraint
  3 max_node_size int64 default=20
message LineageGraphQueryOptions.BoundaryConstraint
  1 max_num_hops int64
  2 boundary_artifacts string
  3 boundary_executions string
message LineageSubgraphQueryOptions
  1 starting_artifacts LineageSubgraphQueryOptions.StartingNodes oneof=starting_nodes
  2 starting_executions LineageSubgraphQueryOptions.StartingNodes oneof=starting_nodes
  3 max_num_hops int64
  4 direction LineageSubgraphQueryOptions.Direction
  5 ending_artifacts LineageSubgraphQueryOptions.EndingNodes
  6 ending_executions LineageSubgraphQueryOptions.EndingNodes
message LineageSubgraphQueryOptions.StartingNodes
  1 filter_query string
message LineageSubgraphQueryOptions.EndingNodes
  1 filter_query string
  2 include_ending_nodes bool default=false
enum LineageSubgraphQueryOptions.Direction DIRECTION_UNSPECIFIED=0 UPSTREAM=1 DOWNSTREAM=2 BIDIRECTIONAL=3
"""
