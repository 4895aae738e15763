"""What the store does beyond ML Metadata, and what it says to bad input: on every backend."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from tests.metadata_backends import BACKENDS, SERVERS, Backend, make_backend, sqlite_config
from tests.servers import free_port

import lakebed as lb
from lakebed.ml_metadata import downgrade_schema, errors
from lakebed.ml_metadata.metadata_store import ListOptions, MetadataStore, mlmd_types
from lakebed.ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as waist
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb
from lakebed.ml_metadata.proto import metadata_store_service_pb2 as service


def chain(store: Any) -> None:
    """1 -> e1 -> 2 -> e2 -> 3, all in the context c; artifact 4 stands alone."""
    type_id = store.put_artifact_type(pb.ArtifactType(name="A", properties={"d": pb.DOUBLE}))
    run_type = store.put_execution_type(pb.ExecutionType(name="E"))
    context_type = store.put_context_type(pb.ContextType(name="C"))
    nodes = [pb.Artifact(type_id=type_id, name=f"a-{n}", uri=f"u/{n}", external_id=f"x{n}") for n in range(1, 5)]
    for node in nodes:
        node.properties["d"].double_value = 0.5
        node.custom_properties["free"].string_value = "secret"
    edges = [(0, 0, pb.Event.INPUT), (0, 1, pb.Event.OUTPUT), (1, 1, pb.Event.INPUT), (1, 2, pb.Event.OUTPUT)]
    store.put_lineage_subgraph(
        [pb.Execution(type_id=run_type, name=f"e-{n}") for n in (1, 2)],
        nodes,
        [pb.Context(type_id=context_type, name="c")],
        [(execution, artifact, pb.Event(type=kind)) for execution, artifact, kind in edges],
    )


def reached(store: Any) -> list[int]:
    query = pb.LineageSubgraphQueryOptions(starting_artifacts={"filter_query": "id = 1"})
    return [found.id for found in store.get_lineage_subgraph(query).artifacts]


def test_delete_marks_and_keeps(store: Any) -> None:
    chain(store)
    assert store.delete_artifacts([2, 2]) == 1
    assert store.delete_artifacts([2]) == 0
    assert [found.id for found in store.get_artifacts(ListOptions(filter_query="state = DELETED"))] == [2]
    assert reached(store) == [1, 2, 3]
    with pytest.raises(errors.NotFoundError, match="99"):
        store.delete_artifacts([1, 99])
    assert store.get_artifacts_by_id([1])[0].state != pb.Artifact.DELETED


def test_purge_leaves_tombstones_and_whole_lineage(store: Any) -> None:
    chain(store)
    before = [found.SerializeToString(deterministic=True) for found in store.get_artifacts()]
    dry = store.purge(artifact_ids=[2], execution_ids=[1], context_ids=[1], dry_run=True)
    assert (dry.artifacts, dry.executions, dry.contexts, dry.properties, dry.is_dry_run) == (1, 1, 1, 2, True)
    assert [found.SerializeToString(deterministic=True) for found in store.get_artifacts()] == before
    report = store.purge(artifact_ids=[2], execution_ids=[1], context_ids=[1])
    assert (report.properties, report.events, report.is_dry_run) == (2, 0, False)
    found = store.get_artifacts_by_id([2])[0]
    assert (found.name, found.uri, found.external_id, found.state) == ("", "", "", pb.Artifact.DELETED)
    assert list(found.custom_properties) == ["lakebed_purged_at"]
    assert "secret" not in str(found)
    assert reached(store) == [1, 2, 3]
    assert store.get_contexts()[0].name != "c"
    type_id = store.get_artifact_type("A").id
    assert store.put_artifacts([pb.Artifact(type_id=type_id, name="a-2", external_id="x2")])


def test_drop_removes_ends_and_refuses_to_cut(store: Any) -> None:
    chain(store)
    with pytest.raises(errors.FailedPreconditionError, match="cut"):
        store.purge(artifact_ids=[2], drop=True)
    with pytest.raises(errors.FailedPreconditionError, match="cut"):
        store.purge(execution_ids=[1], drop=True)
    report = store.purge(artifact_ids=[3, 4], execution_ids=[2], drop=True)
    assert (report.artifacts, report.executions, report.events) == (2, 1, 2)
    assert [found.id for found in store.get_artifacts()] == [1, 2]
    assert reached(store) == [1, 2]
    type_id = store.get_artifact_type("A").id
    assert store.put_artifacts([pb.Artifact(type_id=type_id)])[0] > 4


def frame(n_rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "type": ["A"] * n_rows,
            "name": [f"n-{n}" for n in range(n_rows)],
            "uri": [None if n % 2 else f"u/{n}" for n in range(n_rows)],
            "state": ["LIVE" if n % 3 else None for n in range(n_rows)],
            "properties.d": [n / 3 for n in range(n_rows)],
            "properties.s.string_value": [None if n % 5 == 0 else "cut\0é" for n in range(n_rows)],
            "custom_properties.big": [2**40 + n for n in range(n_rows)],
            "custom_properties.flag": [n % 2 == 0 for n in range(n_rows)],
            "custom_properties.st.struct_value": ['{"k": [1, "x"]}'] * n_rows,
        }
    )


def test_arrow_in_and_out(store: Any) -> None:
    store.put_artifact_type(pb.ArtifactType(name="A", properties={"d": pb.DOUBLE, "s": pb.STRING}))
    ids = store.import_arrow("artifacts", frame(40))
    assert len(ids) == len(set(ids)) == 40
    found = store.get_artifacts_by_id(ids)
    assert [a.name for a in found] == [f"n-{n}" for n in range(40)]
    assert found[7].properties["d"].double_value == 7 / 3
    assert found[7].properties["s"].string_value == "cut\0é"
    assert "s" not in found[5].properties
    assert (found[7].state, found[6].HasField("state")) == (pb.Artifact.LIVE, False)
    assert found[7].custom_properties["big"].int_value == 2**40 + 7
    assert found[7].custom_properties["st"].struct_value["k"][1] == "x"
    table = store.export_arrow("artifacts", ids[:10])
    assert table.num_rows == 10
    assert table["properties.d.double_value"].to_pylist() == [n / 3 for n in range(10)]
    again = MetadataStore(sqlite_config())
    again.put_artifact_type(pb.ArtifactType(name="A", properties={"d": pb.DOUBLE, "s": pb.STRING}))
    again.import_arrow("artifacts", table)
    kept = [{**dict(a.properties), **dict(a.custom_properties)} for a in again.get_artifacts()]
    assert kept == [{**dict(a.properties), **dict(a.custom_properties)} for a in found[:10]]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"unknown": pl.lit(1)}, errors.InvalidArgumentError),
        ({"type": pl.lit("none")}, errors.NotFoundError),
        ({"name": pl.lit("same")}, errors.AlreadyExistsError),
        ({"properties.d": pl.lit(1)}, errors.InvalidArgumentError),
        ({"properties.none": pl.lit(1)}, errors.InvalidArgumentError),
        ({"state": pl.lit("GONE")}, errors.InvalidArgumentError),
        ({"custom_properties.x": pl.lit([1])}, errors.InvalidArgumentError),
        ({"custom_properties.x.struct_value": pl.lit("{")}, errors.InvalidArgumentError),
        ({"custom_properties.x.proto_value": pl.lit(b"\xff")}, errors.InvalidArgumentError),
    ],
)
def test_an_import_that_does_not_fit_changes_nothing(store: Any, change: dict[str, Any], error: type) -> None:
    store.put_artifact_type(pb.ArtifactType(name="A", properties={"d": pb.DOUBLE, "s": pb.STRING}))
    with pytest.raises(error):
        store.import_arrow("artifacts", frame(10).with_columns(**change))
    assert store.get_artifacts() == []
    assert store.import_arrow("artifacts", frame(3).to_arrow()) == [a.id for a in store.get_artifacts()]


def test_import_without_names_then_puts(backend: Backend) -> None:
    store = backend.store()
    type_id = store.put_artifact_type(pb.ArtifactType(name="A"))
    first = store.put_artifacts([pb.Artifact(type_id=type_id)])
    bulk = store.import_arrow("artifacts", pa.table({"type_id": [type_id] * 5, "uri": list("abcde")}))
    last = store.put_artifacts([pb.Artifact(type_id=type_id, name="last")])
    assert [found.id for found in store.get_artifacts()] == [*first, *bulk, *last]
    assert [found.uri for found in store.get_artifacts_by_id(bulk)] == list("abcde")
    if backend.name == "block":
        reopened = MetadataStore(store._config)
        assert [found.id for found in reopened.get_artifacts()] == [*first, *bulk, *last]


def test_what_was_put_reads_the_same_before_and_after_the_tables_took_it(backend: Backend) -> None:
    store = backend.store()
    type_id = store.put_artifact_type(pb.ArtifactType(name="A", properties={"d": pb.DOUBLE, "s": pb.STRING}))
    node = pb.Artifact(type_id=type_id, name="a", type="ignored", create_time_since_epoch=1)
    node.properties["d"].double_value = -0.0
    node.custom_properties["st"].struct_value["k"] = [1, None]
    node.system_metadata.value = b"ignored"
    context_type = store.put_context_type(pb.ContextType(name="C"))
    context_ids = store.put_contexts([pb.Context(type_id=context_type, name="c", external_id="x")])
    ids = [*store.put_artifacts([node, pb.Artifact(type_id=type_id)]), *store.import_arrow("artifacts", frame(20))]
    before = store.get_artifacts_by_id([*ids, ids[0]]), store.get_contexts_by_id(context_ids)
    assert before[0][0].type == "A"
    assert before[0][1].HasField("uri")
    assert len(before[0]) == 22
    assert len(store.get_artifacts(ListOptions(filter_query="type = 'A' AND name = 'a'"))) == 1
    assert store.get_artifacts_by_id([ids[0], 999]) == before[0][:1]
    assert (store.get_artifacts_by_id(ids), store.get_contexts_by_id(context_ids)) == before
    changed = pb.Artifact(id=ids[1], type_id=type_id, uri="new")
    last = store.put_artifacts([pb.Artifact(type_id=type_id, name="last")])
    store.put_artifacts([changed])
    assert store.get_artifacts_by_id([ids[1]])[0].uri == "new"
    assert store.get_artifacts_by_id(last)[0].name == "last"


def test_an_import_of_taken_names_is_refused_without_tables(store: Any) -> None:
    store.put_artifact_type(pb.ArtifactType(name="A", properties={"d": pb.DOUBLE, "s": pb.STRING}))
    store.import_arrow("artifacts", frame(10))
    with pytest.raises(errors.AlreadyExistsError):
        store.import_arrow("artifacts", frame(20))
    assert len(store.get_artifacts()) == 10


def test_names_of_properties_are_found_as_they_are_written(store: Any) -> None:
    type_id = store.put_artifact_type(
        pb.ArtifactType(name="A", properties={"Big": pb.INT, "big": pb.INT, "lr": pb.INT})
    )
    for name in ("Big", "big", "lr"):
        node = pb.Artifact(type_id=type_id, name=name)
        node.properties[name].int_value = 1
        store.put_artifacts([node])
    for written, name in {"Big": "Big", "big": "big", "BIG": "big", "LR": "lr", "`Lr`": "lr"}.items():
        query = f"properties.{written}.int_value = 1"
        assert [found.name for found in store.get_artifacts(ListOptions(filter_query=query))] == [name], written


@pytest.mark.parametrize(
    ("query", "n_found"),
    [
        ("FORMAT('%s-%d', name, id) = 'a-1-1'", 1),
        ("FORMAT('%05d|%.1f%%', id, 0.25) = '00002|0.3%'", 1),
        ("FORMAT('%t %T', id, name) = '3 \"a-3\"'", 1),
        ("FORMAT(name) = 'a-4'", 1),
        ("FORMAT('%d', name) = ''", None),
        ("FORMAT('%d') = ''", None),
        ("FORMAT('', id) = ''", None),
        ("FORMAT('%n', id) = ''", None),
        ("FORMAT(name, id) = ''", None),
    ],
)
def test_format_of_sqlite(query: str, n_found: int | None) -> None:
    store = MetadataStore(sqlite_config())
    chain(store)
    options = ListOptions(filter_query=query)
    if n_found is None:
        with pytest.raises(errors.InvalidArgumentError):
            store.get_artifacts(options)
    else:
        assert len(store.get_artifacts(options)) == n_found


def test_tables_are_frames(store: Any) -> None:
    chain(store)
    tables = store.tables()
    assert len(tables) == 15
    assert tables["Artifact"].sort("id")["name"].to_list() == ["a-1", "a-2", "a-3", "a-4"]
    joined = pl.SQLContext(tables).execute(
        "SELECT a.name, count(*) AS n FROM Event e JOIN Artifact a ON a.id = e.artifact_id "
        "GROUP BY a.name ORDER BY a.name"
    )
    assert joined.collect().rows() == [("a-1", 1), ("a-2", 2), ("a-3", 1)]
    assert tables["ArtifactProperty"]["is_custom_property"].dtype == pl.Boolean


def test_a_warehouse_and_its_lineage_are_one_store(tmp_path: Path) -> None:
    warehouse = lb.open(tmp_path / "w.lakebed")
    warehouse.write("t", pl.DataFrame({"x": [1, 2]}))
    n_own = len(warehouse.metadata.get_artifacts())
    store = MetadataStore(tmp_path / "w.lakebed")
    assert len(store.get_artifacts()) == n_own > 0
    type_id = store.put_artifact_type(pb.ArtifactType(name="Mine", properties={"d": pb.DOUBLE}))
    store.put_artifacts([pb.Artifact(type_id=type_id, name="m", properties={"d": pb.Value(double_value=1e-7)})])
    warehouse.write("t", pl.DataFrame({"x": [3]}))
    seen = {found.name: found.properties for found in warehouse.metadata.get_artifacts()}
    assert seen["m"] == {"d": 1e-7}
    assert len(store.get_artifacts()) == len(seen) > n_own + 1
    (tmp_path / "w.lakebed" / "cache" / "metadata.sqlite").unlink()
    store.close()
    assert {found.name for found in MetadataStore(tmp_path / "w.lakebed").get_artifacts()} == seen.keys()


def test_the_waist_takes_and_gives_bytes() -> None:
    config = sqlite_config()
    handle = waist.CreateMetadataStore(config.SerializeToString(), b"")
    request = service.PutArtifactTypeRequest(artifact_type=pb.ArtifactType(name="A"))
    body, error, code = waist.PutArtifactType(handle, request.SerializeToString())
    assert (service.PutArtifactTypeResponse.FromString(body).type_id, error, code) == (10, b"", 0)
    body, error, code = waist.GetArtifactType(handle, b"")
    assert (body, code) == (b"", errors.NOT_FOUND)
    assert b"No type found" in error
    assert waist.GetArtifactType(handle, b"\xff\xff")[2] == errors.INVALID_ARGUMENT
    assert len(waist.LoadSimpleTypes()[0]) > 50


def test_surface_of_the_package() -> None:
    assert (mlmd_types.Dataset().name, mlmd_types.Train().name) == ("mlmd.Dataset", "mlmd.Train")
    assert mlmd_types.Model().system_type == pb.ArtifactType.MODEL
    assert (pb.INT, pb.BOOLEAN, pb.PropertyType.Value("STRUCT")) == (1, 6, 4)
    assert pb.Artifact.DESCRIPTOR.full_name == "ml_metadata.Artifact"
    one = pb.Artifact(id=3)
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    assert issubclass(errors.NotFoundError, errors.StatusError)
    assert errors.make_exception("x", 6).error_code == errors.ALREADY_EXISTS


@pytest.mark.parametrize("name", BACKENDS[4:])
def test_a_server_that_is_not_there_is_named(name: str) -> None:
    config = pb.ConnectionConfig()
    port = free_port()
    if name.startswith("mysql"):
        config.mysql.host, config.mysql.port, config.mysql.database, config.mysql.user = "127.0.0.1", port, "d", "u"
    else:
        config.postgresql.host, config.postgresql.port = "127.0.0.1", str(port)
        config.postgresql.dbname, config.postgresql.user = "d", "u"
    with pytest.raises(RuntimeError, match=rf"127\.0\.0\.1:{port}.*check that the server runs"):
        MetadataStore(config)


@pytest.mark.parametrize("name", SERVERS)
def test_a_login_that_is_refused_says_where_and_for_whom(
    request: pytest.FixtureRequest, tmp_path: Path, name: str
) -> None:
    config = make_backend(name, request, tmp_path).config()
    server = config.postgresql if name == "postgresql" else config.mysql
    server.password, server.user = "not the password", "somebody"
    with pytest.raises(RuntimeError, match=rf"127\.0\.0\.1:{server.port}.*user.*somebody|somebody.*127") as refused:
        MetadataStore(config)
    assert "not the password" not in str(refused.value)


def test_configurations_that_name_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="names no database"):
        MetadataStore(pb.ConnectionConfig())
    with pytest.raises(ValueError, match="ConnectionConfig"):
        MetadataStore(7)
    for mode in (1, 2):
        config = sqlite_config(tmp_path / "missing.db")
        config.sqlite.connection_mode = mode
        with pytest.raises(RuntimeError, match=r"missing\.db"):
            MetadataStore(config)
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at" * 40)
    with pytest.raises(RuntimeError, match=r"text\.db"):
        MetadataStore(sqlite_config(tmp_path / "text.db"))


def test_a_read_only_store_reads(tmp_path: Path) -> None:
    store = MetadataStore(sqlite_config(tmp_path / "m.db"))
    store.put_artifact_type(pb.ArtifactType(name="A"))
    config = sqlite_config(tmp_path / "m.db")
    config.sqlite.connection_mode = 1
    reader = MetadataStore(config)
    assert [found.name for found in reader.get_artifact_types()] == ["A"]
    with pytest.raises(errors.InternalError, match="read-only"):
        reader.put_artifact_type(pb.ArtifactType(name="B"))


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("UPDATE MLMDEnv SET schema_version = 11", "greater than library version 10"),
        ("DELETE FROM MLMDEnv", "no schema_version can be found"),
        ("INSERT INTO MLMDEnv VALUES (9)", "more than one rows"),
        ("DROP TABLE Event", "subset of tables"),
        ("DROP TABLE MLMDEnv", "subset of tables"),
    ],
)
@pytest.mark.parametrize("name", ["sqlite", "mysql", "postgresql"])
def test_a_database_of_another_version_or_half_made_is_refused(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, statement: str, text: str
) -> None:
    config = make_backend(name, request, tmp_path).config()
    store = MetadataStore(config)
    session: Any
    with store._engine.source.write() as session:
        (session.run if name == "sqlite" else session.execute)(statement)
    store.close()
    for upgrade in (False, True):
        with pytest.raises(RuntimeError, match=text):
            MetadataStore(config, enable_upgrade_migration=upgrade)
    if "11" not in statement:
        return
    with pytest.raises(errors.InvalidArgumentError, match="cannot be downgraded"):
        downgrade_schema(config, 12)


@pytest.mark.parametrize("version", [9, 4, 0])
@pytest.mark.parametrize("name", ["sqlite", "mysql", "postgresql"])
def test_down_and_up_again_keeps_what_both_versions_hold(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, version: int
) -> None:
    config = make_backend(name, request, tmp_path).config()
    store = MetadataStore(config)
    chain(store)
    store.close()
    downgrade_schema(config, version)
    with pytest.raises(RuntimeError, match="older than library version 10"):
        MetadataStore(config)
    with pytest.raises(errors.InvalidArgumentError, match="cannot be downgraded"):
        downgrade_schema(config, 11)
    store = MetadataStore(config, enable_upgrade_migration=True)
    found = store.get_artifacts()
    assert [node.uri for node in found] == ["u/1", "u/2", "u/3", "u/4"]
    assert [node.name for node in found] == (["a-1", "a-2", "a-3", "a-4"] if version >= 5 else [""] * 4)
    assert found[0].properties["d"].double_value == 0.5
    assert reached(store) == [1, 2, 3]
    assert store.put_artifacts([pb.Artifact(type_id=found[0].type_id, name="new", external_id="new")]) == [5]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("MOD(id, 2) = 0", [2, 4]),
        ("id % 2 = 1 AND id / 2 > 1.0", [3]),
        ("CONCAT(name, '!') = 'a-2!'", [2]),
        ("name || uri = 'a-3u/3'", [3]),
        ("STARTS_WITH(name, 'a-')", [1, 2, 3, 4]),
        ("STARTS_WITH(name, 'A-')", []),
        ("ENDS_WITH(uri, '/4')", [4]),
        ("ENDS_WITH(uri, 'longer than u/4')", []),
        ("IF(id = 1, TRUE, name = 'a-4')", [1, 4]),
        ("REGEXP_CONTAINS(name, r'^a-[23]$')", [2, 3]),
        ("NULLIF(id, 2) IS NULL", [2]),
        ("LOWER(UPPER(name)) = 'a-1'", [1]),
        ("CAST('3' AS INT64) = id", [3]),
        ("(state IS NULL) IS TRUE", [1, 2, 3, 4]),
        ("(name = 'a-1') IS NOT TRUE", [2, 3, 4]),
        ("custom_properties.free.string_value NOT LIKE 'sec%'", []),
        ("NOT (name IN ('a-1', 'a-2'))", [3, 4]),
        ("properties.d.double_value + 0.5 = 1.0 AND id < 3", [1, 2]),
        ("name = 'a-1' OR contexts_c.name = 'c' AND id = 2", [1, 2]),
        ("name LIKE 'a\\\\_1'", []),
        ("name LIKE '_-1'", [1]),
    ],
)
def test_functions_of_filters_are_the_same_everywhere(query: str, expected: list[int], filtered: Any) -> None:
    assert [found.id for found in filtered.get_artifacts(ListOptions(filter_query=query))] == expected


@pytest.mark.parametrize(
    "query", ["REGEXP_CONTAINS(name, '(')", "name LIKE 'a\\\\'", "MOD(1.5, 2) = 1", "IF(1, 2, 3) = 2"]
)
def test_functions_with_wrong_arguments_are_refused(query: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="Invalid `filter_query`"):
        MetadataStore(sqlite_config()).get_artifacts(ListOptions(filter_query=query))


@pytest.fixture(scope="module", params=BACKENDS)
def filtered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The chain on each backend, made once for all queries."""
    store = make_backend(request.param, request, tmp_path_factory.mktemp("filtered")).store()
    chain(store)
    return store


def test_a_purged_context_takes_no_name_that_another_has(store: Any) -> None:
    type_id = store.put_context_type(pb.ContextType(name="C"))
    ids = store.put_contexts([pb.Context(type_id=type_id, name=name) for name in ("secret", "purged-1", "purged-2")])
    assert store.purge(context_ids=ids[:1]).contexts == 1
    assert store.purge(context_ids=ids).contexts == 3
    names = [found.name for found in store.get_contexts()]
    assert len(set(names)) == 3
    assert all(name.startswith(f"purged-{context_id}") for context_id, name in zip(ids, names, strict=True))
