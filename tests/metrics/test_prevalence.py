"""Rates seen through a judge that errs: the estimate and its limits.

Outside answers: the closed forms of W. J. Rogan, B. Gladen 1978 (estimate and variance) and of Z. Lang,
J. Reiczigel 2014 (adjusted limits), written down here; the example of R's ``epiR::epi.prev`` (4 of 80, se .9,
sp .99: true prevalence 4.49 %); samples from a population whose true share is known.
"""

from __future__ import annotations

import numpy as np
import pytest
from fairweigh.metrics import compare
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.prevalence import Errors, corrected, corrected_change, rogan_gladen
from fairweigh.metrics.quotients import Quotient

Z = 1.959964


def errors(*cells: tuple[int, int, int, int], of: list[int] | None = None) -> Errors:
    """From found positives, positives, false positives, negatives of each slice."""
    found, positives, false, negatives = np.array(cells).T
    return Errors(found, positives, false, negatives, np.array(of or range(len(cells))))


def rate(positive: int, n: int, slices: int = 1) -> Figure:
    value = np.tile((np.arange(n) < positive).astype(float), slices)
    return Quotient().figure(SlicedRows(np.repeat(np.arange(slices), n), slices), value, np.ones(len(value)))


def test_the_estimate_is_that_of_epi_prev() -> None:
    assert float(rogan_gladen(4 / 80, 0.9, 0.01)) == pytest.approx(0.0449, abs=5e-5)
    found = corrected(rate(4, 80), errors((900, 1000, 10, 1000)))
    assert found.value[0] == pytest.approx(0.0449, abs=5e-5)


@pytest.mark.parametrize(
    ("positive", "cells"),
    [(3000, (900, 1000, 50, 1000)), (1500, (700, 1000, 100, 2000)), (8000, (900, 1000, 60, 800))],
)
def test_with_many_rows_the_standard_error_is_rogan_and_gladens(
    positive: int, cells: tuple[int, int, int, int]
) -> None:
    n, (found, positives, false, negatives) = 10_000, cells
    p, se, sp = positive / n, found / positives, 1 - false / negatives
    spread = se + sp - 1
    truth = (p + sp - 1) / spread
    variance = (
        p * (1 - p) / n + truth**2 * se * (1 - se) / positives + (1 - truth) ** 2 * sp * (1 - sp) / negatives
    )
    low, high = (end[0] for end in corrected(rate(positive, n), errors(cells)).limits(Z, 1.0))
    assert (high - low) / 2 == pytest.approx(Z * np.sqrt(variance) / spread, rel=0.04)


@pytest.mark.parametrize("cells", [(45, 50, 3, 50), (50, 50, 0, 50), (27, 30, 6, 60)])
def test_with_few_rows_limits_are_like_those_of_lang_and_reiczigel(cells: tuple[int, int, int, int]) -> None:
    n, positive, (found, positives, false, negatives) = 200, 50, cells
    n_, p = n + Z**2, (positive + Z**2 / 2) / (n + Z**2)
    se, sp = (found + 1) / (positives + 2), 1 - (false + 1) / (negatives + 2)
    spread, share = se + sp - 1, (p + sp - 1) / (se + sp - 1)
    vse, vsp = se * (1 - se) / (positives + 2), sp * (1 - sp) / (negatives + 2)
    middle = share + 2 * Z**2 * (share * vse - (1 - share) * vsp)
    half = Z * np.sqrt(p * (1 - p) / n_ + vse * share**2 + vsp * (1 - share) ** 2) / spread
    low, high = (end[0] for end in corrected(rate(positive, n), errors(cells)).limits(Z, 1.0))
    assert low == pytest.approx(max(middle - half, 0), abs=0.035)
    assert high == pytest.approx(min(middle + half, 1), abs=0.035)


def test_an_estimate_outside_is_clipped_and_no_limit_leaves_the_range() -> None:
    found = corrected(rate(12, 200), errors((45, 50, 10, 100)))
    low, high = (end[0] for end in found.limits(Z, 1.0))
    assert (found.value[0], low) == (0.0, 0.0)
    assert 0 < high < 0.2


def test_a_judge_without_labels_of_a_kind_or_that_tells_nothing_has_no_estimate() -> None:
    assert np.isnan(corrected(rate(2, 200), errors((45, 50, 100, 1000))).value[0])
    found = corrected(rate(50, 200, 3), errors((0, 0, 5, 50), (10, 50, 20, 50), (45, 50, 5, 50)))
    assert np.isnan(found.value).tolist() == [True, True, False]
    low, high = found.limits(Z, 1.0)
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [True, True, False]


def test_no_error_seen_in_the_judge_is_not_certain_to_be_none() -> None:
    plain = rate(50, 200)
    found = corrected(plain, errors((20, 20, 0, 20)))
    assert found.value[0] == plain.value[0]
    widths = [np.subtract(*(end[0] for end in one.limits(Z, 1.0)[::-1])) for one in (plain, found)]
    assert widths[1] > 1.2 * widths[0]


def test_more_rows_to_judge_do_not_make_the_judge_any_better() -> None:
    found = corrected(rate(50, 200), errors((45, 50, 5, 50)))
    widths = [np.subtract(*(end[0] for end in found.limits(Z, scale)[::-1])) for scale in (1.0, 1e4)]
    assert 0.5 * widths[0] < widths[1] < widths[0]


def test_what_slices_share_of_a_judge_is_no_part_of_their_difference() -> None:
    cluster = np.arange(800)
    value = np.concatenate([np.arange(400) < 120, np.arange(400) < 120]).astype(float)
    rows = SlicedRows(np.repeat([0, 1], 400), 2, None, cluster)
    plain = Quotient().figure(rows, value, np.ones(800))
    cell = (40, 50, 10, 50)
    widths = []
    for of in ([0, 0], [0, 1]):
        found = corrected(plain, errors(cell, cell, of=of))
        _, (low, high) = compare.difference(found, np.array([0]), np.array([1]), Z)
        widths.append(high[0] - low[0])
    assert widths[0] < 0.85 * widths[1]


def test_a_change_is_that_of_the_rate_over_what_the_judge_tells_apart() -> None:
    r = np.random.default_rng(3)
    before = (r.random(1000) < 0.3).astype(float)
    after = np.where(r.random(1000) < 0.1, 1.0, before)
    rows, one = SlicedRows(np.zeros(1000, np.int64), 1), np.ones(1000)
    change, _ = Quotient().change(rows, [before, one], [after, one])
    judge = errors((90, 100, 10, 100))
    first, second = (corrected(Quotient().figure(rows, side, one), judge) for side in (before, after))
    found = corrected_change(change, first, second, judge)
    assert found.value[0] == pytest.approx(change.value[0] / 0.8)
    low, high = (end[0] for end in found.limits(Z, 1.0))
    plain = (end[0] / 0.8 for end in change.limits(Z, 1.0))
    assert low < next(plain) < found.value[0] < next(plain) < high


@pytest.mark.parametrize(("truth", "se", "sp"), [(0.1, 0.9, 0.95), (0.3, 0.7, 0.8), (0.7, 0.98, 0.99)])
def test_limits_hold_the_true_share_of_clustered_answers(truth: float, se: float, sp: float) -> None:
    r, repeats, prompts, k = np.random.default_rng(11), 400, 40, 6
    share = r.beta(4 * truth, 4 * (1 - truth), (repeats, prompts, 1))
    positive = r.random((repeats, prompts, k)) < share
    judged = r.random((repeats, prompts, k)) < np.where(positive, se, 1 - sp)
    of = np.repeat(np.arange(repeats), prompts * k)
    cluster = np.repeat(np.arange(repeats * prompts), k)
    plain = Quotient().figure(
        SlicedRows(of, repeats, None, cluster), judged.reshape(-1).astype(float), np.ones(len(of))
    )
    judge = Errors(
        r.binomial(100, se, repeats), np.full(repeats, 100), r.binomial(100, 1 - sp, repeats),
        np.full(repeats, 100), np.arange(repeats),
    )  # fmt: skip
    low, high = corrected(plain, judge).limits(Z, 1.0)
    assert 0.92 < ((low <= truth) & (truth <= high)).mean() <= 0.995
