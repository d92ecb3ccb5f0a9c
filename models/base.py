"""What the audit asks of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..told import tell


@dataclass(frozen=True)
class Scored:
    """What a model says of some rows; None for what it does not give.

    Attributes
    ----------
    decision : array or None
        Binary: bool of shape (rows,). Multiclass: int of shape (rows,), positions in the model's classes.
        Multilabel: bool of shape (rows, labels). A regression decides nothing.
    score : float array or None
        Binary: of shape (rows,). Multiclass and multilabel: probabilities of shape (rows, classes), the
        columns in the order of the model's classes. Regression: the predictions, of shape (rows,).
    truncated : int
        How many of their texts were cut at the model's limit.
    """

    decision: NDArray[Any] | None
    score: NDArray[np.float64] | None
    truncated: int = 0


class Model(Protocol):
    """One adapter per kind of model has this shape.

    Attributes
    ----------
    columns : list of str
        Columns of the evaluation set that `score` reads.
    whole : bool
        Whether `score` wants all rows in one batch.
    probability : bool
        Whether scores are probabilities in [0, 1].
    """

    @property
    def columns(self) -> list[str]:
        """See above."""
        ...

    @property
    def whole(self) -> bool:
        """See above."""
        ...

    @property
    def probability(self) -> bool:
        """See above."""
        ...

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Score the rows of a batch, in its order."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the model is, for the report: kind, origin, checksum, threshold, features."""
        ...


def decide(score: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Return the decisions ``score >= threshold``."""
    return np.asarray(score >= threshold)


def rule(threshold: float, probability: bool) -> dict[str, Any]:
    """Return what the report says of how scores become decisions."""
    return {
        "scale": "probability" if probability else "rank",
        "threshold": threshold,
        "rule": tell("selected if score >= threshold"),
    }
