"""Files and functions stay small enough to read in one go."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FILE_LINES = 600
FILE_LINES_EXCEPTION = 900
FUNCTION_LINES = 60
BINDING_LINES = 20
WAREHOUSE_STATEMENTS = 8

EXCEPTIONS: dict[str, str] = {
    "python/lakebed/warehouse.py": "One method for each public verb: nearly all of its lines are docstrings.",
}
"""Files that may have up to 900 lines: path -> reason."""

BINDING_EXCEPTIONS = {
    "rust/python/src/enter.rs class_name": "One arm for each variant of the core's error; they become classes here.",
}
"""Binding functions that may have up to 60 lines: path and name -> reason."""

RUST_FUNCTION = re.compile(r"\bfn (\w+)")
RUST_BODY = re.compile(r"(?:\[[^\]]*\]|[^;{\[])*([;{])")
"""From the end of the arguments to the body's brace, or to the semicolon of a function without one."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_no_file_is_longer_than_600_lines(root: Path, rust_code: dict[Path, str]) -> None:
    lengths = {str(path): len(code.rstrip().splitlines()) for path, code in rust_code.items()}
    for folder in ("python", "examples", "benches"):
        for path in (root / folder).rglob("*.py"):
            lengths[str(path.relative_to(root))] = len(path.read_text().splitlines())
    assert lengths, "no files found"
    limits = {name: FILE_LINES_EXCEPTION if name in EXCEPTIONS else FILE_LINES for name in lengths}
    assert {name: length for name, length in lengths.items() if length > limits[name]} == {}
    unneeded = {name for name in EXCEPTIONS if lengths.get(name, 0) <= FILE_LINES}
    assert unneeded == set(), "exceptions that are no longer needed"


def test_no_python_function_is_longer_than_60_lines(python_sources: dict[Path, ast.Module]) -> None:
    lengths = {
        f"{path}:{node.lineno} {node.name}": code_lines(node)
        for path, tree in python_sources.items()
        for node in ast.walk(tree)
        if isinstance(node, Function)
    }
    assert lengths, "no functions found"
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}


def code_lines(function: Function) -> int:
    """Lines from `def` to the end, the docstring aside (Rust has it above the function)."""
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        length -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return length


def test_no_rust_function_is_longer_than_60_lines(rust_code: dict[Path, str]) -> None:
    lengths = {name: length for path, code in rust_code.items() for name, length in rust_functions(path, code)}
    assert lengths, "no functions found"
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES} == {}


def test_no_binding_function_is_longer_than_20_lines(rust_code: dict[Path, str]) -> None:
    bindings = {path: code for path, code in rust_code.items() if path.parts[1] == "python"}
    lengths = {name: length for path, code in bindings.items() for name, length in rust_functions(path, code)}
    assert lengths, "no binding functions found"
    long = {name: length for name, length in lengths.items() if length > BINDING_LINES}
    unnumbered = {re.sub(r":\d+ ", " ", name): length for name, length in long.items()}
    assert {name: length for name, length in unnumbered.items() if name not in BINDING_EXCEPTIONS} == {}
    assert set(BINDING_EXCEPTIONS) - set(unnumbered) == set(), "exceptions that are no longer needed"


def rust_functions(path: Path, code: str) -> list[tuple[str, int]]:
    """Name and lines, from `fn` to the closing brace, of every function that has a body."""
    functions = []
    for match in RUST_FUNCTION.finditer(code):
        body = RUST_BODY.match(code, signature_end(code, match.end()))
        if body is not None and body[1] == "{":
            line = code.count("\n", 0, match.start()) + 1
            end = block_end(code, body.start(1))
            functions.append((f"{path}:{line} {match[1]}", code.count("\n", match.start(), end) + 1))
    return functions


def signature_end(code: str, position: int) -> int:
    """Past the argument list that starts at or after `position` (its array types may hold a `;`)."""
    depth = 0
    for end in range(code.index("(", position), len(code)):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        if depth == 0:
            return end + 1
    return len(code)


def block_end(code: str, opening: int) -> int:
    depth = 0
    for end in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[end], 0)
        if depth == 0:
            return end
    return len(code)


def test_no_method_of_the_warehouse_has_more_than_8_statements(python_sources: dict[Path, ast.Module]) -> None:
    tree = python_sources[Path("lakebed/warehouse.py")]
    counts = {node.name: n_statements(node) for node in ast.walk(tree) if isinstance(node, Function)}
    assert counts, "warehouse.py has no functions"
    assert {name: count for name, count in counts.items() if count > WAREHOUSE_STATEMENTS} == {}


def n_statements(function: Function) -> int:
    """Statements at any depth, the function itself and its docstring aside."""
    count = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
    return count - (ast.get_docstring(function) is not None)


def test_a_long_rust_function_is_measured() -> None:
    body = "        let x = { 1 };\n" * 70
    code = "impl X {\n    fn long(a: [u8; 4]) -> [u8; 4] {\n" + body + "    }\n    fn none();\n}\n"
    assert rust_functions(Path("x.rs"), code) == [("x.rs:2 long", 72)]
