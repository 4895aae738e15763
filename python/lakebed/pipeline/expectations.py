"""Expectations of a table as each commit pins them: schema, what the gate does with anomalies, version number."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lakebed.errors import InvalidArgumentError
from lakebed.schema import Schema

GATES = ("refuse", "warn", "off")


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is expected of the rows of a table.

    Args:
        schema: Domains, presence, environments.
        gate: `"refuse"` refuses a commit with anomalies, `"warn"` logs them, `"off"` does not look.
        version: 1 for the first schema of the table, one more for each change.

    Raises:
        InvalidArgumentError: There is no such gate.

    Example:
        >>> kept = Expectations(Schema(), "refuse", 1)
        >>> Expectations.from_bytes(kept.to_bytes()) == kept
        True
    """

    schema: Schema
    gate: str
    version: int

    def __post_init__(self) -> None:
        if self.gate not in GATES:
            raise InvalidArgumentError(f"there is no gate {self.gate!r}; use one of {', '.join(map(repr, GATES))}")

    def to_bytes(self) -> bytes:
        """Encode as it is stored.

        Returns:
            JSON with the schema as text proto.

        Example:
            >>> Expectations(Schema(), "off", 1).to_bytes()
            b'{"gate": "off", "schema": "", "version": 1}'
        """
        fields = {"gate": self.gate, "schema": self.schema.to_text(), "version": self.version}
        return json.dumps(fields, sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Expectations:
        """Decode what is stored.

        Args:
            data: What `to_bytes` gave.

        Returns:
            The expectations.

        Example:
            >>> Expectations.from_bytes(b'{"gate": "off", "schema": "", "version": 1}').version
            1
        """
        fields = json.loads(data)
        return cls(Schema.from_text(fields["schema"]), fields["gate"], fields["version"])
