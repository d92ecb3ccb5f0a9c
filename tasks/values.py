"""Figures that are means of numbers of each row, or functions of such means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..metrics.estimators import EMPTY, Change, Estimator, Need, Seen, SeenTwice, without_limits
from ..metrics.figures import Figure
from ..metrics.gathered import SlicedRows
from ..metrics.intervals import Limits
from ..metrics.regression import not_negative
from ..metrics.rows import Rows
from ..metrics.score_values import SCORE


def sliced(seen: Seen | SeenTwice) -> SlicedRows:
    """The rows of cases that keep them, by their slices."""
    keys = (seen if hasattr(seen, "measurement") else seen.before).tally.keys  # type: ignore[union-attr]
    rows: Rows = seen.cases.rows
    return rows.sliced(seen.by, keys)


@dataclass(frozen=True)
class MeanValue(Estimator):
    """The mean of a named number of each row, or a multiple of it.

    Attributes
    ----------
    value : str
        Its name among the `values` of the task's cases.
    carried : tuple
        What the rows must carry.
    times : float
        What the mean is multiplied by.
    signed : bool
        Whether the number can be below 0.
    """

    value: str
    carried: tuple[Need, ...]
    times: float = 1.0
    signed: bool = True

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return self.carried

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        found = seen.values(self.value).mean(SCORE)
        return _scaled(found if self.signed else not_negative(found), self.times)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        figure, p = seen.values(self.value).mean_change(SCORE)
        return _scaled(figure, self.times), p


def _scaled(figure: Figure, times: float) -> Figure:
    if times == 1:
        return figure

    def limits(z: float, scale: float) -> Limits:
        low, high = figure.limits(z, scale)
        return times * low, times * high

    return replace(figure, value=times * figure.value, limits=limits)


@dataclass(frozen=True)
class OfRows(Estimator):
    """A function of means over the rows, with limits of its own.

    Attributes
    ----------
    of : callable (SlicedRows, Rows) -> Figure
    changed : callable (SlicedRows, Rows) -> Change, optional
        Of rows that hold columns before and after; without it a change has no limits.
    carried : tuple
        What the rows must carry.
    why : str
        Why it may not exist.
    """

    of: Callable[[SlicedRows, Rows], Figure]
    changed: Callable[[SlicedRows, Rows], Change] | None
    carried: tuple[Need, ...]
    why: str = EMPTY

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return self.carried

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return self.why if rows else EMPTY

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        return self.of(sliced(seen), seen.cases.rows)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        if self.changed is None:
            return without_limits(self, seen)
        return self.changed(sliced(seen), seen.cases.rows)
