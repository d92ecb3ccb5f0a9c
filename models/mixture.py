"""Several predictors as one: a randomised classifier, and the mean of regressors."""

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
        self,
        encoder: Any,
        predictors: Sequence[Any],
        weights: Sequence[float] | NDArray[np.float64],
        classes: Any,
        yes: int,
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


class MeanMixture:
    """Several regressors as one that predicts their weighted mean.

    The loss of a mean is at most the mean of the losses wherever the loss is convex (Jensen), in every slice:
    what is promised of one regressor drawn by the weights holds for their mean, which draws nothing.

    Parameters
    ----------
    encoder : transformer or None
        What comes before the predictors.
    predictors : sequence of estimator
    weights : float array of shape (predictors,)
        They add to 1.
    """

    def __init__(
        self, encoder: Any, predictors: Sequence[Any], weights: Sequence[float] | NDArray[np.float64]
    ) -> None:
        self.encoder, self.predictors = encoder, list(predictors)
        self.weights = np.asarray(weights, float)

    def predict(self, rows: Any) -> NDArray[np.float64]:
        """The numbers, float array of shape (rows,)."""
        x = self.encoder.transform(rows) if self.encoder is not None else rows
        mean = np.zeros(len(rows))
        for predictor, weight in zip(self.predictors, self.weights, strict=True):
            mean += weight * np.asarray(predictor.predict(x), float).reshape(-1)
        return mean
