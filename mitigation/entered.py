"""The recipes that make a fairer model: whoever imports this has them in the registry."""

from __future__ import annotations

from ..compression.recipes import find as find
from . import balancing, calibration, correlation, optimizer, reductions, reweighing, thresholds

FILES = (balancing, calibration, correlation, optimizer, reductions, reweighing, thresholds)
"""Each enters its recipes when it is imported; none imports the libraries that they work with."""
