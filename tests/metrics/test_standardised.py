"""Standardised mean differences against pandas, scipy and a simulation of known truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairweigh.metrics.scores import ScoreCollector, ScoreTable
from fairweigh.metrics.standardised import Standardised, standardised_differences
from numpy.typing import NDArray
from scipy import stats

KEYS = [("a",), ("b",), ("c",)]


def gathered(groups: Any, score: Any, keys: Sequence[tuple[Any, ...]], rows: int = 1_000_000) -> ScoreTable:
    collector = ScoreCollector(("s",), False, exact_rows=rows)
    collector.add(np.asarray(groups, np.int64), keys, np.asarray(score, float), None, None)
    return collector.table()


def compared(
    groups: NDArray[Any] | list[Any],
    score: NDArray[np.float64] | list[Any],
    reference: int = 0,
    confidence: float = 0.95,
    keys: Sequence[tuple[Any, ...]] = KEYS,
    rows: int = 1_000_000,
) -> Standardised:
    return standardised_differences(gathered(groups, score, keys, rows), ("s",), keys, reference, confidence)


def test_values_are_those_of_pandas() -> None:
    r = np.random.default_rng(1)
    groups = r.integers(0, 3, 500)
    score = r.gamma(2, size=500) + groups
    found = compared(groups, score, reference=1)
    frame = pd.Series(score)
    means = frame.groupby(groups).mean()
    assert found.mean == pytest.approx(means.to_numpy())
    assert found.spread == pytest.approx(frame.std())
    assert found.value == pytest.approx(((means - means[1]) / frame.std()).to_numpy())
    assert (found.value[1], found.low[1], found.high[1]) == (0, 0, 0)


def test_between_equal_means_the_interval_is_welchs() -> None:
    r = np.random.default_rng(2)
    one, other = r.normal(size=40), 3 * r.normal(size=25)
    one, other = one - one.mean(), other - other.mean()
    found = compared([0] * 40 + [1] * 25, np.r_[one, other], keys=KEYS[:2])
    welch = stats.ttest_ind(other, one, equal_var=False)
    assert found.value[1] == pytest.approx(0, abs=1e-12)
    whole = np.r_[one, other].var(ddof=1)
    # A group's variance is at least that with two more rows that have the variance of all.
    parts = [x.var(ddof=1) / len(x) for x in (one, other)]
    least = [((len(x) - 1) * x.var(ddof=1) + 2 * whole) / (len(x) + 1) / len(x) for x in (one, other)]
    error = sum(max(*pair) for pair in zip(parts, least, strict=True))
    squares = np.r_[one**2 / 40**2, other**2 / 25**2]
    n = np.repeat([40, 25], [40, 25])
    freedom = min(welch.df, sum(parts) ** 2 / (squares**2).sum())
    assert freedom < (squares * n / (n - 1)).sum() ** 2 / (squares**2).sum() + 1e-9
    half = stats.t.ppf(0.975, freedom) * np.sqrt(error / whole)
    assert (found.low[1], found.high[1]) == pytest.approx((-half, half))
    assert half * found.spread == pytest.approx(welch.confidence_interval(0.95).high, rel=0.08)


@pytest.mark.parametrize("n", [30, 100, 1000])
def test_the_interval_holds_the_truth_of_skewed_scores(n: int) -> None:
    # Gamma scores of shapes 2 and 4, shares 0.7 and 0.3: mean 2 and 4, variance of the whole
    # 0.7 x 2 + 0.3 x 4 + 0.7 x 0.3 x 2^2 = 3.44.
    truth = 2 / np.sqrt(3.44)
    r = np.random.default_rng(n)
    held = 0
    for _ in range(1500):
        groups = (r.random(n) < 0.3).astype(int)
        found = compared(groups, r.gamma(2 + 2 * groups), keys=KEYS[:2])
        held += found.low[1] <= truth <= found.high[1]
    # 95 % nominal; 0.6 points is a standard error of the share over 1,500 draws. In few rows it holds more.
    assert 0.94 <= held / 1500 <= 0.99


def test_scores_counted_in_bins_give_nearly_the_same() -> None:
    r = np.random.default_rng(3)
    groups = r.integers(0, 2, 5000)
    score = r.normal(size=5000) + groups
    exact = compared(groups, score, keys=KEYS[:2])
    binned = compared(groups, score, keys=KEYS[:2], rows=0)
    assert binned.value == pytest.approx(exact.value, abs=1e-5)
    assert binned.low == pytest.approx(exact.low, abs=1e-4)


def test_what_cannot_be_computed_is_nan() -> None:
    alone = compared([0, 0, 0, 1], [1.0, 2.0, 4.0, 3.0], keys=KEYS[:2])
    assert np.isfinite(alone.value[1])
    assert np.isnan(alone.low[1])
    equal = compared([0, 0, 1, 1], [1.0] * 4, keys=KEYS[:2])
    assert np.isnan(equal.value[1])
    assert np.isnan(equal.high[1])
