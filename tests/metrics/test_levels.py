"""Chances of verdicts, summed over every table: false fails, fair and false passes, power at rows_needed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from fairweigh.metrics import power
from fairweigh.metrics.contrast import DIFFERENCE, F1, RATIO, Contrast
from fairweigh.metrics.counts import Counts, Tally
from fairweigh.metrics.evidence import Pairs, Rates, evidence
from fairweigh.metrics.figures import phi
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.questions import Each, Question
from fairweigh.metrics.requirement import Requirement
from fairweigh.metrics.table import METRICS
from numpy.typing import NDArray
from scipy.stats import binom, fisher_exact, multinomial

ALPHA = 0.05


def likely(n: int, p: float, least: float = 1e-10) -> tuple[Any, Any]:
    """Counts that are seen at all, and their chances."""
    x = np.arange(n + 1)
    chance = binom.pmf(x, n, p)
    return x[chance > least], chance[chance > least]


def tables(
    n: int, p: float, m: int, q: float
) -> tuple[tuple[Any, NDArray[Any], Any, NDArray[Any]], Any, Any]:
    """Arrays of every likely pair of counts, the slice's along the rows, and both chances."""
    (x, px), (y, py) = likely(n, p), likely(m, q)
    xx, yy = (part.ravel().astype(float) for part in np.meshgrid(x, y, indexing="ij"))
    return (xx, np.full(xx.shape, float(n)), yy, np.full(xx.shape, float(m))), px, py


def per_reference(
    decide: Callable[..., Any], n: int, p: float, m: int, q: float, contrast: Contrast = DIFFERENCE
) -> tuple[Any, Any]:
    """Chance that a slice is decided given each likely count of the reference, and the latter's chances."""
    arrays, px, py = tables(n, p, m, q)
    return px @ decide(Pairs(*arrays, contrast)).reshape(len(px), len(py)), py


def any_of(chance: Any, py: Any, k: int) -> Any:
    """Chance that any of k slices is decided, which are independent given the reference."""
    return float((1 - (1 - chance) ** k) @ py)


# ---- false fails -------------------------------------------------------------------------------------


@pytest.mark.parametrize("upper", [True, False])
def test_a_value_on_the_limit_fails_in_at_most_five_percent(upper: bool) -> None:
    grid = [
        *product((1, 5, 20, 100), (10, 30, 60, 300), (0.005, 0.01, 0.02, 0.1, 0.5, 0.98)),
        (20, 700, 0.01),
    ]
    for k, n, p in grid:
        x, chance = likely(n, p)
        p_fail = Requirement(p, upper).p_fail(Rates(x.astype(float), np.full(len(x), float(n))))
        one = chance[p_fail <= ALPHA / k].sum()
        assert 1 - (1 - one) ** k <= ALPHA, (k, n, p)


@pytest.mark.parametrize(
    ("k", "n", "m", "rate", "limit"),
    [
        (20, 40, 40, 0.01, 0.02), (20, 40, 400, 0.01, 0.02),
        (5, 30, 30, 0.01, 0.0), (100, 30, 300, 0.02, 0.0),
        (20, 30, 1000, 0.02, 0.05), (5, 60, 20, 0.5, 0.1), (20, 10, 60, 0.88, 0.1), (1, 10, 10, 0.3, 0.1),
    ],
)  # fmt: skip
def test_a_difference_on_the_limit_fails_in_at_most_five_percent(
    k: int, n: int, m: int, rate: float, limit: float
) -> None:
    requirement = Requirement(limit, True, "difference")
    for truth in (rate + limit, rate - limit):
        if 0 <= truth <= 1:
            chance, py = per_reference(lambda e: requirement.p_fail(e) <= ALPHA / k, n, truth, m, rate)
            assert any_of(chance, py, k) <= 0.055, truth


@pytest.mark.parametrize("fold", ["ratio", "none"])
@pytest.mark.parametrize(
    ("k", "n", "m", "rate"), [(5, 30, 300, 0.1), (20, 60, 1000, 0.05), (20, 40, 60, 0.5), (100, 30, 300, 0.7)]
)
def test_a_ratio_on_the_limit_fails_in_at_most_five_percent(
    fold: Any, k: int, n: int, m: int, rate: float
) -> None:
    requirement = Requirement(0.8, False, fold)
    for truth in (0.8 * rate, rate / 0.8) if fold == "ratio" else (0.8 * rate,):
        chance, py = per_reference(lambda e: requirement.p_fail(e) <= ALPHA / k, n, truth, m, rate, RATIO)
        assert any_of(chance, py, k) <= 0.055, truth


@pytest.mark.parametrize(("k", "n", "m", "share"), [(19, 12, 40, 0.3), (5, 30, 30, 0.8), (20, 25, 200, 0.05)])
def test_f1_on_the_limit_fails_in_at_most_five_percent(k: int, n: int, m: int, share: float) -> None:
    """Given TP + FP + FN, F1 is 2 s / (1 + s) of a binomial share s; precision is a share itself."""
    f1 = 2 * share / (1 + share)
    for limit in (0.0, 0.1):
        other = (f1 + limit) / (2 - f1 - limit)
        requirement = Requirement(limit, True, "difference")
        chance, py = per_reference(
            lambda e, r=requirement: r.p_fail(e) <= ALPHA / k, n, other, m, share, Contrast(scale=F1)
        )
        assert any_of(chance, py, k) <= 0.055
        chance, py = per_reference(
            lambda e, r=requirement: r.p_fail(e) <= ALPHA / k, n, share + limit, m, share
        )
        assert any_of(chance, py, k) <= 0.055


@pytest.mark.parametrize("limit", [0.02, 0.1, 0.3])
def test_a_folded_difference_has_its_size_at_either_end(limit: float) -> None:
    requirement = Requirement(limit, True, "difference")
    for n, m in ((8, 8), (30, 12), (15, 60)):
        x, y = np.arange(n + 1), np.arange(m + 1)
        xx, yy = (v.ravel().astype(float) for v in np.meshgrid(x, y, indexing="ij"))
        p = requirement.p_fail(Pairs(xx, np.full(xx.shape, n), yy, np.full(xx.shape, m))).reshape(
            n + 1, m + 1
        )
        for rate, theta in product((0.01, 0.1, 0.35, 0.5, 0.7, 0.95), (limit, -limit)):
            if 0 <= rate + theta <= 1:
                chance = np.outer(binom.pmf(x, n, rate + theta), binom.pmf(y, m, rate))
                for level in (0.05, 0.005):
                    assert chance[p <= level].sum() <= level, (n, m, rate, theta)


def test_at_no_allowed_difference_the_folded_p_is_fishers_doubled() -> None:
    requirement = Requirement(0.0, True, "difference")
    for x, n, y, m in ((3, 10, 8, 9), (0, 30, 2, 7), (40, 50, 20, 44)):
        sides = [fisher_exact([[x, n - x], [y, m - y]], a).pvalue for a in ("less", "greater")]
        pair = Pairs(*(np.array([float(v)]) for v in (x, n, y, m)))  # type: ignore[arg-type]
        found = requirement.p_fail(pair)[0]
        assert found == pytest.approx(min(1, 2 * min(sides)), rel=1e-5)


# ---- passes ------------------------------------------------------------------------------------------


def passes(n: int, p: float, m: int, q: float, limit: float, step: int) -> tuple[Any, Any]:
    """Chance of a slice's pass given the reference's count, worked out at every ``step``-th, and weights."""
    requirement = Requirement(limit, True, "difference")
    (x, px), (y, py) = likely(n, p), likely(m, q, 1e-7)
    some = y[::step]
    xx, yy = (part.ravel().astype(float) for part in np.meshgrid(x, some, indexing="ij"))
    p_pass = requirement.p_pass(Pairs(xx, np.full(xx.shape, float(n)), yy, np.full(xx.shape, float(m))))
    given = px @ (p_pass <= ALPHA).reshape(len(x), len(some))
    return np.interp(y, some, given), py


@pytest.mark.parametrize(
    ("k", "n", "rate", "least"), [(20, 500, 0.3, 0.95), (5, 300, 0.28, 0.84), (5, 300, 0.3, 0.81)]
)
def test_equal_slices_pass(k: int, n: int, rate: float, least: float) -> None:
    given, py = passes(n, rate, 20_000, rate, 0.1, 20)
    assert given**k @ py >= least


def test_one_slice_of_twenty_on_the_limit_passes_in_at_most_five_percent() -> None:
    fair, py = passes(500, 0.3, 20_000, 0.3, 0.1, 40)
    for rate in (0.2, 0.4):
        at, _ = passes(500, rate, 20_000, 0.3, 0.1, 40)
        assert fair**19 * at @ py <= ALPHA


@pytest.mark.parametrize(("k", "n", "m", "tpr", "tnr"), [(20, 200, 30, 0.5, 0.99), (6, 40, 40, 0.95, 0.95)])
def test_balanced_accuracy_on_the_limit_fails_in_at_most_five_percent(
    k: int, n: int, m: int, tpr: float, tnr: float
) -> None:
    """By every table of either class: few of one class decide, far into the tail."""
    x, px = likely(n, tpr, 1e-7)
    y, py = likely(m, tnr, 1e-7)
    tp, tn = (part.ravel() for part in np.meshgrid(x, y, indexing="ij"))
    tally = Tally(("g",), [(str(i),) for i in range(len(tp))], Counts(
        np.full(len(tp), n + m), np.full(len(tp), n), tp + m - tn, tp, m - tn, n - tp, tn
    ))  # fmt: skip
    figure = METRICS["balanced_accuracy"].estimator.of(tally)  # type: ignore[attr-defined]
    chance, truth = np.outer(px, py).ravel(), (tpr + tnr) / 2
    held = evidence(figure, np.arange(len(tp)), (ALPHA, ALPHA / k))
    for p in (held.below(truth), held.above(truth)):
        assert 1 - (1 - chance[p <= ALPHA / k].sum()) ** k <= ALPHA


# ---- the rows needed ---------------------------------------------------------------------------------


def question(
    requirement: Requirement,
    x: Any,
    n: Any,
    y: int | None = None,
    m: int | None = None,
) -> Each:
    x, n = np.asarray(x, float), np.asarray(n, float)
    if y is None:
        return Each(Rates(x, n), requirement, len(x))
    form = RATIO if requirement.fold == "ratio" else DIFFERENCE
    return Each(Pairs(x, n, np.full(len(x), float(y)), np.full(len(x), float(m)), form), requirement, len(x))


def decided(q: Each, times: Any, more: float = 0.5) -> Any:
    """Chance that so many times the rows decide as was measured, were the truth as measured.

    A rate is taken as (x + more) / (n + 2 more), as the rows needed take it: none is 0.
    """
    passing = bool(np.all(q.holds))
    r, e = q.requirement, q.evidence
    if isinstance(e, Rates):
        out: list[Any] = []
        for x, n in zip(e.x, e.n, strict=True):
            seen, chance = likely(round(n * times), (x + more) / (n + 2 * more))
            rates = Rates(seen.astype(float), np.full(len(seen), round(n * times), float))
            one = r.p_pass(rates) <= ALPHA if passing else r.p_fail(rates) <= ALPHA / q.claims
            out.append(chance @ one)
        return np.prod(out) if passing else 1 - np.prod(1 - np.array(out))
    m, rate = round(e.n2[0] * times), (e.x2[0] + more) / (e.n2[0] + 2 * more)  # type: ignore[attr-defined]
    y, py = likely(m, rate, 1e-6)
    some = y[:: max(1, len(y) // 12)]
    out = []
    for x, n in zip(e.x1, e.n1, strict=True):  # type: ignore[attr-defined]
        seen, chance = likely(round(n * times), (x + more) / (n + 2 * more), 1e-6)
        xx, yy = (part.ravel().astype(float) for part in np.meshgrid(seen, some, indexing="ij"))
        pairs = Pairs(
            xx,
            np.full(xx.shape, round(n * times), float),
            yy,
            np.full(xx.shape, float(m)),
            e.contrast,  # type: ignore[attr-defined]
        )
        one = r.p_pass(pairs) <= ALPHA if passing else r.p_fail(pairs) <= ALPHA / q.claims
        out.append(np.interp(y, some, chance @ one.reshape(len(seen), len(some))))
    each = np.array(out)
    return (np.prod(each, 0) if passing else 1 - np.prod(1 - each, 0)) @ py


DIFFER = Requirement(0.1, True, "difference")


def test_two_equal_slices_are_decided_by_the_rows_they_are_told_to_need() -> None:
    """TP 70 FN 30 in either: 100 rows do not prove a gap of at most .1; those named do in four of five."""
    q = question(DIFFER, [70], [100], 70, 100)
    times = float(power.needed(q, ALPHA).times[0])
    assert 2 < times < 10
    assert 0.75 <= decided(q, times, 0) <= 0.95
    assert decided(q, 637 / 400, 0) < 0.3


@pytest.mark.parametrize(
    "q",
    [
        question(Requirement(0.2, True), [13], [90]),
        question(Requirement(0.7, False), [41, 77, 40], [50, 100, 50]),
        question(Requirement(0.05, True), [4, 1, 2, 0, 3, 2, 1, 9, 2, 3], [60] * 10),
        question(Requirement(0.05, True), [1, 0, 1], [90, 60, 80]),
        question(DIFFER, [28, 33, 30], [90, 110, 100], 120, 400),
        question(DIFFER, [50], [100], 70, 220),
        # Many slices that all break or all keep the limit, against a reference no larger than one of them.
        question(DIFFER, [46] * 12, [100] * 12, 30, 100),
        question(Requirement(0.2, True, "difference"), [18] * 12, [60] * 12, 18, 60),
        question(Requirement(0.6, False, "ratio"), [45] * 6, [100] * 6, 90, 100),
        question(Requirement(0.02, True, "difference"), [4, 9, 5], [100, 100, 100], 10, 300),
        question(Requirement(0.8, False, "ratio"), [50, 45], [100, 100], 100, 200),
        question(Requirement(0.8, False, "ratio"), [32], [100], 100, 200),
    ],
)
def test_the_rows_needed_decide_in_four_cases_of_five(q: Each) -> None:
    times = float(power.needed(q, ALPHA).times[0])
    assert 1 < times < 60
    assert 0.75 <= decided(q, times) <= 0.95


@pytest.mark.parametrize(
    "q",
    [
        question(Requirement(0.5, False), [50], [100]), question(DIFFER, [40], [100], 100, 200),
        question(Requirement(0.8, False, "ratio"), [40], [100], 100, 200),
    ],
)  # fmt: skip
def test_no_rows_decide_what_lies_on_the_limit(q: Question) -> None:
    found = power.needed(q, ALPHA)
    assert np.isnan(found.times[0])
    assert np.isnan(found.halfway[0])


def test_matthews_correlation_at_its_limit_misses_no_more_than_the_level() -> None:
    """Exact: every table of ten rows. With a Jeffreys prior it was up to 27 %."""
    n = 10
    cells = np.array([c for c in product(range(n + 1), repeat=4) if sum(c) == n])
    tp, fp, fn, tn = cells.T
    counts = Counts(tp + fp + fn + tn, tp + fn, tp + fp, tp, fp, fn, tn)
    tally = Tally(("s",), [(str(i),) for i in range(len(cells))], counts)
    low, high = METRICS["matthews_correlation"].estimator.of(tally).limits(normal_quantile(0.9), 1.0)  # type: ignore[attr-defined]
    for base, found, wrong in (
        (0.5, 0.99, 0.02), (0.2, 0.99, 0.02), (0.5, 0.5, 0.5), (0.3, 0.9, 0.4), (0.2, 0.3, 0.05)
    ):  # fmt: skip
        share = np.array([base * found, (1 - base) * wrong, base * (1 - found), (1 - base) * (1 - wrong)])
        chance, truth = multinomial.pmf(cells, n, share), phi(share)
        assert chance @ (high < truth) <= 0.055
        assert chance @ (low > truth) <= 0.055
