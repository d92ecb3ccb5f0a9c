"""The ratio of two sums of counts: what most metrics are, and what two of them are the mean of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .contrast import Scale
from .counts import Counts
from .intervals import Floats

Formula = Callable[[Counts], Any]


@dataclass(frozen=True)
class Ratio:
    """A proportion of counts, or a rising function of one.

    Attributes
    ----------
    numerator, denominator : callable
        Linear functions of the counts.
    scale : Scale or None
        A rising function of the proportion, where the figure is not the proportion itself.
    """

    numerator: Formula
    denominator: Formula
    scale: Scale | None = None

    def value(self, counts: Counts) -> Floats:
        """The figure of counts; nan where it is undefined or infinite."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.asarray(self.numerator(counts), float) / self.denominator(counts)
            value = share if self.scale is None else self.scale.of(share)
        return np.where(np.isfinite(value), value, np.nan)
