"""The project names no machine, no package server and no secret lock: it builds anywhere the clients are set up."""

from __future__ import annotations

import re
from pathlib import Path

MACHINE_PATHS = re.compile(r"(?<![\w.}$])/(?:work|tmp|root|home|opt|Users)/\w")
PACKAGE_SERVERS = re.compile(
    r"index[-_]url|pypi\.org|pythonhosted\.org|(?:static|index)\.crates\.io|conda\.anaconda\.org|deb\.debian\.org",
    re.IGNORECASE,
)
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
"""How every Cargo.lock names the default registry; not an address that is asked."""

BINARY = {".bin", ".csv", ".gz", ".ico", ".parquet", ".pb", ".png", ".zip"}
TEXT_LIMIT_BYTES = 1 << 20


def texts(root: Path, files: list[Path]) -> dict[Path, str]:
    """Every text that a person writes: lock, licence and this file itself aside."""
    skipped = {Path("Cargo.lock"), Path("LICENSE"), Path(__file__).relative_to(root)}
    # A warehouse that is kept is no text.
    written = [path for path in files if not any(part.endswith(".lakebed") for part in path.parts)]
    chosen = [path for path in written if path not in skipped and path.suffix not in BINARY]
    found = {path: (root / path).read_text(encoding="utf-8") for path in chosen}
    assert len(found) > 20, f"found only {sorted(found)}"
    return found


def lines_with(pattern: re.Pattern[str], found: dict[Path, str]) -> list[str]:
    return [
        f"{path}:{number} {line.strip()}"
        for path, text in found.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_one_machine(root: Path, tracked_files: list[Path]) -> None:
    assert MACHINE_PATHS.search("open('/home/ada/flights.csv')")
    assert lines_with(MACHINE_PATHS, texts(root, tracked_files)) == []


def test_no_address_of_a_package_server(root: Path, tracked_files: list[Path]) -> None:
    assert PACKAGE_SERVERS.search("pip install --index" + "-url ...")
    assert lines_with(PACKAGE_SERVERS, texts(root, tracked_files)) == []


def test_cargo_lock_is_kept_and_names_only_the_default_registry(root: Path, tracked_files: list[Path]) -> None:
    assert Path("Cargo.lock") in tracked_files
    sources = re.findall(r'^source = "(.*)"$', (root / "Cargo.lock").read_text(), re.MULTILINE)
    assert len(sources) > 10
    assert set(sources) == {CRATES_IO}


def test_no_build_product_is_kept(tracked_files: list[Path]) -> None:
    products = {".so", ".pyd", ".dylib", ".whl", ".pyc", ".rlib"}
    assert [str(path) for path in tracked_files if path.suffix in products or path.name == "uv.lock"] == []


def test_no_file_is_large(root: Path, tracked_files: list[Path]) -> None:
    sizes = {str(path): (root / path).stat().st_size for path in tracked_files}
    assert {name: size for name, size in sizes.items() if size > TEXT_LIMIT_BYTES} == {}


def test_the_files_that_a_project_needs_are_there(root: Path, tracked_files: list[Path]) -> None:
    names = {str(path) for path in tracked_files}
    needed = {
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "docs/format.md",
    }
    assert needed - names == set()
    assert "Apache License" in (root / "LICENSE").read_text()


def test_no_unfinished_note(root: Path, tracked_files: list[Path]) -> None:
    sources = [path for path in tracked_files if path.suffix in {".py", ".pyi", ".rs"}]
    found = texts(root, sources)
    note = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
    assert lines_with(note, {path: text for path, text in found.items() if path.parts[0] != "tests"}) == []
