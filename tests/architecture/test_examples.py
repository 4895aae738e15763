"""Every program in examples/ runs to its end, from an empty folder, in less than a minute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = sorted(path.name for path in (Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


def test_the_journey_is_there() -> None:
    assert "journey.py" in EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES)
def test_it_runs(example: str, run_example: Callable[[str], Any]) -> None:
    result = run_example(example)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip(), "the example prints nothing"
