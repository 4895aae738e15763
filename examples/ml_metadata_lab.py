"""A lab on ML Metadata with real data: record by hand what a validation of the UCI Covertype data read and made.

Types, artifacts, executions and a context are registered one by one; the statistics and the schema of 581,012 rows are
artifacts as well; at the end the schema is traced back to the data it came from. All of it would run on the original
after a change of two imports. The data are inside the source distribution of scikit-multiflow 0.3.0, which is unpacked
and never run; it is looked for in `target/data` or in $LAKEBED_DATA, and downloaded by pip where it is not there.

    python examples/ml_metadata_lab.py [folder] | --fetch
"""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

import lakebed as lb
from lakebed.ml_metadata import metadata_store
from lakebed.ml_metadata.proto import metadata_store_pb2

DISTRIBUTION = "scikit-multiflow-0.3.0.tar.gz"
SHA256 = "70fdf0f2ec3a8ca14d42c6138cf351d54810fbc6269ab2f2779aef3042396a31"
MEMBER = "scikit-multiflow-0.3.0/src/skmultiflow/data/datasets/covtype.csv"
DATA = Path(os.environ.get("LAKEBED_DATA", Path(__file__).resolve().parents[1] / "target" / "data"))


def fetch() -> Path:
    """Give the source distribution, checked; pip downloads it where it is missing, without building it."""
    path = DATA / DISTRIBUTION
    if not path.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(_download())
        partial.replace(path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{path} has the SHA-256 {found}, expected {SHA256}; delete it and run this again")
    return path


def _download() -> bytes:
    """Read the file from wherever this machine's pip is set to look (`pip download` would run its setup.py)."""
    from pip._internal.commands import create_command
    from pip._vendor.packaging.specifiers import SpecifierSet

    command: Any = create_command("download")
    options, _ = command.parse_args(["--no-binary", ":all:", "--no-deps", "scikit-multiflow"])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)  # noqa: SLF001 - pip has no public way
        link = finder.find_best_candidate("scikit-multiflow", SpecifierSet("==0.3.0")).best_candidate.link
        response = session.get(link.url_without_fragment)
        response.raise_for_status()
        return bytes(response.content)


def read_covertype(folder: Path) -> pl.DataFrame:
    """Unpack the one file of data."""
    target = folder / "covtype.csv"
    with tarfile.open(fetch()) as archive, target.open("wb") as output:
        member = archive.extractfile(MEMBER)
        assert member is not None
        while block := member.read(1 << 22):
            output.write(block)
    return pl.read_csv(target)


def main(folder: Path) -> None:
    """Read the data, record what is made of them, and trace it back."""
    frame = read_covertype(folder)
    print(f"Covertype: {frame.height:,} rows, {frame.width} columns")
    warehouse = lb.open(folder / "covertype.lakebed")
    warehouse.write("covertype", frame)
    statistics = warehouse.statistics("covertype")
    schema = warehouse.infer_schema("covertype")
    (folder / "stats.pb").write_bytes(statistics.proto.SerializeToString())
    (folder / "schema.pb").write_bytes(schema.proto.SerializeToString())

    store = record(folder, frame)
    trace(store)


def register(store: metadata_store.MetadataStore) -> tuple[int, int, int, int, int]:
    """Put the types; give the ids of data set, schema, statistics, run and experiment."""
    data_type = metadata_store_pb2.ArtifactType(name="DataSet", base_type=metadata_store_pb2.ArtifactType.DATASET)
    data_type.properties["name"] = metadata_store_pb2.STRING
    data_type.properties["split"] = metadata_store_pb2.STRING
    data_type.properties["rows"] = metadata_store_pb2.INT
    data_type_id = store.put_artifact_type(data_type)
    kinds = {"name": metadata_store_pb2.STRING, "version": metadata_store_pb2.INT}
    schema_type_id = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Schema", properties=kinds))
    numbers = {"features": metadata_store_pb2.INT, "mean_elevation": metadata_store_pb2.DOUBLE}
    statistics_type_id = store.put_artifact_type(metadata_store_pb2.ArtifactType(name="Statistics", properties=numbers))
    run_type = metadata_store_pb2.ExecutionType(name="Data Validation")
    run_type.properties["state"] = metadata_store_pb2.STRING
    run_type_id = store.put_execution_type(run_type)
    experiment_type = metadata_store_pb2.ContextType(name="Experiment")
    experiment_type.properties["note"] = metadata_store_pb2.STRING
    experiment_type_id = store.put_context_type(experiment_type)
    return data_type_id, schema_type_id, statistics_type_id, run_type_id, experiment_type_id


def record(folder: Path, frame: pl.DataFrame) -> metadata_store.MetadataStore:
    """Put data, run, schema, statistics and experiment, and tie them together."""
    connection_config = metadata_store_pb2.ConnectionConfig()
    connection_config.sqlite.filename_uri = str(folder / "metadata.sqlite")
    connection_config.sqlite.connection_mode = 3  # READWRITE_OPENCREATE
    store = metadata_store.MetadataStore(connection_config)

    data_type_id, schema_type_id, statistics_type_id, run_type_id, experiment_type_id = register(store)
    data = metadata_store_pb2.Artifact(type_id=data_type_id, uri=str(folder / "covtype.csv"))
    data.properties["name"].string_value = "covertype"
    data.properties["split"].string_value = "train"
    data.properties["rows"].int_value = frame.height
    data_id = store.put_artifacts([data])[0]

    run = metadata_store_pb2.Execution(type_id=run_type_id, last_known_state=metadata_store_pb2.Execution.RUNNING)
    run.properties["state"].string_value = "RUNNING"
    run_id = store.put_executions([run])[0]
    event = metadata_store_pb2.Event
    store.put_events([event(artifact_id=data_id, execution_id=run_id, type=event.DECLARED_INPUT)])

    made_schema = metadata_store_pb2.Artifact(type_id=schema_type_id, uri=str(folder / "schema.pb"))
    made_schema.properties["name"].string_value = "covertype schema"
    made_schema.properties["version"].int_value = 1
    made_statistics = metadata_store_pb2.Artifact(type_id=statistics_type_id, uri=str(folder / "stats.pb"))
    made_statistics.properties["features"].int_value = frame.width
    mean = float(frame.get_column(frame.columns[0]).cast(pl.Float64).mean())
    made_statistics.properties["mean_elevation"].double_value = mean
    schema_id, statistics_id = store.put_artifacts([made_schema, made_statistics])
    store.put_events(
        [
            event(artifact_id=schema_id, execution_id=run_id, type=event.DECLARED_OUTPUT),
            event(artifact_id=statistics_id, execution_id=run_id, type=event.DECLARED_OUTPUT),
        ],
    )
    run.id = run_id
    run.last_known_state = metadata_store_pb2.Execution.COMPLETE
    run.properties["state"].string_value = "COMPLETED"
    store.put_executions([run])

    experiment = metadata_store_pb2.Context(type_id=experiment_type_id, name="Covertype, first look")
    experiment.properties["note"].string_value = "Trace back the schema."
    experiment_id = store.put_contexts([experiment])[0]
    attribution, association = metadata_store_pb2.Attribution, metadata_store_pb2.Association
    made = (data_id, schema_id, statistics_id)
    attributions = [attribution(artifact_id=one, context_id=experiment_id) for one in made]
    store.put_attributions_and_associations(attributions, [association(execution_id=run_id, context_id=experiment_id)])
    return store


def trace(store: metadata_store.MetadataStore) -> None:
    """From the schema back to the data, first step by step, then in one call."""
    schema = store.get_artifacts_by_type("Schema")[0]
    made_by = [found.execution_id for found in store.get_events_by_artifact_ids([schema.id])]
    inputs = [
        found.artifact_id
        for found in store.get_events_by_execution_ids(made_by)
        if found.type == metadata_store_pb2.Event.DECLARED_INPUT
    ]
    for found in store.get_artifacts_by_id(inputs):
        name, rows = found.properties["name"].string_value, found.properties["rows"].int_value
        made = schema.properties["name"].string_value
        print(f"{made!r} was made from {name!r}: {rows:,} rows of {Path(found.uri).name}")
    query = metadata_store_pb2.LineageSubgraphQueryOptions()
    query.starting_artifacts.filter_query = "type = 'Schema' AND contexts_e.type = 'Experiment'"
    query.direction = metadata_store_pb2.LineageSubgraphQueryOptions.UPSTREAM
    graph = store.get_lineage_subgraph(query)
    print(f"upstream: {len(graph.artifacts)} artifacts, {len(graph.executions)} execution, {len(graph.events)} events")
    precise = metadata_store.ListOptions(filter_query="properties.mean_elevation.double_value > 2000.0")
    statistics = store.get_artifacts(precise)[0]
    print(f"mean elevation, as stored: {statistics.properties['mean_elevation'].double_value!r} m")


if __name__ == "__main__":
    if sys.argv[1:] == ["--fetch"]:
        print(fetch())
    elif len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
