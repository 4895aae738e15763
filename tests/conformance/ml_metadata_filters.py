"""Filters made at random, and a store to ask them of: for the original and for Lakebed, with the same answers expected.

The same seed makes the same queries in both, so this file uses nothing but the package under test. Run it with the name
of a package, a seed and a number of queries; it prints what each query gives as JSON.
"""

from __future__ import annotations

import json
import random
import sys
from typing import Any

from tests.conformance.ml_metadata_cases import Package

STATES = {
    "artifact": ("state", ["PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED"]),
    "execution": ("last_known_state", ["NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED"]),
}
EVENTS = ["DECLARED_OUTPUT", "DECLARED_INPUT", "INPUT", "OUTPUT"]
KINDS = ("artifact", "execution", "context")
LITERALS = {
    "int": ["0", "1", "2", "3", "-1", "0x2"],
    "double": ["0.5", "1.0", "-1.5", "1e3", "2"],
    "string": ["'a'", '"b"', "'a-1'", "'A'", "'c-1'", "''", "r'odd'", "'''u/1'''", "'it\\'s'"],
    "bool": ["TRUE", "FALSE"],
}
FIELDS = {"int": "int_value", "double": "double_value", "string": "string_value", "bool": "bool_value"}


def fill(package: Package, store: Any) -> None:
    """The same nodes for any package."""
    pb, pick = package.pb, random.Random(5)
    kinds = {"i": 1, "d": 2, "s": 3, "st": 4, "b": 6, "two words": 1}

    def adorned(node: Any) -> Any:
        for name, member, values in (
            ("i", "int_value", [0, 1, 2, 3, -1]),
            ("d", "double_value", [0.5, 1.0, -1.5, 1e3]),
            ("s", "string_value", ["a", "b", "A", "odd", "", "it's"]),
            ("b", "bool_value", [True, False]),
            ("two words", "int_value", [1, 2]),
        ):
            if pick.random() < 0.6:
                setattr(node.properties[name], member, pick.choice(values))
            if pick.random() < 0.3:
                setattr(node.custom_properties[name], member, pick.choice(values))
        return node

    artifact_types = [store.put_artifact_type(pb.ArtifactType(name=name, properties=kinds)) for name in "AB"]
    execution_type = store.put_execution_type(pb.ExecutionType(name="E", properties=kinds))
    context_type = store.put_context_type(pb.ContextType(name="C", properties=kinds))
    artifacts, executions = [], []
    for number in range(14):
        artifact = adorned(pb.Artifact(type_id=pick.choice(artifact_types), uri=pick.choice(["", "u/1", "u/2"])))
        if pick.random() < 0.8:
            artifact.name = f"a-{number}"
        if pick.random() < 0.7:
            artifact.state = pick.choice([0, 1, 2, 3, 4])
        artifacts.append(artifact)
        execution = adorned(pb.Execution(type_id=execution_type))
        if pick.random() < 0.7:
            execution.last_known_state = pick.choice([1, 2, 3, 4, 5])
        executions.append(execution)
    contexts = [adorned(pb.Context(type_id=context_type, name=f"c-{number}")) for number in range(6)]
    ids = store.put_artifacts(artifacts), store.put_executions(executions), store.put_contexts(contexts)
    ends = sorted({(pick.choice(ids[0]), pick.choice(ids[1]), pick.choice([1, 2, 3, 4])) for _ in range(30)})
    store.put_events([pb.Event(artifact_id=a, execution_id=e, type=t, milliseconds_since_epoch=t) for a, e, t in ends])
    store.put_attributions_and_associations(
        [
            pb.Attribution(artifact_id=a, context_id=c)
            for a, c in sorted({(pick.choice(ids[0]), pick.choice(ids[2])) for _ in range(18)})
        ],
        [
            pb.Association(execution_id=e, context_id=c)
            for e, c in sorted({(pick.choice(ids[1]), pick.choice(ids[2])) for _ in range(14)})
        ],
    )
    pairs = ((1, 0), (2, 0), (3, 1), (4, 1), (5, 2))
    store.put_parent_contexts([pb.ParentContext(child_id=ids[2][a], parent_id=ids[2][b]) for a, b in pairs])


class Maker:
    """Makes queries for one kind of node, typed as a rule and now and then not."""

    def __init__(self, seed: int, kind: str) -> None:
        self.pick = random.Random(f"{seed} {kind}")
        self.kind = kind

    def one(self, *options: str) -> str:
        return self.pick.choice(options)

    def column(self, wanted: str) -> str:
        name = self.one("i", "d", "s", "b", "`two words`", "`i`", "none", "select")
        around = [f"{self.one('properties', 'custom_properties')}.{name}.{FIELDS[wanted]}"]
        neighbour = self.one("contexts_a", "contexts_b")
        if self.kind == "context":
            neighbour = self.one("parent_contexts_a", "child_contexts_a", "artifacts_a", "executions_a")
        if wanted == "int":
            around += ["id", f"{neighbour}.id"]
            around += [] if self.kind == "context" else ["events_0.milliseconds_since_epoch"]
        if wanted == "string":
            around += ["name", "type", f"{neighbour}.name", f"{neighbour}.type"]
            around += ["uri"] if self.kind == "artifact" else []
        return self.pick.choice(around)

    def value(self, wanted: str, depth: int) -> str:
        chance = self.pick.random()
        if depth <= 0 or chance < 0.6:
            return self.column(wanted) if chance < 0.4 else self.pick.choice(LITERALS[wanted])
        a, b = self.value(wanted, depth - 1), self.value(wanted, depth - 1)
        if wanted == "int":
            text = self.value("string", depth - 1)
            return self.one(
                f"({a} + {b})", f"({a} & {b})", f"ABS({a})", f"LENGTH({text})", f"-({a})", f"IFNULL({a}, {b})"
            )
        if wanted == "double":
            return self.one(f"({a} * {b})", f"ABS({a})", f"ROUND({a}, 1)")
        if wanted == "string":
            texts = (
                f"UPPER({a})",
                f"TRIM({a})",
                f"SUBSTR({a}, 1, 2)",
                f"REPLACE({a}, 'a', {b})",
                f"COALESCE({a}, {b})",
            )
            return self.one(*texts, f"({a})", f"(SELECT {a})")
        return self.one(f"({self.query(depth - 1)})", f"COALESCE({a}, FALSE)")

    def state(self) -> str:
        if self.kind == "context":
            column, names = f"artifacts_a.{STATES['artifact'][0]}", STATES["artifact"][1]
        elif self.pick.random() < 0.3:
            column, names = "events_0.type", EVENTS
        else:
            column, names = STATES[self.kind]
        a, b = self.pick.sample(names, 2)
        return self.one(
            *(f"{column} = {a}", f"{column} != {a}", f"{column} IN ({a}, {b})", f"{column} NOT IN ({a}, {b})"),
            *(f"{column} IS NULL", f"{column} > 2", f"NOT {column} IN ({a})", f"{column} + 1 = 3", f"{column} = '{a}'"),
        )

    def atom(self, depth: int) -> str:
        if self.pick.random() < 0.15:
            return self.state()
        wanted = self.one("int", "double", "string", "bool")
        other = wanted if self.pick.random() < 0.9 else self.one("int", "double", "string", "bool")
        a, b = self.value(wanted, depth), self.value(other, depth - 1)
        c = self.pick.choice(LITERALS[other])
        if wanted == "bool" and self.pick.random() < 0.5:
            return self.one(a, f"{a} IS TRUE", f"{a} IS NOT FALSE")
        if wanted == "string" and self.pick.random() < 0.3:
            return f"{a} {self.one('', 'NOT ')}LIKE {self.one(repr('a%'), repr('_'), repr('%1'), repr('A-_'))}"
        sign = self.one("=", "!=", "<>", "<", "<=", ">", ">=")
        return self.one(
            *(f"{a} {sign} {b}", f"{a} {sign} {c}", f"{a} IN ({b}, {c})", f"{a} NOT IN ({c})", f"{a} IS NULL"),
            *(f"{a} BETWEEN {c} AND {b}", f"{a} IS NOT NULL", f"EXISTS(SELECT {a})", f"{a} IN (SELECT {b})"),
        )

    def query(self, depth: int) -> str:
        if depth <= 0 or self.pick.random() < 0.5:
            return self.atom(depth)
        a, b = self.query(depth - 1), self.query(depth - 1)
        return self.one(f"{a} AND {b}", f"{a} OR {b}", f"({a})", f"NOT {a}", f"NOT ({a})")


def answers(package: Package, store: Any, seed: int, n_queries: int) -> dict[str, Any]:
    """Ids, or the class of the error, by kind and query."""
    fill(package, store)
    read = {"artifact": store.get_artifacts, "execution": store.get_executions, "context": store.get_contexts}
    found: dict[str, Any] = {}
    for kind in KINDS:
        maker = Maker(seed, kind)
        for _ in range(n_queries // len(KINDS)):
            query = maker.query(maker.pick.randint(0, 2))
            try:
                answer: Any = [node.id for node in read[kind](package.api.ListOptions(filter_query=query))]
            except Exception as error:  # noqa: BLE001 - an error is an answer
                answer = type(error).__name__
            found[f"{kind}: {query}"] = answer
    return found


def main() -> None:
    package = Package(sys.argv[1])
    config = package.pb.ConnectionConfig()
    config.sqlite.filename_uri = ""
    json.dump(answers(package, package.api.MetadataStore(config), int(sys.argv[2]), int(sys.argv[3])), sys.stdout)


if __name__ == "__main__":
    main()
