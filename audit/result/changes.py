"""What is another before and after, on the same rows."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .part import Estimate, Part, Slice, Status, absent
from .text import Text


class Change(Part):
    """A metric of the same rows before and after; value = after - before."""

    metric: str
    view: str | None = Field(
        None, exclude_if=absent, description="The class or label that it is about; left out where about all."
    )
    slice: Slice
    n: int = Field(description="Rows in the denominator before the change.")
    before: float | None
    after: float | None
    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = Field(None, description="Two-sided; mid-p McNemar for rates, DeLong for AUC.")
    p_adjusted: float | None = Field(None, description="The same after Holm over the feature's slices.")
    confidence: float = 0.95
    method: str = ""
    status: Status = "ok"
    why: Text | None = None


class GapChange(Part):
    """Change of the gap between a slice and its reference, gap = slice - reference."""

    metric: str
    view: str | None = Field(
        None, exclude_if=absent, description="The class or label that it is about; left out where about all."
    )
    by: list[str]
    slice: Slice
    reference: Slice
    before: float | None
    after: float | None
    value: float | None = Field(None, description="after - before, signed.")
    low: float | None = None
    high: float | None = None
    worse: float | None = Field(None, description="|after| - |before|: positive when the gap has grown.")
    worse_low: float | None = None
    worse_high: float | None = None
    confidence: float = 0.95
    method: str = ""
    status: Status = "ok"
    why: Text | None = None


class Flips(Part):
    """Rows of a slice whose decision changed, and what that did."""

    slice: Slice
    n: int
    flips: int
    rate: float | None
    low: float | None = None
    high: float | None = None
    ratio: float | None = Field(None, description="Flip rate of the slice / that of all other rows.")
    ratio_low: float | None = None
    ratio_high: float | None = None
    p: float | None = Field(
        None, description="Two-sided exact p, on effective rows: flips in the slice against all other rows."
    )
    p_adjusted: float | None = Field(
        None, description="The same after Holm over all slices of all features of the comparison."
    )
    gained: int | None = Field(
        description="Not selected before, selected after; null where no outcome is the positive one."
    )
    lost: int | None = Field(description="Selected before, not selected after; null likewise.")
    matrix: list[list[int]] = Field(
        default_factory=list, exclude_if=absent,
        description="Rows by decision before and after, classes in the order of the result's.",
    )  # fmt: skip
    spoiled: int | None = Field(None, description="Right before, wrong after; null without labels.")
    mended: int | None = Field(None, description="Wrong before, right after; null without labels.")
    excess_loss: float | None = Field(
        None, description="Accuracy loss of the slice minus that of all rows; positive: it pays more."
    )
    score_shift: float | None = Field(None, description="Mean change of the score.")
    calibration_shift: float | None = Field(
        None, description="Change of (mean score - share of positives), probabilities only."
    )
    kl: float | None = Field(
        None, description="Mean Kullback-Leibler divergence of the scores, before || after, in nats."
    )
    status: Status = "ok"


class Identified(Part):
    """Compression-identified rows: those on which variants disagree with the original."""

    rows: int
    file: str = Field(description="Parquet in the run: id, variants that flip it, margin, score change.")
    composition: list[dict[str, Any]] = Field(
        default_factory=list, description="Per slice: slice, n, identified, share, ratio to the whole."
    )


def _untold(value: object) -> bool:
    return value is None


class UnitChange(Part):
    """A cluster, such as a template, that carries much of a change."""

    name: str
    metric: str
    before: float
    after: float
    value: float
    n: int | None = Field(None, exclude_if=absent, description="Its rows.")
    carried: float | None = Field(
        None, exclude_if=absent,
        description="How far the figure of all would go, were this cluster alone as it is after the change.",
    )  # fmt: skip
    into: int | None = Field(
        None, exclude_if=_untold, description="Its rows that turn into what a stereotype says."
    )
    out_of: int | None = Field(None, exclude_if=_untold, description="Its rows that turn out of it.")


class Turned(Part):
    """Rows that turn into what a stereotype says, and out of it, in contexts that do not tell the answer."""

    into: int
    out_of: int
    ids_into: list[str] = Field(description="The first 20 of them.")
    ids_out_of: list[str] = Field(description="The first 20 of them.")


class Comparison(Part):
    """A variant compared with another on the same rows."""

    before: str
    after: str
    rows: int
    paired: bool = True
    agreement: float | None = Field(None, description="Share of rows with the same decision.")
    overall: Flips | None = None
    units: list[UnitChange] = Field(
        default_factory=list, exclude_if=absent,
        description="Of a suite: the clusters that carry most of the change of the leading figure, the first "
        "one the most.",
    )  # fmt: skip
    turned: Turned | None = Field(None, exclude_if=absent, description="Of a suite.")
    flips: list[Flips] = Field(default_factory=list)
    changes: list[Change] = Field(default_factory=list)
    gap_changes: list[GapChange] = Field(default_factory=list)


class TwinRows(Part):
    """The rows in which twins were looked for: those compared, and those left out, each for one reason."""

    feature: str
    group: list[str] = Field(description="Columns in which twins are alike; a blank is a value of its own.")
    rows: int
    compared: int = Field(description="Rows in a group that holds at least two values of the feature.")
    groups: int = Field(description="Groups that hold at least two values of the feature.")
    no_group: int = Field(0, description="Rows that are blank in every column of the group.")
    no_value: int = Field(0, description="Other rows whose value of the feature is missing.")
    alone: int = Field(0, description="Other rows whose group holds one value of the feature alone.")


class Counterfactual(Part):
    """Twins: rows alike but for one sensitive feature, such as the sentences of one template."""

    variant: str
    feature: str
    one: str
    other: str
    groups: int = Field(description="Groups of twins that hold both values.")
    score_gap: Estimate = Field(description="Mean over the groups of mean score(one) - mean score(other).")
    largest_gap: float | None = None
    pairs: int
    flips: Estimate = Field(description="Share of pairs (one, other) within a group that are decided apart.")
    favour_one: int
    favour_other: int


class Difference(Part):
    """Something in which two compared runs differ; of their data the checksum, also where it is the same."""

    key: str = Field(
        description="A configuration's key, such as model.threshold, or a fact of data or model."
    )
    before: str | None = Field(description="In words; null where it is not set.")
    after: str | None
