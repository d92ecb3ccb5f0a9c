"""What a fitted scikit-learn estimator says of rows, by task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..datasets.spelling import word
from ..told import tell
from .base import Scored, decide, rule
from .heads.binary import NEGATIVE
from .kinds import (
    by_argmax,
    check_classifier,
    check_finite,
    check_labels,
    check_regressor,
    label_chances,
    no_side,
    numbers_of,
    words_of,
)
from .ranks import ranks
from .table_lists import tied_ranks
from .table_outcomes import check_sums


@dataclass(frozen=True)
class Asked:
    """By which threshold an estimator decides, or whether ``predict`` does, and whether it gives scores."""

    own: bool
    threshold: float
    scored: bool = True


class Says(Protocol):
    """How the outputs of an estimator are read for a task.

    Attributes
    ----------
    classes : tuple of str
        As of a model.
    scored : tuple of str
        Methods of which the first one there is gives scores; none of them need be there.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def scored(self) -> tuple[str, ...]: ...  # noqa: D102

    def says(self, last: Any, x: Any, asked: Asked) -> tuple[Any, Any]:
        """Scores of some rows, and what the estimator itself decides; None for either."""
        ...

    def read(self, score: Any, own: Any, asked: Asked, queries: pa.Array | None) -> Scored:
        """Bring both to what a model of the task gives; InputError for what no score can be."""
        ...

    def renewed(self, fitted: Any) -> Says:
        """The same of another estimator of the same classes, of which no row was scored yet."""
        ...

    def rule(self, asked: Asked, probability: bool) -> dict[str, Any]:
        """What the report says of how scores become decisions."""
        ...

    def notes(self) -> list[str]:
        """What is to be told of the rows scored."""
        ...


@dataclass
class SaysTwo:
    """One of two classes, of which one is positive.

    Attributes
    ----------
    positive : int
        Place of the positive class among the estimator's.
    apart : bool
        Whether its own decisions were not those of the threshold in some row.
    """

    fitted_classes: Any
    positive: int
    apart: bool = False

    classes = ()
    scored = ("predict_proba", "decision_function")

    @classmethod
    def of(cls, fitted: Any, positive: Sequence[str]) -> SaysTwo:
        """Find the positive class of an estimator; InputError where that is not known."""
        check_classifier(fitted)
        classes = words_of(fitted.classes_)
        folded = {p.casefold() for p in positive}
        wanted = [i for i, c in enumerate(classes) if c in positive]
        # As of outputs of networks: YES means yes.
        wanted = wanted or [i for i, c in enumerate(classes) if c.casefold() in folded]
        if len(classes) != 2 or len(wanted) != 1:
            if classes in (["0", "1"], ["false", "true"]):
                wanted = [0 if folded and folded <= set(NEGATIVE) else 1]
            else:
                raise InputError(no_side(classes, positive))
        return cls(fitted.classes_, wanted[0])

    def says(self, last: Any, x: Any, asked: Asked) -> tuple[Any, Any]:
        """Scores of some rows, and whether the estimator itself predicts the positive class."""
        score = own = None
        if hasattr(last, "both") and asked.own:
            both, labels = last.both(x)
            return both[:, self.positive], labels == self.fitted_classes[self.positive]
        if hasattr(last, "predict_proba"):
            both = np.asarray(last.predict_proba(x), float)
            score = both[:, self.positive]
            if asked.own and by_argmax(last):
                return score, both.argmax(axis=1) == self.positive
        elif hasattr(last, "decision_function"):
            score = np.asarray(last.decision_function(x), float)
            score = score if self.positive == 1 else -score
        if asked.own or score is None:
            own = np.asarray(np.asarray(last.predict(x)) == self.fitted_classes[self.positive])
        return score, own

    def read(self, score: Any, own: Any, asked: Asked, queries: pa.Array | None) -> Scored:
        """Decide by the estimator itself, or by the threshold."""
        if score is None:
            return Scored(own, None)
        check_finite(score, "score")
        decision = decide(score, asked.threshold)
        if own is None:
            return Scored(decision, score)
        self.apart |= bool((own != decision).any())
        return Scored(own, score)

    def renewed(self, fitted: Any) -> SaysTwo:
        """The same of another classifier of the same classes."""
        return SaysTwo(fitted.classes_, self.positive)

    def rule(self, asked: Asked, probability: bool) -> dict[str, Any]:
        """What the report says of how scores become decisions."""
        if not (asked.scored and self.apart):
            return rule(asked.threshold, probability) if asked.scored else {}
        return {
            "scale": "probability" if probability else "rank",
            "rule": tell(
                "the model's own decision (predict), in some rows not that of score >= {threshold}",
                threshold=f"{asked.threshold:g}",
            ),
        }

    def notes(self) -> list[str]:
        """Nothing is to be told."""
        return []


@dataclass
class SaysMany:
    """One of several classes.

    Attributes
    ----------
    fitted_classes : array
        What ``predict`` gives.
    classes : tuple of str
        The words of the labels that they mean, in the same order.
    """

    fitted_classes: Any
    classes: tuple[str, ...]

    scored = ("predict_proba",)

    @classmethod
    def of(cls, fitted: Any, classes: Sequence[str] = ()) -> SaysMany:
        """Name the classes of an estimator, in its order; by default they are its own words.

        Raises
        ------
        InputError
            No classifier of one label, or one of another number of classes.
        """
        check_classifier(fitted)
        own = words_of(fitted.classes_)
        if classes and len(classes) != len(own):
            raise InputError(
                f"model: expected a classifier of the {len(classes)} classes {listed(list(classes))}, it has "
                f"{listed(own)}"
            )
        return cls(np.asarray(fitted.classes_), tuple(classes or own))

    def says(self, last: Any, x: Any, asked: Asked) -> tuple[Any, Any]:
        """Probabilities of the classes, and the place of the one that the estimator predicts."""
        if hasattr(last, "both"):
            score, labels = last.both(x)
            return np.asarray(score, float), self._places(labels)
        score = np.asarray(last.predict_proba(x), float) if hasattr(last, "predict_proba") else None
        if score is not None and by_argmax(last):
            return score, score.argmax(axis=1)
        return score, self._places(last.predict(x))

    def _places(self, labels: Any) -> NDArray[np.intp]:
        found = np.asarray(labels).ravel()
        place = np.minimum(np.searchsorted(self.fitted_classes, found), len(self.classes) - 1)
        if not (np.asarray(self.fitted_classes)[place] == found).all():
            known = {word(name): number for number, name in enumerate(self.fitted_classes.tolist())}
            place = np.array([known[word(label)] for label in found.tolist()], np.intp)
        return np.asarray(place, np.intp)

    def read(self, score: Any, own: Any, asked: Asked, queries: pa.Array | None) -> Scored:
        """Check that probabilities are some."""
        if score is not None:
            if score.shape != (len(own), len(self.classes)):
                raise InputError(
                    f"model: expected a probability of each of its {len(self.classes)} classes, got an "
                    f"array of shape {score.shape}"
                )
            check_finite(score, "score")
            check_sums(score.sum(axis=1), "model", lambda number: f"row {number + 1:,} of a batch")
        return Scored(own, score)

    def renewed(self, fitted: Any) -> SaysMany:
        """The same of another classifier of the same classes."""
        return SaysMany(np.asarray(fitted.classes_), self.classes)

    def rule(self, asked: Asked, probability: bool) -> dict[str, Any]:
        """What the report says of how a class is chosen."""
        return {
            "classes": list(self.classes),
            **({"scale": "probability"} if probability else {}),
            "rule": tell("the class that the model itself predicts"),
        }

    def notes(self) -> list[str]:
        """Nothing is to be told."""
        return []


@dataclass
class SaysNumber:
    """A number."""

    classes = ()
    scored = ()

    @classmethod
    def of(cls, fitted: Any) -> SaysNumber:
        """InputError for a classifier."""
        check_regressor(fitted, "regression")
        return cls()

    def says(self, last: Any, x: Any, asked: Asked) -> tuple[Any, Any]:
        """The predictions."""
        return numbers_of(last.predict(x), len(x)), None

    def read(self, score: Any, own: Any, asked: Asked, queries: pa.Array | None) -> Scored:
        """Check that they are finite."""
        check_finite(score, "prediction")
        return Scored(None, score)

    def renewed(self, fitted: Any) -> SaysNumber:
        """The same of another regressor."""
        return SaysNumber()

    def rule(self, asked: Asked, probability: bool) -> dict[str, Any]:
        """Nothing is decided."""
        return {}

    def notes(self) -> list[str]:
        """Nothing is to be told."""
        return []


@dataclass
class SaysLabels:
    """Whether a row has each of several labels.

    Attributes
    ----------
    classes : tuple of str
        The labels, in the order of the estimator's outputs.
    """

    classes: tuple[str, ...]

    scored = ("predict_proba", "decision_function")

    @classmethod
    def of(cls, fitted: Any, labels: Sequence[str]) -> SaysLabels:
        """InputError where nobody says what the labels are, or for a regressor."""
        if not labels:
            raise InputError(
                "model: what its outputs mean is not known; name the labels in their order in data.classes"
            )
        check_labels(fitted)
        return cls(tuple(labels))

    def says(self, last: Any, x: Any, asked: Asked) -> tuple[Any, Any]:
        """Scores of the labels, and whether the estimator itself gives them."""
        score = own = None
        if hasattr(last, "predict_proba"):
            score = label_chances(last.predict_proba(x), getattr(last, "classes_", None))
        elif hasattr(last, "decision_function"):
            score = np.asarray(last.decision_function(x), float)
        if asked.own or score is None:
            own = last.predict(x)
            own = np.asarray(own.toarray() if hasattr(own, "toarray") else own)
        return score, own

    def read(self, score: Any, own: Any, asked: Asked, queries: pa.Array | None) -> Scored:
        """Decide by the estimator itself, or by the threshold."""
        for made in (one for one in (score, own) if one is not None):
            if made.ndim != 2 or made.shape[1] != len(self.classes):
                raise InputError(
                    f"model: expected an output for each of the {len(self.classes)} labels "
                    f"{listed(list(self.classes))}, got an array of shape {made.shape}"
                )
        if score is not None:
            check_finite(score, "score")
        if own is None:
            return Scored(decide(score, asked.threshold), score)
        if not np.isin(own, (0, 1)).all():
            raise InputError("model: expected 0 or 1 for each label, got other numbers")
        return Scored(own.astype(bool), score)

    def renewed(self, fitted: Any) -> SaysLabels:
        """The same of another classifier of the same labels."""
        return SaysLabels(self.classes)

    def rule(self, asked: Asked, probability: bool) -> dict[str, Any]:
        """What the report says of how scores become decisions."""
        told: dict[str, Any] = {"classes": list(self.classes)}
        if asked.own:
            scale = {"scale": "probability" if probability else "rank"}
            return told | scale | {"rule": tell("the labels that the model itself gives (predict)")}
        return told | rule(asked.threshold, probability)

    def notes(self) -> list[str]:
        """Nothing is to be told."""
        return []


@dataclass
class SaysOrder:
    """A score by which the items of a query are ordered."""

    ties: int = 0

    classes = ()
    scored = ()

    @classmethod
    def of(cls, fitted: Any) -> SaysOrder:
        """InputError for a classifier."""
        check_regressor(fitted, "ranking")
        return cls()

    def says(self, last: Any, x: Any, asked: Asked) -> tuple[Any, Any]:
        """The scores."""
        return numbers_of(last.predict(x), len(x)), None

    def read(self, score: Any, own: Any, asked: Asked, queries: pa.Array | None) -> Scored:
        """Rank the rows of each query; rows whose query is not told are no lists and have scores alone."""
        check_finite(score, "score")
        if queries is None:
            return Scored(None, score)
        rank, ties = ranks(queries, score)
        self.ties += ties
        return Scored(None, score, rank=rank)

    def renewed(self, fitted: Any) -> SaysOrder:
        """The same of another regressor."""
        return SaysOrder()

    def rule(self, asked: Asked, probability: bool) -> dict[str, Any]:
        """What the report says of how scores become ranks."""
        return {"scale": "rank", "rule": tell("the highest score of a query is first")}

    def notes(self) -> list[str]:
        """Ties."""
        return tied_ranks(self.ties)


OF: dict[str, Callable[[Any, Sequence[str], Sequence[str]], Says]] = {
    "binary": lambda fitted, positive, classes: SaysTwo.of(fitted, positive),
    "multiclass": lambda fitted, positive, classes: SaysMany.of(fitted, classes),
    "multilabel": lambda fitted, positive, classes: SaysLabels.of(fitted, classes),
    "regression": lambda fitted, positive, classes: SaysNumber.of(fitted),
    "ranking": lambda fitted, positive, classes: SaysOrder.of(fitted),
}
"""By task: how an estimator's outputs are read, from the positive values and the names of its classes."""
