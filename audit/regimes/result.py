"""The typed figures of regimes, as ``regimes/NAME.json`` holds them: what their pages may show."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ..result import VERSIONS, Part

REGIME_SCHEMA_VERSION = "1.0"


class GroupRate(Part):
    """Selections in one group."""

    value: str = Field(description="The group: a value of the sensitive feature.")
    n: int = Field(description="People in the group.")
    selected: int
    rate: float | None = Field(description="selected / n; null for an empty group.")
    share: float = Field(description="Of all people whose group is known.")


class Swap(Part):
    """What other selections would have made of a group's ratio."""

    rate: float
    highest: float = Field(
        description="Rate of the benchmark (the highest; the lowest of a burden), after the same selections."
    )
    ratio: float | None
    below: bool | None = Field(description="Whether that ratio is below four fifths.")
    reversed: bool = Field(description="Whether the group is then the better off of the two.")


class AgainstHighest(GroupRate):
    """A group compared with the benchmark: the highest selection rate, or the lowest of a burden."""

    under_two_percent: bool = Field(description="Fewer than 2 % of the people whose group is known.")
    small: bool = Field(
        False, description="Fewer than 2 % of the people whose group is known, or than slices.min_size."
    )
    left_out: bool = Field(
        False, description="Shown, but compared with no other group: as was asked for, or as it is small."
    )
    ratio: float | None = Field(
        None,
        description="Rate / the highest rate; of a burden the lowest rate / the group's. Null where the "
        "denominator is 0.",
    )
    below: bool | None = Field(None, description="Ratio < 4/5, compared in whole numbers.")
    p: float | None = Field(
        None, description="In earlier files alone: Fisher exact, two-sided, not adjusted for the choice."
    )
    p_adjusted: float | None = Field(
        None,
        description="Fisher exact, one-sided, against the benchmark, times the ordered pairs of the groups "
        "compared, k (k - 1), at most 1: adjusted for the benchmark being picked for its rate.",
    )
    standard_deviations: float | None = Field(
        None, description="Pooled two-proportion z: (rate - the benchmark's rate) / its standard error."
    )
    shortfall: float | None = Field(
        None,
        description="Selections missing to the rate that both groups have together; below 0: more.",
    )
    to_four_fifths: int | None = Field(
        None,
        description="Fewest further selections in the group (of a burden: fewest that are taken back) at "
        "which the ratio is 4/5 or more.",
    )
    one_instead: Swap | None = Field(
        None,
        description="One person of this group selected in place of one of the benchmark; of a burden the "
        "reverse.",
    )
    two_more: Swap | None = Field(
        None, description="Two more people of this group selected; of a burden two fewer."
    )


class FourFifthsTable(Part):
    """The groups of a feature against one benchmark."""

    highest: str | None = Field(description="The group with the highest selection rate of those compared.")
    benchmark: str | None = Field(
        None, description="The group that others are compared with: the highest; of a burden the lowest."
    )
    compared: int = Field(0, description="Groups compared, the benchmark among them.")
    rate: float | None = Field(None, description="Selection rate of the groups compared, taken together.")
    chance_below: float | None = Field(
        None,
        description="Chance that some ratio is below 4/5 where every group compared is selected at that "
        "common rate.",
    )
    deviations: float | None = Field(
        None,
        description="Standard deviations from which a group differs from a benchmark picked among as many "
        "groups by more than chance, at the run's confidence.",
    )
    groups: list[AgainstHighest]


class FourFifthsFeature(FourFifthsTable):
    """One sensitive feature under the four-fifths rule.

    Small groups are compared with no other where two or more larger ones are; ``with_small`` has them.
    """

    feature: str
    n: int = Field(description="People whose group is known.")
    selected: int
    unknown: int = Field(description="People whose group is not known; they are in no figure.")
    small_left_out: bool = Field(False, description="Whether small groups are left out of these figures.")
    with_small: FourFifthsTable | None = Field(
        None, description="The same with small groups; null where none is left out as small."
    )


class FourFifths(Part):
    """Figures of 29 CFR 1607.4(D)."""

    regime: Literal["four-fifths"] = "four-fifths"
    weighted: bool = Field(description="The rows have weights; these figures count rows without them.")
    positive_is: Literal["benefit", "burden"] | None = Field(
        None, description="What a selection is to the person, as the run's data say."
    )
    min_size: int | None = Field(None, description="Groups of fewer people are small.")
    features: list[FourFifthsFeature]


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


RegimeFigures = Annotated[Credit | FourFifths | NycLL144, Field(discriminator="regime")]


class RegimeResult(Part):
    """A regime as it was applied to a run."""

    schema_version: str = Field(REGIME_SCHEMA_VERSION, pattern=VERSIONS)
    regime: str
    title: str
    source: str = Field(description="Citation of the rule.")
    variant: str = Field(description="The variant that the figures are of.")
    inputs: dict[str, Any] = Field(description="What was given, defaults filled in.")
    figures: RegimeFigures | None = Field(
        None, description="Null where the page takes every figure from audit.json."
    )
