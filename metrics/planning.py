"""How many rows a gate will need, before there are any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .contrast import DIFFERENCE, RATIO
from .evidence import Evidence, Pairs, Rates
from .power import POWER, decided
from .requirement import Requirement

MOST_ROWS = 1_000_000_000

Form = Literal["value", "difference", "ratio"]


@dataclass(frozen=True)
class Plan:
    """What is assumed of the truth, and asked of the gate.

    Attributes
    ----------
    limit : float
        Of the gate.
    upper : bool
        The figure is to be at most the limit.
    compare : {"value", "difference", "ratio"}
        Each slice's own rate, or against the reference.
    rate : float
        True rate of the reference; of every slice, where ``compare`` is "value".
    truth : float
        True figure: the rate itself, slice - reference, or slice / reference.
    slices : int
        Compared slices, the reference aside.
    reference_times : float
        Rows of the reference per row of a slice.
    power : float
    confidence : float
        Of the gate.
    """

    limit: float
    compare: Form
    rate: float
    truth: float
    slices: int = 1
    reference_times: float = 1.0
    power: float = POWER
    confidence: float = 0.95
    upper: bool = True

    @property
    def requirement(self) -> Requirement:
        """The gate's limit."""
        if self.compare == "value":
            return Requirement(self.limit, self.upper)
        return Requirement(self.limit, self.compare == "difference", self.compare)

    @property
    def passing(self) -> bool:
        """Whether the truth is within the limit, so that the rows are those of a pass."""
        return bool(self.requirement.holds(self.truth))

    @property
    def slice_rate(self) -> float:
        """True rate of a slice: of all of them where it is within the limit, else of the one that is not."""
        if self.compare == "value":
            return self.truth
        return self.rate + self.truth if self.compare == "difference" else self.rate * self.truth

    def chance(self, rows: float) -> float:
        """Chance that the gate decides as the truth is, with ``rows`` rows (in the denominator) per slice."""
        level = 1 - self.confidence
        one_slice = decided(self.requirement, self._expected, rows, level, self.slices, passing=self.passing)
        return one_slice**self.slices if self.passing else one_slice

    def _expected(self, rows: float) -> Evidence:
        """What so many rows per slice are expected to show."""
        claims = np.array([rows])
        one = self.slice_rate * claims, claims
        if self.compare == "value":
            return Rates(*one)
        many = self.reference_times * claims
        return Pairs(*one, self.rate * many, many, DIFFERENCE if self.compare == "difference" else RATIO)

    def rows(self) -> int | None:
        """Fewest rows per slice that decide with the power asked for; None where not even a billion do."""
        low, high = 0, 1
        while self.chance(high) < self.power:
            low, high = high, 2 * high
            if high > MOST_ROWS:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.chance(middle) >= self.power else (middle, high)
        return high
