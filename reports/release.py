"""The answer on the first screen: which variant may be released, what it saves, and who pays for it."""

from __future__ import annotations

from dataclasses import dataclass

from ..audit.result import AuditResult, Comparison, Cost, Flips, Standing, Verdict
from .cost_tables import readable
from .formats import UNDEFINED, Kind, count, figure, interval
from .kinds import has_mitigated, is_mitigated, run_words
from .lookup import audit_timing, comparison_of, standing_of, variant_named
from .words import Given, Sentence, compared_kind, gate_limit_words, gate_title, slice_name, title_of

MOST_PAYERS = 2


@dataclass(frozen=True)
class Release:
    """A lead, the sentences that follow from it, and the verdict that colours it (None: none)."""

    lead: Sentence
    rest: list[Sentence]
    verdict: Verdict | None


def release(result: AuditResult) -> Release | None:
    """Say what the variants change and which is recommended; None for a run of one model."""
    frontier = result.frontier
    if frontier is None:
        return _compared(result)
    name = frontier.recommended
    standing = standing_of(frontier, name) if name else None
    if not result.gates:
        return Release(
            ("No variant is recommended.",), [(Given(frontier.why),), *_fairest(result, None)], None
        )
    if name is None:
        lead: Sentence = ("No variant qualifies for release.",)
        return Release(lead, [*_nearest(result), *_fairest(result, frontier.nearest), _tally(result)], "fail")
    if result.variants and name == result.variants[0].name:
        lead = ("Keep ", "the original" if name == "original" else Given(name), f": {_kept(result)}.")
        return Release(lead, [*_nearest(result), *_fairest(result, frontier.nearest), _tally(result)], None)
    if standing is not None and standing.verdict != "pass":
        lead = (Given(name), " was chosen, but the evaluation rows do not certify it.")
        rest = [_misses(result, name), *_told(result, name), *_fairest(result, name), _tally(result)]
        return Release(lead, rest, standing.verdict)
    rest = [*_told(result, name), *_fairest(result, name), *_certified(result), _tally(result)]
    return Release(("Recommended: ", Given(name), "."), rest, "pass")


def _kept(result: AuditResult) -> str:
    """Say why the original stays."""
    if result.frontier is not None and result.frontier.nearest:
        return f"no {_lighter(result)} variant passes every gate and target"
    if not has_mitigated(result):
        return "nothing is cheaper"
    return "nothing that passes every gate and target is cheaper or, at the same cost, fairer"


def _lighter(result: AuditResult) -> str:
    """The kinds of the variants, said by what compression is for."""
    return run_words(result).replace("compressed", "lighter") or "lighter"


def _fairest(result: AuditResult, told: str | None) -> list[Sentence]:
    """Say what the mitigated variant with the smallest worst gap would change.

    Not where it is told of already, or where a mitigated variant is recommended.
    """
    frontier = result.frontier
    if frontier is None or is_mitigated(result, frontier.recommended):
        return []
    found = [s for s in frontier.variants if s.worst_gap is not None and is_mitigated(result, s.variant)]
    best = min(found, key=lambda s: s.worst_gap or 0.0, default=None)
    if best is None or best.variant == told:
        return []
    changes = _performance_told(result, comparison_of(result, best.variant), best)
    pieces = [piece for one in [*changes, *_needed(result, best.variant)] for piece in (" ", *one)]
    return [("Smallest worst gap by mitigation: ", Given(best.variant), ".", *pieces)]


def _needed(result: AuditResult, name: str) -> list[Sentence]:
    """Say which sensitive features the decisions of a variant need."""
    variant = variant_named(result, name)
    needs = variant.recipe.needs if variant is not None and variant.recipe is not None else []
    return [("Its decisions need ", *readable(needs), ".")] if needs else []


def _certified(result: AuditResult) -> list[Sentence]:
    """Say that other rows chose than those that certify, where it is so."""
    if result.frontier is None or not result.frontier.selection:
        return []
    rows = f", certified on the {count(result.data.rows)} evaluation rows."
    return [("Chosen on ", Given(result.frontier.selected_on), rows)]


def _nearest(result: AuditResult) -> list[Sentence]:
    """Name the variant that misses least, what it misses, and what it would save and change."""
    nearest = result.frontier.nearest if result.frontier is not None else None
    if nearest is None:
        return []
    return [("Nearest: ", Given(nearest), ". ", *_misses(result, nearest)), *_told(result, nearest)]


def _compared(result: AuditResult) -> Release | None:
    """Say what two audits of the same rows differ in, for a run without a ladder."""
    if not result.comparisons:
        return None
    item = result.comparisons[0]
    lead: Sentence = (Given(item.after), " compared with ", Given(item.before), ".")
    return Release(lead, [*_flips_told(result, item), *_performance_told(result, item, None)], None)


def _told(result: AuditResult, name: str | None) -> list[Sentence]:
    """What a variant saves, what it changes, and who pays."""
    variant = variant_named(result, name) if name else None
    if variant is None or name is None:
        return []
    item = comparison_of(result, name)
    told = [_saving(variant.cost)] if variant.cost else []
    if item is not None:
        told += _flips_told(result, item)
    told += _performance_told(result, item, standing_of(result.frontier, name))
    return told + _needed(result, name)


def _saving(cost: Cost) -> Sentence:
    timing = audit_timing(cost)
    storage = f"It needs {figure(cost.storage, 'percent')} of the storage"
    if timing is None:
        return (f"{storage}.",)
    if timing.saving:
        spread = interval(timing.ratio_low, timing.ratio_high, "percent")
        return (f"{storage} and {figure(timing.ratio, 'percent')} of the time ({spread}).",)
    if timing.ratio_low > timing.null_high:
        return (f"{storage}, but {figure(timing.ratio, 'percent')} of the time: it is slower.",)
    return (f"{storage}, and saves no time beyond the noise.",)


def _flips_told(result: AuditResult, item: Comparison) -> list[Sentence]:
    if item.overall is None or item.overall.rate is None:
        return []
    limits = interval(item.overall.low, item.overall.high, "percent")
    floor = _floor(result, item)
    changed = (
        f"{figure(item.overall.rate, 'percent')} of the decisions change"
        + (f" ({limits})" if limits != UNDEFINED else "")
        + f"{floor}."
    )
    return [(changed,), *([_who_pays(result, item)] if item.flips else [])]


def _floor(result: AuditResult, item: Comparison) -> str:
    variant = variant_named(result, item.after)
    if variant is None or variant.self_flips is None:
        return ""
    return f"; batched otherwise, {figure(variant.self_flips.rate, 'percent')} change by themselves"


def _who_pays(result: AuditResult, item: Comparison) -> Sentence:
    payers = paying_slices(item)
    # Decisions that a mitigation changes may be meant to change.
    lead = "Whose decisions change most: " if is_mitigated(result, item.after) else "Who pays: "
    if not payers:
        return (f"{lead}no slice’s decisions change provably more often than those of all other rows.",)
    pieces: list[str] = [lead]
    for position, flips in enumerate(payers[:MOST_PAYERS]):
        name = slice_name(flips.slice)
        told = f" {figure(flips.rate, 'percent')}, {figure(flips.ratio, 'ratio')} times the rate of "
        told += "all other rows" if not position else "the others"
        told += f" ({count(flips.lost)} lose a favourable decision, {count(flips.gained)} gain one)"
        pieces += [*("; ",) * bool(position), *name, told]
    more = len(payers) - MOST_PAYERS
    if more > 0:
        pieces.append(f"; {more} more slice{'s' if more > 1 else ''} likewise")
    return (*pieces, ".")


def paying_slices(item: Comparison) -> list[Flips]:
    """Select the slices shown to flip more often than all other rows: whole features first, worst first."""
    shown = [
        flips
        for flips in item.flips
        if flips.status == "ok"
        and flips.slice
        and flips.ratio is not None
        and flips.ratio_low is not None
        and flips.ratio_low > 1
        and (flips.p_adjusted is None or flips.p_adjusted < 0.05)
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
    metric = result.frontier.performance if result.frontier else "accuracy"
    found = next((c for c in item.changes if c.metric == metric and not c.slice), None) if item else None
    if found is not None and found.value is not None:
        kind = compared_kind("change", metric, result.definitions)
        limits = interval(found.low, found.high, kind)
        title = title_of(metric, result.definitions)
        told.append((title, f" changes by {figure(found.value, kind)} ({limits})."))
    first = standing_of(result.frontier, result.variants[0].name) if result.variants else None
    if standing is not None and standing.worst_gap is not None and result.frontier is not None:
        kind = gap_kind(result)
        before = (
            f" (before: {figure(first.worst_gap, kind)})" if first and first.worst_gap is not None else ""
        )
        what = worst_gap_words(result, standing)
        where: Sentence = (": ", *what) if what else ()
        told.append((f"The worst gap is {figure(standing.worst_gap, kind)}{before}", *where, "."))
    return told


def worst_gap_words(result: AuditResult, standing: Standing | None) -> Sentence:
    """Say where a variant's worst gap is, with the metric by its title."""
    if standing is None or not standing.worst_gap_what:
        return ()
    metric, comma, where = standing.worst_gap_what.partition(", ")
    if comma and metric in result.definitions:
        return (title_of(metric, result.definitions), ", ", Given(where))
    return (Given(standing.worst_gap_what),)


def gap_kind(result: AuditResult) -> Kind:
    """Say how gaps are shown: as points where the judged metrics are rates, else as plain numbers."""
    names = result.frontier.gaps if result.frontier else []
    points = all(compared_kind("change", name, result.definitions) == "points" for name in names)
    return "gap" if points else "number"


def _misses(result: AuditResult, name: str) -> Sentence:
    """Say what a variant misses: on the evaluation rows, else on those of the choice."""
    missed = missed_words(result, standing_of(result.frontier, name))
    lead = "It misses: "
    if not missed:
        missed = missed_words(result, standing_of(result.frontier, name, selection=True), verdicts=False)
        lead = "On the rows of the choice it misses: "
    pieces: list[str] = []
    for words in missed:
        pieces += ["; " if pieces else lead, *words]
    return (*pieces, ".") if pieces else ()


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
            words.append((Given(missed),))
            continue
        title, limit = gate_title(gate, result.definitions), gate_limit_words(gate, result.definitions)
        words.append((*title, ", ", *limit, f" ({gate.verdict})" if verdicts else ""))
    return words


def _tally(result: AuditResult) -> Sentence:
    """Say how many variants there are, and how many qualify."""
    frontier = result.frontier
    first = result.variants[0].name if result.variants else ""
    others = [s for s in frontier.variants if s.variant != first] if frontier else []
    chosen_on = [s for s in frontier.selection if s.variant != first] if frontier else []
    passed = sum(standing.verdict == "pass" for standing in others)
    total = len(others)
    variants = "variant was" if total == 1 else "variants were"
    made = f"{total} {_lighter(result)} {variants} made; "
    made += f"{passed} pass{'es' * (passed == 1)} every gate and target"
    if chosen_on:
        there = sum(standing.verdict == "pass" for standing in chosen_on)
        made += f" on the evaluation rows, {there} on those of the choice"
    failed = len(result.failed)
    lost = f"; {failed} recipe{'' if failed == 1 else 's'} could not be carried out" if failed else ""
    return (f"{made}{lost}.",)
