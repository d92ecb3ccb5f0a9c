"""Several labels at once: exact match, Hamming loss, micro figures, and their changes on the same rows.

Labels of a row hang together: in three rows of ten the model errs more often, whichever the label.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pyarrow as pa
from drawn import LEAST, SIZES, batches
from fairweigh.audit.figures.measure import Measurement
from fairweigh.audit.figures.pairs import Paired
from fairweigh.metrics.figures import Figure
from fairweigh.tasks.label_cases import SAID, TRUTH
from fairweigh.tasks.multilabel import MULTILABEL
from numpy.random import Generator
from studies import Cells, Study, Z, held

HARD = 0.3
"""Share of the rows in which the model errs more often."""
LABELS = {"3 labels": 3, "10 labels": 10}
BASES = {"common": (0.5, 0.1), "rare": (0.05, 0.005)}
"""Rates of the first and the last label; between them they fall evenly on a logarithmic scale."""
RATES = {"TPR/FPR .7/.1": (0.7, 0.1), "TPR/FPR .98/.01": (0.98, 0.01)}
ROWS = "n 10, 30, 100, 1000; 3, 10 labels of 50 to 10 %, or 5 to .5 % of the rows; TPR/FPR .7/.1, .98/.01"
BY = ("s",)
SLOW = ("micro_precision", "micro_f1")
"""Their changes are drawn from a posterior."""


class Population:
    """Rates of labels, and of decisions in rows of either kind."""

    def __init__(self, labels: int, base: tuple[float, float], rates: tuple[float, float]) -> None:
        self.base = np.geomspace(*base, labels)
        tpr, fpr = rates
        # By kind of row: easy, hard.
        self.tpr, self.fpr = np.array([tpr, 0.8 * tpr]), np.array([fpr, 1.5 * fpr])

    def worse(self) -> Population:
        """The population after a change for the worse of some decisions."""
        found = object.__new__(Population)
        found.base, found.tpr, found.fpr = self.base, 0.5 * self.tpr, self.fpr + 0.1
        return found

    def mixed(self, other: Population, share: float) -> Population:
        """A share of the decisions are those of another one."""
        found = object.__new__(Population)
        found.base = self.base
        for name in ("tpr", "fpr"):
            setattr(found, name, (1 - share) * getattr(self, name) + share * getattr(other, name))
        return found

    def truth(self) -> dict[str, float]:
        """The figures of the population."""
        kinds, base = np.array([1 - HARD, HARD]), self.base
        hit, wrongly = kinds @ self.tpr * base.sum(), kinds @ self.fpr * (1 - base).sum()
        right = np.outer(self.tpr, base) + np.outer(1 - self.fpr, 1 - base)
        return {
            "exact_match": float(kinds @ right.prod(1)),
            "hamming_loss": float(1 - kinds @ right.mean(1)),
            "micro_precision": float(hit / (hit + wrongly)),
            "micro_recall": float(hit / base.sum()),
            "micro_f1": float(2 * hit / (base.sum() + hit + wrongly)),
        }

    def decided(self, rng: Generator, hard: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Decisions of rows of either kind, of shape (rows, labels)."""
        chance = np.where(label, self.tpr[hard][:, None], self.fpr[hard][:, None])
        return rng.random(label.shape) < chance


def _batch(samples: int, n: int, label: np.ndarray, said: np.ndarray) -> pa.RecordBatch:
    """Predictions as a run's folder has them, one sample per slice."""
    names = pa.array(map(str, range(samples)))
    slices = pa.DictionaryArray.from_arrays(np.repeat(np.arange(samples, dtype=np.int32), n), names)
    columns = {
        f"{prefix}{i}": pa.array(values[:, i].astype(np.int8))
        for prefix, values in ((TRUTH, label), (SAID, said))
        for i in range(label.shape[1])
    }
    return pa.record_batch({"id": np.arange(samples * n), "s": slices, **columns})


def _held(figure: Figure, truth: float) -> tuple[float, int]:
    if not figure.defined.any():
        return 0.0, 0
    return held(*figure.limits(Z, 1.0), truth, figure.defined), int(figure.defined.sum())


def _over(parts: list[dict[str, tuple[float, int]]], name: str) -> float:
    """Coverage over batches of samples; nan where hardly one makes a claim."""
    shares, sizes = zip(*(part[name] for part in parts), strict=True)
    return float(np.average(shares, weights=sizes)) if sum(sizes) >= LEAST else float("nan")


def levels(rng: Generator, repeats: int) -> Cells:
    """All five figures of the same samples."""
    cells = {}
    grid = product(LABELS.items(), BASES.items(), RATES.items(), SIZES)
    for (many, labels), (kind, base), (said, rates), n in grid:
        people, parts = Population(labels, base, rates), []
        for samples in batches(2 * repeats, n * labels):
            hard = (rng.random(samples * n) < HARD).astype(int)
            label = rng.random((samples * n, labels)) < people.base
            seen = Measurement(BY, task=MULTILABEL)
            seen.add(_batch(samples, n, label, people.decided(rng, hard, label)))
            parts.append({m: _held(seen.figure(m, BY), truth) for m, truth in people.truth().items()})
        cells |= {f"{m} {many} {kind} {said} n={n}": _over(parts, m) for m in people.truth()}
    return cells


def _changes(metrics: tuple[str, ...], sizes: tuple[int, ...], times: float) -> Study:
    """A twentieth of the decisions are drawn anew, and worse."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells, again = {}, 0.05
        grid = product(LABELS.items(), BASES.items(), RATES.items(), sizes)
        for (many, labels), (kind, base), (said, rates), n in grid:
            people, parts = Population(labels, base, rates), []
            worse = people.worse()
            truths = people.truth(), people.mixed(worse, again).truth()
            for samples in batches(max(LEAST, int(times * repeats)), n * labels):
                hard = (rng.random(samples * n) < HARD).astype(int)
                label = rng.random((samples * n, labels)) < people.base
                before = people.decided(rng, hard, label)
                moved = rng.random(label.shape) < again
                after = np.where(moved, worse.decided(rng, hard, label), before)
                seen = Paired(BY, task=MULTILABEL)
                seen.add(*(_batch(samples, n, label, side) for side in (before, after)))
                parts.append({m: _held(seen.figure(m, BY), truths[1][m] - truths[0][m]) for m in metrics})
            cells |= {f"{m} {many} {kind} {said} n={n}": _over(parts, m) for m in metrics}
        return cells

    return study


STUDIES: dict[str, tuple[Study, str]] = {
    "figures of several labels": (levels, ROWS),
    "changes of exact match, Hamming loss, micro recall": (
        _changes(("exact_match", "hamming_loss", "micro_recall"), SIZES, 2),
        f"{ROWS}; a twentieth of the decisions drawn anew",
    ),
    "changes of micro precision and F1": (
        _changes(SLOW, SIZES[1:], 0.1),
        f"{ROWS.replace('n 10, ', 'n ')}; a twentieth of the decisions drawn anew",
    ),
}
