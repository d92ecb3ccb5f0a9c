"""A metric: Youden's index, how much more often a positive row is selected than a negative one."""

from __future__ import annotations

import numpy as np
from fairweigh.extend import DisparityRow, Metric, OfCells, add_disparity, add_metric
from numpy.typing import NDArray

YOUDEN = "W. J. Youden 1950, Cancer 3:32-35"


def youden(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """True less false positive rate of cells tp, fp, fn, tn of shape (..., 4); nan without both labels."""
    tp, fp, fn, tn = np.moveaxis(cells, -1, 0)
    positives, negatives = tp + fn, fp + tn
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((positives > 0) & (negatives > 0), tp / positives - fp / negatives, np.nan)


add_metric(
    Metric(
        "youden_index", "Youden's index", "TP / (TP + FN) - FP / (FP + TN)",
        "How much more often a row with a positive label is selected than one with a negative label.",
        # One more error of either kind lowers it.
        OfCells(youden, lowers=(0, 1, 1, 0)),
        better="higher", ideal=1.0, percent=False, ratio=False, source=YOUDEN,
        shows="Sensitive to errors of both kinds, each label weighing the same; blind to which kind.",
    )
)  # fmt: skip

add_disparity(
    DisparityRow(
        "youden_gap", "Youden gap", ("youden_index",), forms=("difference",), source=YOUDEN,
        shows="Asks that the model tells the labels apart equally well in every slice.",
    )
)  # fmt: skip
