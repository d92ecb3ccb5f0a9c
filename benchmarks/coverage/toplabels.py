"""Top-label calibration: how far the likeliest class's probability is from how often it is right.

Binned errors are biased upwards: noise in a bin counts as distance. Limits are asked whether they hold the
binned error of the whole population; the table says how large the bias is, and what the bins themselves hide.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from drawn import over, scored
from fairweigh.metrics.table import METRICS
from numpy.random import Generator
from studies import Cells, Study, Z, held

NAME = "expected_calibration_error"
KS = (3, 10)
SURE = {"calibrated": (1.0,), "too sure": (2.0,), "half too sure, half too unsure": (2.0, 0.5)}
"""What logits are multiplied by when they are said; each as likely as the other."""
SIZES = (10, 30, 100, 1000, 10_000)
MANY = 1_000_000


def classified(rng: Generator, shape: tuple[int, ...], k: int, sure: tuple[float, ...]):
    """The likeliest class's probability as it is said, and its true chance, of k classes."""
    logit = rng.normal(0, 1.5, (*shape, k))
    logit -= logit.max(-1, keepdims=True)
    times = rng.choice(sure, shape)[..., None]
    return 1 / np.exp(times * logit).sum(-1), 1 / np.exp(logit).sum(-1)


@cache
def truths(k: int, sure: tuple[float, ...]) -> tuple[float, float]:
    """The error over ten bins and that of every probability by itself, of a very large population."""
    said, chance = classified(np.random.default_rng(0), (MANY,), k, sure)
    bins = np.minimum((said * 10).astype(int), 9)
    return (
        float(np.abs(np.bincount(bins, said - chance)).sum() / MANY),
        float(np.abs(said - chance).mean()),
    )


def _drawn(rng: Generator, size: int, n: int, k: int, sure: tuple[float, ...], weighted: bool = False):
    said, chance = classified(rng, (size, n), k, sure)
    weight = rng.lognormal(0, 0.7, said.shape) if weighted else None
    return scored(said, rng.random(said.shape) < chance, weight)


def top_label(weighted: bool) -> Study:
    """The binned error of the population, calibrated or not."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for k, (name, sure), n in product(KS, SURE.items(), SIZES[:4]):
            binned, _ = truths(k, sure)

            def sample(size, k=k, sure=sure, n=n, binned=binned):
                figure = METRICS[NAME].estimator.of(_drawn(rng, size, n, k, sure, weighted))
                return held(*figure.limits(Z, 1.0), binned, figure.defined), int(figure.defined.sum())

            cells[f"k={k} {name} n={n}"] = over(2 * repeats, n, sample)
        return cells

    return study


def bias() -> str:
    """What is measured on average beside what is true, and what the limits hold."""
    lines = [
        "| classes | model | n | true, ten bins | true, every probability | measured | less chance | "
        "half width | holds ten bins % | holds every probability % |",
        "|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for k, (name, sure), n in product(KS, SURE.items(), SIZES):
        rng = np.random.default_rng((1, k, n))
        found = _drawn(rng, min(2000, 2_000_000 // n), n, k, sure)
        figure = METRICS[NAME].estimator.of(found)
        low, high = figure.limits(Z, 1.0)
        binned, every = truths(k, sure)
        shares = [
            *(f"{100 * v:.1f}" for v in (binned, every)),
            *(f"{100 * np.mean(v):.1f}" for v in (figure.value, found.calibration.debiased())),
            f"{100 * np.mean(high - low) / 2:.1f}",
            *(f"{100 * held(low, high, truth):.1f}" for truth in (binned, every)),
        ]
        lines.append(f"| {k} | {name} | {n:,} | " + " | ".join(shares) + " |")
    return "\n".join(lines)


STUDIES: dict[str, tuple[Study, str]] = {
    "top-label calibration error": (
        top_label(False), "n 10, 30, 100, 1000; k 3, 10; calibrated, too sure, or either; truth over ten bins"
    ),
    "top-label calibration error: weights": (top_label(True), "the same, log-normal weights"),
}  # fmt: skip
TABLES = {"Top-label calibration error, in points: what is measured on average": bias}
