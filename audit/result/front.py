"""What a front page shows: the variant that the verdict speaks of, and where it stands by each criterion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .figures import Disparity
from .part import Part, Slice, Verdict, absent


class Tally(Part):
    """What the gates found of one variant, those for information included."""

    variant: str
    passed: int = 0
    failed: int = 0
    open: int = 0
    error: int = 0


class Criterion(Part):
    """A figure by which slices are compared."""

    metric: str
    view: str | None = Field(
        None, exclude_if=absent, description="The class or label that it is about; left out where about all."
    )


class Cell(Criterion):
    """One set of features by one criterion."""

    by: list[str]
    verdict: Verdict | None = Field(None, description="Of the gate that limits it; null without one.")
    gate: str | None = Field(None, description="Its id.")
    compare: Literal["value", "difference", "ratio"] | None = Field(None, description="What it limits.")
    operator: Literal["<=", ">="] | None = Field(None, description="The limit in parts.")
    limit: float | None = None
    slice: Slice | None = Field(
        None,
        description="The slice that decides the gate, else the one whose difference is the largest beyond "
        "chance, else the largest; null where none can be compared.",
    )
    reference: Slice | None = None
    value: float | None = Field(None, description="Its difference, slice - reference.")
    low: float | None = Field(None, description="Limits that hold for all slices together.")
    high: float | None = None
    beyond_chance: bool = Field(False, description="Whether these limits leave out 0.")
    differences: list[Disparity] = Field(
        default_factory=list, exclude_if=absent,
        description="Of all slices from the reference of the gate, where it is not that of the disparities; "
        "with the limits by which it judged them, where they leave out 0. Left out elsewhere.",
    )  # fmt: skip


class Loss(Part):
    """A slice in which more rows lose a positive decision, or gain a burden, than the other way."""

    slice: Slice
    n: int
    lost: int = Field(description="Rows that are worse off by the change of variant.")
    gained: int = Field(description="Rows that are better off.")
    p: float = Field(description="One-sided exact sign test of as many on either side.")
    p_adjusted: float = Field(description="The same after Holm over the slices of single features.")


class Front(Part):
    """What is seen first."""

    verdict_of: str = Field(
        description="The variant that the verdict speaks of: the lighter one that would be released, or that "
        "misses least where its gates bind and none qualifies; else the original, since what is mitigated "
        "is a proposal."
    )
    beside: str | None = Field(
        None, description="The variant that stands beside it: the original, or what is proposed instead."
    )
    without_sensitive: str | None = Field(
        None, description="The cheapest variant that passes and needs no sensitive feature to decide."
    )
    leading: str | None = Field(
        None, description="Id of the gate that matters most: fails, is open, or is nearest to its limit."
    )
    tallies: list[Tally] = Field(default_factory=list)
    criteria: list[Criterion] = Field(
        default_factory=list, description="Those that gates limit, then the task's key figures."
    )
    cells: list[Cell] = Field(default_factory=list)
    losses: list[Loss] = Field(
        default_factory=list,
        description="Slices of single features that lose on balance by what would be released or is "
        "proposed, most certain first; none for weighted or clustered rows, where no exact test is made.",
    )
    levels_down: bool = Field(
        False, description="Whether what changes decisions only takes: nobody gains by it."
    )
