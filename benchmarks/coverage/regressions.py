"""Figures of predicted numbers: mean errors, R squared, ratios of means; skewed errors, weights, clusters."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
import pyarrow as pa
from drawn import SIZES, over
from fairweigh.metrics import regression
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.intervals import tail_area
from fairweigh.metrics.rows import Rows
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.score_values import SCORE
from fairweigh.metrics.smooth import Smooth
from numpy.random import Generator
from studies import Cells, Study, Z, held

Draw = Callable[[Generator, object], np.ndarray]


def _standard_log_normal(spread: float) -> Draw:
    middle, square = np.exp(spread**2 / 2), np.exp(spread**2)
    return lambda rng, shape: (rng.lognormal(0, spread, shape) - middle) / np.sqrt((square - 1) * square)


ERRORS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "t of 5": lambda rng, shape: rng.standard_t(5, shape) / np.sqrt(5 / 3),
    "log-normal sd .5": _standard_log_normal(0.5),
    "log-normal sd 1": _standard_log_normal(1.0),
}
"""Errors of mean 0 and variance 1."""
CLUSTERS = (10, 25, 50)
OF_GROUPS = "1 to 20 rows each, or a tenth of 60; ICC .3"
GROUPS = f"10, 25, 50 clusters; {OF_GROUPS}"
MANY = 4_000_000


@cache
def mean_size(name: str) -> float:
    """Mean absolute error of a kind of errors."""
    return float(np.abs(ERRORS[name](np.random.default_rng(0), MANY)).mean())


def _sliced(shape: tuple[int, ...], weight=None, cluster=None) -> SlicedRows:
    """One sample per slice."""
    samples, rows = shape
    return SlicedRows(np.repeat(np.arange(samples), rows), samples, weight, cluster)


def counted(figure: Figure, truth: float) -> tuple[float, int]:
    return held(*figure.limits(Z, 1.0), truth, figure.defined), int(figure.defined.sum())


def gathered(rows: SlicedRows, values: dict[str, np.ndarray]) -> tuple[Rows, list[tuple[str, ...]]]:
    """Values of the rows as an audit gathers them, and the names of their slices."""
    found, keys = Rows(("s",)), [(str(i),) for i in range(rows.size)]
    cluster = None
    if rows.cluster is not None:
        names = pa.array(np.arange(int(rows.cluster.max()) + 1)).cast(pa.string())
        cluster = pa.DictionaryArray.from_arrays(rows.cluster.astype(np.int32), names)
    found.add(rows.slices, keys, values, rows.weight if rows.weighted else None, cluster)
    return found, keys


def mean_of(rows: SlicedRows, value: np.ndarray) -> Figure:
    found, keys = gathered(rows, {"value": value})
    return SlicedScores(found.table("value"), ("s",), keys).mean(SCORE)


def mean_errors(root: bool) -> Study:
    """Mean absolute error, or root mean squared error, of each kind of errors."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, (name, draw) in product(SIZES, ERRORS.items()):
            truth = 1.0 if root else mean_size(name)

            def sample(size, n=n, draw=draw, truth=truth):
                error = draw(rng, (size, n))
                value = error.ravel() ** 2 if root else np.abs(error.ravel())
                figure = mean_of(_sliced((size, n)), value)
                return counted(regression.root_mean(figure) if root else figure, truth)

            cells[f"n={n} {name}"] = over(repeats, n, sample)
        return cells

    return study


def _explained(weighted: bool) -> Study:
    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, (name, draw), true in product(SIZES, ERRORS.items(), (0.3, 0.9)):

            def sample(size, n=n, draw=draw, true=true):
                prediction = rng.normal(0, np.sqrt(true), (size, n))
                outcome = prediction + np.sqrt(1 - true) * draw(rng, (size, n))
                weight = rng.lognormal(0, 1, size * n) if weighted else None
                rows = _sliced((size, n), weight)
                return counted(regression.r_squared(rows, outcome.ravel(), prediction.ravel()), true)

            cells[f"n={n} {name} R2={true}"] = over(repeats, n, sample)
        return cells

    return study


def _ratio(rng: Generator, repeats: int) -> Cells:
    """Mean prediction over mean outcome of amounts."""
    cells = {}
    for n, spread, alike in product(SIZES, (0.5, 1.0), (0.0, 0.8)):

        def sample(size, n=n, spread=spread, alike=alike):
            common = rng.normal(size=(size, n))
            one, other = (
                np.exp(
                    spread * (np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.normal(size=(size, n)))
                ).ravel()
                for _ in range(2)
            )
            return counted(regression.ratio_of_means(_sliced((size, n)), 1.2 * one, other), 1.2)

        cells[f"n={n} sd={spread} alike={alike}"] = over(repeats, n, sample)
    return cells


# ---- changes -----------------------------------------------------------------------------------------


def _change(rng: Generator, repeats: int) -> Cells:
    """Change of R squared where predictions shrink, or a few of them turn wild."""
    cells = {}
    for n, (name, draw), few in product(SIZES, ERRORS.items(), (False, True)):
        # Shrunk by a tenth; or 5 % of predictions are off by 2.
        truth = 0.5 * (0.1**2) * -1 if not few else -0.05 * 4

        def sample(size, n=n, draw=draw, few=few, truth=truth):
            before = rng.normal(0, np.sqrt(0.5), (size, n))
            outcome = before + np.sqrt(0.5) * draw(rng, (size, n))
            wild = np.where(rng.random((size, n)) < 0.05, 2 * rng.choice([-1, 1], (size, n)), 0)
            after = before + wild if few else 0.9 * before
            parts = (v.ravel() for v in (outcome, before, after))
            return counted(regression.r_squared_change(_sliced((size, n)), *parts)[0], truth)

        cells[f"n={n} {name} {'few' if few else 'all'}"] = over(repeats, n, sample)
    return cells


# ---- clusters ----------------------------------------------------------------------------------------


def clusters_of(rng: Generator, samples: int, groups: int, uneven: bool):
    """Rows in clusters: each row's slice and its cluster, unique over samples."""
    size = rng.integers(1, 21, (samples, groups))
    if uneven:
        size = np.where(rng.random(size.shape) < 0.1, 60, rng.integers(1, 6, size.shape))
    slices = np.repeat(np.arange(samples), size.sum(1))
    return slices, np.repeat(np.arange(samples * groups), size.ravel())


def alike(rng: Generator, draw: Draw, cluster: np.ndarray) -> np.ndarray:
    """Errors of mean 0 and variance 1 of which those of a cluster correlate by .3."""
    common = draw(rng, int(cluster.max()) + 1)[cluster]
    return np.sqrt(0.3) * common + np.sqrt(0.7) * draw(rng, len(cluster))


Bounds = Callable[[Smooth, SlicedRows, list[np.ndarray], Figure], tuple]


def linearised(smooth: Smooth, rows: SlicedRows, values: list[np.ndarray], figure: Figure) -> tuple:
    """The limits that are used."""
    return figure.limits(Z, 1.0)


def _clustered(limits: Bounds, numbers: tuple[int, ...], times: float) -> Study:
    """R squared of clustered errors, and the ratio of clustered amounts; ``times`` as many samples."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for groups, uneven in product(numbers, (False, True)):
            samples = max(1, int(times * repeats))
            slices, cluster = clusters_of(rng, samples, groups, uneven)
            rows = SlicedRows(slices, samples, None, cluster)
            kind = f"clusters={groups} {'uneven' if uneven else 'even'}"
            for name, draw in ERRORS.items():
                prediction = np.sqrt(0.6) * alike(rng, ERRORS["normal"], cluster)
                outcome = prediction + np.sqrt(0.4) * alike(rng, draw, cluster)
                figure = regression.r_squared(rows, outcome, prediction)
                values = regression._errors(rows, outcome, prediction)
                cells[f"R2 {kind} {name}"] = held(*limits(regression.R_SQUARED, rows, values, figure), 0.6)
            amount = np.exp(0.8 * rng.normal(size=int(cluster.max()) + 1))[cluster]
            one = amount * rng.gamma(1, size=len(cluster))
            other = np.sqrt(amount) * rng.gamma(2, size=len(cluster))
            figure = regression.ratio_of_means(rows, one, other)
            truth = np.exp(0.8**2 / 2) / (2 * np.exp(0.4**2 / 2))
            cells[f"ratio {kind}"] = held(*limits(regression.RATIO, rows, [one, other], figure), truth)
        return cells

    return study


def bootstrapped(
    smooth: Smooth, rows: SlicedRows, values: list[np.ndarray], figure: Figure, draws: int = 499
):
    """Limits of the studentised bootstrap of whole clusters, with each sample's linearised error."""
    pair, owner, _ = rows.pairs
    sums = np.stack([np.bincount(pair, rows.weight * v, len(owner)) for v in values], axis=-1)
    size = np.bincount(pair, rows.weight, len(owner)).astype(float)
    link, ends = smooth.link, []
    for i in range(rows.size):
        own = owner == i
        t, w, c = sums[own], size[own], int(own.sum())
        times = np.random.default_rng(1).multinomial(c, np.full(c, 1 / c), draws).astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            ((value,), (error,)), (drawn, errors) = (
                _studentised(smooth, t, w, n) for n in (np.ones((1, c)), times)
            )
            quantiles = np.nanquantile((drawn - value) / errors, [1 - tail_area(Z), tail_area(Z)])
        ends.append(link.back(value - quantiles * error))
    return tuple(np.array(ends).T)


def _studentised(smooth: Smooth, sums: np.ndarray, size: np.ndarray, times: np.ndarray):
    """Figures on their scale and their errors, of samples in which each cluster stands so many times."""
    total = times @ size
    means = (times @ sums) / total[:, None]
    value, gradient = smooth.of(means), smooth.gradient(means)
    pull = (gradient @ sums.T - (gradient * means).sum(-1)[:, None] * size) / total[:, None]
    square = (times * (pull / (1 - size / total[:, None])) ** 2).sum(1) * (len(size) - 1) / len(size)
    return smooth.link.of(value), np.sqrt(square) * smooth.link.slope(value)


KINDS = "normal, t of 5, log-normal sd .5 and 1 errors"
STUDIES: dict[str, tuple[Study, str]] = {
    "mean absolute error": (mean_errors(False), f"n 10, 30, 100, 1000; {KINDS}"),
    "root mean squared error": (mean_errors(True), f"n 10, 30, 100, 1000; {KINDS}"),
    "R squared": (_explained(False), f"n 10, 30, 100, 1000; {KINDS}; R squared .3, .9"),
    "R squared: weights": (_explained(True), "the same, log-normal weights"),
    "ratio of means": (_ratio, "n 10, 30, 100, 1000; log-normal amounts sd .5, 1, independent or alike"),
    "change of R squared": (_change, f"n 10, 30, 100, 1000; {KINDS}; all shrink, or 5 % are off by 2"),
    **{
        f"R squared and ratio of means: {groups} clusters": (
            _clustered(linearised, (groups,), 4), f"{OF_GROUPS}; {KINDS}"
        )
        for groups in CLUSTERS
    },
    "(studentised bootstrap of the clusters)": (
        _clustered(bootstrapped, CLUSTERS, 0.06), f"{GROUPS}; {KINDS}"
    ),
}  # fmt: skip
