"""Data of which TensorFlow Data Validation 1.16.1 itself made statistics; what it made is in tests/conformance/tfdv.

Needs nothing but pyarrow and NumPy, so that it runs in TFDV's own environment too. Fixed seeds: both sides see the same
rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

Table = dict[str, list[Any]]


def lists(values: list[Any]) -> list[Any]:
    """Scalars as TFDV wants them: a list of one value for each row, null where it is missing."""
    return [None if value is None else [value] for value in values]


def cases() -> dict[str, tuple[pa.RecordBatch, str | None]]:
    """The batches by name, with the column of weights where there is one."""
    rng = np.random.default_rng(11)
    n = 2000
    ints = rng.integers(-50, 1000, n).tolist()
    floats = rng.normal(3, 2, n).tolist()
    words = [f"w{int(value**3 * 250)}" for value in rng.random(n).tolist()]
    missing = [None if value < 0.1 else int(value * 100) for value in rng.random(n).tolist()]
    special = [1.0, math.nan, 2.0, math.inf, -math.inf, 3.0, 0.0, math.nan]
    lengths = rng.integers(0, 5, n).tolist()
    ragged = [list(range(length)) for length in lengths]
    found: dict[str, pa.RecordBatch] = {
        "scalars": batch(
            i=(lists(ints), pa.int64()),
            f=(lists(floats), pa.float64()),
            s=(lists(words), pa.string()),
            m=(lists(missing), pa.int64()),
        ),
        "constants": batch(
            one=(lists([7] * 20), pa.int64()),
            zero=(lists([0.0] * 20), pa.float64()),
            flag=(lists([i % 2 for i in range(20)]), pa.int64()),
            same=(lists(["x"] * 20), pa.string()),
            nothing=([None] * 20, pa.int64()),
        ),
        "special floats": batch(x=(lists(special), pa.float64())),
        "only nan": batch(x=(lists([math.nan] * 3), pa.float64())),
        "finite and nan": batch(x=(lists([1.0, math.nan, 2.0, 4.0]), pa.float64())),
        "float32": batch(x=(lists([0.1, 0.2, 0.7]), pa.float32())),
        "small ints": batch(x=(lists([1, -2, 3]), pa.int8()), y=(lists([1, 200, 3]), pa.uint8())),
        "large ints": batch(x=(lists([2**62, -(2**62), 5]), pa.int64())),
        "ragged lists": batch(x=(ragged, pa.int64()), y=([None, [], ["a"], ["a", "b"]] * (n // 4), pa.string())),
        "text": batch(
            x=(lists(["caf\u00e9", "", "b", "b", "z"]), pa.string()),
            y=([[b"\xff\xfe"], [b"ok"], [b"ok"], None, [b""]], pa.binary()),
        ),
        "ties": batch(x=(lists(["b", "a", "c", "a", "b"]), pa.string())),
        "many strings": batch(x=(lists([f"v{i:04}" for i in range(900)] + ["v0001"] * 100), pa.string())),
    }
    # Beyond TFDV's 1,024 counts, which it lowers by one three times here; 1,000 values stay above nothing.
    once = [f"once {i}" for i in range(1025)]
    often = [f"often {i:03}" for i in range(1000) for _ in range(3 + i % 7)]
    found["too many strings"] = batch(x=(lists(once + often + [f"late {i}" for i in range(50)]), pa.string()))
    nested = pa.array([[[1, 2], [3]], [], None, [[4], None]], pa.list_(pa.list_(pa.int64())))
    found["nested lists"] = pa.RecordBatch.from_arrays([nested], ["x"])
    members = pa.struct([("a", pa.list_(pa.int64())), ("b", pa.list_(pa.string()))])
    structs = pa.array(
        [[{"a": [1], "b": ["x"]}, {"a": [2, 3], "b": None}], [], None, [{"a": None, "b": ["y"]}]], pa.list_(members)
    )
    found["structs"] = pa.RecordBatch.from_arrays([structs], ["s"])
    weighted = batch(
        i=(lists(ints[:200]), pa.int64()),
        s=(lists(words[:200]), pa.string()),
        m=(lists(missing[:200]), pa.int64()),
        w=(lists((rng.random(200) * 3).tolist()), pa.float64()),
    )
    plain: dict[str, tuple[pa.RecordBatch, str | None]] = {name: (rows, None) for name, rows in found.items()}
    return plain | {"weights": (weighted, "w")} | {name: (rows, "w") for name, rows in weighted_cases().items()}


def weighted_cases() -> dict[str, pa.RecordBatch]:
    """Batches whose column `w` holds the weights: of any type, from far below 1 to far above, and zeros."""
    rng = np.random.default_rng(23)
    n = 3000
    gamma = (lists(rng.gamma(0.5, 2.0, n).tolist()), pa.float64())
    whole = (lists(rng.integers(0, 9, n).tolist()), pa.int64())
    words = [f"w{int(value**3 * 800)}" for value in rng.random(n).tolist()]
    special = rng.choice([math.nan, math.inf, -math.inf, 0.0, -0.0, 1.5, -7.25], 300).tolist()
    lengths = rng.integers(0, 4, n).tolist()
    ragged = [None if length == 3 else rng.integers(0, 50, length).tolist() for length in lengths]
    texts = [
        None if length == 3 else [f"t{item}" for item in row or []] for length, row in zip(lengths, ragged, strict=True)
    ]
    members = pa.struct([("a", pa.list_(pa.int64())), ("b", pa.list_(pa.string()))])
    structs = [
        None if row is None else [{"a": [item], "b": [f"b{item % 7}"] if item % 3 else None} for item in row]
        for row in ragged[:400]
    ]
    return {
        "weighted numbers": batch(
            normal=(lists(rng.normal(5, 3, n).tolist()), pa.float64()),
            skewed=(lists(np.exp(rng.normal(0, 4, n)).tolist()), pa.float64()),
            few=(lists(rng.poisson(2.0, n).tolist()), pa.int64()),
            many=(lists([None if v < 5 else v for v in rng.integers(0, 10**6, n).tolist()]), pa.int64()),
            w=gamma,
        ),
        "weighted beyond exact": batch(
            x=(lists(rng.normal(5, 3, 20_000).tolist()), pa.float64()),
            w=(lists(rng.gamma(0.5, 2.0, 20_000).tolist()), pa.float64()),
        ),
        "weighted by integers": batch(
            x=(lists(rng.normal(0, 1, n).tolist()), pa.float64()), s=(lists(words), pa.string()), w=whole
        ),
        "weighted special floats": batch(x=(lists(special), pa.float64()), w=(gamma[0][:300], pa.float32())),
        "weighted lists": batch(x=(ragged, pa.int64()), s=(texts, pa.string()), w=gamma),
        "weighted structs": batch(s=(structs, members), w=(gamma[0][:400], pa.float64())),
        "weighted strings": batch(s=(lists(words), pa.string()), w=gamma),
        "weighted light strings": batch(
            s=(lists(words[:400]), pa.string()), w=(lists((rng.random(400) / 50).tolist()), pa.float64())
        ),
        "weighted too many strings": batch(
            s=(lists([f"w{int(value**2 * 4000)}" for value in rng.random(20_000).tolist()]), pa.string()),
            w=(lists((rng.integers(1, 40, 20_000) / 8).tolist()), pa.float64()),
        ),
        "weighted bytes": batch(
            x=([[b"\xff\xfe"], [b"ok"], [b"ok"], None, [b""], [b"\xff"], [b"\xff\xfe"]], pa.binary()),
            w=(lists([1.0, 2.5, 2.5, 4.0, 0.0, 4.0, 8.0]), pa.float64()),
        ),
        "weighted one heavy": batch(
            x=(lists([1.0, 2.0, 3.0, 4.0]), pa.float64()),
            s=(lists(["a", "b", "a", "c"]), pa.string()),
            w=(lists([1e12, 1.0, 0.5, 1e-6]), pa.float64()),
        ),
    }


def batch(**columns: tuple[list[Any], pa.DataType]) -> pa.RecordBatch:
    """One batch of lists."""
    arrays = [pa.array(values, pa.list_(kind)) for values, kind in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def weighted_texts() -> dict[str, tuple[list[str], list[float]]]:
    """Texts and weights, more than the 1,024 values that TFDV's sketch keeps. The weights are exact in 32 bits."""
    rng = np.random.default_rng(5)
    skewed = [f"w{int(value**3 * 3000)}" for value in rng.random(20_000).tolist()]
    once = [f"once {i}" for i in range(1500)]
    often = [f"often {i % 40}" for i in range(4000)]
    return {
        "skewed": (skewed, (rng.integers(1, 40, len(skewed)) / 8).tolist()),
        "few heavy ones": (often[:2000] + once + often[2000:], [2.5] * 2000 + [0.25] * 1500 + [2.5] * 2000),
        "all equal": (once, [1.0] * 1500),
    }
