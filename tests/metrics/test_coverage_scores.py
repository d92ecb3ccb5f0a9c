"""A small run of the coverage of score figures: limits that miss the truth far too often fail here, too."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "coverage"))
ROOMS = {
    "means", "losses", "areas", "standardised", "moves", "regressions", "errors", "classes", "multilabels",
    "toplabels", "rankings", "distributions",
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
    "change of the mean absolute error": 0.6,
    "change of the root mean squared error": 0.6,
    "change of the root mean squared error: weights": 0.5,
    "changes of errors: 10 clusters": 0.5,
    "changes of errors: 25 clusters": 0.5,
    "changes of errors: 50 clusters": 0.5,
    "errors and quantiles: 10 clusters": 0.6,
}


FEWER = {
    "changes of errors: 10 clusters": 2,
    "changes of errors: 25 clusters": 2,
    "changes of errors: 50 clusters": 2,
    "changes of exact match, Hamming loss, micro recall": 6,
    "figures of several labels": 6,
    "changes of micro precision and F1": 1,
    "errors and quantiles: 10 clusters": 2,
    "errors and quantiles: 25 clusters": 2,
    "errors and quantiles: 50 clusters": 1,
    "R squared and ratio of means: 10 clusters": 5,
    "R squared and ratio of means: 25 clusters": 5,
    "R squared and ratio of means: 50 clusters": 5,
    "exposure of a group": 6,
    "change of macro figures": 5,
    "macro F1": 8,
    "macro precision": 8,
    "macro recall": 8,
}
SKEWED = {"root mean squared error": 0.88}
"""Averages over grids a quarter of which are log-normal errors."""


@pytest.fixture(autouse=True, scope="module")
def _smaller() -> Iterator[None]:
    """Populations that are drawn to know the truth are smaller here, and rows have fewer labels."""
    with pytest.MonkeyPatch.context() as patch:
        for room in BENCH["LOADED"]:
            if room.__name__ in ("errors", "toplabels"):
                patch.setattr(room, "MANY", 200_000)
            if room.__name__ == "multilabels":
                patch.setattr(room, "LABELS", {"3 labels": 3})
        yield


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
    bootstrap = room.STUDIES["(studentised bootstrap of the clusters)"][0](np.random.default_rng(1), 200)
    used = [
        share
        for clusters in room.CLUSTERS
        for share in room.STUDIES[f"R squared and ratio of means: {clusters} clusters"][0](
            np.random.default_rng(1), 3
        ).values()
    ]
    assert np.mean(list(bootstrap.values())) < 0.92
    assert np.mean(used) > 0.94
