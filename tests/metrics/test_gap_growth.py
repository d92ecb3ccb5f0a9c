"""The growth of a gap: its limits are the extremes over the box of both intervals, found by search."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairweigh.metrics.gap_growth import gap_growth

CASES = [
    # before, its limits, change, its limits
    (0.10, (0.05, 0.15), 0.03, (0.01, 0.05)),
    (-0.10, (-0.15, -0.05), 0.03, (0.01, 0.05)),
    (-0.10, (-0.15, -0.05), -0.03, (-0.05, -0.01)),
    (0.02, (0.01, 0.03), -0.05, (-0.09, -0.01)),
    (0.01, (-0.02, 0.04), 0.00, (-0.01, 0.01)),
    (0.00, (-0.01, 0.01), 0.10, (0.05, 0.15)),
    (0.00, (-0.01, 0.01), -0.10, (-0.15, -0.05)),
    (0.05, (-0.01, 0.11), -0.06, (-0.20, 0.08)),
    (0.00, (0.00, 0.00), 0.00, (0.00, 0.00)),
    (-0.30, (-0.32, -0.28), 0.50, (0.45, 0.55)),
]


@pytest.mark.parametrize("case", CASES)
def test_limits_are_the_extremes_over_both_intervals(case: Any) -> None:
    before, (least, most), change, (low, high) = case
    value, (lower, upper) = gap_growth(
        np.array([before]),
        (np.array([least]), np.array([most])),
        np.array([change]),
        (np.array([low]), np.array([high])),
    )
    g, c = np.meshgrid(np.linspace(least, most, 1001), np.linspace(low, high, 1001))
    grown = np.abs(g + c) - np.abs(g)
    assert value[0] == pytest.approx(abs(before + change) - abs(before))
    step = 2 * ((most - least) + (high - low)) / 1000 + 1e-12
    assert lower[0] == pytest.approx(grown.min(), abs=step)
    assert upper[0] == pytest.approx(grown.max(), abs=step)
    assert lower[0] <= grown.min() + 1e-12
    assert grown.max() <= upper[0] + 1e-12


def test_a_gap_without_limits_has_none() -> None:
    nan = np.array([np.nan])
    one = np.array([0.1])
    value, (lower, upper) = gap_growth(one, (one, one), one, (nan, nan))
    assert value[0] == pytest.approx(0.1)
    assert np.isnan(lower[0])
    assert np.isnan(upper[0])
