"""What the architecture tests look at: the sources of the project, read once.

Each fixture fails when it finds nothing, so that no test passes over an empty list.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# One alternative a kind of text that is no code; in the order in which they must be tried.
RUST_TEXT = re.compile(
    r"""//[^\n]*                                    # line comment
      | /\*.*?\*/                                   # block comment
      | b?r(?P<hashes>\#*)".*?"(?P=hashes)          # raw string
      | b?"(?:\\.|[^"\\])*"                         # string
      | b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]+\}|.)|[^'\\\n])'  # character, not a lifetime
    """,
    re.DOTALL | re.VERBOSE,
)
TEST_MODULE = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{")


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def tracked_files() -> list[Path]:
    """Every file that git tracks, or would, relative to the top folder."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [Path(name) for name in listing.split("\0") if name and (ROOT / name).is_file()]
    assert len(files) > 20, f"git knows only {len(files)} files in {ROOT}"
    return files


@pytest.fixture(scope="session")
def python_sources() -> dict[Path, ast.Module]:
    """The package's modules, parsed, by path relative to `python/`."""
    base = ROOT / "python"
    sources = {path.relative_to(base): ast.parse(path.read_text()) for path in sorted(base.rglob("*.py"))}
    assert len(sources) > 2, f"no Python sources below {base}"
    return sources


@pytest.fixture(scope="session")
def rust_texts() -> dict[Path, str]:
    """The Rust sources of both crates as written, by path relative to the top folder."""
    paths = sorted(path for crate in ("core", "python") for path in (ROOT / "rust" / crate / "src").rglob("*.rs"))
    texts = {path.relative_to(ROOT): path.read_text() for path in paths}
    assert {path.parts[1] for path in texts} == {"core", "python"}, "a crate has no Rust sources"
    return texts


@pytest.fixture(scope="session")
def rust_code(rust_texts: dict[Path, str]) -> dict[Path, str]:
    """`rust_texts` with comments, literals and inline test modules blanked; line numbers stay."""
    return {path: without_tests(without_text(text)) for path, text in rust_texts.items()}


def without_text(source: str) -> str:
    """Blank comments and the contents of literals, keeping every line break."""
    return RUST_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), source)


def without_tests(code: str) -> str:
    """Blank the bodies of `#[cfg(test)] mod ... { }`."""
    while match := TEST_MODULE.search(code):
        end = closing_brace(code, match.end() - 1)
        code = code[: match.start()] + re.sub(r"[^\n]", " ", code[match.start() : end + 1]) + code[end + 1 :]
    return code


def closing_brace(code: str, opening: int) -> int:
    """The position of the brace that closes the one at `opening`; `code` holds no literals."""
    depth = 0
    for position in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return position
    message = "unbalanced braces"
    raise ValueError(message)
