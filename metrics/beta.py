"""Confidence distributions of proportions: Beta distributions, at whole numbers of successes and between."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import Floats

REACH = 8.0
"""Normal quantile beyond which nothing is integrated: 6e-16 of the whole."""
STEP = 1 / 10
"""Of the normal quantiles at which a confidence distribution is tabled; between them it is interpolated."""
SOME = 64
"""Pairs up to which each is looked at by itself."""
MOST_KEPT = 4096
"""Tables of quantiles that are kept."""


def floats(*values: ArrayLike) -> list[Floats]:
    """Arrays of one shape."""
    return list(np.broadcast_arrays(*(np.asarray(v, float) for v in values)))


def cdf(a: Floats, b: Floats, v: Floats) -> Floats:
    """Chance of at most ``v`` under Beta(a, b): all at 0 where a is 0, all at 1 where b is 0."""
    from scipy.special import betainc

    inside = betainc(np.maximum(a, 1e-12), np.maximum(b, 1e-12), np.clip(v, 0, 1))
    inside = np.where(a <= 0, 1.0, np.where(b <= 0, 0.0, inside))
    return np.where(v < 0, 0.0, np.where(v >= 1, 1.0, inside))


def above(a: Floats, b: Floats, v: Floats) -> Floats:
    """Chance of at least ``v`` under Beta(a, b)."""
    return cdf(b, a, 1 - np.asarray(v))


def quantile(a: Floats, b: Floats, share: Floats) -> Floats:
    """The value below which a share of Beta(a, b) lies."""
    from scipy.special import betaincinv

    found = betaincinv(np.maximum(a, 1e-12), np.maximum(b, 1e-12), share)
    return np.where(a <= 0, 0.0, np.where(b <= 0, 1.0, found))


@lru_cache(maxsize=4)
def gauss(count: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss and Legendre on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def distinct(rows: Floats) -> tuple[list[Floats], NDArray[np.intp]]:
    """Columns of the distinct rows, and where each row is among them."""
    if len(rows) < SOME:
        return list(rows.T), np.arange(len(rows))
    # Several times as fast as np.unique, which compares rows as records.
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    first = np.append(True, np.any(ordered[1:] != ordered[:-1], axis=1))
    place = np.empty(len(rows), np.intp)
    place[order] = np.cumsum(first) - 1
    return list(ordered[first].T), place


def tables(a: Floats, b: Floats, known: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.intp]]:
    """Quantiles of each distinct Beta(a, b) at evenly spaced normal quantiles, and each pair's row."""
    pairs = np.stack([np.where(known, a, 1.0), np.where(known, b, 1.0)], axis=1)
    (a, b), place = distinct(pairs)
    if len(a) > MOST_KEPT / 4:
        return _tabled(a, b), place
    made = [_table(*one) for one in zip(a.tolist(), b.tolist(), strict=True)]
    return np.stack(made) if made else np.zeros((0, len(_table(1.0, 1.0)))), place


@lru_cache(maxsize=MOST_KEPT)
def _table(a: float, b: float) -> Floats:
    # The same few slices are compared in one form after the other.
    return np.asarray(_tabled(np.array([a]), np.array([b]))[0])


def _tabled(a: Floats, b: Floats) -> Floats:
    lower, upper = _tails()
    low, high = quantile(a[:, None], b[:, None], lower), 1 - quantile(b[:, None], a[:, None], upper)
    return np.concatenate([low, high], axis=1)


@lru_cache(maxsize=1)
def _tails() -> tuple[Floats, Floats]:
    """Lower tail areas of the tabled normal quantiles up to 0, and the upper ones of those beyond."""
    from scipy.special import ndtr

    z = np.arange(-REACH - 2 * STEP, REACH + 3 * STEP, STEP)
    return ndtr(z[z <= 0]), ndtr(-z[z > 0])


def interpolated(tables: Floats, row: NDArray[np.intp], z: Floats) -> Floats:
    """Quantiles at normal quantiles of shape (pairs, nodes): the cubic through the four nearest points."""
    place = (z + REACH + 2 * STEP) / STEP
    left = np.floor(place).astype(np.intp)
    t = place - left
    start = row[:, None] * tables.shape[1] + left
    flat = tables.ravel()
    before, here, after, last = (flat[start + k] for k in (-1, 0, 1, 2))
    # Newton's form of the cubic through t = -1, 0, 1, 2.
    one, two = here - before, after - 2 * here + before
    three = last - 3 * after + 3 * here - before
    return np.asarray(before + (t + 1) * (one + t * (two / 2 + (t - 1) * three / 6)))
