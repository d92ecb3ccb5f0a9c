"""Where each variant stands: what it costs, what it performs, its gaps, and what it misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...tasks import BINARY, Task
from ...told import tell
from ..config import AGGREGATES, Gate, Objective
from ..result import USABLE, Comparison, Disparity, Gap, GateResult, Standing, Variant
from .gate import worst

NOTHING_ASKED = tell("nothing was asked of its figures")


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
    warnings : sequence of str
        What the decisions of variants show, such as a class that one gave up.
    """

    variants: Sequence[Variant]
    gates: Sequence[GateResult]
    comparisons: Sequence[Comparison]
    rows: int
    task: Task = BINARY
    warnings: Sequence[str] = ()

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


def cost_of(objective: Objective, variant: Variant) -> float:
    """Return the weighted sum of the compute and storage ratios; what was not measured saves nothing."""
    ratios = {"compute": 1.0, "storage": 1.0}
    if variant.cost is not None:
        storage = 1.0 if variant.cost.storage is None else variant.cost.storage
        ratios = {"compute": variant.cost.compute, "storage": storage}
    return sum(weight * ratios[name] for name, weight in objective.weights.items())


def standings(objective: Objective, gates: Sequence[Gate], judged: Judged) -> list[Standing]:
    """Every variant's standing, with those marked that no other beats on both cost and largest gap."""
    found = [standing(objective, gates, judged, v) for v in judged.variants]
    return [s.model_copy(update={"on_frontier": not any(_beats(o, s) for o in found)}) for s in found]


def _beats(one: Standing, other: Standing) -> bool:
    """Whether a variant is nowhere worse and somewhere better; a gap that is not known beats none."""
    mine, theirs = (np.inf if s.worst_gap is None else s.worst_gap for s in (one, other))
    return one.cost <= other.cost and mine <= theirs and (one.cost < other.cost or mine < theirs)


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
        worst_gap_of=None if largest is None else _parts(largest),
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


def _parts(gap: Disparity) -> Gap:
    return Gap(metric=gap.metric, slice=gap.slice or {}, reference=gap.reference or {})


def _what(gap: Disparity) -> str:
    one, other = (" & ".join(f"{k}={v}" for k, v in (s or {}).items()) for s in (gap.slice, gap.reference))
    compared = tell("{slice} against {reference}", slice=one, reference=other)
    return tell("{metric}, {slices}", metric=gap.metric, slices=compared)
