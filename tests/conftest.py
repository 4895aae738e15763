"""How much the laws are tried: few examples each time, the same ones in CI, many for `make soak`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The shared machine of a CI run may pause at any time, so no example has a deadline.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile(
    "soak", settings.get_profile("default"), max_examples=int(os.environ.get("SOAK_CASES", "20000"))
)
settings.load_profile("ci" if os.environ.get("CI") else "default")
