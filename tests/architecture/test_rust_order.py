"""Rust modules use only what stands above them: the order of the `mod` lines is the order of use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

Module = tuple[str, ...]
"""The path of a module below its crate; the crate's root is the empty tuple."""

MOD_LINE = re.compile(r"^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);", re.MULTILINE)
REEXPORT = re.compile(r"^\s*pub(?:\([^)]*\))? use [^;]*;", re.MULTILINE)


class Crate(NamedTuple):
    """The modules of one crate: their code and, for each, its children in the order of their `mod` lines."""

    code: dict[Module, str]
    children: dict[Module, list[str]]


def read_crate(rust_code: dict[Path, str], name: str) -> Crate:
    base = Path("rust", name, "src")
    code = {module_of(path.relative_to(base)): text for path, text in rust_code.items() if path.is_relative_to(base)}
    return Crate(code, {module: MOD_LINE.findall(text) for module, text in code.items()})


def module_of(path: Path) -> Module:
    parts = path.with_suffix("").parts
    return parts[:-1] if parts[-1] in {"mod", "lib"} else parts


def paths_in_group(text: str) -> list[list[str]]:
    """The paths of a use tree that starts at `text`: `a::{b, c::d}` gives [a, b] and [a, c, d]."""
    head = re.match(r"\s*(\w+)?\s*(::)?\s*", text)
    if head is None:
        return []
    prefix = [head[1]] if head[1] else []
    rest = text[head.end() :]
    if not rest.startswith("{"):
        return [prefix + tail for tail in paths_in_group(rest)] if head[2] and head[1] else [prefix]
    return [prefix + tail for part in split_group(rest) for tail in paths_in_group(part)]


def split_group(text: str) -> list[str]:
    """The comma-separated parts of the braces at the start of `text`."""
    parts, depth = [""], 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            break
        if character == "," and depth == 1:
            parts.append("")
        elif not (character == "{" and depth == 1):
            parts[-1] += character
    return parts


def used_modules(crate: Crate, module: Module) -> set[Module]:
    """Every other module of the crate that the code of `module` names, re-exports of its own children aside."""
    code = REEXPORT.sub("", crate.code[module])
    bases: list[tuple[str, Module]] = [("crate::", ()), ("self::", module)]
    bases += [("super::" * depth, module[: len(module) - depth]) for depth in range(1, len(module) + 1)]
    bases += [(child + "::", (*module, child)) for child in crate.children[module]]
    used = set()
    for prefix, base in bases:
        for match in re.finditer(rf"(?<![\w:]){prefix}(?!super::)", code):
            used |= {nearest_module(crate, (*base, *path)) for path in paths_in_group(code[match.end() :])}
    return used - {module}


def nearest_module(crate: Crate, path: Module) -> Module:
    """The longest start of `path` that is a module; what the root re-exports counts as the module it comes from."""
    if path and path[0] not in crate.children[()]:
        source = re.search(rf"pub use (?:crate::)?(\w+)::[^;]*\b{path[0]}\b", crate.code[()])
        return (source[1],) if source else ()
    while path not in crate.code:
        path = path[:-1]
    return path


def is_back_edge(crate: Crate, user: Module, used: Module) -> bool:
    """Whether `used` stands below `user`: compared where their paths part."""
    depth = next((i for i, (a, b) in enumerate(zip(user, used, strict=False)) if a != b), None)
    if depth is None:
        return False  # One lies inside the other.
    order = crate.children[user[:depth]]
    return order.index(used[depth]) > order.index(user[depth])


@pytest.mark.parametrize("name", ["core", "python"])
def test_a_module_uses_only_modules_above_it(rust_code: dict[Path, str], name: str) -> None:
    crate = read_crate(rust_code, name)
    edges = {(user, used) for user in crate.code for used in used_modules(crate, user)}
    assert len(edges) > 2, f"found only the uses {edges} in rust/{name}; does this test still read the sources?"
    back = {f"{'::'.join(user)} uses {'::'.join(used)}" for user, used in edges if is_back_edge(crate, user, used)}
    assert back == set(), "uses of a module that stands below in the order of `mod` lines"


@pytest.mark.parametrize("name", ["core", "python"])
def test_no_two_modules_use_each_other(rust_code: dict[Path, str], name: str) -> None:
    crate = read_crate(rust_code, name)
    edges = {(user, used) for user in crate.code for used in used_modules(crate, user)}
    assert edges, f"no uses found in rust/{name}"
    pairs = {(user, used) for user, used in edges if (used, user) in edges and user < used}
    assert pairs == set(), "pairs of modules that use each other"


@pytest.mark.parametrize("name", ["core", "python"])
def test_every_source_file_is_a_declared_module(rust_code: dict[Path, str], name: str) -> None:
    crate = read_crate(rust_code, name)
    declared = {(*parent, child) for parent, children in crate.children.items() for child in children}
    assert set(crate.code) - {()} == declared
    assert declared, f"no `mod` lines in rust/{name}/src/lib.rs"


def test_the_reader_of_uses_understands_groups() -> None:
    assert paths_in_group("{error::{Error, Result}, digest::Digest};") == [
        ["error", "Error"],
        ["error", "Result"],
        ["digest", "Digest"],
    ]
    assert paths_in_group("format::pack::Pack;") == [["format", "pack", "Pack"]]


def test_a_planted_back_edge_is_found() -> None:
    planted = {
        Path("rust/core/src/lib.rs"): "mod low;\nmod high;",
        Path("rust/core/src/low.rs"): "use crate::high::Thing;",
        Path("rust/core/src/high.rs"): "use super::low;",
    }
    crate = read_crate(planted, "core")
    assert used_modules(crate, ("low",)) == {("high",)}
    assert is_back_edge(crate, ("low",), ("high",))
    assert not is_back_edge(crate, ("high",), ("low",))
