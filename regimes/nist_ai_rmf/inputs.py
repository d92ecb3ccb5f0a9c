"""The MEASURE function of NIST's AI Risk Management Framework, where it speaks of fairness."""

from __future__ import annotations

from pydantic import Field

from ...audit.regimes.base import Inputs


class NistInputs(Inputs):
    """Inputs of the documentation under the framework."""

    context: str = Field(
        min_length=1,
        description="Use, people and risks of harmful bias, as the MAP function identified them.",
    )
    metrics_rationale: str = Field(
        min_length=1,
        description="Why these metrics were selected for the most significant risks (MEASURE 1.1).",
    )
    responsible: str = Field(min_length=1, description="Who carried out and answers for the evaluation.")
    not_measured: str | None = Field(
        None, description="Risks that will not or cannot be measured, beside those that the audit names."
    )
    consulted: str | None = Field(
        None, description="Domain experts, users and affected communities who were consulted."
    )
