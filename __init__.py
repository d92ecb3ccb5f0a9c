"""fairweigh: weigh a model for fairness before it is released, and again after it has lost weight."""

from __future__ import annotations

from ._version import __version__

__all__ = ["__version__"]
