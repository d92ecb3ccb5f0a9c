"""Change of a figure between two independent samples."""

from __future__ import annotations

import numpy as np

from .figures import Figure
from .intervals import Limits, mover_difference


def change(before: Figure, after: Figure) -> Figure:
    """``after - before`` of two figures of different rows, slice by slice.

    The limits are MOVER on those of either sample (G. Y. Zou, A. Donner 2008, Stat. Med. 27:1693-1702), which
    for two proportions is Newcombe's hybrid score interval (R. G. Newcombe 1998, Stat. Med. 17:873-890,
    method 10). The difference of two such changes, the change of a gap, is MOVER once more and so the same
    as MOVER on the two gaps' own limits, since squares of the arms add up in either order. From there the
    growth of a gap goes on as for the same rows, in `gap_growth`: MOVER on the limits of two *absolute*
    gaps would not do, as an absolute value of a small gap is biased away from 0 and the upper limit of the
    growth then misses in several times the stated share.

    Parameters
    ----------
    before, after : Figure
        Of the same slices, in the same order. ``scale`` multiplies the rows of both.
    """

    def limits(z: float, scale: float) -> Limits:
        return mover_difference(after.value, after.limits(z, scale), before.value, before.limits(z, scale))

    rates = before.method == after.method == "wilson"
    known = "none" not in (before.method, after.method)
    method = "newcombe" if rates else "mover" if known else "none"
    return Figure(after.value - before.value, np.minimum(before.n, after.n), limits, method)
