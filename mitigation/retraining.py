"""scikit-learn models trained again: with weights, or on rows drawn by them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compression.estimators import parts
from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.foreign import one_line
from ..told import tell

Floats = NDArray[np.float64]


def unweighted(rows: TrainingRows) -> list[str]:
    """What to note where rows carry weights that a step of fairlearn has no use for."""
    if rows.weights is None:
        return []
    return [tell("fairlearn takes no weights here: those of the rows were not used")]


def trainable(model: Any, name: str) -> tuple[Any, Any]:
    """Return a model's encoder and classifier; InputError for one that cannot be trained again."""
    encoder, classifier = parts(model.fitted)
    if not hasattr(classifier, "get_params"):
        raise InputError(f"{name}: a {type(classifier).__name__} cannot be trained again; put it first")
    return encoder, classifier


def retrained(model: Any, rows: TrainingRows, weights: Floats | None, seed: int, name: str) -> str:
    """Train a scikit-learn model again with weights, in place; returns how the weights entered.

    An estimator that takes no weights is trained on rows that are drawn by them.
    """
    from sklearn.base import clone

    _, classifier = trainable(model, name)
    made = clone(model.fitted)
    fit: dict[str, Any] = {}
    how = tell("without weights")
    if weights is not None:
        fit = weighted(classifier, made, weights)
        how = tell("each weighted by its slice and label")
        if not fit:
            rows = drawn_by(rows, weights, np.random.default_rng(seed))
            how = tell("drawn by the weights, as a {model} takes none", model=type(classifier).__name__)
    try:
        made.fit(model.frame(rows.batch), classes_of(model, rows, name), **fit)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name}: the model cannot be trained again: {one_line(error)}") from None
    model.replace(made)
    return how


def weighted(classifier: Any, fitted: Any, weights: Floats | None) -> dict[str, Any]:
    """Arguments by which a classifier, or a pipeline that ends in it, is trained with weights.

    None where there are no weights, or the classifier takes none.
    """
    from sklearn.utils.validation import has_fit_parameter

    if weights is None or not has_fit_parameter(classifier, "sample_weight"):
        return {}
    last = f"{fitted.steps[-1][0]}__" if hasattr(fitted, "steps") else ""
    return {f"{last}sample_weight": weights}


def classes_of(model: Any, rows: TrainingRows, name: str) -> NDArray[Any]:
    """The label of each row as the classes that a scikit-learn model knows."""
    classes, yes = np.asarray(model.fitted.classes_), model.positive_index
    return np.asarray(np.where(rows.known_labels(name), classes[yes], classes[1 - yes]))


def drawn_by(rows: TrainingRows, weights: Floats, draw: np.random.Generator) -> TrainingRows:
    """As many rows, drawn with the given chances; they carry no weights any more."""
    chosen = draw.choice(len(rows), len(rows), p=weights / weights.sum())
    return rows.take(np.sort(chosen), weights=None)
