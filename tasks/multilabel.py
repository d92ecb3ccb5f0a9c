"""Several labels at once, each by itself: a view of each, and figures of all of them together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..metrics import table
from ..metrics.confusion import Among
from ..metrics.entry import DisparityRow, Metric
from ..metrics.estimators import Change, Estimator, Need, Seen, SeenTwice, Share
from ..metrics.figures import Figure, ratio_figure
from ..metrics.macro import macro_change, macro_figure
from ..metrics.paired import ratio_change
from .label_cases import (
    EXACT,
    POOLED,
    WRONG,
    LabelCases,
    LabelPairs,
    amiss,
    as_two,
    columns,
    kind,
    outcome,
    written,
)
from .multiclass import BOTH, CLASS, F1_SCORE, MULTICLASS, PRECISION
from .task import Task
from .values import MeanValue
from .views import OfView

TSOUMAKAS = "G. Tsoumakas, I. Katakis 2007, Int. J. Data Warehous. Min. 3(3):1-13"
MOST_COUNTED = 1_000_000
"""Rows of aggregated cells, each of which is measured by itself: they take more than a gigabyte."""


@dataclass(frozen=True)
class MacroLabels(Estimator):
    """The mean over labels of a share of each label.

    Attributes
    ----------
    share : Share
        Of the counts of a label.
    among : {"labels", "either"}
        Labels that count: those that some row of a slice has, or has or is said to have.
    """

    share: Share
    among: Among = "either"

    scale_free = True

    @property
    def needs(self) -> tuple[Need, ...]:
        """Labels and decisions."""
        return BOTH

    def figure(self, seen: Seen) -> Figure:
        """The figure in every slice."""
        cells = seen.cases.cells(seen.by, seen.tally.keys)
        figures = [ratio_figure(self.share, seen.view(name).tally) for name in cells.classes]
        return macro_figure(self.share, figures, cells, self.among)

    def change(self, seen: SeenTwice) -> Change:
        """The change in every slice; no test of it is at hand."""
        cells = seen.cases.cells(seen.by, seen.before.tally.keys)
        changes = [ratio_change(self.share, seen.view(name).tally) for name in cells.classes]
        figure = macro_change(self.share, changes, cells, self.among)
        return figure, np.full(len(figure.value), np.nan)


def _of(name: str, estimator: Estimator, formula: str, meaning: str) -> Metric:
    """A figure of several classes under the same name, of several labels."""
    return replace(
        MULTICLASS.metrics[name], estimator=estimator, formula=formula, meaning=meaning, source=TSOUMAKAS
    )


METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "exact_match", "Exact match", "rows of which every label is right / n",
            "Share of rows of which the model says every label that they have, and no other.",
            OfView(EXACT, table.SELECTED, BOTH), better="higher", ideal=1.0, among="rows", says="right",
            fairlearn="accuracy_score", source=TSOUMAKAS,
            shows="Sensitive to any error in a row; blind to how many of its labels are wrong.",
            elsewhere=("subset_accuracy",),
        ),
        Metric(
            "hamming_loss", "Hamming loss", "mean over rows of the share of their labels that is wrong",
            "Share of all labels of all rows that is wrong.",
            MeanValue(WRONG, BOTH), better="lower", ideal=0.0, source=TSOUMAKAS,
            shows="Sensitive to every error alike; led by labels that are rarely there.",
        ),
        Metric(
            "micro_precision", "Micro precision", "TP / (TP + FP) over all labels",
            "Of all labels that the model says, the share that is right.",
            OfView(POOLED, PRECISION, BOTH), better="higher", ideal=1.0, source=TSOUMAKAS,
            shows="Sensitive to what a label that is said is worth; led by the more frequent labels.",
            elsewhere=("precision_micro",),
        ),
        Metric(
            "micro_recall", "Micro recall", "TP / (TP + FN) over all labels",
            "Of all labels that the rows have, the share that the model says.",
            OfView(POOLED, table.TRUE_POSITIVE, BOTH), better="higher", ideal=1.0, source=TSOUMAKAS,
            shows="Sensitive to labels that the model passes over; led by the more frequent labels.",
            elsewhere=("recall_micro",),
        ),
        Metric(
            "micro_f1", "Micro F1 score", "2 TP / (2 TP + FP + FN) over all labels",
            "Harmonic mean of micro precision and micro recall.",
            OfView(POOLED, F1_SCORE, BOTH), better="higher", ideal=1.0, source=TSOUMAKAS,
            shows="Sensitive to errors around the labels that are there; led by the more frequent ones.",
            elsewhere=("f1_micro",),
        ),
        _of(
            "macro_precision", MacroLabels(PRECISION), "mean over labels of TP / (TP + FP)",
            "Mean over the labels that rows have or are said to have of the share of what is said that is "
            "right.",
        ),
        _of(
            "macro_recall", MacroLabels(table.TRUE_POSITIVE), "mean over labels of TP / (TP + FN)",
            "Mean over the labels that rows have or are said to have of the share of their rows found.",
        ),
        _of(
            "macro_f1", MacroLabels(F1_SCORE), "mean over labels of 2 TP / (2 TP + FP + FN)",
            "Mean over the labels that rows have or are said to have of the F1 score.",
        ),
    )
}  # fmt: skip

DISPARITIES = (
    DisparityRow(
        "exact_match_gap", "Exact match gap", ("exact_match",), forms=("difference",), source=TSOUMAKAS,
        shows="Asks that as many rows are right in every label.",
    ),
    *(row for row in MULTICLASS.disparities if row.metrics == ("macro_f1",)),
)  # fmt: skip


def _told_by(data: Any, model: Any) -> bool:
    """Columns of labels, or of decisions for them, are named."""
    return bool(data.labels) or bool(getattr(model, "decisions", None))


MULTILABEL = Task(
    name="multilabel",
    title="Several labels at once",
    cases=LabelCases,
    pairs=LabelPairs,
    columns=columns,
    kind=kind,
    written=written,
    amiss=amiss,
    metrics=METRICS,
    disparities=DISPARITIES,
    default=tuple(METRICS),
    key=("exact_match", "micro_f1", "macro_f1", "hamming_loss"),
    leading=("macro_f1", "exact_match"),
    performance=("micro_f1", "exact_match"),
    gaps=(("macro_f1", "exact_match"),),
    excess_loss="exact_match",
    told_by=_told_by,
    counts=True,
    most_counted=MOST_COUNTED,
    threshold=0.5,
    outcome=outcome,
    settled=("labels",),
    as_two=as_two,
    columns_of_classes=True,
    of_class=CLASS,
    class_default=MULTICLASS.class_default,
)
