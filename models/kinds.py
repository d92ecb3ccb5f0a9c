"""What kind of scikit-learn estimator was fitted, and what its classes are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.columns import listed
from ..datasets.errors import InputError, number_of
from ..datasets.spelling import word


def last_of(fitted: Any) -> Any:
    """Return the last step of a pipeline, and anything else as it is."""
    steps = getattr(fitted, "steps", None)
    return steps[-1][1] if steps else fitted


def cut(fitted: Any) -> tuple[Any, Any]:
    """Return what comes before the last step of a pipeline, so that it is done once, and that step.

    None and the estimator itself for anything else.
    """
    from sklearn.pipeline import Pipeline

    return (
        (fitted[:-1], fitted.steps[-1][1])
        if type(fitted) is Pipeline and len(fitted.steps) > 1
        else (None, fitted)
    )


def by_argmax(last: Any) -> bool:
    """Whether a classifier's predict is the first of its likeliest classes: of a forest both take long."""
    from sklearn.ensemble._forest import ForestClassifier

    return isinstance(last, ForestClassifier) and type(last).predict is ForestClassifier.predict


def is_regressor(fitted: Any) -> bool:
    """Whether an estimator says that it predicts numbers, or only can."""
    from sklearn.base import is_regressor

    try:
        return bool(is_regressor(fitted)) and not hasattr(fitted, "classes_")
    except AttributeError:
        # Of an estimator that tells nothing of itself it shows in what it has learned.
        return False


def words_of(classes: Any) -> list[str]:
    """Return the classes of an estimator as the words that they are in a table."""
    return [word(c) for c in np.asarray(classes).tolist()]


def check_classifier(fitted: Any) -> None:
    """InputError for what is no fitted classifier of one label, with the task that it was fitted for."""
    kind = type(last_of(fitted)).__name__
    if not hasattr(fitted, "classes_"):
        hint = "; a regressor is audited as task: regression" if is_regressor(fitted) else ""
        raise InputError(f"model: expected a fitted classifier (one that has classes_), got {kind}{hint}")
    if isinstance(fitted.classes_, list) or getattr(fitted, "multilabel_", False):
        raise InputError(
            f"model: expected a classifier of one label, got {kind} of several; they are audited as task: "
            "multilabel"
        )


def check_regressor(fitted: Any, task: str) -> None:
    """InputError for a classifier where numbers are to be predicted."""
    kind = type(last_of(fitted)).__name__
    if not hasattr(fitted, "predict"):
        raise InputError(f"model: expected a fitted regressor (task: {task}), got {kind}")
    if hasattr(fitted, "classes_"):
        raise InputError(
            f"model: expected a fitted regressor (task: {task}), got the classifier {kind}, which is audited "
            "as task: binary or multiclass"
        )


def check_labels(fitted: Any) -> None:
    """InputError for an estimator that predicts numbers, or one label, and not several labels."""
    kind = type(last_of(fitted)).__name__
    classes = getattr(fitted, "classes_", None)
    several = isinstance(classes, list) or getattr(fitted, "multilabel_", True)
    if is_regressor(fitted) or not hasattr(fitted, "predict") or not several:
        raise InputError(
            f"model: expected a classifier fitted on several labels (task: multilabel), got {kind}"
        )


def no_side(classes: Sequence[str], positive: Sequence[str]) -> str:
    """Say why it is not known which class of a model is the positive one, and which key says it."""
    if len(classes) != 2:
        hint = "; set task: multiclass to audit every class" if len(classes) > 2 else ""
        return f"model: expected a classifier of two classes, it has {listed(classes)}{hint}"
    if not positive:
        return f"model: its classes are {listed(classes)}; say which value is positive (data.positive)"
    return (
        f"model: expected a classifier of two classes, one of them the positive label "
        f"{listed(list(positive))}; it has {listed(classes)} (where they are other words for the labels, "
        "list both in data.positive)"
    )


def named(classes: Sequence[str], labelled: Sequence[str], order: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the labels that a model's classes mean, in the model's order.

    The same words, in another case too. Numbers from 0 that are no labels were given to the labels in some
    order when the model was fitted (as XGBoost wants it), which only the configuration can say.

    Parameters
    ----------
    classes : sequence of str
        The model's.
    labelled : sequence of str
        Classes of the labels; empty where nothing is labelled.
    order : sequence of str
        Names of the numbers 0, 1, 2, ..., where the configuration says so.

    Raises
    ------
    InputError
        They have no word in common, or numbers that are not named.
    """
    alike = {name.casefold(): name for name in labelled}
    found = tuple(name if name in labelled else alike.get(name.casefold(), name) for name in classes)
    held, known = {*found}, {*labelled}
    if not known or held <= known or known <= held:
        return found if len(held) == len(classes) else tuple(classes)
    if list(classes) == [str(number) for number in range(len(classes))]:
        if len(order) == len(classes):
            return tuple(order)
        raise InputError(
            f"model: its classes are the numbers {listed(list(classes))}, the labels are "
            f"{listed(list(labelled))}; name the {len(classes)} classes in the order of these numbers in "
            "data.classes"
        )
    if not held & known:
        raise InputError(
            f"model: its classes are {listed(list(classes))}, none of which is a class of the labels: "
            f"{listed(list(labelled))}; expected the same words"
        )
    return found if len(held) == len(classes) else tuple(classes)


def numbers_of(predicted: Any, rows: int) -> NDArray[np.float64]:
    """Return one prediction per row; InputError for several."""
    found = np.asarray(predicted, float)
    if found.shape not in ((rows,), (rows, 1)):
        raise InputError(
            f"model: expected one number per row ({rows:,}), got an array of shape {found.shape}"
        )
    return found.reshape(rows)


def label_chances(given: Any, classes: Any) -> NDArray[np.float64]:
    """Return the probability of each label from a list of arrays, one per label, or from one array.

    A label that every training row had, or none, has one column: that of the value which it knows.
    """
    if not isinstance(given, list):
        return np.asarray(given, float)
    columns = []
    for number, both in enumerate(given):
        both = np.asarray(both, float)
        only = (
            np.asarray(classes[number]).tolist()
            if both.shape[1] == 1 and isinstance(classes, list)
            else [0, 1]
        )
        columns.append(both[:, only.index(1)] if 1 in only else np.zeros(len(both)))
    return np.column_stack(columns)


def check_finite(values: NDArray[np.float64], what: str) -> None:
    """InputError for scores, or whatever a model gives, that are NaN or infinite."""
    if bad := int((~np.isfinite(values)).sum()):
        raise InputError(f"model: {number_of(bad, f'{what} is', f'{what}s are')} NaN or infinite")
