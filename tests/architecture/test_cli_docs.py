"""Every command of `lakebed` has help and a machine-readable form, and is shown in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from lakebed.cli import app

ROOT = Path(__file__).resolve().parents[2]
SHELL_BLOCK = re.compile(r"^```(?:bash|console|sh|shell)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it: `schema show`."""
    children: dict[str, Any] = getattr(command, "commands", {})
    for name, child in children.items():
        yield from commands(child, (*path, name))
    if not children:
        yield " ".join(path), command


COMMANDS = dict(commands(typer.main.get_command(app)))


def documentation() -> str:
    return "\n".join(page.read_text() for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))])


def test_the_commands_of_the_first_version_are_there() -> None:
    assert {"log", "sql", "stats", "lineage"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_it_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert (command.help or "").strip(), f"`lakebed {name}` has no help"
    silent = [parameter.name for parameter in command.params if not (getattr(parameter, "help", "") or "").strip()]
    assert [parameter for parameter in silent if parameter != "help"] == [], f"parameters of {name} without help"


@pytest.mark.parametrize("name", COMMANDS)
def test_it_can_answer_in_json(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert "--json" in options, f"`lakebed {name}` has no --json"


@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_documented(name: str) -> None:
    assert re.search(rf"\blakebed {re.escape(name)}\b", documentation()), f"no page shows `lakebed {name}`"


def test_every_command_that_is_shown_exists() -> None:
    lines = [line for block in SHELL_BLOCK.findall(documentation()) for line in block.splitlines()]
    calls = [match[1] for line in lines if (match := re.match(r"\s*(?:\$ )?lakebed\s+(\S.*)", line))]
    assert calls, "no page shows a `lakebed` command in a ```bash block"
    known = [name.split() for name in COMMANDS] + [["--help"], ["--version"]]
    unknown = [call for call in calls if not any(call.split()[: len(words)] == words for words in known)]
    assert unknown == []


def test_every_option_that_is_shown_exists() -> None:
    lines = [line for block in SHELL_BLOCK.findall(documentation()) for line in block.splitlines()]
    checked = 0
    for line in lines:
        for name, command in COMMANDS.items():
            if re.match(rf"\s*(?:\$ )?lakebed {re.escape(name)}\b", line):
                known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
                assert set(re.findall(r"(?<=\s)--[a-z][a-z-]*", line)) - known == set(), line
                checked += 1
    assert checked, "no page shows a `lakebed` command in a ```bash block"
