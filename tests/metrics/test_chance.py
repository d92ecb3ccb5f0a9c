"""The chance of a low ratio among equal groups, against every outcome counted and against simulation."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import comb, prod
from typing import Any

import numpy as np
import pytest
from fairweigh.metrics.chance import some_ratio_below


def counted(sizes: list[int], rate: Fraction, limit: Fraction) -> float:
    """Every outcome of all groups, its probability and its ratio, in fractions."""
    below = Fraction(0)
    for selected in product(*(range(n + 1) for n in sizes)):
        rates = [Fraction(x, n) for x, n in zip(selected, sizes, strict=True)]
        if max(rates) and min(rates) < limit * max(rates):
            below += prod(
                comb(n, x) * rate**x * (1 - rate) ** (n - x) for x, n in zip(selected, sizes, strict=True)
            )
    return float(below)


@pytest.mark.parametrize("sizes", [[1, 1], [4, 7], [5, 5, 5], [10, 4, 9], [3, 2, 6, 5]])
@pytest.mark.parametrize("rate", [Fraction(1, 50), Fraction(3, 10), Fraction(9, 10)])
@pytest.mark.parametrize("limit", [Fraction(4, 5), Fraction(1, 2)])
def test_it_is_the_sum_over_all_outcomes(sizes: list[Any], rate: Fraction, limit: Fraction) -> None:
    assert some_ratio_below(sizes, float(rate), limit) == pytest.approx(
        counted(sizes, rate, limit), abs=1e-12
    )


@pytest.mark.parametrize(
    ("sizes", "rate"),
    [
        ([500] * 20, 0.3),
        ([500] * 20, 0.31),
        ([3000, 2000, 4], 0.4),
        ([1390, 1181], 0.47),
        ([408, 797, 390, 119, 616, 41, 213], 0.49),
        ([20_000, 7, 900, 31], 0.02),
    ],
)
def test_simulation_agrees(sizes: Sequence[Any], rate: float) -> None:
    draws = 100_000
    n = np.array(sizes)
    selected = np.random.default_rng(len(sizes)).binomial(n, rate, (draws, len(n)))
    # Whole numbers: x / n < 4/5 y / m for the lowest and the highest rate.
    rates = selected / n
    low, high, rows = rates.argmin(1), rates.argmax(1), np.arange(draws)
    below = 5 * selected[rows, low] * n[high] < 4 * selected[rows, high] * n[low]
    expected = some_ratio_below(sizes, rate)
    spread = (expected * (1 - expected) / draws) ** 0.5
    assert below.mean() == pytest.approx(expected, abs=4 * spread + 1e-9)


def test_order_does_not_matter_and_extremes_are_certain() -> None:
    assert some_ratio_below([30, 500, 80], 0.2) == pytest.approx(
        some_ratio_below([80, 30, 500], 0.2), abs=1e-12
    )
    assert some_ratio_below([7, 9], 0.0) == 0.0
    assert some_ratio_below([7, 9], 1.0) == 0.0
    assert some_ratio_below([10**6, 2 * 10**6], 0.3) == pytest.approx(0, abs=1e-12)
