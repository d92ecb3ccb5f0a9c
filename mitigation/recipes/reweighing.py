"""Reweighing and resampling: training data in which slice and label are independent, and a model of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...compression.registry import By, Context, Done, Finetune, Params, plural, recipe
from ...datasets.training import Key, TrainingRows
from ...models.heads.multiclass import positions
from ...told import tell
from ..retraining import drawn_by, retrained, trained_further

Floats = NDArray[np.float64]
CellWeight = dict[str, Any]
TASKS = ("binary", "multiclass")
"""Weights by slice and label want a label that is one of some classes."""


class Reweighing(Params):
    """Weights that make slice and label independent; the model is trained again with them."""

    by: By = Field(None, description="Sensitive features, crossed; default all audited ones.")


class NeuralReweighing(Reweighing, Finetune):
    """The same, with how long and how fast a neural model learns on."""


class Resampling(Params):
    """Training rows drawn anew; the model is trained again on them."""

    by: By = Field(None, description="Sensitive features, crossed; default all audited ones.")
    method: Literal["over", "under", "reweighing"] = Field(
        "over",
        description="over: each cell of slice and label grows to the largest one's rows; under: shrinks to "
        "the smallest one's; reweighing: as many rows as before, drawn by the weights of reweighing.",
    )


class NeuralResampling(Resampling, Finetune):
    """The same, with how long and how fast a neural model learns on."""


def cell_weights(
    codes: NDArray[np.intp], labels: NDArray[np.integer[Any] | np.bool_], weights: Floats | None = None,
    classes: int = 2,
) -> tuple[Floats, NDArray[np.int64]]:  # fmt: skip
    """Weight of each cell of slice and label, P(slice) P(label) / P(slice, label).

    Parameters
    ----------
    codes : int array of shape (rows,)
        Slice of each row.
    labels : int or bool array of shape (rows,)
        Positions of the classes; of two also whether a row is positive.
    weights : float array of shape (rows,), optional
        Weights that rows carry already.
    classes : int
        How many there are.

    Returns
    -------
    weights : float array of shape (slices, classes)
        Of two by label false and true; nan for a cell without rows.
    counts : int array of shape (slices, classes)
        Rows of each cell.

    References
    ----------
    F. Kamiran, T. Calders 2012, Knowl. Inf. Syst. 33:1-33, section 4.2; nothing in it asks for two classes.
    """
    size = int(codes.max()) + 1
    cells = codes * classes + labels
    counts = np.bincount(cells, minlength=classes * size).reshape(size, classes)
    mass = np.bincount(cells, weights, classes * size).reshape(size, classes)
    total = mass.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        ideal = mass.sum(1, keepdims=True) * mass.sum(0, keepdims=True) / total
        return np.where(mass > 0, ideal / mass, np.nan), counts


def told_cells(
    keys: Sequence[Key], by: Sequence[str], weights: Floats, counts: Any, names: Sequence[str] = ()
) -> list[CellWeight]:
    """The weights as the result tells them, by the names of the classes; of two, the positive one first."""
    labels: list[bool | str] = list(names) if names else [False, True]
    return [
        {
            "slice": dict(zip(by, key, strict=True)), "label": label, "n": int(counts[i, place]),
            "weight": float(weights[i, place]),
        }
        for i, key in enumerate(keys)
        for place, label in (enumerate(labels) if names else reversed([*enumerate(labels)]))
        if counts[i, place]
    ]  # fmt: skip


def _places(rows: TrainingRows, name: str) -> NDArray[Any]:
    """The class of each row, a position; of two, whether it is positive."""
    labels = rows.known_labels(name)
    return positions(labels, rows.classes, name) if rows.classes else labels


def _weighed(
    rows: TrainingRows, params: Any, context: Context, name: str
) -> tuple[Floats, list[CellWeight], NDArray[np.intp]]:
    """The weight of each row, those of the cells, and the cell of each row."""
    by = list(params.by or context.sensitive)
    labels = _places(rows, name)
    codes, keys = rows.slices(by, name)
    size = len(rows.classes) or 2
    weights, counts = cell_weights(codes, labels, rows.weights, size)
    # A cell of rows that all weigh nothing has no weight of its own to give.
    each = np.nan_to_num(weights[codes, labels.astype(int)])
    if rows.weights is not None:
        each = each * rows.weights
    return each, told_cells(keys, by, weights, counts, rows.classes), codes * size + labels


@recipe("reweighing", Reweighing, family="sklearn", room="mitigation", tasks=TASKS)
def reweighing(model: Any, params: Reweighing, context: Context) -> Done:
    """Train a scikit-learn model again with the weights of reweighing."""
    rows = context.rows("reweighing")
    weights, cells, _ = _weighed(rows, params, context, "reweighing")
    each = tell("each weighted by its slice and label")
    how = retrained(model, rows, weights, context.seed, "reweighing", each)
    return Done(
        tell("trained again on {what}, {how}", what=plural(len(rows), "{n} row", "{n} rows"), how=how),
        trained_on=rows.about,
        told={"weights": cells},
    )


@recipe("reweighing", NeuralReweighing, family="torch", room="mitigation", tasks=TASKS)
def reweighing_neural(model: Any, params: NeuralReweighing, context: Context) -> Done:
    """Train a neural model on, from its weights, with a loss weighted by reweighing."""
    rows = context.rows("reweighing")
    weights, cells, _ = _weighed(rows, params, context, "reweighing")
    what = trained_further(model, rows, weights, params, context, "reweighing")
    return Done(
        tell("{what}, the loss weighted by slice and label", what=what),
        trained_on=rows.about,
        told={"weights": cells},
    )


@recipe("resampling", Resampling, family="sklearn", room="mitigation", tasks=TASKS)
def resampling(model: Any, params: Resampling, context: Context) -> Done:
    """Train a scikit-learn model again on rows that were drawn anew."""
    rows, what = _resampled(params, context)
    retrained(model, rows, rows.weights, context.seed, "resampling")
    return Done(tell("trained again on {what}", what=what), trained_on=rows.about)


@recipe("resampling", NeuralResampling, family="torch", room="mitigation", tasks=TASKS)
def resampling_neural(model: Any, params: NeuralResampling, context: Context) -> Done:
    """Train a neural model on, from its weights, on rows that were drawn anew."""
    rows, what = _resampled(params, context)
    how = trained_further(model, rows, None, params, context, "resampling")
    return Done(tell("{how}, of {what}", how=how, what=what), trained_on=rows.about)


def _resampled(params: Resampling, context: Context) -> tuple[TrainingRows, str]:
    """Training rows drawn anew, and how."""
    rows = context.rows("resampling")
    weights, _, cells = _weighed(rows, params, context, "resampling")
    draw = np.random.default_rng(context.seed)
    if params.method == "reweighing":
        what = tell("{n} rows drawn by the weights of reweighing", n=f"{len(rows):,}")
        return drawn_by(rows, weights, draw), what
    counts = np.bincount(cells)
    held = np.flatnonzero(counts)
    size = int(counts[held].max() if params.method == "over" else counts[held].min())
    parts = [_to_size(np.flatnonzero(cells == cell), size, rows.weights, draw) for cell in held]
    chosen = np.sort(np.concatenate(parts))
    what = tell(
        "{n} rows, {size} of each of {cells} cells of slice and label",
        n=f"{len(chosen):,}",
        size=f"{size:,}",
        cells=len(held),
    )
    return rows.take(chosen, weights=None), what


def _to_size(
    rows: NDArray[np.intp], size: int, weights: Floats | None, draw: np.random.Generator
) -> NDArray[np.intp]:
    """As many of some rows: each of them as often as fits, and a draw of the rest; or drawn by weight."""
    if weights is not None and weights[rows].sum() > 0:
        return draw.choice(rows, size, p=weights[rows] / weights[rows].sum())
    whole, rest = divmod(size, len(rows))
    return np.concatenate([np.tile(rows, whole), draw.choice(rows, rest, replace=False)])
