"""The five backends of the metadata store, each test with an empty database of its own.

"mysql" is MariaDB, which every Debian has; "mysql itself" is MySQL 8 or above, where there is one.

Servers are started once a run, when the first test asks for one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.servers import Server, mariadb, mysql, postgresql

from lakebed.ml_metadata.metadata_store import MetadataStore
from lakebed.ml_metadata.proto import metadata_store_pb2 as pb

LOCAL = ("memory", "sqlite memory", "sqlite", "block")
SERVERS = ("mysql", "mysql itself", "postgresql")
BACKENDS = (*LOCAL, *SERVERS)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Backend:
    """A way to make and reopen empty databases.

    `config()` names a new database at each call.
    """

    name: str
    config: Callable[[], Any]

    def store(self) -> Any:
        return MetadataStore(self.config())

    @property
    def lasts(self) -> bool:
        """Whether a database outlives its store."""
        return "memory" not in self.name


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def mysql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mysql(tmp_path_factory.mktemp("mysql")) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with postgresql(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


def mysql_config(server: Server, database: str) -> Any:
    config = pb.ConnectionConfig()
    config.mysql.host, config.mysql.port = server.host, server.port
    config.mysql.user, config.mysql.password = server.user, server.password
    config.mysql.database = database
    return config


def postgresql_config(server: Server, database: str) -> Any:
    config = pb.ConnectionConfig()
    config.postgresql.host, config.postgresql.port = server.host, str(server.port)
    config.postgresql.user, config.postgresql.password = server.user, server.password
    config.postgresql.dbname = database
    return config


def sqlite_config(path: Path | str = "") -> Any:
    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = 3
    return config


def memory_config() -> Any:
    config = pb.ConnectionConfig()
    config.fake_database.SetInParent()
    return config


def make_backend(name: str, request: pytest.FixtureRequest, folder: Path) -> Backend:
    """A backend by name; that of a server starts it."""
    if name == "memory":
        return Backend(name, memory_config)
    if name == "sqlite memory":
        # A name of its own keeps it apart from "memory", which is what an empty one gives.
        return Backend(name, lambda: sqlite_config(f"file:test{next(_numbers)}?mode=memory&cache=shared"))
    if name == "sqlite":
        return Backend(name, lambda: sqlite_config(folder / f"{next(_numbers)}.db"))
    if name == "block":
        return Backend(name, lambda: folder / f"{next(_numbers)}.lakebed")
    fixtures = {"mysql": "mariadb_server", "mysql itself": "mysql_server", "postgresql": "postgresql_server"}
    server = request.getfixturevalue(fixtures[name])
    make = postgresql_config if name == "postgresql" else mysql_config
    return Backend(name, lambda: make(server, f"test_{next(_numbers)}"))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Each backend in turn."""
    return make_backend(request.param, request, tmp_path)


@pytest.fixture(params=[name for name in BACKENDS if "memory" not in name])
def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Each backend whose databases outlive their stores."""
    return make_backend(request.param, request, tmp_path)


@pytest.fixture
def store(backend: Backend) -> Any:
    """An empty store on each backend in turn."""
    return backend.store()
