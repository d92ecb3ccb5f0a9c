"""How a variant was made: its steps, layers, weights and rules."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .part import Part, Slice, absent
from .text import Text


class Layer(Part):
    """One weight tensor of a compressed model beside the original's."""

    name: Text
    type: str = Field(description="Class of the module that holds it, such as Linear.")
    shape_before: list[int]
    shape_after: list[int] = Field(description="Empty when the layer is gone.")
    sparsity: float | None = Field(None, description="Share of exact zeros after, in [0, 1].")
    sqnr_db: float | None = Field(
        None, description="Signal to quantisation noise, 10 log10(sum w^2 / sum (w - w')^2); null if equal."
    )
    encoding: Text = Field(
        "", description="How the weight is stored: float32, int8 per channel, codebook 4 bit."
    )
    stored_bytes: int | None = Field(None, description="Bytes that it takes in the artefact's file.")
    histogram_edges: list[float] = Field(default_factory=list)
    histogram_before: list[int] = Field(default_factory=list)
    histogram_after: list[int] = Field(default_factory=list)


class Step(Part):
    """One step of a recipe as it was carried out."""

    recipe: str
    params: dict[str, Any] = Field(default_factory=dict)
    room: Literal["compression", "mitigation"] = "compression"
    changed: Text = Field("", description="In words: what was changed, such as '24 Linear layers to int8'.")
    notes: list[Text] = Field(default_factory=list)


class CellWeight(Part):
    """The weight that reweighing or balancing gave the training rows of one slice, or of it and a label."""

    slice: Slice
    label: bool | str | None = Field(
        description="Whether positive, or the class; null where the weight is that of the whole slice."
    )
    n: int = Field(description="Training rows of the cell.")
    weight: float


class RuleSlice(Part):
    """How scores of one slice become decisions."""

    slice: Slice = Field(description="Empty for the rule that all slices share.")
    n: int = Field(description="Rows that the rule of this slice was fitted on.")
    positives: int | None = None
    threshold: float | None = Field(
        None, description="Scores at or above it are selected; null where the rule is not one threshold."
    )
    steps: list[tuple[float, float]] = Field(
        default_factory=list,
        description="(score from which on, probability of the positive decision), in ascending order; "
        "the first begins at -inf.",
    )
    before: float | None = Field(None, description="Selection rate on the fitted rows without the rule.")
    after: float | None = Field(None, description="Selection rate on the fitted rows with it.")
    temperature: float | None = Field(
        None, exclude_if=absent, description="What log-probabilities of several classes are divided by."
    )
    loss_before: float | None = Field(
        None, exclude_if=absent, description="Mean log loss on the fitted rows without the temperature."
    )
    loss_after: float | None = Field(
        None, exclude_if=absent, description="Mean log loss on the fitted rows with it."
    )


class TradeOff(Part):
    """One rule of a search: what it gives on the rows that rules are fitted on."""

    disparity: float
    performance: float
    chosen: bool = False


class Rule(Part):
    """A decision rule that a mitigation put behind a model's scores."""

    kind: Literal["thresholds", "randomised", "calibration"]
    features: list[str] = Field(
        description="Sensitive features that a decision needs; empty for one threshold common to all."
    )
    unseen: Literal["error", "common"] = Field(
        "error", description="What a value without a rule of its own gets: an error, or the common rule."
    )
    seed: int | None = Field(None, description="Of the draws of a randomised rule.")
    drawn_by: list[str] = Field(default_factory=list, description="Columns that decide a row's draw.")
    fitted_on: Text = Field(
        description="In words: the rows that the rule was fitted on; never those audited."
    )
    objective: Text = Field("", description="Metric that was made best.")
    constraint: Text = Field(
        "", description="What limited it, in words, such as 'selection_rate difference'."
    )
    limit: str | None = None
    performance: float | None = Field(None, description="The objective on the fitted rows.")
    disparity: float | None = Field(None, description="The constrained disparity on the fitted rows.")
    slices: list[RuleSlice] = Field(default_factory=list)
    curve: list[TradeOff] = Field(default_factory=list, description="The whole trade-off of a search.")


class Recipe(Part):
    """How a variant was made from its parent."""

    steps: list[Step]
    needs: list[str] = Field(
        default_factory=list, description="Sensitive features without which the variant cannot decide."
    )
    weights: list[CellWeight] = Field(default_factory=list, description="Of reweighing, where it was done.")
    rules: list[Rule] = Field(default_factory=list, description="Decision rules behind the scores, in order.")
    layers: list[Layer] = Field(default_factory=list)
    artefact: str | None = Field(None, description="Folder of the artefact inside the run.")
    sha256: str | None = Field(None, description="Of the artefact's weights.")
    trained_on: Text | None = Field(None, description="Rows a step was fine-tuned on, where one was.")
    reload: Text = Field("", description="What the check after loading in a fresh process found.")

    @property
    def groups(self) -> tuple[str, ...]:
        """What it is to gates: compressed, mitigated, or both."""
        rooms = {step.room for step in self.steps}
        names = {"compression": "compressed", "mitigation": "mitigated"}
        return tuple(name for room, name in names.items() if room in rooms)
