"""What was asked, and how it was decided."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .part import Part, Slice, Verdict, absent
from .text import Text

TARGET = "target-"
"""Begins the id of the gate that a target of the objective is judged as."""
RELEASE = "release"
"""Id and metric of the result that says that nothing which was asked for may be released."""
CERTIFIED = "certified"
"""Those of the result that says that the choice was not made on rows of its own, where that is required."""


class Decided(Part):
    """What decides a gate, as a whole or in one slice.

    ``low`` and ``high`` are its two decision limits in the direction that was measured. The one that a
    failure needs holds for all claims of the gate together, the one that passing needs holds for each claim
    alone: a gate passes or fails exactly where they say so.
    """

    measured: float | None = None
    low: float | None = None
    high: float | None = None
    inverse: bool = Field(
        False,
        description="The limit is on the inverse of the ratio: of two, the one that is further from equal.",
    )
    verdict: Verdict
    why: Text = ""
    p: float | None = Field(None, description="One-sided p of failing, of this claim alone.")
    p_adjusted: float | None = Field(
        None, description="min(1, claims x p): a proven gate fails where it is at most 1 - confidence."
    )
    p_pass: float | None = Field(
        None, description="p of passing: a proven gate passes where no claim's is above 1 - confidence."
    )
    rows_needed: int | None = Field(
        None,
        description="Evaluation rows of the same composition that would decide with 80 % power, were the "
        "truth as measured.",
    )
    rows_needed_halfway: int | None = Field(
        None, description="The same, were the truth half-way between what was measured and the limit."
    )
    needed_of: str | None = Field(
        None, exclude_if=absent,
        description="What rows_needed counts where it is not rows: clusters, such as templates.",
    )  # fmt: skip
    at_no_size: bool = Field(
        False,
        description="Open, and no realistic number of rows would decide: the value lies on the limit or too "
        "near it.",
    )


class GateSlice(Decided):
    """What a gate found for one slice."""

    slice: Slice
    view: str | None = Field(
        None, exclude_if=absent, description="The class or label that it is about; left out where about all."
    )
    reference: Slice | None = None
    n: int = Field(0, description="Rows in the denominator.")


class GateResult(Decided):
    """A gate's verdict and what it rests on; ``slice`` is the slice that decided."""

    id: str
    metric: str
    by: list[str] = Field(default_factory=list)
    compare: Literal["value", "difference", "ratio", "change", "cost"]
    limit: Text
    decide: Literal["proven", "point"]
    variant: str
    against: Literal["baseline"] | None = Field(
        None, description="A change is from the model of the baseline, not from this run's original."
    )
    common_rows: int | None = Field(
        None,
        description="Rows of both runs that a change is taken on, where it is not on all of either.",
    )
    binding: bool = Field(
        True, description="Enters the run's verdict: gates of the original and of the variant to be released."
    )
    confidence: float = 0.95
    slice: Slice = Field(default_factory=dict)
    view: str | None = Field(
        None, exclude_if=absent, description="The class or label that it is about; left out where about all."
    )
    reference: Slice | None = None
    claims: int = Field(1, description="Claims that the limit of failing holds for together.")
    approximate: bool = Field(
        False,
        description="The level of the limits is approximate: the figure is no rate, or weights or clusters "
        "make effective rows of the rows.",
    )
    slices: list[GateSlice] = Field(default_factory=list)
    left_out: list[Slice] = Field(default_factory=list, description="Small or unknown slices not gated.")
    left_out_sizes: list[float] = Field(
        default_factory=list, description="Effective rows in the metric's denominator of each of them."
    )
    set_by: str | None = Field(None, description="Who set the limit, in the configuration's words.")
    reason: str | None = Field(None, description="Why this metric and limit, in the configuration's words.")


class GatesTogether(Part):
    """What the proven gates of a policy risk together; each is decided at its own level."""

    proven: int = Field(description="Proven gates that bind.")
    false_fails: float = Field(
        description="Most of them that fail by chance, on average, were every true value on its limit."
    )
    confidence_for_all: float = Field(
        description="Confidence at which any of them fails by chance in at most 5 % of runs."
    )


class PolicyInfo(Part):
    """The policy that a finished run was judged by, in place of its own gates."""

    name: str | None = None
    file: str | None = Field(None, description="As it was given; null for one from Python.")
    sha256: str = Field(description="Of the file, or of the content as JSON.")
    confidence: float
    min_size: int
    gates: list[dict[str, Any]]


class BaselineInfo(Part):
    """The earlier release that change gates were judged against, and how the two were compared."""

    run: str = Field(description="Its folder, as it was given.")
    audit: str
    created: str
    variant: str = Field(description="Its model: the one that it recommended, else its original.")
    rows: int
    matched: int = Field(description="Rows of both runs with the same id, or query and item.")
    paired: bool = Field(description="Compared row by row; else as two independent samples.")
    asked: bool = Field(description="Whether some gate speaks of the change from it.")
    how: Text = Field(description="In words: how the two were compared, and why so.")
    common: int | None = Field(None, description="Rows on which changes were taken; null where unpaired.")
    differing: dict[str, int] = Field(
        default_factory=dict,
        description="Matched rows that differ and are in no change: by outcome, slice, weight or cluster.",
    )
    positive_is: Literal["benefit", "burden"] | None = Field(
        None,
        description="What a positive decision is to the person in that run; the judged run's own counts.",
    )
