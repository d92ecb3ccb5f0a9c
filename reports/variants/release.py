"""The answer on the first screen: which variant may be released, what it saves, and who pays for it."""

from __future__ import annotations

from dataclasses import dataclass

from ...audit.result import AuditResult, Frontier, Standing, Verdict
from ..tasks import telling
from ..words.formats import count
from ..words.kinds import has_given, has_mitigated, is_compressed, is_mitigated, run_words
from ..words.language import Sentence, later, later_n, say, say_n, sentences, series, tr
from ..words.lookup import cheaper_needs, comparison_of, standing_of, variant_named
from ..words.spoken import Given, gate_limit_words, gate_title
from ..words.translated import translated
from ..words.worst_gap import performance_words
from .cost_tables import readable
from .payers import flips_words
from .saving import costs_otherwise, saving_words


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
        lead = say("No variant is chosen.")
        return Release(lead, [translated(frontier.why), *_others(result, None)], [], None)
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
    lead = say(_CHEAPEST[cheaper_needs(result, name)], variant=Given(name))
    told = [*uncertified, *_told(result, name), *_others(result, name)]
    return Release(lead, told, [*_certified(result), _tally(result)], "pass")


_CHEAPEST = {
    False: later("Cheapest that passes: {variant}."),
    True: later("Cheapest that passes and needs no sensitive feature to decide: {variant}."),
}
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

    The mitigated one with the smallest largest gap, unless a mitigated one is recommended; the compressed
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
        lead = later("Smallest gap by mitigation: {variant}.")
    if best is None or best.variant in (told, frontier.recommended):
        return []
    variant = variant_named(result, best.variant)
    told_of = [say(lead, variant=Given(best.variant))]
    if variant is not None and variant.cost is not None and is_compressed(result, best.variant):
        told_of.append(saving_words(variant.cost))
    told_of += performance_words(result, comparison_of(result, best.variant), best)
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
            rows=translated(result.frontier.selected_on),
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
    told = [*flips_words(result, item), *performance_words(result, item, None), *([paid] if paid else [])]
    return Release(lead, told, [], None)


def _told(result: AuditResult, name: str | None) -> list[Sentence]:
    """What a variant saves, what it changes, and who pays."""
    variant = variant_named(result, name) if name else None
    if variant is None or name is None:
        return []
    item = comparison_of(result, name)
    cost = variant.cost
    told = [saving_words(cost)] if cost and (is_compressed(result, name) or costs_otherwise(cost)) else []
    told += performance_words(result, item, standing_of(result.frontier, name))
    if item is not None:
        told += flips_words(result, item)
        paid = telling(result).paid(item, result)
        told += [paid] if paid else []
    return told + _needed(result, name)


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
            words.append(translated(missed))
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
