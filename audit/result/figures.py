"""Figures of slices, what differs between them, and which differences stand out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .part import Estimate, Part, Slice, Status, absent
from .text import Text


class Counts(Part):
    """Row counts of a slice; null where labels or decisions are missing."""

    tp: int | None = None
    fp: int | None = None
    fn: int | None = None
    tn: int | None = None
    selected: int | None = Field(None, description="Rows with a positive decision.")
    positives: int | None = Field(None, description="Rows with the positive label.")


class Exposure(Part):
    """What the items of a slice have of the exposure among the first ranks."""

    ranks: list[int]
    share: list[float] = Field(description="Of the exposure of all items up to each of the ranks.")
    items: float = Field(description="Share of all rows.")
    relevance: float | None = Field(None, description="Share of all relevance.")


Outcomes = dict[str, dict[str, int]]
"""Rows by what was asked of them and by what was answered."""


class UnitFigures(Part):
    """Figures of one cluster, such as a template, by itself: what lies behind the figure of all."""

    name: str
    n: int = Field(description="Its rows.")
    metrics: dict[str, float | None]


class SliceResult(Part):
    """All figures of one slice."""

    slice: Slice
    n: int = Field(description="Rows in the slice.")
    weight: float | None = Field(None, description="Sum of the rows' weights, for weighted data.")
    status: Status = "ok"
    unknown: bool = Field(False, description="A sensitive value is missing: outside gates unless named.")
    counts: Counts
    metrics: dict[str, Estimate]
    views: dict[str, dict[str, Estimate]] = Field(
        default_factory=dict, exclude_if=absent, description="Figures of each class or label, by its name."
    )
    view_counts: dict[str, Counts] = Field(
        default_factory=dict, exclude_if=absent,
        description="Of entities: how many of each type are found, invented and missed.",
    )  # fmt: skip
    confusion: list[list[int]] = Field(
        default_factory=list, exclude_if=absent,
        description="Rows by label and decision, classes in the order of the result's.",
    )  # fmt: skip
    outcomes: Outcomes = Field(
        default_factory=dict, exclude_if=absent,
        description="Of a suite: rows by what was asked (the context's condition) and what was answered.",
    )  # fmt: skip
    exposure: Exposure | None = Field(
        None, exclude_if=absent, description="Of a ranking, and of features that items have."
    )


class Disparity(Part):
    """One metric compared between slices.

    ``scope`` is ``reference`` for one slice against the reference slice (difference = slice -
    reference, ratio = slice / reference), ``between`` for the extremes over all slices of a feature
    (difference = highest - lowest in ``slice`` and ``reference``, ratio = lowest / highest), and
    ``index`` for a single number over all slices (variance, differential fairness, entropy).
    """

    name: str = Field(description="Such as demographic_parity_difference, or METRIC_difference.")
    metric: str
    view: str | None = Field(
        None, exclude_if=absent, description="The class or label that it is about; left out where about all."
    )
    by: list[str] = Field(description="The sensitive features whose slices are compared.")
    compare: Literal["difference", "ratio", "index"]
    scope: Literal["reference", "between", "index"]
    slice: Slice | None = None
    reference: Slice | None = None
    value: float | None
    low: float | None = None
    high: float | None = None
    simultaneous_low: float | None = Field(None, description="Limits that hold for all slices together.")
    simultaneous_high: float | None = None
    p: float | None = Field(
        None,
        description="Two-sided exact p of no difference. Against a reference picked for its value it is "
        "adjusted for that choice, as the limits beside it are.",
    )
    p_adjusted: float | None = Field(
        None,
        description="The same after Benjamini-Hochberg over the variant's whole family of differences "
        "(see findings), or adjusted for the choice of a picked reference.",
    )
    confidence: float = 0.95
    method: str = ""
    status: Status = "ok"
    why: Text | None = None
    excluded: list[Slice] = Field(default_factory=list, description="Slices left out: undefined or unknown.")

    @property
    def together(self) -> tuple[float | None, float | None]:
        """The limits that hold for all slices together, where there are such, else its own."""
        low, high = self.simultaneous_low, self.simultaneous_high
        return (self.low if low is None else low), (self.high if high is None else high)


class CalibrationBin(Part):
    """Rows whose score lies in [low, high)."""

    low: float
    high: float
    n: int
    mean_score: float
    rate: float = Field(description="Observed share of positives.")
    rate_low: float
    rate_high: float


class Quantile(Estimate):
    """The smallest value up to which a share of a slice's rows lies, by weight where they have any."""

    share: float = Field(description="In (0, 1); 0.5 is the median.")


class ScoreDetail(Part):
    """Score figures of one slice that are curves rather than numbers."""

    slice: Slice
    view: str | None = Field(
        None, exclude_if=absent, description="The class or label that it is about; left out where about all."
    )
    n: int
    mean: float | None
    sd: float | None
    smd: Estimate | None = Field(
        None, description="Standardised mean difference to the reference slice (slice - reference)."
    )
    histogram_edges: list[float] = Field(default_factory=list)
    histogram_counts: list[int] = Field(default_factory=list)
    quantiles: list[Quantile] = Field(
        default_factory=list, exclude_if=absent,
        description="Of predicted numbers: quantiles of the error (prediction - outcome), ascending.",
    )  # fmt: skip
    calibration: list[CalibrationBin] = Field(default_factory=list)
    roc: list[tuple[float, float]] = Field(
        default_factory=list, description="(false positive rate, true positive rate), thinned."
    )
    calibration_error_debiased: float | None = Field(
        None, description="Expected calibration error less what chance alone adds to it, at least 0."
    )
    calibration_p: float | None = Field(
        None, description="p of perfect calibration in the bins, from the same covariance as the limits."
    )


class Found(Part):
    """A difference that is more than chance explains among all that were looked at."""

    metric: str
    view: str | None = Field(
        None, exclude_if=absent, description="The class or label that it is about; left out where about all."
    )
    by: list[str]
    slice: Slice
    reference: Slice
    value: float = Field(description="slice - reference.")
    low: float
    high: float
    confidence: float = Field(description="Of this interval: 1 - level x found / looked_at.")
    p: float
    p_adjusted: float = Field(description="After Benjamini-Hochberg over all that were looked at.")


class Findings(Part):
    """Differences to the reference that stand out, in one declared family of a variant.

    The family is every eligible rate in every slice of every partition against its reference; the false
    discovery rate is held at ``level``, and the intervals at the false coverage rate that goes with it, so
    that an interval excludes 0 exactly where its difference is found.
    """

    looked_at: int = Field(description="Differences in the family.")
    level: float = Field(0.05, description="Expected share of false findings, at most.")
    found: list[Found] = Field(
        default_factory=list,
        description="The one shown to be largest first; of two metrics that mirror each other one alone.",
    )
