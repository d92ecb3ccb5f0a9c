"""One of several classes: figures of all classes together, and a view of each against the others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ..metrics import table
from ..metrics.agreement import KAPPA, MATTHEWS
from ..metrics.contrast import F1
from ..metrics.entry import FAWCETT, DisparityRow, Metric
from ..metrics.estimators import Binned, Need, Share
from .binary import BINARY
from .class_cases import HALF_BRIER, RIGHT, SURPRISE, ClassCases, ClassPairs, as_two, columns, kind, written
from .task import Task
from .values import MeanValue
from .views import Agreement, Macro, OfView

BOTH: tuple[Need, ...] = ("label", "decision")
SCORED: tuple[Need, ...] = ("label", "probability")
PRECISION = Share(lambda c: c.tp, lambda c: c.tp + c.fp)
F1_SCORE = Share(lambda c: c.tp, lambda c: c.tp + c.fp + c.fn, F1)
SOKOLOVA = "M. Sokolova, G. Lapalme 2009, Inf. Process. Manag. 45:427-437"

METRICS = {
    metric.name: metric
    for metric in (
        replace(
            table.METRICS["accuracy"], estimator=OfView(RIGHT, table.SELECTED, BOTH),
            formula="rows whose decision is the label / n",
            shows="Sensitive to all errors alike; blind to which classes are confused, and led by the more "
            "frequent ones.",
        ),
        replace(
            table.METRICS["error_rate"],
            estimator=OfView(RIGHT, Share(lambda c: c.n - c.selected, lambda c: c.n), BOTH),
            formula="rows whose decision is not the label / n",
            shows="Sensitive to all errors alike; blind to which classes are confused, and led by the more "
            "frequent ones.",
        ),
        replace(
            table.METRICS["balanced_accuracy"], estimator=Macro(table.TRUE_POSITIVE, "labels"),
            formula="mean over the classes of the labels of the true positive rate",
            meaning="Mean over the classes that the labels name of the share that is found.",
            shows="Sensitive to errors in every class, each weighing the same; blind to which are confused.",
        ),
        Metric(
            "macro_recall", "Macro recall", "mean over classes of TP / (TP + FN)",
            "Mean over the classes, labelled or decided for, of the share of their rows that is found.",
            Macro(table.TRUE_POSITIVE, "either"), better="higher", ideal=1.0, source=SOKOLOVA,
            shows="Sensitive to rows that are missed in every class, each weighing the same; a class that is "
            "decided for and never labelled counts 0.",
            elsewhere=("recall_macro", "recall_weighted", "weighted_recall"),
        ),
        Metric(
            "macro_precision", "Macro precision", "mean over classes of TP / (TP + FP)",
            "Mean over the classes, labelled or decided for, of the share of the decisions for them that is "
            "right.",
            Macro(PRECISION, "either"), better="higher", ideal=1.0, source=SOKOLOVA,
            shows="Sensitive to what a decision is worth in every class, each weighing the same; a class "
            "that is never decided for counts 0.",
            elsewhere=("precision_macro", "precision_weighted", "weighted_precision"),
        ),
        Metric(
            "macro_f1", "Macro F1 score", "mean over classes of 2 TP / (2 TP + FP + FN)",
            "Mean over the classes, labelled or decided for, of the F1 score.",
            Macro(F1_SCORE, "either"), better="higher", ideal=1.0, source=SOKOLOVA,
            shows="Sensitive to errors in every class, each weighing the same; moves with how frequent the "
            "classes are.",
            elsewhere=("f1_macro", "f1_weighted", "weighted_f1"),
        ),
        replace(
            table.METRICS["matthews_correlation"], estimator=Agreement(MATTHEWS),
            formula="(c n - sum of t_k p_k) / sqrt((n^2 - sum of p_k^2)(n^2 - sum of t_k^2))",
            source="J. Gorodkin 2004, Comput. Biol. Chem. 28:367-374",
            shows="Sensitive to errors of every class in one figure; moves with how frequent classes are.",
        ),
        Metric(
            "cohen_kappa", "Cohen's kappa", "(agreement - agreement by chance) / (1 - agreement by chance)",
            "How much more often decision and label agree than by chance, at most 1.",
            Agreement(KAPPA), better="higher", ideal=1.0, percent=False, ratio=False, bounds=(-1, 1),
            source="J. Cohen 1960, Educ. Psychol. Meas. 20:37-46",
            shows="Sensitive to all errors alike beyond chance; moves with how frequent the classes are.",
            elsewhere=("kappa", "cohen_kappa_score", "quadratic_weighted_kappa"),
        ),
        replace(
            table.METRICS["log_loss"], estimator=MeanValue(SURPRISE, SCORED, signed=False),
            shows="Sensitive to probabilities that are sure and wrong, of whichever class.",
        ),
        replace(
            table.METRICS["brier_score"], estimator=MeanValue(HALF_BRIER, SCORED, times=2.0),
            formula="mean of the sum over classes of (probability - 1 if it is the label)^2",
            meaning="Mean squared distance of the probabilities of all classes from the label, 0 to 2.",
            shows="Sensitive to order and calibration of all probabilities together.",
        ),
        replace(
            table.METRICS["expected_calibration_error"],
            estimator=OfView(RIGHT, Binned(), (*BOTH, "probability")),
            formula="sum over bins of the likeliest class's probability of share x |mean probability - "
            "share right|",
            meaning="Average distance of the probability of the likeliest class and how often the decision "
            "is right, over ten equally wide bins (top-label calibration).",
        ),
    )
}  # fmt: skip

SELDOM = ("error_rate", "macro_recall", "matthews_correlation", "cohen_kappa")
"""Figures that only those get who name them."""

DISPARITIES = (
    *(row for row in table.DISPARITIES if row.metrics == ("accuracy",)),
    DisparityRow(
        "macro_f1_gap", "Macro F1 gap", ("macro_f1",), forms=("difference",), source=SOKOLOVA,
        shows="Asks that classes are found and told apart equally well in every slice, each class weighing "
        "the same.",
    ),
)  # fmt: skip

OF_CLASS = (
    "selection_rate", "base_rate", "true_positive_rate", "true_negative_rate", "false_positive_rate",
    "false_negative_rate", "precision", "negative_predictive_value", "false_discovery_rate",
    "false_omission_rate", "f1", "auc", "mean_score", "calibration_bias",
)  # fmt: skip
"""Figures of two classes that are told of each class against all others."""

CLASS = replace(
    BINARY,
    name="class",
    title="One class against the others",
    metrics={name: replace(BINARY.metrics[name], source=FAWCETT) for name in OF_CLASS},
    disparities=tuple(row for row in BINARY.disparities if set(row.metrics) <= set(OF_CLASS)),
    default=(),
    key=tuple(name for name in BINARY.key if name in OF_CLASS),
    leading=tuple(name for name in BINARY.leading if name in OF_CLASS),
    performance=(),
    gaps=(),
    excess_loss=None,
    entropy=None,
)


def _told_by(data: Any, model: Any) -> bool:
    """Classes or columns of their probabilities are named, and no labels of which several may hold."""
    several = bool(data.labels) or bool(getattr(model, "decisions", None))
    return not several and (
        bool(data.classes or data.favourable) or bool(getattr(model, "probabilities", None))
    )


def _bound(task: Task, data: Any) -> Task:
    """The task with the order of its classes, and those that are an advantage."""
    said: dict[str, Any] = {"favourable": data.favourable or (), "order": data.classes or ()}
    return replace(task, cases=partial(ClassCases, **said), pairs=partial(ClassPairs, **said))


MULTICLASS = Task(
    name="multiclass",
    title="One of several classes",
    cases=ClassCases,
    pairs=ClassPairs,
    columns=columns,
    kind=kind,
    written=written,
    metrics=METRICS,
    disparities=DISPARITIES,
    default=tuple(name for name in METRICS if name not in SELDOM),
    key=("accuracy", "macro_f1", "balanced_accuracy"),
    leading=("macro_f1", "accuracy"),
    performance=("accuracy", "macro_f1"),
    gaps=(("macro_f1", "accuracy"),),
    excess_loss="accuracy",
    counts=True,
    told_by=_told_by,
    bound=_bound,
    settled=("favourable",),
    of_class=CLASS,
    class_default=(
        "selection_rate", "base_rate", "true_positive_rate", "false_positive_rate", "precision", "f1", "auc",
    ),
    as_two=as_two,
)  # fmt: skip
