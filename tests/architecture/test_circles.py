"""No two modules of the package import each other, be it inside of a function or for types only."""

from __future__ import annotations

import ast
from pathlib import Path


def test_no_two_modules_import_each_other(python_sources: dict[Path, ast.Module]) -> None:
    names = {module_of(path): path for path in python_sources}
    imports = {module: imported(python_sources[path], set(names)) - {module} for module, path in names.items()}
    assert sum(map(len, imports.values())) > 500, "too few imports were found"
    # A package's `__init__` gives its modules' names away: what they import through it is theirs.
    plain = {module for module, path in names.items() if path.name != "__init__.py"}
    pairs = {tuple(sorted((one, other))) for one in plain for other in imports[one] & plain if one in imports[other]}
    assert pairs == set()


def module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module, known: set[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` names a module, too.
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & known


def test_a_circle_of_two_is_found() -> None:
    one = ast.parse("def f():\n    from lakebed.b import x")
    other = ast.parse("from lakebed import a")
    known = {"lakebed.a", "lakebed.b"}
    assert (imported(one, known), imported(other, known)) == ({"lakebed.b"}, {"lakebed.a"})
