"""Messages of ML Metadata: types, nodes, events, links, configurations. Names are looked up when first used."""

from __future__ import annotations

from typing import Any

from lakebed.metadata.messages.pool import STORE_FILE
from lakebed.ml_metadata.proto.pool import file_attribute, file_names


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    found = file_attribute(STORE_FILE, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *file_names(STORE_FILE)})
