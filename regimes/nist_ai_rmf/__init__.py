"""The MEASURE function of NIST's AI Risk Management Framework, where it speaks of fairness."""

from __future__ import annotations

from ...audit.regimes.base import Regime
from .inputs import NistInputs
from .page import TITLE, pages

REGIME = Regime(
    name="nist-ai-rmf",
    title="NIST AI RMF, MEASURE 2.11, 1.1 and 2.1",
    source="NIST AI 100-1",
    inputs=NistInputs,
    heading=TITLE,
    pages=pages,
)
