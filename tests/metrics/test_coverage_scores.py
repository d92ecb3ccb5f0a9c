"""A small run of the coverage of score figures: limits that miss the truth far too often fail here, too."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "coverage"))
ROOMS = {
    "means", "losses", "areas", "standardised", "moves", "regressions", "classes", "rankings",
    "distributions",
}  # fmt: skip
STUDIES = {
    name: study
    for room in BENCH["LOADED"]
    if room.__name__ in ROOMS
    for name, study in room.STUDIES.items()
    # Those in brackets show what is not used.
    if not name.startswith("(")
}
WORST = {
    # Nothing in a sample without a heavy row tells of them: 21 % of samples of 30 rows.
    "mean score: rare heavy stratum": 0.55,
    # Ten log-normal scores, five groups of skewed gaps.
    "mean score: ranks": 0.6,
    "twins: mean gap": 0.5,
    # Squares of log-normal errors: ten rows do not show their tail.
    "mean absolute error": 0.5,
    "root mean squared error": 0.4,
    "R squared": 0.6,
    "R squared: weights": 0.6,
    "ratio of means": 0.6,
    "change of macro figures": 0.5,
}


FEWER = {
    "exposure of a group": 6,
    "change of macro figures": 5,
    "macro F1": 8,
    "macro precision": 8,
    "macro recall": 8,
}
SKEWED = {"root mean squared error": 0.88}
"""Averages over grids a quarter of which are log-normal errors."""


@pytest.mark.parametrize("name", STUDIES)
def test_limits_hold_the_truth(name: Any) -> None:
    repeats = FEWER.get(name, 20)
    study, _ = STUDIES[name]
    cells = [c for c in study(np.random.default_rng(1), repeats).values() if not np.isnan(c)]
    # One run in a million would fall below were every cell covered in 93 %.
    share = SKEWED.get(name, 0.93)
    assert np.mean(cells) >= binom.ppf(1e-6, repeats * len(cells), share) / (repeats * len(cells))
    assert min(cells) >= WORST.get(name, 0.7)


def test_a_studentised_bootstrap_of_clusters_misses_too_often() -> None:
    room = next(room for room in BENCH["LOADED"] if room.__name__ == "regressions")
    used, bootstrap = (
        room.STUDIES[name][0](np.random.default_rng(1), 12)
        for name in ("R squared and ratio of means: clusters", "(studentised bootstrap of the clusters)")
    )
    assert np.mean(list(bootstrap.values())) < 0.92
    assert np.mean(list(used.values())) > 0.94
