"""Several slices: the largest gap, the smallest ratio, all against one, and single numbers over all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
from fairweigh.metrics import compare, exact
from fairweigh.metrics.extremes import between, differential_fairness
from fairweigh.metrics.intervals import quantile_of_tail
from fairweigh.metrics.lockstep import run
from numpy.random import Generator
from studies import Cells, Study, proportions

SIZES = ((10,), (30,), (300,), (1000, 30), (5000, 10))
RATES = (0.005, 0.01, 0.02, 0.05, 0.2, 0.5, 0.9, 0.98)
CORNERS = "n 10, 30, 300, 1000 and 30 mixed, 5000 and 10 mixed; p .005, .01, .02, .05, .2, .5, .9, .98"
MIDDLE = "n 30, 1000 and 30 mixed; p .01, .05, .2, .5, .9"


def populations(
    slices: Iterable[int], even: bool | None = None, sizes=SIZES, rates=RATES
) -> Iterable[tuple[str, np.ndarray, np.ndarray]]:
    """Name, sizes and true rates of the slices: equal rates, and rates spread over up to 0.2."""
    for k, n, p, spread in product(slices, sizes, rates, (0.0, 0.1)):
        if even is not None and even != (spread == 0):
            continue
        true = p + np.linspace(-1, 1, k) * min(spread, 0.8 * p, 0.8 * (1 - p))
        name = f"k={k} n={'+'.join(map(str, n))} p={p}{' spread' if spread else ' equal'}"
        yield name, np.resize(n, k), true


def starts_at_zero(rng: Generator, repeats: int) -> Cells:
    """Share of samples of equal slices whose largest gap is not told from 0.

    The lower limit is above 0 where some pair's p is at most its share of the level; of slices of two sizes
    only the highest of either against the lowest of either can have the smallest p.
    """
    cells = {}
    for name, sizes, rates in populations((2, 5, 20, 100), True):
        k = len(sizes)
        x = rng.binomial(sizes, rates, (5 * min(repeats, 500), k))
        best = np.ones(len(x))
        for one, other in product(np.unique(sizes), repeat=2):
            top, low = x[:, sizes == one].max(1), x[:, sizes == other].min(1)
            if (sizes == one).sum() * (sizes == other).sum() - (one == other) * (sizes == one).sum() > 0:
                found, place = np.unique(np.stack([top, low]), axis=1, return_inverse=True)
                p = exact.pair_p_above(found[0], one, found[1], other, 0.0)
                best = np.minimum(best, p[place.reshape(-1)])
        cells[name] = float(np.mean(best > 0.025 / (k * (k - 1))))
    return cells


def _between(form: str, metrics: int = 1) -> Study:
    """The extremes over all slices, of one metric or the worst of two."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        grid = populations((2, 5, 20), None, ((30,), (1000, 30)), (0.01, 0.05, 0.2, 0.5, 0.9))
        for name, sizes, rates in grid:
            use = np.arange(len(sizes))
            truth = np.ptp(rates) if form == "difference" else rates.min() / rates.max()
            hits = []
            for _ in range(min(repeats, 100 if form == "difference" and metrics == 1 else 40)):
                figures = {str(i): proportions(rng.binomial(sizes, rates), sizes) for i in range(metrics)}
                found = run(between(figures, use, form, 0.95))
                if found is not None:
                    hits.append(found.low <= truth + 1e-9 and truth - 1e-9 <= found.high)
            cells[name] = float(np.mean(hits))
        return cells

    return study


def percentile(rng: Generator, repeats: int) -> Cells:
    """What max - min must not be given: the percentile bootstrap of the rows, for comparison."""
    cells = {}
    for name, sizes, rates in populations((2, 5, 20), True):
        seen = rng.binomial(sizes, rates, (min(repeats, 200), len(sizes))) / sizes
        drawn = np.ptp(rng.binomial(sizes, seen, (400, *seen.shape)) / sizes, axis=2)
        low = np.quantile(drawn, 0.025, axis=0)
        cells[name] = float(np.mean(low <= 1e-9))
    return cells


def many_to_one(rng: Generator, repeats: int) -> Cells:
    """All slices against the first: limits at a confidence shared out over them hold together."""
    cells = {}
    grid = populations((2, 5, 20), None, ((10,), (30,), (1000, 30)), (0.005, 0.02, 0.05, 0.5, 0.9))
    for name, sizes, rates in grid:
        k, many = len(sizes), min(repeats, 100)
        others = np.tile(np.arange(1, k), many) + np.repeat(np.arange(many) * k, k - 1)
        references = np.repeat(np.arange(many) * k, k - 1)
        seen = proportions(rng.binomial(sizes, rates, (many, k)).ravel(), np.tile(sizes, many))
        z = quantile_of_tail(0.025 / (k - 1))
        _, (low, high) = compare.difference(seen, others, references, z)
        truth = np.tile(rates[1:] - rates[0], many)
        holds = ((low <= truth + 1e-9) & (truth - 1e-9 <= high)).reshape(many, k - 1)
        cells[name] = float(holds.all(1).mean())
    return cells


def variance(rng: Generator, repeats: int) -> Cells:
    cells = {}
    for name, sizes, rates in populations(
        (5, 20, 100), None, ((30,), (1000, 30), (5000, 10)), (0.005, 0.02, 0.2)
    ):
        truth, hits = np.var(rates, ddof=1), []
        for _ in range(min(repeats, 40)):
            x = rng.binomial(sizes, rates) / sizes
            _, low, high = compare.variance_between(x, sizes.astype(float), 0.95)
            hits.append(low <= truth + 1e-12 and truth - 1e-12 <= high)
        cells[name] = float(np.mean(hits))
    return cells


def differential(rng: Generator, repeats: int) -> Cells:
    cells = {}
    for name, sizes, rates in populations((2, 5, 20), None, ((30,), (1000, 30)), (0.01, 0.05, 0.5)):
        truth = max(np.ptp(np.log(rates)), np.ptp(np.log1p(-rates)))
        hits = []
        for _ in range(min(repeats, 40)):
            x = rng.binomial(sizes, rates)
            _, low, high, _, _ = run(
                differential_fairness(
                    proportions(x, sizes), x.astype(float), sizes.astype(float), np.arange(len(sizes)), 0.95
                )
            )
            hits.append(low <= truth + 1e-9 and truth - 1e-9 <= high)
        cells[name] = float(np.mean(hits))
    return cells


STUDIES: dict[str, tuple[Study, str]] = {
    "max - min of equal slices starts at 0": (starts_at_zero, f"2, 5, 20, 100 slices; {CORNERS}"),
    "(percentile bootstrap of it)": (percentile, f"2, 5, 20 slices; {CORNERS}"),
    "max - min": (_between("difference"), f"2, 5, 20 slices, equal and unequal; {MIDDLE}"),
    "max - min, worse of two metrics": (
        _between("difference", 2),
        f"2, 5, 20 slices, equal and unequal; {MIDDLE}",
    ),
    "min / max": (_between("ratio"), f"2, 5, 20 slices, equal and unequal; {MIDDLE}"),
    "all slices against one, together": (
        many_to_one,
        "2, 5, 20 slices; n 10, 30, 1000 and 30 mixed; p .005, .02, .05, .5, .9",
    ),
    "variance between slices": (
        variance,
        "5, 20, 100 slices; n 30, 1000 and 30, 5000 and 10 mixed; p .005, .02, .2",
    ),
    "differential fairness": (differential, "2, 5, 20 slices; n 30, 1000 and 30 mixed; p .01, .05, .5"),
}
