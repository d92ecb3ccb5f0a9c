"""Change of a figure between two independent samples."""

from __future__ import annotations

import numpy as np

from .contrast import Contrast
from .evidence import Pairs
from .figures import Figure
from .intervals import Limits, mover_difference, tail_area


def change(before: Figure, after: Figure) -> Figure:
    """``after - before`` of two figures of different rows, slice by slice.

    Of proportions and rising functions of them the limits are the melded exact ones, of other figures MOVER
    on those of either sample (G. Y. Zou, A. Donner 2008, Stat. Med. 27:1693-1702). The change of a gap is
    MOVER on the changes of its two slices. From there the growth of a gap goes on as for the same rows, in
    `gap_growth`: MOVER on the limits of two *absolute* gaps would not do, as an absolute value of a small gap
    is biased away from 0 and the upper limit of the growth then misses in several times the stated share.

    Parameters
    ----------
    before, after : Figure
        Of the same slices, in the same order. ``scale`` multiplies the rows of both.
    """
    held = before.binomial, after.binomial
    value, n = after.value - before.value, np.minimum(before.n, after.n)
    if held[0] is not None and held[1] is not None:
        pairs = Pairs(held[1].x, held[1].n, held[0].x, held[0].n, Contrast(scale=held[0].scale))

        def exact(z: float, scale: float) -> Limits:
            held, tail = pairs.expected(scale, smooth=False), float(tail_area(z))
            return held.lower(tail), held.upper(tail)

        return Figure(value, n, exact, "melded")

    def limits(z: float, scale: float) -> Limits:
        return mover_difference(after.value, after.limits(z, scale), before.value, before.limits(z, scale))

    known = "none" not in (before.method, after.method)
    return Figure(value, n, limits, "mover" if known else "none")
