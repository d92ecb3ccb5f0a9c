"""How often the limits of score figures hold the truth: skewed, weighted, clustered, few rows.

    python benchmarks/coverage_scores.py [--repeats 1000] [--seed 1] [--only "SMD"]

Like ``coverage.py``: samples from populations whose true figure is known, the 95 % limits of
``fairweigh.metrics``, and the share of samples in which they hold it. A sample in which a figure is undefined
makes no claim and does not count. A study of p-values counts the samples with p of at least .05 where the
hypothesis is true, so that 95 % is right there, too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
import pyarrow as pa
from fairweigh.audit.counterfactual import twins
from fairweigh.audit.variant import Plan
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.paired_scores import PairedScores
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.scores import ScoreCollector, ScoreTable
from fairweigh.metrics.standardised import smd_figure, standardised_differences
from numpy.random import Generator
from scipy.special import expit, logit, ndtr
from scipy.stats import beta, norm

Z = normal_quantile(0.95)
Cells = dict[str, float]
"""Coverage of each cell of a grid."""
Study = Callable[[Generator, int], Cells]

SIZES = (10, 30, 100, 1000)
CLUSTERS = (10, 40, 100)
LEAST = 10
"""Samples that must make a claim for a cell to count."""
GRID = (np.arange(20_000) + 0.5) / 20_000


def held(low, high, truth, defined=True) -> float:
    """Share of the defined limits that hold the truth; limits that are nan do not."""
    holds = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
    return float(np.mean(holds[np.broadcast_to(defined, holds.shape)]))


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
    figure = found.figure(name)
    low, high = figure.limits(Z, 1.0)
    return held(low, high, truth, figure.defined), int(figure.defined.sum())


def over(repeats: int, rows: int, sample: Callable[[int], tuple[float, int]]) -> float:
    """Coverage over batches of samples; nan where hardly one makes a claim."""
    parts = [sample(size) for size in batches(repeats, rows)]
    if sum(n for _, n in parts) < LEAST:
        return float("nan")
    return float(np.average([p for p, _ in parts], weights=[n for _, n in parts]))


# ---- clusters ----------------------------------------------------------------------------------------


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

# ---- means -------------------------------------------------------------------------------------------

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


# ---- calibration -------------------------------------------------------------------------------------


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


# ---- area --------------------------------------------------------------------------------------------


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


# ---- standardised mean differences -------------------------------------------------------------------


def smd_limits(group, score, weight=None, cluster=None, everyone=False) -> tuple[float, float]:
    """Limits of the standardised difference of group 1 to group 0; nan where undefined."""
    if not 0 < group.sum() < len(group):
        return np.nan, np.nan
    keys = [("0",), ("1",)]
    collector = ScoreCollector(("g",), False)
    collector.add(group, keys, score, None, weight, None if cluster is None else cluster.astype(str))
    table = collector.table()
    if everyone:
        found = standardised_differences(table, ("g",), keys, 0, 0.95)
        return found.low[1], found.high[1]
    low, high = smd_figure(SlicedScores(table, ("g",), keys), 0).limits(Z, 1.0)
    return low[1], high[1]


def _smd(kind: str, everyone: bool = False) -> Study:
    """Two groups of means 0 and gap, standard deviations 1 and 2 (rows, weights) or 1 (clusters)."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        sizes = CLUSTERS if kind in ("clusters", "matched") else SIZES
        options = (0.1, 0.3) if kind in ("clusters", "matched") else (0.2, 0.5)
        for n, option, gap in product(sizes, options, (0.0, 1.0)):
            many = min(repeats, 400)
            limits = np.array([_one_smd(rng, kind, n, option, gap, everyone) for _ in range(many)])
            truth = gap / _smd_spread(kind, option, gap, everyone)
            name = "icc" if kind in ("clusters", "matched") else "share"
            size = "clusters" if kind in ("clusters", "matched") else "n"
            defined = ~np.isnan(limits[:, 0])
            cells[f"{size}={n} {name}={option} gap={gap}"] = held(limits[:, 0], limits[:, 1], truth, defined)
        return cells

    return study


def _smd_spread(kind: str, share: float, gap: float, everyone: bool) -> float:
    part = 0.5 if kind in ("clusters", "matched") else share
    inner = 1.0 if kind in ("clusters", "matched") else 1 - part + 4 * part
    return float(np.sqrt(inner + (part * (1 - part) * gap**2 if everyone else 0)))


def _one_smd(rng: Generator, kind: str, n: int, option: float, gap: float, everyone: bool):
    if kind in ("clusters", "matched"):
        cluster, exists = (v[0] for v in members(rng, 1, n))
        score = dependent(rng, cluster, option)
        group = rng.integers(0, 2, n)[cluster] if kind == "clusters" else np.arange(len(score)) % 2
        return smd_limits(
            group[exists], (score + gap * group)[exists], cluster=cluster[exists], everyone=everyone
        )
    group = (rng.random(n) < option).astype(np.int64)
    score = rng.normal(size=n) * np.where(group, 2, 1)
    if kind == "skewed":
        # Gamma of shape 1: mean and variance 1, scaled to the same two moments.
        score = (rng.exponential(size=n) - 1) * np.where(group, 2, 1)
    weight = None
    if kind == "weights":
        weight = rng.lognormal(0, 1, n)
    return smd_limits(group, score + gap * group, weight, everyone=everyone)


# ---- twins -------------------------------------------------------------------------------------------

GAPS: dict[str, tuple[Callable, float]] = {
    "none": (lambda rng, n: np.zeros(n), 0.0),
    "normal": (lambda rng, n: rng.normal(0.02, 0.05, n), 0.02),
    "5 % react by .3": (lambda rng, n: np.where(rng.random(n) < 0.05, 0.3, 0.0), 0.015),
    "5 % react by .1 to .5": (
        lambda rng, n: np.where(rng.random(n) < 0.05, rng.uniform(0.1, 0.5, n), 0.0),
        0.015,
    ),
    "2 % react by .5": (lambda rng, n: np.where(rng.random(n) < 0.02, 0.5, 0.0), 0.01),
    "20 % react by .2": (lambda rng, n: np.where(rng.random(n) < 0.2, 0.2, 0.0), 0.04),
    "skewed": (lambda rng, n: np.minimum(rng.gamma(0.3, 0.1, n), 0.5), 0.3 * 0.1),
}


def twin_gaps(rng: Generator, repeats: int) -> Cells:
    """Mean gap between twins over groups, of which all, some or none react."""
    plan = Plan(metrics=(), depth=1, min_size=30, confidence=0.95, reference={})
    cells = {}
    for n, (name, (draw, truth)) in product((5, 10, 30, 100, 300), GAPS.items()):
        hits = []
        for _ in range(min(repeats, 400)):
            gap = draw(rng, n)
            base = rng.uniform(0, 0.5, n)
            table = pa.table(
                {
                    "twin": np.repeat(np.arange(n), 2),
                    "g": pa.array(["a", "b"] * n).dictionary_encode(),
                    "score": np.stack([base + gap, base], axis=1).ravel(),
                }
            )
            (found,) = twins(table, "g", plan, "m")
            low, high = found.score_gap.low, found.score_gap.high
            hits.append(low is not None and low <= truth + 1e-9 and truth - 1e-9 <= high)
        cells[f"n={n} {name}"] = float(np.mean(hits))
    return cells


# ---- changes on the same rows ------------------------------------------------------------------------

STEPS: dict[str, tuple[Callable, float]] = {
    "normal": (lambda rng, shape: rng.normal(0.01, 0.05, shape), 0.01),
    "5 % move by .3": (lambda rng, shape: np.where(rng.random(shape) < 0.05, 0.3, 0.0), 0.015),
    "2 % move by .5": (lambda rng, shape: np.where(rng.random(shape) < 0.02, 0.5, 0.0), 0.01),
    "skewed": (lambda rng, shape: np.minimum(rng.gamma(0.3, 0.1, shape), 0.5), 0.03),
}


def mean_change(rng: Generator, repeats: int) -> Cells:
    """Mean change of the score, of all rows or of few; weights and clusters that move together."""
    cells = {}
    for kind, (name, (draw, truth)) in product(("rows", "weights", "clusters"), STEPS.items()):
        for n in CLUSTERS if kind == "clusters" else SIZES:
            samples = min(repeats, 400)
            step = draw(rng, (samples, n))
            rows, weight, cluster = n, None, None
            if kind == "clusters":
                rows = n * 10
                step = np.repeat(step, 10, axis=1)
                cluster = np.repeat(np.arange(samples * n), 10).tolist()
            if kind == "weights":
                weight = rng.lognormal(0, 1, step.size)
            base = rng.uniform(0, 0.4, step.shape) + 0.1
            found = PairedScores(("s",), True)
            keys = [(str(i),) for i in range(samples)]
            owner = np.repeat(np.arange(samples), rows)
            found.add(owner, keys, base.ravel(), (base + step).ravel(), None, weight, cluster)
            figure, _ = found.sliced(("s",), keys).change("mean_score")
            cells[f"{kind} n={n} {name}"] = held(*figure.limits(Z, 1.0), truth)
    return cells


# ---- the table ---------------------------------------------------------------------------------------

ROWS = "n 10, 30, 100, 1000"
GROUPS = "10, 40, 100 clusters of 1 to 20 rows; ICC .1, .3"
CHANCES = f"{ROWS}; base rate .05, .2, .5, .9; calibrated, too sure"
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
    "AUC: clusters": (clustered_area, f"{GROUPS}; AUC .7, .95"),
    "SMD, both: rows": (_smd("rows"), f"{ROWS}; share .2, .5; gap 0, 1; sd 1 and 2"),
    "SMD, both: skewed": (_smd("skewed"), f"{ROWS}; share .2, .5; gap 0, 1; exponential, sd 1 and 2"),
    "SMD, both: weights": (
        _smd("weights"),
        f"{ROWS}; share .2, .5; gap 0, 1; sd 1 and 2; log-normal weights",
    ),
    "SMD, both: clusters": (_smd("clusters"), GROUPS),
    "SMD, both: matched clusters": (_smd("matched"), f"{GROUPS}; each cluster in both groups"),
    "SMD, all: rows": (_smd("rows", True), f"{ROWS}; share .2, .5; gap 0, 1; sd 1 and 2"),
    "SMD, all: skewed": (_smd("skewed", True), f"{ROWS}; share .2, .5; gap 0, 1; exponential, sd 1 and 2"),
    "SMD, all: clusters": (_smd("clusters", True), GROUPS),
    "SMD, all: matched clusters": (_smd("matched", True), f"{GROUPS}; each cluster in both groups"),
    "change of the mean score": (
        mean_change,
        "n 10, 30, 100, 1000, also log-normal weights; 10, 40, 100 clusters; all or 2, 5 % move",
    ),
    "twins: mean gap": (twin_gaps, "n 5, 10, 30, 100, 300; all, some (2, 5, 20 %) or none react"),
}


def line(name: str, grid: str, cells: Cells) -> str:
    """One row of the table."""
    cells = {cell: value for cell, value in cells.items() if not np.isnan(value)}
    values = np.array(list(cells.values()))
    worst = min(cells, key=lambda c: cells[c])
    below = int((values < 0.94).sum())
    return (
        f"| {name} | {grid} | {len(values)} | {100 * values.mean():.1f} | {100 * cells[worst]:.1f} "
        f"({worst}) | {below} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000, help="samples per cell of a grid")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="studies whose name holds this text")
    parser.add_argument("--cells", action="store_true", help="print every cell, too")
    options = parser.parse_args()
    print(
        "| figure | grid | cells | average % | worst cell % | cells below 94 % |\n|---|---|---|---|---|---|"
    )
    start = time.perf_counter()
    for number, (name, (study, grid)) in enumerate(STUDIES.items()):
        if options.only in name:
            cells = study(np.random.default_rng((options.seed, number)), options.repeats)
            print(line(name, grid, cells), flush=True)
            if options.cells:
                print(*(f"  {cell}: {100 * value:.1f}" for cell, value in cells.items()), sep="\n")
    print(f"\n{options.repeats} samples per cell, seed {options.seed}, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
