"""Rates of sampled answers: those judged positive, corrected by the judge's errors, their gap and change."""

from __future__ import annotations

from itertools import product

import numpy as np
from fairweigh.metrics import compare
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.prevalence import Errors, corrected, corrected_change
from fairweigh.metrics.quotients import Quotient
from numpy.random import Generator
from studies import Cells, Study, Z, held

TRUTHS = (0.02, 0.1, 0.3, 0.7)
JUDGES = {"good": (0.98, 0.99), "usual": (0.9, 0.95), "fair": (0.7, 0.8), "weak": (0.6, 0.6)}
"""Sensitivity and specificity."""
SIZES = ((15, 20, 1000), (30, 10, 50), (100, 5, 200))
"""Prompts, answers of each, and labelled rows of either kind."""


class Answers:
    """Prompts whose share of positive answers varies, and what a judge makes of them; a slice a sample."""

    def __init__(self, rng: Generator, repeats: int, truth: float, size: tuple[int, int]) -> None:
        self.rng, self.repeats, (prompts, k) = rng, repeats, size
        share = rng.beta(4 * truth, 4 * (1 - truth), (repeats, prompts, 1))
        self.positive = rng.random((repeats, prompts, k)) < share
        cluster = np.repeat(np.arange(repeats * prompts), k)
        self.rows = SlicedRows(np.repeat(np.arange(repeats), prompts * k), repeats, None, cluster)
        self.each = np.ones(len(cluster))

    def judged(self, judge: tuple[float, float], positive: np.ndarray | None = None) -> np.ndarray:
        """What the judge finds."""
        found = self.positive if positive is None else positive
        draws = self.rng.random(found.shape)
        return (draws < np.where(found, judge[0], 1 - judge[1])).reshape(-1).astype(float)

    def audited(self, judge: tuple[float, float], n: int, together: bool = False) -> Errors:
        """How it decides labelled rows; of all samples the same, where ``together``."""
        rows, of = np.full(self.repeats, n), np.arange(self.repeats)
        found, false = (self.rng.binomial(n, p, self.repeats) for p in (judge[0], 1 - judge[1]))
        if together:
            # Neighbours are a pair of slices.
            found, false, of = (np.repeat(one[::2], 2) for one in (found, false, of))
        return Errors(found, rows, false, rows, of)

    def rate(self, judged: np.ndarray) -> Figure:
        """The share judged positive."""
        return Quotient().figure(self.rows, judged, self.each)


def rates(rng: Generator, repeats: int) -> Cells:
    """The corrected rate."""
    cells = {}
    for truth, (name, judge), size in product(TRUTHS, JUDGES.items(), SIZES):
        answers = Answers(rng, repeats, truth, size[:2])
        found = corrected(answers.rate(answers.judged(judge)), answers.audited(judge, size[2]))
        cells[f"{name} judge {truth:g} prompts={size[0]} labelled={size[2]}"] = held(
            *found.limits(Z, 1.0), truth, found.defined
        )
    return cells


def uncorrected(rng: Generator, repeats: int) -> Cells:
    """The rate as judged, taken for the true one."""
    cells = {}
    for truth, (name, judge), size in product(TRUTHS, JUDGES.items(), SIZES):
        answers = Answers(rng, repeats, truth, size[:2])
        limits = answers.rate(answers.judged(judge)).limits(Z, 1.0)
        cells[f"{name} judge {truth:g} prompts={size[0]}"] = held(*limits, truth)
    return cells


def gaps(rng: Generator, repeats: int) -> Cells:
    """The difference of two slices: judged by one judge, audited together or each by itself."""
    cells = {}
    for truth, (name, judge), size in product(TRUTHS[1:], JUDGES.items(), SIZES):
        for together in (True, False):
            answers = Answers(rng, 2 * (repeats // 2), truth, size[:2])
            errors = answers.audited(judge, size[2], together)
            found = corrected(answers.rate(answers.judged(judge)), errors)
            one = np.flatnonzero(found.defined[::2] & found.defined[1::2]) * 2
            _, limits = compare.difference(found, one, one + 1, Z)
            way = "together" if together else "apart"
            cells[f"{name} judge {truth:g} prompts={size[0]} audited {way}"] = held(*limits, 0.0)
    return cells


def changes(rng: Generator, repeats: int) -> Cells:
    """After - before of the same samples, of which a tenth of the others become positive."""
    cells = {}
    for truth, (name, judge), size in product(TRUTHS, JUDGES.items(), SIZES):
        answers = Answers(rng, repeats, truth, size[:2])
        after = answers.positive | (rng.random(answers.positive.shape) < 0.1)
        sides = [answers.judged(judge, side) for side in (answers.positive, after)]
        errors = answers.audited(judge, size[2])
        change, _ = Quotient().change(answers.rows, *([side, answers.each] for side in sides))
        found = corrected_change(change, *(corrected(answers.rate(s), errors) for s in sides), errors)
        cells[f"{name} judge {truth:g} prompts={size[0]} labelled={size[2]}"] = held(
            *found.limits(Z, 1.0), 0.1 * (1 - truth), found.defined
        )
    return cells


GRID = "4 true rates x 4 judges x (15, 30, 100 prompts)"
STUDIES: dict[str, tuple[Study, str]] = {
    "positive rate, corrected by the judge's errors": (rates, GRID),
    "(positive rate as judged, taken for the true one)": (uncorrected, GRID),
    "difference of corrected positive rates": (
        gaps,
        "3 true rates x 4 judges x 3 sizes, audited together or apart",
    ),
    "change of a corrected positive rate": (changes, GRID),
}
