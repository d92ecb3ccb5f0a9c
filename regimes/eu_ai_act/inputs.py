"""The fairness part of a technical documentation under Annex IV of the EU's Artificial Intelligence Act."""

from __future__ import annotations

from pydantic import Field

from ...audit.regimes.base import Inputs


class EuAiActInputs(Inputs):
    """Inputs of the technical documentation: what the provider knows and the data do not."""

    provider: str = Field(min_length=1, description="Name of the provider of the system.")
    system: str = Field(
        min_length=1, description="Name of the system, and how it relates to earlier versions."
    )
    system_version: str = Field(min_length=1, description="Version of the system that was audited.")
    intended_purpose: str = Field(min_length=1, description="Its intended purpose.")
    classification: str = Field(
        min_length=1, description="Why it is high-risk, such as 'Annex III, point 5(b)', or that it is not."
    )
    data_provenance: str = Field(
        min_length=1,
        description="How the evaluation data, and the training data where there are some, came to be, were "
        "selected, labelled and cleaned (Annex IV, 2(d)).",
    )
    metrics_appropriateness: str = Field(
        min_length=1, description="Why these metrics and limits suit this system (Annex IV, 4)."
    )
    responsible: str = Field(
        min_length=1, description="Who is responsible for the test and signs its report (Annex IV, 2(g))."
    )
    bias_examination: str | None = Field(
        None, description="Biases that were looked for, and why these (Article 10(2)(f))."
    )
    bias_measures: str | None = Field(
        None, description="Measures to detect, prevent and mitigate them (Article 10(2)(g))."
    )
    data_gaps: str | None = Field(
        None,
        description="Gaps and shortcomings of the data, and how they can be addressed (Article 10(2)(h)).",
    )
    representativeness: str | None = Field(
        None, description="Why the data represent the people that the system is meant for (Article 10(3))."
    )
    risks: str | None = Field(
        None, description="Foreseeable unintended outcomes and sources of discrimination (Annex IV, 3)."
    )
    changes: str | None = Field(
        None,
        description="Changes of the system through its lifecycle beside those of this run (Annex IV, 6).",
    )
