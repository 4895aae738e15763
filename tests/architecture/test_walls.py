"""Which rooms may know what: the extension module and each large dependency have owners.

The floors themselves are import-linter's contract in pyproject.toml (`lint-imports`).
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

OWNERS: dict[str, set[str]] = {
    "lakebed._core": {"storage", "join", "statistics", "features", "lake", "spark", "metadata"},
    "google.protobuf": {"schema", "statistics", "validation", "metadata", "ml_metadata", "tfdv"},
    "rich": {"report", "schema", "statistics", "validation", "cli"},
    "sqlalchemy": {"metadata", "ml_metadata"},
    "sqlglot": {"expression", "catalog", "sql", "metadata"},
    "tensorflow_metadata": {"schema", "statistics", "validation", "tfdv"},
    "typer": {"cli"},
}
"""Module -> rooms that may import it."""


def imports(tree: ast.Module) -> set[str]:
    """Every module that the tree imports, in functions too; `from a import b` gives both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(path: Path) -> str:
    """`lakebed/sql/parse.py` is in sql, `lakebed/warehouse.py` in warehouse, `lakebed/__init__.py` in none."""
    return path.parts[1].removesuffix(".py")


@pytest.mark.parametrize("module", OWNERS)
def test_only_its_owners_import(module: str, python_sources: dict[Path, ast.Module]) -> None:
    users = {
        str(path): room_of(path)
        for path, tree in python_sources.items()
        if any(name == module or name.startswith(module + ".") for name in imports(tree))
    }
    assert users, f"nothing imports {module}; drop it from this table and from the dependencies"
    assert {path for path, room in users.items() if room not in OWNERS[module]} == set()


def test_metadata_reaches_the_extension_only_through_its_file_backend(python_sources: dict[Path, ast.Module]) -> None:
    files = {path: tree for path, tree in python_sources.items() if room_of(path) == "metadata"}
    assert files, "no modules found in lakebed/metadata"
    users = {path for path, tree in files.items() if "lakebed._core" in imports(tree)}
    assert {path for path in users if "backends" not in path.parts} == set()


def test_schema_does_no_input_or_output(python_sources: dict[Path, ast.Module]) -> None:
    files = {path: tree for path, tree in python_sources.items() if room_of(path) == "schema"}
    assert files, "no modules found in lakebed/schema"
    forbidden = {"io", "os", "pathlib", "shutil", "socket", "subprocess", "tempfile"}
    assert {(str(path), name) for path, tree in files.items() for name in imports(tree) & forbidden} == set()
    calls = {
        (str(path), node.lineno)
        for path, tree in files.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    }
    assert calls == set()


def test_every_import_is_absolute(python_sources: dict[Path, ast.Module]) -> None:
    nodes = [
        (path, node)
        for path, tree in python_sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    ]
    assert len(nodes) > 10, "hardly any imports found"
    assert [f"{path}:{node.lineno}" for path, node in nodes if node.level] == []


WRITES_LINEAGE = frozenset(
    {
        "batch",
        "put_artifacts",
        "put_contexts",
        "put_events",
        "put_execution",
        "put_executions",
        "put_attributions_and_associations",
    }
)


def test_only_the_publisher_writes_lineage(python_sources: dict[Path, ast.Module]) -> None:
    writers = {
        str(path)
        for path, tree in python_sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES_LINEAGE
    }
    assert "lakebed/pipeline/publisher.py" in writers
    assert {path for path in writers if not path.startswith("lakebed/metadata/")} == {"lakebed/pipeline/publisher.py"}
