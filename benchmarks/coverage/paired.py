"""The same rows before and after: rates and figures of the four cells, with weights and clusters."""

from __future__ import annotations

from itertools import product

import numpy as np
from fairweigh.metrics.intervals import tango
from fairweigh.metrics.joint import JointClusters, JointTally
from fairweigh.metrics.table import METRICS
from numpy.random import Generator
from studies import Cells, Study, Z, held

TURNS = "n 30, 100, 1000; base rate .1, .4; TPR/FPR .7/.2, .95/.05; flips 2, 6 %"


def change(rng: Generator, repeats: int) -> Cells:
    """Change of a rate on the same rows: Tango."""
    cells = {}
    for n, (b, c) in product(
        (10, 30, 100, 1000), ((0.005, 0.005), (0.01, 0.01), (0.02, 0), (0.05, 0.01), (0.1, 0.1), (0.2, 0.05))
    ):
        flips = rng.multinomial(n, (b, c, 1 - b - c), repeats)
        low, high = tango(flips[:, 0], flips[:, 1], n, Z)
        cells[f"n={n} flips={b},{c}"] = held(low, high, b - c)
    return cells


def moved(rate: float, flips: float, lost: float) -> np.ndarray:
    """Chances of the cells (before, after) = 00, 01, 10, 11."""
    return np.array([1 - rate - flips * (1 - lost), flips * (1 - lost), flips * lost, rate - flips * lost])


def joint_tally(cells: np.ndarray, **more) -> JointTally:
    """Joint counts without labels, one slice per row of cells of shape (slices, 4)."""
    return JointTally((), [(str(i),) for i in range(len(cells))], cells.reshape(-1, 1, 2, 2), **more)


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
        seen = joint_tally(
            per.sum(1),
            clusters=JointClusters(owner, np.arange(len(owner)), per.reshape(-1, 1, 2, 2).astype(float)),
        )
        figure = METRICS["selection_rate"].estimator.change_of(seen)
        cells[f"clusters={groups} flips={flips} icc={icc}"] = held(*figure.limits(Z, 1), -0.6 * flips)
    return cells


def change_weighted(rng: Generator, repeats: int) -> Cells:
    """Log-normal weights."""
    cells = {}
    for n, flips, spread in product((30, 100, 1000), (0.02, 0.06), (0.5, 1.0)):
        cell = rng.choice(4, (repeats, n), p=moved(0.5, flips, 0.8))
        weight = rng.lognormal(0, spread, (repeats, n))
        one = (cell[..., None] == np.arange(4)).astype(float)
        sums = [(one * w[..., None]).sum(1).reshape(-1, 1, 2, 2) for w in (weight, weight**2)]
        seen = joint_tally(one.sum(1).astype(int), weights=sums[0], squares=sums[1])
        figure = METRICS["selection_rate"].estimator.change_of(seen)
        cells[f"n={n} flips={flips} sd={spread}"] = held(*figure.limits(Z, 1), -0.6 * flips)
    return cells


def _change_of(name: str, most: int) -> Study:
    """Change of a metric of the four cells; flips hit right and wrong decisions alike."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for n, base, (tpr, fpr), flips in product(
            (30, 100, 1000), (0.1, 0.4), ((0.7, 0.2), (0.95, 0.05)), (0.02, 0.06)
        ):
            decided = np.array([[1 - fpr, fpr], [1 - tpr, tpr]]) * np.array([[1 - base], [base]])
            turned = np.array([[1 - flips, flips], [flips, 1 - flips]])
            shares = (decided[:, :, None] * turned).ravel()
            draws = rng.multinomial(n, shares, min(repeats, most)).reshape(-1, 2, 2, 2)
            seen = JointTally((), [(str(i),) for i in range(len(draws))], draws)
            whole = JointTally((), [()], (shares.reshape(1, 2, 2, 2) * 1e9).astype(np.int64))
            truth = METRICS[name].estimator.change_of(whole).value[0]
            figure = METRICS[name].estimator.change_of(seen)
            label = f"n={n} base={base} tpr={tpr} fpr={fpr} flips={flips}"
            cells[label] = held(*figure.limits(Z, 1), truth, figure.defined)
        return cells

    return study


STUDIES: dict[str, tuple[Study, str]] = {
    "change on the same rows: Tango": (change, "n 10, 30, 100, 1000; six pairs of flip rates from 0 to .2"),
    "change of a weighted rate": (change_weighted, "n 30, 100, 1000; flips 2, 6 %; log-normal weights"),
    "change of a clustered rate": (change_clustered, "30, 100 clusters; flips 2, 6 %; ICC .1, .3"),
    "change of precision": (_change_of("precision", 100), TURNS),
    "change of F1": (_change_of("f1", 100), TURNS),
    "change of balanced accuracy": (_change_of("balanced_accuracy", 10_000), TURNS),
}
