"""Mean scores: skewed, weighted, of clusters, with a rare heavy stratum."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from drawn import CLUSTERS, GRID, GROUPS, ROWS, SIZES, clustered_scores, holds, over, scored
from numpy.random import Generator
from scipy.special import expit, logit
from scipy.stats import norm
from studies import Cells, Study

PROBABILITIES: dict[str, tuple[Callable, float]] = {
    "beta(.1, 2)": (lambda rng, shape: rng.beta(0.1, 2, shape), 0.1 / 2.1),
    "beta(.05, 5)": (lambda rng, shape: rng.beta(0.05, 5, shape), 0.05 / 5.05),
    "beta(2, .1)": (lambda rng, shape: rng.beta(2, 0.1, shape), 2 / 2.1),
    "5 % at .9": (
        lambda rng, shape: np.where(rng.random(shape) < 0.05, 0.9, rng.beta(2, 98, shape)),
        0.05 * 0.9 + 0.95 * 0.02,
    ),
    "beta(2, 2)": (lambda rng, shape: rng.beta(2, 2, shape), 0.5),
}
RANKS: dict[str, tuple[Callable, float]] = {
    "normal": (lambda rng, shape: rng.normal(size=shape), 0.0),
    "exponential": (lambda rng, shape: rng.exponential(size=shape), 1.0),
    "log-normal sd 1": (lambda rng, shape: rng.lognormal(0, 1, shape), float(np.exp(0.5))),
    "log-normal sd 1.5": (lambda rng, shape: rng.lognormal(0, 1.5, shape), float(np.exp(1.125))),
    "gamma .2": (lambda rng, shape: rng.gamma(0.2, size=shape), 0.2),
    "minus gamma .5": (lambda rng, shape: -rng.gamma(0.5, size=shape), -0.5),
}


def _means(populations, probability: bool) -> Study:
    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, (name, (draw, truth)) in product(SIZES, populations.items()):

            def sample(size, n=n, draw=draw, truth=truth):
                return holds("mean_score", scored(draw(rng, (size, n)), probability=probability), truth)

            cells[f"n={n} {name}"] = over(repeats, n, sample)
        return cells

    return study


def weighted_mean(rng: Generator, repeats: int) -> Cells:
    """Log-normal weights, alone and linked to the score."""
    cells = {}
    for n, spread, linked, probability in product(SIZES, (0.5, 1.0), (False, True), (True, False)):

        def sample(size, n=n, spread=spread, linked=linked, probability=probability):
            weight = rng.lognormal(0, spread, (size, n))
            heavy = rng.random((size, n)) < 0.3
            weight = np.where(heavy & linked, 2 * weight, weight)
            one, other = (6, 2) if linked else (4, 4)
            score = np.where(heavy, rng.beta(one, 4, (size, n)), rng.beta(other, 8, (size, n)))
            truths = (one / (one + 4), other / (other + 8))
            if not probability:
                score = np.where(heavy, rng.gamma(one, size=(size, n)), rng.gamma(other, size=(size, n)))
                truths = (one, other)
            share = 0.6 / 1.3 if linked else 0.3
            truth = share * truths[0] + (1 - share) * truths[1]
            return holds("mean_score", scored(score, weight=weight, probability=probability), truth)

        kind = f"{'linked ' if linked else ''}{'probability' if probability else 'rank'}"
        cells[f"n={n} sd={spread} {kind}"] = over(repeats, n, sample)
    return cells


def _rare_stratum(seen: bool) -> Study:
    """5 % of the rows weigh 20 times as much and score higher; all samples, or those that hold such a row."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, probability in product((30, 100, 300, 1000), (True, False)):

            def sample(size, n=n, probability=probability):
                heavy = rng.random((size, n)) < 0.05
                if seen:
                    heavy = heavy[heavy.any(1)]
                shape = heavy.shape
                score = np.where(heavy, rng.beta(6, 4, shape), rng.beta(2, 8, shape))
                truth = (1 * 0.6 + 0.95 * 0.2) / 1.95
                if not probability:
                    score = np.where(heavy, rng.gamma(6, size=shape), rng.gamma(2, size=shape))
                    truth = (1 * 6 + 0.95 * 2) / 1.95
                weight = np.where(heavy, 20.0, 1.0)
                return holds("mean_score", scored(score, weight=weight, probability=probability), truth)

            cells[f"n={n} {'probability' if probability else 'rank'}"] = over(repeats, n, sample)
        return cells

    return study


def clustered_mean(rng: Generator, repeats: int) -> Cells:
    cells = {}
    for groups, icc, middle, rank in product(CLUSTERS, (0.1, 0.3), (-1.0, -4.0), (False, True)):
        truth = float(np.mean(expit(middle + 1.5 * norm.ppf(GRID))))
        if rank:
            truth = float(np.exp(0.8**2 / 2)) if middle == -1 else 0.0

        def sample(size, groups=groups, icc=icc, middle=middle, rank=rank, truth=truth):
            score, _, cluster = clustered_scores(rng, size, groups, icc, middle)
            if rank:
                score = (logit(score) - middle) / 1.5
                score = np.exp(0.8 * score) if middle == -1 else score
            return holds("mean_score", scored(score, cluster=cluster, probability=not rank), truth)

        kind = {(-1.0, True): "log-normal", (-4.0, True): "normal"}.get((middle, rank), f"mean={truth:.2f}")
        cells[f"clusters={groups} icc={icc} {kind}"] = over(repeats, groups * 20, sample)
    return cells


STUDIES: dict[str, tuple[Study, str]] = {
    "mean score: probabilities": (
        _means(PROBABILITIES, True),
        f"{ROWS}; beta(.1, 2), (.05, 5), (2, .1), (2, 2); 5 % at .9",
    ),
    "mean score: ranks": (
        _means(RANKS, False),
        f"{ROWS}; normal, exponential, log-normal sd 1 and 1.5, gamma .2, minus gamma .5",
    ),
    "mean score: weights": (weighted_mean, f"{ROWS}; log-normal weights, also linked to the score"),
    "mean score: rare heavy stratum": (
        _rare_stratum(False),
        "n 30, 100, 300, 1000; 5 % of rows weigh 20 times as much",
    ),
    "mean score: rare heavy stratum, seen": (_rare_stratum(True), "the same, samples that hold such a row"),
    "mean score: clusters": (
        clustered_mean,
        f"{GROUPS}; probabilities of mean .31, .04; normal, log-normal ranks",
    ),
}
