"""What a scikit-learn model of each task learns, from labels and from a teacher, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.training import TrainingRows
from ..models.base import Scored
from ..models.estimator import EstimatorModel
from ..models.heads.multiclass import positions
from ..models.heads.multilabel import in_order
from ..told import tell

Shares = list[tuple[Any, NDArray[np.float64]]]
"""Each class as the estimator calls it, and how much of every row is of it."""


@dataclass(frozen=True)
class Taught:
    """One task.

    Attributes
    ----------
    student : str
        The estimator that learns from a teacher where none is named.
    labels : callable (model, rows, step) -> array
        The labels of training rows as the estimator itself has them.
    soft : callable (model, scored) -> Shares
        A teacher's probabilities, where they can be learned as weights; else empty.
    hard : callable (model, scored) -> array
        What a teacher decides, or predicts.
    words : callable (soft, parts) -> str
        What a student was trained on.
    spec : callable (model) -> dict
        What an artefact says of the task.
    weighted : bool
        Whether a student that learns what is hard takes the rows' own weights.
    whole : callable (estimator) -> estimator
        One that can learn the task, made of one that may not.
    """

    student: str
    labels: Callable[[EstimatorModel, TrainingRows, str], NDArray[Any]]
    soft: Callable[[EstimatorModel, Scored], Shares]
    hard: Callable[[EstimatorModel, Scored], NDArray[Any]]
    words: Callable[[bool, Mapping[str, str]], str]
    spec: Callable[[EstimatorModel], dict[str, Any]]
    weighted: bool = True
    whole: Callable[[Any], Any] = lambda estimator: estimator


def _for_labels(estimator: Any) -> Any:
    """An estimator of one label is fitted once for each."""
    from sklearn.multioutput import MultiOutputClassifier
    from sklearn.utils import get_tags

    tags = get_tags(estimator).classifier_tags
    return estimator if tags is None or tags.multi_label else MultiOutputClassifier(estimator)


def _fitted(model: EstimatorModel) -> NDArray[Any]:
    return np.asarray(model.fitted.classes_)


def _of_two(model: EstimatorModel, yes: Any) -> NDArray[Any]:
    classes, place = _fitted(model), model.positive_index
    return np.asarray(np.where(yes, classes[place], classes[1 - place]))


def _shares_of_two(model: EstimatorModel, scored: Scored) -> Shares:
    assert scored.score is not None
    classes, yes = _fitted(model), model.positive_index
    return [(classes[yes], scored.score), (classes[1 - yes], 1 - scored.score)]


def _shares(model: EstimatorModel, scored: Scored) -> Shares:
    assert scored.score is not None
    return list(zip(_fitted(model), scored.score.T, strict=True))


def _by_class(model: EstimatorModel, rows: TrainingRows, step: str) -> NDArray[Any]:
    return np.asarray(_fitted(model)[positions(rows.known_labels(step), model.classes, step)])


def _by_label(model: EstimatorModel, rows: TrainingRows, step: str) -> NDArray[Any]:
    return np.asarray(in_order(rows.known_labels(step), rows.classes, model.classes, step), int)


def _decisions(scored: Scored) -> NDArray[Any]:
    assert scored.decision is not None
    return scored.decision


def _predictions(model: EstimatorModel, scored: Scored) -> NDArray[Any]:
    assert scored.score is not None
    return scored.score


def _told(soft: bool, parts: Mapping[str, str]) -> str:
    return (
        tell("a {student} trained on the scores of the {teacher} on {what}", **parts)
        if soft
        else tell("a {student} trained on the decisions of the {teacher} on {what}", **parts)
    )


TAUGHT: dict[str, Taught] = {
    "binary": Taught(
        "sklearn.linear_model.LogisticRegression",
        labels=lambda model, rows, step: _of_two(model, rows.known_labels(step)),
        soft=_shares_of_two,
        hard=lambda model, scored: _of_two(model, _decisions(scored)),
        words=_told,
        spec=lambda model: {"classes": _fitted(model).tolist(), "positive": model.positive_index},
        weighted=False,
    ),
    "multiclass": Taught(
        "sklearn.linear_model.LogisticRegression",
        labels=_by_class,
        soft=_shares,
        hard=lambda model, scored: np.asarray(_fitted(model)[_decisions(scored)]),
        words=_told,
        spec=lambda model: {
            "task": "multiclass", "classes": _fitted(model).tolist(), "names": list(model.classes)
        },
    ),
    "multilabel": Taught(
        "sklearn.linear_model.LogisticRegression",
        labels=_by_label,
        soft=lambda model, scored: [],
        hard=lambda model, scored: _decisions(scored).astype(int),
        words=_told,
        spec=lambda model: {"task": "multilabel", "classes": [0, 1], "names": list(model.classes)},
        whole=_for_labels,
    ),
    "regression": Taught(
        "sklearn.linear_model.Ridge",
        labels=lambda model, rows, step: np.asarray(rows.known_labels(step), float),
        soft=lambda model, scored: [],
        hard=_predictions,
        words=lambda soft, parts: tell(
            "a {student} trained on the predictions of the {teacher} on {what}", **parts
        ),
        spec=lambda model: {"task": "regression"},
    ),
    "ranking": Taught(
        "sklearn.linear_model.Ridge",
        labels=lambda model, rows, step: np.asarray(rows.known_labels(step), float),
        soft=lambda model, scored: [],
        hard=_predictions,
        words=lambda soft, parts: _told(True, parts),
        spec=lambda model: {"task": "ranking", "query": model.query},
    ),
}  # fmt: skip
"""The tasks that the recipes for scikit-learn are for."""
