"""From a measurement to the typed figures of one variant."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...metrics.entry import Metric
from ...metrics.figures import Figure
from ...metrics.intervals import normal_quantile
from ...metrics.lockstep import beside, run
from ...metrics.standardised import smd_figure
from ...tasks.cases import By
from ..result import (
    CalibrationBin,
    Counts,
    Disparity,
    Estimate,
    Exposure,
    ModelInfo,
    Quantile,
    ScoreDetail,
    SliceResult,
    Status,
    UnitFigures,
    Variant,
)
from .disparities import disparities, entropy
from .findings import with_family
from .measure import Measurement, Slices
from .plan import Plan
from .status import clusters_of, number, small_because, undefined_because

P = TypeVar("P", Disparity, ScoreDetail)


def build(name: str, measured: Measurement, plan: Plan, model: dict[str, Any]) -> Variant:
    """Compute every figure of a variant, as far as it gives what the figures need."""
    whole = _part(measured, plan)
    views = {c: _part(measured.view(c), replace(plan, metrics=plan.class_metrics)) for c in plan.views}
    compared = [*whole.disparities, *(d for c in views for d in _of_view(views[c].disparities, c))]
    compared, findings = with_family(compared, measured)
    slices = [
        s.model_copy(update={"views": {c: views[c].slices[k].metrics for c in views}}) if views else s
        for k, s in enumerate(whole.slices)
    ]
    counted = views if measured.task.tallied else {}
    if counted:
        slices = [
            s.model_copy(update={"view_counts": {c: counted[c].slices[k].counts for c in counted}})
            for k, s in enumerate(slices)
        ]
    matrices = _confusions(measured, plan)
    slices = _with_exposure(slices, measured)
    outcomes = _outcomes(measured, plan)
    if outcomes:
        every = zip(slices, outcomes[1:], strict=True)
        slices = [s.model_copy(update={"outcomes": found}) for s, found in every]
    return Variant(
        name=name,
        model=ModelInfo.model_validate(model),
        overall=whole.overall.metrics,
        overall_views={c: views[c].overall.metrics for c in views},
        overall_view_counts={c: counted[c].overall.counts for c in counted},
        confusion=matrices[0] if matrices else [],
        outcomes=outcomes[0] if outcomes else {},
        units=_units(measured, plan),
        counts=whole.overall.counts,
        slices=[
            s.model_copy(update={"confusion": matrix}) for s, matrix in zip(slices, matrices[1:], strict=True)
        ]
        if matrices
        else slices,
        disparities=compared,
        scores=[*whole.scores, *(s for c in views for s in _of_view(views[c].scores, c))],
        findings=findings,
    )


def _of_view(parts: Iterable[P], view: str) -> Iterator[P]:
    return (part.model_copy(update={"view": view}) for part in parts)


@dataclass(frozen=True)
class _Part:
    """Figures of all rows, or of those rows as cases of one class."""

    overall: SliceResult
    slices: list[SliceResult]
    disparities: list[Disparity]
    scores: list[ScoreDetail]


def _part(measured: Measurement, plan: Plan) -> _Part:
    # A variant that was made elsewhere may give decisions alone where the original gives scores.
    plan = replace(plan, metrics=[metric for metric in plan.metrics if not measured.lacks(metric)])
    whole = _slice_results(measured, (), plan)[0]
    slices: list[SliceResult] = []
    scores: list[ScoreDetail] = []
    scored = "score" in measured.gives and measured.task.standardised is not None
    if scored:
        scores += _scores(measured, (), plan)
    partitions = measured.partitions(plan.depth)
    for by in partitions:
        slices += _slice_results(measured, by, plan)
        if scored and len(by) == 1:
            scores += _scores(measured, by, plan)
    compared = run(beside(disparities(measured, by, plan) for by in partitions))
    return _Part(whole, slices, [*entropy(measured, ()), *itertools.chain.from_iterable(compared)], scores)


def _with_exposure(slices: list[SliceResult], measured: Measurement) -> list[SliceResult]:
    """The slices of single features with their curves, where the task has some."""
    found: dict[tuple[tuple[str, str], ...], Exposure] = {}
    for by in measured.partitions(1):
        part = measured.slices(by)
        curves = measured.cases.exposure(by, part.keys)
        if curves is None:
            continue
        for i in part.shown:
            found[tuple(part.name(i).items())] = Exposure(
                ranks=curves.ranks.tolist(), share=curves.share[i].tolist(), items=float(curves.items[i]),
                relevance=None if curves.relevance is None else number(curves.relevance[i]),
            )  # fmt: skip
    if not found:
        return slices
    return [s.model_copy(update={"exposure": found.get(tuple(s.slice.items()))}) for s in slices]


def _confusions(measured: Measurement, plan: Plan) -> list[list[list[int]]]:
    """Rows by label and decision, of all rows and of every slice in the order shown; none of two classes."""
    out: list[list[list[int]]] = []
    for by in ((), *measured.partitions(plan.depth)):
        found = measured.cases.confusion(by, plan.classes)
        if found is None:
            return []
        out += [found[i].tolist() for i in measured.slices(by).shown]
    return out


def _outcomes(measured: Measurement, plan: Plan) -> list[dict[str, dict[str, int]]]:
    """Answers of all rows and of every slice in the order shown; none where the task tells none."""
    out: list[dict[str, dict[str, int]]] = []
    for by in ((), *measured.partitions(plan.depth)):
        part = measured.slices(by)
        found = measured.cases.outcomes(by, part.keys)
        if not found:
            return []
        out += [found[i] for i in part.shown]
    return out


def _units(measured: Measurement, plan: Plan) -> list[UnitFigures]:
    """Figures of each cluster by itself, in the order of their names; none where the task tells none."""
    units = measured.cases.units
    if units is None:
        return []
    wanted = {name: measured.metric(name) for name in measured.task.key if name in plan.metrics}
    figures, sizes = units.figures(wanted), units.sizes.tolist()
    found = [
        UnitFigures(name=name, n=sizes[i], metrics={m: number(of[i]) for m, of in figures.items()})
        for i, name in enumerate(units.names)
    ]
    return sorted(found, key=lambda unit: natural(unit.name))


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A key to sort names by, in which 10 stands after 9."""
    parts = re.split(r"(\d{1,9})", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _slice_results(measured: Measurement, by: By, plan: Plan) -> list[SliceResult]:
    slices, tally = measured.slices(by), measured.tally(by)
    z = normal_quantile(plan.confidence)
    columns = {
        name: _estimates(measured.figure(name, by), measured.metric(name), slices, plan, z)
        for name in plan.metrics
    }
    fields = _counts(measured, by)
    weights = None if tally.weights is None else np.asarray(tally.weights.n, float).tolist()
    return [
        SliceResult.model_construct(
            slice=slices.name(i),
            n=int(slices.n[i]),
            weight=None if weights is None else weights[i],
            status="small" if slices.n[i] < plan.min_size else "ok",
            unknown=bool(slices.unknown[i]),
            counts=Counts(**{key: int(values[i]) for key, values in fields.items()}),
            metrics={name: column[i] for name, column in columns.items()},
        )
        for i in slices.shown
    ]


def _counts(measured: Measurement, by: By) -> dict[str, list[int]]:
    """Counts of every slice: of its rows, or of what its figures count instead, such as entities."""
    task = measured.task
    if task.tallied and "decision" in measured.gives:
        measured = measured.view(task.tallied)
    counts = measured.tally(by).counts
    names = ("tp", "fp", "fn", *(("tn",) if task.negatives else ()), "selected", "positives")
    return {key: np.asarray(found).tolist() for key in names if (found := getattr(counts, key)) is not None}


def _estimates(figure: Figure, metric: Metric, slices: Slices, plan: Plan, z: float) -> list[Estimate]:
    low, high = figure.limits(z, 1.0)
    small = figure.size < plan.min_size

    def status(i: int) -> tuple[Status, str | None]:
        if small[i]:
            return "small", small_because(figure, i, plan.min_size)
        return clusters_of(slices, [i])

    return [_estimate(figure, metric, i, low, high, status, plan) for i in range(len(slices.n))]


def _estimate(
    figure: Figure,
    metric: Metric,
    i: int,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    status_at: Callable[[int], tuple[Status, str | None]],
    plan: Plan,
) -> Estimate:
    value, n = number(figure.value[i]), int(figure.n[i])
    status, why = ("undefined", undefined_because(metric, n)) if value is None else status_at(i)
    effective = None if figure.effective_n is None else number(figure.effective_n[i])
    return Estimate.model_construct(
        value=value,
        low=None if value is None else number(low[i]),
        high=None if value is None else number(high[i]),
        confidence=plan.confidence,
        n=n,
        effective_n=effective,
        method=figure.method,
        status=status,
        why=why,
    )


def _scores(measured: Measurement, by: By, plan: Plan) -> list[ScoreDetail]:
    slices = measured.slices(by)
    z = normal_quantile(plan.confidence)
    scores = measured.scored(by)
    table = measured.scores
    curves = scores.curves(table.probability, z)
    debiased = p = np.full(len(slices.n), np.nan)
    if table.probability and table.label is not None:
        debiased, p = scores.calibration.debiased(), scores.calibration.p()
    smd: list[Estimate | None] = [None] * len(slices.n)
    if by:
        reference = slices.reference(plan.reference)
        figure = smd_figure(scores, reference)
        estimates = _estimates(figure, measured.metric(str(measured.task.standardised)), slices, plan, z)
        smd = [None if i == reference else e for i, e in enumerate(estimates)]
    quantiles = _quantiles(measured, by, plan)
    return [
        ScoreDetail(
            slice=slices.name(i),
            n=int(curves.n[i]),
            mean=number(curves.mean[i]),
            sd=number(curves.sd[i]),
            smd=smd[i],
            histogram_edges=curves.edges.tolist(),
            histogram_counts=curves.histogram[i].tolist(),
            quantiles=quantiles[i],
            calibration=[
                CalibrationBin(
                    low=b[0], high=b[1], n=b[2], mean_score=b[3], rate=b[4], rate_low=b[5], rate_high=b[6]
                )
                for b in curves.calibration[i]
            ],
            roc=curves.roc[i],
            calibration_error_debiased=number(debiased[i]),
            calibration_p=number(p[i]),
        )
        for i in slices.shown
    ]


def _quantiles(measured: Measurement, by: By, plan: Plan) -> list[list[Quantile]]:
    """The quantiles of every slice's scores, in ascending order; none where the task tells none."""
    slices = measured.slices(by)
    metric, z = measured.metric(str(measured.task.standardised)), normal_quantile(plan.confidence)
    told: list[list[Quantile]] = [[] for _ in slices.n]
    for share, figure in sorted(measured.cases.quantiles(by, slices.keys).items()):
        for own, found in zip(told, _estimates(figure, metric, slices, plan, z), strict=True):
            own.append(Quantile.model_construct(share=share, **dict(found)))
    return told
