"""A randomised classifier: several predictors, each asked with a fixed chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Mixture:
    """Several classifiers as one whose probability is the chance of being selected by one drawn from them.

    Parameters
    ----------
    encoder : transformer or None
        What comes before the predictors.
    predictors : sequence of estimator
        Their ``predict`` gives 0 or 1.
    weights : float array of shape (predictors,)
        The chance of each; they add to 1.
    classes : array of shape (2,)
    yes : int
        Which of them is the positive one.
    """

    def __init__(
        self, encoder: Any, predictors: Sequence[Any], weights: Sequence[float], classes: Any, yes: int
    ) -> None:
        self.encoder, self.predictors, self.yes = encoder, list(predictors), yes
        self.weights = np.asarray(weights, float)
        self.classes_ = np.asarray(classes)

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Chances of the classes, float array of shape (rows, 2)."""
        x = self.encoder.transform(rows) if self.encoder is not None else rows
        chance = np.zeros(len(rows))
        for predictor, weight in zip(self.predictors, self.weights, strict=True):
            chance += weight * np.asarray(predictor.predict(x), float)
        chance = np.clip(chance, 0.0, 1.0)
        both = np.stack([1 - chance, chance], axis=1)
        return both if self.yes == 1 else both[:, ::-1]
