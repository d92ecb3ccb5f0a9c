"""The typed result of an audit: the one source of every figure (``audit.json``).

Renderers, the gate and ``verify`` read these objects and nothing else. Every field is documented in
the published JSON Schema (``fairweigh schema --result``).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"

Status = Literal["ok", "small", "undefined"]
Verdict = Literal["pass", "fail", "inconclusive", "error"]
Slice = dict[str, str]
"""A conjunction of column = value; the empty one is the whole evaluation set."""


class Part(BaseModel):
    """Base of every part of a result: immutable, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Estimate(Part):
    """A figure with its uncertainty."""

    value: float | None = Field(description="Point value; null when undefined.")
    low: float | None = Field(None, description="Lower confidence limit.")
    high: float | None = Field(None, description="Upper confidence limit.")
    confidence: float = Field(0.95, description="Two-sided confidence of the limits, in (0, 1).")
    n: int = Field(0, description="Rows in the denominator (unweighted).")
    effective_n: float | None = Field(
        None, description="Effective rows after weights or clusters; null when it equals n."
    )
    method: str = Field("", description="Name of the interval's method (see docs/statistics.md).")
    status: Status = "ok"
    why: str | None = Field(None, description="In words: why undefined or small.")


class Counts(Part):
    """Row counts of a slice; null where labels or decisions are missing."""

    tp: int | None = None
    fp: int | None = None
    fn: int | None = None
    tn: int | None = None
    selected: int | None = Field(None, description="Rows with a favourable decision.")
    positives: int | None = Field(None, description="Rows with the positive label.")


class SliceResult(Part):
    """All figures of one slice."""

    slice: Slice
    n: int = Field(description="Rows in the slice.")
    weight: float | None = Field(None, description="Sum of the rows' weights, for weighted data.")
    status: Status = "ok"
    unknown: bool = Field(False, description="A sensitive value is missing: outside gates unless named.")
    counts: Counts
    metrics: dict[str, Estimate]


class Disparity(Part):
    """One metric compared between slices.

    ``scope`` is ``reference`` for one slice against the reference slice (difference = slice -
    reference, ratio = slice / reference), ``between`` for the extremes over all slices of a feature
    (difference = highest - lowest in ``slice`` and ``reference``, ratio = lowest / highest), and
    ``index`` for a single number over all slices (variance, differential fairness, entropy).
    """

    name: str = Field(description="Such as demographic_parity_difference, or METRIC_difference.")
    metric: str
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
    p: float | None = Field(None, description="Two-sided Fisher exact p of the two rates.")
    p_adjusted: float | None = Field(None, description="The same after Benjamini-Hochberg over the slices.")
    confidence: float = 0.95
    method: str = ""
    status: Status = "ok"
    why: str | None = None
    excluded: list[Slice] = Field(default_factory=list, description="Slices left out: undefined or unknown.")


class CalibrationBin(Part):
    """Rows whose score lies in [low, high)."""

    low: float
    high: float
    n: int
    mean_score: float
    rate: float = Field(description="Observed share of positives.")
    rate_low: float
    rate_high: float


class ScoreDetail(Part):
    """Score figures of one slice that are curves rather than numbers."""

    slice: Slice
    n: int
    mean: float | None
    sd: float | None
    smd: Estimate | None = Field(
        None, description="Standardised mean difference to the reference slice (slice - reference)."
    )
    histogram_edges: list[float] = Field(default_factory=list)
    histogram_counts: list[int] = Field(default_factory=list)
    calibration: list[CalibrationBin] = Field(default_factory=list)
    roc: list[tuple[float, float]] = Field(
        default_factory=list, description="(false positive rate, true positive rate), thinned."
    )


class Variant(Part):
    """One model as audited: the original, a compressed or a mitigated one."""

    name: str
    kind: Literal["original", "compressed", "mitigated"] = "original"
    parent: str | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)
    cost: dict[str, Any] = Field(default_factory=dict)
    model: dict[str, Any] = Field(
        default_factory=dict, description="What the model is: kind, path, sha256, threshold, features."
    )
    overall: dict[str, Estimate]
    counts: Counts
    slices: list[SliceResult]
    disparities: list[Disparity]
    scores: list[ScoreDetail] = Field(default_factory=list)


class GateSlice(Part):
    """What a gate found for one slice."""

    slice: Slice
    reference: Slice | None = None
    measured: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    verdict: Verdict
    rows_needed: int | None = None
    why: str = ""


class GateResult(Part):
    """A gate's verdict and what it rests on; ``slice`` is the slice that decided."""

    id: str
    metric: str
    by: list[str] = Field(default_factory=list)
    compare: Literal["value", "difference", "ratio", "change"]
    limit: str
    decide: Literal["proven", "point"]
    variant: str
    verdict: Verdict
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.95
    slice: Slice = Field(default_factory=dict)
    reference: Slice | None = None
    why: str
    rows_needed: int | None = Field(
        None, description="Evaluation rows of the same composition that would decide the gate."
    )
    slices: list[GateSlice] = Field(default_factory=list)
    left_out: list[Slice] = Field(default_factory=list, description="Small or unknown slices not gated.")


class DataInfo(Part):
    """The evaluation data, as audited."""

    name: str
    title: str
    rows: int
    sha256: str
    kind: Literal["rows", "counts"] = "rows"
    source: str = Field(description="Path or card the rows came from.")
    synthetic: bool = False
    label: str | None = None
    positive: list[str] = Field(default_factory=list)
    negative: list[str] = Field(default_factory=list)
    sensitive: list[str] = Field(default_factory=list)
    unknown: dict[str, int] = Field(
        default_factory=dict, description="Rows whose value of a sensitive feature is missing, by feature."
    )
    bins: dict[str, list[float]] = Field(default_factory=dict)
    id: str | None = None
    weight: str | None = None
    cluster: str | None = None
    split: str | None = None
    licence: str | None = None
    citation: str | None = None
    homepage: str | None = None
    defects: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)


class Environment(Part):
    """Where and with what the run was made."""

    fairweigh: str
    python: str
    platform: str
    packages: dict[str, str]
    seed: int
    command: str


class Definition(Part):
    """A metric or disparity as the report explains it."""

    name: str
    title: str
    formula: str
    meaning: str
    better: Literal["higher", "lower"] | None = None
    ideal: float | None = None
    percent: bool = Field(True, description="Shown as a percentage (a rate) or as a plain number.")
    fairlearn: str | None = None
    aif360: str | None = None
    aequitas: str | None = None
    source: str = ""


class NotMeasured(Part):
    """Something a reader may expect, and why it is absent."""

    what: str
    why: str


class AuditResult(Part):
    """A whole audit."""

    schema_version: str = SCHEMA_VERSION
    audit: str
    title: str
    created: str = Field(description="UTC time, ISO 8601.")
    verdict: Verdict
    confidence: float = 0.95
    environment: Environment
    configuration: dict[str, Any]
    data: DataInfo
    variants: list[Variant]
    comparisons: list[dict[str, Any]] = Field(default_factory=list)
    gates: list[GateResult]
    frontier: dict[str, Any] | None = None
    definitions: dict[str, Definition]
    methods: dict[str, str] = Field(description="Interval method -> what it is and its reference.")
    not_measured: list[NotMeasured] = Field(default_factory=list)
