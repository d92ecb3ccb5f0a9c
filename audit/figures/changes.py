"""A variant compared with another on the same rows: changes, gaps, flips, and who pays for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...bands import UNKNOWN
from ...metrics import compare, gap_growth
from ...metrics.contrast import RATIO
from ...metrics.counts import Tally
from ...metrics.entry import Metric
from ...metrics.evidence import Pairs
from ...metrics.figures import Figure
from ...metrics.intervals import Floats, adjust_p, normal_quantile
from ...metrics.table import SELECTED
from ...tasks.cases import By
from ...tasks.ratios import Turned as Turns
from ...told import tell
from ..result import Change, Comparison, Flips, GapChange, Status, Turned, UnitChange, Variant
from .measure import Slices
from .pairs import Paired
from .plan import Plan
from .status import number, small_because, status_of, undefined_because

WHOLE: By = ()


def compared(paired: Paired, plan: Plan, before: str, after: str) -> Comparison:
    """Compare two variants, overall and in every slice of every partition of the plan.

    Metrics of the labels alone (a base rate) cannot change and are left out.
    """
    partitions = [WHOLE, *paired.partitions(plan.depth)]
    changes, gaps = _of_metrics(paired, plan.metrics, partitions, plan)
    for c in plan.views:
        of_class = _of_metrics(paired.view(c), plan.class_metrics, partitions, plan)
        changes += [one.model_copy(update={"view": c}) for one in of_class[0]]
        gaps += [one.model_copy(update={"view": c}) for one in of_class[1]]
    overall, flips, agreement = None, [], None
    if paired.decided:
        overall = next(_flips(paired, WHOLE, plan))
        flips = _paying([f for by in partitions[1:] for f in _flips(paired, by, plan)])
        agreement = None if overall.rate is None else 1 - overall.rate
    found = paired.cases.turned()
    return Comparison(
        before=before, after=after, rows=paired.rows, agreement=agreement, overall=overall, flips=flips,
        units=_units(paired, plan), turned=None if found is None else _turned(found),
        changes=changes, gap_changes=gaps,
    )  # fmt: skip


MOST_UNITS = 10
"""Clusters that are named because they carry a change."""


def _units(paired: Paired, plan: Plan) -> list[UnitChange]:
    """The clusters that carry most of the change of the leading figure; none where a task tells of none."""
    before, after = (m.cases.units for m in (paired.measured_before, paired.measured_after))
    if before is None or after is None:
        return []
    # A figure that is no ratio of sums has no value of a single cluster.
    leading = {name: paired.metric(name) for name in paired.task.leading if name in plan.metrics}
    name = next(iter(before.figures(leading)), None)
    if name is None:
        return []
    metric = leading[name]
    values = [
        dict(zip(u.names, u.figures({name: metric})[name].tolist(), strict=True)) for u in (before, after)
    ]
    sizes = dict(zip(before.names, before.sizes.tolist(), strict=True))
    carried = before.carried(after, metric)
    turned = paired.cases.turned()
    turns = {} if turned is None else turned.of_clusters
    found = [
        UnitChange(
            name=unit, metric=name, before=one, after=other, value=other - one, n=sizes[unit],
            carried=carried.get(unit), into=turns[unit][0] if unit in turns else None,
            out_of=turns[unit][1] if unit in turns else None,
        )
        for unit, one in values[0].items()
        if math.isfinite((other := values[1].get(unit, math.nan)) - one) and other != one
    ]  # fmt: skip
    return sorted(found, key=lambda unit: (-abs(unit.carried or 0.0), -abs(unit.value), unit.name))[
        :MOST_UNITS
    ]


def _turned(found: Turns) -> Turned:
    return Turned(into=found.into, out_of=found.out_of, ids_into=found.ids_into, ids_out_of=found.ids_out_of)


def _of_metrics(
    paired: Paired, metrics: Sequence[str], partitions: Sequence[By], plan: Plan
) -> tuple[list[Change], list[GapChange]]:
    names = [m for m in metrics if not paired.metric(m).of_labels and not paired.lacks(m)]
    changes = [c for by in partitions for name in names for c in _changes(paired, name, by, plan)]
    gaps = [g for by in partitions[1:] for name in names for g in _gap_changes(paired, name, by, plan)]
    return changes, gaps


def methods_of(variants: Sequence[Variant], comparisons: Sequence[Comparison]) -> set[str]:
    """Return the interval methods of a result's figures and changes, as keys of ``METHODS``."""
    used = {e.method for v in variants for s in v.slices for e in s.metrics.values()}
    used |= {e.method for v in variants for of in v.overall_views.values() for e in of.values()}
    used |= {d.method for v in variants for d in v.disparities} | {"bonferroni"}
    used |= {q.method for v in variants for s in v.scores for q in s.quantiles}
    used |= {"standardised"} if variants[0].scores else set()
    return used.union(*map(methods_used, comparisons))


def methods_used(comparison: Comparison) -> set[str]:
    """Return the interval methods of a comparison, as keys of ``METHODS``."""
    used = {c.method for c in comparison.changes} | {g.method for g in comparison.gap_changes}
    return used | ({"clopper-pearson", "melded"} if comparison.overall else set())


def _changes(paired: Paired, name: str, by: By, plan: Plan) -> Iterator[Change]:
    slices, figure = paired.slices(by), paired.figure(name, by)
    before, after = (m.figure(name, by) for m in (paired.measured_before, paired.measured_after))
    low, high = figure.limits(normal_quantile(plan.confidence), 1.0)
    p = paired.p(name, by)
    adjusted = _holm(p, slices)
    for i in slices.shown:
        value, n = number(figure.value[i]), int(figure.n[i])
        status, why = _status(paired.metric(name), figure, before, i, plan)
        yield Change.model_construct(
            metric=name, slice=slices.name(i), n=n, before=number(before.value[i]),
            after=number(after.value[i]), value=value, low=None if value is None else number(low[i]),
            high=None if value is None else number(high[i]), p=number(p[i]), p_adjusted=number(adjusted[i]),
            confidence=plan.confidence, method=figure.method, status=status, why=why,
        )  # fmt: skip


def _status(metric: Metric, figure: Figure, before: Figure, i: int, plan: Plan) -> tuple[Status, str | None]:
    n = int(figure.n[i])
    if not figure.defined[i]:
        why = undefined_because(metric, n)
        if before.defined[i]:
            return "undefined", tell("after the change: {why}", why=why)
        return "undefined", tell("before the change: {why}", why=why)
    if before.size[i] < plan.min_size:
        return "small", small_because(before, i, plan.min_size)
    return "ok", None


def _holm(p: Floats, slices: Slices) -> Floats:
    """Adjusted over the known slices of the partition; unknown ones are no hypotheses."""
    return adjust_p(np.where(slices.unknown, np.nan, p), "holm")


def _gap_changes(paired: Paired, name: str, by: By, plan: Plan) -> Iterator[GapChange]:
    slices, change = paired.slices(by), paired.figure(name, by)
    before, after = (m.figure(name, by) for m in (paired.measured_before, paired.measured_after))
    reference = slices.reference(plan.reference)
    others = np.array([i for i in slices.shown if i != reference], np.intp)
    if not len(others):
        return
    references = np.full(len(others), reference)
    z = normal_quantile(plan.confidence)
    value, (low, high) = compare.difference(change, others, references, z)
    worse, (worse_low, worse_high) = gap_growth.growth(before, change, others, references, z)
    known = change.method != "none"
    for k, i in enumerate(others.tolist()):
        used = before if change.defined[i] and change.defined[reference] else change
        status, why = status_of(slices, used, [i, reference], number(value[k]), plan)
        yield GapChange.model_construct(
            metric=name,
            by=list(by),
            slice=slices.name(i),
            reference=slices.name(reference),
            before=number(before.value[i] - before.value[reference]),
            after=number(after.value[i] - after.value[reference]),
            value=number(value[k]),
            low=number(low[k]),
            high=number(high[k]),
            worse=number(worse[k]),
            worse_low=number(worse_low[k]),
            worse_high=number(worse_high[k]),
            confidence=plan.confidence,
            method="mover-paired" if known else "none",
            status=status,
            why=why,
        )


def _flips(paired: Paired, by: By, plan: Plan) -> Iterator[Flips]:
    slices, flips = paired.slices(by), paired.flips(by)
    figure = SELECTED.of(flips)
    tail = (1 - plan.confidence) / 2
    low, high = figure.limits(normal_quantile(plan.confidence), 1.0)
    against = _against_others(flips, figure)
    ratio = against.value
    ratio_low, ratio_high = (
        np.where(np.isnan(ratio), np.nan, f(tail)) for f in (against.lower, against.upper)
    )
    p = compare.p_apart(against) if by else np.full(len(flips), np.nan)
    columns: dict[str, Floats | None] = {
        "rate": figure.value,
        "low": low,
        "high": high,
        "ratio": ratio,
        "ratio_low": ratio_low,
        "ratio_high": ratio_high,
        "p": p,
        **_shifts(paired, by),
    }
    moves = paired.cases.moves(by)
    matrix = paired.cases.matrix(by, plan.classes)
    for i in slices.shown:
        n = int(slices.n[i])
        found: dict[str, Any] = {k: None if v is None else number(v[i]) for k, v in columns.items()}
        found |= {k: None if v is None else int(v[i]) for k, v in moves.items()}
        status: Status = "small" if n < plan.min_size else "ok"
        yield Flips.model_construct(
            slice=slices.name(i), n=n, flips=int(flips.counts.selected[i]), status=status,
            matrix=[] if matrix is None else matrix[i].tolist(), **found
        )  # fmt: skip


def _against_others(tally: Tally, figure: Figure) -> Pairs:
    """Flip rate of each slice against that of all other rows.

    The slices are a partition, so that the others are all rows less the slice; their effective number
    stands in the same proportion to their weight as over all slices together.
    """
    sums = tally.weights or tally.counts
    flips, n = np.asarray(sums.selected, float), np.asarray(sums.n, float)
    held = figure.binomial
    assert held is not None
    rest, rest_flips = n.sum() - n, flips.sum() - flips
    trials = rest * np.nansum(held.n) / n.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return Pairs(held.x, held.n, rest_flips / rest * trials, trials, RATIO)


def _paying(flips: Sequence[Flips]) -> list[Flips]:
    """Adjust the p of every slice of every partition together; unknown slices are no hypotheses."""
    p = np.array([np.nan if UNKNOWN in f.slice.values() or f.p is None else f.p for f in flips])
    return [
        f.model_copy(update={"p_adjusted": number(adjusted)})
        for f, adjusted in zip(flips, adjust_p(p, "holm"), strict=True)
    ]


def _shifts(paired: Paired, by: By) -> dict[str, Floats | None]:
    """What the change costs each slice beyond the whole, and how its scores moved."""
    out: dict[str, Floats | None] = dict.fromkeys(
        ("excess_loss", "score_shift", "calibration_shift", "kl"), None
    )
    loss, shift = paired.task.excess_loss, paired.task.calibration_shift
    if loss is not None and not paired.lacks(loss):
        whole = paired.figure(loss, WHOLE).value[0]
        out["excess_loss"] = whole - paired.figure(loss, by).value
    if paired.scored:
        out["score_shift"] = paired.pairs(by).score_shift()
    if paired.scored and paired.probability:
        out["kl"] = paired.pairs(by).divergence()
        if shift is not None and not paired.lacks(shift):
            out["calibration_shift"] = paired.figure(shift, by).value
    return out
