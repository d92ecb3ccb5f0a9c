"""What differs between the slices of a variant: against a reference, between all of them, as indices."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

import numpy as np

from ...metrics import compare
from ...metrics.entry import DisparityRow
from ...metrics.extremes import between, differential_fairness
from ...metrics.figures import Figure
from ...metrics.intervals import normal_quantile
from ...metrics.lockstep import Search, beside
from ...metrics.picked import Picked
from ...tasks.cases import By
from ...told import tell, term, told_both
from ..result import Disparity
from .measure import Measurement, Partition, Slices
from .plan import Plan
from .status import number, status_of

Form = Literal["difference", "ratio"]


def disparities(measured: Measurement, by: By, plan: Plan) -> Search[list[Disparity]]:
    """Compare the slices of a partition in every metric of the plan, and in each named disparity."""
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
    return [*itertools.chain.from_iterable(compared), *entropy(measured, by)]


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
            why = tell(
                "fewer than two slices have {what}, or all are 0", what=told_both(map(term, row.metrics))
            )
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
    for row in measured.task.indices:
        found = None if set(row.needs) - measured.gives else row.of(Partition(measured, slices.by))
        if found is None:
            continue
        low, high = (float(end[0]) for end in found.limits(normal_quantile(plan.confidence), 1.0))
        measure = number(found.value[0])
        out.append(Disparity(
            name=row.name, metric=row.name, value=measure, low=number(low), high=number(high),
            method=found.method, status="ok" if measure is not None else "undefined", **base,
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


def entropy(measured: Measurement, by: By) -> Iterator[Disparity]:
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
