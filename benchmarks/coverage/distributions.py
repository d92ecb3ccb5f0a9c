"""The largest gap of two distributions, and quantiles; weights and clusters."""

from __future__ import annotations

from itertools import product

import numpy as np
from drawn import dependent, members
from fairweigh.metrics.distribution import Distributions
from fairweigh.metrics.gathered import SlicedRows
from numpy.random import Generator
from scipy.stats import norm
from studies import Cells, Study, Z, held


def _sliced(rng: Generator, kind: str, samples: int, n: int) -> tuple[SlicedRows, np.ndarray]:
    """Standard normal values, one sample per slice; of clusters n is their number."""
    if kind == "clusters":
        cluster, exists = members(rng, samples, n)
        values = dependent(rng, cluster, 0.3)
        slices = np.broadcast_to(np.arange(samples)[:, None], exists.shape)
        return SlicedRows(slices[exists], samples, None, cluster[exists]), values[exists]
    weight = rng.lognormal(0, 0.7, samples * n) if kind == "weights" else None
    return SlicedRows(np.repeat(np.arange(samples), n), samples, weight), rng.normal(size=samples * n)


KINDS = {"rows": (10, 30, 100, 1000), "weights": (30, 100, 1000), "clusters": (25, 50, 200)}
GRID = "n 10 to 1000, log-normal weights, 25, 50, 200 clusters (ICC .3)"


def gaps(rng: Generator, repeats: int) -> Cells:
    """Two normal samples of equal spread, equal or apart."""
    cells = {}
    for kind, apart in product(KINDS, (0.0, 0.5, 1.5)):
        for n in KINDS[kind]:
            samples = 2 * min(repeats, 500, 100_000 // n)
            rows, values = _sliced(rng, kind, samples, n)
            found = Distributions(rows, values + apart * (rows.slices % 2))
            even = np.arange(0, samples, 2)
            low, high = found.gaps(even, even + 1).limits(Z, 1.0)
            cells[f"{kind} n={n} apart={apart}"] = held(low, high, 2 * norm.cdf(apart / 2) - 1)
    return cells


def quantiles(rng: Generator, repeats: int) -> Cells:
    """Quartiles and far quantiles; one that no limit is known of makes no claim."""
    cells = {}
    for kind, share in product(KINDS, (0.1, 0.25, 0.5, 0.9)):
        for n in KINDS[kind]:
            samples = min(repeats, 1000, 300_000 // n)
            low, high = Distributions(*_sliced(rng, kind, samples, n)).quantile(share).limits(Z, 1.0)
            known = ~(np.isnan(low) | np.isnan(high))
            truth = norm.ppf(share)
            cells[f"{kind} n={n} share={share}"] = held(low, high, truth, known) if known.any() else np.nan
    return cells


STUDIES: dict[str, tuple[Study, str]] = {
    "largest gap of two distributions": (gaps, f"{GRID}; normal values 0, .5, 1.5 apart"),
    "quantile": (quantiles, f"{GRID}; shares .1, .25, .5, .9 of normal values"),
}
