"""Messages of ML Metadata: the list of simple types. Names are looked up when they are first used."""

from __future__ import annotations

from typing import Any

from lakebed.metadata.messages.pool import SIMPLE_TYPES_FILE
from lakebed.ml_metadata.proto.pool import file_attribute, file_names


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    found = file_attribute(SIMPLE_TYPES_FILE, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *file_names(SIMPLE_TYPES_FILE)})
