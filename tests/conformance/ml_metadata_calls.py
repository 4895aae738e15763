"""Calls made at random, right and wrong ones, of all methods of the service: for the original and for Lakebed.

The same seed makes the same calls in both, so this file uses nothing but the package under test. Each world is an empty
store and some calls on it; ids, names and types come from small pools, so that most of them meet something. Run it with
the name of a package, a seed and a number of worlds; it prints what each call gives as JSON, a line for a world.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tests.conformance.ml_metadata_cases import Package, message

N_CALLS = 40
KINDS = ("artifact", "execution", "context")
STATES = {"artifact": ("state", 6), "execution": ("last_known_state", 6)}
BASE_TYPES = {"artifact": 4, "execution": 5}
FILTERS = (
    *("id > 1", "id = 2", "name = 'n0'", "name LIKE 'n%'", "type = 'A'", "type = 'B' OR id = 1", "external_id = 'x0'"),
    *("uri = 'u0'", "state = LIVE", "last_known_state = RUNNING", "properties.p.int_value > 1", "custom_properties.c"),
    *("properties.q.string_value = 's'", "custom_properties.c.int_value = 1", "contexts_a.name = 'n0'", "nothing = 1"),
    *(
        "contexts_a.id = 1 AND events_0.type = INPUT",
        "events_0.execution_id = 1",
        "id =",
        "name",
        "",
        "artifacts_a.id=1",
    ),
    *("executions_a.name = 'n1'", "parent_contexts_a.id = 1", "child_contexts_a.name = 'n1'", "type_id = 10 AND TRUE"),
)
PATHS = (
    "uri",
    "state",
    "external_id",
    "properties",
    "custom_properties",
    "properties.p",
    "custom_properties.c",
    "name",
)
READ_PATHS = (
    *("artifacts", "executions", "contexts", "events", "associations", "attributions", "artifact_types"),
    "no",
)


class Calls:
    """Requests at random.

    Args:
        package: Whose messages.
        pick: Where the choices come from.
    """

    def __init__(self, package: Package, pick: random.Random) -> None:
        self.pb, self.service, self.pick = package.pb, package.service, pick

    def may(self, share: float) -> bool:
        return self.pick.random() < share

    def node_id(self) -> int:
        return self.pick.choice([1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 9, 99, 0, -1]) if self.may(0.5) else 1

    def type_id(self) -> int:
        return self.pick.choice([10, 10, 10, 11, 11, 12, 12, 13, 14, 15, 3, 99])

    def request(self, method: str, **fields: Any) -> Any:
        return getattr(self.service, f"{method}Request")(**fields)

    def type_message(self, kind: str) -> Any:
        made = getattr(self.pb, f"{kind.capitalize()}Type")()
        if not self.may(0.04):
            made.name = self.pick.choice(["A", "A", "B", "C", ""]) if self.may(0.8) else "A"
        for field, values in (("version", ["v", ""]), ("description", ["d"]), ("external_id", ["x0", "x1", ""])):
            if self.may(0.15):
                setattr(made, field, self.pick.choice(values))
        for name, kind_of in (("p", 1), ("q", 3), ("r", 2)):
            if self.may(0.7):
                made.properties[name] = kind_of
        if self.may(0.06):
            made.properties[self.pick.choice("pz")] = self.pick.choice([0, 3, 4, 5, 6])
        if kind in BASE_TYPES and self.may(0.15):
            made.base_type = self.pick.randint(0, BASE_TYPES[kind])
        return made

    def value(self, field: str) -> Any:
        made = self.pb.Value()
        if field == "struct_value":
            made.struct_value.update({"k": self.pick.choice([1, "t"])})
        else:
            choices: dict[str, list[Any]] = {
                "int_value": [1, 2],
                "double_value": [0.5, -2.0],
                "string_value": ["s", ""],
            }
            setattr(made, field, self.pick.choice(choices.get(field, [True, False])))
        return made

    def node(self, kind: str, *, with_id: float = 0.25) -> Any:
        made = getattr(self.pb, kind.capitalize())()
        if self.may(with_id):
            made.id = self.node_id()
        if not self.may(0.08):
            made.type_id = self.type_id() if self.may(0.4) else {"artifact": 10, "execution": 11, "context": 12}[kind]
        if self.may(0.9 if kind == "context" else 0.5):
            made.name = self.pick.choice(["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", ""])
        if self.may(0.2):
            made.external_id = self.pick.choice(["x0", "x1", "x2", "x3", ""])
        if kind == "artifact" and self.may(0.5):
            made.uri = self.pick.choice(["u0", "u1", ""])
        if kind in STATES and self.may(0.4):
            setattr(made, STATES[kind][0], self.pick.randint(0, STATES[kind][1]))
        self.adorn(made)
        if self.may(0.05):
            made.create_time_since_epoch = 5
        return made

    def adorn(self, node: Any) -> None:
        for name, field in (("p", "int_value"), ("q", "string_value"), ("r", "double_value")):
            if self.may(0.25):
                wanted = field if not self.may(0.05) else self.pick.choice(["int_value", "bool_value", "struct_value"])
                node.properties[name].CopyFrom(self.value(wanted))
        if self.may(0.03):
            node.properties["z"].CopyFrom(self.value("int_value"))
        # Empty values end the original's process, and a custom property named like another is damaged there.
        for name in ("c", "e"):
            if self.may(0.2):
                fields = ["int_value", "string_value", "double_value", "bool_value", "struct_value"]
                node.custom_properties[name].CopyFrom(self.value(self.pick.choice(fields)))

    def nodes(self, kind: str, most: int = 3, **options: Any) -> list[Any]:
        return [self.node(kind, **options) for _ in range(self.pick.choice([0, *range(1, most + 1)]))]

    def event(self, *, with_ids: float = 0.95) -> Any:
        made = self.pb.Event()
        for field in ("artifact_id", "execution_id"):
            if self.may(with_ids):
                setattr(made, field, self.node_id())
        if not self.may(0.08):
            made.type = self.pick.randint(0, 7)
        if self.may(0.2):
            made.milliseconds_since_epoch = self.pick.choice([0, 7])
        for step in ("k", 3, "l"):
            if self.may(0.2):
                made.path.steps.add(**({"key": step} if isinstance(step, str) else {"index": step}))
        return made

    def options(self) -> Any:
        made = self.pb.ListOperationOptions()
        if self.may(0.7):
            made.max_result_size = self.pick.choice([1, 2, 3, 50, 0, -1]) if self.may(0.5) else 2
        if self.may(0.5):
            made.order_by_field.field = self.pick.choice([0, 1, 3, 3])
            if self.may(0.6):
                made.order_by_field.is_asc = self.may(0.5)
        if self.may(0.4):
            made.filter_query = self.pick.choice(FILTERS)
        if self.may(0.03):
            made.next_page_token = self.pick.choice(["x", "!"])
        return made

    def put(self) -> Iterator[tuple[str, Any]]:
        kind = self.pick.choice(KINDS)
        which = self.pick.choice(
            ["type", "types", "nodes", "nodes", "nodes", "links", "execution", "execution", "graph"]
        )
        yield from getattr(self, f"put_{which}")(kind)

    def put_type(self, kind: str) -> Iterator[tuple[str, Any]]:
        made = self.request(f"Put{kind.capitalize()}Type", **{f"{kind}_type": self.type_message(kind)})
        for flag in ("can_add_fields", "can_omit_fields"):
            if self.may(0.4):
                setattr(made, flag, True)
        yield f"Put{kind.capitalize()}Type", made

    def put_types(self, __: str) -> Iterator[tuple[str, Any]]:
        made = self.request("PutTypes", can_add_fields=self.may(0.5), can_omit_fields=self.may(0.5))
        for kind in KINDS:
            if self.may(0.5):
                getattr(made, f"{kind}_types").append(self.type_message(kind))
        yield "PutTypes", made

    def put_nodes(self, kind: str) -> Iterator[tuple[str, Any]]:
        made = self.request(f"Put{kind.capitalize()}s", **{f"{kind}s": self.nodes(kind)})
        if self.may(0.25):
            made.update_mask.paths.extend(self.pick.sample(PATHS, self.pick.randint(1, 3)))
        if kind == "artifact" and self.may(0.1):
            made.options.abort_if_latest_updated_time_changed = True
        yield f"Put{kind.capitalize()}s", made

    def put_links(self, __: str) -> Iterator[tuple[str, Any]]:
        which = self.pick.choice(["PutEvents", "PutAttributionsAndAssociations", "PutParentContexts"])
        made = self.request(which)
        for _ in range(self.pick.randint(0, 3)):
            if which == "PutEvents":
                made.events.append(self.event())
            elif which == "PutParentContexts":
                made.parent_contexts.append(self.link("ParentContext", "child_id", "parent_id"))
            else:
                if self.may(0.6):
                    made.attributions.append(self.link("Attribution", "artifact_id", "context_id"))
                if self.may(0.6):
                    made.associations.append(self.link("Association", "execution_id", "context_id"))
        yield which, made

    def link(self, name: str, *fields: str) -> Any:
        return getattr(self.pb, name)(**{field: self.node_id() for field in fields if not self.may(0.04)})

    def put_execution(self, __: str) -> Iterator[tuple[str, Any]]:
        made = self.request("PutExecution", execution=self.node("execution"), contexts=self.nodes("context", 2))
        for _ in range(self.pick.randint(0, 3)):
            pair = made.artifact_event_pairs.add()
            if self.may(0.8):
                pair.artifact.CopyFrom(self.node("artifact"))
            if self.may(0.8):
                pair.event.CopyFrom(self.event(with_ids=0.1 if pair.HasField("artifact") else 0.6))
                if self.may(0.8):
                    pair.event.ClearField("execution_id")
        for flag in (
            *("reuse_context_if_already_exist", "reuse_artifact_if_already_exist_by_external_id"),
            *("force_reuse_context", "force_update_time"),
        ):
            if self.may(0.3):
                setattr(made.options, flag, True)
        yield "PutExecution", made

    def put_graph(self, __: str) -> Iterator[tuple[str, Any]]:
        made = self.request("PutLineageSubgraph")
        for kind in KINDS:
            getattr(made, f"{kind}s").extend(self.nodes(kind, 2, with_id=0.1))
        for _ in range(self.pick.randint(0, 3)):
            edge = made.event_edges.add()
            if not self.may(0.05):
                edge.event.CopyFrom(self.event(with_ids=0.1))
            for kind in ("execution", "artifact"):
                if not self.may(0.1):
                    index = self.pick.choice([0, 0, 0, 1, 1, 2, -1])
                    setattr(edge, f"{kind}_index", index)
        for flag in ("reuse_context_if_already_exist", "reuse_artifact_if_already_exist_by_external_id"):
            if self.may(0.4):
                setattr(made.options, flag, True)
        yield "PutLineageSubgraph", made

    def read(self) -> Iterator[tuple[str, Any]]:
        kind = self.pick.choice(KINDS)
        name = kind.capitalize()
        ids = [self.node_id() for _ in range(self.pick.randint(0, 4))]
        texts = [self.pick.choice(["x0", "x1", "x2", "x9", ""]) for _ in range(self.pick.randint(0, 3))]
        typed = {"type_name": self.pick.choice(["A", "B", "Z", ""])} if not self.may(0.1) else {}
        if self.may(0.15):
            typed["type_version"] = self.pick.choice(["v", ""])
        events = self.pick.choice(["Artifact", "Execution"])
        reads: list[tuple[str, dict[str, Any]]] = [
            (f"Get{name}Type", typed),
            (f"Get{name}Types", {}),
            (f"Get{name}TypesByID", {"type_ids": [self.type_id() for _ in ids]}),
            (f"Get{name}TypesByExternalIds", {"external_ids": texts}),
            (f"Get{name}sByID", {f"{kind}_ids": ids}),
            (f"Get{name}sByExternalIds", {"external_ids": texts}),
            (f"Get{name}ByTypeAndName", {**typed, f"{kind}_name": self.pick.choice(["n0", "n1", ""])}),
            ("GetArtifactsByURI", {"uris": [self.pick.choice(["u0", "u1", ""]) for _ in ids]}),
            (f"GetEventsBy{events}IDs", {f"{events.lower()}_ids": ids}),
            ("GetContextsByArtifact", {"artifact_id": self.node_id()}),
            ("GetContextsByExecution", {"execution_id": self.node_id()}),
            ("GetParentContextsByContext", {"context_id": self.node_id()}),
            ("GetChildrenContextsByContext", {"context_id": self.node_id()}),
            ("GetArtifactsByID", {"artifact_ids": ids, "populate_artifact_types": True}),
        ]
        listed: list[tuple[str, dict[str, Any]]] = [
            (f"Get{name}s", {}),
            (f"Get{name}sByType", typed),
            (f"Get{events}sByContext", {"context_id": self.node_id()}),
        ]
        which = self.pick.random()
        if which < 0.55:
            method, fields = self.pick.choice(reads)
            yield method, self.request(method, **fields)
        elif which < 0.85:
            method, fields = self.pick.choice(listed)
            made = self.request(method, **fields)
            if not self.may(0.15):
                made.options.CopyFrom(self.options())
            yield method, made
        else:
            yield "GetLineageSubgraph", self.lineage()

    def lineage(self) -> Any:
        made = self.request("GetLineageSubgraph")
        query = made.lineage_subgraph_query_options
        for field in ("starting_artifacts", "starting_executions"):
            if self.may(0.5):
                getattr(query, field).filter_query = self.pick.choice(FILTERS)
        for field in ("ending_artifacts", "ending_executions"):
            if self.may(0.2):
                getattr(query, field).filter_query = self.pick.choice(FILTERS)
                if self.may(0.5):
                    getattr(query, field).include_ending_nodes = True
        if self.may(0.6):
            query.max_num_hops = self.pick.choice([0, 1, 2, 3, 20, -1])
        if self.may(0.4):
            query.direction = self.pick.randint(0, 3)
        if self.may(0.4):
            made.read_mask.paths.extend(self.pick.sample(READ_PATHS, self.pick.randint(1, 3)))
        return made


def shown(method: str, response: Any) -> Any:
    """A response without times; what has no order comes sorted."""
    found = message(response)
    found.pop("next_page_token", None)
    graph = found.get("lineage_subgraph", {})
    for name, items in graph.items():
        graph[name] = sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    if method == "GetArtifactsByURI":
        found["artifacts"] = sorted(found.get("artifacts", []), key=lambda item: int(item["id"]))
    if "artifact_types" in found and method == "GetArtifactsByID":
        found["artifact_types"] = sorted(found["artifact_types"], key=lambda item: int(item["id"]))
    if method.startswith("GetEvents"):
        found["events"] = sorted(found.get("events", []), key=lambda item: json.dumps(item, sort_keys=True))
    if method in {"GetContextsByArtifact", "GetContextsByExecution", "GetParentContextsByContext"}:
        found["contexts"] = sorted(found.get("contexts", []), key=lambda item: int(item["id"]))
    return found


def pages(call: Callable[[str, Any], Any], method: str, request: Any) -> Any:
    """The answer of a call; of a list that goes on the next pages too."""
    answers: list[Any] = []
    for _ in range(4):
        response = call(method, request)
        if isinstance(response, dict):
            return [*answers, response] if answers else response
        answers.append(shown(method, response))
        token = getattr(response, "next_page_token", "")
        if not token:
            break
        request.options.next_page_token = token
    return answers if len(answers) > 1 else answers[0]


def world(package: Package, store: Any, seed: str) -> Iterator[tuple[str, str, Any]]:
    """Method, request as text and answer of each call."""

    def call(method: str, request: Any) -> Any:
        response = getattr(package.service, f"{method}Response")()
        try:
            store._call(method, request, response)
        except Exception as error:  # noqa: BLE001 - an error is an answer
            return {"error": type(error).__name__}
        return response

    pick = random.Random(seed)
    calls = Calls(package, pick)
    for kind, name in (("artifact", "A"), ("execution", "A"), ("context", "A")):
        wanted = getattr(package.pb, f"{kind.capitalize()}Type")(name=name, properties={"p": 1, "q": 3, "r": 2})
        getattr(store, f"put_{kind}_type")(wanted)
    for number in range(N_CALLS):
        is_put = pick.random() < (0.9 if number < N_CALLS // 3 else 0.45)
        for method, request in calls.put() if is_put else calls.read():
            text = json.dumps(message(request), sort_keys=True)
            yield method, text, pages(call, method, request)


def memory(package: Package) -> Any:
    config = package.pb.ConnectionConfig()
    config.fake_database.SetInParent()
    return package.api.MetadataStore(config)


def is_documented(method: str, theirs: Any, ours: Any) -> bool:
    """Whether an answer may differ: all that docs/migration-ml-metadata.md lists, and nothing else."""
    their_error = theirs.get("error") if isinstance(theirs, dict) else None
    our_error = ours.get("error") if isinstance(ours, dict) else None
    if method in {"PutExecution", "PutLineageSubgraph"} and their_error is None:
        # An event with the id of an artifact or execution that is not stored dangles there.
        return our_error == "InvalidArgumentError"
    if our_error == "AlreadyExistsError":
        # A taken name or external id on update; one of a context that was to be reused, after five tries.
        return their_error in {"InternalError", "AbortedError"}
    if method == "PutTypes":
        # An external id that a type of another kind has, and an error in the type's properties.
        return their_error == "InternalError" and our_error == "InvalidArgumentError"
    if method == "GetArtifactsByContext" and their_error == "InternalError":
        # An empty pair of put_execution ties artifact -1 to the context there.
        return our_error is None
    if our_error == "InvalidArgumentError":
        # Options and filters are checked even where there is nothing to list, or no hop to make.
        return theirs == {} if method.endswith(("ByContext", "ByType")) else method == "GetLineageSubgraph"
    return bool(without_type_details(theirs) == without_type_details(ours))


def without_type_details(value: Any) -> Any:
    """An answer without external ids and base types of types, which lists leave out there."""
    if isinstance(value, list):
        items = [without_type_details(item) for item in value]
        is_of_types = bool(items) and all(isinstance(item, dict) and "type_id" not in item for item in items)
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if is_of_types else items
    if not isinstance(value, dict):
        return value
    found = {key: without_type_details(item) for key, item in value.items()}
    if "id" in found and "type_id" not in found:
        found = {key: item for key, item in found.items() if key not in {"external_id", "base_type"}}
    return found


def main() -> None:
    package = Package(sys.argv[1])
    for number in range(int(sys.argv[3])):
        sys.stdout.write(json.dumps(list(world(package, memory(package), f"{sys.argv[2]}-{number}"))) + "\n")


if __name__ == "__main__":
    main()
