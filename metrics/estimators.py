"""How a metric is measured: its figure and limits, its paired change, what it needs, why it may be undefined.

An estimator is asked for a figure of the rows as they were seen, and for a change of rows seen twice. What it
takes of them, their counts or their scores, is its own affair: who asks has both at hand, and asks no metric
for its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from .counts import Counts, Tally
from .figures import Figure, cells_figure, cells_of, mean_figure, ratio_figure
from .intervals import Floats
from .joint import JointTally
from .paired import mean_change, posterior_change, ratio_change, ratio_change_p
from .paired_scores import SlicedPairs
from .ratio import Ratio
from .score_figures import SlicedScores
from .score_values import Value

Need = Literal[
    "label", "decision", "score", "probability", "prediction", "rank", "unrelated",
    "judge's decision", "judge's score",
    "judge audited on labelled answers", "second judge",
]  # fmt: skip
Change = tuple[Figure, Floats]
"""After - before in every slice, and the two-sided p of no change (nan where no test is at hand)."""

EMPTY = "the denominator of {formula} is 0"
EMPTY_FACTOR = "a factor of the denominator of {formula} is 0"
ONE_LABEL = "needs rows of both labels"


class Seen(Protocol):
    """The rows of some slices: counted, and by their scores."""

    @property
    def tally(self) -> Tally:
        """Their counts."""
        ...

    @property
    def scores(self) -> SlicedScores:
        """Their scores; ValueError without any."""
        ...

    @property
    def cases(self) -> Any:
        """The rows as their task keeps them, and the columns of their slices."""
        ...

    @property
    def by(self) -> tuple[str, ...]:
        """The columns of the slices."""
        ...

    def view(self, name: str) -> Seen:
        """Them as cases of two classes, under a name that their task gives; ValueError for another."""
        ...

    def values(self, name: str) -> SlicedScores:
        """A named number of them, as scores; ValueError for another name."""
        ...


class SeenTwice(Protocol):
    """The same rows before and after a change."""

    @property
    def before(self) -> Seen:
        """The rows before."""
        ...

    @property
    def after(self) -> Seen:
        """The rows after."""
        ...

    @property
    def tally(self) -> JointTally:
        """Their joint counts; ValueError without decisions on both sides."""
        ...

    @property
    def scores(self) -> SlicedPairs:
        """Their scores before and after; ValueError where one side has none."""
        ...

    @property
    def cases(self) -> Any:
        """The rows as their task keeps them."""
        ...

    @property
    def by(self) -> tuple[str, ...]:
        """The columns of the slices."""
        ...

    def view(self, name: str) -> SeenTwice:
        """Them as cases of two classes, under a name that their task gives; ValueError for another."""
        ...

    def values(self, name: str) -> SlicedPairs:
        """A named number of them before and after, as scores; ValueError for another name."""
        ...


class Estimator(ABC):
    """How a metric is measured.

    Attributes
    ----------
    scale_free : bool
        Whether it is the same on every rising scale of the scores.
    limited : bool
        Whether it has limits, so that something can be proven of it.
    """

    scale_free: ClassVar[bool] = False
    limited: ClassVar[bool] = True

    @property
    @abstractmethod
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """The ratio of counts that it is, those whose mean it is, or none."""
        return ()

    def undefined(self, rows: int) -> str:
        """Why it does not exist in a slice with so many rows in its denominator: a message over a formula."""
        return EMPTY

    @abstractmethod
    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""

    @abstractmethod
    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""


class Counted(Estimator):
    """A function of counts: that of few slices is cheap by itself."""

    scale_free = True

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        return self.of(seen.tally)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        return self.change_of(seen.tally), self.change_p(seen.tally)

    @abstractmethod
    def of(self, tally: Tally) -> Figure:
        """The figure in every slice of a tally."""

    @abstractmethod
    def change_of(self, tally: JointTally) -> Figure:
        """The change in every slice of a joint tally."""

    def change_p(self, tally: JointTally) -> Floats:
        """The two-sided p of no change; nan where no test is at hand."""
        return np.full(len(tally), np.nan)


class Scored(Estimator):
    """A function of scores."""

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        return self.of(seen.scores)

    @abstractmethod
    def of(self, scores: SlicedScores) -> Figure:
        """The figure of the scores of every slice."""


@dataclass(frozen=True)
class Share(Ratio, Counted):
    """A proportion of counts, or a rising function of one: exact limits, Tango's of a change.

    Attributes
    ----------
    carried : tuple
        What the rows must carry.
    infinite : str
        Why it is undefined where its denominator has rows, if its scale has no end.
    """

    carried: tuple[Need, ...] = ("label", "decision")
    infinite: str = EMPTY

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return self.carried

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """Itself."""
        return (self,)

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return self.infinite if rows else EMPTY

    def of(self, tally: Tally) -> Figure:
        """The figure in every slice of a tally."""
        return ratio_figure(self, tally)

    def change_of(self, tally: JointTally) -> Figure:
        """The change in every slice of a joint tally."""
        return ratio_change(self, tally)

    def change_p(self, tally: JointTally) -> Floats:
        """The two-sided p of no change; nan where the denominator changes."""
        return ratio_change_p(self, tally)


@dataclass(frozen=True)
class MeanOf(Counted):
    """The mean of two shares of different rows: melded limits, of a change those of both combined (MOVER)."""

    parts: tuple[Share, Share]

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry for all of its parts."""
        return tuple(dict.fromkeys(need for part in self.parts for need in part.needs))

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """Its parts."""
        return self.parts

    def of(self, tally: Tally) -> Figure:
        """The figure in every slice of a tally."""
        return mean_figure(self.parts, tally)

    def change_of(self, tally: JointTally) -> Figure:
        """The change in every slice of a joint tally."""
        return mean_change(self.parts, tally)


@dataclass(frozen=True)
class OfCells(Counted):
    """Any function of the four cells tp, fp, fn, tn: limits from draws of the cells' probabilities.

    Attributes
    ----------
    function : callable
        From cells of shape (..., 4) to figures.
    lowers : tuple of float
        1 for each cell in which one more row lowers the figure, else 0.
    """

    function: Callable[[Floats], Floats]
    lowers: tuple[float, float, float, float]

    @property
    def needs(self) -> tuple[Need, ...]:
        """Labels and decisions."""
        return "label", "decision"

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return EMPTY_FACTOR

    def of(self, tally: Tally) -> Figure:
        """The figure in every slice of a tally."""
        return cells_figure(self.function, np.array(self.lowers), tally)

    def change_of(self, tally: JointTally) -> Figure:
        """The change in every slice of a joint tally."""

        def value(counts: Counts) -> Floats:
            return self.function(cells_of(counts))

        return posterior_change(value, lambda c: c.n, tally)


@dataclass(frozen=True)
class Mean(Scored):
    """The mean of a value of each row: limits from its whole distribution, Student's of a change."""

    value: Value

    @property
    def needs(self) -> tuple[Need, ...]:
        """Scores, as probabilities unless any will do, and labels where the value has them."""
        return (*(("label",) if self.value.labelled else ()), "score" if self.value.free else "probability")

    def of(self, scores: SlicedScores) -> Figure:
        """The figure of the scores of every slice."""
        return scores.mean(self.value)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        return seen.scores.mean_change(self.value)


@dataclass(frozen=True)
class Area(Scored):
    """The area under the ROC curve: limits from DeLong's variance."""

    scale_free = True

    @property
    def needs(self) -> tuple[Need, ...]:
        """Labels and scores of any scale."""
        return "label", "score"

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return ONE_LABEL

    def of(self, scores: SlicedScores) -> Figure:
        """The figure of the scores of every slice."""
        return scores.auc()

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        return seen.scores.area_change()


@dataclass(frozen=True)
class Binned(Scored):
    """The expected calibration error over bins of the score; its change has no limits of known coverage."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """Labels and probabilities."""
        return "label", "probability"

    def of(self, scores: SlicedScores) -> Figure:
        """The figure of the scores of every slice."""
        return scores.calibration_error()

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice; it has no limits and no p."""
        return without_limits(self, seen)


def without_limits(estimator: Estimator, seen: SeenTwice) -> Change:
    """A change that has no limits of known coverage, and no p."""
    before, after = estimator.figure(seen.before), estimator.figure(seen.after)
    none = np.full(len(before.value), np.nan)
    return Figure(after.value - before.value, before.n, lambda z, s: (none, none), "none"), none


def messages(estimators: Sequence[Estimator]) -> list[str]:
    """Return all that the estimators may say of a figure that does not exist."""
    return list(dict.fromkeys(e.undefined(rows) for e in estimators for rows in (0, 1)))
