"""How often the intervals hold the truth: known populations, a fixed seed, one Markdown table.

    python benchmarks/coverage.py [--repeats 1000] [--seed 1] [--only "max - min"]

A study draws samples from populations whose true figure is known, asks ``fairweigh.metrics`` for the 95 %
limits and counts how often they hold it. Rates, differences and ratios of two slices are not drawn but
summed over every possible table, so that their coverage is exact. A sample in which the figure is
undefined makes no claim and does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from itertools import product

import numpy as np
import pyarrow as pa
from fairweigh.audit.config import Gate
from fairweigh.audit.gate import decide
from fairweigh.audit.measure import Measurement
from fairweigh.audit.variant import Plan
from fairweigh.metrics import compare, extremes, gap_growth, independent
from fairweigh.metrics.counts import Clusters, Counts, Tally
from fairweigh.metrics.figures import Figure, count_figure
from fairweigh.metrics.intervals import mover_difference, normal_quantile, score_ratio, sidak_quantile, tango
from fairweigh.metrics.intervals import wilson as wilson_limits
from fairweigh.metrics.joint import JointClusters, JointTally
from fairweigh.metrics.paired import change_figure
from fairweigh.metrics.paired_scores import PairedScores, SlicedPairs
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.scores import ScoreCollector, ScoreTable
from fairweigh.metrics.standardised import standardised_differences
from fairweigh.metrics.table import METRICS
from numpy.random import Generator
from scipy.special import expit, logit
from scipy.stats import beta, binom, norm

SIZES, RATES, SLICES = (30, 100, 1000), (0.05, 0.2, 0.5, 0.9), (2, 5, 20)
MIXED = (1000, 30)
Z = normal_quantile(0.95)
Cells = dict[str, float]
"""Coverage of each cell of a grid."""


def held(low, high, truth, defined=True) -> float:
    """Share of the defined limits that hold the truth; limits that are nan do not."""
    holds = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
    return float(np.mean(holds[np.broadcast_to(defined, holds.shape)]))


def tally(counts: Counts, **more) -> Tally:
    return Tally((), [(str(i),) for i in range(len(counts.n))], counts, **more)


def proportions(x: np.ndarray, n: np.ndarray) -> Figure:
    """Selection rates ``x / n`` as a figure."""
    return count_figure(METRICS["selection_rate"], tally(Counts(n=n, selected=x)))


# ---- one slice, two slices: exact --------------------------------------------------------------------


def rate(rng: Generator, repeats: int) -> Cells:
    cells = {}
    for n, p in product(SIZES, RATES):
        x = np.arange(n + 1)
        low, high = wilson_limits(x, n, Z)
        cells[f"n={n} p={p}"] = float(binom.pmf(x, n, p) @ ((low <= p) & (p <= high)))
    return cells


def _two_slices(limits: Callable, truth: Callable, defined: Callable) -> Cells:
    cells = {}
    for n1, n2 in ((30, 30), (100, 100), (1000, 1000), (30, 1000), (1000, 30)):
        likely = [
            np.flatnonzero(np.max([binom.pmf(np.arange(n + 1), n, p) for p in RATES], axis=0) > 1e-9)
            for n in (n1, n2)
        ]
        x1, x2 = np.meshgrid(*likely, indexing="ij")
        low, high = limits(x1, n1, x2, n2)
        for p1, p2 in product(RATES, RATES):
            weight = np.outer(binom.pmf(likely[0], n1, p1), binom.pmf(likely[1], n2, p2)) * defined(x1, x2)
            hit = (low <= truth(p1, p2) + 1e-12) & (truth(p1, p2) - 1e-12 <= high)
            cells[f"n={n1},{n2} p={p1},{p2}"] = float((weight * hit).sum() / weight.sum())
    return cells


def difference(rng: Generator, repeats: int) -> Cells:
    def limits(x1, n1, x2, n2):
        return mover_difference(x1 / n1, wilson_limits(x1, n1, Z), x2 / n2, wilson_limits(x2, n2, Z))

    return _two_slices(limits, lambda p1, p2: p1 - p2, lambda x1, x2: np.ones(x1.shape))


def ratio(rng: Generator, repeats: int) -> Cells:
    return _two_slices(
        lambda *tables: score_ratio(*tables, Z), lambda p1, p2: p1 / p2, lambda x1, x2: (x2 > 0).astype(float)
    )


def paired(rng: Generator, repeats: int) -> Cells:
    """Change of a rate on the same rows: Tango."""
    cells = {}
    for n, (b, c) in product(SIZES, ((0.01, 0.01), (0.05, 0.01), (0.1, 0.1), (0.2, 0.05))):
        flips = rng.multinomial(n, (b, c, 1 - b - c), repeats)
        low, high = tango(flips[:, 0], flips[:, 1], n, Z)
        cells[f"n={n} flips={b},{c}"] = held(low, high, b - c)
    return cells


# ---- weights, clusters -------------------------------------------------------------------------------


def weighted(rng: Generator, repeats: int) -> Cells:
    """Log-normal weights; 'linked' rows of one half weigh and are selected differently."""
    cells = {}
    for n, p, spread, linked in product(SIZES, RATES, (0.5, 1.0), (False, True)):
        half = rng.random((repeats, n)) < 0.5
        high = np.clip(p * 1.5, 0, 0.95) if linked else p
        low = max(2 * p - high, 0.01) if linked else p
        y = rng.random((repeats, n)) < np.where(half, high, low)
        w = rng.lognormal(0, spread, (repeats, n)) * np.where(half & linked, 2.0, 1.0)
        truth = (2 * high + low) / 3 if linked else p
        one = np.ones((repeats, n))
        counts, sums, squares = (
            Counts(n=v.sum(1), selected=(v * y).sum(1)) for v in (one.astype(int), w, w**2)
        )
        figure = count_figure(METRICS["selection_rate"], tally(counts, weights=sums, squares=squares))
        kind = "linked " if linked else ""
        cells[f"n={n} p={p} {kind}sd={spread}"] = held(*figure.limits(Z, 1), truth)
    return cells


def clustered(rng: Generator, repeats: int) -> Cells:
    """Beta-binomial clusters of 1 to about 20 rows, intracluster correlation 0.1 and 0.3."""
    cells = {}
    for groups, p, icc in product((10, 30, 100), RATES, (0.1, 0.3)):
        size = rng.integers(1, 21, (repeats, groups))
        a = (1 - icc) / icc
        x = rng.binomial(size, rng.beta(a * p, a * (1 - p), size.shape))
        per = Counts(n=size.ravel(), selected=x.ravel())
        owner = np.repeat(np.arange(repeats), groups)
        held_together = Clusters(owner, np.arange(owner.size), per)
        found = tally(Counts(n=size.sum(1), selected=x.sum(1)), clusters=held_together)
        figure = count_figure(METRICS["selection_rate"], found)
        cells[f"clusters={groups} p={p} icc={icc}"] = held(*figure.limits(Z, 1), p)
    return cells


# ---- other count metrics -----------------------------------------------------------------------------


def _of_cells(name: str) -> Callable[[Generator, int], Cells]:
    """A metric of the four cells over prevalences and three models."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, p, (tpr, fpr) in product(SIZES, RATES, ((0.7, 0.2), (0.95, 0.05), (0.5, 0.5))):
            shares = np.array([p * tpr, (1 - p) * fpr, p * (1 - tpr), (1 - p) * (1 - fpr)])
            truth = count_figure(METRICS[name], _outcomes(shares[None] * 1e9)).value[0]
            figure = count_figure(METRICS[name], _outcomes(rng.multinomial(n, shares, repeats)))
            cells[f"n={n} base={p} tpr={tpr} fpr={fpr}"] = held(*figure.limits(Z, 1), truth, figure.defined)
        return cells

    return study


def _outcomes(cells: np.ndarray) -> Tally:
    tp, fp, fn, tn = cells.T
    return tally(Counts(tp + fp + fn + tn, tp + fn, tp + fp, tp, fp, fn, tn))


# ---- scores ------------------------------------------------------------------------------------------


def scored(score: np.ndarray, label: np.ndarray) -> SlicedScores:
    """One sample per row of arrays of shape (samples, rows)."""
    samples, rows = score.shape
    order = np.argsort(score, axis=None, kind="stable")
    codes, s, one = np.repeat(np.arange(samples), rows)[order], score.ravel()[order], np.ones(score.size)
    keys = [(str(i),) for i in range(samples)]
    table = ScoreTable(codes, ("s",), keys, s, s, label.ravel()[order], one.astype(np.int64), one, one)
    return SlicedScores(table, ("s",), keys)


def area(rng: Generator, repeats: int) -> Cells:
    """Normal scores of both classes."""
    cells = {}
    for (m, n), truth in product(
        ((5, 25), (15, 15), (10, 90), (50, 50), (100, 900), (500, 500)), (0.5, 0.7, 0.85, 0.95, 0.99)
    ):
        shift = np.sqrt(2) * norm.ppf(truth)
        score = np.hstack([rng.normal(shift, 1, (repeats, m)), rng.normal(0, 1, (repeats, n))])
        label = np.broadcast_to(np.arange(m + n) < m, score.shape)
        cells[f"m={m},n={n} auc={truth}"] = held(*scored(score, label).figure("auc").limits(Z, 1), truth)
    return cells


GRID = np.linspace(0.5 / 200_000, 1 - 0.5 / 200_000, 200_000)


def _score_metric(name: str) -> Callable[[Generator, int], Cells]:
    """Chances Beta(4p, 4(1-p)); the score is the chance, or says it too surely."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, p, sure in product(SIZES, RATES, (1.0, 2.0)):
            a, b = 4 * p, 4 * (1 - p)

            def says(chance, sure=sure):
                return expit(sure * logit(np.clip(chance, 1e-9, 1 - 1e-9)))

            chance = beta.ppf(GRID, a, b)
            truth = _score_truth(name, says(chance), chance)
            hits = []
            for _ in range(max(1, repeats * n // 1_000_000)):
                drawn = rng.beta(a, b, (min(repeats, max(1, 1_000_000 // n)), n))
                figure = scored(says(drawn), rng.random(drawn.shape) < drawn).figure(name)
                hits.append(held(*figure.limits(Z, 1), truth))
            kind = "calibrated" if sure == 1 else "too sure"
            cells[f"n={n} base={p} {kind}"] = float(np.mean(hits))
        return cells

    return study


def _score_truth(name: str, score: np.ndarray, chance: np.ndarray) -> float:
    score = np.clip(score, 1e-15, 1 - 1e-15)
    if name == "brier_score":
        return float(np.mean(chance * (1 - score) ** 2 + (1 - chance) * score**2))
    if name == "log_loss":
        return float(np.mean(-chance * np.log(score) - (1 - chance) * np.log1p(-score)))
    if name == "calibration_bias":
        return float(np.mean(score - chance))
    bins = np.minimum((score * 10).astype(int), 9)
    return float(np.abs(np.bincount(bins, score - chance)).sum() / len(score))


# ---- several slices ----------------------------------------------------------------------------------


def standardised(rng: Generator, repeats: int) -> Cells:
    """Means in standard deviations of all scores: gamma scores of shapes 2 and 2 + gap, or normal ones.

    Of two groups with means m and m + gap, variances v and w, shares 1 - p and p, the variance of all is
    (1 - p) v + p w + p (1 - p) gap^2.
    """
    cells = {}
    for n, p, gap, kind in product(SIZES, (0.1, 0.5), (0.0, 1.0), ("gamma", "normal")):
        other = 2 + gap if kind == "gamma" else 4
        spread = np.sqrt((1 - p) * 2 + p * other + p * (1 - p) * gap**2)
        low, high = np.full(repeats, np.nan), np.full(repeats, np.nan)
        for i in range(repeats):
            group = (rng.random(n) < p).astype(np.int64)
            if kind == "gamma":
                score = rng.gamma(2 + gap * group)
            else:
                score = rng.normal(gap * group, np.sqrt(np.where(group, other, 2)))
            if 0 < group.sum() < n:
                collector = ScoreCollector(("a",), False)
                collector.add(group, [("0",), ("1",)], score, None, None)
                found = standardised_differences(collector.table(), ("a",), [("0",), ("1",)], 0, 0.95)
                low[i], high[i] = found.low[1], found.high[1]
        cells[f"n={n} share={p} gap={gap} {kind}"] = held(low, high, gap / spread, ~np.isnan(low))
    return cells


def populations(even: bool | None = None) -> Iterable[tuple[str, np.ndarray, np.ndarray]]:
    """Name, sizes and true rates of the slices: equal rates, and rates spread over up to 0.2."""
    for k, n, p, spread in product(SLICES, (*SIZES, MIXED), RATES, (0.0, 0.1)):
        if even is not None and even != (spread == 0):
            continue
        sizes = np.resize(np.atleast_1d(n), k)
        rates = p + np.linspace(-1, 1, k) * min(spread, 0.8 * p, 0.8 * (1 - p))
        size = f"n={n}" if isinstance(n, int) else f"n={n[0]}+{n[1]}"
        yield f"k={k} {size} p={p}{' spread' if spread else ' equal'}", sizes, rates


def _between(form: str, metrics: int, even: bool | None = None) -> Callable[[Generator, int], Cells]:
    """The extremes over all slices, of one metric or the worst of two."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for name, sizes, rates in populations(even):
            use = np.arange(len(sizes))
            truth = np.ptp(rates) if form == "difference" else rates.min() / rates.max()
            hits = []
            for _ in range(repeats if form == "difference" else min(repeats, 400)):
                figures = {str(i): proportions(rng.binomial(sizes, rates), sizes) for i in range(metrics)}
                found = extremes.between(figures, use, form, 0.95)
                if found is not None:
                    hits.append(found.low <= truth + 1e-9 and truth - 1e-9 <= found.high)
            cells[name] = float(np.mean(hits))
        return cells

    return study


def _percentile(even: bool) -> Callable[[Generator, int], Cells]:
    """What max - min must not be given: the percentile bootstrap of the rows, for comparison."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for name, sizes, rates in populations(even):
            seen = rng.binomial(sizes, rates, (repeats, len(sizes))) / sizes
            drawn = np.ptp(rng.binomial(sizes, seen, (500, *seen.shape)) / sizes, axis=2)
            low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
            cells[name] = held(low, high, np.ptp(rates))
        return cells

    return study


def many_to_one(rng: Generator, repeats: int) -> Cells:
    """All slices against the first: the Sidak limits of all differences hold together."""
    cells = {}
    for name, sizes, rates in populations():
        k = len(sizes)
        others = np.tile(np.arange(1, k), repeats) + np.repeat(np.arange(repeats) * k, k - 1)
        references = np.repeat(np.arange(repeats) * k, k - 1)
        seen = proportions(rng.binomial(sizes, rates, (repeats, k)).ravel(), np.tile(sizes, repeats))
        _, (low, high) = compare.difference(seen, others, references, sidak_quantile(0.95, k - 1))
        truth = np.tile(rates[1:] - rates[0], repeats)
        holds = ((low <= truth + 1e-9) & (truth - 1e-9 <= high)).reshape(repeats, k - 1)
        cells[name] = float(holds.all(1).mean())
    return cells


def variance(rng: Generator, repeats: int) -> Cells:
    cells = {}
    for name, sizes, rates in populations():
        truth, hits = np.var(rates, ddof=1), []
        for _ in range(min(repeats, 300)):
            _, low, high = compare.variance_between(
                rng.binomial(sizes, rates) / sizes, sizes.astype(float), 0.95
            )
            hits.append(low <= truth + 1e-12 and truth - 1e-12 <= high)
        cells[name] = float(np.mean(hits))
    return cells


def differential(rng: Generator, repeats: int) -> Cells:
    cells = {}
    for name, sizes, rates in populations():
        truth = max(np.ptp(np.log(rates)), np.ptp(np.log1p(-rates)))
        hits = []
        for _ in range(min(repeats, 300)):
            x = rng.binomial(sizes, rates)
            _, low, high, _, _ = extremes.differential_fairness(
                proportions(x, sizes), x.astype(float), sizes.astype(float), np.arange(len(sizes)), 0.95
            )
            hits.append(low <= truth + 1e-9 and truth - 1e-9 <= high)
        cells[name] = float(np.mean(hits))
    return cells


# ---- the same rows before and after --------------------------------------------------------------------

PAIRS = ((50, 2000), (200, 2000), (500, 5000), (2000, 2000))
FLIPS = ((0.02, 0.02), (0.04, 0.02), (0.06, 0.02), (0.02, 0.06), (0.06, 0.06))
"""Flip rates of the slice and of its reference."""

ONE_SIDED = normal_quantile(0.90)
"""Either limit alone then holds in 95 %."""


def moved(rate: float, flips: float, lost: float) -> np.ndarray:
    """Chances of the cells (before, after) = 00, 01, 10, 11."""
    return np.array([1 - rate - flips * (1 - lost), flips * (1 - lost), flips * lost, rate - flips * lost])


def joint_tally(cells: np.ndarray, **more) -> JointTally:
    """Joint counts without labels, one slice per row of cells of shape (slices, 4)."""
    return JointTally((), [(str(i),) for i in range(len(cells))], cells.reshape(-1, 1, 2, 2), **more)


def two_slices(rng: Generator, repeats: int, gaps: Iterable[float]) -> Iterable[tuple]:
    """Name, true gap and change, both figures and the flip rates; slices 0, 2, ... against 1, 3, ..."""
    metric = METRICS["selection_rate"]
    for sizes, flips, lost, gap in product(PAIRS, FLIPS, (0.5, 0.8), gaps):
        chances = [moved(0.4 + g, f, share) for g, f, share in zip((gap, 0), flips, (lost, 0.5), strict=True)]
        drawn = [rng.multinomial(n, c, repeats) for n, c in zip(sizes, chances, strict=True)]
        cells = np.stack(drawn, axis=1).reshape(-1, 4)
        seen = joint_tally(cells)
        before = count_figure(metric, tally(Counts(n=cells.sum(1), selected=cells[:, 2:].sum(1))))
        change = change_figure(metric, seen)
        steps = [c[1] - c[2] for c in chances]
        name = f"n={sizes[0]},{sizes[1]} flips={flips[0]},{flips[1]} lost={lost} gap={gap}"
        yield name, gap, steps[0] - steps[1], before, change, cells[:, 1:3].sum(1) / cells.sum(1)


def _gap_change(side: str, wald: bool = False) -> Callable[[Generator, int], Cells]:
    """One limit of the change of a gap: the one that bounds the harm done to the slice, or the other.

    MOVER on Tango's limits, or the plain normal limits that it must not be given, for comparison.
    """

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for name, _, truth, _, change, flipped in two_slices(rng, 10 * repeats, (0.1,)):
            one = np.arange(0, 20 * repeats, 2)
            value, (low, high) = compare.difference(change, one, one + 1, ONE_SIDED)
            if wald:
                variance = (flipped - change.value**2) / change.n
                error = ONE_SIDED * np.sqrt(variance[::2] + variance[1::2])
                low, high = value - error, value + error
            low, high = (low, np.inf) if side == "harm" else (-np.inf, high)
            cells[name] = held(np.broadcast_to(low, value.shape), np.broadcast_to(high, value.shape), truth)
        return cells

    return study


def _growth(side: str, z: float) -> Callable[[Generator, int], Cells]:
    """|gap after| - |gap before|: both limits, or the upper one alone, which a change gate needs."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for name, gap, step, before, change, _ in two_slices(rng, 4 * repeats, GAPS):
            one = np.arange(0, 8 * repeats, 2)
            _, (low, high) = gap_growth.growth(before, change, one, one + 1, z)
            low = np.full(len(one), -np.inf) if side == "upper" else low
            cells[name] = held(low, high, abs(gap + step) - abs(gap))
        return cells

    return study


GAPS = (0.0, 0.01, 0.03, 0.1, -0.01, -0.03, -0.1)


def _growth_of_samples(side: str, z: float, absolute: bool = False) -> Callable[[Generator, int], Cells]:
    """|gap after| - |gap before| of two independent samples of either slice.

    ``absolute``: MOVER on the limits of the two absolute gaps, which it must not be given, for comparison.
    """
    metric = METRICS["selection_rate"]

    def drawn(rng: Generator, sizes: tuple[int, int], gap: float, repeats: int) -> Figure:
        x = np.stack(
            [rng.binomial(n, 0.4 + g, repeats) for n, g in zip(sizes, (gap, 0), strict=True)], axis=1
        )
        return count_figure(metric, tally(Counts(n=np.tile(sizes, repeats), selected=x.reshape(-1))))

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for sizes, gap, step in product(PAIRS, GAPS, (0.0, 0.05, -0.05)):
            before, after = (drawn(rng, sizes, g, 4 * repeats) for g in (gap, gap + step))
            one = np.arange(0, 8 * repeats, 2)
            if absolute:
                gaps = [compare.difference(figure, one, one + 1, z) for figure in (after, before)]
                low, high = mover_difference(*(part for g in gaps for part in _folded(*g)))
            else:
                _, (low, high) = gap_growth.growth(before, independent.change(before, after), one, one + 1, z)
            low = np.full(len(one), -np.inf) if side == "upper" else low
            cells[f"n={sizes[0]},{sizes[1]} gap={gap} step={step}"] = held(
                low, high, abs(gap + step) - abs(gap)
            )
        return cells

    return study


def _folded(value: np.ndarray, limits: tuple[np.ndarray, np.ndarray]) -> tuple:
    """A difference and its limits on the absolute scale."""
    low, high = limits
    nearest = np.where((low <= 0) & (high >= 0), 0, np.minimum(abs(low), abs(high)))
    return np.abs(value), (nearest, np.maximum(abs(low), abs(high)))


def change_clustered(rng: Generator, repeats: int) -> Cells:
    """Clusters of 1 to about 20 rows in which the flips depend on each other."""
    cells = {}
    for groups, flips, icc in product((30, 100), (0.02, 0.06), (0.1, 0.3)):
        size = rng.integers(1, 21, (repeats, groups))
        a = (1 - icc) / icc
        flipped = rng.binomial(size, rng.beta(a * flips, a * (1 - flips), size.shape))
        lost = rng.binomial(flipped, 0.8)
        still = rng.binomial(size - flipped, 0.5)
        per = np.stack([size - flipped - still, flipped - lost, lost, still], axis=-1)
        owner = np.repeat(np.arange(repeats), groups)
        each = JointClusters(owner, np.arange(owner.size), per.reshape(-1, 1, 2, 2).astype(float))
        seen = joint_tally(per.sum(1), clusters=each)
        figure = change_figure(METRICS["selection_rate"], seen)
        cells[f"clusters={groups} flips={flips} icc={icc}"] = held(*figure.limits(Z, 1), -0.6 * flips)
    return cells


def change_weighted(rng: Generator, repeats: int) -> Cells:
    """Log-normal weights."""
    cells = {}
    for n, flips, spread in product(SIZES, (0.02, 0.06), (0.5, 1.0)):
        cell = rng.choice(4, (repeats, n), p=moved(0.5, flips, 0.8))
        weight = rng.lognormal(0, spread, (repeats, n))
        one = (cell[..., None] == np.arange(4)).astype(float)
        sums = [(one * w[..., None]).sum(1).reshape(-1, 1, 2, 2) for w in (weight, weight**2)]
        seen = joint_tally(one.sum(1).astype(int), weights=sums[0], squares=sums[1])
        figure = change_figure(METRICS["selection_rate"], seen)
        cells[f"n={n} flips={flips} sd={spread}"] = held(*figure.limits(Z, 1), -0.6 * flips)
    return cells


def _change_of(name: str, most: int) -> Callable[[Generator, int], Cells]:
    """Change of a metric of the four cells; flips hit right and wrong decisions alike."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, base, (tpr, fpr), flips in product(
            SIZES, (0.1, 0.4), ((0.7, 0.2), (0.95, 0.05)), (0.02, 0.06)
        ):
            decided = np.array([[1 - fpr, fpr], [1 - tpr, tpr]]) * np.array([[1 - base], [base]])
            turned = np.array([[1 - flips, flips], [flips, 1 - flips]])
            shares = (decided[:, :, None] * turned).ravel()
            draws = rng.multinomial(n, shares, min(repeats, most)).reshape(-1, 2, 2, 2)
            seen = JointTally((), [(str(i),) for i in range(len(draws))], draws)
            whole = JointTally((), [()], (shares.reshape(1, 2, 2, 2) * 1e9).astype(np.int64))
            truth = change_figure(METRICS[name], whole).value[0]
            figure = change_figure(METRICS[name], seen)
            label = f"n={n} base={base} tpr={tpr} fpr={fpr} flips={flips}"
            cells[label] = held(*figure.limits(Z, 1), truth, figure.defined)
        return cells

    return study


def paired_scores(before: np.ndarray, after: np.ndarray, label: np.ndarray) -> SlicedPairs:
    """One sample per row of arrays of shape (samples, rows)."""
    samples, rows = before.shape
    keys = [(str(i),) for i in range(samples)]
    found = PairedScores(("s",), True)
    found.add(np.repeat(np.arange(samples), rows), keys, before.ravel(), after.ravel(), label.ravel())
    return found.sliced(("s",), keys)


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
        figure, _ = paired_scores(before, after, label).change("auc")
        name = f"m={m},n={n} auc={first} change={second} correlation={alike}"
        cells[name] = held(*figure.limits(Z, 1), second)
    return cells


def loss_change(rng: Generator, repeats: int) -> Cells:
    """Brier score of calibrated chances, before and after some are said too surely."""
    cells = {}
    for n, p, sure in product(SIZES, (0.1, 0.5), (1.1, 1.5)):
        chance = beta.ppf(GRID, 4 * p, 4 * (1 - p))
        drawn = rng.beta(4 * p, 4 * (1 - p), (min(repeats, max(1, 1_000_000 // n)), n))
        said = [expit(sure * logit(np.clip(c, 1e-9, 1 - 1e-9))) for c in (chance, drawn)]
        truth = _score_truth("brier_score", said[0], chance) - _score_truth("brier_score", chance, chance)
        label = rng.random(drawn.shape) < drawn
        figure, _ = paired_scores(drawn, said[1], label).change("brier_score")
        cells[f"n={n} base={p} sure={sure}"] = held(*figure.limits(Z, 1), truth)
    return cells


# ---- gates -------------------------------------------------------------------------------------------

GATES = [
    Gate(metric="demographic_parity_difference", by="a", limit="<= 0"),
    Gate(metric="equalized_odds_difference", by="a", limit="<= 0"),
    Gate(metric="selection_rate", by="a", compare="ratio", limit=">= 1"),
    Gate(metric="true_positive_rate", by="a", compare="difference", limit="<= 0"),
    Gate(metric="false_positive_rate", by="a", compare="difference", limit="<= 0"),
    Gate(metric="accuracy", by="a", compare="ratio", limit=">= 1"),
    Gate(metric="error_rate", by="a", limit="<= 0.3", decide="proven"),
]
"""Requirements that a fair model with an error rate of 0.3 meets, each of them only just."""


def false_alarms(rng: Generator, repeats: int, slices: int = 20) -> Cells:
    """Share of fair models whose run, all gates together, does not fail."""
    plan = Plan(metrics=(), depth=1, min_size=30, confidence=0.95, reference={})
    shares = np.array([0.5 * 0.7, 0.5 * 0.3, 0.5 * 0.3, 0.5 * 0.7])  # base rate 0.5, TPR 0.7, FPR 0.3
    cells = {}
    for size in (100, 1000, MIXED):
        sizes = np.resize(np.atleast_1d(size), slices)
        passes = [
            all(r.verdict != "fail" for r in decide(GATES, measured(seen), plan, "m"))
            for seen in rng.multinomial(sizes, shares, (min(repeats, 200), slices))
        ]
        cells[f"n={size}"] = float(np.mean(passes))
    return cells


def measured(cells: np.ndarray) -> Measurement:
    """A measurement of feature ``a`` from cells tp, fp, fn, tn of shape (slices, 4)."""
    found = Measurement(("a",))
    names = np.repeat([f"s{i:02}" for i in range(len(cells))], 4)
    label, decision = (np.tile(v, len(cells)).tolist() for v in ([1, 0, 1, 0], [1, 1, 0, 0]))
    found.add(
        pa.record_batch(
            {"a": names.tolist(), "y_true": label, "y_pred": decision, "count": cells.ravel().tolist()}
        )
    )
    return found


# ---- the table ---------------------------------------------------------------------------------------

ONE = "n 30, 100, 1000; p .05, .2, .5, .9"
MANY = "2, 5, 20 slices; n 30, 100, 1000, 1000 and 30 mixed; p .05, .2, .5, .9"
MODELS = "n 30, 100, 1000; base rate .05, .2, .5, .9; TPR/FPR .7/.2, .95/.05, .5/.5"
CHANCES = "n 30, 100, 1000; base rate .05, .2, .5, .9; calibrated, too sure"
MOVES = "n 50/2000, 200/2000, 500/5000, 2000/2000; flips 2 to 6 %, half or four fifths of them lost"
SAMPLES = (
    "n 50/2000, 200/2000, 500/5000, 2000/2000; gap before 0, .01, .03, .1 of either sign; change 0, .05, -.05"
)
BEFORE = "gap before 0, .01, .03, .1 of either sign"
TURNS = "n 30, 100, 1000; base rate .1, .4; TPR/FPR .7/.2, .95/.05; flips 2, 6 %"
STUDIES: dict[str, tuple[Callable[[Generator, int], Cells], str]] = {
    "rate: Wilson (exact)": (rate, ONE),
    "difference of two slices: Newcombe (exact)": (difference, "n 30, 100, 1000, mixed; all pairs of p"),
    "ratio of two slices: score (exact)": (ratio, "n 30, 100, 1000, mixed; all pairs of p"),
    "change on the same rows: Tango": (paired, "n 30, 100, 1000; four pairs of flip rates"),
    "weighted rate": (weighted, f"{ONE}; log-normal weights, also linked to the outcome"),
    "clustered rate": (clustered, "10, 30, 100 clusters of 1 to 20 rows; p .05, .2, .5, .9; ICC .1, .3"),
    "F1": (_of_cells("f1"), MODELS),
    "balanced accuracy": (_of_cells("balanced_accuracy"), MODELS),
    "Matthews correlation": (_of_cells("matthews_correlation"), MODELS),
    "AUC": (area, "positives/negatives 5/25 to 500/500; normal scores, AUC .5, .7, .85, .95, .99"),
    "Brier score": (_score_metric("brier_score"), CHANCES),
    "log loss": (_score_metric("log_loss"), CHANCES),
    "calibration bias": (_score_metric("calibration_bias"), CHANCES),
    "expected calibration error": (_score_metric("expected_calibration_error"), CHANCES),
    "max - min, equal slices": (_between("difference", 1, True), MANY),
    "max - min, unequal slices": (_between("difference", 1, False), MANY),
    "(percentile bootstrap of max - min, equal slices)": (_percentile(True), MANY),
    "(percentile bootstrap of max - min, unequal slices)": (_percentile(False), MANY),
    "max - min, worse of two metrics": (_between("difference", 2), MANY),
    "min / max": (_between("ratio", 1), MANY),
    "all slices against one: Sidak": (many_to_one, MANY),
    "variance between slices": (variance, MANY),
    "differential fairness": (differential, MANY),
    "fair model does not fail seven gates": (false_alarms, "20 slices of 100, 1000, 1000 and 30 mixed"),
    "change of a gap, limit of the harm: MOVER on Tango": (_gap_change("harm"), MOVES),
    "change of a gap, the other limit: MOVER on Tango": (_gap_change("other"), MOVES),
    "(plain normal limit of the harm)": (_gap_change("harm", wald=True), MOVES),
    "growth of a gap, upper limit alone": (_growth("upper", ONE_SIDED), f"{MOVES}; {BEFORE}"),
    "growth of a gap, both limits": (_growth("both", Z), f"{MOVES}; {BEFORE}"),
    "change of a weighted rate": (change_weighted, "n 30, 100, 1000; flips 2, 6 %; log-normal weights"),
    "change of a clustered rate": (change_clustered, "30, 100 clusters; flips 2, 6 %; ICC .1, .3"),
    "change of precision": (_change_of("precision", 300), TURNS),
    "change of F1": (_change_of("f1", 300), TURNS),
    "change of balanced accuracy": (_change_of("balanced_accuracy", 10_000), TURNS),
    "change of the AUC: paired DeLong": (
        area_change,
        "positives/negatives 15/15 to 500/500; AUC .7, .9; change 0, -.03; correlation .9, .99",
    ),
    "change of the Brier score": (loss_change, "n 30, 100, 1000; base rate .1, .5; a little, much too sure"),
    "growth of a gap on other rows, upper limit alone": (_growth_of_samples("upper", ONE_SIDED), SAMPLES),
    "growth of a gap on other rows, both limits": (_growth_of_samples("both", Z), SAMPLES),
    "(MOVER on two absolute gaps, upper limit alone)": (
        _growth_of_samples("upper", ONE_SIDED, absolute=True),
        SAMPLES,
    ),
    "standardised mean difference, by the spread of all": (
        standardised,
        "n 30, 100, 1000; share .1, .5; gap 0, 1; gamma and normal scores of unequal variance",
    ),
}


def line(name: str, grid: str, cells: Cells) -> str:
    """One row of the table."""
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
    options = parser.parse_args()
    print(
        "| figure | grid | cells | average % | worst cell % | cells below 94 % |\n|---|---|---|---|---|---|"
    )
    start = time.perf_counter()
    for number, (name, (study, grid)) in enumerate(STUDIES.items()):
        if options.only in name:
            rng = np.random.default_rng((options.seed, number))
            print(line(name, grid, study(rng, options.repeats)), flush=True)
    print(f"\n{options.repeats} samples per cell, seed {options.seed}, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
