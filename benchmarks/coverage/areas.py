"""AUC: of rows, of clusters, and its change on the same rows."""

from __future__ import annotations

from itertools import product

import numpy as np
from drawn import CLUSTERS, GROUPS, dependent, holds, members, over, scored
from moves import paired_scores
from numpy.random import Generator
from scipy.special import ndtr
from scipy.stats import norm
from studies import Cells, Study, Z, held


def clustered_area(rng: Generator, repeats: int) -> Cells:
    """AUC of normal scores of both classes, scores and labels dependent within clusters."""
    cells = {}
    for groups, icc, truth in product(CLUSTERS, (0.1, 0.3), (0.7, 0.95)):

        def sample(size, groups=groups, icc=icc, truth=truth):
            cluster, exists = members(rng, size, groups)
            label = ndtr(dependent(rng, cluster, icc)) < 0.4
            score = dependent(rng, cluster, icc) + np.sqrt(2) * norm.ppf(truth) * label
            return holds("auc", scored(np.where(exists, score, np.nan), label, cluster=cluster), truth)

        cells[f"clusters={groups} icc={icc} auc={truth}"] = over(repeats, groups * 20, sample)
    return cells


def area(rng: Generator, repeats: int) -> Cells:
    """Normal scores of both classes."""
    cells = {}
    for (m, n), truth in product(
        ((5, 25), (15, 15), (10, 90), (50, 50), (100, 900), (500, 500)), (0.5, 0.7, 0.85, 0.95, 0.99)
    ):
        shift = np.sqrt(2) * norm.ppf(truth)
        score = np.hstack([rng.normal(shift, 1, (repeats, m)), rng.normal(0, 1, (repeats, n))])
        label = np.broadcast_to(np.arange(m + n) < m, score.shape)
        cells[f"m={m},n={n} auc={truth}"] = held(*scored(score, label).auc().limits(Z, 1), truth)
    return cells


def area_change(rng: Generator, repeats: int) -> Cells:
    """Normal scores of both classes, correlated before and after."""
    cells = {}
    for (m, n), first, second, alike in product(
        ((15, 15), (10, 90), (50, 50), (100, 900), (500, 500)), (0.7, 0.9), (0.0, -0.03), (0.9, 0.99)
    ):
        shifts = [np.sqrt(2) * norm.ppf(auc) for auc in (first, first + second)]
        label = np.broadcast_to(np.arange(m + n) < m, (repeats, m + n))
        noise = rng.normal(0, 1, (2, repeats, m + n))
        before = noise[0] + shifts[0] * label
        after = alike * noise[0] + np.sqrt(1 - alike**2) * noise[1] + shifts[1] * label
        figure, _ = paired_scores(before, after, label).area_change()
        name = f"m={m},n={n} auc={first} change={second} correlation={alike}"
        cells[name] = held(*figure.limits(Z, 1), second)
    return cells


STUDIES: dict[str, tuple[Study, str]] = {
    "AUC: clusters": (clustered_area, f"{GROUPS}; AUC .7, .95"),
    "AUC": (area, "positives/negatives 5/25 to 500/500; normal scores, AUC .5, .7, .85, .95, .99"),
    "change of the AUC: paired DeLong": (
        area_change,
        "positives/negatives 15/15 to 500/500; AUC .7, .9; change 0, -.03; correlation .9, .99",
    ),
}
