"""The answer on the first screen: which variant may be released, what it saves, and who pays for it."""

from __future__ import annotations

from dataclasses import dataclass

from ..audit.result import AuditResult, Comparison, Cost, Flips, Frontier, Standing, Timing, Verdict
from ..told import Told
from .cost_tables import readable
from .formats import Kind, count, figure, interval
from .kinds import has_given, has_mitigated, is_compressed, is_mitigated, run_words
from .language import Sentence, later, later_n, say, say_n, sentences, series, tr
from .lookup import audit_timing, comparison_of, performance_of, standing_of, variant_named
from .meaning import paid_words
from .retold import retold
from .tasks import telling
from .turned import directed, turned_paid
from .words import Given, compared_kind, gate_limit_words, gate_title, title_of

MOST_PAYERS = 1


@dataclass(frozen=True)
class Release:
    """A lead, what would change with it, how it was chosen, and the verdict that colours it (None: none)."""

    lead: Sentence
    changes: list[Sentence]
    chosen: list[Sentence]
    verdict: Verdict | None

    @property
    def rest(self) -> list[Sentence]:
        """All that follows from the lead."""
        return [*self.changes, *self.chosen]


def release(result: AuditResult) -> Release | None:
    """Say what the variants change and which is recommended; None for a run of one model."""
    frontier = result.frontier
    if frontier is None:
        return _compared(result)
    name = frontier.recommended
    standing = standing_of(frontier, name) if name else None
    if not result.gates:
        lead = say("No variant is recommended.")
        return Release(lead, [retold(frontier.why), *_others(result, None)], [], None)
    if name is None:
        lead = say("No variant qualifies for release.")
        return Release(
            lead, [*_nearest(result), *_others(result, frontier.nearest)], [_tally(result)], "fail"
        )
    if result.variants and name == result.variants[0].name:
        kept: str = tr("the original") if name == "original" else Given(name)
        lead = say(_KEPT[_reason_to_keep(result)], original=kept)
        return Release(lead, [*_nearest(result), *_others(result, frontier.nearest)], [_tally(result)], None)
    uncertified = _uncertified(frontier)
    if standing is not None and standing.verdict != "pass":
        lead = say("{variant} was chosen, but the evaluation rows do not certify it.", variant=Given(name))
        told = [*uncertified, _misses(result, name), *_told(result, name), *_others(result, name)]
        return Release(lead, told, [_tally(result)], standing.verdict)
    lead = say("Recommended: {variant}.", variant=Given(name))
    told = [*uncertified, *_told(result, name), *_others(result, name)]
    return Release(lead, told, [*_certified(result), _tally(result)], "pass")


_KEPT = {
    "": later("Keep {original}: no variant passes every gate and target."),
    "compressed": later("Keep {original}: no lighter variant passes every gate and target."),
    "mitigated": later("Keep {original}: no mitigated variant passes every gate and target."),
    "compressed or mitigated": later(
        "Keep {original}: no lighter or mitigated variant passes every gate and target."
    ),
    "cheaper": later("Keep {original}: nothing is cheaper."),
    "fairer": later(
        "Keep {original}: nothing that passes every gate and target is cheaper or, at the same cost, fairer."
    ),
}


def _reason_to_keep(result: AuditResult) -> str:
    if result.frontier is not None and result.frontier.nearest:
        return run_words(result)
    return "fairer" if has_mitigated(result) else "cheaper"


def _others(result: AuditResult, told: str | None) -> list[Sentence]:
    """Say what the variants that are not told of would change, the best of each kind.

    The mitigated one with the smallest worst gap, unless a mitigated one is recommended; the compressed
    one of the least cost, where a mitigated one is recommended.
    """
    frontier = result.frontier
    if frontier is None:
        return []
    if is_mitigated(result, frontier.recommended):
        cheap = [s for s in frontier.variants if is_compressed(result, s.variant)]
        best = min(cheap, key=lambda s: s.cost, default=None)
        lead = later("Cheapest by compression: {variant}.")
    else:
        fair = [s for s in frontier.variants if s.worst_gap is not None and is_mitigated(result, s.variant)]
        best = min(fair, key=lambda s: s.worst_gap or 0.0, default=None)
        lead = later("Smallest worst gap by mitigation: {variant}.")
    if best is None or best.variant in (told, frontier.recommended):
        return []
    variant = variant_named(result, best.variant)
    told_of = [say(lead, variant=Given(best.variant))]
    if variant is not None and variant.cost is not None and is_compressed(result, best.variant):
        told_of.append(_saving(variant.cost))
    told_of += _performance_told(result, comparison_of(result, best.variant), best)
    return [sentences([*told_of, *_needed(result, best.variant)])]


def _needed(result: AuditResult, name: str) -> list[Sentence]:
    """Say which sensitive features the decisions of a variant need."""
    variant = variant_named(result, name)
    needs = variant.recipe.needs if variant is not None and variant.recipe is not None else []
    return [say("Its decisions need {features}.", features=readable(needs))] if needs else []


def _certified(result: AuditResult) -> list[Sentence]:
    """Say that other rows chose than those that certify, where it is so."""
    if result.frontier is None or not result.frontier.selection:
        return []
    return [
        say(
            "Chosen on {rows}, certified on the {n} evaluation rows.",
            rows=retold(result.frontier.selected_on),
            n=count(result.data.rows),
        )
    ]


def _uncertified(frontier: Frontier) -> list[Sentence]:
    """Say that the rows that judge the chosen variant chose it too, where it is so."""
    if frontier.certified is not False:
        return []
    return [
        say(
            "Chosen among {n} variants on the rows that judge it: its verdict is not certified. Set "
            "data.selection to choose on other rows.",
            n=count(len(frontier.variants)),
        )
    ]


def _nearest(result: AuditResult) -> list[Sentence]:
    """Name the variant that misses least, what it misses, and what it would save and change."""
    nearest = result.frontier.nearest if result.frontier is not None else None
    if nearest is None:
        return []
    named = say("Nearest: {variant}.", variant=Given(nearest))
    return [sentences([named, _misses(result, nearest)]), *_told(result, nearest)]


def _compared(result: AuditResult) -> Release | None:
    """Say what two audits of the same rows differ in, for a run without a ladder."""
    if not result.comparisons:
        return None
    item = result.comparisons[0]
    named = say("{after} compared with {before}.", after=Given(item.after), before=Given(item.before))
    lead = sentences([named, telling(result).moved(item, result)])
    paid = telling(result).paid(item, result)
    told = [*_flips_told(result, item), *_performance_told(result, item, None), *([paid] if paid else [])]
    return Release(lead, told, [], None)


def _told(result: AuditResult, name: str | None) -> list[Sentence]:
    """What a variant saves, what it changes, and who pays."""
    variant = variant_named(result, name) if name else None
    if variant is None or name is None:
        return []
    item = comparison_of(result, name)
    cost = variant.cost
    told = [_saving(cost)] if cost and (is_compressed(result, name) or _costs_otherwise(cost)) else []
    told += _performance_told(result, item, standing_of(result.frontier, name))
    if item is not None:
        told += _flips_told(result, item)
        paid = telling(result).paid(item, result)
        told += [paid] if paid else []
    return told + _needed(result, name)


def _costs_otherwise(cost: Cost) -> bool:
    """Whether a variant costs more or less than the original; what only decides otherwise costs the same."""
    timing = audit_timing(cost)
    return cost.storage not in (None, 1) or (
        timing is not None and (timing.saving or timing.ratio_low > timing.null_high)
    )


def _saving(cost: Cost) -> Sentence:
    timing = audit_timing(cost)
    if cost.storage is None:
        return _time_alone(timing)
    storage = figure(cost.storage, "percent")
    if timing is None:
        return say("It needs {storage} of the storage.", storage=storage)
    time = figure(timing.ratio, "percent")
    if timing.saving:
        spread = interval(timing.ratio_low, timing.ratio_high, "percent")
        return say(
            "It needs {storage} of the storage and {time} of the time ({spread}).",
            storage=storage, time=time, spread=spread,
        )  # fmt: skip
    if timing.ratio_low > timing.null_high:
        return say(
            "It needs {storage} of the storage, but {time} of the time: it is slower.",
            storage=storage, time=time,
        )  # fmt: skip
    return say("It needs {storage} of the storage, and saves no time beyond the noise.", storage=storage)


def _time_alone(timing: Timing | None) -> Sentence:
    """What a variant saves where nobody knows what it takes to store: it is served elsewhere."""
    if timing is None:
        return say("What it saves was not measured.")
    time = figure(timing.ratio, "percent")
    if timing.saving:
        spread = interval(timing.ratio_low, timing.ratio_high, "percent")
        return say("It needs {time} of the time ({spread}).", time=time, spread=spread)
    if timing.ratio_low > timing.null_high:
        return say("It needs {time} of the time: it is slower.", time=time)
    return say("It saves no time beyond the noise.")


def _flips_told(result: AuditResult, item: Comparison) -> list[Sentence]:
    if item.overall is None or item.overall.rate is None:
        return []
    rate = figure(item.overall.rate, "percent")
    if item.overall.low is None and item.overall.high is None:
        changed = say("{rate} of the decisions change.", rate=rate)
    else:
        limits = interval(item.overall.low, item.overall.high, "percent")
        changed = say("{rate} of the decisions change ({limits}).", rate=rate, limits=limits)
    told = [sentences([changed, _floor(result, item)])]
    return [*told, *([_who_pays(result, item)] if item.flips else [])]


def _floor(result: AuditResult, item: Comparison) -> Sentence:
    """Say how many decisions another batching alone changes, where it changes any."""
    variant = variant_named(result, item.after)
    if variant is None or variant.self_flips is None or not variant.self_flips.flips:
        return ()
    rate = figure(variant.self_flips.rate, "percent")
    return say("Another batching alone changes {rate}.", rate=rate)


def _who_pays(result: AuditResult, item: Comparison) -> Sentence:
    payers = paying_slices(item)
    # Decisions that a mitigation changes may be meant to change; and nobody is said to pay where nobody said
    # what a decision is to the person.
    meant = is_mitigated(result, item.after) or result.data.positive_is is None
    if not payers and meant:
        return say("No slice’s decisions change provably more often than those of all other rows.")
    if not payers:
        return say("Who pays: no slice’s decisions change provably more often than those of all other rows.")
    who = [
        paid_words(flips, result.data.positive_is) if directed(item) else turned_paid(flips)
        for flips in payers[:MOST_PAYERS]
    ]
    more = len(payers) - MOST_PAYERS
    if more > 0:
        who.append(say_n("{more} more slice likewise", "{more} more slices likewise", more, more=count(more)))
    if meant:
        return say("Whose decisions change most: {who}.", who=series(who))
    return say("Who pays: {who}.", who=series(who))


def paying_slices(item: Comparison) -> list[Flips]:
    """Select the slices shown to flip more often than all other rows: whole features first, worst first.

    A slice without a test of its own is not shown to.
    """
    shown = [
        flips
        for flips in item.flips
        if flips.status == "ok"
        and flips.slice
        and flips.ratio is not None
        and flips.ratio_low is not None
        and flips.ratio_low > 1
        and flips.p_adjusted is not None
        and flips.p_adjusted < 0.05
    ]
    shown.sort(key=lambda flips: (len(flips.slice), -(flips.ratio_low or 0)))
    # A crossing of features says nothing new where one of its features pays already.
    told: list[Flips] = []
    for flips in shown:
        if not any(one.slice.items() <= flips.slice.items() for one in told):
            told.append(flips)
    return told


def _performance_told(
    result: AuditResult, item: Comparison | None, standing: Standing | None
) -> list[Sentence]:
    told: list[Sentence] = []
    metric = performance_of(result)
    found = next((c for c in item.changes if c.metric == metric and not c.slice), None) if item else None
    if found is not None and found.value is not None:
        kind = compared_kind("change", metric, result.definitions)
        told.append(
            say(
                "{metric} changes by {value} ({limits}).",
                metric=title_of(metric, result.definitions),
                value=figure(found.value, kind),
                limits=interval(found.low, found.high, kind),
            )
        )
    if standing is not None and standing.worst_gap is not None and result.frontier is not None:
        told.append(_worst_gap_told(result, standing, standing.worst_gap))
    return told


def _worst_gap_told(result: AuditResult, standing: Standing, worst: float) -> Sentence:
    kind = gap_kind(result)
    gap: Sentence = (figure(worst, kind),)
    first = standing_of(result.frontier, result.variants[0].name) if result.variants else None
    if first is not None and first.worst_gap is not None:
        gap = say("{after} (before: {before})", after=gap, before=figure(first.worst_gap, kind))
    what = worst_gap_words(result, standing)
    if not what:
        return say("The worst gap is {gap}.", gap=gap)
    return say("The worst gap is {gap}: {what}.", gap=gap, what=what)


def worst_gap_words(result: AuditResult, standing: Standing | None) -> Sentence:
    """Say where a variant's worst gap is, with the metric by its title."""
    if standing is None or not standing.worst_gap_what:
        return ()
    what = standing.worst_gap_what
    metric, comma, where = what.partition(", ")
    where = what.parts.get("slices", where) if isinstance(what, Told) else where
    if comma and metric in result.definitions:
        return say("{metric}, {slices}", metric=title_of(metric, result.definitions), slices=retold(where))
    return (Given(what),)


def gap_kind(result: AuditResult) -> Kind:
    """Say how gaps are shown: as points where the judged metrics are rates, else as plain numbers."""
    names = result.frontier.gaps if result.frontier else []
    kinds = {compared_kind("change", name, result.definitions) for name in names}
    if kinds == {"moved"}:
        return "amount"
    return "gap" if kinds <= {"points"} else "number"


def _misses(result: AuditResult, name: str) -> Sentence:
    """Say what a variant misses: on the evaluation rows, else on those of the choice."""
    missed = missed_words(result, standing_of(result.frontier, name))
    if missed:
        return say("It misses: {gates}.", gates=series(missed))
    missed = missed_words(result, standing_of(result.frontier, name, selection=True), verdicts=False)
    return say("On the rows of the choice it misses: {gates}.", gates=series(missed)) if missed else ()


def missed_words(result: AuditResult, standing: Standing | None, *, verdicts: bool = True) -> list[Sentence]:
    """Name the gates and targets that a variant does not pass, with what they ask for.

    ``verdicts``: say what they found, which the result holds for the evaluation rows alone.
    """
    if standing is None:
        return []
    gates = {gate.id: gate for gate in result.gates if gate.variant == standing.variant}
    words: list[Sentence] = []
    for missed in standing.misses:
        gate = gates.get(missed)
        if gate is None:
            words.append(retold(missed))
            continue
        title, limit = gate_title(gate, result.definitions), gate_limit_words(gate, result.definitions)
        asked = say("{gate}, {limit}", gate=title, limit=limit)
        verdict = tr(gate.verdict)
        words.append(say("{gate} ({verdict})", gate=asked, verdict=verdict) if verdicts else asked)
    return words


_MADE = {
    "": later_n("{n} variant was made; {passed}.", "{n} variants were made; {passed}."),
    "compressed": later_n(
        "{n} lighter variant was made; {passed}.", "{n} lighter variants were made; {passed}."
    ),
    "mitigated": later_n(
        "{n} mitigated variant was made; {passed}.", "{n} mitigated variants were made; {passed}."
    ),
    "compressed or mitigated": later_n(
        "{n} lighter or mitigated variant was made; {passed}.",
        "{n} lighter or mitigated variants were made; {passed}.",
    ),
}


_GIVEN = later_n(
    "{n} variant was audited beside the original; {passed}.",
    "{n} variants were audited beside the original; {passed}.",
)


def _tally(result: AuditResult) -> Sentence:
    """Say how many variants there are, and how many qualify."""
    frontier = result.frontier
    first = result.variants[0].name if result.variants else ""
    others = [s for s in frontier.variants if s.variant != first] if frontier else []
    chosen_on = [s for s in frontier.selection if s.variant != first] if frontier else []
    passed = sum(standing.verdict == "pass" for standing in others)
    if chosen_on:
        there = sum(standing.verdict == "pass" for standing in chosen_on)
        found = say_n(
            "{n} passes every gate and target on the evaluation rows, {there} on those of the choice",
            "{n} pass every gate and target on the evaluation rows, {there} on those of the choice",
            passed, n=count(passed), there=count(there),
        )  # fmt: skip
    else:
        found = say_n("{n} passes every gate and target", "{n} pass every gate and target", passed,
                      n=count(passed))  # fmt: skip
    # A recipe has steps; what was given has none.
    failed = sum(bool(item.steps) for item in result.failed)
    if failed:
        found = say_n(
            "{found}; {n} recipe could not be carried out",
            "{found}; {n} recipes could not be carried out",
            failed, found=found, n=count(failed),
        )  # fmt: skip
    unscored = len(result.failed) - failed
    if unscored:
        found = say_n(
            "{found}; {n} given variant could not be scored",
            "{found}; {n} given variants could not be scored",
            unscored, found=found, n=count(unscored),
        )  # fmt: skip
    one, many = _GIVEN if has_given(result) else _MADE[run_words(result)]
    return say_n(one, many, len(others), n=count(len(others)), passed=found)
