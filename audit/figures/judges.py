"""How judges of answers decide labelled ones: sensitivity and specificity by slice, with exact limits."""

from __future__ import annotations

from ...metrics.exact import clopper_pearson
from ...metrics.intervals import normal_quantile, tail_area
from ...tasks.cases import By
from ...tasks.judges import Audited
from ...told import tell
from ..result import Estimate, JudgeRates
from .measure import Measurement
from .plan import Plan

METHOD = "clopper-pearson"


def judge_rates(measured: Measurement, plan: Plan) -> list[JudgeRates]:
    """The rates of each judge that was audited: of all labelled rows, and of the slices of each feature."""
    judges: list[Audited] = getattr(measured.cases, "judges", [])
    return [
        rate
        for judge in judges
        for by in ((), *((feature,) for feature in judge.features))
        for rate in _rates(judge, by, plan)
    ]


def _rates(judge: Audited, by: By, plan: Plan) -> list[JudgeRates]:
    keys = sorted(judge.keys(by))
    errors, counts = judge.errors(by, keys), judge.counted(by, keys)
    return [
        JudgeRates(
            judge=judge.name,
            slice=dict(zip(by, key, strict=True)),
            sensitivity=_estimate(
                float(errors.found[i]), float(errors.positives[i]), int(counts[i, 1]), plan
            ),
            specificity=_estimate(
                float(errors.negatives[i] - errors.false[i]),
                float(errors.negatives[i]),
                int(counts[i, 3]),
                plan,
            ),
        )
        for i, key in enumerate(keys)
    ]


def _estimate(x: float, rows: float, n: int, plan: Plan) -> Estimate:
    """A share of labelled rows; of ``rows`` effective ones, where they depend on each other."""
    if not n:
        why = tell("no labelled rows of this kind")
        return Estimate(value=None, confidence=plan.confidence, status="undefined", why=why)
    low, high = clopper_pearson(x, rows, tail_area(normal_quantile(plan.confidence)))
    return Estimate(
        value=x / rows, low=float(low), high=float(high), n=n, effective_n=None if rows == n else rows,
        confidence=plan.confidence, method=METHOD, status="ok" if rows >= plan.min_size else "small",
    )  # fmt: skip
