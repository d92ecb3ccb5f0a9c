"""How often fair models pass, unfair ones pass falsely, and how often the rows said to be needed decide.

Summed over the counts, nothing is drawn. Of a large reference every few counts stand for those beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from atlimit import ALPHA
from fairweigh.metrics.evidence import Pairs, Rates
from fairweigh.metrics.power import needed
from fairweigh.metrics.questions import Each
from fairweigh.metrics.requirement import Requirement
from scipy.stats import binom

MOST_COUNTS = 200
"""Counts of the reference that are looked at."""


@dataclass(frozen=True)
class Setting:
    """Slices of ``n`` rows with true rates, against a reference of ``many`` rows."""

    n: int
    rates: tuple[float, ...]
    many: int
    rate: float
    limit: float

    def chance(self, verdict: str) -> float:
        """Chance that every slice passes, or that any fails."""
        x2, weight = _counts(self.many, self.rate)
        kept = np.ones(len(x2))
        for p1, count in zip(*np.unique(self.rates, return_counts=True), strict=True):
            kept *= self._each(float(p1), x2, verdict) ** count
        return float(weight @ (kept if verdict == "pass" else 1 - kept))

    def _each(self, p1: float, x2: np.ndarray, verdict: str) -> np.ndarray:
        """Chance that a slice passes, or that it does not fail, for each count of the reference."""
        x1 = np.arange(self.n + 1)
        x1 = x1[binom.pmf(x1, self.n, p1) > 1e-9]
        if verdict == "pass":
            least = _first(lambda x, j: self._decides(x, x2[j], "pass", low=True), x1, len(x2))
            most = _first(lambda x, j: ~self._decides(x, x2[j], "pass", low=False), x1, len(x2))
            return np.maximum(binom.cdf(most - 1, self.n, p1) - binom.cdf(least - 1, self.n, p1), 0)
        low = _first(lambda x, j: ~self._decides(x, x2[j], "fail", low=True), x1, len(x2))
        high = _first(lambda x, j: self._decides(x, x2[j], "fail", low=False), x1, len(x2))
        return np.maximum(binom.cdf(high - 1, self.n, p1) - binom.cdf(low - 1, self.n, p1), 0)

    def _decides(self, x1: np.ndarray, x2: np.ndarray, verdict: str, *, low: bool) -> np.ndarray:
        """Whether counts of the slice decide on the low side (or the high one)."""
        whole = np.full(len(x1), float(self.n)), np.full(len(x1), float(self.many))
        pairs = Pairs(x1.astype(float), whole[0], x2.astype(float), whole[1])
        asked = Requirement(self.limit, True, "difference")
        if verdict == "pass":
            return asked.parts(pairs)[0 if low else 1] <= ALPHA
        return (asked.p_fail(pairs) <= ALPHA / len(self.rates)) & ((pairs.value < 0) == low)


def _first(holds: Callable, x1: np.ndarray, size: int) -> np.ndarray:
    """The smallest count from which on something holds, for each count of the reference."""
    least, most = np.full(size, -1), np.full(size, len(x1))
    for _ in range(int(np.ceil(np.log2(len(x1) + 1)))):
        j = np.flatnonzero(most - least > 1)
        middle = (least[j] + most[j]) // 2
        found = holds(x1[middle], j)
        least[j], most[j] = np.where(found, least[j], middle), np.where(found, middle, most[j])
    return np.append(x1, x1[-1] + 1)[most]


def _counts(n: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Likely counts, thinned out, and the chance that each stands for."""
    x = np.arange(n + 1)
    x = x[binom.pmf(x, n, p) > 1e-9]
    parts = np.array_split(x, min(MOST_COUNTS, len(x)))
    weight = np.array([binom.pmf(part, n, p).sum() for part in parts])
    return np.array([part[len(part) // 2] for part in parts]), weight / weight.sum()


# ---- passes ------------------------------------------------------------------------------------------


def settings() -> str:
    """Fair models that should pass, and one slice at the limit, which should not."""
    lines = [
        "| slices | rows each | reference | all fair: pass | one at the limit: pass |",
        "|--:|--:|--:|--:|--:|",
    ]
    for k, n in ((20, 500), (5, 300)):
        fair = Setting(n, (0.3,) * k, 20_000, 0.3, 0.1)
        unfair = [Setting(n, (0.3,) * (k - 1) + (edge,), 20_000, 0.3, 0.1) for edge in (0.2, 0.4)]
        false = max(s.chance("pass") for s in unfair)
        lines.append(f"| {k} | {n} | 20,000 | {100 * fair.chance('pass'):.1f} | {100 * false:.1f} |")
    return "\n".join(lines)


# ---- the rows that are needed ------------------------------------------------------------------------


def smoothed(rate: float, n: int) -> float:
    """The truth for which the rows needed are told: no count puts it at 0 or 1."""
    return (rate * n + 0.5) / (n + 1)


def power_cells() -> dict[str, tuple[float, float]]:
    """Chance to decide at ``rows_needed``, and the multiple of the rows that it is."""
    cells = {}
    for (n, many), rate, gap, k in product(
        ((100, 100), (60, 600)), (0.1, 0.3, 0.7), (0.0, 0.03, 0.2), (1, 5, 20)
    ):
        whole = np.full(k, float(n)), np.full(k, float(many))
        pairs = Pairs(whole[0] * (rate + gap), whole[0], whole[1] * rate, whole[1])
        question = Each(pairs, Requirement(0.1, True, "difference"), k)
        times = float(needed(question, ALPHA).times[0])
        if 1 < times < 60:
            rows = round(n * times), round(many * times)
            truth = smoothed(rate + gap, n), smoothed(rate, many)
            found = Setting(rows[0], (truth[0],) * k, rows[1], truth[1], 0.1)
            verdict = "pass" if gap < 0.1 else "fail"
            name = f"difference n={n},{many} rate={rate} gap={gap} k={k}"
            cells[name] = found.chance(verdict), times
    for n, rate, k, limit in product((60, 200), (0.05, 0.2, 0.5), (1, 5, 20), (0.5, 0.8, 1.25, 2.0)):
        held = Rates(np.full(k, n * rate), np.full(k, float(n)))
        asked = Requirement(limit * rate, upper=True)
        times = float(needed(Each(held, asked, k), ALPHA).times[0])
        if 1 < times < 1000:
            cells[f"value n={n} rate={rate} k={k} limit={limit * rate:g}"] = (
                _value_chance(round(n * times), smoothed(rate, n), k, asked, passing=limit > 1), times
            )  # fmt: skip
    return cells


def _value_chance(n: int, rate: float, k: int, asked: Requirement, *, passing: bool) -> float:
    x = np.arange(n + 1.0)
    held = Rates(x, np.full(n + 1, float(n)))
    weight = binom.pmf(x, n, rate)
    if passing:
        return float(weight @ (asked.p_pass(held) <= ALPHA)) ** k
    return float(1 - (weight @ (asked.p_fail(held) > ALPHA / k)) ** k)


def power() -> str:
    """Smallest, middle and largest chance to decide at the rows that were said to be needed."""
    cells = power_cells()
    lines = ["| gate | cells | smallest | median | largest | within 75 to 95 |", "|---|--:|--:|--:|--:|--:|"]
    for kind in ("difference", "value"):
        found = {name: chance for name, (chance, _) in cells.items() if name.startswith(kind)}
        chance = np.array(list(found.values()))
        low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
        lines.append(
            f"| {kind} | {len(chance)} | {100 * chance.min():.1f} ({low}) | {100 * np.median(chance):.1f} "
            f"| {100 * chance.max():.1f} ({high}) | {int(((chance >= 0.75) & (chance <= 0.95)).sum())} |"
        )
    return "\n".join(lines)


TABLES = {
    "Passes, exact, in %: difference <= .1, true rate .3": settings,
    "Chance to decide at the rows needed, exact, in %": power,
}
