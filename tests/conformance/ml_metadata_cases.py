"""What a user of ML Metadata does, case by case, written for whichever package is given: the original or Lakebed's.

`run` answers with plain values: what a method gave, or the class and code of its error. Ids of nodes are given only
where no put has failed in that store before (servers then leave gaps), times only as relations. This file uses nothing
but the package under test, so that it runs in an environment that has the original alone.
"""

from __future__ import annotations

import base64
import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any

Answer = Any
FILTERS = """
name = 'a-2'|name = "a-2"|`name` = 'a-2'|NAME = 'a-2'|name != 'a-2'|name <> 'a-2' AND id < 4|name LIKE 'a-%'
name LIKE 'A-_'|name NOT LIKE 'a-%'|name IS NULL|name IS NOT NULL|name IN ('a-1', 'a-3', 'zz')|name NOT IN ('a-1')
name BETWEEN 'a-1' AND 'a-3'|name NOT BETWEEN 'a-1' AND 'a-3'|name >= 'a-3'|uri = 'u/1'|uri = ''|uri LIKE '%/2'
id = 3|id + 1 = 3|id * 2 > 6|-id = -2|id = 2.0|id = 2.5|id IN (1, 5)|id = 0x2|id BETWEEN 2 AND 3|ABS(-id) = 3|id > 1 AND id < 4
type = 'A'|type = 'B'|type IN ('A', 'B')|type != 'A'|type_id > 0|type LIKE 'A%'
external_id = 'x-1'|external_id IS NULL|create_time_since_epoch > 1000|last_update_time_since_epoch >= create_time_since_epoch
state = LIVE|state != LIVE|state IN (LIVE, PENDING)|state NOT IN (LIVE)|state IS NULL|state = MARKED_FOR_DELETION
properties.i.int_value = 2|properties.i.int_value > 1|properties.d.double_value = 1.5|properties.d.double_value = 2
properties.s.string_value = 'odd'|properties.s.string_value LIKE 'e%'|properties.b.bool_value = TRUE|properties.b.bool_value
NOT properties.b.bool_value|properties.none.int_value = 1|properties.i.int_value IS NULL|properties.i.string_value IS NULL
properties.i.int_value = 1 OR properties.i.int_value = 3|properties.i.int_value > 1 AND properties.s.string_value = 'odd'
properties.i.int_value = properties.i.int_value|properties.i.int_value = custom_properties.c.int_value
custom_properties.c.int_value < 3|custom_properties.`two words`.string_value = 'v'|properties.`i`.int_value = 1
contexts_a.name = 'c-1'|contexts_a.type = 'C'|contexts_a.name = 'c-1' AND contexts_b.name = 'c-2'|contexts_a.id = 2
contexts_a.name = 'c-1' AND contexts_a.name = 'c-2'|contexts_a.name = 'c-1' OR name = 'a-5'|contexts_a.name != 'c-1'
contexts_a.create_time_since_epoch > 1 AND state = LIVE|contexts_a.name IS NULL|contexts_a.name = 'c-1' AND id > 1
events_0.type = INPUT|events_0.type = OUTPUT AND events_0.execution_id = 1|events_0.type IN (INPUT, OUTPUT)
events_0.type = INPUT AND events_1.type = OUTPUT|events_0.milliseconds_since_epoch > 0|events_0.execution_id = 2
TRUE|FALSE|1 = 1|NOT (id = 1)|id = 1 OR id = 2 AND id = 3|(id = 1 OR id = 2) AND id = 2|id = 1 -- note|id = /* x */ 1
CASE WHEN id = 1 THEN TRUE ELSE FALSE END|COALESCE(name, 'none') = 'none'|IFNULL(name, 'none') = 'none'
UPPER(name) = 'A-1'|LENGTH(name) = 3|CAST(id AS STRING) = '3'|name = r'a-1'|name = '''a-1'''|name = 'a\\x2d1'
name|1|id|name = 5|id = 'x'|unknown = 1|properties.i = 1|properties.i.float_value = 1|contexts.name = 'x'|contexts_a.no = 1
state = FOO|state = 2|state = 'LIVE'|LIVE = state|state > LIVE|name = |name = 'a|(id = 1|id = 1)|id = 1 AND|SELECT 1
id = 1; DROP TABLE Artifact|id = @p|id = ?|name LIKE 5|NOT name|id = NULL|name = NULL|id IN ('a')|id IN ()|'a' AND TRUE
parent_contexts_a.id = 1|executions_a.id = 1|name = DATE '2020-01-01'|frobnicate(id) = 1|id = 99999999999999999999
""".replace("\n", "|")
FUNCTIONS = r"""
SIGN(id - 2) = 1; SIGN(properties.d.double_value) = 1.0; ROUND(properties.d.double_value) = 2.0; ROUND(2.567, 2) = 2.57
ROUND(-2.5) = -3; ROUND(id) = 1; TRIM(name) = 'a-1'; TRIM('  a ') = 'a'; LTRIM('xa', 'x') = 'a'; RTRIM('ax', 'x') = 'a'
SUBSTR(name, 3) = '1'; SUBSTR(name, 1, 1) = 'a'; SUBSTR(name, -1) = '1'; REPLACE(name, 'a', 'b') = 'b-1'; UNICODE('é') = 233
id & 1 = 1; (id | 4) = 5; (id << 1) = 2; (id >> 1) = 1; ~id = -2; 1 + 2 & 3 = 3; id & 1.5 = 1; name & 1 = 1
EXISTS(SELECT 1); NOT EXISTS(SELECT 1); EXISTS(SELECT contexts_a.id); EXISTS(SELECT 1 LIMIT 0); (SELECT id) = 1; (SELECT TRUE)
id IN (SELECT 1); id NOT IN (SELECT 1); id IN (SELECT 1 LIMIT 0); id IN ((SELECT 1), 2); (SELECT id, name) = 1; EXISTS(SELECT *)
EXISTS(SELECT 1 FROM Artifact); (SELECT state = LIVE); (SELECT state) = 2; id = (SELECT 1 + 1)
CAST(1.5 AS INT64) = 2; CAST(-2.5 AS INT64) = -3; CAST(TRUE AS STRING) = 'true'; CAST(1.0 AS STRING) = '1'; CAST(0 AS BOOL)
CAST(id AS BOOL); CAST('true' AS BOOL); CAST(id AS UINT64) = 1; CAST(state AS INT64) = 2; SAFE_CAST(name AS STRING) = 'a-1'
SAFE_CAST(id AS INT64) = 1; SAFE_CAST('x' AS INT64) IS NULL; SAFE_CAST(1.5 AS INT64) = 2
state + 0 = 2; ABS(state) = 2; -state = -2; 2 = state; state > 1; state BETWEEN 1 AND 2; (state) = 2; state IN (2); state <= id
COALESCE(state, 7) = 7; NULLIF(state, 2) IS NULL; CASE state WHEN 2 THEN TRUE END; state IS TRUE; events_0.type > 3
NOT state IN (LIVE); NOT state = LIVE; NOT (state NOT IN (LIVE)); state = id
properties.select.int_value = 1; properties.I.int_value = 1; custom_properties.`TWO words`.string_value = 'v'
NULL; (NULL); NOT NULL; NOT (NULL); NULL AND id = 1; id = 1 OR NULL; name LIKE NULL; id BETWEEN NULL AND 2; LENGTH(NULL) = 1
ABS(NULL) = 1; id IN (1, NULL); `name`x = 'a'; 'a''b' = 'a'; name = 'a'x; FORMAT('%d', name) = 'x'; SUBSTR(id, 1) = '1'
TRIM(1) = '1'; REPLACE(name, 'a') = ''; SIGN('a') = 1; ROUND('a') = 1; UNICODE(1) = 1
""".replace("\n", ";")


class Package:
    """The modules of a package under test."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.api = importlib.import_module(name)
        self.pb = importlib.import_module(f"{name}.proto.metadata_store_pb2")
        self.service = importlib.import_module(f"{name}.proto.metadata_store_service_pb2")


def answer(call: Callable[[], Any]) -> Answer:
    """What a call gives, or the class and code of its error."""
    try:
        return plain(call())
    except Exception as error:  # noqa: BLE001 - an error is an answer
        return {"error": type(error).__name__, "code": getattr(error, "error_code", None)}


def plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)) or type(value).__name__.startswith("Repeated"):
        return [plain(item) for item in value]
    if hasattr(value, "DESCRIPTOR"):
        return message(value)
    return value.hex() if isinstance(value, bytes) else value


def message(value: Any) -> dict[str, Any]:
    """The set fields of a message; times left out."""
    found = {}
    for field, content in value.ListFields():
        if "since_epoch" in field.name:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            found[field.name] = {str(key): plain(content[key]) for key in sorted(content)}
        else:
            found[field.name] = plain(content)
    return found


class World:
    """A store with two artifact types, an execution type and a context type."""

    def __init__(self, package: Package, store: Any) -> None:
        self.package, self.store, pb = package, store, package.pb
        kinds = {"i": pb.INT, "d": pb.DOUBLE, "s": pb.STRING, "b": pb.BOOLEAN, "st": pb.STRUCT, "p": pb.PROTO}
        self.a = store.put_artifact_type(pb.ArtifactType(name="A", properties=kinds, description="first"))
        self.b = store.put_artifact_type(pb.ArtifactType(name="B"))
        self.e = store.put_execution_type(pb.ExecutionType(name="E", properties={"n": pb.INT}))
        self.c = store.put_context_type(pb.ContextType(name="C"))

    def artifact(self, **fields: Any) -> Any:
        return self.package.pb.Artifact(type_id=fields.pop("type_id", self.a), **fields)

    def execution(self, **fields: Any) -> Any:
        return self.package.pb.Execution(type_id=self.e, **fields)

    def context(self, name: str, **fields: Any) -> Any:
        return self.package.pb.Context(type_id=self.c, name=name, **fields)

    def event(self, kind: str, **fields: Any) -> Any:
        return self.package.pb.Event(type=getattr(self.package.pb.Event, kind), **fields)

    def value(self, **fields: Any) -> Any:
        return self.package.pb.Value(**fields)

    def call(self, method: str, **fields: Any) -> Any:
        """A method of the service that may have no other way to it."""
        service = self.package.service
        response = getattr(service, f"{method}Response")()
        self.store._call(method, getattr(service, f"{method}Request")(**fields), response)
        return response


def types(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    pb, store = w.package.pb, w.store
    full = dict(store.get_artifact_type("A").properties)
    put = store.put_artifact_type
    yield "same again", lambda: put(pb.ArtifactType(name="A", properties=full)) == w.a
    yield "other version", lambda: put(pb.ArtifactType(name="A", version="v2")) not in {w.a, w.b}
    yield "empty version is none", lambda: put(pb.ArtifactType(name="A", version="", properties=full)) == w.a
    yield "get with version", lambda: store.get_artifact_type("A", "v2").version
    yield "get with unknown version", lambda: store.get_artifact_type("A", "v3")
    yield "same name in other kinds", lambda: store.put_context_type(pb.ContextType(name="A")) > 0
    yield "no name", lambda: put(pb.ArtifactType())
    yield "unknown property type", lambda: put(pb.ArtifactType(name="U", properties={"x": pb.UNKNOWN}))
    yield "add refused", lambda: put(pb.ArtifactType(name="A", properties={**full, "z": pb.INT}))
    yield "add", lambda: put(pb.ArtifactType(name="A", properties={**full, "z": pb.INT}), can_add_fields=True) == w.a
    yield "omit refused", lambda: put(pb.ArtifactType(name="A"))
    yield "omit", lambda: put(pb.ArtifactType(name="A"), can_omit_fields=True) == w.a
    yield "omitted are kept", lambda: store.get_artifact_type("A")
    yield "changed type", lambda: put(pb.ArtifactType(name="A", properties={"i": pb.STRING}), True, True)
    yield (
        "description stays",
        lambda: (
            put(pb.ArtifactType(name="B", description="late")),
            store.get_artifact_type("B").HasField("description"),
        )[1],
    )
    yield "external id", lambda: put(pb.ArtifactType(name="B", external_id="t-1")) == w.b
    yield "external id kept", lambda: (put(pb.ArtifactType(name="B")), store.get_artifact_type("B"))[1].external_id
    yield (
        "external id moves",
        lambda: (
            put(pb.ArtifactType(name="B", external_id="t-2")),
            store.get_artifact_type("B").external_id,
        )[1],
    )
    yield "external id taken", lambda: put(pb.ArtifactType(name="N", external_id="t-2"))
    yield (
        "external id taken in another kind",
        lambda: store.put_execution_type(pb.ExecutionType(name="N", external_id="t-2")),
    )
    yield "by external ids", lambda: [t.name for t in store.get_artifact_types_by_external_ids(["t-2", "no"])]
    yield "by external ids, none", lambda: store.get_artifact_types_by_external_ids(["no"])
    yield "by external ids, empty", lambda: store.get_artifact_types_by_external_ids([""])
    yield (
        "base type",
        lambda: (
            put(pb.ArtifactType(name="M", base_type=pb.ArtifactType.MODEL)),
            store.get_artifact_type("M").base_type,
        )[1],
    )
    yield "base type kept", lambda: (put(pb.ArtifactType(name="M")), store.get_artifact_type("M").base_type)[1]
    yield "base type changed", lambda: put(pb.ArtifactType(name="M", base_type=pb.ArtifactType.DATASET))
    yield "base type unset", lambda: put(pb.ArtifactType(name="M", base_type=pb.ArtifactType.UNSET))
    yield (
        "base type set late",
        lambda: (
            put(pb.ArtifactType(name="B", base_type=pb.ArtifactType.STATISTICS)),
            store.get_artifact_type("B").base_type,
        )[1],
    )
    struct = pb.ArtifactStructType()
    struct.dict.properties["x"].any.SetInParent()
    struct.dict.none_type_not_required = True
    yield (
        "input and output type",
        lambda: (
            store.put_execution_type(pb.ExecutionType(name="IO", input_type=struct)),
            store.get_execution_type("IO").input_type,
        )[1],
    )
    yield "system types are hidden", lambda: sorted({t.name for t in store.get_artifact_types()})
    yield "system type by name", lambda: store.get_artifact_type("mlmd.Dataset")
    yield "by id", lambda: [t.name for t in store.get_artifact_types_by_id([w.b, w.a, w.a, w.e, 999])]
    yield "unknown", lambda: store.get_execution_type("none")
    yield "of other kinds", lambda: store.get_execution_type("A")
    yield (
        "several at once",
        lambda: len(
            w.call(
                "PutTypes", artifact_types=[pb.ArtifactType(name="Q")], context_types=[pb.ContextType(name="Q")]
            ).artifact_type_ids
        ),
    )


def puts(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    pb, store = w.package.pb, w.store
    yield "no type id", lambda: store.put_artifacts([pb.Artifact()])
    yield "unknown type", lambda: store.put_artifacts([pb.Artifact(type_id=999)])
    yield "type of another kind", lambda: store.put_artifacts([pb.Artifact(type_id=w.e)])
    yield "undefined property", lambda: store.put_artifacts([w.artifact(properties={"q": w.value(int_value=1)})])
    yield "int for double", lambda: store.put_artifacts([w.artifact(properties={"d": w.value(int_value=1)})])
    yield "empty property", lambda: store.put_artifacts([w.artifact(properties={"d": w.value()})])
    yield "unknown id", lambda: store.put_artifacts([w.artifact(id=99)])
    yield "context without name", lambda: store.put_contexts([pb.Context(type_id=w.c)])
    yield "context with empty name", lambda: store.put_contexts([w.context("")])
    yield (
        "name taken",
        lambda: (store.put_artifacts([w.artifact(name="n")]), store.put_artifacts([w.artifact(name="n")])),
    )
    yield "name taken within a call", lambda: store.put_artifacts([w.artifact(name="m"), w.artifact(name="m")])
    yield "rolled back", lambda: store.get_artifact_by_type_and_name("A", "m")
    yield "same name, other type", lambda: len(store.put_artifacts([w.artifact(name="n", type_id=w.b)]))
    yield (
        "external id taken",
        lambda: (
            store.put_artifacts([w.artifact(external_id="e")]),
            store.put_artifacts([w.artifact(external_id="e", type_id=w.b)]),
        ),
    )
    yield "external id of another kind", lambda: len(store.put_executions([w.execution(external_id="e")]))
    yield (
        "empty external id is a value",
        lambda: (
            store.put_artifacts([w.artifact(external_id="")]),
            store.put_artifacts([w.artifact(external_id="")]),
        ),
    )
    yield "other type id", lambda: store.put_artifacts([pb.Artifact(id=1, type_id=w.b)])
    yield "update without type id", lambda: store.put_artifacts([pb.Artifact(id=1)])
    yield "event without type", lambda: store.put_events([pb.Event(artifact_id=1, execution_id=1)])
    yield "event, unknown artifact", lambda: store.put_events([w.event("INPUT", artifact_id=99, execution_id=1)])
    yield "event, unknown execution", lambda: store.put_events([w.event("INPUT", artifact_id=1, execution_id=99)])
    yield "event without artifact", lambda: store.put_events([w.event("INPUT", execution_id=1)])
    yield "event twice", lambda: [store.put_events([w.event("INPUT", artifact_id=1, execution_id=1)]) for _ in range(2)]
    yield (
        "attribution, unknown",
        lambda: store.put_attributions_and_associations([pb.Attribution(artifact_id=1, context_id=77)], []),
    )
    yield (
        "association, unknown",
        lambda: store.put_attributions_and_associations([], [pb.Association(execution_id=77, context_id=1)]),
    )
    yield "contexts", lambda: len(store.put_contexts([w.context("p"), w.context("q"), w.context("r")]))
    ids = [c.id for c in store.get_contexts()]
    yield (
        "parents",
        lambda: store.put_parent_contexts(
            [pb.ParentContext(child_id=ids[0], parent_id=ids[1]), pb.ParentContext(child_id=ids[1], parent_id=ids[2])]
        ),
    )
    yield "parent twice", lambda: store.put_parent_contexts([pb.ParentContext(child_id=ids[0], parent_id=ids[1])])
    yield "parent cycle", lambda: store.put_parent_contexts([pb.ParentContext(child_id=ids[2], parent_id=ids[0])])
    yield "own parent", lambda: store.put_parent_contexts([pb.ParentContext(child_id=ids[0], parent_id=ids[0])])
    yield "unknown parent", lambda: store.put_parent_contexts([pb.ParentContext(child_id=ids[0], parent_id=999)])
    yield "parent missing", lambda: store.put_parent_contexts([pb.ParentContext(child_id=ids[0])])
    yield "parents of", lambda: [c.name for c in store.get_parent_contexts_by_context(ids[0])]
    yield "children of", lambda: [c.name for c in store.get_children_contexts_by_context(ids[2])]
    yield "by external ids, none", lambda: store.get_artifacts_by_external_ids(["no"])
    yield "by external ids, empty", lambda: store.get_executions_by_external_ids([""])
    yield "by external ids, some", lambda: [a.external_id for a in store.get_artifacts_by_external_ids(["e", "no"])]
    yield "contexts of an artifact in none", lambda: store.get_contexts_by_artifact(1)
    yield "contexts of an unknown execution", lambda: store.get_contexts_by_execution(999)
    yield "edge out of range", lambda: store.put_lineage_subgraph([], [], [], [(0, 0, w.event("INPUT"))])
    yield "execution, context taken", lambda: store.put_execution(w.execution(), [], [w.context("p")])
    yield "execution, context by id", lambda: store.put_execution(w.execution(), [], [pb.Context(id=ids[0])])
    yield (
        "execution, unknown context forced",
        lambda: store.put_execution(w.execution(), [], [pb.Context(id=999)], force_reuse_context=True),
    )
    yield (
        "execution, event of another one",
        lambda: store.put_execution(w.execution(), [(w.artifact(), w.event("INPUT", execution_id=77))], []),
    )
    yield (
        "execution, event of another artifact",
        lambda: store.put_execution(w.execution(), [(w.artifact(), w.event("INPUT", artifact_id=1))], []),
    )
    yield (
        "execution, event without artifact",
        lambda: store.put_execution(w.execution(), [(None, w.event("INPUT"))], []),
    )
    yield "execution, event without type", lambda: store.put_execution(w.execution(), [(w.artifact(), pb.Event())], [])
    yield "number of executions", lambda: len(store.get_executions())


def nodes(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    pb, store = w.package.pb, w.store
    full = w.artifact(name="n", uri="u", external_id="x", state=pb.Artifact.LIVE)
    full.properties["i"].int_value = 7
    full.properties["s"].string_value = "text \u6f22\U0001f600 'quoted' \"twice\" %s ?"
    full.properties["d"].double_value = 0.5
    full.properties["b"].bool_value = True
    full.properties["st"].struct_value["x"] = [1, "two", None, {"y": True}]
    full.properties["p"].proto_value.Pack(pb.Artifact(id=5))
    full.custom_properties["own"].string_value = "text"
    full.custom_properties["free"].int_value = -1
    yield "put", lambda: store.put_artifacts([full, w.artifact(), w.artifact(state=pb.Artifact.UNKNOWN, name="")])
    yield "get", lambda: store.get_artifacts_by_id([1, 2, 3])
    yield "ids are collapsed", lambda: [a.id for a in store.get_artifacts_by_id([3, 1, 1, 99])]
    yield "by uri", lambda: [a.id for a in store.get_artifacts_by_uri("u")]
    yield "by unset uri", lambda: [a.id for a in store.get_artifacts_by_uri("")]
    yield "by type and name", lambda: store.get_artifact_by_type_and_name("A", "n").id
    yield "by type and name, none", lambda: store.get_artifact_by_type_and_name("B", "n")
    yield "by unknown type", lambda: store.get_artifacts_by_type("none")
    yield "by type", lambda: [a.id for a in store.get_artifacts_by_type("A")]
    yield "artifacts and types", lambda: store.get_artifacts_and_types_by_artifact_ids([2, 1])
    update = pb.Artifact(id=1, type_id=w.a, name="renamed", uri="v", create_time_since_epoch=5)
    update.properties["i"].int_value = 8
    yield "mask of uri", lambda: (store.put_artifacts([update], ["uri"]), store.get_artifacts_by_id([1]))[1]
    yield (
        "mask of one property",
        lambda: (
            store.put_artifacts([update], ["properties.i"]),
            store.get_artifacts_by_id([1]),
        )[1],
    )
    yield (
        "mask of properties that are absent",
        lambda: (
            store.put_artifacts([update], ["properties.s", "custom_properties.free"]),
            store.get_artifacts_by_id([1]),
        )[1],
    )
    yield (
        "mask of unknown path",
        lambda: (store.put_artifacts([update], ["nothing"]), store.get_artifacts_by_id([1]))[1],
    )
    yield (
        "mask of state and external id",
        lambda: (
            store.put_artifacts([update], ["state", "external_id"]),
            store.get_artifacts_by_id([1]),
        )[1],
    )
    yield "whole update", lambda: (store.put_artifacts([update]), store.get_artifacts_by_id([1]))[1]
    yield (
        "new node, mask ignored",
        lambda: (
            store.put_artifacts([w.artifact(uri="masked")], ["state"]),
            store.get_artifacts_by_uri("masked")[0].uri,
        )[1],
    )
    yield "time moves only on a change", lambda: time_moves(w)
    yield (
        "optimistic lock",
        lambda: w.call(
            "PutArtifacts",
            artifacts=[pb.Artifact(id=1, type_id=w.a, last_update_time_since_epoch=5)],
            options={"abort_if_latest_updated_time_changed": True},
        ),
    )
    yield (
        "execution states",
        lambda: (
            store.put_executions(
                [w.execution(last_known_state=pb.Execution.COMPLETE, properties={"n": w.value(int_value=1)})]
            ),
            store.get_executions(),
        )[1],
    )
    yield (
        "execution mask",
        lambda: (
            store.put_executions([pb.Execution(id=1, last_known_state=pb.Execution.FAILED)], ["last_known_state"]),
            store.get_executions(),
        )[1],
    )
    yield (
        "contexts",
        lambda: (
            store.put_contexts([w.context("c", custom_properties={"k": w.value(double_value=2)})]),
            store.get_contexts(),
        )[1],
    )
    yield "context by type and name", lambda: store.get_context_by_type_and_name("C", "c").id
    yield (
        "system type node",
        lambda: store.put_artifacts([pb.Artifact(type_id=store.get_artifact_type("mlmd.Model").id)]),
    )


def time_moves(w: World) -> list[bool]:
    store = w.store
    before = store.get_artifacts_by_id([1])[0]
    store.put_artifacts([before])
    same = store.get_artifacts_by_id([1])[0].last_update_time_since_epoch == before.last_update_time_since_epoch
    before.uri = "changed"
    store.put_artifacts([before])
    after = store.get_artifacts_by_id([1])[0]
    return [
        same,
        after.last_update_time_since_epoch >= before.last_update_time_since_epoch,
        after.create_time_since_epoch == before.create_time_since_epoch,
    ]


def graph(w: World) -> None:
    """Six artifacts, four executions and two contexts: 1 -> e1 -> 2 -> e2 -> 3 -> e3 -> 4, and 5 -> e4."""
    pb, store = w.package.pb, w.store
    made = []
    for number in range(1, 6):
        one = w.artifact(name=f"a-{number}", uri=f"u/{number}", type_id=w.a)
        one.properties["i"].int_value = number
        one.properties["d"].double_value = number / 2
        one.properties["s"].string_value = "odd" if number % 2 else "even"
        one.properties["b"].bool_value = number > 3
        one.custom_properties["c"].int_value = 3
        made.append(one)
    made[0].state, made[1].state = pb.Artifact.LIVE, pb.Artifact.MARKED_FOR_DELETION
    made[0].external_id = "x-1"
    made[2].custom_properties["two words"].string_value = "v"
    store.put_artifacts([*made, w.artifact(type_id=w.b)])
    store.put_executions([w.execution(name=f"e-{n}", last_known_state=n) for n in range(1, 5)])
    store.put_contexts([w.context("c-1"), w.context("c-2")])
    pairs = [(1, 1, "INPUT"), (2, 1, "OUTPUT"), (2, 2, "DECLARED_INPUT"), (3, 2, "INTERNAL_OUTPUT")]
    pairs += [(3, 3, "INTERNAL_INPUT"), (4, 3, "DECLARED_OUTPUT"), (5, 4, "INPUT")]
    path = pb.Event.Path(steps=[pb.Event.Path.Step(key="x"), pb.Event.Path.Step(index=0)])
    for artifact, execution, kind in pairs:
        store.put_events([w.event(kind, artifact_id=artifact, execution_id=execution, path=path)])
    attributions = [pb.Attribution(artifact_id=a, context_id=c) for a, c in ((1, 1), (2, 1), (1, 2), (3, 2))]
    associations = [pb.Association(execution_id=e, context_id=c) for e, c in ((2, 1), (1, 1), (3, 2))]
    for _ in range(2):
        store.put_attributions_and_associations(attributions, associations)


def reads(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    graph(w)
    store, options, order = w.store, w.package.api.ListOptions, w.package.api.OrderByField
    listed = store.get_artifacts
    yield "all", lambda: [a.id for a in listed()]
    yield "descending", lambda: [a.id for a in listed(options(is_asc=False))]
    yield "limit", lambda: [a.id for a in listed(options(limit=2))]
    yield "limit 0", lambda: len(listed(options(limit=0)))
    yield "limit -1", lambda: listed(options(limit=-1))
    yield "by creation", lambda: [a.id for a in listed(options(order_by=order.CREATE_TIME, limit=4))]
    yield (
        "by type, page of the service",
        lambda: [a.id for a in w.call("GetArtifactsByType", type_name="A", options={"max_result_size": 2}).artifacts],
    )
    yield "by context", lambda: [a.id for a in store.get_artifacts_by_context(1)]
    yield (
        "by context, filtered",
        lambda: [a.id for a in store.get_artifacts_by_context(1, options(filter_query="id = 2"))],
    )
    yield "by unknown context", lambda: store.get_artifacts_by_context(99)
    yield "executions by context", lambda: [e.id for e in store.get_executions_by_context(1)]
    yield "executions by context, options", lambda: [e.id for e in store.get_executions_by_context(1, options())]
    yield "contexts by artifact", lambda: [c.id for c in store.get_contexts_by_artifact(1)]
    yield "contexts by execution", lambda: [c.id for c in store.get_contexts_by_execution(3)]
    yield "events by artifacts", lambda: store.get_events_by_artifact_ids([2, 3])
    yield "events by executions", lambda: store.get_events_by_execution_ids([1, 99])
    for field in (1, 2, 3):
        for ascending in (True, False):
            yield f"pages, field {field}, {ascending}", lambda f=field, a=ascending: pages(w, f, a)  # type: ignore[misc]
    yield "bad token", lambda: w.call("GetArtifacts", options={"max_result_size": 2, "next_page_token": "@@"})
    yield "size 0", lambda: w.call("GetArtifacts", options={"max_result_size": 0})
    yield (
        "token of another order",
        lambda: w.call(
            "GetArtifacts",
            options={
                "max_result_size": 2,
                "order_by_field": {"field": 1},
                "next_page_token": w.call("GetArtifacts", options={"max_result_size": 2}).next_page_token,
            },
        ),
    )


def pages(w: World, field: int, ascending: bool) -> list[Any]:
    """All pages of two, and the fields of the first token."""
    found: list[Any] = []
    token = ""
    while True:
        order = {"field": field, "is_asc": ascending}
        page = w.call("GetArtifacts", options={"max_result_size": 2, "order_by_field": order, "next_page_token": token})
        found.append([a.id for a in page.artifacts])
        # The original lists the same rows again and again where more of them than a page were updated at one time.
        if not page.next_page_token or (field == 2 and found[1:]):
            return found
        if not token:
            token_bytes = base64.urlsafe_b64decode(page.next_page_token + "=" * (-len(page.next_page_token) % 4))
            fields = w.package.pb.ListOperationNextPageToken.FromString(token_bytes)
            found.append(sorted(item.name for item, _ in fields.ListFields()))
        token = page.next_page_token


def filters(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    graph(w)
    store, options = w.store, w.package.api.ListOptions
    for query in filter(None, (*FILTERS.split("|"), *map(str.strip, FUNCTIONS.split(";")))):
        yield query, lambda q=query: [a.id for a in store.get_artifacts(options(filter_query=q))]  # type: ignore[misc]
    for query in (
        "last_known_state = NEW",
        "contexts_a.name = 'c-1'",
        "events_0.type = INPUT",
        "name = 'e-2'",
        "events_0.artifact_id = 2",
        "last_known_state != NEW",
        "properties.n.int_value = 1",
    ):
        yield (
            f"executions: {query}",
            lambda q=query: [  # type: ignore[misc]
                e.id for e in store.get_executions(options(filter_query=q))
            ],
        )
    for query in (
        "name = 'c-1'",
        "artifacts_a.name = 'a-3'",
        "executions_a.id = 1",
        "artifacts_a.state = LIVE",
        "parent_contexts_p.id = 1",
        "child_contexts_p.id = 1",
        "artifacts_a.uri = 'u/2' AND executions_b.id = 2",
    ):
        yield (
            f"contexts: {query}",
            lambda q=query: [  # type: ignore[misc]
                c.id for c in store.get_contexts(options(filter_query=q))
            ],
        )


def lineage(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    graph(w)
    pb = w.package.pb
    up, down = pb.LineageSubgraphQueryOptions.UPSTREAM, pb.LineageSubgraphQueryOptions.DOWNSTREAM
    start = {"starting_artifacts": {"filter_query": "id = 2"}}
    run = {"starting_executions": {"filter_query": "id = 2"}}
    cases: dict[str, tuple[dict[str, Any], list[str] | None]] = {
        "none": ({}, None),
        "no filter": ({"starting_artifacts": {}}, None),
        "no match": ({"starting_artifacts": {"filter_query": "id = 77"}}, None),
        "negative hops": ({**start, "max_num_hops": -1}, None),
        "whole": (start, None),
        "from an execution": (run, None),
        "alone": ({"starting_artifacts": {"filter_query": "id = 6"}}, None),
        "upstream": ({**start, "direction": up}, None),
        "downstream": ({**start, "direction": down}, None),
        "execution upstream, 1 hop": ({**run, "direction": up, "max_num_hops": 1}, None),
        **{f"{hops} hops": ({**start, "max_num_hops": hops}, None) for hops in range(4)},
        **{
            f"ending {kind} {include}": (
                {**start, f"ending_{kind}": {"filter_query": query, "include_ending_nodes": include}},
                None,
            )
            for kind, query in (("artifacts", "id = 3"), ("executions", "id = 2"))
            for include in (False, True)
        },
        "ending at the start": ({**start, "ending_artifacts": {"filter_query": "id = 2"}}, None),
        "several starts": ({"starting_artifacts": {"filter_query": "id IN (1, 5)"}, "max_num_hops": 1}, None),
        "mask artifacts": (start, ["artifacts"]),
        "mask types": (start, ["artifact_types", "execution_types"]),
        "mask links": (start, ["events", "associations", "attributions"]),
        "mask contexts": (start, ["contexts", "context_types"]),
        "mask unknown": (start, ["nothing"]),
    }
    for name, (options, mask) in cases.items():
        yield (
            name,
            lambda o=options, m=mask: shape(  # type: ignore[misc]
                w.store.get_lineage_subgraph(pb.LineageSubgraphQueryOptions(**o), m)
            ),
        )
    yield (
        "rpc skeleton",
        lambda: shape(w.call("GetLineageSubgraph", lineage_subgraph_query_options=start).lineage_subgraph),
    )


def shape(found: Any) -> dict[str, Any]:
    """A graph without the order of what has none."""
    return {
        "artifacts": sorted(a.id for a in found.artifacts),
        "whole": sorted(a.name for a in found.artifacts if a.name),
        "executions": sorted(e.id for e in found.executions),
        "contexts": sorted(c.id for c in found.contexts),
        "types": sorted(t.name for t in (*found.artifact_types, *found.execution_types, *found.context_types)),
        "events": sorted([e.artifact_id, e.execution_id, e.type, len(e.path.steps)] for e in found.events),
        "attributions": sorted([x.artifact_id, x.context_id] for x in found.attributions),
        "associations": sorted([x.execution_id, x.context_id] for x in found.associations),
    }


def calls(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Puts of several kinds at once."""
    pb, store = w.package.pb, w.store
    put = store.put_execution
    yield (
        "everything",
        lambda: put(
            w.execution(name="run"),
            [(w.artifact(uri="in"), w.event("INPUT")), (w.artifact(uri="out"), w.event("OUTPUT"))],
            [w.context("c"), w.context("d")],
        ),
    )
    yield (
        "contexts of what was put",
        lambda: [
            [c.name for c in store.get_contexts_by_artifact(1)],
            [c.name for c in store.get_contexts_by_execution(1)],
        ],
    )
    yield "reused context", lambda: put(w.execution(), [], [w.context("c")], reuse_context_if_already_exist=True)
    yield (
        "reused context keeps",
        lambda: (
            put(w.execution(), [], [w.context("c", custom_properties={"k": w.value(int_value=1)})], True),
            store.get_contexts_by_id([1]),
        )[1],
    )
    yield "context by id", lambda: put(w.execution(), [], [pb.Context(id=1)], force_reuse_context=True)
    yield (
        "short pairs",
        lambda: put(
            w.execution(),
            [
                (w.artifact(uri="3"),),
                (w.artifact(uri="4"), None),
                (None, None),
                (None, w.event("INPUT", artifact_id=1)),
            ],
            None,
        ),
    )
    yield (
        "stored artifact is replaced",
        lambda: (
            put(w.execution(), [(pb.Artifact(id=1, type_id=w.a, uri="new"), w.event("OUTPUT"))], []),
            store.get_artifacts_by_id([1]),
        ),
    )
    reuse = {"reuse_artifact_if_already_exist_by_external_id": True}
    yield (
        "artifact by external id",
        lambda: [
            put(w.execution(), [(w.artifact(external_id="k", uri=uri), w.event("INPUT"))], [], **reuse)[1]
            for uri in "ab"
        ],
    )
    yield (
        "update of an execution",
        lambda: (
            put(pb.Execution(id=1, type_id=w.e, last_known_state=pb.Execution.COMPLETE), [], []),
            store.get_executions_by_id([1]),
        ),
    )
    yield (
        "subgraph",
        lambda: store.put_lineage_subgraph(
            [w.execution(), w.execution()],
            [w.artifact(), w.artifact()],
            [w.context("s")],
            [
                (0, 0, w.event("INPUT")),
                (0, 1, w.event("OUTPUT")),
                (1, 1, w.event("INPUT")),
                (1, None, w.event("OUTPUT", artifact_id=1)),
                (None, 0, w.event("OUTPUT", execution_id=1)),
            ],
        ),
    )
    yield (
        "subgraph in its context",
        lambda: [len(store.get_artifacts_by_context(3)), len(store.get_executions_by_context(3))],
    )
    yield "empty subgraph", lambda: store.put_lineage_subgraph([], [], [], [])
    yield "nothing", lambda: [store.put_artifacts([]), store.put_executions([]), store.put_contexts([])]
    yield (
        "nothing to find",
        lambda: [
            store.get_artifacts_by_id([]),
            store.get_events_by_artifact_ids([]),
            store.get_artifact_types_by_id([]),
            store.get_artifacts_by_external_ids([]),
        ],
    )


def every_method(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each public method of the Python interface once and by name, with arguments that find something."""
    pb, store = w.package.pb, w.store
    graph(w)
    query = pb.LineageSubgraphQueryOptions()
    query.starting_artifacts.filter_query = "id = 1"
    kinds: dict[str, tuple[Any, str, str, Callable[[], Any]]] = {
        "artifact": (pb.ArtifactType, "A", "a-1", w.artifact),
        "execution": (pb.ExecutionType, "E", "e-1", lambda: w.execution(external_id="x-2")),
        "context": (pb.ContextType, "C", "c-1", lambda: w.context("new", external_id="x-2")),
    }
    arguments: dict[str, tuple[Any, ...]] = {
        "put_parent_contexts": ([pb.ParentContext(child_id=2, parent_id=1)],),
        "put_events": ([w.event("OUTPUT", artifact_id=5, execution_id=4)],),
        "put_attributions_and_associations": ([pb.Attribution(artifact_id=5, context_id=1)], []),
    }
    for kind, (type_class, type_name, name, make) in kinds.items():
        arguments |= {
            f"put_{kind}_type": (type_class(name=f"{kind} of its own", external_id=f"{kind} type"),),
            f"put_{kind}s": ([make()],),
            f"get_{kind}_type": (type_name,),
            f"get_{kind}_types_by_id": ([1, 10, 11, 12, 13, 14],),
            f"get_{kind}_types_by_external_ids": ([f"{kind} type"],),
            f"get_{kind}s": (),
            f"get_{kind}s_by_id": ([2, 1],),
            f"get_{kind}s_by_type": (type_name,),
            f"get_{kind}_by_type_and_name": (type_name, name),
            f"get_{kind}s_by_external_ids": (["x-1", "x-2"],),
        }
    arguments |= {
        "put_execution": (w.execution(), [(w.artifact(), w.event("INPUT"))], [w.context("around")]),
        "put_lineage_subgraph": ([w.execution()], [w.artifact()], [], [(0, 0, w.event("OUTPUT"))]),
        "get_artifacts_by_uri": ("u/2",),
        "get_artifacts_and_types_by_artifact_ids": ([3, 1],),
        "get_artifacts_by_context": (1,),
        "get_executions_by_context": (1,),
        "get_contexts_by_artifact": (1,),
        "get_contexts_by_execution": (1,),
        "get_parent_contexts_by_context": (2,),
        "get_children_contexts_by_context": (1,),
        "get_events_by_artifact_ids": ([1, 2],),
        "get_events_by_execution_ids": ([1, 2],),
    }
    for method, given in arguments.items():
        yield method, lambda m=method, g=given: getattr(store, m)(*g)  # type: ignore[misc]
    for kind in kinds:
        # Their lists leave out external ids there, see test_ml_metadata_waist.py.
        yield f"get_{kind}_types", lambda k=kind: [t.name for t in getattr(store, f"get_{k}_types")()]  # type: ignore[misc]
    yield "get_lineage_subgraph", lambda: shape(store.get_lineage_subgraph(query))
    yield "pipeline_asset", lambda: store.pipeline_asset


def replaced(w: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Stored contexts and artifacts that a put replaces; which of several errors counts."""
    pb, store = w.package.pb, w.store
    store.put_contexts([w.context("a", properties={}), w.context("b")])
    store.put_artifacts([w.artifact(name="a", uri="old", external_id="x", state=2), w.artifact(name="b")])
    store.put_executions([w.execution(name="a"), w.execution(name="b")])

    def contexts(node: Any, mask: list[str] | None = None) -> Any:
        store.put_contexts([node], field_mask_paths=mask)
        found = store.get_contexts_by_id([1])[0]
        return found.name, found.external_id

    yield "new name", lambda: contexts(w.context("c", id=1))
    yield "new name by mask", lambda: contexts(w.context("d", id=1, external_id="no"), ["name"])
    yield "no name by mask", lambda: contexts(pb.Context(id=1, type_id=w.c), ["name"])
    yield "name that no mask lets through", lambda: contexts(w.context("e", id=1, external_id="y"), ["external_id"])
    yield "no name", lambda: contexts(pb.Context(id=1, type_id=w.c))
    yield "empty name", lambda: contexts(w.context("", id=1))

    def moves(kind: str, node: Any) -> bool:
        read = getattr(store, f"get_{kind}_by_id")
        before = read([1])[0].last_update_time_since_epoch
        while time.time() * 1000 < before + 2:
            pass
        node.CopyFrom(read([1])[0])
        getattr(store, f"put_{kind}")([node])
        return bool(read([1])[0].last_update_time_since_epoch > before)

    yield "time of a context that stays as it is", lambda: moves("contexts", pb.Context())
    yield "time of an artifact that stays as it is", lambda: moves("artifacts", pb.Artifact())

    def put(*pairs: Any, contexts: Any = (), **options: Any) -> Any:
        return store.put_execution(w.execution(), pairs, contexts, **options)

    reuse = {"reuse_artifact_if_already_exist_by_external_id": True}
    put_x = w.artifact(external_id="x", uri="new")
    yield "reused by external id is replaced", lambda: (put((put_x, None), **reuse), store.get_artifacts_by_id([1]))
    yield "reused with another type", lambda: put((w.artifact(external_id="x", type_id=w.b), None), **reuse)
    yield (
        "id and external id",
        lambda: (
            put((w.artifact(id=2, external_id="z"), None), **reuse),
            store.get_artifacts_by_id([2]),
        ),
    )
    yield (
        "reused twice",
        lambda: (
            put((w.artifact(external_id="n", uri="1"), None), (w.artifact(external_id="n", uri="2"), None), **reuse)[1],
            [found.uri for found in store.get_artifacts_by_external_ids(["n"])],
        ),
    )
    yield (
        "context with id and a stored name",
        lambda: put(contexts=[w.context("b", id=77)], reuse_context_if_already_exist=True),
    )
    yield (
        "context without its name before an unknown one",
        lambda: put(contexts=[w.context(""), pb.Context(id=77)], force_reuse_context=True),
    )
    twice = [(None, w.event("INPUT", artifact_id=2)), (None, w.event("INPUT", artifact_id=2))]
    yield "event twice before one without type", lambda: put(*twice, (None, pb.Event(artifact_id=2)))
    yield "event twice before a context of no type", lambda: put(*twice, contexts=[pb.Context(name="q")])
    yield (
        "event without type before a context of no type",
        lambda: put((None, pb.Event(artifact_id=2)), contexts=[pb.Context(name="q", type_id=w.a)]),
    )
    yield (
        "event twice before one without artifact",
        lambda: store.put_events(
            [w.event("INPUT", artifact_id=1, execution_id=1)] * 2 + [w.event("INPUT", execution_id=1)]
        ),
    )
    yield (
        "event twice before one of an unknown artifact",
        lambda: store.put_events(
            [w.event("INPUT", artifact_id=1, execution_id=1)] * 2 + [w.event("INPUT", artifact_id=77, execution_id=1)]
        ),
    )
    aborts = {"options": {"abort_if_latest_updated_time_changed": True}}
    yield (
        "changed meanwhile, and another type",
        lambda: w.call("PutArtifacts", artifacts=[w.artifact(id=1, type_id=w.b)], **aborts),
    )
    yield "no order", lambda: w.call("GetArtifacts", options={"max_result_size": 1, "order_by_field": {"field": 0}})
    every = {"starting_executions": {"filter_query": "id = 1"}, "ending_executions": {"filter_query": ""}}
    yield (
        "every execution is an ending one",
        lambda: shape(w.call("GetLineageSubgraph", lineage_subgraph_query_options=every).lineage_subgraph),
    )
    store.put_context_type(pb.ContextType(name="taken", external_id="t"))
    yield (
        "taken external id of a type with an unknown property",
        lambda: store.put_context_type(pb.ContextType(name="new", external_id="t", properties={"p": pb.UNKNOWN})),
    )
    yield (
        "type with an unknown property leaves nothing",
        lambda: [
            answer(lambda: store.put_context_type(pb.ContextType(name="new", properties={"p": pb.UNKNOWN}))),
            [found.name for found in store.get_context_types()],
        ],
    )
    edge = {"execution_index": 0, "artifact_index": 0, "event": {"type": 3, "execution_id": 0}}
    one = {"executions": [w.execution()], "artifacts": [w.artifact()]}
    yield "edge with an id of no execution", lambda: w.call("PutLineageSubgraph", event_edges=[edge], **one)
    yield (
        "edge without event",
        lambda: w.call("PutLineageSubgraph", event_edges=[{"execution_index": 7, "artifact_index": 0}], **one),
    )


GROUPS = (types, puts, nodes, reads, filters, lineage, calls, replaced, every_method)


def run(package: Package, make_store: Callable[[], Any]) -> dict[str, Answer]:
    """Answers of every case, each group in a store of its own."""
    found = {}
    for group in GROUPS:
        world = World(package, make_store())
        for name, call in group(world):
            key = f"{group.__name__}: {name}"
            if key in found:
                raise ValueError(f"two cases are called {key!r}")
            found[key] = answer(call)
    return found
