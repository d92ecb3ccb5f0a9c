"""Differences that are more than chance explains, in one declared family per variant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...bands import UNKNOWN
from ...metrics.compare import pair_evidence
from ...metrics.evidence import Pairs
from ...metrics.intervals import adjust_p
from ...metrics.lockstep import Ask, Search, beside, run
from ..result import USABLE, Disparity, Findings, Found
from .measure import Measurement

LEVEL = 0.05
"""False discovery rate, and false coverage rate of the intervals."""


def with_family(
    disparities: Sequence[Disparity], measured: Measurement
) -> tuple[list[Disparity], Findings | None]:
    """Adjust the p-values of all eligible differences together, and say which of them stand out.

    The family is every rate that depends on the model, in every known slice of every partition that is large
    enough, against its reference. Benjamini and Hochberg's procedure holds the false discovery rate
    (Y. Benjamini, Y. Hochberg 1995, J. R. Stat. Soc. B 57:289-300); with R of M found, the intervals are at
    1 - level R / M, at which no more than that share of them misses on average (Y. Benjamini, D. Yekutieli
    2005, JASA 100:71-81). The differences of a partition share their reference, so that their p-values depend
    on each other positively, under which the procedure holds.

    Returns
    -------
    disparities : list of Disparity
        The same, with ``p_adjusted`` where a difference is in the family.
    findings : Findings or None
        None without any difference to look at.
    """

    def eligible(d: Disparity) -> bool:
        if d.scope != "reference" or d.compare != "difference" or d.status not in USABLE or d.p is None:
            return False
        if any(UNKNOWN in (part or {}).values() for part in (d.slice, d.reference)):
            return False
        seen = _seen(measured, d)
        rate = seen.figure(d.metric, tuple(d.by)).trials is not None
        return rate and "decision" in seen.metric(d.metric).needs

    family = [k for k, d in enumerate(disparities) if eligible(d)]
    out = list(disparities)
    if not family:
        return out, None
    adjusted = adjust_p([disparities[k].p or 0.0 for k in family], "benjamini-hochberg")
    for k, p in zip(family, adjusted.tolist(), strict=True):
        out[k] = disparities[k].model_copy(update={"p_adjusted": p})
    told = [out[k] for k, p in zip(family, adjusted.tolist(), strict=True) if p <= LEVEL]
    confidence = 1 - LEVEL * len(told) / len(family)
    searches = (_found(d, _seen(measured, d), confidence) for d in _once(told, measured))
    found = run(beside(searches))
    found.sort(key=lambda f: min(abs(f.low), abs(f.high)), reverse=True)
    return out, Findings(looked_at=len(family), level=LEVEL, found=found)


def _seen(measured: Measurement, d: Disparity) -> Measurement:
    """The rows as a difference sees them."""
    return measured if d.view is None else measured.view(d.view)


def _once(told: Sequence[Disparity], measured: Measurement) -> list[Disparity]:
    """Of a rate and its complement, such as false and true negative rate, the one that is not the mirror."""
    there = {(d.view, d.metric, *sorted((d.slice or {}).items())) for d in told}

    def repeated(d: Disparity) -> bool:
        mirror = _seen(measured, d).metric(d.metric).mirror
        return (d.view, mirror, *sorted((d.slice or {}).items())) in there

    return [d for d in told if not repeated(d)]


def _found(d: Disparity, measured: Measurement, confidence: float) -> Search[Found]:
    figure, slices = measured.figure(d.metric, tuple(d.by)), measured.slices(tuple(d.by))
    ends = [slices.find(part or {}) for part in (d.slice, d.reference)]
    one, other = (np.array([end], np.intp) for end in ends)
    pair = pair_evidence(figure, one, other, "difference", ())
    assert isinstance(pair, Pairs)
    ((low, high),) = yield [Ask(pair, (1 - confidence) / 2, np.array([[True], [False]]))]
    return Found(
        metric=d.metric, view=d.view, by=d.by, slice=d.slice or {}, reference=d.reference or {},
        value=d.value or 0.0, low=float(low[0]), high=float(high[0]), confidence=confidence,
        p=d.p or 0.0, p_adjusted=d.p_adjusted or 0.0,
    )  # fmt: skip
