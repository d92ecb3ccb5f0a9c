"""A finding in sentences: what a gate found, or what stands out, with the rates themselves first."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import (
    CERTIFIED,
    RELEASE,
    AuditResult,
    Disparity,
    Estimate,
    Found,
    GateResult,
    Slice,
    Variant,
    figures_compared,
)
from ..tasks import telling
from ..words.decision_limits import decided_figures, decides_by_limits
from ..words.formats import (
    UNDEFINED,
    Kind,
    Limit,
    confidence,
    count,
    decimals_beside,
    figure,
    interval,
    near_one,
    outward,
    outward_decimals,
    usual_decimals,
)
from ..words.kinds import model_name, run_words
from ..words.labels_apart import labels_apart
from ..words.language import Sentence, language, later, say, sentences, tr
from ..words.limited import is_limited, judged_figure
from ..words.lookup import (
    LABELS_ONLY,
    comparison_of,
    estimate_of,
    told_of,
    variant_named,
)
from ..words.meaning import worse_off
from ..words.per_hundred import (
    FEW,
    Rate,
    in_sentence,
    is_rate,
    rates_of,
    shown_whole,
)
from ..words.spoken import (
    COSTS,
    FAVOURABLE,
    Given,
    compared_kind,
    compared_slices,
    fails_by_inverse,
    features_name,
    gate_kind,
    gate_limit,
    gate_title,
    metric_kind,
    of_class,
    slice_name,
    title_of,
)
from ..words.translated import translated

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
    "open": later("{what}, {measured}, may lie on either side of the limit of {limit}."),
}
_PROVEN = {
    "exceeds": later("{what}, {measured}, exceeds the limit of {limit}: {limits}."),
    "below": later("{what}, {measured}, is below the limit of {limit}: {limits}."),
    "inverse": later("{what}, {measured}, has an inverse below the limit of {limit}: {limits}."),
    "unmet": later("{what}, {measured}, does not meet the limit of {limit}: {limits}."),
    "open": later("{what}, {measured}, may lie on either side of the limit of {limit}: {limits}."),
}
"""The same with the limits that decide it."""


@dataclass(frozen=True)
class Finding:
    """One finding: what was seen, what follows from it, and the gate it belongs to (None: no gate)."""

    lead: Sentence
    rest: Sentence
    gate: str | None = None


def looked_at(result: AuditResult) -> int:
    """How many differences of the variant that findings are told of were looked at for them."""
    variant = told_of(result)
    return variant.findings.looked_at if variant is not None and variant.findings is not None else 0


def gate_finding(gate: GateResult, result: AuditResult) -> Finding:
    """Say what a gate found that does not pass, in two sentences."""
    if gate.metric == RELEASE:
        return Finding(say(_NONE_MADE[run_words(result)]), translated(gate.why), gate.id)
    if gate.metric == CERTIFIED:
        lead = say("The choice of {variant} is not certified.", variant=Given(gate.variant))
        return Finding(lead, translated(gate.why), gate.id)
    if gate.verdict == "error":
        title = gate_title(gate, result.definitions)
        lead = say("{gate} of {variant} could not be evaluated.", gate=title, variant=Given(gate.variant))
        return Finding(lead, translated(gate.why), gate.id)
    if gate.compare == "change":
        lead, whole = _change_lead(gate, result), False
    elif gate.compare == "cost":
        lead, whole = _cost_lead(gate), False
    else:
        variant = variant_named(result, gate.variant)
        metric = judged_figure(gate, variant, result)
        lead, whole = _rates_lead(metric, gate.view, gate.slice, gate.reference, variant, result)
        if gate.view is None:
            ratio = compared_kind(gate.compare, gate.metric, result.definitions) == "ratio"
            apart = labels_apart(metric, gate.slice, gate.reference, variant, result, ratio=ratio)
            lead = sentences([lead, *apart])
    return Finding(lead, _against_limit(gate, result, whole=whole), gate.id)


def _against_limit(gate: GateResult, result: AuditResult, *, whole: bool) -> Sentence:
    """Say what was measured and how it stands to the limit."""
    kind, limit = gate_kind(gate, result.definitions), gate_limit(gate)
    asked: Sentence = (limit.words(kind),) if limit else translated(gate.limit)
    limits = decided_figures(gate, gate, result).limits
    told, what, named = _outcome(gate), _subject(gate, result), _is_named(gate, result)
    if decides_by_limits(gate) and limits != UNDEFINED:
        alone = gate.model_copy(update={"low": None, "high": None})
        measured = _measured(alone, kind, limit, whole=whole, named=named)
        return say(_PROVEN[told], what=what, measured=measured, limit=asked, limits=limits)
    measured = _measured(gate, kind, limit, whole=whole, named=named)
    return say(_OUTCOMES[told], what=what, measured=measured, limit=asked)


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
    title = title_of(gate.metric, result.definitions)
    metric = of_class(in_sentence(title), gate.view)
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
    if _is_named(gate, result):
        return say("The {metric}", metric=metric)
    return of_class(title, gate.view)


def _is_named(gate: GateResult, result: AuditResult) -> bool:
    """Whether a gate is on a disparity that has a name of its own, such as equalized odds difference."""
    return figures_compared(gate.metric, result.definitions) != [gate.metric]


def _cost_lead(gate: GateResult) -> Sentence:
    cost: str = tr(COSTS[gate.metric]) if gate.metric in COSTS else Given(gate.metric)
    return say("{cost} of {variant} against the original’s.", cost=cost, variant=Given(gate.variant))


def _change_lead(gate: GateResult, result: AuditResult) -> Sentence:
    """Begin with the figure before and after, or with the names when the comparison is not there."""
    metric = title_of(gate.metric, result.definitions)
    lower = of_class(in_sentence(metric), gate.view)
    asked = gate.metric, gate.view, gate.slice, gate.reference
    variant = Given(gate.variant)
    item = comparison_of(result, gate.variant)
    names = compared_slices(gate.slice, gate.reference)
    gaps = item.gap_changes if item is not None else []
    gap = next((g for g in gaps if (g.metric, g.view, g.slice, g.reference) == asked), None)
    if gap is not None and gap.before is not None:
        kind = compared_kind("difference", gate.metric, result.definitions)
        return say(
            "With {variant} the gap in {metric} of {slices} goes from {before} to {after}.",
            variant=variant, metric=lower, slices=names,
            before=figure(gap.before, kind), after=figure(gap.after, kind),
        )  # fmt: skip
    changes = item.changes if item is not None and not gate.by else []
    change = next((c for c in changes if (c.metric, c.view, c.slice) == asked[:3]), None)
    if change is not None and change.before is not None:
        rate: Kind = metric_kind(gate.metric, result.definitions)
        return say(
            "With {variant} the {metric} of {slices} goes from {before} to {after}.",
            variant=variant, metric=lower, slices=slice_name(gate.slice),
            before=figure(change.before, rate), after=figure(change.after, rate),
        )  # fmt: skip
    whole = of_class(metric, gate.view)
    return say("{metric} of {variant}, {slices}.", metric=whole, variant=variant, slices=names)


def difference_finding(found: Found, variant: Variant, result: AuditResult) -> Finding:
    """Say that a difference is more than chance explains, and where the labels lie as far apart."""
    lead, _ = _rates_lead(found.metric, found.view, found.slice, found.reference, variant, result)
    if found.view is None:
        lead = sentences([lead, *labels_apart(found.metric, found.slice, found.reference, variant, result)])
    parts: dict[str, str | Sentence] = {
        "metric": of_class(in_sentence(title_of(found.metric, result.definitions)), found.view),
        "measured": _stands_out(found, compared_kind("difference", found.metric, result.definitions)),
        "n": count(looked_at(result)),
    }
    if is_limited(found, result):
        # A gate speaks of another variant alone.
        rest = say(
            "The difference in {metric}, {measured}, is more than chance explains ({n} were looked at); no "
            "gate of {variant} limits it.",
            variant=model_name(variant, result), **parts,
        )  # fmt: skip
    else:
        rest = say(
            "The difference in {metric}, {measured}, is more than chance explains ({n} were looked at); no "
            "gate limits it.",
            **parts,
        )
    return Finding(lead, rest)


def gap_finding(gap: Disparity, variant: Variant, result: AuditResult) -> Finding:
    """Say that a difference is proven by its limits, where no test of it is made."""
    lead, _ = _rates_lead(gap.metric, gap.view, gap.slice or {}, gap.reference, variant, result)
    kind = compared_kind("difference", gap.metric, result.definitions)
    places = usual_decimals(kind, gap.value, gap.simultaneous_low, gap.simultaneous_high)
    rest = say(
        "The difference in {metric}, {value}, is the largest of those whose limits for all slices of "
        "{features} together ({limits}) leave out 0, and no gate limits it.",
        metric=in_sentence(title_of(gap.metric, result.definitions)),
        value=figure(gap.value, kind, decimals=places),
        features=features_name(gap.by),
        limits=interval(gap.simultaneous_low, gap.simultaneous_high, kind, decimals=places),
    )
    return Finding(lead, rest)


def _stands_out(found: Found, kind: Kind) -> Sentence:
    """Write a difference by its size with its interval, which leaves out 0 as it is written too."""
    low, high = (found.low, found.high) if found.value >= 0 else (-found.high, -found.low)
    sizes: dict[Kind, Kind] = {"points": "gap", "moved": "amount"}
    shown: Kind = sizes.get(kind, "number")
    places = max(usual_decimals(shown, found.value, low, high), outward_decimals(low, 0.0, shown, up=False))
    unit = language() != "en"
    limits = tr(
        "{low} to {high}",
        low=outward(low, shown, up=False, decimals=places, unit=unit and shown == "percent"),
        high=outward(high, shown, up=True, decimals=places, unit=unit),
    )
    # As much of the confidence as it takes to tell it from 1.
    level = confidence(float(near_one(found.confidence)))
    told = figure(abs(found.value), shown, decimals=places)
    return say("{value} ({level} interval {limits})", value=told, level=level, limits=limits)


def _rates_lead(
    metric: str, view: str | None, part: Slice, reference: Slice | None, variant: Variant | None,
    result: AuditResult,
) -> tuple[Sentence, bool]:  # fmt: skip
    """Begin a finding with the rates themselves, or with the names when the rates are not there.

    Also returns whether the rates are written in whole rows of 100.
    """
    title = of_class(title_of(metric, result.definitions), view)
    one, other = estimate_of(variant, part, metric, view), estimate_of(variant, reference, metric, view)
    here = one.value if one is not None else None
    there = other.value if other is not None else None
    if variant is None or here is None or (reference is not None and there is None):
        names = compared_slices(part, reference)
        if variant is None or len(result.variants) < 2:
            return say("{metric}, {slices}.", metric=title, slices=names), False
        of = Given(variant.name)
        return say("{metric} of {variant}, {slices}.", metric=title, variant=of, slices=names), False

    def _worse(other: Slice, rate: float | None) -> list[Sentence]:
        said = worse_off(metric, (part, here), (other, rate), result, view) if rate is not None else ()
        return [said] if said else []

    model = model_name(variant, result)
    own = telling(result)
    words = own.of_rows if view is None else own.of_class if view != FAVOURABLE else None
    if is_rate(metric, result) and words is not None and variant.model.kind != LABELS_ONLY:
        mine = Rate(part, here, _counted(one, result))
        theirs = (
            Rate(reference, there, _counted(other, result))
            if reference is not None and there is not None
            else None
        )
        told = rates_of(result.definitions[metric], model, mine, theirs, words, view)
        if theirs is not None:
            told = sentences([told, *_worse(theirs.slice, theirs.value)])
        whole = shown_whole([here] if there is None else [here, there])
        return told, whole and not any(0 < rate.n < FEW for rate in (mine, theirs) if rate is not None)
    if metric in result.definitions and view is None:
        told = telling(result).lead(result.definitions[metric], model, part, reference, variant)
        if told:
            return sentences([told, *_worse(reference or {}, there)]), False
    kind: Kind = metric_kind(metric, result.definitions)
    first = say("{figure} in {slice}", figure=figure(here, kind), slice=slice_name(part))
    if len(result.variants) > 1:
        title = say("{metric} of {variant}", metric=title, variant=Given(variant.name))
    if reference is None:
        return say("{metric}: {one}.", metric=title, one=first), False
    second = say("{figure} in {slice}", figure=figure(there, kind), slice=slice_name(reference))
    told = say("{metric}: {one}, {other}.", metric=title, one=first, other=second)
    return sentences([told, *_worse(reference, there)]), False


def _counted(estimate: Estimate | None, result: AuditResult) -> int:
    """The rows that a rate is taken over; 0 where weights make it no share of them."""
    return 0 if estimate is None or result.data.weight is not None else estimate.n


def _measured(gate: GateResult, kind: Kind, limit: Limit | None, *, whole: bool, named: bool) -> Sentence:
    """Write a figure and its interval; a difference by its size, since the sentence before says who has less.

    In whole points where the rates before it are whole, unless that puts the figure on its limit.
    """
    value, low, high = gate.measured, gate.low, gate.high
    sizes: dict[Kind, Kind] = {"points": "gap", "moved": "amount", "signed": "number"}
    by_size = (gate.compare == "difference" or named) and kind in sizes
    if by_size and value is not None and value < 0:
        value, low, high = -value, _negative(high), _negative(low)
    shown: Kind = sizes[kind] if by_size else kind
    places = decimals_beside([value, low, high], limit, shown)
    if whole and shown == "gap" and places == 1 and _can_be_whole([value, low, high], limit):
        places = 0
    told = figure(value, shown, decimals=places)
    if low is None and high is None:
        return (told,)
    limits = interval(low, high, shown, decimals=places)
    return say("{value} ({level} interval {limits})", value=told, level=confidence(gate.confidence),
               limits=limits)  # fmt: skip


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _can_be_whole(values: list[float | None], limit: Limit | None) -> bool:
    """Whether rounding to whole points puts no figure on 0 or on its limit."""
    points = [value * 100 for value in values if value is not None]
    marks = {0.0} if limit is None else {0.0, abs(limit.value) * 100}
    return not any(round(point) == mark and point != mark for point in points for mark in marks)
