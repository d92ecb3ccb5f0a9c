"""Two slices, and a slice against a reference that was picked for its value."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from before import score_ratio
from fairweigh.metrics import exact
from fairweigh.metrics.contrast import DIFFERENCE, RATIO, Contrast
from fairweigh.metrics.intervals import mover_difference, wilson
from fairweigh.metrics.picked import Picked
from numpy.random import Generator
from scipy.stats import binom, fisher_exact
from studies import Cells, Study, Z, proportions

SIZES = ((10, 10), (30, 30), (100, 100), (30, 1000), (10, 1000))
RATES = (0.005, 0.02, 0.05, 0.2, 0.5, 0.9, 0.98)
GRID = "n 10/10, 30/30, 100/100, 30/1000, 10/1000; all pairs of p .005, .02, .05, .2, .5, .9, .98"


def _two_slices(limits: Callable, truth: Callable, defined: Callable) -> Study:
    """Coverage summed over every table; tables less likely than 1 in 10^6 of either slice are left out."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n1, n2 in SIZES:
            likely = [
                np.flatnonzero(np.max([binom.pmf(np.arange(n + 1), n, p) for p in RATES], axis=0) > 1e-6)
                for n in (n1, n2)
            ]
            x1, x2 = np.meshgrid(*likely, indexing="ij")
            low, high = limits(x1, n1, x2, n2)
            for p1, p2 in product(RATES, RATES):
                weight = np.outer(binom.pmf(likely[0], n1, p1), binom.pmf(likely[1], n2, p2))
                weight = weight * defined(x1, x2)
                hit = (low <= truth(p1, p2) + 1e-9) & (truth(p1, p2) - 1e-9 <= high)
                # Where there is no figure nothing is missed.
                cells[f"n={n1},{n2} p={p1},{p2}"] = 1 - float((weight * ~hit).sum())
        return cells

    return study


def _melded(contrast: Contrast) -> Callable:
    def limits(*tables):
        return exact.pair_lower(*tables, 0.025, contrast), exact.pair_upper(*tables, 0.025, contrast)

    return limits


def _newcombe(x1, n1, x2, n2):
    return mover_difference(x1 / n1, wilson(x1, n1, Z), x2 / n2, wilson(x2, n2, Z))


def _always(x1, x2) -> np.ndarray:
    return np.ones(x1.shape)


def _some_reference(x1, x2) -> np.ndarray:
    return (x2 > 0).astype(float)


def picked(rng: Generator, repeats: int) -> Cells:
    """Share of samples of equal slices in which no ratio to the highest has an adjusted p below .05."""
    cells = {}
    for k, n, p in product((5, 20), (30, 300), (0.02, 0.2, 0.5)):
        clear = [
            bool((_against_highest(rng.binomial(n, p, k), n).p_apart() >= 0.05).all())
            for _ in range(min(repeats, 100))
        ]
        cells[f"k={k} n={n} p={p}"] = float(np.mean(clear))
    return cells


def _against_highest(x: np.ndarray, n: int) -> Picked:
    figure = proportions(x, np.full(len(x), n))
    best, among = int(np.argmax(figure.value)), np.arange(len(x))
    return Picked(figure, among[among != best], among, best, "ratio", True, 0.8, 0.05)


def picked_raw(rng: Generator, repeats: int) -> Cells:
    """The same with Fisher's p as it is, without regard to how the reference was found."""
    cells = {}
    for k, n, p in product((5, 20), (30, 300), (0.02, 0.2, 0.5)):
        clear = []
        for _ in range(min(repeats, 100)):
            x = rng.binomial(n, p, k)
            top, low = int(x.max()), int(x.min())
            clear.append(fisher_exact([[top, n - top], [low, n - low]]).pvalue >= 0.05)
        cells[f"k={k} n={n} p={p}"] = float(np.mean(clear))
    return cells


EQUAL = "5, 20 equal slices; n 30, 300; p .02, .2, .5"
STUDIES: dict[str, tuple[Study, str]] = {
    "difference of two slices: melded (exact)": (
        _two_slices(_melded(DIFFERENCE), lambda p1, p2: p1 - p2, _always),
        GRID,
    ),
    "(difference of two slices: Newcombe, exact)": (
        _two_slices(_newcombe, lambda p1, p2: p1 - p2, _always),
        GRID,
    ),
    "ratio of two slices: melded (exact)": (
        _two_slices(_melded(RATIO), lambda p1, p2: p1 / p2, _some_reference),
        GRID,
    ),
    "(ratio of two slices: score, exact)": (
        _two_slices(lambda *tables: score_ratio(*tables, Z), lambda p1, p2: p1 / p2, _some_reference),
        GRID,
    ),
    "no ratio to the highest of equal slices has p < .05": (picked, EQUAL),
    "(Fisher's p against the highest, not adjusted)": (picked_raw, EQUAL),
}
