"""What a gate asks of a change: of a metric itself, or of the gap of each slice to the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...metrics import gap_growth
from ...metrics.evidence import FromLimits, evidence
from ...metrics.intervals import Limits
from ...metrics.questions import Each
from ...told import tell
from ..figures.common import Common
from ..figures.pairs import Paired
from ..figures.unpaired import Unpaired
from .gate_slices import Asked, Claim, GateSlices, LeftOut


def changes(gated: GateSlices, paired: Paired | Unpaired, by: tuple[str, ...]) -> Asked:
    """After - before of the metric itself, in one slice or overall."""
    use, left_out = gated.eligible(paired.before(gated.gate.metric, by))
    figure = paired.figure_of(gated.gate.metric, by, use)
    claims = [gated.claim(figure, k, i) for k, i in enumerate(use)]
    known = np.flatnonzero(figure.defined)
    if not len(known):
        return Asked(claims, None, left_out)
    found = evidence(figure, known, gated.levels(len(known)))
    return Asked(claims, Each(found, gated.requirement(), len(known)), left_out)


def with_lost(found: Asked, gated: GateSlices, common: Common, by: tuple[str, ...]) -> Asked:
    """Add the slices that only one of two runs has, or of which no row is common.

    One of the later run that is large enough to be judged has no change: the gate is an error, not silent.
    """
    if gated.gate.slice is not None:
        return found
    why = tell("none of its rows is among the common rows")
    claims, left_out = list(found.claims), [*found.left_out, *(LeftOut(s, 0.0) for s in common.gone(by))]
    for name, n in zip(*common.new(by), strict=True):
        if n >= gated.plan.min_size or gated.gate.include_small:
            claims.append(Claim(name, None, 0, why))
        else:
            left_out.append(LeftOut(name, 0.0))
    return replace(found, claims=claims, left_out=left_out)


def growths(gated: GateSlices, paired: Paired | Unpaired, by: tuple[str, ...]) -> Asked:
    """Growth of the absolute gap of each slice to the reference, |after| - |before|."""
    gate, slices = gated.gate, gated.slices
    before = paired.before(gate.metric, by)
    use, left_out = gated.eligible(before)
    if isinstance(paired, Unpaired):
        left_out += [LeftOut(name, 0.0) for name in paired.gone(by)]
    reference, picked = gated.reference(before, use)
    if reference is None:
        return Asked([], None, left_out)
    others = [i for i in use if i != reference]
    compared = [*others, reference]
    gap, change = before.take(compared), paired.figure_of(gate.metric, by, compared)
    defined = gap.defined & change.defined
    places = dict(zip(compared, defined.tolist(), strict=True))
    known_slices = np.array([places.get(i, False) for i in range(len(slices.n))], bool)
    claims = [
        Claim(
            slices.name(i), slices.name(reference), int(change.n[k]),
            gated.lacking(known_slices, before.n, (i, reference)),
        )
        for k, i in enumerate(others)
    ]  # fmt: skip
    known = np.array([k for k, claim in enumerate(claims) if claim.undefined is None], np.intp)
    if not len(known):
        return Asked(claims, None, left_out)
    against = np.full(len(known), len(others))
    # A reference that was picked for its value stands among all the slices that it was picked from.
    together = len(use) * (len(use) - 1) if picked else len(known)

    def limits(z: float, scale: float) -> Limits:
        return gap_growth.growth(gap.times(scale), change.times(scale), known, against, z)[1]

    value, _ = gap_growth.growth(gap, change, known, against, 0.5)
    found = FromLimits.of(value, limits, gated.levels(together))
    return Asked(claims, Each(found, gated.requirement(), together), left_out)
