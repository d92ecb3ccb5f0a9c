"""The fairness part of a technical documentation under the EU's Artificial Intelligence Act."""

from __future__ import annotations

from ...audit.regimes.base import Regime
from .inputs import EuAiActInputs
from .page import TITLE, pages

TASKS = (
    "binary", "multiclass", "multilabel", "regression", "ranking", "ner", "choice", "pairs", "generation",
)  # fmt: skip
"""Every task: its page quotes what a run tells, and counts nothing itself."""

REGIME = Regime(
    name="eu-ai-act",
    title="EU AI Act, Annex IV: fairness part of the technical documentation",
    source="Regulation (EU) 2024/1689, Annex IV; Articles 53 and 55, Annexes XI and XII",
    inputs=EuAiActInputs,
    heading=TITLE,
    pages=pages,
    tasks=TASKS,
)
