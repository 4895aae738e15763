"""The stub of the extension module is the extension module."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path


def public_names(stub: Path) -> set[str]:
    """Functions, classes and constants that the stub declares at its top."""
    names = set()
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def test_the_stub_declares_what_the_extension_has(root: Path) -> None:
    from lakebed import _core

    declared = public_names(root / "python" / "lakebed" / "_core.pyi")
    assert len(declared) > 3, f"the stub declares only {declared}"
    assert declared == {name for name in dir(_core) if not name.startswith("_")}


def test_stubtest_finds_no_difference(root: Path) -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "lakebed._core"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "no issues found" in result.stdout


def test_every_declared_name_is_described(root: Path) -> None:
    tree = ast.parse((root / "python" / "lakebed" / "_core.pyi").read_text())
    described = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert described, "the stub declares no function and no class"
    assert [node.name for node in described if not ast.get_docstring(node)] == []
