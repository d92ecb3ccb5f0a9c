"""A model card in Markdown, with the metadata that the Hugging Face Hub reads."""

from __future__ import annotations

from ...audit.regimes.base import Regime
from .inputs import ModelCardInputs
from .page import TITLE, pages

REGIME = Regime(
    name="model-card",
    title="Model card with Hugging Face metadata",
    source="Mitchell et al. 2019, Model Cards for Model Reporting",
    inputs=ModelCardInputs,
    heading=TITLE,
    pages=pages,
)
