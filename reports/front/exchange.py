"""From the original to the candidate in one line: what it saves, what it changes, and who loses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ...audit.result import (
    AuditResult,
    Comparison,
    Flips,
    GateResult,
    GateSlice,
    Slice,
    Variant,
    figures_compared,
)
from ..tasks import telling
from ..variants.cost_tables import readable
from ..variants.payers import paying_slices
from ..words.formats import Kind, count, figure, interval, magnitude
from ..words.kinds import is_mitigated
from ..words.language import Sentence, say
from ..words.lookup import audit_timing, figure_of, is_comparison, performance_of
from ..words.spoken import Given, compared_kind, metric_kind, of_class, slice_name, title_of
from .looked_up import Told


@dataclass(frozen=True)
class Fact:
    """A figure of the exchange: its head, itself, what stands under it; ``warns``: it needs to be judged."""

    head: Sentence
    figure: Sentence
    under: list[Sentence] = field(default_factory=list)
    warns: bool = False


@dataclass(frozen=True)
class Exchange:
    """One variant for another."""

    before: Sentence
    after: Sentence
    role: Sentence
    facts: list[Fact]


def exchange(told: Told) -> Exchange | None:
    """Lay out what the candidate costs and whom; None where one model stands alone."""
    result, beside = told.result, told.beside
    if beside is None:
        return None
    names = [v.name for v in result.variants]
    before, after = sorted((told.variant, beside), key=lambda v: names.index(v.name))
    item = next((c for c in result.comparisons if (c.before, c.after) == (before.name, after.name)), None)
    facts = [*_costs(before, after), *_needs(after), *_performance(told, item), *_gap(told, before, after)]
    facts += [*_changed(told, item), *_loser(told, item)]
    return Exchange((Given(before.name),), (Given(after.name),), _role(told, after.name), facts)


def _role(told: Told, after: str) -> Sentence:
    result = told.result
    if is_comparison(result):
        return say("the later model")
    if result.frontier is None:
        return say("the other model")
    if result.frontier.recommended != after:
        return say("misses least")
    return say("proposed") if is_mitigated(result, after) else say("cheapest that passes")


def _costs(before: Variant, after: Variant) -> list[Fact]:
    cost, old = after.cost, before.cost
    if cost is None:
        return []
    facts = []
    if cost.storage not in (None, 1):
        of = magnitude(old.stored_bytes, "B") if old is not None else ""
        under = [say("{share} of {size}", share=figure(cost.storage, "percent"), size=of)] if of else []
        facts.append(Fact(say("Storage"), (magnitude(cost.stored_bytes, "B"),), under))
    timing = audit_timing(cost)
    if timing is not None and (cost.storage not in (None, 1) or timing.saving):
        spread = interval(timing.ratio_low, timing.ratio_high, "percent")
        under = [(spread,)] if timing.saving else [say("no saving beyond the noise")]
        facts.append(
            Fact(say("Time, batch of {n}", n=count(timing.batch)), (figure(timing.ratio, "percent"),), under)
        )
    return facts


def _needs(after: Variant) -> list[Fact]:
    needs = after.recipe.needs if after.recipe is not None else []
    if not needs:
        return []
    return [
        Fact(say("To decide it needs"), readable(needs), [say("of each person: may be unlawful")], warns=True)
    ]


def _performance(told: Told, item: Comparison | None) -> list[Fact]:
    """The figure of performance, then the leading one where that is a bias: no side of it is better."""
    result, first = told.result, performance_of(told.result)
    known = [result.definitions[name] for name in result.priorities.leading if name in result.definitions]
    biases = [d.name for d in known if d.better is None and d.ideal is not None and d.name != first]
    return [fact for name in [first, *biases[:1]] for fact in _moved(told, item, name)]


def _moved(told: Told, item: Comparison | None, metric: str) -> list[Fact]:
    """A figure of all rows after the change, and how far it has moved."""
    found = next((c for c in item.changes if c.metric == metric and not c.slice), None) if item else None
    if found is None or found.after is None:
        return []
    definitions = told.result.definitions
    kind = compared_kind("change", metric, definitions)
    moved = say(
        "{change} ({limits})", change=figure(found.value, kind, unit=False),
        limits=interval(found.low, found.high, kind),
    )  # fmt: skip
    level = figure(found.after, metric_kind(metric, definitions))
    return [Fact((title_of(metric, definitions),), (level,), [moved])]


@dataclass(frozen=True)
class Gap:
    """How far a slice lies from its reference, by a figure that a gate judges."""

    size: float
    metric: str
    view: str | None
    slice: Slice


def _largest(told: Told, variant: Variant) -> Gap | None:
    """The largest gap that gates judge, by difference or by ratio; what decides them may be a smaller one."""
    gates = [
        g for g in told.result.gates if g.variant == variant.name and g.compare not in ("change", "cost")
    ]
    gaps = [gap for gate in gates for gap in _gaps(gate, variant, told.result)]
    return max(gaps, key=lambda gap: gap.size, default=None)


def _gaps(gate: GateResult, variant: Variant, result: AuditResult) -> Iterator[Gap]:
    parts: Sequence[GateSlice | GateResult] = gate.slices or [gate]
    for part in parts:
        view = part.view or gate.view
        for metric in (
            figures_compared(gate.metric, result.definitions) if part.slice and part.reference else ()
        ):
            here, there = (figure_of(variant, of, metric, view) for of in (part.slice, part.reference))
            if here is not None and there is not None:
                yield Gap(abs(here - there), metric, view, part.slice)


def _gap(told: Told, before: Variant, after: Variant) -> list[Fact]:
    old, new = _largest(told, before), _largest(told, after)
    if new is None:
        return []
    definitions = told.result.definitions
    kinds = {compared_kind("difference", gap.metric, definitions) for gap in (old, new) if gap is not None}
    kind: Kind = "gap" if kinds == {"points"} else "number"

    def where(gap: Gap) -> Sentence:
        title = of_class(title_of(gap.metric, definitions), gap.view)
        return say("{metric}, {slice}", metric=title, slice=slice_name(gap.slice, short=True))

    under = [where(new)]
    if old is not None:
        was = figure(old.size, kind, unit=False)
        same = where(old) == where(new)
        # Of another figure or slice: what was worst before has given way to what is worst now.
        under.append(
            say("was {gap}", gap=was) if same else say("was {gap}: {where}", gap=was, where=where(old))
        )
    return [Fact(say("Largest gated gap"), (figure(new.size, kind),), under)]


def _changed(told: Told, item: Comparison | None) -> list[Fact]:
    whole = item.overall if item is not None else None
    if whole is None:
        return []
    share = say("{share} of {n}", share=figure(whole.rate, "percent"), n=count(whole.n))
    words = telling(told.result)
    turns = [] if item is None or item.turned is None else list(words.turns(item.turned))
    return [Fact(say(words.change.head), (count(whole.flips),), [share, *turns])]


def _loser(told: Told, item: Comparison | None) -> list[Fact]:
    """Who loses: the slice that loses on balance for certain, else the one that changes more than others.

    Where no decision can be lost or gained, the slice whose own figure falls most.
    """
    if item is None:
        return []
    if told.front.losses:
        worst = max(told.front.losses, key=lambda loss: (loss.lost - loss.gained) / loss.n)
        under = say(
            "{lost} lose, {gained} gain, of {n}",
            lost=count(worst.lost), gained=count(worst.gained), n=count(worst.n),
        )  # fmt: skip
        return [Fact(say("Who loses"), slice_name(worst.slice, short=True), [under])]
    paid: list[Flips] = paying_slices(item)
    if paid:
        flips, said = paid[0], telling(told.result).change
        under = say(
            said.of_slice, rate=figure(flips.rate, "percent"), ratio=figure(flips.ratio, "ratio"),
        )  # fmt: skip
        return [Fact(say("Changes most"), slice_name(flips.slice, short=True), [under])]
    if not _tested(told.result, item):
        return _falls(told, item)
    return [Fact(say("Who loses"), say("nobody for certain"), [])]


def _tested(result: AuditResult, item: Comparison) -> bool:
    """Whether anybody could have been found to lose: the test is of plain rows, lost against gained."""
    data = result.data
    if data.positive_is is None or data.weight is not None or data.cluster is not None:
        return False
    return any(
        len(flips.slice) == 1 and flips.lost is not None and flips.gained is not None for flips in item.flips
    )


def _falls(told: Told, item: Comparison) -> list[Fact]:
    """The slice of one feature whose performance becomes worse by most, of those proven to; else nothing."""
    result, metric = told.result, performance_of(told.result)
    definition = result.definitions.get(metric) if metric is not None else None
    if metric is None or definition is None or definition.better is None:
        return []
    sign = 1.0 if definition.better == "lower" else -1.0
    worse = [
        change
        for change in item.changes
        if (change.metric, change.view, len(change.slice)) == (metric, None, 1)
        and change.value is not None and change.low is not None and change.high is not None
        and min(sign * change.low, sign * change.high) > 0
        and (change.p_adjusted is None or change.p_adjusted <= 1 - result.confidence)
    ]  # fmt: skip
    if not worse:
        return []
    most = max(worse, key=lambda change: sign * (change.value or 0.0))
    kind = compared_kind("change", metric, result.definitions)
    moved = say(
        "{metric} {change} ({limits})", metric=title_of(metric, result.definitions),
        change=figure(most.value, kind, unit=False), limits=interval(most.low, most.high, kind),
    )  # fmt: skip
    return [Fact(say("Loses most"), slice_name(most.slice, short=True), [moved])]
