"""Data and schemas on which TensorFlow Data Validation itself was run; what it said is in tfdv_1.16.1.json."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Case:
    """One run: data, what they are validated against, and other data to compare with."""

    data: pl.DataFrame
    schema: str
    environment: str | None = None
    previous: pl.DataFrame | None = None
    serving: pl.DataFrame | None = None


INTS, FLOATS, STRINGS = [1, 2, 3, 14], [0.5, 1.5, 3.1], ["a", "a", "b", 'c"\n\u00e9\x01']
LISTS = [[1], [2, 3], [4, 5, 6]]
ALL_DISTANCES = (
    "infinity_norm { threshold: 0.01 } jensen_shannon_divergence { threshold: 0.01 } "
    "normalized_abs_difference { threshold: 0.01 }"
)
ENVIRONMENTS = 'default_environment: "TRAINING" default_environment: "SERVING" '
COLUMNS: dict[str, list[Any]] = {
    "ints": INTS,
    "ints with nulls": [1, None, 3],
    "constant zero": [0, 0],
    "zero and one": [0, 1, 1],
    "booleans": [True, False],
    "floats": FLOATS,
    "floats with nan": [1.0, math.nan],
    "floats with infinities": [1.0, math.inf, -math.inf],
    "strings": STRINGS,
    "strings with nulls": ["a", None],
    "integers as strings": ["1", "-2", " 3", "+4"],
    "too great integers as strings": ["1", "9223372036854775808"],
    "floats as strings": ["1.5", "nan", "2"],
    "true and false": ["true", "false"],
    "one and zero as strings": ["1", "0"],
    "SET": ["SET", "SET"],
    "two words for false": ["0", "CLEAR"],
    "empty string": ["", "", "x"],
    "binary": [b"a", b"b"],
    "lists": LISTS,
    "lists of two": [[1, 2], [3, 4]],
    "lists and an empty one": [[], [1]],
    "lists and null": [[1, 2], None],
    "a hundred strings": [f"v{i:03}" for i in range(100)],
    "a hundred and one strings": [f"v{i:03}" for i in range(101)],
}
"""Columns to infer a schema from."""

FEATURES: dict[str, tuple[list[Any], str]] = {
    "int for float": (INTS, "type: FLOAT"),
    "string for int": (STRINGS, "type: INT"),
    "string for int with a range": (STRINGS, "type: INT int_domain { min: 2 }"),
    "no type": (INTS, ""),
    "no type but strings": (STRINGS, 'string_domain { value: "a" }'),
    "int range": (INTS, "type: INT int_domain { min: 2 max: 7 }"),
    "int range kept": (INTS, "type: INT int_domain { min: 1 max: 14 }"),
    "great int": ([12345678], "type: INT int_domain { max: 3 }"),
    "float range": ([1.23456789, 1234567.25], "type: FLOAT float_domain { min: 2 max: 2.5 }"),
    "float range in 32 bits": ([0.1, 1.0000000001], "type: FLOAT float_domain { min: 0.1 max: 1 }"),
    "nan and infinities": (
        [1.0, math.nan, math.inf],
        "type: FLOAT float_domain { min: 2 disallow_nan: true disallow_inf: true }",
    ),
    "strings as ints": (["1", "5", "x"], "type: BYTES int_domain { min: 3 }"),
    "strings as ints out of range": (["1", "5"], "type: BYTES int_domain { min: 3 max: 4 }"),
    "strings as floats": (["1.5", "x"], "type: BYTES float_domain { min: 2 }"),
    "strings as floats out of range": (["1.5", "4", "inf"], "type: BYTES float_domain { min: 2 disallow_inf: true }"),
    "string domain": (STRINGS, 'type: BYTES string_domain { value: "a" }'),
    "string domain of small shares": (["a"] * 150 + ["b"], 'type: BYTES string_domain { value: "a" }'),
    "string domain rounded down": (["a"] * 71 + ["b"] * 29, 'type: BYTES string_domain { value: "a" }'),
    "string domain with mass": (
        ["a", "b"],
        'type: BYTES string_domain { value: "a" } distribution_constraints { min_domain_mass: 0.5 }',
    ),
    "string domain below its mass": (
        ["a", "b"],
        'type: BYTES string_domain { value: "a" } distribution_constraints { min_domain_mass: 0.6 }',
    ),
    "lost domain": (STRINGS, 'type: BYTES domain: "lost"'),
    "bool": ([0, 1], "type: INT bool_domain { }"),
    "too great for bool": ([0, 2], "type: INT bool_domain { }"),
    "too small for bool": ([-1, 2], "type: INT bool_domain { }"),
    "float for bool": ([0.0, 0.5], "type: FLOAT bool_domain { }"),
    "nan for bool": ([0.0, 1.0, math.nan], "type: FLOAT bool_domain { }"),
    "string for bool": (["T", "x"], 'type: BYTES bool_domain { true_value: "T" false_value: "F" }'),
    "string for bool with one word": (["T", "x"], 'type: BYTES bool_domain { true_value: "T" }'),
    "min count": (INTS, "type: INT presence { min_count: 9 }"),
    "min fraction": ([1, 2, None], "type: INT presence { min_fraction: 0.95 }"),
    "min fraction and count": ([1, 2, None], "type: INT presence { min_fraction: 1 min_count: 5 }"),
    "present nowhere": ([None, None], "type: INT presence { min_count: 1 } shape { dim { size: 1 } }"),
    "present nowhere but optional": ([None, None], "type: INT presence { min_count: 0 }"),
    "too few values": (LISTS, "type: INT value_count { min: 2 max: 3 }"),
    "too many values": (LISTS, "type: INT value_count { min: 1 max: 2 }"),
    "shape with nulls": ([1, None], "type: INT shape { dim { size: 1 } }"),
    "shape of varying lists": (LISTS, "type: INT shape { dim { size: 1 } }"),
    "shape of another size": (INTS, "type: INT shape { dim { size: 2 } }"),
    "shape and presence": ([1, None], "type: INT presence { min_fraction: 1 } shape { dim { size: 1 } }"),
    "too few distinct": (["a"], "type: BYTES unique_constraints { min: 2 max: 3 }"),
    "too many distinct": (["a", "b", "c", "d"], "type: BYTES unique_constraints { min: 2 max: 3 }"),
    "most distinct unset": (["a", "b"], "type: BYTES unique_constraints { min: 1 }"),
    "distinct of numbers": (INTS, "type: INT unique_constraints { min: 1 max: 3 }"),
    "binary with a domain": ([b"a"], "type: BYTES bool_domain { }"),
    "wrong domain": (INTS, "type: INT float_domain { min: 2 }"),
    "wrong fraction": ([1, None], "type: INT presence { min_fraction: 1.5 }"),
    "negative fraction": ([1, None], "type: INT presence { min_fraction: -1 }"),
    "wrong value count": (INTS, "type: INT value_count { min: 3 max: 1 }"),
    "wrong shape": (INTS, "type: INT shape { dim { size: -1 } }"),
    "wrong constraints": (INTS, "type: INT int_domain { } distribution_constraints { min_domain_mass: 0.5 }"),
    "deprecated": (STRINGS, "type: INT lifecycle_stage: DEPRECATED"),
    "alpha": (STRINGS, "type: INT lifecycle_stage: ALPHA"),
    "beta": (STRINGS, "type: INT lifecycle_stage: BETA"),
}
"""Values of a column "x" and what its feature says."""

DATASETS: dict[str, tuple[str, int]] = {
    "few rows": ("min_examples_count: 20", 10),
    "many rows": ("min_examples_count: 1 max_examples_count: 5", 10),
    "most rows alone": ("max_examples_count: 5", 10),
    "more than before": ("num_examples_drift_comparator { max_fraction_threshold: 1.1 }", 5),
    "fewer than before": ("num_examples_drift_comparator { min_fraction_threshold: 0.9 }", 20),
    "none before": ("num_examples_drift_comparator { max_fraction_threshold: 1.1 }", 0),
}
"""Constraints of the dataset, and the rows of the previous one; the data have ten."""

COMPARISONS: dict[str, tuple[list[Any], list[Any]]] = {
    "labels": (["a"] * 50 + ["b"] * 40 + ["c"] * 10, ["a"] * 20 + ["b"] * 70 + ["d"] * 10),
    "equal labels": (["a", "b"], ["b", "a"]),
    "other labels": (["a"], ["b"]),
    "numbers": ([float(i % 7) for i in range(50)], [float(i % 11) * 1.5 for i in range(60)]),
    "equal numbers": ([1.0, 2.0, 5.0], [1.0, 2.0, 5.0]),
    "constant numbers": ([1.0], [1.0, 2.0]),
}
"""Current and previous (and serving) values of a column "x"."""


def frame(values: list[Any]) -> pl.DataFrame:
    """A frame of one column "x"; without any value it is one of integers."""
    dtype = pl.Int64 if all(value is None for value in values) else None
    return pl.DataFrame({"x": pl.Series(values, dtype=dtype)})


def cases() -> dict[str, Case]:
    """Every case by name."""
    found = {f"infer: {name}": Case(frame(values), "") for name, values in COLUMNS.items()}
    for name, (values, text) in FEATURES.items():
        found[f"feature: {name}"] = Case(frame(values), f'feature {{ name: "x" {text} }}')
    for name, (text, n_previous) in DATASETS.items():
        schema = f'dataset_constraints {{ {text} }} feature {{ name: "x" type: INT }}'
        previous = pl.DataFrame({"x": pl.Series(range(n_previous), dtype=pl.Int64)})
        found[f"dataset: {name}"] = Case(frame(list(range(10))), schema, previous=previous)
    for name, (values, other) in COMPARISONS.items():
        kind = "BYTES" if isinstance(values[0], str) else "FLOAT"
        both = f"drift_comparator {{ {ALL_DISTANCES} }} skew_comparator {{ {ALL_DISTANCES} }}"
        schema = f'feature {{ name: "x" type: {kind} {both} }}'
        found[f"compare: {name}"] = Case(frame(values), schema, previous=frame(other), serving=frame(other))
        found[f"compare: {name} with nothing"] = Case(frame(values), schema, previous=pl.DataFrame({"y": [1]}))
    return found | environment_cases()


def environment_cases() -> dict[str, Case]:
    """A label, present and missing, in and out of its environments; and names that need quotes."""
    label = ENVIRONMENTS + (
        'feature { name: "y" type: INT not_in_environment: "SERVING" presence { min_count: 1 } int_domain { min: 1 } }'
        'feature { name: "x" type: INT }'
    )
    without, with_label = pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [1], "y": [0]})
    found = {}
    for environment in (None, "TRAINING", "SERVING"):
        found[f"environment: {environment} without label"] = Case(without, label, environment)
        found[f"environment: {environment} with label"] = Case(with_label, label, environment)
    own = label.replace("not_in_environment", 'in_environment: "SERVING" not_in_environment')
    found["environment: own one wins"] = Case(without, own, "SERVING")
    nulls = pl.DataFrame({"x": [1], "y": pl.Series([None], dtype=pl.Int64)})
    found["environment: label of nulls"] = Case(nulls, label, "SERVING")
    for name in ("a.b", "it's", "a(b)", "a b", "\u00e9"):
        found[f"name: {name}"] = Case(pl.DataFrame({name: [1]}), "")
    shared = (
        'feature { name: "s" type: BYTES domain: "d" } feature { name: "t" type: BYTES domain: "d" }'
        'string_domain { name: "d" value: "a" }'
    )
    found["shared domain"] = Case(pl.DataFrame({"s": ["a", "c"], "t": ["b", "a"]}), shared)
    taken = 'feature { name: "q" type: BYTES domain: "x" } string_domain { name: "x" value: "a" }'
    found["taken domain"] = Case(frame(["u", "v"]), taken)
    return found
