"""Pairs of sentences, weighed by a language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...datasets.errors import InputError
from ...datasets.suite import LESS_TEXT, MORE_TEXT, UNRELATED_TEXT
from ..base import Scored
from ..table_pairs import preferred
from .asked import AskedModel, column_texts
from .engine import Compared, Prompt, Question, no_weights


@dataclass
class Preferring(AskedModel):
    """A language model that finds one sentence of a pair likelier.

    Parameters
    ----------
    mean : bool
        A sentence's score is its log-likelihood over its tokens; if not, their sum.
    """

    mean: bool = False

    task = "pairs"
    classes = ("win", "tie", "loss")

    def __post_init__(self) -> None:
        self.own = hasattr(self.engine, "sentences")
        if not (self.own or self.engine.scores):
            # It says itself why, where it knows.
            self.engine.likelihoods([])
            raise no_weights("this runtime")
        names = self.data.names
        if MORE_TEXT not in names:
            raise InputError(f"{self.data.where}: expected the sentences of pairs, column {MORE_TEXT}")
        self.columns = [name for name in (MORE_TEXT, LESS_TEXT, UNRELATED_TEXT) if name in names]
        if not self.own:
            self.about = {
                "score": "log-likelihood", "over": "mean of tokens" if self.mean else "sum of tokens"
            }  # fmt: skip
        elif len(self.columns) > 2:
            self.about = {"score": "log of the mean probability of the words that differ, each masked"}
        else:
            self.about = {"score": "pseudo-log-likelihood of the tokens that the sentences share"}

    def asked(self, batch: pa.RecordBatch) -> Scored:
        """Weigh the sentences of each row."""
        texts = list(zip(*(column_texts(batch, name) for name in self.columns), strict=True))
        return preferred(list(self._weighed(texts).T))

    def _weighed(self, texts: list[tuple[str, ...]]) -> NDArray[np.float64]:
        if self.own:
            engine: Any = self.engine
            return np.asarray(engine.sentences([Compared(row) for row in texts]))
        weighed = self.engine.likelihoods([Question(Prompt(""), row) for row in texts])
        over = [one.tokens if self.mean else np.ones(len(one.sums)) for one in weighed]
        return np.stack([one.sums / np.maximum(n, 1) for one, n in zip(weighed, over, strict=True)])
