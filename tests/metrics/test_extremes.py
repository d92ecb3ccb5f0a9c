"""The largest gap over many slices: the search beside brute force, and how often its limits hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairweigh.metrics import compare, exact, extremes
from fairweigh.metrics.counts import Counts, Tally
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.lockstep import run
from fairweigh.metrics.picked import Picked
from fairweigh.metrics.table import METRICS
from numpy.typing import NDArray


def between(
    figures: dict[str, Any], slices: NDArray[Any], form: Any, confidence: float
) -> extremes.Between | None:
    return run(extremes.between(figures, slices, form, confidence))


def rates(x: list[Any] | NDArray[np.int64], n: list[Any] | NDArray[Any]) -> Any:
    counts = Counts(np.asarray(n), selected=np.asarray(x))
    return METRICS["selection_rate"].estimator.of(Tally(("s",), [(str(i),) for i in range(len(x))], counts))  # type: ignore[attr-defined]


def cells(drawn: NDArray[np.int64], name: str) -> Any:
    tp, fp, fn, tn = drawn.T
    keys: list[Any] = [(str(i),) for i in range(len(tp))]
    counts = Counts(drawn.sum(1), tp + fn, tp + fp, tp, fp, fn, tn)
    return METRICS[name].estimator.of(Tally(("s",), keys, counts))  # type: ignore[attr-defined]


def brute(figure: Figure, form: Any, confidence: float) -> tuple[Any, Any]:
    """Every ordered pair one by one: lower limits at the level shared out, upper ones at the level."""
    k = len(figure.value)
    i, j = (v.ravel() for v in np.meshgrid(np.arange(k), np.arange(k), indexing="ij"))
    i, j = i[i != j], j[i != j]
    tail = (1 - confidence) / 2
    pairs = compare.pair_evidence(figure, i, j, form, (tail, tail / len(i)))
    low, high = pairs.lower(tail / len(i)), pairs.upper(tail)
    neutral = 0.0 if form == "difference" else 1.0
    return max(np.nanmax(low), neutral), np.nanmax(np.where(np.isnan(high), np.inf, high))


@pytest.mark.parametrize("form", ["difference", "ratio"])
@pytest.mark.parametrize("rare", [0.02, 0.3])
def test_the_search_among_many_slices_equals_brute_force(
    form: str, rare: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ties, and slices of no success."""
    monkeypatch.setattr(extremes, "ALL_PAIRS", 2)
    r = np.random.default_rng(int(1000 * rare))
    for trial in range(8):
        k = 9
        n = r.choice([10, 30, 30, 200, 1000], k)
        x = r.binomial(n, np.clip(rare + r.normal(0, rare / 2, k), 0.001, 1))
        x[1], n[1] = x[0], n[0]
        if trial % 2:
            x[2] = 0
        if x.max() == 0:
            continue
        figure = rates(x, n)
        found = between({"m": figure}, np.arange(k), form, 0.95)
        low, high = brute(figure, form, 0.95)
        if form == "ratio":
            low, high = 1 / high, 1 / low
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-7, rel=1e-6)


@pytest.mark.parametrize("form", ["difference", "ratio"])
def test_the_search_among_figures_with_other_limits_equals_brute_force(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extremes, "ALL_PAIRS", 2)
    r = np.random.default_rng(3)
    for _ in range(4):
        figure = cells(r.multinomial(r.choice([40, 300], 7), [0.4, 0.1, 0.15, 0.35]), "balanced_accuracy")
        assert figure.binomial is None
        found = between({"m": figure}, np.arange(7), form, 0.95)
        low, high = brute(figure, form, 0.95)
        if form == "ratio":
            low, high = 1 / high, 1 / low
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


def test_the_worst_of_two_metrics_pays_for_the_pairs_of_both() -> None:
    a, b = rates([10, 30, 20], [100] * 3), rates([50, 55, 52], [100] * 3)
    found = between({"a": a, "b": b}, np.arange(3), "difference", 0.95)
    assert found.low == pytest.approx(max(0, float(exact.pair_lower(30, 100, 10, 100, 0.025 / 12))), abs=1e-7)


@pytest.mark.parametrize(
    ("sizes", "rate"), [((1000, 30), 0.01), ((1000, 30), 0.02), ((5000, 10), 0.02), ((30, 30), 0.3)]
)
@pytest.mark.parametrize("k", [5, 20])
def test_the_limits_of_equal_slices_start_at_zero(sizes: Any, rate: float, k: int) -> None:
    """At the full level of 2.5 % six or more of 100 samples would start above it in one case of 27."""
    r, n = np.random.default_rng(11), np.resize(sizes, k)
    samples = 100
    above = 0
    for _ in range(samples):
        found = extremes.Extremes({"m": rates(r.binomial(n, rate), n)}, np.arange(k), ratio=False)
        above += found.limit(0.025, "lower")[0] > 0
    assert above <= 5


def test_the_variance_between_a_hundred_slices_is_covered() -> None:
    r = np.random.default_rng(2)
    for n, p, spread in ((30, 0.05, 0.0), (1000, 0.05, 0.02), (30, 0.5, 0.1), (100, 0.02, 0.01)):
        truth_rates = p + np.linspace(-1, 1, 100) * spread
        truth = np.var(truth_rates, ddof=1)
        hits = 0
        for _ in range(20):
            x = r.binomial(n, truth_rates)
            _, low, high = compare.variance_between(x / n, np.full(100, float(n)), 0.95)
            hits += bool(low - 1e-12 <= truth <= high + 1e-12)
        assert hits >= 17, (n, p)


def test_picked_references_pay_for_the_choice() -> None:
    """Impact ratios of equal slices: any p below .05 in at most 5 % of samples; p and limits agree."""
    r, any_found, k = np.random.default_rng(4), 0, 20
    for n, rate in ((100, 0.3), (40, 0.1)):
        for _ in range(60):
            figure = rates(r.binomial(n, rate, k), np.full(k, n))
            if figure.value.max() == 0:
                continue
            best, every = int(np.argmax(figure.value)), np.arange(k)
            asks = Picked(figure, every[every != best], every, best, "ratio", True, 0.8, 0.05)
            p, (_, high) = asks.p_apart(), asks.interval(0.05)
            any_found += bool((p < 0.05).any())
            clear = np.abs(p - 0.05) > 1e-6
            np.testing.assert_array_equal((high < 1)[clear], (p < 0.05)[clear])
    assert any_found <= 6


def test_a_clearly_lower_slice_is_told_in_p_and_limits() -> None:
    figure = rates([100, 60, 95], [200, 200, 200])
    asks = Picked(figure, np.array([1, 2]), np.arange(3), 0, "ratio", True, 0.8, 0.05)
    p, (low, high) = asks.p_apart(), asks.interval(0.05)
    assert p[0] < 0.05 < p[1]
    assert low[0] < 0.6 < high[0] < 1
    assert high[1] == 1


def test_a_slice_beside_those_the_reference_is_picked_from_may_be_better() -> None:
    """20 of 20 in a slice too small to be the reference: above 140 of 200, and so are its limits."""
    figure = rates([140, 60, 20], [200, 120, 20])
    asks = Picked(figure, np.array([1, 2]), np.array([0, 1]), 0, "ratio", True, 0.8, 0.05)
    low, high = asks.interval(0.05)
    assert np.all((low <= asks.value) & (asks.value <= high))
    assert asks.value[1] == pytest.approx(1 / 0.7)


@pytest.mark.parametrize("form", ["difference", "ratio"])
@pytest.mark.parametrize("highest", [True, False])
def test_limits_against_a_picked_reference_are_the_largest_over_all_slices(form: Any, highest: bool) -> None:
    """Every pair solved for: with ties, few successes and a slice that could not have been picked."""
    r = np.random.default_rng(9)
    for k, rare in ((3, 0.3), (12, 0.4), (12, 0.02)):
        n = r.choice([40, 300, 300, 2000], k)
        x = r.binomial(n, np.clip(rare + r.normal(0, rare / 3, k), 0.002, 1))
        x[1], n[1] = x[0], n[0]
        figure, every, among = rates(x, n), np.arange(k), np.arange(k - 1)
        best = int(among[(np.argmax if highest else np.argmin)(figure.value[among])])
        items = every[every != best]
        asks = Picked(figure, items, among, best, form, highest, 0.8, 0.05)
        low, high = asks.interval(0.05)
        neutral = 1.0 if form == "ratio" else 0.0
        for place, item in enumerate(items.tolist()):
            others = among[among != item]
            one, other = np.full(len(others), item), others
            left, right = (other, one) if highest else (one, other)
            pairs = compare.pair_evidence(figure, left, right, form, ())
            floor = neutral if item in among else -np.inf
            ends = (
                np.fmax(np.nanmax(limit), floor)
                for limit in (pairs.lower(0.025 / asks.claims), pairs.upper(0.025))
            )
            with np.errstate(divide="ignore"):
                least, most = (float(asks.shown(np.asarray(end))) for end in ends)
            expected = (most, least) if highest else (least, most)
            assert (low[place], high[place]) == pytest.approx(expected, rel=1e-9, abs=1e-12)
