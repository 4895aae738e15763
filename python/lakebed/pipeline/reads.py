"""What a run has read and made so far. What it made itself is no input of it."""

from __future__ import annotations

from lakebed.pipeline.references import Reference, TableReference


class Reads:
    """Inputs and outputs of a run, each once, in the order of their first mention.

    Args:
        type: Type of the execution.
        name: Its name.

    Example:
        >>> from lakebed.lake import Pointer
        >>> reads = Reads("train", "train-1")
        >>> reads.add_input(Pointer("raw/a.csv", "ab" * 32, 1, "text/csv"))
        >>> reads.add_output(Pointer("model.bin", "cd" * 32, 1, "application/octet-stream"))
        >>> reads.add_input(Pointer("model.bin", "cd" * 32, 1, "application/octet-stream"))
        >>> len(reads.inputs), len(reads.outputs), reads.reference()
        (1, 1, {'type': 'train', 'name': 'train-1'})
    """

    def __init__(self, type: str, name: str) -> None:  # noqa: A002 - ML Metadata calls it that.
        self.type = type
        self.name = name
        self._inputs: dict[tuple[str, str], Reference] = {}
        self._outputs: dict[tuple[str, str], Reference] = {}

    @property
    def inputs(self) -> list[Reference]:
        """What was read."""
        return list(self._inputs.values())

    @property
    def outputs(self) -> list[Reference]:
        """What was made."""
        return list(self._outputs.values())

    def add_input(self, reference: Reference) -> None:
        """Note that something was read.

        Args:
            reference: A table version or a raw file.
        """
        if _content(reference) not in self._outputs:
            self._inputs.setdefault(_content(reference), reference)

    def add_output(self, reference: Reference) -> None:
        """Note that something was made.

        Args:
            reference: A table version or a raw file.
        """
        self._outputs.setdefault(_content(reference), reference)

    def reference(self) -> dict[str, str]:
        """Tell how a commit names the run in which it was made.

        Returns:
            Members `type` and `name`.
        """
        return {"type": self.type, "name": self.name}


def _content(reference: Reference) -> tuple[str, str]:
    """What was read, through whichever commit it was found."""
    if isinstance(reference, TableReference):
        return reference.name, reference.version
    return reference.path, reference.hash
