"""Samples of scores: one per row of an array, with weights, clusters and labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.scores import ScoreTable
from fairweigh.metrics.table import METRICS
from numpy.random import Generator
from scipy.special import expit, ndtr
from scipy.stats import norm
from studies import Z, held

SIZES = (10, 30, 100, 1000)
CLUSTERS = (10, 40, 100)
ROWS = "n 10, 30, 100, 1000"
GROUPS = "10, 40, 100 clusters of 1 to 20 rows; ICC .1, .3"
LEAST = 10
"""Samples that must make a claim for a cell to count."""
GRID = (np.arange(20_000) + 0.5) / 20_000


def scored(score, label=None, weight=None, cluster=None, probability=True) -> SlicedScores:
    """One sample per row of arrays of shape (samples, rows); rows of score nan are left out."""
    samples, rows = score.shape
    kept = ~np.isnan(score.ravel())
    code = np.repeat(np.arange(samples), rows)[kept]
    value = score.ravel()[kept]
    order = np.argsort(value, kind="stable")

    def column(given):
        return None if given is None else np.broadcast_to(given, score.shape).ravel()[kept][order]

    one = np.ones(len(value))
    w = one if weight is None else column(weight)
    keys = [(str(i),) for i in range(samples)]
    s = value[order]
    table = ScoreTable(
        code[order], ("s",), keys, s, s, column(label), one.astype(np.int64), w, w**2, column(cluster),
        probability=probability,
    )  # fmt: skip
    return SlicedScores(table, ("s",), keys)


def batches(repeats: int, rows: int) -> list[int]:
    """Sizes of batches of samples that fit into memory; fewer samples of many rows."""
    each = max(1, 300_000 // rows)
    repeats = min(repeats, max(300, 3_000_000 // rows))
    return [min(each, repeats - done) for done in range(0, repeats, each)]


def holds(name: str, found: SlicedScores, truth: float) -> tuple[float, int]:
    figure = METRICS[name].estimator.of(found)
    low, high = figure.limits(Z, 1.0)
    return held(low, high, truth, figure.defined), int(figure.defined.sum())


def over(repeats: int, rows: int, sample: Callable[[int], tuple[float, int]]) -> float:
    """Coverage over batches of samples; nan where hardly one makes a claim."""
    parts = [sample(size) for size in batches(repeats, rows)]
    if sum(n for _, n in parts) < LEAST:
        return float("nan")
    return float(np.average([p for p, _ in parts], weights=[n for _, n in parts]))


def members(rng: Generator, samples: int, groups: int, most: int = 20):
    """Each row's cluster (unique over samples) in arrays of shape (samples, groups * most), and which exist.

    Clusters have 1 to ``most`` rows, one in ten of them all of ``most`` and the others few.
    """
    size = np.where(
        rng.random((samples, groups)) < 0.1, most, rng.integers(1, most // 2 + 1, (samples, groups))
    )
    exists = np.arange(most) < size[..., None]
    cluster = np.arange(samples * groups).reshape(samples, groups, 1) * np.ones(most, np.int64)
    return cluster.reshape(samples, -1), exists.reshape(samples, -1)


def dependent(rng: Generator, cluster, icc: float):
    """Standard normal values of which those of a cluster correlate by ``icc``."""
    common = rng.normal(size=int(cluster.max()) + 1)[cluster]
    return np.sqrt(icc) * common + np.sqrt(1 - icc) * rng.normal(size=cluster.shape)


def clustered_scores(rng: Generator, samples: int, groups: int, icc: float, middle: float = -1.0):
    """Scores expit(middle + 1.5 N) and true labels of as dependent rows, calibrated."""
    cluster, exists = members(rng, samples, groups)
    score = expit(middle + 1.5 * dependent(rng, cluster, icc))
    label = ndtr(dependent(rng, cluster, icc)) < score
    return np.where(exists, score, np.nan), label, cluster


LATENT = expit(-1.0 + 1.5 * norm.ppf(GRID))
