"""How many crossings of features, and how many slices, an audit may hold: a budget, told before the work."""

from __future__ import annotations

from math import comb

from ...datasets.errors import InputError
from ..config import Slices
from .measure import Measurement


def check_crossings(features: int, slices: Slices) -> None:
    """InputError where so many features, crossed as deep as was asked for, are more than the budget.

    Nothing of the rows is needed for it: of n features there are n over k crossings of k.
    """
    number = crossings(features, slices.intersections)
    if number > slices.most_crossings:
        fit = [d for d in range(1, slices.intersections) if crossings(features, d) <= slices.most_crossings]
        raise InputError(
            f"slices.intersections: up to {slices.intersections} of {features} sensitive features have "
            f"{number:,} crossings, more than {slices.most_crossings:,}; set it to {fit[-1]}, name fewer "
            "features in slices.by, or raise slices.most_crossings"
        )


def crossings(features: int, depth: int) -> int:
    """Sets of two features or more, up to ``depth`` of them."""
    return sum(comb(features, k) for k in range(2, depth + 1))


def check_slices(measured: Measurement, slices: Slices) -> None:
    """InputError where there are more slices than the budget: counted, and no figure computed yet."""
    found = 0
    for by in measured.partitions(slices.intersections):
        found += len(measured.slices(by).keys)
        if found > slices.most_slices:
            raise InputError(
                f"slices.intersections: up to {slices.intersections} of {len(measured.features)} sensitive "
                f"features have more than {slices.most_slices:,} slices ({' & '.join(by)} was reached); set "
                "it to less, name fewer features in slices.by, merge values, or raise slices.most_slices"
            )
