"""Scores of the same rows before and after, and of twins."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pyarrow as pa
from drawn import CLUSTERS, SIZES
from fairweigh.audit.figures.counterfactual import twins
from fairweigh.audit.figures.plan import Plan
from fairweigh.metrics.paired_scores import PairedScores, SlicedPairs
from fairweigh.metrics.score_values import SCORE, SQUARED_ERROR
from losses import chances, loss_truth, said
from numpy.random import Generator
from studies import Cells, Study, Z, held

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
            figure, _ = found.sliced(("s",), keys).mean_change(SCORE)
            cells[f"{kind} n={n} {name}"] = held(*figure.limits(Z, 1.0), truth)
    return cells


def paired_scores(before: np.ndarray, after: np.ndarray, label: np.ndarray) -> SlicedPairs:
    """One sample per row of arrays of shape (samples, rows)."""
    samples, rows = before.shape
    keys = [(str(i),) for i in range(samples)]
    found = PairedScores(("s",), True)
    found.add(np.repeat(np.arange(samples), rows), keys, before.ravel(), after.ravel(), label.ravel())
    return found.sliced(("s",), keys)


def loss_change(rng: Generator, repeats: int) -> Cells:
    """Brier score of calibrated chances, before and after some are said too surely."""
    cells = {}
    for n, p, sure in product((30, 100, 1000), (0.1, 0.5), (1.1, 1.5)):
        chance = chances(4 * p, 4 * (1 - p))
        drawn = rng.beta(4 * p, 4 * (1 - p), (min(repeats, max(1, 1_000_000 // n)), n))
        before, after = (loss_truth("brier_score", said(chance, s), chance) for s in (1, sure))
        label = rng.random(drawn.shape) < drawn
        figure, _ = paired_scores(drawn, said(drawn, sure), label).mean_change(SQUARED_ERROR)
        cells[f"n={n} base={p} sure={sure}"] = held(*figure.limits(Z, 1), after - before)
    return cells


STUDIES: dict[str, tuple[Study, str]] = {
    "change of the mean score": (
        mean_change,
        "n 10, 30, 100, 1000, also log-normal weights; 10, 40, 100 clusters; all or 2, 5 % move",
    ),
    "twins: mean gap": (twin_gaps, "n 5, 10, 30, 100, 300; all, some (2, 5, 20 %) or none react"),
    "change of the Brier score": (loss_change, "n 30, 100, 1000; base rate .1, .5; a little, much too sure"),
}
