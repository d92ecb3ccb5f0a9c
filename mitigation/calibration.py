"""Calibration by slice: scores that mean the same chance in every slice."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..compression.recipes import Context, Done, recipe
from ..datasets.errors import InputError
from ..models.estimator import noting
from ..models.rules import MapRule
from ..told import tell
from .fitting import FAMILIES, ByParams, column_scores, fitting

Floats = NDArray[np.float64]


class Calibration(ByParams):
    """A monotone map from score to probability, for each slice."""

    method: Literal["isotonic", "sigmoid"] = Field(
        "isotonic", description="isotonic needs many rows (about 1,000 a slice); sigmoid has two parameters."
    )


@recipe("calibration", Calibration, family=FAMILIES, room="mitigation", rule=True)
def calibration(model: Any, params: Calibration, context: Context) -> Done:
    """Fit scikit-learn's calibrators by slice; the model's threshold then judges the mapped score."""
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
    rule = MapRule(found.groups, maps, 0.5 if threshold is None else float(threshold))
    told = {
        "kind": "calibration", "features": list(found.groups.features), "unseen": params.unseen,
        "fitted_on": found.rows.about, "objective": params.method, "slices": found.told(rule),
    }  # fmt: skip
    return Done(
        tell(
            "scores mapped by {method} calibration for {n} slices of {features}",
            method=params.method,
            n=len(found.groups.keys),
            features=" & ".join(found.groups.features),
        ),
        rule=rule,
        told={"rules": [told], "needs": list(found.groups.features)},
    )


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
