"""Standardised mean differences: skewed, weighted, clustered and matched."""

from __future__ import annotations

from itertools import product

import numpy as np
from drawn import CLUSTERS, GROUPS, ROWS, SIZES, dependent, members
from fairweigh.metrics.score_figures import SlicedScores
from fairweigh.metrics.scores import ScoreCollector
from fairweigh.metrics.standardised import smd_figure, standardised_differences
from numpy.random import Generator
from studies import Cells, Study, Z, held


def smd_limits(group, score, weight=None, cluster=None, everyone=False) -> tuple[float, float]:
    """Limits of the standardised difference of group 1 to group 0; nan where undefined."""
    if not 0 < group.sum() < len(group):
        return np.nan, np.nan
    keys = [("0",), ("1",)]
    collector = ScoreCollector(("g",), False)
    collector.add(group, keys, score, None, weight, None if cluster is None else cluster.astype(str))
    table = collector.table()
    if everyone:
        found = standardised_differences(table, ("g",), keys, 0, 0.95)
        return found.low[1], found.high[1]
    low, high = smd_figure(SlicedScores(table, ("g",), keys), 0).limits(Z, 1.0)
    return low[1], high[1]


def _smd(kind: str, everyone: bool = False) -> Study:
    """Two groups of means 0 and gap, standard deviations 1 and 2 (rows, weights) or 1 (clusters)."""

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        sizes = CLUSTERS if kind in ("clusters", "matched") else SIZES
        options = (0.1, 0.3) if kind in ("clusters", "matched") else (0.2, 0.5)
        for n, option, gap in product(sizes, options, (0.0, 1.0)):
            many = min(repeats, 400)
            limits = np.array([_one_smd(rng, kind, n, option, gap, everyone) for _ in range(many)])
            truth = gap / _smd_spread(kind, option, gap, everyone)
            name = "icc" if kind in ("clusters", "matched") else "share"
            size = "clusters" if kind in ("clusters", "matched") else "n"
            defined = ~np.isnan(limits[:, 0])
            cells[f"{size}={n} {name}={option} gap={gap}"] = held(limits[:, 0], limits[:, 1], truth, defined)
        return cells

    return study


def _smd_spread(kind: str, share: float, gap: float, everyone: bool) -> float:
    part = 0.5 if kind in ("clusters", "matched") else share
    inner = 1.0 if kind in ("clusters", "matched") else 1 - part + 4 * part
    return float(np.sqrt(inner + (part * (1 - part) * gap**2 if everyone else 0)))


def _one_smd(rng: Generator, kind: str, n: int, option: float, gap: float, everyone: bool):
    if kind in ("clusters", "matched"):
        cluster, exists = (v[0] for v in members(rng, 1, n))
        score = dependent(rng, cluster, option)
        group = rng.integers(0, 2, n)[cluster] if kind == "clusters" else np.arange(len(score)) % 2
        return smd_limits(
            group[exists], (score + gap * group)[exists], cluster=cluster[exists], everyone=everyone
        )
    group = (rng.random(n) < option).astype(np.int64)
    score = rng.normal(size=n) * np.where(group, 2, 1)
    if kind == "skewed":
        # Gamma of shape 1: mean and variance 1, scaled to the same two moments.
        score = (rng.exponential(size=n) - 1) * np.where(group, 2, 1)
    weight = None
    if kind == "weights":
        weight = rng.lognormal(0, 1, n)
    return smd_limits(group, score + gap * group, weight, everyone=everyone)


STUDIES: dict[str, tuple[Study, str]] = {
    "SMD, both: rows": (_smd("rows"), f"{ROWS}; share .2, .5; gap 0, 1; sd 1 and 2"),
    "SMD, both: skewed": (_smd("skewed"), f"{ROWS}; share .2, .5; gap 0, 1; exponential, sd 1 and 2"),
    "SMD, both: weights": (
        _smd("weights"),
        f"{ROWS}; share .2, .5; gap 0, 1; sd 1 and 2; log-normal weights",
    ),
    "SMD, both: clusters": (_smd("clusters"), GROUPS),
    "SMD, both: matched clusters": (_smd("matched"), f"{GROUPS}; each cluster in both groups"),
    "SMD, all: rows": (_smd("rows", True), f"{ROWS}; share .2, .5; gap 0, 1; sd 1 and 2"),
    "SMD, all: skewed": (_smd("skewed", True), f"{ROWS}; share .2, .5; gap 0, 1; exponential, sd 1 and 2"),
    "SMD, all: clusters": (_smd("clusters", True), GROUPS),
    "SMD, all: matched clusters": (_smd("matched", True), f"{GROUPS}; each cluster in both groups"),
}
