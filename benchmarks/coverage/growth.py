"""A gap before and after: its change, and its growth that a change gate judges."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
from fairweigh.metrics import compare, gap_growth, independent
from fairweigh.metrics.counts import Counts
from fairweigh.metrics.figures import Figure
from fairweigh.metrics.intervals import mover_difference
from fairweigh.metrics.table import METRICS
from numpy.random import Generator
from paired import joint_tally, moved
from studies import ONE_SIDED, Cells, Study, Z, held, tally

PAIRS = ((50, 2000), (200, 2000), (2000, 2000))
FLIPS = ((0.02, 0.02), (0.06, 0.02), (0.02, 0.06))
"""Flip rates of the slice and of its reference."""
GAPS = (0.0, 0.01, 0.03, 0.1, -0.03)


def two_slices(rng: Generator, repeats: int, gaps: Iterable[float]) -> Iterable[tuple]:
    """Name, true gap and change, both figures and the flip rates; slices 0, 2, ... against 1, 3, ..."""
    metric = METRICS["selection_rate"]
    for sizes, flips, lost, gap in product(PAIRS, FLIPS, (0.5, 0.8), gaps):
        chances = [moved(0.4 + g, f, share) for g, f, share in zip((gap, 0), flips, (lost, 0.5), strict=True)]
        drawn = [rng.multinomial(n, c, repeats) for n, c in zip(sizes, chances, strict=True)]
        cells = np.stack(drawn, axis=1).reshape(-1, 4)
        seen = joint_tally(cells)
        before = metric.estimator.of(tally(Counts(n=cells.sum(1), selected=cells[:, 2:].sum(1))))
        change = metric.estimator.change_of(seen)
        steps = [c[1] - c[2] for c in chances]
        name = f"n={sizes[0]},{sizes[1]} flips={flips[0]},{flips[1]} lost={lost} gap={gap}"
        yield name, gap, steps[0] - steps[1], before, change, cells[:, 1:3].sum(1) / cells.sum(1)


def _gap_change(side: str, wald: bool = False) -> Study:
    """One limit of the change of a gap: the one that bounds the harm done to the slice, or the other.

    MOVER on Tango's limits, or the plain normal limits that it must not be given, for comparison.
    """

    def study(rng: Generator, repeats: int) -> Cells:
        cells = {}
        for name, _, truth, _, change, flipped in two_slices(rng, 5 * repeats, (0.1,)):
            one = np.arange(0, 10 * repeats, 2)
            value, (low, high) = compare.difference(change, one, one + 1, ONE_SIDED)
            if wald:
                variance = (flipped - change.value**2) / change.n
                error = ONE_SIDED * np.sqrt(variance[::2] + variance[1::2])
                low, high = value - error, value + error
            low, high = (low, np.inf) if side == "harm" else (-np.inf, high)
            cells[name] = held(np.broadcast_to(low, value.shape), np.broadcast_to(high, value.shape), truth)
        return cells

    return study


def _growth(side: str, z: float) -> Study:
    """|gap after| - |gap before|: both limits, or the upper one alone, which a change gate needs."""

    def study(rng: Generator, repeats: int) -> Cells:
        repeats, cells = min(repeats, 200), {}
        for name, gap, step, before, change, _ in two_slices(rng, repeats, GAPS):
            one = np.arange(0, 2 * repeats, 2)
            _, (low, high) = gap_growth.growth(before, change, one, one + 1, z)
            low = np.full(len(one), -np.inf) if side == "upper" else low
            cells[name] = held(low, high, abs(gap + step) - abs(gap))
        return cells

    return study


def _growth_of_samples(side: str, z: float, absolute: bool = False) -> Study:
    """|gap after| - |gap before| of two independent samples of either slice.

    ``absolute``: MOVER on the limits of the two absolute gaps, which it must not be given, for comparison.
    """
    metric = METRICS["selection_rate"]

    def drawn(rng: Generator, sizes: tuple[int, int], gap: float, repeats: int) -> Figure:
        x = np.stack(
            [rng.binomial(n, 0.4 + g, repeats) for n, g in zip(sizes, (gap, 0), strict=True)], axis=1
        )
        return metric.estimator.of(tally(Counts(n=np.tile(sizes, repeats), selected=x.reshape(-1))))

    def study(rng: Generator, repeats: int) -> Cells:
        repeats, cells = min(repeats, 200), {}
        for sizes, gap, step in product(PAIRS, GAPS, (0.0, 0.05, -0.05)):
            before, after = (drawn(rng, sizes, g, repeats) for g in (gap, gap + step))
            one = np.arange(0, 2 * repeats, 2)
            if absolute:
                gaps = [compare.difference(figure, one, one + 1, z) for figure in (after, before)]
                low, high = mover_difference(*(part for g in gaps for part in _folded(*g)))
            else:
                _, (low, high) = gap_growth.growth(before, independent.change(before, after), one, one + 1, z)
            low = np.full(len(one), -np.inf) if side == "upper" else low
            cells[f"n={sizes[0]},{sizes[1]} gap={gap} step={step}"] = held(
                low, high, abs(gap + step) - abs(gap)
            )
        return cells

    return study


def _folded(value: np.ndarray, limits: tuple[np.ndarray, np.ndarray]) -> tuple:
    """A difference and its limits on the absolute scale."""
    low, high = limits
    nearest = np.where((low <= 0) & (high >= 0), 0, np.minimum(abs(low), abs(high)))
    return np.abs(value), (nearest, np.maximum(abs(low), abs(high)))


MOVES = "n 50/2000, 200/2000, 2000/2000; flips 2, 6 %, half or four fifths of them lost"
SAMPLES = "n 50/2000, 200/2000, 2000/2000; gap before 0, .01, .03, .1, -.03; change 0, .05, -.05"
BEFORE = "gap before 0, .01, .03, .1, -.03"
STUDIES: dict[str, tuple[Study, str]] = {
    "change of a gap, limit of the harm: MOVER on Tango": (_gap_change("harm"), MOVES),
    "change of a gap, the other limit: MOVER on Tango": (_gap_change("other"), MOVES),
    "(plain normal limit of the harm)": (_gap_change("harm", wald=True), MOVES),
    "growth of a gap, upper limit alone": (_growth("upper", ONE_SIDED), f"{MOVES}; {BEFORE}"),
    "growth of a gap, both limits": (_growth("both", Z), f"{MOVES}; {BEFORE}"),
    "growth of a gap on other rows, upper limit alone": (_growth_of_samples("upper", ONE_SIDED), SAMPLES),
    "growth of a gap on other rows, both limits": (_growth_of_samples("both", Z), SAMPLES),
    "(MOVER on two absolute gaps, upper limit alone)": (
        _growth_of_samples("upper", ONE_SIDED, absolute=True),
        SAMPLES,
    ),
}
