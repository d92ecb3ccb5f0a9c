"""Figures of items of few units: questions of templates, pairs of targets, entities of documents."""

from __future__ import annotations

from itertools import product

import numpy as np
from fairweigh.metrics.counts import Clusters, Counts
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.quotients import Icat, Quotient
from fairweigh.tasks.ner import OF_TYPE
from numpy.random import Generator
from studies import Cells, Study, Z, held, tally

UNITS = (10, 25, 100)
BIASES, ALIKE = (0.0, 0.3, 0.8), (0.1, 0.4)
NAMED, PARSED = 0.6, 0.97
"""Answers that name a person, and those that name one of the question's at all."""


class Items:
    """Items of units drawn anew in each sample; a slice is a sample."""

    def __init__(self, rng: Generator, repeats: int, units: int, kind: str) -> None:
        self.rng, self.shape = rng, (repeats, units)
        size = rng.integers(4, 21, self.shape) if kind == "even" else 1 + rng.geometric(0.1, self.shape)
        self.unit = np.repeat(np.arange(repeats * units), size.ravel())
        self.rows = SlicedRows(self.unit // units, repeats, None, self.unit)

    def shares(self, mean: float, icc: float) -> np.ndarray:
        """A share of each unit, at each of its items."""
        a = (1 - icc) / icc
        return self.rng.beta(a * mean, a * (1 - mean), self.shape).ravel()[self.unit]

    def drawn(self, share: np.ndarray | float) -> np.ndarray:
        """1 for items that such a share of them have, else 0."""
        return (self.rng.random(len(self.unit)) < share).astype(float)


def _signs(items: Items, bias: float, icc: float) -> tuple[np.ndarray, np.ndarray]:
    """1 for the stereotype's answer, -1 for its opposite, 0 for neither; and whether it was parsed."""
    parsed = items.drawn(PARSED)
    named = parsed * items.drawn(NAMED)
    return named * (2 * items.drawn(items.shares((1 + bias) / 2, icc)) - 1), parsed


def bias(kind: str) -> Study:
    """BBQ's bias of templates that are drawn: its sums are of all their questions."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for units, mean, icc in product(UNITS, BIASES, ALIKE):
            items = Items(rng, repeats, units, kind)
            figure = Quotient(signed=True).figure(items.rows, *_signs(items, mean, icc))
            low, high = figure.limits(Z, 1)
            cells[f"templates={units} bias={mean} icc={icc}"] = held(low, high, NAMED * mean)
        return cells

    return study


def change(rng: Generator, repeats: int) -> Cells:
    """Its change over the same templates: a share of answers is drawn anew, by another bias."""
    cells = {}
    for units, (before, after), icc in product(UNITS, ((0.3, 0.3), (0.0, 0.3), (0.3, 0.8)), ALIKE):
        items = Items(rng, repeats, units, "even")
        one, parsed = _signs(items, before, icc)
        named = parsed * items.drawn(NAMED)
        other = named * (2 * items.drawn(items.shares((1 + after) / 2, icc)) - 1)
        anew = items.drawn(0.3)
        two = np.where(anew > 0, other, one)
        found, _ = Quotient(signed=True).change(items.rows, [one, parsed], [two, parsed])
        low, high = found.limits(Z, 1)
        cells[f"templates={units} bias={before},{after} icc={icc}"] = held(
            low, high, 0.3 * NAMED * (after - before)
        )
    return cells


def _preferred(items: Items, mean: float, icc: float) -> tuple[np.ndarray, np.ndarray]:
    """Whether the stereotype is preferred, and the weight of an item: one over those of its target."""
    count = np.bincount(items.unit)
    return items.drawn(items.shares(mean, icc)), 1 / count[items.unit]


def stereotypes(rng: Generator, repeats: int) -> Cells:
    """A stereotype score whose targets weigh the same."""
    cells = {}
    for units, mean, icc in product(UNITS, (0.5, 0.6, 0.9), ALIKE):
        items = Items(rng, repeats, units, "unequal")
        won, weight = _preferred(items, mean, icc)
        rows = SlicedRows(items.unit // units, repeats, weight, items.unit)
        low, high = Quotient().figure(rows, won, np.ones_like(won)).limits(Z, 1)
        cells[f"targets={units} score={mean} icc={icc}"] = held(low, high, mean)
    return cells


def icat(rng: Generator, repeats: int) -> Cells:
    """ICAT, which has a kink at a stereotype score of one half."""
    cells = {}
    for units, mean, icc in product(UNITS, (0.55, 0.65, 0.9), ALIKE):
        items = Items(rng, repeats, units, "unequal")
        won, weight = _preferred(items, mean, icc)
        known = items.drawn(items.shares(0.85, icc))
        rows = SlicedRows(items.unit // units, repeats, weight, items.unit)
        one = np.ones_like(won)
        low, high = Icat().figure(rows, won, one, known, one).limits(Z, 1)
        cells[f"targets={units} score={mean} icc={icc}"] = held(low, high, 0.85 * (1 - mean) / 0.5)
    return cells


def entities(name: str) -> Study:
    """A figure of entities that lie in documents, of which some are harder than others."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for units, recall, precision, icc in product((30, 100, 300), (0.2, 0.6, 0.9), (0.5, 0.9), ALIKE):
            shape, a = (repeats, units), (1 - icc) / icc
            true = rng.poisson(rng.gamma(2, 2, shape))
            found = rng.binomial(true, rng.beta(a * recall, a * (1 - recall), shape))
            # Invented ones follow what is found, so that the precision is the same in every document.
            extra = rng.poisson(found * (1 - precision) / precision)
            parts = {"tp": found, "fp": extra, "fn": true - found, "tn": 0 * true}
            parts |= {"n": true + extra, "positives": true, "selected": found + extra}
            sums = Counts(**{name: value.sum(1) for name, value in parts.items()})
            each = Counts(**{name: value.ravel() for name, value in parts.items()})
            owner = np.repeat(np.arange(repeats), units)
            figure = OF_TYPE[name].estimator.of(
                tally(sums, clusters=Clusters(owner, np.arange(owner.size), each))
            )
            truth = {
                "entity_recall": recall, "entity_precision": precision,
                "entity_f1": 2 * recall / (1 + recall / precision),
            }[name]  # fmt: skip
            low, high = figure.limits(Z, 1)
            defined = ~np.isnan(figure.value)
            cells[f"documents={units} recall={recall} precision={precision} icc={icc}"] = held(
                low, high, truth, defined
            )
        return cells

    return study


GRID = "10, 25, 100 drawn anew; ICC .1, .4"
DOCUMENTS = "30, 100, 300 documents of 4 entities on average; recall .2, .6, .9; precision .5, .9; ICC .1, .4"
STUDIES: dict[str, tuple[Study, str]] = {
    "bias of templates": (bias("even"), f"{GRID}; 4 to 20 questions each; bias 0, .3, .8"),
    "bias of unequal templates": (bias("unequal"), f"{GRID}; 2 to many questions, 11 on average"),
    "change of a bias, same templates": (change, f"{GRID}; three in ten answers drawn anew"),
    "stereotype score of targets": (stereotypes, f"{GRID}; score .5, .6, .9; targets weigh the same"),
    "ICAT of targets": (icat, f"{GRID}; stereotype score .55, .65, .9; language model score .85"),
    "entity recall": (entities("entity_recall"), DOCUMENTS),
    "entity precision": (entities("entity_precision"), DOCUMENTS),
    "entity F1": (entities("entity_f1"), DOCUMENTS),
}
