"""The figures of Local Law 144, as ``regimes/nyc-ll144.json`` holds them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...audit.result import Part


class RuleCategory(Part):
    """A category of Local Law 144 in one of the rule's tables."""

    sex: str | None
    race: str | None
    n: int = Field(description="Applicants of the category.")
    reached: int = Field(description="Those selected, or with a score above the median of the sample.")
    rate: float | None = Field(description="Selection rate or scoring rate; null without applicants.")
    share: float | None = Field(description="Of the applicants in the table.")
    named: bool = Field(
        False, description="Whether it is excluded as the auditor named it, not by its share."
    )
    excluded: bool = Field(description="No impact ratio, and not the category that others are compared with.")
    impact_ratio: float | None = Field(description="Rate / the highest rate, neither rounded.")


class RuleTable(Part):
    """A table of Local Law 144."""

    name: Literal["sex", "race", "intersection"]
    n: int = Field(description="Applicants in the table.")
    unknown: int = Field(description="Individuals not included: they fall within an unknown category.")
    categories: list[RuleCategory]


class NycLL144(Part):
    """Figures of 6 RCNY 5-301."""

    regime: Literal["nyc-ll144"] = "nyc-ll144"
    rate: Literal["selection", "scoring"]
    weighted: bool = Field(description="The rows have weights; these figures count rows without them.")
    n: int = Field(description="Individuals that the tool assessed, those of unknown categories among them.")
    median: float | None = Field(description="Median score of the full sample; null for selection rates.")
    exact: bool = Field(description="False where so many scores were counted in bins.")
    tables: list[RuleTable]
