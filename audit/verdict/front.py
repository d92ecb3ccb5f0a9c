"""What the front page shows, chosen once, so that page, comment and terminal agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from scipy.stats import binom

from ...metrics.intervals import adjust_p
from ...metrics.limit import Limit
from ..result import (
    TARGET,
    USABLE,
    AuditResult,
    Cell,
    Comparison,
    Criterion,
    Disparity,
    Front,
    GateResult,
    Loss,
    Slice,
    Tally,
    Variant,
    Verdict,
    figures_compared,
)

MOST_CRITERIA = 5
_WORST: dict[Verdict, int] = {"fail": 0, "error": 1, "inconclusive": 2, "pass": 3}


def finished(result: AuditResult) -> AuditResult:
    """A whole result with what its front page shows, and with what its texts were told from."""
    return result.model_copy(update={"front": front(result) if result.variants else None}).as_told()


def front(result: AuditResult) -> Front:
    """Choose what is seen first; see `Front`."""
    subject, beside = _subject(result)
    variant = next(v for v in result.variants if v.name == subject)
    gates = [g for g in result.gates if g.variant == subject and g.binding]
    over = [g for g in gates if g.by and g.compare in ("value", "difference", "ratio")]
    criteria = _criteria(result, variant, over)
    item = _between(result, subject, beside)
    return Front(
        verdict_of=subject,
        beside=beside,
        without_sensitive=_without(result),
        leading=_leading(over or gates),
        tallies=[_tally(name, result.gates) for name in (v.name for v in result.variants)],
        criteria=criteria,
        cells=[_cell(one, c.by, variant, over, result) for c in result.coverage for one in criteria],
        losses=_losses(item, result) if item else [],
        levels_down=item is not None and _levels_down(item, result),
    )


def _subject(result: AuditResult) -> tuple[str, str | None]:
    """The variant that the verdict speaks of, and the one beside it.

    It is the one whose gates made the verdict what it is, where the one that would be shown did better.
    """
    shown, beside = _shown(result)
    worst: dict[str, int] = {}
    known = {variant.name for variant in result.variants}
    for gate in result.gates:
        if gate.binding and gate.variant in known:
            worst[gate.variant] = min(_WORST[gate.verdict], worst.get(gate.variant, len(_WORST)))
    deciding = min(worst, key=lambda name: worst[name], default=shown)
    if worst.get(shown, len(_WORST)) <= worst.get(deciding, len(_WORST)):
        return shown, beside
    return deciding, shown


def _shown(result: AuditResult) -> tuple[str, str | None]:
    """The variant to be released, or the original where that is not certain, and the one beside it."""
    first = result.variants[0]
    originals = [v.name for v in result.variants if v.kind == "original"]
    if len(originals) > 1:
        return originals[-1], originals[0]
    if result.frontier is None:
        return first.name, next((c.after for c in result.comparisons if c.before == first.name), None)
    chosen = result.frontier.recommended
    bound = {gate.variant for gate in result.gates if gate.binding}
    if chosen in (None, first.name) and result.frontier.nearest in bound:
        # Something was asked of changed variants, and this one, which misses least, stands for them.
        chosen = result.frontier.nearest
    if chosen is None or chosen == first.name:
        # What misses least is seen beside the original all the same.
        return first.name, result.frontier.nearest if result.frontier.nearest != first.name else None
    found = next(v for v in result.variants if v.name == chosen)
    proposed = found.recipe is not None and "mitigated" in found.recipe.groups
    return (first.name, chosen) if proposed else (chosen, first.name)


def _without(result: AuditResult) -> str | None:
    """The cheapest variant that passes and needs no sensitive feature to decide."""
    if result.frontier is None:
        return None
    needing = {v.name for v in result.variants if v.recipe is not None and v.recipe.needs}
    passing = [s for s in result.frontier.variants if s.verdict == "pass" and s.variant not in needing]
    best = min(passing, key=lambda s: s.cost, default=None)
    return best.variant if best else None


def _tally(name: str, gates: Sequence[GateResult]) -> Tally:
    mine = [gate.verdict for gate in gates if gate.variant == name]
    counts = {verdict: mine.count(verdict) for verdict in _WORST}
    return Tally(
        variant=name, passed=counts["pass"], failed=counts["fail"], open=counts["inconclusive"],
        error=counts["error"],
    )  # fmt: skip


def _leading(gates: Sequence[GateResult]) -> str | None:
    """The gate to be shown large: one that fails, else one that is open, else the nearest to its limit."""
    asked = [g for g in gates if not g.id.startswith(TARGET)] or list(gates)
    known = [g for g in asked if g.measured is not None]
    first = min(known, key=lambda g: (_WORST[g.verdict], -_used(g)), default=None)
    return first.id if first else None


def _used(gate: GateResult) -> float:
    """How much of what its limit allows was measured; 0 where that is no share."""
    limit = parsed(gate)
    if limit is None or gate.measured is None:
        return 0.0
    if gate.compare == "difference" and limit.value:
        return abs(gate.measured) / abs(limit.value)
    if gate.compare == "ratio" and limit.value != 1:
        return (1 - min(gate.measured, 1 / gate.measured if gate.measured else 0.0)) / (1 - limit.value)
    return 0.0


def parsed(gate: GateResult) -> Limit | None:
    """A gate's limit in parts; None where it is told in words."""
    try:
        return Limit.parse(gate.limit)
    except ValueError:
        return None


def _criteria(result: AuditResult, variant: Variant, gates: Sequence[GateResult]) -> list[Criterion]:
    """Figures that gates over slices limit, the worst verdict first, then the task's key ones.

    Those alone that slices differ in.
    """
    compared = {(d.metric, d.view) for d in variant.disparities if _of_reference(d)}
    known = result.definitions
    # In the order of the policy, unless there are more than are shown.
    asked = [(name, gate) for gate in gates for name in figures_compared(gate.metric, known)]
    if len({(name, gate.view) for name, gate in asked}) > MOST_CRITERIA:
        asked = sorted(asked, key=lambda one: _WORST[one[1].verdict])
    gated = [(name, gate.view) for name, gate in asked]
    wanted = [*gated, *((name, None) for name in result.priorities.key)]
    of_labels = {name for name, one in known.items() if one.of_labels}
    kept = [
        one for one in dict.fromkeys(wanted) if one in compared and (one in gated or one[0] not in of_labels)
    ]
    if not kept:
        # There is no decision to speak of: what the labels say is all there is to see.
        kept = [(name, None) for name in result.definitions if name in of_labels and (name, None) in compared]
    mirrors = {name: known[name].mirror for name, _ in kept if name in known}
    chosen: list[tuple[str, str | None]] = []
    for metric, view in kept:
        # A rate and 1 less that rate are one criterion, unless both are limited.
        if (metric, view) in gated or mirrors.get(metric) not in {m for m, v in chosen if v == view}:
            chosen.append((metric, view))
    return [Criterion(metric=metric, view=view) for metric, view in chosen[:MOST_CRITERIA]]


def _of_reference(disparity: Disparity) -> bool:
    return disparity.scope == "reference" and disparity.compare == "difference"


def _cell(
    one: Criterion, by: Sequence[str], variant: Variant, gates: Sequence[GateResult], result: AuditResult
) -> Cell:
    mine = [
        gate
        for gate in gates
        if set(gate.by) == set(by)
        and one.metric in figures_compared(gate.metric, result.definitions)
        and gate.view == one.view
        and _speaks_of(gate, one, variant, result)
    ]
    gate = min(mine, key=lambda g: (_WORST[g.verdict], -_used(g)), default=None)
    gaps = [
        d
        for d in variant.disparities
        if _of_reference(d) and d.by == list(by) and d.metric == one.metric and d.view == one.view
    ]
    extremes = gate is not None and figures_compared(gate.metric, result.definitions) != [gate.metric]
    # A named disparity compares two extremes, and no slice with a reference of its own.
    rebased = [] if extremes else _rebased(gaps, gate, variant, one)
    named = _between_extremes(gaps, gate, variant, one) if extremes else _named(rebased or gaps, gate)
    limit = parsed(gate) if gate else None
    low, high = named.together if named else (None, None)
    compare = _compared(gate, result) if gate else None
    own = gate.slice if gate is not None and compare == "value" and gate.slice else None
    if own and (named is None or named.slice != own):
        # A limit on each slice's own figure speaks of the reference too, which lies at no distance.
        return Cell(
            metric=one.metric, view=one.view, by=list(by), verdict=gate.verdict if gate else None,
            gate=gate.id if gate else None, compare=compare,
            operator=None if limit is None else "<=" if limit.upper else ">=",
            limit=None if limit is None else limit.value, slice=own, reference=own, value=0.0,
        )  # fmt: skip
    return Cell(
        metric=one.metric, view=one.view, by=list(by),
        verdict=gate.verdict if gate else None, gate=gate.id if gate else None,
        compare=compare,
        operator=None if limit is None else "<=" if limit.upper else ">=",
        limit=None if limit is None else limit.value,
        slice=named.slice if named else None, reference=named.reference if named else None,
        value=named.value if named else None, low=low, high=high,
        beyond_chance=named is not None and _beyond(named), differences=rebased,
    )  # fmt: skip


def _compared(gate: GateResult, result: AuditResult) -> Literal["value", "difference", "ratio"]:
    """What a gate limits: each slice's own figure, or a difference or ratio of two, named or not."""
    if gate.compare == "ratio" or gate.metric.endswith("_ratio"):
        return "ratio"
    named = figures_compared(gate.metric, result.definitions) != [gate.metric]
    return "difference" if gate.compare == "difference" or named else "value"


def _speaks_of(gate: GateResult, one: Criterion, variant: Variant, result: AuditResult) -> bool:
    """Whether what a gate found is of this figure: of several that it compares, the worst one decides it."""
    if len(figures_compared(gate.metric, result.definitions)) == 1 or gate.verdict == "pass":
        return True
    here, there = (level_of(variant, part, one) for part in (gate.slice, gate.reference))
    if here is None or there is None or gate.measured is None:
        return False
    found = (here / there if there else 0.0) if gate.metric.endswith("_ratio") else abs(here - there)
    return abs(found - gate.measured) < 1e-9


def level_of(variant: Variant, part: Slice | None, one: Criterion) -> float | None:
    """A figure of a slice."""
    row = next((row for row in variant.slices if row.slice == part), None)
    if row is None:
        return None
    found = (row.metrics if one.view is None else row.views.get(one.view, {})).get(one.metric)
    return found.value if found is not None else None


def _rebased(
    gaps: Sequence[Disparity], gate: GateResult | None, variant: Variant, one: Criterion
) -> list[Disparity]:
    """Differences from the reference of a gate; empty where ``gaps`` have it already or there is none.

    A gate may compare with the highest or lowest slice, or with one that it names.
    """
    base = gate.reference if gate is not None and gate.slice else None
    if not gaps or base is None or all(gap.reference == base for gap in gaps):
        return []
    former = gaps[0].model_copy(update={"slice": gaps[0].reference, "status": "ok"})
    nothing = dict.fromkeys(("low", "high", "simultaneous_low", "simultaneous_high", "p", "p_adjusted"))
    start, made = level_of(variant, base, one), []
    for gap in [*gaps, former]:
        here = level_of(variant, gap.slice, one)
        if gap.slice != base and here is not None and start is not None:
            limits = _limits(gate, gap.slice, here - start)
            made.append(
                gap.model_copy(update={**nothing, **limits, "reference": base, "value": here - start})
            )
    return made


def _between_extremes(
    gaps: Sequence[Disparity], gate: GateResult | None, variant: Variant, one: Criterion
) -> Disparity | None:
    """The difference of the two slices that decide a named disparity, the lower from the higher."""
    ends = (gate.slice, gate.reference) if gate is not None else (None, None)
    here, there = (level_of(variant, part, one) for part in ends)
    if here is None or there is None or not gaps:
        return _named(gaps, None)
    low, high = sorted([(here, ends[0]), (there, ends[1])], key=lambda end: end[0])
    found = next((gap for gap in gaps if (gap.slice, gap.reference) == (low[1], high[1])), None)
    nothing = dict.fromkeys(("low", "high", "simultaneous_low", "simultaneous_high", "p", "p_adjusted"))
    told = {"slice": low[1], "reference": high[1], "value": low[0] - high[0]}
    return found or gaps[0].model_copy(update={**nothing, **told})


def _limits(gate: GateResult | None, part: Slice | None, value: float) -> dict[str, float | None]:
    """The limits by which a gate judged the difference of a slice, where it is this one that it judged."""
    found = next((s for s in gate.slices if s.slice == part), None) if gate is not None else None
    if gate is None or gate.compare != "difference" or found is None or found.measured is None:
        return {}
    # One that ends at 0 is of the size alone, and says nothing of the sign.
    if abs(found.measured - value) > 1e-9 or not found.low or not found.high:
        return {}
    return {"simultaneous_low": found.low, "simultaneous_high": found.high}


def _beyond(disparity: Disparity) -> bool:
    low, high = disparity.together
    return disparity.status in USABLE and low is not None and high is not None and (low > 0 or high < 0)


def _named(gaps: Sequence[Disparity], gate: GateResult | None) -> Disparity | None:
    """The slice that a cell names."""
    measured = [d for d in gaps if d.value is not None]
    if gate is not None and gate.slice:
        ends = [(gate.slice, gate.reference), (gate.reference, gate.slice)]
        for one, other in ends:
            for found in measured:
                if found.slice == one and (found.reference == other or other is None):
                    return found
    usable = [d for d in measured if d.status in USABLE]
    shown = [d for d in usable if _beyond(d)]
    if shown:
        return max(shown, key=lambda d: min(abs(limit or 0.0) for limit in d.together))
    return max(usable or measured, key=lambda d: abs(d.value or 0.0), default=None)


def _between(result: AuditResult, subject: str, beside: str | None) -> Comparison | None:
    """What changes from the original to the variant that would be released, or is proposed."""
    pair = {subject, beside}
    return next((c for c in result.comparisons if {c.before, c.after} == pair), None)


def _sides(item: Comparison, result: AuditResult) -> Iterator[tuple[Slice, int, int, int]]:
    """Slices of single features with rows that are worse and better off by the change."""
    burden = result.data.positive_is == "burden"
    for flips in item.flips:
        if len(flips.slice) == 1 and flips.lost is not None and flips.gained is not None:
            worse, better = (flips.gained, flips.lost) if burden else (flips.lost, flips.gained)
            yield flips.slice, flips.n, worse, better


def _losses(item: Comparison, result: AuditResult) -> list[Loss]:
    """Slices that lose on balance: exact sign tests, Holm over all slices of single features."""
    if result.data.weight is not None or result.data.cluster is not None or result.data.positive_is is None:
        return []
    sides = list(_sides(item, result))
    # P(X >= worse) of as many coin tosses as rows have changed.
    p = [float(binom.sf(worse - 1, worse + better, 0.5)) for _, _, worse, better in sides]
    made = [
        Loss(slice=part, n=n, lost=worse, gained=better, p=one, p_adjusted=adjusted)
        for (part, n, worse, better), one, adjusted in zip(
            sides, p, adjust_p(p, "holm").tolist(), strict=True
        )
    ]
    shown = [loss for loss in made if loss.p_adjusted <= 1 - result.confidence]
    return sorted(shown, key=lambda loss: (loss.p_adjusted, -loss.lost / loss.n))


def _levels_down(item: Comparison, result: AuditResult) -> bool:
    """Whether decisions are only taken away, from somebody, by what is called an improvement."""
    whole = item.overall
    if whole is None or whole.lost is None or whole.gained is None or result.data.positive_is is None:
        return False
    worse, better = whole.lost, whole.gained
    if result.data.positive_is == "burden":
        worse, better = better, worse
    return worse > 0 and better == 0
