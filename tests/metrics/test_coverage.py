"""A thin sample of the coverage benchmark: limits and verdicts that are wrong far too often fail here."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

FOLDER = Path(__file__).parents[2] / "benchmarks" / "coverage"
BENCH = runpy.run_path(str(FOLDER))
ROOMS = {room.__name__: room for room in BENCH["LOADED"]}
ALPHA = 0.05
CHEAP = [
    "rate: Clopper-Pearson (exact)", "F1", "balanced accuracy", "max - min of equal slices starts at 0",
    "all slices against one, together", "weighted rate", "rate: rare heavy stratum, seen", "clustered rate",
    "clustered rate, unequal clusters", "difference over the same clusters", "change on the same rows: Tango",
    "change of a weighted rate", "change of a clustered rate", "change of balanced accuracy",
    "change of a gap, limit of the harm: MOVER on Tango", "AUC",
    "change of the AUC: paired DeLong", "change of the Brier score", "bias of templates", "entity F1",
]  # fmt: skip
SLOW = {
    "max - min of equal slices starts at 0": 2, "all slices against one, together": 3,
    "difference over the same clusters": 4,
}  # fmt: skip


def cells_of(name: str, repeats: int) -> Any:
    study, _ = BENCH["STUDIES"][name]
    return study(np.random.default_rng(1), repeats)


@pytest.mark.parametrize("name", CHEAP)
def test_limits_hold_the_truth(name: str) -> None:
    repeats = SLOW.get(name, 8)
    cells = list(cells_of(name, repeats).values())
    # One run in a million would fall below were every cell covered in 94 %.
    assert np.mean(cells) >= binom.ppf(1e-6, repeats * len(cells), 0.94) / (repeats * len(cells))
    assert min(cells) >= 0.5


def test_exact_limits_of_a_rate_hold_in_every_cell_and_those_of_wilson_do_not() -> None:
    assert min(cells_of("rate: Clopper-Pearson (exact)", 1).values()) >= 0.95
    assert min(cells_of("(rate: Wilson, exact)", 1).values()) < 0.9


def test_a_percentile_bootstrap_of_max_min_misses_nearly_always() -> None:
    assert np.mean(list(cells_of("(percentile bootstrap of it)", 4).values())) < 0.5


def test_plain_normal_limits_of_a_change_of_a_gap_miss_too_often() -> None:
    cells = cells_of("(plain normal limit of the harm)", 20)
    assert cells["n=50,2000 flips=0.02,0.02 lost=0.8 gap=0.1"] < 0.8


def test_limits_of_two_absolute_gaps_miss_a_growth_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """An absolute value is biased away from 0: why the growth on other rows is not MOVER on two of them."""
    monkeypatch.setattr(ROOMS["growth"], "PAIRS", ((2000, 2000),))
    monkeypatch.setattr(ROOMS["growth"], "GAPS", (0.0,))
    cells = cells_of("(MOVER on two absolute gaps, upper limit alone)", 200)
    assert cells["n=2000,2000 gap=0.0 step=0.05"] < 0.91


# ---- verdicts: exact ---------------------------------------------------------------------------------


def test_a_value_at_its_limit_fails_by_chance_in_no_more_than_the_level() -> None:
    room = ROOMS["atlimit"]
    assert max(room.values().values()) <= ALPHA
    # What the grid is for: limits of Wilson at Sidak's confidence fail nearly every fair model of 100 slices.
    assert max(room.values(old=True).values()) > 0.99


@pytest.mark.parametrize("form", ["difference", "ratio"])
def test_a_comparison_at_its_limit_fails_by_chance_in_no_more_than_the_level(form: str) -> None:
    cells = ROOMS["atlimit"].pairs(form, sizes=[(10, 10), (30, 30)], slices=(1, 20, 100))
    assert max(cells.values()) <= ALPHA


def test_the_rule_before_failed_fair_models_at_rare_rates() -> None:
    cells = ROOMS["atlimit"].pairs("difference", old=True, sizes=[(30, 1000)], slices=(100,))
    assert max(cells.values()) > 0.4


def test_fair_slices_pass_and_one_at_the_limit_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ROOMS["passes"], "MOST_COUNTS", 30)
    setting = ROOMS["passes"].Setting
    fair = setting(500, (0.3,) * 20, 20_000, 0.3, 0.1)
    unfair = setting(500, (0.3,) * 19 + (0.4,), 20_000, 0.3, 0.1)
    assert fair.chance("pass") >= 0.95
    assert unfair.chance("pass") <= ALPHA


# ---- verdicts: drawn ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "six gates a fair model meets only just: each does not fail",
        "gates on gaps of F1 do not fail",
        "changes alike for all: nobody is said to pay",
    ],
)
def test_a_fair_model_is_seldom_found_wanting(name: str) -> None:
    cells = cells_of(name, 2)
    # At most 5 % of runs may.
    assert np.mean(list(cells.values())) >= 0.9
    assert min(cells.values()) >= 0.5


def test_of_many_variants_just_over_the_limit_some_pass() -> None:
    """Why a choice on the rows that judge it is not certified."""
    cells = cells_of("no variant passes without a selection split", 200)
    assert cells["n=500 variants=1 alike=0.5"] >= 0.9
    assert cells["n=500 variants=16 alike=0.5"] < 0.85
