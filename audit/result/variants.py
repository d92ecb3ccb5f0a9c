"""A variant with all its figures, and the choice among variants."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .cost import Cost, SelfFlips
from .figures import Counts, Disparity, Findings, Outcomes, ScoreDetail, SliceResult, UnitFigures
from .model import ModelInfo
from .part import Estimate, Part, Slice, Verdict, absent
from .recipe import Recipe, Step
from .text import Text


class Variant(Part):
    """One model as audited: the original, a compressed or a mitigated one."""

    name: str
    kind: Literal["original", "compressed", "mitigated"] = "original"
    parent: str | None = None
    recipe: Recipe | None = None
    cost: Cost | None = None
    self_flips: SelfFlips | None = None
    model: ModelInfo = Field(default_factory=ModelInfo, description="What the model is.")
    overall: dict[str, Estimate]
    overall_views: dict[str, dict[str, Estimate]] = Field(
        default_factory=dict, exclude_if=absent, description="Figures of each class or label, by its name."
    )
    overall_view_counts: dict[str, Counts] = Field(
        default_factory=dict, exclude_if=absent,
        description="Of entities: how many of each type are found, invented and missed.",
    )  # fmt: skip
    confusion: list[list[int]] = Field(
        default_factory=list, exclude_if=absent,
        description="Rows by label and decision, classes in the order of the result's.",
    )  # fmt: skip
    outcomes: Outcomes = Field(
        default_factory=dict, exclude_if=absent, description="As of a slice, of all rows."
    )
    units: list[UnitFigures] = Field(
        default_factory=list, exclude_if=absent,
        description="Figures of each cluster, where the task tells them (templates of a suite).",
    )  # fmt: skip
    counts: Counts
    slices: list[SliceResult]
    disparities: list[Disparity]
    scores: list[ScoreDetail] = Field(default_factory=list)
    findings: Findings | None = Field(None, description="Null where there is no rate to compare.")

    def seen(self, view: str | None) -> Variant:
        """The variant with the figures of one class or label alone; None: those of no single class."""
        if view is None and not self.overall_views:
            return self
        overall = self.overall if view is None else self.overall_views[view]
        slices = [
            s.model_copy(update={"metrics": s.metrics if view is None else s.views[view]})
            for s in self.slices
        ]
        found = self.findings
        if found is not None:
            found = found.model_copy(update={"found": [f for f in found.found if f.view == view]})
        return self.model_copy(
            update={
                "overall": overall, "slices": slices, "findings": found,
                "disparities": [d for d in self.disparities if d.view == view],
                "scores": [s for s in self.scores if s.view == view],
            }
        )  # fmt: skip


class Failed(Part):
    """A recipe that could not be carried out, or a given variant (without steps) that could not be scored."""

    name: str
    steps: list[Step]
    why: Text


class Gap(Part):
    """A metric of a slice against another slice's."""

    metric: str
    slice: Slice
    reference: Slice


class Standing(Part):
    """Where a variant stands on the ladder, on one split."""

    variant: str
    cost: float = Field(description="Weighted sum of compute and storage ratios; 2 for the original.")
    performance: float | None
    worst_gap: float | None = Field(
        None, description="Largest absolute gap of a fairness metric over slices."
    )
    worst_gap_what: Text = ""
    worst_gap_of: Gap | None = Field(None, exclude_if=absent, description="What is told in worst_gap_what.")
    mean_gap: float | None = None
    flip_rate: float | None = None
    verdict: Verdict = Field(description="Worst over the gates and targets of this variant.")
    misses: list[Text] = Field(default_factory=list, description="Ids of gates and targets it does not pass.")
    on_frontier: bool = False


class Frontier(Part):
    """The ladder of variants, and which is the cheapest that may be released."""

    performance: str = Field(description="Metric of performance.")
    gaps: list[str] = Field(description="Metrics whose gaps are judged.")
    weights: dict[str, float]
    targets: dict[str, str] = Field(default_factory=dict)
    recommended: str | None
    nearest: str | None = Field(None, description="When none qualifies: the variant that misses least.")
    why: Text
    selected_on: Text = Field(description="In words: the rows on which the choice was made.")
    selection_rows: int | None = Field(None, description="Null where there is no selection split.")
    certified: bool | None = Field(
        None,
        description="Whether the verdict of the chosen variant was found on rows that did not choose it; "
        "null where nothing competed.",
    )
    selection: list[Standing] = Field(default_factory=list, description="On the selection split.")
    variants: list[Standing] = Field(description="On the evaluation rows.")
