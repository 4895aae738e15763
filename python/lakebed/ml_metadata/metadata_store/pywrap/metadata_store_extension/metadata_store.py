"""The serialised waist: request bytes in; response bytes, error bytes and the number of the status out.

`CreateMetadataStore` opens a database, and for each of the 52 methods of the service there is a function of its name
that takes the handle and the serialised request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lakebed.metadata.messages import message_class
from lakebed.metadata.service import Engine
from lakebed.metadata.service.engine import METHODS
from lakebed.metadata.sources.open import open_source
from lakebed.metadata.sources.schema import SYSTEM_TYPES
from lakebed.metadata.status import OK

Answer = tuple[bytes, bytes, int]


def CreateMetadataStore(config: bytes, migration_options: bytes) -> Engine:  # noqa: N802 - the original's name
    """Open a database.

    Args:
        config: A serialised `ConnectionConfig`.
        migration_options: A serialised `MigrationOptions`.

    Returns:
        A handle for the functions of this module.

    Raises:
        RuntimeError: It cannot be opened; or it was downgraded, as the options asked.

    Example:
        >>> config = message_class("ConnectionConfig")()
        >>> config.fake_database.SetInParent()
        >>> handle = CreateMetadataStore(config.SerializeToString(), b"")
        >>> body, error, code = GetArtifactTypes(handle, b"")
        >>> code
        0
    """
    options = message_class("MigrationOptions").FromString(migration_options)
    return Engine(
        open_source(
            message_class("ConnectionConfig").FromString(config),
            may_upgrade=options.enable_upgrade_migration,
            downgrade_to=options.downgrade_to_schema_version if options.downgrade_to_schema_version >= 0 else None,
        ),
    )


def LoadSimpleTypes() -> Answer:  # noqa: N802 - the original's name
    """Give the types that every database has.

    Returns:
        A serialised `SimpleTypes`, no error, and 0.

    Example:
        >>> body, error, code = LoadSimpleTypes()
        >>> message_class("SimpleTypes").FromString(body).artifact_types[0].name
        'mlmd.Dataset'
    """
    simple = message_class("SimpleTypes")()
    for _, name, kind in SYSTEM_TYPES:
        (simple.artifact_types if kind == 1 else simple.execution_types).add(name=name)
    return simple.SerializeToString(), b"", OK


def _function(method: str) -> Callable[[Engine, bytes], Answer]:
    def run(handle: Engine, request: bytes) -> Answer:
        return handle.call(method, request)

    run.__name__ = run.__qualname__ = method
    run.__doc__ = f"Run {method} on serialised messages."
    return run


def __getattr__(name: str) -> Any:
    if name not in METHODS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = _function(name)
    return found


GetArtifactTypes = _function("GetArtifactTypes")
"""As an example of those that are made when they are first named."""
