"""Calibration by slice: scores that mean the same chance in every slice."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...compression.registry import Context, Done, recipe
from ...datasets.errors import InputError
from ...models.base import Family
from ...models.estimator import noting
from ...models.forms import FORMS, form_of
from ...models.heads.multiclass import positions
from ...models.rules import MapRule
from ...models.temperature import LEAST, TemperatureRule, scaled
from ...told import tell
from ..fitting import ByParams, Fitting, column_scores, fitting

Floats = NDArray[np.float64]
MODELS: tuple[Family, ...] = ("sklearn", "torch", "onnx")
SCORED: Family = "scores"
TASKS = ("binary", "multiclass")
"""Of tables and callables one score is mapped, of models also the probabilities of several classes."""
REACH = 10.0
"""Largest logarithm of a temperature."""
EDGE = 1e-3
"""How near to that a search that has found nothing ends."""


class Calibration(ByParams):
    """A monotone map from score to probability, for each slice."""

    method: Literal["isotonic", "sigmoid", "temperature"] = Field(
        "isotonic",
        description="isotonic needs many rows (about 1,000 a slice); sigmoid has two parameters. Of several "
        "classes temperature, which has one, and no other.",
    )

    def suits(self, task: str, favourable: bool) -> None:
        """ValueError for a map of one score where there are several, and the other way round."""
        if "method" not in self.model_fields_set:
            return
        classes = FORMS[task].classes
        if classes != (self.method == "temperature"):
            wanted = "temperature" if classes else "isotonic or sigmoid"
            raise ValueError(f"method: expected {wanted} where the task is {task}, got {self.method!r}")


@recipe("calibration", Calibration, family=SCORED, room="mitigation", rule=True, tasks=("binary",))
@recipe("calibration", Calibration, family=MODELS, room="mitigation", rule=True, tasks=TASKS)
def calibration(model: Any, params: Calibration, context: Context) -> Done:
    """Fit scikit-learn's calibrators by slice; the model's threshold then judges the mapped score.

    Of several classes the temperature is fitted, and no decision changes.
    """
    if form_of(model).classes:
        return _tempered(model, params, context)
    found = fitting(model, context, params, "calibration")
    labels = found.rows.known_labels("calibration")
    maps = tuple(
        fitted_map(params.method, found.score[mask], labels[mask], found.weights[mask])
        for mask in found.masks()
    )
    for key, made in zip(found.groups.keys, maps, strict=False):
        if made.get("a", 0) > 0:
            raise InputError(
                f"calibration: in {' & '.join(key) or 'all rows'} higher scores go with fewer "
                "positive labels, so that a sigmoid would turn them over; use method: isotonic"
            )
    threshold = model.threshold if model.probability else None
    if threshold is not None and not 0 <= threshold <= 1:
        raise InputError(
            "calibration: model.threshold judges the calibrated probabilities; expected a number from 0 to "
            f"1, got {threshold:g}"
        )
    rule = MapRule(found.groups, maps, 0.5 if threshold is None else float(threshold))
    return _done(found, rule, params, params.method, found.told(rule))


def _done(found: Fitting, rule: Any, params: Calibration, method: str, slices: list[dict[str, Any]]) -> Done:
    told = {
        "kind": "calibration", "features": list(found.groups.features), "unseen": params.unseen,
        "fitted_on": found.rows.about, "objective": method, "slices": slices,
    }  # fmt: skip
    return Done(
        tell(
            "scores mapped by {method} calibration for {n} slices of {features}",
            method=method,
            n=len(found.groups.keys),
            features=" & ".join(found.groups.features),
        ),
        rule=rule,
        told={"rules": [told], "needs": list(found.groups.features)},
    )


def _tempered(model: Any, params: Calibration, context: Context) -> Done:
    """Fit the temperature of each slice on rows that are not audited."""
    name = "calibration"
    found = fitting(model, context, params, name, labelled=False, whole=True)
    place = positions(found.rows.known_labels(name), model.classes, name)
    inverse, slices = [], []
    for code, mask in enumerate(found.masks()):
        chances, mine, weights = found.score[mask], place[mask], found.weights[mask]
        common = code == len(found.groups.keys)
        key = () if common else found.groups.keys[code]
        inverse.append(inverse_temperature(chances, mine, weights, " & ".join(key) or "all rows"))
        slices.append(
            {
                "slice": {} if common else dict(zip(found.groups.features, key, strict=True)),
                "n": int(mask.sum()),
                "temperature": 1 / inverse[-1],
                "loss_before": log_loss(chances, mine, weights),
                "loss_after": log_loss(scaled(chances, inverse[-1]), mine, weights),
            }
        )
    return _done(found, TemperatureRule(found.groups, tuple(inverse)), params, "temperature", slices)


def log_loss(chances: Floats, place: NDArray[np.int64], weights: Floats) -> float:
    """Mean logarithmic loss of probabilities of shape (rows, classes), ``place`` the class of each row."""
    return float(np.average(-np.log(chances[np.arange(len(place)), place] + LEAST), weights=weights))


def inverse_temperature(
    chances: Floats, place: NDArray[np.int64], weights: Floats, where: str = "all rows"
) -> float:
    """1 / temperature at which the log loss is least, within e^-10 and e^10, as scikit-learn searches it.

    The loss is convex in it, so that there is one such number; scikit-learn itself has it from 1.8 on.

    Raises
    ------
    InputError
        None is best: in the rows of ``where`` the probabilities say nothing of the class, or all of it.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger 2017, ICML 34 (On Calibration of Modern Neural Networks).
    """
    from scipy.optimize import minimize_scalar

    def loss(power: float) -> float:
        return log_loss(scaled(chances, math.exp(power)), place, weights)

    found = minimize_scalar(loss, bounds=(-REACH, REACH), method="bounded", options={"xatol": 1e-12})
    if abs(found.x) > REACH - EDGE:
        why = (
            "are no better than equal ones" if found.x < 0 else "are highest for the right class in every row"
        )
        raise InputError(
            f"calibration: in {where} the model's probabilities {why}, so that no temperature is best; "
            "expected rows of which the model gets some right and some wrong"
        )
    return math.exp(float(found.x))


def fitted_map(method: str, score: Floats, labels: NDArray[np.bool_], weights: Floats) -> dict[str, Any]:
    """Fit scikit-learn's calibrator to one slice, as the numbers of a `MapRule`."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    # The scores are not learned from these rows, so that one fold of all of them is fitted on.
    every = np.arange(len(score))
    made = CalibratedClassifierCV(FrozenEstimator(column_scores()), method=method, cv=[(every, every)])
    # It warns that the frozen scores are not learned with the weights, which is as it should be.
    with noting({}):
        made.fit(score[:, None], labels.astype(int), sample_weight=weights)
    calibrator = made.calibrated_classifiers_[0].calibrators[0]
    if method == "sigmoid":
        return {"a": float(calibrator.a_), "b": float(calibrator.b_)}
    return {"x": calibrator.X_thresholds_.tolist(), "y": calibrator.y_thresholds_.tolist()}
