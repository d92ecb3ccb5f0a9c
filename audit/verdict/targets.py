"""The targets of an objective, each judged as a gate."""

from __future__ import annotations

from typing import get_args

from ...metrics.limit import Limit
from ...told import tell
from ..config import COSTS, Objective
from ..figures.plan import Plan
from ..result import TARGET, Comparison, GateResult, Variant
from .costs import cost_ratio


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
