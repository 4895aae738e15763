"""The expectations about a table: `Schema`, a value around tensorflow-metadata's `Schema` proto.

A schema says of each column its type, presence, shape, domain and environments. It is immutable: edits give new
schemas, and `proto` gives a copy. It reads and writes no files and knows no data; `lakebed.validation` infers one from
statistics, compares statistics with one, and relaxes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakebed.errors import InvalidArgumentError
from lakebed.schema import display, proto
from lakebed.schema import edit as edits
from lakebed.schema import environment as environments
from lakebed.schema import feature as features

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

HEADER = ("name", "type", "presence", "domain", "environments")


class Schema:
    """The expectations about a table.

    Example:
        >>> schema = Schema.from_text('feature { name: "dest" type: BYTES presence { min_fraction: 1 } }')
        >>> schema.columns, len(schema)
        (['dest'], 1)
    """

    __slots__ = ("_proto",)

    def __init__(self, message: Any = None) -> None:
        """Hold a copy of a proto.

        Args:
            message: A `schema_pb2.Schema`; None makes an empty schema, which expects no columns.

        Raises:
            InvalidArgumentError: The message is of another class.

        Example:
            >>> Schema().columns
            []
        """
        schema_pb2 = proto.load()
        if message is not None and not isinstance(message, schema_pb2.Schema):
            raise InvalidArgumentError(
                f"a schema was made of a {type(message).__name__}; pass a tensorflow_metadata Schema message"
            )
        self._proto = proto.copy(message) if message is not None else schema_pb2.Schema()

    @classmethod
    def from_text(cls, text: str) -> Schema:
        """Read a schema from protobuf's text format.

        Args:
            text: What `to_text` or TFDV's `write_schema_text` wrote.

        Returns:
            The schema.

        Raises:
            InvalidArgumentError: The text is not a schema; the message has line and column.

        Example:
            >>> Schema.from_text('feature { name: "dest" type: BYTES }').columns
            ['dest']
        """
        return cls(proto.from_text(text, proto.load().Schema(), "schema"))

    @classmethod
    def from_bytes(cls, data: bytes) -> Schema:
        """Read a schema from protobuf's binary format.

        Args:
            data: What `to_bytes` wrote.

        Returns:
            The schema.

        Raises:
            InvalidArgumentError: The bytes are not a schema.

        Example:
            >>> Schema.from_bytes(Schema().to_bytes()) == Schema()
            True
        """
        return cls(proto.from_bytes(data, proto.load().Schema(), "schema"))

    @property
    def proto(self) -> Any:
        """A copy of the `schema_pb2.Schema`: edit it and pass it to `Schema` to make another schema.

        Example:
            >>> message = Schema().proto
            >>> message.feature.add(name="dest").type = 1
            >>> Schema(message).columns
            ['dest']
        """
        return proto.copy(self._proto)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the order of the schema.

        Example:
            >>> Schema.from_text('feature { name: "dest" }').columns
            ['dest']
        """
        return [feature.name for feature in self._proto.feature]

    @property
    def default_environments(self) -> list[str]:
        """The declared environments, in the order of the schema.

        Example:
            >>> Schema().with_default_environments("TRAINING", "SERVING").default_environments
            ['TRAINING', 'SERVING']
        """
        return environments.declared(self._proto)

    def column(self, name: str) -> Any:
        """Give the expectations about one column.

        Args:
            name: Name of the column.

        Returns:
            A copy of its `schema_pb2.Feature`.

        Raises:
            ColumnNotFoundError: No such column; the message has the nearest names.

        Example:
            >>> Schema.from_text('feature { name: "dest" type: BYTES }').column("dest").type
            1
        """
        return proto.copy(features.find(self._proto, name))

    def domain(self, name: str) -> list[str] | None:
        """List the strings that a column may have.

        Args:
            name: Name of the column.

        Returns:
            The strings in the order of the domain; None where the column has no domain of strings.

        Raises:
            ColumnNotFoundError: No such column; the message has the nearest names.

        Example:
            >>> Schema.from_text('feature { name: "dest" type: BYTES }').domain("dest") is None
            True
        """
        strings = features.strings_of(self._proto, features.find(self._proto, name))
        return None if strings is None else list(strings.value)

    def in_environment(self, name: str, environment: str | None) -> bool:
        """Tell whether a column is expected in an environment.

        Args:
            name: Name of the column.
            environment: A declared environment; None means without environment, where all columns are expected.

        Returns:
            True if it is expected.

        Raises:
            ColumnNotFoundError: No such column.
            EnvironmentNotFoundError: The schema does not declare that environment; the message lists those it does.

        Example:
            >>> schema = Schema.from_text('feature { name: "delay" }').with_default_environments("TRAINING", "SERVING")
            >>> schema.with_label("delay").in_environment("delay", "SERVING")
            False
        """
        if environment:
            environments.require(self._proto, environment)
        return environments.in_environment(self._proto, features.find(self._proto, name), environment)

    def with_default_environments(self, *names: str) -> Schema:
        """Declare environments, in which every column is unless it says otherwise.

        Args:
            names: Environments to add to those already declared.

        Returns:
            A new schema.

        Raises:
            InvalidArgumentError: A name is empty.

        Example:
            >>> Schema().with_default_environments("TRAINING").with_default_environments("SERVING").default_environments
            ['TRAINING', 'SERVING']
        """
        message = self.proto
        for name in names:
            if not name:
                raise InvalidArgumentError("an environment has the empty name; pass a name such as 'TRAINING'")
            if name not in message.default_environment:
                message.default_environment.append(name)
        return Schema(message)

    def with_label(self, column: str, not_in_environment: str | Sequence[str] = "SERVING") -> Schema:
        """Mark a column as the label: it is not expected where the model is served.

        Args:
            column: Name of the column.
            not_in_environment: Environments without the label; they must be declared.

        Returns:
            A new schema.

        Raises:
            ColumnNotFoundError: No such column.
            EnvironmentNotFoundError: An environment is not declared.

        Example:
            >>> schema = Schema.from_text('feature { name: "delay" }').with_default_environments("TRAINING", "SERVING")
            >>> list(schema.with_label("delay").column("delay").not_in_environment)
            ['SERVING']
        """
        return self.with_feature(column, not_in_environment=not_in_environment)

    def with_feature(
        self,
        name: str,
        *,
        clear: str | Sequence[str] = (),
        in_environment: str | Sequence[str] | None = None,
        not_in_environment: str | Sequence[str] | None = None,
        min_fraction: float | None = None,
        min_count: int | None = None,
        domain: edits.Domain | None = None,
        min: float | None = None,  # noqa: A002 - the field's own word, keyword-only.
        max: float | None = None,  # noqa: A002
        min_domain_mass: float | None = None,
        unique: tuple[int, int] | None = None,
        disallow_nan: bool | None = None,
        disallow_inf: bool | None = None,
        lifecycle: str | None = None,
        drift: Mapping[str, float] | None = None,
        skew: Mapping[str, float] | None = None,
    ) -> Schema:
        """Change what is expected of one column; what is None stays as it is.

        Args:
            name: Name of a column of the schema.
            clear: Parts to drop before anything is set: domain, drift, environments, lifecycle, presence, shape, skew,
                unique.
            in_environment: Declared environments where the column is expected.
            not_in_environment: Declared environments where it is not.
            min_fraction: Least fraction of rows with a value, 0 to 1. Below 1 a fixed shape, which demands a value in
                every row, becomes a value count.
            min_count: Least number of rows with a value.
            domain: The list of allowed strings, or a pair (lowest, highest), None for an open end. A domain that other
                columns share stays theirs.
            min: Lowest number; the other end of the range stays.
            max: Highest number; the other end of the range stays.
            min_domain_mass: Least fraction of values that must be in the domain of strings.
            unique: Fewest and most distinct strings.
            disallow_nan: Whether NaN is an anomaly (FLOAT only).
            disallow_inf: Whether an infinity is an anomaly (FLOAT only).
            lifecycle: Name of a lifecycle stage, such as "DEPRECATED" or "PRODUCTION".
            drift: Thresholds by distance (infinity_norm, jensen_shannon_divergence, normalized_abs_difference) of the
                comparison with earlier data.
            skew: The same for the comparison with serving data.

        Returns:
            A new schema.

        Raises:
            ColumnNotFoundError: No such column; the message has the nearest names.
            EnvironmentNotFoundError: An environment is not declared.
            InvalidArgumentError: A value is out of its range or does not fit the type of the column.

        Example:
            >>> schema = Schema.from_text('feature { name: "distance" type: INT }')
            >>> schema.with_feature("distance", min=17, min_fraction=0.99).to_dict()["feature"]
            [{'name': 'distance', 'type': 'INT', 'int_domain': {'min': 17}, 'presence': {'min_fraction': 0.99}}]
        """
        given = {key: value for key, value in locals().items() if key not in ("self", "name")}
        message = self.proto
        edits.apply(message, features.find(message, name), edits.Edit(**given))
        return Schema(message)

    def without_feature(self, *names: str) -> Schema:
        """Drop columns, so that data with them have a new column.

        Args:
            names: Names of columns of the schema.

        Returns:
            A new schema.

        Raises:
            ColumnNotFoundError: No such column; the message has the nearest names.

        Example:
            >>> Schema.from_text('feature { name: "a" } feature { name: "b" }').without_feature("a").columns
            ['b']
        """
        message = self.proto
        for name in names:
            message.feature.remove(features.find(message, name))
        return Schema(message)

    def with_renamed(self, name: str, to: str) -> Schema:
        """Give a column another name; what is expected of it stays.

        Args:
            name: Name of a column of the schema.
            to: Its new name.

        Returns:
            A new schema.

        Raises:
            ColumnNotFoundError: No such column; the message has the nearest names.

        Example:
            >>> Schema.from_text('feature { name: "a" }').with_renamed("a", "b").columns
            ['b']
        """
        message = self.proto
        features.find(message, name).name = to
        return Schema(message)

    def with_dataset(
        self,
        *,
        min_examples: int | None = None,
        max_examples: int | None = None,
        min_fraction_of_previous: float | None = None,
        max_fraction_of_previous: float | None = None,
    ) -> Schema:
        """Change what is expected of the number of rows; what is None stays as it is.

        Args:
            min_examples: Fewest rows.
            max_examples: Most rows. TFDV checks it only beside `min_examples`, which is therefore set to 0 if unset.
            min_fraction_of_previous: Least ratio of the number of rows to that of the previous statistics.
            max_fraction_of_previous: Greatest such ratio.

        Returns:
            A new schema.

        Raises:
            InvalidArgumentError: A number is negative.

        Example:
            >>> Schema().with_dataset(max_examples=5).to_dict()
            {'dataset_constraints': {'min_examples_count': 0, 'max_examples_count': 5}}
        """
        given = {key: value for key, value in locals().items() if key != "self" and value is not None}
        for key, value in given.items():
            if value < 0:
                raise InvalidArgumentError(f"{key} is {value}; it must be 0 or more")
        message = self.proto
        constraints = message.dataset_constraints
        if min_examples is not None or (max_examples is not None and not constraints.HasField("min_examples_count")):
            constraints.min_examples_count = min_examples or 0
        if max_examples is not None:
            constraints.max_examples_count = max_examples
        if min_fraction_of_previous is not None:
            constraints.num_examples_drift_comparator.min_fraction_threshold = min_fraction_of_previous
        if max_fraction_of_previous is not None:
            constraints.num_examples_drift_comparator.max_fraction_threshold = max_fraction_of_previous
        return Schema(message)

    def to_text(self) -> str:
        """Write the schema in protobuf's text format, which TFDV reads too.

        Returns:
            Text that `from_text` reads back.

        Example:
            >>> print(Schema().with_default_environments("TRAINING").to_text(), end="")
            default_environment: "TRAINING"
        """
        return proto.to_text(self._proto)

    def to_bytes(self) -> bytes:
        """Write the schema in protobuf's binary format.

        Returns:
            Bytes that `from_bytes` reads back; equal schemas give equal bytes.

        Example:
            >>> Schema().to_bytes()
            b''
        """
        return proto.to_bytes(self._proto)

    def to_dict(self) -> dict[str, Any]:
        """Describe the schema by plain values.

        Returns:
            The fields that are set, by their proto names.

        Example:
            >>> Schema.from_text('feature { name: "dest" type: BYTES }').to_dict()
            {'feature': [{'name': 'dest', 'type': 'BYTES'}]}
        """
        return proto.to_plain(self._proto)

    def to_polars(self) -> pl.DataFrame:
        """Lay out the schema as a frame, one row a column.

        Returns:
            String columns name, type, presence, domain (texts for people) and a list column environments.

        Example:
            >>> Schema.from_text('feature { name: "dest" type: BYTES }').to_polars().rows()
            [('dest', 'BYTES', 'optional', '', [])]
        """
        import polars as pl

        types = dict.fromkeys(HEADER[:4], pl.String()) | {"environments": pl.List(pl.String())}
        return pl.DataFrame(self._rows(), schema=types, orient="row")

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        return self._proto == other._proto if isinstance(other, Schema) else NotImplemented

    def __hash__(self) -> int:
        """Hash by content."""
        return hash(self.to_bytes())

    def __len__(self) -> int:
        """Number of columns."""
        return len(self._proto.feature)

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of that name."""
        return name in self.columns

    def __getstate__(self) -> bytes:
        """Pickle as bytes."""
        return self.to_bytes()

    def __setstate__(self, state: bytes) -> None:
        """Restore from bytes."""
        self._proto = proto.from_bytes(state, proto.load().Schema(), "schema")

    def __repr__(self) -> str:
        """Name the columns, the first few of many."""
        names = self.columns
        more = f", ... {len(names) - 8} more" if len(names) > 8 else ""
        return f"Schema({len(names)} columns: {', '.join(names[:8])}{more})"

    def __rich__(self) -> Table:
        """Table for `rich.print`."""
        return display.rich_table(self._title(), HEADER, self._cells())

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        return display.html_table(self._title(), HEADER, self._cells())

    def _title(self) -> str:
        declared = self.default_environments
        return f"Schema of {len(self)} columns" + (f", environments {', '.join(declared)}" if declared else "")

    def _rows(self) -> list[tuple[str, str, str, str, list[str]]]:
        return [
            (
                feature.name,
                features.type_name(feature),
                features.describe_presence(feature),
                features.describe_domain(self._proto, feature),
                environments.environments_of(self._proto, feature),
            )
            for feature in self._proto.feature
        ]

    def _cells(self) -> list[list[str]]:
        return [[*row[:4], ", ".join(row[4])] for row in self._rows()]
