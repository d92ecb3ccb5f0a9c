"""The typed result of an audit: the one source of every figure (``audit.json``).

Renderers, the gate and ``verify`` read these objects and nothing else. Every field is documented in
the published JSON Schema (``fairweigh schema --result``).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"
"""What is written; every 1.y is read."""
VERSIONS = "^1[.](0|[1-9][0-9]{0,5})$"

Status = Literal["ok", "small", "few clusters", "undefined"]
USABLE: tuple[Status, ...] = ("ok", "few clusters")
"""Figures that count; few clusters make their limits wide, and speak of little but themselves."""
Verdict = Literal["pass", "fail", "inconclusive", "error"]
RunVerdict = Literal["pass", "fail", "inconclusive", "error", "no verdict"]
"""Of a whole run: where no gate is binding nothing was required, and so nothing passed."""
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
    selected: int | None = Field(None, description="Rows with a positive decision.")
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
    calibration_error_debiased: float | None = Field(
        None, description="Expected calibration error less what chance alone adds to it, at least 0."
    )
    calibration_p: float | None = Field(
        None, description="p of perfect calibration in the bins, from the same covariance as the limits."
    )


class Layer(Part):
    """One weight tensor of a compressed model beside the original's."""

    name: str
    type: str = Field(description="Class of the module that holds it, such as Linear.")
    shape_before: list[int]
    shape_after: list[int] = Field(description="Empty when the layer is gone.")
    sparsity: float | None = Field(None, description="Share of exact zeros after, in [0, 1].")
    sqnr_db: float | None = Field(
        None, description="Signal to quantisation noise, 10 log10(sum w^2 / sum (w - w')^2); null if equal."
    )
    encoding: str = Field(
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
    changed: str = Field("", description="In words: what was changed, such as '24 Linear layers to int8'.")
    notes: list[str] = Field(default_factory=list)


class CellWeight(Part):
    """The weight that reweighing gave the training rows of one slice and label."""

    slice: Slice
    label: bool
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
    fitted_on: str = Field(description="In words: the rows that the rule was fitted on; never those audited.")
    objective: str = Field("", description="Metric that was made best.")
    constraint: str = Field("", description="What limited it, in words, such as 'selection_rate difference'.")
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
    trained_on: str | None = Field(None, description="Rows a step was fine-tuned on, where one was.")
    reload: str = Field("", description="What the check after loading in a fresh process found.")

    @property
    def groups(self) -> tuple[str, ...]:
        """What it is to gates: compressed, mitigated, or both."""
        rooms = {step.room for step in self.steps}
        names = {"compression": "compressed", "mitigation": "mitigated"}
        return tuple(name for room, name in names.items() if room in rooms)


class Timing(Part):
    """Latency of one batch, interleaved with the original's and a second copy of the original."""

    batch: int = Field(description="Rows in the batch.")
    rounds: int
    p50_ms: float
    p95_ms: float
    ratio: float = Field(description="Median over the rounds of this variant's time / the original's.")
    ratio_low: float = Field(description="2.5 % quantile of the rounds' ratios.")
    ratio_high: float = Field(description="97.5 % quantile of the rounds' ratios.")
    null_low: float = Field(description="The same quantiles for the second copy of the original.")
    null_high: float
    saving: bool = Field(description="The ratio lies below the null's spread.")


class Cost(Part):
    """What a variant costs to store and to run; ratios are to the original of the same run."""

    stored_bytes: int | None = Field(
        None,
        description="Weights as the artefact stores them; a shipped codec loads them. Null for a model that "
        "is served elsewhere.",
    )
    dense_bytes: int | None = Field(None, description="The same weights stored densely in their own types.")
    sparse_bytes: int | None = Field(None, description="The same weights in the cheapest sparse encoding.")
    tensor_bytes: int | None = Field(
        None, description="Of stored_bytes, those of tensors; the others are names, shapes and a graph."
    )
    sparse_theoretical: bool = Field(description="True where the artefact does not store that encoding.")
    resident_bytes: int | None = Field(None, description="Bytes of the loaded weights (unique storages).")
    process_bytes: int | None = Field(
        None, description="Growth of a fresh process's resident set on loading."
    )
    peak_bytes: int | None = Field(None, description="Peak resident set of a fresh process while scoring.")
    device_bytes: int | None = Field(
        None, description="The most that torch took of a CUDA device in a fresh process while scoring."
    )
    parameters: int | None = Field(
        None, description="Null where its weights cannot be counted; notes say why."
    )
    nonzero: int | None = None
    flops_per_row: float | None = None
    flops_method: str = ""
    timings: list[Timing] = Field(default_factory=list)
    rows_per_second: float | None = Field(None, description="At the audit's batch.")
    storage: float | None = Field(1.0, description="stored_bytes / the original's.")
    compute: float = Field(
        1.0,
        description="Latency ratio at the audit's batch; 1 where it is no saving beyond the null's spread.",
    )
    memory: float | None = Field(None, description="resident_bytes / the original's.")
    notes: list[str] = Field(default_factory=list)


class SelfFlips(Part):
    """A variant against itself in batches of another composition: the floor under every flip rate."""

    rows: int
    flips: int
    rate: float
    low: float
    high: float
    largest_score_change: float | None = None
    batching: str = Field(description="How the second scoring was batched.")


class Found(Part):
    """A difference that is more than chance explains among all that were looked at."""

    metric: str
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


class Variant(Part):
    """One model as audited: the original, a compressed or a mitigated one."""

    name: str
    kind: Literal["original", "compressed", "mitigated"] = "original"
    parent: str | None = None
    recipe: Recipe | None = None
    cost: Cost | None = None
    self_flips: SelfFlips | None = None
    model: dict[str, Any] = Field(
        default_factory=dict, description="What the model is: kind, path, sha256, threshold, features."
    )
    overall: dict[str, Estimate]
    counts: Counts
    slices: list[SliceResult]
    disparities: list[Disparity]
    scores: list[ScoreDetail] = Field(default_factory=list)
    findings: Findings | None = Field(None, description="Null where there is no rate to compare.")


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
    why: str = ""
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
    at_no_size: bool = Field(
        False, description="Open, and no realistic number of rows would decide: the value lies on the limit."
    )


class GateSlice(Decided):
    """What a gate found for one slice."""

    slice: Slice
    reference: Slice | None = None
    n: int = Field(0, description="Rows in the denominator.")


class GateResult(Decided):
    """A gate's verdict and what it rests on; ``slice`` is the slice that decided."""

    id: str
    metric: str
    by: list[str] = Field(default_factory=list)
    compare: Literal["value", "difference", "ratio", "change", "cost"]
    limit: str
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


class Coverage(Part):
    """What the slices of one set of features leave unjudged, in rows of people."""

    by: list[str]
    slices: int
    small: int = Field(0, description="Known slices with fewer rows than slices.min_size.")
    small_rows: int = 0
    unknown: int = Field(0, description="Slices of rows whose value of a feature is missing.")
    unknown_rows: int = 0
    undefined: int = Field(0, description="Figures of these slices that have no value.")


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
    positive_is: Literal["benefit", "burden"] | None = Field(
        None, description="What a positive decision is to the person it falls on; null where nobody said."
    )
    negative: list[str] = Field(default_factory=list)
    sensitive: list[str] = Field(default_factory=list)
    unknown: dict[str, int] = Field(
        default_factory=dict, description="Rows whose value of a sensitive feature is missing, by feature."
    )
    bins: dict[str, list[float]] = Field(default_factory=dict)
    merge: dict[str, dict[str, list[str]]] = Field(
        default_factory=dict,
        description="By feature: the name of a slice, and the values that are one with it.",
    )
    id: str | None = None
    weight: str | None = None
    cluster: str | None = None
    split: str | None = None
    licence: str | None = None
    citation: str | None = None
    homepage: str | None = None
    defects: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    found: int = Field(
        0,
        description="Of the warnings, how many (the last ones) are of these rows; the rest are the card's.",
    )

    @property
    def own_warnings(self) -> list[str]:
        """The warnings that are of these rows, the card's aside."""
        return self.warnings[len(self.warnings) - self.found :]


class Environment(Part):
    """Where and with what the run was made."""

    fairweigh: str
    python: str
    platform: str
    processor: str = ""
    instructions: list[str] = Field(
        default_factory=list, description="Of the processor: those that int8 and bfloat16 results depend on."
    )
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
    shows: str = Field("", description="What it is sensitive to and what it is blind to.")
    needs: list[str] = Field(
        default_factory=list, description="What rows must carry: label, decision, score, probability."
    )
    mirror: str | None = Field(None, description="The metric that is 1 less this one, and is told instead.")
    metrics: list[str] = Field(
        default_factory=list, description="Of a named disparity: the metrics whose extremes it compares."
    )
    among: str | None = Field(None, description="A rate that is told per hundred: the rows it counts among.")
    says: str | None = Field(None, description="And what it says of them.")
    reason: str | None = Field(None, description="Why it was chosen, in the configuration's words.")

    @property
    def of_labels(self) -> bool:
        """Whether it speaks of the labels alone, so that no model changes it."""
        return self.needs == ["label"]


class Priorities(Part):
    """Which metrics come first, in order; those that were not measured are passed over."""

    key: list[str] = Field(default_factory=list, description="Those that a reader looks for.")
    leading: list[str] = Field(default_factory=list, description="Those that crossings are sorted by.")
    performance: list[str] = Field(default_factory=list, description="Those that stand for performance.")


class NotMeasured(Part):
    """Something a reader may expect, and why it is absent."""

    what: str
    why: str


class Failed(Part):
    """A recipe that could not be carried out, or a given variant (without steps) that could not be scored."""

    name: str
    steps: list[Step]
    why: str


class Change(Part):
    """A metric of the same rows before and after; value = after - before."""

    metric: str
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
    why: str | None = None


class GapChange(Part):
    """Change of the gap between a slice and its reference, gap = slice - reference."""

    metric: str
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
    why: str | None = None


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
    gained: int = Field(description="Not selected before, selected after.")
    lost: int = Field(description="Selected before, not selected after.")
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


class Comparison(Part):
    """A variant compared with another on the same rows."""

    before: str
    after: str
    rows: int
    paired: bool = True
    agreement: float | None = Field(None, description="Share of rows with the same decision.")
    overall: Flips | None = None
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


class Standing(Part):
    """Where a variant stands on the ladder, on one split."""

    variant: str
    cost: float = Field(description="Weighted sum of compute and storage ratios; 2 for the original.")
    performance: float | None
    worst_gap: float | None = Field(
        None, description="Largest absolute gap of a fairness metric over slices."
    )
    worst_gap_what: str = ""
    mean_gap: float | None = None
    flip_rate: float | None = None
    verdict: Verdict = Field(description="Worst over the gates and targets of this variant.")
    misses: list[str] = Field(default_factory=list, description="Ids of gates and targets it does not pass.")
    on_frontier: bool = False


class Frontier(Part):
    """The ladder of variants, and which is the cheapest that may be released."""

    performance: str = Field(description="Metric of performance.")
    gaps: list[str] = Field(description="Metrics whose gaps are judged.")
    weights: dict[str, float]
    targets: dict[str, str] = Field(default_factory=dict)
    recommended: str | None
    nearest: str | None = Field(None, description="When none qualifies: the variant that misses least.")
    why: str
    selected_on: str = Field(description="In words: the rows on which the choice was made.")
    selection_rows: int | None = Field(None, description="Null where there is no selection split.")
    certified: bool | None = Field(
        None,
        description="Whether the verdict of the chosen variant was found on rows that did not choose it; "
        "null where nothing competed.",
    )
    selection: list[Standing] = Field(default_factory=list, description="On the selection split.")
    variants: list[Standing] = Field(description="On the evaluation rows.")


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
    matched: int = Field(description="Rows of both runs with the same id.")
    paired: bool = Field(description="Compared row by row; else as two independent samples.")
    asked: bool = Field(description="Whether some gate speaks of the change from it.")
    how: str = Field(description="In words: how the two were compared, and why so.")
    common: int | None = Field(None, description="Rows on which changes were taken; null where unpaired.")
    differing: dict[str, int] = Field(
        default_factory=dict,
        description="Matched rows that are in no change, as they differ: by label, slice, weight or cluster.",
    )


class Difference(Part):
    """Something in which two compared runs differ; of their data the checksum, also where it is the same."""

    key: str = Field(
        description="A configuration's key, such as model.threshold, or a fact of data or model."
    )
    before: str | None = Field(description="In words; null where it is not set.")
    after: str | None


class AuditResult(Part):
    """A whole audit."""

    schema_version: str = Field(SCHEMA_VERSION, pattern=VERSIONS)
    audit: str
    title: str
    created: str = Field(description="UTC time, ISO 8601.")
    verdict: RunVerdict = Field(description="Worst of the binding gates; 'no verdict' where there are none.")
    confidence: float = 0.95
    environment: Environment
    configuration: dict[str, Any]
    configuration_sha256: str = Field("", description="Of the configuration, as in MANIFEST.json.")
    data: DataInfo
    variants: list[Variant]
    coverage: list[Coverage] = Field(
        default_factory=list, description="What the slices of the first variant leave unjudged, by features."
    )
    failed: list[Failed] = Field(default_factory=list)
    comparisons: list[Comparison] = Field(default_factory=list)
    differences: list[Difference] = Field(
        default_factory=list, description="Of a comparison of two runs: what they differ in."
    )
    identified: Identified | None = None
    counterfactuals: list[Counterfactual] = Field(default_factory=list)
    twins: TwinRows | None = Field(None, description="Null where no twins were asked for.")
    gates: list[GateResult]
    gates_together: GatesTogether | None = Field(None, description="Null without a proven gate.")
    frontier: Frontier | None = None
    policy: PolicyInfo | None = Field(None, description="Set where a finished run was judged by a policy.")
    baseline: BaselineInfo | None = None
    definitions: dict[str, Definition]
    priorities: Priorities = Field(default_factory=Priorities)
    methods: dict[str, str] = Field(description="Interval method -> what it is and its reference.")
    not_measured: list[NotMeasured] = Field(default_factory=list)
