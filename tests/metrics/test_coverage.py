"""A small run of the coverage benchmark: limits that miss the truth far too often fail here, too."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "coverage.py"))
CHEAP = [
    "rate: Wilson (exact)", "change on the same rows: Tango", "weighted rate", "clustered rate", "F1",
    "balanced accuracy", "AUC", "max - min, equal slices", "max - min, worse of two metrics",
    "all slices against one: Sidak", "change of a gap, limit of the harm: MOVER on Tango",
    "growth of a gap, upper limit alone", "growth of a gap on other rows, upper limit alone",
    "change of a weighted rate", "change of a clustered rate",
    "change of balanced accuracy", "change of the AUC: paired DeLong", "change of the Brier score",
]  # fmt: skip


@pytest.mark.parametrize("name", CHEAP)
def test_limits_hold_the_truth(name):
    repeats = 12 if name.startswith("max - min") else 40
    study, _ = BENCH["STUDIES"][name]
    cells = list(study(np.random.default_rng(1), repeats).values())
    # One run in a million would fall below were every cell covered in 94 %.
    assert np.mean(cells) >= binom.ppf(1e-6, repeats * len(cells), 0.94) / (repeats * len(cells))
    assert min(cells) >= 0.7


def test_a_percentile_bootstrap_of_max_min_misses_nearly_always():
    study, _ = BENCH["STUDIES"]["(percentile bootstrap of max - min, equal slices)"]
    assert np.mean(list(study(np.random.default_rng(1), 20).values())) < 0.5


def test_plain_normal_limits_of_a_change_of_a_gap_miss_too_often():
    study, _ = BENCH["STUDIES"]["(plain normal limit of the harm)"]
    cells = study(np.random.default_rng(1), 20)
    assert cells["n=50,2000 flips=0.02,0.02 lost=0.8 gap=0.1"] < 0.8


def test_limits_of_two_absolute_gaps_miss_a_growth_too_often():
    """An absolute value is biased away from 0: why the growth on other rows is not MOVER on two of them."""
    study, _ = BENCH["STUDIES"]["(MOVER on two absolute gaps, upper limit alone)"]
    cells = study(np.random.default_rng(1), 100)
    assert cells["n=2000,2000 gap=0.0 step=0.05"] < 0.9


def test_a_fair_model_seldom_fails():
    # 3 kinds of data, 5 samples each; at most 5 % of all may fail, so 4 of 15 do once in 1800 runs.
    cells = BENCH["false_alarms"](np.random.default_rng(1), 5, slices=5)
    assert np.mean(list(cells.values())) >= 12 / 15
