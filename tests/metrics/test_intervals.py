"""Limits and p-values held to statsmodels, scipy and published examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fairweigh.metrics.intervals import (
    adjust_p,
    mover_difference,
    mover_ratio,
    normal_quantile,
    tango,
    wilson,
)
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

Z = normal_quantile(0.95)
TABLES = [
    (56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (6, 7, 2, 7), (5, 56, 0, 29), (1, 40, 2, 35),
    (95, 226, 215, 412), (7, 17, 215, 412), (30, 30, 20, 30), (3, 500, 60, 1000),
]  # fmt: skip


def newcombe(x1: int, n1: int, x2: int, n2: int, z: Any = Z) -> tuple[Any, Any]:
    a, b = np.array([x1 / n1]), np.array([x2 / n2])
    low, high = mover_difference(a, wilson(x1, n1, z), b, wilson(x2, n2, z))
    return float(low[0]), float(high[0])


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
@pytest.mark.parametrize("n", [1, 7, 30, 1000])
def test_wilson_equals_statsmodels(n: int, confidence: float) -> None:
    x = np.unique(np.linspace(0, n, 25).round())
    low, high = wilson(x, n, normal_quantile(confidence))
    expected = proportion_confint(x, n, 1 - confidence, method="wilson")
    np.testing.assert_allclose(low, expected[0], atol=1e-12)
    np.testing.assert_allclose(high, expected[1], atol=1e-12)


def test_wilson_equals_newcombes_published_examples() -> None:
    # R. G. Newcombe 1998, Stat. Med. 17:857-872, table I, method 3.
    for x, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert wilson(x, n, Z) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_no_rows_is_undefined_and_of_none_selected_starts_at_zero() -> None:
    assert np.isnan(wilson(0, 0, Z)).all()
    assert wilson(0, 10, Z)[0] == 0
    assert wilson(10, 10, Z)[1] == 1


@pytest.mark.parametrize("table", TABLES)
def test_difference_equals_statsmodels(table: Any) -> None:
    x1, n1, x2, n2 = table
    expected = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff")
    assert newcombe(*table) == pytest.approx(expected, abs=1e-9)


def test_difference_equals_newcombes_published_examples() -> None:
    # R. G. Newcombe 1998, Stat. Med. 17:873-890, table II, method 10.
    published = {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (6, 7, 2, 7): (0.0582, 0.8062),
        (5, 56, 0, 29): (-0.0381, 0.1926),
        (0, 10, 0, 20): (-0.1611, 0.2775),
        (10, 10, 0, 20): (0.6791, 1.0000),
    }
    for table, limits in published.items():
        assert newcombe(*table) == pytest.approx(limits, abs=5e-5)


# statsmodels gives complex or no limits where a proportion is 0 or 1; those have a test of their own.
INNER = [t for t in TABLES if 0 < t[0] < t[1] and 0 < t[2] < t[3]]


def test_difference_turns_round_when_the_slices_change_places() -> None:
    low, high = newcombe(56, 70, 48, 80)
    assert (-high, -low) == pytest.approx(newcombe(48, 80, 56, 70))


def test_ratio_of_a_public_hiring_audit() -> None:
    # New York Local Law 144 audit: selected Black male 95 of 226, White male 215 of 412.
    expected = confint_proportions_2indep(95, 226, 215, 412, compare="ratio", method="log")
    assert expected == pytest.approx((0.674, 0.963), abs=5e-4)
    a, b = np.array([95 / 226]), np.array([215 / 412])
    mover = mover_ratio(a, wilson(95, 226, Z), b, wilson(215, 412, Z))
    assert np.ravel(mover) == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize(("ours", "theirs"), [("holm", "holm"), ("benjamini-hochberg", "fdr_bh")])
def test_adjusted_p_equals_statsmodels_and_leaves_out_undefined(ours: str, theirs: str) -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5, 0.04, 0.9])
    np.testing.assert_allclose(adjust_p(p, ours), multipletests(p, method=theirs)[1])
    holed = adjust_p([0.01, np.nan, 0.04], ours)
    np.testing.assert_allclose(holed[[0, 2]], multipletests([0.01, 0.04], method=theirs)[1])
    assert np.isnan(holed[1])


def test_tango_equals_the_published_example() -> None:
    # T. Tango 1998, Stat. Med. 17:891-908: (a, b, c, d) = (1, 1, 7, 12).
    low, high = tango(1, 7, 21, Z)
    assert (float(low), float(high)) == pytest.approx((-0.517, -0.026), abs=1e-3)


def test_no_flips_leave_room_for_some() -> None:
    # Tango's score without discordant pairs is d sqrt(n / (1 - d^2 - ...)): z^2 / (n + z^2) (ibid.).
    low, high = tango(0, 0, 200, Z)
    assert (float(low), float(high)) == pytest.approx((-0.0188, 0.0188), abs=5e-5)
    assert float(high) == pytest.approx(Z**2 / (200 + Z**2), abs=1e-9)


def test_confidence_must_be_a_share() -> None:
    with pytest.raises(ValueError, match="confidence must be in"):
        normal_quantile(95)
