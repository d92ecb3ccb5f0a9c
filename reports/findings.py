"""Up to three findings in plain sentences, built from the figures of the result."""

from __future__ import annotations

from dataclasses import dataclass

from ..audit.result import AuditResult, Disparity, GateResult, Slice, Variant
from .formats import Kind, Limit, confidence, decimals_beside, figure, interval
from .kinds import run_words
from .language import Sentence, later, say, sentences, tr
from .lookup import binding_gates, comparison_of, figure_of, variant_named
from .meaning import worse_off
from .per_hundred import RATES, in_sentence, rates_of, shown_whole
from .retold import retold
from .words import (
    COSTS,
    Given,
    compared_kind,
    compared_slices,
    fails_by_inverse,
    gate_kind,
    gate_limit,
    gate_title,
    metric_kind,
    slice_name,
    title_of,
)

RELEASE = "release"
"""Metric of the result that says that nothing which was asked for may be released."""

LABELS_ONLY = "labels only"
"""Kind of the model where there is none: nothing then selects."""

_NONE_MADE = {
    "": later("No variant may be released."),
    "compressed": later("No compressed variant may be released."),
    "mitigated": later("No mitigated variant may be released."),
    "compressed or mitigated": later("No compressed or mitigated variant may be released."),
}

_OUTCOMES = {
    "exceeds": later("{what}, {measured}, exceeds the limit of {limit}."),
    "below": later("{what}, {measured}, is below the limit of {limit}."),
    "inverse": later("{what}, {measured}, has an inverse below the limit of {limit}."),
    "unmet": later("{what}, {measured}, does not meet the limit of {limit}."),
    "open": later("{what}, {measured}, neither keeps nor breaks the limit of {limit} for certain."),
}

# One figure said twice: a finding about one of a pair makes the other redundant.
_SAME_AS = {
    "false_negative_rate": "true_positive_rate",
    "true_negative_rate": "false_positive_rate",
    "error_rate": "accuracy",
    "false_discovery_rate": "precision",
    "false_omission_rate": "negative_predictive_value",
}


@dataclass(frozen=True)
class Finding:
    """One finding: what was seen, what follows from it, and the gate it belongs to (None: no gate)."""

    lead: Sentence
    rest: Sentence
    gate: str | None = None


def findings(result: AuditResult, most: int = 3) -> list[Finding]:
    """Choose the findings: failed gates, gates that cannot be decided, then the largest differences.

    Gates come in the order of the policy. What one gate finds for several variants is told for the first.
    """
    chosen: list[Finding] = []
    told: set[str] = set()
    asked: set[tuple[str, ...]] = set()
    for verdict in ("fail", "error", "inconclusive"):
        for gate in binding_gates(result):
            question = (gate.metric, gate.compare, gate.limit, *gate.by)
            if gate.verdict == verdict and len(chosen) < most and question not in asked:
                chosen.append(gate_finding(gate, result))
                told.add(_figure_told(gate.metric))
                asked.add(question)
    if result.variants:
        variant = result.variants[0]
        gated = {(gate.metric, frozenset(gate.by)) for gate in binding_gates(result)}
        for disparity in _largest_differences(variant):
            if len(chosen) >= most:
                break
            if (disparity.metric, frozenset(disparity.slice or {})) in gated:
                continue  # A gate has judged it, and passed it.
            if _figure_told(disparity.metric) not in told:
                told.add(_figure_told(disparity.metric))
                chosen.append(_disparity_finding(disparity, variant, result))
    return chosen


def gate_finding(gate: GateResult, result: AuditResult) -> Finding:
    """Say what a gate found that does not pass, in two sentences."""
    if gate.metric == RELEASE:
        return Finding(say(_NONE_MADE[run_words(result)]), retold(gate.why), gate.id)
    if gate.verdict == "error":
        title = gate_title(gate, result.definitions)
        lead = say("{gate} of {variant} could not be evaluated.", gate=title, variant=Given(gate.variant))
        return Finding(lead, retold(gate.why), gate.id)
    if gate.compare == "change":
        lead, whole = _change_lead(gate, result), False
    elif gate.compare == "cost":
        lead, whole = _cost_lead(gate), False
    else:
        variant = variant_named(result, gate.variant)
        lead, whole = _rates_lead(gate.metric, gate.slice, gate.reference, variant, result)
    return Finding(lead, _against_limit(gate, result, whole=whole), gate.id)


def _against_limit(gate: GateResult, result: AuditResult, *, whole: bool) -> Sentence:
    """Say what was measured and how it stands to the limit."""
    kind, limit = gate_kind(gate, result.definitions), gate_limit(gate)
    return say(
        _OUTCOMES[_outcome(gate)],
        what=_subject(gate, result),
        measured=_measured(gate, gate.measured, kind, limit, whole=whole),
        limit=limit.words(kind) if limit else retold(gate.limit),
    )


def _outcome(gate: GateResult) -> str:
    limit = gate_limit(gate)
    if gate.verdict != "fail":
        return "open"
    if limit is None:
        return "unmet"
    if fails_by_inverse(gate):
        return "inverse"
    return "exceeds" if limit.upper else "below"


def _subject(gate: GateResult, result: AuditResult) -> Sentence:
    metric = in_sentence(title_of(gate.metric, result.definitions))
    if gate.compare == "change":
        return (
            say("The growth of the gap in {metric}", metric=metric)
            if gate.by
            else say("The change of {metric}", metric=metric)
        )
    if gate.compare == "difference":
        return say("The difference in {metric}", metric=metric)
    if gate.compare == "ratio":
        return say("The ratio of {metric}", metric=metric)
    if gate.compare == "cost":
        return say("The ratio to the original’s")
    return (title_of(gate.metric, result.definitions),)


def _cost_lead(gate: GateResult) -> Sentence:
    cost: str = tr(COSTS[gate.metric]) if gate.metric in COSTS else Given(gate.metric)
    return say("{cost} of {variant} against the original’s.", cost=cost, variant=Given(gate.variant))


def _change_lead(gate: GateResult, result: AuditResult) -> Sentence:
    """Begin with the figure before and after, or with the names when the comparison is not there."""
    metric = title_of(gate.metric, result.definitions)
    variant = Given(gate.variant)
    item = comparison_of(result, gate.variant)
    names = compared_slices(gate.slice, gate.reference)
    gaps = item.gap_changes if item is not None else []
    gap = next(
        (g for g in gaps if (g.metric, g.slice, g.reference) == (gate.metric, gate.slice, gate.reference)),
        None,
    )
    if gap is not None and gap.before is not None:
        kind = compared_kind("difference", gate.metric, result.definitions)
        return say(
            "With {variant} the gap in {metric} of {slices} goes from {before} to {after}.",
            variant=variant, metric=in_sentence(metric), slices=names,
            before=figure(gap.before, kind), after=figure(gap.after, kind),
        )  # fmt: skip
    changes = item.changes if item is not None and not gate.by else []
    change = next((c for c in changes if (c.metric, c.slice) == (gate.metric, gate.slice)), None)
    if change is not None and change.before is not None:
        rate: Kind = metric_kind(gate.metric, result.definitions)
        return say(
            "With {variant} the {metric} of {slices} goes from {before} to {after}.",
            variant=variant, metric=in_sentence(metric), slices=slice_name(gate.slice),
            before=figure(change.before, rate), after=figure(change.after, rate),
        )  # fmt: skip
    return say("{metric} of {variant}, {slices}.", metric=metric, variant=variant, slices=names)


def _disparity_finding(disparity: Disparity, variant: Variant, result: AuditResult) -> Finding:
    kind = compared_kind(disparity.compare, disparity.metric, result.definitions)
    lead, whole = _rates_lead(disparity.metric, disparity.slice or {}, disparity.reference, variant, result)
    rest = say(
        "The difference in {metric}, {measured}, is more than chance explains, and no gate limits it.",
        metric=in_sentence(title_of(disparity.metric, result.definitions)),
        measured=_measured(disparity, disparity.value, kind, None, whole=whole),
    )
    return Finding(lead, rest)


def _rates_lead(
    metric: str, part: Slice, reference: Slice | None, variant: Variant | None, result: AuditResult
) -> tuple[Sentence, bool]:
    """Begin a finding with the rates themselves, or with the names when the rates are not there.

    Also returns whether the rates are written in whole rows of 100.
    """
    title = title_of(metric, result.definitions)
    here = figure_of(variant, part, metric)
    there = figure_of(variant, reference, metric) if reference is not None else None
    if variant is None or here is None or (reference is not None and there is None):
        name = Given(variant.name) if variant is not None else ""
        names = compared_slices(part, reference)
        if not name or len(result.variants) < 2:
            return say("{metric}, {slices}.", metric=title, slices=names), False
        return say("{metric} of {variant}, {slices}.", metric=title, variant=name, slices=names), False
    if metric in RATES and variant.model.get("kind") != LABELS_ONLY:
        told = rates_of(metric, model_name(variant, result), (part, here), (reference, there))
        if reference is not None and there is not None:
            told = sentences([told, worse_off(metric, (part, here), (reference, there), result)])
        return told, shown_whole([here] if there is None else [here, there])
    kind: Kind = metric_kind(metric, result.definitions)
    one = say("{figure} in {slice}", figure=figure(here, kind), slice=slice_name(part))
    if reference is None:
        return say("{metric}: {one}.", metric=title, one=one), False
    other = say("{figure} in {slice}", figure=figure(there, kind), slice=slice_name(reference))
    return say("{metric}: {one}, {other}.", metric=title, one=one, other=other), False


def model_name(variant: Variant, result: AuditResult) -> str:
    """Name a variant in a sentence: "the model" where there is one, "the original", or its own name."""
    if len(result.variants) < 2:
        return tr("the model")
    return tr("the original") if variant.name == "original" else Given(variant.name)


def _measured(
    item: GateResult | Disparity, value: float | None, kind: Kind, limit: Limit | None, *, whole: bool
) -> Sentence:
    """Write a figure and its interval; a difference by its size, since the sentence before says who has less.

    In whole points where the rates before it are whole, unless that puts the figure on its limit.
    """
    low, high = _limits(item) if isinstance(item, Disparity) else (item.low, item.high)
    if item.compare == "difference" and value is not None and value < 0 and kind in ("points", "signed"):
        value, low, high = -value, _negative(high), _negative(low)
    shown: Kind = "gap" if kind == "points" and item.compare == "difference" else kind
    places = decimals_beside([value, low, high], limit, shown)
    if whole and shown == "gap" and places == 1 and _can_be_whole([value, low, high], limit):
        places = 0
    told = figure(value, shown, decimals=places)
    if low is None and high is None:
        return (told,)
    limits = interval(low, high, shown, decimals=places)
    return say("{value} ({level} interval {limits})", value=told, level=confidence(item.confidence),
               limits=limits)  # fmt: skip


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _can_be_whole(values: list[float | None], limit: Limit | None) -> bool:
    """Whether rounding to whole points puts no figure on 0 or on its limit."""
    points = [value * 100 for value in values if value is not None]
    marks = {0.0} if limit is None else {0.0, abs(limit.value) * 100}
    return not any(round(point) == mark and point != mark for point in points for mark in marks)


def _largest_differences(variant: Variant) -> list[Disparity]:
    """Differences against a reference whose interval excludes 0, the one shown to be largest first.

    They are sorted by the limit nearer to 0: by what is shown, so that the widest interval of the
    smallest slice does not come first. Base rates are left out: they speak of the data, not of the model.
    """
    shown = [
        disparity
        for disparity in variant.disparities
        if disparity.scope == "reference"
        and disparity.compare == "difference"
        and disparity.status == "ok"
        and disparity.value is not None
        and disparity.metric in RATES
        and disparity.metric != "base_rate"
        and _excludes_zero(*_limits(disparity))
    ]
    return sorted(shown, key=_shown_size, reverse=True)


def _limits(disparity: Disparity) -> tuple[float | None, float | None]:
    """The limits that hold for all slices together where there are some, else those of the pair."""
    if disparity.simultaneous_low is not None or disparity.simultaneous_high is not None:
        return disparity.simultaneous_low, disparity.simultaneous_high
    return disparity.low, disparity.high


def _shown_size(disparity: Disparity) -> float:
    return min((abs(limit) for limit in _limits(disparity) if limit is not None), default=0.0)


def _excludes_zero(low: float | None, high: float | None) -> bool:
    return (low is not None and low > 0) or (high is not None and high < 0)


def _figure_told(metric: str) -> str:
    return _SAME_AS.get(metric, metric)
