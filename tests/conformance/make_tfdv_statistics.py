"""Let TensorFlow Data Validation 1.16.1 make the statistics of tfdv_statistics_cases.py, and keep them.

Runs in an environment of its own (Python 3.11, 2.6 GB), from the root of the repository:

    uv venv oracle --python 3.11
    uv pip install --python oracle tensorflow-data-validation==1.16.1 dill 'setuptools<80'
    oracle/bin/python tests/conformance/make_tfdv_statistics.py
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

GOLDEN = Path(__file__).parent / "tfdv"


def main() -> None:
    """Write one binary proto a case."""
    sys.path.insert(0, str(Path(__file__).parent))
    cases = import_module("tfdv_statistics_cases").cases
    tfdv = import_module("tensorflow_data_validation")
    stats_impl = import_module("tensorflow_data_validation.statistics.stats_impl")
    GOLDEN.mkdir(exist_ok=True)
    for name, (batch, weight) in cases().items():
        options = tfdv.StatsOptions(weight_feature=weight)
        found = stats_impl.generate_statistics_in_memory(batch, options)
        path = GOLDEN / f"{name.replace(' ', '_')}.pb"
        path.write_bytes(found.SerializeToString(deterministic=True))
        print(path.name, path.stat().st_size)  # noqa: T201


if __name__ == "__main__":
    main()
