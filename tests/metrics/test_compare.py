"""Disparities held to published figures, to AIF360's formulas written out, and to simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.engines import ARROW
from fairweigh.engines.cubes import counted
from fairweigh.metrics import compare, extremes
from fairweigh.metrics.counts import Counts, Tally
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.lockstep import run
from fairweigh.metrics.table import METRICS
from numpy.typing import NDArray

from ..melded import melded

# ProPublica's COMPAS recidivism scores, medium or high taken as positive: tp, fp, fn, tn.
COMPAS = {"African-American": (1369, 805, 532, 990), "Caucasian": (505, 349, 461, 1139)}


def between(
    figures: Mapping[Any, Figure], slices: NDArray[Any], form: Any, confidence: float
) -> extremes.Between | None:
    return run(extremes.between(figures, slices, form, confidence))


def tally_of(cells: Any) -> Tally:
    tp, fp, fn, tn = np.array(list(cells)).T
    keys: list[Any] = [(str(i),) for i in range(len(tp))]
    return Tally(("s",), keys, Counts(tp + fp + fn + tn, tp + fn, tp + fp, tp, fp, fn, tn))


def rates(x: list[Any] | NDArray[Any], n: Any) -> Any:
    x, n = np.asarray(x), np.asarray(n)
    keys: list[Any] = [(str(i),) for i in range(len(x))]
    return METRICS["selection_rate"].estimator.of(Tally(("s",), keys, Counts(n, selected=x)))  # type: ignore[attr-defined]


def test_disparities_of_compas() -> None:
    # Issue of the project: computed with fairlearn 0.15 from ProPublica's compas-scores-two-years.csv.
    tally = tally_of(COMPAS.values())
    figure = {m: METRICS[m].estimator.of(tally) for m in METRICS if METRICS[m].estimator.ratios}  # type: ignore[attr-defined]

    def extreme(form: str, *names: Any) -> Any:
        return between({m: figure[m] for m in names}, np.arange(2), form, 0.95).value

    odds = ("true_positive_rate", "false_positive_rate")
    assert extreme("difference", "selection_rate") == pytest.approx(0.2402002032, abs=1e-10)
    assert extreme("ratio", "selection_rate") == pytest.approx(0.5916375570, abs=1e-10)
    assert extreme("difference", *odds) == pytest.approx(0.2139249558, abs=1e-10)
    assert extreme("difference", "true_positive_rate") == pytest.approx(0.1973729638, abs=1e-10)


def test_extremes_name_their_slices_and_metric() -> None:
    found = between(
        {"a": rates([10, 20, 30], [100] * 3), "b": rates([50, 55, 52], [100] * 3)},
        np.arange(3),
        "difference",
        0.95,
    )
    assert (found.metric, found.slice, found.reference) == ("a", 2, 0)
    assert found.value == pytest.approx(0.2)


@pytest.mark.parametrize("k", [2, 5, 20])
def test_equal_slices_have_no_proven_gap(k: int) -> None:
    figure = rates([30] * k, [100] * k)
    gap = between({"m": figure}, np.arange(k), "difference", 0.95)
    share = between({"m": figure}, np.arange(k), "ratio", 0.95)
    assert (gap.value, gap.low) == (0, 0)
    assert (share.value, share.high) == (1, 1)
    assert gap.high > 0
    assert share.low < 1


def test_two_slices_are_two_ordered_pairs() -> None:
    """The lower limit pays for either direction, the upper one for none: quadrature at both levels."""
    figure = rates([56, 48], [70, 80])
    gap = between({"m": figure}, np.arange(2), "difference", 0.95)
    low, _ = melded((56, 70), (48, 80), 0.0125)
    _, high = melded((56, 70), (48, 80), 0.025)
    assert (gap.low, gap.high) == pytest.approx((low, high), abs=1e-6)


def test_fewer_than_two_defined_slices_have_no_gap() -> None:
    assert between({"m": rates([1, 0], [4, 0])}, np.arange(2), "difference", 0.95) is None
    assert between({"m": rates([0, 0], [4, 4])}, np.arange(2), "ratio", 0.95) is None


@pytest.mark.parametrize("alpha", [1, 2])
def test_entropy_equals_aif360_written_out(alpha: int) -> None:
    # aif360.metrics.ClassificationMetric.generalized_entropy_index over b = y_pred - y_true + 1.
    def index(b: NDArray[Any]) -> Any:
        if alpha == 1:
            ratio = b[b > 0] / b.mean()
            return (ratio * np.log(ratio)).sum() / len(b)
        return ((b / b.mean()) ** alpha - 1).sum() / (len(b) * alpha * (alpha - 1))

    benefits = [np.repeat([1, 2, 0, 1], cells) for cells in COMPAS.values()]
    within, between = compare.entropy_index(tally_of(COMPAS.values()), alpha)
    assert within == pytest.approx([index(b) for b in benefits])
    means = np.concatenate([np.full(len(b), b.mean()) for b in benefits])
    assert between == pytest.approx(index(means))
    whole, _ = compare.entropy_index(tally_of([np.sum(list(COMPAS.values()), axis=0)]), alpha)
    assert whole[0] == pytest.approx(index(np.concatenate(benefits)))


def test_differential_fairness_equals_the_smoothed_formula() -> None:
    # aif360.metrics smoothed_edf, concentration 1: (count + 1/2) / (n + 1) for either outcome.
    x, n = np.array([505 + 349, 1369 + 805, 3]), np.array([2454, 3696, 20])
    value, low, high, one, reference = run(
        extremes.differential_fairness(rates(x, n), x.astype(float), n.astype(float), np.arange(3), 0.95)
    )
    p = (x + 0.5) / (n + 1)
    expected = max(abs(np.log(q[i]) - np.log(q[j])) for q in (p, 1 - p) for i in range(3) for j in range(3))
    assert value == pytest.approx(expected)
    assert {one, reference} == {1, 2}
    assert low <= value <= high


def test_differential_fairness_is_unbounded_when_no_row_is_selected() -> None:
    # No selected row anywhere: any ratio of the selection rates is possible.
    n = np.array([40.0, 50.0])
    _, low, high, _, _ = run(
        extremes.differential_fairness(rates([0, 0], [40, 50]), np.zeros(2), n, np.arange(2), 0.95)
    )
    assert (low, high) == (0, np.inf)


def test_variance_between_slices_is_unbiased() -> None:
    rng = np.random.default_rng(1)
    n, p = np.array([30, 60, 100, 400]), np.array([0.3, 0.4, 0.35, 0.5])
    found = [compare.variance_between(rng.binomial(n, p) / n, n.astype(float), 0.95)[0] for _ in range(600)]
    assert np.mean(found) == pytest.approx(np.var(p, ddof=1), abs=3 * np.std(found) / np.sqrt(600))


def test_variance_between_equal_slices_may_be_nothing() -> None:
    value, low, high = compare.variance_between(np.full(5, 0.3), np.full(5, 100.0), 0.95)
    assert value == pytest.approx(-0.3 * 0.7 / 99)
    assert low <= 0 <= high


def test_limits_of_one_slice_against_many_equal_one_by_one() -> None:
    figure = rates([10, 20, 3], [100, 80, 33])
    value, (low, high) = compare.difference(figure, np.array([0, 2]), np.array([1, 1]), 1.96)
    for k, i in enumerate((0, 2)):
        one, limits = compare.difference(figure, np.array([i]), np.array([1]), 1.96)
        assert (value[k], low[k], high[k]) == pytest.approx((one[0], limits[0][0], limits[1][0]))


def test_ratio_to_a_zero_reference_is_undefined() -> None:
    value, (low, high) = compare.ratio(rates([5, 0], [10, 10]), np.array([0]), np.array([1]), 1.96)
    assert np.isnan([value[0], low[0], high[0]]).all()


def test_cube_and_counts_give_the_same_disparity() -> None:
    rows = [(r, *cell) for r, c in COMPAS.items() for cell in zip((1, 0, 1, 0), (1, 1, 0, 0), c, strict=True)]
    race, label, decision, n = map(list, zip(*rows, strict=True))
    table = pa.table({"race": race, "y_true": label, "y_pred": decision, "n": n})
    tally = counted(ARROW, table, ["race", "y_true", "y_pred"], count="n").tally(("race",))
    figure = METRICS["selection_rate"].estimator.of(tally)  # type: ignore[attr-defined]
    assert figure.value == pytest.approx([2174 / 3696, 854 / 2454])
