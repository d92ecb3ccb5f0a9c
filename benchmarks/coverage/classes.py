"""Means over classes, and kappa: few to many classes, even or with rare ones; weights, clusters, changes."""

from __future__ import annotations

from itertools import product

import numpy as np
from drawn import over
from fairweigh.metrics.agreement import KAPPA, MATTHEWS, agreement, agreement_change
from fairweigh.metrics.confusion import Among, Confusion
from fairweigh.metrics.figures import ratio_figure
from fairweigh.metrics.macro import macro_change, macro_figure
from fairweigh.metrics.paired import ratio_change
from fairweigh.metrics.smooth import Smooth
from fairweigh.metrics.table import METRICS
from numpy.random import Generator
from studies import Cells, Study, Z, held

RATIOS = {"recall": "true_positive_rate", "precision": "precision", "f1": "f1"}
AMONG: dict[str, Among] = {"recall": "labels", "precision": "either", "f1": "either"}
KS = (2, 3, 10, 20)
RIGHT = {"right .98": (0.98, 0.98), "right .4 to .9": (0.4, 0.9)}
AGREEMENTS = "n 30, 100, 1000; k 2, 3, 10, even or rare; recall .98, or .4 to .9"
GRID = "k 2, 3, 10, 20, even or from 30 % down to .5 %; recall .98, or .4 to .9"


def population(k: int, rare: bool, right: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Shares of k classes, and chances of each decision given the label: errors go to common classes."""
    share = np.maximum(0.7 ** np.arange(k), 0.005) if rare else np.ones(k)
    share = share / share.sum()
    chance = np.tile(share + 0.2 / k, (k, 1))
    np.fill_diagonal(chance, 0)
    recall = np.linspace(*right, k)
    chance *= ((1 - recall) / chance.sum(1))[:, None]
    np.fill_diagonal(chance, recall)
    return share, chance


def true(name: str, joint: np.ndarray) -> np.ndarray:
    """A figure of each class from the chances of its cells."""
    hit, labels, decisions = np.diag(joint), joint.sum(1), joint.sum(0)
    return {"recall": hit / labels, "precision": hit / decisions, "f1": 2 * hit / (labels + decisions)}[name]


def decided(rng: Generator, chance: np.ndarray, label: np.ndarray, noise=None) -> np.ndarray:
    noise = rng.random(label.shape) if noise is None else noise
    ends = np.cumsum(chance, axis=1)
    return np.minimum((noise[..., None] > ends[label]).sum(-1), len(chance) - 1)


def confused(k: int, columns: list[np.ndarray], weight=None, cluster=None) -> Confusion:
    """One sample per row of arrays of shape (samples, rows); clusters are those of rows, not shared."""
    samples, n = columns[0].shape
    code = np.repeat(np.arange(samples), n)
    if cluster is not None:
        code = code * (int(cluster.max()) + 1) + cluster.ravel()
    for column in columns:
        code = code * k + column.ravel()
    found, place, counts = np.unique(code, return_inverse=True, return_counts=True)
    outcomes = []
    for _ in columns:
        found, outcome = np.divmod(found, k)
        outcomes.insert(0, outcome)
    pairs = (None, None, None)
    if cluster is not None:
        pair, first = np.unique(found, return_inverse=True)
        pairs = (first, *np.divmod(pair, int(cluster.max()) + 1))
        found = found // (int(cluster.max()) + 1)
    sums = [None if weight is None else np.bincount(place, weight.ravel() ** p) for p in (1, 2)]
    keys = [(str(i),) for i in range(samples)]
    classes = tuple(map(str, range(k)))
    return Confusion(("s",), keys, classes, found, np.stack(outcomes, axis=1), counts, *sums, *pairs)


def macro(name: str, found: Confusion):
    ratio = METRICS[RATIOS[name]].estimator
    figures = [ratio_figure(ratio, found.view(i)) for i in range(len(found.classes))]
    return macro_figure(ratio, figures, found, AMONG[name])


def over_classes(name: str, kind: str) -> Study:
    """The mean over the classes that occur in a sample, against its truth over the same classes."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for k, rare, (said, right), n in product(KS, (False, True), RIGHT.items(), (10, 30, 100, 1000)):
            # Fewer than three rows of each class say little of a mean over classes.
            if n < 3 * k:
                continue
            share, chance = population(k, rare, right)
            samples = min(repeats, 3_000_000 // (n * k))
            label = rng.choice(k, p=share, size=(samples, n))
            weight = rng.lognormal(0, 0.7, label.shape) if kind == "weights" else None
            found = confused(k, [label, decided(rng, chance, label)], weight)
            occurs = found.occurs(AMONG[name])
            truth = (occurs * true(name, share[:, None] * chance)).sum(1) / occurs.sum(1)
            cells[f"k={k} {'rare' if rare else 'even'} {said} n={n}"] = held(
                *macro(name, found).limits(Z, 1.0), truth
            )
        return cells

    return study


def _clustered(rng: Generator, repeats: int) -> Cells:
    """Rows of a cluster have labels and errors alike."""
    cells = {}
    for k, groups, name in product((3, 10), (25, 50, 200), RATIOS):
        share, chance = population(k, False, (0.6, 0.9))
        samples, each = min(repeats, 200), 8
        cluster = np.repeat(np.arange(samples * groups).reshape(samples, groups), each, axis=1)

        def alike(groups=groups, samples=samples, each=each):
            same = rng.random((samples, groups * each)) < np.sqrt(0.3)
            common = np.repeat(rng.random((samples, groups)), each, axis=1)
            return np.where(same, common, rng.random(same.shape))

        label = np.minimum((alike()[..., None] > np.cumsum(share)).sum(-1), k - 1)
        found = confused(k, [label, decided(rng, chance, label, alike())], None, cluster)
        occurs = found.occurs(AMONG[name])
        truth = (occurs * true(name, share[:, None] * chance)).sum(1) / occurs.sum(1)
        cells[f"k={k} clusters={groups} {name}"] = held(*macro(name, found).limits(Z, 1.0), truth)
    return cells


def _changes(rng: Generator, repeats: int) -> Cells:
    """A tenth of the decisions are drawn anew, worse."""
    cells = {}
    for k, n, name in product((2, 3, 10), (30, 100, 1000), RATIOS):
        if n < 3 * k:
            continue
        share, chance = population(k, False, (0.6, 0.9))
        worse = 0.5 * chance + 0.5 / k
        samples = min(repeats, 60)
        label = rng.choice(k, p=share, size=(samples, n))
        before = decided(rng, chance, label)
        after = np.where(rng.random(label.shape) < 0.1, decided(rng, worse, label), before)
        found = confused(k, [label, before, after])
        joint = share[:, None] * np.stack([chance, 0.9 * chance + 0.1 * worse])
        truth = float(np.mean(true(name, joint[1]) - true(name, joint[0])))
        ratio = METRICS[RATIOS[name]].estimator
        changes = [ratio_change(ratio, found.joint_view(i)) for i in range(k)]
        cells[f"k={k} n={n} {name}"] = held(
            *macro_change(ratio, changes, found, AMONG[name]).limits(Z, 1.0), truth
        )
    return cells


def true_agreement(smooth: Smooth, joint: np.ndarray) -> float:
    """Kappa or Matthews correlation from the chances of all cells (label, decision)."""
    labels, decisions = joint.sum(1), joint.sum(0)
    if smooth is KAPPA:
        by_chance = float(labels @ decisions)
        return (float(np.trace(joint)) - by_chance) / (1 - by_chance)
    spread = (1 - labels @ labels) * (1 - decisions @ decisions)
    return float((np.trace(joint) - labels @ decisions) / np.sqrt(spread))


def agreements(smooth: Smooth, times: int, weighted: bool = False) -> Study:
    """Agreement beyond chance; ``times`` as many samples."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for k, rare, (said, right), n in product((2, 3, 10), (False, True), RIGHT.items(), (30, 100, 1000)):
            share, chance = population(k, rare, right)
            truth = true_agreement(smooth, share[:, None] * chance)

            def sample(size, k=k, share=share, chance=chance, n=n, truth=truth):
                label = rng.choice(len(share), p=share, size=(size, n))
                weight = rng.lognormal(0, 0.7, label.shape) if weighted else None
                found = confused(k, [label, decided(rng, chance, label)], weight)
                figure = agreement(smooth, found)
                return held(*figure.limits(Z, 1.0), truth, figure.defined), int(figure.defined.sum())

            cells[f"k={k} {'rare' if rare else 'even'} {said} n={n}"] = over(times * repeats, n, sample)
        return cells

    return study


def agreement_changes(smooth: Smooth) -> Study:
    """A tenth of the decisions are drawn anew, or a fiftieth, and worse."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for k, rare, again, n in product((2, 3, 10), (False, True), (0.02, 0.1), (30, 100, 1000)):
            share, chance = population(k, rare, (0.6, 0.9))
            worse = 0.5 * chance + 0.5 / k
            joint = share[:, None] * np.stack([chance, (1 - again) * chance + again * worse])
            truth = true_agreement(smooth, joint[1]) - true_agreement(smooth, joint[0])

            def sample(size, k=k, share=share, chance=chance, worse=worse, again=again, n=n, truth=truth):
                label = rng.choice(len(share), p=share, size=(size, n))
                before = decided(rng, chance, label)
                moved = rng.random(label.shape) < again
                after = np.where(moved, decided(rng, worse, label), before)
                figure, _ = agreement_change(smooth, confused(k, [label, before, after]))
                return held(*figure.limits(Z, 1.0), truth, figure.defined), int(figure.defined.sum())

            cells[f"k={k} {'rare' if rare else 'even'} anew={again} n={n}"] = over(2 * repeats, n, sample)
        return cells

    return study


STUDIES: dict[str, tuple[Study, str]] = {
    "macro recall": (over_classes("recall", "plain"), f"n 10 to 1000, 3 or more a class; {GRID}"),
    "macro precision": (over_classes("precision", "plain"), "the same"),
    "macro F1": (over_classes("f1", "plain"), "the same"),
    "macro recall: weights": (over_classes("recall", "weights"), "the same, log-normal weights"),
    "macro F1: weights": (over_classes("f1", "weights"), "the same, log-normal weights"),
    "macro figures: clusters": (
        _clustered,
        "25, 50, 200 clusters of 8 rows; k 3, 10; recall .6 to .9; ICC .3",
    ),
    "change of macro figures": (_changes, "n 30, 100, 1000; k 2, 3, 10; a tenth of the decisions drawn anew"),
    "kappa of several classes": (agreements(KAPPA, 1), AGREEMENTS),
    "Matthews correlation of several classes": (agreements(MATTHEWS, 2), AGREEMENTS),
    "Matthews correlation of several classes: weights": (
        agreements(MATTHEWS, 2, True),
        "the same, log-normal weights",
    ),
    "change of Matthews correlation of several classes": (
        agreement_changes(MATTHEWS),
        "n 30, 100, 1000; k 2, 3, 10, even or rare; a fiftieth or a tenth of the decisions drawn anew",
    ),
}
