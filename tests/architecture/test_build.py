"""The build files agree with each other, so that one edit does not leave another behind."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

tomllib = pytest.importorskip("tomllib", reason="in the standard library since Python 3.11")


def read_toml(path: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = tomllib.loads(path.read_text())
    return parsed


def test_maturin_is_the_same_for_wheels_and_for_developers(root: Path) -> None:
    project = read_toml(root / "pyproject.toml")
    assert set(project["build-system"]["requires"]) <= set(project["dependency-groups"]["dev"])


def test_python_versions_agree(root: Path) -> None:
    project = read_toml(root / "pyproject.toml")
    floor = project["project"]["requires-python"].removeprefix(">=")
    assert project["tool"]["mypy"]["python_version"] == floor
    assert project["tool"]["ruff"]["target-version"] == "py" + floor.replace(".", "")
    workspace = read_toml(root / "Cargo.toml")["workspace"]
    assert "abi3-py" + floor.replace(".", "") in workspace["dependencies"]["pyo3"]["features"]


def test_every_floor_of_the_house_is_in_the_contract(root: Path) -> None:
    contracts = read_toml(root / "pyproject.toml")["tool"]["importlinter"]["contracts"]
    floors = next(contract for contract in contracts if contract["type"] == "layers")
    assert floors["exhaustive"] is True
    declared = {name.strip("() ") for layer in floors["layers"] for name in layer.split("|")}
    package = root / "python" / "lakebed"
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" and path.stem != "__init__"}
    rooms |= {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    assert len(rooms) > 5
    assert rooms - declared == set()


def test_tests_and_extension_share_one_build(root: Path) -> None:
    """A crate with other features in tests is compiled a second time, and all that use it: minutes, not seconds."""
    extension = crates(root, "-p", "lakebed-python", "--edges", "normal,build")
    tests = crates(root, "--workspace", "--edges", "normal,build,dev")
    assert len(extension) > 20, f"cargo tree shows only {sorted(extension)}"
    assert extension - tests == set(), "crates whose features differ; give the smaller side the features of the other"


def crates(root: Path, *arguments: str) -> set[str]:
    """Every crate of a build with its features, the bindings' own aside (only the extension is an extension)."""
    command = ["cargo", "tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} [{f}]", *arguments]
    listing = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert listing.returncode == 0, listing.stderr
    lines = {line.removesuffix(" (*)") for line in listing.stdout.splitlines()}
    return {line for line in lines if line and not line.startswith(("pyo3", "lakebed"))}


def test_the_development_profile_links_quickly(root: Path) -> None:
    profile = read_toml(root / "Cargo.toml")["profile"]["ci"]
    assert profile["lto"] is False
    assert profile["debug"] == 0


def test_rust_edition_agrees(root: Path) -> None:
    edition = read_toml(root / "Cargo.toml")["workspace"]["package"]["edition"]
    assert read_toml(root / "rustfmt.toml")["edition"] == edition
    assert read_toml(root / "rustfmt.toml")["reorder_modules"] is False, "the order of `mod` lines has a meaning"


def test_rivals_are_no_dependencies_of_users(root: Path) -> None:
    lines = (root / "benches" / "requirements.txt").read_text().splitlines()
    rivals = {re.split(r"[=<>~ ]", line)[0] for line in lines if line and not line.startswith("#")}
    assert rivals, "benches/requirements.txt names no rival"
    project = read_toml(root / "pyproject.toml")
    extras = project["project"].get("optional-dependencies", {}).values()
    wanted = [*project["project"]["dependencies"], *(name for names in extras for name in names)]
    assert rivals & {re.split(r"[=<>~ ]", name)[0] for name in wanted} == set()
