"""Scores in a column of whatever table is decided: what a rule alone takes them from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..datasets.amounts import scores
from ..datasets.columns import no_column
from .base import ModelKind, Scored, decide, rule


@dataclass
class ScoreColumn(ModelKind):
    """Scores that stand in a column of whatever table is decided.

    Parameters
    ----------
    score_column : str
    probability : bool
    threshold : float, optional
        Scores at or above it are selected.
    function : str, optional
        Name of the callable that gave the scores which its rule was fitted to; None: a table.
    """

    score_column: str
    probability: bool
    threshold: float | None = None
    whole: bool = False
    function: str | None = None

    family = "scores"
    alone = True
    task = "binary"
    classes = ()

    @property
    def source(self) -> str:
        """Where its scores come from, in words."""
        return f"the callable {self.function}" if self.function else "a table of predictions"

    @property
    def columns(self) -> list[str]:
        """The column."""
        return [self.score_column]

    def score(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Scored:
        """Read the scores of a batch."""
        if self.score_column not in batch.schema.names:
            raise no_column(
                self.score_column, batch.schema.names, f"the table; scores come from {self.source}", "model"
            )
        score = scores(batch.column(self.score_column), self.score_column, probability=self.probability)
        return Scored(None if self.threshold is None else decide(score, self.threshold), score)

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the column."""
        told = {"kind": "predictions", "score": self.score_column}
        if self.threshold is not None:
            told |= rule(self.threshold, self.probability)
        return told
