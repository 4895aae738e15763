"""Let the sketch by which TensorFlow Data Validation 1.16.1 counts text weigh more values than it keeps.

TFDV counts with `MisraGriesSketch` of tfx-bsl 1.16.1, which needs neither TensorFlow nor Beam. From the root:

    python3.11 -m venv oracle
    oracle/bin/pip install --no-deps tfx-bsl==1.16.1 pyarrow==10.0.1 'numpy<2'
    oracle/bin/python tests/conformance/make_tfdv_weighted_counts.py
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pyarrow as pa

HERE = Path(__file__).parent
GOLDEN = HERE / "tfdv" / "weighted_counts.json"
BUCKETS = 1024


def main() -> None:
    """Write what the sketch has of each case: values and weights, the heaviest first, those of one weight by value."""
    sys.path.insert(0, str(HERE))
    cases = import_module("tfdv_statistics_cases").weighted_texts()
    # Without the package's own imports, which want all of TensorFlow.
    package = ModuleType("tfx_bsl")
    spec = find_spec("tfx_bsl")
    package.__path__ = list(spec.submodule_search_locations or []) if spec else []
    sys.modules["tfx_bsl"] = package
    sketches = import_module("tfx_bsl.cc.tfx_bsl_extension").sketches
    found = {}
    for name, (texts, weights) in cases.items():
        sketch = sketches.MisraGriesSketch(BUCKETS)
        sketch.AddValues(pa.array(texts), pa.array(weights, pa.float32()))
        pairs = [(row["values"].decode(), row["counts"]) for row in sketch.Estimate().to_pylist()]
        found[name] = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    GOLDEN.write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
