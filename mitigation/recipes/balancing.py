"""Slices of equal weight: training rows among which no slice counts for more than another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...compression.registry import By, Context, Done, Finetune, Params, plural, recipe
from ...datasets.training import TrainingRows
from ...told import tell
from ..retraining import retrained, trained_further

Floats = NDArray[np.float64]
TASKS = ("binary", "multiclass", "multilabel", "regression")
"""It reads no label."""


class Balancing(Params):
    """Weights under which every slice counts alike; the model is trained again with them."""

    by: By = Field(None, description="Sensitive features, crossed; default all audited ones.")


class NeuralBalancing(Balancing, Finetune):
    """The same, with how long and how fast a neural model learns on."""


def slice_weights(codes: NDArray[np.intp], weights: Floats | None = None) -> Floats:
    """Weight of each slice, 1 / (slices P(slice)), float array of shape (slices,).

    Parameters
    ----------
    codes : int array of shape (rows,)
        Slice of each row; every slice has rows.
    weights : float array of shape (rows,), optional
        Weights that rows carry already.

    References
    ----------
    G. King, L. Zeng 2001, Political Analysis 9:137-163 (weights that undo how often a stratum was drawn); for
    slices B. Y. Idrissi et al. 2022, CLeaR (Simple data balancing achieves competitive worst-group-accuracy).
    """
    mass = np.bincount(codes, weights).astype(float)
    with np.errstate(divide="ignore"):
        return np.where(mass > 0, mass.sum() / (len(mass) * mass), 0.0)


def _weighed(
    params: Balancing, context: Context, name: str
) -> tuple[TrainingRows, Floats, list[dict[str, Any]]]:
    """The rows, the weight of each, and those of the slices as the result tells them."""
    rows = context.rows(name)
    by = list(params.by or context.sensitive)
    codes, keys = rows.slices(by, name)
    weights, counts = slice_weights(codes, rows.weights), np.bincount(codes)
    told = [
        {"slice": dict(zip(by, key, strict=True)), "label": None, "n": int(n), "weight": float(weight)}
        for key, n, weight in zip(keys, counts, weights, strict=True)
    ]
    each = weights[codes] if rows.weights is None else weights[codes] * rows.weights
    return rows, each, told


@recipe("slice-balancing", Balancing, family="sklearn", room="mitigation", tasks=TASKS)
def slice_balancing(model: Any, params: Balancing, context: Context) -> Done:
    """Train a scikit-learn model again with every slice of equal weight."""
    rows, weights, told = _weighed(params, context, "slice-balancing")
    how = retrained(model, rows, weights, context.seed, "slice-balancing", tell("each weighted by its slice"))
    what = plural(len(rows), "{n} row", "{n} rows")
    return Done(
        tell("trained again on {what}, {how}", what=what, how=how),
        trained_on=rows.about,
        told={"weights": told},
    )


@recipe("slice-balancing", NeuralBalancing, family="torch", room="mitigation", tasks=TASKS)
def slice_balancing_neural(model: Any, params: NeuralBalancing, context: Context) -> Done:
    """Train a neural model on, from its weights, with a loss in which every slice has equal weight."""
    rows, weights, told = _weighed(params, context, "slice-balancing")
    what = trained_further(model, rows, weights, params, context, "slice-balancing")
    return Done(
        tell("{what}, the loss weighted by slice", what=what), trained_on=rows.about, told={"weights": told}
    )
