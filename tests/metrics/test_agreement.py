"""Kappa and Matthews correlation against scikit-learn, and cells against single rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairweigh.metrics.agreement import KAPPA, MATTHEWS, agreement, agreement_change
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.smooth import Smooth
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from .classes import confused, drawn

Z = normal_quantile(0.95)
KINDS = [(KAPPA, cohen_kappa_score), (MATTHEWS, matthews_corrcoef)]


# Where one label alone is seen the figure is undefined, of which scikit-learn warns.
@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(10, 80), st.booleans(), st.sampled_from(KINDS))
def test_values_are_those_of_scikit_learn(seed: int, n: int, weighted: Any, kind: Any) -> None:
    smooth, outside = kind
    slices, label, before, after = drawn(seed, n)
    weight = np.random.default_rng(seed).lognormal(size=n) if weighted else None
    figure = agreement(smooth, confused(slices, label, before, weight=weight))
    changed, _ = agreement_change(smooth, confused(slices, label, before, after, weight=weight))
    low, high = figure.limits(Z, 1.0)
    for i in np.unique(slices):
        own = slices == i
        w = None if weight is None else weight[own]
        expected = [outside(label[own], side[own], sample_weight=w) for side in (before, after)]
        if np.isnan(figure.value[i]):
            continue
        assert figure.value[i] == pytest.approx(expected[0])
        assert np.isnan(changed.value[i]) or changed.value[i] == pytest.approx(expected[1] - expected[0])
        assert -1 <= low[i] <= figure.value[i] <= high[i] <= 1
        assert low[i] < high[i]


@pytest.mark.parametrize(("smooth", "outside"), KINDS)
def test_limits_agree_with_the_jackknife(smooth: Smooth, outside: Any) -> None:
    slices, label, before, after = drawn(1, 400, slices=1)
    for figure, of in (
        (agreement(smooth, confused(slices, label, before)), lambda k: outside(label[k], before[k])),
        (
            agreement_change(smooth, confused(slices, label, before, after))[0],
            lambda k: outside(label[k], after[k]) - outside(label[k], before[k]),
        ),
    ):
        left_out = np.array([of(np.arange(400) != i) for i in range(400)])
        error = np.sqrt(399 / 400 * ((left_out - left_out.mean()) ** 2).sum())
        low, high = figure.limits(Z, 1.0)
        assert (high[0] - low[0]) / 2 / error == pytest.approx(Z, rel=0.15)
        assert figure.n[0] == 400


def test_cells_of_equal_weights_or_of_lone_clusters_have_the_limits_of_rows() -> None:
    slices, label, before, _ = drawn(2, 200)
    plain = agreement(KAPPA, confused(slices, label, before))
    weighted = agreement(KAPPA, confused(slices, label, before, weight=np.full(200, 2.5)))
    clustered = agreement(KAPPA, confused(slices, label, before, cluster=np.arange(200)))
    for other in (weighted, clustered):
        assert other.value == pytest.approx(plain.value)
        for end in (0, 1):
            assert other.limits(Z, 1.0)[end] == pytest.approx(plain.limits(Z, 1.0)[end])


def test_perfect_agreement_is_not_certain() -> None:
    slices, label, _, _ = drawn(3, 60)
    low, high = agreement(MATTHEWS, confused(slices, label, label)).limits(Z, 1.0)
    assert np.all((low < 0.95) & (low > 0.5) & (high == 1))


def test_one_class_alone_has_no_agreement_beyond_chance() -> None:
    ones = np.zeros(10, int)
    for smooth in (KAPPA, MATTHEWS):
        assert np.isnan(agreement(smooth, confused(ones, ones, ones)).value[0])
