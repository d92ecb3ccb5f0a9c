"""Models trained again with weights, or on rows drawn by them; neural ones are trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compression.estimators import classes_of, parts
from ..compression.finetune import label_loss, targets
from ..compression.loop import train
from ..compression.registry import Context, Finetune, plural
from ..compression.taught import TAUGHT
from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.foreign import one_line
from ..models.hushed import hushed
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


def retrained(
    model: Any, rows: TrainingRows, weights: Floats | None, seed: int, name: str, weighed: str = ""
) -> str:
    """Train a scikit-learn model again with weights, in place; returns how the weights entered.

    An estimator that takes no weights is trained on rows that are drawn by them. ``weighed`` says in words by
    what each row is weighted.

    Raises
    ------
    InputError
        It cannot be trained so, or a class of the model is on none of the rows that were drawn.
    """
    from sklearn.base import clone

    _, classifier = trainable(model, name)
    made = hushed(clone(model.fitted))
    fit: dict[str, Any] = {}
    how = tell("without weights")
    if weights is not None:
        fit = weighted(classifier, made, weights)
        how = weighed
        if not fit:
            rows = drawn_by(rows, weights, np.random.default_rng(seed))
            how = tell("drawn by the weights, as a {model} takes none", model=type(classifier).__name__)
    try:
        made.fit(model.frame(rows.batch), labels_of(model, rows, name), **fit)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name}: the model cannot be trained again: {one_line(error)}") from None
    same_classes(model, made, name)
    model.replace(made)
    return how


def same_classes(model: Any, made: Any, name: str) -> None:
    """InputError where a model that was trained again has learned other classes than it had."""
    if not hasattr(made, "classes_"):
        return
    before, after = classes_of(model.fitted), classes_of(made)
    if not np.array_equal(before, after):
        lost = [str(known) for known in before.tolist() if known not in after.tolist()]
        raise InputError(
            f"{name}: the rows that it would be trained on have none of the model's classes {listed(lost)}; "
            "expected rows of every class"
        )


def weighted(classifier: Any, fitted: Any, weights: Floats | None) -> dict[str, Any]:
    """Arguments by which a classifier, or a pipeline that ends in it, is trained with weights.

    None where there are no weights, or the classifier takes none.
    """
    from sklearn.utils.validation import has_fit_parameter

    if weights is None or not has_fit_parameter(classifier, "sample_weight"):
        return {}
    last = f"{fitted.steps[-1][0]}__" if hasattr(fitted, "steps") else ""
    return {f"{last}sample_weight": weights}


def labels_of(model: Any, rows: TrainingRows, name: str) -> NDArray[Any]:
    """The label of each row as a scikit-learn model knows it."""
    return TAUGHT[model.task].labels(model, rows, name)


def drawn_by(rows: TrainingRows, weights: Floats, draw: np.random.Generator) -> TrainingRows:
    """As many rows, drawn with the given chances; they carry no weights any more."""
    chosen = draw.choice(len(rows), len(rows), p=weights / weights.sum())
    return rows.take(np.sort(chosen), weights=None)


def trained_further(
    model: Any, rows: TrainingRows, weights: Floats | None, params: Finetune, context: Context, name: str
) -> str:
    """Train a neural model on from its weights, in place, each row's loss weighted; returns how long."""
    if weights is not None:
        # They hold the rows' own weights, which would else decide how often each row is drawn.
        rows, weights = replace(rows, weights=None), weights / weights.mean()
    target = targets(model, rows, name)

    def loss(logits: Any, picked: NDArray[np.intp]) -> Any:
        return label_loss(model, logits, target[picked], None if weights is None else weights[picked])

    steps = train(model, loss, rows, params, context, name)
    return tell(
        "trained on for {what} of {what_each}",
        what=plural(steps, "{n} step", "{n} steps"),
        what_each=plural(params.batch, "{n} row", "{n} rows"),
    )
