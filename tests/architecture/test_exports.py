"""What a package exports is what `__all__` says: complete, sorted, importable."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

PACKAGE_FOLDER = Path(__file__).resolve().parents[2] / "python"
PACKAGES = sorted(
    ".".join(path.relative_to(PACKAGE_FOLDER).parent.parts) for path in PACKAGE_FOLDER.rglob("__init__.py")
)


def test_packages_are_found() -> None:
    assert "lakebed" in PACKAGES
    assert len(PACKAGES) > 5, f"found only the packages {PACKAGES}"


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_complete(package: str, python_sources: dict[Path, ast.Module]) -> None:
    tree = python_sources[Path(*package.split("."), "__init__.py")]
    bound = {name for node in tree.body for name in bound_names(node) if not name.startswith("_")}
    exported = set(importlib.import_module(package).__all__)
    assert exported, f"{package}.__all__ is empty"
    assert bound - exported == set(), f"public names of {package} that its __all__ does not list"


def bound_names(node: ast.stmt) -> list[str]:
    """Names that a statement of an `__init__` makes public: definitions, and imports from this package."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lakebed":
        return [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_has_no_duplicates(package: str) -> None:
    exported = list(importlib.import_module(package).__all__)
    assert exported == sorted(set(exported), key=export_key)


def export_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order of ruff's RUF022."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert missing == []
    assert set(module.__all__) <= set(dir(module)), "dir() does not show every exported name"
