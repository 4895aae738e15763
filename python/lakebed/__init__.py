"""Lakebed: an embedded analytical warehouse for machine-learning data."""

from __future__ import annotations
