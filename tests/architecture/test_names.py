"""Names say what a module is for, and nothing hides behind an unexplained `allow`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "misc"}
FORBIDDEN_CALLS = re.compile(r"\.unwrap\(\)|\.expect\(|\b(?:panic|todo|unimplemented|dbg|println|print)!")
ALLOW = re.compile(r"#!?\[(?:allow|expect)\((?P<lints>[^\]]*)\)\](?P<rest>[^\n]*)")


def test_no_module_is_a_basement(python_sources: dict[Path, ast.Module], rust_texts: dict[Path, str]) -> None:
    paths = [*python_sources, *rust_texts]
    assert len(paths) > 10, f"found only {paths}"
    named = [str(path) for path in paths if FORBIDDEN_NAMES & {path.stem, *path.parts}]
    assert named == [], f"a module named {sorted(FORBIDDEN_NAMES)} says nothing about what it is for"


def test_no_rust_code_outside_tests_can_panic_on_purpose(rust_code: dict[Path, str]) -> None:
    assert sum(code.count("fn ") for code in rust_code.values()) > 10, "hardly any Rust functions found"
    calls = [
        f"{path}:{code.count(chr(10), 0, match.start()) + 1} {match.group()}"
        for path, code in rust_code.items()
        for match in FORBIDDEN_CALLS.finditer(code)
    ]
    assert calls == []


def test_every_allowed_lint_has_a_reason(rust_texts: dict[Path, str]) -> None:
    allows = [(path, match) for path, text in rust_texts.items() for match in ALLOW.finditer(text)]
    assert allows, "no #[allow(...)] found; does this test still read the sources?"
    bare = [
        f"{path}: {match.group()}"
        for path, match in allows
        if "reason" not in match["lints"] and "//" not in match["rest"]
    ]
    assert bare == [], 'write #[allow(lint)] // reason, or #[allow(lint, reason = "...")]'


def test_every_unsafe_block_says_why_it_is_sound(rust_texts: dict[Path, str]) -> None:
    assert rust_texts, "no Rust sources found"
    unsafe = re.compile(r"^(?!\s*//).*\bunsafe \{", re.MULTILINE)
    bare = [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        for path, text in rust_texts.items()
        for match in unsafe.finditer(text)
        if "SAFETY:" not in "".join(text[: match.end()].splitlines(keepends=True)[-6:])
    ]
    assert bare == [], "write a `// SAFETY:` comment within the five lines above"
