"""The suites that a configuration may name: one entry each."""

from __future__ import annotations

from .bbq import BBQ
from .suite import Suite

SUITES: dict[str, Suite] = {suite.name: suite for suite in (BBQ,)}

__all__ = ["SUITES", "Suite"]
