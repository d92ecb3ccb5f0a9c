"""A small run of the coverage of score figures: limits that miss the truth far too often fail here, too."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "coverage"))
ROOMS = {"means", "losses", "areas", "standardised", "moves"}
STUDIES = {
    name: study for room in BENCH["LOADED"] if room.__name__ in ROOMS for name, study in room.STUDIES.items()
}
WORST = {
    # Nothing in a sample without a heavy row tells of them: 21 % of samples of 30 rows.
    "mean score: rare heavy stratum": 0.55,
    # Ten log-normal scores, five groups of skewed gaps.
    "mean score: ranks": 0.6,
    "twins: mean gap": 0.5,
}


@pytest.mark.parametrize("name", STUDIES)
def test_limits_hold_the_truth(name):
    repeats = 20
    study, _ = STUDIES[name]
    cells = [c for c in study(np.random.default_rng(1), repeats).values() if not np.isnan(c)]
    # One run in a million would fall below were every cell covered in 93 %.
    assert np.mean(cells) >= binom.ppf(1e-6, repeats * len(cells), 0.93) / (repeats * len(cells))
    assert min(cells) >= WORST.get(name, 0.7)
