"""The ladder of variants: what each costs and risks, and which is the cheapest that may be released."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from ..metrics.limit import Limit
from ..tasks import BINARY, Task
from ..told import tell, told_list, told_on
from .config import AGGREGATES, COSTS, Gate, Objective
from .costs import cost_ratio
from .gate import gate_id, worst
from .gate_words import GROUPS
from .plan import Plan
from .result import USABLE, Comparison, Disparity, Frontier, GateResult, Standing, Variant

TARGET = "target-"
"""Begins the id of a target's result."""


RELEASE = "release"
"""Id of the result that says that nothing may be released."""
CERTIFIED = "certified"
"""Id of the result that says that the choice was not made on rows of its own, where that is required."""
ORIGINAL = "original"
NOTHING_ASKED = tell("nothing was asked of its figures")
NOTHING_REQUIRED = tell("No gate and no target is set, so that nothing says which variant may be released.")


@dataclass(frozen=True)
class Judged:
    """The variants as judged on one set of rows.

    Attributes
    ----------
    variants : sequence of Variant
        The original first.
    gates : sequence of GateResult
        Of all variants, targets included.
    comparisons : sequence of Comparison
    rows : int
    task : Task
    """

    variants: Sequence[Variant]
    gates: Sequence[GateResult]
    comparisons: Sequence[Comparison]
    rows: int
    task: Task = BINARY

    @property
    def original(self) -> Variant:
        """The variant that the others were made from."""
        return next(v for v in self.variants if v.kind == "original")


def performance_metric(objective: Objective, judged: Judged) -> str | None:
    """Return the metric of performance: the one named, else the first that usually is and was measured."""
    if objective.performance is not None:
        return objective.performance
    return next((m for m in judged.task.performance if m in judged.original.overall), None)


def gap_metrics(objective: Objective, gates: Sequence[Gate], judged: Judged) -> list[str]:
    """Return the metrics whose gaps are judged: those named, else those of the gates over slices.

    Without either those that the task names: of two classes true and false positive rate where there are
    labels, else the selection rate.
    """
    if objective.gaps is not None:
        return list(objective.gaps)
    measured = {d.metric for d in judged.original.disparities if d.scope == "reference"}
    over_slices = [g.metric for g in gates if g.cost is None and g.by is not None]
    asked = [m for name in over_slices for m in (AGGREGATES[name].metrics if name in AGGREGATES else [name])]
    if measured & set(asked):
        return [m for m in dict.fromkeys(asked) if m in measured]
    usual = ([m for m in some if m in measured] for some in judged.task.gaps)
    return next(filter(None, usual), [])


def target_results(
    objective: Objective, variant: Variant, original: Variant, comparison: Comparison | None, plan: Plan
) -> list[GateResult]:
    """Judge the objective's targets on one variant by their point values, each as a gate.

    A target that was not measured is an error, never a pass.
    """
    out = []
    for name, limit in objective.targets.items():
        value = _target_value(name, variant, original, comparison)
        cost = name in get_args(COSTS)
        if value is None:
            verdict = "error"
            why = tell(
                "The {what} of {variant} was not measured.", what=name.replace("_", " "), variant=variant.name
            )
        else:
            verdict = "pass" if Limit.parse(limit).holds(value) else "fail"
            why = tell("The {what} is {value}.", what=name.replace("_", " "), value=f"{value:.4g}")
        out.append(
            GateResult.model_validate(
                {
                    "id": f"{TARGET}{name}", "metric": name, "compare": "cost" if cost else "value",
                    "limit": limit, "decide": "point", "variant": variant.name, "verdict": verdict,
                    "measured": value, "confidence": plan.confidence, "why": why,
                }
            )
        )  # fmt: skip
    return out


def _target_value(
    name: str, variant: Variant, original: Variant, comparison: Comparison | None
) -> float | None:
    if name == "agreement":
        if variant.kind == "original":
            return 1.0
        return None if comparison is None else comparison.agreement
    if name in variant.overall:
        return variant.overall[name].value
    if name not in get_args(COSTS):
        return None
    ratio = cost_ratio(name, variant.cost, original.cost)
    return None if ratio is None else ratio[0]


def cost_of(objective: Objective, variant: Variant) -> float:
    """Return the weighted sum of the compute and storage ratios; what was not measured saves nothing."""
    ratios = {"compute": 1.0, "storage": 1.0}
    if variant.cost is not None:
        storage = 1.0 if variant.cost.storage is None else variant.cost.storage
        ratios = {"compute": variant.cost.compute, "storage": storage}
    return sum(weight * ratios[name] for name, weight in objective.weights.items())


def standing(objective: Objective, gates: Sequence[Gate], judged: Judged, variant: Variant) -> Standing:
    """Say where one variant stands: cost, performance, worst and mean gap, and what it misses."""
    mine = [r for r in judged.gates if r.variant == variant.name]
    gaps = _gaps(variant, gap_metrics(objective, gates, judged), gates)
    largest = max(gaps, key=lambda d: abs(d.value or 0.0), default=None)
    name = performance_metric(objective, judged)
    comparison = next((c for c in judged.comparisons if c.after == variant.name), None)
    # A model of which nothing was asked but its price has shown nothing.
    asked = any(r.compare != "cost" for r in mine)
    return Standing(
        variant=variant.name,
        cost=cost_of(objective, variant),
        performance=variant.overall[name].value if name in variant.overall else None,
        worst_gap=None if largest is None else abs(largest.value or 0.0),
        worst_gap_what="" if largest is None else _what(largest),
        mean_gap=float(np.mean([abs(d.value or 0.0) for d in gaps])) if gaps else None,
        flip_rate=comparison.overall.rate if comparison and comparison.overall else None,
        verdict=worst([*(r.verdict for r in mine), *(() if asked else ("inconclusive",))]),
        misses=[*(r.id for r in mine if r.verdict != "pass"), *(() if asked else (NOTHING_ASKED,))],
    )


def _gaps(variant: Variant, metrics: Sequence[str], gates: Sequence[Gate]) -> list[Disparity]:
    """Gaps to the reference over single features and over the intersections that a gate names.

    Small and unknown slices are left out, as they are by the gates.
    """
    crossed = {frozenset(g.features) for g in gates if g.by is not None}
    unknown = {tuple(sorted(s.slice.items())) for s in variant.slices if s.unknown}
    return [
        d
        for d in variant.disparities
        if d.scope == "reference"
        and d.compare == "difference"
        and d.metric in metrics
        and d.status in USABLE
        and d.value is not None
        and (len(d.by) == 1 or frozenset(d.by) in crossed)
        and tuple(sorted((d.slice or {}).items())) not in unknown
    ]


def _what(gap: Disparity) -> str:
    one, other = (" & ".join(f"{k}={v}" for k, v in (s or {}).items()) for s in (gap.slice, gap.reference))
    compared = tell("{slice} against {reference}", slice=one, reference=other)
    return tell("{metric}, {slices}", metric=gap.metric, slices=compared)


def standings(objective: Objective, gates: Sequence[Gate], judged: Judged) -> list[Standing]:
    """Every variant's standing, with those marked that no other beats on both cost and worst gap."""
    found = [standing(objective, gates, judged, v) for v in judged.variants]
    return [s.model_copy(update={"on_frontier": not any(_beats(o, s) for o in found)}) for s in found]


def _beats(one: Standing, other: Standing) -> bool:
    """Whether a variant is nowhere worse and somewhere better; a gap that is not known beats none."""
    mine, theirs = (np.inf if s.worst_gap is None else s.worst_gap for s in (one, other))
    return one.cost <= other.cost and mine <= theirs and (one.cost < other.cost or mine < theirs)


def frontier(
    objective: Objective,
    gates: Sequence[Gate],
    evaluation: Judged,
    selection: Judged | None = None,
    selected_on: str = "",
) -> Frontier:
    """Find the cheapest variant, the original included, that passes every gate and target.

    With a selection split the choice is made on its rows alone and then certified, or not, on the
    evaluation rows. A choice that these do not certify is not released, and no other is tried on them: the
    next best would be the best of several on the rows that are to judge it. The original is the one
    fallback, since it was there before any row was looked at. Without such a split the verdict of the one
    that was chosen is not certified: of sixteen that are all a little over a limit, one passes by chance in
    every sixth run.

    Parameters
    ----------
    gates : sequence of Gate
        All gates of the configuration.
    selected_on : str
        The rows of ``selection`` in words.
    """
    judged = standings(objective, gates, evaluation)
    chosen_on = judged if selection is None else standings(objective, gates, selection)
    original = evaluation.original
    changed = {v.name for v in evaluation.variants if v.kind != "original"}
    required = bool(gates or objective.targets)
    # Where nothing is required, the cheapest of all would be the most broken one.
    best = _cheapest(_candidates(gates, evaluation, chosen_on), original.name) if required else None
    qualifies = any(s.verdict == "pass" for s in chosen_on if s.variant in changed)
    nearest = None if qualifies else _nearest([s for s in chosen_on if s.variant in changed])
    recommended = best.variant if best else None
    words = [_choice(best, nearest, chosen_on, original.name) if required else NOTHING_REQUIRED]
    if selection is not None and required and best is None:
        recommended, stays = _fallback(judged, original.name)
        words.append(stays)
    if selection is not None and best is not None:
        certified = next(s for s in judged if s.variant == best.variant)
        words.append(_certificate(certified))
        if certified.verdict != "pass":
            recommended, stays = _fallback(judged, original.name)
            nearest = certified if best.variant in changed else nearest
            words.append(stays)
    competed = required and recommended is not None and len(evaluation.variants) > 1
    return Frontier(
        certified=selection is not None if competed else None,
        performance=performance_metric(objective, evaluation) or "",
        gaps=gap_metrics(objective, gates, evaluation),
        weights=dict(objective.weights),
        targets=dict(objective.targets),
        recommended=recommended,
        nearest=nearest.variant if nearest else None,
        why=told_on(words),
        selected_on=selected_on
        or tell("the {n} evaluation rows, which also judge it", n=f"{evaluation.rows:,}"),
        selection_rows=None if selection is None else selection.rows,
        selection=[] if selection is None else chosen_on,
        variants=judged,
    )


def _candidates(gates: Sequence[Gate], judged: Judged, standings: Sequence[Standing]) -> list[Standing]:
    """The variants that pass; where some gate asks for a repair and one is repaired, the repaired ones.

    A gate on mitigated variants is not judged on the others, which pass without having shown anything of it.
    """
    passing = [s for s in standings if s.verdict == "pass"]
    if not any(gate.on == "mitigated" for gate in gates):
        return passing
    repaired = {v.name for v in judged.variants if v.recipe and "mitigated" in v.recipe.groups}
    return [s for s in passing if s.variant in repaired] or passing


def _fallback(judged: Sequence[Standing], original: str) -> tuple[str | None, str]:
    """The original where it passes on the evaluation rows, else nothing."""
    passes = any(s.variant == original and s.verdict == "pass" for s in judged)
    if passes:
        return original, tell("The original passes on the evaluation rows and stays.")
    return None, tell("So nothing may be released.")


def _cheapest(passing: Sequence[Standing], original: str) -> Standing | None:
    """The cheapest; of equally cheap ones that of the smaller gap, and the original before a copy of it."""

    def order(s: Standing) -> tuple[float, float, bool]:
        return s.cost, np.inf if s.worst_gap is None else s.worst_gap, s.variant != original

    return min(passing, key=order, default=None)


def _nearest(missing: Sequence[Standing]) -> Standing | None:
    """The one that misses least: the fewest gates and targets, then the smallest cost."""
    return min(missing, key=lambda s: (len(s.misses), s.cost), default=None)


def _choice(best: Standing | None, nearest: Standing | None, among: Sequence[Standing], original: str) -> str:
    """The choice in words."""
    least = {"name": nearest.variant, "which": told_list(nearest.misses)} if nearest else None
    if best is None and least is None:
        return tell("None of {n} variants passes every gate and target.", n=len(among))
    if best is None:
        return tell(
            "None of {n} variants passes every gate and target; {name} misses least ({which}).",
            n=len(among),
            **least or {},
        )
    count = sum(s.verdict == "pass" for s in among)
    numbers = {"variant": best.variant, "cost": f"{best.cost:.3g}", "n": count}
    words = [_cheapest_words(best.variant == original, count == 1, numbers)]
    if least:
        words.append(
            tell("No other variant passes every gate and target; {name} misses least ({which}).", **least)
        )
    return told_on(words)


def _cheapest_words(original: bool, alone: bool, numbers: Mapping[str, object]) -> str:
    if original and alone:
        return tell(
            "The original is the only one that passes every gate and target (cost {cost}).", **numbers
        )
    if original:
        return tell(
            "The original is the cheapest of {n} that passes every gate and target (cost {cost}).", **numbers
        )
    if alone:
        return tell("{variant} is the only one that passes every gate and target (cost {cost}).", **numbers)
    return tell(
        "{variant} is the cheapest of {n} that passes every gate and target (cost {cost}).", **numbers
    )


def _certificate(certified: Standing) -> str:
    if certified.verdict == "pass":
        return tell(
            "The evaluation rows certify it: {variant} passes every gate and target there too.",
            variant=certified.variant,
        )
    return tell(
        "The evaluation rows do not certify it: there {variant} misses {which}.",
        variant=certified.variant,
        which=told_list(certified.misses),
    )


def uncertified(found: Frontier, plan: Plan) -> list[GateResult]:
    """Return an error where the choice is to be made on other rows than those that judge it, and was not."""
    if found.certified is not False:
        return []
    why = tell(
        "Of {n} variants {name} was chosen on the rows that judge it, and a choice on other rows is "
        "required; set data.selection.",
        n=len(found.variants),
        name=found.recommended,
    )
    return [
        GateResult(
            id=CERTIFIED, metric=CERTIFIED, compare="value", limit=tell("chosen on other rows"),
            decide="point", variant=found.recommended or ORIGINAL, verdict="error", why=why,
            confidence=plan.confidence,
        )
    ]  # fmt: skip


def withheld(
    gates: Sequence[Gate], results: Sequence[GateResult], found: Frontier, plan: Plan
) -> list[GateResult]:
    """Return an open result where nothing else keeps a run green although nothing asked for may be released.

    That is so where no variant at all qualifies, or where something was asked of changed variants and
    none of them does: on the rows of the choice, say, while all is well on the evaluation rows.
    """
    asked = bool(found.targets) or any(gate.on in GROUPS for gate in gates)
    nothing = found.recommended is None or (asked and found.nearest is not None)
    green = worst([r.verdict for r in results if r.binding]) == "pass"
    if not (nothing and green and (gates or found.targets)):
        return []
    return [
        GateResult(
            id=RELEASE, metric=RELEASE, compare="value", limit=tell("a variant that qualifies"),
            decide="point", variant=found.nearest or found.recommended or ORIGINAL, verdict="inconclusive",
            why=found.why, confidence=plan.confidence,
        )
    ]  # fmt: skip


def binding(
    gates: Sequence[Gate],
    results: Sequence[GateResult],
    groups: Mapping[str, Collection[str]],
    found: Frontier,
) -> list[GateResult]:
    """Say which results enter the run's verdict.

    - those of the gates on the original, and of gates on a variant by name;
    - those of the recommended variant, targets included;
    - where no variant but the original qualifies although something was asked of them (a gate on
      ``compressed`` or ``mitigated``, or a target), those of the nearest one: a merge must not go green then;
    - errors of gates that no variant answers.

    The change from an earlier release is that of the model to be released, where there is one: an original
    that stays behind need not keep up with what was released before.

    Parameters
    ----------
    gates : sequence of Gate
        All gates of the configuration.
    results : sequence of GateResult
    groups : mapping
        What each variant is to gates, by name: nothing for the original.
    """
    on = {gate_id(gate, k): gate.on for k, gate in enumerate(gates)}
    asked = bool(found.targets) or any(name in GROUPS for name in on.values())
    alone = not any(groups.values())

    def binds(result: GateResult) -> bool:
        if result.variant not in groups or on.get(result.id) not in ("original", *GROUPS, None):
            return True
        if result.against == "baseline" and found.recommended is not None:
            return result.variant == found.recommended
        if result.variant == found.recommended or (result.variant == found.nearest and asked):
            return True
        target = result.id not in on
        return not groups[result.variant] and (alone or not target)

    return [r.model_copy(update={"binding": binds(r)}) for r in results]
