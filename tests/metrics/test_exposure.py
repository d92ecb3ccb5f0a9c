"""Exposure of groups: values by hand, limits against the jackknife over queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fairweigh.metrics import compare
from fairweigh.metrics.exposure import (
    exposure_per_relevance,
    share_of_total,
    share_of_total_change,
    skew,
)
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.ranked import Ranked
from numpy.random import Generator
from numpy.typing import NDArray

Z = normal_quantile(0.95)
QUERIES = 300


def drawn(
    seed: int = 0, queries: Any = QUERIES, longest: int = 10, groups: int = 3
) -> tuple[SlicedRows, Ranked, Ranked, Generator]:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, longest + 1, queries)
    query = np.repeat(np.arange(queries), sizes)
    group = rng.choice(groups, len(query), p=[0.6, 0.3, 0.1][:groups] / np.sum([0.6, 0.3, 0.1][:groups]))

    def ranks(lean: float) -> Ranked:
        score = rng.normal(size=len(query)) - lean * group
        order = np.lexsort((-score, query))
        rank = np.empty(len(query), int)
        rank[order] = np.arange(len(query)) - (np.cumsum(sizes) - sizes)[query[order]] + 1
        return Ranked(query, rank, queries)

    return SlicedRows(group, groups, None, query), ranks(0.3), ranks(0.0), rng


def left_out(rows: SlicedRows, of: Callable[..., Any]) -> Any:
    """The jackknife's error over queries of a figure of chosen rows."""
    queries = np.unique(rows.cluster)
    found = np.array([of(rows.cluster != q) for q in queries])
    return np.sqrt((len(queries) - 1) / len(queries) * ((found - found.mean(0)) ** 2).sum(0))


def shares(rows: SlicedRows, values: NDArray[np.float64], keep: Any) -> Any:
    return np.bincount(rows.slices[keep], values[keep], rows.size) / values[keep].sum()


def test_shares_of_the_exposure_add_up_and_vary_as_the_jackknife_says() -> None:
    rows, ranked, _, _ = drawn()
    exposure = ranked.exposure()
    figure = share_of_total(rows, exposure)
    assert figure.value == pytest.approx(shares(rows, exposure, slice(None)))
    assert figure.value.sum() == pytest.approx(1)
    error = left_out(rows, lambda keep: shares(rows, exposure, keep))
    low, high = figure.limits(Z, 1.0)
    # One more query could give a group all or none of its exposure.
    assert np.all(((high - low) / 2 / error > Z) & ((high - low) / 2 / error < 1.4 * Z))
    assert np.sqrt(figure.dependence.variance) == pytest.approx(error, rel=0.01)


def test_two_groups_of_one_total_are_compared_as_what_one_gets_the_other_lacks() -> None:
    rows, ranked, _, _ = drawn(1, groups=2)
    exposure = ranked.exposure()
    figure = share_of_total(rows, exposure)
    index = np.array([0]), np.array([1])
    assert figure.dependence.correlation(*index)[0] == pytest.approx(-1)
    error = left_out(rows, lambda keep: -np.diff(shares(rows, exposure, keep)))
    _, (low, high) = compare.difference(figure, *index, Z)
    assert (high[0] - low[0]) / 2 / error[0] == pytest.approx(Z, rel=0.2)
    error = left_out(rows, lambda keep: -np.diff(np.log(shares(rows, exposure, keep))))
    _, (low, high) = compare.ratio(figure, *index, Z)
    assert np.log(high[0] / low[0]) / 2 / error[0] == pytest.approx(Z, rel=0.2)


def test_a_change_of_shares_varies_as_the_jackknife_says() -> None:
    rows, one, other, _ = drawn(2)
    before, after = one.exposure(5), other.exposure(5)
    figure, p = share_of_total_change(rows, before, after)
    assert figure.value == pytest.approx(shares(rows, after, slice(None)) - shares(rows, before, slice(None)))
    error = left_out(rows, lambda keep: shares(rows, after, keep) - shares(rows, before, keep))
    low, high = figure.limits(Z, 1.0)
    assert (high - low) / 2 / error == pytest.approx(np.full(3, Z), rel=0.25)
    assert np.all((p > 0) & (p < 1))
    same, p = share_of_total_change(rows, before, before)
    low, high = same.limits(Z, 1.0)
    assert np.all((same.value == 0) & (low < 0) & (high > 0) & (p == 1))


def test_exposure_per_relevance_and_skew_vary_as_the_jackknife_says() -> None:
    rows, ranked, _, rng = drawn(3)
    relevance = rng.integers(0, 3, len(rows.slices)).astype(float)
    exposure, (top, chance) = ranked.exposure(), ranked.top(3)

    def ratio(one: NDArray[np.float64], other: NDArray[Any]) -> Callable[..., Any]:
        def of(keep: Any) -> NDArray[Any]:
            sums = [np.bincount(rows.slices[keep], v[keep], rows.size) for v in (one, other)]
            return np.log(sums[0] / sums[1])

        return of

    for figure, of, log in (
        (exposure_per_relevance(rows, exposure, relevance), ratio(exposure, relevance), np.log),
        (skew(rows, top, chance), ratio(top, chance), lambda v: v),
    ):
        assert log(figure.value) == pytest.approx(of(slice(None)))
        low, high = figure.limits(Z, 1.0)
        error = left_out(rows, of)
        assert (log(high) - log(low)) / 2 / error == pytest.approx(np.full(3, Z), rel=0.2)


def test_a_group_that_is_never_at_the_top_is_not_certain_never_to_be() -> None:
    rows, ranked, _, _ = drawn(4)
    figure = skew(rows, np.where(rows.slices == 2, 0.0, ranked.top(3)[0]), ranked.top(3)[1])
    low, high = figure.limits(Z, 1.0)
    assert figure.value[2] == low[2] == -np.inf
    assert -6 < high[2] < 0


def test_shares_of_what_is_negative_are_refused() -> None:
    rows, ranked, _, _ = drawn(5)
    with pytest.raises(ValueError, match="not negative"):
        share_of_total(rows, -ranked.exposure())
