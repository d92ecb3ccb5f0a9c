"""The figures of the four-fifths rule, as ``regimes/four-fifths.json`` holds them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...audit.result import Part


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
