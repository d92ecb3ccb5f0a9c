"""Ratios of sums: limits over whole clusters, against the jackknife that leaves each cluster out."""

from __future__ import annotations

import numpy as np
import pytest
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.quotients import Apart, Icat, Quotient

RNG = np.random.default_rng(20)
CLUSTERS, EACH = 20, 12
CLUSTER = np.repeat(np.arange(CLUSTERS), EACH)
BOTTOM = (RNG.random(len(CLUSTER)) < 0.8).astype(float)
TOP = BOTTOM * np.where(RNG.random(len(CLUSTER)) < 0.3 + 0.02 * CLUSTER, 1.0, -1.0)


def rows(cluster: np.ndarray | None = CLUSTER, n: int = len(CLUSTER)) -> SlicedRows:
    return SlicedRows(np.zeros(n, np.int64), 1, None, cluster)


def test_the_standard_error_is_the_jackknifes_over_clusters() -> None:
    figure = Quotient(signed=True).figure(rows(), TOP, BOTTOM)
    assert figure.value[0] == pytest.approx(TOP.sum() / BOTTOM.sum())
    assert figure.n[0] == BOTTOM.sum()
    left = [TOP[c != CLUSTER].sum() / BOTTOM[c != CLUSTER].sum() for c in range(CLUSTERS)]
    error = np.sqrt((CLUSTERS - 1) / CLUSTERS * ((left - np.mean(left)) ** 2).sum())
    low, high = (limit[0] for limit in figure.limits(1.959964, 1.0))
    # Student's with at most 19 degrees of freedom.
    assert 2.09 < (high - low) / 2 / error < 2.45
    by_row = Quotient(signed=True).figure(rows(None), TOP, BOTTOM)
    narrow = np.subtract(*(limit[0] for limit in by_row.limits(1.959964, 1.0)[::-1]))
    assert high - low > 1.2 * narrow


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_bias_without_exception_is_one_and_never_certain(sign: float) -> None:
    figure = Quotient(signed=True).figure(rows(), sign * BOTTOM, BOTTOM)
    low, high = (limit[0] for limit in figure.limits(1.959964, 1.0))
    assert figure.value[0] == sign
    assert (-1 <= low < high == 1) if sign > 0 else (-1 == low < high <= 1)


def test_no_row_in_the_denominator_is_undefined() -> None:
    figure = Quotient().figure(rows(), 0 * BOTTOM, 0 * BOTTOM)
    assert np.isnan(figure.value[0])
    assert figure.n[0] == 0


def test_a_change_is_paired_by_cluster_and_that_of_nothing_is_not_certain() -> None:
    turned = np.where(RNG.random(len(TOP)) < 0.1, -TOP, TOP)
    change, p = Quotient(signed=True).change(rows(), [TOP, BOTTOM], [turned, BOTTOM])
    assert change.value[0] == pytest.approx((turned - TOP).sum() / BOTTOM.sum())
    low, high = (limit[0] for limit in change.limits(1.959964, 1.0))
    assert low < change.value[0] < high
    assert 0 < p[0] < 1
    same, p = Quotient(signed=True).change(rows(), [TOP, BOTTOM], [TOP, BOTTOM])
    low, high = (limit[0] for limit in same.limits(1.959964, 1.0))
    assert same.value[0] == 0
    assert low < 0 < high
    assert p[0] == 1


def test_differences_of_ratios_tell_the_smaller_denominator() -> None:
    here = (np.arange(len(TOP)) % 3 == 0).astype(float)
    right = (TOP > 0).astype(float)
    figure = Apart().figure(rows(), right * here, here, right * (1 - here), 1 - here)
    assert figure.value[0] == pytest.approx(right[here == 1].mean() - right[here == 0].mean())
    assert figure.least is not None
    assert figure.least[0] == here.sum()


@pytest.mark.parametrize(("score", "language"), [(0.62, 0.93), (0.31, 0.8)])
def test_icat_is_the_authors_formula_with_its_slope(score: float, language: float) -> None:
    means = np.array([[score, 1.0, language, 1.0]])
    icat = Icat()
    assert icat.of(means)[0] == pytest.approx(language * min(score, 1 - score) / 0.5)
    step = 1e-6
    for k in range(4):
        up, down = means.copy(), means.copy()
        up[0, k] += step
        down[0, k] -= step
        slope = (icat.of(up)[0] - icat.of(down)[0]) / (2 * step)
        assert icat.smooth.gradient(means)[0, k] == pytest.approx(slope, abs=1e-5)
