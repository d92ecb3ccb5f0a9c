"""Two classes: a decision for or against each row."""

from __future__ import annotations

from ..metrics import table
from .cases import BinaryCases, BinaryPairs
from .task import Task

BINARY = Task(
    name="binary",
    title="Two classes",
    cases=BinaryCases,
    pairs=BinaryPairs,
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
)
