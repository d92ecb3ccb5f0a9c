"""Up to three findings in plain sentences, built from the figures of the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..audit.result import AuditResult, Disparity, Estimate, GateResult, Slice, Variant
from .formats import Kind, confidence, count, decimals_beside, figure, interval
from .kinds import run_words
from .lookup import binding_gates, comparison_of, variant_named
from .words import (
    Given,
    Sentence,
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


@dataclass(frozen=True)
class Finding:
    """One finding: what was seen, what follows from it, and the gate it belongs to (None: no gate)."""

    lead: Sentence
    rest: Sentence
    gate: str | None = None


@dataclass(frozen=True)
class Rate:
    """How a rate reads as "of 100 such rows, so many ..."; be and have follow the number."""

    rows: str
    one: str
    many: str


_SELECTED = ("is selected", "are selected")
_NOT_SELECTED = ("is not selected", "are not selected")
_POSITIVE = ("has the positive label", "have the positive label")
_NEGATIVE = ("has the negative label", "have the negative label")
_ALL, _POSITIVES, _NEGATIVES = "rows", "rows with the positive label", "rows with the negative label"

RATES: dict[str, Rate] = {
    "selection_rate": Rate(_ALL, *_SELECTED),
    "true_positive_rate": Rate(_POSITIVES, *_SELECTED),
    "false_negative_rate": Rate(_POSITIVES, *_NOT_SELECTED),
    "false_positive_rate": Rate(_NEGATIVES, *_SELECTED),
    "true_negative_rate": Rate(_NEGATIVES, *_NOT_SELECTED),
    "precision": Rate("selected rows", *_POSITIVE),
    "false_discovery_rate": Rate("selected rows", *_NEGATIVE),
    "negative_predictive_value": Rate("rows not selected", *_NEGATIVE),
    "false_omission_rate": Rate("rows not selected", *_POSITIVE),
    "accuracy": Rate(_ALL, "is decided rightly", "are decided rightly"),
    "error_rate": Rate(_ALL, "is decided wrongly", "are decided wrongly"),
    "base_rate": Rate(_ALL, *_POSITIVE),
}

# One figure said twice: a finding about one of a pair makes the other redundant.
_SAME_AS = {
    "false_negative_rate": "true_positive_rate",
    "true_negative_rate": "false_positive_rate",
    "error_rate": "accuracy",
    "false_discovery_rate": "precision",
    "false_omission_rate": "negative_predictive_value",
}


def findings(result: AuditResult, most: int = 3) -> list[Finding]:
    """Choose the findings: failed gates, gates that cannot be decided, then the largest differences."""
    chosen: list[Finding] = []
    told: set[str] = set()
    for verdict in ("fail", "error", "inconclusive"):
        for gate in binding_gates(result):
            if gate.verdict == verdict and len(chosen) < most:
                chosen.append(_gate_finding(gate, result))
                told.add(_figure_told(gate.metric))
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


def per_hundred(
    metric: str, here: float, there: float | None, part: Sentence, reference: Sentence
) -> Sentence | None:
    """Write a rate, or two of them side by side, per 100 rows; None for a metric without such a phrase."""
    rate = RATES.get(metric)
    if rate is None:
        return None
    numbers = _per_hundred_numbers([here] if there is None else [here, there])
    verb = rate.one if numbers[0] == "1" else rate.many
    where: Sentence = (" in ", *part)
    if there is None:
        where = () if part == ("all rows",) else where
        return (f"of 100 {rate.rows}, {numbers[0]} {verb}", *where, ".")
    return (f"of 100 {rate.rows}, {numbers[0]} {verb}", *where, f", {numbers[1]} in ", *reference, ".")


def _per_hundred_numbers(rates: list[float]) -> list[str]:
    """Round to whole rows of 100, unless that hides the difference or makes all or none out of some."""
    whole = [f"{rate * 100:.0f}" for rate in rates]
    hides = len(set(whole)) < len(set(rates))
    false_extreme = any(
        text in ("0", "100") and rate not in (0, 1) for text, rate in zip(whole, rates, strict=True)
    )
    return [f"{rate * 100:.1f}" for rate in rates] if hides or false_extreme else whole


def _of_variant(name: str, result: AuditResult) -> Sentence:
    """Begin with the variant's name where there are several."""
    return (Given(name), ": ") if len(result.variants) > 1 else ()


def _gate_finding(gate: GateResult, result: AuditResult) -> Finding:
    named = _of_variant(gate.variant, result)
    title = (*named, *gate_title(gate, result.definitions))
    if gate.metric == RELEASE:
        made = " ".join(["No", *filter(None, [run_words(result)]), "variant"])
        return Finding((f"{made} may be released.",), (Given(gate.why),), gate.id)
    if gate.verdict == "error":
        return Finding((*title, " could not be evaluated."), (Given(gate.why),), gate.id)
    kind = gate_kind(gate, result.definitions)
    limit = gate_limit(gate)
    places = decimals_beside([gate.measured, gate.low, gate.high], limit, kind)
    if gate.compare == "change":
        lead = _change_lead(gate, result)
    elif gate.compare == "cost":
        lead = (*gate_title(gate, result.definitions), " against the original’s.")
    else:
        lead = _rates_lead(
            gate.metric, gate.slice, gate.reference, variant_named(result, gate.variant), result
        )
    lead = (*named, *lead)
    subject = _subject(gate)
    measured = _measured(subject, gate.measured, gate.low, gate.high, gate.confidence, kind, places)
    at = limit.words(kind) if limit else gate.limit
    if gate.verdict == "fail":
        return Finding(lead, (f"{measured} {_miss(gate)} the limit of ", Given(at), "."), gate.id)
    needed = (
        f" About {count(gate.rows_needed)} evaluation rows of the same composition would decide it."
        if gate.rows_needed
        else f" {gate.why}"
    )
    rest = (f"{measured} does not settle the limit of ", Given(at), ".", Given(needed))
    return Finding(lead, rest, gate.id)


def _subject(gate: GateResult) -> str:
    if gate.compare == "change":
        return "growth of the gap" if gate.by else "change"
    return {"value": "value", "cost": "ratio"}.get(gate.compare, gate.compare)


def _change_lead(gate: GateResult, result: AuditResult) -> Sentence:
    """Begin with the figure before and after, or with the names when the comparison is not there."""
    title = title_of(gate.metric, result.definitions)
    item = comparison_of(result, gate.variant)
    names = compared_slices(gate.slice, gate.reference)
    gaps = item.gap_changes if item is not None else []
    gap = next(
        (g for g in gaps if (g.metric, g.slice, g.reference) == (gate.metric, gate.slice, gate.reference)),
        None,
    )
    if gap is not None and gap.before is not None:
        kind = compared_kind("difference", gate.metric, result.definitions)
        told = f" goes from {figure(gap.before, kind)} to {figure(gap.after, kind)}."
        return (title, ": the gap of ", *names, told)
    changes = item.changes if item is not None and not gate.by else []
    change = next((c for c in changes if (c.metric, c.slice) == (gate.metric, gate.slice)), None)
    if change is not None and change.before is not None:
        rate: Kind = metric_kind(gate.metric, result.definitions)
        moves = f" goes from {figure(change.before, rate)} to {figure(change.after, rate)}."
        where: Sentence = (" of ", *slice_name(gate.slice)) if gate.slice else ()
        return (title, *where, moves)
    return (title, ", ", *names, ".")


def _miss(gate: GateResult) -> str:
    limit = gate_limit(gate)
    if limit is None:
        return "does not meet"
    if fails_by_inverse(gate):
        return "has an inverse below"
    return "exceeds" if limit.upper else "is below"


def _disparity_finding(disparity: Disparity, variant: Variant, result: AuditResult) -> Finding:
    part = disparity.slice or {}
    kind = compared_kind(disparity.compare, disparity.metric, result.definitions)
    low, high = _limits(disparity)
    lead = _rates_lead(disparity.metric, part, disparity.reference, variant, result)
    lead = (*_of_variant(variant.name, result), *lead)
    measured = _measured("difference", disparity.value, low, high, disparity.confidence, kind, None)
    return Finding(lead, (f"{measured} excludes 0 and is limited by no gate.",))


def _rates_lead(
    metric: str, part: Slice, reference: Slice | None, variant: Variant | None, result: AuditResult
) -> Sentence:
    """Begin a finding with the rates themselves, or with the names when the rates are not there."""
    title = title_of(metric, result.definitions)
    here = _value(variant, part, metric)
    there = _value(variant, reference, metric) if reference is not None else None
    names = compared_slices(part, reference)
    if here is None or (reference is not None and there is None):
        return (title, ", ", *names, ".")
    sentence = per_hundred(metric, here, there, slice_name(part), slice_name(reference or {}))
    if sentence is not None:
        return (title, ": ", *sentence)
    kind: Kind = metric_kind(metric, result.definitions)
    pair: Sentence = (figure(here, kind), " in ", *slice_name(part))
    if reference is not None:
        pair = (*pair, ", ", figure(there, kind), " in ", *slice_name(reference))
    return (title, ": ", *pair, ".")


def _measured(
    subject: str,
    value: float | None,
    low: float | None,
    high: float | None,
    level: float,
    kind: Kind,
    places: int | None,
) -> str:
    limits = interval(low, high, kind, decimals=places)
    shown = "" if low is None and high is None else f" ({confidence(level)} interval {limits})"
    return f"The {subject}, {figure(value, kind, decimals=places)}{shown},"


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


def _value(variant: Variant | None, part: Slice | None, metric: str) -> float | None:
    if variant is None or part is None:
        return None
    metrics: Mapping[str, Estimate] = variant.overall
    if part:
        found = next((row for row in variant.slices if row.slice == part), None)
        metrics = found.metrics if found else {}
    return metrics[metric].value if metric in metrics else None
