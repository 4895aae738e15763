"""What validation found: `Anomalies`, a value around tensorflow-metadata's `Anomalies` proto.

Findings about data are values, not exceptions; `assert_valid` raises for who wants that. The proto has one entry a
column, keyed by its path, and one for the whole dataset. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lakebed.errors import AnomaliesFoundError, InvalidArgumentError
from lakebed.schema import proto
from lakebed.validation.case import Measurement
from lakebed.validation.reason import Reason, severity, summarize

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

DATASET = "(dataset)"
MAX_TEXT = 1000
HEADER = ("feature", "severity", "short_description", "description", "reasons")


def load() -> Any:
    """Import the generated module of the anomaly protos.

    Returns:
        The module `tensorflow_metadata.proto.v0.anomalies_pb2`.

    Example:
        >>> load().Anomalies().ByteSize()
        0
    """
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    return anomalies_pb2


@dataclass(frozen=True)
class Anomaly:
    """What is wrong with one column, or with the dataset as a whole.

    Attributes:
        column: Name of the column; None for the dataset.
        severity: "ERROR", or "WARNING" for what could not be checked in full.
        short_description: A few words; "Multiple errors" for several reasons.
        description: Sentences with the numbers.
        reasons: Every broken rule, in the order found.

    Example:
        >>> Anomaly("dest", "ERROR", "Column dropped", "Column is completely missing", ()).column
        'dest'
    """

    column: str | None
    severity: str
    short_description: str
    description: str
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        """One line: where, what, why."""
        what = f"{self.short_description}: {self.description}" if self.description else self.short_description
        return f"{self.column or DATASET}: {what.rstrip()}"

    def to_dict(self) -> dict[str, Any]:
        """Describe the anomaly by plain values.

        Returns:
            The attributes by name, the reasons as dicts.

        Example:
            >>> Anomaly("dest", "ERROR", "Column dropped", "...", ()).to_dict()["severity"]
            'ERROR'
        """
        reasons = [{key: value for key, value in item._asdict().items() if key != "severity"} for item in self.reasons]
        return asdict(self) | {"reasons": reasons}


class Anomalies:
    """What validation found; empty, and false, if all is well.

    Example:
        >>> anomalies = build(proto.load().Schema(), {"x": [Reason("SCHEMA_NEW_COLUMN", "New column", "...")]})
        >>> len(anomalies), bool(anomalies), anomalies.columns
        (1, True, ['x'])
    """

    __slots__ = ("_proto",)

    def __init__(self, message: Any) -> None:
        """Hold a copy of a proto.

        Args:
            message: An `anomalies_pb2.Anomalies`, of Lakebed or of TFDV.

        Raises:
            InvalidArgumentError: The message is of another class.

        Example:
            >>> len(Anomalies(load().Anomalies()))
            0
        """
        if not isinstance(message, load().Anomalies):
            raise InvalidArgumentError(
                f"anomalies were made of a {type(message).__name__}; pass a tensorflow_metadata Anomalies message"
            )
        self._proto = proto.copy(message)

    @classmethod
    def from_bytes(cls, data: bytes) -> Anomalies:
        """Read anomalies from protobuf's binary format.

        Args:
            data: What `to_bytes` wrote.

        Returns:
            The anomalies.

        Raises:
            InvalidArgumentError: The bytes are not anomalies.

        Example:
            >>> len(Anomalies.from_bytes(b""))
            0
        """
        return cls(proto.from_bytes(data, load().Anomalies(), "anomalies"))

    @property
    def proto(self) -> Any:
        """A copy of the `anomalies_pb2.Anomalies`; `baseline` is the schema that was validated against.

        Example:
            >>> len(build(proto.load().Schema(), {}).proto.anomaly_info)
            0
        """
        return proto.copy(self._proto)

    @property
    def columns(self) -> list[str]:
        """Names of the columns with anomalies, in the order of iteration.

        Example:
            >>> build(proto.load().Schema(), {}).columns
            []
        """
        return [anomaly.column for anomaly in self if anomaly.column is not None]

    @property
    def errors(self) -> list[Anomaly]:
        """The anomalies of severity ERROR, without warnings.

        Example:
            >>> build(proto.load().Schema(), {"x": [Reason("UNKNOWN_TYPE", "?", "?", "WARNING")]}).errors
            []
        """
        return [anomaly for anomaly in self if anomaly.severity != "WARNING"]

    @property
    def data_missing(self) -> bool:
        """Whether there were no rows to validate; then nothing else was checked.

        Example:
            >>> build(proto.load().Schema(), {}).data_missing
            False
        """
        return bool(self._proto.data_missing)

    @property
    def measurements(self) -> list[dict[str, Any]]:
        """Every comparison with other data, anomaly or not.

        Example:
            >>> build(proto.load().Schema(), {}).measurements
            []
        """
        kinds = load().DriftSkewInfo.Measurement.Type
        return [
            {
                "column": ".".join(info.path.step),
                "comparison": comparison,
                "distance": kinds.Name(item.type),
                "value": item.value,
                "threshold": item.threshold,
            }
            for info in self._proto.drift_skew_info
            for comparison in ("drift", "skew")
            for item in getattr(info, f"{comparison}_measurements")
        ]

    def column(self, name: str) -> Anomaly | None:
        """Give what is wrong with one column.

        Args:
            name: Name of the column.

        Returns:
            Its anomaly; None if it has none.

        Example:
            >>> build(proto.load().Schema(), {}).column("dest") is None
            True
        """
        return next((anomaly for anomaly in self if anomaly.column == name), None)

    def assert_valid(self) -> None:
        """Raise if there are anomalies of severity ERROR, or no data at all.

        Raises:
            AnomaliesFoundError: The message lists the anomalies, `anomalies` holds them.

        Example:
            >>> build(proto.load().Schema(), {"x": [Reason("SCHEMA_NEW_COLUMN", "New column", "...")]}).assert_valid()
            Traceback (most recent call last):
                ...
            lakebed.errors.AnomaliesFoundError: the data do not meet the schema, 1 anomaly: ...
        """
        errors = [str(anomaly) for anomaly in self.errors]
        if self.data_missing:
            errors.append(f"{DATASET}: there are no rows")
        if errors:
            noun = "anomaly" if len(errors) == 1 else "anomalies"
            lines = "\n".join(f"  {error}" for error in errors)
            message = f"the data do not meet the schema, {len(errors)} {noun}:\n{lines}\nrepair the data or the schema"
            raise AnomaliesFoundError(message, self)

    def to_bytes(self) -> bytes:
        """Write the anomalies in protobuf's binary format.

        Returns:
            Bytes that `from_bytes` reads back; equal anomalies give equal bytes.

        Example:
            >>> Anomalies(load().Anomalies()).to_bytes()
            b''
        """
        return proto.to_bytes(self._proto)

    def to_dict(self) -> dict[str, Any]:
        """Describe the anomalies by plain values.

        Returns:
            {"data_missing": ..., "anomalies": [...], "measurements": [...]}; the dataset's own anomaly has the
            column None.

        Example:
            >>> build(proto.load().Schema(), {}).to_dict()
            {'data_missing': False, 'anomalies': [], 'measurements': []}
        """
        return {
            "data_missing": self.data_missing,
            "anomalies": [anomaly.to_dict() for anomaly in self],
            "measurements": self.measurements,
        }

    def to_polars(self) -> pl.DataFrame:
        """Lay out the anomalies as a frame, one row each.

        Returns:
            Columns feature (null for the dataset), severity, short_description, description, and reasons, the list of
            their types.

        Example:
            >>> build(proto.load().Schema(), {}).to_polars().columns
            ['feature', 'severity', 'short_description', 'description', 'reasons']
        """
        import polars as pl

        types = dict.fromkeys(HEADER[:4], pl.String()) | {"reasons": pl.List(pl.String())}
        rows = [
            (item.column, item.severity, item.short_description, item.description, [r.type for r in item.reasons])
            for item in self
        ]
        return pl.DataFrame(rows, schema=types, orient="row")

    def __iter__(self) -> Iterator[Anomaly]:
        """The dataset's anomaly, then the columns' in the order of the schema, then new columns by name."""
        if self._proto.HasField("dataset_anomaly_info"):
            yield _read(None, self._proto.dataset_anomaly_info)
        order = {feature.name: i for i, feature in enumerate(self._proto.baseline.feature)}
        found = [(".".join(info.path.step) or key, info) for key, info in self._proto.anomaly_info.items()]
        for name, info in sorted(found, key=lambda item: (order.get(item[0], len(order)), item[0])):
            yield _read(name, info)

    def __len__(self) -> int:
        """Number of columns with anomalies, plus one if the dataset has its own."""
        return len(self._proto.anomaly_info) + int(self._proto.HasField("dataset_anomaly_info"))

    def __bool__(self) -> bool:
        """Whether anything is wrong: an anomaly of any severity, or no data."""
        return len(self) > 0 or self.data_missing

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        return self.to_bytes() == other.to_bytes() if isinstance(other, Anomalies) else NotImplemented

    def __hash__(self) -> int:
        """Hash by content."""
        return hash(self.to_bytes())

    def __getstate__(self) -> bytes:
        """Pickle as bytes."""
        return self.to_bytes()

    def __setstate__(self, state: bytes) -> None:
        """Restore from bytes."""
        self._proto = proto.from_bytes(state, load().Anomalies(), "anomalies")

    def __repr__(self) -> str:
        """Name the columns."""
        names = ", ".join(anomaly.column or DATASET for anomaly in self)
        return f"Anomalies({'data missing' if self.data_missing else names or 'none'})"

    def __rich__(self) -> Table:
        """Table for `rich.print`."""
        from lakebed.report import rich_table

        return rich_table(HEADER[:4], [row[:4] for row in self._cells()], title=self._title(), max_text=MAX_TEXT)

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        from lakebed.report import html_table

        return html_table(HEADER, self._cells(), title=self._title(), max_text=MAX_TEXT)

    def _title(self) -> str:
        if self.data_missing:
            return "No data to validate"
        return f"{len(self)} {'anomaly' if len(self) == 1 else 'anomalies'}" if self else "No anomalies found"

    def _cells(self) -> list[list[str]]:
        return [
            [
                item.column or DATASET,
                item.severity,
                item.short_description,
                item.description.rstrip(),
                ", ".join(reason.type for reason in item.reasons),
            ]
            for item in self
        ]


def build(
    schema: Any,
    found: Mapping[str, Sequence[Reason]],
    *,
    dataset: Sequence[Reason] = (),
    measurements: Mapping[str, Sequence[Measurement]] | None = None,
    data_missing: bool = False,
) -> Anomalies:
    """Put the findings of the rules into a proto.

    Args:
        schema: The `schema_pb2.Schema` that was validated against.
        found: Reasons by column; columns without any are left out.
        dataset: Reasons about the dataset as a whole.
        measurements: Comparisons by column.
        data_missing: Whether there were no rows.

    Returns:
        The anomalies.

    Example:
        >>> build(proto.load().Schema(), {}, data_missing=True).data_missing
        True
    """
    message = load().Anomalies(baseline=schema)
    if data_missing:
        message.data_missing = True
    else:
        message.anomaly_name_format = load().Anomalies.SERIALIZED_PATH
    for name, reasons in found.items():
        if reasons:
            info = message.anomaly_info[serialize_path(name)]
            info.path.step.append(name)
            _fill(info, reasons)
    if dataset:
        _fill(message.dataset_anomaly_info, dataset)
    for name, items in (measurements or {}).items():
        if items:
            drift = message.drift_skew_info.add()
            drift.path.step.append(name)
            for item in items:
                kind = load().DriftSkewInfo.Measurement.Type.Value(item.type)
                getattr(drift, item.field).add(type=kind, value=item.value, threshold=item.threshold)
    return Anomalies(message)


def serialize_path(name: str) -> str:
    """Write the name of a column as TFDV writes a path of one step.

    Args:
        name: Name of the column.

    Returns:
        The name, in single quotes where it is empty or holds a character that has a meaning in paths.

    Example:
        >>> serialize_path("dest"), serialize_path("it's"), serialize_path("a.b")
        ('dest', "'it''s'", "'a.b'")
    """
    if name and not set(name) & set(".'()"):
        return name
    return "'" + name.replace("'", "''") + "'"


def _fill(info: Any, reasons: Sequence[Reason]) -> None:
    kinds = load().AnomalyInfo
    info.short_description, info.description = summarize(reasons)
    info.severity = kinds.Severity.Value(severity(reasons))
    for reason in reasons:
        info.reason.add(
            type=kinds.Type.Value(reason.type),
            short_description=reason.short_description,
            description=reason.description,
        )


def _read(column: str | None, info: Any) -> Anomaly:
    kinds = load().AnomalyInfo
    name = kinds.Severity.Name(info.severity)
    reasons = tuple(
        Reason(kinds.Type.Name(reason.type), reason.short_description, reason.description, name)
        for reason in info.reason
    )
    return Anomaly(column, name, info.short_description, info.description, reasons)
