"""Two models on different rows: every change between them, from two independent samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...metrics.entry import Metric
from ...metrics.figures import Binomial, Figure
from ...metrics.independent import change
from ...tasks.cases import By
from .measure import Measurement, Slices


class Unpaired:
    """The predictions of two models on rows that are not the same, each counted for itself.

    It answers what `audit.pairs.Paired` answers to a gate, with the limits of independent samples. Rows
    that are in both samples make the two alike, so that these limits are then wider than they need be.

    Parameters
    ----------
    before, after : Measurement
        Filled, with the same sensitive features.
    """

    def __init__(self, before: Measurement, after: Measurement) -> None:
        self.measured_before, self.measured_after = before, after
        self._before: dict[tuple[str, By], Figure] = {}

    def metric(self, name: str) -> Metric:
        """A metric of the task."""
        return self.measured_after.metric(name)

    def lacks(self, name: str) -> list[str]:
        """What a metric needs that one of the two does not carry."""
        missing = [*self.measured_before.lacks(name), *self.measured_after.lacks(name)]
        return [need for need in self.metric(name).needs if need in missing]

    def view(self, name: str) -> Unpaired:
        """The same rows as cases of two classes, as `Measurement.view`."""
        return Unpaired(self.measured_before.view(name), self.measured_after.view(name))

    def slices(self, by: By) -> Slices:
        """The slices of ``by`` in the later sample, in the order shown."""
        return self.measured_after.slices(by)

    def before(self, name: str, by: By) -> Figure:
        """The metric in the earlier sample, in the later one's slices; nan where it has no such slice."""
        if (name, by) not in self._before:
            figure = self.measured_before.figure(name, by)
            places = {key: i for i, key in enumerate(self.measured_before.slices(by).keys)}
            index = [places.get(key, -1) for key in self.measured_after.slices(by).keys]
            self._before[name, by] = _placed(figure, index)
        return self._before[name, by]

    def gone(self, by: By) -> list[dict[str, str]]:
        """The slices of ``by`` that the earlier sample alone has."""
        before, there = self.measured_before.slices(by), set(self.measured_after.slices(by).keys)
        return [before.name(i) for i in before.shown if before.keys[i] not in there]

    def figure(self, name: str, by: By) -> Figure:
        """Change (after - before) of a metric in every slice of ``by``."""
        return change(self.before(name, by), self.measured_after.figure(name, by))

    def figure_of(self, name: str, by: By, slices: Sequence[int]) -> Figure:
        """The same change of a few slices alone."""
        return self.figure(name, by).take(slices)


def _placed(figure: Figure, index: Sequence[int]) -> Figure:
    """A figure's slices in another order; -1 is a slice that it has not."""
    have = np.asarray(index, np.intp)
    there = have >= 0

    def put(values: NDArray[Any], missing: float) -> NDArray[Any]:
        return np.where(there, values[have], missing)

    def limits(z: float, scale: float) -> tuple[NDArray[Any], NDArray[Any]]:
        low, high = figure.limits(z, scale)
        return put(low, np.nan), put(high, np.nan)

    n = put(figure.n, 0).astype(np.int64)
    held = figure.binomial
    return Figure(
        put(figure.value, np.nan),
        n,
        limits,
        figure.method,
        None if figure.effective_n is None else put(figure.effective_n, 0.0),
        None if held is None else Binomial(put(held.x, 0.0), put(held.n, 0.0), held.scale),
        least=None if figure.least is None else put(figure.least, 0.0),
    )
