"""Bounded group loss of regressors: fairlearn's constraint on the mean loss of every slice."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError

Floats = NDArray[np.float64]
Loss = Literal["square", "absolute"]
UNSURE = 0.5
"""fairlearn's share of a standard error under which a gap between the two players counts as closed."""


class ScaledLoss:
    """A loss of fairlearn as a share of the labels' range, so that its defaults fit labels of any unit.

    Predictions outside the range of the labels are not cut to it, as fairlearn's own would be: a slice would
    seem better predicted than it is.

    Parameters
    ----------
    loss : {"square", "absolute"}
    labels : float array of shape (rows,)
    """

    min, max = 0.0, 1.0

    def __init__(self, loss: Loss, labels: Floats) -> None:
        from fairlearn import reductions

        kinds = {"square": reductions.SquareLoss, "absolute": reductions.AbsoluteLoss}
        self.loss = kinds[loss](-np.inf, np.inf)
        self.unit = float(np.ptp(labels)) ** (2 if loss == "square" else 1)
        """How large a loss of 1 is, in the unit of the label (squared for the square)."""

    def eval(self, labels: Any, predicted: Any) -> Any:
        """The loss of each row."""
        return self.loss.eval(labels, predicted) / self.unit


def bounded(loss: ScaledLoss, bound: float | None) -> Any:
    """The constraint that no slice has a mean loss above ``bound``, in the unit of the label.

    References
    ----------
    A. Agarwal, M. Dudik, Z. S. Wu 2019, ICML 36, section 2 (Fair Regression: Quantitative Definitions and
    Reduction-Based Algorithms).
    """
    from fairlearn.reductions import BoundedGroupLoss, MeanLoss

    class Mean(_Quick, MeanLoss):  # type: ignore[misc]
        pass

    class Bounded(_Quick, BoundedGroupLoss):  # type: ignore[misc]
        def default_objective(self) -> Mean:
            return Mean(self.reduction_loss)

    return Bounded(loss, upper_bound=None if bound is None else bound / loss.unit)


class _Quick:
    """Weights of rows by those of their slices, which fairlearn looks up row by row in Python."""

    index: Any
    prob_attr: Any
    tags: Any

    def signed_weights(self, lambda_vec: Any = None) -> Any:
        """The weight of each row under the multipliers of the slices."""
        import pandas as pd

        each = pd.Series(1.0, self.index) if lambda_vec is None else lambda_vec / self.prob_attr
        return self.tags["group_id"].map(each)


def noise(loss: ScaledLoss, labels: Floats, predicted: Floats) -> float:
    """The gap at which exponentiated gradient may stop, from how unsure the mean loss of a model is.

    fairlearn's own is in the unit of the label, which that of the loss need not be.
    """
    return UNSURE * float(np.std(loss.eval(labels, predicted))) / float(np.sqrt(len(labels)))


def reached(loss: ScaledLoss, labels: Floats, predicted: Floats, codes: NDArray[np.intp]) -> float:
    """The largest mean loss of a slice, in the unit of the label."""
    each = loss.eval(labels, predicted) * loss.unit
    return float((np.bincount(codes, each) / np.bincount(codes)).max())


def spread(labels: NDArray[Any], name: str) -> Floats:
    """The labels as numbers; InputError where they are all one."""
    found = np.asarray(labels, float)
    if not np.ptp(found) > 0:
        raise InputError(f"{name}: the training rows all have the label {found[0]:g}; expected several")
    return found
