"""Rows planned before an audit, held to the chances of all tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairweigh.metrics.evidence import Pairs, Rates, evidence
from fairweigh.metrics.independent import change
from fairweigh.metrics.planning import Plan
from fairweigh.metrics.power import needed
from fairweigh.metrics.questions import Each
from fairweigh.metrics.requirement import Requirement
from scipy.stats import binom


@pytest.mark.parametrize(
    ("slices", "gap", "rows"), [(1, 0.0, 202), (1, 0.05, 658), (1, 0.2, 176), (20, 0.0, 417)]
)
def test_rows_of_the_stated_examples(slices: int, gap: float, rows: int) -> None:
    plan = Plan(0.1, "difference", 0.3, gap, slices=slices, reference_times=10)
    assert plan.rows() == rows


@pytest.mark.parametrize(("gap", "slices"), [(0.0, 1), (0.05, 1), (0.2, 1), (0.0, 5)])
def test_a_planned_gap_gate_decides_in_four_cases_of_five(gap: float, slices: int) -> None:
    plan = Plan(0.1, "difference", 0.3, gap, slices=slices, reference_times=10)
    n = plan.rows()
    x, y = np.arange(n + 1), np.arange(10 * n + 1)
    px, py = binom.pmf(x, n, 0.3 + gap), binom.pmf(y, 10 * n, 0.3)
    x, px = x[px > 1e-8], px[px > 1e-8]
    y, py = y[py > 1e-8], py[py > 1e-8]
    some = y[:: len(y) // 15]
    xx, yy = (v.ravel().astype(float) for v in np.meshgrid(x, some, indexing="ij"))
    pairs = Pairs(xx, np.full(xx.shape, float(n)), yy, np.full(xx.shape, 10.0 * n))
    ask = Requirement(0.1, True, "difference")
    hit = ask.p_pass(pairs) <= 0.05 if plan.passing else ask.p_fail(pairs) <= 0.05 / slices
    given = np.interp(y, some, px @ hit.reshape(len(x), len(some)))
    assert 0.75 <= given**slices @ py <= 0.95


@pytest.mark.parametrize(
    ("limit", "upper", "rate", "slices"),
    [(0.1, True, 0.05, 1), (0.1, True, 0.16, 4), (0.8, False, 0.87, 10), (0.02, True, 0.01, 3)],
)
def test_a_planned_value_gate_decides_in_four_cases_of_five(
    limit: float, upper: bool, rate: float, slices: int
) -> None:
    plan = Plan(limit, "value", rate, rate, slices=slices, upper=upper)
    n = plan.rows()
    x = np.arange(n + 1)
    ask, rates = Requirement(limit, upper), Rates(x.astype(float), np.full(n + 1, float(n)))
    chance = binom.pmf(x, n, rate)
    if plan.passing:
        found = (chance @ (ask.p_pass(rates) <= 0.05)) ** slices
    else:
        found = chance @ (ask.p_fail(rates) <= 0.05 / slices)
    assert 0.72 <= found <= 0.95


def test_a_truth_on_the_limit_needs_more_rows_than_there_are() -> None:
    assert Plan(0.1, "difference", 0.3, 0.1).rows() is None


def test_rows_needed_of_an_unpaired_change_ask_the_limits_of_more_rows(counted_figure: Any) -> None:
    """9 of 30 before, 10 of 30 after: a change of .033, where limits at one half lie beyond .04."""
    before, after = (
        counted_figure("selection_rate", ["a"] * 30, [0] * 30, [1] * x + [0] * (30 - x)) for x in (9, 10)
    )
    figure = change(before, after)
    assert figure.limits(0.0, 1.0)[1][0] > 0.04
    found = evidence(figure, np.array([0]), [0.05])
    # With the root of the rows alone p rose to 1 with the rows; asked for again it falls.
    p = [float(found.expected(times).below(0.04)[0]) for times in (1, 30, 1000)]
    assert p[0] > p[1] > p[2]
    # (1.645 + .842) standard errors of .12 for 30 rows each in a distance of .047.
    assert needed(Each(found, Requirement(0.08, True), 1), 0.05).times[0] == pytest.approx(41, abs=4)
