"""Training sets: to each row the features that were known at its time, of any number of views, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakebed.errors import FeatureNotFoundError, InvalidArgumentError, InvalidColumnsError, TimeColumnError
from lakebed.features.registry import entities, find_view, nearest, views
from lakebed.features.view import FeatureView
from lakebed.join import JoinReport
from lakebed.join.aggregations import core_aggregates
from lakebed.join.durations import size_bytes
from lakebed.join.execute import Request, execute
from lakebed.join.frames import readable, without_rows
from lakebed.join.sides import SideOptions, core_options
from lakebed.stream import streamed

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from lakebed.storage import Snapshot

_EVENT_TIMESTAMP = "event_timestamp"


@dataclass(frozen=True)
class TrainingSet:
    """Rows with their features, and what is needed to make them again.

    Attributes:
        data: The rows in their order, in the class in which they came, with a column for each feature.
        report: What was found at each view.
        commit: Id of the commit from which all features came.
        versions: Version id of each source table; with the commit it pins every byte.
        features: Names of the features, as `view:feature`.

    Example:
        >>> import polars as pl
        >>> made = TrainingSet(pl.DataFrame({"a": [1]}), JoinReport(()), None, {}, ())
        >>> made.pl().height, made.arrow().num_rows, len(made.to_df())
        (1, 1, 1)
    """

    data: Any
    report: JoinReport
    commit: str | None
    versions: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    def pl(self) -> pl.DataFrame:
        """Give the rows as a Polars frame.

        Returns:
            The rows; null for NaN where they came as pandas frame, which holds NaN for what is missing.
        """
        import polars as pl

        return pl.DataFrame(self._readable())

    def arrow(self) -> pa.Table:
        """Give the rows as a pyarrow table.

        Returns:
            The rows; null for NaN where they came as pandas frame, which holds NaN for what is missing.
        """
        import pyarrow as pa

        return pa.table(self._readable())

    def to_df(self) -> pd.DataFrame:
        """Give the rows as a pandas frame; needs `lakebed[pandas]`.

        Returns:
            The rows.
        """
        return self.data if self._is_pandas() else self.arrow().to_pandas()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        return self._readable().__arrow_c_stream__(requested_schema)

    def _readable(self) -> Any:
        return readable(self.data, nan_as_null=self._is_pandas())

    def _is_pandas(self) -> bool:
        return type(self.data).__module__.startswith("pandas")


@dataclass
class _Asked:
    """The features that are asked of one view."""

    view: FeatureView
    names: list[str]


def historical(
    snapshot: Snapshot,
    entity_df: Any,
    features: Sequence[str | FeatureView],
    *,
    timestamp: str | None = None,
    full_feature_names: bool = False,
    filter_by_created_timestamp: bool = False,
    memory_limit: int | str | None = None,
    progress: Any = None,
    nan_as_null: bool = False,
) -> TrainingSet:
    """Join features to rows as of the time of each row.

    Args:
        snapshot: The version of the warehouse that tables and definitions are read from.
        entity_df: Rows with the join keys and a time, in any order, any Arrow-speaking frame. All of them come back; of
            a reader, an iterable of frames or a lazy frame when the data are read, as `lakebed.asof_join` does it.
        features: `"view:feature"`, `"view"` or `"view:*"` for all of a view, or views that need not be applied.
        timestamp: Time column of the rows; None for `event_timestamp`, else for the only column of timestamps, or of
            dates where there is none.
        full_feature_names: Whether a column is called `view__feature`, not `feature`.
        filter_by_created_timestamp: Whether feature rows that were created after a row's time are invisible to it.
        memory_limit: As in `lakebed.asof_join`.
        progress: As in `lakebed.asof_join`.
        nan_as_null: Take NaN in columns of floats, of the rows and of the features, for null; else NaN stays NaN.

    Returns:
        The rows with their features, the report, and the commit.

    Raises:
        FeatureNotFoundError: There is no such view or feature; names the nearest ones.
        TimeColumnError: No time column was named and none can be told.
        InvalidColumnsError: Two columns would have one name; `full_feature_names=True` tells features apart.

    Example:
        >>> import datetime as dt, lakebed as lb, polars as pl
        >>> wh = lb.open("memory://")
        >>> day = [dt.datetime(2013, 1, d) for d in (1, 2)]
        >>> _ = wh.write("prices", pl.DataFrame({"item": ["a", "a"], "at": day, "price": [1.0, 2.0]}))
        >>> view = FeatureView("prices", ["item"], timestamp="at")
        >>> _ = wh.features.apply(lb.Entity("item"), view)
        >>> rows = pl.DataFrame({"item": ["a"], "event_timestamp": [day[0]]})
        >>> historical(wh.at("main"), rows, ["prices:price"]).data["price"].to_list()
        [1.0]
    """
    asked = _asked(features, snapshot)
    entity_df = streamed(entity_df)
    left = without_rows(entity_df).schema
    time = _time_column(left, timestamp)
    names = left.names
    taken: dict[str, str] = dict.fromkeys(names, "the rows")
    known = entities(snapshot)
    requests, versions, listed = [], {}, []
    for item in asked:
        view = item.view
        keys = [key for name in view.entity_names for key in _keys(name, view, known)]
        _check_keys(keys, names, view)
        outputs = {name: f"{view.name}__{name}" if full_feature_names else name for name in item.names}
        for name, output in outputs.items():
            if output in taken:
                raise InvalidColumnsError(
                    f"feature '{view.name}:{name}' and {taken[output]} would both be called {output!r}; "
                    "use full_feature_names=True or rename one of them"
                )
            taken[output] = f"feature '{view.name}:{name}'"
            listed.append(f"{view.name}:{name}")
        table = snapshot.table(view.source)
        versions[view.source] = table.version
        requests.append(_request(item, table, keys, time=time, outputs=outputs, only_known=filter_by_created_timestamp))
    joined = execute(
        entity_df,
        requests,
        # Feast takes times without a zone as UTC, on both sides.
        assume_timezone="UTC",
        memory_limit=None if memory_limit is None else size_bytes(memory_limit, "memory_limit"),
        spill_folder=None,
        progress=progress,
        nan_as_null=nan_as_null,
    )
    return TrainingSet(joined.data, joined.report, snapshot.commit, versions, tuple(listed))


def _asked(features: Sequence[str | FeatureView], snapshot: Snapshot) -> list[_Asked]:
    if isinstance(features, str | FeatureView) or not isinstance(features, Iterable):
        features = [features]
    known = views(snapshot)
    asked: dict[str, _Asked] = {}
    for feature in features:
        if isinstance(feature, FeatureView):
            view, wanted = feature, "*"
        else:
            if not isinstance(feature, str):
                raise InvalidArgumentError(f"a feature is a text such as 'weather:temp' or a view, not {feature!r}")
            name, _, wanted = feature.partition(":")
            view = find_view(known, name)
        there = _feature_names(view, snapshot)
        if wanted not in {"", "*"} and wanted not in there:
            raise FeatureNotFoundError(
                f"feature view {view.name!r} has no feature {wanted!r}; {nearest(wanted, there)}"
            )
        item = asked.setdefault(view.name, _Asked(view, []))
        item.names += [name for name in (there if wanted in {"", "*"} else [wanted]) if name not in item.names]
    if not asked:
        raise InvalidArgumentError("no features were asked for; give for instance ['weather:temp']")
    return list(asked.values())


def _feature_names(view: FeatureView, snapshot: Snapshot) -> list[str]:
    if view.aggregations:
        return list(view.aggregates())
    if view.features is not None:
        return list(view.features)
    known = entities(snapshot)
    keys = {key for name in view.entity_names for key in _keys(name, view, known)}
    return [
        name for name in snapshot.table(view.source).schema.names if name not in {*keys, view.timestamp, view.created}
    ]


def _keys(name: str, view: FeatureView, known: Mapping[str, Any]) -> Sequence[str]:
    own = next((entity for entity in view.entities if not isinstance(entity, str) and entity.name == name), None)
    entity = own or known.get(name)
    if entity is None:
        raise FeatureNotFoundError(f"entity {name!r} of feature view {view.name!r} not found; {nearest(name, known)}")
    return tuple(entity.join_keys or ())


def _check_keys(keys: Sequence[str], names: Sequence[str], view: FeatureView) -> None:
    for key in keys:
        if key not in names:
            raise FeatureNotFoundError(
                f"the rows have no column {key!r}, a join key of feature view {view.name!r}; {nearest(key, names)}"
            )


def _request(
    item: _Asked,
    table: Any,
    keys: Sequence[str],
    *,
    time: str,
    outputs: Mapping[str, str],
    only_known: bool,
) -> Request:
    view = item.view
    if only_known and view.created is None:
        raise InvalidArgumentError(
            f"feature view {view.name!r} names no created column, so what was known cannot be told; give it created="
        )
    options = SideOptions(
        on=view.timestamp,
        left_on=time,
        by=keys,
        left_by=keys,
        tolerance=None if view.aggregations else view.ttl,
        created=view.created,
        known_at=view.created if only_known else None,
        columns=None if view.aggregations else outputs,
        suffix="",
    )
    plain = core_options(options)
    if view.aggregations:
        found = view.aggregates()
        wanted = [found[name] for name in item.names]
        renamed = [type(one)(one.column, one.function, one.window, outputs[one.name or ""]) for one in wanted]
        plain["aggregates"] = core_aggregates(renamed, None, "left")
    return Request(view.name, table, plain, skip_nulls=False)


def _time_column(schema: pa.Schema, timestamp: str | None) -> str:
    if timestamp is not None:
        return timestamp
    if _EVENT_TIMESTAMP in schema.names:
        return _EVENT_TIMESTAMP
    import pyarrow as pa

    # A date is a time where no column knows it better.
    tests = (pa.types.is_timestamp, pa.types.is_date)
    found_by = [[field.name for field in schema if is_time(field.type)] for is_time in tests]
    times = found_by[0] or found_by[1]
    if len(times) == 1:
        return str(times[0])
    found = f"several: {', '.join(times)}" if times else "none"
    raise TimeColumnError(
        f"the rows have no column {_EVENT_TIMESTAMP!r}, and of columns of timestamps {found}; give timestamp="
    )
