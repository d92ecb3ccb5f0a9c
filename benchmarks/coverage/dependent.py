"""Rates of rows that weigh differently or depend on each other, and two slices of the same clusters."""

from __future__ import annotations

from itertools import product

import numpy as np
from fairweigh.metrics import compare
from fairweigh.metrics.counts import Clusters, Counts
from fairweigh.metrics.table import METRICS
from numpy.random import Generator
from studies import Cells, Study, Z, held, tally

RATES = (0.01, 0.05, 0.2, 0.5, 0.9)
SELECTION = METRICS["selection_rate"]


# ---- weights -----------------------------------------------------------------------------------------


def weighted(rng: Generator, repeats: int) -> Cells:
    """Log-normal weights; 'linked' rows of one half weigh and are selected differently."""
    cells = {}
    for n, p, spread, linked in product((10, 30, 100, 1000), RATES, (0.5, 1.0), (False, True)):
        half = rng.random((repeats, n)) < 0.5
        high = np.clip(p * 1.5, 0, 0.95) if linked else p
        low = max(2 * p - high, 0.005) if linked else p
        y = rng.random((repeats, n)) < np.where(half, high, low)
        w = rng.lognormal(0, spread, (repeats, n)) * np.where(half & linked, 2.0, 1.0)
        truth = (2 * high + low) / 3 if linked else p
        kind = "linked " if linked else ""
        cells[f"n={n} p={p} {kind}sd={spread}"] = held(*_weighted_limits(y, w), truth)
    return cells


def _rare_stratum(seen: bool) -> Study:
    """5 % of the rows weigh 20 times as much and are selected more often."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, (common, rare) in product((30, 100, 300, 1000), ((0.2, 0.6), (0.05, 0.2), (0.5, 0.5))):
            heavy = rng.random((repeats, n)) < 0.05
            if seen:
                heavy = heavy[heavy.any(1)]
            y = rng.random(heavy.shape) < np.where(heavy, rare, common)
            truth = (0.95 * common + rare) / 1.95
            limits = _weighted_limits(y, np.where(heavy, 20.0, 1.0))
            cells[f"n={n} rates={common},{rare}"] = held(*limits, truth)
        return cells

    return study


def _weighted_limits(y: np.ndarray, w: np.ndarray) -> tuple:
    one = np.ones(y.shape, int)
    counts, sums, squares = (Counts(n=v.sum(1), selected=(v * y).sum(1)) for v in (one, w, w**2))
    return SELECTION.estimator.of(tally(counts, weights=sums, squares=squares)).limits(Z, 1)


# ---- clusters ----------------------------------------------------------------------------------------


def _sizes(rng: Generator, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Rows of each cluster: 1 to 20, or of unequal ones a tenth of 100 and the others of 1 to 5."""
    if kind == "even":
        return rng.integers(1, 21, shape)
    return np.where(rng.random(shape) < 0.1, 100, rng.integers(1, 6, shape))


def _clustered(kind: str) -> Study:
    """Beta-binomial clusters."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for groups, p, icc in product((10, 30, 60, 200), RATES, (0.1, 0.3)):
            size = _sizes(rng, (repeats, groups), kind)
            a = (1 - icc) / icc
            x = rng.binomial(size, rng.beta(a * p, a * (1 - p), size.shape))
            owner = np.repeat(np.arange(repeats), groups)
            held_in = Clusters(owner, np.arange(size.size), Counts(n=size.ravel(), selected=x.ravel()))
            found = tally(Counts(n=size.sum(1), selected=x.sum(1)), clusters=held_in)
            cells[f"clusters={groups} p={p} icc={icc}"] = held(*SELECTION.estimator.of(found).limits(Z, 1), p)
        return cells

    return study


def _pairs(rng: Generator, repeats: int, groups: int, p: float, both: float, kind: str):
    """Two slices over the same clusters: successes and rows of either, of shape (repeats, groups, 2)."""
    if kind == "one of each chosen":
        # In every pair exactly one is chosen: whichever is, the other is not.
        first = rng.random((repeats, groups)) < p
        return np.stack([first, ~first], axis=-1).astype(int), np.ones((repeats, groups, 2), int)
    size = rng.integers(1, 11, (repeats, groups, 2))
    a = (1 - both) / both
    chance = rng.beta(a * p, a * (1 - p), (repeats, groups, 1))
    return rng.binomial(size, chance), size


def matched(rng: Generator, repeats: int) -> Cells:
    """The difference of two slices that lie in the same clusters."""
    cells = {}
    for groups, p, kind in product(
        (30, 60, 200), (0.05, 0.2, 0.5), ("one of each chosen", "alike .1", "alike .5")
    ):
        icc = float(kind.split()[1]) if kind.startswith("alike") else 0.0
        many = min(repeats, 300)
        truth = 2 * p - 1 if kind == "one of each chosen" else 0.0
        owner = np.tile([0, 1], groups)
        cluster = np.repeat(np.arange(groups), 2)
        hits = []
        for x, size in zip(*_pairs(rng, many, groups, p, icc, kind), strict=True):
            per = Clusters(owner, cluster, Counts(n=size.ravel(), selected=x.ravel()))
            found = tally(Counts(n=size.sum(0), selected=x.sum(0)), clusters=per)
            _, limits = compare.difference(SELECTION.estimator.of(found), np.array([0]), np.array([1]), Z)
            hits.append(held(*limits, truth))
        cells[f"clusters={groups} p={p} {kind}"] = float(np.mean(hits))
    return cells


CLUSTERS = "10, 30, 60, 200 clusters; p .01, .05, .2, .5, .9; ICC .1, .3"
STUDIES: dict[str, tuple[Study, str]] = {
    "weighted rate": (
        weighted,
        "n 10, 30, 100, 1000; p .01, .05, .2, .5, .9; log-normal weights, also linked to the outcome",
    ),
    "rate: rare heavy stratum": (_rare_stratum(False), "n 30 to 1000; 5 % of rows weigh 20 times as much"),
    "rate: rare heavy stratum, seen": (_rare_stratum(True), "the same, samples that hold such a row"),
    "clustered rate": (_clustered("even"), f"{CLUSTERS}; 1 to 20 rows each"),
    "clustered rate, unequal clusters": (
        _clustered("unequal"),
        f"{CLUSTERS}; a tenth of 100 rows, the others of 1 to 5",
    ),
    "difference over the same clusters": (
        matched,
        "30, 60, 200 clusters in both; p .05, .2, .5; one of each pair chosen, or alike (ICC .1, .5)",
    ),
}
