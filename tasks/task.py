"""What a task is: its rows, its figures, and which of them come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..metrics.entry import DisparityRow, Metric
from .cases import By, Cases, Pairs


@dataclass(frozen=True)
class Task:
    """One entry per task.

    Attributes
    ----------
    name : str
    title : str
        In words: what the model does.
    cases, pairs : callable (by, probability) -> Cases or Pairs
        What gathers the rows of one variant, and those of two.
    metrics : mapping of str to Metric
        Figures of all rows of a slice.
    disparities : tuple of DisparityRow
        Named disparities over the slices.
    default : tuple of str
        Metrics where nobody names any, as far as the data allow.
    key : tuple of str
        What a reader looks for first, in this order: the metrics that are charted.
    leading : tuple of str
        What crossings of features are sorted by, unless a gate is on another: the first that differs.
    performance : tuple of str
        What stands for performance where nobody says: the first that is measured.
    gaps : tuple of tuple of str
        Whose gaps are judged where nobody says and no gate is over slices: what is measured of the first
        set, or of the next.
    excess_loss, calibration_shift : str or None
        Metrics whose changes are told beside the flips of a slice.
    standardised, entropy : str or None
        What standardised differences of the score and entropy indices are told of; None without either.
    of_class : Task or None
        What each class or label is audited as.
    class_default : tuple of str
        Metrics of each class where nobody names any.
    """

    name: str
    title: str
    cases: Callable[[By, bool], Cases]
    pairs: Callable[[By, bool], Pairs]
    metrics: Mapping[str, Metric]
    disparities: tuple[DisparityRow, ...]
    default: tuple[str, ...]
    key: tuple[str, ...]
    leading: tuple[str, ...]
    performance: tuple[str, ...]
    gaps: tuple[tuple[str, ...], ...]
    excess_loss: str | None = None
    calibration_shift: str | None = None
    standardised: str | None = None
    entropy: str | None = None
    of_class: Task | None = None
    class_default: tuple[str, ...] = ()

    def metric(self, name: str, *, of_class: bool = False) -> Metric | None:
        """A metric by name, of all rows or of a class; None without one."""
        task = self.of_class if of_class else self
        return None if task is None else task.metrics.get(name)
