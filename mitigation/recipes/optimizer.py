"""fairlearn's ThresholdOptimizer, brought to a rule that stands by itself."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...compression.registry import Context, Done, recipe
from ...datasets.errors import InputError
from ...metrics.table import FairlearnObjective
from ...models.foreign import one_line
from ...models.steps import StepRule
from ...told import tell
from ..fitting import FAMILIES, ByParams, Fitting, column_scores, draw_of, fitting
from ..retraining import unweighted

Floats = NDArray[np.float64]
SNAP = 1e-12
"""Chances so near to 0 or 1 differ from them by rounding alone."""


class ThresholdOptimizer(ByParams):
    """Parameters of fairlearn.postprocessing.ThresholdOptimizer."""

    constraint: Literal[
        "demographic_parity", "equalized_odds", "false_negative_rate_parity", "false_positive_rate_parity",
        "selection_rate_parity", "true_negative_rate_parity", "true_positive_rate_parity",
    ] = "demographic_parity"  # fmt: skip
    objective: FairlearnObjective = "accuracy_score"
    grid_size: int = Field(1000, ge=2)
    flip: bool = Field(False, description="Allow rules that select low scores.")
    tol: float | None = Field(None, gt=0, description="Slack of the constraint; default none.")


@recipe(
    "threshold-optimizer",
    ThresholdOptimizer,
    family=FAMILIES,
    room="mitigation",
    rule=True,
)
def threshold_optimizer(model: Any, params: ThresholdOptimizer, context: Context) -> Done:
    """Fit fairlearn's rule by slices; it may be randomised, and is then seeded."""
    from fairlearn.postprocessing import ThresholdOptimizer as Fairlearn

    name = "threshold-optimizer"
    found = fitting(model, context, params, name)
    # fairlearn takes no weights, and what is told of its rule must be of the rows as it saw them.
    found = replace(found, weights=np.ones(len(found.rows)))
    mine = found.codes < len(found.groups.keys)
    optimizer = Fairlearn(
        estimator=column_scores(), prefit=True, predict_method="predict", constraints=params.constraint,
        objective=params.objective, grid_size=params.grid_size, flip=params.flip, tol=params.tol,
    )  # fmt: skip
    labels = found.rows.known_labels(name)
    try:
        optimizer.fit(
            found.score[mine, None],
            labels[mine].astype(int),
            sensitive_features=found.codes[mine].astype(str),
        )
    except ValueError as error:
        raise InputError(f"{name}: {one_line(error)}") from None
    fitted = optimizer.interpolated_thresholder_.interpolation_dict
    steps = [step_function(fitted[str(code)]) for code in range(len(found.groups.keys))]
    if found.groups.unseen == "common":
        if model.threshold is None:
            raise InputError(f"{name}: unseen: common takes the model's own threshold; set model.threshold")
        steps.append((np.array([-math.inf, model.threshold]), np.array([0.0, 1.0])))
    starts, chances = tuple(s for s, _ in steps), tuple(c for _, c in steps)
    random = any(bool(((c > 0) & (c < 1)).any()) for c in chances)
    rule = StepRule(found.groups, starts, chances, draw_of(model, context, name) if random else None)
    told = {
        "kind": "randomised" if random else "thresholds", "features": list(found.groups.features),
        "unseen": params.unseen, "seed": context.seed if random else None,
        "drawn_by": list(rule.draw.columns) if rule.draw else [], "fitted_on": found.rows.about,
        "objective": params.objective, "constraint": params.constraint,
        "limit": None if params.tol is None else f"<= {params.tol:g}", "slices": found.told(rule),
        **expected(rule, found, labels[mine] == 1, mine, params),
    }  # fmt: skip
    numbers = {"n": len(found.groups.keys), "features": " & ".join(found.groups.features)}
    return Done(
        tell("fairlearn's randomised rule for {n} slices of {features}", **numbers)
        if random
        else tell("fairlearn's thresholds for {n} slices of {features}", **numbers),
        notes=[*_notes(random, context), *unweighted(found.rows)],
        rule=rule,
        told={"rules": [told], "needs": list(found.groups.features)},
    )


def expected(
    rule: StepRule,
    found: Fitting,
    labels: NDArray[np.bool_],
    mine: NDArray[np.bool_],
    params: ThresholdOptimizer,
) -> dict[str, float]:
    """The accuracy and the largest gap of the constrained rates on the fitted rows, over all draws."""
    codes, chance = found.codes[mine], rule.chance(found.codes[mine], found.score[mine])
    of = {"selection": np.ones(len(chance), bool), "true": labels, "false": ~labels}

    def gap(rows: NDArray[np.bool_]) -> float:
        return float(np.ptp([chance[rows & (codes == c)].mean() for c in range(len(found.groups.keys))]))

    asked = {
        "demographic_parity": ("selection",), "selection_rate_parity": ("selection",),
        "equalized_odds": ("true", "false"), "true_positive_rate_parity": ("true",),
        "false_negative_rate_parity": ("true",), "false_positive_rate_parity": ("false",),
        "true_negative_rate_parity": ("false",),
    }[params.constraint]  # fmt: skip
    told = {"disparity": max(gap(of[name]) for name in asked)}
    if params.objective == "accuracy_score":
        told["performance"] = float(np.where(labels, chance, 1 - chance).mean())
    return told


def _notes(random: bool, context: Context) -> list[str]:
    if not random:
        return []
    return [
        tell(
            "some decisions are drawn by lot (seed {seed}): the same row is always drawn the same way",
            seed=context.seed,
        )
    ]


def step_function(interpolation: Any) -> tuple[Floats, Floats]:
    """Bring one group's interpolated thresholds to scores and the chances that hold from them on.

    Parameters
    ----------
    interpolation : mapping
        Of fairlearn: p0, operation0, p1, operation1, and p_ignore with prediction_constant.
    """
    operations = [interpolation.operation0, interpolation.operation1]
    # A score above t is one from the next number on; one below t ends where t begins.
    cuts = {
        float(np.nextafter(o.threshold, math.inf)) if o.operator == ">" else float(o.threshold)
        for o in operations
        if math.isfinite(o.threshold)
    }
    starts = np.array([-math.inf, *sorted(cuts)])
    # Operations are asked at a number inside each piece, as '> -inf' does not hold for -inf itself.
    inside = starts.copy()
    inside[0] = np.nextafter(starts[1], -math.inf) if len(starts) > 1 else 0.0
    chance = interpolation.p0 * operations[0](inside) + interpolation.p1 * operations[1](inside)
    if "p_ignore" in interpolation:
        ignore = interpolation.p_ignore
        chance = ignore * interpolation.prediction_constant + (1 - ignore) * chance
    chance = np.clip(np.asarray(chance, float), 0.0, 1.0)
    chance = np.where(chance < SNAP, 0.0, np.where(chance > 1 - SNAP, 1.0, chance))
    kept = np.concatenate([[True], np.diff(chance) != 0])
    return starts[kept], chance[kept]
