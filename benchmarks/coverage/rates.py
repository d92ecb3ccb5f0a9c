"""Rates, and figures of the four cells, of one slice."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from atlimit import RATES, SIZES
from fairweigh.metrics.counts import Counts, Tally
from fairweigh.metrics.exact import clopper_pearson
from fairweigh.metrics.intervals import wilson
from fairweigh.metrics.table import METRICS
from numpy.random import Generator
from scipy.stats import binom
from studies import Cells, Study, Z, held, tally

ALL = "n 10, 30, 60, 300, 1000; p .005, .01, .02, .05, .1, .2, .5, .8, .95, .98"
MODELS = "n 30, 100, 1000; base rate .05, .2, .5, .9; TPR/FPR .7/.2, .95/.05, .5/.5"


def _rate(limits: Callable) -> Study:
    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, p in product(SIZES, RATES):
            x = np.arange(n + 1)
            low, high = limits(x, n)
            cells[f"n={n} p={p}"] = float(binom.pmf(x, n, p) @ ((low <= p) & (p <= high)))
        return cells

    return study


def _of_cells(name: str) -> Study:
    """A metric of the four cells over prevalences and three models."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, p, (tpr, fpr) in product(
            (30, 100, 1000), (0.05, 0.2, 0.5, 0.9), ((0.7, 0.2), (0.95, 0.05), (0.5, 0.5))
        ):
            shares = np.array([p * tpr, (1 - p) * fpr, p * (1 - tpr), (1 - p) * (1 - fpr)])
            truth = METRICS[name].estimator.of(outcomes(shares[None] * 1e9)).value[0]
            figure = METRICS[name].estimator.of(outcomes(rng.multinomial(n, shares, min(repeats, 500))))
            cells[f"n={n} base={p} tpr={tpr} fpr={fpr}"] = held(*figure.limits(Z, 1), truth, figure.defined)
        return cells

    return study


def outcomes(cells: np.ndarray) -> Tally:
    """A tally of cells tp, fp, fn, tn of shape (slices, 4)."""
    tp, fp, fn, tn = cells.T
    return tally(Counts(tp + fp + fn + tn, tp + fn, tp + fp, tp, fp, fn, tn))


STUDIES: dict[str, tuple[Study, str]] = {
    "rate: Clopper-Pearson (exact)": (_rate(lambda x, n: clopper_pearson(x, n, 0.025)), ALL),
    "(rate: Wilson, exact)": (_rate(lambda x, n: wilson(x, n, Z)), ALL),
    "F1": (_of_cells("f1"), MODELS),
    "balanced accuracy": (_of_cells("balanced_accuracy"), MODELS),
    "Matthews correlation": (_of_cells("matthews_correlation"), MODELS),
}
