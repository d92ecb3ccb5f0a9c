"""Errors of predicted numbers before and after a change of the model, of rows and of clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from drawn import SIZES, over
from fairweigh.metrics import regression
from fairweigh.metrics.distribution import Distributions
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.intervals import Floats
from fairweigh.metrics.score_values import SCORE
from numpy.random import Generator
from regressions import (
    CLUSTERS,
    ERRORS,
    KINDS,
    MANY,
    OF_GROUPS,
    alike,
    clusters_of,
    counted,
    gathered,
    mean_of,
)
from studies import Cells, Study, Z, held

LEVEL = 3.0
"""Mean outcome, so that the ratio of means exists; outcomes vary by 1 around it."""


@dataclass(frozen=True)
class Step:
    """What a change makes of a row's error, with what it adds drawn apart: one in ``every`` rows moves."""

    of: Callable[[Floats, Floats], Floats]
    every: int = 1

    def moved(self, rng: Generator, error: Floats) -> Floats:
        """The errors after the change."""
        after = self.of(error, rng.normal(size=error.shape))
        return after if self.every == 1 else np.where(rng.random(error.shape) < 1 / self.every, after, error)


STEPS = {
    "rounded": Step(lambda e, noise: e + 0.1 * noise),
    "shrunk": Step(lambda e, noise: 0.9 * e),
    "few off by 2": Step(lambda e, noise: e + 2, every=20),
}
MOVES = "all rounded (sd .1), all shrunk by a tenth, or 5 % off by 2"


@cache
def many(name: str, clustered: bool) -> Floats:
    """A large sample of a kind of errors; of clusters each row is of another one."""
    rng = np.random.default_rng(0)
    if clustered:
        return alike(rng, ERRORS[name], np.arange(MANY))
    return ERRORS[name](rng, MANY)


@cache
def truths(name: str, step: str, clustered: bool) -> dict[str, float]:
    """The true changes: errors have mean 0 and variance 1, and absolute errors those of many draws."""
    moved = STEPS[step]
    error = many(name, clustered)
    noise = np.random.default_rng(1).normal(size=MANY)
    part = 1 / moved.every
    size = part * float(np.mean(np.abs(moved.of(error, noise)) - np.abs(error)))
    shift, square = {"rounded": (0.0, 1.01), "shrunk": (0.0, 0.81), "few off by 2": (0.1, 1.2)}[step]
    return {"MAE": size, "RMSE": square**0.5 - 1, "mean error": shift, "ratio": shift / LEVEL}


def change(name: str, rows: SlicedRows, outcome: Floats, before: Floats, after: Floats) -> Figure:
    """A figure's change as an audit measures it."""
    if name == "RMSE":
        return regression.root_mean_change(rows, outcome, before, after)[0]
    if name == "ratio":
        return regression.ratio_of_means_change(rows, before, after, outcome)[0]
    of: Callable[[Floats], Floats] = np.abs if name == "MAE" else np.asarray
    found, keys = gathered(rows, {"before": of(before - outcome), "after": of(after - outcome)})
    return found.pairs("before", "after").sliced(("s",), keys).mean_change(SCORE)[0]


def changes(name: str, weighted: bool = False) -> Study:
    """The change of a figure on the same rows."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, (kind, draw), step in product(SIZES, ERRORS.items(), STEPS):
            truth = truths(kind, step, False)[name]

            def sample(size, n=n, draw=draw, step=step, truth=truth):
                error = draw(rng, size * n)
                outcome = LEVEL + rng.normal(size=size * n)
                weight = rng.lognormal(0, 0.7, size * n) if weighted else None
                rows = SlicedRows(np.repeat(np.arange(size), n), size, weight)
                after = STEPS[step].moved(rng, error)
                return counted(change(name, rows, outcome, outcome + error, outcome + after), truth)

            cells[f"n={n} {kind} {step}"] = over(2 * repeats, n, sample)
        return cells

    return study


def clustered_changes(groups: int) -> Study:
    """The changes of all four figures over clusters."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for uneven, (kind, draw), step in product((False, True), ERRORS.items(), STEPS):
            samples = max(1, 4 * repeats)
            slices, cluster = clusters_of(rng, samples, groups, uneven)
            rows = SlicedRows(slices, samples, None, cluster)
            error = alike(rng, draw, cluster)
            outcome = LEVEL + alike(rng, ERRORS["normal"], cluster)
            after = outcome + _moved(rng, step, error, cluster)
            for name, truth in truths(kind, step, True).items():
                figure = change(name, rows, outcome, outcome + error, after)
                shape = "uneven" if uneven else "even"
                cells[f"{name} {shape} {kind} {step}"] = counted(figure, truth)[0]
        return cells

    return study


def _moved(rng: Generator, step: str, error: Floats, cluster: np.ndarray) -> Floats:
    """Errors after a change that comes over a cluster: its rows are rounded alike, few clusters move."""
    noise = alike(rng, ERRORS["normal"], cluster)
    after = STEPS[step].of(error, noise)
    if STEPS[step].every == 1:
        return after
    # Half of the clusters have no such rows, and the others twice as many.
    prone = (rng.random(int(cluster.max()) + 1) < 0.5)[cluster]
    return np.where(prone & (rng.random(len(error)) < 2 / STEPS[step].every), after, error)


def clustered_levels(groups: int) -> Study:
    """Mean absolute and root mean squared error, and quantiles of predictions, over clusters."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for uneven, (kind, draw) in product((False, True), ERRORS.items()):
            samples = max(1, 4 * repeats)
            slices, cluster = clusters_of(rng, samples, groups, uneven)
            rows, shape = SlicedRows(slices, samples, None, cluster), "uneven" if uneven else "even"
            error = alike(rng, draw, cluster)
            for name, value, truth in (
                ("MAE", np.abs(error), float(np.abs(many(kind, True)).mean())),
                ("RMSE", error**2, 1.0),
            ):
                mean = mean_of(rows, value)
                figure = regression.root_mean(mean) if name == "RMSE" else regression.not_negative(mean)
                cells[f"{name} {shape} {kind}"] = counted(figure, truth)[0]
            for share in (0.1, 0.5, 0.9):
                low, high = Distributions(rows, error).quantile(share).limits(Z, 1.0)
                # A limit that is not known excludes nothing; without either there is no claim.
                known = ~(np.isnan(low) & np.isnan(high))
                ends = np.nan_to_num(low, nan=-np.inf), np.nan_to_num(high, nan=np.inf)
                truth = float(np.quantile(many(kind, True), share))
                cells[f"quantile {share} {shape} {kind}"] = (
                    held(*ends, truth, known) if known.any() else np.nan
                )
        return cells

    return study


NAMES = {
    "MAE": "mean absolute error", "RMSE": "root mean squared error", "mean error": "mean error",
    "ratio": "ratio of means",
}  # fmt: skip
STUDIES: dict[str, tuple[Study, str]] = {
    **{
        f"change of the {full}": (changes(name), f"n 10, 30, 100, 1000; {KINDS}; {MOVES}")
        for name, full in NAMES.items()
    },
    "change of the mean absolute error: weights": (changes("MAE", True), "the same, log-normal weights"),
    "change of the root mean squared error: weights": (changes("RMSE", True), "the same, log-normal weights"),
    **{
        f"errors and quantiles: {groups} clusters": (clustered_levels(groups), f"{OF_GROUPS}; {KINDS}")
        for groups in CLUSTERS
    },
    **{
        f"changes of errors: {groups} clusters": (clustered_changes(groups), f"{OF_GROUPS}; {KINDS}; {MOVES}")
        for groups in CLUSTERS
    },
}
