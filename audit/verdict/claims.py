"""What a gate asks of each slice: the claims, the question they make together, and the slices left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...datasets.columns import listed
from ...datasets.errors import InputError
from ...metrics import compare
from ...metrics.evidence import Index, evidence
from ...metrics.extremes import Extremes
from ...metrics.figures import Figure
from ...metrics.limit import Limit
from ...metrics.picked import Picked
from ...metrics.questions import Each, Largest
from ...metrics.requirement import Requirement
from ...tasks.task import needed
from ...told import tell, term, told_both, told_list
from ..config import AGGREGATES, Gate
from ..figures.common import Common
from ..figures.measure import Measurement
from ..figures.pairs import Paired
from ..figures.plan import Plan
from ..figures.unpaired import Unpaired
from .change_claims import changes, growths, with_lost
from .gate_slices import Asked, Claim, GateSlices


def asked(
    gate: Gate, position: int, measured: Measurement, plan: Plan, paired: Paired | Unpaired | None = None
) -> list[Asked]:
    """What a gate asks of each slice: one part, or one for each class that it speaks of.

    Raises
    ------
    InputError
        The gate names a feature, slice or class that the data lack, or a metric that they cannot give.
    """
    where = f"gates[{position}]"
    if gate.of_class is None:
        return [_asked(gate, where, measured, plan, paired)]
    if measured.task.of_class is None:
        told = f"the task {measured.task.name} has no classes to name, got {gate.of_class!r}"
        raise InputError(f"{where}.class: {told}")
    if gate.of_class != "each" and gate.of_class not in plan.views:
        raise InputError(f"{where}.class: no class {gate.of_class!r}; there are {listed(plan.views)}")
    parts = []
    for name in plan.classes if gate.of_class == "each" else (gate.of_class,):
        same = None if paired is None else paired.view(name)
        found = _asked(gate, where, measured.view(name), plan, same)
        parts.append(replace(found, view=name))
    # Limits of failing hold for all classes together.
    claims = sum(part.question.claims for part in parts if part.question is not None)
    return [
        part if part.question is None else replace(part, question=part.question.among(claims))
        for part in parts
    ]


def _asked(
    gate: Gate, where: str, measured: Measurement, plan: Plan, paired: Paired | Unpaired | None
) -> Asked:
    _check(gate, where, measured, paired)
    by = tuple(f for f in measured.features if f in gate.features)
    metric = measured.task.metrics.get(gate.metric)
    if gate.compare == "change":
        assert paired is not None
        gated = GateSlices(gate, where, paired.slices(by), plan, metric)
        found = growths(gated, paired, by) if gate.by is not None else changes(gated, paired, by)
        return with_lost(found, gated, paired, by) if isinstance(paired, Common) else found
    gated = GateSlices(gate, where, measured.slices(by), plan, metric)
    if metric is None:
        return _aggregate(gated, {m: measured.figure(m, by) for m in AGGREGATES[gate.metric].metrics})
    figure = measured.figure(gate.metric, by)
    return _values(gated, figure) if gate.compare == "value" else _against(gated, figure)


def _check(gate: Gate, where: str, measured: Measurement, paired: Paired | Unpaired | None) -> None:
    for feature in gate.features:
        if feature not in measured.features:
            raise InputError(
                f"{where}.by: {feature!r} is not an audited sensitive feature; there are "
                f"{', '.join(measured.features)}"
            )
    names = AGGREGATES[gate.metric].metrics if gate.metric in AGGREGATES else (gate.metric,)
    seen = measured if paired is None or gate.compare != "change" else paired
    for name in names:
        if name not in measured.task.metrics:
            raise InputError(f"{where}.metric: {name} is no figure of the task {measured.task.name}")
        lacking = seen.lacks(name)
        if lacking:
            whose = "run" if measured.lacks(name) else "model before"
            what = " and a ".join(needed(measured.task, lacking))
            raise InputError(f"{where}.metric: {name} needs a {what}, which the {whose} has not")
        if gate.compare == "change" and measured.metric(name).of_labels:
            raise InputError(
                f"{where}.metric: {name} is of the labels alone, it does not change with a model"
            )


def _values(gated: GateSlices, figure: Figure) -> Asked:
    """Each slice's own value against the limit."""
    use, left_out = gated.eligible(figure)
    claims = [gated.claim(figure, i, i) for i in use]
    known = _defined(use, claims)
    if not len(known):
        return Asked(claims, None, left_out)
    found = evidence(figure, known, gated.levels(len(known)))
    return Asked(claims, Each(found, gated.requirement(), len(known)), left_out)


def _defined(use: Sequence[int], claims: Sequence[Claim]) -> Index:
    return np.array([i for i, claim in zip(use, claims, strict=True) if claim.undefined is None], np.intp)


def _against(gated: GateSlices, figure: Figure) -> Asked:
    """Each slice against the reference."""
    gate, slices = gated.gate, gated.slices
    use, left_out = gated.eligible(figure)
    reference, picked = gated.reference(figure, use)
    if reference is None:
        return Asked([], None, left_out)
    others = [i for i in use if i != reference]
    form: compare.Form = "difference" if gate.compare == "difference" else "ratio"
    # Nothing has a ratio to 0; but any rate is proven to be more than the lowest one, where that is 0.
    zero = form == "ratio" and figure.value[reference] == 0
    zero = zero and not (picked == "lowest" and np.nanmax(figure.value[use]) > 0)

    def claim(i: int) -> Claim:
        why = gated.lacking(figure.defined, figure.n, (i, reference))
        if why is None and zero:
            why = tell("the reference {slice} is 0", slice=slices.words(reference))
        return Claim(slices.name(i), slices.name(reference), int(figure.n[i]), why)

    claims = [claim(i) for i in others]
    known = _defined(others, claims)
    if not len(known):
        return Asked(claims, None, left_out)
    if picked is not None:
        among = np.array([i for i in use if figure.defined[i]], np.intp)
        limit = gated.requirement().limit
        level = gated.level
        asks = Picked(figure, known, among, reference, form, picked == "highest", limit, level)
        return Asked(claims, asks, left_out)
    pairs = compare.pair_evidence(
        figure, known, np.full(len(known), reference), form, gated.levels(len(known))
    )
    requirement = _of_pairs(gated, form)
    turned = form == "ratio" and requirement.upper
    return Asked(claims, Each(pairs, requirement, len(known), turned), left_out)


def _of_pairs(gated: GateSlices, form: compare.Form) -> Requirement:
    """The limit of a comparison with a reference that was fixed beforehand.

    A difference counts in either direction, and so does a ratio to a reference that nobody named. Of a burden
    it is the slice that has more of it which is worse off: the limit is on the inverse of its ratio.
    """
    if form == "difference":
        return gated.requirement("difference")
    if gated.gate.reference is None:
        return gated.requirement("ratio")
    if gated.plan.positive_is == "burden" and gated.impact:
        return Requirement(1 / gated.requirement().limit, upper=True)
    return gated.requirement()


def _aggregate(gated: GateSlices, figures: Mapping[str, Figure]) -> Asked:
    """A named disparity over all slices."""
    gate, slices = gated.gate, gated.slices
    use, left_out = gated.eligible(*figures.values())
    extremes = Extremes(figures, np.array(use, np.intp), gate.metric.endswith("_ratio"))
    undefined = [slices.words(i) for i in use if not all(f.defined[i] for f in figures.values())]
    if not extremes.defined:
        if len(use) < 2:
            return Asked([], None, left_out)
        why = tell("fewer than two slices have {what}", what=told_both(map(term, figures)))
        return Asked([Claim({}, None, 0, why)], None, left_out)
    high, low = extremes.ends.high, extremes.ends.low
    one, other = (low, high) if extremes.ratio else (high, low)
    n = int(figures[extremes.ends.metric].n[one])
    claim = Claim(slices.name(one), slices.name(other), n)
    if undefined:
        what = told_both(map(term, figures))
        why = tell("{what} not defined in {slices}", what=what, slices=told_list(undefined))
        return Asked([replace(claim, undefined=why)], None, left_out)
    lacking = [name for name in figures if name not in extremes.defined]
    if lacking:
        # Of a rate that is 0 in every slice any ratio is possible: the others alone do not prove the gate.
        why = tell("fewer than two slices have {what}, or all are 0", what=told_both(map(term, lacking)))
        return Asked([replace(claim, undefined=why)], None, left_out)
    return Asked([claim], Largest(extremes, Limit.parse(gate.limit).value, gated.level), left_out)
