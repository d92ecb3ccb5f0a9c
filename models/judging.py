"""Judges of answers in words: a model that classifies texts, or a language model that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..told import tell_n
from .answers import ANSWERED, EMPTY, NEGATIVE, POSITIVE, REFUSED, Refusals, outcomes
from .base import Model, Scored
from .language.judging import LanguageJudge

Verdicts = tuple[NDArray[np.int64], NDArray[np.float64] | None]
"""What each text is (`answers.POSITIVE`, `NEGATIVE`, or `ANSWERED` without a verdict), and its score."""


class Judge(Protocol):
    """What judges texts.

    Attributes
    ----------
    name : str
    scores : bool
        Whether it gives scores.
    """

    name: str

    @property
    def scores(self) -> bool:
        """See above."""
        ...

    def __call__(self, texts: Sequence[str]) -> Verdicts:
        """Judge each text."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the report says of it."""
        ...

    def notes(self) -> list[str]:
        """What is to be told of the texts judged."""
        ...


@dataclass
class ModelJudge:
    """A model of two classes that reads texts.

    Parameters
    ----------
    name : str
    model : Model
    column : str
        The column that it reads them from.
    """

    name: str
    model: Model
    column: str
    cut: int = 0

    def __post_init__(self) -> None:
        if self.model.columns != [self.column]:
            raise InputError(
                f"{self.name}: expected a model that reads the text alone, got one that reads "
                f"{', '.join(self.model.columns)}"
            )

    @cached_property
    def scores(self) -> bool:
        """Whether it says probabilities, as a first text shows."""
        return self.model.probability and self._said(["."]).score is not None

    def _said(self, texts: Sequence[str]) -> Scored:
        return self.model.score(pa.record_batch({self.column: pa.array(texts, pa.string())}), None)

    def __call__(self, texts: Sequence[str]) -> Verdicts:
        """Judge each text."""
        said = self._said(texts)
        if said.decision is None:
            raise InputError(
                f"{self.name}: expected a model that decides, got scores alone; set its threshold"
            )
        self.cut += said.truncated
        verdicts = np.where(said.decision, POSITIVE, NEGATIVE).astype(np.int64)
        return verdicts, said.score if self.scores else None

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the model."""
        return self.model.describe()

    def notes(self) -> list[str]:
        """How many texts were cut."""
        if not self.cut:
            return []
        return [
            tell_n(
                "{judge} has read the beginning alone of {n} answer, which is longer than it can read.",
                "{judge} has read the beginning alone of {n} answers, which are longer than it can read.",
                self.cut, n=f"{self.cut:,}", judge=self.name,
            )
        ]  # fmt: skip


@dataclass
class AskedJudge:
    """A language model that is asked about each text; it gives no scores, and sometimes no verdict.

    Parameters
    ----------
    name : str
    asked : LanguageJudge
    """

    name: str
    asked: LanguageJudge
    without: int = 0
    cut: int = 0
    scores = False

    def __call__(self, texts: Sequence[str]) -> Verdicts:
        """Judge each text."""
        places = {"positive": POSITIVE, "negative": NEGATIVE, "unparsed": ANSWERED}
        found = self.asked(texts)
        self.cut += found.cut
        return np.array([places[verdict] for verdict in found.verdicts], np.int64), None

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the language model and of what it is asked."""
        told = self.asked.describe()
        return {**told.pop("judge"), **told}

    def notes(self) -> list[str]:
        """How many answers it gives no verdict on, and how many it could not read whole."""
        n = self.without
        told = [
            tell_n(
                "A question to {judge} was longer than its context and lost its beginning.",
                "{n} questions to {judge} were longer than its context and lost their beginning.",
                self.cut, n=f"{self.cut:,}", judge=self.name,
            )
        ]  # fmt: skip
        told = told if self.cut else []
        if not n:
            return told
        return [
            *told,
            tell_n(
                "{judge} gives no verdict on {n} answer: it is in no positive rate.",
                "{judge} gives no verdict on {n} answers: they are in no positive rate.",
                n, n=f"{n:,}", judge=self.name,
            )
        ]  # fmt: skip


@dataclass
class Reading:
    """What is made of answers in words: refusals and empty ones found, the others judged.

    Parameters
    ----------
    refusals : Refusals
    first, second : Judge, optional
        The one that decides, and one that is compared with it.
    """

    refusals: Refusals
    first: Judge | None = None
    second: Judge | None = None

    def judged(self, scored: Scored) -> Scored:
        """What a model has said, with decisions and scores of the judges.

        Answers that a table of predictions says something of keep that.
        """
        if scored.text is None:
            return scored
        texts = scored.text.tolist()
        found = outcomes(texts, self.refusals) if scored.decision is None else scored.decision.copy()
        open_ = np.flatnonzero((found != EMPTY) & (found != REFUSED))
        asked = [str(texts[place]) for place in open_]
        score, second = scored.score, scored.second
        if self.first is not None:
            found[open_], scores = self._of(self.first, asked)
            if scores is not None:
                score = np.zeros(len(texts))
                score[open_] = scores
        if self.second is not None:
            second = np.zeros(len(texts), bool)
            second[open_] = self._of(self.second, asked)[0] == POSITIVE
        return Scored(found, score, scored.truncated, text=scored.text, second=second)

    @staticmethod
    def _of(judge: Judge, texts: Sequence[str]) -> Verdicts:
        """A judge's verdicts; it is asked once for texts that are the same."""
        if not texts:
            return np.zeros(0, np.int64), np.zeros(0) if judge.scores else None
        place: dict[str, int] = {}
        of = np.array([place.setdefault(text, len(place)) for text in texts], np.int64)
        verdicts, scores = judge(list(place))
        if isinstance(judge, AskedJudge):
            judge.without += int((verdicts[of] == ANSWERED).sum())
        return verdicts[of], None if scores is None else scores[of]

    def notes(self) -> list[str]:
        """What is to be told of the answers judged."""
        return [note for judge in (self.first, self.second) if judge is not None for note in judge.notes()]
