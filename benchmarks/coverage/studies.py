"""What every study shares: what one is, how its limits are counted, and its line of the table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from fairweigh.metrics.counts import Counts, Tally
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.intervals import normal_quantile
from fairweigh.metrics.table import METRICS
from numpy.random import Generator

Z = normal_quantile(0.95)
ONE_SIDED = normal_quantile(0.90)
"""Either limit alone then holds in 95 %."""
Cells = dict[str, float]
"""Coverage of each cell of a grid; of what fails by chance, the share that does not."""
Study = Callable[[Generator, int], Cells]


def held(low, high, truth, defined=True) -> float:
    """Share of the defined limits that hold the truth; limits that are nan do not."""
    holds = (low <= truth + 1e-9) & (truth - 1e-9 <= high)
    return float(np.mean(holds[np.broadcast_to(defined, holds.shape)]))


def tally(counts: Counts, **more) -> Tally:
    return Tally((), [(str(i),) for i in range(len(counts.n))], counts, **more)


def proportions(x: np.ndarray, n: np.ndarray) -> Figure:
    """Selection rates ``x / n`` as a figure."""
    return METRICS["selection_rate"].estimator.of(tally(Counts(n=n, selected=x)))


def line(name: str, grid: str, cells: Cells) -> str:
    """One row of the table."""
    cells = {cell: value for cell, value in cells.items() if not np.isnan(value)}
    values = np.array(list(cells.values()))
    worst = min(cells, key=lambda c: cells[c])
    below = int((values < 0.94).sum())
    return (
        f"| {name} | {grid} | {len(values)} | {100 * values.mean():.1f} | {100 * cells[worst]:.1f} "
        f"({worst}) | {below} |"
    )
