"""How much the laws are tried (few examples each time, the same ones in CI, many for `make soak`), and shared runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.metadata_backends import backend, lasting, mariadb_server, mysql_server, postgresql_server, store

__all__ = ["backend", "lasting", "mariadb_server", "mysql_server", "postgresql_server", "run_example", "store"]

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
EXAMPLE_TIMEOUT_S = 60

# The shared machine of a CI run may pause at any time, so no example has a deadline.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile(
    "soak", settings.get_profile("default"), max_examples=int(os.environ.get("SOAK_CASES", "20000"))
)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@dataclass(frozen=True)
class ExampleRun:
    """What a program of examples/ printed, and the folder that it was given."""

    folder: Path
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def run_example(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ExampleRun]:
    """Run a program of examples/ in an empty folder, once for all tests that look at it."""

    @cache
    def run(name: str) -> ExampleRun:
        folder = tmp_path_factory.mktemp(name.partition(".")[0])
        command = [sys.executable, "-W", "error", str(EXAMPLES / name), str(folder)]
        result = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=EXAMPLE_TIMEOUT_S, check=False
        )
        return ExampleRun(folder, result.returncode, result.stdout, result.stderr)

    return run
