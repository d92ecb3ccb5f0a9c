"""What the audit asks of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..told import tell

Family = Literal["torch", "sklearn", "onnx", "scores"]
"""What a recipe works on, and how it is saved: torch modules, scikit-learn classifiers, ONNX models that came
as such, or scores alone, which stand in a table or come from a callable."""
TIMED_ROWS = 1024
"""Rows that a model which takes any number at once is timed with."""


@dataclass(frozen=True)
class Scored:
    """What a model says of some rows; None for what it does not give.

    Attributes
    ----------
    decision : array or None
        Binary: bool (rows,). Multiclass: int (rows,), positions in the model's ``classes``. Multilabel:
        bool (rows, labels). Entities: text (rows,), as `spans` writes them. Regression and ranking: None.
    score : array or None
        Binary: float (rows,). Multiclass: probabilities, float (rows, classes). Multilabel: float (rows,
        labels). Regression: the predictions, float (rows,). Ranking: float (rows,), higher is earlier.
    truncated : int
        How many of the texts were cut at the model's limit.
    rank : array or None
        Ranking: int (rows,), 1 is first in the list of its query.
    text : array or None
        What was written in words, str or None (rows,); "" where that is not looked at again. Of generation
        decisions are then positions in `answers.OUTCOMES`, and scores are a judge's.
    second : array or None
        Generation: whether a second judge finds an answer positive, bool (rows,).
    """

    decision: NDArray[Any] | None
    score: NDArray[np.float64] | None
    truncated: int = 0
    rank: NDArray[np.int64] | None = None
    text: NDArray[Any] | None = None
    second: NDArray[np.bool_] | None = None


class ModelKind(Protocol):
    """What a model knows of itself; a kind of model says where it differs from what stands here.

    With rules behind it a model is asked through `unruled`, but for what concerns these rules and its time.

    Attributes
    ----------
    batched : bool
        Which rows share a batch may change what it says; beside its time that of a rule is nothing.
    learned : bool
        Its columns are those that it has learned from.
    bound : bool
        It speaks of the rows of its own table alone.
    alone : bool
        It reads its scores, which it cannot give, from ``score_column`` of any table.
    called : bool
        It asks ``function`` for its scores, code that somebody gave and that no artefact holds.
    most_again : int or None
        Most rows that it is asked a second time, to see whether it says the same; None: any number.
    """

    batched: bool = False
    learned: bool = False
    bound: bool = False
    alone: bool = False
    called: bool = False
    most_again: int | None = None

    @property
    def family(self) -> Family | None:
        """Which recipes are for it and how it is saved; None: none are, and it cannot be."""
        return None

    @property
    def unchangeable(self) -> str:
        """Why no recipe can change it, though others of its family can be changed; empty: it can."""
        return ""

    @property
    def served(self) -> bool:
        """Whether it runs elsewhere, behind an address."""
        return False

    @property
    def labels(self) -> list[str] | None:
        """Names of what it tells apart; None where it has none that it tells."""
        return None

    @property
    def rules(self) -> Sequence[Any]:
        """The rules behind it, in the order in which they are applied."""
        return ()

    def ruled(self, batch: pa.RecordBatch, scored: Scored) -> Scored:
        """Decide rows by its rules from what the model without them has said."""
        return scored

    def drawn_again(self) -> Any:
        """The same model with other draws, where what it says is drawn; itself where nothing is."""
        return self

    def seen(self, scored: Scored) -> None:
        """Take note of what it has said of some rows, now or in an audit that was stopped."""
        return

    def identity(self) -> dict[str, Any] | None:
        """Return what the scores of given rows depend on; None where that cannot be told."""
        return None

    def name_columns(self, columns: Sequence[str]) -> None:
        """Give the columns that it tells apart by their places alone the names of another model's."""
        return

    def typical(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Return one of some rows, and as many as it scores together, to time it with."""
        return rows.slice(0, 1), rows.slice(0, TIMED_ROWS)

    def ready(self, rows: pa.RecordBatch) -> Callable[[], Any]:
        """Return the call to be timed: it scores a batch as an audit does."""
        return lambda: self.score(rows, None)

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Score the rows of a batch, in its order."""
        ...


def copied(model: Any) -> Any:
    """A copy of a model that can be changed freely; itself where it says no way, as no recipe changes it."""
    return model.copied() if hasattr(model, "copied") else model


class Model(ModelKind, Protocol):
    """One adapter per kind of model has this shape.

    Attributes
    ----------
    columns : list of str
        Columns of the evaluation set that `score` reads.
    whole : bool
        Whether `score` wants all rows in one batch.
    probability : bool
        Whether scores are probabilities in [0, 1].
    task : str
        What it predicts: binary, multiclass, multilabel, regression, ranking, ner, choice, pairs or
        generation.
    classes : tuple of str
        Multiclass: what the positions of decisions and the columns of scores are. Multilabel: the labels.
        Empty for all else.
    """

    @property
    def task(self) -> str:
        """See above."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """See above."""
        ...

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
