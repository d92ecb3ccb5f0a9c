"""Axes whose places are shares of a drawing's width, so that a drawing stretches without distortion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PAD = 3.0
"""Per cent of the width left free on either side."""


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, in the units of the figure itself."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Place of a value in per cent of the width; what lies beyond is on the edge."""
        inside = min(max(value, self.low), self.high)
        return round(PAD + (inside - self.low) / (self.high - self.low) * (100 - 2 * PAD), 2)

    def holds(self, value: float) -> bool:
        """Whether a value lies on the axis."""
        return self.low <= value <= self.high

    def ticks(self, most: int = 6) -> Iterator[float]:
        """Round values, at most so many of them."""
        step = _round_step((self.high - self.low) / most)
        place = math.ceil(self.low / step - 1e-9)
        while place * step <= self.high + step * 1e-9:
            yield place * step
            place += 1


def _round_step(least: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9))


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def around_zero(values: Iterable[float | None], least: float = 0.0) -> Axis:
    """As far to either side of 0 as the furthest value, rounded up."""
    top = max([least, *map(abs, _finite(values))]) or 1.0
    step = _round_step(top / 8)
    top = math.ceil(top / step - 1e-9) * step
    return Axis(-top, top)


def spanning(values: Iterable[float | None]) -> Axis:
    """From the least to the largest value, rounded outward."""
    known = _finite(values) or [0.0, 1.0]
    first, last = min(known), max(known)
    step = _round_step(max(last - first, abs(last) * 1e-3, 1e-9) / 4)
    start, end = math.floor(first / step + 1e-9) * step, math.ceil(last / step - 1e-9) * step
    return Axis(start, end) if end > start else Axis(start - step, start + step)
