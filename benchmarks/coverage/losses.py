"""Brier score, log loss and calibration, of rows and clusters."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from drawn import CLUSTERS, GRID, GROUPS, LATENT, ROWS, SIZES, clustered_scores, holds, over, scored
from fairweigh.metrics.score_figures import SlicedScores
from numpy.random import Generator
from scipy.special import expit, logit
from scipy.stats import beta
from studies import Cells, Study, Z, held

CHANCES = f"{ROWS}; base rate .05, .2, .5, .9; calibrated, too sure"


def _loss(name: str) -> Study:
    """Chances Beta(4p, 4(1-p)); the score is the chance, or says it too surely."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, p, sure in product(SIZES, (0.05, 0.2, 0.5, 0.9), (1.0, 2.0)):
            a, b = 4 * p, 4 * (1 - p)
            chance = chances(a, b)
            truth = loss_truth(name, said(chance, sure), chance)

            def sample(size, n=n, a=a, b=b, sure=sure, truth=truth):
                drawn = rng.beta(a, b, (size, n))
                return holds(name, scored(said(drawn, sure), rng.random(drawn.shape) < drawn), truth)

            cells[f"n={n} base={p} {'calibrated' if sure == 1 else 'too sure'}"] = over(repeats, n, sample)
        return cells

    return study


def _clustered_loss(name: str) -> Study:
    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for groups, icc, sure in product(CLUSTERS, (0.1, 0.3, 0.9), (1.0, 2.0)):
            truth = loss_truth(name, said(LATENT, sure), LATENT)

            def sample(size, groups=groups, icc=icc, sure=sure, truth=truth):
                score, label, cluster = clustered_scores(rng, size, groups, icc)
                return holds(name, scored(said(score, sure), label, cluster=cluster), truth)

            kind = "calibrated" if sure == 1 else "too sure"
            cells[f"clusters={groups} icc={icc} {kind}"] = over(repeats, groups * 20, sample)
        return cells

    return study


@cache
def chances(a: float, b: float) -> np.ndarray:
    """Quantiles of a beta distribution, of which means give the truth."""
    return beta.ppf(GRID, a, b)


def said(chance, sure: float):
    return chance if sure == 1 else expit(sure * logit(np.clip(chance, 1e-9, 1 - 1e-9)))


def loss_truth(name: str, score, chance) -> float:
    score = np.clip(score, 1e-15, 1 - 1e-15)
    if name == "brier_score":
        return float(np.mean(chance * (1 - score) ** 2 + (1 - chance) * score**2))
    if name == "log_loss":
        return float(np.mean(-chance * np.log(score) - (1 - chance) * np.log1p(-score)))
    if name == "calibration_bias":
        return float(np.mean(score - chance))
    bins = np.minimum((score * 10).astype(int), 9)
    return float(np.abs(np.bincount(bins, score - chance)).sum() / len(score))


def calibration_p(rng: Generator, repeats: int) -> Cells:
    """Share of calibrated samples whose test of calibration does not reject at 5 %."""
    cells = {}

    def share(found: SlicedScores) -> tuple[float, int]:
        p = found.calibration.p()
        known = ~np.isnan(p)
        return float(np.mean(p[known] >= 0.05)) if known.any() else 0.0, int(known.sum())

    for n, base, spread in product((30, 100, 1000), (0.05, 0.2, 0.5), (0.0, 1.0)):

        def sample(size, n=n, base=base, spread=spread):
            chance = rng.beta(4 * base, 4 * (1 - base), (size, n))
            weight = rng.lognormal(0, spread, (size, n)) if spread else None
            return share(scored(chance, rng.random(chance.shape) < chance, weight))

        cells[f"n={n} base={base} {'weights' if spread else 'rows'}"] = over(repeats, n, sample)
    for groups, icc, middle in product(CLUSTERS, (0.0, 0.1, 0.3, 0.9), (-1.0, 0.0)):

        def clustered(size, groups=groups, icc=icc, middle=middle):
            score, label, cluster = clustered_scores(rng, size, groups, icc, middle)
            return share(scored(score, label, cluster=cluster))

        cells[f"clusters={groups} icc={icc} middle={middle}"] = over(repeats, groups * 20, clustered)
    return cells


def bin_rates(rng: Generator, repeats: int) -> Cells:
    """The rate of a bin of the calibration curve, of clustered rows: 0 to .1, and .2 to .3."""
    cells = {}
    for groups, icc, chosen in product(CLUSTERS, (0.1, 0.3), (0, 2)):
        inside = np.minimum((LATENT * 10).astype(int), 9) == chosen
        truth = float(LATENT[inside].mean())

        def sample(size, groups=groups, icc=icc, chosen=chosen, truth=truth):
            score, label, cluster = clustered_scores(rng, size, groups, icc)
            curves = scored(score, label, cluster=cluster).curves(True, Z).calibration
            limits = np.array([b[5:7] for curve in curves for b in curve if round(b[0] * 10) == chosen])
            return held(limits[:, 0], limits[:, 1], truth), len(limits)

        cells[f"clusters={groups} icc={icc} bin={chosen}"] = over(repeats, groups * 20, sample)
    return cells


def weighted_error(rng: Generator, repeats: int) -> Cells:
    """Calibration error with log-normal weights."""
    cells = {}
    for n, base, sure in product((30, 100, 1000), (0.05, 0.5), (1.0, 2.0)):
        chance = chances(4 * base, 4 * (1 - base))
        truth = loss_truth("expected_calibration_error", said(chance, sure), chance)

        def sample(size, n=n, base=base, sure=sure, truth=truth):
            drawn = rng.beta(4 * base, 4 * (1 - base), (size, n))
            weight = rng.lognormal(0, 1, drawn.shape)
            found = scored(said(drawn, sure), rng.random(drawn.shape) < drawn, weight)
            return holds("expected_calibration_error", found, truth)

        cells[f"n={n} base={base} {'calibrated' if sure == 1 else 'too sure'}"] = over(repeats, n, sample)
    return cells


STUDIES: dict[str, tuple[Study, str]] = {
    "Brier score": (_loss("brier_score"), CHANCES),
    "log loss": (_loss("log_loss"), CHANCES),
    "calibration bias": (_loss("calibration_bias"), CHANCES),
    "Brier score: clusters": (_clustered_loss("brier_score"), GROUPS),
    "log loss: clusters": (_clustered_loss("log_loss"), GROUPS),
    "calibration bias: clusters": (_clustered_loss("calibration_bias"), GROUPS),
    "calibration error": (_loss("expected_calibration_error"), CHANCES),
    "calibration error: clusters": (_clustered_loss("expected_calibration_error"), GROUPS),
    "calibration error: weights": (weighted_error, "n 30, 100, 1000; base .05, .5; log-normal weights"),
    "calibration test: calibrated samples not rejected": (
        calibration_p,
        "n 30, 100, 1000, rows, weights; 10, 40, 100 clusters, ICC 0, .1, .3",
    ),
    "rate of a calibration bin: clusters": (bin_rates, f"{GROUPS}; bins 0 to .1, .2 to .3"),
}
