"""Classes and labels that a model never decides for, though rows have them: a model that gave them up."""

from __future__ import annotations

from collections.abc import Iterator

from ...datasets.classes import counted
from ...told import tell
from .measure import Measurement


def never_said(measured: Measurement) -> Iterator[str]:
    """Name the classes, or labels, of rows that no decision is for; nothing without labels and decisions."""
    if not {"label", "decision"} <= measured.gives:
        return
    rows = {}
    for name in measured.classes:
        # Rows rather than weights: a decision of a row without weight is one too.
        counts = measured.view(name).tally(()).counts
        if counts.positives.sum() and not counts.selected.sum():
            rows[name] = int(counts.positives.sum())
    if rows:
        yield tell(
            "Never decided for, though rows have the label: {values}. The true positive rate is 0 there, and "
            "the precision has no value.",
            values=counted(rows),
        )  # fmt: skip
