"""A metric: Cohen's kappa, the agreement of decision and label beyond chance."""

from __future__ import annotations

import numpy as np
from fairweigh.extend import DisparityRow, Metric, OfCells, add_disparity, add_metric
from numpy.typing import NDArray

COHEN = "J. Cohen 1960, Educ. Psychol. Meas. 20:37-46"


def kappa(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kappa of cells tp, fp, fn, tn of shape (..., 4); nan where chance alone would agree everywhere."""
    tp, fp, fn, tn = np.moveaxis(cells, -1, 0)
    chance = (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance > 0, 2 * (tp * tn - fp * fn) / chance, np.nan)


add_metric(
    Metric(
        "cohen_kappa", "Cohen's kappa", "2 (TP TN - FP FN) / ((TP+FP)(FP+TN) + (TP+FN)(FN+TN))",
        "Agreement of decision and label beyond what chance gives: 1 is perfect, 0 is chance.",
        # One more error of either kind lowers it.
        OfCells(kappa, lowers=(0, 1, 1, 0)),
        better="higher", ideal=1.0, percent=False, ratio=False, source=COHEN,
        shows="Sensitive to errors of both kinds; moves with the base rate.",
    )
)  # fmt: skip

add_disparity(
    DisparityRow(
        "kappa_gap", "Kappa gap", ("cohen_kappa",), forms=("difference",), source=COHEN,
        shows="Asks that decisions agree with labels equally well in every slice.",
    )
)  # fmt: skip
