"""What README.md and docs/ show works: Python blocks run in order, commands and make targets exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PAGE_TIMEOUT_S = 120
SHELLS = ("bash", "console", "sh", "shell")
BLOCK = re.compile(r"^```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, *languages: str) -> list[tuple[int, str]]:
    """Line number of its first line, and text, of every block in one of `languages`."""
    text = page.read_text()
    return [
        (text.count("\n", 0, match.start("code")), match["code"])
        for match in BLOCK.finditer(text)
        if match["language"] in languages
    ]


def pages_about_the_project() -> list[Path]:
    return [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "benches" / "README.md"]


def program_of(page: Path) -> str:
    """The page's Python blocks as one program in which each line keeps its number, so that a traceback points here."""
    lines: list[str] = []
    for line, code in blocks(page, "python"):
        lines += [""] * (line - len(lines)) + code.splitlines()
    return "\n".join(lines) + "\n"


WITH_PROGRAM = [page for page in PAGES if page.exists() and blocks(page, "python")]


def test_the_readme_has_code_and_commands() -> None:
    readme = ROOT / "README.md"
    assert readme in WITH_PROGRAM, "README.md has no ```python block"
    assert blocks(readme, *SHELLS), "README.md has no ```bash block"


@pytest.mark.parametrize("page", WITH_PROGRAM, ids=[str(page.relative_to(ROOT)) for page in WITH_PROGRAM])
def test_its_python_blocks_run(page: Path, tmp_path: Path) -> None:
    program = tmp_path / f"{page.name}.py"
    program.write_text(program_of(page))
    workplace = tmp_path / "workplace"
    workplace.mkdir()
    result = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        cwd=workplace,
        capture_output=True,
        text=True,
        timeout=PAGE_TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named: set[str] = set()
    for page in pages_about_the_project():
        named |= set(re.findall(r"`make ([a-z-]+)", page.read_text()))
        for _, code in blocks(page, *SHELLS):
            named |= set(re.findall(r"^(?:\$ )?make ([a-z-]+)", code, re.MULTILINE))
    assert {"demo", "test"} <= named, f"the pages name only the targets {sorted(named)}"
    assert named - targets == set()


def test_every_relative_link_leads_somewhere() -> None:
    links = [
        (page, link)
        for page in pages_about_the_project()
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(BLOCK, "", page.read_text()))
        if "://" not in link
    ]
    assert len(links) > 3, f"found only the links {links}"
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []
