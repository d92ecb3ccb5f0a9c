"""The share that is truly positive, seen through a test that errs: Rogan and Gladen's estimate.

A judge finds a share p of some rows positive. On labelled rows it finds a share s of the positive ones (its
sensitivity) and a share f of the others (1 less its specificity). Then (p - f) / (s - f) are truly positive
(W. J. Rogan, B. Gladen 1978, Am. J. Epidemiol. 107:71-76), clipped to [0, 1]. What is not known of p, s and f
are three independent errors: limits are those of the three combined by MOVER, of p as its figure has them, of
s and f exact binomial ones, so that no zero among the judge's errors counts as certain (Z. Lang,
J. Reiczigel 2014, Prev. Vet. Med. 113:13-22, who add to the counts for the same reason).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clusters import Dependence
from .exact import clopper_pearson
from .figures import Figure
from .intervals import Floats, Limits, tail_area
from .units import Z95

Counts = NDArray[Any]


@dataclass(frozen=True)
class Errors:
    """How a judge decided labelled rows, by slice of the rows that it is to judge.

    Attributes
    ----------
    found, positives : arrays of shape (slices,)
        Positive rows that it finds positive, and all of them; effective rows where they depend on each other.
    false, negatives : arrays of shape (slices,)
        Other rows that it finds positive, and all of them.
    of : int array of shape (slices,)
        A number of the labelled rows: slices with the same one have the same.
    """

    found: Counts
    positives: Counts
    false: Counts
    negatives: Counts
    of: NDArray[np.int64]

    @property
    def sensitivity(self) -> Floats:
        """Share of the positive rows that are found positive; nan without any."""
        return _share(self.found, self.positives)

    @property
    def false_positive_rate(self) -> Floats:
        """Share of the other rows that are found positive; nan without any."""
        return _share(self.false, self.negatives)

    @property
    def specificity(self) -> Floats:
        """Share of the other rows that are not found positive; nan without any."""
        return np.asarray(1 - self.false_positive_rate)

    def limits(self, z: float) -> tuple[Limits, Limits]:
        """Exact limits of sensitivity and false positive rate at the normal quantile ``z``."""
        tail = tail_area(z)
        return (
            clopper_pearson(self.found, self.positives, tail),
            clopper_pearson(self.false, self.negatives, tail),
        )

    def smoothed(self) -> tuple[Floats, Floats]:
        """Variances of sensitivity and false positive rate, one row of either kind added to each."""
        parts = ((self.found, self.positives), (self.false, self.negatives))
        shares = [((x + 1) / (n + 2), n + 2) for x, n in parts]
        return tuple(np.asarray(p * (1 - p) / n, float) for p, n in shares)  # type: ignore[return-value]

    def pull(self, share: Floats) -> tuple[Floats, Floats]:
        """Standard errors that both put on the estimate: from sensitivity, and from the false positives."""
        spread = self.sensitivity - self.false_positive_rate
        one, other = self.smoothed()
        with np.errstate(divide="ignore", invalid="ignore"):
            return (
                np.asarray(share * np.sqrt(one) / spread), np.asarray((1 - share) * np.sqrt(other) / spread)
            )  # fmt: skip


def _share(x: Counts, n: Counts) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 0, x / np.where(n > 0, n, 1), np.nan)


def rogan_gladen(rate: Any, sensitivity: Any, false_positive_rate: Any) -> Floats:
    """Share that is truly positive, not clipped; nan where the judge tells nothing.

    Examples
    --------
    >>> float(rogan_gladen(0.25, 0.9, 0.05).round(4))
    0.2353
    """
    spread = np.asarray(sensitivity, float) - false_positive_rate
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, (rate - np.asarray(false_positive_rate)) / spread, np.nan)


def corrected(rate: Figure, errors: Errors) -> Figure:
    """The share that is truly positive in every slice, from that which a judge finds.

    nan where no labelled rows of both kinds are at hand, where the judge finds no larger share of the
    positive ones than of the others, and where the whole interval lies outside of [0, 1] at 95 %: then the
    judge errs otherwise on these rows than on the labelled ones.
    """
    plain = rogan_gladen(rate.value, errors.sensitivity, errors.false_positive_rate)
    below, above = _combined(plain, rate, errors, Z95, 1.0)
    plain = np.where((plain + above < 0) | (plain - below > 1), np.nan, plain)
    value = np.clip(plain, 0, 1)

    @lru_cache(maxsize=16)
    def limits(z: float, scale: float) -> Limits:
        below, above = _combined(plain, rate, errors, z, scale)
        undefined = np.isnan(plain)
        low = np.where(undefined, np.nan, np.minimum(np.clip(plain - below, 0, 1), value))
        high = np.where(undefined, np.nan, np.maximum(np.clip(plain + above, 0, 1), value))
        return low, high

    return Figure(
        value, rate.n, limits, "rogan-gladen", rate.effective_n,
        dependence=_dependence(rate.dependence, value, errors),
    )  # fmt: skip


def corrected_change(change: Figure, before: Figure, after: Figure, errors: Errors) -> Figure:
    """After - before of the share that is truly positive, of the same rows and the same judge.

    ``before`` and ``after`` are as `corrected` gives them. The judge's errors weigh with the size of the
    change: where the rate stays, they say nothing.
    """
    value, spread = after.value - before.value, errors.sensitivity - errors.false_positive_rate

    @lru_cache(maxsize=16)
    def limits(z: float, scale: float) -> Limits:
        low, high = change.limits(z, scale)
        one, other = errors.smoothed()
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = np.where(spread > 0, change.value / spread, np.nan)
            judge = np.square(z * middle / spread) * (one + other)
            below = np.sqrt(np.square((change.value - low) / spread) + judge)
            above = np.sqrt(np.square((high - change.value) / spread) + judge)
        return (
            np.maximum(np.minimum(middle - below, value), -1),
            np.minimum(np.maximum(middle + above, value), 1),
        )

    dependence = change.dependence
    return replace(
        change, value=value, limits=limits, method="rogan-gladen-paired", binomial=None,
        dependence=None if dependence is None else _over(dependence, spread),
    )  # fmt: skip


def _combined(plain: Floats, rate: Figure, errors: Errors, z: float, scale: float) -> Limits:
    """How far below and above the estimate its limits are."""
    found, false = errors.sensitivity, errors.false_positive_rate
    of_found, of_false = errors.limits(z)
    ends = [
        [rogan_gladen(end, found, false) for end in rate.limits(z, scale)],
        # Where the judge may tell nothing there is no estimate, and the side is open.
        [rogan_gladen(rate.value, end, false) for end in of_found],
        [rogan_gladen(rate.value, found, end) for end in of_false],
    ]
    below = sum(np.square(np.fmax(plain - np.minimum(*pair), 0)) for pair in _open(ends, "low"))
    above = sum(np.square(np.fmax(np.maximum(*pair) - plain, 0)) for pair in _open(ends, "high"))
    return np.sqrt(below), np.sqrt(above)


def _open(ends: list[list[Floats]], side: str) -> list[list[Floats]]:
    """Ends with the infinite one of a side in the place of those that are not there."""
    far = -np.inf if side == "low" else np.inf
    return [[np.where(np.isnan(end), far, end) for end in pair] for pair in ends]


def _over(found: Dependence, spread: Floats) -> Dependence | None:
    """The dependence of a figure that is divided by what tells positive rows from others."""
    if found.products is None or len(found.chosen) != len(found.squares):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(spread > 0, 1 / spread, 0.0)
    products = found.products
    products = products.toarray() if hasattr(products, "toarray") else products
    return replace(found, squares=found.squares * each**2, products=products * each[:, None] * each)


def _dependence(found: Dependence | None, share: Floats, errors: Errors) -> Dependence | None:
    """What slices share: clusters of their rows, and the labelled rows of the judge."""
    spread = errors.sensitivity - errors.false_positive_rate
    held = None if found is None else _over(found, spread)
    if held is None:
        return None
    together = errors.of[:, None] == errors.of
    shared = sum(np.outer(part, part) for part in np.nan_to_num(errors.pull(share))) * together
    return replace(held, squares=held.squares + np.diag(shared), products=held.products + shared)
