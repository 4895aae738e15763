"""Features: who they describe, where they come from, and training sets of what was known at the time of each row."""

from __future__ import annotations

from lakebed.features.entity import Entity
from lakebed.features.historical import TrainingSet, historical
from lakebed.features.registry import definitions, entities, find_view, views
from lakebed.features.view import FeatureView

__all__ = ["Entity", "FeatureView", "TrainingSet", "definitions", "entities", "find_view", "historical", "views"]
