"""Agreement of labels and decisions of several classes beyond chance: Cohen's kappa, Matthews correlation."""

from __future__ import annotations

import numpy as np

from .confusion import BEFORE, Confusion
from .figures import Figure
from .gathered import SlicedRows
from .intervals import Floats
from .smooth import FISHER, Smooth, smooth_change, smooth_figure


def _parts(means: Floats) -> tuple[Floats, Floats, Floats]:
    """Share of agreement, shares of the labels, shares of the decisions."""
    k = (means.shape[-1] - 1) // 2
    return means[..., 0], means[..., 1 : k + 1], means[..., k + 1 :]


def _kappa(means: Floats) -> Floats:
    agree, labels, decisions = _parts(means)
    chance = (labels * decisions).sum(-1)
    return np.asarray(np.where(chance < 1, (agree - chance) / (1 - chance), np.nan))


def _kappa_gradient(means: Floats) -> Floats:
    agree, labels, decisions = _parts(means)
    rest = 1 - (labels * decisions).sum(-1, keepdims=True)
    slope = (agree[..., None] - 1) / rest**2
    return np.concatenate([1 / rest, slope * decisions, slope * labels], axis=-1)


def _matthews(means: Floats) -> Floats:
    agree, labels, decisions = _parts(means)
    spread = (1 - (labels**2).sum(-1)) * (1 - (decisions**2).sum(-1))
    found = (agree - (labels * decisions).sum(-1)) / np.sqrt(spread)
    return np.asarray(np.where(spread > 1e-12, np.clip(found, -1, 1), np.nan))


def _matthews_gradient(means: Floats) -> Floats:
    agree, labels, decisions = _parts(means)
    one, other = (1 - (part**2).sum(-1, keepdims=True) for part in (labels, decisions))
    root = np.sqrt(one * other)
    value = (agree[..., None] - (labels * decisions).sum(-1, keepdims=True)) / root
    return np.concatenate(
        [1 / root, value * labels / one - decisions / root, value * decisions / other - labels / root],
        axis=-1,
    )


KAPPA = Smooth(_kappa, _kappa_gradient, FISHER)
"""J. Cohen 1960, Educ. Psychol. Meas. 20:37-46."""
MATTHEWS = Smooth(_matthews, _matthews_gradient, FISHER)
"""J. Gorodkin 2004, Comput. Biol. Chem. 28:367-374; of two classes Matthews' own."""


def agreement(smooth: Smooth, confusion: Confusion) -> Figure:
    """`KAPPA` or `MATTHEWS` in every slice; nan where all labels and decisions are of one class.

    Matthews correlation needs two classes in the labels and two in the decisions; scikit-learn gives 0 where
    it does not exist.
    """
    rows = _rows(confusion)
    return smooth_figure(smooth, rows, _values(confusion, BEFORE), _reach(confusion))


def agreement_change(smooth: Smooth, confusion: Confusion) -> tuple[Figure, Floats]:
    """After - before in every slice, from the decisions of either side, and the p of no change."""
    rows = _rows(confusion)
    before, after = (_values(confusion, side) for side in (BEFORE, BEFORE + 1))
    return smooth_change(smooth, rows, before, after, _reach(confusion))


def _values(confusion: Confusion, decision: int) -> list[Floats]:
    """Agreement of each cell, whether its label is each class, and whether its decision is."""
    columns = confusion.outcomes[:, 0], confusion.outcomes[:, decision]
    places = range(len(confusion.classes))
    return [
        (columns[0] == columns[1]).astype(float),
        *((column == place).astype(float) for column in columns for place in places),
    ]


def _reach(confusion: Confusion) -> Floats:
    """One more row could agree or not; shares of classes hardly move by it."""
    return np.array([1.0] + [0.0] * (2 * len(confusion.classes)))


def _rows(confusion: Confusion) -> SlicedRows:
    """The cells as rows: each stands for its rows, or for as many of equal weight as vary as they."""
    owner, size = confusion.owner, len(confusion)
    if confusion.pair is not None and confusion.pair_cluster is not None:
        found = SlicedRows(owner, size, confusion.sums, confusion.pair_cluster[confusion.pair])
    elif confusion.weights is not None and confusion.squares is not None:
        weight = confusion.squares / confusion.weights
        found = SlicedRows(owner, size, weight, None, confusion.weights / weight)
    else:
        found = SlicedRows(owner, size, None, None, confusion.counts)
    found.n = confusion.n
    return found
