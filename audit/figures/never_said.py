"""Classes and labels that a model never decides for, though rows have them: a model that gave them up."""

from __future__ import annotations

from collections.abc import Iterator

from ...datasets.classes import counted
from ...told import tell
from .measure import Measurement


def never_said(measured: Measurement) -> Iterator[str]:
    """Name the classes, or labels, of rows that no decision is for; nothing without labels and decisions."""
    rows = _undecided(measured)
    if rows and not measured.task.negatives:
        yield tell(
            "Never marked, though rows have such entities: {values}. The entity recall is 0 there, and the "
            "entity precision has no value.",
            values=counted(rows),
        )  # fmt: skip
    elif rows:
        yield tell(
            "Never decided for, though rows have the label: {values}. The true positive rate is 0 there, and "
            "the precision has no value.",
            values=counted(rows),
        )  # fmt: skip


def given_up(name: str, measured: Measurement, original: Measurement) -> Iterator[str]:
    """Name the classes, or labels, of rows that a variant never decides for and the original does.

    What the original never decides for either is told of it, and changes with no variant.
    """
    if "decision" not in original.gives:
        return
    found = _undecided(measured)
    rows = {of: n for of, n in found.items() if original.view(of).tally(()).counts.selected.sum()}
    if rows and not measured.task.negatives:
        yield tell(
            "Never marked by the variant {variant}, though rows have such entities and the original marks "
            "some: {values}. The entity recall is 0 there, and the entity precision has no value.",
            variant=name, values=counted(rows),
        )  # fmt: skip
    elif rows:
        yield tell(
            "Never decided for by the variant {variant}, though rows have the label and the original decides "
            "for it: {values}. The true positive rate is 0 there, and the precision has no value.",
            variant=name, values=counted(rows),
        )  # fmt: skip


def _undecided(measured: Measurement) -> dict[str, int]:
    """The classes that rows have and no decision is for, with their rows."""
    rows: dict[str, int] = {}
    if {"label", "decision"} <= measured.gives:
        for name in measured.classes:
            # Rows rather than weights: a decision of a row without weight is one too.
            tally = measured.view(name).tally(())
            counts, weights = tally.counts, tally.weights
            # Where no row of the class has a weight, its true positive rate has no value.
            weighty = counts.positives.sum() if weights is None else weights.positives.sum()
            if weighty and not counts.selected.sum():
                rows[name] = int(counts.positives.sum())
    return rows
