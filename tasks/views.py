"""Rows of other tasks as cases of two classes, and figures that are those of such a view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..metrics.agreement import agreement, agreement_change
from ..metrics.confusion import Among
from ..metrics.counts import Tally
from ..metrics.cube import Cube
from ..metrics.estimators import EMPTY_FACTOR, Change, Estimator, Need, Seen, SeenTwice, Share
from ..metrics.figures import Figure, ratio_figure
from ..metrics.macro import macro_change, macro_figure
from ..metrics.paired import ratio_change
from ..metrics.paired_scores import PairedScores
from ..metrics.ratio import Ratio
from ..metrics.scores import ScoreTable
from ..metrics.smooth import Smooth
from .cases import Batch, By, Cases, Pairs


class View(Cases):
    """Rows that were counted already, as cases of two classes.

    Parameters
    ----------
    cube : Cube
        Over the slices and outcomes of two classes.
    needs : frozenset
        What the rows carry.
    scores : callable, optional
        Gives their scores.
    sizes : callable, optional
        Gives the rows of every slice, where these cases are something else than the rows.
    """

    def __init__(
        self,
        by: By,
        cube: Cube,
        needs: frozenset[Need],
        scores: Callable[[], ScoreTable] | None = None,
        sizes: Callable[[By], NDArray[np.int64]] | None = None,
    ) -> None:
        super().__init__(by)
        self._cube, self._needs, self._make, self._sizes = cube, needs, scores, sizes

    @property
    def whole(self) -> Cube:
        """The counts."""
        return self._cube

    def add(self, batch: Batch) -> Cube:
        """Nothing is added to a view; ValueError."""
        raise ValueError("a view takes no rows")

    def gives(self, columns: frozenset[str]) -> frozenset[Need]:
        """What the rows carry."""
        return self._needs

    def sizes(self, tally: Tally) -> NDArray[np.int64]:
        """The rows of every slice."""
        return super().sizes(tally) if self._sizes is None else self._sizes(tally.by)

    @cached_property
    def scores(self) -> ScoreTable:
        """All scores, sorted; ValueError without any."""
        if self._make is None:
            raise ValueError("the view has no scores")
        return self._make()


class PairedView(Pairs):
    """Rows that were counted twice already, as cases of two classes.

    Parameters
    ----------
    cube : Cube or None
        Over the slices and outcomes of two classes; None where a side has no decisions.
    scores : callable, optional
        Gives their scores.
    """

    def __init__(self, by: By, cube: Cube | None, scores: Callable[[], PairedScores] | None = None) -> None:
        super().__init__(by)
        self._make = scores
        if cube is not None:
            self._cubes.add(cube)

    def add(self, before: Batch, after: Batch) -> None:
        """Nothing is added to a view; ValueError."""
        raise ValueError("a view takes no rows")

    @cached_property
    def scores(self) -> PairedScores | None:
        """The scores of both; None where one side has none."""
        return None if self._make is None else self._make()


@dataclass(frozen=True)
class OfView(Estimator):
    """A figure of a view, for all rows: an accuracy is the share of the rows that are right.

    Attributes
    ----------
    view : str
        Its name.
    inner : Estimator
        What is measured of it.
    needs : tuple
        What the rows must carry.
    """

    view: str
    inner: Estimator
    carried: tuple[Need, ...]

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the rows must carry."""
        return self.carried

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """Those of what is measured."""
        return self.inner.ratios

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return self.inner.undefined(rows)

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        return self.inner.figure(seen.view(self.view))

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        return self.inner.change(seen.view(self.view))


@dataclass(frozen=True)
class Macro(Estimator):
    """The mean over classes of a share of each class.

    Attributes
    ----------
    share : Share
        Of the counts of a class.
    among : {"labels", "either"}
        Classes that count: those in the labels of a slice, or in its labels or decisions.
    """

    share: Share
    among: Among

    scale_free = True

    @property
    def needs(self) -> tuple[Need, ...]:
        """Labels and decisions."""
        return "label", "decision"

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        found = seen.cases.confused(seen.by)
        figures = [ratio_figure(self.share, found.view(i)) for i in range(len(found.classes))]
        return macro_figure(self.share, figures, found, self.among)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice; no test of it is at hand."""
        found = seen.cases.confused(seen.by)
        changes = [ratio_change(self.share, found.joint_view(i)) for i in range(len(found.classes))]
        figure = macro_change(self.share, changes, found, self.among)
        return figure, np.full(len(figure.value), np.nan)


@dataclass(frozen=True)
class Agreement(Estimator):
    """Agreement of labels and decisions of several classes beyond chance.

    Attributes
    ----------
    function : Smooth
        Of the shares of agreement, labels and decisions.
    """

    function: Smooth

    scale_free = True

    @property
    def needs(self) -> tuple[Need, ...]:
        """Labels and decisions."""
        return "label", "decision"

    def undefined(self, rows: int) -> str:
        """Why it does not exist."""
        return EMPTY_FACTOR

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        return agreement(self.function, seen.cases.confused(seen.by))

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice, and its p."""
        return agreement_change(self.function, seen.cases.confused(seen.by))
