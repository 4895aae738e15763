"""The rows that the benches of changes change, and how their bytes and seconds are taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl


def make(n_rows: int, seed: int = 7) -> pl.DataFrame:
    """Ten columns: a key in order, whole numbers, floats and two kinds of text."""
    rng = np.random.default_rng(seed)
    words = pl.Series([f"word-{n:03}" for n in range(200)])
    frame = pl.DataFrame(
        {
            "id": np.arange(n_rows),
            "group": rng.integers(0, 1000, n_rows),
            "count": rng.integers(0, 1_000_000, n_rows),
            "small": rng.integers(-100, 100, n_rows).astype(np.int16),
            "flag": rng.random(n_rows) < 0.3,
            "price": rng.random(n_rows).round(4),
            "level": rng.normal(size=n_rows),
            "time": np.arange(n_rows) * 1_000 + rng.integers(0, 1000, n_rows),
        }
    )
    pick = rng.integers(0, 200, (2, n_rows))
    return frame.with_columns(word=words[pick[0]], other=words[pick[1]])


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def one_percent(frame: pl.DataFrame, turn: int) -> pl.DataFrame:
    """New values for 1 % of the rows, all over the table."""
    rng = np.random.default_rng(turn)
    rows = np.sort(rng.choice(frame.height, frame.height // 100, replace=False))
    return frame[rows].with_columns(level=pl.lit(float(turn)), price=pl.col("price") + turn)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that pass meanwhile."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
