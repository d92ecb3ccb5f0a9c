"""The figures of a credit model, as ``regimes/credit.json`` holds them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...audit.result import Part


class CreditGroup(Part):
    """A group compared with the control group."""

    value: str = Field(description="The group: a value of the sensitive feature.")
    n: int = Field(description="Applicants in the group.")
    approved: int = Field(description="Those with the decision that grants the credit.")
    rate: float = Field(description="approved / n.")
    share: float = Field(description="Of all applicants whose group is known.")
    reference: bool = Field(description="Whether this is the control group.")
    air: float | None = Field(None, description="Adverse impact ratio: rate / the control group's rate.")
    air_low: float | None = Field(None, description="Lower score limit of the ratio.")
    air_high: float | None = Field(None, description="Upper score limit of the ratio.")
    air_beyond: bool | None = Field(None, description="Whether the ratio is below the user's limit.")
    p: float | None = Field(
        None, description="Fisher exact, twice the smaller one-sided p, against the control group."
    )
    mean: float | None = Field(None, description="Mean score; null without scores.")
    smd: float | None = Field(
        None, description="(mean - the control group's mean) / standard deviation of all scores."
    )
    smd_low: float | None = None
    smd_high: float | None = None
    smd_beyond: bool | None = Field(
        None, description="Whether the difference is to the group's disadvantage and above the user's limit."
    )


class CreditFeature(Part):
    """One sensitive feature of a credit model."""

    feature: str
    reference: str = Field(description="The control group.")
    n: int = Field(description="Applicants whose group is known.")
    unknown: int = Field(description="Applicants whose group is not known.")
    spread: float | None = Field(description="Standard deviation of all scores; null without scores.")
    groups: list[CreditGroup]


class Credit(Part):
    """Figures of a credit model."""

    regime: Literal["credit"] = "credit"
    weighted: bool = Field(description="The rows have weights; these figures count rows without them.")
    confidence: float
    air_limit: float = Field(description="Set by the user.")
    smd_limit: float | None = Field(description="Set by the user; null without scores.")
    lower_is_worse: bool = Field(description="Whether a lower score is to an applicant's disadvantage.")
    features: list[CreditFeature]
