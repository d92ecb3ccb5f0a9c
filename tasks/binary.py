"""Two classes: a decision for or against each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..metrics import table
from ..metrics.counts import DECISION, LABEL
from .cases import SCORE, Batch, BinaryCases, BinaryPairs
from .task import Known, Said, Task


def columns(said: Said, classes: Sequence[str]) -> dict[str, pa.Array]:
    """A column of decisions, 0 or 1, and one of scores."""
    found = {}
    if said.decision is not None:
        found[DECISION] = pa.array(said.decision.astype(np.int8))
    if said.score is not None:
        found[SCORE] = pa.array(said.score)
    return found


def written(known: Known) -> list[str]:
    """The columns that every file of predictions has."""
    found = [] if known.labels is None else [LABEL]
    if known.table is not None:
        found += [DECISION] if {"decision", "threshold", "rule"} & {*known.table} else []
        found += [SCORE] if {"score", "scale"} & {*known.table} else []
    return found


def as_two(batch: Batch, classes: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Label, decision and score, as far as they are there."""
    return {name: batch.number(name) for name in (LABEL, DECISION, SCORE) if name in batch.names}


BINARY = Task(
    name="binary",
    title="Two classes",
    cases=BinaryCases,
    pairs=BinaryPairs,
    columns=columns,
    kind={LABEL: "bit", DECISION: "bit", SCORE: "score"}.get,  # type: ignore[arg-type]
    metrics=table.METRICS,
    disparities=table.DISPARITIES,
    default=table.DEFAULT,
    key=table.KEY,
    leading=table.LEADING,
    performance=table.PERFORMANCE,
    gaps=table.GAPS,
    excess_loss=table.EXCESS_LOSS,
    calibration_shift=table.CALIBRATION_SHIFT,
    standardised=table.STANDARDISED,
    entropy=table.ENTROPY,
    threshold=0.5,
    counts=True,
    twins=True,
    written=written,
    as_two=as_two,
)
