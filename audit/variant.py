"""From a measurement to the typed figures of one variant."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..metrics import compare
from ..metrics.entry import DisparityRow, Metric
from ..metrics.extremes import between, differential_fairness
from ..metrics.figures import Figure
from ..metrics.intervals import normal_quantile
from ..metrics.lockstep import Search, beside, run
from ..metrics.questions import Picked
from ..metrics.standardised import smd_figure
from ..tasks.cases import By
from ..told import tell
from .findings import with_family
from .measure import Measurement, Slices
from .result import (
    CalibrationBin,
    Counts,
    Disparity,
    Estimate,
    ScoreDetail,
    SliceResult,
    Status,
    Variant,
)

Form = Literal["difference", "ratio"]
P = TypeVar("P", Disparity, ScoreDetail)

FEW_CLUSTERS = 30
"""Fewer clusters in a slice than this are told: of how they differ they show little."""


@dataclass(frozen=True)
class Plan:
    """What is computed of a variant.

    Attributes
    ----------
    metrics : sequence of str
        Metrics shown for every slice and compared with the reference.
    classes : tuple of str
        Classes or labels of the task, in order.
    class_metrics : sequence of str
        Metrics of each view.
    views : tuple of str
        The views of rows that are told of: the classes, and those that are favourable together.
    depth, min_size, confidence, reference
        From the configuration.
    positive_is : {'benefit', 'burden'} or None
        What a positive decision is to the person it falls on; None where nobody said.
    """

    metrics: Sequence[str]
    depth: int
    min_size: int
    confidence: float
    reference: Mapping[str, str]
    positive_is: Literal["benefit", "burden"] | None = None
    classes: tuple[str, ...] = ()
    class_metrics: Sequence[str] = ()
    views: tuple[str, ...] = ()


def number(value: float) -> float | None:
    """Return a float for the result: nan and infinities become null."""
    return float(value) if np.isfinite(value) else None


def build(name: str, measured: Measurement, plan: Plan, model: dict[str, Any]) -> Variant:
    """Compute every figure of a variant, as far as it gives what the figures need."""
    whole = _part(measured, plan)
    views = {c: _part(measured.view(c), replace(plan, metrics=plan.class_metrics)) for c in plan.views}
    compared = [*whole.disparities, *(d for c in views for d in _of_view(views[c].disparities, c))]
    disparities, findings = with_family(compared, measured)
    slices = [
        s.model_copy(update={"views": {c: views[c].slices[k].metrics for c in views}}) if views else s
        for k, s in enumerate(whole.slices)
    ]
    matrices = _confusions(measured, plan)
    return Variant(
        name=name,
        model=model,
        overall=whole.overall.metrics,
        overall_views={c: views[c].overall.metrics for c in views},
        confusion=matrices[0] if matrices else [],
        counts=whole.overall.counts,
        slices=[
            s.model_copy(update={"confusion": matrix}) for s, matrix in zip(slices, matrices[1:], strict=True)
        ]
        if matrices
        else slices,
        disparities=disparities,
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
    compared = run(beside(_disparities(measured, by, plan) for by in partitions))
    return _Part(whole, slices, [*_entropy(measured, ()), *itertools.chain.from_iterable(compared)], scores)


def _confusions(measured: Measurement, plan: Plan) -> list[list[list[int]]]:
    """Rows by label and decision, of all rows and of every slice in the order shown; none of two classes."""
    out: list[list[list[int]]] = []
    for by in ((), *measured.partitions(plan.depth)):
        found = measured.cases.confusion(by, plan.classes)
        if found is None:
            return []
        out += [found[i].tolist() for i in measured.slices(by).shown]
    return out


def _slice_results(measured: Measurement, by: By, plan: Plan) -> list[SliceResult]:
    slices, tally = measured.slices(by), measured.tally(by)
    z = normal_quantile(plan.confidence)
    columns = {
        name: _estimates(measured.figure(name, by), measured.metric(name), slices, plan, z)
        for name in plan.metrics
    }
    counts = tally.counts
    fields = {
        key: np.asarray(getattr(counts, key)).tolist()
        for key in ("tp", "fp", "fn", "tn", "selected", "positives")
        if getattr(counts, key) is not None
    }
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


def _estimates(figure: Figure, metric: Metric, slices: Slices, plan: Plan, z: float) -> list[Estimate]:
    low, high = figure.limits(z, 1.0)
    small = figure.size < plan.min_size

    def status(i: int) -> tuple[Status, str | None]:
        if small[i]:
            return "small", small_because(figure, i, plan.min_size)
        return _clusters_of(slices, [i])

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


def small_because(figure: Figure, i: int, least: int) -> str:
    """Say in words that too few rows stand in the denominator of a figure."""
    n, size = int(figure.n[i]), float(figure.size[i])
    if n < least:
        return tell("fewer than {least} rows in the denominator ({n})", least=least, n=n)
    if figure.least is not None and figure.effective_n is None:
        return tell("fewer than {least} rows in one of the denominators ({n})", least=least, n=round(size))
    return tell(
        "fewer than {least} effective rows in the denominator ({n} rows, worth {size})",
        least=least, n=n, size=f"{size:.1f}",
    )  # fmt: skip


def _clusters_of(slices: Slices, used: Sequence[int]) -> tuple[Status, str | None]:
    """Say whether slices rest on few clusters, and of what their limits then speak."""
    if slices.clusters is None:
        return "ok", None
    n = int(slices.clusters[list(used)].min())
    if n >= FEW_CLUSTERS:
        return "ok", None
    if n == 1:
        return "few clusters", tell(
            "rests on {n} cluster: the limits speak of it and of others like it, as far as one shows", n=n
        )
    return "few clusters", tell(
        "rests on {n} clusters, fewer than {least}: the limits speak of these and of others like them, as "
        "far as so few show",
        n=n,
        least=FEW_CLUSTERS,
    )


def undefined_because(metric: Metric, n: int) -> str:
    """Say in words why a metric does not exist in a slice."""
    return tell(metric.estimator.undefined(n), formula=metric.formula)


def _disparities(measured: Measurement, by: By, plan: Plan) -> Search[list[Disparity]]:
    slices = measured.slices(by)
    reference = slices.reference(plan.reference)
    searches: list[Search[list[Disparity]]] = []
    for name in plan.metrics:
        figure = measured.figure(name, by)
        searches.append(_against(slices, figure, name, "difference", reference, plan))
        if measured.metric(name).impact:
            picked = slices.lowest if plan.positive_is == "burden" else slices.highest
            best = picked(figure, plan.min_size)
            if best is not None:
                searches.append(_against(slices, figure, name, "ratio", best, plan, impact=True))
        elif measured.metric(name).ratio and measured.metric(name).percent:
            searches.append(_against(slices, figure, name, "ratio", reference, plan))
    for row in measured.task.disparities:
        if any(measured.lacks(m) for m in row.metrics):
            continue
        searches += [_between(measured, slices, row, form, plan) for form in row.forms]
    searches.append(_indices(measured, slices, plan))
    compared = yield from beside(searches)
    return [*itertools.chain.from_iterable(compared), *_entropy(measured, by)]


def _against(
    slices: Slices,
    figure: Figure,
    name: str,
    form: Form,
    reference: int,
    plan: Plan,
    *,
    impact: bool = False,
) -> Search[list[Disparity]]:
    """Every other slice against the reference."""
    others = np.array([i for i in slices.shown if i != reference], np.intp)
    if not len(others):
        return []
    level = 1 - plan.confidence
    known = int((~slices.unknown).sum())
    p = np.full(len(others), np.nan)
    if impact:
        burden = plan.positive_is == "burden"
        among = slices.usable(figure.size, plan.min_size)
        among = among[figure.defined[among]]
        asks = Picked(figure, others, among, reference, form, not burden, 0.8, level)
        low, high = yield from asks.search(level)
        value = asks.value
        p = asks.p_apart()
        if figure.value[reference] == 0:
            value = low = high = np.full(len(others), np.nan)
        all_low, all_high = low, high
    else:
        references = np.full(len(others), reference)
        # The reference was fixed beforehand: as many comparisons as there are other known slices.
        wide = normal_quantile(1 - level / max(known - 1, 1))
        value, ((low, high), (all_low, all_high)) = yield from compare.with_limits(
            figure, others, references, form, [normal_quantile(plan.confidence), wide]
        )
        if figure.binomial is not None and form == "difference":
            p = yield from compare.apart(figure, others, references)
            p[np.isnan(value)] = np.nan

    def disparity(k: int, i: int) -> Disparity:
        status, why = status_of(slices, figure, [i, reference], number(value[k]), plan)
        return Disparity.model_construct(
            name="impact_ratio" if impact else f"{name}_{form}",
            metric=name,
            by=list(slices.by),
            compare=form,
            scope="reference",
            slice=slices.name(i),
            reference=slices.name(reference),
            value=number(value[k]),
            low=number(low[k]),
            high=number(high[k]),
            simultaneous_low=number(all_low[k]),
            simultaneous_high=number(all_high[k]),
            p=number(p[k]),
            p_adjusted=number(p[k]) if impact else None,
            confidence=plan.confidence,
            method=(compare.difference_method if form == "difference" else compare.ratio_method)(figure),
            status=status,
            why=why,
            excluded=[],
        )

    return [disparity(k, i) for k, i in enumerate(others.tolist())]


def status_of(
    slices: Slices, figure: Figure, used: list[int], value: float | None, plan: Plan
) -> tuple[Status, str | None]:
    """Say whether a comparison of the slices ``used`` exists and rests on enough rows, and why not."""
    if value is None:
        lacking = [slices.words(i) for i in used if not figure.defined[i]]
        if not lacking:
            return "undefined", tell("the reference is 0")
        return "undefined", tell("not defined in {slices}", slices=", ".join(lacking))
    small = [
        tell("{slice} (n = {n})", slice=slices.words(i), n=_rows(figure, i))
        for i in used
        if figure.size[i] < plan.min_size
    ]
    if len(small) == 2:
        return "small", tell(
            "rests on {what} and {what_else}, fewer than {least} rows",
            what=small[0], what_else=small[1], least=plan.min_size,
        )  # fmt: skip
    if small:
        return "small", tell("rests on {what}, fewer than {least} rows", what=small[0], least=plan.min_size)
    return _clusters_of(slices, used)


def _rows(figure: Figure, i: int) -> str:
    """Rows in the denominator, whole ones without a point."""
    return f"{figure.size[i]:.4g}"


def _between(
    measured: Measurement, slices: Slices, row: DisparityRow, form: Form, plan: Plan
) -> Search[list[Disparity]]:
    """The extremes over all known slices and, where some are small, over the large enough ones too."""
    figures = {m: measured.figure(m, slices.by) for m in row.metrics}
    size = np.min([f.size for f in figures.values()], axis=0)
    scopes = [slices.usable(size, 0)]
    large = slices.usable(size, plan.min_size)
    if 2 <= len(large) < len(scopes[0]):
        scopes.append(large)
    extremes = yield from beside(between(figures, use, form, plan.confidence) for use in scopes)
    out = []
    for use, found in zip(scopes, extremes, strict=True):
        inside = np.zeros(len(slices.n), bool)
        inside[use] = np.all([f.defined[use] for f in figures.values()], axis=0)
        common = {
            "name": f"{row.name}_{form}",
            "metric": row.metrics[0] if found is None else found.metric,
            "by": list(slices.by),
            "compare": form,
            "scope": "between",
            "confidence": plan.confidence,
            "method": "simultaneous",
            "excluded": [slices.name(i) for i in slices.shown if not inside[i]],
        }
        if found is None:
            why = tell("fewer than two slices have {what}, or all are 0", what=" and ".join(row.metrics))
            out.append(Disparity(value=None, status="undefined", why=why, **common))
            continue
        pair = [found.slice, found.reference]
        status, why_small = status_of(slices, figures[found.metric], pair, found.value, plan)
        out.append(
            Disparity(
                slice=slices.name(found.slice),
                reference=slices.name(found.reference),
                value=number(found.value),
                low=number(found.low),
                high=number(found.high),
                simultaneous_low=number(found.low),
                simultaneous_high=number(found.high),
                status=status,
                why=why_small,
                **common,
            )
        )
    return out


def _indices(measured: Measurement, slices: Slices, plan: Plan) -> Search[list[Disparity]]:
    """Single numbers over all known slices: variance between slices, differential fairness."""
    out: list[Disparity] = []
    base = {"by": list(slices.by), "compare": "index", "scope": "index", "confidence": plan.confidence}
    for name in plan.metrics:
        figure = measured.figure(name, slices.by)
        if figure.trials is None:
            continue
        use = slices.usable(slices.n, 0)
        use = use[figure.defined[use] & (figure.trials[use] >= 2)]
        if len(use) < 2:
            continue
        value, low, high = compare.variance_between(figure.value[use], figure.trials[use], plan.confidence)
        out.append(Disparity(
            name=f"{name}_variance_between_slices", metric=name, value=value, low=low, high=high,
            method="double-corrected", **base,
        ))  # fmt: skip
    impact = next((metric.name for metric in measured.task.metrics.values() if metric.impact), None)
    if impact is None or measured.lacks(impact):
        return out
    name = impact
    figure, tally = measured.figure(name, slices.by), measured.tally(slices.by)
    sums = tally.weights or tally.counts
    use = slices.usable(slices.n, 0)
    use = use[figure.defined[use]]
    if len(use) < 2:
        return out
    value, low, high, i, reference = yield from differential_fairness(
        figure, np.asarray(sums.selected, float), np.asarray(sums.n, float), use, plan.confidence
    )
    status, why = status_of(slices, figure, [i, reference], value, plan)
    out.append(Disparity(
        name="differential_fairness", metric=name, slice=slices.name(i),
        reference=slices.name(reference), value=value, low=number(low), high=number(high),
        method="simultaneous", status=status, why=why, **base,
    ))  # fmt: skip
    return out


def _entropy(measured: Measurement, by: By) -> Iterator[Disparity]:
    """Theil index and generalized entropy: of all rows for no feature, else the part between slices."""
    entropy = measured.task.entropy
    if entropy is None or not {"label", "decision"} <= measured.gives:
        return
    for alpha, name in ((1, "theil_index"), (2, "generalized_entropy_index")):
        within, between = compare.entropy_index(measured.tally(by), alpha)
        value = float(within[0]) if not by else between
        yield Disparity(
            name=f"{name}_between_slices" if by else name, metric=entropy, by=list(by), compare="index",
            scope="index", value=number(value), method="none",
            status="ok" if np.isfinite(value) else "undefined",
        )  # fmt: skip


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
    return [
        ScoreDetail(
            slice=slices.name(i),
            n=int(curves.n[i]),
            mean=number(curves.mean[i]),
            sd=number(curves.sd[i]),
            smd=smd[i],
            histogram_edges=curves.edges.tolist(),
            histogram_counts=curves.histogram[i].tolist(),
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
