"""From the original to the candidate in one line: what it saves, what it changes, and who loses."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...audit.result import Comparison, Flips, GateResult, Variant
from ..variants.cost_tables import readable
from ..variants.payers import paying_slices
from ..words.formats import Kind, count, figure, interval, magnitude
from ..words.kinds import is_mitigated
from ..words.language import Sentence, say
from ..words.lookup import audit_timing, figure_of, is_comparison, performance_of
from ..words.spoken import Given, compared_kind, metric_kind, slice_name, title_of
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
    facts += [*_changed(item), *_loser(told, item)]
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
    metric = performance_of(told.result)
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


def _largest(told: Told, variant: Variant) -> tuple[float, GateResult] | None:
    """The largest gap between slices that a gate judges, by its difference or by its ratio."""
    gaps = [
        (gap, gate)
        for gate in told.result.gates
        if gate.variant == variant.name and gate.by and (gap := _gap_of(gate, variant)) is not None
    ]
    return max(gaps, key=lambda one: one[0], default=None)


def _gap_of(gate: GateResult, variant: Variant) -> float | None:
    """How far the two slices of a gate lie apart; None where it judges something else."""
    if gate.compare == "difference":
        return None if gate.measured is None else abs(gate.measured)
    if gate.compare != "ratio":
        return None
    parts = (gate.slice, gate.reference)
    here, there = (figure_of(variant, part, gate.metric, gate.view) for part in parts)
    return None if here is None or there is None else abs(here - there)


def _gap(told: Told, before: Variant, after: Variant) -> list[Fact]:
    old, new = _largest(told, before), _largest(told, after)
    if new is None:
        return []
    definitions = told.result.definitions
    kinds = {compared_kind("difference", one[1].metric, definitions) for one in (old, new) if one is not None}
    kind: Kind = "gap" if kinds == {"points"} else "number"

    def where(gate: GateResult) -> Sentence:
        title = title_of(gate.metric, definitions)
        return say("{metric}, {slice}", metric=title, slice=slice_name(gate.slice, short=True))

    gap, gate = new
    under = [where(gate)]
    if old is not None:
        was = figure(old[0], kind, unit=False)
        same = (old[1].metric, old[1].view, old[1].slice) == (gate.metric, gate.view, gate.slice)
        # Of another figure or slice: what was worst before has given way to what is worst now.
        under.append(
            say("was {gap}", gap=was) if same else say("was {gap}: {where}", gap=was, where=where(old[1]))
        )
    return [Fact(say("Largest gated gap"), (figure(gap, kind),), under)]


def _changed(item: Comparison | None) -> list[Fact]:
    whole = item.overall if item is not None else None
    if whole is None:
        return []
    share = say("{share} of {n}", share=figure(whole.rate, "percent"), n=count(whole.n))
    return [Fact(say("Decisions changed"), (count(whole.flips),), [share])]


def _loser(told: Told, item: Comparison | None) -> list[Fact]:
    """Who loses: the slice that loses on balance for certain, else the one that changes more than others."""
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
        flips = paid[0]
        under = say(
            "{rate} of its decisions, {ratio} times the others’",
            rate=figure(flips.rate, "percent"), ratio=figure(flips.ratio, "ratio"),
        )  # fmt: skip
        return [Fact(say("Changes most"), slice_name(flips.slice, short=True), [under])]
    return [Fact(say("Who loses"), say("nobody for certain"), [])]
