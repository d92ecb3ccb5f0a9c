"""The fairness part of a technical documentation under Annex IV of the EU's Artificial Intelligence Act."""

from __future__ import annotations

import datetime

from pydantic import Field, model_validator

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
    general_purpose: bool = Field(
        False,
        strict=True,
        description="Whether the model is a general-purpose one (Article 3(63)): the page then has the parts "
        "of Articles 53 and 55 and of Annexes XI and XII too.",
    )
    systemic_risk: bool | None = Field(
        None,
        strict=True,
        description="Whether that model has systemic risk (Article 51), as you or the Commission found.",
    )
    training_compute: float | None = Field(
        None,
        strict=True,
        gt=0,
        lt=1e40,
        description="Floating point operations of all its training, such as 4.2e23 (Annex XI, section 1, "
        "2(d)).",
    )
    placed_on_market: datetime.date | None = Field(
        None, description="When it was placed on the Union market, YYYY-MM-DD (Article 111(3))."
    )
    open_licence: bool | None = Field(
        None,
        strict=True,
        description="Whether it is released under a free and open-source licence with its weights, "
        "architecture and use made public (Article 53(2)).",
    )
    base_model: str | None = Field(
        None, min_length=1, description="The model that it was made from, and what was changed in it."
    )
    model_tasks: str | None = Field(
        None,
        min_length=1,
        description="Its tasks and the systems that it can be part of (Annex XI, section 1, 1(a)).",
    )
    acceptable_use: str | None = Field(
        None, min_length=1, description="Its acceptable use policies (Annex XI, section 1, 1(b))."
    )
    architecture: str | None = Field(
        None,
        min_length=1,
        description="Its architecture and number of parameters (Annex XI, section 1, 1(d)).",
    )
    modality: str | None = Field(
        None,
        min_length=1,
        description="Modality, format and longest input and output (Annex XI, section 1, 1(e); Annex XII, "
        "2(b)).",
    )
    model_licence: str | None = Field(
        None, min_length=1, description="Its licence (Annex XI, section 1, 1(f))."
    )
    adversarial_testing: str | None = Field(
        None,
        min_length=1,
        description="Adversarial testing that was done elsewhere (Article 55(1)(a); Annex XI, section 2, 2).",
    )

    @model_validator(mode="after")
    def _of_a_general_purpose_model(self) -> EuAiActInputs:
        """What is said of a general-purpose model is said of one."""
        if not self.general_purpose:
            given = [name for name in OF_GENERAL_PURPOSE if getattr(self, name) is not None]
            if given:
                raise ValueError(f"{given[0]} is of general-purpose models: expected general_purpose: true")
        return self


OF_GENERAL_PURPOSE = (
    "systemic_risk", "training_compute", "placed_on_market", "open_licence", "base_model", "model_tasks",
    "acceptable_use", "architecture", "modality", "model_licence", "adversarial_testing",
)  # fmt: skip
"""Inputs that say something of such a model alone."""
