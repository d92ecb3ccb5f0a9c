"""Means over classes of a figure of each class: macro recall, precision and F1, balanced accuracy.

Classes count as scikit-learn counts them. ``among="either"`` takes those that occur in the labels or the
decisions of a slice, as ``precision_recall_fscore_support(average="macro", zero_division=0)`` does: one that
is never decided has precision 0, one that no row has recall 0. ``among="labels"`` takes those that occur in
the labels, as ``balanced_accuracy_score`` does. A class that occurs in neither is left out of the slice.

Of classes of fewer than three rows each F1 is known badly: it falls short of the truth by more than
its limits allow for, in up to 15 % of samples of 30 rows of 20 classes (``benchmarks/coverage``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .clusters import Dependence
from .confusion import BEFORE, Among, Cells
from .counts import Counts
from .figures import Figure
from .intervals import Floats, Limits
from .ratio import Formula, Ratio


def macro_figure(ratio: Ratio, figures: Sequence[Figure], confusion: Cells, among: Among) -> Figure:
    """The mean over classes of a ratio of counts, in every slice.

    Limits are those of the classes combined (`combined`). A class whose ratio has an empty denominator counts
    as 0 and could have any value: the upper limit takes 1 for it.

    Parameters
    ----------
    ratio : Ratio
        Of the binary counts of a class.
    figures : sequence of Figure
        The ratio of each class, as `figures.ratio_figure` gives it of ``confusion.view(i)``.
    confusion : Confusion
    among : {"labels", "either"}

    Returns
    -------
    Figure
        ``least`` is the harmonic mean of the effective denominators of the classes that occur: so many rows
        of each would leave the mean as uncertain, were their rates alike.
    """
    occurs = confusion.occurs(among)
    share = _shares(occurs)
    measured = np.stack([f.value for f in figures], axis=1)
    values = np.where(np.isnan(measured), 0.0, measured)
    influence = _Influences(ratio, confusion)
    rho = influence.correlation
    value = _summed(share * values, occurs)
    unknown = (share * np.isnan(measured)).sum(1)
    short = sum(part * _short(figure) for part, figure in zip(share.T, figures, strict=True))

    @lru_cache(maxsize=16)
    def limits(z: float, scale: float) -> Limits:
        found = [f.limits(z, scale) for f in figures]
        low, high = (np.stack([side[k] for side in found], axis=1) for k in (0, 1))
        below, above = (np.nan_to_num(part, nan=0.0) for part in (values - low, high - values))
        below, above = combined(share * below, share * above, rho)
        return np.maximum(value - below, 0), np.minimum(value + above + unknown + short / scale, 1)

    sizes = np.stack([f.size for f in figures], axis=1)
    counted = occurs & (sizes > 0)
    with np.errstate(divide="ignore"):
        least = counted.sum(1) / np.where(counted, 1 / sizes, 0).sum(1).clip(1e-300)
    dependence = influence.dependence(share)
    return Figure(
        value, confusion.n, limits, "macro", confusion.effective, dependence=dependence,
        least=np.where(counted.any(1), least, 0.0),
    )  # fmt: skip


def macro_change(ratio: Ratio, changes: Sequence[Figure], confusion: Cells, among: Among) -> Figure:
    """After - before of the mean over classes of a ratio of counts, on the same rows.

    Either mean is over the classes that occur on its side. Limits are those of the classes' changes combined;
    a class whose ratio has an empty denominator on either side counts as 0 there, and its change may be any.

    Parameters
    ----------
    ratio, among
        As of `macro_figure`.
    changes : sequence of Figure
        The change of each class, as `paired.ratio_change` gives it of ``confusion.joint_view(i)``.
    confusion : Confusion
        With the decisions before and after.
    """
    occurs = [confusion.occurs(among, decision) for decision in (BEFORE, BEFORE + 1)]
    shares = [_shares(there) for there in occurs]
    sides = [_Influences(ratio, confusion, decision) for decision in (BEFORE, BEFORE + 1)]
    values = [np.nan_to_num(side.value) for side in sides]
    value = _summed(shares[1] * values[1], occurs[1]) - _summed(shares[0] * values[0], occurs[0])
    share = np.fmax(*shares)
    both = _Changes(*sides)
    rho = both.correlation

    @lru_cache(maxsize=16)
    def limits(z: float, scale: float) -> Limits:
        found = [f.limits(z, scale) for f in changes]
        middle = np.stack([f.value for f in changes], axis=1)
        low, high = (np.stack([side[k] for side in found], axis=1) for k in (0, 1))
        below, above = (np.where(np.isnan(v), 1.0, v) for v in (middle - low, high - middle))
        below, above = combined(share * below, share * above, rho)
        return np.maximum(value - below, -1), np.minimum(value + above, 1)

    dependence = both.dependence(share)
    return Figure(value, confusion.n, limits, "macro", confusion.effective, dependence=dependence)


def combined(below: Floats, above: Floats, rho: Floats) -> tuple[Floats, Floats]:
    """How far below and above a sum of estimates its limits are, from those of each.

    MOVER takes the root of ``sum of rho_ij l_i l_j`` on either side (G. Y. Zou, A. Donner 2008, Stat. Med.
    27:1693-1702; with correlations G. Y. Zou 2007, Psychol. Methods 12:399-413). Over many classes of few
    rows that keeps the skewness of one, while that of their sum fades: above many rates near 1 it ends too
    soon. So it is joined with the root of the half widths, in which what the lower side has more than the
    upper is averaged over the parts by their variance, as the third cumulants of a Cornish-Fisher expansion
    add up (E. A. Cornish, R. A. Fisher 1938, Rev. Inst. Int. Stat. 5:307-320). Of one part both are its own
    limits.

    Parameters
    ----------
    below, above : float arrays of shape (slices, parts)
        Distances of each part's limits from its value, 0 for parts that do not count.
    rho : float array of shape (slices, parts, parts)
        Correlations of the parts.

    Returns
    -------
    below, above : float arrays of shape (slices,)
    """

    def root(parts: Floats) -> Floats:
        return np.asarray(np.sqrt(np.maximum(np.einsum("si,sij,sj->s", parts, rho, parts), 0)))

    half = (below + above) / 2
    middle, alone = root(half), (half**2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        lean = (half**2 * (below - above)).sum(1) / alone * (middle**2 / alone) / 2
    lean = np.where(alone > 0, lean, 0.0)
    return np.maximum(root(below), middle + lean), np.maximum(root(above), middle - lean)


def _short(figure: Figure) -> Floats:
    """By how much a concave function of a proportion falls short on average in few rows, of shape (slices,).

    Its value one standard error to either side of the proportion, of which half a success and half a failure
    are added, against that in the middle. Over many classes this does not average out.
    """
    held = figure.binomial
    assert held is not None
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (held.x + 0.5) / (held.n + 1)
        error = np.sqrt(share * (1 - share) / held.n)
        sides = [held.scale.of(np.clip(share + sign * error, 0, 1)) for sign in (-1, 1)]
        short = held.scale.of(share) - (sides[0] + sides[1]) / 2
    return np.where(np.isfinite(short), np.maximum(short, 0), 0.0)


def _shares(occurs: NDArray[np.bool_]) -> Floats:
    """The share of each class in the mean of a slice."""
    return np.asarray(occurs / np.maximum(occurs.sum(1, keepdims=True), 1))


def _summed(parts: Floats, occurs: NDArray[np.bool_]) -> Floats:
    return np.where(occurs.any(1), parts.sum(1), np.nan)


class _Influences:
    """What each cell adds to the error of each class's ratio, and how these vary together."""

    def __init__(self, ratio: Ratio, confusion: Cells, decision: int = BEFORE) -> None:
        self.confusion, self._decision = confusion, decision
        self._parts = [ratio.numerator, ratio.denominator]
        self._sums = [
            np.stack([self._of_slices(part, i) for i in range(len(confusion.classes))], axis=1)
            for part in self._parts
        ]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = self._sums[0] / self._sums[1]
            self.value = share if ratio.scale is None else ratio.scale.of(share)
            self.value = np.where(np.isfinite(self.value), self.value, np.nan)
        self._share = np.nan_to_num(share)

    def _of_slices(self, part: Formula, place: int) -> Floats:
        held = self._of_cells(part, place) * self.confusion.sums
        return np.bincount(self.confusion.owner, held, len(self.confusion)).astype(float)

    def _of_cells(self, part: Formula, place: int) -> Floats:
        is_label = self.confusion.is_label(place)
        is_decided = self.confusion.is_decided(place, self._decision)
        cells = Counts(
            np.ones(len(is_label)), is_label, is_decided, is_label & is_decided, ~is_label & is_decided,
            is_label & ~is_decided, ~is_label & ~is_decided,
        )  # fmt: skip
        return np.asarray(part(Counts(*(np.asarray(v, float) for v in vars(cells).values()))), float)

    def of(self, place: int) -> Floats:
        """Influence of one row of each cell on the ratio of a class, of shape (cells,)."""
        owner = self.confusion.owner
        a, b = (self._of_cells(part, place) for part in self._parts)
        total = self._sums[1][owner, place]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(total > 0, (a - self._share[owner, place] * b) / total, 0.0)

    @property
    def correlation(self) -> Floats:
        """Correlations of the classes' ratios, of shape (slices, classes, classes)."""
        return _correlation(self.confusion, [self.of(i) for i in range(len(self.confusion.classes))])

    def dependence(self, share: Floats) -> Dependence | None:
        """How clusters pull on the mean of the ratios in some shares; None without clusters."""
        return _dependence(self.confusion, share, [self.of(i) for i in range(len(self.confusion.classes))])


class _Changes:
    """What each cell adds to the error of each class's change."""

    def __init__(self, before: _Influences, after: _Influences) -> None:
        self.confusion = before.confusion
        places = range(len(self.confusion.classes))
        self._each = [after.of(i) - before.of(i) for i in places]

    @property
    def correlation(self) -> Floats:
        return _correlation(self.confusion, self._each)

    def dependence(self, share: Floats) -> Dependence | None:
        return _dependence(self.confusion, share, self._each)


def _correlation(confusion: Cells, influences: Sequence[Floats]) -> Floats:
    """Correlations of sums over cells, of rows by squared weights, of clusters by their sums."""
    size, k = len(confusion), len(influences)
    if confusion.pair is None or confusion.pair_owner is None:
        squares = confusion.counts if confusion.squares is None else confusion.squares
        owner, held, times = confusion.owner, influences, np.asarray(squares, float)
    else:
        pair, owner = confusion.pair, confusion.pair_owner
        held = [np.bincount(pair, confusion.sums * v, len(owner)).astype(float) for v in influences]
        times = np.ones(len(owner))
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(size + 1))
    found = np.zeros((size, k, k))
    for i in range(size):
        own = order[ends[i] : ends[i + 1]]
        each = np.stack([v[own] for v in held])
        found[i] = (each * times[own]) @ each.T
    spread = np.sqrt(np.einsum("sii->si", found))
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = found / (spread[:, :, None] * spread[:, None, :])
    rho = np.where(np.isfinite(rho), np.clip(rho, -1, 1), 0.0)
    rho[:, np.arange(k), np.arange(k)] = 1.0
    return rho


def _dependence(confusion: Cells, share: Floats, influences: Sequence[Floats]) -> Dependence | None:
    if confusion.pair is None or confusion.pair_owner is None or confusion.pair_cluster is None:
        return None
    whole = np.zeros(len(confusion.owner))
    for place, influence in enumerate(influences):
        whole += share[confusion.owner, place] * influence
    pairs, size = confusion.pair_owner, len(confusion)
    pull: Floats = np.bincount(confusion.pair, confusion.sums * whole, len(pairs)).astype(float)
    weight = np.bincount(confusion.pair, confusion.sums, len(pairs))
    with np.errstate(divide="ignore", invalid="ignore"):
        # A slice may hold none of what is counted, such as sentences without entities.
        part = weight / np.bincount(pairs, weight, size)[pairs]
        pull = np.where(part < 1, pull / (1 - part), 0.0)
    return Dependence.of(pairs, confusion.pair_cluster, pull, size)
