"""Classes and module of the extension are safe to share between threads."""

from __future__ import annotations

import re
from pathlib import Path

PYCLASS = re.compile(r"#\[pyclass(?P<options>\([^\]]*\))?\]")


def binding_texts(rust_texts: dict[Path, str]) -> dict[Path, str]:
    return {path: text for path, text in rust_texts.items() if path.parts[1] == "python"}


def test_every_pyclass_is_frozen(rust_texts: dict[Path, str]) -> None:
    classes = [(path, match) for path, text in binding_texts(rust_texts).items() for match in PYCLASS.finditer(text)]
    assert classes, "no #[pyclass] found in rust/python"
    assert [f"{path}: {match.group()}" for path, match in classes if "frozen" not in (match["options"] or "")] == []


def test_the_module_does_not_need_the_interpreter_lock(rust_texts: dict[Path, str]) -> None:
    modules = [
        line for text in binding_texts(rust_texts).values() for line in re.findall(r"#\[pymodule[(\]][^\n]*", text)
    ]
    assert len(modules) == 1, f"expected one #[pymodule], found {modules}"
    assert "gil_used = false" in modules[0]


def test_the_core_does_not_know_python(root: Path, rust_texts: dict[Path, str]) -> None:
    core = {path: text for path, text in rust_texts.items() if path.parts[1] == "core"}
    assert core, "no sources found in rust/core"
    assert [str(path) for path, text in core.items() if re.search(r"\bpyo3\b", text)] == []
    assert "pyo3" not in (root / "rust" / "core" / "Cargo.toml").read_text()
